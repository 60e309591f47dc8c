package psi

import (
	"crypto/sha512"
	"crypto/subtle"
	"encoding/binary"
)

// The proof of RFC 9497, section 2.2, that one scalar takes the generator to
// the tweaked key and every evaluated element to its blinded element. It is
// two scalars, c and s.

// composites returns the weights that fold a batch into one pair of elements
// (ComputeComposites). evaluated and blinded hold n encodings each.
func composites(tweaked []byte, evaluated, blinded *batch) []number {
	t := appendPart(nil, tweaked)
	t = appendPart(t, []byte(compositeSeedDST))
	seed := sha512.Sum512(t)
	ds := make([]number, evaluated.n())
	_ = eachRange(len(ds), func(from, to int) (int, error) {
		var msg, scratch []byte
		for i := from; i < to; i++ {
			msg = appendPart(msg[:0], seed[:])
			msg = binary.BigEndian.AppendUint16(msg, uint16(i))
			msg = appendPart(msg, evaluated.at(i))
			msg = appendPart(msg, blinded.at(i))
			msg = append(msg, "Composite"...)
			scratch = ds[i].hashToScalar(scratch, msg)
		}
		return 0, nil
	})
	return ds
}

// challenge returns c for the tweaked key and the four elements of a proof.
func challenge(tweaked []byte, as ...*element) (c number) {
	msg := appendPart(nil, tweaked)
	for _, a := range as {
		e := a.encode()
		msg = appendPart(msg, e[:])
	}
	c.hashToScalar(nil, msg, []byte("Challenge"))
	return c
}

// prove returns the proof for t with the nonce r, which must never serve twice.
func prove(t *number, tweaked []byte, evaluated, blinded *batch, r *number) []byte {
	ds := composites(tweaked, evaluated, blinded)
	var m, z, t2, t3 element
	m.sumPublic(ds, evaluated.elements)
	z.mul(&m, t)
	t2.mulGenerator(r)
	t3.mul(&m, r)
	c := challenge(tweaked, &m, &z, &t2, &t3)
	var s number
	s.mul(&c, t)
	s.sub(r, &s)
	return s.append(c.append(nil))
}

// verify reports whether proof holds. Nothing in it is secret.
func verify(tweaked *element, evaluated, blinded *batch, proof []byte) error {
	var c, s number
	if len(proof) != proofSize {
		return ErrEncoding
	}
	if c.decodeAny(proof[:scalarSize]) != nil || s.decodeAny(proof[scalarSize:]) != nil {
		return ErrProof
	}
	encoded := tweaked.encode()
	ds := composites(encoded[:], evaluated, blinded)
	var m, z, t2, t3 element
	// The two great sums are independent of each other.
	both(
		func() { m.sumPublic(ds, evaluated.elements) },
		func() { z.sumPublic(ds, blinded.elements) },
	)
	t2.mulAddPublic(&c, tweaked, &s)
	t3.sumPublic([]number{s, c}, []element{m, z})
	want := challenge(encoded[:], &m, &z, &t2, &t3)
	if subtle.ConstantTimeCompare(want.append(nil), proof[:scalarSize]) != 1 {
		return ErrProof
	}
	return nil
}
