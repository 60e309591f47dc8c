package ledger

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"filippo.io/mldsa"
	fnote "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
)

// algMLDSA44 is the signature type of an ML-DSA-44 cosignature
// (C2SP tlog-cosignature, "Format").
const algMLDSA44 = 0x06

// MLDSAPublicKey is an ML-DSA-44 verification key (FIPS 204). It verifies
// cosignatures only; the zero value means that a party has none.
type MLDSAPublicKey [mldsa.MLDSA44PublicKeySize]byte

// MLDSAKey makes cosignatures that withstand a quantum computer. Its zero
// value makes none.
type MLDSAKey struct {
	seed   []byte
	public MLDSAPublicKey
}

// GenerateMLDSAKey draws a new key from rand.
func GenerateMLDSAKey(rand io.Reader) (MLDSAKey, error) {
	seed := make([]byte, mldsa.PrivateKeySize)
	if _, err := io.ReadFull(rand, seed); err != nil {
		return MLDSAKey{}, fmt.Errorf("drawing a cosigning key: %w", err)
	}
	return ParseMLDSAKey(seed)
}

// ParseMLDSAKey restores a key from its 32-byte seed.
func ParseMLDSAKey(seed []byte) (MLDSAKey, error) {
	k, err := mldsa.NewPrivateKey(mldsa.MLDSA44(), seed)
	if err != nil {
		return MLDSAKey{}, fmt.Errorf("cosigning key seed has %d bytes, want %d", len(seed), mldsa.PrivateKeySize)
	}
	return MLDSAKey{append([]byte(nil), seed...), MLDSAPublicKey(k.PublicKey().Bytes())}, nil
}

// Seed returns the 32 bytes that ParseMLDSAKey takes. They are secret.
func (k MLDSAKey) Seed() []byte { return append([]byte(nil), k.seed...) }

// Public returns the verification key.
func (k MLDSAKey) Public() MLDSAPublicKey { return k.public }

func (k MLDSAKey) signer(name string) (note.Signer, error) {
	return expanded(namedKey{name, k.public, true}, func() (note.Signer, error) {
		return fnote.NewMLDSASigner("PRIVATE+KEY+" + mldsaText(name, k.public.id(name), k.seed))
	})
}

// namedKey tells apart what expanded keeps.
type namedKey struct {
	name    string
	public  MLDSAPublicKey
	private bool
}

// keysKept bounds how many expanded keys are kept.
const keysKept = 64

var kept struct {
	sync.Mutex
	keys map[namedKey]any
}

// expanded makes a key ready for use, which costs as much as using it, once.
func expanded[T any](id namedKey, expand func() (T, error)) (T, error) {
	kept.Lock()
	defer kept.Unlock()
	if k, ok := kept.keys[id].(T); ok {
		return k, nil
	}
	k, err := expand()
	if err != nil {
		return k, err
	}
	if len(kept.keys) >= keysKept || kept.keys == nil {
		kept.keys = make(map[namedKey]any)
	}
	kept.keys[id] = k
	return k, nil
}

// String returns the key under a name as a C2SP vkey; "" for the zero value.
func (p MLDSAPublicKey) String(name string) string {
	if p == (MLDSAPublicKey{}) {
		return ""
	}
	return mldsaText(name, p.id(name), p[:])
}

// ParseMLDSAPublicKey reads a vkey and returns the name in it. Only the
// canonical spelling is accepted.
func ParseMLDSAPublicKey(vkey string) (name string, p MLDSAPublicKey, err error) {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 || !nameRE.MatchString(parts[0]) {
		return "", p, errors.New("not a key of the form name+id+base64")
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(parts[2])
	if err != nil || len(raw) != 1+len(p) || raw[0] != algMLDSA44 {
		return "", p, fmt.Errorf("key of %s is not an ML-DSA-44 key", parts[0])
	}
	copy(p[:], raw[1:])
	if p.String(parts[0]) != vkey {
		return "", p, fmt.Errorf("key of %s has an id that does not belong to it", parts[0])
	}
	return parts[0], p, nil
}

func (p MLDSAPublicKey) verifier(name string) (note.Verifier, error) {
	return expanded(namedKey{name, p, false}, func() (note.Verifier, error) { return fnote.NewMLDSAVerifier(p.String(name)) })
}

// id is the key id of C2SP tlog-cosignature, "Format".
func (p MLDSAPublicKey) id(name string) uint32 {
	h := sha256.New()
	h.Write([]byte(name + "\n"))
	h.Write([]byte{algMLDSA44})
	h.Write(p[:])
	return binary.BigEndian.Uint32(h.Sum(nil))
}

func mldsaText(name string, id uint32, raw []byte) string {
	return fmt.Sprintf("%s+%08x+%s", name, id, base64.StdEncoding.EncodeToString(append([]byte{algMLDSA44}, raw...)))
}
