package release

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/crypto/chacha20poly1305"

	"parley.example/parley/accord"
	"parley.example/parley/ledger"
)

// A sealed release leaves locked: its recipient acknowledges what it cannot read yet,
// and then is shown the key. So nobody has the content and denies it. The key follows
// from a mask that can be checked by its public element; an arbiter that made the mask
// can show it where the owner, once it has the receipt, does not.
//
// The body is "PSR1", the length of the arbiter's sheet (4 bytes, big endian) and the
// sheet, a nonce of 24 bytes, and the content under XChaCha20-Poly1305
// (draft-irtf-cfrg-xchacha-03) with the key that HKDF-SHA-256 (RFC 5869) gives of the
// mask's 32 bytes, without salt and with [sealInfo].

const (
	sealMagic = "PSR1"
	maxSheet  = 64 << 10
)

// ErrSeal reports a sealed body that does not open or does not hold what was announced.
var ErrSeal = errors.New("sealed content does not hold")

// Lock is what a release is sealed with: a mask and, where an arbiter made it, the sheet
// on which the arbiter signed it. Seal's Content is filled in.
type Lock struct {
	ledger.Seal
	Secret []byte // the mask's 32 bytes
	Note   []byte // the arbiter's sheet
}

func sealInfo(accordID, object string) string {
	return "parley sealed release 1\n" + accordID + "\n" + object
}

// Seal locks what the gate let pass. random gives the nonce.
func Seal(r Released, l Lock, random io.Reader) (Released, error) {
	if r.body == nil || r.record.Object == "" || r.record.Sealed != nil {
		return Released{}, fmt.Errorf("%w: only the release of an object is sealed, and once", ErrWithheld)
	}
	key, err := hkdf.Key(sha256.New, l.Secret, nil, sealInfo(r.accord, r.record.Object), chacha20poly1305.KeySize)
	if err != nil {
		return Released{}, err
	}
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return Released{}, err
	}
	body := binary.BigEndian.AppendUint32([]byte(sealMagic), uint32(len(l.Note)))
	body = append(body, l.Note...)
	nonce := make([]byte, chacha20poly1305.NonceSizeX)
	if _, err := io.ReadFull(random, nonce); err != nil {
		return Released{}, fmt.Errorf("drawing a nonce: %w", err)
	}
	body = aead.Seal(append(body, nonce...), nonce, r.body, nil)
	seal := l.Seal
	seal.Content = r.digest
	r.body, r.digest = body, sha256.Sum256(body)
	r.record.Digest, r.record.Sealed = r.digest, &seal
	return r, nil
}

// parseSealed parts a sealed body.
func parseSealed(body []byte) (note, nonce, locked []byte, err error) {
	rest := body
	if len(rest) < 8 || string(rest[:4]) != sealMagic {
		return nil, nil, nil, fmt.Errorf("%w: it does not begin with %s", ErrSeal, sealMagic)
	}
	n := binary.BigEndian.Uint32(rest[4:])
	if rest = rest[8:]; n > maxSheet || len(rest) < int(n)+chacha20poly1305.NonceSizeX+chacha20poly1305.Overhead {
		return nil, nil, nil, fmt.Errorf("%w: it is cut short", ErrSeal)
	}
	note, rest = rest[:n], rest[n:]
	return note, rest[:chacha20poly1305.NonceSizeX], rest[chacha20poly1305.NonceSizeX:], nil
}

// SealedNote is the arbiter's sheet in a sealed body; empty where there is none. It
// returns ErrSeal for what is no sealed body.
func SealedNote(body []byte) ([]byte, error) {
	note, _, _, err := parseSealed(body)
	return note, err
}

// Open opens the sealed body of a release with the mask's bytes, which the caller has
// checked, and returns the content that the release announces; ErrSeal where it is not.
func Open(rec ledger.Release, accordID string, body, secret []byte) ([]byte, error) {
	if rec.Sealed == nil {
		return nil, fmt.Errorf("%w: the release is not sealed", ErrSeal)
	}
	_, nonce, locked, err := parseSealed(body)
	if err != nil {
		return nil, err
	}
	key, err := hkdf.Key(sha256.New, secret, nil, sealInfo(accordID, rec.Object), chacha20poly1305.KeySize)
	if err != nil {
		return nil, err
	}
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return nil, err
	}
	content, err := aead.Open(nil, nonce, locked, nil)
	if err != nil || sha256.Sum256(content) != rec.Sealed.Content {
		return nil, fmt.Errorf("%w: the key that was announced does not open it to the content that was announced", ErrSeal)
	}
	return content, nil
}

// MintKey lets the mask of a sealed release pass. It is content, so it passes where the
// release itself would: under an accord in force and with the rung that it needs.
func MintKey(a accord.Accord, st *accord.State, me, to string, rec ledger.Release, secret []byte, now time.Time) (Released, error) {
	if status := st.At(now); status.Name != accord.InForce {
		return Released{}, fmt.Errorf("%w: the accord is %s", ErrWithheld, status)
	}
	need := accord.Full
	if rec.Outcome == Tearline.String() {
		need = accord.Tearline
	}
	if r := st.Rung(me, to); r < need {
		return Released{}, fmt.Errorf("%w: %s has rung %s now; what was sealed needs rung %s", ErrWithheld, to, r, need)
	}
	return Released{accord: a.ID, to: []string{to}, digest: sha256.Sum256(secret), body: secret}, nil
}
