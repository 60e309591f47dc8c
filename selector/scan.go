package selector

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Found is a value that Scan met in a text, as it is written there.
type Found struct {
	Kind  string
	Value string
}

// MaxScan is how much of a text Scan reads, in bytes.
const MaxScan = 1 << 20

// phoneShape is what a phone number may look like; what it finds must be a
// number by Normalise, and either lead with "+" or "00" or be national in full.
var phoneShape = regexp.MustCompile(`(?:\+|\b0)[0-9](?:[-. ()/]{0,2}[0-9]){6,15}`)

// plateShape is two or three groups of Latin capitals, Arabic letters and
// digits behind a word for a plate.
var plateShape = regexp.MustCompile(`(?i)(?:\b(?:licen[cs]e plate|number plate|registration|reg|plate|vehicle)(?: number| no| nr)?|پلیت|پلېټ|پلاک|نمبر پلیٹ|لوحة|شماره پلیت)[ .:#№-]{0,3}((?:[A-Z]{1,4}|[\x{0621}-\x{064A}\x{067E}-\x{06D3}]{1,7})[- ]{0,2}(?:[0-9]{2}[- ]{1,2})?[0-9]{1,6}|[0-9]{1,5}[- ]{0,2}[A-Z]{1,3}[- ]{0,2}[0-9]{0,5})\b`)

// shapes find what else has a form of its own; most of it carries a checksum or
// is known by its ending, which Normalise tests. Most texts hold none, so each
// is looked for only where may allows it.
var shapes = []struct {
	kind  string
	shape *regexp.Regexp
	may   func(m *marks) bool
}{
	{"url", regexp.MustCompile(`(?i)\bh(?:tt|xx)ps?(?:://|\[:\]//|\[://\])[^\s<>"'«»،؛]+`), func(m *marks) bool { return m.slashes }},
	{"email", regexp.MustCompile(`(?i)\b[a-z0-9][a-z0-9._%+-]*(?:@|\[at\])[a-z0-9-]+(?:(?:\.|\[\.\])[a-z0-9-]+)+`), func(m *marks) bool { return m.at }},
	{"ip", regexp.MustCompile(`\b[0-9]{1,3}(?:(?:\.|\[\.\])[0-9]{1,3}){3}\b`), func(m *marks) bool { return m.digits >= 4 }},
	{"hash", regexp.MustCompile(`\b(?:[0-9a-fA-F]{128}|[0-9a-fA-F]{64}|[0-9a-fA-F]{40}|[0-9a-fA-F]{32})\b`), func(m *marks) bool { return m.run >= 32 }},
	{"iban", regexp.MustCompile(`\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b`), func(m *marks) bool { return m.capitals && m.digits >= 10 }},
	{"crypto", regexp.MustCompile(`\b(?:bc1[02-9ac-hj-np-z]{11,71}|0x[0-9a-fA-F]{40}|[13T][1-9A-HJ-NP-Za-km-z]{25,34})\b`), func(m *marks) bool { return m.run >= 26 }},
}

// marks are what a text must have for a shape to be in it.
type marks struct {
	digits, run                  int // ASCII digits; the longest run of ASCII letters and digits
	at, slashes, capitals, plate bool
}

func marksOf(text string) *marks {
	m := &marks{slashes: strings.Contains(text, "//")}
	run := 0
	for i := range len(text) {
		c := text[i]
		switch {
		case c >= '0' && c <= '9':
			m.digits++
			run++
		case c >= 'A' && c <= 'Z':
			m.capitals = true
			run++
		case c >= 'a' && c <= 'z':
			run++
		default:
			m.at = m.at || c == '@'
			run = 0
		}
		m.run = max(m.run, run)
	}
	lower := strings.ToLower(text)
	m.at = m.at || strings.Contains(lower, "[at]")
	m.plate = slices.ContainsFunc(plateWords, func(w string) bool { return strings.Contains(lower, w) })
	return m
}

// plateWords are in every word that plateShape begins with.
var plateWords = []string{"plate", "reg", "vehicle", "پلیت", "پلېټ", "پلاک", "پلیٹ", "لوحة"}

// Scan returns the selectors in a text, in the order in which they stand, each
// once: phone numbers, vehicle plates behind a word for one, web, e-mail and IP
// addresses (also as [.] and hxxp), file hashes, IBANs and crypto addresses. It
// takes what clearly is one, by its form, its checksum and the words beside it,
// rather than all that might be. It reads the first MaxScan bytes.
func Scan(text string, opts ...Option) []Found {
	text = clean(text[:cut(text, MaxScan)])
	type place struct {
		kind     string
		from, to int
	}
	var places []place
	m := marksOf(text)
	for _, s := range shapes {
		if !s.may(m) {
			continue
		}
		for _, p := range s.shape.FindAllStringIndex(text, -1) {
			if s.kind == "ip" && !standsAlone(text, p[0], p[1]) {
				continue // a version or another number with dots
			}
			end := p[0] + len(strings.TrimRight(text[p[0]:p[1]], ".,;:!?)]}"))
			places = append(places, place{s.kind, p[0], end})
		}
	}
	if m.digits >= 7 {
		for _, p := range phoneShape.FindAllStringIndex(text, -1) {
			if standsAlone(text, p[0], p[1]) {
				places = append(places, place{"phone", p[0], p[1]})
			}
		}
	}
	if m.digits > 0 && m.plate {
		for _, p := range plateShape.FindAllStringSubmatchIndex(text, -1) {
			places = append(places, place{"plate", p[2], p[3]})
		}
	}
	// What begins first counts, then what is longer, then what is named first.
	slices.SortStableFunc(places, func(a, b place) int { return cmp.Or(a.from-b.from, b.to-a.to) })
	var found []Found
	seen := make(map[Found]bool)
	end := 0
	for _, p := range places {
		f := Found{p.kind, strings.TrimSpace(text[p.from:p.to])}
		if p.from < end {
			continue
		}
		if _, err := Normalise(f.Kind, f.Value, opts...); err != nil {
			continue
		}
		if end = p.to; !seen[f] {
			seen[f] = true
			found = append(found, f)
		}
	}
	return found
}

// cut returns the greatest length up to n that splits no character.
func cut(s string, n int) int {
	if len(s) <= n {
		return len(s)
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return n
}

// standsAlone reports whether no letter or digit touches text[from:to], and no
// decimal point or further group of digits.
func standsAlone(text string, from, to int) bool {
	joins := func(c byte) bool {
		return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '@'
	}
	if from > 0 && (joins(text[from-1]) || text[from-1] == '.' || text[from-1] == '-') {
		return false
	}
	if to+1 < len(text) && text[to] == '.' && text[to+1] >= '0' && text[to+1] <= '9' {
		return false
	}
	return to == len(text) || !joins(text[to])
}
