package misp

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"parley.example/parley/stix"
)

// patternOf is the STIX pattern that matches a graph of observables.
func patternOf(g graph) string {
	root := g.root()
	typ, _ := root["type"].(string)
	var terms []string
	var walk func(p props, path string)
	term := func(path, v string) { terms = append(terms, path+" = "+v) }
	leaf := func(path string, v any) {
		switch v := v.(type) {
		case string:
			term(path, quote(v))
		case stix.Number:
			term(path, string(v))
		}
	}
	walk = func(p props, path string) {
		for _, n := range slices.Sorted(maps.Keys(p)) {
			v := p[n]
			switch {
			case slices.Contains([]string{"type", "id", "spec_version", "object_marking_refs", "is_multipart", "content_ref"}, n):
			case strings.HasSuffix(n, "_ref"):
				walk(g.lookup(v.(string)), path+n+".")
			case strings.HasSuffix(n, "_refs"):
				for _, r := range v.([]any) {
					walk(g.lookup(r.(string)), path+n+"[*].")
				}
			case n == "hashes":
				h := v.(props)
				for _, a := range slices.Sorted(maps.Keys(h)) {
					leaf(path+"hashes."+quote(a), h[a])
				}
			case n == "values":
				for _, x := range v.([]any) {
					walk(x.(props), path+"values[*].")
				}
			case n == "additional_header_fields":
				h := v.(props)
				for _, a := range slices.Sorted(maps.Keys(h)) {
					leaf(path+n+"."+quote(a)+"[*]", h[a].([]any)[0])
				}
			case n == "protocols":
				for _, x := range v.([]any) {
					if x != "ip" && x != "ipv4" && x != "ipv6" {
						leaf(path+"protocols[*]", x)
					}
				}
			case slices.Contains([]string{"date", "modified_time", "validity_not_before", "validity_not_after"}, n):
				term(path+n, "t"+quote(v.(string)))
			default:
				leaf(path+n, v)
			}
		}
	}
	walk(root, typ+":")
	if len(terms) == 0 {
		return ""
	}
	return "[" + strings.Join(terms, " AND ") + "]"
}

func quote(s string) string {
	return "'" + strings.ReplaceAll(strings.ReplaceAll(s, `\`, `\\`), "'", `\'`) + "'"
}

// observation is what a simple pattern looks for.
type observation struct {
	kind  string
	slots []slot
}

// simplePattern reads a pattern of one observation whose comparisons are all
// equalities of slots, joined by AND, or by OR, where each is an observation of
// its own. ok is false for every other pattern.
func simplePattern(pattern string) (out []observation, ok bool) {
	s, ok := strings.CutPrefix(strings.TrimSpace(pattern), "[")
	if !ok {
		return nil, false
	}
	joiner := ""
	for {
		var c comparison
		if c, s, ok = takeComparison(s); !ok {
			return nil, false
		}
		kind, sl, ok := c.slot()
		if !ok {
			return nil, false
		}
		if len(out) > 0 && joiner == "AND" {
			last := &out[len(out)-1]
			if last.kind != kind {
				return nil, false
			}
			last.slots = append(last.slots, sl)
		} else {
			out = append(out, observation{kind, []slot{sl}})
		}
		s = strings.TrimLeft(s, " \t\r\n")
		if rest, end := strings.CutPrefix(s, "]"); end {
			return out, strings.TrimSpace(rest) == ""
		}
		word, rest, _ := strings.Cut(s, " ")
		if word != "AND" && word != "OR" || joiner != "" && joiner != word {
			return nil, false
		}
		joiner, s = word, rest
	}
}

// comparison is one equality: the type, its path in parts, and the constant.
type comparison struct {
	typ   string
	path  string
	value string
}

// takeComparison reads path = constant off the front of s.
func takeComparison(s string) (c comparison, rest string, ok bool) {
	s = strings.TrimLeft(s, " \t\r\n")
	colon := strings.IndexByte(s, ':')
	if colon < 0 {
		return c, s, false
	}
	c.typ, s = s[:colon], s[colon+1:]
	i := 0
	for quoted := false; i < len(s) && (quoted || s[i] != '=' && s[i] != ' '); i++ {
		if s[i] == '\'' {
			quoted = !quoted
		}
	}
	c.path, s = s[:i], strings.TrimLeft(s[i:], " ")
	if s, ok = strings.CutPrefix(s, "="); !ok {
		return c, s, false
	}
	s = strings.TrimPrefix(strings.TrimLeft(s, " "), "t")
	if !strings.HasPrefix(s, "'") {
		n := 0
		for n < len(s) && s[n] >= '0' && s[n] <= '9' {
			n++
		}
		c.value = s[:n]
		return c, s[n:], n > 0
	}
	var b strings.Builder
	for j := 1; j < len(s); j++ {
		switch {
		case s[j] == '\\' && j+1 < len(s):
			j++
			b.WriteByte(s[j])
		case s[j] == '\'':
			c.value = b.String()
			return c, s[j+1:], c.value != ""
		default:
			b.WriteByte(s[j])
		}
	}
	return c, s, false
}

// slot says which slot of which kind the comparison is about.
func (c comparison) slot() (kind string, s slot, ok bool) {
	kind = c.typ
	is := func(name string) (string, slot, bool) { return kind, slot{name, c.value}, true }
	if kind == "ipv4-addr" || kind == "ipv6-addr" {
		kind = "ip"
		if c.path == "value" {
			return is("ip")
		}
		return "", s, false
	}
	for name, prop := range plain[kind] {
		if prop == c.path {
			return is(name)
		}
	}
	if a, found := strings.CutPrefix(c.path, "hashes."); found && (kind == "file" || kind == "x509-certificate") {
		a = strings.Trim(a, "'")
		for _, h := range hashNames {
			if strings.EqualFold(h.value, a) || strings.EqualFold(strings.ReplaceAll(h.value, "-", ""), a) {
				return is(h.name)
			}
		}
	}
	name := map[string]string{
		"domain-name resolves_to_refs[*].value": "ip", "file parent_directory_ref.path": "path",
		"email-message from_ref.value": "from", "email-message to_refs[*].value": "to", "email-message cc_refs[*].value": "cc",
		"email-message bcc_refs[*].value":                      "bcc",
		"email-message additional_header_fields.'Reply-To'[*]": "reply-to",
		"email-message additional_header_fields.'X-Mailer'[*]": "x-mailer",
		"network-traffic protocols[*]":                         "protocol",
		"windows-registry-key values[*].name":                  "value-name",
		"windows-registry-key values[*].data":                  "value-data",
		"windows-registry-key values[*].data_type":             "value-type",
	}[kind+" "+c.path]
	if side, found := strings.CutSuffix(c.path, "_ref.value"); found && kind == "network-traffic" && (side == "src" || side == "dst") {
		name = side + "-domain"
		if _, err := netip.ParseAddr(c.value); err == nil {
			name = side + "-ip"
		}
	}
	if name == "" {
		return "", s, false
	}
	return is(name)
}

func (o observation) String() string { return fmt.Sprint(o.kind, o.slots) }
