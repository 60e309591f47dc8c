package selector

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// clean brings a value into one form: valid UTF-8 in NFKC (wide and presentation
// forms become plain), every script's decimal digits as ASCII, and without the
// marks that are there for display: bidirectional and joining controls, soft
// hyphens, tatweel, byte order marks. Dashes and spaces of all kinds become
// "-" and " ".
func clean(s string) string {
	s = norm.NFKC.String(strings.ToValidUTF8(s, "\ufffd"))
	s = strings.Map(func(r rune) rune {
		switch {
		case r < utf8.RuneSelf:
			if unicode.IsSpace(r) {
				return ' '
			}
			return r
		case r == 'ـ' || unicode.In(r, unicode.Cf):
			return -1
		case unicode.IsDigit(r):
			return '0' + digitOf(r)
		case unicode.In(r, unicode.Pd) || r == '−':
			return '-'
		case unicode.IsSpace(r):
			return ' '
		}
		return r
	}, s)
	return strings.TrimSpace(s)
}

// digitOf returns the value of a decimal digit of any script. Unicode gives
// digits in runs of ten from zero up (Unicode 17, section 4.6).
func digitOf(r rune) rune {
	for _, t := range unicode.Nd.R16 {
		if rune(t.Lo) <= r && r <= rune(t.Hi) {
			return (r - rune(t.Lo)) % 10
		}
	}
	for _, t := range unicode.Nd.R32 {
		if rune(t.Lo) <= r && r <= rune(t.Hi) {
			return (r - rune(t.Lo)) % 10
		}
	}
	return 0
}

// strip removes the given characters.
func strip(s, chars string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(chars, r) {
			return -1
		}
		return r
	}, s)
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

func alphanumeric(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return s != ""
}

// cutPrefixFold is strings.CutPrefix for ASCII without regard to case.
func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
		return s[len(prefix):], true
	}
	return s, false
}

// luhn reports whether digits end in their check digit (ISO/IEC 7812-1, annex B).
func luhn(digits string) bool {
	sum := 0
	for i := range len(digits) {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// luhnDigit returns the digit that digits lack.
func luhnDigit(digits string) string {
	for d := byte('0'); d < '9'; d++ {
		if luhn(digits + string(d)) {
			return string(d)
		}
	}
	return "9"
}
