package psi

import (
	"encoding/binary"
	"fmt"
)

// appendPart appends p after its length as two bytes. p is at most MaxInput long.
func appendPart(b, p []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(p)))
	return append(b, p...)
}

// reader takes apart an encoding. After the first failure it returns zeros;
// end reports it.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) take(n int) []byte {
	if r.bad || n < 0 || len(r.b) < n {
		r.bad = true
		return nil
	}
	p := r.b[:n:n]
	r.b = r.b[n:]
	return p
}

func (r *reader) tag(want string) {
	if string(r.take(len(want))) != want {
		r.bad = true
	}
}

func (r *reader) uint16() int {
	if p := r.take(2); p != nil {
		return int(binary.BigEndian.Uint16(p))
	}
	return 0
}

func (r *reader) uint64() uint64 {
	if p := r.take(8); p != nil {
		return binary.BigEndian.Uint64(p)
	}
	return 0
}

func (r *reader) part() []byte { return r.take(r.uint16()) }

// end demands that nothing failed and nothing is left.
func (r *reader) end() error {
	if r.bad || len(r.b) > 0 {
		return ErrEncoding
	}
	return nil
}

// A question is "PSQ1", the context, the number of elements (two bytes) and
// the elements. An answer is "PSA1" and the same, followed by the proof.
const (
	questionTag = "PSQ1"
	answerTag   = "PSA1"
)

// batch is a question or an answer.
type batch struct {
	context  [32]byte
	encoded  []byte // the elements, elementSize bytes each
	elements []element
	proof    []byte // of an answer
}

func (b *batch) n() int { return len(b.encoded) / elementSize }

func (b *batch) at(i int) []byte { return b.encoded[i*elementSize : (i+1)*elementSize] }

func (b *batch) marshal(tag string) []byte {
	out := make([]byte, 0, len(tag)+len(b.context)+2+len(b.encoded)+len(b.proof))
	out = append(out, tag...)
	out = append(out, b.context[:]...)
	out = binary.BigEndian.AppendUint16(out, uint16(b.n()))
	out = append(out, b.encoded...)
	return append(out, b.proof...)
}

// parseBatch reads a batch of exactly one of the sizes in Classes that belongs
// to context. Elements are decoded last: junk costs no arithmetic.
func parseBatch(tag string, context [32]byte, data []byte) (*batch, error) {
	r := reader{b: data}
	r.tag(tag)
	b := &batch{}
	copy(b.context[:], r.take(len(b.context)))
	n := r.uint16()
	if !r.bad && !isClass(n) {
		return nil, fmt.Errorf("batch of %d: %w", n, ErrSize)
	}
	b.encoded = r.take(n * elementSize)
	if tag == answerTag {
		b.proof = r.take(proofSize)
	}
	if err := r.end(); err != nil {
		return nil, fmt.Errorf("batch: %w", err)
	}
	if b.context != context {
		return nil, fmt.Errorf("batch: %w", ErrContext)
	}
	b.elements = make([]element, n)
	err := each(n, func(i int) error {
		if err := b.elements[i].decode(b.at(i)); err != nil {
			return fmt.Errorf("element %d of %d: %w", i, n, err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return b, nil
}

func isClass(n int) bool {
	for _, c := range Classes() {
		if n == c {
			return true
		}
	}
	return false
}
