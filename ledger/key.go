package ledger

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	fnote "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
)

// algEd25519 is the signature type of an Ed25519 note signature
// (C2SP signed-note, "Signature types").
const algEd25519 = 0x01

// nameRE is what a key may be called: a C2SP note key name without white
// space and plus signs, further narrowed to what is safe in paths and logs.
var nameRE = regexp.MustCompile(`^[a-z0-9][a-z0-9._/-]{0,199}$`)

// PublicKey is an Ed25519 verification key. The same key verifies under
// several names (a party's own and the origins of its logs); the name is part
// of the note key id, so that a signature made under one never counts under
// another.
type PublicKey [ed25519.PublicKeySize]byte

// Key signs for a party. Its zero value is not usable.
type Key struct{ private ed25519.PrivateKey }

// GenerateKey draws a new key from rand (crypto/rand.Reader in production).
func GenerateKey(rand io.Reader) (Key, error) {
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(rand, seed); err != nil {
		return Key{}, fmt.Errorf("drawing a signing key: %w", err)
	}
	return Key{ed25519.NewKeyFromSeed(seed)}, nil
}

// ParseKey restores a key from its 32-byte seed.
func ParseKey(seed []byte) (Key, error) {
	if len(seed) != ed25519.SeedSize {
		return Key{}, fmt.Errorf("signing key seed has %d bytes, want %d", len(seed), ed25519.SeedSize)
	}
	return Key{ed25519.NewKeyFromSeed(seed)}, nil
}

// Seed returns the 32 bytes that ParseKey takes. They are secret.
func (k Key) Seed() []byte { return k.private.Seed() }

// Public returns the verification key.
func (k Key) Public() (p PublicKey) {
	copy(p[:], k.private.Public().(ed25519.PublicKey))
	return p
}

// signer returns a note signer of this key under a name.
func (k Key) signer(name string) (note.Signer, error) {
	return note.NewSigner("PRIVATE+KEY+" + keyText(name, keyID(name, k.Public()), k.private.Seed()))
}

// SignNote signs a text under a name as a C2SP signed note. The text must end
// in a newline.
func (k Key) SignNote(name, text string) ([]byte, error) {
	s, err := k.signer(name)
	if err != nil {
		return nil, err
	}
	msg, err := note.Sign(&note.Note{Text: text}, s)
	if err != nil {
		return nil, fmt.Errorf("signing as %s: %w", name, err)
	}
	return msg, nil
}

// String returns the key under a name as a C2SP vkey, "name+id+base64".
func (p PublicKey) String(name string) string { return keyText(name, keyID(name, p), p[:]) }

// ParsePublicKey reads a vkey and returns the name in it. Only the canonical
// spelling is accepted.
func ParsePublicKey(vkey string) (name string, p PublicKey, err error) {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 || !nameRE.MatchString(parts[0]) {
		return "", p, errors.New("not a key of the form name+id+base64")
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(parts[2])
	if err != nil || len(raw) != 1+ed25519.PublicKeySize || raw[0] != algEd25519 {
		return "", p, fmt.Errorf("key of %s is not an Ed25519 key", parts[0])
	}
	copy(p[:], raw[1:])
	if p.String(parts[0]) != vkey {
		return "", p, fmt.Errorf("key of %s has an id that does not belong to it", parts[0])
	}
	return parts[0], p, nil
}

// verifier returns a note verifier of this key under a name.
func (p PublicKey) verifier(name string) (note.Verifier, error) {
	return note.NewVerifier(p.String(name))
}

// cosigner returns a signer of timestamped cosignatures (C2SP tlog-cosignature,
// cosignature/v1).
func (k Key) cosigner(name string) (note.Signer, error) {
	return fnote.NewSignerForCosignatureV1("PRIVATE+KEY+" + keyText(name, keyID(name, k.Public()), k.private.Seed()))
}

// cosignatureVerifier verifies what cosigner signs.
func (p PublicKey) cosignatureVerifier(name string) (note.Verifier, error) {
	return fnote.NewVerifierForCosignatureV1(p.String(name))
}

// keyID is the note key id: the first four bytes of
// SHA-256(name ‖ newline ‖ type ‖ key), C2SP signed-note.
func keyID(name string, p PublicKey) uint32 {
	h := sha256.New()
	h.Write([]byte(name + "\n"))
	h.Write([]byte{algEd25519})
	h.Write(p[:])
	return binary.BigEndian.Uint32(h.Sum(nil))
}

func keyText(name string, id uint32, raw []byte) string {
	return fmt.Sprintf("%s+%08x+%s", name, id, base64.StdEncoding.EncodeToString(append([]byte{algEd25519}, raw...)))
}
