package fusion_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"parley.example/parley/fusion"
)

// The right district is the one most alike in name, among all of the list and
// every district of the real data.
func TestDistrictSpellings(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("testdata", "districts.txt"))
	if err != nil {
		t.Fatal(err)
	}
	type spelling struct{ other, of string }
	var names []string
	var spellings []spelling
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		of, others, ok := strings.Cut(line, "|")
		if !ok {
			t.Fatalf("no bar in %q", line)
		}
		names = append(names, of)
		for o := range strings.SplitSeq(others, ", ") {
			spellings = append(spellings, spelling{o, of})
		}
	}
	seen := map[string]bool{"": true}
	for _, in := range realIncidents(t, "1989-01-01", "2022-01-01") {
		n := strings.TrimSuffix(in.Admin2, " district")
		if !seen[n] && !slices.ContainsFunc(names, func(have string) bool { return fusion.NameSimilarity(have, n) > .9 }) {
			names = append(names, n)
		}
		seen[n] = true
	}
	right := map[bool]int{}
	number := map[bool]int{}
	for _, s := range spellings {
		latin := s.other[0] < 0x80
		best, at := 0.0, ""
		for _, n := range names {
			if x := fusion.NameSimilarity(s.other, n); x > best {
				best, at = x, n
			}
		}
		number[latin]++
		if at == s.of {
			right[latin]++
		} else {
			t.Logf("%s is taken for %s (%.2f), not %s (%.2f)", s.other, at, best, s.of, fusion.NameSimilarity(s.other, s.of))
		}
	}
	l, a := float64(right[true])/float64(number[true]), float64(right[false])/float64(number[false])
	all := float64(right[true]+right[false]) / float64(len(spellings))
	t.Logf("top 1 among %d names: %.3f of %d spellings; Latin %.3f of %d, Arabic script %.3f of %d", len(names), all, len(spellings), l, number[true], a, number[false])
	if all < .93 || l < .95 || a < .85 {
		t.Errorf("top 1 %.3f, Latin %.3f, Arabic script %.3f", all, l, a)
	}
}

func TestNames(t *testing.T) {
	for _, c := range []struct {
		a, b        string
		least, most float64
	}{
		{"Kabul", "Kabul city", .99, 1},
		{"Kabul", "KABUL (District 9)", .95, 1},
		{"Kābul", "کابل", .9, 1},
		{"Kabul", "Кабул", .95, 1},
		{"NWFP", "Khyber Pakhtunkhwa province", .99, 1},
		{"Ghazni", "Ghor", 0, .84},
		{"Karachi", "Lahore", 0, .5},
		{"unknown", "unknown", 0, 0},
		{"", "Kabul", 0, 0},
	} {
		if x, y := fusion.NameSimilarity(c.a, c.b), fusion.NameSimilarity(c.b, c.a); x < c.least || x > c.most || x != y {
			t.Errorf("%q and %q: %.3f, the other way %.3f; want %.2f to %.2f", c.a, c.b, x, y, c.least, c.most)
		}
	}
}

// A name of a megabyte costs no more than a long one.
func TestAnEndlessNameIsBounded(t *testing.T) {
	long := strings.Repeat("Kabul, Ghazni; ", 100_000)
	if x := fusion.NameSimilarity(long, long[1:]); x < .5 {
		t.Errorf("%.2f", x)
	}
}
