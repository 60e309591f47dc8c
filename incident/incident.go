package incident

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"parley.example/parley/stix"
)

// Incident is one reported event. Times are UTC.
type Incident struct {
	// ID is the STIX identifier; see [ID]. A tearline copy has another one.
	ID string `json:"id"`
	// Source is the dataset or system that the record came from, SourceID its
	// identifier there.
	Source   string `json:"source,omitempty"`
	SourceID string `json:"source_id,omitempty"`

	Title string `json:"title"`
	// Text may hold a tearline mark; see [SplitTearline].
	Text string `json:"text,omitempty"`

	// Start and End are the first and the last day (at midnight) or instant of
	// the time in which the event lies; they are equal when it is exact.
	Start         time.Time     `json:"start"`
	End           time.Time     `json:"end"`
	DatePrecision DatePrecision `json:"date_precision"`

	// Lat and Lon are WGS 84 degrees, meaningful only when Placed.
	Lat    float64 `json:"lat"`
	Lon    float64 `json:"lon"`
	Placed bool    `json:"placed"`
	Place  string  `json:"place,omitempty"`
	// Admin1 and Admin2 are the first-level and second-level administrative
	// areas as the source names them.
	Admin1         string         `json:"admin1,omitempty"`
	Admin2         string         `json:"admin2,omitempty"`
	Country        string         `json:"country,omitempty"`
	PlacePrecision PlacePrecision `json:"place_precision"`
	// RadiusKM is how far from Lat, Lon the event may have been; 0 is unknown.
	RadiusKM float64 `json:"radius_km"`

	// Classes are the classes of the victims, the main one first; never empty.
	Classes      []Class `json:"classes"`
	Kind         Kind    `json:"kind"`
	Killed       Range   `json:"killed"`
	Wounded      Range   `json:"wounded"`
	Organisation string  `json:"organisation,omitempty"` // named armed organisation

	Sources   []Source   `json:"sources,omitempty"`
	Claims    []Claim    `json:"claims,omitempty"`
	Selectors []Selector `json:"selectors,omitempty"`

	TLP stix.Level `json:"tlp"`
	// Codes keeps the source's own codes by the source's own names.
	Codes map[string]string `json:"codes,omitempty"`

	// Created and Modified order the versions of the record, to the
	// millisecond. Where they are zero, Start stands for them, so that reading
	// a file again gives the same object; whoever changes a record that was
	// already stored sets Modified.
	Created  time.Time `json:"created,omitzero"`
	Modified time.Time `json:"modified,omitzero"`
}

// Range is a number of people with its uncertainty; nil is unknown.
type Range struct {
	Low  *int `json:"low,omitempty"`
	Best *int `json:"best,omitempty"`
	High *int `json:"high,omitempty"`
}

// Exactly is the range of a number that is not in doubt.
func Exactly(n int) Range { return Between(n, n, n) }

// Between is the range of a number with both bounds known.
func Between(low, best, high int) Range { return Range{&low, &best, &high} }

// Source is where the report came from, with Admiralty grading.
type Source struct {
	Name string `json:"name"`
	// Reliability of the source: "A" to "F", "" where not graded.
	Reliability string `json:"reliability,omitempty"`
	// Credibility of the information: 1 to 6, 0 where not graded.
	Credibility int    `json:"credibility,omitempty"`
	URL         string `json:"url,omitempty"`
	Description string `json:"description,omitempty"`
	// Sensitive marks a source that must not be shown to a partner.
	Sensitive bool `json:"sensitive,omitempty"`
}

// Claim is what one actor says about who is responsible. Claims are kept side
// by side and never merged.
type Claim struct {
	By          string    `json:"by"` // who says so
	Of          string    `json:"of"` // whom they name
	Kind        ClaimKind `json:"kind"`
	At          time.Time `json:"at,omitzero"`
	Statement   string    `json:"statement,omitempty"`
	Reliability string    `json:"reliability,omitempty"` // as in Source
	Credibility int       `json:"credibility,omitempty"`
}

// Selector is a value in the report that can be matched with a partner's, as it
// was written.
type Selector struct {
	Kind  string `json:"kind"` // "phone" or "plate"
	Value string `json:"value"`
}

// Kinds of selectors.
const (
	Phone = "phone"
	Plate = "plate"
)

// namespace makes the UUIDv5 of an incident's identifier.
var namespace = uuid.MustParse("6e20eb9b-9c4e-43c3-9f33-891526d3a118")

// ID returns the identifier of the incident with that id in that dataset:
// always the same, so that reading a file twice stores nothing twice.
func ID(source, sourceID string) string {
	return stix.NameID("incident", namespace, source+"\n"+sourceID)
}

// Class is the main class of the victims.
func (in *Incident) Class() Class {
	if len(in.Classes) == 0 {
		return UnknownClass
	}
	return in.Classes[0]
}

// Attack says whether the record is of an attack by an armed organisation, as
// the watch counts them: no signal, no fighting between states and no strike by
// a third state's forces.
func (in *Incident) Attack() bool {
	return !in.Kind.Signal() && in.Kind != Interstate && in.Kind != ForeignStrike
}

// Middle is the middle of the time in which the event lies, to the day.
func (in *Incident) Middle() time.Time {
	days := int(in.End.Sub(in.Start).Hours() / 24)
	return in.Start.AddDate(0, 0, days/2)
}

// Grading is the Admiralty grade of the first graded source, like "B2"; "" where
// none is graded.
func (in *Incident) Grading() string {
	for _, s := range in.Sources {
		if s.Reliability != "" && s.Credibility != 0 {
			return fmt.Sprintf("%s%d", s.Reliability, s.Credibility)
		}
	}
	return ""
}

// Check returns every reason why the record is not well formed, joined; nil
// when there is none.
func (in *Incident) Check() error {
	var errs []error
	bad := func(field, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: "+format, append([]any{field}, args...)...))
	}
	if typ, _, ok := stix.SplitID(in.ID); !ok || typ != "incident" {
		bad("id", "%q is not incident--UUID", in.ID)
	}
	if strings.TrimSpace(in.Title) == "" {
		bad("title", "is empty")
	}
	switch {
	case in.Start.IsZero():
		bad("start", "is missing")
	case in.End.Before(in.Start):
		bad("end", "%s is before the start, %s", in.End.Format(time.DateOnly), in.Start.Format(time.DateOnly))
	}
	if !slices.Contains(DatePrecisions, in.DatePrecision) {
		bad("date_precision", "%q is not one of %v", in.DatePrecision, DatePrecisions)
	}
	if !slices.Contains(PlacePrecisions, in.PlacePrecision) {
		bad("place_precision", "%q is not one of %v", in.PlacePrecision, PlacePrecisions)
	}
	if in.Placed {
		if err := checkCoordinates(in.Lat, in.Lon, in.Country); err != nil {
			errs = append(errs, err)
		}
	}
	if math.IsNaN(in.RadiusKM) || in.RadiusKM < 0 || in.RadiusKM > 20_040 {
		bad("radius_km", "%v is no radius on the Earth", in.RadiusKM)
	}
	if len(in.Classes) == 0 {
		bad("classes", "is empty")
	}
	for _, c := range in.Classes {
		if !slices.Contains(Classes, c) {
			bad("classes", "%q is not one of %v", c, Classes)
		}
	}
	if !slices.Contains(Kinds, in.Kind) {
		bad("kind", "%q is not one of %v", in.Kind, Kinds)
	}
	for _, r := range []struct {
		name string
		Range
	}{{"killed", in.Killed}, {"wounded", in.Wounded}} {
		if err := r.check(); err != nil {
			bad(r.name, "%v", err)
		}
	}
	for i, s := range in.Sources {
		if s.Name == "" {
			bad(fmt.Sprintf("sources[%d]", i), "has no name")
		}
		if err := checkGrade(s.Reliability, s.Credibility); err != nil {
			bad(fmt.Sprintf("sources[%d]", i), "%v", err)
		}
	}
	for i, c := range in.Claims {
		if err := checkGrade(c.Reliability, c.Credibility); err != nil {
			bad(fmt.Sprintf("claims[%d]", i), "%v", err)
		}
		if !slices.Contains(ClaimKinds, c.Kind) {
			bad(fmt.Sprintf("claims[%d]", i), "%q is not one of %v", c.Kind, ClaimKinds)
		}
	}
	for i, s := range in.Selectors {
		if s.Kind == "" || s.Value == "" {
			bad(fmt.Sprintf("selectors[%d]", i), "needs a kind and a value")
		}
	}
	return errors.Join(errs...)
}

func (r Range) check() error {
	last, from := 0, "0"
	for _, n := range []struct {
		name string
		n    *int
	}{{"low", r.Low}, {"best", r.Best}, {"high", r.High}} {
		if n.n == nil {
			continue
		}
		if *n.n < last {
			return fmt.Errorf("%s %d is below %s", n.name, *n.n, from)
		}
		last, from = *n.n, fmt.Sprintf("%s %d", n.name, *n.n)
	}
	return nil
}

func checkGrade(reliability string, credibility int) error {
	if reliability != "" && (len(reliability) != 1 || reliability < "A" || reliability > "F") {
		return fmt.Errorf("reliability %q is not A to F", reliability)
	}
	if credibility < 0 || credibility > 6 {
		return fmt.Errorf("credibility %d is not 1 to 6", credibility)
	}
	return nil
}
