package deconflict

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// ErrFootprint reports a footprint that cannot be meant; the message says why.
var ErrFootprint = errors.New("footprint is not valid")

// Purposes are what an operation may serve. Nothing else is deconflicted.
var Purposes = []string{"protection", "rescue", "arrest", "border-control", "humanitarian-access"}

// Footprint is where and when something is planned, and on what ground.
type Footprint struct {
	ID         string `json:"id,omitzero"`
	Version    int    `json:"version,omitzero"` // 1, and one more with each change of plan
	Title      string `json:"title,omitzero"`   // for our own people; it never leaves
	Purpose    string `json:"purpose"`          // one of Purposes
	LegalBasis string `json:"legal_basis"`      // for an arrest the warrant or provision
	Officer    string `json:"officer"`          // who is responsible
	Unit       *Unit  `json:"unit,omitzero"`    // entered on behalf of a unit without a terminal
	Places     []Spot `json:"places,omitzero"`  // circles
	Area       []Spot `json:"area,omitzero"`    // corners of one polygon, in order; their radius is not used
	// From and Until bound the activity, or its first occurrence. A standing
	// footprint without Until goes on.
	From  time.Time `json:"from"`
	Until time.Time `json:"until,omitzero"`
	// EveryHours repeats it at this interval up to RepeatUntil; 0 does not.
	EveryHours  int       `json:"every_hours,omitzero"`
	RepeatUntil time.Time `json:"repeat_until,omitzero"`
	// Standing footprints have no end of their own and are checked again in each
	// epoch, for the Horizon ahead.
	Standing bool `json:"standing,omitzero"`
}

// Spot is a place.
type Spot struct {
	Name     string  `json:"name,omitzero"`
	Lat      float64 `json:"lat"` // degrees
	Lon      float64 `json:"lon"`
	RadiusKM float64 `json:"radius_km,omitzero"` // 0 to MaxRadius
}

// Unit is who carries the activity out and how it is reached.
type Unit struct {
	Name      string `json:"name"`
	Telephone string `json:"telephone"`
}

const (
	// MaxRadius is the greatest radius of a place, in kilometres.
	MaxRadius = 100
	// Horizon is how far ahead a standing footprint is looked at.
	Horizon = 14 * 24 * time.Hour
	// Grace is how long past slots still count: clocks may be off by hours.
	Grace     = 24 * time.Hour
	maxWindow = 62 * 24 * time.Hour
)

// Check reports everything that is wrong with a footprint.
func (f Footprint) Check() error {
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if !slices.Contains(Purposes, f.Purpose) {
		fail("purpose is %q, want one of %s", f.Purpose, strings.Join(Purposes, ", "))
	}
	if strings.TrimSpace(f.LegalBasis) == "" {
		fail("the legal basis is missing")
	}
	if strings.TrimSpace(f.Officer) == "" {
		fail("the responsible officer is missing")
	}
	if f.Unit != nil && (f.Unit.Name == "" || f.Unit.Telephone == "") {
		fail("a unit on whose behalf this is entered needs a name and a telephone number")
	}
	if len(f.Places) == 0 && len(f.Area) == 0 {
		fail("no place and no area is given")
	}
	if n := len(f.Area); n > 0 && n < 3 {
		fail("an area needs at least three corners, %d are given", n)
	}
	for i, p := range slices.Concat(f.Places, f.Area) {
		if !(math.Abs(p.Lat) <= 90) || !(math.Abs(p.Lon) <= 180) {
			fail("place %d: latitude is -90 to 90 and longitude -180 to 180, in degrees", i+1)
		}
		if !(p.RadiusKM >= 0 && p.RadiusKM <= MaxRadius) {
			fail("place %d: the radius is %v km, want 0 to %d", i+1, p.RadiusKM, MaxRadius)
		}
	}
	errs = append(errs, f.checkTime())
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("%w: %w", ErrFootprint, err)
	}
	return nil
}

func (f Footprint) checkTime() error {
	switch open := f.Standing && f.Until.IsZero(); {
	case f.From.IsZero():
		return errors.New("the time from which it takes place is missing")
	case open && f.EveryHours == 0:
		return nil
	case f.Until.IsZero():
		return errors.New("the time until which it takes place is missing; only a standing footprint may leave it out")
	case !f.Until.After(f.From):
		return fmt.Errorf("it ends (%s) before it begins (%s)", f.Until.Format(time.RFC3339), f.From.Format(time.RFC3339))
	case f.Until.Sub(f.From) > maxWindow:
		return fmt.Errorf("it lasts longer than %d days; make it a standing footprint", int(maxWindow.Hours()/24))
	case f.EveryHours < 0 || f.EveryHours > 24*366:
		return fmt.Errorf("it repeats every %d hours, want 0 to %d", f.EveryHours, 24*366)
	case f.EveryHours > 0 && !f.Standing && !f.RepeatUntil.After(f.From):
		return errors.New("a repeated activity needs a time until which it repeats")
	}
	return nil
}

// window is one stretch of time, From <= t < Until.
type window struct{ from, until time.Time }

// windows lists the occurrences that end after since, in order. Those of a standing
// footprint begin before the horizon ends.
func (f Footprint) windows(since time.Time) []window {
	end := since.Add(Grace + Horizon)
	until := f.Until
	if f.Standing && until.IsZero() {
		until = end
	}
	if f.EveryHours == 0 {
		if until.After(since) && (!f.Standing || f.From.Before(end)) {
			return []window{{f.From, until}}
		}
		return nil
	}
	every := time.Duration(f.EveryHours) * time.Hour
	last := f.RepeatUntil
	if f.Standing && (last.IsZero() || last.After(end)) {
		last = end
	}
	from, length := f.From, until.Sub(f.From)
	if behind := since.Sub(from.Add(length)); behind > 0 {
		from = from.Add(behind / every * every)
	}
	var out []window
	for ; from.Before(last); from = from.Add(every) {
		if w := (window{from, from.Add(length)}); w.until.After(since) {
			out = append(out, w)
		}
	}
	return out
}

// Over reports whether nothing of the footprint lies ahead.
func (f Footprint) Over(now time.Time) bool { return len(f.windows(now.Add(-Grace))) == 0 }
