package ledger

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"
	"strconv"
	"time"
)

// Kind says what an event records.
type Kind string

// The kinds of event. Later protocol versions may add some; a reader keeps
// events of kinds it does not know.
const (
	AccordOffered   Kind = "accord-offered"
	AccordSigned    Kind = "accord-signed"
	AccordSuspended Kind = "accord-suspended"
	AccordResumed   Kind = "accord-resumed"
	AccordEnded     Kind = "accord-ended"
	RungOffered     Kind = "rung-offered"
	RungAccepted    Kind = "rung-accepted"
	RungLowered     Kind = "rung-lowered"
	Released        Kind = "released"
	Received        Kind = "received"
	Corrected       Kind = "corrected"
	Withdrawn       Kind = "withdrawn"
	Honoured        Kind = "withdrawal-honoured"
	Judged          Kind = "judged"
	MatchPublished  Kind = "match-published"
	MatchAsked      Kind = "match-asked"
	MatchAnswered   Kind = "match-answered"
	RequestMade     Kind = "request-made"
	RequestAnswered Kind = "request-answered"
	KeyReplaced     Kind = "key-replaced"
	KeyShown        Kind = "key-shown"
	// Blind deconfliction (package deconflict).
	DeconflictOpened    Kind = "deconflict-opened"
	DeconflictJoined    Kind = "deconflict-joined"
	DeconflictSealed    Kind = "deconflict-sealed"
	DeconflictShown     Kind = "deconflict-shown"
	Deconflicted        Kind = "deconflicted"
	OverlapAcknowledged Kind = "overlap-acknowledged"
	OverlapResolved     Kind = "overlap-resolved"
	// Joint operations (package operation).
	JointAct Kind = "joint-act"

	maxEventBytes = 1 << 20
	maxLeafBytes  = 16 << 10
	leafHeader    = "parley-leaf/1"
)

// SaltSize is how many random bytes a commitment is salted with.
const SaltSize = 32

// Kinds are all kinds that this version writes.
var Kinds = []Kind{
	AccordOffered, AccordSigned, AccordSuspended, AccordResumed,
	AccordEnded, RungOffered, RungAccepted, RungLowered,
	Released, Received, Corrected, Withdrawn,
	Honoured, Judged, MatchPublished, MatchAsked,
	MatchAnswered, RequestMade, RequestAnswered, KeyReplaced, KeyShown,
	DeconflictOpened, DeconflictJoined, DeconflictSealed, DeconflictShown,
	Deconflicted, OverlapAcknowledged, OverlapResolved, JointAct,
}

// ErrMalformed reports bytes that are not a leaf, event or receipt of this
// protocol.
var ErrMalformed = errors.New("malformed")

// Event is one act of a party under an accord. What is committed to is its
// exact JSON bytes, not this struct.
type Event struct {
	Accord string          `json:"accord"` // accord id
	Party  string          `json:"party"`  // who acts; the owner of the log
	Kind   Kind            `json:"kind"`
	At     time.Time       `json:"at"`   // by the acting party's clock
	Data   json.RawMessage `json:"data"` // one of the types in acts.go, by Kind
}

// Marshal returns the bytes to commit to.
func (e Event) Marshal() ([]byte, error) {
	e.At = e.At.UTC().Truncate(time.Microsecond)
	return json.Marshal(e)
}

// ParseEvent reads an event's bytes.
func ParseEvent(b []byte) (Event, error) {
	var e Event
	if len(b) > maxEventBytes {
		return e, fmt.Errorf("%w: event of %d bytes is over the limit of %d", ErrMalformed, len(b), maxEventBytes)
	}
	if err := strictJSON(b, &e); err != nil {
		return e, fmt.Errorf("%w: event: %v", ErrMalformed, err)
	}
	if e.Kind == "" || e.Party == "" || e.Accord == "" || e.At.IsZero() {
		return e, fmt.Errorf("%w: event lacks kind, party, accord or time", ErrMalformed)
	}
	return e, nil
}

// Seen is the newest checkpoint of another member that the writer of a leaf
// held at that moment. It orders acts across logs and bounds backdating.
type Seen struct {
	Party string
	Hash  [sha256.Size]byte // CheckpointHash of it
}

// Leaf is what the log holds of an event: enough to prove the event once its
// bytes and salt are shown, and nothing about its content before.
type Leaf struct {
	Kind       Kind
	At         time.Time // microseconds, UTC
	Commitment [sha256.Size]byte
	Seen       []Seen // by party, ascending
}

// Names reports whether the leaf names a checkpoint of a party.
func (l Leaf) Names(party string) bool {
	return slices.ContainsFunc(l.Seen, func(s Seen) bool { return s.Party == party })
}

// Commit is the salted commitment to an event's exact bytes:
// HMAC-SHA256 (RFC 2104) keyed with a 32-byte random salt.
func Commit(salt, event []byte) (c [sha256.Size]byte) {
	m := hmac.New(sha256.New, salt)
	m.Write(event)
	m.Sum(c[:0])
	return c
}

// NewLeaf commits to an event under a fresh salt drawn from rand.
func NewLeaf(e Event, seen []Seen, rand io.Reader) (leaf Leaf, event, salt []byte, err error) {
	event, err = e.Marshal()
	if err != nil {
		return leaf, nil, nil, fmt.Errorf("encoding %s event: %w", e.Kind, err)
	}
	salt = make([]byte, SaltSize)
	if _, err := io.ReadFull(rand, salt); err != nil {
		return leaf, nil, nil, fmt.Errorf("drawing a salt: %w", err)
	}
	seen = append([]Seen(nil), seen...)
	sort.Slice(seen, func(i, j int) bool { return seen[i].Party < seen[j].Party })
	return Leaf{Kind: e.Kind, At: e.At.UTC().Truncate(time.Microsecond), Commitment: Commit(salt, event), Seen: seen}, event, salt, nil
}

// Opens reports whether event and salt are what the leaf commits to, and
// whether leaf and event agree on kind and time.
func (l Leaf) Opens(event, salt []byte) error {
	_, err := l.Open(event, salt)
	return err
}

// Open is Opens that also returns the event.
func (l Leaf) Open(event, salt []byte) (Event, error) {
	if err := l.committed(event, salt); err != nil {
		return Event{}, err
	}
	e, err := ParseEvent(event)
	if err != nil {
		return Event{}, err
	}
	if e.Kind != l.Kind || !e.At.Equal(l.At) {
		return Event{}, errors.New("leaf and event disagree on kind or time")
	}
	return e, nil
}

// committed reports whether the leaf commits to event under salt.
func (l Leaf) committed(event, salt []byte) error {
	if len(salt) != SaltSize {
		return fmt.Errorf("%w: salt has %d bytes, want %d", ErrMalformed, len(salt), SaltSize)
	}
	if Commit(salt, event) != l.Commitment {
		return errors.New("the event is not the one that the leaf commits to")
	}
	return nil
}

// Marshal returns the leaf's one canonical spelling:
//
//	parley-leaf/1
//	<kind>
//	<time, Unix microseconds>
//	<commitment, base64>
//	seen <party> <checkpoint hash, base64>     (one line a member, ascending)
func (l Leaf) Marshal() []byte {
	b := make([]byte, 0, 128+len(l.Seen)*128)
	b = append(append(b, leafHeader...), '\n')
	b = append(append(b, l.Kind...), '\n')
	b = append(strconv.AppendInt(b, l.At.UnixMicro(), 10), '\n')
	b = append(strict64.AppendEncode(b, l.Commitment[:]), '\n')
	for _, s := range l.Seen {
		b = append(append(append(b, "seen "...), s.Party...), ' ')
		b = append(strict64.AppendEncode(b, s.Hash[:]), '\n')
	}
	return b
}

// ParseLeaf reads a leaf; only the canonical spelling is accepted.
func ParseLeaf(b []byte) (Leaf, error) {
	l, rest, err := parseLeafHead(b, "")
	if err == nil {
		l.Seen, err = parseSeen(rest)
	}
	if err != nil {
		return Leaf{}, err
	}
	return l, nil
}

func badLeaf(what string) error { return fmt.Errorf("%w: leaf: %s", ErrMalformed, what) }

// parseLeafHead reads a leaf up to its checkpoint lines, which it returns. Where
// the kind is the one given, its string is used.
func parseLeafHead(b []byte, known Kind) (l Leaf, rest []byte, err error) {
	if len(b) > maxLeafBytes {
		return l, nil, badLeaf("too long")
	}
	header, rest, _ := bytes.Cut(b, newline)
	kind, rest, _ := bytes.Cut(rest, newline)
	at, rest, _ := bytes.Cut(rest, newline)
	commitment, rest, ok := bytes.Cut(rest, newline)
	if !ok || string(header) != leafHeader {
		return l, nil, badLeaf("unknown form")
	}
	if l.Kind = known; known == "" || string(kind) != string(known) {
		if !isName(kind) {
			return l, nil, badLeaf("kind is malformed")
		}
		l.Kind = Kind(kind)
	}
	us, err := strconv.ParseInt(string(at), 10, 64)
	if err != nil || string(strconv.AppendInt(make([]byte, 0, 24), us, 10)) != string(at) {
		return l, nil, badLeaf("time is not a number of microseconds")
	}
	l.At = time.UnixMicro(us).UTC()
	if !decode32(commitment, &l.Commitment) {
		return l, nil, badLeaf("commitment is not 32 bytes of base64")
	}
	return l, rest, nil
}

// parseSeen reads a leaf's checkpoint lines.
func parseSeen(rest []byte) (seen []Seen, err error) {
	for len(rest) > 0 {
		line, after, ok := bytes.Cut(rest, newline)
		if rest = after; !ok {
			return nil, badLeaf("it does not end in a newline")
		}
		after, isSeen := bytes.CutPrefix(line, []byte("seen "))
		party, hash, ok := bytes.Cut(after, []byte(" "))
		var s Seen
		if !isSeen || !ok || !isName(party) || !decode32(hash, &s.Hash) {
			return nil, badLeaf("checkpoint line is malformed")
		}
		s.Party = string(party)
		if n := len(seen); n > 0 && seen[n-1].Party >= s.Party {
			return nil, badLeaf("checkpoint lines are out of order")
		}
		seen = append(seen, s)
	}
	return seen, nil
}

var (
	newline  = []byte("\n")
	strict64 = base64.StdEncoding.Strict()
)

// isName is nameRE, for what is read by the million.
func isName(b []byte) bool {
	if len(b) == 0 || len(b) > 200 {
		return false
	}
	for i, c := range b {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
		case i > 0 && (c == '.' || c == '_' || c == '/' || c == '-'):
		default:
			return false
		}
	}
	return true
}

func decode32[T string | []byte](s T, out *[32]byte) bool {
	if len(s) != 44 {
		return false
	}
	var raw [33]byte // what 44 characters can decode to
	n, err := strict64.Decode(raw[:], []byte(s))
	if err != nil || n != len(out) {
		return false
	}
	copy(out[:], raw[:])
	return true
}
