package accord

import (
	"bytes"
	"crypto/sha512"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"parley.example/parley/ledger"
)

const (
	cardType     = "parley-card/1"
	maxNoteBytes = 256 << 10
)

var (
	// ErrCard reports a card that is malformed, cut short or not signed by the
	// long-term key that it names.
	ErrCard = errors.New("card is not valid")
	// ErrRevoked reports what was signed, beyond the position that the newer
	// card gives, with a key that this card replaced.
	ErrRevoked = errors.New("key was revoked")
	// ErrStale reports a card whose sequence number is not above the one known.
	ErrStale = errors.New("card is older than the one known")
	// ErrStranger reports a signature or card by a key that is not pinned.
	ErrStranger = errors.New("key is not the one pinned for this party")
)

var partyRE = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{0,63}$`)

// CheckParty reports whether id can name a party: 1 to 64 lower-case letters,
// digits, dots and hyphens.
func CheckParty(id string) error {
	if !partyRE.MatchString(id) {
		return fmt.Errorf("party %q: use 1 to 64 lower-case letters, digits, dots or hyphens", id)
	}
	return nil
}

// Card says which operational keys a party uses now. It is signed by the
// party's long-term key; a new card with a higher sequence replaces it.
type Card struct {
	Type     string `json:"type"`
	Party    string `json:"party"`
	Name     string `json:"name"` // for people, any script
	Sequence int64  `json:"sequence"`
	// Root is the long-term key (vkey named after the party); Signing the
	// operational one.
	Root    string `json:"root"`
	Signing string `json:"signing"`
	// Cosigning is the ML-DSA-44 key (vkey) of the cosignatures that stand
	// beside the operational key's; cards of early versions have none.
	Cosigning string `json:"cosigning,omitzero"`
	// Positions says where the keys of earlier cards end; see [MakePositions].
	// A first card has none.
	Positions []string `json:"positions,omitzero"`
	// TLS is the SHA-256 of the link certificate's public key
	// (SubjectPublicKeyInfo), base64, RFC 7469 section 2.4.
	TLS       string    `json:"tls"`
	Parcel    string    `json:"parcel"` // age recipient for parcels that travel as files
	Endpoints []string  `json:"endpoints"`
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`

	root, signing ledger.PublicKey
	cosigning     ledger.MLDSAPublicKey
	note          []byte
}

// RootKey is the long-term key.
func (c Card) RootKey() ledger.PublicKey { return c.root }

// SigningKey is the operational signing key.
func (c Card) SigningKey() ledger.PublicKey { return c.signing }

// CosigningKey is the ML-DSA-44 key, zero where the card names none.
func (c Card) CosigningKey() ledger.MLDSAPublicKey { return c.cosigning }

// Note returns the card's exact signed bytes.
func (c Card) Note() []byte { return c.note }

// SignCard signs a card with the party's long-term key. Type, Root, Signing and
// Cosigning are filled in; a zero cosigning key is left out.
func SignCard(c Card, root ledger.Key, signing ledger.PublicKey, cosigning ledger.MLDSAPublicKey) (Card, error) {
	c.Type = cardType
	c.Root, c.Signing, c.Cosigning = root.Public().String(c.Party), signing.String(c.Party), cosigning.String(c.Party)
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return Card{}, fmt.Errorf("encoding card: %w", err)
	}
	msg, err := root.SignNote(c.Party, string(text)+"\n")
	if err != nil {
		return Card{}, fmt.Errorf("signing card: %w", err)
	}
	return OpenCard(msg)
}

// OpenCard reads a card and checks that the long-term key in it signed it.
// Whether that key is the right one is for [Book.Add] to say.
func OpenCard(msg []byte) (Card, error) {
	bad := func(format string, args ...any) (Card, error) {
		return Card{}, fmt.Errorf("%w: %w", ErrCard, fmt.Errorf(format, args...))
	}
	if len(msg) > maxNoteBytes {
		return bad("%d bytes are over the limit of %d", len(msg), maxNoteBytes)
	}
	text, _, err := ledger.NoteText(msg)
	if err != nil {
		return bad("it was cut short or is no signed note: %w", err)
	}
	c := Card{note: bytes.Clone(msg)}
	if err := decode(text, &c); err != nil {
		return bad("its text does not read: %w", err)
	}
	if c.Type != cardType {
		return bad("its type is %q, want %q", c.Type, cardType)
	}
	if err := CheckParty(c.Party); err != nil {
		return bad("%w", err)
	}
	var name string
	if name, c.root, err = ledger.ParsePublicKey(c.Root); err != nil || name != c.Party {
		return bad("its long-term key is not a key of %s", c.Party)
	}
	if name, c.signing, err = ledger.ParsePublicKey(c.Signing); err != nil || name != c.Party {
		return bad("its signing key is not a key of %s", c.Party)
	}
	if c.Cosigning != "" {
		if name, c.cosigning, err = ledger.ParseMLDSAPublicKey(c.Cosigning); err != nil || name != c.Party {
			return bad("its cosigning key is not a key of %s", c.Party)
		}
	}
	if c.Sequence < 1 || !c.NotAfter.After(c.NotBefore) {
		return bad("sequence must be at least 1 and not_after must follow not_before")
	}
	if err := checkPositions(c.Positions); err != nil {
		return bad("%w", err)
	}
	for _, e := range c.Endpoints {
		if u, err := url.Parse(e); err != nil || u.Scheme != "https" || u.Host == "" {
			return bad("endpoint %q is not an https address", e)
		}
	}
	if _, _, err := ledger.OpenNote(msg, []ledger.Signed{{Name: c.Party, Key: c.root}}); err != nil {
		return bad("%w", err)
	}
	return c, nil
}

// Fingerprint is the short form of a long-term key that people compare by
// telephone: eight groups of five digits, as digits read the same in every
// language. Each group is five bytes of SHA-512(key) modulo 100,000 (about 132
// bits in all).
func Fingerprint(k ledger.PublicKey) string {
	h := sha512.Sum512(append([]byte("parley-fingerprint/1\n"), k[:]...))
	var groups []string
	for i := range 8 {
		var n uint64
		for _, b := range h[5*i : 5*i+5] {
			n = n<<8 | uint64(b)
		}
		groups = append(groups, fmt.Sprintf("%05d", n%100000))
	}
	return strings.Join(groups, " ")
}

// decode reads JSON from another party: no duplicate keys, no case folding,
// no unknown members.
func decode(text string, out any) error {
	return jsonv2.Unmarshal([]byte(text), out, jsonv2.RejectUnknownMembers(true),
		jsontext.AllowDuplicateNames(false), jsontext.AllowInvalidUTF8(false))
}
