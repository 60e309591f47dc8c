package psi

import (
	"crypto/sha512"
	"fmt"
	"io"

	"github.com/oasisprotocol/curve25519-voi/curve"
	"github.com/oasisprotocol/curve25519-voi/curve/scalar"
)

// This file is all that knows how the group is computed. Its operations are
// those of a prime-order group in RFC 9497, section 2.1, over ristretto255.
// Those whose name has no "Public" take the same time whatever the scalar.

const (
	elementSize = curve.CompressedPointSize
	scalarSize  = scalar.ScalarSize
	proofSize   = 2 * scalarSize
)

type (
	element struct{ p curve.RistrettoPoint }
	number  struct{ s scalar.Scalar }
)

// Domain separation of RFC 9497, section 3.1: mode 2 is POPRF.
const (
	contextString    = "OPRFV1-\x02-ristretto255-SHA512"
	hashToGroupDST   = "HashToGroup-" + contextString
	hashToScalarDST  = "HashToScalar-" + contextString
	compositeSeedDST = "Seed-" + contextString
)

// expand is expand_message_xmd of RFC 9380, section 5.3.1, with SHA-512 and
// 64 bytes out, so that the loop runs once. scratch is reused and returned.
func expand(scratch []byte, dst string, msg ...[]byte) (out [64]byte, _ []byte) {
	var zeros [sha512.BlockSize]byte
	b := append(scratch[:0], zeros[:]...)
	for _, m := range msg {
		b = append(b, m...)
	}
	b = append(b, 0, 64, 0)
	b = append(b, dst...)
	b = append(b, byte(len(dst)))
	b0 := sha512.Sum512(b)
	b = append(b[:0], b0[:]...)
	b = append(b, 1)
	b = append(b, dst...)
	b = append(b, byte(len(dst)))
	return sha512.Sum512(b), b
}

// hashToElement is HashToGroup. It returns ErrElement for the identity, which
// nobody can find an input for.
func (e *element) hashToElement(scratch, input []byte) ([]byte, error) {
	u, scratch := expand(scratch, hashToGroupDST, input)
	e.setUniform(&u)
	if e.p.IsIdentity() {
		return scratch, ErrElement
	}
	return scratch, nil
}

func (e *element) setUniform(u *[64]byte) {
	// The only error is a wrong length.
	_, _ = e.p.SetUniformBytes(u[:])
}

// hashToScalar is HashToScalar.
func (n *number) hashToScalar(scratch []byte, msg ...[]byte) []byte {
	u, scratch := expand(scratch, hashToScalarDST, msg...)
	n.setUniform(&u)
	return scratch
}

func (n *number) setUniform(u *[64]byte) {
	// The only error is a wrong length.
	_, _ = n.s.SetBytesModOrderWide(u[:])
}

// random sets n to a random scalar that is not zero.
func (n *number) random(rand io.Reader) error {
	var u [64]byte
	if _, err := io.ReadFull(rand, u[:]); err != nil {
		return fmt.Errorf("psi: reading randomness: %w", err)
	}
	n.setUniform(&u)
	if n.isZero() {
		return fmt.Errorf("psi: randomness gives the zero scalar: %w", ErrElement)
	}
	return nil
}

func (n *number) isZero() bool {
	var zero scalar.Scalar
	return n.s.Equal(zero.Zero()) == 1
}

// decode accepts canonical encodings of scalars other than zero.
func (n *number) decode(b []byte) error {
	if len(b) != scalarSize {
		return ErrEncoding
	}
	if _, err := n.s.SetCanonicalBytes(b); err != nil || n.isZero() {
		return ErrElement
	}
	return nil
}

// decodeAny also accepts zero, which a proof may hold.
func (n *number) decodeAny(b []byte) error {
	if len(b) != scalarSize {
		return ErrEncoding
	}
	if _, err := n.s.SetCanonicalBytes(b); err != nil {
		return ErrElement
	}
	return nil
}

func (n *number) append(b []byte) []byte {
	var out [scalarSize]byte
	_ = n.s.ToBytes(out[:]) // the only error is a wrong length
	return append(b, out[:]...)
}

func (n *number) add(a, b *number) { n.s.Add(&a.s, &b.s) }
func (n *number) sub(a, b *number) { n.s.Sub(&a.s, &b.s) }
func (n *number) mul(a, b *number) { n.s.Mul(&a.s, &b.s) }
func (n *number) invert(a *number) { n.s.Invert(&a.s) }

// invertAll replaces numbers, none of which is zero, by their inverses.
func invertAll(ns []number) {
	ps := make([]*scalar.Scalar, len(ns))
	for i := range ns {
		ps[i] = &ns[i].s
	}
	var product scalar.Scalar
	product.BatchInvert(ps)
}

// decode accepts canonical encodings of elements other than the identity.
func (e *element) decode(b []byte) error {
	if len(b) != elementSize {
		return ErrEncoding
	}
	c := curve.CompressedRistretto(b)
	if _, err := e.p.SetCompressed(&c); err != nil {
		return ErrElement
	}
	// The identity encodes as zeros and as nothing else.
	if c == (curve.CompressedRistretto{}) {
		return ErrElement
	}
	return nil
}

func (e *element) encode() [elementSize]byte {
	var c curve.CompressedRistretto
	return *c.SetRistrettoPoint(&e.p)
}

func (e *element) isIdentity() bool          { return e.p.IsIdentity() }
func (e *element) add(a, b *element)         { e.p.Add(&a.p, &b.p) }
func (e *element) mul(a *element, n *number) { e.p.Mul(&a.p, &n.s) }
func (e *element) mulGenerator(n *number)    { e.p.MulBasepoint(curve.RISTRETTO_BASEPOINT_TABLE, &n.s) }

// mulAddPublic sets e = a·p + b·generator.
func (e *element) mulAddPublic(a *number, p *element, b *number) {
	e.p.DoubleScalarMulBasepointVartime(&a.s, &p.p, &b.s)
}

// sumPublic sets e to the sum of ns[i]·es[i].
func (e *element) sumPublic(ns []number, es []element) {
	scalars := make([]*scalar.Scalar, len(ns))
	points := make([]*curve.RistrettoPoint, len(es))
	for i := range ns {
		scalars[i], points[i] = &ns[i].s, &es[i].p
	}
	e.p.MultiscalarMulVartime(scalars, points)
}
