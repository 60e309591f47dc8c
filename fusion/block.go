package fusion

import "slices"

// edge is a pair of reports that may be of one event.
type edge struct {
	left, right int
	levels      [features]int8
	weight      [features]float64 // natural logarithms
	odds        float64           // of the pair against neither having a partner
	p           float64
}

const (
	allPairs  = 20_000 // lists with no more pairs are compared whole
	daysNear  = 4      // dates that lie so near are compared wherever they are
	vagueSpan = 45     // a date that is vaguer than this brings nothing near
)

// mostBlock bounds the pairs weighed, at about 100 bytes each.
var mostBlock = 2_000_000

// block lists the pairs worth weighing: near in time wherever they are said to
// be, since places are often wrong; of one place or with the same casualties
// within a month or with a date that may be mistyped; and, where a date is
// missing, of one place or with the same casualties. It stops where there are too
// many and says how many reports of the left list were not compared.
func (c *comparer) block(left, right []prepared) (out []edge, uncompared int) {
	add := func(i, j int) {
		out = append(out, edge{left: i, right: j, levels: c.compare(&left[i], &right[j])})
	}
	if len(left)*len(right) <= allPairs {
		for i := range left {
			for j := range right {
				add(i, j)
			}
		}
		return out, 0
	}
	days, places, tolls := map[int][]int{}, map[string][]int{}, map[[2]int][]int{}
	for j := range right {
		p := &right[j]
		if p.dated && p.last-p.first <= vagueSpan {
			for d := p.first; d <= p.last; d++ {
				days[d] = append(days[d], j)
			}
		}
		if k := c.placeKey(p); k != "" {
			places[k] = append(places[k], j)
		}
		if k, ok := toll(p); ok {
			tolls[k] = append(tolls[k], j)
		}
	}
	mark := make([]int, len(right))
	for i := range left {
		p := &left[i]
		var found []int
		take := func(j int) {
			if mark[j] != i+1 {
				mark[j] = i + 1
				found = append(found, j)
			}
		}
		if p.dated && p.last-p.first <= vagueSpan {
			for d := p.first - daysNear; d <= p.last+daysNear; d++ {
				for _, j := range days[d] {
					take(j)
				}
			}
		}
		plausible := func(j int) bool {
			return compareDates(p, &right[j]) != otherTime && compareSpans(p, &right[j]) != otherSpan
		}
		for _, j := range places[c.placeKey(p)] {
			if plausible(j) {
				take(j)
			}
		}
		if k, ok := toll(p); ok {
			for _, j := range tolls[k] {
				if plausible(j) {
					take(j)
				}
			}
		}
		slices.Sort(found)
		for _, j := range found {
			add(i, j)
		}
		if len(out) > mostBlock {
			return out, len(left) - i - 1
		}
	}
	return out, 0
}

func (c *comparer) placeKey(p *prepared) string {
	if p.place < 0 {
		return ""
	}
	return string(c.names[p.place].skeleton)
}

// toll is a number of casualties that few events share.
func toll(p *prepared) ([2]int, bool) {
	k, w := 0, 0
	if p.Killed.Known {
		k = p.Killed.Best
	}
	if p.Wounded.Known {
		w = p.Wounded.Best
	}
	return [2]int{k, w}, k+w >= 8
}
