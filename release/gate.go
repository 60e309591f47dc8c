// Package release is the gate: the only place where something becomes allowed
// to leave a node. [Decide] weighs an object against the accord, the rung
// granted, the markings, the purpose and the party's own policy, and says with
// every reason what the recipients may get: nothing, only a private match, a
// sanitised extract (tearline), or the whole. [Mint] and [MintExchange] turn a
// decision into a [Released] value, and nobody else can make one; the link
// sends nothing else.
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

// Reason is one rule's say.
type Reason struct {
	Rule    string  `json:"rule"`
	Outcome Outcome `json:"outcome"` // the most this rule allows
	Text    string  `json:"text"`    // for people
}

// Decision is what the gate says of an object.
type Decision struct {
	Outcome    Outcome  `json:"outcome"`
	Reasons    []Reason `json:"reasons"`    // one or more for every rule, in the order of the rules
	Redactions []string `json:"redactions"` // what the tearline leaves out or coarsens
	// Copy is what would leave: the object's exact bytes or the extract; nil
	// below Tearline.
	Copy []byte `json:"-"`

	copyID  string
	marking string
	grading string
}

// ErrWithheld reports an attempt to mint what the gate does not let pass.
var ErrWithheld = errors.New("withheld")

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
// outcome. An error withholds.
type Policy interface {
	Limit(Input, *stix.Object) ([]Reason, error)
}

// Input is everything that a decision rests on.
type Input struct {
	Object     []byte // exact STIX bytes
	Originator string // the party it was received from; "" for our own
	Accord     accord.Accord
	State      *accord.State
	Me         string
	To         []string // at least one member
	Purpose    string
	LegalBasis string // one of the accord's, or empty where the accord names none
	Now        time.Time
	// CopyKey is the party's secret from which the ids of copies are derived.
	CopyKey []byte
	Policy  Policy // nil: no policy of our own
}

// Decide says what the recipients may get of an object, and why.
func Decide(in Input) Decision {
	d := Decision{Outcome: Full}
	say := func(rule string, most Outcome, format string, args ...any) {
		d.Reasons = append(d.Reasons, Reason{rule, most, fmt.Sprintf(format, args...)})
		d.Outcome = min(d.Outcome, most)
	}
	agreement(in, Full, say)

	obj, err := stix.Parse(in.Object)
	if err != nil {
		say("object", Withhold, "the object does not read: %v", err)
		return d
	}
	d.copyID = obj.ID
	terms := in.Accord.Terms
	if slices.Contains(terms.ObjectTypes, obj.Type) {
		say("object-type", Full, "objects of type %s may pass under the accord", obj.Type)
	} else {
		say("object-type", Withhold, "the accord does not let objects of type %s pass", obj.Type)
	}
	if slices.Contains(terms.Purposes, in.Purpose) {
		say("purpose", Full, "%q is a purpose of the accord", in.Purpose)
	} else {
		say("purpose", Withhold, "%q is not among the purposes of the accord (%s)", in.Purpose, strings.Join(terms.Purposes, ", "))
	}
	switch {
	case len(terms.LegalBases) == 0 && in.LegalBasis == "", slices.Contains(terms.LegalBases, in.LegalBasis):
		say("legal-basis", Full, "the legal basis is one that the accord names")
	default:
		say("legal-basis", Withhold, "legal basis %q is not among those of the accord (%s)", in.LegalBasis, strings.Join(terms.LegalBases, ", "))
	}
	if in.Originator == "" {
		say("originator", Full, "it is our own")
	} else {
		say("originator", Withhold, "it came from %s, who has not agreed to its being passed on", in.Originator)
	}
	d.marking = markings(obj, terms.Ceiling.TLP, say)
	local(in, obj, say)
	content(in, obj, &d, say)
	return d
}

type sayer func(rule string, most Outcome, format string, args ...any)

// agreement says what the accord's state and the rungs allow; it is also all
// that bears on messages of the protocol itself.
func agreement(in Input, most Outcome, say sayer) {
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

// markings applies the object's data markings and returns its TLP.
func markings(obj *stix.Object, ceiling string, say sayer) string {
	for _, ref := range obj.ObjectMarkingRefs {
		if _, ok := stix.LevelOf(ref); !ok {
			say("marking", Withhold, "it carries a marking that is not understood here: %s", ref)
		}
	}
	if len(obj.GranularMarkings()) > 0 {
		say("marking", Withhold, "parts of it are marked on their own; release an object without such parts")
	}
	level, ok := stix.TLPOf(obj)
	if !ok {
		say("marking", Withhold, "it carries no TLP marking; mark it first")
		return ""
	}
	top, err := stix.ParseLevel(ceiling)
	switch {
	case err != nil:
		say("marking", Withhold, "the accord's ceiling does not read: %v", err)
	case level >= stix.Red:
		say("marking", Withhold, "%s is for named persons only", level)
	case level > top:
		say("marking", Withhold, "%s is above the accord's ceiling, %s", level, top)
	default:
		say("marking", Full, "%s is within the accord's ceiling, %s", level, top)
	}
	return level.String()
}

func local(in Input, obj *stix.Object, say sayer) {
	if in.Policy == nil {
		return
	}
	reasons, err := in.Policy.Limit(in, obj)
	if err != nil {
		say("local-policy", Withhold, "our own policy could not be applied: %v", err)
	}
	for _, r := range reasons {
		say(r.Rule, r.Outcome, "%s", r.Text)
	}
}

// content looks into the object: what in it forbids giving it whole, and the
// copy that results.
func content(in Input, obj *stix.Object, d *Decision, say sayer) {
	if obj.Type != "incident" {
		if d.Outcome == Tearline {
			say("tearline", Withhold, "there is no tearline profile for objects of type %s, and the whole may not pass", obj.Type)
		}
		if d.Outcome == Full {
			d.Copy = in.Object
		}
		return
	}
	rec, err := incident.FromSTIX(in.Object)
	if err != nil {
		say("object", Withhold, "the incident does not read: %v", err)
		return
	}
	d.grading = rec.Grading()
	if slices.ContainsFunc(rec.Sources, func(s incident.Source) bool { return s.Sensitive }) {
		say("sensitive-source", Tearline, "it names a source that must be protected")
	} else {
		say("sensitive-source", Full, "no source in it is marked sensitive")
	}
	if _, _, marked := incident.SplitTearline(rec.Text); marked {
		say("tearline-mark", Tearline, "its text has a tearline mark: what stands above it stays here")
	}
	c := in.Accord.Terms.Ceiling
	if c.PlaceKM > 0 && rec.Placed && rec.RadiusKM < c.PlaceKM/2 {
		say("precision", Tearline, "its place is finer than the accord's %g km", c.PlaceKM)
	}
	if coarserThan(c.Time, rec.DatePrecision) {
		say("precision", Tearline, "its time is finer than the accord's %s", c.Time)
	}
	switch d.Outcome {
	case Full:
		d.Copy = in.Object
	case Tearline:
		if d.Copy, d.copyID, d.Redactions, err = tearline(in, rec); err != nil {
			d.Copy = nil
			say("tearline", Withhold, "the extract could not be made: %v", err)
		}
	}
}
