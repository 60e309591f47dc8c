package storetest

import (
	"fmt"
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"parley.example/parley/internal/store"
)

// reader serves a log's stored hashes to package tlog.
func reader(tx store.Tx, log string) tlog.HashReaderFunc {
	return func(indexes []int64) ([]tlog.Hash, error) { return tx.ReadHashes(log, indexes) }
}

func leafBytes(i int64) []byte { return fmt.Appendf(nil, "leaf %d", i) }

// appendLeaf appends leaf i, its hashes and an object that belongs to it.
func appendLeaf(tx store.Tx, log string, i int64) error {
	hashes, err := tlog.StoredHashes(i, leafBytes(i), reader(tx, log))
	if err != nil {
		return err
	}
	if err := tx.AppendLeaves(log, i, [][]byte{leafBytes(i)}, hashes); err != nil {
		return err
	}
	_, err = tx.PutObject(store.Object{ID: fmt.Sprintf("leaf--%s-%d", log, i), Type: "leaf", Bytes: leafBytes(i)})
	return err
}

// checkLog checks that what appendLeaf wrote is whole, and at least atLeast.
func (h *harness) checkLog(log string, atLeast int64) {
	h.t.Helper()
	h.view(func(tx store.Tx) error {
		size, err := tx.LogSize(log)
		if err != nil {
			return err
		}
		if size < atLeast {
			h.t.Errorf("size %d, want at least %d", size, atLeast)
		}
		leaves, err := tx.Leaves(log, 0, size)
		if err != nil {
			return err
		}
		root, err := tlog.TreeHash(size, reader(tx, log))
		if err != nil {
			return err
		}
		for i, leaf := range leaves {
			if string(leaf) != string(leafBytes(int64(i))) {
				h.t.Errorf("leaf %d is %q", i, leaf)
			}
			if _, err := tx.Object(fmt.Sprintf("leaf--%s-%d", log, i)); err != nil {
				h.t.Errorf("object of leaf %d: %v", i, err)
			}
			proof, err := tlog.ProveRecord(size, int64(i), reader(tx, log))
			if err != nil {
				return err
			}
			if err := tlog.CheckRecord(proof, size, root, int64(i), tlog.RecordHash(leaf)); err != nil {
				h.t.Errorf("leaf %d: %v", i, err)
			}
		}
		if objects, err := tx.CountObjects(); err != nil || objects["leaf"] != size {
			h.t.Errorf("%d objects beside %d leaves (%v)", objects["leaf"], size, err)
		}
		return nil
	})
}

func testLeaves(t *testing.T, h *harness) {
	one := []tlog.Hash{tlog.RecordHash([]byte("a"))}
	h.update(func(tx store.Tx) error {
		size, err := tx.LogSize("log")
		must(t, err)
		equal(t, "size of an unknown log", size, 0)
		wantErr(t, "append past the end of an unknown log", tx.AppendLeaves("log", 1, [][]byte{{1}}, one), store.ErrConflict)
		must(t, tx.AppendLeaves("log", 0, nil, nil))
		logs, err := tx.Logs()
		must(t, err)
		equal(t, "logs", logs, nil)
		must(t, tx.AppendLeaves("log", 0, [][]byte{[]byte("a")}, one))
		wantErr(t, "append before the end", tx.AppendLeaves("log", 0, [][]byte{[]byte("b")}, one), store.ErrConflict)
		wantErr(t, "append past the end", tx.AppendLeaves("log", 2, [][]byte{[]byte("b")}, one), store.ErrConflict)
		if tx.AppendLeaves("log", 1, [][]byte{[]byte("b")}, one) == nil {
			t.Error("append with one hash where two belong succeeds")
		}
		if tx.AppendLeaves("log", 1, [][]byte{[]byte("b")}, nil) == nil {
			t.Error("append without hashes succeeds")
		}
		return nil
	})
	h.view(func(tx store.Tx) error {
		size, err := tx.LogSize("log")
		must(t, err)
		equal(t, "size", size, 1)
		leaves, err := tx.Leaves("log", 0, 1)
		must(t, err)
		equal(t, "leaves", leaves, [][]byte{[]byte("a")})
		leaves, err = tx.Leaves("log", 1, 1)
		must(t, err)
		equal(t, "no leaves", leaves, nil)
		_, err = tx.Leaves("log", 0, 2)
		wantErr(t, "leaves past the end", err, store.ErrNotFound)
		_, err = tx.Leaves("unknown", 0, 1)
		wantErr(t, "leaves of an unknown log", err, store.ErrNotFound)
		if _, err = tx.Leaves("log", -1, 1); err == nil {
			t.Error("leaves from -1 succeed")
		}
		if _, err = tx.Leaves("log", 1, 0); err == nil {
			t.Error("leaves backwards succeed")
		}
		_, err = tx.ReadHashes("log", []int64{0, 1})
		wantErr(t, "hashes past the end", err, store.ErrNotFound)
		_, err = tx.ReadHashes("unknown", []int64{0})
		wantErr(t, "hashes of an unknown log", err, store.ErrNotFound)
		hashes, err := tx.ReadHashes("log", nil)
		must(t, err)
		equal(t, "no hashes", hashes, nil)
		hashes, err = tx.ReadHashes("log", []int64{0, 0})
		must(t, err)
		equal(t, "hashes", hashes, []tlog.Hash{one[0], one[0]})
		return nil
	})
}

// testTreeProofs appends in single leaves and in batches, and proves records
// and consistency from what is stored.
func testTreeProofs(t *testing.T, h *harness) {
	const n = 70
	for i := int64(0); i < 10; i++ {
		h.update(func(tx store.Tx) error { return appendLeaf(tx, "log", i) })
	}
	h.update(func(tx store.Tx) error {
		for i := int64(0); i < n; i++ { // another log in one transaction
			if err := appendLeaf(tx, "other", i); err != nil {
				return err
			}
		}
		return nil
	})
	// A batch: its hashes are computed over those stored and its own.
	h.update(func(tx store.Tx) error {
		var (
			leaves [][]byte
			added  []tlog.Hash
			base   = tlog.StoredHashCount(10)
		)
		both := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
			out := make([]tlog.Hash, len(indexes))
			for i, x := range indexes {
				if x >= base {
					out[i] = added[x-base]
					continue
				}
				one, err := tx.ReadHashes("log", []int64{x})
				if err != nil {
					return nil, err
				}
				out[i] = one[0]
			}
			return out, nil
		})
		for i := int64(10); i < n; i++ {
			hashes, err := tlog.StoredHashes(i, leafBytes(i), both)
			if err != nil {
				return err
			}
			added = append(added, hashes...)
			leaves = append(leaves, leafBytes(i))
		}
		return tx.AppendLeaves("log", 10, leaves, added)
	})
	h.reopen()
	h.view(func(tx store.Tx) error {
		root, err := tlog.TreeHash(n, reader(tx, "log"))
		must(t, err)
		other, err := tlog.TreeHash(n, reader(tx, "other"))
		must(t, err)
		equal(t, "roots of the same leaves", root, other)
		for i := range int64(n) {
			proof, err := tlog.ProveRecord(n, i, reader(tx, "log"))
			must(t, err)
			must(t, tlog.CheckRecord(proof, n, root, i, tlog.RecordHash(leafBytes(i))))
			if tlog.CheckRecord(proof, n, root, i, tlog.RecordHash(leafBytes(i+1))) == nil {
				t.Errorf("proof of leaf %d holds for another", i)
			}
			old, err := tlog.TreeHash(i+1, reader(tx, "log"))
			must(t, err)
			tree, err := tlog.ProveTree(n, i+1, reader(tx, "log"))
			must(t, err)
			must(t, tlog.CheckTree(tree, n, root, i+1, old))
		}
		logs, err := tx.Logs()
		equal(t, "logs", logs, []string{"log", "other"})
		return err
	})
}

func testEvents(t *testing.T, h *harness) {
	salt := func(b byte) []byte { return append(make([]byte, 31), b) }
	all := []store.Event{
		{Log: "a", Index: 0, Kind: "released", At: 10, Bytes: []byte("a0"), Salt: salt(1)},
		{Log: "a", Index: 1, Kind: "received", At: 30, Bytes: []byte("a1"), Salt: salt(2), Audience: "x,y"},
		{Log: "a", Index: 7, Kind: "released", At: 20, Bytes: []byte("a7"), Salt: salt(3)},
		{Log: "b", Index: 0, Kind: "released", At: 30, Bytes: []byte("b0"), Salt: salt(4)},
		{Log: "b", Index: 2, Kind: "ended", At: 5, Bytes: []byte("b2"), Salt: salt(5)},
	}
	h.update(func(tx store.Tx) error {
		for _, i := range []int{3, 1, 4, 0, 2} {
			must(t, tx.PutEvent(all[i]))
		}
		return nil
	})
	h.view(func(tx store.Tx) error {
		logs, err := tx.Logs()
		must(t, err)
		equal(t, "logs", logs, []string{"a", "b"})
		size, err := tx.LogSize("a")
		must(t, err)
		equal(t, "size of a log without leaves", size, 0)
		got, err := tx.Event("a", 7)
		must(t, err)
		equal(t, "event", got, all[2])
		_, err = tx.Event("a", 2)
		wantErr(t, "event of an unopened leaf", err, store.ErrNotFound)
		_, err = tx.Event("c", 0)
		wantErr(t, "event of an unknown log", err, store.ErrNotFound)
		queries := []struct {
			q    store.EventQuery
			want []int
		}{
			{store.EventQuery{}, []int{0, 1, 2, 3, 4}},
			{store.EventQuery{Newest: true}, []int{1, 3, 2, 0, 4}},
			{store.EventQuery{Newest: true, Limit: 2}, []int{1, 3}},
			{store.EventQuery{Limit: 2}, []int{0, 1}},
			{store.EventQuery{Logs: []string{"a"}}, []int{0, 1, 2}},
			{store.EventQuery{Logs: []string{"b", "a", "b"}, From: 1}, []int{1, 2, 4}},
			{store.EventQuery{Kinds: []string{"released"}}, []int{0, 2, 3}},
			{store.EventQuery{Kinds: []string{"released", "ended"}, Logs: []string{"b"}, Newest: true}, []int{3, 4}},
			{store.EventQuery{Logs: []string{"c"}}, nil},
			{store.EventQuery{Since: all[2].At}, []int{1, 2, 3}},
			{store.EventQuery{Since: all[2].At, Kinds: []string{"released"}, Logs: []string{"a"}}, []int{2}},
		}
		for _, q := range queries {
			var want []store.Event
			for _, i := range q.want {
				want = append(want, all[i])
			}
			got, err := tx.Events(q.q)
			must(t, err)
			equal(t, fmt.Sprintf("%+v", q.q), got, want)
		}
		return nil
	})
	h.update(func(tx store.Tx) error {
		e := all[0]
		must(t, tx.PutEvent(e))
		e.Audience = "z"
		must(t, tx.PutEvent(e))
		got, err := tx.Event("a", 0)
		must(t, err)
		equal(t, "event with another audience", got, e)
		other := e
		other.Bytes = []byte("forged")
		wantErr(t, "event with other bytes", tx.PutEvent(other), store.ErrConflict)
		other = e
		other.Salt = salt(9)
		wantErr(t, "event with another salt", tx.PutEvent(other), store.ErrConflict)
		got, err = tx.Event("a", 0)
		equal(t, "event after conflicts", got, e)
		return err
	})
}

func testCheckpoints(t *testing.T, h *harness) {
	point := func(log string, size int64, note string) store.Checkpoint {
		return store.Checkpoint{Log: log, Size: size, Note: []byte(note), At: size * 10}
	}
	h.update(func(tx store.Tx) error {
		for _, c := range []store.Checkpoint{point("a", 5, "5"), point("a", 9, "9"), point("a", 0, "0"), point("b", 100, "100"), point("a", 9, "9 signed twice")} {
			must(t, tx.PutCheckpoint(c))
		}
		return nil
	})
	h.view(func(tx store.Tx) error {
		got, err := tx.LatestCheckpoint("a")
		must(t, err)
		equal(t, "latest", got, point("a", 9, "9 signed twice"))
		_, err = tx.LatestCheckpoint("c")
		wantErr(t, "latest of an unknown log", err, store.ErrNotFound)
		for size, want := range map[int64]int64{0: 0, 1: 5, 5: 5, 6: 9, 9: 9} {
			got, err := tx.CheckpointFrom("a", size)
			must(t, err)
			equal(t, fmt.Sprint("checkpoint from ", size), got.Size, want)
		}
		_, err = tx.CheckpointFrom("a", 10)
		wantErr(t, "checkpoint past the last", err, store.ErrNotFound)
		logs, err := tx.Logs()
		must(t, err)
		if !slices.Equal(logs, []string{"a", "b"}) {
			t.Errorf("logs %q", logs)
		}
		return nil
	})
}

// What is truncated is gone with its hashes, openings and checkpoints, and the
// log goes on from there as if it had never been.
func testTruncate(t *testing.T, h *harness) {
	for i := range int64(7) {
		h.update(func(tx store.Tx) error {
			must(t, appendLeaf(tx, "log", i))
			must(t, tx.PutEvent(store.Event{Log: "log", Index: i, Kind: "k", Bytes: leafBytes(i), Salt: []byte("s")}))
			return tx.PutCheckpoint(store.Checkpoint{Log: "log", Size: i + 1, Note: []byte("n")})
		})
	}
	var then tlog.Hash
	h.update(func(tx store.Tx) (err error) {
		then, err = tlog.TreeHash(4, reader(tx, "log"))
		must(t, err)
		must(t, tx.TruncateLog("unknown", 0))
		must(t, tx.TruncateLog("log", 9)) // nothing to remove
		return tx.TruncateLog("log", 4)
	})
	h.reopen()
	h.update(func(tx store.Tx) error {
		size, err := tx.LogSize("log")
		must(t, err)
		equal(t, "size", size, 4)
		_, err = tx.Leaves("log", 4, 5)
		wantErr(t, "a removed leaf", err, store.ErrNotFound)
		_, err = tx.Event("log", 4)
		wantErr(t, "a removed opening", err, store.ErrNotFound)
		cp, err := tx.LatestCheckpoint("log")
		must(t, err)
		equal(t, "newest checkpoint", cp.Size, 4)
		root, err := tlog.TreeHash(4, reader(tx, "log"))
		must(t, err)
		equal(t, "root", root, then)
		leaf := []byte("another")
		hs, err := tlog.StoredHashes(4, leaf, reader(tx, "log"))
		must(t, err)
		must(t, tx.AppendLeaves("log", 4, [][]byte{leaf}, hs))
		return tx.PutEvent(store.Event{Log: "log", Index: 4, Kind: "k", Bytes: leaf, Salt: []byte("t")})
	})
}
