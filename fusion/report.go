package fusion

import (
	"strings"
	"time"

	"parley.example/parley/incident"
)

// Report is one report of an event. A zero field is not known.
type Report struct {
	ID string
	// From and To are the first and the last day on which the event may have
	// been, at midnight UTC; zero when no date is known.
	From, To time.Time
	Place    string
	Admin1   string
	// Lat and Lon are WGS 84 degrees, meaningful only when Placed.
	Lat, Lon        float64
	Placed          bool
	RadiusKM        float64 // how far from there the event may have been; 0 is not known
	Killed, Wounded Amount
	Kind            string // in anybody's words
	Text            string
}

// FromIncident is the report that an incident is.
func FromIncident(in *incident.Incident) Report {
	text := in.Text
	if !strings.Contains(text, in.Title) {
		text = strings.TrimSpace(in.Title + " " + text)
	}
	r := Report{
		ID: in.ID, From: midnight(in.Start), To: midnight(in.End), Place: in.Place, Admin1: in.Admin1,
		Lat: in.Lat, Lon: in.Lon, Placed: in.Placed, RadiusKM: in.RadiusKM, Text: text,
		Killed: amountOf(in.Killed), Wounded: amountOf(in.Wounded),
	}
	if r.Place == "" {
		r.Place = in.Admin2
	}
	if in.Kind != incident.UnknownKind && in.Kind != incident.OtherKind {
		r.Kind = string(in.Kind)
	}
	return r
}

func midnight(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
}

func amountOf(r incident.Range) Amount {
	var a Amount
	for _, n := range []*int{r.Best, r.Low, r.High} {
		if n == nil {
			continue
		}
		if !a.Known {
			a = Amount{Low: *n, Best: *n, High: *n, Known: true}
		}
		a.Low, a.High = min(a.Low, *n), max(a.High, *n)
	}
	return a
}
