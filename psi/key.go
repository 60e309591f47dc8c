package psi

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
)

// SecretKey is a holder's key for one epoch. It must never be used with two
// sets of rules; a new epoch takes a new key and the old one is destroyed.
type SecretKey struct {
	k      number
	public PublicKey
}

// PublicKey is what the holder's ledger commits to.
type PublicKey struct {
	p       element
	encoded [elementSize]byte
}

// source returns the source of randomness: r, or the system's where r is nil.
func source(r io.Reader) io.Reader {
	if r == nil {
		return rand.Reader
	}
	return r
}

// GenerateKey makes a key from random, or from the system's source where
// random is nil.
func GenerateKey(random io.Reader) (*SecretKey, error) {
	var k number
	if err := k.random(source(random)); err != nil {
		return nil, err
	}
	return newSecretKey(k), nil
}

func newSecretKey(k number) *SecretKey {
	s := &SecretKey{k: k}
	s.public.p.mulGenerator(&k)
	s.public.encoded = s.public.p.encode()
	return s
}

// ParseSecretKey reads what SecretKey.Bytes wrote.
func ParseSecretKey(b []byte) (*SecretKey, error) {
	var k number
	if err := k.decode(b); err != nil {
		return nil, fmt.Errorf("secret key: %w", err)
	}
	return newSecretKey(k), nil
}

// Bytes returns the key's 32 bytes (SerializeScalar). Keep them secret.
func (s *SecretKey) Bytes() []byte { return s.k.append(nil) }

// Public returns the public key.
func (s *SecretKey) Public() *PublicKey { return &s.public }

// ParsePublicKey reads a canonical encoding of an element other than the identity.
func ParsePublicKey(b []byte) (*PublicKey, error) {
	var p PublicKey
	if err := p.p.decode(b); err != nil {
		return nil, fmt.Errorf("public key: %w", err)
	}
	copy(p.encoded[:], b)
	return &p, nil
}

// Bytes returns the key's 32 bytes (SerializeElement).
func (p *PublicKey) Bytes() []byte { return p.encoded[:len(p.encoded):len(p.encoded)] }

// Commit returns the hash that a holder puts into its ledger before it answers
// under info: it fixes the key and the filter, given as Filter.Digest.
func Commit(info Info, public *PublicKey, filterDigest [32]byte) ([32]byte, error) {
	encoded, err := info.Encode()
	if err != nil {
		return [32]byte{}, err
	}
	context := contextOf(encoded, public)
	h := sha256.New()
	h.Write([]byte("parley psi commitment 1"))
	h.Write(context[:])
	h.Write(filterDigest[:])
	return [32]byte(h.Sum(nil)), nil
}

// tweak returns the scalar that info adds to every key (RFC 9497, 3.3.3).
func tweak(info []byte) (m number) {
	m.hashToScalar(nil, appendPart([]byte("Info"), info))
	return m
}

// tweakedKey returns the public key under info. It fails for a key that was
// made to cancel the tweak.
func tweakedKey(public *PublicKey, info []byte) (t element, err error) {
	m := tweak(info)
	t.mulGenerator(&m)
	t.add(&t, &public.p)
	if t.isIdentity() {
		return t, fmt.Errorf("public key cancels its info: %w", ErrElement)
	}
	return t, nil
}
