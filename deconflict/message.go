package deconflict

import (
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf8"

	"golang.org/x/crypto/chacha20poly1305"
)

// message is the body of a DeconflictSealed event: "PDS1", then four fields, each
// after its length as four bytes.
type message struct {
	list  []byte // the opener's blinded list; empty from the joiner
	seal  []byte
	sheet []byte // the arbiter's sheet with our mask; empty without an arbiter
	box   []byte // contact point
}

const messageTag = "PDS1"

func (m message) marshal() []byte {
	b := []byte(messageTag)
	for _, f := range [][]byte{m.list, m.seal, m.sheet, m.box} {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(f))), f...)
	}
	return b
}

func parseMessage(b []byte) (m message, err error) {
	bad := errors.New("the sealed message does not read")
	if len(b) < len(messageTag) || string(b[:len(messageTag)]) != messageTag {
		return m, bad
	}
	b = b[len(messageTag):]
	for _, f := range []*[]byte{&m.list, &m.seal, &m.sheet, &m.box} {
		if len(b) < 4 {
			return message{}, bad
		}
		n := binary.BigEndian.Uint32(b)
		if b = b[4:]; uint64(n) > uint64(len(b)) {
			return message{}, bad
		}
		*f, b = b[:n:n], b[n:]
	}
	if len(b) > 0 {
		return message{}, bad
	}
	return m, nil
}

// MaxContact is the greatest length of a contact point in bytes.
const MaxContact = 254

// boxSize is the size of every sealed contact point.
const boxSize = 2 + MaxContact + chacha20poly1305.Overhead

// boxCipher is ChaCha20-Poly1305 (RFC 8439) under a key that serves once: it follows
// from the context, whose box it is, and the mask.
func boxCipher(context [32]byte, from string, mask []byte) (cipher.AEAD, error) {
	h := sha256.New()
	fmt.Fprintf(h, "parley deconflict contact 1\n%s\n", from)
	h.Write(context[:])
	h.Write(mask)
	return chacha20poly1305.New(h.Sum(nil))
}

func sealBox(context [32]byte, from string, mask []byte, contact string) ([]byte, error) {
	if len(contact) > MaxContact {
		return nil, fmt.Errorf("the contact point has %d bytes, more than %d", len(contact), MaxContact)
	}
	c, err := boxCipher(context, from, mask)
	if err != nil {
		return nil, err
	}
	plain := make([]byte, 2+MaxContact)
	binary.BigEndian.PutUint16(plain, uint16(len(contact)))
	copy(plain[2:], contact)
	return c.Seal(nil, make([]byte, chacha20poly1305.NonceSize), plain, nil), nil
}

func openBox(context [32]byte, from string, mask, box []byte) (string, error) {
	c, err := boxCipher(context, from, mask)
	if err != nil {
		return "", err
	}
	plain, err := c.Open(nil, make([]byte, chacha20poly1305.NonceSize), box, nil)
	if err != nil || len(plain) != 2+MaxContact {
		return "", errors.New("the contact point does not open")
	}
	n := int(binary.BigEndian.Uint16(plain))
	if n > MaxContact || !utf8.Valid(plain[2:2+n]) {
		return "", errors.New("the contact point does not read")
	}
	return string(plain[2 : 2+n]), nil
}
