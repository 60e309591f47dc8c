package node

import (
	"regexp"
	"slices"
	"strings"

	"parley.example/parley/incident"
	"parley.example/parley/selector"
	"parley.example/parley/stix"
)

// Selectors are found in stored objects: in cyber-observables, in what an
// indicator's pattern compares with, in the fields of an incident, and in the
// text of reports where the form leaves no doubt.

// observables maps the types of STIX cyber-observables (§6) whose value is a
// selector to its kind.
var observables = map[string]string{
	"domain-name": "domain", "ipv4-addr": "ip", "ipv6-addr": "ip", "url": "url", "email-addr": "email",
}

// telling are the types whose text is searched: what people report, not what
// catalogues describe.
var telling = []string{"incident", "note", "report", "opinion", "grouping", "identity", "location", "observed-data"}

// telltale are the properties with text that people wrote.
var telltale = []string{"name", "description", "abstract", "content", "explanation", "context", "contact_information"}

// equality is a comparison in a STIX pattern (§9.6) that names a value.
var equality = regexp.MustCompile(`([a-z0-9-]+):([a-zA-Z0-9_.'"-]+)\s*=\s*'((?:[^'\\]|\\.)*)'`)

// hashKinds are the algorithms of STIX (§10.7) that selectors know.
var hashKinds = map[string]string{"md5": "md5", "sha1": "sha1", "sha256": "sha256", "sha512": "sha512"}

// selectorsOf finds the selectors in an object.
func selectorsOf(obj *stix.Object) (out []incident.Selector) {
	add := func(kind, value string) {
		if s := (incident.Selector{Kind: kind, Value: value}); value != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	addHash := func(algorithm, value string) {
		if k, ok := hashKinds[strings.ToLower(strings.ReplaceAll(algorithm, "-", ""))]; ok && value != "" {
			add("hash", k+":"+value)
		}
	}
	if kind, ok := observables[obj.Type]; ok {
		add(kind, obj.String("value"))
	}
	switch obj.Type {
	case "file", "artifact", "x509-certificate":
		hashes, _ := obj.Prop("hashes")
		m, _ := hashes.(map[string]any)
		for algorithm, v := range m {
			s, _ := v.(string)
			addHash(algorithm, s)
		}
	case "indicator":
		pattern := obj.String("pattern")
		if obj.String("pattern_type") != "stix" || len(stix.CheckPattern(pattern)) > 0 {
			break
		}
		for _, m := range equality.FindAllStringSubmatch(pattern, -1) {
			value := strings.NewReplacer(`\'`, `'`, `\\`, `\`).Replace(m[3])
			if kind, ok := observables[m[1]]; ok && m[2] == "value" {
				add(kind, value)
			}
			if algorithm, ok := strings.CutPrefix(m[2], "hashes."); ok {
				addHash(strings.Trim(algorithm, `'"`), value)
			}
		}
	}
	if slices.Contains(telling, obj.Type) {
		obj.Texts(func(property, text string) {
			if !slices.Contains(telltale, property) {
				return
			}
			for _, f := range selector.Scan(text) {
				add(f.Kind, f.Value)
			}
		})
	}
	return out
}
