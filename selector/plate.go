package selector

import (
	"strings"
	"unicode"
)

// plate gives the letters and digits of a vehicle's plate, without what
// separates them. Latin letters are upper case; letters of the Arabic script
// stay, in one form each. Readings that differ in script are different keys:
// how a country pairs its two lines is not the same everywhere.
func plate(value string, _ *options) ([]string, error) {
	var (
		b       strings.Builder
		letters int
		digits  int
	)
	for _, r := range value {
		switch {
		case '0' <= r && r <= '9':
			digits++
			b.WriteRune(r)
		case unicode.Is(unicode.Latin, r):
			for _, u := range strings.ToUpper(foldLatin(r)) {
				letters++
				b.WriteRune(u)
			}
		case unicode.Is(unicode.Arabic, r) && unicode.IsLetter(r):
			letters++
			b.WriteRune(foldArabic(r))
		case unicode.Is(unicode.Mn, r), strings.ContainsRune(" -./_·•|:", r):
		default:
			return nil, bad("%q does not belong on a plate", r)
		}
	}
	switch n := letters + digits; {
	case digits == 0:
		return nil, bad("a plate has at least one digit")
	case n < 3 || n > 14:
		return nil, bad("%d letters and digits, a plate has 3 to 14", n)
	case letters > 10:
		return nil, bad("%d letters are too many for a plate", letters)
	}
	return []string{b.String()}, nil
}
