package selector

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"math/big"
	"strings"

	"golang.org/x/crypto/sha3"
)

// crypto gives the address of a wallet, its checksum verified: Bitcoin,
// Litecoin, Dogecoin and Tron (Base58Check), Bitcoin and Litecoin SegWit
// (BIP 173 and 350), Ethereum and its kin (ERC-55).
func crypto(value string, _ *options) ([]string, error) {
	s := value
	for _, p := range []string{"bitcoin:", "ethereum:", "litecoin:", "tron:", "dogecoin:"} {
		s, _ = cutPrefixFold(s, p)
	}
	s, _, _ = strings.Cut(s, "?")
	switch {
	case strings.HasPrefix(s, "0x") || strings.HasPrefix(s, "0X"):
		return ethereum(s[2:])
	case hasFold(s, "bc1") || hasFold(s, "ltc1"):
		return segwit(s)
	}
	return base58Check(s)
}

func hasFold(s, prefix string) bool {
	_, ok := cutPrefixFold(s, prefix)
	return ok
}

// ethereum checks the mixed-case checksum of ERC-55 where there is mixed case.
func ethereum(digits string) ([]string, error) {
	if b, err := hex.DecodeString(digits); err != nil || len(b) != 20 {
		return nil, bad("an Ethereum address has 40 hexadecimal digits")
	}
	lower := strings.ToLower(digits)
	if digits != lower && digits != strings.ToUpper(digits) {
		h := sha3.NewLegacyKeccak256()
		h.Write([]byte(lower))
		sum := hex.EncodeToString(h.Sum(nil))
		for i := range len(lower) {
			if upper := digits[i] != lower[i]; lower[i] >= 'a' && upper != (sum[i] >= '8') {
				return nil, bad("the checksum of upper and lower case does not fit")
			}
		}
	}
	return []string{"0x" + lower}, nil
}

const base58Alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

// base58Check demands 21 bytes under a known version and their checksum.
func base58Check(s string) ([]string, error) {
	if len(s) < 26 || len(s) > 36 {
		return nil, bad("not an address of a known currency")
	}
	n := new(big.Int)
	for i := range len(s) {
		d := strings.IndexByte(base58Alphabet, s[i])
		if d < 0 {
			return nil, bad("%q does not belong in an address", s[i])
		}
		n.Add(n.Mul(n, big.NewInt(58)), big.NewInt(int64(d)))
	}
	raw := n.Bytes()
	zeros := len(s) - len(strings.TrimLeft(s, "1"))
	raw = append(make([]byte, zeros), raw...)
	if len(raw) != 25 {
		return nil, bad("not an address of a known currency")
	}
	first := sha256.Sum256(raw[:21])
	second := sha256.Sum256(first[:])
	if !bytes.Equal(second[:4], raw[21:]) {
		return nil, bad("the checksum does not fit")
	}
	switch raw[0] {
	case 0x00, 0x05, 0x1e, 0x16, 0x30, 0x32, 0x41: // BTC, BTC script, DOGE, DOGE script, LTC, LTC script, TRX
		return []string{s}, nil
	}
	return nil, bad("no known currency has this kind of address")
}

const bech32Alphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"

// segwit checks an address by BIP 173 (version 0) and BIP 350 (others).
func segwit(s string) ([]string, error) {
	lower := strings.ToLower(s)
	if s != lower && s != strings.ToUpper(s) {
		return nil, bad("upper and lower case mixed")
	}
	at := strings.LastIndexByte(lower, '1')
	prefix, data := lower[:at], lower[at+1:]
	if len(lower) > 90 || len(data) < 8 {
		return nil, bad("not a SegWit address")
	}
	var values []byte
	for _, c := range []byte(prefix) {
		values = append(values, c>>5)
	}
	values = append(values, 0)
	for _, c := range []byte(prefix) {
		values = append(values, c&31)
	}
	for i := range len(data) {
		v := strings.IndexByte(bech32Alphabet, data[i])
		if v < 0 {
			return nil, bad("%q does not belong in an address", data[i])
		}
		values = append(values, byte(v))
	}
	version := values[len(values)-len(data)]
	want := uint32(1)
	if version != 0 {
		want = 0x2bc830a3
	}
	if polymod(values) != want || version > 16 {
		return nil, bad("the checksum does not fit")
	}
	// 5-bit groups between version and checksum; 20 or 32 bytes in version 0.
	bytes := (len(data) - 7) * 5 / 8
	if bytes < 2 || bytes > 40 || version == 0 && bytes != 20 && bytes != 32 {
		return nil, bad("not a SegWit address")
	}
	return []string{lower}, nil
}

// polymod is the checksum polynomial of BIP 173.
func polymod(values []byte) uint32 {
	generator := [5]uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3}
	c := uint32(1)
	for _, v := range values {
		top := c >> 25
		c = (c&0x1ffffff)<<5 ^ uint32(v)
		for i, g := range generator {
			if top>>i&1 == 1 {
				c ^= g
			}
		}
	}
	return c
}
