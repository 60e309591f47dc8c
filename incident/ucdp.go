package incident

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"parley.example/parley/stix"
)

// UCDP is the source name of records read by [ReadUCDP].
const UCDP = "ucdp-ged"

// UCDPAttribution must be shown wherever UCDP's data or what was computed from
// them appear (CC BY 4.0).
const UCDPAttribution = `UCDP GED, Uppsala Conflict Data Program, CC BY 4.0: ` +
	`Sundberg, Ralph and Erik Melander (2013) "Introducing the UCDP Georeferenced Event Dataset", Journal of Peace Research 50(4); ` +
	`Davies, Shawn, Therese Pettersson and Magnus Öberg (2022) "Organized violence 1989–2021 and drone warfare", Journal of Peace Research 59(4). ` +
	`Subset and recoded.`

// ucdpNeeds are the columns without which a file is not UCDP GED.
var ucdpNeeds = []string{
	"id", "type_of_violence", "side_a", "side_b", "where_prec", "adm_1", "adm_2", "latitude", "longitude",
	"country", "date_prec", "date_start", "date_end", "best", "high", "low",
}

// ucdpCodes are the columns that an incident keeps as its source's codes.
var ucdpCodes = []string{
	"relid", "type_of_violence", "conflict_new_id", "dyad_new_id", "side_a_new_id", "side_b_new_id",
	"where_prec", "date_prec", "event_clarity", "code_status", "priogrid_gid", "country_id", "gwnoa", "gwnob",
	"deaths_a", "deaths_b", "deaths_civilians", "deaths_unknown", "best", "high", "low",
}

// ReadUCDP reads the UCDP Georeferenced Event Dataset as CSV with its original
// column names, and calls fn once for every row below the header: with the
// incident, or with a [*RowError] that says why the row was refused. An error
// from fn ends the reading and is returned as it is.
//
// GED names no target. The class is derived: violence between organised groups
// (type 2) is communal, violence by one side against civilians (type 3) is
// religious where headline or description name a place or people of worship
// and civilian elsewhere, and conflict with a state (type 1) is state. The
// organisation is the side that is no government; it is left empty for type 2,
// where UCDP also lists ethnic communities as sides. The dataset grades none of
// its sources, so they stay ungraded; it is public, so its incidents are
// TLP:CLEAR.
func ReadUCDP(r io.Reader, fn func(row int, in Incident, err error) error) error {
	t, err := newTable(r, ',')
	if err != nil {
		return err
	}
	if err := t.needs("a UCDP GED file", ucdpNeeds); err != nil {
		return err
	}
	return t.each(fn, ucdpIncident)
}

// needs refuses a table that lacks columns.
func (t *table) needs(what string, columns []string) error {
	var missing []string
	for _, n := range columns {
		if _, ok := t.index[n]; !ok {
			missing = append(missing, n)
		}
	}
	if missing != nil {
		return fmt.Errorf("not %s: no column %s", what, strings.Join(missing, ", "))
	}
	return nil
}

// each calls fn for every record, with what read makes of it.
func (t *table) each(fn func(int, Incident, error) error, read func(*row) Incident) error {
	for {
		fields, at, err := t.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("after line %d: %w", t.line, err)
		}
		if fields == nil {
			if err := fn(at.Row, Incident{}, at); err != nil {
				return err
			}
			continue
		}
		r := &row{get: func(name string) string {
			if i, ok := t.index[name]; ok {
				return fields[i]
			}
			return ""
		}}
		in := read(r)
		if err := r.finish(&in, at); err != nil {
			if err := fn(at.Row, Incident{}, err); err != nil {
				return err
			}
			continue
		}
		if err := fn(at.Row, in, nil); err != nil {
			return err
		}
	}
}

var ucdpDates = []string{"2006-01-02 15:04:05.000", time.DateTime, time.DateOnly}

// ucdpWhere maps where_prec (codebook §"where_prec"): 1 exact, 2 within about
// 25 km, 3 second-level area, 4 first-level area, 5 along a line or in a vague
// area, 6 country, 7 international waters or airspace. The radii of areas are
// ours.
var ucdpWhere = map[string]struct {
	precision PlacePrecision
	km        float64
}{
	"1": {Exact, 5}, "2": {Near, 25}, "3": {District, 50}, "4": {Province, 200},
	"5": {Linear, 100}, "6": {Country, 600}, "7": {UnknownPlace, 600},
}

// ucdpWhen maps date_prec: 1 the day, 2 two to six days, 3 a week, 4 a month,
// 5 a year.
var ucdpWhen = map[string]DatePrecision{"1": Day, "2": Days, "3": Week, "4": Month, "5": Year}

func ucdpIncident(r *row) Incident {
	in := Incident{
		Source: UCDP, SourceID: r.need("id"), TLP: stix.Clear,
		Start: r.date("date_start", ucdpDates), End: r.date("date_end", ucdpDates),
		Place: r.text("where_coordinates"), Admin1: r.text("adm_1"), Admin2: r.text("adm_2"),
		Country: r.text("country"), Text: r.text("where_description"),
		Codes: map[string]string{},
	}
	in.ID = ID(in.Source, in.SourceID)
	r.need("date_start")
	r.need("date_end")
	where, ok := ucdpWhere[r.text("where_prec")]
	if !ok {
		r.refuse("where_prec", r.text("where_prec"), "is not 1 to 7")
	}
	in.PlacePrecision, in.RadiusKM = where.precision, where.km
	if in.DatePrecision, ok = ucdpWhen[r.text("date_prec")]; !ok {
		r.refuse("date_prec", r.text("date_prec"), "is not 1 to 5")
	}
	in.Lat, in.Lon, in.Placed = r.coordinates("latitude", "longitude")
	in.Killed = ucdpKilled(r)
	in.Classes, in.Kind, in.Organisation = ucdpClass(r)
	in.Title = ucdpTitle(r, &in)
	in.Sources = ucdpSources(r)
	for _, n := range ucdpCodes {
		if s := r.text(n); s != "" {
			in.Codes[n] = s
		}
	}
	return in
}

// ucdpKilled reads the estimates. In some rows of GED the best estimate lies
// outside its own bounds; the bounds are then widened to hold it, and the
// figures as given remain among the codes.
func ucdpKilled(r *row) Range {
	low, best, high := r.count("low"), r.count("best"), r.count("high")
	if low == nil || best == nil || high == nil {
		r.refuse("low, best, high", "", "an estimate is missing")
		return Range{}
	}
	return Between(min(*low, *best, *high), *best, max(*low, *best, *high))
}

// worship recognises in an English headline or description that people were
// attacked for their faith or at a place of it.
var worship = regexp.MustCompile(`(?i)shi.?a|shi.?ite|church|christian|mosque|hazara|ahmadi|sufi|shrine|imambargah|sikh|hindu|sunni|sectarian|worship|temple`)

func ucdpClass(r *row) ([]Class, Kind, string) {
	a, b := r.text("side_a"), r.text("side_b")
	state := func(side string) bool { return strings.HasPrefix(side, "Government of ") }
	switch v := r.text("type_of_violence"); v {
	case "1":
		switch {
		case state(a) && state(b):
			return []Class{State}, Interstate, ""
		// Gleditsch–Ward 2 is the United States; elsewhere than at home its
		// forces are a third state's.
		case r.text("gwnoa") == "2" && r.text("country_id") != "2":
			return []Class{State}, ForeignStrike, b
		}
		return []Class{State}, Clash, b
	case "2":
		return []Class{Communal}, Clash, ""
	case "3":
		org := a
		if state(a) {
			org = ""
		}
		if worship.MatchString(r.text("source_headline") + " " + r.text("where_description")) {
			return []Class{Religious}, OneSided, org
		}
		return []Class{Civilian}, OneSided, org
	default:
		r.refuse("type_of_violence", v, "is not 1 to 3")
		return nil, UnknownKind, ""
	}
}

func ucdpTitle(r *row, in *Incident) string {
	if head, _, _ := strings.Cut(r.text("source_headline"), ";"); head != "" {
		return head
	}
	what := map[Kind]string{
		Clash: "Fighting", OneSided: "Attack on civilians",
		Interstate: "Fighting between states", ForeignStrike: "Strike by foreign forces",
	}[in.Kind]
	place := slices.IndexFunc([]string{in.Place, in.Admin2, in.Admin1, in.Country}, func(s string) bool { return s != "" })
	if place < 0 {
		return what
	}
	return what + ", " + []string{in.Place, in.Admin2, in.Admin1, in.Country}[place]
}

// ucdpSources lists the offices that GED cites, each with its headline where the
// two lists run in parallel; older rows cite in free text.
func ucdpSources(r *row) []Source {
	offices, heads := strings.Split(r.text("source_office"), ";"), strings.Split(r.text("source_headline"), ";")
	var out []Source
	for i, name := range offices {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		s := Source{Name: name}
		if len(heads) == len(offices) {
			s.Description = strings.TrimSpace(heads[i])
		}
		out = append(out, s)
	}
	if out == nil {
		if cited := r.text("source_article"); cited != "" {
			out = append(out, Source{Name: "cited by UCDP", Description: cited})
		}
	}
	if who := r.text("source_original"); who != "" {
		out = append(out, Source{Name: who, Description: "original source named by UCDP"})
	}
	return out
}
