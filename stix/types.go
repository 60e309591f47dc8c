package stix

import (
	"encoding/base64"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/text/language"
)

// The rules of the common data types (§2).

// anything accepts every value of STIX.
func anything(c *check, v *value) { generic(c, v) }

// text is a string (§2.15).
func text(c *check, v *value) { c.kind(v, jsontext.KindString, "2.15") }

// boolean is true or false (§2.2).
func boolean(c *check, v *value) {
	if v.kind != jsontext.KindTrue && v.kind != jsontext.KindFalse {
		c.must("json-type", "2.2", "must be a boolean, is %s", kindName(v.kind))
	}
}

// list is a list whose elements obey r; it must not be empty (§2.12).
func list(r rule) rule {
	return func(c *check, v *value) {
		if !c.kind(v, jsontext.KindBeginArray, "2.12") {
			return
		}
		if len(v.kids) == 0 {
			c.must("empty-list", "2.12", "a list must not be empty; leave the property out instead")
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

// secondsOnly is a timestamp precise to the second.
func secondsOnly(c *check, v *value) {
	timestamp(c, v)
	if strings.Contains(v.text, ".") {
		c.must("timestamp", "", "must be precise to the second, without a fraction")
	}
}

// order requires member b to be later than member a, or not earlier where equal
// is set. Ill-formed times are left to their own rule.
func order(a, b string, equal bool) rule {
	return func(c *check, v *value) {
		s, t := v.str(a), v.str(b)
		if s == "" || t == "" {
			return
		}
		from, err1 := ParseTime(s)
		to, err2 := ParseTime(t)
		if err1 != nil || err2 != nil || to.After(from) || equal && to.Equal(from) {
			return
		}
		than := "later than"
		if equal {
			than = "later than or equal to"
		}
		c.in(b, func() { c.must("time-order", "", "%s must be %s %s, %s", t, than, a, s) })
	}
}

// ref is an identifier of one of the given types; of any type when none is
// given (§2.9).
func ref(types ...string) rule {
	return func(c *check, v *value) {
		switch typ := c.refType(v); {
		case typ == "" || slices.Contains(types, typ):
		case len(types) > 0:
			c.must("reference-type", "", "must refer to %s, refers to %s", orList(types), clip(typ))
		case typ == "bundle":
			c.mustNotBundle()
		}
	}
}

// refType returns the type of the object that v refers to, "" when it is no
// valid reference, which it then reports.
func (c *check) refType(v *value) string {
	if !c.kind(v, jsontext.KindString, "2.9") {
		return ""
	}
	if c.local != nil {
		target, ok := c.local.get(v.text)
		if !ok {
			c.must("reference", "2.13", "%q is no key of this container", clip(v.text))
			return ""
		}
		return target.str("type")
	}
	typ, _, ok := SplitID(v.text)
	if !ok {
		c.must("identifier", "2.9", "%q is not type--UUID (RFC 4122)", clip(v.text))
		return ""
	}
	return typ
}

func (c *check) mustNotBundle() {
	c.must("reference-type", "8", "a bundle is no STIX object and cannot be referred to")
}

func orList(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// Families of object types, for references to any object of a family. Types
// that the specification does not define count as any of them.
func refFamily(what string, families ...family) rule {
	return func(c *check, v *value) {
		typ := c.refType(v)
		if s := specOf(typ); s != nil && !slices.Contains(families, s.family) {
			c.must("reference-type", "", "must refer to %s, refers to %s", what, typ)
		} else if typ == "bundle" {
			c.mustNotBundle()
		}
	}
}

// maxInteger is the greatest integer of STIX, 2^53-1 (§2.10).
const maxInteger = 1<<53 - 1

// integer is a whole number within ±(2^53-1) (§2.10) and within [low, high].
func integer(low, high int64) rule {
	return func(c *check, v *value) {
		if !c.kind(v, jsontext.KindNumber, "2.10") {
			return
		}
		n, ok := wholeNumber(v.text)
		switch {
		case !ok:
			c.must("integer", "2.10", "%s is not a whole number within 2^53-1", clip(v.text))
		case n < low || n > high:
			c.must("range", "", "%d is outside %s", n, span(low, high))
		}
	}
}

// wholeNumber reads a JSON number that is whole and exact; 10.0 and 1e1 are ten.
func wholeNumber(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || f != math.Trunc(f) || math.Abs(f) > maxInteger {
			return 0, false
		}
		n = int64(f)
	}
	return n, n <= maxInteger && n >= -maxInteger
}

var (
	anyInteger = integer(-maxInteger, maxInteger)
	notBelow0  = integer(0, maxInteger)
)

func span(low, high int64) string {
	if high >= maxInteger {
		return strconv.FormatInt(low, 10) + " and above"
	}
	return strconv.FormatInt(low, 10) + " to " + strconv.FormatInt(high, 10)
}

// float is a number that a double can hold (§2.6), within [low, high].
func float(low, high float64) rule {
	return func(c *check, v *value) {
		if !c.kind(v, jsontext.KindNumber, "2.6") {
			return
		}
		f, err := strconv.ParseFloat(v.text, 64)
		switch {
		case err != nil:
			c.must("float", "2.6", "%s does not fit a double-precision number", clip(v.text))
		case f < low || f > high:
			c.must("range", "", "%s is outside %g to %g", clip(v.text), low, high)
		}
	}
}

// binary is base64 (§2.1).
func binary(c *check, v *value) {
	if !c.kind(v, jsontext.KindString, "2.1") {
		return
	}
	if _, err := base64.StdEncoding.DecodeString(v.text); err != nil || strings.ContainsAny(v.text, "\r\n") {
		c.must("binary", "2.1", "is not base64 (RFC 4648 §4)")
	}
}

// hexadecimal is an even number of hexadecimal digits. The text wants them in
// lower case; the published examples have both, so upper case is a warning.
func hexadecimal(c *check, v *value) {
	if !c.kind(v, jsontext.KindString, "2.8") {
		return
	}
	upper := false
	for i := range len(v.text) {
		if !isHex(v.text[i]) {
			c.must("hex", "2.8", "%q holds more than hexadecimal digits", clip(v.text))
			return
		}
		upper = upper || v.text[i] >= 'A' && v.text[i] <= 'F'
	}
	if len(v.text)%2 != 0 || v.text == "" {
		c.must("hex", "2.8", "%q is not an even number of hexadecimal digits", clip(v.text))
	} else if upper {
		c.should("hex-case", "2.8", "%q must be in lower case", clip(v.text))
	}
}

// dictionary is a dictionary whose values obey r (§2.3).
func dictionary(r rule) rule { return dict("2.3", true, r) }

// namedAs is a dictionary whose keys are names from elsewhere that keep their
// case, so that the wish for lower case does not apply.
func namedAs(r rule) rule { return dict("2.3", false, r) }

func dict(section string, lower bool, r rule) rule {
	return func(c *check, v *value) {
		if !c.kind(v, jsontext.KindBeginObject, section) {
			return
		}
		if len(v.keys) == 0 {
			c.must("empty-dictionary", section, "a dictionary must not be empty; leave the property out instead")
		}
		for i, k := range v.keys {
			c.apply(k, &v.kids[i], func(c *check, e *value) {
				c.key(k, section, lower)
				r(c, e)
			})
		}
	}
}

// key checks a dictionary key.
func (c *check) key(k, section string, lower bool) {
	upper := false
	for i := range len(k) {
		ch := k[i]
		upper = upper || ch >= 'A' && ch <= 'Z'
		if !isAlnum(ch) && ch != '-' && ch != '_' {
			c.must("dictionary-key", section, "the key may hold only A-Z, a-z, 0-9, hyphen and underscore")
			return
		}
	}
	switch {
	case k == "" || len(k) > 250:
		c.must("dictionary-key", section, "the key must have 1 to 250 characters")
	case upper && lower:
		c.should("dictionary-key", section, "the key should be in lower case")
	}
}

func isAlnum(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// langCode is a language code of RFC 5646.
func langCode(c *check, v *value) {
	if c.kind(v, jsontext.KindString, "2.15") {
		c.language(v.text)
	}
}

func (c *check) language(s string) {
	if !isLanguage(s) {
		c.must("language", "", "%q is no language code of RFC 5646", clip(s))
	}
}

// isLanguage also refuses what a lenient reader would map: underscores, and
// three letters where the registry has two.
func isLanguage(s string) bool {
	if len(s) > 100 || strings.Contains(s, "_") {
		return false
	}
	if _, err := language.Parse(s); err != nil {
		return false
	}
	base, _, _ := strings.Cut(s, "-")
	if len(base) != 3 {
		return true
	}
	b, err := language.ParseBase(base)
	return err == nil && strings.EqualFold(b.String(), base)
}

// softwareLanguage is a language code of RFC 5646. Earlier editions had the
// three-letter codes of ISO 639-2, so that those are a warning.
func softwareLanguage(c *check, v *value) {
	if _, err := language.ParseBase(v.text); err == nil && len(v.text) == 3 && !isLanguage(v.text) {
		c.should("language", "", "%q must be the code of RFC 5646, which has two letters", clip(v.text))
		return
	}
	langCode(c, v)
}

// encodingName is the name of a character set (§3.9.1).
func encodingName(c *check, v *value) {
	if c.kind(v, jsontext.KindString, "2.15") && !charsets[v.text] {
		c.must("character-set", "3.9.1", "%q is no preferred name of the IANA registry of character sets", clip(v.text))
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

// enum is a word of a closed vocabulary (§2.4).
func enum(o *vocabulary) rule {
	return func(c *check, v *value) {
		if c.kind(v, jsontext.KindString, "2.4") && !o.words[v.text] {
			c.must("enumeration", o.section, "%q is not in %s (%s)", clip(v.text), o.name, o.list)
		}
	}
}

// open is a word that should come from a vocabulary (§2.14).
func open(o *vocabulary) rule {
	return func(c *check, v *value) {
		if !c.kind(v, jsontext.KindString, "2.14") || o.words[v.text] {
			return
		}
		c.should("open-vocabulary", o.section, "%q is not in %s", clip(v.text), o.name)
		c.wordForm(v.text, "2.14")
	}
}

// wordForm wishes for lower case and hyphens between words.
func (c *check) wordForm(s, section string) {
	if strings.ContainsAny(s, " _") || s != strings.ToLower(s) {
		c.should("word-form", section, "%q should be in lower case with hyphens between words", clip(s))
	}
}

// generic checks a value that the specification does not define further: no
// null, no empty list, no empty dictionary. Empty ones deeper inside what a
// producer defined for itself are only warnings: published objects have them.
func generic(c *check, v *value) { c.generic(v, Error) }

func (c *check) generic(v *value, empty Severity) {
	switch v.kind {
	case jsontext.KindNull:
		c.must("null", "2", "null is no value of STIX; leave the property out instead")
	case jsontext.KindBeginArray:
		if len(v.kids) == 0 {
			c.report(empty, "empty-list", "2.12", "a list must not be empty; leave the property out instead")
		}
		c.each(v, inner)
	case jsontext.KindBeginObject:
		if len(v.keys) == 0 {
			c.report(empty, "empty-dictionary", "2.3", "a dictionary must not be empty; leave the property out instead")
		}
		for i, k := range v.keys {
			c.apply(k, &v.kids[i], inner)
		}
	}
}

func inner(c *check, v *value) { c.generic(v, Warning) }

// customProperty is a property that the specification does not define. The walk
// stands at it, so its name is the last step.
func customProperty(c *check, v *value) {
	name := c.at[len(c.at)-1].name
	if !isPropertyName(name) {
		c.must("property-name", "11.1.1", "a property name has 3 to 250 characters of a-z, 0-9 and underscore, and begins with a letter")
	}
	switch {
	case reservedNames[name] && len(c.at) == 1:
		c.must("reserved-name", "3.8", "%q is reserved and must not be used", name)
	case !c.custom && strings.HasPrefix(name, "x_"):
		c.should("custom-property", "11.1", "custom properties are deprecated; an extension should carry it")
	case !c.custom:
		c.should("custom-property", "11.1.1", "is not defined for this type; custom properties should begin with x_, and an extension should carry them")
	}
	generic(c, v)
}

var reservedNames = map[string]bool{"severity": true, "username": true, "phone_number": true, "action": true}

// isPropertyName checks what §3.1 and §11.1.1 ask of a property name.
func isPropertyName(s string) bool {
	if len(s) < 3 || len(s) > 250 || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}
