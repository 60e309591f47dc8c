package stix

// object checks the common properties (§3.2) of the root.
func (c *check) object() {
	for _, name := range []string{"type", "id"} {
		if _, ok := c.root.get(name); !ok {
			c.in(name, func() { c.must("required", "3.2", "is required") })
		}
	}
	c.member(c.root, "type", func(c *check, v *value) {
		text(c, v)
		if v.text != "" && !isTypeName(v.text) {
			c.must("type-name", "2.20", "%q is no type name: 3 to 250 of a-z, 0-9 and hyphen", clip(v.text))
		}
	})
	c.member(c.root, "id", ref(c.typ))
	c.member(c.root, "created_by_ref", ref("identity"))
	c.member(c.root, "created", timestamp)
	c.member(c.root, "modified", timestamp)
	c.member(c.root, "revoked", boolean)
	c.member(c.root, "labels", list(text))
	c.member(c.root, "confidence", integer(0, 100))
	c.member(c.root, "object_marking_refs", list(ref("marking-definition")))
}
