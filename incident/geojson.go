package incident

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"
)

// A GeoJSONWriter writes incidents as one GeoJSON FeatureCollection (RFC 7946)
// while they come, so that memory does not grow with their number. A feature is
// a point, or has no geometry where the place is not known; how exact the point
// is stands in place_precision and radius_km. Sources, selectors and the
// source's codes are left out; of the sources the grading is given.
//
// Where sources among the incidents ask for it, the collection has their
// [Attributions] as a member attribution.
type GeoJSONWriter struct {
	w       io.Writer
	n       int
	sources []string // of what was written
	err     error
}

// NewGeoJSONWriter begins a collection.
func NewGeoJSONWriter(w io.Writer) *GeoJSONWriter { return &GeoJSONWriter{w: w} }

type feature struct {
	Type       string            `json:"type"`
	ID         string            `json:"id"`
	Geometry   *point            `json:"geometry"`
	Properties featureProperties `json:"properties"`
}

type point struct {
	Type        string     `json:"type"`
	Coordinates [2]float64 `json:"coordinates"` // longitude first (RFC 7946 §3.1.1)
}

type featureProperties struct {
	Title          string         `json:"title"`
	Text           string         `json:"text,omitempty"`
	Start          string         `json:"start"`
	End            string         `json:"end"`
	DatePrecision  DatePrecision  `json:"date_precision"`
	Place          string         `json:"place,omitempty"`
	Admin1         string         `json:"admin1,omitempty"`
	Admin2         string         `json:"admin2,omitempty"`
	Country        string         `json:"country,omitempty"`
	PlacePrecision PlacePrecision `json:"place_precision"`
	RadiusKM       *float64       `json:"radius_km"` // null where it is not known
	Classes        []Class        `json:"classes"`
	Kind           Kind           `json:"kind"`
	Killed         Range          `json:"killed"`
	Wounded        Range          `json:"wounded"`
	Organisation   string         `json:"organisation,omitempty"`
	Claims         []Claim        `json:"claims,omitempty"`
	Grading        string         `json:"grading,omitempty"`
	Marking        string         `json:"marking,omitempty"`
	From           string         `json:"from,omitempty"`
	Source         string         `json:"source,omitempty"`
}

// Write adds one incident. from is the party that released it, "" for one's
// own.
func (g *GeoJSONWriter) Write(in Incident, from string) error {
	f := feature{Type: "Feature", ID: in.ID, Properties: featureProperties{
		Title: in.Title, Text: in.Text, Start: formatTime(in.Start), End: formatTime(in.End), DatePrecision: in.DatePrecision,
		Place: in.Place, Admin1: in.Admin1, Admin2: in.Admin2, Country: in.Country, PlacePrecision: in.PlacePrecision,
		Classes: in.Classes, Kind: in.Kind, Killed: in.Killed, Wounded: in.Wounded, Organisation: in.Organisation,
		Claims: in.Claims, Grading: in.Grading(), From: from, Source: in.Source,
	}}
	if in.TLP != 0 {
		f.Properties.Marking = in.TLP.String()
	}
	if in.Placed {
		f.Geometry = &point{"Point", [2]float64{in.Lon, in.Lat}}
	}
	if in.RadiusKM > 0 {
		f.Properties.RadiusKM = &in.RadiusKM
	}
	raw, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("incident %s: %w", in.ID, err)
	}
	if g.n == 0 {
		g.print(`{"type":"FeatureCollection","features":[` + "\n")
	} else {
		g.print(",\n")
	}
	g.n++
	if !slices.Contains(g.sources, in.Source) {
		g.sources = append(g.sources, in.Source)
	}
	g.print(string(raw))
	return g.err
}

// Close ends the collection. It does not close the writer below.
func (g *GeoJSONWriter) Close() error {
	if g.n == 0 {
		g.print(`{"type":"FeatureCollection","features":[`)
	}
	g.print("\n]")
	if a := Attributions(g.sources...); a != "" {
		raw, err := json.Marshal(a)
		if err != nil {
			return err
		}
		g.print(`,"attribution":` + string(raw))
	}
	g.print("}\n")
	return g.err
}

func (g *GeoJSONWriter) print(s string) {
	if g.err == nil {
		_, g.err = io.WriteString(g.w, s)
	}
}

// dateOnly writes a time as a day where it is at midnight.
func dateOnly(t time.Time) string {
	t = t.UTC()
	if t.Equal(t.Truncate(24 * time.Hour)) {
		return t.Format(time.DateOnly)
	}
	return t.Format("2006-01-02T15:04:05Z")
}
