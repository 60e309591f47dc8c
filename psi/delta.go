package psi

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// A delta leads from one filter to another of the same context and number of
// entries. It is
//
//	"PSD1"
//	digests      of the filter that it applies to and of the one it makes, 32 bytes each
//	counts       of entries removed and of entries added, 4 bytes each, big endian
//	removed      indexes, ascending, each as a uvarint of the difference to the
//	             one before (to -1 for the first)
//	added        values, ascending, likewise
//
// Growth within a class replaces padding, so that a delta shows how many
// entries changed and not which way.
const deltaTag = "PSD1"

// Delta returns the bytes that lead from old to f by Apply. Filters of
// different contexts are ErrContext, of different lengths ErrSize: then f has
// to be fetched whole.
func (f *Filter) Delta(old *Filter) ([]byte, error) {
	switch {
	case f.context != old.context:
		return nil, fmt.Errorf("delta: %w", ErrContext)
	case f.n != old.n:
		return nil, fmt.Errorf("delta between %d and %d entries: %w", old.n, f.n, ErrSize)
	}
	var removed, added []byte
	var nRemoved, nAdded uint32
	nextIndex, nextValue := uint64(0), uint64(0) // the least that may follow
	a, b := cursor{f: old}, cursor{f: f}
	moreA, moreB := a.advance(), b.advance()
	for moreA || moreB {
		switch {
		case moreA && moreB && a.value == b.value:
			moreA, moreB = a.advance(), b.advance()
		case moreA && (!moreB || a.value < b.value):
			index := a.entry - 1
			removed = binary.AppendUvarint(removed, index-nextIndex)
			nextIndex = index + 1
			nRemoved++
			moreA = a.advance()
		default:
			added = binary.AppendUvarint(added, b.value-nextValue)
			nextValue = b.value + 1
			nAdded++
			moreB = b.advance()
		}
	}
	d := append([]byte(nil), deltaTag...)
	d = append(d, old.digest[:]...)
	d = append(d, f.digest[:]...)
	d = binary.BigEndian.AppendUint32(d, nRemoved)
	d = binary.BigEndian.AppendUint32(d, nAdded)
	return append(append(d, removed...), added...), nil
}

// advance reads the next entry; it returns false behind the last.
func (c *cursor) advance() bool {
	if c.entry == c.f.n {
		return false
	}
	_, ok := c.next()
	return ok
}

// Apply returns the encoded filter that delta makes of f. What it returns has
// the digest that delta names; whether that is the one committed to is for the
// caller to compare. A delta for another filter is ErrContext. Memory is
// bounded by the size of f.
func (f *Filter) Apply(delta []byte) ([]byte, error) {
	r := reader{b: delta}
	r.tag(deltaTag)
	from, to := r.take(sha256.Size), r.take(sha256.Size)
	nRemoved, nAdded := r.uint32(), r.uint32()
	if r.bad {
		return nil, fmt.Errorf("delta: %w", ErrEncoding)
	}
	if !bytes.Equal(from, f.digest[:]) {
		return nil, fmt.Errorf("delta for another filter: %w", ErrContext)
	}
	if nRemoved != nAdded || uint64(nAdded) > f.n {
		return nil, fmt.Errorf("delta: %w", ErrEncoding)
	}
	removed := r.ascending(int(nRemoved), f.n)
	added := r.ascending(int(nAdded), f.n<<32)
	if err := r.end(); err != nil {
		return nil, fmt.Errorf("delta: %w", err)
	}
	out := encodeFilter(f.context, f.public, f.merge(removed, added))
	if sum := sha256.Sum256(out); !bytes.Equal(sum[:], to) {
		return nil, fmt.Errorf("delta does not make the filter it names: %w", ErrEncoding)
	}
	return out, nil
}

// merge returns the values of f without those at removed and with added.
func (f *Filter) merge(removed, added []uint64) []uint64 {
	values := make([]uint64, 0, f.n)
	for c := (cursor{f: f}); c.advance(); {
		for len(added) > 0 && added[0] < c.value {
			values = append(values, added[0])
			added = added[1:]
		}
		if len(removed) > 0 && removed[0] == c.entry-1 {
			removed = removed[1:]
			continue
		}
		values = append(values, c.value)
	}
	return append(values, added...)
}

func (r *reader) uint32() uint32 {
	if p := r.take(4); p != nil {
		return binary.BigEndian.Uint32(p)
	}
	return 0
}

// ascending reads n numbers, each below limit.
func (r *reader) ascending(n int, limit uint64) []uint64 {
	if r.bad || n > len(r.b) { // each takes a byte at least
		r.bad = true
		return nil
	}
	out := make([]uint64, 0, n)
	next := uint64(0)
	for range n {
		d, size := binary.Uvarint(r.b)
		if size <= 0 || d >= limit || next >= limit-d {
			r.bad = true
			return nil
		}
		r.b = r.b[size:]
		out = append(out, next+d)
		next += d + 1
	}
	return out
}
