package fusion

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// arabic writes a letter of the Arabic script (Arabic, Dari, Pashto, Urdu) in
// Latin ones.
var arabic = map[rune]string{
	'ا': "a", 'آ': "a", 'أ': "a", 'إ': "a", 'ٱ': "a", 'ع': "a", 'ء': "", 'ى': "a",
	'ب': "b", 'پ': "p", 'ت': "t", 'ټ': "t", 'ٹ': "t", 'ط': "t", 'ث': "s", 'ج': "j", 'چ': "ch", 'ح': "h", 'خ': "kh",
	'څ': "ts", 'ځ': "dz", 'د': "d", 'ډ': "d", 'ڈ': "d", 'ذ': "z", 'ر': "r", 'ړ': "r", 'ڑ': "r", 'ز': "z", 'ژ': "zh", 'ږ': "zh",
	'س': "s", 'ش': "sh", 'ښ': "sh", 'ص': "s", 'ض': "z", 'ظ': "z", 'غ': "gh", 'ف': "f", 'ق': "q", 'ک': "k", 'ك': "k", 'ګ': "g", 'گ': "g",
	'ل': "l", 'م': "m", 'ن': "n", 'ڼ': "n", 'ں': "n", 'و': "w", 'ؤ': "w", 'ه': "h", 'ہ': "h", 'ھ': "h", 'ة': "a", 'ۀ': "a",
	'ی': "y", 'ي': "y", 'ې': "e", 'ۍ': "i", 'ئ': "y", 'ے': "e",
}

// cyrillic likewise, for Russian and the languages of Central Asia.
var cyrillic = map[rune]string{
	'а': "a", 'б': "b", 'в': "v", 'г': "g", 'ғ': "gh", 'д': "d", 'е': "e", 'ё': "yo", 'ж': "zh", 'з': "z", 'и': "i", 'й': "y", 'ӣ': "i",
	'к': "k", 'қ': "q", 'л': "l", 'м': "m", 'н': "n", 'о': "o", 'п': "p", 'р': "r", 'с': "s", 'т': "t", 'у': "u", 'ӯ': "u", 'ў': "o", 'ф': "f",
	'х': "kh", 'ҳ': "h", 'ц': "ts", 'ч': "ch", 'ҷ': "j", 'ш': "sh", 'щ': "sh", 'ъ': "", 'ы': "y", 'ь': "", 'э': "e", 'ю': "yu", 'я': "ya",
}

// generic words say what kind of place is named, not which.
var generic = words(`district districts city cities town towns village villages area areas province provinces agency tehsil taluka subdistrict
	region regions vicinity near around outskirts municipality county governorate division subdivision wuluswali woluswali uluswali wulliswali
	woleswali shahrestan markaz the of in at and ولسوالی ولسوالۍ ولسوالي ولایت شهر شهرستان مرکز ضلع تحصیل صوبہ صوبه ښار شہر علاقه کلی`)

// elsewise are names that one place has had or goes by, folded.
var elsewise = map[string]string{
	"nwfp": "khyber pakhtunkhwa", "north west frontier": "khyber pakhtunkhwa", "northwest frontier": "khyber pakhtunkhwa", "kpk": "khyber pakhtunkhwa", "kp": "khyber pakhtunkhwa",
	"fata": "federally administered tribal", "tribal": "federally administered tribal", "ajk": "azad kashmir", "azad jammu kashmir": "azad kashmir",
	"northern areas": "gilgit baltistan", "ict": "islamabad", "federal capital territory": "islamabad", "islamabad capital territory": "islamabad",
	"di khan": "dera ismail khan", "d i khan": "dera ismail khan", "dg khan": "dera ghazi khan", "d g khan": "dera ghazi khan",
}

func words(s string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(s) {
		set[w] = true
		set[foldWord(w)] = true
	}
	return set
}

// foldWord writes a word in basic Latin lower-case letters and digits.
func foldWord(w string) string {
	var b strings.Builder
	if !plain(w) {
		w = norm.NFKC.String(w)
	}
	for _, r := range w {
		r = unicode.ToLower(r)
		switch {
		case r < 0x80:
			if unicode.IsLetter(r) || unicode.IsDigit(r) {
				b.WriteRune(r)
			}
		case unicode.Is(unicode.Arabic, r):
			b.WriteString(arabic[r])
			if unicode.IsDigit(r) {
				b.WriteString(digits(string(r)))
			}
		case unicode.Is(unicode.Cyrillic, r):
			b.WriteString(cyrillic[r])
		default:
			for _, d := range norm.NFKD.String(string(r)) {
				if 'a' <= d && d <= 'z' || '0' <= d && d <= '9' {
					b.WriteRune(d)
				}
			}
		}
	}
	return b.String()
}

func plain(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

func fields(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.Mn, r) && !strings.ContainsRune("'’ʼ‘`´ʿʾ\u200c", r)
	})
}

// name is a place's name made ready to compare.
type name struct {
	full     []rune // folded, words joined by single spaces
	skeleton []rune
	vowels   bool // whether its script writes the short vowels
	tokens   []string
	parts    []*name // what stands between commas, brackets and slashes, where that is more than one
}

// newName folds a name; nil where nothing is left of it.
func newName(s string) *name {
	n := oneName(s)
	if len(s) > maxName {
		return n
	}
	parts := strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(",;/()[]،؛", r) })
	if n == nil || len(parts) < 2 {
		return n
	}
	for _, p := range parts {
		if one := oneName(p); one != nil && len(one.full) > 2 {
			n.parts = append(n.parts, one)
		}
	}
	return n
}

// maxName bounds what is compared of a name, in bytes.
const maxName = 160

func oneName(s string) *name {
	if len(s) > maxName {
		s = strings.ToValidUTF8(s[:maxName], "")
	}
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "", "-", "?", "unknown", "n/a", "na", "nan", "null", "not known", "unspecified", "various":
		return nil
	}
	var all, kept []string
	vowels := true
	for _, w := range fields(s) {
		f := foldWord(w)
		if f == "" {
			continue
		}
		if r := []rune(w)[0]; unicode.Is(unicode.Arabic, r) {
			vowels = false
		}
		all = append(all, f)
		if !generic[f] && !generic[w] {
			kept = append(kept, f)
		}
	}
	if len(kept) == 0 {
		kept = all
	}
	if len(kept) == 0 {
		return nil
	}
	if other, ok := elsewise[strings.Join(kept, " ")]; ok {
		kept = strings.Fields(other)
	}
	n := &name{full: []rune(strings.Join(kept, " ")), tokens: kept, vowels: vowels}
	n.skeleton = []rune(skeleton(strings.Join(kept, "")))
	return n
}

// pairs of letters that spell one consonant, longest first. Sounds that
// spellings of one name exchange share a letter: k and q, g and gh, j and zh.
var pairs = []struct{ letters, class string }{
	{"tsch", "c"}, {"tch", "c"}, {"sch", "S"}, {"kh", "x"}, {"gh", "g"}, {"ch", "c"}, {"sh", "S"}, {"zh", "j"}, {"ph", "f"}, {"th", "t"},
	{"dh", "d"}, {"bh", "b"}, {"jh", "j"}, {"dj", "j"}, {"dz", "z"}, {"ts", "s"}, {"ck", "k"}, {"q", "k"}, {"c", "k"}, {"v", "w"},
}

// skeleton is what the spellings of a name share: its consonants, and a mark
// for a vowel at the beginning. w and y, which the Arabic script writes as it
// does long vowels, are left out inside, and so is h at the end; a doubled
// letter stands once.
func skeleton(w string) string {
	var b strings.Builder
	last := byte(0)
	put := func(c byte) {
		if c != last {
			b.WriteByte(c)
		}
		last = c
	}
	for i := 0; i < len(w); {
		class, n := "", 1
		for _, p := range pairs {
			if strings.HasPrefix(w[i:], p.letters) {
				class, n = p.class, len(p.letters)
				break
			}
		}
		if class == "" {
			class = w[i : i+1]
		}
		c := class[0]
		switch {
		case strings.IndexByte("aeiou", c) >= 0 || c == 'y' || c == 'w':
			switch {
			case i == 0 && c == 'w':
				put('w')
			case i == 0:
				put('a')
			default:
				last = 0
			}
		case c == 'h' && i+n == len(w):
		default:
			put(c)
		}
		i += n
	}
	return b.String()
}

// NameSimilarity is how alike two names of places are, from 0 to 1: the mean of
// Jaro–Winkler on the folded names and on their consonant skeletons. Between
// scripts that write the short vowels and scripts that do not, the skeletons
// weigh three quarters. It is 0 where either names nothing.
func NameSimilarity(a, b string) float64 {
	x, y := newName(a), newName(b)
	if x == nil || y == nil {
		return 0
	}
	return x.like(y)
}

func (a *name) like(b *name) float64 {
	best := a.alike(b)
	if len(a.parts)+len(b.parts) > 0 {
		as, bs := a.parts, b.parts
		if as == nil {
			as = []*name{a}
		}
		if bs == nil {
			bs = []*name{b}
		}
		for i, x := range as {
			for j, y := range bs {
				// A place named second, often the larger one around it,
				// counts less than the place itself.
				best = max(best, x.alike(y)-0.08*float64(min(i+j, 2)))
			}
		}
	}
	return best
}

func (a *name) alike(b *name) float64 {
	full, bones := jaroWinkler(a.full, b.full), jaroWinkler(a.skeleton, b.skeleton)
	if len(a.skeleton) < 2 || len(b.skeleton) < 2 {
		bones = min(bones, full)
	}
	if a.vowels != b.vowels {
		return 0.25*full + 0.75*bones
	}
	return (full + bones) / 2
}

// jaroWinkler is the measure of Winkler, String Comparator Metrics and Enhanced
// Decision Rules (1990): Jaro's with a bonus of 0.1 for each of up to four
// letters that both begin with.
func jaroWinkler(a, b []rune) float64 {
	if len(a) == 0 || len(b) == 0 {
		return 0
	}
	reach := max(max(len(a), len(b))/2-1, 0)
	var room [128]bool
	taken := room[:0]
	if len(a)+len(b) > len(room) {
		taken = make([]bool, len(a)+len(b))
	} else {
		taken = room[:len(a)+len(b)]
	}
	inA, inB := taken[:len(a)], taken[len(a):]
	m := 0
	for i := range a {
		for j := max(0, i-reach); j < min(len(b), i+reach+1); j++ {
			if !inB[j] && a[i] == b[j] {
				inA[i], inB[j] = true, true
				m++
				break
			}
		}
	}
	if m == 0 {
		return 0
	}
	swaps, j := 0, 0
	for i := range a {
		if !inA[i] {
			continue
		}
		for !inB[j] {
			j++
		}
		if a[i] != b[j] {
			swaps++
		}
		j++
	}
	x := float64(m)
	jaro := (x/float64(len(a)) + x/float64(len(b)) + (x-float64(swaps)/2)/x) / 3
	prefix := 0
	for prefix < min(4, len(a), len(b)) && a[prefix] == b[prefix] {
		prefix++
	}
	return jaro + 0.1*float64(prefix)*(1-jaro)
}
