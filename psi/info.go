package psi

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// Info is the public input of the function: what a match belongs to. Outputs
// of one Info say nothing about those of another.
type Info struct {
	Accord     string // the accord's id
	Epoch      uint64 // counts up with every key
	Kind       string // selector kind, such as "phone"
	Normaliser string // normaliser and its version, such as "phone/1"
}

const (
	infoDomain  = "parley psi info 1"
	maxInfoPart = 1 << 10
)

// Encode returns the public info of RFC 9497: a domain string, then Accord,
// Kind and Normaliser, each after its length as two bytes, with Epoch as eight
// bytes before them (big endian). Different Infos have different encodings.
// A string of more than 1 KiB is ErrSize.
func (i Info) Encode() ([]byte, error) {
	b := append([]byte(nil), infoDomain...)
	b = binary.BigEndian.AppendUint64(b, i.Epoch)
	for _, s := range []string{i.Accord, i.Kind, i.Normaliser} {
		if len(s) > maxInfoPart {
			return nil, fmt.Errorf("info with a part of %d bytes: %w", len(s), ErrSize)
		}
		b = appendPart(b, []byte(s))
	}
	return b, nil
}

// decodeInfo is the inverse of Encode.
func decodeInfo(b []byte) (i Info, err error) {
	r := reader{b: b}
	r.tag(infoDomain)
	i.Epoch = r.uint64()
	i.Accord = string(r.part())
	i.Kind = string(r.part())
	i.Normaliser = string(r.part())
	if err := r.end(); err != nil {
		return Info{}, fmt.Errorf("info: %w", err)
	}
	if _, err := i.Encode(); err != nil {
		return Info{}, err
	}
	return i, nil
}

// contextOf binds messages and filters to an Info and a key.
func contextOf(info []byte, public *PublicKey) [32]byte {
	h := sha256.New()
	h.Write([]byte("parley psi context 1"))
	h.Write(public.encoded[:])
	h.Write(info)
	return [32]byte(h.Sum(nil))
}
