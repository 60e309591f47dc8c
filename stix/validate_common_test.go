package stix_test

import (
	"strings"
	"testing"

	"parley.example/parley/stix"
)

func TestValidateCommon(t *testing.T) {
	long := strings.Repeat("a", 251)
	check(t, []fault{
		{"tool", `"spec_version":"2.0"`, "error spec-version spec_version"},
		{"tool", `"spec_version":2.1`, "error json-type spec_version"},
		{"tool", `"id":"tool--1"`, "error identifier id"},
		{"tool", `"id":"malware--3a1f6c9e-5d0b-4c6e-9b8a-2f4d7e1c0a95"`, "error identifier id"},
		{"tool", `"id":"tool-3a1f6c9e-5d0b-4c6e-9b8a-2f4d7e1c0a95"`, "error identifier id"},
		{"tool", `"id":"3a1f6c9e-5d0b-4c6e-9b8a-2f4d7e1c0a95"`, "error identifier id"},
		{"tool", `"id":"tool--3a1f6c9e5d0b4c6e9b8a2f4d7e1c0a95"`, "error identifier id"},
		{"tool", `"id":"tool--3a1f6c9e-5d0b-5c6e-9b8a-2f4d7e1c0a95"`, "warning uuid-version id"},
		{"tool", `"id":7`, "error json-type id"},
		{"tool", `"created_by_ref":"@tool"`, "error reference-type created_by_ref"},
		{"tool", `"created_by_ref":"@identity"`, ""},
		{"tool", `"created":"2024-02-29T12:00:00Z"`, "error timestamp-precision created"},
		{"tool", `"modified":"2024-02-29T12:00:00.01Z"`, "error timestamp-precision modified"},
		{"tool", `"modified":"2024-02-29T11:59:59.999Z"`, "error time-order modified"},
		{"tool", `"created":"2024-02-29T12:00:00.000123Z"`, "error time-order modified"},
		{"tool", `"modified":"2024-02-29T12:00:00.000000001Z"`, ""},
		{"tool", `"created":"0001-01-01T00:00:00.000Z"`, ""},
		{"tool", `"modified":"2024-13-29T12:00:00.000Z"`, "error timestamp modified"},
		{"tool", `"modified":"2024-02-42T12:00:00.000Z"`, "error timestamp modified"},
		{"tool", `"modified":"2024-02-00T12:00:00.000Z"`, "error timestamp modified"},
		{"tool", `"modified":"2024-11-31T12:00:00.000Z"`, "error timestamp modified"},
		{"tool", `"created":"2017-02-29T12:00:00.000Z"`, "error timestamp created"},
		{"tool", `"modified":"2024-03-01T99:00:00.000Z"`, "error timestamp modified"},
		{"tool", `"modified":"2024-03-01T12:60:00.000Z"`, "error timestamp modified"},
		{"tool", `"modified":"2024-03-01T12:00:00.000+00:00"`, "error timestamp modified"},
		{"tool", `"modified":"2024-03-01T12:00:00.000"`, "error timestamp modified"},
		{"tool", `"modified":"2024-03-01t12:00:00.000z"`, "error timestamp modified"},
		{"tool", `"modified":"2024-03-01 12:00:00.000Z"`, "error timestamp modified"},
		{"tool", `"revoked":"false"`, "error json-type revoked"},
		{"tool", `"labels":[]`, "error empty-list labels"},
		{"tool", `"labels":{"a":"b"}`, "error json-type labels"},
		{"tool", `"confidence":101`, "error range confidence"},
		{"tool", `"confidence":-1`, "error range confidence"},
		{"tool", `"confidence":"85"`, "error json-type confidence"},
		{"tool", `"confidence":85.0`, ""},
		{"tool", `"lang":"english_us"`, "error language lang"},
		{"tool", `"lang":"ur-PK"`, ""},
		{"tool", `"lang":null`, "warning lang lang"},
		{"tool", `"defanged":true`, "error not-applicable defanged"},
		{"tool", `"object_marking_refs":["@identity"]`, "error reference-type object_marking_refs[0]"},
		{"tool", `"object_marking_refs":["marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9"]`, ""},

		{"tool", `"external_references":[{"description":"d"}]`, "error required external_references[0].source_name"},
		{"tool", `"external_references":[{"source_name":"s"}]`, "error required external_references[0]"},
		{"tool", `"external_references":[{"source_name":"s","url":"https://example.com/a"}]`, "warning url-hashes external_references[0].hashes"},
		{"tool", `"external_references":[{"source_name":"s","url":"https://example.com/a","hashes":{"SHA-256":"#SHA-256"}}]`, ""},
		{"tool", `"external_references":[{"source_name":"s","url":"https://example.com/a","hashes":{}}]`, "error empty-dictionary external_references[0].hashes"},
		{"tool", `"external_references":[{"source_name":"s","url":"https://example.com/a","hashes":{"SHA-256":"zz"}}]`, "error hash-value external_references[0].hashes.SHA-256"},
		{"tool", `"external_references":[{"source_name":"s","url":"https://example.com/a","hashes":{"FOO":"x"}}]`, "warning hash-algorithm external_references[0].hashes.FOO"},
		{"tool", `"external_references":[{"source_name":"s","url":"example.com"}]`,
			"error url external_references[0].url\nwarning url-hashes external_references[0].hashes"},
		{"tool", `"external_references":[{"source_name":"s","external_id":9}]`, "error json-type external_references[0].external_id"},
		{"tool", `"external_references":["s"]`, "error json-type external_references[0]"},

		{"tool", `"x_more":1`, "warning custom-property x_more"},
		{"tool", `"more":1`, "warning custom-property more"},
		{"tool", `"x_more":[]`, "error empty-list x_more\nwarning custom-property x_more"},
		{"tool", `"x_more":{}`, "error empty-dictionary x_more\nwarning custom-property x_more"},
		{"tool", `"x_more":{"deep":[]}`, "warning custom-property x_more\nwarning empty-list x_more.deep"},
		{"tool", `"x_more":[null]`, "error null x_more[0]\nwarning custom-property x_more"},
		{"tool", `"x_More":1`, "error property-name x_More\nwarning custom-property x_More"},
		{"tool", `"x-more":1`, "error property-name x-more\nwarning custom-property x-more"},
		{"tool", `"_more":1`, "error property-name _more\nwarning custom-property _more"},
		{"tool", `"x":1`, "error property-name x\nwarning custom-property x"},
		{"tool", `"` + long + `":1`, "error property-name " + long[:120] + "…\nwarning custom-property " + long[:120] + "…"},
		{"tool", `"severity":1`, "error reserved-name severity"},
		{"tool", `"action":"a"`, "error reserved-name action"},
		{"tool", `"username":"a"`, "error reserved-name username"},
		{"tool", `"phone_number":"a"`, "error reserved-name phone_number"},
	})
}

func TestValidateUnknownTypes(t *testing.T) {
	const ext = `"extensions":{"extension-definition` + someUUID + `":{"extension_type":"`
	check(t, []fault{
		{"x-acme-thing", `"what":"that"`, "warning custom-object type"},
		{"acme-thing", `"what":"that"`, "warning custom-object type"},
		{"x-acme-thing", ``, "error custom-object\nwarning custom-object type"},
		{"acme-thing", `"what":"that",` + ext + `new-sdo"}}`, ""},
		{"acme-thing", `"what":"that","created":null,` + ext + `new-sdo"}}`, "error required created"},
		{"acme-thing", `"what":"that","created":null,"modified":null,"lang":null,` + ext + `new-sco"}}`, ""},
		{"acme-thing", `"what":"that",` + ext + `new-thing"}}`,
			"error enumeration extensions.extension-definition" + someUUID + ".extension_type"},
		{"acme-thing", `"what":"that","created_by_ref":"@tool",` + ext + `new-sdo"}}`, "error reference-type created_by_ref"},
		{"corpo_ration", `"what":"that"`, "error identifier id\nerror type-name type\nwarning custom-object type"},
		{"x--acme", `"what":"that"`, "error identifier id\nerror type-name type\nwarning custom-object type"},
		{"ACME", `"what":"that"`, "error identifier id\nerror type-name type\nwarning custom-object type"},
		{"a", `"what":"that"`, "error identifier id\nerror type-name type\nwarning custom-object type"},
		{"bundle", `"objects":[{"type":"tool"}]`, "error bundle"},
	})
}

func TestValidateExtensions(t *testing.T) {
	const at = "extensions.extension-definition" + someUUID
	ext := func(content string) string {
		return `"extensions":{"extension-definition` + someUUID + `":` + content + `}`
	}
	core := "extensions." + stix.IncidentCore
	check(t, []fault{
		{"tool", ext(`{"extension_type":"property-extension","rank":5,"more":{"Deep":[1]}}`), ""},
		{"tool", ext(`{"extension_type":"toplevel-property-extension"}`) + `,"rank":5`, ""},
		{"tool", ext(`{"extension_type":"property-extension"}`) + `,"rank":5`, "warning custom-property rank"},
		{"tool", ext(`{"rank":5}`), "error required " + at + ".extension_type"},
		{"tool", ext(`{"extension_type":"else"}`), "error enumeration " + at + ".extension_type"},
		{"tool", ext(`{"extension_type":"property-extension","rank":[]}`), "error empty-list " + at + ".rank"},
		{"tool", ext(`{"extension_type":"property-extension","Rank":1}`), "error property-name " + at + ".Rank"},
		{"tool", ext(`{}`), "error empty-dictionary " + at},
		{"tool", ext(`[1]`), "error json-type " + at},
		{"tool", `"extensions":{}`, "error empty-dictionary extensions"},
		{"tool", `"extensions":[1]`, "error json-type extensions"},
		{"tool", `"extensions":{"extension-definition--1":{"extension_type":"property-extension"}}`, "error identifier extensions.extension-definition--1"},
		{"file", `"extensions":{"x-acme-ext":{"what":1}}`, "warning custom-extension extensions.x-acme-ext"},
		{"file", `"extensions":{"x-acme":{"what":1}}`, "warning custom-extension extensions.x-acme\nwarning extension-name extensions.x-acme"},
		{"file", `"extensions":{"X_acme-ext":{"what":1}}`, "error extension-name extensions.X_acme-ext\nwarning custom-extension extensions.X_acme-ext"},
		{"file", `"extensions":{"x-acme-ext":{"What":1}}`, "error property-name extensions.x-acme-ext.What\nwarning custom-extension extensions.x-acme-ext"},
		{"file", `"extensions":{"tcp-ext":{"src_flags_hex":"02"}}`, "warning extension-name extensions.tcp-ext"},
		{"extension-definition", `"extensions":{"x-acme-ext":{"what":1}}`,
			"warning custom-extension extensions.x-acme-ext\nwarning not-applicable extensions"},

		{"incident", `"extensions":{"` + stix.IncidentCore + `":{"extension_type":"property-extension","determination":"sure","criticality":101,"recoverability":"no","investigation_status":"Lost"}}`,
			"warning enumeration " + core + ".determination\nwarning range " + core + ".criticality\nwarning enumeration " + core + ".recoverability\n" +
				"warning open-vocabulary " + core + ".investigation_status\nwarning word-form " + core + ".investigation_status"},
		{"incident", `"extensions":{"` + stix.IncidentCore + `":{"extension_type":"property-extension","determination":"blocked","investigation_status":"new","incident_types":[]}}`,
			"error empty-list " + core + ".incident_types"},
		{"incident", `"extensions":{"` + stix.IncidentCore + `":{"extension_type":"property-extension"}}`,
			"warning recommended " + core + ".determination\nwarning recommended " + core + ".investigation_status"},
	})
}
