package release

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/golang/geo/s2"
	"github.com/google/uuid"

	"parley.example/parley/incident"
	"parley.example/parley/stix"
)

// earthKM is the mean radius of the Earth in kilometres (IUGG).
const earthKM = 6371.0088

// tearline makes the extract of an incident. It is built from an empty record,
// field by field: what is not named here does not pass.
func (s *subject) tearline(rec incident.Incident) error {
	in := s.in
	var redactions []string
	drop := func(present bool, what string) {
		if present {
			redactions = append(redactions, what)
		}
	}
	c := in.Accord.Terms.Ceiling
	out := incident.Incident{
		ID:     CopyID(in.CopyKey, in.Accord.ID, strings.Join(in.To, ","), rec.ID),
		Source: in.Me, Title: extractTitle(rec, c.PlaceLevel),
		Start: rec.Start, End: rec.End, DatePrecision: rec.DatePrecision,
		Country: rec.Country, PlacePrecision: rec.PlacePrecision, RadiusKM: rec.RadiusKM,
		Classes: rec.Classes, Kind: rec.Kind, Killed: rec.Killed, Wounded: rec.Wounded,
		Organisation: hideIDs(rec.Organisation), TLP: s.marks.level,
	}
	out.Created, out.Modified = s.times(out.ID)
	out.SourceID = strings.TrimPrefix(out.ID, "incident--")
	drop(true, "id: replaced by one that only this recipient has")
	drop(rec.Source != "" || rec.SourceID != "", "source record: dataset and number")
	drop(rec.Title != out.Title, "title: replaced by kind and area")
	drop(len(rec.Sources) > 0, "sources: names, links and descriptions (the grading stays)")
	drop(len(rec.Selectors) > 0, "selectors: telephone numbers and vehicle plates")
	drop(len(rec.Codes) > 0, "codes of the source")
	if g := rec.Grading(); g != "" {
		out.Sources = []incident.Source{{Name: in.Me, Reliability: g[:1], Credibility: int(g[1] - '0')}}
	}
	if _, below, ok := incident.SplitTearline(rec.Text); ok {
		out.Text = hideIDs(below)
		drop(true, "text above the tearline mark")
	} else {
		drop(rec.Text != "", "text: it has no tearline mark")
	}
	for _, cl := range rec.Claims {
		drop(cl.Statement != "", "claims: wording of statements")
		cl = incident.Claim{
			By: hideIDs(cl.By), Of: hideIDs(cl.Of), Kind: cl.Kind, At: cl.At, Reliability: cl.Reliability, Credibility: cl.Credibility,
		}
		if !cl.At.IsZero() {
			cl.At, _ = coarseTime(c.Time, cl.At, cl.At)
		}
		out.Claims = append(out.Claims, cl)
	}
	if coarserThan(c.Time, rec.DatePrecision) {
		out.Start, out.End = coarseTime(c.Time, rec.Start, rec.End)
		out.DatePrecision = datePrecision[c.Time]
		drop(true, "time: coarsened to the "+c.Time)
	}
	s.where(rec, &out, drop)
	raw, err := out.STIX(PartyIdentity(in.Me))
	if err != nil {
		return err
	}
	if raw, err = s.remark(raw); err != nil {
		return err
	}
	for _, steps := range s.marks.closed {
		drop(true, "a part that is marked for others: "+steps[0].Name)
	}
	s.Copy, s.copyID, s.Redactions = raw, out.ID, slices.Compact(redactions)
	return nil
}

// remark puts the markings of a copy that are more than its TLP on it.
func (s *subject) remark(raw []byte) ([]byte, error) {
	refs, err := s.copyMarkings()
	if err != nil || len(refs) == 1 {
		return raw, err
	}
	o, err := stix.Parse(raw)
	if err != nil {
		return nil, err
	}
	props := o.Props()
	props["object_marking_refs"] = refs
	return stix.Encode(props)
}

// levels orders administrative levels, finest first.
var levels = []string{"district", "province", "country"}

// finerThan reports whether a record tells its place more finely than an
// administrative level.
func finerThan(rec incident.Incident, level string) bool {
	at := slices.Index(levels, level)
	return rec.Placed || rec.Place != "" || at >= 1 && rec.Admin2 != "" || at >= 2 && rec.Admin1 != "" || at < 0
}

// where tells the place of an incident by the accord's grid or administrative
// level.
func (s *subject) where(rec incident.Incident, out *incident.Incident, drop func(bool, string)) {
	c := s.in.Accord.Terms.Ceiling
	atLeast := func(p incident.PlacePrecision) {
		if slices.Index(incident.PlacePrecisions, out.PlacePrecision) < slices.Index(incident.PlacePrecisions, p) {
			out.PlacePrecision = p
		}
	}
	if c.PlaceLevel != "" {
		drop(rec.Placed, "place: position")
		out.RadiusKM = 0
		at := slices.Index(levels, c.PlaceLevel)
		if at == 0 {
			out.Admin2 = hideIDs(rec.Admin2)
		}
		if at == 0 || at == 1 {
			out.Admin1 = hideIDs(rec.Admin1)
		}
		drop(rec.Place != "" || rec.Admin2 != out.Admin2 || rec.Admin1 != out.Admin1, "place: names below the "+c.PlaceLevel)
		atLeast([]incident.PlacePrecision{incident.District, incident.Province, incident.Country}[max(at, 0)])
		return
	}
	out.Admin1 = hideIDs(rec.Admin1)
	if c.PlaceKM == 0 {
		out.Place, out.Admin2 = hideIDs(rec.Place), hideIDs(rec.Admin2)
		out.Lat, out.Lon, out.Placed = rec.Lat, rec.Lon, rec.Placed
		return
	}
	drop(rec.Place != "" || rec.Admin2 != "", "place: names below the province")
	if !rec.Placed {
		return
	}
	lat, lon, km := coarsePlace(c.PlaceKM, rec.Lat, rec.Lon)
	lat, lon, km = s.seal().place(c.PlaceKM, lat, lon, km)
	out.Lat, out.Lon, out.Placed = lat, lon, true
	out.RadiusKM = max(km, rec.RadiusKM)
	atLeast(incident.District)
	drop(true, fmt.Sprintf("place: moved to the centre of a cell at least %g km wide", c.PlaceKM))
	// The centre may lie beyond the border or the coast; then only the
	// province is told.
	if out.Check() != nil {
		out.Lat, out.Lon, out.Placed, out.RadiusKM = 0, 0, false, 0
		out.PlacePrecision = incident.Province
	}
}

// extractTitle names an extract by what anyone cleared for it may know.
func extractTitle(rec incident.Incident, level string) string {
	where := rec.Admin1
	if where == "" || level == "country" {
		where = rec.Country
	}
	if where == "" {
		where = "place withheld"
	}
	where = hideIDs(where)
	kind := strings.ReplaceAll(string(rec.Kind), "-", " ")
	if kind == "" {
		kind = "unknown"
	}
	return strings.ToUpper(kind[:1]) + kind[1:] + ", " + where
}

// partySpace is the namespace of PartyIdentity.
var partySpace = uuid.MustParse("0d9f4c3e-52ef-4a53-8cd2-9a40f0b6a2a7")

// PartyIdentity is the STIX id of the identity that stands for a party.
func PartyIdentity(party string) string {
	return "identity--" + uuid.NewSHA1(partySpace, []byte(party)).String()
}

// coarsePlace moves a position to the centre of the smallest S2 cell whose
// average edge is at least km, and returns the radius of the cell's bounding
// circle.
func coarsePlace(km, lat, lon float64) (clat, clon, radius float64) {
	level := s2.AvgEdgeMetric.MaxLevel(km / earthKM)
	id := s2.CellIDFromLatLng(s2.LatLngFromDegrees(lat, lon)).Parent(level)
	centre := id.LatLng()
	cap := s2.CellFromCellID(id).CapBound()
	return decimals(centre.Lat.Degrees(), 4), decimals(centre.Lng.Degrees(), 4), decimals(float64(cap.Radius())*earthKM+0.05, 1)
}

// decimals rounds to n decimal places: digits beyond the cell say nothing.
func decimals(x float64, n int) float64 {
	p := math.Pow10(n)
	return math.Round(x*p) / p
}

var datePrecision = map[string]incident.DatePrecision{
	"hour": incident.Hour, "day": incident.Day, "week": incident.Week, "month": incident.Month,
}

// coarserThan reports whether a unit of the accord is coarser than the
// precision of a record.
func coarserThan(unit string, p incident.DatePrecision) bool {
	u, ok := datePrecision[unit]
	if !ok {
		return unit != "exact" // an unknown unit coarsens
	}
	return slices.Index(incident.DatePrecisions, u) > slices.Index(incident.DatePrecisions, p) || (unit == "day" && p == incident.Hour)
}

// coarseTime widens a span to whole units, in UTC; weeks begin on Monday. An
// unknown unit widens to the month.
func coarseTime(unit string, start, end time.Time) (from, to time.Time) {
	from, to = unitBegin(unit, start), unitBegin(unit, end)
	switch unit {
	case "week":
		to = to.AddDate(0, 0, 6)
	case "exact", "hour", "day":
	default:
		to = to.AddDate(0, 1, -1)
	}
	return from, to
}
