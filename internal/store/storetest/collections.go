package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"parley.example/parley/internal/store"
)

// testCollections compares pages of collections with a plain filter over all
// that was put, before and after deleting.
func testCollections(t *testing.T, h *harness) {
	homes := []store.Collection{{}, {Accord: "a"}, {Accord: "b"}, {Accord: "a", To: "p"}}
	var all []store.Object
	h.update(func(tx store.Tx) error {
		for i := range 120 {
			home := homes[i*i%7%4]
			// Ids are of one home in the library, as the node sees to.
			o := store.Object{
				ID: fmt.Sprintf("%s--%s%s%d", []string{"x", "y", "z"}[i%3], home.Accord, home.To, i%7), Type: []string{"x", "y", "z"}[i%3],
				Version: int64(i*37%11) - 3, Spec: []string{"2.1", "2.1", "2.0"}[i%11%3], Accord: home.Accord, To: home.To,
			}
			if o.Version != 0 {
				o.Modified = fmt.Sprint("v", o.Version)
			}
			o.Bytes = fmt.Appendf(nil, "%s %d %s", o.ID, o.Version, o.Spec)
			if _, err := tx.PutObject(o); err != nil {
				return err
			}
		}
		return nil
	})
	read := func() {
		all = nil
		h.view(func(tx store.Tx) error {
			for _, c := range homes {
				for _, spec := range []string{"2.0", "2.1"} { // both, though one is later
					got, _, err := tx.ListObjects(store.ObjectQuery{In: &c, Specs: []string{spec}})
					must(t, err)
					all = append(all, got...)
				}
			}
			return nil
		})
		slices.SortFunc(all, func(a, b store.Object) int { return int(a.Added - b.Added) })
	}
	check := func() {
		h.view(func(tx store.Tx) error {
			for _, q := range collectionQueries(homes, all) {
				got, more, err := tx.ListObjects(q)
				must(t, err)
				want := selectVersions(all, q)
				if wantMore := q.Limit > 0 && len(want) > q.Limit; more != wantMore {
					t.Fatalf("%+v: more %v, want %v", q, more, wantMore)
				} else if wantMore {
					want = want[:q.Limit]
				}
				if q.Want != store.WantAll {
					want = slices.Clone(want)
				}
				for i := range want {
					switch q.Want {
					case store.WantBytes:
						want[i] = store.Object{Added: want[i].Added, Bytes: want[i].Bytes}
					case store.WantIndex:
						want[i].Bytes = nil
					}
				}
				if equal(t, fmt.Sprintf("%+v", q), got, want); t.Failed() {
					t.FailNow()
				}
			}
			return nil
		})
	}
	removals := func() (n int64) {
		h.view(func(tx store.Tx) (err error) { n, err = tx.Removals(); return err })
		return n
	}
	step := removals()
	read()
	if len(all) < 60 {
		t.Fatalf("only %d objects", len(all))
	}
	check()
	h.update(func(tx store.Tx) error {
		for i := 0; i < len(all); i += 3 {
			must(t, tx.DeleteVersion(all[i].Added))
		}
		return tx.DeleteVersion(-5)
	})
	h.reopen()
	if now := removals(); now == step {
		t.Error("removing changes no count")
	}
	read()
	check()
	h.view(func(tx store.Tx) error {
		page, more, err := tx.ListObjects(store.ObjectQuery{In: &homes[0], MaxBytes: 1})
		must(t, err)
		if len(page) != 1 || !more {
			t.Errorf("a page of one byte holds %d objects, more %v", len(page), more)
		}
		_, err = tx.Object("x--ap0")
		wantErr(t, "a released copy, looked for in the library", err, store.ErrNotFound)
		return nil
	})
	h.update(func(tx store.Tx) error {
		theirs := store.Object{ID: "q--1", Type: "q", Version: 1, Accord: "a", From: "p", Bytes: []byte("theirs")}
		for accord, want := range map[string]bool{"a": true, "b": true} {
			theirs.Accord = accord
			added, err := tx.PutObject(theirs)
			must(t, err)
			equal(t, "put under "+accord, added, want)
		}
		ours := theirs
		ours.Accord, ours.From = "", ""
		added, err := tx.PutObject(ours)
		must(t, err)
		equal(t, "a partner's object put as our own", added, false)
		ours.Bytes = []byte("forged")
		_, err = tx.PutObject(ours)
		wantErr(t, "a partner's object put as our own with other bytes", err, store.ErrConflict)
		return nil
	})
}

func collectionQueries(homes []store.Collection, all []store.Object) (out []store.ObjectQuery) {
	ids := []string{all[3].ID, all[9].ID, all[20].ID, "none"}
	for i := range homes {
		for _, types := range [][]string{nil, {"y"}, {"x", "z", "none"}} {
			for _, some := range [][]string{nil, ids} {
				for _, specs := range [][]string{nil, {"2.0"}, {"2.0", "2.1"}} {
					for _, v := range []store.Versions{
						{}, {Last: true}, {First: true}, {First: true, Last: true}, {At: []int64{4, all[7].Added}}, {At: []int64{0, 3, all[1].Added}, Last: true},
					} {
						q := store.ObjectQuery{In: &homes[i], Types: types, IDs: some, Specs: specs, Versions: v}
						paged := q
						paged.After, paged.Limit, paged.Want = all[10].Added, 3, store.Want(len(out)/2%3)
						out = append(out, q, paged)
					}
				}
			}
		}
	}
	return out
}

// selectVersions is ListObjects in plain words.
func selectVersions(all []store.Object, q store.ObjectQuery) (out []store.Object) {
	has := func(list []string, s string) bool { return len(list) == 0 || slices.Contains(list, s) }
	for _, o := range all {
		if o.Accord != q.In.Accord || o.To != q.In.To || !has(q.Specs, o.Spec) {
			continue
		}
		last, first, later := true, true, false
		for _, x := range all {
			if x.ID != o.ID || x.Accord != o.Accord || x.To != o.To || !has(q.Specs, x.Spec) {
				continue
			}
			last = last && (x.Version < o.Version || x.Version == o.Version && x.Spec <= o.Spec)
			first = first && x.Version >= o.Version
			later = later || x.Version == o.Version && x.Spec > o.Spec
		}
		v := q.Versions
		all := !v.Last && !v.First && len(v.At) == 0
		at := slices.Contains(v.At, o.Version) && (o.Version != 0 || slices.Contains(v.At, 0)) || o.Modified == "" && slices.Contains(v.At, o.Added)
		if !(all || v.Last && last || v.First && first || at) || later && len(q.Specs) == 0 {
			continue
		}
		if has(q.Types, o.Type) && has(q.IDs, o.ID) && o.Added > q.After {
			out = append(out, o)
		}
	}
	return out
}

func testStatuses(t *testing.T, h *harness) {
	h.update(func(tx store.Tx) error {
		for i := range 5 {
			must(t, tx.PutStatus(store.Status{ID: fmt.Sprint(i), Owner: "o", At: int64(i), Doc: []byte(strings.Repeat("x", i))}))
		}
		return tx.PutStatus(store.Status{ID: "4", Owner: "p", At: 9})
	})
	h.reopen()
	h.update(func(tx store.Tx) error {
		s, err := tx.Status("4")
		must(t, err)
		equal(t, "status", s, store.Status{ID: "4", Owner: "p", At: 9})
		must(t, tx.DropStatuses(3))
		_, err = tx.Status("2")
		wantErr(t, "dropped", err, store.ErrNotFound)
		s, err = tx.Status("3")
		equal(t, "kept", s, store.Status{ID: "3", Owner: "o", At: 3, Doc: []byte("xxx")})
		_, none := tx.Status("none")
		wantErr(t, "unknown", none, store.ErrNotFound)
		return errors.Join(err)
	})
}

// testRemovals checks that what may change a full page is counted, and adding
// is not.
func testRemovals(t *testing.T, h *harness) {
	count := func(fn func(tx store.Tx) error) int64 {
		var before, after int64
		h.update(func(tx store.Tx) (err error) {
			before, err = tx.Removals()
			if err == nil {
				err = fn(tx)
			}
			if err == nil {
				after, err = tx.Removals()
			}
			return err
		})
		return after - before
	}
	put := func(version int64) func(tx store.Tx) error {
		return func(tx store.Tx) error { _, err := tx.PutObject(object("x--1", "x", version, "")); return err }
	}
	equal(t, "adding", count(put(5)), 0)
	equal(t, "adding again", count(put(5)), 0)
	equal(t, "adding an older version", count(put(4)), 0)
	equal(t, "superseding", count(put(6)), 1)
	equal(t, "removing nothing", count(func(tx store.Tx) error { return errors.Join(tx.DeleteObject("none"), tx.DeleteVersion(1)) }), 0)
	if count(func(tx store.Tx) error { return tx.DeleteObject("x--1") }) == 0 {
		t.Error("removing is not counted")
	}
}
