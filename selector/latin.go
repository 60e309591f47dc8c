package selector

import (
	"slices"
	"strings"
)

// latinArticle returns a word as it stands and without an article that may be
// joined to it ("Alghamdi"), and writes "Abdul-" as "Abd-".
func latinArticle(w string) []string {
	for _, p := range []string{"abdul", "abdel", "abdal", "abdol", "abdoul", "abdool"} {
		if rest, ok := strings.CutPrefix(w, p); ok && len(rest) >= 3 {
			return []string{"abd" + rest}
		}
	}
	if (strings.HasPrefix(w, "al") || strings.HasPrefix(w, "el")) && len(w) >= 6 && !vowel(w[2]) && w[2] != 'l' {
		return []string{w, w[2:]}
	}
	return []string{w}
}

func vowel(c byte) bool { return strings.IndexByte("aeiouy", c) >= 0 }

// latinRule says what letters stand for. Rules are tried in order, so that
// longer ones come first.
type latinRule struct {
	letters string
	where   func(w string, i, end int) bool // nil: anywhere; letters are w[i:end]
	step    step
}

func initial(_ string, i, _ int) bool { return i == 0 }

func final(w string, _, end int) bool { return end == len(w) }

func beforeFront(w string, _, end int) bool {
	return end < len(w) && strings.IndexByte("eiy", w[end]) >= 0
}

func beforeConsonant(w string, _, end int) bool { return end < len(w) && !vowel(w[end]) }

// betweenVowels leaves out endings in -ulla and -allah, which are not Spanish.
func betweenVowels(w string, i, end int) bool {
	return i > 0 && end < len(w) && vowel(w[i-1]) && vowel(w[end]) &&
		w[end:] != "ah" && (w[end:] != "a" || strings.IndexByte("ei", w[i-1]) >= 0)
}

// tiBeforeVowel finds what Latin names sound as sh or s: Mauritius, Horatio.
func tiBeforeVowel(w string, i, end int) bool {
	return i > 0 && end+1 < len(w) && strings.IndexByte("aou", w[end]) >= 0
}

var latinRules = []latinRule{
	// Endings that French does not sound.
	{"eaux", final, step{"u"}},
	{"ault", final, step{"LT", "u"}},
	{"ques", final, step{"KS", "K"}},
	{"aux", final, step{"KS", "u"}},
	{"aud", final, step{"D", "u"}},
	{"ard", final, step{"RD", "R"}},
	{"ert", final, step{"RT", "R"}},
	{"ent", final, step{"NT", "N"}},
	{"ant", final, step{"NT", "N"}},
	{"ois", final, step{"S", "a"}},
	{"ais", final, step{"S", "i"}},
	{"ier", final, step{"R", "i"}},
	{"yer", final, step{"R", "i"}},
	{"es", final, step{"S", ""}},
	{"et", final, step{"T", "i"}},
	{"ot", final, step{"T", "u"}},

	{"tsch", nil, step{"C"}},
	{"sch", nil, step{"C", "SK"}},
	{"tch", nil, step{"C"}},
	{"tsh", nil, step{"C"}},
	{"ght", nil, step{"T", "GT"}},
	{"sh", nil, step{"C"}},
	{"cch", nil, step{"K", "KC"}},
	{"ngh", nil, step{"NG", "NGH"}},
	{"gh", final, step{"G", ""}},
	{"mc", initial, step{"MK", "M"}},
	{"cz", nil, step{"C", "S"}},
	{"sz", nil, step{"S", "C"}},
	{"ti", tiBeforeVowel, step{"T", "C", "S"}},
	{"ch", beforeConsonant, step{"K", "H", "C"}},
	{"ch", nil, step{"C", "H", "K"}},
	{"kh", initial, step{"H"}},
	{"kh", nil, step{"H", "K", "KH"}},
	{"gh", nil, step{"G"}},
	{"ph", nil, step{"F"}},
	{"th", nil, step{"T", "S", "D"}},
	{"dh", initial, step{"D"}},
	{"dh", nil, step{"D", "DH"}},
	{"bh", nil, step{"B", "BH"}},
	{"jh", nil, step{"G"}},
	{"zh", nil, step{"G", "S", "SH"}},
	{"rh", nil, step{"RH", "R"}},
	{"ck", beforeFront, step{"K", "SK"}},
	{"ck", nil, step{"K"}},
	{"cq", nil, step{"K"}},
	{"sc", beforeFront, step{"S", "C"}},
	{"cc", beforeFront, step{"C", "KS"}},
	{"c", beforeFront, step{"S", "C"}},
	{"c", final, step{"K", "C"}},
	{"c", nil, step{"K"}},
	{"tz", nil, step{"S", "TS"}},
	{"ts", nil, step{"S"}},
	{"dz", nil, step{"S"}},
	{"dj", nil, step{"G"}},
	{"dg", nil, step{"G", "DG"}},
	{"dt", nil, step{"DT", "T", "D"}},
	{"gl", beforeFront, step{"GL", "L"}},
	{"ll", initial, step{"L", "a"}},
	{"ll", betweenVowels, step{"L", ""}},
	{"gn", nil, step{"N", "GN"}},
	{"kn", initial, step{"N", "KN"}},
	{"wr", initial, step{"R"}},
	{"wh", initial, step{"w", "H"}},
	{"wh", nil, step{"", "H"}},
	{"x", initial, step{"C", "S", "KS", "H"}},
	{"x", nil, step{"KS"}},
	{"j", initial, step{"G", "a", "H"}},
	{"j", nil, step{"G", "", "H"}},
	{"v", initial, step{"F", "w"}},
	{"v", nil, step{"F", ""}},
	{"w", initial, step{"w", "F"}},
	{"w", final, step{""}},
	{"w", nil, step{"", "F"}},
	{"h", initial, step{"H"}},
	{"h", final, step{""}},
	{"h", beforeConsonant, step{"H", ""}},
	{"h", nil, step{"H"}},
	{"b", nil, step{"B"}},
	{"p", nil, step{"B"}},
	{"f", nil, step{"F"}},
	{"m", nil, step{"M"}},
	{"n", nil, step{"N"}},
	{"l", nil, step{"L"}},
	{"r", nil, step{"R"}},
	{"t", nil, step{"T"}},
	{"d", nil, step{"D"}},
	{"s", nil, step{"S"}},
	{"z", nil, step{"S"}},
	{"k", nil, step{"K"}},
	{"q", nil, step{"K"}},
	{"g", nil, step{"G"}},
}

// latinSteps reads a folded Latin word.
func latinSteps(w string) (steps []step) {
	if w == "" {
		return nil
	}
	i := 0
	switch {
	case strings.HasPrefix(w, "ou") && len(w) > 2 && strings.IndexByte("aei", w[2]) >= 0: // French for w: Ouattara
		steps = append(steps, step{"w", "a"})
		i = 2
	case vowel(w[0]):
		steps = append(steps, step{"a"})
	}
	for i < len(w) {
		n := slices.IndexFunc(latinRules, func(r latinRule) bool {
			return strings.HasPrefix(w[i:], r.letters) && (r.where == nil || r.where(w, i, i+len(r.letters)))
		})
		if n < 0 { // a vowel
			i++
			continue
		}
		steps = append(steps, latinRules[n].step)
		i += len(latinRules[n].letters)
	}
	return append(steps, latinEnd(w))
}

// latinEnd is the colour of the final vowel. A final e may be silent, an i or
// an a (Persian -eh); a final h only lengthens.
func latinEnd(w string) step {
	w = strings.TrimSuffix(w, "h")
	if len(w) < 2 {
		return step{""}
	}
	last := w[len(w)-1]
	before := w[len(w)-2]
	switch {
	case last == 'e' && (before == 'e' || before == 'i'):
		return step{"i"}
	case last == 'e' && (before == 'o' || before == 'u'):
		return step{"u", "", "a"}
	case last == 'e':
		return step{"", "i", "a"}
	case last == 'a':
		return step{"a"}
	case last == 'i' || last == 'y':
		return step{"i"}
	case last == 'o' || last == 'u' || last == 'w':
		return step{"u"}
	}
	return step{""}
}
