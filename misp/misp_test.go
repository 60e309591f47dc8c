package misp_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley.example/parley/misp"
	"parley.example/parley/stix"
)

func bundle(t testing.TB) (out []*stix.Object) {
	t.Helper()
	f, err := os.Open("testdata/bundle.json")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	_, err = stix.ReadBundle(f, func(_ int, raw []byte) error {
		o, err := stix.Parse(raw)
		out = append(out, o)
		for _, f := range stix.Validate(raw) {
			if f.Severity == stix.Error {
				t.Errorf("the sample is not valid: %v", f)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// What comes back has the same identifiers and says the same, except for what
// was listed.
func TestObjectsThereAndBack(t *testing.T) {
	in := bundle(t)
	file, err := misp.Write(in, misp.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if file.Events != 1 || !json.Valid(file.JSON) {
		t.Fatalf("%d events, valid %v", file.Events, json.Valid(file.JSON))
	}
	back := map[string]*stix.Object{}
	err = misp.Read(bytes.NewReader(file.JSON), func(_ int, e misp.Event, err error) error {
		for _, o := range e.Objects {
			back[o.ID] = o
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, l := range file.NotCarried {
		listed[l.Path] = true
	}
	want := []string{
		"network-traffic--2568d22a-8998-58eb-99ec-3c8ca74f527d.src_byte_count",
		"observed-data--44444444-4444-4444-8444-444444444441.number_observed",
		"threat-actor--55555555-5555-4555-8555-555555555551.confidence",
		"location--99999999-9999-4999-8999-999999999992.precision",
		"identity--77777777-7777-4777-8777-777777777772.sectors",
	}
	for _, w := range want {
		if !listed[w] {
			t.Errorf("%s is not listed", w)
		}
	}
	// MISP knows no more of these than that they are there: an indicator's name
	// is its value, and an organisation that authored nothing is an identity.
	loose := map[string][]string{
		"indicator": {"name", "description", "valid_from", "pattern_version", "labels"}, "threat-actor": {"labels", "confidence"}, "malware": {"labels"},
		"observed-data": {"number_observed", "labels", "object_refs"}, "network-traffic": {"src_byte_count"}, "report": {"object_refs", "labels"},
		"vulnerability": {"labels"}, "incident": {"labels"}, "identity": {"labels", "sectors"}, "location": {"labels", "precision"}, "note": {"labels"},
	}
	for _, o := range in {
		got := back[o.ID]
		if got == nil {
			if o.Type == "relationship" && o.String("relationship_type") == "indicates" || o.Type == "identity" && o.String("name") == "Border service (fictional)" {
				continue // a relationship to a cluster has no identifier in MISP
			}
			if o.Type == "network-traffic" || o.Type == "ipv4-addr" {
				continue // identified by content, which is checked with the observed data
			}
			if !listed[o.ID] {
				t.Errorf("%s is gone and not listed", o.ID)
			}
			continue
		}
		a, b := o.Props(), got.Props()
		for _, n := range append(loose[o.Type], "created", "modified", "object_marking_refs", "created_by_ref") {
			delete(a, n)
			delete(b, n)
		}
		for n := range b {
			if strings.HasPrefix(n, "x_misp_") {
				delete(b, n)
			}
		}
		for _, n := range []string{"first_observed", "last_observed", "published"} {
			for _, m := range []map[string]any{a, b} {
				if s, ok := m[n].(string); ok {
					m[n] = strings.TrimSuffix(strings.TrimSuffix(s, "Z"), ".000")
				}
			}
		}
		if o.Type == "note" {
			delete(a, "object_refs")
			delete(b, "object_refs")
		}
		if d := cmp.Diff(a, b); d != "" {
			t.Errorf("%s -want +got\n%s", o.ID, d)
		}
	}
}

func TestBadInput(t *testing.T) {
	deep := strings.Repeat(`{"Attribute":[`, 100) + strings.Repeat(`]}`, 100)
	for name, in := range map[string]string{
		"empty": "", "a word": `"Event"`, "cut off": `{"Event": {"info": "a"`, "twice": `{"Event":{"info":"a","info":"b"}}`,
		"surrogate": `{"Event":{"info":"\ud800"}}`, "more": `{"Event":{"info":"a","date":"2026-01-01"}} {}`, "another file": `{"type":"bundle"}`,
	} {
		err := misp.Read(strings.NewReader(in), func(int, misp.Event, error) error { return nil })
		if !errors.Is(err, misp.ErrFormat) {
			t.Errorf("%s: error %v, want ErrFormat", name, err)
		}
	}
	for name, in := range map[string]string{
		"deep": `{"Event":` + deep + `}`, "no time": `{"Event":{"info":"a"}}`, "no event in a list": `{"response":[17]}`,
	} {
		refused := 0
		err := misp.Read(strings.NewReader(in), func(_ int, _ misp.Event, err error) error {
			if err != nil {
				refused++
			}
			return nil
		})
		if err != nil || refused != 1 {
			t.Errorf("%s: %d refused and error %v, want one refused", name, refused, err)
		}
	}
	// One bad event does not hide the others.
	var got []string
	err := misp.Read(strings.NewReader(`{"response":[{"Event":{"info":"a","date":"2026-01-01"}},{"Event":{"info":"b"}},{"Event":{"info":"c","date":"2026-01-03"}}]}`),
		func(_ int, e misp.Event, err error) error {
			if err != nil {
				got = append(got, "refused")
				return nil
			}
			got = append(got, e.Info)
			return nil
		})
	if err != nil || !slices.Equal(got, []string{"a", "refused", "c"}) {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := misp.Write(nil, misp.Options{}); err == nil {
		t.Error("nothing was written without an error")
	}
}

// endless is an event that never ends.
type endless struct{ begun bool }

func (e *endless) Read(p []byte) (int, error) {
	if !e.begun {
		e.begun = true
		return copy(p, `{"Event":{"info":"`), nil
	}
	for i := range p {
		p[i] = 'a'
	}
	return len(p), nil
}

func TestAnEndlessEventEnds(t *testing.T) {
	err := misp.Read(&endless{}, func(int, misp.Event, error) error { return nil })
	if !errors.Is(err, misp.ErrFormat) || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("error %v", err)
	}
}

func TestErrorsOfTheCallerEndTheReading(t *testing.T) {
	stop := errors.New("stop")
	err := misp.Read(strings.NewReader(`[{"info":"a","date":"2026-01-01"},{"info":"b","date":"2026-01-01"}]`), func(int, misp.Event, error) error { return stop })
	if err != stop {
		t.Errorf("error %v, want the caller's", err)
	}
}

func FuzzRead(f *testing.F) {
	raw, err := os.ReadFile("testdata/event.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte(`{"response":[{"Event":{"info":"a","date":"2026-01-01","Tag":[{"name":"tlp:red"}]}}]}`))
	f.Add([]byte(`[{"info":"a","timestamp":1770300000,"Attribute":{"type":"ip-src","value":"1.2.3.4"}}]`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		_ = misp.Read(bytes.NewReader(raw), func(_ int, e misp.Event, err error) error {
			if err != nil {
				return nil
			}
			for _, o := range e.Objects {
				for _, f := range stix.Validate(o.Raw()) {
					if f.Severity == stix.Error {
						t.Errorf("%s: %v", o.ID, f)
					}
				}
			}
			if _, err := misp.Write(e.Objects, misp.Options{}); err != nil {
				t.Errorf("what was read is not written: %v", err)
			}
			return nil
		})
	})
}

func TestDetect(t *testing.T) {
	for in, want := range map[string]bool{
		`{"Event":{`: true, `{"response":[`: true, `[{"Event":`: true, `{"id":"1","orgc_id":"2"`: true, `{"uuid":"x","info":"y","threat_level_id":"1"`: true,
		`{"type":"bundle"`: false, `{"id":"bundle--1","objects":[`: false, `[{"type":"ipv4-addr"`: false, ``: false, `x`: false, `{"info":"cut o`: false, `[]`: false,
	} {
		if got := misp.Detect([]byte(in)); got != want {
			t.Errorf("%s: %v, want %v", in, got, want)
		}
	}
}

func TestEventsWithoutIdentifiersStayApart(t *testing.T) {
	ids := map[string]bool{}
	n := 0
	err := misp.Read(strings.NewReader(`[{"info":"a","date":"2026-01-01","Attribute":[{"type":"text","value":"x"},{"type":"text","value":"y"}]},
		{"info":"b","date":"2026-01-01","Attribute":[{"type":"text","value":"x"},{"uuid":"no","type":"text","value":"y"}]}]`),
		func(_ int, e misp.Event, err error) error {
			for _, o := range e.Objects {
				ids[o.ID] = true
				n++
			}
			return err
		})
	if err != nil || n != 6 || len(ids) != n {
		t.Errorf("%d objects, %d identifiers, %v", n, len(ids), err)
	}
}

// An indicator that looks for something else than what it is based on is an
// attribute of its own.
func TestIndicatorsAreNotMerged(t *testing.T) {
	var objects []*stix.Object
	for _, raw := range []string{
		`{"type":"observed-data","spec_version":"2.1","id":"observed-data--44444444-4444-4444-8444-444444444441","created":"2026-02-01T00:00:00.000Z","modified":"2026-02-02T00:00:00.000Z","first_observed":"2026-01-31T00:00:00Z","last_observed":"2026-01-31T01:00:00Z","number_observed":1,"object_refs":["ipv4-addr--4d22aae0-2bf9-5427-8819-e4f6abf20a53"]}`,
		`{"type":"ipv4-addr","spec_version":"2.1","id":"ipv4-addr--4d22aae0-2bf9-5427-8819-e4f6abf20a53","value":"198.51.100.2"}`,
		`{"type":"indicator","spec_version":"2.1","id":"indicator--33333333-3333-4333-8333-333333333331","created":"2026-02-01T00:00:00.000Z","modified":"2026-02-02T00:00:00.000Z","pattern":"[ipv4-addr:value = '198.51.100.2']","pattern_type":"stix","valid_from":"2026-02-01T00:00:00Z"}`,
		`{"type":"indicator","spec_version":"2.1","id":"indicator--33333333-3333-4333-8333-333333333332","created":"2026-02-01T00:00:00.000Z","modified":"2026-02-02T00:00:00.000Z","pattern":"[domain-name:value = 'a.example']","pattern_type":"stix","valid_from":"2026-02-01T00:00:00Z"}`,
		`{"type":"relationship","spec_version":"2.1","id":"relationship--66666666-6666-4666-8666-666666666661","created":"2026-02-01T00:00:00.000Z","modified":"2026-02-01T00:00:00.000Z","relationship_type":"based-on","source_ref":"indicator--33333333-3333-4333-8333-333333333331","target_ref":"observed-data--44444444-4444-4444-8444-444444444441"}`,
		`{"type":"relationship","spec_version":"2.1","id":"relationship--66666666-6666-4666-8666-666666666662","created":"2026-02-01T00:00:00.000Z","modified":"2026-02-01T00:00:00.000Z","relationship_type":"based-on","source_ref":"indicator--33333333-3333-4333-8333-333333333332","target_ref":"observed-data--44444444-4444-4444-8444-444444444441"}`,
	} {
		o, err := stix.Parse([]byte(raw))
		if err != nil {
			t.Fatal(err)
		}
		objects = append(objects, o)
	}
	file, err := misp.Write(objects, misp.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Event struct {
			Attribute []struct {
				Type, Value string
				ToIDs       bool `json:"to_ids"`
			}
		}
	}
	if err := json.Unmarshal(file.JSON, &got); err != nil {
		t.Fatal(err)
	}
	if a := got.Event.Attribute; len(a) != 2 || a[0].Value != "198.51.100.2" || !a[0].ToIDs || a[1].Value != "a.example" || !a[1].ToIDs {
		t.Errorf("attributes %+v", a)
	}
	if len(file.NotCarried) != 1 || file.NotCarried[0].Path != "relationship--66666666-6666-4666-8666-666666666662" {
		t.Errorf("not carried: %v", file.NotCarried)
	}
}
