package incident_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"parley.example/parley/incident"
	"parley.example/parley/stix"
)

func bazaar() incident.Incident {
	in := incident.Incident{
		Source: "parley-csv", SourceID: "r1", Title: "Device found, \"live\"", Text: "Informant K saw it.\n=== TEARLINE ===\nA device was found.",
		Start: time.Date(2026, 2, 3, 0, 0, 0, 0, time.UTC), End: time.Date(2026, 2, 3, 0, 0, 0, 0, time.UTC), DatePrecision: incident.Day,
		Lat: 34.123, Lon: 71.095, Placed: true, Place: "Torkham bazaar", Admin1: "Nangarhar", Admin2: "Momand Dara", Country: "Afghanistan",
		PlacePrecision: incident.Exact, RadiusKM: 1.5, Classes: []incident.Class{incident.Civilian, incident.Business}, Kind: incident.Bombing,
		Killed: incident.Between(0, 2, 4), Wounded: incident.Exactly(5), Organisation: "Lantern Front (fictional)",
		Sources:   []incident.Source{{Name: "Informant K (fictional)", Reliability: "B", Credibility: 2, Sensitive: true}},
		Selectors: []incident.Selector{{Kind: incident.Phone, Value: "+93 70 123 4567"}, {Kind: incident.Phone, Value: "+93 70 765 4321"}, {Kind: incident.Plate, Value: "KBL-1"}},
		Claims:    []incident.Claim{{By: "Lantern Front (fictional)", Of: "Lantern Front (fictional)", Kind: incident.Responsibility}},
		TLP:       stix.Amber,
	}
	in.ID = incident.ID(in.Source, in.SourceID)
	return in
}

func writeCSV(t testing.TB, ins ...incident.Incident) []byte {
	t.Helper()
	var b bytes.Buffer
	w := incident.NewCSVWriter(&b)
	for _, in := range ins {
		if err := w.Write(in); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func readCSV(t testing.TB, raw []byte) (out []incident.Incident) {
	t.Helper()
	err := incident.ReadCSV(bytes.NewReader(raw), incident.ParleyMapping(), func(row int, in incident.Incident, err error) error {
		if err != nil {
			t.Errorf("row %d: %v", row, err)
		}
		out = append(out, in)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestCSVReadsBack(t *testing.T) {
	in := bazaar()
	if l := incident.CSVLosses(in); len(l) > 0 {
		t.Errorf("losses %v of an incident that the columns hold", l)
	}
	got := readCSV(t, writeCSV(t, in))
	if d := cmp.Diff([]incident.Incident{in}, got); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	if got := readCSV(t, writeCSV(t)); len(got) != 0 {
		t.Errorf("an empty file holds %d", len(got))
	}
	if !bytes.HasPrefix(writeCSV(t), []byte(strings.Join(incident.Fields, ","))) {
		t.Error("the header is not Parley's columns")
	}

	foreign := in
	foreign.Source, foreign.SourceID, foreign.ID = incident.UCDP, "77", incident.ID(incident.UCDP, "77")
	foreign.Sources = append(foreign.Sources, incident.Source{Name: "second"})
	foreign.Codes = map[string]string{"where_prec": "1"}
	if got := incident.CSVLosses(foreign); !slices.Equal(got, []string{"source", "sources", "codes"}) {
		t.Errorf("losses %v", got)
	}
	if got := readCSV(t, writeCSV(t, foreign))[0]; got.ID != foreign.ID {
		t.Errorf("id %s, want %s", got.ID, foreign.ID)
	}
}

// Either the columns hold an incident, or what they do not hold is named.
func TestCSVLosesNothingSilently(t *testing.T) {
	text := rapid.OneOf(rapid.Just(""), rapid.StringN(1, 30, 60), rapid.SampledFrom([]string{"a,b", "a;b", "\"q\"", "a\nb", "a\r\nb", " a", "=1+1", "پښتو"}))
	rapid.Check(t, func(t *rapid.T) {
		in := bazaar()
		in.SourceID = rapid.StringMatching(`[a-z0-9]{1,8}`).Draw(t, "id")
		in.ID = incident.ID(in.Source, in.SourceID)
		in.Text, in.Place, in.Organisation = text.Draw(t, "text"), text.Draw(t, "place"), rapid.StringMatching(`[a-z ]{0,8}[a-z]`).Draw(t, "org")
		in.Start = time.Unix(rapid.Int64Range(0, 2e9).Draw(t, "start"), 0).UTC()
		in.End = in.Start.Add(time.Duration(rapid.IntRange(0, 200).Draw(t, "hours")) * time.Hour)
		in.RadiusKM = rapid.SampledFrom([]float64{0, 0.25, 10, 300}).Draw(t, "radius")
		in.Placed = rapid.Bool().Draw(t, "placed")
		if !in.Placed {
			in.Lat, in.Lon = 0, 0
		}
		in.TLP = stix.Level(rapid.IntRange(0, 5).Draw(t, "tlp"))
		if in.Check() != nil {
			t.Skip("not an incident")
		}
		var b bytes.Buffer
		w := incident.NewCSVWriter(&b)
		if err := w.Write(in); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		var got incident.Incident
		err := incident.ReadCSV(&b, incident.ParleyMapping(), func(_ int, x incident.Incident, err error) error { got = x; return err })
		losses := incident.CSVLosses(in)
		if err != nil && len(losses) == 0 {
			t.Fatalf("does not read back: %v", err)
		}
		if d := cmp.Diff(in, got); d != "" && len(losses) == 0 {
			t.Fatalf("lost without a word: %s", d)
		}
	})
}

func TestGeoJSON(t *testing.T) {
	var b bytes.Buffer
	w := incident.NewGeoJSONWriter(&b)
	in := bazaar()
	nowhere := in
	nowhere.Placed, nowhere.RadiusKM, nowhere.Source = false, 0, incident.UCDP
	for i, x := range []incident.Incident{in, nowhere} {
		if err := w.Write(x, []string{"", "south"}[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Type, Attribution string
		Features          []struct {
			Type, ID string
			Geometry *struct {
				Type        string
				Coordinates []float64
			}
			Properties map[string]any
		}
	}
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Type != "FeatureCollection" || len(got.Features) != 2 || got.Attribution != incident.UCDPAttribution {
		t.Fatalf("got %+v", got)
	}
	f := got.Features[0]
	if f.Type != "Feature" || f.ID != in.ID || f.Geometry.Type != "Point" || f.Geometry.Coordinates[0] != in.Lon || f.Geometry.Coordinates[1] != in.Lat {
		t.Errorf("feature %+v", f)
	}
	for name, want := range map[string]any{"radius_km": 1.5, "marking": "TLP:AMBER", "grading": "B2", "place_precision": "exact"} {
		if f.Properties[name] != want {
			t.Errorf("%s is %v, want %v", name, f.Properties[name], want)
		}
	}
	if g := got.Features[1]; g.Geometry != nil || g.Properties["radius_km"] != nil || g.Properties["from"] != "south" {
		t.Errorf("feature without place %+v", g)
	}
	if bytes.Contains(b.Bytes(), []byte("Informant K (fictional)")) || bytes.Contains(b.Bytes(), []byte("+93")) {
		t.Error("a source or a selector is on the map")
	}

	b.Reset()
	if err := incident.NewGeoJSONWriter(&b).Close(); err != nil || !json.Valid(b.Bytes()) || bytes.Contains(b.Bytes(), []byte("attribution")) {
		t.Errorf("empty collection %q, %v", b.Bytes(), err)
	}
}

func alert() incident.Alert {
	sent := time.Date(2026, 2, 4, 9, 0, 0, 0, time.UTC)
	return incident.Alert{
		Identifier: "north-1", Sender: "north", SenderName: "North (fictional)", Status: incident.CAPExercise, Type: incident.CAPAlert,
		Sent: sent, Expires: sent.Add(24 * time.Hour), Note: "Exercise Lantern",
	}
}

var capTime = regexp.MustCompile(`^\d\d\d\d-\d\d-\d\dT\d\d:\d\d:\d\d[-+]\d\d:\d\d$`)

// checkCAP checks the rules of CAP 1.2 §3.2: order and presence of elements,
// vocabularies, and the form of times, circles and identifiers.
func checkCAP(t *testing.T, raw []byte) map[string][]string {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(raw))
	values := map[string][]string{}
	var stack, order []string
	for {
		tok, err := d.Token()
		if err != nil {
			break
		}
		switch x := tok.(type) {
		case xml.StartElement:
			if x.Name.Space != "urn:oasis:names:tc:emergency:cap:1.2" {
				t.Errorf("%s is in the namespace %q", x.Name.Local, x.Name.Space)
			}
			stack = append(stack, x.Name.Local)
			path := strings.Join(stack, "/")
			values[path] = append(values[path], "")
			order = append(order, path)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			path := strings.Join(stack, "/")
			if n := len(values[path]); n > 0 {
				values[path][n-1] += strings.TrimSpace(string(x))
			}
		}
	}
	for _, seq := range [][]string{
		{"identifier", "sender", "sent", "status", "msgType", "source", "scope", "restriction", "addresses", "code", "note", "references", "incidents", "info"},
		{"info/language", "info/category", "info/event", "info/responseType", "info/urgency", "info/severity", "info/certainty", "info/audience", "info/eventCode", "info/effective", "info/onset", "info/expires", "info/senderName", "info/headline", "info/description", "info/instruction", "info/web", "info/contact", "info/parameter", "info/resource", "info/area"},
		{"info/area/areaDesc", "info/area/polygon", "info/area/circle"},
	} {
		last := -1
		for _, p := range order {
			if i := slices.Index(seq, strings.TrimPrefix(p, "alert/")); i >= 0 {
				if i < last {
					t.Errorf("%s stands out of order", p)
				}
				last = i
			}
		}
	}
	for path, allowed := range map[string]string{
		"status": "Actual Exercise System Test Draft", "msgType": "Alert Update Cancel Ack Error", "scope": "Public Restricted Private",
		"info/category": "Geo Met Safety Security Rescue Fire Health Env Transport Infra CBRNE Other",
		"info/urgency":  "Immediate Expected Future Past Unknown", "info/severity": "Extreme Severe Moderate Minor Unknown",
		"info/certainty": "Observed Likely Possible Unlikely Unknown",
	} {
		v := values["alert/"+path]
		if len(v) != 1 || !slices.Contains(strings.Fields(allowed), v[0]) {
			t.Errorf("%s is %q", path, v)
		}
	}
	for _, path := range []string{"sent", "info/effective", "info/onset", "info/expires"} {
		if v := values["alert/"+path]; len(v) != 1 || !capTime.MatchString(v[0]) {
			t.Errorf("%s is %q", path, v)
		}
	}
	for _, path := range []string{"identifier", "sender"} {
		if v := values["alert/"+path]; len(v) != 1 || v[0] == "" || strings.ContainsAny(v[0], " ,<&") {
			t.Errorf("%s is %q", path, v)
		}
	}
	for _, path := range []string{"info/event", "info/area/areaDesc"} {
		if v := values["alert/"+path]; len(v) != 1 || v[0] == "" {
			t.Errorf("%s is %q", path, v)
		}
	}
	if restricted := values["alert/scope"][0] == "Restricted"; restricted != (len(values["alert/restriction"]) == 1) {
		t.Error("a restriction belongs to the scope Restricted, and to no other")
	}
	if refers := values["alert/msgType"][0] != "Alert"; refers != (len(values["alert/references"]) == 1) {
		t.Error("an update or cancellation refers to something, an alert does not")
	}
	for _, c := range values["alert/info/area/circle"] {
		if !regexp.MustCompile(`^-?\d+(\.\d+)?,-?\d+(\.\d+)? \d+(\.\d+)?$`).MatchString(c) {
			t.Errorf("circle %q", c)
		}
	}
	return values
}

func TestCAP(t *testing.T) {
	in := bazaar()
	raw, err := alert().CAP(in)
	if err != nil {
		t.Fatal(err)
	}
	v := checkCAP(t, raw)
	for path, want := range map[string]string{
		"status": "Exercise", "restriction": "TLP:AMBER", "info/certainty": "Likely", "info/severity": "Severe", "info/urgency": "Past",
		"info/description": "A device was found.", "info/area/circle": "34.123,71.095 1.5", "sent": "2026-02-04T09:00:00-00:00",
		"info/area/areaDesc": "Torkham bazaar, Momand Dara, Nangarhar, Afghanistan",
	} {
		if got := v["alert/"+path]; len(got) != 1 || got[0] != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
	if bytes.Contains(raw, []byte("Informant K")) {
		t.Error("what stands above the tearline or names a source is in the alert")
	}

	clear := in
	clear.TLP, clear.Text, clear.Placed, clear.Killed, clear.Wounded = stix.Clear, "secret", false, incident.Range{}, incident.Range{}
	cancel := alert()
	cancel.Type, cancel.Identifier, cancel.Certainty = incident.CAPCancel, "north-2", incident.CertaintyOf(0.3)
	ref, err := incident.ParseAlertReference("north,north-1,2026-02-04T08:00:00-00:00")
	if err != nil {
		t.Fatal(err)
	}
	cancel.References = []incident.AlertReference{ref}
	if raw, err = cancel.CAP(clear); err != nil {
		t.Fatal(err)
	}
	v = checkCAP(t, raw)
	if v["alert/scope"][0] != "Public" || v["alert/references"][0] != "north,north-1,2026-02-04T08:00:00-00:00" || v["alert/info/certainty"][0] != "Possible" {
		t.Errorf("got %v", v)
	}
	if bytes.Contains(raw, []byte("secret")) {
		t.Error("a text without a tearline mark is in the alert")
	}
}

func TestCAPRefusals(t *testing.T) {
	for name, edit := range map[string]func(*incident.Alert){
		"no status": func(a *incident.Alert) { a.Status = "" }, "made-up status": func(a *incident.Alert) { a.Status = "actual" },
		"no type": func(a *incident.Alert) { a.Type = "" }, "update of nothing": func(a *incident.Alert) { a.Type = incident.CAPUpdate },
		"expired": func(a *incident.Alert) { a.Expires = a.Sent }, "space in identifier": func(a *incident.Alert) { a.Identifier = "a b" },
		"comma in sender": func(a *incident.Alert) { a.Sender = "a,b" }, "certainty": func(a *incident.Alert) { a.Certainty = "Sure" },
		"exercise without name": func(a *incident.Alert) { a.Note = "" },
		"reference to later": func(a *incident.Alert) {
			a.Type, a.References = incident.CAPUpdate, []incident.AlertReference{{Sender: "n", Identifier: "i", Sent: a.Sent.Add(time.Hour)}}
		},
	} {
		a := alert()
		edit(&a)
		if _, err := a.CAP(bazaar()); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for _, s := range []string{"", "a,b", "a,b,2026-02-04T08:00:00Z", "a b,c,2026-02-04T08:00:00-00:00"} {
		if _, err := incident.ParseAlertReference(s); err == nil {
			t.Errorf("reference %q: no error", s)
		}
	}
	for p, want := range map[float64]string{1: "Likely", 0.51: "Likely", 0.5: "Possible", 0.06: "Possible", 0.05: "Unlikely", 0: "Unlikely", -1: "Unknown", 2: "Unknown"} {
		if got := incident.CertaintyOf(p); got != want {
			t.Errorf("%v is %s, want %s", p, got, want)
		}
	}
	if got := incident.CertaintyOf(math.NaN()); got != "Unknown" {
		t.Errorf("no number is %s", got)
	}
}

func TestRealDataAsGeoJSONAndCSV(t *testing.T) {
	all := readUCDP(t)
	var b bytes.Buffer
	w := incident.NewGeoJSONWriter(&b)
	for _, in := range all {
		if err := w.Write(in, ""); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if !json.Valid(b.Bytes()) || !bytes.Contains(b.Bytes(), []byte("CC BY 4.0")) {
		t.Error("not JSON, or without attribution")
	}
	back := readCSV(t, writeCSV(t, all...))
	for i, in := range all {
		got := back[i]
		if got.ID != in.ID || !got.Start.Equal(in.Start) || got.Lat != in.Lat || got.Class() != in.Class() || !cmp.Equal(got.Killed, in.Killed) {
			t.Fatalf("%s came back as %+v", in.ID, got)
		}
	}
}
