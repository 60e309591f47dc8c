package release_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"parley.example/parley/accord"
	"parley.example/parley/ledger"
	"parley.example/parley/release"
	"parley.example/parley/stix"
)

// library is what a node holds, for the gate to look things up in.
type library map[string]release.Held

func (l library) add(t testing.TB, props map[string]any) (id string) {
	t.Helper()
	raw, err := stix.Encode(props)
	if err != nil {
		t.Fatal(err)
	}
	id = props["id"].(string)
	l[id] = release.Held{Object: raw}
	return id
}

// object makes an object with what every one of its type needs.
func object(typ string, n int, marking string, more map[string]any) map[string]any {
	p := map[string]any{
		"type": typ, "spec_version": "2.1", "id": fmt.Sprintf("%s--00000000-0000-4000-8000-%012d", typ, n),
		"created": "2026-01-02T03:04:05.678Z", "modified": "2026-01-02T03:04:05.678Z",
	}
	if marking != "" {
		p["object_marking_refs"] = []string{marking}
	}
	for k, v := range more {
		p[k] = v
	}
	return p
}

func releasable(t testing.TB, l library, to ...string) string {
	t.Helper()
	id, raw, err := stix.Releasability{To: to, Listed: true}.Marking()
	if err != nil {
		t.Fatal(err)
	}
	l[id] = release.Held{Object: raw}
	return id
}

var everything = []string{
	"incident", "malware", "indicator", "relationship", "sighting", "note", "opinion", "report", "grouping", "language-content", "observed-data",
	"ipv4-addr", "threat-actor", "campaign", "attack-pattern", "infrastructure", "intrusion-set", "location", "tool", "vulnerability", "file", "course-of-action",
}

// in asks for an object of the library.
func (l library) in(a accord.Accord, st *accord.State, id string) release.Input {
	x := input(a, st, l[id].Object)
	x.Origin = l[id].Origin
	x.Held = func(id string) (release.Held, bool) { h, ok := l[id]; return h, ok }
	x.Marking = func(id string) ([]byte, bool) { h, ok := l[id]; return h.Object, ok }
	return x
}

func openPact(t testing.TB, edit func(*accord.Terms)) (accord.Accord, *accord.State) {
	return pact(t, func(x *accord.Terms) {
		x.ObjectTypes, x.Ceiling.PlaceKM, x.Ceiling.Time = everything, 0, "exact"
		if edit != nil {
			edit(x)
		}
	})
}

func has(d release.Decision, rule string, most release.Outcome) bool {
	return slices.ContainsFunc(d.Reasons, func(r release.Reason) bool { return r.Rule == rule && r.Outcome == most })
}

func TestReleasabilityLists(t *testing.T) {
	a, st := openPact(t, nil)
	l := library{}
	amber := stix.Amber.MarkingRef()
	statement := "marking-definition--11111111-1111-4111-8111-111111111111"
	l[statement] = release.Held{Object: []byte(`{"type":"marking-definition","spec_version":"2.1","id":"` + statement + `","created":"2026-01-01T00:00:00.000Z","definition_type":"statement","definition":{"statement":"© desk"}}`)}
	odd := "marking-definition--22222222-2222-4222-8222-222222222222"
	l[odd] = release.Held{Object: []byte(`{"type":"marking-definition","spec_version":"2.1","id":"` + odd + `","created":"2026-01-01T00:00:00.000Z","definition_type":"statement","definition":{"statement":"x"},"extensions":{"extension-definition--33333333-3333-4333-8333-333333333333":{"extension_type":"property-extension","only":"us"}}}`)}
	for name, c := range map[string]struct {
		refs []string
		want release.Outcome
	}{
		"for south":           {[]string{amber, releasable(t, l, "north", "south")}, release.Full},
		"for east":            {[]string{amber, releasable(t, l, "east")}, release.Withhold},
		"for both lists":      {[]string{amber, releasable(t, l, "south"), releasable(t, l, "east")}, release.Withhold},
		"a list without TLP":  {[]string{releasable(t, l, "south")}, release.Withhold},
		"statement":           {[]string{amber, statement}, release.Full},
		"unknown extension":   {[]string{amber, odd}, release.Withhold},
		"definition not held": {[]string{amber, "marking-definition--44444444-4444-4444-8444-444444444444"}, release.Withhold},
	} {
		p := object("malware", 1, "", map[string]any{"name": "M", "is_family": false})
		p["object_marking_refs"] = c.refs
		d := release.Decide(l.in(a, st, l.add(t, p)))
		if d.Outcome != c.want {
			t.Errorf("%s: %v, want %v: %+v", name, d.Outcome, c.want, d.Reasons)
		}
	}
	// A marking that is a string in place of a list is not overlooked.
	p := object("malware", 1, "", map[string]any{"name": "M", "is_family": false, "object_marking_refs": amber})
	if d := release.Decide(l.in(a, st, l.add(t, p))); d.Outcome != release.Withhold {
		t.Errorf("markings that do not read: %v", d.Outcome)
	}
}

func TestThirdPartyRule(t *testing.T) {
	a, st := openPact(t, nil)
	l := library{}
	id := l.add(t, object("malware", 1, stix.Amber.MarkingRef(), map[string]any{"name": "M", "is_family": false}))
	for name, c := range map[string]struct {
		origin release.Origin
		want   release.Outcome
	}{
		"our own":            {release.Origin{}, release.Full},
		"no consent":         {release.Origin{Party: "west", Onward: "ask"}, release.Withhold},
		"consent":            {release.Origin{Party: "west", Onward: "ask", Consent: []string{"east", "south"}}, release.Full},
		"for another":        {release.Origin{Party: "west", Onward: "ask", Consent: []string{"east"}}, release.Withhold},
		"accord forbids it":  {release.Origin{Party: "west", Onward: "none", Consent: []string{"south"}}, release.Withhold},
		"accord not known":   {release.Origin{Party: "west", Consent: []string{"south"}}, release.Withhold},
		"rule not known yet": {release.Origin{Party: "west", Onward: "freely", Consent: []string{"south"}}, release.Withhold},
	} {
		in := l.in(a, st, id)
		in.Origin = c.origin
		if d := release.Decide(in); d.Outcome != c.want {
			t.Errorf("%s: %v, want %v", name, d.Outcome, c.want)
		}
	}
}

func TestPartsMarkedForOthersStayHere(t *testing.T) {
	a, st := openPact(t, nil)
	l := library{}
	east := releasable(t, l, "east")
	part := func(ref string, selectors ...string) map[string]any {
		return map[string]any{"marking_ref": ref, "selectors": selectors}
	}
	red := stix.Red.MarkingRef()
	base := map[string]any{"name": "Lantern", "is_family": false, "aliases": []string{"alias-one", "alias-two", "alias-three"}, "description": "secret\n=== TEARLINE ===\nopen text"}
	for name, c := range map[string]struct {
		marks  []any
		want   release.Outcome
		absent []string
		there  []string
	}{
		"part for another":       {[]any{part(east, "aliases.[1]")}, release.Tearline, []string{"alias-two"}, []string{"alias-one", "alias-three", "Lantern"}},
		"two elements":           {[]any{part(east, "aliases.[0]", "aliases.[1]")}, release.Tearline, []string{"alias-one", "alias-two"}, []string{"alias-three"}},
		"all elements":           {[]any{part(east, "aliases.[0]", "aliases.[1]", "aliases.[2]")}, release.Tearline, []string{"alias"}, []string{"Lantern"}},
		"whole list":             {[]any{part(red, "aliases")}, release.Tearline, []string{"alias"}, []string{"Lantern", "open text"}},
		"a text":                 {[]any{part(red, "description")}, release.Tearline, []string{"open text"}, []string{"Lantern"}},
		"a required property":    {[]any{part(red, "is_family")}, release.Withhold, nil, nil},
		"the id":                 {[]any{part(red, "id")}, release.Withhold, nil, nil},
		"a marking":              {[]any{part(red, "object_marking_refs.[0]")}, release.Withhold, nil, nil},
		"nothing is there":       {[]any{part(red, "aliases.[3]")}, release.Withhold, nil, nil},
		"no whole name":          {[]any{part(red, "alias")}, release.Withhold, nil, nil},
		"unknown marking":        {[]any{part("marking-definition--55555555-5555-4555-8555-555555555555", "aliases")}, release.Tearline, []string{"alias"}, nil},
		"names no part":          {[]any{map[string]any{"marking_ref": red}}, release.Withhold, nil, nil},
		"not a marking":          {[]any{"aliases"}, release.Withhold, nil, nil},
		"language":               {[]any{map[string]any{"lang": "ur", "selectors": []string{"name"}}}, release.Tearline, nil, []string{"alias-two"}},
		"part within the limits": {[]any{part(stix.Amber.MarkingRef(), "aliases")}, release.Tearline, nil, []string{"alias-two", stix.Amber.MarkingRef()}},
	} {
		p := object("malware", 1, stix.Green.MarkingRef(), base)
		p["granular_markings"] = c.marks
		d := release.Decide(l.in(a, st, l.add(t, p)))
		if d.Outcome != c.want {
			t.Errorf("%s: %v, want %v: %+v", name, d.Outcome, c.want, d.Reasons)
		}
		for _, s := range c.absent {
			if strings.Contains(string(d.Copy), s) {
				t.Errorf("%s: the copy tells %q: %s", name, s, d.Copy)
			}
		}
		for _, s := range c.there {
			if !strings.Contains(string(d.Copy), s) {
				t.Errorf("%s: the copy lacks %q: %s", name, s, d.Copy)
			}
		}
	}
}

// An object that only east may have reaches south by no path: not as the end
// of a relationship, in a sighting, a note, an opinion, a report, a grouping, a
// translation, a text, a custom property or an external reference.
func TestNothingMarkedForOnePartyReachesAnother(t *testing.T) {
	a, st := openPact(t, nil)
	l := library{}
	amber := stix.Amber.MarkingRef()
	hidden := object("malware", 7, "", map[string]any{"name": "HIDDEN", "is_family": false})
	hidden["object_marking_refs"] = []string{amber, releasable(t, l, "east")}
	secret := l.add(t, hidden)
	open := l.add(t, object("malware", 8, amber, map[string]any{"name": "Open", "is_family": false}))
	low := "=== TEARLINE ===\nbelow"
	paths := map[string]struct {
		props map[string]any
		want  release.Outcome
	}{
		"source of a relationship": {object("relationship", 1, amber, map[string]any{"relationship_type": "uses", "source_ref": secret, "target_ref": open}), release.Withhold},
		"target of a relationship": {object("relationship", 2, amber, map[string]any{"relationship_type": "uses", "source_ref": open, "target_ref": secret}), release.Withhold},
		"sighting":                 {object("sighting", 3, amber, map[string]any{"sighting_of_ref": secret}), release.Withhold},
		"note":                     {object("note", 4, amber, map[string]any{"content": low, "object_refs": []string{secret}}), release.Withhold},
		"note on two":              {object("note", 5, amber, map[string]any{"content": low, "object_refs": []string{secret, open}}), release.Tearline},
		"opinion":                  {object("opinion", 6, amber, map[string]any{"opinion": "agree", "object_refs": []string{secret}}), release.Withhold},
		"report":                   {object("report", 9, amber, map[string]any{"name": "R", "published": "2026-01-02T03:04:05Z", "object_refs": []string{open, secret}}), release.Tearline},
		"grouping":                 {object("grouping", 10, amber, map[string]any{"context": "suspicious-activity", "object_refs": []string{secret, open}}), release.Tearline},
		"translation":              {object("language-content", 11, amber, map[string]any{"object_ref": secret, "contents": map[string]any{"ur": map[string]any{"name": "x"}}}), release.Withhold},
		"text":                     {object("malware", 12, amber, map[string]any{"name": "see " + secret, "is_family": false, "description": low + " as " + secret}), release.Tearline},
		"custom property":          {object("malware", 13, amber, map[string]any{"name": "M", "is_family": false, "x_like_ref": secret}), release.Tearline},
		"external reference":       {object("malware", 14, amber, map[string]any{"name": "M", "is_family": false, "external_references": []any{map[string]any{"source_name": "desk", "external_id": secret}}}), release.Tearline},
		"something not held":       {object("relationship", 15, amber, map[string]any{"relationship_type": "uses", "source_ref": open, "target_ref": "malware--00000000-0000-4000-8000-000000000099"}), release.Withhold},
	}
	for name, c := range paths {
		id := l.add(t, c.props)
		d := release.Decide(l.in(a, st, id))
		if d.Outcome != c.want {
			t.Errorf("%s: %v, want %v: %+v", name, d.Outcome, c.want, d.Reasons)
		}
		reveals(t, name, d, secret)
		// Nor through what refers to it in turn.
		note := l.add(t, object("note", 50, amber, map[string]any{"content": low, "object_refs": []string{id}}))
		d = release.Decide(l.in(a, st, note))
		if (d.Outcome >= release.Tearline) != (c.want >= release.Tearline) {
			t.Errorf("a note on %s: %v", name, d.Outcome)
		}
		reveals(t, "a note on "+name, d, secret)
	}
	// What stays is named by the ids under which the recipient has it.
	d := release.Decide(l.in(a, st, "report--00000000-0000-4000-8000-000000000009"))
	o, err := stix.Parse(d.Copy)
	if err != nil || !slices.Equal(o.Strings("object_refs"), []string{open}) {
		t.Errorf("report refers to %v, want %s alone: %v", o.Strings("object_refs"), open, err)
	}
	// A relationship between what passes passes.
	id := l.add(t, object("relationship", 20, amber, map[string]any{"relationship_type": "uses", "source_ref": open, "target_ref": open}))
	if d := release.Decide(l.in(a, st, id)); d.Outcome != release.Full {
		t.Errorf("between open objects: %v", d.Outcome)
	}
}

func reveals(t *testing.T, name string, d release.Decision, secret string) {
	t.Helper()
	uuid := strings.TrimPrefix(secret, "malware--")
	if strings.Contains(string(d.Copy), uuid) || strings.Contains(string(d.Copy), "HIDDEN") || strings.Contains(string(d.Copy), release.CopyID(key, "", "", secret)) {
		t.Errorf("%s tells of it: %s", name, d.Copy)
	}
}

// References between extracts hold: the relationship names its ends by the ids
// that their own extracts have.
func TestReferencesHoldAcrossExtracts(t *testing.T) {
	a, st := openPact(t, func(x *accord.Terms) { x.Start = accord.Tearline })
	l := library{}
	amber := stix.Amber.MarkingRef()
	m := l.add(t, object("malware", 1, amber, map[string]any{"name": "M", "is_family": true, "created_by_ref": "identity--00000000-0000-4000-8000-000000000001"}))
	g := l.add(t, object("threat-actor", 2, amber, map[string]any{"name": "Lantern Front"}))
	r := l.add(t, object("relationship", 3, amber, map[string]any{"relationship_type": "uses", "source_ref": g, "target_ref": m}))
	copies := map[string]*stix.Object{}
	for _, id := range []string{m, g, r} {
		rel, d, err := release.Mint(l.in(a, st, id), "")
		if err != nil || d.Outcome != release.Tearline {
			t.Fatalf("%s: %v, %v", id, d.Outcome, err)
		}
		if copies[id], err = stix.Parse(rel.Bytes()); err != nil {
			t.Fatal(err)
		}
		if copies[id].ID != rel.Record().Object || copies[id].ID == id {
			t.Errorf("%s left as %s, the ledger says %s", id, copies[id].ID, rel.Record().Object)
		}
	}
	if got := copies[r].String("source_ref") + copies[r].String("target_ref"); got != copies[g].ID+copies[m].ID {
		t.Errorf("the relationship names %s", got)
	}
}

// Loops of notes on notes end, and pass only with something that stands alone.
func TestLoopsHaveNoSupport(t *testing.T) {
	a, st := openPact(t, nil)
	l := library{}
	amber := stix.Amber.MarkingRef()
	note := func(n int, about ...string) string {
		return l.add(t, object("note", n, amber, map[string]any{"content": "=== TEARLINE ===\nlow", "object_refs": about}))
	}
	id := func(n int) string { return fmt.Sprintf("note--00000000-0000-4000-8000-%012d", n) }
	note(1, id(2))
	note(2, id(1))
	if d := release.Decide(l.in(a, st, id(1))); d.Outcome != release.Withhold {
		t.Errorf("two notes on each other: %v", d.Outcome)
	}
	m := l.add(t, object("malware", 9, amber, map[string]any{"name": "M", "is_family": false}))
	note(2, id(1), m)
	if d := release.Decide(l.in(a, st, id(1))); d.Outcome != release.Tearline {
		t.Errorf("with something to stand on: %v: %+v", d.Outcome, d.Reasons)
	}
	// A thick net of them does not take long.
	for i := range 40 {
		var all []string
		for j := range 40 {
			all = append(all, id(100+j))
		}
		note(100+i, all...)
	}
	if d := release.Decide(l.in(a, st, id(100))); d.Outcome != release.Withhold {
		t.Errorf("a net without support: %v", d.Outcome)
	}
}

// Every profile makes valid objects from objects of its type that say
// everything, leaks none of the texts that are not for it, and makes the same
// bytes of the same input.
func TestEveryProfileMakesValidExtracts(t *testing.T) {
	a, st := openPact(t, func(x *accord.Terms) { x.Start, x.Ceiling.Time, x.Ceiling.PlaceKM = accord.Tearline, "week", 20 })
	l := library{}
	amber := stix.Amber.MarkingRef()
	low := "SECRET\n=== TEARLINE ===\nopen"
	m := l.add(t, object("malware", 1, amber, map[string]any{"name": "M", "is_family": false}))
	ip := map[string]any{"type": "ipv4-addr", "spec_version": "2.1", "id": "ipv4-addr--00000000-0000-4000-8000-000000000001", "value": "192.0.2.1", "object_marking_refs": []string{amber}}
	addr := l.add(t, ip)
	full := map[string]map[string]any{
		"attack-pattern": {"name": "A", "aliases": []string{"b", "a"}, "kill_chain_phases": []any{map[string]any{"kill_chain_name": "k", "phase_name": "p", "x_more": "SECRET"}}},
		"campaign":       {"name": "C", "first_seen": "2026-03-03T00:00:01Z", "last_seen": "2026-03-04T00:00:01Z", "objective": low},
		"indicator":      {"name": "SECRET", "pattern": "[ipv4-addr:value = '192.0.2.1']", "pattern_type": "stix", "valid_from": "2026-03-03T05:00:00Z", "valid_until": "2026-03-03T06:00:00Z", "indicator_types": []string{"malicious-activity", "attribution"}},
		"infrastructure": {"name": "I", "infrastructure_types": []string{"botnet"}},
		"intrusion-set":  {"name": "S", "goals": []string{"g2", "g1"}, "primary_motivation": "ideology"},
		"location":       {"country": "AF", "latitude": 34.2, "longitude": 70.8, "street_address": "SECRET", "name": "SECRET"},
		"malware":        {"name": "M", "is_family": true, "sample_refs": []string{"file--00000000-0000-4000-8000-000000000077"}},
		"note":           {"content": low, "abstract": low, "authors": []string{"SECRET"}, "object_refs": []string{m}},
		"observed-data":  {"first_observed": "2026-03-03T05:00:00Z", "last_observed": "2026-03-03T05:00:00Z", "number_observed": 3, "object_refs": []string{addr}},
		"opinion":        {"opinion": "agree", "explanation": low, "object_refs": []string{m}},
		"report":         {"name": "SECRET", "published": "2026-03-03T05:00:00Z", "report_types": []string{"campaign"}, "object_refs": []string{m, addr}},
		"threat-actor":   {"name": "T", "roles": []string{"agent", "director"}, "x_note": "SECRET"},
		"tool":           {"name": "T", "tool_version": "1"},
		"vulnerability":  {"name": "CVE-2026-0001"},
		"relationship":   {"relationship_type": "uses", "source_ref": m, "target_ref": addr, "start_time": "2026-03-03T05:00:00Z", "stop_time": "2026-03-03T06:00:00Z"},
		"sighting":       {"sighting_of_ref": m, "first_seen": "2026-03-03T05:00:00Z", "last_seen": "2026-03-03T05:30:00Z", "count": 4, "where_sighted_refs": []string{"identity--00000000-0000-4000-8000-000000000001"}},
	}
	for typ, props := range full {
		p := object(typ, 2, amber, props)
		p["external_references"] = []any{map[string]any{"source_name": "SECRET", "description": "SECRET"}}
		p["created_by_ref"] = "identity--00000000-0000-4000-8000-00000000dead"
		p["labels"] = []string{"SECRET"}
		if _, ok := p["description"]; !ok && typ != "note" && typ != "opinion" && typ != "observed-data" {
			p["description"] = low
		}
		in := l.in(a, st, l.add(t, p))
		d := release.Decide(in)
		if d.Outcome != release.Tearline {
			t.Errorf("%s: %v: %+v", typ, d.Outcome, d.Reasons)
			continue
		}
		for _, s := range []string{"SECRET", "dead", "03:04:05", "05:00:00", p["id"].(string)} {
			if strings.Contains(string(d.Copy), s) {
				t.Errorf("%s: the extract tells %q: %s", typ, s, d.Copy)
			}
		}
		for _, f := range stix.Validate(d.Copy) {
			if f.Severity == stix.Error {
				t.Errorf("%s: %s: %s", typ, f.Path, f.Message)
			}
		}
		if again := release.Decide(in); string(again.Copy) != string(d.Copy) || fmt.Sprint(again.Reasons) != fmt.Sprint(d.Reasons) {
			t.Errorf("%s: two decisions on one input differ", typ)
		}
	}
	if d := release.Decide(l.in(a, st, l.add(t, object("identity", 3, amber, map[string]any{"name": "N"})))); d.Outcome != release.Withhold {
		t.Errorf("a type without profile: %v", d.Outcome)
	}
}

func TestPlaceByAdministrativeLevel(t *testing.T) {
	for level, want := range map[string]struct{ there, absent []string }{
		"district": {[]string{"Momand Dara", "Nangarhar", "Afghanistan"}, []string{"Basawul", "70.8", "latitude"}},
		"province": {[]string{"Nangarhar", "Afghanistan"}, []string{"Momand", "Basawul", "latitude"}},
		"country":  {[]string{"Afghanistan"}, []string{"Nangarhar", "Momand", "Basawul", "latitude"}},
	} {
		a, st := pact(t, func(x *accord.Terms) { x.Ceiling.PlaceLevel, x.Ceiling.PlaceKM = level, 0 })
		d := release.Decide(input(a, st, report(nil)))
		if d.Outcome != release.Tearline {
			t.Fatalf("%s: %v: %+v", level, d.Outcome, d.Reasons)
		}
		for _, s := range want.there {
			if !strings.Contains(string(d.Copy), s) {
				t.Errorf("%s: %q is missing: %s", level, s, d.Copy)
			}
		}
		for _, s := range want.absent {
			if strings.Contains(string(d.Copy), s) {
				t.Errorf("%s: tells %q: %s", level, s, d.Copy)
			}
		}
	}
}

// Over a random little library: whatever is tightened, nothing more is
// released, neither in outcome nor in what the copy refers to.
func TestTighteningALibraryNeverReleasesMore(t *testing.T) {
	a, _ := openPact(t, func(x *accord.Terms) { x.Ceiling.Rung = accord.Joint })
	rapid.Check(t, func(rt *rapid.T) {
		levels := []stix.Level{stix.Clear, stix.Green, stix.Amber, stix.AmberStrict, stix.Red}
		type marks struct {
			level int
			lists [][]string
			part  int // level of aliases, -1: none
		}
		const n = 6
		var ms [n]marks
		for i := range ms {
			ms[i].level = rapid.IntRange(0, 3).Draw(rt, "level")
			ms[i].part = rapid.IntRange(-1, 3).Draw(rt, "part")
			if rapid.Bool().Draw(rt, "listed") {
				ms[i].lists = append(ms[i].lists, rapid.SampledFrom([][]string{{"south"}, {"east", "south"}, {"south", "west"}}).Draw(rt, "list"))
			}
		}
		types := [n]string{"malware", "threat-actor", "relationship", "note", "report", "sighting"}
		id := func(i int) string { return fmt.Sprintf("%s--00000000-0000-4000-8000-%012d", types[i], i) }
		some := func(label string, below int) []string {
			var out []string
			for _, i := range rapid.SliceOfNDistinct(rapid.IntRange(0, below-1), 1, 3, rapid.ID[int]).Draw(rt, label) {
				out = append(out, id(i))
			}
			return out
		}
		end := func(label string) string { return id(rapid.IntRange(0, 1).Draw(rt, label)) }
		props := [n]map[string]any{
			{"name": "M", "is_family": false}, {"name": "T"},
			{"relationship_type": "uses", "source_ref": end("source"), "target_ref": end("target")},
			{"content": "x\n=== TEARLINE ===\ny", "object_refs": some("note", n)},
			{"name": "R", "published": "2026-01-01T00:00:00Z", "object_refs": some("report", n)},
			{"sighting_of_ref": end("sighting")},
		}
		build := func(ms [n]marks) library {
			l := library{}
			for i := range types {
				p := object(types[i], i, "", props[i])
				refs := []string{levels[ms[i].level].MarkingRef()}
				for _, list := range ms[i].lists {
					refs = append(refs, releasable(t, l, list...))
				}
				p["object_marking_refs"] = refs
				if i < 2 {
					p["aliases"] = []string{"one", "two"}
					if ms[i].part >= 0 {
						p["granular_markings"] = []any{map[string]any{"marking_ref": levels[ms[i].part].MarkingRef(), "selectors": []string{"aliases.[0]"}}}
					}
				}
				l.add(t, p)
			}
			return l
		}
		state := func(rung accord.Rung) *accord.State {
			st := accord.NewState(a)
			low, _ := json.Marshal(ledger.Rung{From: "north", To: "south", Rung: rung.String()})
			if err := st.Apply(0, ledger.Event{Party: "north", Kind: ledger.RungLowered, Data: low}); err != nil {
				rt.Fatal(err)
			}
			return st
		}
		rung := accord.Rung(rapid.IntRange(1, 4).Draw(rt, "rung"))
		tight, lower := ms, rung
		at := rapid.IntRange(0, n-1).Draw(rt, "which")
		rules := "permit(principal, action, resource);\n"
		tightRules := rules
		switch rapid.IntRange(0, 4).Draw(rt, "how") {
		case 0:
			tight[at].level++
		case 1:
			tight[at].part = max(tight[at].part+1, 3)
		case 2:
			tight[at].lists = append(slices.Clone(tight[at].lists), []string{"east"})
		case 3:
			lower = accord.Rung(rapid.IntRange(0, int(rung)).Draw(rt, "lower"))
		case 4:
			tightRules += fmt.Sprintf("@ceiling(%q) forbid(principal, action, resource) when { resource.tlp >= %d };\n",
				release.Outcome(rapid.IntRange(0, 2).Draw(rt, "ceiling")), rapid.IntRange(1, 5).Draw(rt, "tlp"))
		}
		policies := map[string]release.Policy{rules: load(t, rules), tightRules: load(t, tightRules)}
		decide := func(l library, rung accord.Rung, rules, id string) release.Decision {
			in := l.in(a, state(rung), id)
			in.Policy = policies[rules]
			return release.Decide(in)
		}
		was, is := build(ms), build(tight)
		for i := range types {
			before, after := decide(was, rung, rules, id(i)), decide(is, lower, tightRules, id(i))
			if after.Outcome > before.Outcome {
				rt.Fatalf("%s: %v before, %v after\n%+v\n%+v", id(i), before.Outcome, after.Outcome, before.Reasons, after.Reasons)
			}
			if after.Copy == nil {
				continue
			}
			o, err := stix.Parse(after.Copy)
			if err != nil {
				rt.Fatal(err)
			}
			b, _ := stix.Parse(before.Copy)
			if len(o.Strings("object_refs")) > len(b.Strings("object_refs")) || len(o.Strings("aliases")) > len(b.Strings("aliases")) {
				rt.Fatalf("%s tells more after than before:\n%s\n%s", id(i), before.Copy, after.Copy)
			}
		}
	})
}

// The author of an object is named unless we hold the author's identity marked
// for others.
func TestAuthorsMarkedForOthersAreNotNamed(t *testing.T) {
	a, st := openPact(t, nil)
	l := library{}
	who := "identity--00000000-0000-4000-8000-000000000001"
	id := l.add(t, object("malware", 1, stix.Amber.MarkingRef(), map[string]any{"name": "M", "is_family": false, "created_by_ref": who}))
	check := func(name string, want release.Outcome) {
		t.Helper()
		d := release.Decide(l.in(a, st, id))
		if d.Outcome != want || want != release.Full && strings.Contains(string(d.Copy), who) {
			t.Errorf("%s: %v, want %v: %s", name, d.Outcome, want, d.Copy)
		}
	}
	check("not held", release.Full)
	p := object("identity", 1, "", map[string]any{"name": "Desk"})
	l.add(t, p)
	check("held without marking", release.Full)
	p["object_marking_refs"] = []string{stix.Amber.MarkingRef(), releasable(t, l, "east")}
	l.add(t, p)
	check("held for east alone", release.Tearline)
	delete(p, "object_marking_refs")
	l.add(t, p)
	l[who] = release.Held{Object: l[who].Object, Origin: release.Origin{Party: "west"}}
	check("held from a partner", release.Tearline)
}

// What waits for approval is not told by what refers to it, until it has left.
func TestReferencesDoNotTellWhatWaitsForApproval(t *testing.T) {
	a, st := openPact(t, nil)
	l := library{}
	amber := stix.Amber.MarkingRef()
	m := l.add(t, object("malware", 1, amber, map[string]any{"name": "M", "is_family": false}))
	n := l.add(t, object("note", 2, amber, map[string]any{"content": "=== TEARLINE ===\nlow", "object_refs": []string{m}}))
	in := l.in(a, st, n)
	in.Policy = load(t, `permit(principal, action, resource); @approvals("1") permit(principal, action, resource) when { resource.type == "malware" };`)
	if d := release.Decide(in); d.Outcome != release.Withhold {
		t.Errorf("before it left: %v", d.Outcome)
	}
	in.Sent = func(id string) (time.Time, time.Time, bool) { return day, day, id == m }
	if d := release.Decide(in); d.Outcome != release.Tearline {
		t.Errorf("after it left: %v: %+v", d.Outcome, d.Reasons)
	}
}

// Our own rules see the highest marking anywhere in an object, also that of a
// part which is cut out of the copy.
func TestRulesSeeWhatIsCut(t *testing.T) {
	a, st := openPact(t, nil)
	l := library{}
	id := l.add(t, object("malware", 1, stix.Green.MarkingRef(), map[string]any{"name": "M", "is_family": false, "aliases": []string{"x"},
		"granular_markings": []any{map[string]any{"marking_ref": stix.Red.MarkingRef(), "selectors": []string{"aliases"}}}}))
	in := l.in(a, st, id)
	in.Policy = load(t, `permit(principal, action, resource); forbid(principal, action, resource) when { resource.tlp >= 5 };`)
	if d := release.Decide(in); d.Outcome != release.Withhold {
		t.Errorf("%v: %+v", d.Outcome, d.Reasons)
	}
}
