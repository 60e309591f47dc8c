package pack

import (
	"bytes"
	"fmt"
	"iter"

	"golang.org/x/mod/sumdb/tlog"

	"parley.example/parley/internal/store"
)

// CheckAppend checks what is to be appended to a log of a size.
func CheckAppend(log string, size, first int64, leaves, hashes int, openings []store.Event) error {
	if first != size {
		return fmt.Errorf("appending at %d to %q of size %d: %w", first, log, size, store.ErrConflict)
	}
	end := first + int64(leaves)
	if want := tlog.StoredHashCount(end) - tlog.StoredHashCount(first); int64(hashes) != want {
		return fmt.Errorf("appending %d leaves at %d to %q: %d hashes, want %d", leaves, first, log, hashes, want)
	}
	at := first
	for _, e := range openings {
		if e.Log != log || e.Index < at || e.Index >= end {
			return fmt.Errorf("appending %d leaves at %d to %q: opening %d of %q is not of them or out of order", leaves, first, log, e.Index, e.Log)
		}
		at = e.Index + 1
	}
	return nil
}

// Stretch is the part of what is appended that belongs to one pack.
type Stretch struct {
	First    int64 // of the pack
	From     int64 // index of the first leaf
	Leaves   [][]byte
	Hashes   []tlog.Hash // that the leaves add
	Openings []store.Event
}

// Stretches cuts what is appended where packs begin.
func Stretches(first int64, leaves [][]byte, hashes []tlog.Hash, openings []store.Event) iter.Seq[Stretch] {
	return func(yield func(Stretch) bool) {
		for from := first; len(leaves) > 0; {
			s := Stretch{First: First(from), From: from}
			n := min(s.First+Size-from, int64(len(leaves)))
			s.Leaves, leaves = leaves[:n], leaves[n:]
			h := tlog.StoredHashCount(from+n) - tlog.StoredHashCount(from)
			s.Hashes, hashes = hashes[:h], hashes[h:]
			k := 0
			for k < len(openings) && openings[k].Index < from+n {
				k++
			}
			s.Openings, openings = openings[:k], openings[k:]
			if !yield(s) {
				return
			}
			from += n
		}
	}
}

// Full reports whether the stretch completes its pack.
func (s Stretch) Full() bool { return s.From+int64(len(s.Leaves)) == s.First+Size }

// Pack makes a pack of a full stretch, the entries of the pack before it, and
// openings of its leaves that came before them. ok is false where it is too large.
func (s Stretch) Pack(log string, before []store.LogEntry, early []store.Event) (p Pack, raw []byte, ok bool, err error) {
	p = Pack{First: s.First, Entries: make([]store.LogEntry, Size)}
	at := copy(p.Entries, before)
	for i, leaf := range s.Leaves {
		p.Entries[at+i].Leaf = leaf
	}
	for _, events := range [][]store.Event{early, s.Openings} {
		for _, e := range events {
			e.Log = log
			if _, err := p.Open(e); err != nil {
				return p, nil, false, err
			}
		}
	}
	raw, ok = p.Encode()
	return p, raw, ok, nil
}

// Hashed are the indexes of the stored hashes that are rows before the pack is made
// and are not needed once it is.
func (s Stretch) Hashed() (from, to int64) {
	return tlog.StoredHashCount(s.First), tlog.StoredHashCount(s.From)
}

// Roots are the stored hashes of a full stretch that stay when its pack is made, its
// root and those above, and the index of the first.
func (s Stretch) Roots() (at int64, hashes []tlog.Hash) {
	at = tlog.StoredHashIndex(0, s.First+Size-1) + Level
	return at, s.Hashes[at-tlog.StoredHashCount(s.From):]
}

// Open takes an opening in, as PutEvent does; one that is there keeps its bytes and
// salt. It reports whether that changed the pack.
func (p Pack) Open(e store.Event) (changed bool, err error) {
	x := &p.Entries[e.Index-p.First]
	if x.Opened && (!bytes.Equal(x.Event.Bytes, e.Bytes) || !bytes.Equal(x.Event.Salt, e.Salt)) {
		return false, fmt.Errorf("event %d of %q: %w", e.Index, e.Log, store.ErrConflict)
	}
	changed = !x.Opened || x.Event.Kind != e.Kind || x.Event.At != e.At || x.Event.Audience != e.Audience
	e.Bytes, e.Salt = bytes.Clone(e.Bytes), bytes.Clone(e.Salt)
	x.Opened, x.Event = true, e
	return changed, nil
}

// Rows is what a pack is as rows: its leaves, all stored hashes below its root, and
// its openings.
func (p Pack) Rows() (leaves [][]byte, hashes []tlog.Hash, openings []store.Event) {
	for _, e := range p.Entries {
		leaves = append(leaves, e.Leaf)
		if e.Opened {
			openings = append(openings, e.Event)
		}
	}
	from := tlog.StoredHashCount(p.First)
	to, _ := Roots(p.First)
	for i := from; i < to; i++ {
		hashes = append(hashes, p.Hash(i))
	}
	return leaves, hashes, openings
}
