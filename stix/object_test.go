package stix_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"parley.example/parley/stix"
)

const sample = `{"type":"indicator","spec_version":"2.1","id":"indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f",` +
	`"created_by_ref":"identity--f431f809-377b-45e0-aa1c-6a4751cae5ff","created":"2016-04-06T20:03:48.000Z",` +
	`"modified":"2016-04-06T20:03:48.123456789Z","pattern":"[a:b = 'x']","pattern_type":"stix","valid_from":"2016-01-01T00:00:00Z",` +
	`"confidence":1e1,"x_big":12345678901234567890.10,"name":"\u0627\"\n",` +
	`"object_marking_refs":["marking-definition--f88d31f6-486f-44da-b317-01333bde0b82"]}`

func TestParse(t *testing.T) {
	raw := []byte(sample)
	o, err := stix.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(o.Raw(), []byte(sample)) {
		t.Error("Raw differs from what was parsed")
	}
	if o.Modified != "2016-04-06T20:03:48.123456789Z" || o.ModifiedTime.Nanosecond() != 123456789 {
		t.Errorf("Modified = %q, %v", o.Modified, o.ModifiedTime)
	}
	if got := o.String("name"); got != "\u0627\"\n" {
		t.Errorf("name = %q", got)
	}
	p := o.Props()
	if p["x_big"] != stix.Number("12345678901234567890.10") {
		t.Errorf("x_big = %v", p["x_big"])
	}
	enc, err := stix.Encode(p)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(enc, []byte(`"x_big":12345678901234567890.10`)) || !json.Valid(enc) {
		t.Errorf("Encode = %s", enc)
	}
	if l, ok := stix.TLPOf(o); !ok || l != stix.Amber || l.String() != "TLP:AMBER" {
		t.Errorf("TLPOf = %v, %v", l, ok)
	}
}

func TestObjectAccess(t *testing.T) {
	o, err := stix.Parse([]byte(`{"type":"incident","id":"incident--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f","created":"2024-01-01T00:00:00.000Z",` +
		`"labels":["a",1,"b"],"granular_markings":[{"lang":"ur","selectors":["name"]},{"marking_ref":"m"}],` +
		`"extensions":{"` + stix.IncidentExtension + `":{"kind":"bombing","Kind":"x"},"other":3}}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := o.Strings("labels"); len(got) != 2 || got[1] != "b" {
		t.Errorf("labels = %q", got)
	}
	if got := o.Strings("id"); got != nil {
		t.Errorf("strings of a string = %q", got)
	}
	if v, ok := o.Prop("created"); !ok || v != "2024-01-01T00:00:00.000Z" {
		t.Errorf("created = %v, %v", v, ok)
	}
	if _, ok := o.Prop("Created"); ok {
		t.Error("names were folded")
	}
	if !o.Version().Equal(o.CreatedTime) || o.Version().IsZero() {
		t.Errorf("version without modified = %v", o.Version())
	}
	g := o.GranularMarkings()
	if len(g) != 2 || g[0].Lang != "ur" || g[0].Selectors[0] != "name" || g[1].MarkingRef != "m" || g[1].Selectors != nil {
		t.Errorf("granular markings = %+v", g)
	}
	var x struct {
		Kind string `json:"kind"`
	}
	if ok, err := o.Extension(stix.IncidentExtension, &x); !ok || err != nil || x.Kind != "bombing" {
		t.Errorf("extension = %+v, %v, %v", x, ok, err)
	}
	if ok, err := o.Extension("other", &x); !ok || err == nil {
		t.Errorf("a number is an extension: %v, %v", ok, err)
	}
	if ok, err := o.Extension(stix.IncidentCore, &x); ok || err != nil {
		t.Errorf("absent extension: %v, %v", ok, err)
	}
}

func TestIDs(t *testing.T) {
	id := stix.NewID("tool")
	if typ, uid, ok := stix.SplitID(id); !ok || typ != "tool" || uid[14] != '4' || id == stix.NewID("tool") {
		t.Errorf("NewID = %q", id)
	}
	space := uuid.MustParse("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
	if got := stix.NameID("tool", space, "www.example.com"); got != "tool--2ed6657d-e927-568b-95e1-2665a8aea6a2" {
		t.Errorf("NameID = %q", got) // the example of RFC 9562 §A.4
	}
	for _, bad := range []string{
		"", "tool", "tool--", "tool--2ed6657d-e927-068b-95e1-2665a8aea6a2", "tool--2ed6657d-e927-568b-c5e1-2665a8aea6a2",
		"tool--2ed6657d-e927-568b-95e1-2665a8aea6a", "tool--{2ed6657d-e927-568b-95e1-2665a8aea6a2}", "to--ol--2ed6657d-e927-568b-95e1-2665a8aea6a2",
		"Tool--2ed6657d-e927-568b-95e1-2665a8aea6a2", "--2ed6657d-e927-568b-95e1-2665a8aea6a2",
	} {
		if _, _, ok := stix.SplitID(bad); ok {
			t.Errorf("SplitID accepts %q", bad)
		}
	}
}

func TestTime(t *testing.T) {
	for s, want := range map[string]string{
		"2016-12-31T23:59:60Z":            "2017-01-01T00:00:00.000Z",
		"1969-12-31T23:59:59.9999999999Z": "1969-12-31T23:59:59.999Z",
		"2024-02-29T01:02:03.004Z":        "2024-02-29T01:02:03.004Z",
		"0001-01-01T00:00:00Z":            "0001-01-01T00:00:00.000Z",
		"2016-12-31T22:59:60Z":            "",
		"2023-02-29T00:00:00Z":            "",
		"2024-01-01T24:00:00Z":            "",
		"2024-01-01T00:00:00.Z":           "",
		"2024-01-01T00:00:00":             "",
		"2024-01-01T00:00:00+00:00":       "",
		"12024-01-01T00:00:00Z":           "",
	} {
		got := ""
		if at, err := stix.ParseTime(s); err == nil {
			got = stix.FormatTime(at)
		}
		if got != want {
			t.Errorf("%s = %q, want %q", s, got, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	id := `"type":"tool","id":"tool--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f"`
	for name, tc := range map[string]struct{ in, want string }{
		"empty":            {"", "no JSON value"},
		"not an object":    {`[1]`, "not a JSON object"},
		"cut off":          {`{"type":"tool"`, "cut off"},
		"duplicate":        {`{` + id + `,"type":"tool"}`, `name "type" appears twice`},
		"duplicate inside": {`{` + id + `,"external_references":[{"a":1,"a":2}]}`, `name "a" appears twice at external_references[0]`},
		"escaped twin":     {`{` + id + `,"n\u0061me":"x","name":"y"}`, `name "name" appears twice`},
		"case folding":     {`{"Type":"tool","ID":"x"}`, "no type"},
		"bad utf-8":        {`{` + id + `,"name":"` + "\xff" + `"}`, "invalid UTF-8"},
		"lone surrogate":   {`{` + id + `,"name":"\ud800"}`, "surrogate"},
		"trailing":         {`{` + id + `} {}`, "more bytes after the object"},
		"nan":              {`{` + id + `,"a":NaN}`, "at"},
		"deep":             {`{` + id + `,"a":` + strings.Repeat("[", 9999) + strings.Repeat("]", 9999) + `}`, "nested deeper than 64"},
		"wrong id type":    {`{"type":"tool","id":"malware--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f"}`, "is not tool--UUID"},
		"no such date":     {`{` + id + `,"created":"2023-02-29T00:00:00Z"}`, "no date of the calendar"},
		"many values":      {`{` + id + `,"a":[` + strings.Repeat("0,", 1<<20) + `0]}`, "more than 1048576 values"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := stix.Parse([]byte(tc.in))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want an error with %q", err, tc.want)
			}
		})
	}
	if _, err := stix.Parse(bytes.Repeat([]byte(" "), stix.MaxObject+1)); err == nil {
		t.Error("an object over MaxObject was accepted")
	}
}

func TestReadBundle(t *testing.T) {
	a, b := `{"type":"tool","id":"tool--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f","name" : "a"}`, `{"x":1, "x":2}`
	for name, tc := range map[string]struct {
		in, form string
		want     []string
		err      string
	}{
		"bundle":        {`{"type":"bundle","id":"bundle--1","objects":[` + a + ` , ` + b + `]}`, "bundle", []string{a, b}, ""},
		"late type":     {` {"objects":[` + a + `],"id":"bundle--1","type":"bundle"} `, "bundle", []string{a}, ""},
		"envelope":      {`{"more":false,"objects":[` + a + `]}`, "envelope", []string{a}, ""},
		"no objects":    {`{}`, "envelope", nil, ""},
		"empty bundle":  {`{"type":"bundle","id":"bundle--1"}`, "bundle", nil, ""},
		"array":         {`[` + a + `,` + a + `]`, "array", []string{a, a}, ""},
		"object":        {"\n" + a + "\n", "object", []string{a}, ""},
		"object dict":   {`{"type":"observed-data","objects":{"0":{}}}`, "object", []string{`{"type":"observed-data","objects":{"0":{}}}`}, ""},
		"twice":         {`{"type":"bundle","objects":[` + a + `],"objects":[` + b + `]}`, "", []string{a}, `name "objects" appears twice`},
		"cut off":       {`{"type":"bundle","objects":[` + a + `,{"type":`, "", []string{a}, "cut off at objects[1]"},
		"missing comma": {`{"type":"bundle","objects":[` + a + ` ` + a + `]}`, "", []string{a}, "objects"},
		"more":          {`{"type":"bundle","objects":[]} x`, "", nil, "x"},
		"empty":         {``, "", nil, "no JSON value"},
		"number":        {`12`, "", nil, "not a bundle"},
		"report":        {`{"type":"report","objects":[` + a + `]}`, "", []string{a}, "neither a bundle nor an envelope"},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			c, err := stix.ReadBundle(strings.NewReader(tc.in), func(i int, raw []byte) error {
				if i != len(got) {
					t.Errorf("number %d, want %d", i, len(got))
				}
				got = append(got, string(raw))
				return nil
			})
			if fmt.Sprint(got) != fmt.Sprint(tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
			if tc.err == "" && (err != nil || c.Form != tc.form) {
				t.Errorf("got %q, %v, want %q", c.Form, err, tc.form)
			}
			if tc.err != "" && (err == nil || !strings.Contains(err.Error(), tc.err)) {
				t.Errorf("got %v, want an error with %q", err, tc.err)
			}
		})
	}
}

func TestReadBundleStops(t *testing.T) {
	stop := errors.New("stop")
	_, err := stix.ReadBundle(strings.NewReader(`[{},{}]`), func(int, []byte) error { return stop })
	if err != stop {
		t.Errorf("got %v, want the error of fn", err)
	}
}

// endless is a JSON text that never ends.
type endless struct{ head, body string }

func (e *endless) Read(p []byte) (int, error) {
	if e.head != "" {
		n := copy(p, e.head)
		e.head = e.head[n:]
		return n, nil
	}
	return copy(p, strings.Repeat(e.body, len(p)/len(e.body)+1)), nil
}

func TestReadBundleBounded(t *testing.T) {
	for name, in := range map[string]*endless{
		"string":     {`{"type":"bundle","objects":[{"a":"`, "a"},
		"top string": {`{"type":"`, "a"},
		"space":      {``, " "},
		"object":     {`{"type":"tool","a":[`, "0,"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := stix.ReadBundle(in, func(int, []byte) error { return nil })
			if err == nil || !strings.Contains(err.Error(), "larger than") {
				t.Errorf("got %v, want an error about the size", err)
			}
		})
	}
}

func TestTLP(t *testing.T) {
	if !(stix.Clear < stix.Green && stix.Green < stix.Amber && stix.Amber < stix.AmberStrict && stix.AmberStrict < stix.Red) {
		t.Error("levels out of order")
	}
	for _, id := range stix.TLPMarkings() {
		raw, ok := stix.MarkingDefinition(id)
		if !ok {
			t.Fatalf("no definition of %s", id)
		}
		o, err := stix.Parse(raw)
		if err != nil || o.ID != id {
			t.Errorf("%s: %v", id, err)
		}
		l, _ := stix.LevelOf(id)
		back, err := stix.ParseLevel(l.String())
		if err != nil || back != l {
			t.Errorf("ParseLevel(%q) = %v, %v", l, back, err)
		}
	}
	if l, err := stix.ParseLevel("white"); l != stix.Clear || err != nil {
		t.Errorf("white = %v, %v", l, err)
	}
	if _, err := stix.ParseLevel("puce"); err == nil {
		t.Error("puce is a level")
	}
}

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

func TestAttackBundleKeepsBytes(t *testing.T) {
	for _, name := range []string{"ics-attack-2.1.json", "mobile-attack-2.1.json"} {
		data, err := os.ReadFile(dataFile(t, name))
		if err != nil {
			t.Fatal(err)
		}
		n, from := 0, 0
		c, err := stix.ReadBundle(bytes.NewReader(data), func(i int, raw []byte) error {
			n++
			o, err := stix.Parse(raw)
			if err != nil {
				return fmt.Errorf("object %d: %w", i, err)
			}
			at := bytes.Index(data[from:], o.Raw())
			if at < 0 {
				return fmt.Errorf("object %d: its bytes are not those of the file", i)
			}
			from += at + len(raw)
			return nil
		})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var all struct{ Objects []json.RawMessage }
		if err := json.Unmarshal(data, &all); err != nil {
			t.Fatal(err)
		}
		if n != len(all.Objects) || c.Objects != n {
			t.Errorf("%s: %d objects, want %d", name, n, len(all.Objects))
		}
		t.Logf("%s: %d objects", name, n)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(sample))
	f.Add([]byte(`{"type":"tool","id":"tool--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f","a":[{"b":null}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		stix.Validate(raw)
		o, err := stix.Parse(raw)
		if err != nil {
			return
		}
		if !bytes.Equal(o.Raw(), raw) {
			t.Fatal("bytes changed")
		}
		enc, err := stix.Encode(o.Props())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := stix.Parse(enc); err != nil {
			t.Fatalf("own encoding refused: %v\n%s", err, enc)
		}
	})
}

func FuzzReadBundle(f *testing.F) {
	f.Add([]byte(`{"type":"bundle","id":"bundle--1","objects":[` + sample + `,{}]}`))
	f.Add([]byte(`[` + sample + `]`))
	f.Add([]byte(sample))
	f.Fuzz(func(t *testing.T, data []byte) {
		n := 0
		c, err := stix.ReadBundle(bytes.NewReader(data), func(_ int, raw []byte) error {
			n++
			if !bytes.Contains(data, raw) {
				t.Fatal("bytes that were not in the input")
			}
			return nil
		})
		if err == nil && (c.Form == "" || c.Objects != n) {
			t.Fatalf("container %+v after %d objects", c, n)
		}
	})
}
