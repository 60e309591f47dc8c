package misp

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"parley.example/parley/stix"
)

// model reads the events of a file into the package's own model, without what
// differs by nature: places in the file, distribution and empty lists.
func model(t testing.TB, raw []byte) []event {
	t.Helper()
	var out []event
	v, err := tree(raw)
	if err != nil {
		t.Fatal(err)
	}
	o := v.(*object)
	list := []any{o}
	if r, ok := o.get("response"); ok {
		list = r.([]any)
	}
	for _, x := range list {
		e, _ := x.(*object).get("Event")
		var l losses
		out = append(out, tidy(readEvent(e.(*object), &l)))
	}
	return out
}

func tidy(e event) event {
	e.Distribution = ""
	e.Tags = tidyTags(e.Tags)
	e.Galaxies = tidyGalaxies(e.Galaxies)
	tidyAttributes(e.Attributes)
	for i := range e.Objects {
		o := &e.Objects[i]
		o.path, o.Distribution = "", ""
		tidyAttributes(o.Attributes)
		for j := range o.References {
			o.References[j].path = ""
		}
	}
	for i := range e.Reports {
		e.Reports[i].path = ""
	}
	if len(e.Attributes) == 0 {
		e.Attributes = nil
	}
	for i := range e.Objects {
		if len(e.Objects[i].References) == 0 {
			e.Objects[i].References = nil
		}
		if len(e.Objects[i].Attributes) == 0 {
			e.Objects[i].Attributes = nil
		}
	}
	slices.SortFunc(e.Attributes, func(a, b attribute) int { return strings.Compare(a.UUID, b.UUID) })
	slices.SortFunc(e.Objects, func(a, b mispObject) int { return strings.Compare(a.UUID, b.UUID) })
	return e
}

func tidyAttributes(as []attribute) {
	for i := range as {
		a := &as[i]
		a.path, a.Distribution = "", ""
		a.Tags, a.Galaxies = tidyTags(a.Tags), tidyGalaxies(a.Galaxies)
		for j := range a.Sightings {
			a.Sightings[j].path = ""
		}
	}
	slices.SortFunc(as, func(a, b attribute) int { return strings.Compare(a.UUID, b.UUID) })
}

func tidyTags(ts []tag) []tag {
	slices.SortFunc(ts, func(a, b tag) int { return strings.Compare(a.Name, b.Name) })
	if len(ts) == 0 {
		return nil
	}
	return ts
}

func tidyGalaxies(gs []galaxy) []galaxy {
	for i := range gs {
		for j := range gs[i].Clusters {
			c := &gs[i].Clusters[j]
			c.path, c.relations = "", nil
			if c.Meta != nil {
				m := plainMeta(c.Meta)
				c.Meta = metaObject(m)
			}
		}
	}
	slices.SortFunc(gs, func(a, b galaxy) int { return cmp.Compare(a.Type, b.Type) })
	if len(gs) == 0 {
		return nil
	}
	return gs
}

var compare = gocmp.AllowUnexported(event{}, attribute{}, mispObject{}, reference{}, tag{}, galaxy{}, cluster{}, sighting{}, eventReport{}, org{}, object{}, clusterRelation{})

func readAll(t testing.TB, raw []byte) []Event {
	t.Helper()
	var out []Event
	err := Read(bytes.NewReader(raw), func(i int, e Event, err error) error {
		if err != nil {
			t.Fatalf("event %d: %v", i, err)
		}
		out = append(out, e)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// checkAll is what must hold of every event that was read.
func checkAll(t testing.TB, e Event) {
	t.Helper()
	known := map[string]bool{}
	for _, o := range e.Objects {
		if known[o.ID] {
			t.Errorf("%s occurs twice", o.ID)
		}
		known[o.ID] = true
		for _, f := range stix.Validate(o.Raw()) {
			if f.Severity == stix.Error {
				t.Errorf("%s: %v\n%s", o.ID, f, o.Raw())
			}
		}
	}
	for _, o := range e.Objects {
		walk(o.Props(), func(name string, v any) {
			s, ok := v.(string)
			if !ok || !strings.HasSuffix(name, "_ref") && !strings.HasSuffix(name, "_refs") {
				return
			}
			if _, tlp := stix.LevelOf(s); !tlp && !known[s] {
				t.Errorf("%s: %s leads to %s, which is not there", o.ID, name, s)
			}
		})
	}
	for _, l := range e.NotCarried {
		if l.Path == "" || l.Reason == "" {
			t.Errorf("a loss without place or reason: %+v", l)
		}
	}
}

func walk(v any, fn func(name string, v any)) {
	m, _ := v.(map[string]any)
	for n, x := range m {
		fn(n, x)
		for _, y := range items(x) {
			fn(n, y)
			walk(y, fn)
		}
		walk(x, fn)
	}
}

func sample(t testing.TB) []byte {
	t.Helper()
	raw, err := os.ReadFile("testdata/event.json")
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestEventThereAndBack(t *testing.T) {
	raw := sample(t)
	events := readAll(t, raw)
	if len(events) != 1 {
		t.Fatalf("%d events, want 1", len(events))
	}
	checkAll(t, events[0])
	again := readAll(t, raw)
	for i, o := range events[0].Objects {
		if !bytes.Equal(o.Raw(), again[0].Objects[i].Raw()) {
			t.Errorf("read twice, %s differs", o.ID)
		}
	}
	file, err := Write(events[0].Objects, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range file.NotCarried {
		t.Errorf("not carried back: %s: %s", l.Path, l.Reason)
	}
	want, got := model(t, raw), model(t, file.JSON)
	// A tag of an attribute that repeats nothing of the event's is kept.
	if d := gocmp.Diff(want, got, compare); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}

func TestLossesAreListed(t *testing.T) {
	e := readAll(t, sample(t))[0]
	for _, want := range []string{
		"Event.Org", "Event.distribution", "Event.ShadowAttribute[0]", "Event.SharingGroup", "Event.Attribute[20].ShadowAttribute[0]",
		"Event.Attribute[10].distribution", "Event.Tag[0].colour",
	} {
		if !slices.ContainsFunc(e.NotCarried, func(l Lost) bool { return l.Path == want }) {
			t.Errorf("%s is not listed", want)
		}
	}
	if t.Failed() {
		for _, l := range e.NotCarried {
			t.Log(l.Path, l.Reason)
		}
	}
}

// Any attribute comes back as it was, whatever its value looks like.
func TestAttributesThereAndBack(t *testing.T) {
	types := []string{"phone-number", "btc", "comment", "text", "yara", "vulnerability", "campaign-name", "user-agent", "made-up", "stix2-pattern"}
	for typ := range attributeForms {
		types = append(types, typ)
	}
	slices.Sort(types)
	rapid.Check(t, func(t *rapid.T) {
		typ := rapid.SampledFrom(types).Draw(t, "type")
		value := rapid.OneOf(
			rapid.SampledFrom([]string{
				"198.51.100.1", "2001:db8::1", "198.51.100.0/24", "198.51.100.1|80", "2001:db8::1|443", "a.example", "a.example|198.51.100.1", "A.example|80",
				"https://a.example/ü", "not a url", "x@a.example", "x|y", "x|d41d8cd98f00b204e9800998ecf8427e", "D41D8CD98F00B204E9800998ECF8427E",
				"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "AS64500", "64500", "0064500", "00-11-22-AA-BB-CC", `HKLM\a`, `HKLM\a|b`, "CVE-2026-0001", "[file:name = 'a']", "[broken",
			}),
			rapid.StringN(1, 40, 200), rapid.StringMatching(`[a-z.]{1,20}(\|[a-z0-9.:]{1,20})?`),
		).Draw(t, "value")
		if strings.TrimSpace(value) == "" {
			t.Skip("no value")
		}
		a := attribute{
			UUID: fmt.Sprintf("%08x-0000-4000-8000-000000000001", rapid.Uint32().Draw(t, "uuid")), Type: typ, Category: "Other", Value: value,
			ToIDs: rapid.Bool().Draw(t, "ids"), Comment: rapid.SampledFrom([]string{"", "a \"remark\""}).Draw(t, "comment"),
			Timestamp: rapid.Int64Range(1, 2e9).Draw(t, "timestamp"), Deleted: rapid.Bool().Draw(t, "deleted"),
			FirstSeen: rapid.SampledFrom([]string{"", "2026-01-01T00:00:00+04:30", "2027-01-01T00:00:00Z"}).Draw(t, "first"),
			LastSeen:  rapid.SampledFrom([]string{"", "2026-06-01T00:00:00.123456Z"}).Draw(t, "last"),
			Tags:      rapid.SampledFrom([][]tag{nil, {{Name: "tlp:red"}}, {{Name: "a:b=\"c\""}}}).Draw(t, "tags"),
		}
		in := event{UUID: "0f8a2c1e-6b1d-4a57-9d35-5a1b7c9e2f10", Info: "i", Date: "2026-02-03", Timestamp: 1770300000, Threat: "4", Analysis: "0", Distribution: "0",
			Attributes: []attribute{a}, Objects: []mispObject{}, Tags: []tag{}, Galaxies: []galaxy{}}
		raw := encode(t, in)
		var e Event
		if err := Read(bytes.NewReader(raw), func(_ int, x Event, err error) error { e = x; return err }); err != nil {
			t.Fatal(err)
		}
		for _, o := range e.Objects {
			for _, f := range stix.Validate(o.Raw()) {
				if f.Severity == stix.Error {
					t.Fatalf("%s: %v", o.ID, f)
				}
			}
		}
		file, err := Write(e.Objects, Options{})
		if err != nil {
			t.Fatal(err)
		}
		got := modelOf(file.JSON)
		want := tidy(in)
		if len(got) != 1 {
			t.Fatalf("%d events", len(got))
		}
		if d := gocmp.Diff(want.Attributes, got[0].Attributes, compare); d != "" {
			t.Fatalf("-want +got\n%s\nlisted: %v", d, append(e.NotCarried, file.NotCarried...))
		}
	})
}

func encode(t interface{ Fatal(...any) }, e event) []byte {
	w := &writer{events: []event{e}}
	raw, err := w.encode()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func modelOf(raw []byte) []event {
	v, err := tree(raw)
	if err != nil {
		return nil
	}
	e, _ := v.(*object).get("Event")
	var l losses
	return []event{tidy(readEvent(e.(*object), &l))}
}

// Any object comes back as it was, whatever its template and its attributes.
func TestObjectsOfAnyTemplateThereAndBack(t *testing.T) {
	values := rapid.OneOf(
		rapid.SampledFrom([]string{
			"198.51.100.1", "2001:db8::1", "a.example", "443", "tcp", "TCP", "http", "x@a.example", "a", "34.5", "AF", "Afghanistan", "2026-01-01T00:00:00Z",
			"d41d8cd98f00b204e9800998ecf8427e", "https://a.example/", "64500", "HKEY_LOCAL_MACHINE\\a", "CVE-2026-0001", "91.5", "REG_SZ", "individual",
		}), rapid.StringN(1, 20, 60))
	rapid.Check(t, func(t *rapid.T) {
		tm := rapid.SampledFrom(templates).Draw(t, "template")
		in := event{UUID: "0f8a2c1e-6b1d-4a57-9d35-5a1b7c9e2f10", Info: "i", Date: "2026-02-03", Timestamp: 1770300000, Threat: "4", Analysis: "0", Distribution: "0",
			Attributes: []attribute{}, Tags: []tag{}, Galaxies: []galaxy{}}
		o := mispObject{
			UUID: "60000000-0000-4000-8000-000000000001", Name: tm.name, MetaCategory: tm.meta, TemplateUUID: tm.uuid, TemplateVersion: tm.version,
			Comment: rapid.SampledFrom([]string{"", "remark"}).Draw(t, "comment"), Timestamp: 1770200000, Deleted: rapid.Bool().Draw(t, "deleted"),
			FirstSeen:  rapid.SampledFrom([]string{"", "2026-01-01T00:00:00+04:30"}).Draw(t, "first"),
			Attributes: []attribute{}, References: []reference{},
		}
		if rapid.IntRange(0, 5).Draw(t, "unknown template") == 0 {
			o.Name = "made-up"
		}
		for i := range rapid.IntRange(1, 6).Draw(t, "n") {
			r := rapid.SampledFrom(tm.relations).Draw(t, "relation")
			if rapid.IntRange(0, 4).Draw(t, "other relation") == 0 {
				r = relation{name: "text", typ: "text"}
			}
			v := values.Draw(t, "value")
			if strings.TrimSpace(v) == "" {
				continue
			}
			o.Attributes = append(o.Attributes, attribute{
				UUID: fmt.Sprintf("61000000-0000-4000-8000-00000000000%d", i), Type: r.typ, Relation: r.name, Category: "Other", Value: v,
				Timestamp: 1770200000 + rapid.Int64Range(0, 1).Draw(t, "later"), ToIDs: rapid.Bool().Draw(t, "ids"),
			})
		}
		in.Objects = []mispObject{o}
		raw := encode(t, in)
		var e Event
		if err := Read(bytes.NewReader(raw), func(_ int, x Event, err error) error { e = x; return err }); err != nil {
			t.Fatal(err)
		}
		file, err := Write(e.Objects, Options{})
		if err != nil {
			t.Fatal(err)
		}
		got := modelOf(file.JSON)
		if d := gocmp.Diff(tidy(in).Objects, got[0].Objects, compare); d != "" {
			t.Fatalf("-want +got\n%s\nlisted: %v", d, append(e.NotCarried, file.NotCarried...))
		}
	})
}
