package release

import (
	"slices"
	"strconv"
	"time"

	"parley.example/parley/incident"
)

// Facts are what a party's own policy may look at: the object, one recipient,
// and under what conditions it would leave. Text that people wrote is not among
// them. What is unknown is "" or nil.
type Facts struct {
	ID, Type     string
	From         string // the party it came from, "" for our own
	TLP          int    // 0 none, 1 CLEAR, 2 GREEN, 3 AMBER, 4 AMBER+STRICT, 5 RED; the highest in it
	Listed       bool   // a releasability list lies on it
	Labels       []string
	Confidence   *int // 0 to 100
	AgeDays      *int // since it happened, or was created
	Revoked      bool
	Kind, Class  string // of an incident, as are all that follow
	Classes      []string
	Area         string // first-level administrative area
	Country      string
	Organisation string
	Reliability  string // of the source graded first, "A" to "F"
	Credibility  *int   // 1 to 6
	Sensitive    bool   // it names a source that must be protected
	Selectors    bool   // it holds telephone numbers, plates and the like
	Placed       bool   // it has a position
	Killed       *int   // the highest number given
	Wounded      *int

	Recipient  string
	Rung       int // 0 contact to 4 joint, that we grant the recipient
	Accord     string
	Purpose    string
	LegalBasis string
	Now        time.Time
}

// facts are the object's, as the gate has read it.
func (s *subject) facts(to string) Facts {
	f := Facts{
		ID: s.obj.ID, Type: s.obj.Type, From: s.from.Party, TLP: int(s.marks.whole), Listed: s.marks.listed,
		Labels: s.obj.Strings("labels"), Revoked: s.obj.Revoked,
		Recipient: to, Rung: int(min(s.in.State.Rung(s.in.Me, to), s.in.Accord.Terms.Ceiling.Rung)), Accord: s.in.Accord.ID,
		Purpose: s.in.Purpose, LegalBasis: s.in.LegalBasis, Now: s.in.Now.UTC(),
	}
	if v, ok := s.obj.Prop("confidence"); ok && v != nil {
		n := int(number(s.obj, "confidence"))
		f.Confidence = &n
	}
	if s.obj.Created != "" {
		f.AgeDays = days(s.in.Now, s.obj.CreatedTime)
	}
	if s.rec == nil {
		return f
	}
	r := s.rec
	f.AgeDays = days(s.in.Now, r.Start)
	f.Kind, f.Class = string(r.Kind), string(r.Class())
	for _, c := range r.Classes {
		f.Classes = append(f.Classes, string(c))
	}
	f.Area, f.Country, f.Organisation = r.Admin1, r.Country, r.Organisation
	if g := r.Grading(); g != "" {
		n := int(g[1] - '0')
		f.Reliability, f.Credibility = g[:1], &n
	}
	f.Sensitive = slices.ContainsFunc(r.Sources, func(x incident.Source) bool { return x.Sensitive })
	f.Selectors, f.Placed = len(r.Selectors) > 0, r.Placed
	f.Killed, f.Wounded = highest(r.Killed), highest(r.Wounded)
	return f
}

func days(now, then time.Time) *int {
	n := int(now.Sub(then) / (24 * time.Hour))
	return &n
}

func highest(r incident.Range) *int {
	for _, n := range []*int{r.High, r.Best, r.Low} {
		if n != nil {
			return n
		}
	}
	return nil
}

// key is the same for facts that any policy judges alike: the time counts to the
// hour. Where no rule names an object, ids do not count.
func (f Facts) key(withID bool) string {
	b := make([]byte, 0, 256)
	word := func(ss ...string) {
		for _, s := range ss {
			b = strconv.AppendInt(b, int64(len(s)), 10)
			b = append(append(b, ':'), s...)
		}
	}
	list := func(ss []string) {
		b = append(strconv.AppendInt(b, int64(len(ss)), 10), '[')
		word(ss...)
	}
	number := func(n *int) {
		if n == nil {
			b = append(b, '-', ';')
			return
		}
		b = append(strconv.AppendInt(b, int64(*n), 10), ';')
	}
	truth := func(ts ...bool) {
		for _, t := range ts {
			if t {
				b = append(b, 't')
			} else {
				b = append(b, 'f')
			}
		}
	}
	if withID {
		word(f.ID)
	}
	word(f.Type, f.From, f.Kind, f.Class, f.Area, f.Country, f.Organisation, f.Reliability, f.Recipient, f.Accord, f.Purpose, f.LegalBasis)
	list(f.Labels)
	list(f.Classes)
	number(&f.TLP)
	number(&f.Rung)
	number(f.Confidence)
	number(f.AgeDays)
	number(f.Credibility)
	number(f.Killed)
	number(f.Wounded)
	truth(f.Listed, f.Revoked, f.Sensitive, f.Selectors, f.Placed)
	return string(strconv.AppendInt(b, f.Now.Unix()/3600, 10))
}
