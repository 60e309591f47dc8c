package node_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"parley.example/parley/incident"
	"parley.example/parley/internal/node"
	"parley.example/parley/misp"
	"parley.example/parley/stix"
)

func export(t *testing.T, n *node.Node, ask node.ExportAsk) ([]byte, node.Exported) {
	t.Helper()
	var b bytes.Buffer
	got, err := n.Export(t.Context(), ask, &b)
	if err != nil {
		t.Fatalf("export of %s: %v", ask.Format, err)
	}
	return b.Bytes(), got
}

// bundled returns the objects of a bundle by id, and checks it.
func bundled(t *testing.T, raw []byte) map[string]string {
	t.Helper()
	out := map[string]string{}
	_, found, err := stix.ValidateAll(bytes.NewReader(raw), func(_ int, raw []byte, found []stix.Finding) {
		for _, f := range found {
			if f.Severity == stix.Error {
				t.Errorf("%v", f)
			}
		}
		o, err := stix.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		out[o.ID] = string(raw)
	})
	if err != nil || len(found) > 0 {
		t.Errorf("the bundle: %v, %v", found, err)
	}
	return out
}

func imported(t *testing.T, n *node.Node, file, format string) node.Import {
	t.Helper()
	got, err := n.ImportFile(t.Context(), strings.NewReader(file), format, nil)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestExportKeepsBytesAndRed(t *testing.T) {
	n := start(t, "north")
	if objs := bundled(t, first(export(t, n, node.ExportAsk{Format: "stix"}))); len(objs) != 0 {
		t.Errorf("%d objects of an empty node", len(objs))
	}
	imported(t, n, reports, "")
	raw, got := export(t, n, node.ExportAsk{Format: "stix"})
	objs := bundled(t, raw)
	amber, red := incident.ID("parley-csv", "r1"), incident.ID("parley-csv", "r2")
	stored, err := n.ShowObject(t.Context(), amber)
	if err != nil || objs[amber] != string(stored) {
		t.Errorf("%s is exported as %s, stored as %s", amber, objs[amber], stored)
	}
	if len(objs) != 1 || got.Items != 1 || len(got.LeftOut) != 1 || got.LeftOut[0].ID != red {
		t.Errorf("got %+v with %d objects; TLP:RED must be left out and listed", got, len(objs))
	}
	if objs := bundled(t, first(export(t, n, node.ExportAsk{Format: "stix", IDs: []string{red, amber, red}}))); len(objs) != 2 {
		t.Errorf("%d objects of two that are named", len(objs))
	}
	for _, format := range []string{"geojson", "csv"} {
		raw, got := export(t, n, node.ExportAsk{Format: format})
		if got.Items != 1 || bytes.Contains(raw, []byte("courier")) || !bytes.Contains(raw, []byte("Device found")) {
			t.Errorf("%s: %+v\n%s", format, got, raw)
		}
	}
}

func first(raw []byte, _ node.Exported) []byte { return raw }

func TestExportFilters(t *testing.T) {
	n := start(t, "north")
	imported(t, n, reports, "")
	imported(t, n, `{"type":"indicator","spec_version":"2.1","id":"indicator--33333333-3333-4333-8333-333333333331","created":"2026-02-01T00:00:00.000Z","modified":"2026-02-02T00:00:00.000Z","pattern":"[url:value = 'https://a.example/']","pattern_type":"stix","valid_from":"2026-02-01T00:00:00Z"}`, "")
	day := func(d int) time.Time { return time.Date(2026, 2, d, 0, 0, 0, 0, time.UTC) }
	for name, c := range map[string]struct {
		ask  node.ExportAsk
		want int
	}{
		"a type":                 {node.ExportAsk{Format: "stix", Type: "indicator"}, 1},
		"an area":                {node.ExportAsk{Format: "stix", Filter: node.IncidentFilter{Area: "Nangarhar"}}, 1},
		"another area":           {node.ExportAsk{Format: "stix", Filter: node.IncidentFilter{Area: "Herat"}}, 0},
		"a class":                {node.ExportAsk{Format: "geojson", Filter: node.IncidentFilter{Class: "civilian"}}, 1},
		"days":                   {node.ExportAsk{Format: "csv", Filter: node.IncidentFilter{From: day(1), To: day(4)}}, 1},
		"later days":             {node.ExportAsk{Format: "csv", Filter: node.IncidentFilter{From: day(5)}}, 0},
		"a type without a place": {node.ExportAsk{Format: "stix", Type: "indicator", Filter: node.IncidentFilter{Area: "Nangarhar"}}, 0},
		"everything":             {node.ExportAsk{Format: "stix"}, 2},
	} {
		if _, got := export(t, n, c.ask); got.Items != c.want {
			t.Errorf("%s: %d items, want %d", name, got.Items, c.want)
		}
	}
}

// Pages must not lose or repeat incidents, also where one instant has more
// than fit on a page.
func TestExportPages(t *testing.T) {
	n := start(t, "north")
	var b strings.Builder
	b.WriteString("id,date,title,class,kind\n")
	for i := range 1700 {
		day := 1
		if i >= 1300 {
			day = 2 + i%20
		}
		fmt.Fprintf(&b, "p%d,2026-03-%02d,Report %d,civilian,bombing\n", i, day, i)
	}
	imported(t, n, b.String(), "csv")
	for _, ask := range []node.ExportAsk{{Format: "csv"}, {Format: "stix"}, {Format: "stix", Filter: node.IncidentFilter{Class: "civilian"}}} {
		raw, got := export(t, n, ask)
		ids := map[string]bool{}
		if ask.Format == "stix" {
			for id := range bundled(t, raw) {
				ids[id] = true
			}
		} else {
			for _, l := range strings.Split(strings.TrimSpace(string(raw)), "\n")[1:] {
				id, _, _ := strings.Cut(l, ",")
				ids[id] = true
			}
		}
		if got.Items != 1700 || len(ids) != 1700 {
			t.Errorf("%s: %d items, %d different, want 1700", ask.Format, got.Items, len(ids))
		}
	}
}

func TestCSVExportReadsBack(t *testing.T) {
	north, other := start(t, "north"), start(t, "south")
	imported(t, north, reports, "")
	ids := []string{incident.ID("parley-csv", "r1"), incident.ID("parley-csv", "r2")}
	raw, got := export(t, north, node.ExportAsk{Format: "csv", IDs: ids})
	if len(got.NotCarried) > 0 {
		t.Errorf("not carried: %v", got.NotCarried)
	}
	if back := imported(t, north, string(raw), ""); back.Known != 2 {
		t.Errorf("read back where it came from: %+v, want both known", back)
	}
	// A row that names an object does not replace it.
	changed := strings.Replace(string(raw), "r1,2026-02-03", ids[0]+",2026-02-05", 1)
	if back := imported(t, north, changed, ""); back.Taken != 0 || len(back.Refused) != 1 || back.Refused[0].ID != ids[0] {
		t.Errorf("a changed row under an object's id: %+v", back)
	}
	if back := imported(t, other, string(raw), ""); back.Taken != 2 || back.Format != "csv" {
		t.Errorf("read elsewhere: %+v", back)
	}
	for _, id := range ids {
		a, err1 := north.ShowObject(t.Context(), id)
		b, err2 := other.ShowObject(t.Context(), id)
		if err := errors.Join(err1, err2); err != nil || !bytes.Equal(a, b) {
			t.Errorf("%s differs: %v\n%s\n%s", id, err, a, b)
		}
	}
}

// What a partner released is exported with its marking while it may be kept,
// and not a day longer, not even by name.
func TestExportEndsWithRetention(t *testing.T) {
	var clock atomic.Int64
	w := &world{t: t, guarantor: start(t, "guarantor"), north: start(t, "north")}
	w.south = start(t, "south", func(o *node.Options) { o.Now = func() time.Time { return time.Now().Add(time.Duration(clock.Load())) } })
	w.agree(func(*node.Draft) {})
	ids := w.importReports()
	rel, err := w.north.ReleaseObject(t.Context(), node.ReleaseAsk{Object: ids[0], Accord: w.accord, Purpose: "protection"})
	if err != nil || !rel.Released {
		t.Fatalf("release: %+v, %v", rel, err)
	}
	w.sync(w.north, "south")
	raw, got := export(t, w.south, node.ExportAsk{Format: "stix"})
	if objs := bundled(t, raw); objs[rel.Copy] != string(rel.Tearline) || !strings.Contains(objs[rel.Copy], stix.Amber.MarkingRef()) {
		t.Errorf("exported %v, %+v", objs, got)
	}
	if raw, _ := export(t, w.south, node.ExportAsk{Format: "geojson"}); !bytes.Contains(raw, []byte(`"marking":"TLP:AMBER","from":"north"`)) {
		t.Errorf("the map does not say whose it is: %s", raw)
	}
	clock.Store(int64(91 * 24 * time.Hour))
	// Whether the node has removed it by now or only leaves it out, nothing of
	// it is in the file.
	for _, ask := range []node.ExportAsk{
		{Format: "stix"}, {Format: "stix", IDs: []string{rel.Copy}}, {Format: "geojson"}, {Format: "csv", IDs: []string{rel.Copy}},
		{Format: "misp", IDs: []string{rel.Copy}}, {Format: "cap", IDs: []string{rel.Copy}, Alert: node.AlertAsk{Status: "Test"}},
	} {
		var b bytes.Buffer
		got, err := w.south.Export(t.Context(), ask, &b)
		if err != nil && !errors.Is(err, node.ErrInvalid) && !errors.Is(err, node.ErrNotFound) {
			t.Errorf("%+v after retention: %v", ask, err)
		}
		if got.Items != 0 || bytes.Contains(b.Bytes(), []byte(rel.Copy)) {
			t.Errorf("%+v after retention: %+v\n%s", ask, got, b.Bytes())
		}
	}
}

func TestAlertNeedsItsTerms(t *testing.T) {
	n := start(t, "north")
	imported(t, n, reports, "")
	id := incident.ID("parley-csv", "r1")
	ask := node.ExportAsk{Format: "cap", IDs: []string{id}, Alert: node.AlertAsk{Status: "Exercise", Note: "Exercise Lantern", Hours: 6}}
	raw, got := export(t, n, ask)
	var alert struct {
		Identifier string `xml:"identifier"`
		Sender     string `xml:"sender"`
		Sent       string `xml:"sent"`
		Status     string `xml:"status"`
		Scope      string `xml:"scope"`
		Expires    string `xml:"info>expires"`
	}
	if err := xml.Unmarshal(raw, &alert); err != nil {
		t.Fatal(err)
	}
	if got.Items != 1 || alert.Status != "Exercise" || alert.Sender != "north" || alert.Scope != "Restricted" || alert.Expires <= alert.Sent {
		t.Errorf("alert %+v", alert)
	}
	if bytes.Contains(raw, []byte("Informant")) {
		t.Error("the alert tells a source")
	}
	ask.Alert.Type, ask.Alert.References = "Cancel", []string{alert.Sender + "," + alert.Identifier + ",2026-01-01T00:00:00-00:00"}
	if raw, _ := export(t, n, ask); !bytes.Contains(raw, []byte("<references>"+ask.Alert.References[0])) {
		t.Errorf("the cancellation does not refer to the alert: %s", raw)
	}
	for name, edit := range map[string]func(*node.ExportAsk){
		"no status":         func(a *node.ExportAsk) { a.Alert.Status = "" },
		"no incident":       func(a *node.ExportAsk) { a.IDs = nil },
		"two incidents":     func(a *node.ExportAsk) { a.IDs = append(a.IDs, incident.ID("parley-csv", "r2")) },
		"update of nothing": func(a *node.ExportAsk) { a.Alert.Type, a.Alert.References = "Update", nil },
		"not a reference":   func(a *node.ExportAsk) { a.Alert.References = []string{"x"} },
		"certainty":         func(a *node.ExportAsk) { a.Alert.Certainty = "Sure" },
		"for ever":          func(a *node.ExportAsk) { a.Alert.Hours = 1e6 },
		"made-up format":    func(a *node.ExportAsk) { a.Format = "xlsx" },
		"an id and a type":  func(a *node.ExportAsk) { a.Type = "incident" },
		"not an id":         func(a *node.ExportAsk) { a.IDs = []string{"x"} },
	} {
		bad := ask
		bad.IDs, bad.Alert.References = slices.Clone(ask.IDs), slices.Clone(ask.Alert.References)
		edit(&bad)
		var b bytes.Buffer
		if _, err := n.Export(t.Context(), bad, &b); !errors.Is(err, node.ErrInvalid) || b.Len() > 0 {
			t.Errorf("%s: error %v and %d bytes, want ErrInvalid and none", name, err, b.Len())
		}
	}
	var b bytes.Buffer
	unknown := node.ExportAsk{Format: "stix", IDs: []string{id, "indicator--33333333-3333-4333-8333-333333333331"}}
	if _, err := n.Export(t.Context(), unknown, &b); !errors.Is(err, node.ErrNotFound) || b.Len() > 0 {
		t.Errorf("an unknown id: error %v and %d bytes", err, b.Len())
	}
}

func TestMISPThereAndBack(t *testing.T) {
	n := start(t, "north")
	file, err := os.ReadFile("../../misp/testdata/event.json")
	if err != nil {
		t.Fatal(err)
	}
	got := imported(t, n, string(file), "")
	if got.Format != "misp" || got.Items == 0 || got.Taken != got.Items || len(got.Refused) > 0 || len(got.NotCarried) == 0 {
		t.Fatalf("import: %+v", got)
	}
	for _, l := range got.NotCarried {
		if l.Path == "" || l.Reason == "" {
			t.Errorf("a loss without place or reason: %+v", l)
		}
	}
	if again := imported(t, n, string(file), "misp"); again.Known != got.Items || again.Taken != 0 || len(again.Refused) > 0 {
		t.Errorf("imported again: %+v", again)
	}
	// The same observables under another marking: what is held stays.
	other := strings.NewReplacer("tlp:amber", "tlp:green", "0f8a2c1e-6b1d", "0f8a2c1e-7b1d", `"uuid": "10`, `"uuid": "1f`, `"uuid": "6`, `"uuid": "f`,
		`"uuid": "2`, `"uuid": "f2`[:9], `"uuid": "7`, `"uuid": "e`).Replace(string(file))
	third := imported(t, n, other, "")
	if len(third.Refused) > 0 || len(third.NotCarried) <= len(got.NotCarried) {
		t.Errorf("shared observables: %d refused, %d not carried", len(third.Refused), len(third.NotCarried))
		for _, r := range third.Refused {
			t.Log(r)
		}
	}

	raw, out := export(t, n, node.ExportAsk{Format: "misp", IDs: []string{"report--0f8a2c1e-6b1d-4a57-9d35-5a1b7c9e2f10"}})
	var event struct {
		Event struct {
			UUID      string
			Attribute []json.RawMessage
			Object    []json.RawMessage
		}
	}
	if err := json.Unmarshal(raw, &event); err != nil {
		t.Fatal(err)
	}
	// One attribute is TLP:RED and was not named.
	if event.Event.UUID != "0f8a2c1e-6b1d-4a57-9d35-5a1b7c9e2f10" || len(event.Event.Attribute) != 20 || len(event.Event.Object) != 5 || bytes.Contains(raw, []byte("9f86d081")) {
		t.Errorf("%d attributes and %d objects, %+v", len(event.Event.Attribute), len(event.Event.Object), out.LeftOut)
	}
	if !slices.ContainsFunc(out.LeftOut, func(l node.LeftOut) bool { return strings.HasPrefix(l.ID, "observed-data--") }) {
		t.Errorf("left out: %v", out.LeftOut)
	}

	imported(t, n, reports, "")
	raw, _ = export(t, n, node.ExportAsk{Format: "misp", IDs: []string{incident.ID("parley-csv", "r1")}})
	if !misp.Detect(raw) || !bytes.Contains(raw, []byte(`"Device found at Torkham bazaar"`)) {
		t.Errorf("an incident for MISP: %s", raw)
	}

	bad := `{"response":[{"Event":{"info":"a"}},{"Event":{"info":"b","date":"2026-01-01"}}]}`
	if got := imported(t, n, bad, ""); len(got.Refused) != 1 || got.Taken != 2 || !strings.HasPrefix(got.Refused[0].Reason, "event 1:") {
		t.Errorf("one bad event of two: %+v", got)
	}
	if _, err := n.ImportFile(t.Context(), strings.NewReader(`{"Event":{"info":"a","date":"2026-01-01"`), "misp", nil); !errors.Is(err, node.ErrInvalid) {
		t.Errorf("a file that breaks off: %v", err)
	}
}
