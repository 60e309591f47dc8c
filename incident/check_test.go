package incident_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"parley.example/parley/incident"
)

func TestCheck(t *testing.T) {
	sound := func() incident.Incident {
		day := time.Date(2024, 3, 26, 0, 0, 0, 0, time.UTC)
		return incident.Incident{
			ID: incident.ID("test", "1"), Title: "Bomb at the market", Start: day, End: day.AddDate(0, 0, 6),
			DatePrecision: incident.Week, Lat: 27.81, Lon: 66.61, Placed: true, Country: "Pakistan",
			PlacePrecision: incident.Exact, RadiusKM: 5,
			Classes: []incident.Class{incident.Security, incident.Civilian}, Kind: incident.Bombing,
			Killed:    incident.Between(1, 2, 5),
			Sources:   []incident.Source{{Name: "ungraded"}, {Name: "paper", Reliability: "B", Credibility: 2}},
			Claims:    []incident.Claim{{By: "x", Of: "x", Kind: incident.Responsibility, Reliability: "E", Credibility: 4}},
			Selectors: []incident.Selector{{Kind: incident.Phone, Value: "+92 300 0000000"}},
		}
	}
	for _, tc := range []struct {
		want   string
		change func(*incident.Incident)
	}{
		{"", func(in *incident.Incident) {}},
		{"", func(in *incident.Incident) { in.Lat, in.Lon, in.Placed = 500, 500, false }},
		{"", func(in *incident.Incident) { in.Killed = incident.Range{} }},
		{"id:", func(in *incident.Incident) { in.ID = "tool--2ed6657d-e927-568b-95e1-2665a8aea6a2" }},
		{"title: is empty", func(in *incident.Incident) { in.Title = " " }},
		{"start: is missing", func(in *incident.Incident) { in.Start = time.Time{} }},
		{"is before the start", func(in *incident.Incident) { in.End = in.Start.Add(-1) }},
		{"date_precision:", func(in *incident.Incident) { in.DatePrecision = "soon" }},
		{"place_precision:", func(in *incident.Incident) { in.PlacePrecision = "" }},
		{"lat", func(in *incident.Incident) { in.Lat = 95 }},
		{"lon", func(in *incident.Incident) { in.Lon = -181 }},
		{"lat", func(in *incident.Incident) { in.Lat = math.NaN() }},
		{"swapped", func(in *incident.Incident) { in.Lat, in.Lon = in.Lon, in.Lat }},
		{"radius_km:", func(in *incident.Incident) { in.RadiusKM = math.Inf(1) }},
		{"classes: is empty", func(in *incident.Incident) { in.Classes = nil }},
		{"classes:", func(in *incident.Incident) { in.Classes[0] = "banker" }},
		{"kind:", func(in *incident.Incident) { in.Kind = "raid" }},
		{"killed: best 2 is below low 3", func(in *incident.Incident) { in.Killed = incident.Between(3, 2, 5) }},
		{"wounded: low -1 is below 0", func(in *incident.Incident) { in.Wounded = incident.Between(-1, 2, 5) }},
		{"sources[1]: has no name", func(in *incident.Incident) { in.Sources[1].Name = "" }},
		{"sources[1]: reliability", func(in *incident.Incident) { in.Sources[1].Reliability = "G" }},
		{"claims[0]: credibility", func(in *incident.Incident) { in.Claims[0].Credibility = 7 }},
		{"claims[0]:", func(in *incident.Incident) { in.Claims[0].Kind = "hint" }},
		{"selectors[0]", func(in *incident.Incident) { in.Selectors[0].Value = "" }},
	} {
		in := sound()
		tc.change(&in)
		err := in.Check()
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("got %v, want %q", err, tc.want)
		}
		if _, err := in.STIX(""); (err == nil) != (tc.want == "") {
			t.Errorf("STIX: got %v, want %q", err, tc.want)
		}
	}
	in := sound()
	if in.Grading() != "B2" || in.Class() != incident.Security || in.Middle().Day() != 29 {
		t.Errorf("%s, %s, %v", in.Grading(), in.Class(), in.Middle())
	}
	if empty := (&incident.Incident{}); empty.Grading() != "" || empty.Class() != incident.UnknownClass {
		t.Errorf("%q, %s", empty.Grading(), empty.Class())
	}
}
