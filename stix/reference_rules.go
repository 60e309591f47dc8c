package stix

import (
	"regexp"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// externalReference is an external reference (§2.5).
var externalReference = object(&shape{name: "external-reference", section: "2.5", props: []property{
	req("source_name", text), opt("description", text), opt("url", referenceURL), opt("hashes", hashes), opt("external_id", text),
}, some: []string{"description", "url", "external_id"}, also: []rule{urlHashes}})

// urlHashes: hashes should be given for the content of a URL.
func urlHashes(c *check, v *value) {
	if v.has("url") && !v.has("hashes") {
		c.in("hashes", func() { c.should("url-hashes", "2.5.1", "hashes of the content should be given where there is a url") })
	}
}

// referenceURL is the URL of an external reference (RFC 3986).
func referenceURL(c *check, v *value) {
	if !c.kind(v, jsontext.KindString, "2.15") {
		return
	}
	switch fault, serious := urlFault(v.text); {
	case fault != "" && serious:
		c.must("url", "2.5.1", "%q %s", clip(v.text), fault)
	case fault != "":
		c.should("url", "2.5.1", "%q %s", clip(v.text), fault)
	}
}

var scheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*:`)

// urlFault says what keeps s from being a URL of RFC 3986. Faults in single
// characters, which are frequent in published objects, are not serious.
func urlFault(s string) (fault string, serious bool) {
	switch {
	case s == "":
		return "is empty", true
	case !scheme.MatchString(s):
		return "has no scheme", true
	case strings.HasSuffix(s, ":") && scheme.FindString(s) == s:
		return "has nothing after its scheme", true
	}
	for i := range len(s) {
		switch ch := s[i]; {
		case ch < 0x20 || ch == 0x7f:
			return "holds a control character", true
		case ch == ' ':
			return "holds a space", true
		case ch >= 0x80:
			return "holds a character outside ASCII, which must be percent-encoded", false
		case strings.IndexByte("\"<>\\^`{|}", ch) >= 0:
			return "holds " + string(rune(ch)) + ", which must be percent-encoded", false
		case ch == '%' && (i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2])):
			return "holds a % that begins no percent-encoding", false
		}
	}
	return "", false
}

// hashForms are the forms of hash values (§10.7).
var hashForms = map[string]*regexp.Regexp{
	"MD5":      regexp.MustCompile(`^[0-9a-fA-F]{32}$`),
	"SHA-1":    regexp.MustCompile(`^[0-9a-fA-F]{40}$`),
	"SHA-256":  regexp.MustCompile(`^[0-9a-fA-F]{64}$`),
	"SHA-512":  regexp.MustCompile(`^[0-9a-fA-F]{128}$`),
	"SHA3-256": regexp.MustCompile(`^[0-9a-fA-F]{64}$`),
	"SHA3-512": regexp.MustCompile(`^[0-9a-fA-F]{128}$`),
	"SSDEEP":   regexp.MustCompile(`^[0-9]+:[A-Za-z0-9/+]*:[A-Za-z0-9/+]*$`),
	"TLSH":     regexp.MustCompile(`^(T1)?[0-9a-fA-F]{70}$`),
}

// hashes is a dictionary of hashes (§2.7).
func hashes(c *check, v *value) {
	if !c.kind(v, jsontext.KindBeginObject, "2.7") {
		return
	}
	if len(v.keys) == 0 {
		c.must("empty-dictionary", "2.7", "a dictionary must not be empty; leave the property out instead")
	}
	for i, name := range v.keys {
		c.apply(name, &v.kids[i], func(c *check, h *value) { c.hash(name, h) })
	}
}

func (c *check) hash(name string, h *value) {
	c.key(name, "2.7", false)
	if len(name) < 3 {
		c.must("dictionary-key", "2.7", "the name of a hash has 3 to 250 characters")
	}
	if !c.kind(h, jsontext.KindString, "2.7") {
		return
	}
	switch form := hashForms[name]; {
	case form == nil:
		c.should("hash-algorithm", "10.7", "%q is not in %s (%s)", clip(name), hashAlgorithms.name, hashAlgorithms.list)
	case !form.MatchString(h.text):
		c.must("hash-value", "10.7", "%q is no %s hash", clip(h.text), name)
	}
}

// markingRef refers to a marking definition.
func markingRef(c *check, v *value) { ref("marking-definition")(c, v) }

// granularMarking marks parts of the object (§7.2.3).
var granularMarking = object(&shape{name: "granular-marking", section: "7.2.3", props: []property{
	opt("lang", langCode), opt("marking_ref", markingRef), req("selectors", list(selector)),
}, also: []rule{oneOf("lang", "marking_ref")}})

// selector must select something that is there.
func selector(c *check, v *value) {
	if !c.kind(v, jsontext.KindString, "2.15") {
		return
	}
	steps, err := splitSelector(v.text)
	if err != nil {
		c.must("selector", "7.2.3", "%q: %v", clip(v.text), err)
		return
	}
	if _, err := c.root.walk(steps); err != nil {
		c.must("selector", "7.2.3", "%q selects nothing: %v", clip(v.text), err)
	}
}
