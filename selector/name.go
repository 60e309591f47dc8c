package selector

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// name gives the keys of a person's name with the year of birth, which must
// stand with it: "Muhammad Ali Khan, 1975", "محمد علی خان ۱۳۵۴". A year of
// the Solar Hijri calendar gives the keys of both Gregorian years it spans.
func name(value string, _ *options) ([]string, error) {
	words, years := splitName(value)
	keys := nameKeys(words)
	switch {
	case len(keys) == 0:
		return nil, bad("no name in Arabic or Latin letters")
	case len(years) == 0:
		return nil, bad("a name is matched together with a year of birth; add it")
	}
	var out []string
	for _, y := range years {
		for _, k := range keys {
			out = append(out, k+"|"+strconv.Itoa(y))
		}
	}
	return out, nil
}

// NameKeys returns the keys of a name without regard to a year of birth: of
// one word its skeletons (see skeletons), of several the pairs of neighbours
// and of the first with the last, in no order, so that a missing middle name
// or a surname put first still leaves a common key. Alone they say too little
// to match persons by; Normalise demands the year.
func NameKeys(value string) []string {
	words, _ := splitName(clean(value))
	return nameKeys(words)
}

const (
	maxWords     = 8
	maxPairParts = 3 // skeletons of each word that enter into pairs
)

func nameKeys(words []string) []string {
	if len(words) > maxWords {
		words = words[:maxWords]
	}
	var parts [][]string
	for _, w := range words {
		if s := skeletons(w); len(s) > 0 {
			parts = append(parts, s)
		}
	}
	switch len(parts) {
	case 0:
		return nil
	case 1:
		return parts[0]
	}
	var keys []string
	pair := func(a, b []string) {
		for _, x := range a[:min(len(a), maxPairParts)] {
			for _, y := range b[:min(len(b), maxPairParts)] {
				keys = append(keys, min(x, y)+"."+max(x, y))
			}
		}
	}
	for i := range len(parts) - 1 {
		pair(parts[i], parts[i+1])
	}
	if len(parts) > 2 {
		pair(parts[0], parts[len(parts)-1])
	}
	return unique(keys)
}

// titles are words before a name that records add or leave out.
var titles = wordSet(`mr mrs ms miss dr prof haji hajji hajj alhaj alhaji hadji mullah mulla molla mula
	maulvi mawlawi mawlavi molvi moulvi maulana mawlana moulana qari engr engineer gen col maj capt lt
	حاجي حاجی حاج الحاج ملا مولوي مولوی مولانا قاري قاری داکتر دکتر ډاکټر ڈاکٹر انجنیر انجینئر جنرال`)

// particles join the parts of a name and are written, joined or left out.
var particles = wordSet(`bin ibn ben bint binti walad wald son daughter wife of so do wo al el ul ur us ud ad ar as ash at an az il
	بن ابن بنت ولد ال`)

func wordSet(s string) map[string]bool {
	set := make(map[string]bool)
	for _, w := range strings.Fields(s) {
		set[foldWord(w)] = true
	}
	return set
}

// endings are words that belong to the word before them: "Rahmat Ullah",
// "صلاح الدین".
var endings = wordSet(`ullah allah ulla uddin eddin eddine aldin aldeen uddeen din deen الله الدین الدين الدّین`)

// servants are the first part of names such as Abdul Rahman.
var servants = wordSet(`abd abdul abdel abdal abdol abdoul abdool abdur abdus abdush abdun abdud abdut عبد عبدال`)

// splitName takes a cleaned value apart into folded words and years.
func splitName(value string) (words []string, years []int) {
	fields := strings.FieldsFunc(value, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.Mn, r) && !strings.ContainsRune("'’ʼʻ`´ʿʾ", r)
	})
	var all []string
	for _, f := range fields {
		if allDigits(f) {
			years = append(years, birthYears(f)...)
			continue
		}
		if w := foldWord(f); w != "" {
			all = append(all, w)
		}
	}
	servant := "" // "Abdul" and the like, which belong to the next word
	for _, w := range all {
		switch {
		case titles[w] || particles[w]:
		case servants[w]:
			if servant = "عبد"; w[0] < utf8.RuneSelf {
				servant = "abd"
			}
		case servant != "":
			words = append(words, servant+strings.TrimPrefix(w, "ال"))
			servant = ""
		case endings[w] && len(words) > 0:
			words[len(words)-1] += strings.TrimPrefix(w, "ال")
		default:
			words = append(words, w)
		}
	}
	if servant != "" {
		words = append(words, servant)
	}
	if len(words) == 0 {
		words = all
	}
	return words, uniqueInts(years)
}

func uniqueInts(s []int) []int {
	slices.Sort(s)
	return slices.Compact(s)
}

// birthYears reads a year: Gregorian, or Solar Hijri, whose year y starts in
// March of y+621.
func birthYears(s string) []int {
	y, err := strconv.Atoi(s)
	switch {
	case err != nil || len(s) != 4:
		return nil
	case 1850 <= y && y <= 2100:
		return []int{y}
	case 1250 <= y && y <= 1450:
		return []int{y + 621, y + 622}
	}
	return nil
}

// foldWord brings a word to lower case Latin without diacritics or to one form
// of each Arabic letter, without vowel marks. A word of another script is "".
func foldWord(w string) string {
	var b strings.Builder
	for _, r := range w {
		switch {
		case unicode.Is(unicode.Latin, r):
			b.WriteString(foldLatin(unicode.ToLower(r)))
		case r == '\u0670':
			b.WriteRune(r)
		case unicode.Is(unicode.Arabic, r) && unicode.IsLetter(r):
			b.WriteRune(foldArabic(r))
		}
	}
	// The superscript alef stands over the letter that it replaces.
	s := strings.ReplaceAll(b.String(), "ی\u0670", "ا")
	s = strings.ReplaceAll(s, "ى\u0670", "ا")
	return strings.ReplaceAll(s, "\u0670", "ا")
}
