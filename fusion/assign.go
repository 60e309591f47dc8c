package fusion

import (
	"math"
	"slices"
)

// assign picks pairs so that no report is in two and the sum of their
// probabilities is greatest, which is the expected number of right pairs. It
// solves each connected component by itself. Pairs less likely than floor are
// never picked.
func assign(edges []edge, nLeft, nRight int, floor float64) []int {
	parent := make([]int, nLeft+nRight)
	for i := range parent {
		parent[i] = i
	}
	var root func(int) int
	root = func(i int) int {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	for _, e := range edges {
		if e.p >= floor {
			if a, b := root(e.left), root(nLeft+e.right); a != b {
				parent[max(a, b)] = min(a, b)
			}
		}
	}
	groups := map[int][]int{}
	var order []int
	for k, e := range edges {
		if e.p >= floor {
			r := root(e.left)
			if groups[r] == nil {
				order = append(order, r)
			}
			groups[r] = append(groups[r], k)
		}
	}
	var out []int
	for _, r := range order {
		out = append(out, assignGroup(edges, groups[r])...)
	}
	slices.Sort(out)
	return out
}

// assignGroup is the Hungarian method with shortest augmenting paths (Jonker and
// Volgenant, 1987) on the rows and columns of one component.
func assignGroup(edges []edge, group []int) []int {
	if len(group) == 1 {
		return group
	}
	rows, cols := map[int]int{}, map[int]int{}
	for _, k := range group {
		if _, ok := rows[edges[k].left]; !ok {
			rows[edges[k].left] = len(rows)
		}
		if _, ok := cols[edges[k].right]; !ok {
			cols[edges[k].right] = len(cols)
		}
	}
	flip := len(rows) > len(cols)
	n, m := len(rows), len(cols)
	if flip {
		n, m = m, n
	}
	gain := make([]float64, n*m)
	which := make([]int, n*m)
	for i := range which {
		which[i] = -1
	}
	for _, k := range group {
		i, j := rows[edges[k].left], cols[edges[k].right]
		if flip {
			i, j = j, i
		}
		gain[i*m+j], which[i*m+j] = edges[k].p, k
	}
	u, v := make([]float64, n+1), make([]float64, m+1)
	match := make([]int, m+1) // row of each column, from 1
	way := make([]int, m+1)
	least := make([]float64, m+1)
	used := make([]bool, m+1)
	for i := 1; i <= n; i++ {
		match[0] = i
		j0 := 0
		for j := range least {
			least[j], used[j] = math.Inf(1), false
		}
		for {
			used[j0] = true
			i0, delta, j1 := match[j0], math.Inf(1), 0
			for j := 1; j <= m; j++ {
				if used[j] {
					continue
				}
				if cost := -gain[(i0-1)*m+j-1] - u[i0] - v[j]; cost < least[j] {
					least[j], way[j] = cost, j0
				}
				if least[j] < delta {
					delta, j1 = least[j], j
				}
			}
			for j := 0; j <= m; j++ {
				if used[j] {
					u[match[j]] += delta
					v[j] -= delta
				} else {
					least[j] -= delta
				}
			}
			if j0 = j1; match[j0] == 0 {
				break
			}
		}
		for j0 != 0 {
			j1 := way[j0]
			match[j0] = match[j1]
			j0 = j1
		}
	}
	var out []int
	for j := 1; j <= m; j++ {
		if i := match[j]; i > 0 {
			if k := which[(i-1)*m+j-1]; k >= 0 {
				out = append(out, k)
			}
		}
	}
	return out
}
