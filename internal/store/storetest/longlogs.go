package storetest

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"parley.example/parley/internal/store"
)

// longLog is what a log must hold, however the store keeps it.
type longLog struct {
	name   string
	leaves [][]byte
	hashes []tlog.Hash
	events map[int64]store.Event
}

func (l *longLog) ReadHashes(indexes []int64) (out []tlog.Hash, err error) {
	for _, x := range indexes {
		out = append(out, l.hashes[x])
	}
	return out, nil
}

// grow appends n leaves, opened where opened says so, in one call.
func (l *longLog) grow(t *testing.T, tx store.Tx, n int, opened func(i int64) (store.Event, bool)) {
	t.Helper()
	first, hashed := int64(len(l.leaves)), len(l.hashes)
	var openings []store.Event
	for i := first; i < first+int64(n); i++ {
		leaf := leafBytes(i)
		hs, err := tlog.StoredHashes(i, leaf, l)
		must(t, err)
		l.leaves, l.hashes = append(l.leaves, leaf), append(l.hashes, hs...)
		if e, ok := opened(i); ok {
			e.Log, e.Index = l.name, i
			openings, l.events[i] = append(openings, e), e
		}
	}
	must(t, tx.AppendLeaves(l.name, first, l.leaves[first:], l.hashes[hashed:], openings...))
}

// check compares everything that can be asked of the log.
func (l *longLog) check(t *testing.T, tx store.Tx) {
	t.Helper()
	size := int64(len(l.leaves))
	got, err := tx.LogSize(l.name)
	must(t, err)
	equal(t, "size", got, size)
	for _, r := range [][2]int64{{0, size}, {size / 3, size / 2}, {size - 1, size}, {min(255, size), min(257, size)}} {
		leaves, err := tx.Leaves(l.name, r[0], r[1])
		must(t, err)
		if !slices.EqualFunc(leaves, l.leaves[r[0]:r[1]], bytes.Equal) {
			t.Errorf("leaves %d are not those appended", r)
		}
		at := r[0]
		must(t, tx.EachEntry(l.name, r[0], r[1], func(first int64, entries []store.LogEntry) error {
			equal(t, "first of a stretch", first, at)
			for _, e := range entries {
				want, ok := l.events[at]
				if string(e.Leaf) != string(l.leaves[at]) || e.Opened != ok {
					t.Errorf("entry %d: %q, opened %v, want %q, %v", at, e.Leaf, e.Opened, l.leaves[at], ok)
				}
				if !sameEvent(e.Event, want) {
					t.Errorf("opening %d is %+v, want %+v", at, e.Event, want)
				}
				at++
			}
			_, err := tx.LogSize(l.name) // it may use the transaction
			return err
		}))
		equal(t, "end of the entries", at, r[1])
	}
	wantErr(t, "entries past the end", tx.EachEntry(l.name, 0, size+1, func(int64, []store.LogEntry) error { return nil }), store.ErrNotFound)
	all := make([]int64, len(l.hashes))
	for i := range all {
		all[i] = int64(i)
	}
	hashes, err := tx.ReadHashes(l.name, all)
	must(t, err)
	if !slices.Equal(hashes, l.hashes) {
		t.Error("hashes are not those appended")
	}
	_, err = tx.ReadHashes(l.name, []int64{int64(len(all))})
	wantErr(t, "a hash past the end", err, store.ErrNotFound)
	for i := int64(0); i <= size; i += 1 + size/50 {
		e, err := tx.Event(l.name, i)
		if want, ok := l.events[i]; ok {
			must(t, err)
			if !sameEvent(e, want) {
				t.Errorf("event %d is %+v, want %+v", i, e, want)
			}
		} else {
			wantErr(t, "an event that is not opened", err, store.ErrNotFound)
		}
	}
}

// opening makes events of three kinds, of which one is rare, and leaves some closed.
func opening(r *rand.Rand) func(i int64) (store.Event, bool) {
	return func(i int64) (store.Event, bool) {
		kind := []string{"released", "received"}[r.IntN(2)]
		if i%200 == 7 {
			kind = "rare"
		}
		e := store.Event{Kind: kind, At: 1000 + i/3, Bytes: fmt.Appendf(nil, "event %d of %d", i, r.Uint32()), Salt: fmt.Appendf(nil, "salt %d", i)}
		if r.IntN(3) == 0 {
			e.Audience = "south"
		}
		return e, r.IntN(4) > 0
	}
}

// testLongLogs holds logs of some hundred entries to the contract, appended in every
// way: what a store does with their past may not be seen.
func testLongLogs(t *testing.T, h *harness) {
	r := rand.New(rand.NewPCG(1, 2))
	logs := []*longLog{{name: "a"}, {name: "b"}, {name: "c"}}
	for _, l := range logs {
		l.events = make(map[int64]store.Event)
	}
	for _, n := range []int{1, 100, 155, 1, 700, 300, 44} { // a alone, across every kind of border
		h.update(func(tx store.Tx) error { logs[0].grow(t, tx, n, opening(r)); return nil })
	}
	h.update(func(tx store.Tx) error { logs[1].grow(t, tx, 512, opening(r)); return nil })
	for range 30 { // c in small steps, several in a transaction
		h.update(func(tx store.Tx) error {
			logs[2].grow(t, tx, 1+r.IntN(20), opening(r))
			logs[2].grow(t, tx, 1, opening(r))
			return nil
		})
	}
	h.reopen()
	h.view(func(tx store.Tx) error {
		for _, l := range logs {
			l.check(t, tx)
		}
		checkQueries(t, tx, logs)
		return nil
	})
	testLateOpenings(t, h, logs[0])
	testLargeOpenings(t, h)
	h.view(func(tx store.Tx) error { checkQueries(t, tx, logs); return nil })
	for _, size := range []int64{1024, 1000, 768, 300, 5} {
		h.update(func(tx store.Tx) error { return logs[0].truncate(tx, size) })
		h.view(func(tx store.Tx) error { logs[0].check(t, tx); checkQueries(t, tx, logs); return nil })
		if size == 300 {
			h.update(func(tx store.Tx) error { logs[0].grow(t, tx, 400, opening(r)); return nil })
			h.view(func(tx store.Tx) error { logs[0].check(t, tx); return nil })
		}
	}
}

// testLateOpenings opens leaves of the past, and tries to open them otherwise.
func testLateOpenings(t *testing.T, h *harness, l *longLog) {
	h.update(func(tx store.Tx) error {
		for i := int64(0); i < int64(len(l.leaves)); i += 37 {
			e, ok := l.events[i]
			if !ok {
				e = store.Event{Log: l.name, Index: i, Kind: "late", At: 5000 + i, Bytes: []byte("late"), Salt: []byte("salt")}
			}
			must(t, tx.PutEvent(e))
			e.Audience = "west"
			must(t, tx.PutEvent(e))
			other := e
			other.Salt = []byte("another")
			wantErr(t, "event with another salt", tx.PutEvent(other), store.ErrConflict)
			l.events[i] = e
		}
		l.check(t, tx)
		return nil
	})
	h.view(func(tx store.Tx) error { l.check(t, tx); return nil })
	err := h.s.Update(t.Context(), func(tx store.Tx) error {
		first := int64(len(l.leaves))
		must(t, tx.PutEvent(store.Event{Log: l.name, Index: first, Kind: "early", Bytes: []byte("one")}))
		leaf := leafBytes(first)
		hs, err := tlog.StoredHashes(first, leaf, l)
		must(t, err)
		e := store.Event{Log: l.name, Index: first, Kind: "early", Bytes: []byte("two")}
		wantErr(t, "an opening that contradicts", tx.AppendLeaves(l.name, first, [][]byte{leaf}, hs, e), store.ErrConflict)
		return nil
	})
	wantErr(t, "an update after it", err, store.ErrConflict)
	// Of an opening that came early the leaf may come in a full stretch.
	h.update(func(tx store.Tx) error {
		first := int64(len(l.leaves))
		early := store.Event{Log: l.name, Index: first + 3, Kind: "early", At: 7, Bytes: []byte("came first")}
		must(t, tx.PutEvent(early))
		l.grow(t, tx, 600, func(int64) (store.Event, bool) { return store.Event{}, false })
		l.events[early.Index] = early
		l.check(t, tx)
		return nil
	})
}

// testLargeOpenings has openings that are too large to be kept together.
func testLargeOpenings(t *testing.T, h *harness) {
	l := &longLog{name: "large", events: make(map[int64]store.Event)}
	large := store.Event{Log: l.name, Kind: "large", Bytes: make([]byte, 1<<20), Salt: []byte("s")}
	h.update(func(tx store.Tx) error {
		l.grow(t, tx, 600, func(i int64) (store.Event, bool) { return large, i < 3 })
		l.check(t, tx)
		for i := int64(300); i < 303; i++ {
			large.Index = i
			must(t, tx.PutEvent(large))
			l.events[i] = large
		}
		return nil
	})
	h.view(func(tx store.Tx) error { l.check(t, tx); return nil })
}

func (l *longLog) truncate(tx store.Tx, size int64) error {
	l.leaves, l.hashes = l.leaves[:size], l.hashes[:tlog.StoredHashCount(size)]
	for i := range l.events {
		if i >= size {
			delete(l.events, i)
		}
	}
	return tx.TruncateLog(l.name, size)
}

// checkQueries asks for events in many ways.
func checkQueries(t *testing.T, tx store.Tx, logs []*longLog) {
	t.Helper()
	for _, names := range [][]string{{"a"}, {"c", "b", "a"}} {
		for _, kinds := range [][]string{nil, {"rare"}, {"released", "late"}} {
			for _, newest := range []bool{false, true} {
				for _, limit := range []int{0, 1, 3, 300} {
					for _, from := range []int64{0, 260} {
						for _, since := range []int64{0, 1090} {
							q := store.EventQuery{Logs: names, Kinds: kinds, Newest: newest, Limit: limit, From: from, Since: since}
							got, err := tx.Events(q)
							must(t, err)
							want := selected(logs, q)
							if len(got) != len(want) {
								t.Fatalf("%+v: %d events, want %d", q, len(got), len(want))
							}
							for i := range got {
								if !sameEvent(got[i], want[i]) {
									t.Fatalf("%+v: event %d is %d of %s, want %d of %s", q, i, got[i].Index, got[i].Log, want[i].Index, want[i].Log)
								}
							}
						}
					}
				}
			}
		}
	}
}

func sameEvent(a, b store.Event) bool {
	return a.Log == b.Log && a.Index == b.Index && a.Kind == b.Kind && a.At == b.At && a.Audience == b.Audience &&
		bytes.Equal(a.Bytes, b.Bytes) && bytes.Equal(a.Salt, b.Salt)
}

func selected(logs []*longLog, q store.EventQuery) (out []store.Event) {
	for _, l := range logs {
		for _, e := range l.events {
			if (len(q.Logs) == 0 || slices.Contains(q.Logs, e.Log)) && (len(q.Kinds) == 0 || slices.Contains(q.Kinds, e.Kind)) && e.Index >= q.From && e.At >= q.Since {
				out = append(out, e)
			}
		}
	}
	slices.SortFunc(out, func(a, b store.Event) int {
		if q.Newest {
			return cmp.Or(cmp.Compare(b.At, a.At), cmp.Compare(a.Log, b.Log), cmp.Compare(b.Index, a.Index))
		}
		return cmp.Or(cmp.Compare(a.Log, b.Log), cmp.Compare(a.Index, b.Index))
	})
	if q.Limit > 0 && len(out) > q.Limit {
		out = out[:q.Limit]
	}
	return out
}
