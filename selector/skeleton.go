package selector

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// A skeleton is what a name's spellings have in common: an initial vowel or w,
// its consonants by classes that both scripts tell apart, and the colour of a
// final vowel. Vowels inside are left out, since the Arabic script leaves the
// short ones out, and with them w and y, which it writes as the long ones.
//
//	B b p ب پ        F f ph v ف ڤ      M m م          N n ن ں ڼ
//	L l ل            R r ر ړ ڑ         T t ت ط ټ ٹ     D d د ډ ڈ
//	S s z س ص ز      C sh ch ش چ       K k c q ك ق     G g j غ ج گ ژ
//	H h kh ح خ ه     a initial vowel, y or ع            w initial w
//	a i u final vowel
//
// Where a letter may stand for several sounds the word has several skeletons,
// the most likely first.

// maxSkeletons bounds the keys of one word.
const maxSkeletons = 8

// step is one place in a word: the classes it may stand for. Each is a string
// of classes, empty for none.
type step []string

// skeletons returns the keys of a folded word.
func skeletons(w string) []string {
	first, _ := utf8.DecodeRuneInString(w)
	var out []string
	if unicode.Is(unicode.Arabic, first) {
		out = interleave(arabicArticle(w), func(v string) []step { return arabicSteps([]rune(v)) })
	} else {
		if long := abbreviations[w]; long != "" {
			w = long
		}
		out = interleave(latinArticle(w), latinSteps)
	}
	out = unique(out)
	return out[:min(len(out), maxSkeletons)]
}

// interleave takes the skeletons of each variant in turn.
func interleave(variants []string, steps func(string) []step) (out []string) {
	var all [][]string
	for _, v := range variants {
		all = append(all, walk(steps(v)))
	}
	for i := range maxSkeletons {
		for _, s := range all {
			if i < len(s) {
				out = append(out, s[i])
			}
		}
	}
	return out
}

// abbreviations and spellings that no rule reaches, by the spelling whose
// skeletons they take.
var abbreviations = map[string]string{
	"mohd": "mohammad", "muhd": "mohammad", "mohmd": "mohammad", "mhd": "mohammad", "md": "mohammad", "mehmet": "mohammad",
	"ahmet": "ahmad", "othman": "osman", "uthman": "osman",
	// In these s and h are two sounds.
	"ishaq": "isahaq", "eshaq": "isahaq", "ishak": "isahaq", "eshak": "isahaq", "ishaque": "isahaq", "eshaque": "isahaq",
}

// walk spells out the skeletons of steps, those with the fewest unlikely
// choices first.
func walk(steps []step) []string {
	type partial struct {
		s    string
		cost int
	}
	all := []partial{{}}
	for _, st := range steps {
		var next []partial
		for cost := 0; cost <= 3; cost++ {
			for _, p := range all {
				for i, alt := range st {
					if p.cost+i == cost {
						next = append(next, partial{p.s + alt, cost})
					}
				}
			}
		}
		all = next[:min(len(next), 4*maxSkeletons)]
	}
	var out []string
	for _, p := range all {
		if s := collapse(p.s); s != "" {
			out = append(out, s)
		}
	}
	out = unique(out)
	return out[:min(len(out), maxSkeletons)]
}

// collapse writes a class once that follows itself: the Arabic script does not
// show whether a vowel stands between.
func collapse(s string) string {
	var b strings.Builder
	last := byte(0)
	for i := range len(s) {
		if s[i] != last {
			b.WriteByte(s[i])
		}
		last = s[i]
	}
	return b.String()
}
