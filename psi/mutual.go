package psi

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Mutual matching: two sides learn which of their values both have, or neither
// learns anything.
//
// It is the commutative exponentiation of Meadows (IEEE S&P 1986) and Huberman,
// Franklin and Hogg (EC 1999) with the group, the hashing and the proofs of RFC
// 9497. Each side shows its values hashed to the group and multiplied by its key k
// ([Side.List]). Each multiplies the other's list by k and, so that this says
// nothing yet, by a mask s whose public s·G is known, and proves both
// ([Side.Seal], [CheckSeal]). A value that both have is one on which both lists,
// without masks, agree ([Side.Common]); so what is left to exchange are the
// masks: numbers of 32 bytes that anybody can check ([CheckMask]). What one side
// learns when they are shown is what the other learns, also where a list was made
// up: both evaluate the same equation.

const (
	mutualDomain = "parley mutual 1"
	// MaxSide is the greatest number of values of a side.
	MaxSide = 1 << 13
)

// Mask is a number that hides a part of a [Seal] until it is shown.
type Mask struct{ s number }

// NewMask draws a mask from random, or from the system's source where it is nil.
func NewMask(random io.Reader) (m Mask, err error) {
	return m, m.s.random(source(random))
}

// DeriveMask makes the mask that belongs to a secret and a label: who keeps the
// secret can make it again.
func DeriveMask(secret, label []byte) (m Mask, err error) {
	mac := hmac.New(sha256.New, secret)
	mac.Write(label)
	m.s.hashToScalar(nil, appendPart([]byte(mutualDomain+" mask"), mac.Sum(nil)))
	if m.s.isZero() {
		return m, ErrElement
	}
	return m, nil
}

// ParseMask reads what Mask.Bytes wrote.
func ParseMask(b []byte) (m Mask, err error) {
	if err := m.s.decode(b); err != nil {
		return m, fmt.Errorf("mask: %w", err)
	}
	return m, nil
}

// Bytes returns the mask's 32 bytes. They are what is released at the end.
func (m Mask) Bytes() []byte { return m.s.append(nil) }

// Public returns s·G, by which a mask is known before it is shown.
func (m Mask) Public() []byte {
	var e element
	e.mulGenerator(&m.s)
	b := e.encode()
	return b[:]
}

// CheckMask reads a shown mask and reports whether it is the one announced.
func CheckMask(shown, public []byte) (Mask, error) {
	m, err := ParseMask(shown)
	if err == nil && !bytes.Equal(m.Public(), public) {
		err = errors.New("psi: the mask is not the one that was announced")
	}
	return m, err
}

// Side is one side of a mutual match. All of it follows from the seed, the
// context and the values, so that the side can be made again to check it.
type Side struct {
	context [32]byte
	key     *SecretKey
	list    batch // in ascending order of the encodings
	order   []int // list position → value, -1 for padding
}

// NewSide blinds values, which must differ, and pads them to size with values that
// only the seed gives. context names the exchange and is the same on both sides.
// Seeds must never serve for two contexts.
func NewSide(seed, context [32]byte, values [][]byte, size int) (*Side, error) {
	if len(values) > size || size > MaxSide || size < 1 {
		return nil, fmt.Errorf("%d values padded to %d: %w", len(values), size, ErrSize)
	}
	derive := func(label string, i int) []byte {
		m := hmac.New(sha256.New, seed[:])
		fmt.Fprintf(m, "%s %s %d ", mutualDomain, label, i)
		m.Write(context[:])
		return m.Sum(nil)
	}
	var k number
	k.hashToScalar(nil, appendPart([]byte(mutualDomain+" key"), derive("key", 0)))
	if k.isZero() {
		return nil, ErrElement
	}
	s := &Side{context: context, key: newSecretKey(k)}
	type blinded struct {
		e       element
		encoded [elementSize]byte
		value   int
	}
	all := make([]blinded, size)
	err := eachRange(size, func(from, to int) (int, error) {
		var scratch, input []byte
		for i := from; i < to; i++ {
			b := &all[i]
			input = append(append(input[:0], mutualDomain...), context[:]...)
			if b.value = i; i < len(values) {
				input = append(append(input, 'v'), values[i]...)
			} else {
				b.value = -1
				input = append(append(input, 'p'), derive("padding", i)...)
			}
			var err error
			if scratch, err = b.e.hashToElement(scratch, input); err != nil {
				return i, err
			}
			b.e.mul(&b.e, &k)
			b.encoded = b.e.encode()
		}
		return 0, nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b blinded) int { return bytes.Compare(a.encoded[:], b.encoded[:]) })
	s.list.encoded = make([]byte, 0, size*elementSize)
	for i, b := range all {
		if i > 0 && b.encoded == all[i-1].encoded {
			return nil, fmt.Errorf("a value stands twice in the list: %w", ErrSize)
		}
		s.list.encoded = append(s.list.encoded, b.encoded[:]...)
		s.list.elements = append(s.list.elements, b.e)
		s.order = append(s.order, b.value)
	}
	return s, nil
}

// Public returns k·G.
func (s *Side) Public() []byte { return s.key.public.Bytes() }

// List returns the blinded values: 32 bytes each, ascending.
func (s *Side) List() []byte { return bytes.Clone(s.list.encoded) }

// Seal is a side's answer to the other's list: masked, and proven. Its parts are
// the list's parts, as equal in length as may be, each under a mask of its own.
type Seal struct {
	masks   [][]byte  // public
	keys    []element // k·s·G of each part
	list    batch
	proofs  [][]byte // that each key is the mask times the side's public key
	answers [][]byte // that the part of the list is multiplied by the key's number
}

const sealTag = "PSM1"

// part returns where the i-th of n parts of a list of size begins.
func part(size, n, i int) int { return size * i / n }

func (b *batch) slice(from, to int) *batch {
	return &batch{encoded: b.encoded[from*elementSize : to*elementSize], elements: b.elements[from:to]}
}

// Seal answers the other side's list under masks, one for each part. other is what
// [ParseList] read. random is the system's source where it is nil.
func (s *Side) Seal(random io.Reader, other *List, masks []Mask) (*Seal, error) {
	n := len(masks)
	if n < 1 || n > other.batch.n() {
		return nil, fmt.Errorf("%d masks for %d values: %w", n, other.batch.n(), ErrSize)
	}
	out := &Seal{keys: make([]element, n)}
	out.list = batch{encoded: make([]byte, len(other.batch.encoded)), elements: make([]element, other.batch.n())}
	for i, m := range masks {
		from, to := part(other.batch.n(), n, i), part(other.batch.n(), n, i+1)
		var e number
		e.mul(&s.key.k, &m.s)
		_ = each(to-from, func(j int) error {
			out.list.elements[from+j].mul(&other.batch.elements[from+j], &e)
			b := out.list.elements[from+j].encode()
			copy(out.list.at(from+j), b[:])
			return nil
		})
		out.keys[i].mulGenerator(&e)
		key, public := out.keys[i].encode(), m.Public()
		out.masks = append(out.masks, public)
		r1, err := s.nonce(random, &e, out.list.encoded)
		if err != nil {
			return nil, err
		}
		r2, err := s.nonce(random, &m.s, key[:])
		if err != nil {
			return nil, err
		}
		out.proofs = append(out.proofs, prove(&m.s, public, single(&s.key.public.p), single(&out.keys[i]), r2))
		out.answers = append(out.answers, prove(&e, key[:], other.batch.slice(from, to), out.list.slice(from, to), r1))
	}
	return out, nil
}

// single is a batch of one element.
func single(e *element) *batch {
	b := e.encode()
	return &batch{encoded: b[:], elements: []element{*e}}
}

// nonce derives a proof's nonce as [Holder] does: a source that repeats itself does
// not give the number away.
func (s *Side) nonce(random io.Reader, secret *number, about []byte) (*number, error) {
	h := &Holder{t: *secret}
	return h.nonce(source(random), append(s.context[:], about...))
}

// List is the other side's list as it was read.
type List struct{ batch batch }

// ParseList reads a list of exactly size values: canonical, ascending, each once.
func ParseList(b []byte, size int) (*List, error) {
	if size < 1 || size > MaxSide || len(b) != size*elementSize {
		return nil, fmt.Errorf("list of %d bytes for %d values: %w", len(b), size, ErrSize)
	}
	l := &List{batch{encoded: b, elements: make([]element, size)}}
	return l, each(size, func(i int) error {
		if i > 0 && bytes.Compare(l.batch.at(i-1), l.batch.at(i)) >= 0 {
			return fmt.Errorf("value %d is out of order: %w", i, ErrEncoding)
		}
		if err := l.batch.elements[i].decode(l.batch.at(i)); err != nil {
			return fmt.Errorf("value %d of the list: %w", i, err)
		}
		return nil
	})
}

// Marshal writes a seal: "PSM1", the number of parts and the length of the list (2
// bytes each), for each part the mask's public element, the key, and two proofs,
// and then the list.
func (s *Seal) Marshal() []byte {
	b := []byte(sealTag)
	b = binary.BigEndian.AppendUint16(b, uint16(len(s.masks)))
	b = binary.BigEndian.AppendUint16(b, uint16(s.list.n()))
	for i, m := range s.masks {
		key := s.keys[i].encode()
		b = append(append(append(append(b, m...), key[:]...), s.proofs[i]...), s.answers[i]...)
	}
	return append(b, s.list.encoded...)
}

// CheckSeal reads the other side's seal and verifies that it was made of our list
// with the key of public and with masks whose public elements it returns
// ([Seal.Masks]). parts is how many there must be.
func (s *Side) CheckSeal(public, data []byte, parts int) (*Seal, error) {
	pub, err := ParsePublicKey(public)
	if err != nil {
		return nil, err
	}
	if bytes.Equal(public, s.Public()) {
		return nil, fmt.Errorf("the other side shows our own key: %w", ErrElement)
	}
	out, err := ReadSeal(data)
	if err != nil {
		return nil, err
	}
	n, size := len(out.masks), out.list.n()
	if n != parts || size != s.list.n() {
		return nil, fmt.Errorf("seal of %d values in %d parts, expected are %d in %d: %w", size, n, s.list.n(), parts, ErrSize)
	}
	for i := range n {
		var mask element
		if err := mask.decode(out.masks[i]); err != nil {
			return nil, fmt.Errorf("mask %d: %w", i, err)
		}
		if err := verify(&mask, single(&pub.p), single(&out.keys[i]), out.proofs[i]); err != nil {
			return nil, fmt.Errorf("mask %d: %w", i, err)
		}
		from, to := part(size, n, i), part(size, n, i+1)
		if err := verify(&out.keys[i], s.list.slice(from, to), out.list.slice(from, to), out.answers[i]); err != nil {
			return nil, fmt.Errorf("part %d: %w", i, err)
		}
	}
	return out, nil
}

// ReadSeal reads a seal's form and verifies nothing: it is for seals that were
// checked, or made, before.
func ReadSeal(data []byte) (*Seal, error) {
	r := reader{b: data}
	r.tag(sealTag)
	n, size := r.uint16(), r.uint16()
	if !r.bad && (n < 1 || n > size || size > MaxSide) {
		return nil, fmt.Errorf("seal of %d values in %d parts: %w", size, n, ErrSize)
	}
	out := &Seal{}
	for range n {
		out.masks = append(out.masks, r.take(elementSize))
		var key element
		if err := key.decode(r.take(elementSize)); err != nil && !r.bad {
			return nil, fmt.Errorf("seal: %w", err)
		}
		out.keys = append(out.keys, key)
		out.proofs = append(out.proofs, r.take(proofSize))
		out.answers = append(out.answers, r.take(proofSize))
	}
	out.list = batch{encoded: r.take(size * elementSize), elements: make([]element, size)}
	if err := r.end(); err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	err := each(size, func(i int) error {
		if err := out.list.elements[i].decode(out.list.at(i)); err != nil {
			return fmt.Errorf("value %d of the seal: %w", i, err)
		}
		return nil
	})
	return out, err
}

// Masks returns the public elements of the seal's masks.
func (s *Seal) Masks() [][]byte { return s.masks }

// Common returns the indexes, in the values that the side was made with, of those
// that both sides have, ascending. mine is the side's own seal with the masks it was
// made with, theirs the other's with the masks it has shown so far: what is not
// shown yet is not found yet.
func (s *Side) Common(mine *Seal, own []Mask, theirs *Seal, shown []Mask) ([]int, error) {
	if len(own) != len(mine.masks) || len(shown) > len(theirs.masks) || theirs.list.n() != s.list.n() {
		return nil, ErrSize
	}
	// Both are compared as if they bore our first mask, so that with one mask each
	// there is one multiplication for each value.
	reference := &own[0].s
	held := make(map[[elementSize]byte]bool, mine.list.n())
	err := remask(&mine.list, own, len(own), reference, func(_ int, e [elementSize]byte) { held[e] = true })
	if err != nil {
		return nil, err
	}
	var found []int
	err = remask(&theirs.list, shown, len(theirs.masks), reference, func(i int, e [elementSize]byte) {
		if s.order[i] >= 0 && held[e] {
			found = append(found, s.order[i])
		}
	})
	slices.Sort(found)
	return found, err
}

// remask calls fn, in order, for the values of the parts whose masks are shown, with
// each mask replaced by to.
func remask(list *batch, shown []Mask, parts int, to *number, fn func(i int, e [elementSize]byte)) error {
	end := part(list.n(), parts, len(shown))
	encoded := make([][elementSize]byte, end)
	for i := range shown {
		from, until := part(list.n(), parts, i), part(list.n(), parts, i+1)
		var x number
		x.invert(&shown[i].s)
		x.mul(&x, to)
		same := shown[i].s.s.Equal(&to.s) == 1
		err := each(until-from, func(j int) error {
			if same {
				copy(encoded[from+j][:], list.at(from+j))
				return nil
			}
			// The masks are known to both sides by now.
			var e element
			e.sumPublic([]number{x}, list.elements[from+j:from+j+1])
			encoded[from+j] = e.encode()
			return nil
		})
		if err != nil {
			return err
		}
	}
	for i := range encoded {
		fn(i, encoded[i])
	}
	return nil
}
