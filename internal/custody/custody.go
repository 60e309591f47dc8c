// Package custody splits a party's long-term key among custodians: any Need of them
// bring it back, fewer learn nothing of it (Shamir 1979). Each share carries
// commitments to the polynomial (Feldman 1987), so that a damaged or false share is
// named before it spoils anything; they hide the key as well as its public half does.
//
// The arithmetic is circl's secretsharing over the scalars of P-384, which are large
// enough for the 32 bytes of an Ed25519 seed. It is not constant in time, so it belongs
// on a machine that nobody else uses. A share is as secret as a part of the key: seal it
// for its custodian (age) or give it by hand.
package custody

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/cloudflare/circl/group"
	"github.com/cloudflare/circl/secretsharing"

	"parley.example/parley/ledger"
)

// ErrShare reports a share that is damaged, false, or does not go with others.
var ErrShare = errors.New("not a usable share")

// MaxShares bounds how many custodians there can be.
const MaxShares = 20

const header = "parley share 1\n"

// Share is what one custodian holds.
type Share struct {
	Party  string
	Key    ledger.PublicKey // public half of what was split
	Number int              // from 1
	Need   int              // how many bring the key back, at least 2
	Of     int              // how many there are

	value  group.Scalar
	commit secretsharing.SecretCommitment
}

var curve = group.P384

// Split makes of shares of which any need bring the key back.
func Split(rand io.Reader, party string, key ledger.Key, need, of int) ([]Share, error) {
	if need < 2 || need > of || of > MaxShares {
		return nil, fmt.Errorf("%w: %d of %d: want at least 2 needed, no more than there are, and at most %d", ErrShare, need, of, MaxShares)
	}
	secret := curve.NewScalar()
	if err := secret.UnmarshalBinary(pad(key.Seed())); err != nil {
		return nil, err
	}
	ss := secretsharing.New(rand, uint(need-1), secret)
	commit := ss.CommitSecret()
	var out []Share
	for i, s := range ss.Share(uint(of)) {
		out = append(out, Share{Party: party, Key: key.Public(), Number: i + 1, Need: need, Of: of, value: s.Value, commit: commit})
	}
	return out, nil
}

// pad writes a seed as a scalar of the curve, big-endian.
func pad(seed []byte) []byte {
	b := make([]byte, curve.Params().ScalarLength)
	copy(b[len(b)-len(seed):], seed)
	return b
}

// Combine brings the key back from Need or more shares of one splitting.
func Combine(shares []Share) (key ledger.Key, err error) {
	if len(shares) == 0 {
		return key, fmt.Errorf("%w: there is none", ErrShare)
	}
	first := shares[0]
	seen := map[int]bool{}
	var parts []secretsharing.Share
	for _, s := range shares {
		if s.Party != first.Party || s.Key != first.Key || s.Need != first.Need || s.Of != first.Of || !bytes.Equal(s.commitments(), first.commitments()) {
			return key, fmt.Errorf("%w: share %d is of another splitting than share %d", ErrShare, s.Number, first.Number)
		}
		if seen[s.Number] {
			continue
		}
		seen[s.Number] = true
		parts = append(parts, s.share())
	}
	if len(parts) < first.Need {
		return key, fmt.Errorf("%w: %d different shares, %d are needed", ErrShare, len(parts), first.Need)
	}
	secret, err := secretsharing.Recover(uint(first.Need-1), parts)
	if err != nil {
		return key, fmt.Errorf("%w: %w", ErrShare, err)
	}
	b, err := secret.MarshalBinary()
	if err != nil {
		return key, err
	}
	seed := b[len(b)-ed25519.SeedSize:]
	if !bytes.Equal(pad(seed), b) {
		return key, fmt.Errorf("%w: they bring back no key", ErrShare)
	}
	if key, err = ledger.ParseKey(seed); err == nil && key.Public() != first.Key {
		err = fmt.Errorf("%w: they bring back another key than they name", ErrShare)
	}
	return key, err
}

func (s Share) share() secretsharing.Share {
	return secretsharing.Share{ID: curve.NewScalar().SetUint64(uint64(s.Number)), Value: s.value}
}

func (s Share) commitments() (out []byte) {
	for _, c := range s.commit {
		b, err := c.MarshalBinaryCompress()
		if err != nil {
			return nil // a point that was read or made always encodes
		}
		out = append(append(out, base64.StdEncoding.EncodeToString(b)...), '\n')
	}
	return out
}

// Marshal is a share as a custodian's file: readable, in one spelling, with its SHA-256
// at the end.
func (s Share) Marshal() []byte {
	b, err := s.value.MarshalBinary()
	if err != nil {
		return nil // a scalar that was read or made always encodes
	}
	head := fmt.Sprintf("%skey %s\nshare %d of %d, of which %d are needed\n%s\n", header, s.Key.String(s.Party), s.Number, s.Of, s.Need, base64.StdEncoding.EncodeToString(b))
	b = append([]byte(head), s.commitments()...)
	return fmt.Appendf(b, "sum %x\n", sha256.Sum256(b))
}

// Parse reads a share and checks it against its commitments. Errors are ErrShare.
func Parse(b []byte) (s Share, err error) {
	bad := func(why string) (Share, error) { return Share{}, fmt.Errorf("%w: %s", ErrShare, why) }
	lines := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	if len(b) > 8<<10 || len(lines) < 7 || lines[0]+"\n" != header {
		return bad(fmt.Sprintf("it does not begin with %q", strings.TrimSpace(header)))
	}
	vkey, ok := strings.CutPrefix(lines[1], "key ")
	if s.Party, s.Key, err = ledger.ParsePublicKey(vkey); !ok || err != nil {
		return bad("its key does not read")
	}
	if n, err := fmt.Sscanf(lines[2], "share %d of %d, of which %d are needed", &s.Number, &s.Of, &s.Need); n != 3 || err != nil ||
		s.Need < 2 || s.Need > s.Of || s.Of > MaxShares || s.Number < 1 || s.Number > s.Of || len(lines) != 5+s.Need {
		return bad("its number does not read")
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(lines[3])
	s.value = curve.NewScalar()
	if err != nil || len(raw) != int(curve.Params().ScalarLength) || s.value.UnmarshalBinary(raw) != nil {
		return bad("its value does not read")
	}
	for _, line := range lines[4 : len(lines)-1] {
		raw, err := base64.StdEncoding.Strict().DecodeString(line)
		p := curve.NewElement()
		if err != nil || len(raw) != int(curve.Params().CompressedElementLength) || p.UnmarshalBinary(raw) != nil {
			return bad("its commitments do not read")
		}
		s.commit = append(s.commit, p)
	}
	if !bytes.Equal(s.Marshal(), b) {
		return bad("it is not as it was written")
	}
	if !secretsharing.Verify(uint(s.Need-1), s.share(), s.commit) {
		return bad("its value is not the one that was committed to: it is damaged or false")
	}
	return s, nil
}
