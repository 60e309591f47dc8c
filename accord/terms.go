package accord

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"parley.example/parley/ledger"
	"parley.example/parley/stix"
)

const termsType = "parley-accord/1"

// ErrAccord reports an accord that is malformed or contradicts itself.
var ErrAccord = errors.New("accord is not valid")

// Rung is a step on the ladder of confidence, from Contact to Joint.
type Rung int

// The rungs. Each includes what the ones below it allow.
const (
	Contact  Rung = iota // liveness and ledgers, no content
	Match                // private matching, blind deconfliction
	Tearline             // sanitised extracts
	Full                 // objects as marked
	Joint                // joint operations, shared watch
)

var rungNames = []string{"contact", "match", "tearline", "full", "joint"}

func (r Rung) String() string {
	if r < Contact || r > Joint {
		return fmt.Sprintf("rung(%d)", int(r))
	}
	return rungNames[r]
}

// MarshalText implements encoding.TextMarshaler.
func (r Rung) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Rung) UnmarshalText(b []byte) error {
	i := slices.Index(rungNames, string(b))
	if i < 0 {
		return fmt.Errorf("rung %q is none of %v", b, rungNames)
	}
	*r = Rung(i)
	return nil
}

// Member names a party to an accord and pins its long-term key.
type Member struct {
	Party string `json:"party"`
	Name  string `json:"name"`
	Root  string `json:"root"` // vkey
}

// Fingerprint is the short form of the pinned key.
func (m Member) Fingerprint() string {
	_, k, err := ledger.ParsePublicKey(m.Root)
	if err != nil {
		return ""
	}
	return Fingerprint(k)
}

// Ceiling bounds what may pass, whatever else is agreed later.
type Ceiling struct {
	Rung Rung   `json:"rung"`
	TLP  string `json:"tlp"` // highest marking, e.g. TLP:AMBER
	// PlaceKM is the finest place that passes in a tearline: positions are
	// moved to the centre of a cell at least this wide; 0 leaves them exact.
	PlaceKM float64 `json:"place_km"`
	// PlaceLevel tells places in a tearline by administrative area instead:
	// the finest one that passes is district, province or country, and no
	// position does. Empty leaves the grid of PlaceKM.
	PlaceLevel string `json:"place_level,omitzero"`
	// Time is the finest time that passes in a tearline: exact, hour, day,
	// week or month.
	Time string `json:"time"`
}

// MatchRule allows private questions about one kind of selector.
type MatchRule struct {
	Kind  string `json:"kind"`
	Quota int    `json:"quota"` // selectors a member may ask another in 24 hours
	// PerCase and PerOfficer bound what may be asked in 24 hours under one case
	// reference and by one officer; 0 is no bound of their own.
	PerCase    int `json:"per_case,omitzero"`
	PerOfficer int `json:"per_officer,omitzero"`
}

// Terms are what the members sign.
type Terms struct {
	Type          string      `json:"type"`
	Title         string      `json:"title"`
	Members       []Member    `json:"members"`
	Witnesses     []Member    `json:"witnesses"`
	Purposes      []string    `json:"purposes"`
	LegalBases    []string    `json:"legal_bases"`
	ObjectTypes   []string    `json:"object_types"` // STIX types that may pass
	Ceiling       Ceiling     `json:"ceiling"`
	Start         Rung        `json:"start"` // rung each grants each once in force
	Match         []MatchRule `json:"match"`
	RetentionDays int         `json:"retention_days"` // how long a recipient may keep what it got
	Onward        string      `json:"onward"`         // "none": nothing received is passed on; "ask": only with the originator's consent
	Suspension    string      `json:"suspension"`     // for people: what suspending means
	Effective     time.Time   `json:"effective"`
	Expires       time.Time   `json:"expires"`
	Amends        string      `json:"amends"` // id of the accord this one replaces, or empty
	Nonce         string      `json:"nonce"`  // makes two accords of equal terms two accords
}

// Parties lists the members' party ids in the order of the terms.
func (t Terms) Parties() []string { return parties(t.Members) }

// WitnessParties lists the witnesses' party ids.
func (t Terms) WitnessParties() []string { return parties(t.Witnesses) }

func parties(ms []Member) []string {
	out := make([]string, len(ms))
	for i, m := range ms {
		out[i] = m.Party
	}
	return out
}

// MatchRule returns the rule for a selector kind; ok is false where the accord
// does not allow that kind.
func (t Terms) MatchRule(kind string) (r MatchRule, ok bool) {
	i := slices.IndexFunc(t.Match, func(m MatchRule) bool { return m.Kind == kind })
	if i < 0 {
		return MatchRule{}, false
	}
	return t.Match[i], true
}

// Check reports everything that is wrong with the terms.
func (t Terms) Check() error {
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if t.Type != termsType {
		fail("type is %q, want %q", t.Type, termsType)
	}
	if t.Title == "" {
		fail("title is empty")
	}
	if len(t.Members) < 2 {
		fail("an accord needs at least two members")
	}
	seen := make(map[string]bool)
	for _, m := range slices.Concat(t.Members, t.Witnesses) {
		if seen[m.Party] {
			fail("party %s stands in it twice", m.Party)
		}
		seen[m.Party] = true
		if err := CheckParty(m.Party); err != nil {
			fail("%w", err)
		} else if name, _, err := ledger.ParsePublicKey(m.Root); err != nil || name != m.Party {
			fail("long-term key of %s is not a key of that party", m.Party)
		}
	}
	if len(t.Purposes) == 0 {
		fail("no purpose is named")
	}
	if len(t.ObjectTypes) == 0 {
		fail("no object type is named")
	}
	if _, err := stix.ParseLevel(t.Ceiling.TLP); err != nil {
		fail("ceiling: %w", err)
	}
	if t.Ceiling.PlaceKM < 0 || t.Ceiling.PlaceKM > 1000 {
		fail("ceiling: place_km is %v, want 0 to 1000", t.Ceiling.PlaceKM)
	}
	if !slices.Contains(PlaceLevels, t.Ceiling.PlaceLevel) {
		fail("ceiling: place_level is %q, want one of %q", t.Ceiling.PlaceLevel, PlaceLevels)
	}
	if !slices.Contains(TimeUnits, t.Ceiling.Time) {
		fail("ceiling: time is %q, want one of %v", t.Ceiling.Time, TimeUnits)
	}
	if t.Start > t.Ceiling.Rung {
		fail("start rung %v is above the ceiling %v", t.Start, t.Ceiling.Rung)
	}
	for _, m := range t.Match {
		if m.Kind == "" || m.Quota < 1 {
			fail("match kind %q needs a quota of at least 1", m.Kind)
		}
		if m.PerCase < 0 || m.PerOfficer < 0 || m.PerCase > m.Quota || m.PerOfficer > m.Quota {
			fail("match kind %q: per_case and per_officer are 0 to the quota of %d", m.Kind, m.Quota)
		}
	}
	if t.RetentionDays < 1 {
		fail("retention_days must be at least 1")
	}
	if t.Onward != "none" && t.Onward != "ask" {
		fail("onward is %q, want none or ask", t.Onward)
	}
	if !t.Expires.After(t.Effective) {
		fail("it expires before it takes effect")
	}
	if len(errs) > 0 {
		return fmt.Errorf("%w: %w", ErrAccord, errors.Join(errs...))
	}
	return nil
}

// PlaceLevels are the values of Ceiling.PlaceLevel, finest first.
var PlaceLevels = []string{"", "district", "province", "country"}

// TimeUnits are the values of Ceiling.Time, finest first.
var TimeUnits = []string{"exact", "hour", "day", "week", "month"}

// Accord is a signed agreement.
type Accord struct {
	ID    string // hex SHA-256 of Text
	Text  string // exact signed bytes
	Note  []byte // Text and the signatures so far
	Terms Terms
	// SignedBy lists the members whose signature was verified, in the order
	// of the terms.
	SignedBy []string
}

// InForce reports whether every member has signed.
func (a Accord) InForce() bool { return len(a.SignedBy) == len(a.Terms.Members) }

// Offer fixes the terms as text and signs them first.
func Offer(t Terms, party string, key ledger.Key, book *Book) (Accord, error) {
	t.Type = termsType
	if err := t.Check(); err != nil {
		return Accord{}, err
	}
	text, err := json.MarshalIndent(t, "", "  ")
	if err != nil {
		return Accord{}, fmt.Errorf("encoding accord: %w", err)
	}
	msg, err := key.SignNote(party, string(text)+"\n")
	if err != nil {
		return Accord{}, fmt.Errorf("signing accord: %w", err)
	}
	return Open(msg, book)
}

// Sign adds a member's signature.
func (a Accord) Sign(party string, key ledger.Key, book *Book) (Accord, error) {
	msg, err := key.AddSignature(a.Note, party)
	if err != nil {
		return Accord{}, fmt.Errorf("signing accord %s: %w", a.ID[:12], err)
	}
	return Open(msg, book)
}

// Merge gathers the signatures of another copy of the same accord.
func (a Accord) Merge(other []byte, book *Book) (Accord, error) {
	msg, err := ledger.MergeSignatures(a.Note, other)
	if err != nil {
		return Accord{}, err
	}
	return Open(msg, book)
}

// idOf is the id of the accord with that text.
func idOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// Open checks an accord: its terms, that each pinned long-term key is the one
// that the book knows for that party, and that every signature on it is by a
// member. A member or witness the book does not know is [ErrStranger].
func Open(msg []byte, book *Book) (Accord, error) {
	if len(msg) > maxNoteBytes {
		return Accord{}, fmt.Errorf("%w: %d bytes are over the limit of %d", ErrAccord, len(msg), maxNoteBytes)
	}
	text, _, err := ledger.NoteText(msg)
	if err != nil {
		return Accord{}, fmt.Errorf("%w: %w", ErrAccord, err)
	}
	a := Accord{Text: text, Note: msg}
	if err := decode(text, &a.Terms); err != nil {
		return Accord{}, fmt.Errorf("%w: its text does not read: %w", ErrAccord, err)
	}
	if err := a.Terms.Check(); err != nil {
		return Accord{}, err
	}
	for _, m := range slices.Concat(a.Terms.Members, a.Terms.Witnesses) {
		c, ok := book.Card(m.Party)
		if !ok {
			return Accord{}, fmt.Errorf("%w: no card of %s is known: add it first (its fingerprint in the accord is %s)", ErrStranger, m.Party, m.Fingerprint())
		}
		if c.Root != m.Root {
			return Accord{}, fmt.Errorf("%w: accord names fingerprint %s for %s, known is %s", ErrStranger, m.Fingerprint(), m.Party, Fingerprint(c.root))
		}
	}
	a.ID = idOf(text)
	_, by, err := ledger.OpenNote(msg, book.AccordSigners(a.ID, a.Terms.Parties()...))
	if err != nil {
		return Accord{}, fmt.Errorf("%w: signatures: %w", ErrAccord, err)
	}
	for _, m := range a.Terms.Members {
		if slices.ContainsFunc(by, func(s ledger.Signed) bool { return s.Name == m.Party }) {
			a.SignedBy = append(a.SignedBy, m.Party)
		}
	}
	return a, nil
}
