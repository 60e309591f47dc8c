package incident

import (
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"parley.example/parley/stix"
)

// ACLED is the source name of records read by [ReadACLED].
const ACLED = "acled"

// ACLEDAttribution must be shown wherever ACLED's data or what was computed from
// them appear.
const ACLEDAttribution = `ACLED, Armed Conflict Location & Event Data, acleddata.com: ` +
	`Raleigh, Clionadh, Roudabeh Kishi and Andrew Linke (2023) "Political instability patterns are obscured by conflict dataset scope conditions, sources, and coding choices", ` +
	`Humanities and Social Sciences Communications 10. Recoded. ACLED's terms of use bind whoever holds the data.`

// acledNeeds are the columns without which a file is no export of ACLED.
var acledNeeds = []string{
	"event_id_cnty", "event_date", "time_precision", "event_type", "sub_event_type", "actor1", "actor2",
	"country", "admin1", "location", "latitude", "longitude", "geo_precision", "fatalities",
}

// acledCodes are the columns that an incident keeps as its source's codes.
var acledCodes = []string{
	"event_type", "sub_event_type", "disorder_type", "time_precision", "geo_precision", "actor1", "assoc_actor_1", "inter1",
	"actor2", "assoc_actor_2", "inter2", "interaction", "civilian_targeting", "iso", "admin3", "source_scale", "tags", "timestamp", "fatalities",
}

// ReadACLED reads an export of ACLED as CSV with its original column names, and
// calls fn once for every row below the header, like [ReadUCDP].
//
// Battles, explosions, remote violence and violence against civilians become
// attacks; arrests and disrupted weapons use become signals. Demonstrations,
// riots and other strategic developments are neither and are refused with that
// reason. The class is by victim: that of the side that is civilian, else the
// state's. The organisation is a rebel group or political militia that the row
// names; identity militias, who are communities, are left to the codes. ACLED's
// fatalities are its best estimate and hold all sides; it counts no wounded.
// ACLED's terms do not let the data be passed on freely, so its incidents are
// TLP:AMBER.
func ReadACLED(r io.Reader, fn func(row int, in Incident, err error) error) error {
	t, err := newTable(r, ',')
	if err != nil {
		return err
	}
	if err := t.needs("an export of ACLED", acledNeeds); err != nil {
		return err
	}
	return t.each(fn, acledIncident)
}

var acledDates = []string{time.DateOnly, "2 January 2006", "02-January-2006", "2 Jan 2006"}

// acledWhere maps geo_precision (codebook, "geo-precision"): 1 the town, 2 a
// small part of a region or near it, 3 a larger region. The radii are ours.
var acledWhere = map[string]struct {
	precision PlacePrecision
	km        float64
}{"1": {Exact, 5}, "2": {Near, 30}, "3": {Province, 200}}

// acledKinds maps sub-event types, in lower case.
var acledKinds = map[string]Kind{
	"armed clash": Clash, "government regains territory": Clash, "non-state actor overtakes territory": Clash,
	"suicide bomb": SuicideAttack, "remote explosive/landmine/ied": Bombing, "grenade": Bombing, "chemical weapon": OtherKind,
	"shelling/artillery/missile attack": Shelling, "air/drone strike": AirStrike,
	"attack": ArmedAssault, "abduction/forced disappearance": Kidnapping, "sexual violence": OneSided,
	"arrests": Arrest, "disrupted weapons use": Seizure,
}

func acledIncident(r *row) Incident {
	in := Incident{
		Source: ACLED, SourceID: r.need("event_id_cnty"), TLP: stix.Amber,
		Place: r.text("location"), Admin1: r.text("admin1"), Admin2: r.text("admin2"), Country: r.text("country"),
		Text: r.text("notes"), Killed: Range{Best: r.count("fatalities")},
	}
	in.ID = ID(in.Source, in.SourceID)
	kind, ok := acledKinds[strings.ToLower(r.text("sub_event_type"))]
	if !ok {
		r.refuse("sub_event_type", r.text("sub_event_type"), "is neither an attack nor a signal of one (%s)", r.text("event_type"))
	}
	in.Kind = kind
	r.need("event_date")
	day := r.date("event_date", acledDates)
	in.Start, in.End, in.DatePrecision = acledWhen(r, day)
	where, ok := acledWhere[r.text("geo_precision")]
	if !ok {
		r.refuse("geo_precision", r.text("geo_precision"), "is not 1 to 3")
	}
	in.PlacePrecision, in.RadiusKM = where.precision, where.km
	in.Lat, in.Lon, in.Placed = r.coordinates("latitude", "longitude")
	in.Classes = []Class{acledClass(r, kind)}
	in.Organisation = acledOrganisation(r)
	in.Title = joined(", ", r.text("sub_event_type"), in.Place)
	for _, s := range splitList(r.text("source")) {
		in.Sources = append(in.Sources, Source{Name: s})
	}
	in.Codes = r.codes(acledCodes)
	return in
}

// acledWhen reads time_precision: 1 the day, 2 the week, whose middle or a day
// in it is coded, 3 the month.
func acledWhen(r *row, day time.Time) (start, end time.Time, p DatePrecision) {
	switch s := r.text("time_precision"); s {
	case "1":
		return day, day, Day
	case "2":
		return day.AddDate(0, 0, -3), day.AddDate(0, 0, 3), Week
	case "3":
		first := day.AddDate(0, 0, 1-day.Day())
		return first, first.AddDate(0, 1, -1), Month
	default:
		r.refuse("time_precision", s, "is not 1 to 3")
	}
	return day, day, Day
}

// acledSide is the type of an actor. Exports before 2024 number them.
func acledSide(s string) string {
	switch strings.ToLower(s) {
	case "1", "state forces":
		return "state"
	case "2", "rebel group", "rebel forces", "rebel groups":
		return "rebel"
	case "3", "political militia", "political militias":
		return "militia"
	case "4", "identity militia", "identity militias":
		return "community"
	case "7", "civilians":
		return "civilian"
	}
	return ""
}

// victims recognises a class in the names that ACLED gives to groups of
// civilians. Religion and community are looked for last.
var victims = []struct {
	words *regexp.Regexp
	class Class
}{
	{regexp.MustCompile(`(?i)health worker|hospital|doctor|nurse|vaccinat|medical`), Health},
	{regexp.MustCompile(`(?i)teacher|student|school|universit|college|education`), Education},
	{regexp.MustCompile(`(?i)aid worker|humanitarian|refugee|\bNGO\b|\bIDPs?\b|red crescent|red cross`), Relief},
	{regexp.MustCompile(`(?i)journalist|media|\bTV\b|radio|newspaper`), Media},
	{regexp.MustCompile(`(?i)businesse?s?\b|trader|merchant|shopkeeper|bank\b`), Business},
	{regexp.MustCompile(`(?i)\bjudge|government of|mayor|minister|electoral|official`), State},
	{regexp.MustCompile(`(?i)muslim|shi.?a|shi.?ite|sunni|church|christian|mosque|hazara|ahmadi|sufi|shrine|imambargah|sikh|hindu|clergy|worship|temple`), Religious},
	{regexp.MustCompile(`(?i)ethnic|communal|clan|tribe|tribal|caste`), Communal},
}

func victimClass(s string) Class {
	for _, v := range victims {
		if v.words.MatchString(s) {
			return v.class
		}
	}
	return Civilian
}

func acledClass(r *row, kind Kind) Class {
	if kind.Signal() {
		return UnknownClass
	}
	sides := []string{acledSide(r.text("inter1")), acledSide(r.text("inter2"))}
	for i, n := range []string{"2", "1"} {
		if sides[1-i] == "civilian" || strings.HasPrefix(r.text("actor"+n), "Civilians") {
			return victimClass(r.text("assoc_actor_" + n))
		}
	}
	if sides[0] == "community" && sides[1] == "community" {
		return Communal
	}
	for i, n := range []string{"2", "1"} {
		if sides[1-i] == "state" {
			if a := r.text("actor" + n); strings.Contains(a, "Military") || strings.Contains(a, "Police") {
				return Security
			}
			return State
		}
	}
	return UnknownClass
}

// acledOrganisation is the first side that is an armed organisation with a name.
func acledOrganisation(r *row) string {
	for _, n := range []string{"1", "2"} {
		name := r.text("actor" + n)
		if side := acledSide(r.text("inter" + n)); side != "rebel" && side != "militia" {
			continue
		}
		if name != "" && !strings.HasPrefix(name, "Unidentified") && !community.MatchString(name) {
			return name
		}
	}
	return ""
}

// community recognises labels that name a faith, a people or a political leaning
// in place of an organisation; they are kept among the codes only.
var community = regexp.MustCompile(`(?i)(extremist|separatist|nationalist|militant|rebel|radical|activist|tribes(man|men|people)|gunm[ae]n|individual|protester|villager|sympathizer|supporter|insurgent|fundamentalist|jihadi-inspired)s?( \(.*\))?$|\b(ethnic|communal|clan|tribal) (militia|group)\b|^(muslims?|sunnis?|shi.?as?|shi.?ites|hindus?|christians?|sikhs?|jews|kurds|tamils|palestinians|pashtuns?|baloch|hazaras?)$`)

// codes keeps the columns that are not empty.
func (r *row) codes(columns []string) map[string]string {
	out := map[string]string{}
	for _, n := range columns {
		if s := r.text(n); s != "" {
			out[n] = s
		}
	}
	return out
}

func joined(sep string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), sep)
}
