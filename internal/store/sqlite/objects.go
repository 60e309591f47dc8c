package sqlite

import (
	"database/sql/driver"
	"fmt"
	"slices"
	"strings"

	"parley.example/parley/internal/store"
)

const objectColumns = "added, id, type, version, modified, sender, accord, bytes"

func scanObject(v []driver.Value) store.Object {
	return store.Object{
		Added: integer(v[0]), ID: text(v[1]), Type: text(v[2]), Version: integer(v[3]),
		Modified: text(v[4]), From: text(v[5]), Accord: text(v[6]), Bytes: blob(v[7]),
	}
}

func (t *tx) PutObject(o store.Object) (bool, error) {
	if err := t.writable(); err != nil {
		return false, err
	}
	added, err := t.w.nextAdded()
	if err != nil {
		return false, t.fail("put object", err)
	}
	n, err := t.exec("put object", "INSERT INTO objects ("+objectColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id, version) DO NOTHING",
		added, o.ID, o.Type, o.Version, o.Modified, o.From, o.Accord, o.Bytes)
	if err != nil || n > 0 {
		return n > 0, err
	}
	var stored []byte
	err = t.one("put object", "SELECT bytes FROM objects WHERE id = ? AND version = ?", []driver.Value{o.ID, o.Version},
		func(v []driver.Value) { stored = blob(v[0]) })
	if err == nil && !same(stored, o.Bytes) {
		return false, fmt.Errorf("object %s version %d: %w", o.ID, o.Version, store.ErrConflict)
	}
	return false, err
}

func (t *tx) Object(id string) (o store.Object, err error) {
	err = t.one("object", "SELECT "+objectColumns+" FROM objects WHERE id = ? ORDER BY version DESC LIMIT 1", []driver.Value{id},
		func(v []driver.Value) { o = scanObject(v) })
	return o, err
}

func (t *tx) ObjectVersions(id string) (objects []store.Object, err error) {
	err = t.query("object versions", "SELECT "+objectColumns+" FROM objects WHERE id = ? ORDER BY version", []driver.Value{id},
		func(v []driver.Value) { objects = append(objects, scanObject(v)) })
	return objects, err
}

// ListObjects reads one index range per type and merges them, so that a page
// costs the same however deep it lies and however rare its types are.
func (t *tx) ListObjects(q store.ObjectQuery) (objects []store.Object, err error) {
	types := slices.Compact(slices.Sorted(slices.Values(q.Types)))
	var (
		args  []driver.Value
		parts []string
	)
	part := func(typ *string) {
		f := filter{}
		if typ != nil {
			f.add("type = ?", *typ)
		}
		if q.From != nil {
			f.add("sender = ?", *q.From)
		}
		if q.After > 0 {
			f.add("added > ?", q.After)
		}
		parts = append(parts, "SELECT "+objectColumns+" FROM objects"+f.where())
		args = append(args, f.args...)
	}
	// SQLite takes 500 terms in a compound SELECT; STIX has some fifty types.
	if len(types) == 0 || len(types) > 200 {
		part(nil)
	} else {
		for i := range types {
			part(&types[i])
		}
	}
	tail := " ORDER BY added"
	if q.Newest {
		tail += " DESC"
	}
	filtered := len(types) > 200
	if q.Limit > 0 && !filtered {
		tail += " LIMIT ?"
		args = append(args, int64(q.Limit))
	}
	err = t.query("list objects", strings.Join(parts, " UNION ALL ")+tail, args, func(v []driver.Value) {
		if filtered {
			if _, ok := slices.BinarySearch(types, text(v[2])); !ok || q.Limit > 0 && len(objects) == q.Limit {
				return
			}
		}
		objects = append(objects, scanObject(v))
	})
	return objects, err
}

func (t *tx) CountObjects() (map[string]int64, error) {
	counts := make(map[string]int64)
	err := t.query("count objects", "SELECT type, count(*) FROM objects GROUP BY type", nil,
		func(v []driver.Value) { counts[text(v[0])] = integer(v[1]) })
	return counts, err
}

func (t *tx) DeleteObject(id string) error {
	_, err := t.exec("delete object", "DELETE FROM objects WHERE id = ?", id)
	return err
}
