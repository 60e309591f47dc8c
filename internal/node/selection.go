package node

import (
	"context"
	"fmt"
	"strings"
	"time"

	"parley.example/parley/incident"
	"parley.example/parley/internal/store"
)

// IncidentFilter selects incidents; zero fields do not restrict. Map, timeline,
// table and export are views of the same filter.
type IncidentFilter struct {
	From, To time.Time // From <= start < To
	Area     string
	Class    string
	Group    string // the named organisation; Nothing: none is named
	Party    string // who gave it; Own: our own
	Marking  string // like TLP:AMBER; Nothing: unmarked
	// Grading is the least good grade that passes: "B" (reliability A or B), "2"
	// (credibility 1 or 2), "B2" (both), or Nothing: ungraded. What cannot be
	// judged, F and 6, passes only where nothing is asked for.
	Grading string
	Box     *Box
	Limit   int // of a list: 0 is 10,000
}

// Words of an IncidentFilter.
const (
	Nothing = "-"
	Own     = "own"
)

// Box is a rectangle of longitudes and latitudes in degrees; where West is greater
// than East it crosses the antimeridian.
type Box struct{ West, South, East, North float64 }

// ParseBox reads "west,south,east,north" in degrees.
func ParseBox(s string) (b Box, err error) {
	parts := strings.Split(s, ",")
	ok := len(parts) == 4
	for i, to := range []*float64{&b.West, &b.South, &b.East, &b.North} {
		if ok {
			n, err := fmt.Sscanf(parts[i]+"|", "%g|", to)
			ok = n == 1 && err == nil
		}
	}
	if !ok || !(b.West >= -180 && b.West <= 180 && b.East >= -180 && b.East <= 180 && b.South >= -90 && b.South <= b.North && b.North <= 90) {
		return Box{}, fmt.Errorf("%w: a box is west,south,east,north in degrees, not %q", ErrInvalid, clip(s))
	}
	return b, nil
}

func (b Box) holds(lat, lon float64) bool {
	across := lon >= b.West && lon <= b.East
	if b.West > b.East {
		across = lon >= b.West || lon <= b.East
	}
	return across && lat >= b.South && lat <= b.North
}

// Check says what cannot be meant.
func (f IncidentFilter) Check() error {
	if _, _, ok := parseGrading(f.Grading); !ok && f.Grading != Nothing {
		return fmt.Errorf("%w: the least grading is like B, 2 or B2 (A to E, 1 to 5), or %s for ungraded, not %q", ErrInvalid, Nothing, clip(f.Grading))
	}
	return nil
}

func parseGrading(s string) (reliability, credibility byte, ok bool) {
	if s != "" && s[0] >= 'A' && s[0] <= 'E' {
		reliability, s = s[0], s[1:]
	}
	if s != "" && s[0] >= '1' && s[0] <= '5' {
		credibility, s = s[0], s[1:]
	}
	return reliability, credibility, s == ""
}

// query is what the store can select by itself.
func (f IncidentFilter) query() store.IncidentQuery {
	q := store.IncidentQuery{Area: f.Area, Class: f.Class}
	if !f.From.IsZero() {
		q.Since = f.From.UnixMicro()
	}
	if !f.To.IsZero() {
		q.Until = f.To.UnixMicro()
	}
	return q
}

// beyond says whether the store's rows must be looked at besides.
func (f IncidentFilter) beyond() bool {
	return f.Group != "" || f.Party != "" || f.Marking != "" || f.Grading != "" || f.Box != nil
}

func (f IncidentFilter) narrows() bool {
	return f.beyond() || f.Area != "" || f.Class != "" || !f.From.IsZero() || !f.To.IsZero()
}

// keeps decides on what query leaves open.
func (f IncidentFilter) keeps(in *incident.Incident, from string) bool {
	is := func(want, have string) bool { return want == "" || want == have || want == Nothing && have == "" }
	if from == "" {
		from = Own
	}
	return is(f.Group, in.Organisation) && (f.Party == "" || f.Party == from) && is(f.Marking, marked(in)) &&
		gradedAtLeast(f.Grading, in.Grading()) && (f.Box == nil || in.Placed && f.Box.holds(in.Lat, in.Lon))
}

func gradedAtLeast(least, grade string) bool {
	if least == "" || least == Nothing {
		return least == "" || grade == ""
	}
	reliability, credibility, _ := parseGrading(least)
	return len(grade) == 2 && (reliability == 0 || grade[0] <= reliability) && (credibility == 0 || grade[1] <= credibility)
}

// marked is the label of an incident, "" where it has none.
func marked(in *incident.Incident) string {
	if in.TLP == 0 {
		return ""
	}
	return in.TLP.String()
}

// incidentPages hands out the rows that a query selects by start, in pages of at
// least `size`, each once, outside of any transaction. Incidents of one instant may
// fill more than a page, which then grows.
func (n *Node) incidentPages(ctx context.Context, q store.IncidentQuery, size int, fn func([]store.Incident) error) error {
	q.Limit = size
	seen := map[string]bool{} // of the instant at which the last page ended
	for {
		var rows []store.Incident
		err := n.view(ctx, func(tx store.Tx) (err error) {
			rows, err = tx.ListIncidents(q)
			return err
		})
		if err != nil {
			return err
		}
		full := len(rows) == q.Limit
		var fresh []store.Incident
		for _, r := range rows {
			if !seen[r.ID] {
				fresh = append(fresh, r)
			}
		}
		if len(fresh) > 0 {
			if err := fn(fresh); err != nil {
				return err
			}
		}
		if !full {
			return nil
		}
		if len(fresh) == 0 {
			q.Limit *= 2
			continue
		}
		last := rows[len(rows)-1].Start
		if last != q.Since {
			clear(seen)
		}
		for _, r := range rows {
			if r.Start == last {
				seen[r.ID] = true
			}
		}
		q.Since = last
	}
}
