package psi

import (
	"context"
	"crypto/sha512"
	"encoding/binary"
	"fmt"
	"io"
	"sync/atomic"
)

// Holder evaluates the function under one key and one Info. It is safe for
// concurrent use.
type Holder struct {
	key     *SecretKey
	info    []byte // encoded
	context [32]byte
	t       number // key plus tweak
	inverse number // of t
	tweaked [elementSize]byte
}

// NewHolder binds a key to an Info.
func NewHolder(key *SecretKey, info Info) (*Holder, error) {
	encoded, err := info.Encode()
	if err != nil {
		return nil, err
	}
	h := &Holder{key: key, info: encoded, context: contextOf(encoded, &key.public)}
	m := tweak(encoded)
	h.t.add(&key.k, &m)
	if h.t.isZero() {
		return nil, fmt.Errorf("key cancels its info: %w", ErrElement)
	}
	h.inverse.invert(&h.t)
	var t element
	t.mulGenerator(&h.t)
	h.tweaked = t.encode()
	return h, nil
}

// Evaluate returns the outputs of inputs, in their order, computed on all
// cores. progress, where it is not nil, is called now and then with the number
// done so far, from several goroutines at once. It stops when ctx ends. Large
// sets are best evaluated in parts that the caller keeps: outputs of the same
// key and Info never change.
func (h *Holder) Evaluate(ctx context.Context, inputs [][]byte, progress func(done int)) ([]Output, error) {
	outputs := make([]Output, len(inputs))
	var done atomic.Int64
	err := eachRange(len(inputs), func(from, to int) (int, error) {
		if err := ctx.Err(); err != nil {
			return from, err
		}
		var (
			e       element
			scratch []byte
			err     error
		)
		for i := from; i < to; i++ {
			if len(inputs[i]) > MaxInput {
				return i, fmt.Errorf("input %d of %d bytes: %w", i, len(inputs[i]), ErrSize)
			}
			if scratch, err = e.hashToElement(scratch, inputs[i]); err != nil {
				return i, fmt.Errorf("input %d: %w", i, err)
			}
			e.mul(&e, &h.inverse)
			unblinded := e.encode()
			outputs[i], scratch = finalHash(scratch, inputs[i], h.info, unblinded[:])
		}
		if d := done.Add(int64(to - from)); progress != nil {
			progress(int(d))
		}
		return 0, nil
	})
	if err != nil {
		return nil, err
	}
	return outputs, nil
}

// finalHash is the last step of Finalize (RFC 9497, 3.3.3).
func finalHash(scratch, input, info, unblinded []byte) (Output, []byte) {
	b := appendPart(scratch[:0], input)
	b = appendPart(b, info)
	b = appendPart(b, unblinded)
	b = append(b, "Finalize"...)
	return sha512.Sum512(b), b
}

// Answer evaluates a question blindly and proves it. random is the system's
// source where it is nil. A question that is malformed, or of another context
// than this holder's, is refused with one of the package's errors.
func (h *Holder) Answer(random io.Reader, question []byte) ([]byte, error) {
	q, err := parseBatch(questionTag, h.context, question)
	if err != nil {
		return nil, fmt.Errorf("question: %w", err)
	}
	r, err := h.nonce(source(random), question)
	if err != nil {
		return nil, err
	}
	return h.answer(q, r).marshal(answerTag), nil
}

// nonce derives the proof's nonce from the key, the question and random: even
// a source that repeats itself does not lead to the same nonce for two
// questions, which would give the key away.
func (h *Holder) nonce(random io.Reader, question []byte) (*number, error) {
	var fresh [64]byte
	if _, err := io.ReadFull(random, fresh[:]); err != nil {
		return nil, fmt.Errorf("psi: reading randomness: %w", err)
	}
	msg := []byte("parley psi nonce 1")
	msg = h.t.append(msg)
	msg = append(msg, fresh[:]...)
	msg = binary.BigEndian.AppendUint64(msg, uint64(len(question)))
	u := sha512.Sum512(append(msg, question...))
	r := &number{}
	r.setUniform(&u)
	if r.isZero() {
		return nil, fmt.Errorf("psi: randomness gives the zero scalar: %w", ErrElement)
	}
	return r, nil
}

func (h *Holder) answer(q *batch, r *number) *batch {
	a := &batch{
		context:  h.context,
		encoded:  make([]byte, len(q.encoded)),
		elements: make([]element, q.n()),
	}
	_ = each(q.n(), func(i int) error {
		a.elements[i].mul(&q.elements[i], &h.inverse)
		e := a.elements[i].encode()
		copy(a.at(i), e[:])
		return nil
	})
	a.proof = prove(&h.t, h.tweaked[:], a, q, r)
	return a
}
