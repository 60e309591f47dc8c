package stix

import "github.com/go-json-experiment/json/jsontext"

// container is the deprecated observable container of observed-data (§2.13): a
// dictionary of cyber-observables that refer to each other by their keys. They
// may be of STIX 2.0, so names that 2.1 does not have are let through.
func container(c *check, v *value) {
	if !c.kind(v, jsontext.KindBeginObject, "2.13") {
		return
	}
	c.should("deprecated", "4.14.1", "is deprecated; object_refs should be used")
	if len(v.keys) == 0 {
		c.must("empty-dictionary", "4.14.1", "must contain at least one object")
	}
	for i, key := range v.keys {
		c.apply(key, &v.kids[i], func(c *check, o *value) { c.contained(v, o) })
	}
}

// contained checks one object of a container, with the walk standing at it.
func (c *check) contained(all, o *value) {
	if !c.kind(o, jsontext.KindBeginObject, "2.13") {
		return
	}
	typ := o.str("type")
	if typ == "" {
		c.missing("type")
		return
	}
	inner := &check{
		root: o, id: c.id, typ: typ, at: c.at, section: "2.13",
		custom: true, defanged: o.isTrue("defanged"), local: all, out: c.out,
	}
	s := specOf(typ)
	switch {
	case s == nil || s.family != sco:
		inner.member(o, "type", typeName)
		if s != nil {
			inner.in("type", func() { inner.must("reference-type", "2.13", "%s is no cyber-observable", typ) })
		}
		for i, name := range o.keys {
			if name != "type" {
				inner.apply(name, &o.kids[i], generic)
			}
		}
	default:
		for i, name := range o.keys {
			if p := common(name); p != nil && p.use(sco) != unused {
				inner.apply(name, &o.kids[i], p.rule)
			}
		}
		inner.specific(s)
	}
	c.out = inner.out
}
