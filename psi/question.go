package psi

import (
	"encoding/binary"
	"fmt"
	"io"
)

// Question is the asker's side of one question: what it asked and the secrets
// that undo the blinding. Until the answer has arrived it must be kept as
// securely as the values themselves.
type Question struct {
	info    Info
	encoded []byte // info
	public  *PublicKey
	tweaked element
	inputs  [][]byte
	blinds  []number // one per input
	blinded *batch   // inputs first, then padding
}

// NewQuestion asks for inputs under a key and returns the message for the
// holder beside the Question that can read its answer. The batch is padded
// with random elements to padTo, one of Classes, or to the least of them that
// holds the inputs where padTo is 0. random is the system's source where it is
// nil. Equal inputs look unrelated to the holder.
func NewQuestion(random io.Reader, info Info, public *PublicKey, inputs [][]byte, padTo int) (*Question, []byte, error) {
	n, err := classFor(len(inputs), padTo)
	if err != nil {
		return nil, nil, err
	}
	blinds := make([]number, len(inputs))
	for i := range blinds {
		if err := blinds[i].random(source(random)); err != nil {
			return nil, nil, err
		}
	}
	padding := make([]element, n-len(inputs))
	for i := range padding {
		var u [64]byte
		if _, err := io.ReadFull(source(random), u[:]); err != nil {
			return nil, nil, fmt.Errorf("psi: reading randomness: %w", err)
		}
		if padding[i].setUniform(&u); padding[i].isIdentity() {
			return nil, nil, fmt.Errorf("psi: randomness gives the identity: %w", ErrElement)
		}
	}
	q, err := newQuestion(info, public, inputs, blinds, padding)
	if err != nil {
		return nil, nil, err
	}
	return q, q.blinded.marshal(questionTag), nil
}

// Fits returns ErrSize unless a question is of the least class that holds as many
// inputs as its asker says: else a quota that counts what is said could be spent by
// ones and emptied by thousands. Within a class a holder can only believe.
func Fits(question []byte, said int) error {
	want, err := classFor(said, 0)
	if err != nil {
		return err
	}
	r := reader{b: question}
	r.tag(questionTag)
	r.take(len(batch{}.context))
	if n := r.uint16(); r.bad || n != want {
		return fmt.Errorf("question of %d values by its asker's word, in a batch of %d: %w", said, n, ErrSize)
	}
	return nil
}

func classFor(n, padTo int) (int, error) {
	if n == 0 {
		return 0, fmt.Errorf("empty question: %w", ErrSize)
	}
	for _, c := range Classes() {
		if n <= c && (padTo == 0 || padTo == c) {
			return c, nil
		}
	}
	return 0, fmt.Errorf("question of %d padded to %d: %w", n, padTo, ErrSize)
}

func newQuestion(info Info, public *PublicKey, inputs [][]byte, blinds []number, padding []element) (*Question, error) {
	encoded, err := info.Encode()
	if err != nil {
		return nil, err
	}
	tweaked, err := tweakedKey(public, encoded)
	if err != nil {
		return nil, err
	}
	n := len(inputs) + len(padding)
	q := &Question{info: info, encoded: encoded, public: public, tweaked: tweaked, blinds: blinds}
	q.blinded = &batch{
		context:  contextOf(encoded, public),
		encoded:  make([]byte, n*elementSize),
		elements: make([]element, n),
	}
	copy(q.blinded.elements[len(inputs):], padding)
	for i, in := range inputs {
		if len(in) > MaxInput {
			return nil, fmt.Errorf("input %d of %d bytes: %w", i, len(in), ErrSize)
		}
		q.inputs = append(q.inputs, append([]byte(nil), in...))
	}
	err = each(n, func(i int) error {
		e := &q.blinded.elements[i]
		if i < len(inputs) {
			if _, err := e.hashToElement(nil, inputs[i]); err != nil {
				return fmt.Errorf("input %d: %w", i, err)
			}
			e.mul(e, &blinds[i])
		}
		c := e.encode()
		copy(q.blinded.at(i), c[:])
		return nil
	})
	if err != nil {
		return nil, err
	}
	return q, nil
}

// Info returns what the question was asked under.
func (q *Question) Info() Info { return q.info }

// PublicKey returns the key that the answer must be made with.
func (q *Question) PublicKey() *PublicKey { return q.public }

// Inputs returns the values asked for, without padding.
func (q *Question) Inputs() [][]byte { return q.inputs }

// Message returns the question for the holder, as NewQuestion did.
func (q *Question) Message() []byte { return q.blinded.marshal(questionTag) }

// Finalize verifies an answer and returns the outputs of Inputs, in their
// order. It may be called again with the same answer.
func (q *Question) Finalize(answer []byte) ([]Output, error) {
	a, err := parseBatch(answerTag, q.blinded.context, answer)
	if err != nil {
		return nil, fmt.Errorf("answer: %w", err)
	}
	if a.n() != q.blinded.n() {
		return nil, fmt.Errorf("answer to %d of %d: %w", a.n(), q.blinded.n(), ErrSize)
	}
	if err := verify(&q.tweaked, a, q.blinded, a.proof); err != nil {
		return nil, fmt.Errorf("answer: %w", err)
	}
	inverses := append([]number(nil), q.blinds...)
	invertAll(inverses)
	outputs := make([]Output, len(q.inputs))
	_ = each(len(outputs), func(i int) error {
		var e element
		e.mul(&a.elements[i], &inverses[i])
		unblinded := e.encode()
		outputs[i], _ = finalHash(nil, q.inputs[i], q.encoded, unblinded[:])
		return nil
	})
	return outputs, nil
}

const stateTag = "PSS1"

// MarshalBinary returns the question's whole state, to be kept until its
// answer arrives. It holds the inputs in the clear and the blinds: encrypt it.
func (q *Question) MarshalBinary() ([]byte, error) {
	b := append([]byte(nil), stateTag...)
	b = appendPart(b, q.encoded)
	b = append(b, q.public.encoded[:]...)
	b = binary.BigEndian.AppendUint16(b, uint16(q.blinded.n()))
	b = binary.BigEndian.AppendUint16(b, uint16(len(q.inputs)))
	for i, in := range q.inputs {
		b = q.blinds[i].append(b)
		b = appendPart(b, in)
	}
	return append(b, q.blinded.encoded...), nil
}

// UnmarshalBinary restores what MarshalBinary wrote. It checks the form of the
// state, not that its blinded elements belong to its inputs: it is the asker's
// own.
func (q *Question) UnmarshalBinary(data []byte) error {
	r := reader{b: data}
	r.tag(stateTag)
	encoded := r.part()
	public := r.take(elementSize)
	n, real := r.uint16(), r.uint16()
	if r.bad {
		return fmt.Errorf("question: %w", ErrEncoding)
	}
	if !isClass(n) || real < 1 || real > n {
		return fmt.Errorf("question of %d in %d: %w", real, n, ErrSize)
	}
	var out Question
	for range real {
		var blind number
		if err := blind.decode(r.take(scalarSize)); err != nil {
			return fmt.Errorf("question: %w", err)
		}
		out.blinds = append(out.blinds, blind)
		out.inputs = append(out.inputs, append([]byte(nil), r.part()...))
	}
	elements := r.take(n * elementSize)
	if err := r.end(); err != nil {
		return fmt.Errorf("question: %w", err)
	}
	var err error
	if out.info, err = decodeInfo(encoded); err != nil {
		return fmt.Errorf("question: %w", err)
	}
	if out.public, err = ParsePublicKey(public); err != nil {
		return fmt.Errorf("question: %w", err)
	}
	out.encoded = append([]byte(nil), encoded...)
	if out.tweaked, err = tweakedKey(out.public, out.encoded); err != nil {
		return fmt.Errorf("question: %w", err)
	}
	b := batch{context: contextOf(out.encoded, out.public), encoded: elements}
	if out.blinded, err = parseBatch(questionTag, b.context, b.marshal(questionTag)); err != nil {
		return fmt.Errorf("question: %w", err)
	}
	*q = out
	return nil
}
