package stix

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// family is one of the groups of object types, which decide what common
// properties an object has (§3.2).
type family int

const (
	unknownFamily family = iota
	sdo
	sro
	sco
	extensionFamily
	languageFamily
	markingFamily
)

// use says how a family uses a common property.
type use byte

const (
	optional use = 'o'
	required use = 'r'
	unused   use = '-' // not applicable
)

// commonProperty is one row of the table at the end of §3.2. uses has one
// letter for each family, in the order SDO, SRO, SCO, extension definition,
// language content, marking definition.
type commonProperty struct {
	name string
	uses string
	rule rule
}

func commonProperties() []commonProperty {
	return []commonProperty{
		{"type", "rrrrrr", typeName},
		{"spec_version", "rrorrr", specVersion},
		{"id", "rrrrrr", ownID},
		{"created_by_ref", "oo-roo", ref("identity")},
		{"created", "rr-rrr", versionTime},
		{"modified", "rr-rr-", versionTime},
		{"revoked", "oo-oo-", boolean},
		{"labels", "oo-oo-", list(text)},
		{"confidence", "oo--o-", integer(0, 100)},
		{"lang", "oo----", langCode},
		{"external_references", "oo-ooo", list(externalReference)},
		{"object_marking_refs", "oooooo", list(markingRef)},
		{"granular_markings", "oooooo", list(granularMarking)},
		{"defanged", "--o---", boolean},
		{"extensions", "ooo-oo", extensions},
	}
}

// use returns how the family uses the property. Of an object that may be of any
// family only what all families require is required.
func (p *commonProperty) use(f family) use {
	switch {
	case f != unknownFamily:
		return use(p.uses[f-1])
	case strings.Count(p.uses, "r") == len(p.uses):
		return required
	}
	return optional
}

// object checks the whole of a top-level object.
func (c *check) object() {
	s := specOf(c.typ)
	f := c.familyOf(s)
	c.section = "3.2"
	c.custom = c.custom || s == nil || c.addsTopLevel()
	c.defanged = c.root.isTrue("defanged")
	for i, name := range c.root.keys {
		if p := common(name); p != nil {
			c.common(p, f, &c.root.kids[i])
		}
	}
	for i := range model.common {
		p := &model.common[i]
		if p.use(f) == required && !c.root.has(p.name) {
			c.missing(p.name)
		}
	}
	order("created", "modified", true)(c, c.root)
	if s != nil {
		c.specific(s)
	} else {
		c.unknownType(f)
	}
	if f == sdo && s != nil && !c.root.has("lang") && c.root.hasAny("name", "description", "content", "abstract", "explanation") {
		c.in("lang", func() {
			c.should("lang", "3.2", "should be given, as the object has text; without it the language is en")
		})
	}
}

// specific checks the properties that the type defines.
func (c *check) specific(s *spec) {
	c.section = s.section
	for i, name := range c.root.keys {
		if common(name) != nil {
			continue
		}
		if p, ok := s.index[name]; ok {
			c.apply(name, &c.root.kids[i], s.props[p].rule)
		} else {
			c.apply(name, &c.root.kids[i], customProperty)
		}
	}
	for _, p := range s.props {
		if p.need && !c.root.has(p.name) {
			c.missing(p.name)
		}
	}
	c.some(c.root, &s.shape)
	for _, r := range s.also {
		r(c, c.root)
	}
	if s.family == sco {
		c.scoID(s)
	}
}

// common checks one common property.
func (c *check) common(p *commonProperty, f family, v *value) {
	if p.use(f) == unused {
		c.in(p.name, func() {
			switch {
			case p.name == "defanged":
				c.must("not-applicable", "3.2", "must not be used on other objects than cyber-observables")
			default:
				c.should("not-applicable", "3.2", "does not apply to objects of type %s", c.typ)
			}
		})
	}
	c.apply(p.name, v, p.rule)
}

// familyOf returns the family of an object whose type may be new. A new type
// belongs to what its extension says; without one, versioned objects are domain
// objects and others may be anything.
func (c *check) familyOf(s *spec) family {
	if s != nil {
		return s.family
	}
	if all, ok := c.root.get("extensions"); ok {
		for i := range all.kids {
			switch all.kids[i].str("extension_type") {
			case "new-sdo":
				return sdo
			case "new-sco":
				return sco
			case "new-sro":
				return sro
			}
		}
	}
	if c.root.hasAny("created", "modified") {
		return sdo
	}
	return unknownFamily
}

// unknownType checks an object whose type the specification does not define
// (§7.3.2, §11.2).
func (c *check) unknownType(f family) {
	switch c.typ {
	case "":
		return
	case "bundle":
		c.must("bundle", "8", "a bundle is no STIX object: it cannot stand among objects")
		return
	}
	c.section = "11.2.1"
	news := false
	if all, ok := c.root.get("extensions"); ok {
		for i := range all.kids {
			news = news || strings.HasPrefix(all.kids[i].str("extension_type"), "new-")
		}
	}
	own := 0
	for i, name := range c.root.keys {
		if common(name) == nil {
			own++
			c.apply(name, &c.root.kids[i], customProperty)
		}
	}
	switch {
	case !news && !strings.HasPrefix(c.typ, "x-"):
		c.in("type", func() {
			c.should("custom-object", "11.2.1", "%q is no type of the specification; custom types should begin with x-, and an extension should define them", clip(c.typ))
		})
	case !news:
		c.in("type", func() {
			c.should("custom-object", "11.2", "custom objects are deprecated; an extension should define the type")
		})
	}
	if own == 0 && !news {
		c.must("custom-object", "11.2.1", "a custom object must have one or more properties of its own")
	}
	if f == unknownFamily && !c.root.has("spec_version") {
		c.in("spec_version", func() {
			c.should("required", "3.2", "is required unless the type is a cyber-observable")
		})
	}
}

// addsTopLevel reports whether an extension adds properties at the top level.
func (c *check) addsTopLevel() bool {
	all, ok := c.root.get("extensions")
	if !ok {
		return false
	}
	for i := range all.kids {
		if t := all.kids[i].str("extension_type"); t == "toplevel-property-extension" || strings.HasPrefix(t, "new-") {
			return true
		}
	}
	return false
}

func typeName(c *check, v *value) {
	if c.kind(v, jsontext.KindString, "2.15") && !isTypeName(v.text) {
		c.must("type-name", "3.1", "%q is no type name: 3 to 250 of a-z, 0-9 and hyphen, a letter first, no two hyphens together", clip(v.text))
	}
}

func specVersion(c *check, v *value) {
	if c.kind(v, jsontext.KindString, "2.15") && v.text != "2.1" {
		c.must("spec-version", "3.2", "must be \"2.1\", is %q", clip(v.text))
	}
}

// ownID checks the object's own identifier.
func ownID(c *check, v *value) {
	if c.local != nil {
		return // a container has keys instead
	}
	typ := c.refType(v)
	if typ == "" {
		return
	}
	if typ != c.typ && c.typ != "" {
		c.must("identifier", "2.9", "must begin with the object's type, %s--", clip(c.typ))
	}
	s := specOf(c.typ)
	if version := v.text[len(typ)+len("--xxxxxxxx-xxxx-")]; version != '4' && s != nil && s.family != sco {
		c.should("uuid-version", "2.9", "the UUID should be of version 4, is of version %c", version)
	}
}

// versionTime is created or modified, precise to the millisecond at least.
func versionTime(c *check, v *value) {
	timestamp(c, v)
	if v.kind != jsontext.KindString {
		return
	}
	if _, err := ParseTime(v.text); err != nil {
		return
	}
	_, fraction, _ := strings.Cut(strings.TrimSuffix(v.text, "Z"), ".")
	if len(fraction) < 3 {
		c.must("timestamp-precision", "3.2", "must have milliseconds (three digits after the point), like %s", milliseconds(v.text))
	}
}

func milliseconds(s string) string {
	t, err := ParseTime(s)
	if err != nil {
		return s
	}
	return FormatTime(t)
}
