package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"

	"parley.example/parley/internal/store"
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

func (t *tx) dump(ctx context.Context, tab store.Table, fn func(store.Table, []any) error) error {
	row := make([]any, len(tab.Columns))
	return t.c.query(selectAll(tab), nil, func(v []driver.Value) error {
		for i, c := range tab.Columns {
			if row[i] = v[i]; row[i] == nil && c.Kind == store.Blob {
				row[i] = []byte{}
			}
		}
		return errors.Join(ctx.Err(), fn(tab, row))
	})
}

// selectAll reads a table by its key. What counts how far the library is filed is
// not of the contents.
func selectAll(tab store.Table) string {
	var names []string
	for _, c := range tab.Columns {
		names = append(names, `"`+c.Name+`"`)
	}
	where := ""
	if tab.Name == "counter" {
		where = " WHERE name = 'added'"
	}
	return "SELECT " + strings.Join(names, ", ") + " FROM " + tab.Name + where + " ORDER BY " + strings.Join(names[:tab.Key], ", ")
}

// Load implements store.Loader.
func (s *Store) Load(ctx context.Context, from store.Dumper) error {
	return s.Update(ctx, func(st store.Tx) error {
		t := st.(*tx)
		if n, err := t.c.int64Of("SELECT (SELECT count(*) FROM docs) + (SELECT value FROM counter WHERE name = 'added')"); err != nil || n > 0 {
			return errors.Join(err, errors.New("the store that is to be filled is not empty"))
		}
		for _, sql := range []string{"DELETE FROM counter WHERE name = 'added'", "DELETE FROM removals"} {
			if _, err := t.exec("load", sql); err != nil {
				return err
			}
		}
		inserts := make(map[string]string)
		for _, tab := range store.Tables {
			into := strings.TrimPrefix(selectAll(tab), "SELECT ")
			into, _, _ = strings.Cut(into, " FROM ")
			inserts[tab.Name] = "INSERT INTO " + tab.Name + " (" + into + ") VALUES (?" + strings.Repeat(", ?", len(tab.Columns)-1) + ")"
		}
		args := []driver.Value{}
		return from.Dump(ctx, func(tab store.Table, row []any) error {
			args = args[:0]
			for _, v := range row {
				args = append(args, v)
			}
			_, err := t.exec("load "+tab.Name, inserts[tab.Name], args...)
			return err
		})
	})
}
