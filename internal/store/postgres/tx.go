package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"parley.example/parley/internal/store"
	"parley.example/parley/internal/store/pack"
)

var errEnded = errors.New("transaction has ended")

// tx is a transaction on one connection. s is nil in a View.
type tx struct {
	c       *pgx.Conn
	s       *session
	ended   bool
	logs    map[string]logRow // that were looked at, by name
	held    pack.Pack         // the pack read last, of the log heldOf; shared with nobody
	heldOf  int64
	changed bool // held is not yet written
	// err is the first failure of a statement: PostgreSQL does nothing more in
	// the transaction until it is rolled back.
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

func (t *tx) writable() error {
	if err := t.usable(); err != nil {
		return err
	}
	if t.s == nil {
		return store.ErrReadOnly
	}
	return nil
}

func (t *tx) fail(what string, err error) error {
	t.err = fmt.Errorf("store: %s: %w", what, err)
	return t.err
}

// exec runs a writing statement; what names it in errors.
func (t *tx) exec(what, sql string, args ...any) (int64, error) {
	if err := t.writable(); err != nil {
		return 0, err
	}
	tag, err := t.c.Exec(context.Background(), sql, args...)
	if err != nil {
		return 0, t.fail(what, err)
	}
	return tag.RowsAffected(), nil
}

// query calls row for every row of the result; where it returns errFull, the rest
// is left.
func (t *tx) query(what, sql string, args []any, row func(pgx.Rows) error) error {
	if err := t.usable(); err != nil {
		return err
	}
	rows, err := t.c.Query(context.Background(), sql, args...)
	if err != nil {
		return t.fail(what, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows); errors.Is(err, errFull) {
			return nil
		} else if err != nil {
			return t.fail(what, err)
		}
	}
	if err := rows.Err(); err != nil {
		return t.fail(what, err)
	}
	return nil
}

var errFull = errors.New("page is full")

// one is query where the first row is wanted, ErrNotFound where there is none.
func (t *tx) one(what, sql string, args []any, row func(pgx.Rows) error) error {
	found := false
	err := t.query(what, sql, args, func(r pgx.Rows) error {
		if found {
			return errFull
		}
		found = true
		return row(r)
	})
	if err == nil && !found {
		return store.ErrNotFound
	}
	return err
}

// some appends what scan reads of every row.
func some[T any](t *tx, what, sql string, args []any, scan func(pgx.Rows) (T, error)) (out []T, err error) {
	err = t.query(what, sql, args, func(r pgx.Rows) error {
		x, err := scan(r)
		out = append(out, x)
		return err
	})
	return out, err
}

// first is one for a value that scan reads.
func first[T any](t *tx, what, sql string, args []any, scan func(pgx.Rows) (T, error)) (out T, err error) {
	err = t.one(what, sql, args, func(r pgx.Rows) (err error) {
		out, err = scan(r)
		return err
	})
	return out, err
}

// name is a string as it is kept.
func name(s string) []byte { return []byte(s) }

func names(all []string) [][]byte {
	out := make([][]byte, len(all))
	for i, s := range all {
		out[i] = name(s)
	}
	return out
}

// text scans a name into a string.
type text struct{ s *string }

func (t text) ScanBytes(b []byte) error {
	*t.s = string(b)
	return nil
}

// blob keeps nil and empty from differing.
func blob(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// filter gathers the conditions of a WHERE clause and the arguments of a query.
type filter struct {
	conds []string
	args  []any
}

// arg adds an argument and returns its place.
func (f *filter) arg(v any) string {
	f.args = append(f.args, v)
	return "$" + strconv.Itoa(len(f.args))
}

func (f *filter) add(cond string) { f.conds = append(f.conds, cond) }

// in demands that column be one of values; an empty list demands nothing.
func (f *filter) in(column string, values []string) {
	if len(values) > 0 {
		f.add(column + " = ANY(" + f.arg(names(values)) + ")")
	}
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
	return " LIMIT " + f.arg(int64(n))
}
