package stix_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley.example/parley/stix"
)

// The tests of validation start from a correct object of each type and break
// one thing at a time. Objects are written in short: make adds the common
// properties, @name stands for an identifier of type name, and #MD5 for a value
// of that hash.

const (
	someUUID = "--3a1f6c9e-5d0b-4c6e-9b8a-2f4d7e1c0a95"
	moment   = "2024-02-29T12:00:00.000Z"
)

var (
	reference = regexp.MustCompile(`"@([a-z0-9-]+)"`)
	hashName  = regexp.MustCompile(`"#([A-Z0-9-]+)"`)
	hashSizes = map[string]int{"MD5": 32, "SHA-1": 40, "SHA-256": 64, "SHA-512": 128}
)

func members(t *testing.T, s string) map[string]any {
	t.Helper()
	s = reference.ReplaceAllString(s, `"${1}`+someUUID+`"`)
	s = hashName.ReplaceAllStringFunc(s, func(m string) string {
		return `"` + strings.Repeat("d4", hashSizes[strings.Trim(m, `"#`)]/2) + `"`
	})
	d := json.NewDecoder(strings.NewReader("{" + s + "}"))
	d.UseNumber()
	out := map[string]any{}
	if err := d.Decode(&out); err != nil {
		t.Fatalf("%v in %s", err, s)
	}
	return out
}

// merge puts patch over base as RFC 7396 does: null takes a member away.
func merge(base, patch map[string]any) {
	for k, v := range patch {
		inner, isObject := v.(map[string]any)
		old, wasObject := base[k].(map[string]any)
		switch {
		case v == nil:
			delete(base, k)
		case isObject && wasObject:
			merge(old, inner)
		default:
			base[k] = v
		}
	}
}

// sample objects may leave out what these families have in common.
var (
	meta = map[string]bool{"marking-definition": true, "language-content": true, "extension-definition": true}
)

// build returns an object of the type with the given members, changed by patch.
func build(t *testing.T, typ, body, patch string) []byte {
	t.Helper()
	o := map[string]any{"type": typ, "spec_version": "2.1", "id": typ + someUUID}
	if observable := observableExamples[typ] != nil; !observable {
		o["created"], o["modified"] = moment, moment
		if !meta[typ] {
			o["lang"] = "en"
		} else {
			o["created_by_ref"] = "identity" + someUUID
		}
		if typ == "marking-definition" {
			delete(o, "modified")
		}
	}
	merge(o, members(t, body))
	changes := members(t, patch)
	merge(o, changes)
	raw, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	if _, given := changes["id"]; given || observableExamples[typ] == nil {
		return raw
	}
	// The identifier follows the content.
	if p, err := stix.Parse(raw); err == nil {
		if id, ok := p.DeterministicID(); ok {
			o["id"] = id
		}
	}
	if raw, err = json.Marshal(o); err != nil {
		t.Fatal(err)
	}
	return raw
}

// said shows findings as "error rule path", sorted.
func said(found []stix.Finding) []string {
	out := make([]string, 0, len(found))
	for _, f := range found {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s", f.Severity, f.Rule, f.Path)))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func details(found []stix.Finding) string {
	var b strings.Builder
	for _, f := range found {
		fmt.Fprintln(&b, f)
	}
	return b.String()
}

// examples returns the correct objects of every type.
func examples() map[string][]string {
	all := map[string][]string{}
	maps.Copy(all, domainExamples)
	maps.Copy(all, relationshipExamples)
	maps.Copy(all, observableExamples)
	maps.Copy(all, metaExamples)
	return all
}

func TestValidateCorrect(t *testing.T) {
	all := examples()
	if len(all) != 19+2+18+3 {
		t.Errorf("examples of %d types, the specification has 42", len(all))
	}
	for typ, bodies := range all {
		for i, body := range bodies {
			t.Run(fmt.Sprintf("%s/%d", typ, i), func(t *testing.T) {
				raw := build(t, typ, body, "")
				if found := stix.Validate(raw); len(found) > 0 {
					t.Errorf("%s\n%s", raw, details(found))
				}
			})
		}
	}
}

// fault is one change to a correct object and what has to be said of it.
type fault struct {
	typ   string
	patch string
	want  string // findings, one to a line as said shows them; "" is none
}

func check(t *testing.T, faults []fault) {
	t.Helper()
	all := examples()
	for _, f := range faults {
		t.Run(f.typ+" "+f.patch, func(t *testing.T) {
			body := ""
			if bodies := all[f.typ]; bodies != nil {
				body = bodies[0]
			}
			raw := build(t, f.typ, body, f.patch)
			found := stix.Validate(raw)
			want := []string{}
			for line := range strings.Lines(f.want) {
				want = append(want, strings.TrimSpace(line))
			}
			slices.Sort(want)
			if d := cmp.Diff(want, said(found)); d != "" {
				t.Errorf("-want +got\n%s\n%s%s", d, details(found), raw)
			}
			for _, x := range found {
				if x.Message == "" || x.Section == "" {
					t.Errorf("finding without message or section: %+v", x)
				}
			}
		})
	}
}

// TestValidateRequired takes each required property away from each type.
func TestValidateRequired(t *testing.T) {
	required := map[string]string{
		"attack-pattern": "name", "campaign": "name", "course-of-action": "name", "grouping": "context object_refs",
		"identity": "name", "incident": "name", "indicator": "pattern pattern_type valid_from", "infrastructure": "name",
		"intrusion-set": "name", "malware": "is_family", "malware-analysis": "product", "note": "content object_refs",
		"observed-data": "first_observed last_observed number_observed", "opinion": "opinion object_refs",
		"report": "name published object_refs", "threat-actor": "name", "tool": "name", "vulnerability": "name",
		"location": "", "relationship": "relationship_type source_ref target_ref", "sighting": "sighting_of_ref",
		"artifact": "", "autonomous-system": "number", "directory": "path", "domain-name": "value", "email-addr": "value",
		"email-message": "is_multipart", "file": "", "ipv4-addr": "value", "ipv6-addr": "value", "mac-addr": "value",
		"mutex": "name", "network-traffic": "protocols", "process": "", "software": "name", "url": "value",
		"user-account": "", "windows-registry-key": "", "x509-certificate": "",
		"language-content": "object_ref contents", "marking-definition": "definition_type definition",
		"extension-definition": "name schema version extension_types created_by_ref",
	}
	for typ, names := range required {
		names += " type id"
		if observableExamples[typ] == nil {
			names += " spec_version created"
			if typ != "marking-definition" {
				names += " modified"
			}
		}
		for name := range strings.FieldsSeq(names) {
			t.Run(typ+" "+name, func(t *testing.T) {
				raw := build(t, typ, examples()[typ][0], `"`+name+`":null`)
				if got := said(stix.Validate(raw)); !slices.Contains(got, "error required "+name) {
					t.Errorf("got %q, want that %s is required\n%s", got, name, raw)
				}
			})
		}
	}
}

// TestValidateKinds gives each property of each example a value of a JSON kind
// that it cannot have.
func TestValidateKinds(t *testing.T) {
	for typ, bodies := range examples() {
		o := members(t, bodies[0])
		for name := range o {
			for _, bad := range []string{`null`, `[]`, `{}`} {
				t.Run(typ+" "+name+" "+bad, func(t *testing.T) {
					changed := maps.Clone(o)
					changed[name] = json.RawMessage(bad)
					changed["type"], changed["id"] = typ, typ+someUUID
					raw, err := json.Marshal(changed)
					if err != nil {
						t.Fatal(err)
					}
					at := slices.IndexFunc(stix.Validate(raw), func(f stix.Finding) bool {
						return f.Severity == stix.Error && (f.Path == name || strings.HasPrefix(f.Path, name+"."))
					})
					if at < 0 {
						t.Errorf("%s was accepted as %s of %s", bad, name, typ)
					}
				})
			}
		}
	}
}

func TestValidateBytes(t *testing.T) {
	tool := `"type":"tool","spec_version":"2.1","id":"tool` + someUUID + `","lang":"en",` +
		`"created":"` + moment + `","modified":"` + moment + `","name":"x"`
	for in, want := range map[string]string{
		`{` + tool + `}`:            "",
		``:                          "error json",
		`"tool"`:                    "error json-type",
		`[{` + tool + `}]`:          "error json-type",
		`{` + tool + `,"name":"y"}`: "error json",
		`{` + tool + `,"kill_chain_phases":null}`:              "error json-type kill_chain_phases",
		`{` + tool + `,"external_references":[{"a":1,"a":2}]}`: "error json external_references[0]",
	} {
		if got := strings.Join(said(stix.Validate([]byte(in))), "\n"); got != want {
			t.Errorf("%s:\ngot %q, want %q", in, got, want)
		}
	}
}

func TestValidateBounded(t *testing.T) {
	raw := `{"type":"tool","labels":[` + strings.Repeat("0,", 5000) + `0]}`
	if n := len(stix.Validate([]byte(raw))); n != 1000 {
		t.Errorf("%d findings, want the first 1000", n)
	}
}

// TestValidatePublished reads what MITRE publishes: nothing of it may be wrong.
func TestValidatePublished(t *testing.T) {
	for _, name := range []string{"ics-attack-2.1.json", "mobile-attack-2.1.json"} {
		f, err := os.Open(dataFile(t, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		warnings := map[string]int{}
		c, found, err := stix.ValidateAll(f, func(i int, raw []byte, found []stix.Finding) {
			for _, x := range found {
				if x.Severity == stix.Error {
					t.Errorf("%s, object %d, %s: %v", name, i, x.ID, x)
				}
				warnings[x.Rule]++
			}
		})
		if err != nil || len(found) > 0 {
			t.Errorf("%s: %v, %v", name, found, err)
		}
		t.Logf("%s: %d objects, warnings %v", name, c.Objects, warnings)
	}
}

func TestValidateOwnDefinitions(t *testing.T) {
	own := [][]byte{stix.IncidentExtensionDefinition(), stix.ProjectIdentityObject()}
	for _, id := range stix.TLPMarkings() {
		raw, _ := stix.MarkingDefinition(id)
		own = append(own, raw)
	}
	for _, raw := range own {
		for _, f := range stix.Validate(raw) {
			if f.Severity == stix.Error {
				t.Errorf("%s\n%s", f, raw)
			}
		}
	}
}

func TestValidateAll(t *testing.T) {
	a := string(build(t, "identity", domainExamples["identity"][0], ""))
	b := string(build(t, "identity", domainExamples["identity"][0], `"name":"other"`))
	twin := strings.Replace(a, `{`, `{ `, 1)
	head := `{"type":"bundle","id":"bundle` + someUUID + `"`
	for name, tc := range map[string]struct{ in, want string }{
		"correct":          {head + `,"objects":[` + a + `]}`, ""},
		"without objects":  {head + `}`, ""},
		"empty":            {head + `,"objects":[]}`, "error empty-list objects"},
		"no id":            {`{"type":"bundle","objects":[` + a + `]}`, "error required id"},
		"id":               {`{"type":"bundle","id":"bundle--1","objects":[` + a + `]}`, "error identifier id"},
		"id of other type": {`{"type":"bundle","id":"report` + someUUID + `","objects":[` + a + `]}`, "error identifier id"},
		"spec_version":     {head + `,"spec_version":"2.0","objects":[` + a + `]}`, "warning custom-property spec_version"},
		"twice":            {head + `,"objects":[` + a + `,` + twin + `]}`, "1: warning repeated id"},
		"contradiction":    {head + `,"objects":[` + a + `,` + b + `]}`, "1: error conflicting-versions id"},
		"bundle inside":    {head + `,"objects":[` + head + `}]}`, "0: error bundle"},
		"not an object":    {head + `,"objects":[1]}`, "0: error json-type"},
		"envelope":         {`{"objects":[` + a + `]}`, ""},
		"array":            {`[` + a + `]`, ""},
		"object":           {a, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			_, found, err := stix.ValidateAll(strings.NewReader(tc.in), func(i int, raw []byte, found []stix.Finding) {
				for _, s := range said(found) {
					got = append(got, fmt.Sprintf("%d: %s", i, s))
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, said(found)...)
			if !slices.Contains(got, tc.want) && (tc.want != "" || len(got) > 0) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}
