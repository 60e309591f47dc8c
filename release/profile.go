package release

import "slices"

// how says in what form a property stands in an extract.
type how int

const (
	plain    how = iota // a word, number or truth value, or a list of words in its order
	set                 // a list of words whose order says nothing
	under               // a text: what stands below its tearline mark
	begins              // a time, coarsened to the beginning of its unit
	finishes            // a time, coarsened to the end of its unit
	link                // a reference, by the id under which the recipients have it
	links               // a list of them
	phases              // kill chain phases
	hashes              // a dictionary of words
	generic             // a name that would tell too much, replaced by what kind of object it is
)

type field struct {
	name string
	how  how
}

func fields(h how, names ...string) []field {
	out := make([]field, len(names))
	for i, n := range names {
		out[i] = field{n, h}
	}
	return out
}

func profile(parts ...[]field) []field { return slices.Concat(parts...) }

// profiles are the allow-lists of extracts, by type: what is not named does not
// pass. Incidents have a builder of their own (tearline.go), locations of their
// place. Types that are not here pass whole or not at all.
//
// Names of groups, tools and methods stay, being what is shared; titles that
// people write for themselves do not.
var profiles = func() map[string][]field {
	named := fields(plain, "name")
	described := fields(under, "description")
	aliases := fields(set, "aliases")
	seen := []field{{"first_seen", begins}, {"last_seen", finishes}}
	chain := fields(phases, "kill_chain_phases")
	about := fields(links, "object_refs")
	means := profile(fields(set, "goals"), fields(plain, "resource_level", "primary_motivation"), fields(set, "secondary_motivations"))
	return map[string][]field{
		"attack-pattern":   profile(named, described, aliases, chain),
		"campaign":         profile(named, described, aliases, seen, fields(under, "objective")),
		"course-of-action": profile(named, described),
		"grouping":         profile(fields(plain, "context"), described, about),
		"indicator": profile(described, fields(set, "indicator_types"), fields(plain, "pattern", "pattern_type", "pattern_version"), chain,
			[]field{{"valid_from", begins}, {"valid_until", finishes}}),
		"infrastructure": profile(named, described, aliases, seen, chain, fields(set, "infrastructure_types")),
		"intrusion-set":  profile(named, described, aliases, seen, means),
		"location":       {}, // see place
		"malware": profile(named, described, aliases, seen, chain, fields(plain, "is_family"),
			fields(set, "malware_types", "architecture_execution_envs", "implementation_languages", "capabilities"),
			fields(links, "operating_system_refs", "sample_refs")),
		"malware-analysis": profile(fields(plain, "product", "version", "result", "result_name"), fields(link, "sample_ref"), fields(links, "analysis_sco_refs")),
		"note":             profile(fields(under, "abstract", "content"), about),
		"observed-data":    profile([]field{{"first_observed", begins}, {"last_observed", finishes}}, fields(plain, "number_observed"), about),
		"opinion":          profile(fields(plain, "opinion"), fields(under, "explanation"), about),
		"report":           profile(fields(generic, "name"), described, fields(set, "report_types"), fields(begins, "published"), about),
		"threat-actor": profile(named, described, aliases, seen, means, fields(plain, "sophistication"),
			fields(set, "threat_actor_types", "roles", "personal_motivations")),
		"tool":          profile(named, described, aliases, chain, fields(set, "tool_types"), fields(plain, "tool_version")),
		"vulnerability": profile(named, described),

		"relationship": profile(fields(plain, "relationship_type"), described, fields(link, "source_ref", "target_ref"),
			[]field{{"start_time", begins}, {"stop_time", finishes}}),
		"sighting": profile(described, seen, fields(plain, "count", "summary"), fields(link, "sighting_of_ref"), fields(links, "observed_data_refs")),

		"autonomous-system":    fields(plain, "number", "name", "rir"),
		"domain-name":          fields(plain, "value"),
		"email-addr":           fields(plain, "value"),
		"email-message":        profile(fields(plain, "is_multipart"), fields(begins, "date"), fields(link, "from_ref", "sender_ref")),
		"file":                 profile(fields(hashes, "hashes"), fields(plain, "size", "mime_type", "magic_number_hex")),
		"ipv4-addr":            fields(plain, "value"),
		"ipv6-addr":            fields(plain, "value"),
		"mac-addr":             fields(plain, "value"),
		"mutex":                fields(plain, "name"),
		"network-traffic":      profile(fields(link, "src_ref", "dst_ref"), fields(plain, "src_port", "dst_port", "protocols"), []field{{"start", begins}, {"end", finishes}}),
		"software":             profile(fields(plain, "name", "cpe", "vendor", "version"), fields(set, "languages")),
		"url":                  fields(plain, "value"),
		"user-account":         fields(plain, "user_id", "account_login", "account_type"),
		"windows-registry-key": fields(plain, "key"),
		"x509-certificate":     profile(fields(hashes, "hashes"), fields(plain, "serial_number", "is_self_signed")),
	}
}()

// texts are the properties, of any type, in which a tearline mark counts.
var texts = []string{"description", "abstract", "content", "explanation", "objective"}

// observed are the times of an event that was seen, by type; the accord's
// precision holds for them as it does for incidents. Other times are of
// knowledge and not of events.
var observed = map[string][]string{
	"sighting":        {"first_seen", "last_seen"},
	"observed-data":   {"first_observed", "last_observed"},
	"network-traffic": {"start", "end"},
	"email-message":   {"date"},
}
