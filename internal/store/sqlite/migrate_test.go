package sqlite

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

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

// A log from before packs keeps its rows, is read as it was, and goes on in packs.
func TestOldLogsGoOn(t *testing.T) {
	s := openNew(t)
	var leaves [][]byte
	var hashes []tlog.Hash
	var openings []store.Event
	read := tlog.HashReaderFunc(func(ix []int64) (out []tlog.Hash, err error) {
		for _, i := range ix {
			out = append(out, hashes[i])
		}
		return out, nil
	})
	for i := range int64(900) {
		leaf := fmt.Appendf(nil, "leaf %d", i)
		hs, err := tlog.StoredHashes(i, leaf, read)
		if err != nil {
			t.Fatal(err)
		}
		leaves, hashes = append(leaves, leaf), append(hashes, hs...)
		openings = append(openings, store.Event{Log: "log", Index: i, Kind: "k", At: i, Bytes: leaf, Salt: []byte("s")})
	}
	const old = 600
	check := func(tx store.Tx, size int64) error {
		got, err := tx.Leaves("log", 0, size)
		if err != nil || !slices.EqualFunc(got, leaves[:size], bytes.Equal) {
			t.Errorf("leaves up to %d differ (%v)", size, err)
		}
		events, err2 := tx.Events(store.EventQuery{Logs: []string{"log"}})
		newest, err3 := tx.Events(store.EventQuery{Newest: true, Limit: 400})
		if len(events) != int(size) || events[size/2].Index != size/2 || newest[0].Index != size-1 || newest[399].Index != size-400 {
			t.Errorf("events of %d entries are not theirs", size)
		}
		tree, err4 := tlog.TreeHash(size, tlog.HashReaderFunc(func(ix []int64) ([]tlog.Hash, error) { return tx.ReadHashes("log", ix) }))
		if want, _ := tlog.TreeHash(size, read); tree != want {
			t.Errorf("another tree of %d entries", size)
		}
		return errors.Join(err, err2, err3, err4)
	}
	err := s.Update(t.Context(), func(st store.Tx) error {
		x := st.(*tx)
		row, err := x.makeLog("log")
		if err == nil {
			err = x.appendRows(row.id, 0, leaves[:old], hashes[:tlog.StoredHashCount(old)], openings[:old])
		}
		return errors.Join(err, x.resize("log", row, old), check(x, old))
	})
	if err != nil {
		t.Fatal(err)
	}
	err = s.Update(t.Context(), func(x store.Tx) error {
		err := x.AppendLeaves("log", old, leaves[old:], hashes[tlog.StoredHashCount(old):], openings[old:]...)
		return errors.Join(err, check(x, 900))
	})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := s.w.c.int64Of("SELECT min(first) FROM packs"); n != 512 || err != nil {
		t.Errorf("the first pack begins at %d (%v), want 512", n, err)
	}
	if n, err := s.w.c.int64Of("SELECT count(*) FROM leaves"); n != 512+900-768 || err != nil {
		t.Errorf("%d leaves are rows (%v)", n, err)
	}
}
