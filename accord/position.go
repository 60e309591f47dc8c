package accord

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"

	"parley.example/parley/ledger"
)

// A card that replaces another says where, in every log that the party signs
// or cosigns, the keys of its earlier cards end: up to that size what they
// signed stands, beyond it counts for nothing, whenever it was signed and
// whatever time it claims. In a log that it does not name they never count.
//
// A position is 24 bytes, base64: with P = HMAC-SHA256(origin,
// "parley-position/1\n" + the card's sequence), the first 16 bytes of P and
// the size, big endian, under exclusive or with the next 8. Only who knows the
// log's name finds its position or reads the size; the list is padded with
// random ones.
const (
	positionSize = 24
	positionPad  = 16 // the list's length is a multiple of it
	maxPositions = 4096
)

// MakePositions makes a card's list from the size of each log, by origin.
func MakePositions(sequence int64, sizes map[string]int64, rand io.Reader) ([]string, error) {
	out := make([]string, 0, len(sizes)+positionPad)
	for origin, size := range sizes {
		b := positionPRF(origin, sequence)
		binary.BigEndian.PutUint64(b[16:], binary.BigEndian.Uint64(b[16:])^uint64(size))
		out = append(out, base64.StdEncoding.EncodeToString(b))
	}
	for len(out) == 0 || len(out)%positionPad != 0 {
		b := make([]byte, positionSize)
		if _, err := io.ReadFull(rand, b); err != nil {
			return nil, fmt.Errorf("drawing padding: %w", err)
		}
		out = append(out, base64.StdEncoding.EncodeToString(b))
	}
	if len(out) > maxPositions {
		return nil, fmt.Errorf("%w: it has more than %d positions", ErrCard, maxPositions)
	}
	slices.Sort(out)
	return out, nil
}

func positionPRF(origin string, sequence int64) []byte {
	m := hmac.New(sha256.New, []byte(origin))
	fmt.Fprintf(m, "parley-position/1\n%d", sequence)
	return m.Sum(nil)[:positionSize]
}

// Position is the size of a log up to which the keys of earlier cards count.
// named is false where the card does not name the log; a card without
// positions names every log, to its end.
func (c Card) Position(origin string) (size int64, named bool) {
	if c.Positions == nil {
		return 1<<63 - 1, true
	}
	p := positionPRF(origin, c.Sequence)
	tag := base64.StdEncoding.EncodeToString(p[:15]) // whole groups of four characters
	i, _ := slices.BinarySearch(c.Positions, tag)
	for ; i < len(c.Positions) && strings.HasPrefix(c.Positions[i], tag); i++ {
		b, err := base64.StdEncoding.DecodeString(c.Positions[i])
		if err == nil && len(b) == positionSize && b[15] == p[15] {
			n := binary.BigEndian.Uint64(b[16:]) ^ binary.BigEndian.Uint64(p[16:])
			return int64(n & (1<<63 - 1)), true
		}
	}
	return 0, false
}

func checkPositions(ps []string) error {
	if len(ps) > maxPositions || !slices.IsSorted(ps) {
		return fmt.Errorf("its positions are too many or out of order")
	}
	for _, p := range ps {
		if b, err := base64.StdEncoding.Strict().DecodeString(p); err != nil || len(b) != positionSize {
			return fmt.Errorf("its position %q is not %d bytes of base64", p, positionSize)
		}
	}
	return nil
}

// until is the size of a log up to which the keys of a party's card at index i
// count, given the cards after it.
func (b *Book) until(party string, i int, origin string) (size int64, named bool) {
	size, named = 1<<63-1, true
	for _, later := range b.cards[party][i+1:] {
		n, ok := later.Position(origin)
		size, named = min(size, n), named && ok
	}
	return size, named
}

// Opener opens checkpoints of a party's log, on which the given parties may
// have cosigned, under the keys that count at the checkpoint's size.
func (b *Book) Opener(owner string, cosigners ...string) ledger.Opener {
	return func(msg []byte, origin string) (ledger.Checkpoint, error) {
		size, err := ledger.CheckpointSize(msg)
		if err != nil {
			return ledger.Checkpoint{}, err
		}
		var keys []ledger.PublicKey
		var void []ledger.PublicKey
		for i, c := range b.cards[owner] {
			if n, _ := b.until(owner, i, origin); size <= n {
				keys = append(keys, c.signing)
			} else {
				void = append(void, c.signing)
			}
		}
		void = slices.DeleteFunc(void, func(k ledger.PublicKey) bool { return slices.Contains(keys, k) })
		var others []ledger.Cosigner
		for _, p := range cosigners {
			if p == owner {
				continue
			}
			for i, c := range b.cards[p] {
				n, _ := b.until(p, i, origin)
				k := ledger.Cosigner{Name: p, Key: c.signing, MLDSA: c.cosigning, Void: size > n}
				at := slices.IndexFunc(others, func(o ledger.Cosigner) bool { return o.Name == p && o.Key == k.Key })
				if at < 0 {
					others = append(others, k)
				} else {
					others[at].Void = others[at].Void && k.Void
				}
			}
		}
		cp, err := ledger.OpenCheckpoint(msg, origin, keys, others)
		if err != nil && len(void) > 0 {
			if _, verr := ledger.OpenCheckpoint(msg, origin, void, others); verr == nil {
				return cp, fmt.Errorf("%w: a tree of %d entries of %s is signed with a key that was revoked before", ErrRevoked, size, origin)
			}
		}
		return cp, err
	}
}
