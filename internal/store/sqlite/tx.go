package sqlite

import (
	"bytes"
	"database/sql/driver"
	"fmt"
	"strings"

	"parley.example/parley/internal/store"
	"parley.example/parley/internal/store/pack"
)

// tx is a transaction on one connection. w is nil in a View.
type tx struct {
	c       *conn
	w       *writer
	ended   bool
	logs    map[string]logRow // that were looked at, by name
	held    pack.Pack         // the pack read last, of the log heldOf; shared with nobody
	heldOf  int64
	changed bool // held is not yet written
	// err is the first failure of a statement. SQLite may then have rolled
	// back by itself, and a further write would stand alone, so that nothing
	// more is done.
	err error
}

var _ store.Tx = (*tx)(nil)

// End implements group.Tx.
func (t *tx) End() error {
	_ = t.flush() // what fails stands in t.err
	t.ended = true
	return t.err
}

func (t *tx) usable() error {
	if t.ended {
		return errEnded
	}
	return t.err
}

func (t *tx) fail(what string, err error) error {
	t.err = fmt.Errorf("store: %s: %w", what, err)
	return t.err
}

func (t *tx) writable() error {
	if err := t.usable(); err != nil {
		return err
	}
	if t.w == nil {
		return store.ErrReadOnly
	}
	return nil
}

// exec runs a writing statement; what names it in errors.
func (t *tx) exec(what, sql string, args ...driver.Value) (int64, error) {
	if err := t.writable(); err != nil {
		return 0, err
	}
	n, err := t.c.exec(sql, args...)
	if err != nil {
		return 0, t.fail(what, err)
	}
	return n, nil
}

// query calls row for every row of the result.
func (t *tx) query(what, sql string, args []driver.Value, row func([]driver.Value)) error {
	if err := t.usable(); err != nil {
		return err
	}
	err := t.c.query(sql, args, func(v []driver.Value) error {
		row(v)
		return nil
	})
	if err != nil {
		return t.fail(what, err)
	}
	return nil
}

// one is query where the first row is wanted, ErrNotFound where there is none.
func (t *tx) one(what, sql string, args []driver.Value, row func([]driver.Value)) error {
	found := false
	err := t.query(what, sql, args, func(v []driver.Value) {
		if !found {
			row(v)
		}
		found = true
	})
	if err == nil && !found {
		return store.ErrNotFound
	}
	return err
}

// filter gathers the conditions of a WHERE clause.
type filter struct {
	conds []string
	args  []driver.Value
}

func (f *filter) add(cond string, args ...driver.Value) {
	f.conds = append(f.conds, cond)
	f.args = append(f.args, args...)
}

// in demands that column be one of values; an empty list demands nothing.
func (f *filter) in(column string, values []string) {
	if len(values) == 0 {
		return
	}
	args := make([]driver.Value, len(values))
	for i, v := range values {
		args[i] = v
	}
	f.add(column+" IN (?"+strings.Repeat(", ?", len(values)-1)+")", args...)
}

func (f *filter) where() string {
	if len(f.conds) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(f.conds, " AND ")
}

// limit returns the LIMIT clause; 0 is no limit.
func (f *filter) limit(n int) string {
	if n <= 0 {
		return ""
	}
	f.args = append(f.args, int64(n))
	return " LIMIT ?"
}

// same reports whether what is stored equals what is given.
func same(a, b []byte) bool { return bytes.Equal(a, b) }
