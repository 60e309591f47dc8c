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

// A database of the fourth schema follows the rule for specification versions,
// and its library is filed anew.
func TestMigrateSpecificationVersions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "old.db")
	c, err := openConn(path, 1<<10, false)
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"0001_initial", "0002_collections", "0003_removed", "0004_library"} {
		if err := migrateStep(c, "migrations/"+name+".sql", i+1); err != nil {
			t.Fatal(err)
		}
	}
	script := `INSERT INTO objects (added, id, type, version, modified, spec, newest, sender, accord, party, bytes) VALUES
		(1, 'x--1', 'x', 5, 'five', '2.1', 0, '', '', '', x'31'), (2, 'x--1', 'x', 7, 'seven', '2.0', 1, '', '', '', x'32'),
		(3, 'y--1', 'y', 1, 'one', '2.1', 1, '', '', '', x'33');
		UPDATE counter SET value = 4 WHERE name = 'removed';
		UPDATE counter SET value = 3 WHERE name = 'filed';
		INSERT INTO texts (rowid, body) VALUES (3, 'something');
		INSERT INTO entries (added, marking, area, at) VALUES (3, '', '', 1)`
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
		if err != nil || len(got) != 2 || got[0].Modified != "five" || got[1].ID != "y--1" {
			t.Errorf("newest: %+v, %v", got, err)
		}
		if _, mark, _, err := tx.Removed(4); err != nil || mark <= 4 {
			t.Errorf("removals go on at %d, %v", mark, err)
		}
		if todo, err := tx.Unfiled(0); err != nil || len(todo) != 3 {
			t.Errorf("%d objects to file, %v", len(todo), err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
