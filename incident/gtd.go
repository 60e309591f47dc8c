package incident

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley.example/parley/stix"
)

// GTD is the source name of records read by [ReadGTD].
const GTD = "gtd"

// GTDAttribution must be shown wherever GTD's data or what was computed from them
// appear.
const GTDAttribution = `Global Terrorism Database, National Consortium for the Study of Terrorism and Responses to Terrorism (START), University of Maryland: ` +
	`LaFree, Gary and Laura Dugan (2007) "Introducing the Global Terrorism Database", Terrorism and Political Violence 19(2). ` +
	`Recoded. START's terms of use bind whoever holds the data.`

// gtdNeeds are the columns without which a file is no export of GTD.
var gtdNeeds = []string{
	"eventid", "iyear", "imonth", "iday", "country_txt", "provstate", "city", "latitude", "longitude", "specificity",
	"attacktype1", "targtype1", "gname", "nkill", "nwound",
}

// gtdCodes are the columns that an incident keeps as its source's codes.
var gtdCodes = []string{
	"approxdate", "extended", "resolution", "country", "region", "specificity", "vicinity", "crit1", "crit2", "crit3", "doubtterr", "alternative",
	"multiple", "success", "suicide", "attacktype1", "attacktype2", "attacktype3", "targtype1", "targsubtype1", "targtype2", "targtype3",
	"corp1", "natlty1", "gname", "gsubname", "gname2", "gname3", "guncertain1", "individual", "nperps", "claimed", "claimmode", "claim2", "compclaim",
	"weaptype1", "weapsubtype1", "weaptype2", "nkill", "nkillter", "nwound", "nwoundte", "property", "propextent", "ishostkid", "nhostkid", "dbsource", "related",
}

// ReadGTD reads an export of the Global Terrorism Database as CSV with its
// original column names, and calls fn once for every row below the header, like
// [ReadUCDP].
//
// nkill and nwound hold the attackers too (codebook, "Casualties and
// Consequences"); attackers among the dead stay in the codes. GTD names groups
// that did it or are suspected: that is a claim, of responsibility where the
// row says that the group claimed it, else blame by GTD. Labels that name a
// community ("... extremists") are no organisation and stay in the codes. GTD's
// terms do not let the data be passed on freely, so its incidents are
// TLP:AMBER.
func ReadGTD(r io.Reader, fn func(row int, in Incident, err error) error) error {
	t, err := newTable(r, ',')
	if err != nil {
		return err
	}
	if err := t.needs("an export of GTD", gtdNeeds); err != nil {
		return err
	}
	return t.each(fn, gtdIncident)
}

// gtdWhere maps specificity (codebook, "Geocoding Specificity"): 1 the town, 2
// and 3 the centre of the smallest area, 4 that of the province, 5 none. The
// radii are ours.
var gtdWhere = map[string]struct {
	precision PlacePrecision
	km        float64
}{"1": {Exact, 5}, "2": {District, 50}, "3": {District, 50}, "4": {Province, 200}, "5": {UnknownPlace, 0}, "": {UnknownPlace, 0}}

// gtdTargets maps targtype1 (codebook, "Target/Victim Type"). 13 is other, 17
// terrorists and militias, 20 unknown.
var gtdTargets = map[string]Class{
	"1": Business, "2": State, "3": Security, "4": Security, "5": Health, "6": Infrastructure, "7": State, "8": Education,
	"9": Infrastructure, "10": Media, "11": Infrastructure, "12": Relief, "13": UnknownClass, "14": Civilian, "15": Religious,
	"16": Infrastructure, "17": UnknownClass, "18": Civilian, "19": Infrastructure, "20": UnknownClass, "21": Infrastructure, "22": Civilian,
}

// gtdKinds maps attacktype1 (codebook, "Attack Type"): 4 hijacking, 5 hostages
// at a barricade, 6 kidnapping, 8 unarmed assault, 9 unknown.
var gtdKinds = map[string]Kind{
	"1": Assassination, "2": ArmedAssault, "3": Bombing, "4": Kidnapping, "5": Kidnapping, "6": Kidnapping, "7": Sabotage, "8": OtherKind, "9": UnknownKind,
}

func gtdIncident(raw *row) Incident {
	// Exports by way of a spreadsheet write whole numbers as 3.0, and -9 and
	// -99 stand for unknown.
	r := &row{get: func(f string) string {
		s := strings.TrimSpace(raw.get(f))
		if whole, ok := strings.CutSuffix(s, ".0"); ok {
			if _, err := strconv.ParseInt(whole, 10, 64); err == nil {
				s = whole
			}
		}
		if (s == "-9" || s == "-99") && f != "latitude" && f != "longitude" {
			return ""
		}
		return s
	}}
	defer func() { raw.problems = append(raw.problems, r.problems...) }()
	in := Incident{
		Source: GTD, SourceID: r.need("eventid"), TLP: stix.Amber,
		Place: known(r.text("city")), Admin1: known(r.text("provstate")), Country: r.text("country_txt"),
		Text: r.text("summary"), Killed: Range{Best: r.count("nkill")}, Wounded: Range{Best: r.count("nwound")},
	}
	in.ID = ID(in.Source, in.SourceID)
	in.Start, in.End, in.DatePrecision = gtdWhen(r)
	where, ok := gtdWhere[r.text("specificity")]
	if !ok {
		r.refuse("specificity", r.text("specificity"), "is not 1 to 5")
	}
	in.PlacePrecision, in.RadiusKM = where.precision, where.km
	if in.PlacePrecision == Exact && r.text("vicinity") == "1" {
		in.PlacePrecision, in.RadiusKM = Near, 25
	}
	in.Lat, in.Lon, in.Placed = r.coordinates("latitude", "longitude")
	in.Kind = gtdKind(r)
	in.Classes = gtdClasses(r)
	gtdClaims(r, &in)
	what := r.text("attacktype1_txt")
	if what == "" || what == "Unknown" {
		what = "Attack"
	}
	in.Title = joined(", ", what, in.Place)
	for _, n := range []string{"scite1", "scite2", "scite3"} {
		if s := r.text(n); s != "" {
			in.Sources = append(in.Sources, Source{Name: "cited by GTD", Description: s})
		}
	}
	in.Codes = raw.codes(gtdCodes)
	return in
}

func known(s string) string {
	if strings.EqualFold(s, "unknown") {
		return ""
	}
	return s
}

// gtdWhen reads a date whose month or day may be 0 for unknown.
func gtdWhen(r *row) (start, end time.Time, p DatePrecision) {
	r.need("iyear")
	y, m, d := r.count("iyear"), r.count("imonth"), r.count("iday")
	if y == nil {
		return start, end, Day
	}
	year, month, day := *y, 0, 0
	if m != nil {
		month = *m
	}
	if d != nil {
		day = *d
	}
	at := func(m, d int) time.Time { return time.Date(year, time.Month(m), d, 0, 0, 0, 0, time.UTC) }
	value := fmt.Sprintf("%d-%d-%d", year, month, day)
	switch {
	case year < 1800 || year > 2200 || month > 12:
		r.refuse("iyear, imonth, iday", value, "does not exist in the calendar")
		return start, end, Day
	case month == 0:
		return at(1, 1), at(12, 31), Year
	case day == 0:
		return at(month, 1), at(month, 1).AddDate(0, 1, -1), Month
	}
	if start = at(month, day); start.Day() != day {
		r.refuse("iyear, imonth, iday", value, "does not exist in the calendar")
	}
	return start, start, Day
}

func gtdKind(r *row) Kind {
	t := r.text("attacktype1")
	kind, ok := gtdKinds[t]
	switch {
	case !ok:
		r.refuse("attacktype1", t, "is not 1 to 9")
	case r.text("suicide") == "1":
		return SuicideAttack
	case t == "3" && strings.Contains(strings.ToLower(r.text("weapsubtype1_txt")), "projectile"):
		return Shelling
	case t == "7" && r.text("weaptype1") == "8": // incendiary
		return Arson
	}
	return kind
}

func gtdClasses(r *row) []Class {
	var out []Class
	for _, n := range []string{"1", "2", "3"} {
		t := r.text("targtype" + n)
		if t == "" && n != "1" {
			continue
		}
		c, ok := gtdTargets[t]
		if !ok {
			r.refuse("targtype"+n, t, "is not 1 to 22")
			continue
		}
		if strings.Contains(strings.ToLower(r.text("targsubtype"+n+"_txt")), "medical") {
			c = Health
		}
		if !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	return out
}

func gtdClaims(r *row, in *Incident) {
	for i, n := range []string{"", "2", "3"} {
		name := known(r.text("gname" + n))
		if name == "" || community.MatchString(name) {
			continue
		}
		if in.Organisation == "" {
			in.Organisation = name
		}
		c := Claim{By: "GTD", Of: name, Kind: Blame}
		claimed := "claimed"
		if n != "" {
			claimed = "claim" + n
		}
		if r.text(claimed) == "1" {
			c.By, c.Kind = name, Responsibility
		}
		if r.text(fmt.Sprintf("guncertain%d", i+1)) == "1" {
			c.Statement = "GTD marks the attribution as suspected"
		}
		in.Claims = append(in.Claims, c)
	}
}
