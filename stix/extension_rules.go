package stix

import (
	"math"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// extensions is the dictionary of an object's extensions (§3.2, §3.10, §7.3,
// §11.3).
func extensions(c *check, v *value) {
	if !c.kind(v, jsontext.KindBeginObject, "3.2") {
		return
	}
	if len(v.keys) == 0 {
		c.must("empty-dictionary", "2.3", "a dictionary must not be empty; leave the property out instead")
	}
	for i, name := range v.keys {
		c.apply(name, &v.kids[i], func(c *check, x *value) { c.extension(name, x) })
	}
}

func (c *check) extension(name string, x *value) {
	if !c.kind(x, jsontext.KindBeginObject, "3.2") {
		return
	}
	if len(x.keys) == 0 {
		c.must("empty-dictionary", "3.2", "an extension must have content")
		return
	}
	typ, _, isID := SplitID(name)
	switch {
	case isID && typ == "extension-definition":
		c.definedExtension(name, x)
	case strings.HasPrefix(name, "extension-definition--"):
		c.must("identifier", "2.9", "%q is not extension-definition--UUID", clip(name))
	case c.predefined(name) != nil:
		c.predefined(name)(c, x)
	default:
		c.customExtension(name, x)
	}
}

// predefined returns the rule of a predefined extension of this type, or nil.
func (c *check) predefined(name string) rule {
	if s := specOf(c.typ); s != nil {
		return s.exts[name]
	}
	return nil
}

// definedExtension is an extension with a definition of its own.
func (c *check) definedExtension(id string, x *value) {
	outer := c.section
	c.section = "7.3"
	defer func() { c.section = outer }()
	if x.has("extension_type") {
		c.member(x, "extension_type", enum(extensionTypes))
	} else {
		c.missing("extension_type")
	}
	if id == IncidentCore && c.typ == "incident" {
		c.shape(x, incidentCore)
		return
	}
	for i, name := range x.keys {
		if name == "extension_type" {
			continue
		}
		c.apply(name, &x.kids[i], func(c *check, e *value) {
			if !isPropertyName(name) {
				c.must("property-name", "7.3.2", "a property name has 3 to 250 characters of a-z, 0-9 and underscore, and begins with a letter")
			}
			generic(c, e)
		})
	}
	if id == TLP2Extension && c.typ == "marking-definition" {
		tlp2(c, x)
	}
}

// customExtension is an extension named by its producer, which is deprecated.
func (c *check) customExtension(name string, x *value) {
	const section = "11.3.1"
	if other := ownerOf(name); other != "" {
		c.should("extension-name", "3.10", "%s is an extension of %s", name, other)
	} else {
		c.should("custom-extension", section, "custom extensions are deprecated; the key should be the id of an extension definition")
	}
	for i := range len(name) {
		if ch := name[i]; (ch < 'a' || ch > 'z') && (ch < '0' || ch > '9') && ch != '-' {
			c.must("extension-name", section, "an extension's name may hold only a-z, 0-9 and hyphen")
			break
		}
	}
	if len(name) < 3 || len(name) > 250 {
		c.must("extension-name", section, "an extension's name has 3 to 250 characters")
	}
	// The text demands the suffix; its own example lacks it.
	if !strings.HasSuffix(name, "-ext") {
		c.should("extension-name", section, "a custom extension's name must end with -ext")
	}
	for i, n := range x.keys {
		c.apply(n, &x.kids[i], func(c *check, e *value) {
			if !isPropertyName(n) && n != "" {
				c.must("property-name", section, "a property name may hold only a-z, 0-9 and underscore")
			}
			generic(c, e)
		})
	}
}

// ownerOf returns the type that has a predefined extension of that name.
func ownerOf(name string) string {
	for typ, s := range model.types {
		if s.exts[name] != nil {
			return typ
		}
	}
	return ""
}

func (c *check) hasExtension(id string) bool {
	all, ok := c.root.get("extensions")
	return ok && all.has(id)
}

// draft is the rule of a text that is not final. Published objects follow older
// drafts of it, so that what breaks it is a warning, unless STIX itself forbids
// the value.
func draft(r rule) rule {
	return func(c *check, v *value) {
		n := len(c.out)
		if generic(c, v); len(c.out) > n {
			return
		}
		r(c, v)
		for i := range c.out[n:] {
			c.out[n+i].Severity = Warning
		}
	}
}

// incidentCore is the OASIS Incident Core Extension (committee draft 2.0). Other
// drafts have other properties, which are let through.
var incidentCore = (&shape{name: "incident core", section: "Incident Core 2.1", props: []property{
	opt("extension_type", draft(literal("property-extension"))),
	opt("determination", draft(enum(incidentDeterminations))),
	opt("investigation_status", draft(open(incidentInvestigations))),
	opt("criticality", draft(integer(0, 100))),
	opt("detection_methods", draft(list(open(detectionMethods)))),
	opt("events", draft(list(object(&shape{name: "event-entry", section: "Incident Core 3", props: []property{
		req("event_ref", ref("event")), opt("next_steps", anything), opt("sequence_start", boolean),
	}})))),
	opt("impact_refs", draft(list(ref("impact")))),
	opt("impacted_entity_counts", draft(dictionary(notBelow0))),
	opt("incident_types", draft(list(text))),
	opt("recoverability", draft(enum(recoverabilities))),
	opt("scores", draft(list(object(&shape{name: "incident-score", section: "Incident Core 3", props: []property{
		req("name", text), req("value", float(-math.MaxFloat64, math.MaxFloat64)), opt("description", text),
	}})))),
	opt("tasks", draft(list(object(&shape{name: "task-entry", section: "Incident Core 3", props: []property{
		req("task_ref", ref("task")), opt("next_steps", anything), opt("sequence_start", boolean),
	}})))),
}, also: []rule{wish("determination", "investigation_status")}}).compile()
