package selector

import (
	"regexp"
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

// Scan returns the phone numbers and vehicle plates in a text, in the order in
// which they stand, each once. It takes what clearly is one, by its form and
// the words beside it, rather than all that might be. It reads the first
// MaxScan bytes.
func Scan(text string, opts ...Option) []Found {
	text = clean(text[:cut(text, MaxScan)])
	var found []Found
	seen := make(map[Found]bool)
	add := func(kind, value string) {
		f := Found{kind, strings.TrimSpace(value)}
		if _, err := Normalise(kind, f.Value, opts...); err == nil && !seen[f] {
			seen[f] = true
			found = append(found, f)
		}
	}
	phones := phoneShape.FindAllStringIndex(text, -1)
	plates := plateShape.FindAllStringSubmatchIndex(text, -1)
	for len(phones) > 0 || len(plates) > 0 {
		if len(plates) == 0 || len(phones) > 0 && phones[0][0] < plates[0][2] {
			p := phones[0]
			phones = phones[1:]
			if standsAlone(text, p[0], p[1]) {
				add("phone", text[p[0]:p[1]])
			}
			continue
		}
		p := plates[0]
		plates = plates[1:]
		add("plate", text[p[2]:p[3]])
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
	return to == len(text) || !joins(text[to])
}
