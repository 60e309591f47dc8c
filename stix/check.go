package stix

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// maxFindings bounds what one hostile object can make Validate say.
const maxFindings = 1000

// check walks one object and gathers findings.
type check struct {
	root    *value
	id      string
	typ     string
	section string // cited by rules that have no section of their own
	at      []step // where the walk stands
	out     []Finding

	// custom says that names unknown to the specification are expected: the
	// object is new, or an extension adds properties at its top level.
	custom bool
	// defanged says that the values of this observable were made harmless and
	// need not have their usual form.
	defanged bool
	// local resolves references inside an observable container, where they are
	// keys and not identifiers; nil elsewhere.
	local *value
}

// step is one part of a path: a name, or an index where name is empty.
type step struct {
	name  string
	index int
}

// rule checks one value; the walk stands at it.
type rule func(c *check, v *value)

func (c *check) path() string {
	var b strings.Builder
	for _, s := range c.at {
		if s.name == "" {
			b.WriteByte('[')
			b.WriteString(strconv.Itoa(s.index))
			b.WriteByte(']')
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(clip(s.name))
	}
	return b.String()
}

func (c *check) report(s Severity, rule, section, format string, args ...any) {
	if len(c.out) >= maxFindings {
		return
	}
	if section == "" {
		section = c.section
	}
	msg := format
	if len(args) > 0 {
		msg = fmt.Sprintf(format, args...)
	}
	c.out = append(c.out, Finding{Severity: s, ID: c.id, Path: c.path(), Rule: rule, Section: section, Message: msg})
}

func (c *check) must(rule, section, format string, args ...any) {
	c.report(Error, rule, section, format, args...)
}

func (c *check) should(rule, section, format string, args ...any) {
	c.report(Warning, rule, section, format, args...)
}

// in runs fn with the walk standing at the named member.
func (c *check) in(name string, fn func()) {
	c.at = append(c.at, step{name: name})
	fn()
	c.at = c.at[:len(c.at)-1]
}

// member applies r to the named member of v if it is there.
func (c *check) member(v *value, name string, r rule) {
	if m, ok := v.get(name); ok {
		c.apply(name, m, r)
	}
}

func (c *check) apply(name string, m *value, r rule) {
	c.at = append(c.at, step{name: name})
	r(c, m)
	c.at = c.at[:len(c.at)-1]
}

// each applies r to every element of v.
func (c *check) each(v *value, r rule) {
	for i := range v.kids {
		c.at = append(c.at, step{index: i})
		r(c, &v.kids[i])
		c.at = c.at[:len(c.at)-1]
	}
}

// kind requires a kind of JSON value and says whether it is that.
func (c *check) kind(v *value, k jsontext.Kind, section string) bool {
	if v.kind == k {
		return true
	}
	c.must("json-type", section, "must be %s, is %s", kindName(k), kindName(v.kind))
	return false
}

func kindName(k jsontext.Kind) string {
	switch k {
	case jsontext.KindNull:
		return "null"
	case jsontext.KindTrue, jsontext.KindFalse:
		return "a boolean"
	case jsontext.KindString:
		return "a string"
	case jsontext.KindNumber:
		return "a number"
	case jsontext.KindBeginObject:
		return "an object"
	case jsontext.KindBeginArray:
		return "a list"
	}
	return "nothing"
}

// shape is the definition of an object with named properties: a STIX object or a
// type nested in one.
type shape struct {
	name    string
	section string
	props   []property
	// some names properties of which at least one must be there; "*" stands
	// for any property but the required ones.
	some []string
	also []rule // further rules, over the whole object

	index map[string]int // of props, by name; filled by [shape.compile]
}

// property is one row of a property table.
type property struct {
	name string
	need bool
	rule rule
}

func req(name string, r rule) property { return property{name, true, r} }
func opt(name string, r rule) property { return property{name, false, r} }

func (s *shape) compile() *shape {
	s.index = make(map[string]int, len(s.props))
	for i, p := range s.props {
		s.index[p.name] = i
	}
	return s
}

// object is a nested object of that shape.
func object(s *shape) rule {
	s.compile()
	return func(c *check, v *value) {
		if c.kind(v, jsontext.KindBeginObject, s.section) {
			c.shape(v, s)
		}
	}
}

// shape checks the members of v against the definition.
func (c *check) shape(v *value, s *shape) {
	section := c.section
	c.section = s.section
	for i, name := range v.keys {
		if p, ok := s.index[name]; ok {
			c.apply(name, &v.kids[i], s.props[p].rule)
		} else {
			c.apply(name, &v.kids[i], customProperty)
		}
	}
	for _, p := range s.props {
		if _, ok := v.get(p.name); p.need && !ok {
			c.missing(p.name)
		}
	}
	c.some(v, s)
	for _, r := range s.also {
		r(c, v)
	}
	c.section = section
}

func (c *check) missing(name string) {
	c.in(name, func() { c.must("required", "", "%s is required", name) })
}

// some requires one of the properties that s names.
func (c *check) some(v *value, s *shape) {
	if len(s.some) == 0 || v.hasAny(s.some...) {
		return
	}
	if s.some[0] != "*" {
		c.must("required", "", "must have at least one of %s", strings.Join(s.some, ", "))
		return
	}
	for _, name := range v.keys {
		if p, ok := s.index[name]; !ok || !s.props[p].need {
			return
		}
	}
	c.must("required", "", "must have at least one property of %s besides the required ones", s.name)
}

func (v *value) has(name string) bool {
	_, ok := v.get(name)
	return ok
}

func (v *value) hasAny(names ...string) bool {
	for _, n := range names {
		if v.has(n) {
			return true
		}
	}
	return false
}

// isTrue reports whether the member is there and true.
func (v *value) isTrue(name string) bool {
	m, ok := v.get(name)
	return ok && m.kind == jsontext.KindTrue
}

// isFalse reports whether the member is there and false.
func (v *value) isFalse(name string) bool {
	m, ok := v.get(name)
	return ok && m.kind == jsontext.KindFalse
}
