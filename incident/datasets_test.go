package incident_test

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley.example/parley/incident"
	"parley.example/parley/stix"
)

const acledHeader = "event_id_cnty,event_date,year,time_precision,disorder_type,event_type,sub_event_type,actor1,assoc_actor_1,inter1,actor2,assoc_actor_2,inter2,interaction,civilian_targeting,iso,region,country,admin1,admin2,admin3,location,latitude,longitude,geo_precision,source,source_scale,notes,fatalities,tags,timestamp\n"

// acledRow is a row of an invented event; change replaces fields by column.
func acledRow(change map[string]string) string {
	fields := map[string]string{
		"event_id_cnty": "PAK1", "event_date": "2023-01-30", "year": "2023", "time_precision": "1", "event_type": "Explosions/Remote violence",
		"sub_event_type": "Suicide bomb", "actor1": "TTP: Tehreek-i-Taliban Pakistan", "inter1": "2", "actor2": "Police Forces of Pakistan (2022-)", "inter2": "1",
		"iso": "586", "country": "Pakistan", "admin1": "Khyber Pakhtunkhwa", "admin2": "Peshawar", "location": "Peshawar", "latitude": "34.008", "longitude": "71.578",
		"geo_precision": "1", "source": "Dawn; Express Tribune", "notes": "Invented for this test.", "fatalities": "3",
	}
	return makeRow(acledHeader, fields, change)
}

const gtdHeader = "eventid,iyear,imonth,iday,approxdate,extended,country,country_txt,region,provstate,city,latitude,longitude,specificity,vicinity,summary,doubtterr,success,suicide,attacktype1,attacktype1_txt,targtype1,targtype1_txt,targsubtype1_txt,targtype2,gname,gname2,guncertain1,claimed,claim2,weaptype1,weapsubtype1_txt,nkill,nkillter,nwound,scite1,dbsource\n"

func gtdRow(change map[string]string) string {
	fields := map[string]string{
		"eventid": "201401030001", "iyear": "2014", "imonth": "1", "iday": "3", "country": "4", "country_txt": "Afghanistan", "provstate": "Ghazni", "city": "Ghazni",
		"latitude": "33.5489", "longitude": "68.4231", "specificity": "1", "vicinity": "0", "summary": "Invented for this test.", "suicide": "0", "attacktype1": "3",
		"attacktype1_txt": "Bombing/Explosion", "targtype1": "3", "targtype1_txt": "Police", "gname": "Taliban", "claimed": "1", "weaptype1": "6",
		"nkill": "3.0", "nkillter": "1", "nwound": "-99", "scite1": "\"Bomb, Ghazni\" Pajhwok", "dbsource": "START",
	}
	return makeRow(gtdHeader, fields, change)
}

func makeRow(header string, fields, change map[string]string) string {
	var out []string
	for col := range strings.SplitSeq(strings.TrimSpace(header), ",") {
		v, ok := change[col]
		if !ok {
			v = fields[col]
		}
		out = append(out, `"`+strings.ReplaceAll(v, `"`, `""`)+`"`)
	}
	return strings.Join(out, ",") + "\n"
}

type reader func(io.Reader, func(int, incident.Incident, error) error) error

// one reads a file of one row.
func one(t *testing.T, read reader, csv string) (in incident.Incident, refused string) {
	t.Helper()
	rows := 0
	err := read(strings.NewReader(csv), func(_ int, got incident.Incident, err error) error {
		rows++
		in = got
		if err != nil {
			refused = err.Error()
		}
		return nil
	})
	if err != nil || rows != 1 {
		t.Fatalf("%d rows, %v", rows, err)
	}
	return in, refused
}

func TestReadACLED(t *testing.T) {
	in, refused := one(t, incident.ReadACLED, acledHeader+acledRow(nil))
	if refused != "" {
		t.Fatal(refused)
	}
	day := time.Date(2023, 1, 30, 0, 0, 0, 0, time.UTC)
	three := 3
	want := incident.Incident{
		ID: incident.ID(incident.ACLED, "PAK1"), Source: "acled", SourceID: "PAK1", Title: "Suicide bomb, Peshawar", Text: "Invented for this test.",
		Start: day, End: day, DatePrecision: incident.Day, Lat: 34.008, Lon: 71.578, Placed: true, Place: "Peshawar",
		Admin1: "Khyber Pakhtunkhwa", Admin2: "Peshawar", Country: "Pakistan", PlacePrecision: incident.Exact, RadiusKM: 5,
		Classes: []incident.Class{incident.Security}, Kind: incident.SuicideAttack, Killed: incident.Range{Best: &three},
		Organisation: "TTP: Tehreek-i-Taliban Pakistan", Sources: []incident.Source{{Name: "Dawn"}, {Name: "Express Tribune"}}, TLP: stix.Amber,
		Codes: map[string]string{
			"event_type": "Explosions/Remote violence", "sub_event_type": "Suicide bomb", "time_precision": "1", "geo_precision": "1", "fatalities": "3",
			"actor1": "TTP: Tehreek-i-Taliban Pakistan", "inter1": "2", "actor2": "Police Forces of Pakistan (2022-)", "inter2": "1", "iso": "586",
		},
	}
	if diff := cmp.Diff(want, in); diff != "" {
		t.Error(diff)
	}

	for _, c := range []struct {
		change map[string]string
		say    func(incident.Incident) any
		want   any
	}{
		{map[string]string{"event_date": "30 January 2023", "time_precision": "2"}, when, "2023-01-27 2023-02-02 week"},
		{map[string]string{"event_date": "15-January-2023", "time_precision": "3"}, when, "2023-01-01 2023-01-31 month"},
		{map[string]string{"geo_precision": "3"}, func(in incident.Incident) any { return in.PlacePrecision }, incident.Province},
		{map[string]string{"actor2": "Civilians (Pakistan)", "inter2": "Civilians", "assoc_actor_2": "Shiite Muslim Group (Pakistan)"}, class, incident.Religious},
		{map[string]string{"actor2": "Civilians (Pakistan)", "inter2": "7", "assoc_actor_2": "Health Workers (Pakistan)"}, class, incident.Health},
		{map[string]string{"inter1": "4", "actor1": "A Tribal Militia (Pakistan)", "inter2": "4", "actor2": "B Tribal Militia (Pakistan)"}, class, incident.Communal},
		// A community is never an organisation.
		{map[string]string{"inter1": "4", "actor1": "A Tribal Militia (Pakistan)"}, organisation, ""},
		{map[string]string{"inter1": "3", "actor1": "Unidentified Armed Group (Pakistan)"}, organisation, ""},
		{map[string]string{"inter1": "3", "actor1": "Sunni extremists"}, organisation, ""},
		{map[string]string{"event_type": "Strategic developments", "sub_event_type": "Arrests", "fatalities": "0"}, kind, incident.Arrest},
		{map[string]string{"event_type": "Strategic developments", "sub_event_type": "Disrupted weapons use", "fatalities": "0"}, kind, incident.Seizure},
		{map[string]string{"sub_event_type": "Abduction/forced disappearance"}, kind, incident.Kidnapping},
	} {
		in, refused := one(t, incident.ReadACLED, acledHeader+acledRow(c.change))
		if refused != "" {
			t.Errorf("%v: %s", c.change, refused)
		} else if got := c.say(in); got != c.want {
			t.Errorf("%v: %v, want %v", c.change, got, c.want)
		}
	}
	for _, c := range []struct {
		change map[string]string
		want   string
	}{
		{map[string]string{"event_type": "Protests", "sub_event_type": "Peaceful protest"}, "neither an attack nor a signal"},
		{map[string]string{"event_date": "2023-02-30"}, "does not exist in the calendar"},
		{map[string]string{"event_date": ""}, "event_date: is empty"},
		{map[string]string{"time_precision": "9"}, "is not 1 to 3"},
		{map[string]string{"geo_precision": ""}, "is not 1 to 3"},
		{map[string]string{"latitude": "71.578", "longitude": "34.008"}, "are the two swapped?"},
		{map[string]string{"longitude": ""}, "one of the two is missing"},
		{map[string]string{"fatalities": "dozens"}, `fatalities "dozens": is not a whole number`},
		{map[string]string{"event_id_cnty": ""}, "event_id_cnty: is empty"},
	} {
		if _, refused := one(t, incident.ReadACLED, acledHeader+acledRow(c.change)); !strings.Contains(refused, c.want) {
			t.Errorf("%v: %q, want %q", c.change, refused, c.want)
		}
	}
}

func when(in incident.Incident) any {
	return in.Start.Format(time.DateOnly) + " " + in.End.Format(time.DateOnly) + " " + string(in.DatePrecision)
}
func class(in incident.Incident) any        { return in.Class() }
func kind(in incident.Incident) any         { return in.Kind }
func organisation(in incident.Incident) any { return in.Organisation }

func TestReadGTD(t *testing.T) {
	in, refused := one(t, incident.ReadGTD, gtdHeader+gtdRow(nil))
	if refused != "" {
		t.Fatal(refused)
	}
	day := time.Date(2014, 1, 3, 0, 0, 0, 0, time.UTC)
	three := 3
	want := incident.Incident{
		ID: incident.ID(incident.GTD, "201401030001"), Source: "gtd", SourceID: "201401030001", Title: "Bombing/Explosion, Ghazni", Text: "Invented for this test.",
		Start: day, End: day, DatePrecision: incident.Day, Lat: 33.5489, Lon: 68.4231, Placed: true, Place: "Ghazni", Admin1: "Ghazni", Country: "Afghanistan",
		PlacePrecision: incident.Exact, RadiusKM: 5, Classes: []incident.Class{incident.Security}, Kind: incident.Bombing, Killed: incident.Range{Best: &three},
		Organisation: "Taliban", Claims: []incident.Claim{{By: "Taliban", Of: "Taliban", Kind: incident.Responsibility}},
		Sources: []incident.Source{{Name: "cited by GTD", Description: `"Bomb, Ghazni" Pajhwok`}}, TLP: stix.Amber,
	}
	codes := in.Codes
	in.Codes = nil
	if diff := cmp.Diff(want, in); diff != "" {
		t.Error(diff)
	}
	for k, v := range map[string]string{"nkill": "3.0", "nkillter": "1", "nwound": "-99", "attacktype1": "3", "targtype1": "3", "gname": "Taliban", "specificity": "1"} {
		if codes[k] != v {
			t.Errorf("code %s is %q, want %q as in the source", k, codes[k], v)
		}
	}
	for _, c := range []struct {
		change map[string]string
		say    func(incident.Incident) any
		want   any
	}{
		{map[string]string{"iday": "0"}, when, "2014-01-01 2014-01-31 month"},
		{map[string]string{"imonth": "0", "iday": "0"}, when, "2014-01-01 2014-12-31 year"},
		{map[string]string{"latitude": "", "longitude": "", "specificity": "5"}, func(in incident.Incident) any { return in.Placed }, false},
		{map[string]string{"vicinity": "1"}, func(in incident.Incident) any { return in.PlacePrecision }, incident.Near},
		{map[string]string{"suicide": "1"}, kind, incident.SuicideAttack},
		{map[string]string{"weapsubtype1_txt": "Projectile (rockets, mortars, RPGs, etc.)"}, kind, incident.Shelling},
		{map[string]string{"attacktype1": "7", "weaptype1": "8"}, kind, incident.Arson},
		{map[string]string{"attacktype1": "6"}, kind, incident.Kidnapping},
		{map[string]string{"targtype1": "15"}, class, incident.Religious},
		{map[string]string{"targtype1": "1", "targsubtype1_txt": "Medical/Pharmaceutical"}, class, incident.Health},
		{map[string]string{"gname": "Unknown", "claimed": "0"}, organisation, ""},
		{map[string]string{"gname": "Sunni Muslim extremists"}, organisation, ""},
		{map[string]string{"gname": "Baloch Liberation Army (BLA)"}, organisation, "Baloch Liberation Army (BLA)"},
		{map[string]string{"claimed": "0", "guncertain1": "1"}, func(in incident.Incident) any { return in.Claims[0].By + "|" + in.Claims[0].Statement }, "GTD|GTD marks the attribution as suspected"},
		{map[string]string{"gname2": "Another Front", "claim2": "1"}, func(in incident.Incident) any { return in.Claims[1].By }, "Another Front"},
	} {
		in, refused := one(t, incident.ReadGTD, gtdHeader+gtdRow(c.change))
		if refused != "" {
			t.Errorf("%v: %s", c.change, refused)
		} else if got := c.say(in); got != c.want {
			t.Errorf("%v: %v, want %v", c.change, got, c.want)
		}
	}
	for _, c := range []struct {
		change map[string]string
		want   string
	}{
		{map[string]string{"imonth": "2", "iday": "30"}, "2014-2-30\": does not exist in the calendar"},
		{map[string]string{"imonth": "13"}, "does not exist in the calendar"},
		{map[string]string{"iyear": ""}, "iyear: is empty"},
		{map[string]string{"attacktype1": "77"}, "is not 1 to 9"},
		{map[string]string{"targtype1": "x"}, "is not 1 to 22"},
		{map[string]string{"nkill": "dozens"}, "is not a whole number"},
		{map[string]string{"latitude": "68.4231", "longitude": "33.5489"}, "are the two swapped?"},
		{map[string]string{"latitude": "-99.5", "longitude": "33.5"}, "a latitude ends at 90"},
	} {
		if _, refused := one(t, incident.ReadGTD, gtdHeader+gtdRow(c.change)); !strings.Contains(refused, c.want) {
			t.Errorf("%v: %q, want %q", c.change, refused, c.want)
		}
	}
}

func TestDatasetsAreRecognisedAndOthersRefused(t *testing.T) {
	if f := incident.Detect([]byte(acledHeader + acledRow(nil))); f != incident.FormatACLED {
		t.Errorf("ACLED is taken for %q", f)
	}
	if f := incident.Detect([]byte("\uFEFF" + gtdHeader)); f != incident.FormatGTD {
		t.Errorf("GTD is taken for %q", f)
	}
	for _, read := range []reader{incident.ReadACLED, incident.ReadGTD} {
		if err := read(strings.NewReader("id,date\n1,2\n"), nil); err == nil || !strings.Contains(err.Error(), "no column") {
			t.Errorf("another file: %v", err)
		}
	}
}

// Every row is accounted for, a broken one too.
func TestDatasetRowsAreAccountedFor(t *testing.T) {
	csv := gtdHeader + gtdRow(nil) + "x,\"y\n" + gtdRow(map[string]string{"eventid": "2"}) + gtdRow(map[string]string{"iday": "99"})
	var rows []int
	refused := 0
	err := incident.ReadGTD(strings.NewReader(csv), func(row int, _ incident.Incident, err error) error {
		rows = append(rows, row)
		if err != nil {
			refused++
		}
		return nil
	})
	if err != nil || !slices.Equal(rows, []int{1, 2, 3, 4}) || refused != 2 {
		t.Errorf("rows %v, %d refused, %v", rows, refused, err)
	}
}

func TestSignals(t *testing.T) {
	for _, k := range incident.Kinds {
		in := bazaar()
		in.Kind = k
		signal := slices.Contains(incident.Signals, k)
		if k.Signal() != signal {
			t.Errorf("%s: signal is %v", k, k.Signal())
		}
		attack := !signal && k != incident.Interstate && k != incident.ForeignStrike
		if in.Attack() != attack {
			t.Errorf("%s: attack is %v", k, in.Attack())
		}
		// The same life: through STIX and CSV and back.
		raw, err := in.STIX("")
		if err != nil {
			t.Fatal(err)
		}
		back, err := incident.FromSTIX(raw)
		if err != nil || back.Kind != k {
			t.Errorf("%s through STIX: %q, %v", k, back.Kind, err)
		}
		if got := readCSV(t, writeCSV(t, in)); len(got) != 1 || got[0].Kind != k {
			t.Errorf("%s through CSV: %v", k, got)
		}
	}
	if len(incident.Signals) != 6 {
		t.Errorf("signals are %v", incident.Signals)
	}
}

func TestDoubts(t *testing.T) {
	now := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		want   string
		change func(*incident.Incident)
	}{
		{"", func(in *incident.Incident) {}},
		{"has no coordinates", func(in *incident.Incident) { in.Placed = false }},
		{"both 0", func(in *incident.Incident) { in.Lat, in.Lon = 0, 0 }},
		{"is outside Pakistan", func(in *incident.Incident) { in.Lat, in.Lon, in.Country = 15, 64, "Pakistan" }}, // the Arabian Sea
		{"in the future", func(in *incident.Incident) { in.Start = now.AddDate(0, 0, 3); in.End = in.Start }},
		{"hardly ever seen", func(in *incident.Incident) { in.Killed = incident.Exactly(90_000) }},
	} {
		in := bazaar()
		c.change(&in)
		got := strings.Join(in.Doubts(now), "; ")
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%q, want %q", got, c.want)
		}
		if err := in.Check(); err != nil {
			t.Errorf("a doubt is no refusal: %v", err)
		}
	}
}

func TestCSVBadInput(t *testing.T) {
	m := incident.ParleyMapping()
	for row, want := range map[string]string{
		"a,2024-02-30,,":       "does not exist in the calendar",
		"a,2024-02-28,dozens,": `killed "dozens": is not a whole number`,
		"a,2024-02-28,3,33.5":  "one of the two is missing",
	} {
		err := incident.ReadCSV(strings.NewReader("id,date,killed,lat,lon\n"+row+",\n"), m, func(_ int, _ incident.Incident, err error) error {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", row, err, want)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func FuzzReadACLED(f *testing.F) {
	f.Add([]byte(acledHeader + acledRow(nil)))
	f.Fuzz(func(t *testing.T, data []byte) {
		_ = incident.ReadACLED(bytes.NewReader(data), func(_ int, in incident.Incident, err error) error { return checkRead(t, in, err) })
	})
}

func FuzzReadGTD(f *testing.F) {
	f.Add([]byte(gtdHeader + gtdRow(nil)))
	f.Fuzz(func(t *testing.T, data []byte) {
		_ = incident.ReadGTD(bytes.NewReader(data), func(_ int, in incident.Incident, err error) error { return checkRead(t, in, err) })
	})
}
