package fusion

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// Amount is a number of people with its bounds.
type Amount struct {
	Low, Best, High int
	Known           bool
}

func (a Amount) String() string {
	switch {
	case !a.Known:
		return ""
	case a.Low == a.High:
		return strconv.Itoa(a.Best)
	}
	return fmt.Sprintf("%d–%d", a.Low, a.High)
}

// words for numbers that nobody counted, with what they are taken for here.
var roughly = map[string]Amount{
	"several": {2, 4, 9, true}, "some": {2, 4, 9, true}, "few": {2, 3, 6, true}, "couple": {2, 2, 2, true},
	"dozen": {12, 12, 12, true}, "dozens": {24, 36, 99, true}, "scores": {40, 60, 120, true}, "hundreds": {200, 300, 999, true},
}

var small = []string{
	"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
	"eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
}

var (
	rangeOf = regexp.MustCompile(`^(\d+)(?:\.0+)?\s*(?:-|–|—|to|or|/)\s*(\d+)(?:\.0+)?$`)
	number  = regexp.MustCompile(`^(at least|more than|over|up to|about|around|approximately|nearly|almost|min|max|>|<|~|≥|≤|>=|<=|c\.|ca\.)?\s*(\d+)(?:\.0+)?\s*(\+)?$`)
)

// most is more than any attack has killed or wounded; a greater figure is taken
// for a mistake.
const most = 1_000_000

// parseAmount reads a number of people: "12", "10-12", "at least 10", "10+",
// "dozens". note says what had to be guessed or could not be read.
func parseAmount(s string) (a Amount, note string) {
	s = strings.ToLower(strings.TrimSpace(digits(s)))
	switch s {
	case "", "-", "?", "na", "n/a", "nan", "none given", "null", "unknown", "not known", "unspecified", "-99", "-9", ".":
		return Amount{}, ""
	case "none", "nil", "no":
		return Amount{Known: true}, ""
	}
	grouped := s
	if n := strings.Count(s, ","); n > 0 && regexp.MustCompile(`^\d{1,3}(,\d{3})+$`).MatchString(s) {
		grouped = strings.ReplaceAll(s, ",", "")
	}
	if m := rangeOf.FindStringSubmatch(grouped); m != nil {
		lo, err1 := strconv.Atoi(m[1])
		hi, err2 := strconv.Atoi(m[2])
		if err1 == nil && err2 == nil && lo <= hi && hi <= most {
			return Amount{lo, (lo + hi) / 2, hi, true}, ""
		}
		return Amount{}, "is no range of people"
	}
	if m := number.FindStringSubmatch(grouped); m != nil {
		n, err := strconv.Atoi(m[2])
		if err != nil || n > most {
			return Amount{}, "is no number of people"
		}
		a := Amount{n, n, n, true}
		switch m[1] {
		case "at least", "more than", "over", "min", ">", "≥", ">=":
			a.High = n + max(2, n/2)
		case "up to", "max", "<", "≤", "<=", "nearly", "almost":
			a.Low = n - n/3
		case "about", "around", "approximately", "~", "c.", "ca.":
			a.Low, a.High = n-n/5, n+n/5
		}
		if m[3] != "" {
			a.High = n + max(2, n/2)
		}
		return a, ""
	}
	for w := range strings.FieldsFuncSeq(s, func(r rune) bool { return !unicode.IsLetter(r) }) {
		for n, name := range small {
			if w == name {
				return Amount{n, n, n, true}, ""
			}
		}
		if a, ok := roughly[w]; ok {
			if a.Low == a.High {
				return a, ""
			}
			return a, fmt.Sprintf("is no number; taken as %d to %d", a.Low, a.High)
		}
	}
	return Amount{}, "is no number and was not read"
}

// digits writes the decimal digits of the Arabic script as ASCII ones.
func digits(s string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c >= '\u0660' && c <= '\u0669':
			return c - '\u0660' + '0'
		case c >= '\u06F0' && c <= '\u06F9':
			return c - '\u06F0' + '0'
		case c == '\u066B':
			return '.'
		}
		return c
	}, s)
}

// apart says how far two amounts lie apart: 0 the same, 1 near, 2 comparable,
// 3 different.
func apart(a, b Amount) int {
	if a.Best == b.Best {
		return 0
	}
	gap := max(a.Low-b.High, b.Low-a.High, 0)
	if gap == 0 {
		return 1 // one lies in the other's bounds
	}
	large := max(a.Best, b.Best)
	switch {
	case gap <= max(1, large/5) && (a.Best > 0) == (b.Best > 0):
		return 1
	case gap <= max(2, large/2):
		return 2
	}
	return 3
}
