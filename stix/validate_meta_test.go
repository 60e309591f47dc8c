package stix_test

import (
	"testing"

	"parley.example/parley/stix"
)

// metaExamples are correct meta objects.
var metaExamples = map[string][]string{
	"language-content": {
		`"object_ref":"@campaign","object_modified":"2017-02-08T21:31:22.007Z","contents":{"de":{"name":"Bank Angriff","goals":["a",""],"x_deep":{"a":["b"]}},"zh-Hant":{"name":"x"}}`,
	},
	"marking-definition": {
		`"name":"n","definition_type":"statement","definition":{"statement":"Copyright"}`,
		`"extensions":{"extension-definition` + someUUID + `":{"extension_type":"property-extension","rule":"x"}}`,
	},
	"extension-definition": {
		`"name":"n","description":"d","schema":"https://example.com/s","version":"1.0.0","extension_types":["toplevel-property-extension","new-sdo"],"extension_properties":["toxicity","rank"]`,
		`"name":"n","description":"d","schema":"s","version":"1.0.0","extension_types":["property-extension"]`,
	},
}

func TestValidateMetaObjects(t *testing.T) {
	check(t, []fault{
		{"language-content", `"contents":{"nonsense_code":{"name":"x"}}`, "error language contents.nonsense_code"},
		{"language-content", `"contents":{"deu":{"name":"x"}}`, "error language contents.deu"},
		{"language-content", `"contents":{"de":"x"}`, "error json-type contents.de"},
		{"language-content", `"contents":{"de":{"a":"x"}}`, "error property-name contents.de.a"},
		{"language-content", `"contents":{"de":{"Name":"x"}}`, "error property-name contents.de.Name"},
		{"language-content", `"contents":{"de":{"confidence":3}}`, "error translation contents.de.confidence"},
		{"language-content", `"object_ref":"campaign"`, "error identifier object_ref"},
		{"language-content", `"object_modified":"2017"`, "error timestamp object_modified"},

		{"marking-definition", `"definition":{"statement":null}`, "error empty-dictionary definition\nerror required definition.statement"},
		{"marking-definition", `"definition":{"statement":5}`, "error json-type definition.statement"},
		{"marking-definition", `"definition":"x"`, "error json-type definition"},
		{"marking-definition", `"definition_type":null`, "error required definition_type"},
		{"marking-definition", `"definition_type":"own"`, "warning marking-type definition_type"},
		{"marking-definition", `"definition_type":"tlp","definition":{"statement":null,"tlp":"green"}`, "error tlp-marking id"},
		{"marking-definition", `"definition_type":"tlp","definition":{"statement":null,"tlp":"blue"}`, "error enumeration definition.tlp"},
		{"marking-definition", `"definition_type":"tlp","definition":{"statement":null,"tlp":3}`, "error json-type definition.tlp"},
		{"marking-definition", `"definition_type":"tlp","definition":{"statement":null,"tlp":"green"},"id":"marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da","created":"2017-01-20T00:00:00.000Z"`, ""},
		{"marking-definition", `"definition_type":"tlp","definition":{"statement":null,"tlp":"green"},"id":"marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da"`, "error tlp-marking created"},
		{"marking-definition", `"definition_type":"tlp","definition":{"statement":null,"tlp":"red"},"id":"marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da"`, "error tlp-marking id"},
		{"marking-definition", `"id":"marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da"`, "warning tlp-marking id"},
		{"marking-definition", `"object_marking_refs":["@marking-definition"]`, "error circular-marking object_marking_refs[0]"},
		{"marking-definition", `"granular_markings":[{"marking_ref":"@marking-definition","selectors":["name"]}]`, "error circular-marking granular_markings[0].marking_ref"},
		{"marking-definition", `"modified":"` + moment + `"`, "warning not-applicable modified"},
		{"marking-definition", `"revoked":false`, "warning not-applicable revoked"},
		{"marking-definition", `"labels":["a"]`, "warning not-applicable labels"},

		{"extension-definition", `"extension_types":["new-thing"]`, "error enumeration extension_types[0]\nerror extension-properties extension_properties"},
		{"extension-definition", `"extension_types":[]`, "error empty-list extension_types\nerror extension-properties extension_properties"},
		{"extension-definition", `"extension_types":["property-extension"]`, "error extension-properties extension_properties"},
		{"extension-definition", `"extension_properties":null`, "warning extension-properties extension_properties"},
		{"extension-definition", `"extension_properties":["Rank","a"]`, "error property-name extension_properties[0]\nerror property-name extension_properties[1]"},
		{"extension-definition", `"description":null`, "warning recommended description"},
		{"extension-definition", `"version":1`, "error json-type version"},
	})
}

func TestValidateTLP2(t *testing.T) {
	amber := `"id":"` + stix.Amber.MarkingRef() + `","name":"TLP:AMBER","definition_type":null,"definition":null,"extensions":{"` + stix.TLP2Extension + `":`
	strict := stix.AmberStrict.MarkingRef()
	check(t, []fault{
		{"marking-definition", `"definition_type":null,"definition":null,"id":"` + strict + `","extensions":{"` + stix.TLP2Extension + `":{"extension_type":"property-extension","tlp_2_0":"amber+strict"}}`, ""},
		{"marking-definition", `"definition_type":null,"definition":null,"id":"` + strict + `","extensions":{"` + stix.TLP2Extension + `":{"extension_type":"property-extension","tlp_2_0":"red"}}`,
			"error tlp-marking extensions." + stix.TLP2Extension + ".tlp_2_0"},
		{"marking-definition", amber + `{"extension_type":"property-extension"}}`, "error required extensions." + stix.TLP2Extension + ".tlp_2_0"},
		{"marking-definition", amber + `{"extension_type":"property-extension","tlp_2_0":"white"}}`, "error tlp-marking extensions." + stix.TLP2Extension + ".tlp_2_0"},
	})
}

func TestValidateGranularMarkings(t *testing.T) {
	mark := func(selectors string) string {
		return `"granular_markings":[{"marking_ref":"@marking-definition","selectors":[` + selectors + `]}]`
	}
	const at = "error selector granular_markings[0].selectors[0]"
	check(t, []fault{
		{"attack-pattern", mark(`"description","aliases","aliases.[0]","external_references.[0].source_name","kill_chain_phases.[0]"`), ""},
		{"attack-pattern", mark(`"id","granular_markings.[0].selectors"`), ""},
		{"attack-pattern", mark(`"foobar"`), at},
		{"attack-pattern", mark(`"nam"`), at},
		{"attack-pattern", mark(`"names"`), at},
		{"attack-pattern", mark(`"name.first"`), at},
		{"attack-pattern", mark(`"aliases.[1]"`), at},
		{"attack-pattern", mark(`"aliases.[00]"`), at},
		{"attack-pattern", mark(`"aliases.[-1]"`), at},
		{"attack-pattern", mark(`"aliases[0]"`), at},
		{"attack-pattern", mark(`"aliases.0"`), at},
		{"attack-pattern", mark(`"external_references.source_name"`), at},
		{"attack-pattern", mark(`"[0]"`), at},
		{"attack-pattern", mark(`""`), at},
		{"attack-pattern", mark(`"name."`), at},
		{"attack-pattern", mark(`"Name"`), at},
		{"attack-pattern", mark(``), "error empty-list granular_markings[0].selectors"},
		{"attack-pattern", `"granular_markings":[{"selectors":["name"]}]`, "error required granular_markings[0]"},
		{"attack-pattern", `"granular_markings":[{"lang":"de","marking_ref":"@marking-definition","selectors":["name"]}]`, "error exclusive granular_markings[0].marking_ref"},
		{"attack-pattern", `"granular_markings":[{"lang":"de","selectors":["name"]}]`, ""},
		{"attack-pattern", `"granular_markings":[{"lang":"x_y","selectors":["name"]}]`, "error language granular_markings[0].lang"},
		{"attack-pattern", `"granular_markings":[{"marking_ref":"@identity","selectors":["name"]}]`, "error reference-type granular_markings[0].marking_ref"},
		{"attack-pattern", `"granular_markings":[{"marking_ref":"@marking-definition"}]`, "error required granular_markings[0].selectors"},
		{"file", mark(`"hashes.SHA-256","name"`), ""},
		{"file", mark(`"hashes.MD4"`), at},
	})
}

func TestSelected(t *testing.T) {
	o, err := stix.Parse(build(t, "attack-pattern", domainExamples["attack-pattern"][0], ""))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := o.Selected("external_references.[0].external_id"); err != nil || got != "CAPEC-163" {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := o.Selected("external_references.[1]"); err == nil {
		t.Error("selected what is not there")
	}
	steps, err := stix.ParseSelector("a.[3].b-C")
	if err != nil || len(steps) != 3 || steps[1] != (stix.Step{Index: 3}) || steps[2].Name != "b-C" {
		t.Errorf("got %+v, %v", steps, err)
	}
}
