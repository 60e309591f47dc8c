package stix

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// maxFindings bounds what one hostile object can make Validate say.
const maxFindings = 1000

// check walks one object and gathers findings.
type check struct {
	root *value
	id   string
	typ  string
	at   []step // where the walk stands
	out  []Finding
	// section is cited by rules that have no section of their own.
	section string
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
		switch {
		case s.name == "":
			b.WriteByte('[')
			b.WriteString(strconv.Itoa(s.index))
			b.WriteByte(']')
		case b.Len() > 0:
			b.WriteByte('.')
			fallthrough
		default:
			b.WriteString(clip(s.name))
		}
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
	c.out = append(c.out, Finding{
		Severity: s, ID: c.id, Path: c.path(), Rule: rule, Section: section,
		Message: fmt.Sprintf(format, args...),
	})
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
		c.at = append(c.at, step{name: name})
		r(c, m)
		c.at = c.at[:len(c.at)-1]
	}
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

// anything accepts every value.
func anything(*check, *value) {}

// text is a string (§2.15).
func text(c *check, v *value) { c.kind(v, jsontext.KindString, "2.15") }

// boolean is true or false (§2.2).
func boolean(c *check, v *value) {
	if v.kind != jsontext.KindTrue && v.kind != jsontext.KindFalse {
		c.must("json-type", "2.2", "must be a boolean, is %s", kindName(v.kind))
	}
}

// literal is one fixed string.
func literal(want string) rule {
	return func(c *check, v *value) {
		if c.kind(v, jsontext.KindString, "") && v.text != want {
			c.must("fixed-value", "", "must be %q, is %q", want, clip(v.text))
		}
	}
}

// list is a list whose elements obey r; it must not be empty (§2.11).
func list(r rule) rule {
	return func(c *check, v *value) {
		if !c.kind(v, jsontext.KindBeginArray, "2.11") {
			return
		}
		if len(v.kids) == 0 {
			c.must("empty-list", "2.11", "a list must not be empty; leave the property out instead")
		}
		c.each(v, r)
	}
}

// timestamp is a STIX timestamp (§2.16).
func timestamp(c *check, v *value) {
	if !c.kind(v, jsontext.KindString, "2.16") {
		return
	}
	if _, err := ParseTime(v.text); err != nil {
		c.must("timestamp", "2.16", "%v", err)
	}
}

// ref is an identifier of one of the given types; of any type when none is
// given (§2.9).
func ref(types ...string) rule {
	return func(c *check, v *value) {
		if !c.kind(v, jsontext.KindString, "2.9") {
			return
		}
		typ, _, ok := SplitID(v.text)
		if !ok {
			c.must("identifier", "2.9", "%q is not type--UUID", clip(v.text))
			return
		}
		if len(types) > 0 && !slices.Contains(types, typ) {
			c.must("reference-type", "", "must refer to %s, refers to %s", strings.Join(types, " or "), clip(typ))
		}
	}
}

// integer is a whole number within ±(2^53−1) (§2.10) and within [low, high].
func integer(low, high int64) rule {
	return func(c *check, v *value) {
		if !c.kind(v, jsontext.KindNumber, "2.10") {
			return
		}
		n, err := strconv.ParseInt(v.text, 10, 64)
		const exact = 1<<53 - 1
		switch {
		case err != nil || n > exact || n < -exact:
			c.must("integer", "2.10", "%s is not a whole number within 2^53-1", clip(v.text))
		case n < low || n > high:
			c.must("range", "", "%d is outside %s", n, span(low, high))
		}
	}
}

func span(low, high int64) string {
	const exact = 1<<53 - 1
	if high >= exact {
		return fmt.Sprintf("%d and above", low)
	}
	return fmt.Sprintf("%d to %d", low, high)
}
