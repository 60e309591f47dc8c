package stix_test

import (
	"strings"
	"testing"
)

const phases = `"kill_chain_phases":[{"kill_chain_name":"example-chain","phase_name":"act-on-objectives"}]`

// domainExamples are correct domain objects; the first of each has most of its
// properties.
var domainExamples = map[string][]string{
	"attack-pattern": {
		`"name":"Spear phishing","description":"d","aliases":["a"],` + phases + `,"external_references":[{"source_name":"capec","external_id":"CAPEC-163"}]`,
		`"name":"n"`,
	},
	"campaign":         {`"name":"n","description":"d","aliases":["a"],"first_seen":"2016-01-08T12:50:40.123Z","last_seen":"2016-01-08T12:50:40.123Z","objective":"o"`},
	"course-of-action": {`"name":"n","description":"d"`},
	"grouping":         {`"name":"n","description":"d","context":"suspicious-activity","object_refs":["@indicator","@ipv4-addr","@x-thing"]`},
	"identity": {
		`"name":"n","description":"d","roles":["r"],"identity_class":"organization","sectors":["technology","insurance"],"contact_information":"c"`,
		`"name":"n"`,
	},
	"incident": {`"name":"n","description":"d"`, `"name":"n","extensions":{"` + incidentCore + `":` + coreContent + `}`},
	"indicator": {
		`"name":"n","description":"d","indicator_types":["malicious-activity"],"pattern":"[file:hashes.MD5 = 'd41d8cd98f00b204e9800998ecf8427e']",` +
			`"pattern_type":"stix","pattern_version":"2.1","valid_from":"2016-01-01T00:00:00Z","valid_until":"2017-01-01T00:00:00Z",` + phases,
		`"name":"n","description":"d","pattern":"alert tcp any any","pattern_type":"snort","valid_from":"2016-01-01T00:00:00Z"`,
	},
	"infrastructure": {`"name":"n","description":"d","infrastructure_types":["botnet"],"aliases":["a"],"first_seen":"2016-01-08T12:50:40Z","last_seen":"2016-01-08T12:50:41Z",` + phases},
	"intrusion-set": {`"name":"n","description":"d","aliases":["a"],"first_seen":"1969-12-31T23:59:59.999Z","last_seen":"2016-01-08T12:50:41Z",` +
		`"goals":["g"],"resource_level":"team","primary_motivation":"revenge","secondary_motivations":["coercion"]`},
	"location": {
		`"name":"n","description":"d","latitude":48.8566,"longitude":2.3522,"precision":10.5,"region":"western-europe","country":"FR",` +
			`"administrative_area":"FR-IDF","city":"Paris","street_address":"s","postal_code":"75001"`,
		`"region":"southern-asia"`,
		`"country":"PK"`,
		`"latitude":-90,"longitude":180`,
	},
	"malware": {
		`"name":"n","description":"d","malware_types":["ransomware"],"is_family":true,"aliases":["a"],"first_seen":"2016-01-08T12:50:40Z",` +
			`"last_seen":"2016-01-08T12:50:41Z","operating_system_refs":["@software"],"architecture_execution_envs":["x86-64"],` +
			`"implementation_languages":["c++"],"capabilities":["anti-vm"],"sample_refs":["@file","@artifact"],` + phases,
		`"is_family":false`,
	},
	"malware-analysis": {
		`"product":"some-scanner","version":"1","host_vm_ref":"@software","operating_system_ref":"@software","installed_software_refs":["@software"],` +
			`"configuration_version":"1","modules":["m"],"analysis_engine_version":"1","analysis_definition_version":"1",` +
			`"submitted":"2016-01-08T12:50:40Z","analysis_started":"2016-01-08T12:50:40Z","analysis_ended":"2016-01-08T12:50:40Z",` +
			`"result_name":"n","result":"malicious","analysis_sco_refs":["@file"],"sample_ref":"@file"`,
		`"product":"p","result":"benign"`,
		`"product":"p","analysis_sco_refs":["@network-traffic"]`,
	},
	"note": {`"abstract":"a","content":"c","authors":["a"],"object_refs":["@campaign","@relationship","@marking-definition"]`},
	"observed-data": {
		`"first_observed":"2015-12-21T19:00:00Z","last_observed":"2015-12-21T19:00:00Z","number_observed":999999999,"object_refs":["@ipv4-addr","@relationship"]`,
		`"first_observed":"2015-12-21T19:00:00Z","last_observed":"2016-12-21T19:00:00Z","number_observed":1,"object_refs":["@x-thing"]`,
	},
	"opinion": {`"explanation":"e","authors":["a"],"opinion":"strongly-disagree","object_refs":["@relationship"]`},
	"report":  {`"name":"n","description":"d","report_types":["campaign"],"published":"2016-01-20T17:00:00Z","object_refs":["@indicator","@file"]`},
	"threat-actor": {`"name":"n","description":"d","threat_actor_types":["crime-syndicate"],"aliases":["a"],"first_seen":"2016-01-08T12:50:40Z",` +
		`"last_seen":"2016-01-08T12:50:41Z","roles":["director"],"goals":["g"],"sophistication":"advanced","resource_level":"team",` +
		`"primary_motivation":"ideology","secondary_motivations":["dominance"],"personal_motivations":["revenge"]`},
	"tool":          {`"name":"n","description":"d","tool_types":["remote-access"],"aliases":["a"],"tool_version":"1",` + phases},
	"vulnerability": {`"name":"CVE-2016-1234","description":"d","external_references":[{"source_name":"cve","external_id":"CVE-2016-123456"}]`},
}

const (
	incidentCore = "extension-definition--ef765651-680c-498d-9894-99799f2fa126"
	coreContent  = `{"extension_type":"property-extension","determination":"suspected","investigation_status":"open","criticality":80,` +
		`"detection_methods":["human-review"],"impacted_entity_counts":{"individual":3},"incident_types":["unauthorized-use"],` +
		`"recoverability":"regular","events":[{"event_ref":"@event"}],"impact_refs":["@impact"],"tasks":[{"task_ref":"@task","sequence_start":false}],"scores":[{"name":"s","value":-1.5}]}`
)

func TestValidateDomainObjects(t *testing.T) {
	check(t, []fault{
		{"attack-pattern", `"external_references":[{"source_name":"capec","external_id":"CAPEC-abc"}]`, "error external-id external_references[0].external_id"},
		{"attack-pattern", `"external_references":[{"source_name":"capec","external_id":"capec-163"}]`, "error external-id external_references[0].external_id"},
		{"attack-pattern", `"external_references":[{"source_name":"capec","description":"d"}]`, "error external-id external_references[0]"},
		{"attack-pattern", `"external_references":[{"source_name":"CAPEC","external_id":"CAPEC-163"}]`, "error external-id external_references[0].source_name"},
		{"attack-pattern", `"external_references":[{"source_name":"mitre-attack","external_id":"T1566"}]`, ""},
		{"vulnerability", `"external_references":[{"source_name":"cve","external_id":"CVE-2016-abc"}]`, "error external-id external_references[0].external_id"},
		{"vulnerability", `"external_references":[{"source_name":"cve","external_id":"CVE-16-1234"}]`, "error external-id external_references[0].external_id"},
		{"vulnerability", `"external_references":[{"source_name":"CVE","external_id":"CVE-2016-1234"}]`, "error external-id external_references[0].source_name"},
		{"vulnerability", `"external_references":[{"source_name":"nvd","external_id":"CVE-2016-1234"}]`, "warning external-id external_references[0].source_name"},
		{"attack-pattern", `"kill_chain_phases":[{"kill_chain_name":"a"}]`, "error required kill_chain_phases[0].phase_name"},
		{"attack-pattern", `"kill_chain_phases":[{"kill_chain_name":"A B","phase_name":"c_d"}]`,
			"warning word-form kill_chain_phases[0].kill_chain_name\nwarning word-form kill_chain_phases[0].phase_name"},
		{"attack-pattern", `"kill_chain_phases":["a"]`, "error json-type kill_chain_phases[0]"},
		{"attack-pattern", `"kill_chain_phases":[{"kill_chain_name":"a","phase_name":"b","x_more":1}]`, "warning custom-property kill_chain_phases[0].x_more"},
		{"attack-pattern", `"name":1`, "error json-type name"},
		{"attack-pattern", `"aliases":"a"`, "error json-type aliases"},
		{"attack-pattern", `"aliases":[1]`, "error json-type aliases[0]"},

		{"campaign", `"last_seen":"2016-01-08T12:50:40.122Z"`, "error time-order last_seen"},
		{"campaign", `"first_seen":"2016-01-08T12:50:40.123Z","last_seen":"2016-01-08T12:50:40.1229999Z"`, "error time-order last_seen"},
		{"campaign", `"first_seen":"2016-13-08T12:50:40Z"`, "error timestamp first_seen"},
		{"campaign", `"first_seen":1`, "error json-type first_seen"},
		{"course-of-action", `"action":"block"`, "error reserved-name action"},
		{"grouping", `"context":"Some Thing"`, "warning open-vocabulary context\nwarning word-form context"},
		{"grouping", `"name":null`, "warning recommended name"},
		{"grouping", `"object_refs":[]`, "error empty-list object_refs"},
		{"grouping", `"object_refs":["indicator"]`, "error identifier object_refs[0]"},
		{"identity", `"identity_class":"corporation"`, "warning open-vocabulary identity_class"},
		{"identity", `"sectors":["insurance","Finance"]`, "warning open-vocabulary sectors[1]\nwarning word-form sectors[1]"},
		{"indicator", `"indicator_types":["something"]`, "warning open-vocabulary indicator_types[0]"},
		{"indicator", `"name":null,"description":null`, "warning recommended description\nwarning recommended name"},
		{"indicator", `"valid_until":"2016-01-01T00:00:00Z"`, "error time-order valid_until"},
		{"indicator", `"valid_until":"2015-01-01T00:00:00Z"`, "error time-order valid_until"},
		{"indicator", `"pattern":"[file:name = 'a'"`, "error pattern-syntax pattern"},
		{"indicator", `"pattern":"file:name = 'a'"`, "error pattern-syntax pattern"},
		{"indicator", `"pattern":""`, "error pattern-syntax pattern"},
		{"indicator", `"pattern":"[fil:name = 'a']"`, "warning pattern-type pattern"},
		{"indicator", `"pattern":"rule a { condition: true }","pattern_type":"yara","pattern_version":"4"`, ""},
		{"indicator", `"pattern_type":"yarr"`, "warning open-vocabulary pattern_type"},
		{"infrastructure", `"infrastructure_types":["server"]`, "warning open-vocabulary infrastructure_types[0]"},
		{"intrusion-set", `"resource_level":"rich"`, "warning open-vocabulary resource_level"},
		{"intrusion-set", `"primary_motivation":"fun","secondary_motivations":["fun"]`,
			"warning open-vocabulary primary_motivation\nwarning open-vocabulary secondary_motivations[0]"},

		{"location", `"latitude":90.1`, "error range latitude"},
		{"location", `"longitude":-181`, "error range longitude"},
		{"location", `"latitude":"48"`, "error json-type latitude"},
		{"location", `"precision":-1`, "error range precision"},
		{"location", `"longitude":null`, "error required longitude"},
		{"location", `"latitude":null`, "error required latitude"},
		{"location", `"latitude":null,"longitude":null`, "error required latitude\nerror required longitude"},
		{"location", `"latitude":null,"longitude":null,"precision":null,"region":null,"country":null`, "error required"},
		{"location", `"country":"xx"`, "warning country country"},
		{"location", `"country":"France"`, "warning country country"},
		{"location", `"region":"global"`, "warning open-vocabulary region"},
		{"location", `"administrative_area":"Paris"`, "warning administrative-area administrative_area"},

		{"malware", `"is_family":"true"`, "error json-type is_family"},
		{"malware", `"name":null`, "error required name"},
		{"malware", `"malware_types":["Bad_Thing"]`, "warning open-vocabulary malware_types[0]\nwarning word-form malware_types[0]"},
		{"malware", `"operating_system_refs":["@file"]`, "error reference-type operating_system_refs[0]"},
		{"malware", `"sample_refs":["@software"]`, "error reference-type sample_refs[0]"},
		{"malware", `"architecture_execution_envs":["z80"],"implementation_languages":["cobol"],"capabilities":["flies"]`,
			"warning open-vocabulary architecture_execution_envs[0]\nwarning open-vocabulary implementation_languages[0]\nwarning open-vocabulary capabilities[0]"},
		{"malware-analysis", `"result":null,"analysis_sco_refs":null`, "error required"},
		{"malware-analysis", `"result":"bad"`, "warning open-vocabulary result"},
		{"malware-analysis", `"product":"Some Scanner"`, "warning word-form product"},
		{"malware-analysis", `"host_vm_ref":"@infrastructure"`, "error reference-type host_vm_ref"},
		{"malware-analysis", `"analysis_sco_refs":["@tool"]`, "error reference-type analysis_sco_refs[0]"},
		{"malware-analysis", `"sample_ref":"@url"`, "error reference-type sample_ref"},

		{"note", `"object_refs":["@bundle"]`, "error reference-type object_refs[0]"},
		{"opinion", `"opinion":"maybe"`, "error enumeration opinion"},
		{"observed-data", `"number_observed":0`, "error range number_observed"},
		{"observed-data", `"number_observed":-1`, "error range number_observed"},
		{"observed-data", `"number_observed":1000000000`, "error range number_observed"},
		{"observed-data", `"number_observed":1.5`, "error integer number_observed"},
		{"observed-data", `"number_observed":5e1`, ""},
		{"observed-data", `"last_observed":"2015-12-21T18:59:59Z"`, "error time-order last_observed"},
		{"observed-data", `"object_refs":null`, "error required"},
		{"observed-data", `"object_refs":["@malware"]`, "error reference-type object_refs\nerror reference-type object_refs[0]"},
		{"observed-data", `"object_refs":["@relationship"]`, "error reference-type object_refs"},
		{"observed-data", `"objects":{"0":{"type":"mutex","name":"m"}}`, "error exclusive object_refs\nwarning deprecated objects"},
		{"report", `"report_types":["rumour"]`, "warning open-vocabulary report_types[0]"},
		{"report", `"published":"2016-1-20T17:00:00Z"`, "error timestamp published"},
		{"threat-actor", `"threat_actor_types":["pirate"],"roles":["captain"],"sophistication":"little"`,
			"warning open-vocabulary threat_actor_types[0]\nwarning open-vocabulary roles[0]\nwarning open-vocabulary sophistication"},
		{"tool", `"tool_types":["hammer"]`, "warning open-vocabulary tool_types[0]"},
		{"tool", `"tool_version":2`, "error json-type tool_version"},
	})
}

// TestValidateContainer covers the deprecated objects of observed-data.
func TestValidateContainer(t *testing.T) {
	const dated = `"object_refs":null,"objects":`
	for _, f := range []struct{ objects, want string }{
		{`{"0":{"type":"file","name":"a","parent_directory_ref":"1"},"1":{"type":"directory","path":"/"}}`, ""},
		{`{"0":{"type":"x-thing","x_what":1}}`, ""},
		{`{}`, "error empty-dictionary objects"},
		{`[]`, "error json-type objects"},
		{`{"0":1}`, "error json-type objects.0"},
		{`{"0":{"name":"a"}}`, "error required objects.0.type"},
		{`{"0":{"type":"file","name":"a","parent_directory_ref":"2"}}`, "error reference objects.0.parent_directory_ref"},
		{`{"0":{"type":"file","name":"a","parent_directory_ref":"1"},"1":{"type":"mutex","name":"/"}}`, "error reference-type objects.0.parent_directory_ref"},
		{`{"0":{"type":"file"}}`, "error required objects.0"},
		{`{"0":{"type":"ipv4-addr","value":"999.1.1.1"}}`, "error ip-address objects.0.value"},
		{`{"0":{"type":"malware","name":"a"}}`, "error reference-type objects.0.type"},
		{`{"0":{"type":"file","name":"a","hashes":{"MD5":"zz"}}}`, "error hash-value objects.0.hashes.MD5"},
	} {
		want := f.want
		if f.objects != `[]` {
			want += "\nwarning deprecated objects"
		}
		check(t, []fault{{"observed-data", dated + f.objects, strings.TrimSpace(want)}})
	}
}

func TestValidateRelationships(t *testing.T) {
	check(t, []fault{
		{"relationship", `"relationship_type":"Indicates"`, "error relationship-type relationship_type\nwarning relationship-type relationship_type"},
		{"relationship", `"relationship_type":"related_to"`, "error relationship-type relationship_type\nwarning relationship-type relationship_type"},
		{"relationship", `"relationship_type":"related-to","source_ref":"@url"`, ""},
		{"relationship", `"relationship_type":"frightens"`, "warning relationship-type relationship_type"},
		{"relationship", `"target_ref":"@vulnerability"`, "warning relationship-ends target_ref"},
		{"relationship", `"source_ref":"@malware"`, "warning relationship-type relationship_type"},
		{"relationship", `"source_ref":"@x-thing"`, ""},
		{"relationship", `"relationship_type":"duplicate-of"`, "warning relationship-ends target_ref"},
		{"relationship", `"relationship_type":"derived-from","target_ref":"@indicator"`, ""},
		{"relationship", `"source_ref":"@infrastructure","relationship_type":"consists-of","target_ref":"@url"`, ""},
		{"relationship", `"source_ref":"@relationship"`, "error reference-type source_ref"},
		{"relationship", `"source_ref":"@sighting"`, "error reference-type source_ref"},
		{"relationship", `"target_ref":"@bundle"`, "error reference-type target_ref"},
		{"relationship", `"target_ref":"@marking-definition"`, "error reference-type target_ref"},
		{"relationship", `"target_ref":"@language-content"`, "error reference-type target_ref"},
		{"relationship", `"target_ref":"malware--1"`, "error identifier target_ref"},
		{"relationship", `"stop_time":"2020-01-01T00:00:00Z"`, "error time-order stop_time"},
		{"relationship", `"start_time":"2020-02-30T00:00:00Z"`, "error timestamp start_time"},
		{"sighting", `"count":-1`, "error range count"},
		{"sighting", `"count":1000000000`, "error range count"},
		{"sighting", `"count":0`, ""},
		{"sighting", `"last_seen":"2010-01-01T00:00:00Z"`, "error time-order last_seen"},
		{"sighting", `"sighting_of_ref":"@file"`, "error reference-type sighting_of_ref"},
		{"sighting", `"sighting_of_ref":"@relationship"`, "error reference-type sighting_of_ref"},
		{"sighting", `"observed_data_refs":["@indicator"]`, "error reference-type observed_data_refs[0]"},
		{"sighting", `"where_sighted_refs":["@observed-data"]`, "error reference-type where_sighted_refs[0]"},
		{"sighting", `"where_sighted_refs":["@location"]`, ""},
		{"sighting", `"summary":"yes"`, "error json-type summary"},
	})
}

var relationshipExamples = map[string][]string{
	"relationship": {
		`"relationship_type":"indicates","description":"d","source_ref":"@indicator","target_ref":"@malware","start_time":"2020-01-01T00:00:00Z","stop_time":"2020-01-01T00:00:00.001Z"`,
		`"relationship_type":"belongs-to","source_ref":"@ipv4-addr","target_ref":"@autonomous-system"`,
		`"relationship_type":"knows","source_ref":"@x-person","target_ref":"@x-person"`,
	},
	"sighting": {
		`"description":"d","first_seen":"2020-01-01T00:00:00Z","last_seen":"2020-01-01T00:00:00Z","count":50,"sighting_of_ref":"@indicator",` +
			`"observed_data_refs":["@observed-data"],"where_sighted_refs":["@identity"],"summary":true`,
	},
}
