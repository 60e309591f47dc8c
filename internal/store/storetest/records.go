package storetest

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"

	"parley.example/parley/internal/store"
)

func testDocs(t *testing.T, h *harness) {
	h.update(func(tx store.Tx) error {
		_, err := tx.Doc("k", "a")
		wantErr(t, "absent doc", err, store.ErrNotFound)
		must(t, tx.DeleteDoc("k", "a"))
		must(t, tx.PutDoc("k", "b", []byte("1")))
		must(t, tx.PutDoc("k", "a", []byte("2")))
		must(t, tx.PutDoc("k", "B", []byte("3")))
		must(t, tx.PutDoc("l", "a", []byte("4")))
		must(t, tx.PutDoc("k", "b", []byte("5")))
		return nil
	})
	h.view(func(tx store.Tx) error {
		docs, err := tx.ListDocs("k")
		must(t, err)
		equal(t, "docs", docs, []store.Doc{{ID: "B", Body: []byte("3")}, {ID: "a", Body: []byte("2")}, {ID: "b", Body: []byte("5")}})
		docs, err = tx.ListDocs("none")
		equal(t, "no docs", docs, nil)
		return err
	})
	h.update(func(tx store.Tx) error { return tx.DeleteDoc("k", "a") })
	h.view(func(tx store.Tx) error {
		_, err := tx.Doc("k", "a")
		wantErr(t, "deleted doc", err, store.ErrNotFound)
		doc, err := tx.Doc("l", "a")
		equal(t, "doc of the same id and another kind", string(doc), "4")
		return err
	})
}

func testCards(t *testing.T, h *harness) {
	card := func(party string, seq int64) store.Card {
		return store.Card{Party: party, Sequence: seq, Note: fmt.Appendf(nil, "%s %d", party, seq), Added: 100 - seq}
	}
	h.update(func(tx store.Tx) error {
		for _, c := range []store.Card{card("south", 2), card("north", 10), card("north", 9)} {
			must(t, tx.PutCard(c))
		}
		again := card("north", 9)
		again.Added = 7
		must(t, tx.PutCard(again))
		other := card("north", 9)
		other.Note = []byte("forged")
		wantErr(t, "card with other bytes", tx.PutCard(other), store.ErrConflict)
		return nil
	})
	h.view(func(tx store.Tx) error {
		got, err := tx.LatestCard("north")
		must(t, err)
		equal(t, "latest", got, card("north", 10))
		_, err = tx.LatestCard("east")
		wantErr(t, "card of an unknown party", err, store.ErrNotFound)
		all, err := tx.AllCards()
		equal(t, "all", all, []store.Card{card("north", 9), card("north", 10), card("south", 2)})
		return err
	})
}

func testBodies(t *testing.T, h *harness) {
	a, b := [32]byte{1}, [32]byte{2}
	big := make([]byte, 3<<20)
	for i := range big {
		big[i] = byte(i * i >> 7)
	}
	h.update(func(tx store.Tx) error {
		_, err := tx.Body(a)
		wantErr(t, "absent body", err, store.ErrNotFound)
		must(t, tx.PutBody(a, []byte("first")))
		must(t, tx.PutBody(a, []byte("second")))
		must(t, tx.PutBody(b, big))
		must(t, tx.DeleteBody([32]byte{3}))
		return nil
	})
	h.reopen()
	h.update(func(tx store.Tx) error {
		body, err := tx.Body(a)
		must(t, err)
		equal(t, "body put twice", string(body), "first")
		body, err = tx.Body(b)
		must(t, err)
		if !slices.Equal(body, big) {
			t.Error("a body of 3 MiB comes back altered")
		}
		must(t, tx.DeleteBody(b))
		_, err = tx.Body(b)
		wantErr(t, "deleted body", err, store.ErrNotFound)
		return nil
	})
}

func testOutbox(t *testing.T, h *harness) {
	out := func(to, log string, index int64, priority int) store.Out {
		return store.Out{Accord: "acc", To: to, Log: log, Index: index, Digest: [32]byte{byte(index)}, Priority: priority, At: 1000 + index}
	}
	order := func(tx store.Tx, accord, to string) (indexes []int64) {
		outs, err := tx.Outbox(accord, to)
		must(t, err)
		for _, o := range outs {
			indexes = append(indexes, o.Index)
		}
		return indexes
	}
	h.update(func(tx store.Tx) error {
		for _, o := range []store.Out{out("s", "l", 1, 0), out("s", "l", 2, 3), out("s", "l", 3, 0), out("s", "l", 4, 3), out("g", "l", 1, 0)} {
			must(t, tx.PutOut(o))
		}
		other := out("s", "m", 9, 0)
		other.Accord = "other"
		must(t, tx.PutOut(other))
		return nil
	})
	var seqs []int64
	h.view(func(tx store.Tx) error {
		equal(t, "order", order(tx, "acc", "s"), []int64{2, 4, 1, 3})
		equal(t, "other party", order(tx, "acc", "g"), []int64{1})
		equal(t, "other accord", order(tx, "other", "s"), []int64{9})
		equal(t, "nobody", order(tx, "acc", "n"), nil)
		outs, err := tx.Outbox("acc", "s")
		must(t, err)
		got := outs[0]
		seqs = append(seqs, got.Seq)
		got.Seq = 0
		equal(t, "entry", got, out("s", "l", 2, 3))
		return nil
	})
	h.update(func(tx store.Tx) error {
		must(t, tx.PutOut(out("s", "l", 1, 2))) // replaced: same place in Seq, other priority
		equal(t, "order after replacement", order(tx, "acc", "s"), []int64{2, 4, 1, 3})
		must(t, tx.PutOut(out("s", "l", 1, 0)))
		equal(t, "order after replacement back", order(tx, "acc", "s"), []int64{2, 4, 1, 3})
		must(t, tx.Delivered("l", 2, "s", 5))
		must(t, tx.Delivered("l", 2, "s", 6))
		equal(t, "order after delivery", order(tx, "acc", "s"), []int64{4, 1, 3})
		wantErr(t, "delivery of nothing", tx.Delivered("l", 77, "s", 5), store.ErrNotFound)
		wantErr(t, "delivery to nobody", tx.Delivered("l", 2, "n", 5), store.ErrNotFound)
		must(t, tx.PutOut(out("s", "l", 2, 3)))
		equal(t, "order after putting again", order(tx, "acc", "s"), []int64{2, 4, 1, 3})
		return nil
	})
	h.view(func(tx store.Tx) error {
		outs, err := tx.Outbox("acc", "s")
		must(t, err)
		equal(t, "seq", outs[0].Seq, seqs[0])
		return nil
	})
}

func testInbox(t *testing.T, h *harness) {
	in := func(id string, at int64) store.In {
		return store.In{ID: id, Accord: "acc", From: "s", At: at, Doc: []byte(`{"id":"` + id + `"}`)}
	}
	h.update(func(tx store.Tx) error {
		for _, i := range []store.In{in("a", 1), in("b", 3), in("c", 2), in("d", 3), in("e", 9)} {
			must(t, tx.PutIn(i))
		}
		must(t, tx.PutIn(in("e", 0)))
		return nil
	})
	h.view(func(tx store.Tx) error {
		got, err := tx.In("b")
		must(t, err)
		equal(t, "entry", got, in("b", 3))
		_, err = tx.In("z")
		wantErr(t, "absent entry", err, store.ErrNotFound)
		all, err := tx.Inbox(0)
		must(t, err)
		equal(t, "inbox", all, []store.In{in("d", 3), in("b", 3), in("c", 2), in("a", 1), in("e", 0)})
		two, err := tx.Inbox(2)
		equal(t, "first two", two, all[:2])
		return err
	})
}

func object(id, typ string, version int64, from string) store.Object {
	return store.Object{
		ID: id, Type: typ, Version: version, Modified: fmt.Sprint("v", version),
		Bytes: fmt.Appendf(nil, "%s %d", id, version), From: from, Accord: "acc",
	}
}

func testObjects(t *testing.T, h *harness) {
	put := func(tx store.Tx, o store.Object, want bool) {
		t.Helper()
		added, err := tx.PutObject(o)
		must(t, err)
		equal(t, fmt.Sprintf("added %s %d", o.ID, o.Version), added, want)
	}
	h.update(func(tx store.Tx) error {
		_, err := tx.Object("x--1")
		wantErr(t, "absent object", err, store.ErrNotFound)
		put(tx, object("x--1", "x", 20, ""), true)
		put(tx, object("x--1", "x", 10, "s"), true)
		put(tx, object("y--1", "y", 0, ""), true)
		put(tx, object("x--1", "x", 10, "other"), false)
		forged := object("x--1", "x", 10, "s")
		forged.Bytes = []byte("forged")
		added, err := tx.PutObject(forged)
		wantErr(t, "other bytes", err, store.ErrConflict)
		equal(t, "added", added, false)
		return nil
	})
	h.reopen()
	h.update(func(tx store.Tx) error {
		put(tx, object("x--1", "x", 20, ""), false)
		return nil
	})
	noAdded := func(os ...store.Object) []store.Object {
		for i := range os {
			if os[i].Added == 0 {
				t.Errorf("%s has no Added", os[i].ID)
			}
			os[i].Added = 0
		}
		return os
	}
	h.view(func(tx store.Tx) error {
		o, err := tx.Object("x--1")
		must(t, err)
		equal(t, "newest", noAdded(o), []store.Object{object("x--1", "x", 20, "")})
		vs, err := tx.ObjectVersions("x--1")
		must(t, err)
		equal(t, "versions", noAdded(vs...), []store.Object{object("x--1", "x", 10, "s"), object("x--1", "x", 20, "")})
		vs, err = tx.ObjectVersions("none")
		must(t, err)
		equal(t, "no versions", vs, nil)
		n, err := tx.CountObjects()
		must(t, err)
		equal(t, "counts", n, map[string]int64{"x": 2, "y": 1})
		return nil
	})
	h.update(func(tx store.Tx) error {
		must(t, tx.DeleteObject("none"))
		must(t, tx.DeleteObject("x--1"))
		_, err := tx.Object("x--1")
		wantErr(t, "deleted object", err, store.ErrNotFound)
		n, err := tx.CountObjects()
		equal(t, "counts", n, map[string]int64{"y": 1})
		return err
	})
}

// testObjectQueries compares every query with a filter over the whole list.
func testObjectQueries(t *testing.T, h *harness) {
	types := []string{"a", "b", "c", "d"}
	froms := []string{"", "north", "south"}
	for batch := range 4 {
		h.update(func(tx store.Tx) error {
			for i := range 15 {
				n := batch*15 + i
				if _, err := tx.PutObject(object(fmt.Sprintf("o--%d", n), types[n*n%7%4], int64(n), froms[n%5%3])); err != nil {
					return err
				}
			}
			return nil
		})
	}
	h.view(func(tx store.Tx) error {
		all, _, err := tx.ListObjects(store.ObjectQuery{})
		must(t, err)
		equal(t, "number", len(all), 60)
		for i, o := range all {
			equal(t, "order", o.ID, fmt.Sprintf("o--%d", i))
		}
		many := []string{"a"}
		for i := range 1200 {
			many = append(many, fmt.Sprint("unknown-", i))
		}
		for _, ts := range [][]string{nil, {"a"}, {"c", "b"}, {"b", "b"}, {"none"}, {"none", "d"}, {"a", "b", "c", "d", "e"}, many} {
			for _, from := range []*string{nil, &froms[0], &froms[1], new("none")} {
				for _, after := range []int64{0, all[0].Added, all[29].Added, all[59].Added, math.MaxInt64} {
					for _, limit := range []int{0, 1, 7, 100} {
						for _, newest := range []bool{false, true} {
							q := store.ObjectQuery{Types: ts, From: from, After: after, Limit: limit, Newest: newest}
							got, _, err := tx.ListObjects(q)
							must(t, err)
							if want := selectObjects(all, q); !slices.EqualFunc(got, want, func(a, b store.Object) bool { return a.Added == b.Added && a.ID == b.ID }) {
								t.Fatalf("%d types, from %v, after %d, limit %d, newest %v: %d objects, want %d", len(ts), from, after, limit, newest, len(got), len(want))
							}
						}
					}
				}
			}
		}
		return nil
	})
}

func selectObjects(all []store.Object, q store.ObjectQuery) (out []store.Object) {
	for _, o := range all {
		if (len(q.Types) == 0 || slices.Contains(q.Types, o.Type)) && (q.From == nil || *q.From == o.From) && o.Added > q.After {
			out = append(out, o)
		}
	}
	if q.Newest {
		slices.Reverse(out)
	}
	if q.Limit > 0 && len(out) > q.Limit {
		out = out[:q.Limit]
	}
	return out
}

// testAddedNeverRepeats deletes the newest object and opens the store again:
// its Added must not come back.
func testAddedNeverRepeats(t *testing.T, h *harness) {
	last := int64(0)
	put := func(id string) {
		h.update(func(tx store.Tx) error {
			_, err := tx.PutObject(object(id, "x", 1, ""))
			if err != nil {
				return err
			}
			o, err := tx.Object(id)
			if err == nil && o.Added <= last {
				t.Errorf("%s added at %d, not after %d", id, o.Added, last)
			}
			last = o.Added
			return err
		})
	}
	for i := range 20 {
		put(fmt.Sprint("x--", i))
		h.update(func(tx store.Tx) error { return tx.DeleteObject(fmt.Sprint("x--", i)) })
		if i%5 == 0 {
			h.reopen()
		}
	}
}

// testPoller reads with After while many write. It must see every object once,
// in order, and never one that sorts before what it has already read.
func testPoller(t *testing.T, h *harness) {
	const writers, rounds, each = 6, 40, 3
	var wg sync.WaitGroup
	done := make(chan struct{})
	for w := range writers {
		wg.Go(func() {
			for r := range rounds {
				err := h.s.Update(context.Background(), func(tx store.Tx) error {
					for i := range each {
						if _, err := tx.PutObject(object(fmt.Sprintf("x--%d-%d-%d", w, r, i), "x", 1, "")); err != nil {
							return err
						}
					}
					if r%7 == 3 {
						return errTest
					}
					return nil
				})
				if r%7 == 3 {
					wantErr(t, "failing Update", err, errTest)
				} else if err != nil {
					t.Errorf("Update: %v", err)
				}
			}
		})
	}
	go func() { wg.Wait(); close(done) }()
	var seen []store.Object
	after := int64(0)
	poll := func() (n int) {
		h.view(func(tx store.Tx) error {
			got, _, err := tx.ListObjects(store.ObjectQuery{After: after, Limit: 10})
			for _, o := range got {
				if o.Added <= after {
					t.Errorf("Added %d after %d", o.Added, after)
				}
				after = o.Added
			}
			seen = append(seen, got...)
			n = len(got)
			return err
		})
		return n
	}
	for finished := false; !finished; {
		select {
		case <-done:
			finished = true
		default:
		}
		poll()
	}
	for poll() > 0 {
	}
	h.view(func(tx store.Tx) error {
		all, _, err := tx.ListObjects(store.ObjectQuery{})
		equal(t, "stored", len(all), writers*each*(rounds-6))
		equal(t, "polled", seen, all)
		return err
	})
}

func testIncidents(t *testing.T, h *harness) {
	all := []store.Incident{
		{ID: "i1", Start: -50, End: -40, Area: "A", Class: "police", Lat: 34.5, Lon: 69.25, Placed: true, From: "s", Doc: []byte(`{"n":1}`)},
		{ID: "i2", Start: 10, End: 11, Area: "B", Class: "school", Doc: []byte(`{}`)},
		{ID: "i3", Start: 10, End: 12, Area: "A", Class: "school", Lat: -0.1, Lon: 0, Placed: true},
		{ID: "i4", Start: 20, End: 20, Area: "A", Class: "police"},
	}
	h.update(func(tx store.Tx) error {
		for _, i := range []int{3, 0, 2, 1} {
			must(t, tx.PutIncident(all[i]))
		}
		changed := all[1]
		changed.Area = "C"
		must(t, tx.PutIncident(changed))
		must(t, tx.PutIncident(all[1]))
		return nil
	})
	h.view(func(tx store.Tx) error {
		got, err := tx.Incident("i1")
		must(t, err)
		equal(t, "incident", got, all[0])
		_, err = tx.Incident("none")
		wantErr(t, "absent incident", err, store.ErrNotFound)
		queries := []struct {
			q    store.IncidentQuery
			want []int
		}{
			{store.IncidentQuery{}, []int{0, 1, 2, 3}},
			{store.IncidentQuery{Newest: true}, []int{3, 2, 1, 0}},
			{store.IncidentQuery{Since: 10}, []int{1, 2, 3}},
			{store.IncidentQuery{Since: 10, Until: 20}, []int{1, 2}},
			{store.IncidentQuery{Until: 10}, []int{0}},
			{store.IncidentQuery{Area: "A"}, []int{0, 2, 3}},
			{store.IncidentQuery{Area: "A", Newest: true, Limit: 1}, []int{3}},
			{store.IncidentQuery{Class: "school"}, []int{1, 2}},
			{store.IncidentQuery{Class: "school", Area: "A", Since: 1, Until: 100}, []int{2}},
			{store.IncidentQuery{Limit: 3}, []int{0, 1, 2}},
			{store.IncidentQuery{Area: "C"}, nil},
		}
		for _, q := range queries {
			var want []store.Incident
			for _, i := range q.want {
				want = append(want, all[i])
			}
			got, err := tx.ListIncidents(q.q)
			must(t, err)
			equal(t, fmt.Sprintf("%+v", q.q), got, want)
			if q.q.Limit == 0 {
				n, err := tx.CountIncidents(q.q)
				must(t, err)
				equal(t, fmt.Sprintf("count %+v", q.q), n, int64(len(want)))
			}
		}
		return nil
	})
	h.update(func(tx store.Tx) error {
		must(t, tx.DeleteIncident("none"))
		must(t, tx.DeleteIncident("i2"))
		_, err := tx.Incident("i2")
		wantErr(t, "deleted incident", err, store.ErrNotFound)
		return nil
	})
}

func testSelectors(t *testing.T, h *harness) {
	h.update(func(tx store.Tx) error {
		for _, s := range [][3]string{
			{"phone", "+93700000002", "o2"},
			{"phone", "+93700000001", "o2"},
			{"phone", "+93700000001", "o1"},
			{"phone", "+93700000001", "o1"},
			{"plate", "AFKBL1", "o1"},
		} {
			must(t, tx.PutSelector(s[0], s[1], s[2]))
		}
		return nil
	})
	check := func(what string, want map[string][]string) {
		t.Helper()
		h.view(func(tx store.Tx) error {
			for kind, values := range want {
				var got []string
				must(t, tx.EachSelector(kind, func(value, object string) { got = append(got, value+" "+object) }))
				equal(t, what+": "+kind, got, values)
			}
			return nil
		})
	}
	check("first", map[string][]string{"phone": {"+93700000001 o1", "+93700000001 o2", "+93700000002 o2"}, "plate": {"AFKBL1 o1"}, "none": nil})
	h.view(func(tx store.Tx) error {
		got, err := tx.SelectorObjects("phone", "+93700000001")
		must(t, err)
		equal(t, "objects", got, []string{"o1", "o2"})
		got, err = tx.SelectorObjects("phone", "none")
		equal(t, "no objects", got, nil)
		return err
	})
	h.update(func(tx store.Tx) error {
		must(t, tx.DeleteSelectors("none"))
		return tx.DeleteSelectors("o2")
	})
	check("after deletion", map[string][]string{"phone": {"+93700000001 o1"}, "plate": {"AFKBL1 o1"}})
}

// testAwkward stores values that quoting, collation and NULL get wrong.
func testAwkward(t *testing.T, h *harness) {
	names := []string{"", "'", `"; DROP TABLE docs; --`, "a\x00b", "%", "پشاور", "é", "e\u0301", "A", "a", " a", "😀"}
	h.update(func(tx store.Tx) error {
		for _, n := range names {
			must(t, tx.PutDoc("k", n, []byte(n)))
			must(t, tx.PutSelector("phone", n, n))
		}
		must(t, tx.PutDoc("nil", "nil", nil))
		must(t, tx.PutDoc("nil", "empty", []byte{}))
		must(t, tx.PutDoc("nil", "zero", []byte{0, 0}))
		must(t, tx.PutEvent(store.Event{Log: "", Index: math.MaxInt64}))
		must(t, tx.PutEvent(store.Event{Log: "", Index: math.MaxInt64, Bytes: []byte{}, Salt: []byte{}}))
		_, err := tx.PutObject(store.Object{})
		must(t, err)
		added, err := tx.PutObject(store.Object{Bytes: []byte{}})
		must(t, err)
		equal(t, "empty object put again", added, false)
		return tx.PutIncident(store.Incident{ID: "i", Start: math.MinInt64, End: math.MaxInt64, Lat: math.MaxFloat64, Lon: -math.SmallestNonzeroFloat64})
	})
	h.reopen()
	slices.Sort(names)
	h.view(func(tx store.Tx) error {
		docs, err := tx.ListDocs("k")
		must(t, err)
		var got []string
		for _, d := range docs {
			equal(t, "body", string(d.Body), d.ID)
			got = append(got, d.ID)
		}
		equal(t, "names", got, names)
		var values []string
		must(t, tx.EachSelector("phone", func(value, _ string) { values = append(values, value) }))
		equal(t, "values", values, names)
		for id, want := range map[string]string{"nil": "", "empty": "", "zero": "\x00\x00"} {
			doc, err := tx.Doc("nil", id)
			must(t, err)
			equal(t, id, string(doc), want)
		}
		i, err := tx.Incident("i")
		equal(t, "incident", i, store.Incident{ID: "i", Start: math.MinInt64, End: math.MaxInt64, Lat: math.MaxFloat64, Lon: -math.SmallestNonzeroFloat64})
		return err
	})
}
