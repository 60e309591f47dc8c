package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"

	sqlitedriver "modernc.org/sqlite"
)

// busyTimeout is how long a connection waits for another process's lock, in ms.
const busyTimeout = 10_000

// maxCached bounds the prepared statements that one connection keeps. The
// fixed statements are far fewer; only queries over lists vary in text.
const maxCached = 200

// conn is one SQLite connection with its prepared statements. It speaks to
// the driver without database/sql, which would add a lock, a goroutine and a
// conversion to every row. It is used by one goroutine at a time.
type conn struct {
	dc    driver.Conn
	stmts map[string]driver.Stmt
	args  []driver.NamedValue
}

// openConn opens path. cacheKiB bounds the connection's page cache.
func openConn(path string, cacheKiB int, queryOnly bool) (*conn, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	q := url.Values{}
	q.Add("_pragma", fmt.Sprintf("busy_timeout(%d)", busyTimeout))
	q.Add("_pragma", "synchronous(FULL)")
	q.Add("_pragma", "wal_autocheckpoint(4000)") // pages that every batch touches are folded back once for several
	q.Add("_pragma", "foreign_keys(1)")
	q.Add("_pragma", "trusted_schema(0)")
	q.Add("_pragma", "temp_store(MEMORY)")
	q.Add("_pragma", fmt.Sprintf("cache_size(-%d)", cacheKiB))
	if queryOnly {
		q.Add("_pragma", "query_only(1)")
	}
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(abs), RawQuery: q.Encode()}
	dc, err := (&sqlitedriver.Driver{}).Open(u.String())
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	return &conn{dc: dc, stmts: make(map[string]driver.Stmt)}, nil
}

// close finalizes every statement and closes the connection.
func (c *conn) close() error {
	var errs []error
	for _, s := range c.stmts {
		errs = append(errs, s.Close())
	}
	c.stmts = nil
	return errors.Join(append(errs, c.dc.Close())...)
}

// prepare returns a statement and whether the caller must close it.
func (c *conn) prepare(sql string) (s driver.Stmt, once bool, err error) {
	if s, ok := c.stmts[sql]; ok {
		return s, false, nil
	}
	s, err = c.dc.Prepare(sql)
	if err != nil {
		return nil, false, err
	}
	if len(c.stmts) >= maxCached {
		return s, true, nil
	}
	c.stmts[sql] = s
	return s, false, nil
}

func (c *conn) bind(args []driver.Value) []driver.NamedValue {
	c.args = c.args[:0]
	for i, a := range args {
		c.args = append(c.args, driver.NamedValue{Ordinal: i + 1, Value: a})
	}
	return c.args
}

// exec runs one statement and returns the number of rows it changed.
func (c *conn) exec(sql string, args ...driver.Value) (int64, error) {
	s, once, err := c.prepare(sql)
	if err != nil {
		return 0, err
	}
	if once {
		defer s.Close()
	}
	r, err := s.(driver.StmtExecContext).ExecContext(context.Background(), c.bind(args))
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// query runs one statement and calls row for each result row; row must not
// keep the slice. All rows are read before it returns, so that a statement is
// never in use twice.
func (c *conn) query(sql string, args []driver.Value, row func([]driver.Value) error) (err error) {
	s, once, err := c.prepare(sql)
	if err != nil {
		return err
	}
	if once {
		defer s.Close()
	}
	rows, err := s.(driver.StmtQueryContext).QueryContext(context.Background(), c.bind(args))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	vals := make([]driver.Value, len(rows.Columns()))
	for {
		switch err := rows.Next(vals); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if err := row(vals); err != nil {
			return err
		}
	}
}

// int64Of returns the first column of the first row, or 0 where there is none.
func (c *conn) int64Of(sql string, args ...driver.Value) (n int64, err error) {
	err = c.query(sql, args, func(v []driver.Value) error {
		n = integer(v[0])
		return nil
	})
	return n, err
}

// The schema is STRICT, so that a column holds its declared type or NULL.

func integer(v driver.Value) int64 { n, _ := v.(int64); return n }
func text(v driver.Value) string   { s, _ := v.(string); return s }
func blob(v driver.Value) []byte   { b, _ := v.([]byte); return b }
func float(v driver.Value) float64 { f, _ := v.(float64); return f }
func boolean(b bool) driver.Value {
	if b {
		return int64(1)
	}
	return int64(0)
}

// vacuumInto writes a compacted copy to an empty or absent file.
func (c *conn) vacuumInto(ctx context.Context, path string) error {
	s, err := c.dc.Prepare("VACUUM INTO ?")
	if err != nil {
		return err
	}
	defer s.Close()
	_, err = s.(driver.StmtExecContext).ExecContext(ctx, []driver.NamedValue{{Ordinal: 1, Value: path}})
	return err
}
