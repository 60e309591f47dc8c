// Package release is the gate: the only place where something becomes allowed
// to leave a node. [Decide] weighs an object against the accord, the rung
// granted, the markings, the purpose and the party's own policy, and says with
// every reason what the recipients may get: nothing, only a private match, a
// sanitised extract (tearline), or the whole. [Mint] and [MintExchange] turn a
// decision into a [Released] value, and nobody else can make one; the link
// sends nothing else.
//
// Markings are TLP 2.0 and 1, Parley's releasability marking (lists of parties,
// originator control), statements, and the same on parts of an object. What an
// object refers to is put to the gate as well: an object never tells that
// another one exists which its recipient may not have. A party's own policy is
// written in Cedar ([LoadPolicy]). Extracts are built from allow-lists
// (profile.go); each recipient's has ids of its own and other traits from which
// [Traits] recognise whose copy it is.
//
// Everything here is a pure function of its input. Whatever is unknown,
// missing or does not parse lowers the outcome, never raises it, and rules are
// never skipped: each states the most that it allows and the lowest counts.
package release

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"parley.example/parley/accord"
	"parley.example/parley/incident"
	"parley.example/parley/stix"
)

// Outcome is the most that recipients may get, from nothing upwards.
type Outcome int

// The outcomes, in ascending order.
const (
	Withhold  Outcome = iota // nothing, not even that it exists
	MatchOnly                // its selectors answer private questions
	Tearline                 // a sanitised extract
	Full                     // the object as it is
)

var outcomeNames = []string{"withhold", "match-only", "tearline", "full"}

func (o Outcome) String() string {
	if o < Withhold || o > Full {
		return fmt.Sprintf("outcome(%d)", int(o))
	}
	return outcomeNames[o]
}

// MarshalText implements encoding.TextMarshaler.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (o *Outcome) UnmarshalText(b []byte) error {
	i := slices.Index(outcomeNames, string(b))
	if i < 0 {
		return fmt.Errorf("outcome %q is none of %v", b, outcomeNames)
	}
	*o = Outcome(i)
	return nil
}

// Reason is one rule's say.
type Reason struct {
	Rule    string  `json:"rule"`
	Outcome Outcome `json:"outcome"` // the most this rule allows
	Text    string  `json:"text"`    // for people
	// Approvals is how many people besides the asker must agree first.
	Approvals int `json:"approvals,omitempty"`
}

// Decision is what the gate says of an object.
type Decision struct {
	Outcome    Outcome  `json:"outcome"`
	Reasons    []Reason `json:"reasons"`    // one or more for every rule, in the order of the rules
	Redactions []string `json:"redactions"` // what the tearline leaves out or coarsens
	// Approvals is how many people besides the asker must agree before it may
	// leave; the most that any rule asks.
	Approvals int `json:"approvals,omitempty"`
	// Copy is what would leave: the object's exact bytes or the extract; nil
	// below Tearline.
	Copy []byte `json:"-"`

	copyID  string
	typ     string
	marking string
	grading string
}

// Errors of [Mint].
var (
	// ErrWithheld reports an attempt to mint what the gate does not let pass.
	ErrWithheld = errors.New("withheld")
	// ErrApproval reports that people must agree first. It is an [ErrWithheld].
	ErrApproval = fmt.Errorf("%w until it is approved", ErrWithheld)
)

// Err is nil when something may pass, else [ErrWithheld] with the reasons that
// stand against it.
func (d Decision) Err() error {
	if d.Outcome >= Tearline {
		return nil
	}
	var why []string
	for _, r := range d.Reasons {
		if r.Outcome < Tearline {
			why = append(why, r.Text)
		}
	}
	return fmt.Errorf("%w: %s", ErrWithheld, strings.Join(why, "; "))
}

// Policy is a party's own, secret part of the decision. It can only lower the
// outcome or ask for approvals. An error withholds. It is safe for concurrent
// use.
type Policy interface {
	Limit(Facts) ([]Reason, error)
}

// Origin says where an object came from; the zero value is our own.
type Origin struct {
	Party string // who released it to us; "" for our own
	// Onward is the onward rule of the accord under which it came.
	Onward string
	// Consent lists the parties to which its originator agreed to its being
	// passed on.
	Consent []string
}

// Held is an object as the node holds it.
type Held struct {
	Object []byte // exact STIX bytes
	Origin Origin
}

// Input is everything that a decision rests on.
type Input struct {
	Object     []byte // exact STIX bytes
	Origin     Origin
	Accord     accord.Accord
	State      *accord.State
	Me         string
	To         []string // at least one member
	Purpose    string
	LegalBasis string // one of the accord's, or empty where the accord names none
	Now        time.Time
	// CopyKey is the party's secret from which the ids and marks of copies are
	// derived.
	CopyKey []byte
	Policy  Policy // nil: no policy of our own
	// Approved is how many people other than the asker have agreed.
	Approved int

	// Marking returns a marking definition by its id. Nil knows none but TLP.
	Marking func(id string) ([]byte, bool)
	// Held returns what the node holds under an id, for the objects that this
	// one refers to. Nil holds nothing.
	Held func(id string) (Held, bool)
	// Sent tells when a copy of that id left for these recipients for the first
	// time, which is when it was created, and for the last; nil or false: it
	// never did.
	Sent func(copyID string) (first, last time.Time, ok bool)
	// Cache, shared by a batch, decides what many objects refer to once. All
	// else but Object and Origin must be the same for all of them. Nil: none.
	Cache *Cache
}

// Decide says what the recipients may get of an object, and why. Of several
// recipients the one who may get least decides.
func Decide(in Input) Decision {
	v := visit{in: &in, memo: in.Cache, left: maxLookups}
	if v.memo == nil {
		v.memo = NewCache()
	}
	return v.decide(in.Object, in.Origin)
}

type sayer func(rule string, most Outcome, format string, args ...any)

// subject is an object on its way through the rules.
type subject struct {
	*Decision
	v     *visit
	in    *Input // but for Object and Origin, which are those of what was asked about
	from  Origin
	obj   *stix.Object
	bare  *stix.Object       // obj without the parts that are closed to the recipients
	rec   *incident.Incident // nil unless it is an incident of ours
	marks marked
}

func (s *subject) say(rule string, most Outcome, format string, args ...any) {
	text := format
	if len(args) > 0 {
		text = fmt.Sprintf(format, args...)
	}
	s.add(Reason{Rule: rule, Outcome: most, Text: text})
}

func (s *subject) add(r Reason) {
	s.Reasons = append(s.Reasons, r)
	s.Outcome = min(s.Outcome, r.Outcome)
	s.Approvals = max(s.Approvals, r.Approvals)
}

// decide puts one object through every rule.
func (v *visit) decide(object []byte, origin Origin) Decision {
	d := Decision{Outcome: Full, Reasons: make([]Reason, 0, 16)}
	s := subject{Decision: &d, v: v, in: v.in, from: origin}
	agreement(v.in, Full, s.say)

	var err error
	if s.obj, err = stix.Parse(object); err != nil {
		s.say("object", Withhold, "the object does not read: %v", err)
		return d
	}
	s.bare = s.obj
	d.copyID, d.typ = s.obj.ID, s.obj.Type
	v.path = append(v.path, s.obj.ID)
	defer func() { v.path = v.path[:len(v.path)-1] }()
	s.terms()
	s.origin()
	s.marking()
	s.incident()
	s.local()
	s.references()
	s.content()
	if d.Outcome < Tearline {
		d.Copy, d.Redactions = nil, nil
	}
	return d
}

// agreement says what the accord's state and the rungs allow; it is also all
// that bears on messages of the protocol itself.
func agreement(in *Input, most Outcome, say sayer) {
	if st := in.State.At(in.Now); st.Name == accord.InForce {
		say("accord-state", most, "the accord is in force")
	} else {
		say("accord-state", Withhold, "the accord is %s", st)
	}
	if len(in.To) == 0 {
		say("recipient", Withhold, "no recipient is named")
	}
	for _, to := range in.To {
		if to == in.Me || !slices.Contains(in.Accord.Terms.Parties(), to) {
			say("recipient", Withhold, "%s is not another member of the accord", to)
			continue
		}
		rung := min(in.State.Rung(in.Me, to), in.Accord.Terms.Ceiling.Rung)
		say("rung", min(most, rungAllows(rung)), "%s stands at rung %s", to, rung)
	}
}

func rungAllows(r accord.Rung) Outcome {
	switch {
	case r >= accord.Full:
		return Full
	case r == accord.Tearline:
		return Tearline
	case r == accord.Match:
		return MatchOnly
	}
	return Withhold
}

// terms applies what the accord says of types, purposes and legal bases.
func (s *subject) terms() {
	terms := s.in.Accord.Terms
	if slices.Contains(terms.ObjectTypes, s.obj.Type) {
		s.say("object-type", Full, "objects of type %s may pass under the accord", s.obj.Type)
	} else {
		s.say("object-type", Withhold, "the accord does not let objects of type %s pass", s.obj.Type)
	}
	if slices.Contains(terms.Purposes, s.in.Purpose) {
		s.say("purpose", Full, "%q is a purpose of the accord", s.in.Purpose)
	} else {
		s.say("purpose", Withhold, "%q is not among the purposes of the accord (%s)", s.in.Purpose, strings.Join(terms.Purposes, ", "))
	}
	switch {
	case len(terms.LegalBases) == 0 && s.in.LegalBasis == "", slices.Contains(terms.LegalBases, s.in.LegalBasis):
		s.say("legal-basis", Full, "the legal basis is one that the accord names")
	default:
		s.say("legal-basis", Withhold, "legal basis %q is not among those of the accord (%s)", s.in.LegalBasis, strings.Join(terms.LegalBases, ", "))
	}
}

// origin applies the third-party rule: what came from a partner is passed on
// only where the accord under which it came lets that be asked and the
// partner agreed to every recipient.
func (s *subject) origin() {
	o := s.from
	if o.Party == "" {
		s.say("originator", Full, "it is our own")
		return
	}
	if o.Onward != "ask" {
		s.say("originator", Withhold, "it came from %s under an accord that lets nothing be passed on", o.Party)
	}
	for _, to := range s.in.To {
		if slices.Contains(o.Consent, to) {
			s.say("originator", Full, "it came from %s, who agreed to its being passed on to %s", o.Party, to)
		} else {
			s.say("originator", Withhold, "it came from %s, who has not agreed to its being passed on to %s", o.Party, to)
		}
	}
}

// incident reads the record of an incident, and says what in it forbids giving
// the whole.
func (s *subject) incident() {
	if s.obj.Type != "incident" {
		return
	}
	rec, err := incident.FromObject(s.obj)
	if err != nil {
		s.say("object", Withhold, "the incident does not read: %v", err)
		return
	}
	s.rec = &rec
	s.grading = rec.Grading()
	if slices.ContainsFunc(rec.Sources, func(x incident.Source) bool { return x.Sensitive }) {
		s.say("sensitive-source", Tearline, "it names a source that must be protected")
	} else {
		s.say("sensitive-source", Full, "no source in it is marked sensitive")
	}
	if _, _, marked := incident.SplitTearline(rec.Text); marked {
		s.say("tearline-mark", Tearline, "its text has a tearline mark: what stands above it stays here")
	}
	c := s.in.Accord.Terms.Ceiling
	switch {
	case c.PlaceLevel != "" && finerThan(rec, c.PlaceLevel):
		s.say("precision", Tearline, "its place is finer than the accord's %s", c.PlaceLevel)
	case c.PlaceKM > 0 && rec.Placed && rec.RadiusKM < c.PlaceKM/2:
		s.say("precision", Tearline, "its place is finer than the accord's %g km", c.PlaceKM)
	}
	if coarserThan(c.Time, rec.DatePrecision) {
		s.say("precision", Tearline, "its time is finer than the accord's %s", c.Time)
	}
}

func (s *subject) local() {
	if s.in.Policy == nil {
		return
	}
	for _, to := range s.in.To {
		reasons, err := s.in.Policy.Limit(s.facts(to))
		if err != nil {
			s.say("local-policy", Withhold, "our own policy could not be applied: %v", err)
		}
		for _, r := range reasons {
			s.add(r)
		}
	}
}

// content makes the copy, and says what in the object forbids giving it whole.
func (s *subject) content() {
	if s.obj.Type != "incident" {
		s.text()
		s.precision()
	}
	switch {
	case s.Outcome == Full:
		s.Copy = s.obj.Raw()
	case s.Outcome == Tearline:
		if err := s.extract(); err != nil {
			s.Copy = nil
			s.say("tearline", Withhold, "the extract could not be made: %v", err)
		}
	}
}
