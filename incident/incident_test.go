package incident_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"parley.example/parley/incident"
	"parley.example/parley/stix"
)

// dataFile finds a file of the shared data, or skips the test.
func dataFile(t testing.TB, name string) string {
	t.Helper()
	dir := os.Getenv("PARLEY_DATA")
	if dir == "" {
		root, err := filepath.Abs(".")
		if err != nil {
			t.Fatal(err)
		}
		for ; root != filepath.Dir(root); root = filepath.Dir(root) {
			if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
				break
			}
		}
		dir = filepath.Join(root, "..", "shared", "data")
	}
	p := filepath.Join(dir, name)
	if _, err := os.Stat(p); err != nil {
		t.Skipf("real data absent: %v (set PARLEY_DATA)", err)
	}
	return p
}

func readUCDP(t testing.TB) []incident.Incident {
	f, err := os.Open(dataFile(t, "ged_pak_1989_2021.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []incident.Incident
	refused := 0
	err = incident.ReadUCDP(f, func(row int, in incident.Incident, err error) error {
		if row != len(all)+refused+1 {
			t.Fatalf("row %d after %d", row, len(all)+refused)
		}
		if err != nil {
			refused++
			t.Log(err)
			return nil
		}
		all = append(all, in)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all)+refused != 6416 {
		t.Errorf("%d taken + %d refused, want 6416", len(all), refused)
	}
	return all
}

func TestUCDPRealData(t *testing.T) {
	all := readUCDP(t)
	if len(all) != 6416 {
		t.Errorf("%d rows taken, want all 6416", len(all))
	}
	ids := map[string]bool{}
	for _, in := range all {
		if ids[in.ID] {
			t.Errorf("id %s twice", in.ID)
		}
		ids[in.ID] = true
		raw, err := in.STIX("")
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range stix.Validate(raw) {
			if f.Severity == stix.Error {
				t.Fatalf("%s: %v", in.SourceID, f)
			}
		}
		back, err := incident.FromSTIX(raw)
		if err != nil {
			t.Fatal(err)
		}
		back.Created, back.Modified = time.Time{}, time.Time{}
		if d := cmp.Diff(in, back); d != "" {
			t.Fatal(d)
		}
	}
}

const ucdpHeader = "id,relid,type_of_violence,side_a,side_b,where_prec,where_coordinates,where_description,adm_1,adm_2," +
	"latitude,longitude,country,country_id,gwnoa,date_prec,date_start,date_end,best,high,low,source_headline\n"

func TestUCDPRows(t *testing.T) {
	good := func(id string) string {
		return id + ",R,3,TTP,Civilians,2,Kel village,Kel,Azad Jammu & Kashmir,Neelam district,34.8,74.3,Pakistan,770,,1,2020-01-05 00:00:00.000,2020-01-05 00:00:00.000,2,3,1,Blast at a mosque;Second\n"
	}
	rows := ucdpHeader + good("1") +
		"2,short,row\n" +
		good("3") +
		`4,R,3,TTP,Civilians,2,Kel "quoted" village` + strings.Repeat(",", 15) + "\n" +
		good("5") +
		`6,"never closed,3,TTP` + "\n" +
		good("7") +
		strings.Replace(good("8"), "2020-01-05", "2020-02-30", 2) +
		strings.Replace(good("9"), "34.8,74.3", "74.3,34.8", 1) +
		strings.Replace(good("10"), "2,3,1,Blast", "dozens,3,1,Blast", 1) +
		strings.Replace(good("11"), "Kel village", "\xff", 1) +
		"\n" + // an empty line is no row
		strings.Replace(good("12"), "Kel village", "\"Kel, \"\"old\"\"\nvillage\"", 1)
	var taken []string
	refused := map[int]string{}
	n := 0
	err := incident.ReadUCDP(strings.NewReader(rows), func(row int, in incident.Incident, err error) error {
		n++
		if err != nil {
			var re *incident.RowError
			if !errors.As(err, &re) || re.Row != row {
				t.Errorf("row %d: %v", row, err)
			}
			refused[row] = err.Error()
			return nil
		}
		taken = append(taken, in.SourceID)
		if in.SourceID == "12" && in.Place != "Kel, \"old\"\nvillage" {
			t.Errorf("place = %q", in.Place)
		}
		if in.Class() != incident.Religious || in.Organisation != "TTP" || in.Title != "Blast at a mosque" && in.SourceID == "1" {
			t.Errorf("%+v", in)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n != 12 {
		t.Errorf("%d rows seen, want 12", n)
	}
	if d := cmp.Diff([]string{"1", "3", "5", "7", "12"}, taken); d != "" {
		t.Error(d)
	}
	for row, want := range map[int]string{
		2:  "row 2 (line 3): has 3 fields, the header has 22",
		4:  `quote inside the unquoted field`,
		6:  "row 6 (line 7): ",
		8:  `date_start "2020-02-30 00:00:00.000": does not exist in the calendar`,
		9:  "are the two swapped?",
		10: `best "dozens": is not a whole number`,
		11: "where_coordinates: is not valid UTF-8",
	} {
		if !strings.Contains(refused[row], want) {
			t.Errorf("row %d: %q, want %q in it", row, refused[row], want)
		}
	}
	if err := incident.ReadUCDP(strings.NewReader("a,b\n"), nil); err == nil || !strings.Contains(err.Error(), "no column id") {
		t.Errorf("foreign header: %v", err)
	}
	if err := incident.ReadUCDP(strings.NewReader(""), nil); err == nil {
		t.Error("an empty file was read")
	}
}

func TestReadCSV(t *testing.T) {
	file := "\uFEFF" + strings.Join(incident.Fields, ",") + "\r\n" +
		`N-1,2025-03-04,,,Bomb at the bridge,"Source says so.` + "\n" + incident.Tearline + "\n" + `Seen from the road.",Old bridge,Balochistan,Quetta,Pakistan,30.2,67.0,2,infrastructure;civilian,bombing,Group X,1,2,3,5,informer K,b,2,true,amber,+92 300 1234567; +92 300 7654321,QAA-123,Group X,Group Y` + "\r\n" +
		"N-2,2025-02-30,,,x,,,,,,,,,,,,,,,,,,,,,,,,\n" +
		"N-3,2025-03-05,,,x,,,,,Pakistan,67.0,30.2,,,,,,,,,,,,,,,,,\n" +
		"N-4,2025-03-05,,,x,,,,,,,,,,,,,dozens,,,,,,,,,,,,\n" +
		"N-5,2025-03-05,,,x,,,,,,,,,,,,,dozens,,,,,,,,,,,\n" +
		"N-6,2025-03-05,2025-03-01,,x,,,,,,,,,,,,,,,,,,,,,,,,\n" +
		"N-7,2025-03-05,,,x,,,,,,91,10,,martians,,,,-3,,,,G,9,maybe,puce,,,,\n" +
		"N-8,۲۰۲۵-۰۳-۰۵,,,,,Quetta,,,,,,,,shelling,,,٣,,,,,,,,,,,\n"
	var got []incident.Incident
	refused := map[int]string{}
	err := incident.ReadCSV(strings.NewReader(file), incident.ParleyMapping(), func(row int, in incident.Incident, err error) error {
		if err != nil {
			refused[row] = err.Error()
		} else {
			got = append(got, in)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for row, wants := range map[int][]string{
		2: {`date "2025-02-30": does not exist in the calendar`},
		3: {"are the two swapped?"},
		4: {"has 30 fields, the header has 29"},
		5: {`killed "dozens": is not a whole number`},
		6: {"2025-03-01 is before the start"},
		7: {`killed "-3": is below zero`, `class "martians"`, "reliability", "source_sensitive", `tlp "puce"`},
	} {
		for _, want := range wants {
			if !strings.Contains(refused[row], want) {
				t.Errorf("row %d: %q, want %q in it", row, refused[row], want)
			}
		}
	}
	if len(got) != 2 {
		t.Fatalf("%d taken, want 2: %v", len(got), refused)
	}
	in := got[0]
	if in.Class() != incident.Infrastructure || len(in.Classes) != 2 || in.TLP != stix.Amber || in.Grading() != "B2" ||
		!in.Sources[0].Sensitive || len(in.Selectors) != 3 || in.Selectors[2] != (incident.Selector{Kind: "plate", Value: "QAA-123"}) ||
		len(in.Claims) != 2 || in.Claims[1].By != "informer K" || *in.Killed.High != 3 || *in.Wounded.Best != 5 {
		t.Errorf("%+v", in)
	}
	above, below, ok := incident.SplitTearline(in.Text)
	if above != "Source says so." || below != "Seen from the road." || !ok {
		t.Errorf("tearline: %q, %q, %v", above, below, ok)
	}
	if in := got[1]; in.Title != "shelling, Quetta" || *in.Killed.Best != 3 || in.Start.Day() != 5 || in.Placed {
		t.Errorf("%+v", in)
	}
}

func TestSplitTearline(t *testing.T) {
	for _, tc := range []struct {
		text, above, below string
		ok                 bool
	}{
		{"no mark", "no mark", "", false},
		{"", "", "", false},
		{"a\n=== TEARLINE ===\nb", "a", "b", true},
		{"a\r\n === TEARLINE === \r\nb\r\n", "a", "b", true},
		{"=== TEARLINE ===", "", "", true},
		{"a\n=== TEARLINE ===\nb\n=== TEARLINE ===\nc", "a\n=== TEARLINE ===\nb", "c", true},
		{"a === TEARLINE === b", "a === TEARLINE === b", "", false},
	} {
		above, below, ok := incident.SplitTearline(tc.text)
		if above != tc.above || below != tc.below || ok != tc.ok {
			t.Errorf("%q: %q, %q, %v", tc.text, above, below, ok)
		}
	}
}

func TestMapping(t *testing.T) {
	m, err := incident.ReadMapping(strings.NewReader(`{"name":"police","delimiter":";",
		"columns":{"id":"Nr","date":"Datum","kind":"Art","killed":"Tote"},
		"constants":{"country":"Pakistan","tlp":"GREEN"},
		"values":{"kind":{"Bombe":"bombing"}},"dates":["DD.MM.YYYY"],"codes":["Art"]}`))
	if err != nil {
		t.Fatal(err)
	}
	var got []incident.Incident
	err = incident.ReadCSV(strings.NewReader("Nr;Datum;Art;Tote\n7;31.12.2024;Bombe;2\n"), m,
		func(_ int, in incident.Incident, err error) error { got = append(got, in); return err })
	if err != nil {
		t.Fatal(err)
	}
	in := got[0]
	if in.Kind != incident.Bombing || in.Start.Format(time.DateOnly) != "2024-12-31" || in.Country != "Pakistan" ||
		in.TLP != stix.Green || in.Codes["Art"] != "Bombe" || in.ID != incident.ID("police", "7") {
		t.Errorf("%+v", in)
	}
	for name, bad := range map[string]string{
		"unknown field": `{"name":"x","columns":{"id":"a","date":"b","victim_faith":"c"}}`,
		"unknown key":   `{"name":"x","colums":{}}`,
		"no id":         `{"name":"x","columns":{"date":"b"}}`,
		"no name":       `{"columns":{"id":"a","date":"b"}}`,
		"trailing":      `{"name":"x","columns":{"id":"a","date":"b"}} {}`,
	} {
		if _, err := incident.ReadMapping(strings.NewReader(bad)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	err = incident.ReadCSV(strings.NewReader("a,b\n"), m, nil)
	if err == nil || !strings.Contains(err.Error(), "no column") {
		t.Errorf("missing column: %v", err)
	}
}

func TestDetect(t *testing.T) {
	for head, want := range map[string]incident.Format{
		ucdpHeader:                         incident.FormatUCDP,
		"\uFEFF" + ucdpHeader:              incident.FormatUCDP,
		strings.Join(incident.Fields, ","): incident.FormatParley,
		"id,date,place\n1,2":               incident.FormatParley,
		"id,when\n":                        incident.FormatUnknown,
		"":                                 incident.FormatUnknown,
		"\n {\"type\":\"bundle\"}":         incident.FormatJSON,
		"\x00\x01\"":                       incident.FormatUnknown,
	} {
		if got := incident.Detect([]byte(head)); got != want {
			t.Errorf("%q: %q, want %q", head, got, want)
		}
	}
}

var millis = rapid.Custom(func(t *rapid.T) time.Time {
	return time.UnixMilli(rapid.Int64Range(-2e12, 4e12).Draw(t, "ms")).UTC()
})

var ranges = rapid.Custom(func(t *rapid.T) incident.Range {
	n := rapid.SliceOfN(rapid.IntRange(0, 900), 3, 3).Draw(t, "n")
	r := incident.Between(n[0], n[0]+n[1], n[0]+n[1]+n[2])
	for _, p := range []**int{&r.Low, &r.Best, &r.High} {
		if rapid.Bool().Draw(t, "unknown") {
			*p = nil
		}
	}
	return r
})

var incidents = rapid.Custom(func(t *rapid.T) incident.Incident {
	grade := func() (string, int) {
		return rapid.SampledFrom([]string{"", "A", "F"}).Draw(t, "r"), rapid.IntRange(0, 6).Draw(t, "c")
	}
	in := incident.Incident{
		Source: "s" + rapid.String().Draw(t, "source"), SourceID: rapid.String().Draw(t, "id"),
		Title: "t" + rapid.String().Draw(t, "title"), Text: rapid.String().Draw(t, "text"),
		Start: millis.Draw(t, "start"), DatePrecision: rapid.SampledFrom(incident.DatePrecisions).Draw(t, "dp"),
		Place: rapid.String().Draw(t, "place"), PlacePrecision: rapid.SampledFrom(incident.PlacePrecisions).Draw(t, "pp"),
		RadiusKM: rapid.Float64Range(0, 500).Draw(t, "km"), Admin1: rapid.String().Draw(t, "a1"),
		Classes: rapid.SliceOfN(rapid.SampledFrom(incident.Classes), 1, 3).Draw(t, "classes"),
		Kind:    rapid.SampledFrom(incident.Kinds).Draw(t, "kind"),
		Killed:  ranges.Draw(t, "killed"), Wounded: ranges.Draw(t, "wounded"),
		Organisation: rapid.String().Draw(t, "org"),
		TLP:          stix.Level(rapid.IntRange(0, int(stix.Red)).Draw(t, "tlp")),
		Codes:        rapid.MapOfN(rapid.String(), rapid.String(), 1, 3).Draw(t, "codes"),
	}
	in.ID = incident.ID(in.Source, in.SourceID)
	in.End = in.Start.Add(time.Duration(rapid.IntRange(0, 400).Draw(t, "h")) * time.Hour)
	in.Created = millis.Draw(t, "created")
	in.Modified = in.Created.Add(time.Duration(rapid.IntRange(0, 9).Draw(t, "later")) * time.Millisecond)
	if rapid.Bool().Draw(t, "placed") {
		in.Placed = true
		in.Lat, in.Lon = rapid.Float64Range(-90, 90).Draw(t, "lat"), rapid.Float64Range(-180, 180).Draw(t, "lon")
	}
	for range rapid.IntRange(0, 3).Draw(t, "sources") {
		s := incident.Source{Name: "n" + rapid.String().Draw(t, "n"), URL: rapid.String().Draw(t, "u"), Sensitive: rapid.Bool().Draw(t, "s")}
		s.Reliability, s.Credibility = grade()
		in.Sources = append(in.Sources, s)
		c := incident.Claim{By: s.Name, Of: rapid.String().Draw(t, "of"), Kind: rapid.SampledFrom(incident.ClaimKinds).Draw(t, "ck")}
		c.Reliability, c.Credibility = grade()
		if rapid.Bool().Draw(t, "dated") {
			c.At = millis.Draw(t, "at")
		}
		in.Claims = append(in.Claims, c)
		in.Selectors = append(in.Selectors, incident.Selector{Kind: incident.Phone, Value: "+" + rapid.String().Draw(t, "v")})
	}
	return in
})

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := incidents.Draw(t, "incident")
		raw, err := in.STIX("identity--f431f809-377b-45e0-aa1c-6a4751cae5ff")
		if err != nil {
			t.Fatal(err)
		}
		again, err := in.STIX("identity--f431f809-377b-45e0-aa1c-6a4751cae5ff")
		if err != nil || !bytes.Equal(raw, again) {
			t.Fatalf("not deterministic: %v", err)
		}
		back, err := incident.FromSTIX(raw)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(in, back); d != "" {
			t.Fatalf("STIX: %s", d)
		}
		for _, f := range stix.Validate(raw) {
			if f.Severity == stix.Error {
				t.Fatalf("%v\n%s", f, raw)
			}
		}
		doc, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		var stored incident.Incident
		if err := json.Unmarshal(doc, &stored); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(in, stored); d != "" {
			t.Fatalf("JSON: %s", d)
		}
	})
}

func TestFromSTIXRefuses(t *testing.T) {
	foreign := `{"type":"incident","spec_version":"2.1","id":"incident--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f","created":"2020-01-01T00:00:00.000Z","modified":"2020-01-01T00:00:00.000Z","name":"x"}`
	if _, err := incident.FromSTIX([]byte(foreign)); !errors.Is(err, incident.ErrForeign) {
		t.Errorf("got %v, want ErrForeign", err)
	}
	ext := func(s string) []byte {
		return []byte(strings.TrimSuffix(foreign, "}") + `,"extensions":{"` + stix.IncidentExtension + `":` + s + `}}`)
	}
	for name, s := range map[string]string{
		"wrong kind":    `[]`,
		"case folded":   `{"Start":"2020-01-01T00:00:00Z"}`,
		"bad time":      `{"start":"yesterday"}`,
		"half a place":  `{"start":"2020-01-01T00:00:00Z","end":"2020-01-01T00:00:00Z","latitude":1}`,
		"unknown class": `{"start":"2020-01-01T00:00:00Z","end":"2020-01-01T00:00:00Z","classes":["martians"],"kind":"other","date_precision":"day","place_precision":"near"}`,
	} {
		if _, err := incident.FromSTIX(ext(s)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := incident.FromSTIX([]byte(`{"type":"tool","id":"tool--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f"}`)); err == nil {
		t.Error("a tool was accepted")
	}
}

func FuzzReadUCDP(f *testing.F) {
	f.Add([]byte(ucdpHeader + "1,R,3,A,B,2,p,d,a,b,34.8,74.3,Pakistan,770,,1,2020-01-05,2020-01-05,2,3,1,h\n\"x\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		last := 0
		_ = incident.ReadUCDP(bytes.NewReader(data), func(row int, in incident.Incident, err error) error {
			if row != last+1 {
				t.Fatalf("row %d after %d", row, last)
			}
			last = row
			return checkRead(t, in, err)
		})
	})
}

func FuzzReadCSV(f *testing.F) {
	f.Add([]byte(strings.Join(incident.Fields, ",") + "\nN-1,2025-03-04,,,t,\"a\nb\",p,a,b,c,30.2,67.0,2,civilian,bombing,X,1,2,3,5,k,B,2,true,amber,1;2,Q,X,Y\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		_ = incident.ReadCSV(bytes.NewReader(data), incident.ParleyMapping(), func(_ int, in incident.Incident, err error) error {
			return checkRead(t, in, err)
		})
	})
}

func checkRead(t *testing.T, in incident.Incident, err error) error {
	var re *incident.RowError
	switch {
	case err != nil && !errors.As(err, &re):
		t.Fatalf("not a RowError: %v", err)
	case err == nil:
		if err := in.Check(); err != nil {
			t.Fatalf("taken but not well formed: %v", err)
		}
		if _, err := in.STIX(""); err != nil {
			t.Fatal(err)
		}
	}
	return nil
}

func BenchmarkReadUCDP(b *testing.B) {
	data, err := os.ReadFile(dataFile(b, "ged_pak_1989_2021.csv"))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		n := 0
		if err := incident.ReadUCDP(bytes.NewReader(data), func(int, incident.Incident, error) error { n++; return nil }); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(n), "rows/op")
	}
}
