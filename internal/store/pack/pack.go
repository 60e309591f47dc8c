// Package pack is how stores keep a log's past: every full stretch of 256 entries,
// leaves and openings, as one compressed value. A release then writes no row for a
// leaf, its hashes and its opening that is not written in bulk, and whoever reads a
// log from its beginning reads a fifth of the bytes in a hundredth of the rows.
// The newest entries of a log, and stretches too large to be opened at once, stay
// rows; tree hashes below the root of a pack are computed from its leaves.
package pack

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/klauspost/compress/s2"
	"golang.org/x/mod/sumdb/tlog"

	"parley.example/parley/internal/store"
)

const (
	// Size is how many entries a pack has; its first has a multiple as index.
	Size = 1 << Level
	// Level is that of a pack's root among a log's hashes (tlog.StoredHashIndex).
	Level = 8
	// MaxBytes bounds a pack's bytes before compression.
	MaxBytes = 2 << 20
)

// First is the index of the first entry of the pack to which an entry belongs.
func First(index int64) int64 { return index &^ (Size - 1) }

// ErrDamaged reports bytes that are no pack.
var ErrDamaged = errors.New("pack is damaged")

// Pack is a full stretch of a log.
type Pack struct {
	First   int64
	Entries []store.LogEntry
}

// Encode returns the pack's bytes; ok is false where it is too large to be one. The
// form, compressed as S2: for each entry the leaf, a byte that says whether it is
// opened and, where it is, kind, time, audience, event and salt. What varies in
// length stands after its length (a uvarint).
func (p Pack) Encode() (b []byte, ok bool) {
	if len(p.Entries) != Size {
		return nil, false
	}
	n := 0
	for _, e := range p.Entries {
		n += len(e.Leaf) + len(e.Event.Kind) + len(e.Event.Audience) + len(e.Event.Bytes) + len(e.Event.Salt) + 32
	}
	if n > 2*MaxBytes {
		return nil, false
	}
	raw := make([]byte, 0, n)
	field := func(f []byte) { raw = append(binary.AppendUvarint(raw, uint64(len(f))), f...) }
	for _, e := range p.Entries {
		field(e.Leaf)
		if !e.Opened {
			raw = append(raw, 0)
			continue
		}
		raw = append(raw, 1)
		field([]byte(e.Event.Kind))
		raw = binary.AppendVarint(raw, e.Event.At)
		field([]byte(e.Event.Audience))
		field(e.Event.Bytes)
		field(e.Event.Salt)
		if len(raw) > MaxBytes {
			return nil, false
		}
	}
	return s2.Encode(nil, raw), len(raw) <= MaxBytes
}

// Decode reads a pack of a log. Its entries share one piece of memory.
func Decode(log string, first int64, b []byte) (Pack, error) {
	damaged := fmt.Errorf("%w: entries %d to %d of %q", ErrDamaged, first, first+Size-1, log)
	if n, err := s2.DecodedLen(b); err != nil || n > MaxBytes {
		return Pack{}, damaged
	}
	raw, err := s2.Decode(nil, b)
	if err != nil {
		return Pack{}, damaged
	}
	ok := true
	field := func() []byte {
		n, used := binary.Uvarint(raw)
		if ok = ok && used > 0 && n <= uint64(len(raw)-used); !ok {
			return nil
		}
		f := raw[used : used+int(n) : used+int(n)]
		raw = raw[used+int(n):]
		return f
	}
	p := Pack{First: first, Entries: make([]store.LogEntry, Size)}
	var kind, audience string
	for i := range p.Entries {
		e := &p.Entries[i]
		e.Leaf = field()
		if ok = ok && len(raw) > 0; !ok {
			return Pack{}, damaged
		}
		opened := raw[0]
		if raw = raw[1:]; opened == 0 {
			continue
		}
		e.Opened = true
		kind = same(field(), kind)
		at, used := binary.Varint(raw)
		if ok = ok && used > 0 && opened == 1; !ok {
			return Pack{}, damaged
		}
		raw = raw[used:]
		audience = same(field(), audience)
		e.Event = store.Event{Log: log, Index: first + int64(i), Kind: kind, At: at, Audience: audience, Bytes: field(), Salt: field()}
	}
	if !ok || len(raw) > 0 {
		return Pack{}, damaged
	}
	return p, nil
}

// same is b as a string, the one given where it says the same.
func same(b []byte, s string) string {
	if string(b) == s {
		return s
	}
	return string(b)
}

// Event is the opening of the entry at an index of the log.
func (p Pack) Event(index int64) (e store.Event, ok bool) {
	x := p.Entries[index-p.First]
	return x.Event, x.Opened
}

// Kinds tells for each kind of the openings the latest time of one.
func (p Pack) Kinds() map[string]int64 {
	kinds := make(map[string]int64)
	for _, e := range p.Entries {
		if !e.Opened {
			continue
		}
		if at, ok := kinds[e.Event.Kind]; !ok || e.Event.At > at {
			kinds[e.Event.Kind] = e.Event.At
		}
	}
	return kinds
}

// Of tells to which pack the stored hash at an index belongs; ok is false for the
// root of a pack and what is above.
func Of(hash int64) (first int64, ok bool) {
	level, n := tlog.SplitStoredHashIndex(hash)
	return First(n << level), level < Level
}

// Hash is the stored hash at an index, one for which [Of] named this pack.
func (p Pack) Hash(index int64) tlog.Hash {
	level, n := tlog.SplitStoredHashIndex(index)
	at := n<<level - p.First
	hashes := make([]tlog.Hash, 1<<level)
	for i := range hashes {
		hashes[i] = tlog.RecordHash(p.Entries[at+int64(i)].Leaf)
	}
	for ; level > 0; level-- {
		for i := range len(hashes) / 2 {
			hashes[i] = tlog.NodeHash(hashes[2*i], hashes[2*i+1])
		}
		hashes = hashes[:len(hashes)/2]
	}
	return hashes[0]
}

// Roots are the indexes of the stored hashes that stay when a pack is made, from
// its root up.
func Roots(first int64) (from, to int64) {
	return tlog.StoredHashIndex(0, first+Size-1) + Level, tlog.StoredHashCount(first + Size)
}
