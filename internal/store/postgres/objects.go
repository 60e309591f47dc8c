package postgres

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"parley.example/parley/internal/store"
)

// objectColumns are the columns of each store.Want, in the order that scanObject
// reads.
var objectColumns = [...]string{
	store.WantAll:   "added, id, type, version, modified, spec, sender, accord, party, bytes",
	store.WantBytes: "added, bytes",
	store.WantIndex: "added, id, type, version, modified, spec, sender, accord, party",
}

// fields are where the columns of a store.Want go.
func fields(o *store.Object, w store.Want) []any {
	if w == store.WantBytes {
		return []any{&o.Added, &o.Bytes}
	}
	all := []any{&o.Added, text{&o.ID}, text{&o.Type}, &o.Version, text{&o.Modified}, text{&o.Spec}, text{&o.From}, text{&o.Accord}, text{&o.To}, &o.Bytes}
	if w == store.WantIndex {
		return all[:len(all)-1]
	}
	return all
}

func scanObject(r pgx.Rows) (o store.Object, err error) {
	err = r.Scan(fields(&o, store.WantAll)...)
	return o, err
}

// PutObject implements store.Objects.
func (t *tx) PutObject(o store.Object) (bool, error) {
	if err := t.writable(); err != nil {
		return false, err
	}
	const insert = "INSERT INTO objects (added, id, type, version, modified, spec, newest, sender, accord, party, bytes) "
	added, err := t.s.nextAdded()
	if err != nil {
		return false, t.fail("put object", err)
	}
	args := []any{added, name(o.ID), name(o.Type), o.Version, name(o.Modified), name(o.Spec), int64(1), name(o.From), name(o.Accord), name(o.To), blob(o.Bytes)}
	// Mostly there is nothing of the id.
	n, err := t.exec("put object", insert+`SELECT $1::bigint, $2::bytea, $3::bytea, $4::bigint, $5::bytea, $6::bytea, $7::bigint, $8::bytea, $9::bytea, $10::bytea, $11::bytea
		WHERE NOT EXISTS (SELECT 1 FROM objects WHERE id = $2 AND party = $10)`, args...)
	if err != nil || n > 0 {
		return n > 0, err
	}
	if known, err := t.known(o); known || err != nil {
		return false, err
	}
	if args[6], err = t.supersede(o); err != nil {
		return false, err
	}
	_, err = t.exec("put object", insert+"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)", args...)
	return err == nil, err
}

// known reports whether the version is stored already; with other bytes it is a
// conflict.
func (t *tx) known(o store.Object) (known bool, err error) {
	f := filter{}
	f.add("id = " + f.arg(name(o.ID)) + " AND party = " + f.arg(name(o.To)) + " AND version = " + f.arg(o.Version) + " AND spec = " + f.arg(name(o.Spec)))
	if o.Accord != "" || o.To != "" {
		f.add("accord = " + f.arg(name(o.Accord)))
	}
	held, err := some(t, "put object", "SELECT bytes FROM objects"+f.where(), f.args, scanBytes)
	for _, b := range held {
		if !bytes.Equal(b, o.Bytes) {
			return true, fmt.Errorf("object %s version %d: %w", o.ID, o.Version, store.ErrConflict)
		}
	}
	return len(held) > 0, err
}

// supersede says whether o will be the newest version in its collection and takes
// that from the one that it follows.
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
	_, err = t.exec("put object", "UPDATE objects SET newest = 0 WHERE added = $1", top.Added)
	for _, r := range rows {
		err = errors.Join(err, t.removed(r.Added))
	}
	return 1, err
}

// siblings lists the versions of an object in its collection, the newest first.
func (t *tx) siblings(o store.Object) ([]store.Object, error) {
	return some(t, "siblings", `SELECT added, version, spec FROM objects
		WHERE id = $1 AND party = $2 AND accord = $3 ORDER BY spec DESC, version DESC`, []any{name(o.ID), name(o.To), name(o.Accord)},
		func(r pgx.Rows) (s store.Object, err error) {
			err = r.Scan(&s.Added, &s.Version, text{&s.Spec})
			return s, err
		})
}

// maxRemovals is how many removals are remembered.
const maxRemovals = 10_000

// removed notes that a version was removed, or lost or won its place as the newest.
func (t *tx) removed(added int64) error {
	t.s.removals = true
	_, err := t.exec("removed", "INSERT INTO removals (n, added) SELECT max(n) + 1, $1::bigint FROM removals", added)
	return err
}

// Removed implements store.Objects.
func (t *tx) Removed(since int64) (added []int64, mark int64, complete bool, err error) {
	start := since + 1
	err = t.query("removed", "SELECT n, added FROM removals WHERE n > $1 ORDER BY n", []any{since}, func(r pgx.Rows) error {
		var a int64
		err := r.Scan(&mark, &a)
		if len(added) == 0 {
			start = mark
		}
		added = append(added, a)
		return err
	})
	if err == nil && mark == 0 { // nothing since; or since lies ahead of this snapshot
		mark, err = first(t, "removed", "SELECT max(n) FROM removals", nil, scanInt)
	}
	return added, mark, start == since+1, err
}

// Object implements store.Objects.
func (t *tx) Object(id string) (store.Object, error) {
	return first(t, "object", "SELECT "+objectColumns[store.WantAll]+` FROM objects
		WHERE id = $1 AND party = '' ORDER BY version DESC, spec DESC, accord LIMIT 1`, []any{name(id)}, scanObject)
}

// ObjectVersions implements store.Objects.
func (t *tx) ObjectVersions(id string) ([]store.Object, error) {
	return some(t, "object versions", "SELECT "+objectColumns[store.WantAll]+` FROM objects
		WHERE id = $1 AND party = '' ORDER BY version, spec, added`, []any{name(id)}, scanObject)
}

// maxParts bounds the index ranges that one page merges.
const maxParts = 200

// ListObjects implements store.Objects. It reads one index range for each
// collection, type and kind of version, and merges them, so that a page costs the
// same however deep it lies and however rare its types are.
func (t *tx) ListObjects(q store.ObjectQuery) (page []store.Object, more bool, err error) {
	sql, args, err := t.listSQL(q)
	if err != nil {
		return nil, false, err
	}
	size := 0
	err = t.query("list objects", sql, args, func(r pgx.Rows) error {
		var o store.Object
		if err := r.Scan(fields(&o, q.Want)...); err != nil {
			return err
		}
		size += len(o.Bytes)
		if q.Limit > 0 && len(page) == q.Limit || q.MaxBytes > 0 && size > q.MaxBytes && len(page) > 0 {
			more = true
			return errFull
		}
		page = append(page, o)
		return nil
	})
	if err != nil {
		return nil, false, err
	}
	return page, more, nil
}

func (t *tx) listSQL(q store.ObjectQuery) (string, []any, error) {
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
	order := " ORDER BY added"
	if q.Newest {
		order += " DESC"
	}
	all := &filter{}
	limit := ""
	if q.Limit > 0 {
		limit = " LIMIT " + all.arg(int64(q.Limit)+1)
	}
	var parts []string
	part := func(ordered bool, conds ...string) {
		f := filter{conds, all.args}
		f.selectVersions(q)
		all.args = f.args
		sql := "SELECT " + objectColumns[q.Want] + " FROM objects AS o" + f.where()
		if ordered { // one range of an index, of which no more is needed than the page has
			sql = "(" + sql + order + limit + ")"
		}
		parts = append(parts, sql)
	}
	whole := func(column string, values []string) {
		f := filter{args: all.args}
		f.in(column, values)
		f.in("type", types)
		if q.In != nil {
			f.add("party = " + f.arg(name(q.In.To)) + " AND accord = " + f.arg(name(q.In.Accord)))
		} else {
			f.add("party = ''")
		}
		all.args = f.args
		part(false, f.conds...)
	}
	switch {
	case len(ids) > 0:
		whole("id", ids)
	case len(in)*len(newest)*max(1, len(types)) > maxParts:
		whole("", nil)
	default:
		for _, c := range in {
			for _, n := range newest {
				for i := range max(1, len(types)) {
					conds := []string{"party = " + all.arg(name(c.To)) + " AND accord = " + all.arg(name(c.Accord)) + " AND newest = " + all.arg(n)}
					if len(types) > 0 {
						conds = append(conds, "type = "+all.arg(name(types[i])))
					}
					part(true, conds...)
				}
			}
		}
	}
	if len(parts) == 1 && strings.HasPrefix(parts[0], "(") {
		return parts[0], all.args, nil // it is ordered already
	}
	return strings.Join(parts, " UNION ALL ") + order + limit, all.args, nil
}

// selectVersions adds the conditions that do not choose the index.
func (f *filter) selectVersions(q store.ObjectQuery) {
	if q.From != nil {
		f.add("sender = " + f.arg(name(*q.From)))
	}
	if q.After > 0 {
		f.add("added > " + f.arg(q.After))
	}
	f.in("spec", q.Specs)
	const other = "NOT EXISTS (SELECT 1 FROM objects AS x WHERE x.id = o.id AND x.party = o.party AND x.accord = o.accord AND "
	var any []string
	v := q.Versions
	among, latest := "", ""
	switch {
	case len(q.Specs) == 0:
		latest = " AND " + other + "x.spec > o.spec)"
	case v.Last || v.First:
		among = " AND x.spec = ANY(" + f.arg(names(q.Specs)) + ")"
	}
	if v.Last && len(q.Specs) == 0 {
		any = append(any, "newest = 1")
	} else if v.Last {
		any = append(any, other+"(x.version, x.spec) > (o.version, o.spec)"+among+")")
	}
	if v.First && len(q.Specs) == 0 {
		any = append(any, other+"x.version < o.version AND x.spec = o.spec)"+latest)
	} else if v.First {
		any = append(any, other+"x.version < o.version"+among+")")
	}
	if len(v.At) > 0 {
		at, one := "ANY("+f.arg(v.At)+")", ""
		if len(q.Specs) == 0 {
			one = " AND " + other + "x.version = o.version AND x.spec > o.spec)"
		}
		any = append(any, "version = "+at+one, "version = 0 AND modified = '' AND added = "+at+one)
	}
	switch {
	case len(any) > 0:
		f.add("((" + strings.Join(any, ") OR (") + "))")
	case latest != "":
		f.add(strings.TrimPrefix(latest, " AND "))
	}
}

// libraryAccords lists the accords that the library has objects of, our own
// objects ("") first. Each is one step in the index.
func (t *tx) libraryAccords() (accords []string, err error) {
	accords = []string{""}
	for {
		next, err := first(t, "list objects", "SELECT accord FROM objects WHERE party = '' AND accord > $1 ORDER BY party, accord LIMIT 1",
			[]any{name(accords[len(accords)-1])}, scanText)
		if errors.Is(err, store.ErrNotFound) {
			return accords, nil
		}
		if err != nil {
			return nil, err
		}
		accords = append(accords, next)
	}
}

// CountObjects implements store.Objects.
func (t *tx) CountObjects() (map[string]int64, error) {
	counts := make(map[string]int64)
	err := t.query("count objects", "SELECT type, count(*) FROM objects WHERE party = '' GROUP BY type", nil, func(r pgx.Rows) error {
		var typ string
		var n int64
		err := r.Scan(text{&typ}, &n)
		counts[typ] = n
		return err
	})
	return counts, err
}

// DeleteObject implements store.Objects.
func (t *tx) DeleteObject(id string) error {
	if err := t.writable(); err != nil {
		return err
	}
	added, err := some(t, "delete object", "SELECT added FROM objects WHERE id = $1 AND party = ''", []any{name(id)}, scanInt)
	for _, a := range added {
		if err == nil {
			err = t.DeleteVersion(a)
		}
	}
	return err
}

// DeleteVersion implements store.Objects.
func (t *tx) DeleteVersion(added int64) error {
	if err := t.writable(); err != nil {
		return err
	}
	var newest int64
	o, err := first(t, "delete version", "DELETE FROM objects WHERE added = $1 RETURNING id, party, accord, newest", []any{added},
		func(r pgx.Rows) (o store.Object, err error) {
			err = r.Scan(text{&o.ID}, text{&o.To}, text{&o.Accord}, &newest)
			return o, err
		})
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err == nil {
		err = errors.Join(t.removed(added), t.unfile(added))
	}
	if err != nil || newest == 0 {
		return err
	}
	// Another takes its place, and with it its specification version comes to be
	// looked at.
	rows, err := t.siblings(o)
	for i, r := range rows {
		if i == 0 && err == nil {
			_, err = t.exec("delete version", "UPDATE objects SET newest = 1 WHERE added = $1", r.Added)
		}
		err = errors.Join(err, t.removed(r.Added))
	}
	return err
}
