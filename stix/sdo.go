package stix

import (
	"regexp"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/text/language"
)

// domainObjects are the STIX Domain Objects (§4).
func domainObjects() []spec {
	name, maybeName, description := req("name", text), opt("name", text), opt("description", text)
	aliases, phases := opt("aliases", list(text)), opt("kill_chain_phases", list(killChainPhase))
	firstSeen, lastSeen := opt("first_seen", timestamp), opt("last_seen", timestamp)
	seen := order("first_seen", "last_seen", true)
	anyRefs := list(ref())

	return []spec{
		{family: sdo, shape: shape{name: "attack-pattern", section: "4.1.1", props: []property{
			name, description, aliases, phases,
		}, also: []rule{externalID("capec", "CAPEC-[id]", regexp.MustCompile(`^CAPEC-[0-9]+$`))}}},

		{family: sdo, shape: shape{name: "campaign", section: "4.2.1", props: []property{
			name, description, aliases, firstSeen, lastSeen, opt("objective", text),
		}, also: []rule{seen}}},

		{family: sdo, shape: shape{name: "course-of-action", section: "4.3.1", props: []property{
			name, description, opt("action", reserved),
		}}},

		// The table of Errata 01 lists name as required; the standard and its
		// schema have it optional.
		{family: sdo, shape: shape{name: "grouping", section: "4.4.1", props: []property{
			maybeName, description, req("context", open(groupingContexts)), req("object_refs", anyRefs),
		}, also: []rule{wish("name")}}},

		{family: sdo, shape: shape{name: "identity", section: "4.5.1", props: []property{
			name, description, opt("roles", list(text)), opt("identity_class", open(identityClasses)),
			opt("sectors", list(open(industrySectors))), opt("contact_information", text),
		}}},

		{family: sdo, shape: shape{name: "incident", section: "4.6.1", props: []property{name, description}}},

		{family: sdo, shape: shape{name: "indicator", section: "4.7.1", props: []property{
			maybeName, description, opt("indicator_types", list(open(indicatorTypes))),
			req("pattern", text), req("pattern_type", open(patternTypes)), opt("pattern_version", text),
			req("valid_from", timestamp), opt("valid_until", timestamp), phases,
		}, also: []rule{order("valid_from", "valid_until", false), wish("name", "description"), indicatorPattern}}},

		{family: sdo, shape: shape{name: "infrastructure", section: "4.8.1", props: []property{
			name, description, opt("infrastructure_types", list(open(infrastructureTypes))), aliases, phases,
			firstSeen, lastSeen,
		}, also: []rule{seen}}},

		{family: sdo, shape: shape{name: "intrusion-set", section: "4.9.1", props: []property{
			name, description, aliases, firstSeen, lastSeen, opt("goals", list(text)),
			opt("resource_level", open(attackResources)), opt("primary_motivation", open(attackMotivations)),
			opt("secondary_motivations", list(open(attackMotivations))),
		}, also: []rule{seen}}},

		{family: sdo, shape: shape{name: "location", section: "4.10.1", props: []property{
			maybeName, description, opt("latitude", float(-90, 90)), opt("longitude", float(-180, 180)),
			opt("precision", float(0, 1e9)), opt("region", open(regions)), opt("country", country),
			opt("administrative_area", area), opt("city", text), opt("street_address", text), opt("postal_code", text),
		}, some: []string{"region", "country", "latitude"}, also: []rule{
			needs("latitude", "longitude"), needs("longitude", "latitude"), needs("precision", "latitude", "longitude"),
		}}},

		{family: sdo, shape: shape{name: "malware", section: "4.11.1", props: []property{
			maybeName, description, opt("malware_types", list(open(malwareTypes))), req("is_family", boolean),
			aliases, phases, firstSeen, lastSeen, opt("operating_system_refs", list(ref("software"))),
			opt("architecture_execution_envs", list(open(processors))),
			opt("implementation_languages", list(open(languages))),
			opt("capabilities", list(open(malwareCapabilities))), opt("sample_refs", list(ref("file", "artifact"))),
		}, also: []rule{seen, familyName}}},

		{family: sdo, shape: shape{name: "malware-analysis", section: "4.12.1", props: []property{
			req("product", hyphenated), opt("version", text), opt("host_vm_ref", ref("software")),
			opt("operating_system_ref", ref("software")), opt("installed_software_refs", list(ref("software"))),
			opt("configuration_version", text), opt("modules", list(text)), opt("analysis_engine_version", text),
			opt("analysis_definition_version", text), opt("submitted", timestamp), opt("analysis_started", timestamp),
			opt("analysis_ended", timestamp), opt("result_name", text), opt("result", open(malwareResults)),
			opt("analysis_sco_refs", list(refFamily("a cyber-observable", sco))),
			opt("sample_ref", ref("file", "network-traffic", "artifact")),
		}, some: []string{"result", "analysis_sco_refs"}}},

		{family: sdo, shape: shape{name: "note", section: "4.13.1", props: []property{
			opt("abstract", text), req("content", text), opt("authors", list(text)), req("object_refs", anyRefs),
		}}},

		{family: sdo, shape: shape{name: "observed-data", section: "4.14.1", props: []property{
			req("first_observed", timestamp), req("last_observed", timestamp),
			req("number_observed", integer(1, 999_999_999)), opt("objects", container),
			opt("object_refs", list(refFamily("a cyber-observable or a relationship", sco, sro))),
		}, also: []rule{order("first_observed", "last_observed", true), oneOf("objects", "object_refs"), observesSomething}}},

		{family: sdo, shape: shape{name: "opinion", section: "4.15.1", props: []property{
			opt("explanation", text), opt("authors", list(text)), req("opinion", enum(opinions)), req("object_refs", anyRefs),
		}}},

		{family: sdo, shape: shape{name: "report", section: "4.16.1", props: []property{
			name, description, opt("report_types", list(open(reportTypes))), req("published", timestamp),
			req("object_refs", anyRefs),
		}}},

		{family: sdo, shape: shape{name: "threat-actor", section: "4.17.1", props: []property{
			name, description, opt("threat_actor_types", list(open(threatActorTypes))), aliases, firstSeen, lastSeen,
			opt("roles", list(open(threatActorRoles))), opt("goals", list(text)),
			opt("sophistication", open(sophistication)), opt("resource_level", open(attackResources)),
			opt("primary_motivation", open(attackMotivations)),
			opt("secondary_motivations", list(open(attackMotivations))),
			opt("personal_motivations", list(open(attackMotivations))),
		}, also: []rule{seen}}},

		{family: sdo, shape: shape{name: "tool", section: "4.18.1", props: []property{
			name, description, opt("tool_types", list(open(toolTypes))), aliases, phases, opt("tool_version", text),
		}}},

		{family: sdo, shape: shape{name: "vulnerability", section: "4.19.1", props: []property{
			name, description,
		}, also: []rule{externalID("cve", "CVE-YYYY-NNNN", regexp.MustCompile(`^CVE-[0-9]{4}-[0-9]{4,}$`))}}},
	}
}

// killChainPhase is a phase in a kill chain (§2.11).
var killChainPhase = object(&shape{name: "kill-chain-phase", section: "2.11", props: []property{
	req("kill_chain_name", hyphenated), req("phase_name", hyphenated),
}})

// hyphenated is a string that should be in lower case with hyphens.
func hyphenated(c *check, v *value) {
	text(c, v)
	c.wordForm(v.text, "")
}

// reserved is a property that has a name and no definition yet.
func reserved(c *check, v *value) {
	c.must("reserved-name", "3.8", "is reserved and must not be used")
}

// country is an ISO 3166-1 alpha-2 code.
func country(c *check, v *value) {
	if !c.kind(v, jsontext.KindString, "2.15") {
		return
	}
	r, err := language.ParseRegion(v.text)
	if err != nil || len(v.text) != 2 || !r.IsCountry() {
		c.should("country", "", "%q is no ISO 3166-1 alpha-2 code", clip(v.text))
	}
}

var subdivision = regexp.MustCompile(`^[A-Z]{2}-[A-Z0-9]{1,3}$`)

// area is an ISO 3166-2 code.
func area(c *check, v *value) {
	if c.kind(v, jsontext.KindString, "2.15") && !subdivision.MatchString(v.text) {
		c.should("administrative-area", "", "%q is no ISO 3166-2 code", clip(v.text))
	}
}

// wish says that properties should be there.
func wish(names ...string) rule {
	return func(c *check, v *value) {
		for _, n := range names {
			if !v.has(n) {
				c.in(n, func() { c.should("recommended", "", "%s should be given", n) })
			}
		}
	}
}

// needs says that a property must not be there without others.
func needs(name string, others ...string) rule {
	return func(c *check, v *value) {
		for _, o := range others {
			if v.has(name) && !v.has(o) {
				c.in(o, func() { c.must("required", "", "is required where %s is given", name) })
			}
		}
	}
}

// oneOf says that exactly one of two properties must be there.
func oneOf(a, b string) rule {
	return func(c *check, v *value) {
		switch hasA, hasB := v.has(a), v.has(b); {
		case hasA && hasB:
			c.in(b, func() { c.must("exclusive", "", "must not be given together with %s", a) })
		case !hasA && !hasB:
			c.must("required", "", "must have %s or %s", a, b)
		}
	}
}

// notBoth says that two properties must not be there together.
func notBoth(a, b string) rule {
	return func(c *check, v *value) {
		if v.has(a) && v.has(b) {
			c.in(b, func() { c.must("exclusive", "", "must not be given together with %s", a) })
		}
	}
}

// familyName: a malware family must have a name.
func familyName(c *check, v *value) {
	if v.isTrue("is_family") && !v.has("name") {
		c.in("name", func() { c.must("required", "", "a malware family must have a name") })
	}
}

// observesSomething: object_refs must hold a cyber-observable. References to
// types that are not in the specification may be to new ones.
func observesSomething(c *check, v *value) {
	refs, ok := v.get("object_refs")
	if !ok {
		return
	}
	for i := range refs.kids {
		typ, _, _ := SplitID(refs.kids[i].text)
		if s := specOf(typ); s == nil || s.family == sco {
			return
		}
	}
	c.in("object_refs", func() { c.must("reference-type", "", "must refer to at least one cyber-observable") })
}

// externalID requires an identifier of a registry to have its form under the
// registry's name among the external references.
func externalID(source, form string, pattern *regexp.Regexp) rule {
	return func(c *check, v *value) {
		c.member(v, "external_references", func(c *check, refs *value) {
			c.each(refs, func(c *check, r *value) {
				id, given := r.get("external_id")
				name := r.str("source_name")
				switch {
				case name == source && !given:
					c.must("external-id", "", "a reference to %s must have an external_id of the form %s", source, form)
				case name == source && !pattern.MatchString(id.text):
					c.in("external_id", func() { c.must("external-id", "", "%q is not of the form %s", clip(id.text), form) })
				case given && name != source && pattern.MatchString(id.text) && strings.Contains(strings.ToLower(name), source):
					c.in("source_name", func() { c.must("external-id", "", "must be %q where the id is of that registry", source) })
				case given && name != source && pattern.MatchString(id.text):
					c.in("source_name", func() { c.should("external-id", "", "must be %q if the id is given as one of that registry", source) })
				}
			})
		})
	}
}
