package taxii

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
)

// A next token is the base64url form of a version byte, the position (Added of
// the last record given, 8 bytes, big endian) and the first 16 bytes of
// HMAC-SHA256(key, version ‖ position ‖ what), so that only positions are taken
// that the server gave out for what is asked: the collection and the same match
// parameters (§3.5).
const (
	nextVersion = 1
	nextMAC     = 16
	nextLength  = 1 + 8 + nextMAC
)

type nextKey []byte

func (k nextKey) mac(head []byte, what string) []byte {
	h := hmac.New(sha256.New, k)
	h.Write(head)
	h.Write([]byte(what))
	return h.Sum(nil)[:nextMAC]
}

func (k nextKey) format(what string, at int64) string {
	b := binary.BigEndian.AppendUint64([]byte{nextVersion}, uint64(at))
	b = append(b, k.mac(b, what)...)
	return base64.RawURLEncoding.EncodeToString(b)
}

func (k nextKey) parse(what, token string) (at int64, err error) {
	bad := badParameter(pNext, "not a value that this server gave out for this collection and these match parameters")
	if len(token) != base64.RawURLEncoding.EncodedLen(nextLength) {
		return 0, bad
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || b[0] != nextVersion {
		return 0, bad
	}
	head := b[:nextLength-nextMAC]
	if !hmac.Equal(b[len(head):], k.mac(head, what)) {
		return 0, bad
	}
	return int64(binary.BigEndian.Uint64(head[1:])), nil
}
