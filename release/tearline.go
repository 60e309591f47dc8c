package release

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/golang/geo/s2"
	"github.com/google/uuid"

	"parley.example/parley/incident"
)

// earthKM is the mean radius of the Earth in kilometres (IUGG).
const earthKM = 6371.0088

// tearline makes the extract of an incident. It is built from an empty record,
// field by field: what is not named here does not pass.
func tearline(in Input, rec incident.Incident) (copy []byte, id string, redactions []string, err error) {
	if len(in.CopyKey) < 32 {
		return nil, "", nil, errors.New("the key for the ids of copies is missing")
	}
	drop := func(present bool, what string) {
		if present {
			redactions = append(redactions, what)
		}
	}
	c := in.Accord.Terms.Ceiling
	now := in.Now.UTC().Truncate(time.Second)
	out := incident.Incident{
		ID:     CopyID(in.CopyKey, in.Accord.ID, rec.ID),
		Source: in.Me, Title: extractTitle(rec),
		Start: rec.Start, End: rec.End, DatePrecision: rec.DatePrecision,
		Admin1: rec.Admin1, Country: rec.Country,
		PlacePrecision: rec.PlacePrecision, RadiusKM: rec.RadiusKM,
		Classes: rec.Classes, Kind: rec.Kind, Killed: rec.Killed, Wounded: rec.Wounded,
		Organisation: rec.Organisation, TLP: rec.TLP,
		Created: now, Modified: now,
	}
	out.SourceID = strings.TrimPrefix(out.ID, "incident--")
	drop(true, "id: replaced by one that only this accord uses")
	drop(rec.Source != "" || rec.SourceID != "", "source record: dataset and number")
	drop(rec.Title != out.Title, "title: replaced by kind and area")
	drop(len(rec.Sources) > 0, "sources: names, links and descriptions (the grading stays)")
	drop(len(rec.Selectors) > 0, "selectors: telephone numbers and vehicle plates")
	drop(len(rec.Codes) > 0, "codes of the source")
	if g := rec.Grading(); g != "" {
		out.Sources = []incident.Source{{Name: in.Me, Reliability: g[:1], Credibility: int(g[1] - '0')}}
	}
	if _, below, ok := incident.SplitTearline(rec.Text); ok {
		out.Text = below
		drop(true, "text above the tearline mark")
	} else {
		drop(rec.Text != "", "text: it has no tearline mark")
	}
	for _, cl := range rec.Claims {
		drop(cl.Statement != "", "claims: wording of statements")
		cl.Statement = ""
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
	if c.PlaceKM == 0 {
		out.Place, out.Admin2 = rec.Place, rec.Admin2
		out.Lat, out.Lon, out.Placed = rec.Lat, rec.Lon, rec.Placed
	} else {
		drop(rec.Place != "" || rec.Admin2 != "", "place: names below the province")
		if rec.Placed {
			lat, lon, km := coarsePlace(c.PlaceKM, rec.Lat, rec.Lon)
			out.Lat, out.Lon, out.Placed = lat, lon, true
			out.RadiusKM = max(km, rec.RadiusKM)
			if slices.Index(incident.PlacePrecisions, out.PlacePrecision) < slices.Index(incident.PlacePrecisions, incident.District) {
				out.PlacePrecision = incident.District
			}
			drop(true, fmt.Sprintf("place: moved to the centre of a cell at least %g km wide", c.PlaceKM))
			// The centre may lie beyond the border or the coast; then only the
			// province is told.
			if out.Check() != nil {
				out.Lat, out.Lon, out.Placed, out.RadiusKM = 0, 0, false, 0
				out.PlacePrecision = incident.Province
			}
		}
	}
	redactions = slices.Compact(redactions)
	copy, err = out.STIX(PartyIdentity(in.Me))
	return copy, out.ID, redactions, err
}

// extractTitle names an extract by what anyone cleared for it may know.
func extractTitle(rec incident.Incident) string {
	where := rec.Admin1
	if where == "" {
		where = rec.Country
	}
	if where == "" {
		where = "place withheld"
	}
	kind := strings.ReplaceAll(string(rec.Kind), "-", " ")
	if kind == "" {
		kind = "unknown"
	}
	return strings.ToUpper(kind[:1]) + kind[1:] + ", " + where
}

// CopyID is the id that an object has in copies released under an accord:
// HMAC-SHA256 of both, as a UUID of random form (RFC 9562 section 5.4). It is
// stable within the accord and, to whoever lacks the key, unlinkable to the
// object's own id and to its copies under other accords.
func CopyID(key []byte, accordID, objectID string) string {
	m := hmac.New(sha256.New, key)
	fmt.Fprintf(m, "parley-copy/1\n%s\n%s\n", accordID, objectID)
	u := uuid.UUID(m.Sum(nil)[:16])
	u[6] = u[6]&0x0f | 0x40
	u[8] = u[8]&0x3f | 0x80
	typ, _, _ := strings.Cut(objectID, "--")
	return typ + "--" + u.String()
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
	begin := func(t time.Time) time.Time {
		t = t.UTC()
		y, m, d := t.Date()
		switch unit {
		case "exact":
			return t
		case "hour":
			return t.Truncate(time.Hour)
		case "day":
			return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
		case "week":
			return time.Date(y, m, d-(int(t.Weekday())+6)%7, 0, 0, 0, 0, time.UTC)
		}
		return time.Date(y, m, 1, 0, 0, 0, 0, time.UTC)
	}
	from, to = begin(start), begin(end)
	switch unit {
	case "week":
		to = to.AddDate(0, 0, 6)
	case "exact", "hour", "day":
	default:
		to = to.AddDate(0, 1, -1)
	}
	return from, to
}
