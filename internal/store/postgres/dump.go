package postgres

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"

	"parley.example/parley/internal/store"
	"parley.example/parley/internal/store/sqlite"
)

// Dump implements store.Dumper.
func (s *Store) Dump(ctx context.Context, fn func(store.Table, []any) error) error {
	return s.View(ctx, func(t store.Tx) error {
		for _, tab := range store.Tables {
			if err := t.(*tx).dump(ctx, tab, fn); err != nil {
				return fmt.Errorf("reading %s: %w", tab.Name, err)
			}
		}
		return nil
	})
}

func columns(tab store.Table) (names []string) {
	for _, c := range tab.Columns {
		names = append(names, c.Name)
	}
	return names
}

func quoted(names []string) string {
	return `"` + strings.Join(names, `", "`) + `"`
}

func (t *tx) dump(ctx context.Context, tab store.Table, fn func(store.Table, []any) error) error {
	all, where := columns(tab), ""
	if tab.Name == "counter" {
		where = ` WHERE name = 'added'` // how far the library is filed is not of the contents
	}
	row := make([]any, len(all))
	return t.query("dump", "SELECT "+quoted(all)+" FROM "+tab.Name+where+" ORDER BY "+quoted(all[:tab.Key]), nil, func(r pgx.Rows) error {
		values, err := r.Values()
		if err != nil {
			return err
		}
		for i, v := range values {
			if b, ok := v.([]byte); ok && tab.Columns[i].Kind == store.Text {
				v = string(b)
			}
			row[i] = v
		}
		return errors.Join(ctx.Err(), fn(tab, row))
	})
}

// Load implements store.Loader. Rows go by COPY, table by table, in one transaction.
func (s *Store) Load(ctx context.Context, from store.Dumper) error {
	return s.Update(ctx, func(st store.Tx) error {
		t := st.(*tx)
		n, err := first(t, "load", "SELECT (SELECT count(*) FROM docs) + (SELECT value FROM counter WHERE name = 'added')", nil, scanInt)
		if err != nil || n > 0 {
			return errors.Join(err, errors.New("the store that is to be filled is not empty"))
		}
		for _, sql := range []string{"DELETE FROM counter WHERE name = 'added'", "DELETE FROM removals"} {
			if _, err := t.exec("load", sql); err != nil {
				return err
			}
		}
		if err := t.load(ctx, from); err != nil {
			return err
		}
		for table, column := range map[string]string{"logs": "id", "outbox": "seq"} {
			// What is given out next follows what was given out before.
			sql := fmt.Sprintf("SELECT setval(pg_get_serial_sequence('%[1]s', '%[2]s'), (SELECT max(%[2]s) FROM %[1]s)) WHERE EXISTS (SELECT 1 FROM %[1]s)", table, column)
			if _, err := t.exec("load", sql); err != nil {
				return err
			}
		}
		return nil
	})
}

// load copies what a dump gives.
func (t *tx) load(ctx context.Context, from store.Dumper) error {
	type given struct {
		tab store.Table
		row []any
	}
	var failed error
	next, stop := iter.Pull(func(yield func(given) bool) {
		failed = from.Dump(ctx, func(tab store.Table, row []any) error {
			if !yield(given{tab, row}) {
				return errFull
			}
			return nil
		})
	})
	defer stop()
	g, ok := next()
	for ok {
		tab := g.tab
		_, err := t.c.CopyFrom(bg, pgx.Identifier{tab.Name}, columns(tab), pgx.CopyFromFunc(func() ([]any, error) {
			if !ok || g.tab.Name != tab.Name {
				return nil, nil
			}
			row := make([]any, len(g.row))
			for i, v := range g.row {
				switch v := v.(type) {
				case string:
					if row[i] = []byte(v); tab.Name == "counter" {
						row[i] = v
					}
				case []byte:
					row[i] = append([]byte{}, v...)
				default:
					row[i] = v
				}
			}
			g, ok = next()
			return row, nil
		}))
		if err != nil {
			return t.fail("load "+tab.Name, err)
		}
	}
	return failed
}

// Backup implements store.Store. The copy is a SQLite store, one file that can be
// looked at anywhere and from which either backend is filled.
func (s *Store) Backup(ctx context.Context, path string) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.active.Done()
	if err := s.backup(ctx, path); err != nil {
		return fmt.Errorf("backup to %s: %w", path, err)
	}
	return nil
}

func (s *Store) backup(ctx context.Context, path string) error {
	if _, err := os.Lstat(path); err == nil {
		return os.ErrExist
	}
	dir, err := os.MkdirTemp(filepath.Dir(path), ".backup-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	tmp := filepath.Join(dir, "store.db")
	c, err := sqlite.Open(tmp)
	if err != nil {
		return err
	}
	if err := errors.Join(c.Load(ctx, s), c.Close()); err != nil {
		return err
	}
	// Unlike Rename, Link never replaces a file that came in between.
	if err := os.Link(tmp, path); err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
