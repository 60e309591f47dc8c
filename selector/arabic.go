package selector

import "strings"

// arabicArticle returns a folded word without an article and, since a foreign
// name may begin like one, as it stands; "عبدال" loses the article inside.
func arabicArticle(w string) []string {
	if rest, ok := strings.CutPrefix(w, "عبدال"); ok && rest != "" {
		return []string{"عبد" + rest}
	}
	if rest, ok := strings.CutPrefix(w, "ال"); ok && len([]rune(rest)) >= 3 {
		return []string{rest, w}
	}
	return []string{w}
}

var arabicLetters = map[rune]step{
	'ب': {"B"}, 'پ': {"B"}, 'ف': {"F"}, 'ڤ': {"F"}, 'م': {"M"}, 'ن': {"N"}, 'ں': {"N"}, 'ڼ': {"N"}, 'ل': {"L"},
	'ر': {"R"}, 'ړ': {"R"}, 'ڑ': {"R"}, 'ت': {"T"}, 'ط': {"T"}, 'ټ': {"T"}, 'ٹ': {"T"},
	'د': {"D"}, 'ډ': {"D"}, 'ڈ': {"D"}, 'س': {"S"}, 'ص': {"S"}, 'ز': {"S"},
	'ث': {"T", "S"}, 'ذ': {"S", "D"}, 'ض': {"D", "S"}, 'ظ': {"S", "D"}, 'ځ': {"S"}, 'څ': {"S", "C"},
	'ش': {"C"}, 'چ': {"C"}, 'ښ': {"C", "H"}, 'ږ': {"G", "S"},
	'ک': {"K"}, 'ق': {"K", "G"}, 'گ': {"G"}, 'غ': {"G"}, 'ج': {"G"}, 'ژ': {"G"},
	'ح': {"H"}, 'خ': {"H"}, 'ه': {"H"},
}

// arabicPairs are two letters for one sound.
var arabicPairs = map[string]step{
	"تش": {"C"}, "تس": {"S", "TS"}, "تز": {"S", "TS"}, "دج": {"G"}, "دز": {"S", "DS"}, "نک": {"NK", "NG"}, "کھ": {"K", "H"},
}

// endInA are names that end in a written like an i.
var endInA = wordSet("مصطفی موسی عیسی مرتضی یحیی مجتبی لیلی سلمی کبری صغری هدی یسری منی بشری")

// arabicSteps reads a folded word of the Arabic script.
func arabicSteps(w []rune) (steps []step) {
	body, end := arabicEnd(w)
	for i := 0; i < len(body); i++ {
		if i+1 < len(body) {
			if st, ok := arabicPairs[string(body[i:i+2])]; ok {
				steps = append(steps, st)
				i++
				continue
			}
		}
		switch st, ok := arabicLetters[body[i]]; {
		case ok:
			steps = append(steps, st)
		case i == 0 && body[i] == 'و':
			steps = append(steps, step{"w"})
		case i == 0 && helped(body):
			steps = append(steps, step{"a", ""})
		case i == 0:
			steps = append(steps, step{"a"})
		}
	}
	return append(steps, end)
}

// helped tells an initial vowel that only helps over two consonants, which
// Latin spellings may leave out: استانلی Stanley, اسکندر Sikandar.
func helped(w []rune) bool {
	return len(w) > 3 && w[0] == 'ا' && w[1] == 'س' && strings.ContainsRune("تکپ", w[2])
}

// arabicEnd cuts off what may be a final vowel and tells its colour. A final
// ه, ح or ع is heard as one, or colours the vowel before it.
func arabicEnd(w []rune) (body []rune, end step) {
	n := len(w)
	if n < 2 {
		return w, step{""}
	}
	switch word := string(w); {
	case endInA[word]:
		return w[:n-1], step{"a"}
	case word == "عمرو": // its final letter only tells it from عمر
		return w[:n-1], step{"", "u"}
	}
	last, before := w[n-1], w[n-2]
	switch last {
	case 'ة':
		if before == 'ا' {
			return w[:n-1], step{"T", "a"}
		}
		return w[:n-1], step{"a", "T"}
	case 'ا':
		return w[:n-1], step{"a"}
	case 'ى':
		return w[:n-1], step{"a", "i"}
	case 'ی':
		return w[:n-1], step{"i"}
	case 'و':
		return w[:n-1], step{"u"}
	case 'ء':
		if n > 2 {
			return arabicEnd(w[:n-1])
		}
	case 'ه', 'ح', 'ع':
		if n == 2 {
			break
		}
		switch before {
		case 'ا':
			return w[:n-1], step{"a"}
		case 'و':
			return w[:n-1], step{"u", "a"}
		case 'ی':
			return w[:n-1], step{"i", "a"}
		}
		if last == 'ع' {
			return w[:n-1], step{"a", "i", ""}
		}
		return w[:n-1], step{"a"}
	}
	return w, step{""}
}
