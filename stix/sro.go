package stix

import (
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// relationshipObjects are the STIX Relationship Objects (§5).
func relationshipObjects() []spec {
	end := refFamily("a domain object or a cyber-observable", sdo, sco)
	return []spec{
		{family: sro, shape: shape{name: "relationship", section: "5.1.2", props: []property{
			req("relationship_type", relationshipType), opt("description", text),
			req("source_ref", end), req("target_ref", end),
			opt("start_time", timestamp), opt("stop_time", timestamp),
		}, also: []rule{order("start_time", "stop_time", false), relationshipEnds}}},

		{family: sro, shape: shape{name: "sighting", section: "5.2.1", props: []property{
			opt("description", text), opt("first_seen", timestamp), opt("last_seen", timestamp),
			opt("count", integer(0, 999_999_999)), req("sighting_of_ref", refFamily("a domain object", sdo)),
			opt("observed_data_refs", list(ref("observed-data"))),
			opt("where_sighted_refs", list(ref("identity", "location"))), opt("summary", boolean),
		}, also: []rule{order("first_seen", "last_seen", true)}}},
	}
}

// relationshipType is a name of a-z, 0-9 and hyphen.
func relationshipType(c *check, v *value) {
	if !c.kind(v, jsontext.KindString, "2.15") {
		return
	}
	for i := range len(v.text) {
		if ch := v.text[i]; (ch < 'a' || ch > 'z') && (ch < '0' || ch > '9') && ch != '-' {
			c.must("relationship-type", "", "%q may hold only a-z, 0-9 and hyphen", clip(v.text))
			return
		}
	}
	if v.text == "" {
		c.must("relationship-type", "", "is empty")
	}
}

// relationships are the types that the specification defines between a source
// and its targets, one source and type to a line (Appendix B and the tables of
// §4 and §6). "SCO" stands for every cyber-observable.
const relationships = `
attack-pattern    delivers           malware
attack-pattern    targets            identity location vulnerability
attack-pattern    uses               malware tool
campaign          attributed-to      intrusion-set threat-actor
campaign          compromises        infrastructure
campaign          originates-from    location
campaign          targets            identity location vulnerability
campaign          uses               attack-pattern infrastructure malware tool
course-of-action  investigates       indicator
course-of-action  mitigates          attack-pattern indicator malware tool vulnerability
course-of-action  remediates         malware vulnerability
domain-name       resolves-to        domain-name ipv4-addr ipv6-addr
identity          located-at         location
indicator         indicates          attack-pattern campaign infrastructure intrusion-set malware threat-actor tool
indicator         based-on           observed-data
infrastructure    communicates-with  infrastructure ipv4-addr ipv6-addr domain-name url
infrastructure    consists-of        infrastructure observed-data SCO
infrastructure    controls           infrastructure malware
infrastructure    delivers           malware
infrastructure    has                vulnerability
infrastructure    hosts              tool malware
infrastructure    located-at         location
infrastructure    uses               infrastructure
intrusion-set     attributed-to      threat-actor
intrusion-set     compromises        infrastructure
intrusion-set     hosts              infrastructure
intrusion-set     owns               infrastructure
intrusion-set     originates-from    location
intrusion-set     targets            identity location vulnerability
intrusion-set     uses               attack-pattern infrastructure malware tool
ipv4-addr         belongs-to         autonomous-system
ipv4-addr         resolves-to        mac-addr
ipv6-addr         belongs-to         autonomous-system
ipv6-addr         resolves-to        mac-addr
malware           authored-by        threat-actor intrusion-set
malware           beacons-to         infrastructure
malware           exfiltrates-to     infrastructure
malware           communicates-with  ipv4-addr ipv6-addr domain-name url
malware           controls           malware
malware           downloads          malware tool file
malware           drops              malware tool file
malware           exploits           vulnerability
malware           originates-from    location
malware           targets            identity infrastructure location vulnerability
malware           uses               attack-pattern infrastructure malware tool
malware           variant-of         malware
malware-analysis  characterizes      malware
malware-analysis  av-analysis-of     malware
malware-analysis  static-analysis-of malware
malware-analysis  dynamic-analysis-of malware
threat-actor      attributed-to      identity
threat-actor      compromises        infrastructure
threat-actor      hosts              infrastructure
threat-actor      owns               infrastructure
threat-actor      impersonates       identity
threat-actor      located-at         location
threat-actor      targets            identity location vulnerability
threat-actor      uses               attack-pattern infrastructure malware tool
tool              delivers           malware
tool              drops              malware
tool              has                vulnerability
tool              targets            identity infrastructure location vulnerability
tool              uses               infrastructure
incident          led-to             incident
incident          impacts            identity infrastructure
incident          attributed-to      intrusion-set threat-actor
incident          targets            identity infrastructure
incident          located-at         location
campaign          associated-with    incident
identity          contact-for        incident
indicator         detected           incident
`

// relationshipTargets maps a source type and relationship type to the targets.
// The last seven rows above are of the OASIS Incident Core Extension.
var relationshipTargets = func() map[[2]string][]string {
	m := map[[2]string][]string{}
	for line := range strings.Lines(relationships) {
		if f := strings.Fields(line); len(f) > 2 {
			m[[2]string{f[0], f[1]}] = f[2:]
		}
	}
	return m
}()

// canRelate reports whether objects of the type are defined and have
// relationships.
func canRelate(typ string) bool {
	s := specOf(typ)
	return s != nil && (s.family == sdo || s.family == sco)
}

// relationshipEnds wishes for a type that the specification lists for these two
// ends (§5.1.2, §3.7). Ends of types that it does not define are free.
func relationshipEnds(c *check, v *value) {
	typ := v.str("relationship_type")
	source, _, ok1 := SplitID(v.str("source_ref"))
	target, _, ok2 := SplitID(v.str("target_ref"))
	if typ == "" || !ok1 || !ok2 || !canRelate(source) || !canRelate(target) {
		return
	}
	switch typ {
	case "related-to":
		return
	case "derived-from", "duplicate-of":
		if source != target {
			c.in("target_ref", func() {
				c.should("relationship-ends", "3.7", "%s relates objects of one type, here %s to %s", typ, source, target)
			})
		}
		return
	}
	targets, known := relationshipTargets[[2]string{source, typ}]
	switch {
	case !known:
		c.in("relationship_type", func() {
			c.should("relationship-type", "", "%q is not listed for %s as source", clip(typ), source)
		})
	case !slices.Contains(targets, target) && !(slices.Contains(targets, "SCO") && specOf(target).family == sco):
		c.in("target_ref", func() {
			c.should("relationship-ends", "", "%s %s %s is not listed; targets are %s", source, typ, target, strings.Join(targets, ", "))
		})
	}
}
