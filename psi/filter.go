package psi

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"
	"sort"
)

// A filter is a Golomb-coded set of the outputs. Each of its n entries is an
// output's first eight bytes, scaled to 0 ≤ value < n·2³²; the values are
// sorted and stored as differences d. The encoding is
//
//	"PSF1"
//	context      32 bytes
//	public key   32 bytes
//	n             8 bytes, big endian
//	length        8 bytes, big endian: bits in the next field
//	quotients    for each entry d>>32 zeros and a one, from each byte's least
//	             bit up; the last byte is filled with zeros
//	remainders   for each entry d mod 2³² as 4 bytes, little endian
//
// which is 33.6 bits an entry, where 2⁻³² of false positives takes at least 32.
const (
	filterTag    = "PSF1"
	filterHeader = len(filterTag) + 32 + elementSize + 8 + 8

	// MaxFilter is the greatest number of entries in a filter.
	MaxFilter = 1 << 30
)

// FalsePositive is the probability that a value that the holder never put into
// a filter is found in it.
const FalsePositive = 1.0 / (1 << 32)

// FilterClass returns the number of entries that a set of n is padded to: the
// next of 10, 12.5, 16, 20, 25, 32, 40, 50, 64, 80 times a power of ten, and
// at least 1,000.
func FilterClass(n int) int {
	steps := []int{1000, 1250, 1600, 2000, 2500, 3200, 4000, 5000, 6400, 8000}
	for scale := 1; ; scale *= 10 {
		for _, s := range steps {
			if n <= s*scale {
				return s * scale
			}
		}
	}
}

// Entry is what of an output enters a filter: its first eight bytes. Entries
// are secret to the holder as its set is, but say nothing without the key.
type Entry uint64

// Entry returns the output's entry.
func (o *Output) Entry() Entry { return Entry(binary.BigEndian.Uint64(o[:8])) }

// scale maps an output to its value in a filter of n entries.
func scale(o *Output, n uint64) uint64 { return scaleWord(uint64(o.Entry()), n) }

func scaleWord(w, n uint64) uint64 {
	v, _ := bits.Mul64(w, n<<32)
	return v
}

// Filter returns the encoded filter of outputs, padded to padTo entries or to
// FilterClass where padTo is 0. Padding is derived from the key, so that the
// same outputs always give the same bytes: a filter lost in a crash is built
// again as it was committed to. Equal outputs count once.
func (h *Holder) Filter(outputs []Output, padTo int) ([]byte, error) {
	entries := make([]Entry, len(outputs))
	for i := range outputs {
		entries[i] = outputs[i].Entry()
	}
	return h.FilterOf(entries, padTo)
}

// FilterOf is Filter for outputs of which only the entries were kept.
func (h *Holder) FilterOf(entries []Entry, padTo int) ([]byte, error) {
	if padTo == 0 {
		padTo = FilterClass(len(entries))
	}
	if len(entries) > padTo || padTo > MaxFilter {
		return nil, fmt.Errorf("filter of %d padded to %d: %w", len(entries), padTo, ErrSize)
	}
	n := uint64(padTo)
	values := make([]uint64, 0, padTo)
	for _, e := range entries {
		values = append(values, scaleWord(uint64(e), n))
	}
	values = sorted(values)
	pad := h.padding()
	for len(values) < padTo {
		for missing := padTo - len(values); missing > 0; missing-- {
			values = append(values, scaleWord(pad(), n))
		}
		values = sorted(values)
	}
	return encodeFilter(h.context, &h.key.public, values), nil
}

func sorted(values []uint64) []uint64 {
	slices.Sort(values)
	return slices.Compact(values)
}

// padding returns a generator of words that only the key's owner can tell
// from those of outputs.
func (h *Holder) padding() func() uint64 {
	mac := hmac.New(sha512.New, h.t.append([]byte("parley psi padding 1")))
	var (
		block   []byte
		counter uint64
	)
	return func() uint64 {
		if len(block) == 0 {
			mac.Reset()
			mac.Write(h.context[:])
			mac.Write(binary.BigEndian.AppendUint64(nil, counter))
			counter++
			block = mac.Sum(nil)
		}
		w := binary.BigEndian.Uint64(block)
		block = block[8:]
		return w
	}
}

// encodeFilter encodes ascending values, all below len(values)<<32.
func encodeFilter(context [32]byte, public *PublicKey, values []uint64) []byte {
	var quotients bitWriter
	last := uint64(0)
	for _, v := range values {
		quotients.unary((v - last) >> 32)
		last = v
	}
	b := make([]byte, 0, filterHeader+len(quotients.b)+4*len(values))
	b = append(b, filterTag...)
	b = append(b, context[:]...)
	b = append(b, public.encoded[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(len(values)))
	b = binary.BigEndian.AppendUint64(b, quotients.n)
	b = append(b, quotients.b...)
	last = 0
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, uint32(v-last))
		last = v
	}
	return b
}

type bitWriter struct {
	b []byte
	n uint64 // bits written
}

// unary writes q zeros and a one.
func (w *bitWriter) unary(q uint64) {
	w.n += q + 1
	for uint64(len(w.b))*8 < w.n {
		w.b = append(w.b, 0)
	}
	w.b[(w.n-1)/8] |= 1 << ((w.n - 1) % 8)
}

// Filter is an open filter. It is safe for concurrent use.
type Filter struct {
	context    [32]byte
	public     *PublicKey
	digest     [32]byte
	n          uint64
	quotients  []byte
	remainders []byte
	marks      []mark // of every markEvery-th entry
}

// markEvery is how many entries Contains decodes at most. A mark is 16 bytes,
// so that the marks add 6 % to the encoded filter.
const markEvery = 64

type mark struct {
	value uint64 // of the entry
	bit   uint64 // in quotients, behind the entry
}

// OpenFilter checks an encoded filter from end to end and opens it. The filter
// goes on using data, which must not change. Beside data it takes memory of
// one sixteenth of it, whatever data claims.
func OpenFilter(data []byte) (*Filter, error) {
	f, err := openFilter(data)
	if err != nil {
		return nil, fmt.Errorf("filter: %w", err)
	}
	return f, nil
}

func openFilter(data []byte) (*Filter, error) {
	r := reader{b: data}
	f := &Filter{}
	r.tag(filterTag)
	copy(f.context[:], r.take(len(f.context)))
	public := r.take(elementSize)
	f.n = r.uint64()
	length := r.uint64()
	if r.bad || f.n == 0 {
		return nil, ErrEncoding
	}
	if f.n > MaxFilter {
		return nil, fmt.Errorf("%d entries: %w", f.n, ErrSize)
	}
	if length > 2*f.n {
		return nil, ErrEncoding
	}
	f.quotients = r.take(int((length + 7) / 8))
	f.remainders = r.take(int(4 * f.n))
	err := r.end()
	if err != nil {
		return nil, err
	}
	if f.public, err = ParsePublicKey(public); err != nil {
		return nil, err
	}
	if err := f.check(length); err != nil {
		return nil, err
	}
	f.digest = sha256.Sum256(data)
	return f, nil
}

// check reads every entry, demands the one canonical encoding and sets marks.
func (f *Filter) check(length uint64) error {
	f.marks = make([]mark, 0, (f.n+markEvery-1)/markEvery)
	c := cursor{f: f}
	for i := range f.n {
		before := c.value
		q, ok := c.next()
		switch {
		case !ok, i > 0 && c.value == before:
			return ErrEncoding
		case q > f.n || c.value>>32 >= f.n || c.value < before:
			return ErrEncoding
		}
		if i%markEvery == 0 {
			f.marks = append(f.marks, mark{c.value, c.bit})
		}
	}
	if c.bit != length {
		return ErrEncoding
	}
	if tail := length % 8; tail != 0 && f.quotients[length/8]>>tail != 0 {
		return ErrEncoding
	}
	return nil
}

// cursor walks over the entries of a filter.
type cursor struct {
	f     *Filter
	entry uint64 // the next
	bit   uint64 // where it starts
	value uint64 // of the last
}

// next reads an entry and returns its quotient. It fails at the end of the
// quotients.
func (c *cursor) next() (q uint64, ok bool) {
	start := c.bit
	for {
		at := c.bit / 8
		if at >= uint64(len(c.f.quotients)) {
			return 0, false
		}
		rest := c.f.quotients[at] >> (c.bit % 8)
		if rest != 0 {
			c.bit += uint64(bits.TrailingZeros8(rest)) + 1
			break
		}
		c.bit = (at + 1) * 8
	}
	q = c.bit - start - 1
	c.value += q<<32 | uint64(binary.LittleEndian.Uint32(c.f.remainders[4*c.entry:]))
	c.entry++
	return q, true
}

// Contains reports whether o is in the filter: always for the outputs that the
// filter was made of, with probability FalsePositive for any other.
func (f *Filter) Contains(o Output) bool { return f.Has(o.Entry()) }

// Has is Contains for an output of which only the entry was kept.
func (f *Filter) Has(e Entry) bool {
	v := scaleWord(uint64(e), f.n)
	m := sort.Search(len(f.marks), func(i int) bool { return f.marks[i].value > v }) - 1
	if m < 0 {
		return false
	}
	c := cursor{f: f, entry: uint64(m)*markEvery + 1, bit: f.marks[m].bit, value: f.marks[m].value}
	for end := min(c.entry+markEvery-1, f.n); c.value < v && c.entry < end; {
		if _, ok := c.next(); !ok {
			return false
		}
	}
	return c.value == v
}

// Digest is the SHA-256 of the encoded filter.
func (f *Filter) Digest() [32]byte { return f.digest }

// Len is the number of entries, padding included.
func (f *Filter) Len() int { return int(f.n) }

// PublicKey is the key that the filter says it was made with.
func (f *Filter) PublicKey() *PublicKey { return f.public }

// Check returns ErrContext unless the filter says that it belongs to info and
// public. Whether the holder committed to it is for the caller to compare, by
// Commit.
func (f *Filter) Check(info Info, public *PublicKey) error {
	encoded, err := info.Encode()
	if err != nil {
		return err
	}
	if !bytes.Equal(f.public.encoded[:], public.encoded[:]) || f.context != contextOf(encoded, public) {
		return fmt.Errorf("filter: %w", ErrContext)
	}
	return nil
}
