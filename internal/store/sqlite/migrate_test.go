package sqlite

import (
	"path/filepath"
	"testing"

	"parley.example/parley/internal/store"
)

// A database of the first schema is brought up to date with its objects.
func TestMigrateObjects(t *testing.T) {
	path := filepath.Join(t.TempDir(), "old.db")
	c, err := openConn(path, 1<<10, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := migrateStep(c, "migrations/0001_initial.sql", 1); err != nil {
		t.Fatal(err)
	}
	script := `INSERT INTO objects (added, id, type, version, modified, sender, accord, bytes) VALUES
		(1, 'x--1', 'x', 5, 'five', '', '', x'31'), (2, 'x--1', 'x', 7, 'seven', '', '', x'32'), (3, 'x--1', 'x', 6, 'six', '', '', x'33'),
		(4, 'y--1', 'y', 1, 'one', 'p', 'a', x'34')`
	if err := c.run(script); err != nil {
		t.Fatal(err)
	}
	if err := c.close(); err != nil {
		t.Fatal(err)
	}
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	err = s.View(t.Context(), func(tx store.Tx) error {
		got, _, err := tx.ListObjects(store.ObjectQuery{In: &store.Collection{}, Versions: store.Versions{Last: true}})
		if len(got) != 1 || got[0].Modified != "seven" || string(got[0].Bytes) != "2" {
			t.Errorf("newest of our own: %+v", got)
		}
		all, _, err2 := tx.ListObjects(store.ObjectQuery{})
		if len(all) != 4 || all[3].From != "p" || all[3].Accord != "a" {
			t.Errorf("all: %+v", all)
		}
		if err == nil {
			err = err2
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
