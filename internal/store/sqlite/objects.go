package sqlite

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"

	"parley.example/parley/internal/store"
)

// objectColumns are the columns of each store.Want, in the order that
// scanObject reads.
var objectColumns = [...]string{
	store.WantAll:   "added, id, type, version, modified, spec, sender, accord, party, bytes",
	store.WantBytes: "added, bytes",
	store.WantIndex: "added, id, type, version, modified, spec, sender, accord, party",
}

func scanObject(v []driver.Value) store.Object {
	if len(v) == 2 {
		return store.Object{Added: integer(v[0]), Bytes: blob(v[1])}
	}
	o := store.Object{
		Added: integer(v[0]), ID: text(v[1]), Type: text(v[2]), Version: integer(v[3]), Modified: text(v[4]),
		Spec: text(v[5]), From: text(v[6]), Accord: text(v[7]), To: text(v[8]),
	}
	if len(v) > 9 {
		o.Bytes = blob(v[9])
	}
	return o
}

// PutObject implements store.Objects.
func (t *tx) PutObject(o store.Object) (bool, error) {
	if err := t.writable(); err != nil {
		return false, err
	}
	// Mostly there is nothing of the id.
	found := false
	err := t.query("put object", "SELECT 1 FROM objects INDEXED BY objects_id WHERE id = ? AND party = ? LIMIT 1",
		[]driver.Value{o.ID, o.To}, func([]driver.Value) { found = true })
	if err != nil {
		return false, err
	}
	newest := int64(1)
	if found {
		if known, err := t.known(o); known || err != nil {
			return false, err
		}
		if newest, err = t.supersede(o); err != nil {
			return false, err
		}
	}
	added, err := t.w.nextAdded()
	if err != nil {
		return false, t.fail("put object", err)
	}
	_, err = t.exec("put object", `INSERT INTO objects (added, id, type, version, modified, spec, newest, sender, accord, party, bytes)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		added, o.ID, o.Type, o.Version, o.Modified, o.Spec, newest, o.From, o.Accord, o.To, o.Bytes)
	return err == nil, err
}

// known reports whether the version is stored already; with other bytes it is
// a conflict.
func (t *tx) known(o store.Object) (known bool, err error) {
	f := filter{}
	f.add("id = ? AND party = ? AND version = ? AND spec = ?", o.ID, o.To, o.Version, o.Spec)
	if o.Accord != "" || o.To != "" {
		f.add("accord = ?", o.Accord)
	}
	conflict := false
	err = t.query("put object", "SELECT bytes FROM objects INDEXED BY objects_id"+f.where(), f.args, func(v []driver.Value) {
		known = true
		conflict = conflict || !same(blob(v[0]), o.Bytes)
	})
	if conflict {
		return true, fmt.Errorf("object %s version %d: %w", o.ID, o.Version, store.ErrConflict)
	}
	return known, err
}

// supersede says whether o will be the newest version in its collection and
// takes that from the one that it follows.
func (t *tx) supersede(o store.Object) (newest int64, err error) {
	rows, err := t.siblings(o)
	if err != nil || len(rows) == 0 {
		return 1, err
	}
	top := rows[0]
	switch {
	case top.Spec > o.Spec || top.Spec == o.Spec && top.Version > o.Version:
		return 0, nil
	case top.Spec == o.Spec:
		rows = rows[:1] // what is selected of the others stays the same
	}
	_, err = t.exec("put object", "UPDATE objects SET newest = 0 WHERE added = ?", top.Added)
	for _, r := range rows {
		err = errors.Join(err, t.removed(r.Added))
	}
	return 1, err
}

// siblings lists the versions of an object in its collection, the newest first.
func (t *tx) siblings(o store.Object) (rows []store.Object, err error) {
	err = t.query("siblings", `SELECT added, version, spec FROM objects INDEXED BY objects_id
		WHERE id = ? AND party = ? AND accord = ? ORDER BY spec DESC, version DESC`, []driver.Value{o.ID, o.To, o.Accord},
		func(v []driver.Value) {
			rows = append(rows, store.Object{Added: integer(v[0]), Version: integer(v[1]), Spec: text(v[2])})
		})
	return rows, err
}

// maxRemovals is how many removals are remembered.
const maxRemovals = 10_000

// removed notes that a version was removed, or lost or won its place as the
// newest.
func (t *tx) removed(added int64) error {
	t.w.removals = true
	_, err := t.exec("removed", "INSERT INTO removals (added) VALUES (?)", added)
	return err
}

// Removed implements store.Objects.
func (t *tx) Removed(since int64) (added []int64, mark int64, complete bool, err error) {
	first := since + 1
	err = t.query("removed", "SELECT n, added FROM removals WHERE n > ? ORDER BY n", []driver.Value{since}, func(v []driver.Value) {
		if mark = integer(v[0]); len(added) == 0 {
			first = mark
		}
		added = append(added, integer(v[1]))
	})
	if err == nil && mark == 0 { // nothing since; or since lies ahead of this snapshot
		mark, err = t.lastRemoval()
	}
	return added, mark, first == since+1, err
}

func (t *tx) lastRemoval() (n int64, err error) {
	err = t.query("removed", "SELECT max(n) FROM removals", nil, func(v []driver.Value) { n = integer(v[0]) })
	return n, err
}

// Object implements store.Objects.
func (t *tx) Object(id string) (o store.Object, err error) {
	// Sorting the index alone, without the bytes, takes a quarter of the time.
	err = t.one("object", "SELECT "+objectColumns[store.WantAll]+` FROM objects WHERE added = (SELECT added FROM objects INDEXED BY objects_id
		WHERE id = ? AND party = '' ORDER BY version DESC, spec DESC, accord LIMIT 1)`, []driver.Value{id},
		func(v []driver.Value) { o = scanObject(v) })
	return o, err
}

// ObjectVersions implements store.Objects.
func (t *tx) ObjectVersions(id string) (objects []store.Object, err error) {
	err = t.query("object versions", "SELECT "+objectColumns[store.WantAll]+` FROM objects INDEXED BY objects_id
		WHERE id = ? AND party = '' ORDER BY version, spec, added`, []driver.Value{id},
		func(v []driver.Value) { objects = append(objects, scanObject(v)) })
	return objects, err
}

// maxParts bounds the index ranges that one page merges. SQLite takes 500
// terms in a compound SELECT.
const maxParts = 200

var errFull = errors.New("page is full")

// ListObjects implements store.Objects. It reads one index range for each
// collection, type and kind of version, and merges them, so that a page costs
// the same however deep it lies and however rare its types are.
func (t *tx) ListObjects(q store.ObjectQuery) (page []store.Object, more bool, err error) {
	sql, args, err := t.listSQL(q)
	if err != nil {
		return nil, false, err
	}
	if err := t.usable(); err != nil {
		return nil, false, err
	}
	size := 0
	err = t.c.query(sql, args, func(v []driver.Value) error {
		o := scanObject(v)
		size += len(o.Bytes)
		if q.Limit > 0 && len(page) == q.Limit || q.MaxBytes > 0 && size > q.MaxBytes && len(page) > 0 {
			more = true
			return errFull
		}
		if page == nil {
			page = make([]store.Object, 0, min(max(q.Limit, 16), 1024))
		}
		page = append(page, o)
		return nil
	})
	if err != nil && !errors.Is(err, errFull) {
		return nil, false, t.fail("list objects", err)
	}
	return page, more, nil
}

func (t *tx) listSQL(q store.ObjectQuery) (string, []driver.Value, error) {
	ids, types := slices.Compact(slices.Sorted(slices.Values(q.IDs))), slices.Compact(slices.Sorted(slices.Values(q.Types)))
	in := []store.Collection{}
	if q.In != nil {
		in = append(in, *q.In)
	} else {
		accords, err := t.libraryAccords()
		if err != nil {
			return "", nil, err
		}
		for _, a := range accords {
			in = append(in, store.Collection{Accord: a})
		}
	}
	newest := []int64{1}
	if v := q.Versions; !v.Last || v.First || len(v.At) > 0 || len(q.Specs) > 0 {
		newest = []int64{0, 1}
	}
	var parts []string
	var args []driver.Value
	part := func(index string, f filter) {
		f.selectVersions(q)
		parts = append(parts, "SELECT "+objectColumns[q.Want]+" FROM objects AS o "+index+f.where())
		args = append(args, f.args...)
	}
	switch {
	case len(ids) > 0:
		f := filter{}
		f.in("id", ids)
		f.in("type", types)
		if f.add("party = ''"); q.In != nil {
			f.conds[len(f.conds)-1] = "party = ? AND accord = ?"
			f.args = append(f.args, q.In.To, q.In.Accord)
		}
		part("INDEXED BY objects_id", f)
	case len(in)*len(newest)*max(1, len(types)) > maxParts:
		f := filter{}
		f.in("type", types)
		if f.add("party = ''"); q.In != nil {
			f.conds[len(f.conds)-1] = "party = ? AND accord = ?"
			f.args = append(f.args, q.In.To, q.In.Accord)
		}
		part("NOT INDEXED", f)
	default:
		for _, c := range in {
			for _, n := range newest {
				for i := range max(1, len(types)) {
					f, index := filter{}, "INDEXED BY objects_page"
					f.add("party = ? AND accord = ? AND newest = ?", c.To, c.Accord, n)
					if len(types) > 0 {
						f.add("type = ?", types[i])
						index = "INDEXED BY objects_type"
					}
					part(index, f)
				}
			}
		}
	}
	tail := " ORDER BY added"
	if q.Newest {
		tail += " DESC"
	}
	if q.Limit > 0 {
		tail += " LIMIT ?"
		args = append(args, int64(q.Limit)+1)
	}
	return strings.Join(parts, " UNION ALL ") + tail, args, nil
}

// selectVersions adds the conditions that do not choose the index.
func (f *filter) selectVersions(q store.ObjectQuery) {
	if q.From != nil {
		f.add("sender = ?", *q.From)
	}
	if q.After > 0 {
		f.add("added > ?", q.After)
	}
	f.in("spec", q.Specs)
	const other = `NOT EXISTS (SELECT 1 FROM objects AS x INDEXED BY objects_id
		WHERE x.id = o.id AND x.party = o.party AND x.accord = o.accord AND `
	specs := filter{}
	specs.in("x.spec", q.Specs)
	among, latest := "", ""
	if len(q.Specs) > 0 {
		among = " AND " + specs.conds[0]
	} else {
		latest = " AND " + other + "x.spec > o.spec)"
	}
	var any filter
	v := q.Versions
	if v.Last && len(q.Specs) == 0 {
		any.add("newest = 1")
	} else if v.Last {
		any.add(other+"(x.version, x.spec) > (o.version, o.spec)"+among+")", specs.args...)
	}
	if v.First && len(q.Specs) == 0 {
		any.add(other + "x.version < o.version AND x.spec = o.spec)" + latest)
	} else if v.First {
		any.add(other+"x.version < o.version"+among+")", specs.args...)
	}
	if len(v.At) > 0 {
		at := make([]driver.Value, len(v.At))
		for i, x := range v.At {
			at[i] = x
		}
		list := "(?" + strings.Repeat(", ?", len(at)-1) + ")"
		one := ""
		if len(q.Specs) == 0 {
			one = " AND " + other + "x.version = o.version AND x.spec > o.spec)"
		}
		any.add("version IN "+list+one, at...)
		any.add("version = 0 AND modified = '' AND added IN "+list+one, at...)
	}
	switch {
	case len(any.conds) > 0:
		f.add("(("+strings.Join(any.conds, ") OR (")+"))", any.args...)
	case latest != "":
		f.add(strings.TrimPrefix(latest, " AND "))
	}
}

// libraryAccords lists the accords that the library has objects of, our own
// objects ("") first. Each is one step in the index.
func (t *tx) libraryAccords() (accords []string, err error) {
	accords = []string{""}
	for {
		next := ""
		err := t.query("list objects", "SELECT min(accord) FROM objects INDEXED BY objects_page WHERE party = '' AND accord > ?",
			[]driver.Value{accords[len(accords)-1]}, func(v []driver.Value) { next = text(v[0]) })
		if err != nil || next == "" {
			return accords, err
		}
		accords = append(accords, next)
	}
}

// CountObjects implements store.Objects.
func (t *tx) CountObjects() (map[string]int64, error) {
	counts := make(map[string]int64)
	err := t.query("count objects", "SELECT type, count(*) FROM objects WHERE party = '' GROUP BY type", nil,
		func(v []driver.Value) { counts[text(v[0])] = integer(v[1]) })
	return counts, err
}

// DeleteObject implements store.Objects.
func (t *tx) DeleteObject(id string) error {
	var added []int64
	err := t.query("delete object", "SELECT added FROM objects INDEXED BY objects_id WHERE id = ? AND party = ''", []driver.Value{id},
		func(v []driver.Value) { added = append(added, integer(v[0])) })
	if err != nil {
		return err
	}
	if err := t.writable(); err != nil {
		return err
	}
	for _, a := range added {
		if err := t.DeleteVersion(a); err != nil {
			return err
		}
	}
	return nil
}

// DeleteVersion implements store.Objects.
func (t *tx) DeleteVersion(added int64) error {
	if err := t.writable(); err != nil {
		return err
	}
	var o store.Object
	newest := false
	err := t.one("delete version", "SELECT id, party, accord, newest FROM objects WHERE added = ?", []driver.Value{added}, func(v []driver.Value) {
		o.ID, o.To, o.Accord, newest = text(v[0]), text(v[1]), text(v[2]), integer(v[3]) != 0
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err == nil {
		_, err = t.exec("delete version", "DELETE FROM objects WHERE added = ?", added)
	}
	if err == nil {
		err = errors.Join(t.removed(added), t.unfile(added))
	}
	if err != nil || !newest {
		return err
	}
	// Another takes its place, and with it its specification version comes to be
	// looked at.
	rows, err := t.siblings(o)
	for i, r := range rows {
		if i == 0 && err == nil {
			_, err = t.exec("delete version", "UPDATE objects SET newest = 1 WHERE added = ?", r.Added)
		}
		err = errors.Join(err, t.removed(r.Added))
	}
	return err
}

// PutStatus implements store.Statuses.
func (t *tx) PutStatus(s store.Status) error {
	_, err := t.exec("put status", `INSERT INTO statuses (id, owner, at, doc) VALUES (?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET owner = excluded.owner, at = excluded.at, doc = excluded.doc`, s.ID, s.Owner, s.At, s.Doc)
	return err
}

// Status implements store.Statuses.
func (t *tx) Status(id string) (s store.Status, err error) {
	err = t.one("status", "SELECT id, owner, at, doc FROM statuses WHERE id = ?", []driver.Value{id},
		func(v []driver.Value) {
			s = store.Status{ID: text(v[0]), Owner: text(v[1]), At: integer(v[2]), Doc: blob(v[3])}
		})
	return s, err
}

// DropStatuses implements store.Statuses.
func (t *tx) DropStatuses(before int64) error {
	_, err := t.exec("drop statuses", "DELETE FROM statuses WHERE at < ?", before)
	return err
}
