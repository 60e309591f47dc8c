package fusion

import (
	"math"
	"slices"
)

// term is a word of a text with its weight.
type term struct {
	word   int
	weight float64
}

var stopWords = words(`the a an of in on at to and or by for with from was were is are be been had has have that this it its his their they he she
	who which as after before when while during into near about not no said says reported reportedly according than people person persons killed
	wounded injured dead died least one two three four five six seven eight nine ten attack attacks attacked incident january february march
	april may june july august september october november december monday tuesday wednesday thursday friday saturday sunday`)

// weigh gives each text its words by TF-IDF, of length 1. Words of the report's
// own place and numbers are left out, since place and figures are compared by
// themselves.
func weigh(lists ...[]prepared) {
	index := map[string]int{}
	var seen []int // in how many texts
	n := 0
	for _, l := range lists {
		for i := range l {
			p := &l[i]
			counts := map[int]float64{}
			for _, w := range p.words {
				if len(w) < 3 || stopWords[w] || w[0] <= '9' || slices.Contains(p.placeWords, w) {
					continue
				}
				id, ok := index[w]
				if !ok {
					id = len(seen)
					index[w] = id
					seen = append(seen, 0)
				}
				if counts[id] == 0 {
					seen[id]++
				}
				counts[id]++
			}
			if len(counts) == 0 {
				continue
			}
			n++
			for id, c := range counts {
				p.terms = append(p.terms, term{id, 1 + math.Log(c)})
			}
			slices.SortFunc(p.terms, func(a, b term) int { return a.word - b.word })
		}
	}
	for _, l := range lists {
		for i := range l {
			sum := 0.0
			for k := range l[i].terms {
				t := &l[i].terms[k]
				t.weight *= math.Log(1 + float64(n)/float64(seen[t.word]))
				sum += t.weight * t.weight
			}
			for k := range l[i].terms {
				l[i].terms[k].weight /= math.Sqrt(sum)
			}
		}
	}
}

func cosine(a, b []term) float64 {
	sum := 0.0
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch d := a[i].word - b[j].word; {
		case d < 0:
			i++
		case d > 0:
			j++
		default:
			sum += a[i].weight * b[j].weight
			i++
			j++
		}
	}
	return sum
}

var (
	textSteps = []float64{0.5, 0.3, 0.18, 0.08}
	textNames = []string{"much the same words", "many words shared", "some words shared", "few words shared", "other words"}
)

func compareTexts(a, b *prepared) (level int, similarity float64) {
	if len(a.terms) < 2 || len(b.terms) < 2 {
		return missing, 0
	}
	c := cosine(a.terms, b.terms)
	for l, s := range textSteps {
		if c >= s {
			return l, c
		}
	}
	return len(textSteps), c
}
