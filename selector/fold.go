package selector

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// latinSpelling is what a letter stands for where that is not its base letter.
var latinSpelling = map[rune]string{
	'ç': "ch", 'č': "ch", 'ć': "ch", 'ĉ': "ch", 'š': "sh", 'ş': "sh", 'ș': "sh", 'ś': "sh", 'ŝ': "sh", 'ž': "zh", 'ź': "z", 'ż': "zh",
	'ţ': "ts", 'ț': "ts", 'ñ': "n", 'ß': "ss", 'æ': "ae", 'œ': "oe", 'ø': "o", 'ł': "l", 'đ': "d", 'ð': "d", 'þ': "th", 'ı': "i",
	'ə': "a", 'ḥ': "h", 'ḫ': "kh", 'ẖ': "kh", 'ġ': "gh", 'ǧ': "g", 'ŧ': "t",
}

// foldLatin returns a letter as basic Latin letters, keeping its case.
func foldLatin(r rune) string {
	if r < 0x80 {
		return string(r)
	}
	lower := unicode.ToLower(r)
	s, ok := latinSpelling[lower]
	if !ok {
		var b strings.Builder
		for _, d := range norm.NFKD.String(string(lower)) {
			if 'a' <= d && d <= 'z' {
				b.WriteRune(d)
			}
		}
		s = b.String()
	}
	if lower != r {
		s = strings.ToUpper(s)
	}
	return s
}

// foldArabic gives one form to letters that keyboards and languages write
// differently but mean the same.
func foldArabic(r rune) rune {
	switch r {
	case 'أ', 'إ', 'آ', 'ٱ', 'ٲ', 'ٳ':
		return 'ا'
	case 'ي', 'ې', 'ۍ', 'ئ', 'ۓ', 'ے', 'ێ', 'ٸ':
		return 'ی'
	case 'ك', 'ڪ':
		return 'ک'
	case 'ګ', 'ڭ', 'ݢ':
		return 'گ'
	case 'ؤ', 'ۋ', 'ۆ', 'ۇ':
		return 'و'
	case 'ہ', 'ە', 'ۀ', 'ۂ':
		return 'ه'
	case 'ۃ':
		return 'ة'
	}
	return r
}
