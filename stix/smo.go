package stix

import (
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// metaObjects are the STIX Meta Objects (§7).
func metaObjects() []spec {
	return []spec{
		{family: languageFamily, shape: shape{name: "language-content", section: "7.1.1", props: []property{
			req("object_ref", ref()), opt("object_modified", timestamp), req("contents", translations),
		}}},

		{family: markingFamily, shape: shape{name: "marking-definition", section: "7.2.1", props: []property{
			opt("name", text), opt("definition_type", text), opt("definition", anything),
		}, also: []rule{markingContent, noCircle}}},

		{family: extensionFamily, shape: shape{name: "extension-definition", section: "7.3.1", props: []property{
			req("name", text), opt("description", text), req("schema", text), req("version", text),
			req("extension_types", list(enum(extensionTypes))), opt("extension_properties", list(newProperty)),
		}, also: []rule{wish("description"), extensionProperties}}},
	}
}

// translations are the contents of a language content: language codes, each
// with a dictionary that mirrors properties of the target.
func translations(c *check, v *value) {
	if !c.kind(v, jsontext.KindBeginObject, "2.3") {
		return
	}
	if len(v.keys) == 0 {
		c.must("empty-dictionary", "2.3", "a dictionary must not be empty")
	}
	for i, lang := range v.keys {
		c.apply(lang, &v.kids[i], func(c *check, t *value) {
			c.language(lang)
			if !c.kind(t, jsontext.KindBeginObject, "7.1.1") {
				return
			}
			if len(t.keys) == 0 {
				c.must("empty-dictionary", "2.3", "a dictionary must not be empty")
			}
			for j, name := range t.keys {
				c.apply(name, &t.kids[j], func(c *check, e *value) {
					if !isPropertyName(name) {
						c.must("property-name", "7.1.1", "is no name of a property that the object could have")
					}
					translation(c, e)
				})
			}
		})
	}
}

// translation is one translated property: a string, or lists and objects of
// strings, where an empty string stands for what was left untranslated.
func translation(c *check, v *value) {
	switch v.kind {
	case jsontext.KindString:
	case jsontext.KindBeginArray:
		list(translation)(c, v)
	case jsontext.KindBeginObject:
		for i, k := range v.keys {
			c.apply(k, &v.kids[i], translation)
		}
	default:
		c.must("translation", "7.1.1", "must be a string, a list or an object like the property it translates, is %s", kindName(v.kind))
	}
}

var (
	statementMarking = object(&shape{name: "statement", section: "7.2.1.3", props: []property{req("statement", text)}})
	tlpMarking1      = object(&shape{name: "tlp", section: "7.2.1.4", props: []property{
		req("tlp", enum(vocab("the four TLP markings", "7.2.1.4", "white green amber red"))),
	}})
)

// markingContent checks what a marking definition defines.
func markingContent(c *check, v *value) {
	typ := v.str("definition_type")
	if !v.has("extensions") {
		for _, n := range []string{"definition_type", "definition"} {
			if !v.has(n) {
				c.in(n, func() { c.must("required", "", "is required where there is no extension") })
			}
		}
	}
	needs("definition_type", "definition")(c, v)
	needs("definition", "definition_type")(c, v)
	switch {
	case typ == "statement":
		c.member(v, "definition", statementMarking)
	case typ == "tlp":
		c.member(v, "definition", tlpMarking1)
		c.tlpInstance(v)
	case v.has("definition_type"):
		c.in("definition_type", func() {
			c.should("marking-type", "", "%q should be statement or tlp; new markings should use an extension", clip(typ))
		})
		c.member(v, "definition", func(c *check, d *value) {
			if c.kind(d, jsontext.KindBeginObject, "") {
				generic(c, d)
			}
		})
	}
	if level, isTLP := LevelOf(c.id); isTLP && typ != "tlp" && !c.hasExtension(TLP2Extension) {
		c.in("id", func() {
			c.should("tlp-marking", "7.2.1.4", "is the id of the marking %s, which this object does not define", level)
		})
	}
}

// tlpInstance allows only the four TLP markings of the specification.
func (c *check) tlpInstance(v *value) {
	d, ok := v.get("definition")
	if !ok || d.kind != jsontext.KindBeginObject {
		return
	}
	i := slices.IndexFunc(tlpMarkings, func(m tlpMarking) bool { return m.v1 != "" && m.v1 == d.str("tlp") })
	if i < 0 {
		return
	}
	if want := tlpMarkings[i]; c.id != want.id {
		c.in("id", func() {
			c.must("tlp-marking", "7.2.1.4", "only %s may define TLP %s", want.id, want.v1)
		})
	} else if created := v.str("created"); created != "2017-01-20T00:00:00.000Z" {
		c.in("created", func() {
			c.must("tlp-marking", "7.2.1.4", "must be 2017-01-20T00:00:00.000Z in this marking")
		})
	}
}

// tlp2 is the content of the TLP 2.0 extension.
func tlp2(c *check, v *value) {
	section := c.section
	c.section = "TLP 2.0 extension"
	defer func() { c.section = section }()
	level, err := ParseLevel(v.str("tlp_2_0"))
	switch {
	case !v.has("tlp_2_0"):
		c.in("tlp_2_0", func() { c.must("required", "", "is required") })
	case err != nil || v.str("tlp_2_0") == "white" || level.String() != "TLP:"+upperASCII(v.str("tlp_2_0")):
		c.in("tlp_2_0", func() {
			c.must("tlp-marking", "", "%q is not clear, green, amber, amber+strict or red", clip(v.str("tlp_2_0")))
		})
	case c.id != level.MarkingRef():
		c.in("tlp_2_0", func() { c.must("tlp-marking", "", "only %s may define %s", level.MarkingRef(), level) })
	}
}

func upperASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'a' && c <= 'z' {
			b[i] = c - 'a' + 'A'
		}
	}
	return string(b)
}

// noCircle: a marking definition must not mark itself.
func noCircle(c *check, v *value) {
	self := func(c *check, r *value) {
		if r.text == c.id && c.id != "" {
			c.must("circular-marking", "3.2", "a marking definition must not refer to itself")
		}
	}
	c.member(v, "object_marking_refs", func(c *check, refs *value) { c.each(refs, self) })
	c.member(v, "granular_markings", func(c *check, all *value) {
		c.each(all, func(c *check, g *value) { c.member(g, "marking_ref", self) })
	})
}

// newProperty is the name of a property that an extension adds.
func newProperty(c *check, v *value) {
	if c.kind(v, jsontext.KindString, "2.15") && !isPropertyName(v.text) {
		c.must("property-name", "7.3.2", "%q has not 3 to 250 characters of a-z, 0-9 and underscore", clip(v.text))
	}
}

// extensionProperties belong to extensions of the top level.
func extensionProperties(c *check, v *value) {
	types, ok := v.get("extension_types")
	if !ok || types.kind != jsontext.KindBeginArray {
		return
	}
	top := slices.ContainsFunc(types.kids, func(t value) bool { return t.text == "toplevel-property-extension" })
	switch given := v.has("extension_properties"); {
	case given && !top:
		c.in("extension_properties", func() {
			c.must("extension-properties", "", "must be used only where extension_types has toplevel-property-extension")
		})
	case !given && top:
		c.in("extension_properties", func() {
			c.should("extension-properties", "", "should list the properties that the extension adds at the top level")
		})
	}
}
