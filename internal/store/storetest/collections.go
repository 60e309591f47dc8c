package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
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
	removals := func(since int64) (added []int64, mark int64) {
		h.view(func(tx store.Tx) (err error) {
			complete := false
			if added, mark, complete, err = tx.Removed(since); !complete {
				t.Error("removals are not known")
			}
			return err
		})
		return added, mark
	}
	_, step := removals(0)
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
	gone, mark := removals(step)
	for i := 0; i < len(all); i += 3 {
		if !slices.Contains(gone, all[i].Added) {
			t.Errorf("%d was removed and is not said to be", all[i].Added)
		}
	}
	if again, same := removals(mark); len(again) != 0 || same != mark {
		t.Errorf("nothing was removed since, and %v is said to be, up to %d, not %d", again, same, mark)
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
		last, first, higher, twin := true, true, false, false
		for _, x := range all {
			if x.ID != o.ID || x.Accord != o.Accord || x.To != o.To || !has(q.Specs, x.Spec) {
				continue
			}
			higher, twin = higher || x.Spec > o.Spec, twin || x.Version == o.Version && x.Spec > o.Spec
			last = last && (x.Version < o.Version || x.Version == o.Version && x.Spec <= o.Spec || len(q.Specs) == 0 && x.Spec < o.Spec)
			first = first && (x.Version >= o.Version || len(q.Specs) == 0 && x.Spec != o.Spec)
		}
		if len(q.Specs) > 0 {
			higher, twin = false, false
		}
		v := q.Versions
		all := !v.Last && !v.First && len(v.At) == 0
		at := slices.Contains(v.At, o.Version) && (o.Version != 0 || slices.Contains(v.At, 0)) || o.Modified == "" && slices.Contains(v.At, o.Added)
		if !((all || v.Last && last || v.First && first) && !higher || at && !twin) {
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

// testRemovals checks that all that may change a full page is told, that
// adding is not, and that what selects between two dates of adding stays the
// same while nothing is told of it.
func testRemovals(t *testing.T, h *harness) {
	told := func(fn func(tx store.Tx) error) (added []int64) {
		h.update(func(tx store.Tx) error {
			_, mark, _, err := tx.Removed(0)
			if err == nil {
				err = fn(tx)
			}
			if err == nil {
				added, _, _, err = tx.Removed(mark)
			}
			return err
		})
		return added
	}
	at := map[string]int64{} // by version and specification
	put := func(version int64, spec string) func(tx store.Tx) error {
		return func(tx store.Tx) error {
			o := object("x--1", "x", version, "")
			o.Spec = spec
			_, err := tx.PutObject(o)
			if err == nil {
				for _, o := range versionsOf(t, tx, "x--1") {
					at[fmt.Sprint(o.Version, o.Spec)] = o.Added
				}
			}
			return err
		}
	}
	equal(t, "adding", told(put(5, "2.0")), nil)
	equal(t, "adding again", told(put(5, "2.0")), nil)
	equal(t, "adding an older version", told(put(4, "2.0")), nil)
	equal(t, "superseding", told(put(6, "2.0")), []int64{at["52.0"]})
	equal(t, "a later specification", len(told(put(1, "2.1"))), 3)
	equal(t, "a newer version of an older specification", told(put(9, "2.0")), nil)
	equal(t, "removing nothing", told(func(tx store.Tx) error { return errors.Join(tx.DeleteObject("none"), tx.DeleteVersion(1)) }), nil)
	equal(t, "removing the later specification", len(told(func(tx store.Tx) error { return tx.DeleteVersion(at["12.1"]) })), 5)
	equal(t, "removing all", len(told(func(tx store.Tx) error { return tx.DeleteObject("x--1") })) >= 4, true)

	// Random changes, with every range that is not told of compared.
	r := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		var before, after [2][]store.Object
		list := func(tx store.Tx) (out [2][]store.Object) {
			for i, v := range []store.Versions{{Last: true}, {}} {
				var err error
				out[i], _, err = tx.ListObjects(store.ObjectQuery{In: &store.Collection{Accord: "acc"}, Versions: v})
				must(t, err)
			}
			return out
		}
		h.view(func(tx store.Tx) error { before = list(tx); return nil })
		changed := told(func(tx store.Tx) error {
			id := fmt.Sprintf("y--%d", r.IntN(3))
			if held := versionsOf(t, tx, id); len(held) > 0 && r.IntN(3) == 0 {
				return tx.DeleteVersion(held[r.IntN(len(held))].Added)
			}
			o := object(id, "y", r.Int64N(5), "")
			o.Spec = []string{"2.0", "2.1"}[r.IntN(2)]
			_, err := tx.PutObject(o)
			return err
		})
		h.view(func(tx store.Tx) error { after = list(tx); return nil })
		for i := range before {
			end := int64(0)
			if n := len(before[i]); n > 0 {
				end = before[i][n-1].Added
			}
			untold := func(objects []store.Object) []store.Object {
				return slices.DeleteFunc(slices.Clone(objects), func(o store.Object) bool { return o.Added > end || slices.Contains(changed, o.Added) })
			}
			equal(t, "what nothing is told of", untold(after[i]), untold(before[i]))
		}
	}
}

func versionsOf(t *testing.T, tx store.Tx, id string) []store.Object {
	t.Helper()
	all, err := tx.ObjectVersions(id)
	must(t, err)
	return all
}
