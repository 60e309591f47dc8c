package watch

import "math"

// NextCell forecasts in which cell the next attack falls, say which class in
// which area. Each of several decays keeps faded counts; a cell's share is
// shrunk towards what its row and its column alone make likely, since most cells
// are rarely hit; and decays and strengths of shrinkage are averaged by how well
// each foresaw the attacks so far.
type NextCell struct {
	rows, columns int
	parts         []cellPart
}

type cellPart struct {
	keep        float64 // of a count, from one period to the next
	shrink      float64 // attacks that independence is worth
	weight      float64 // as a logarithm
	cells       []float64
	row, column []float64
	total       float64
}

var (
	cellKeep   = []float64{.75, .9, .96, .985, .995, 1}
	cellShrink = []float64{2, 8, 32}
)

const cellForget = .99 // of a weight, as a power, each period

// NewNextCell makes a forecast for cells of rows and columns.
func NewNextCell(rows, columns int) *NextCell {
	f := &NextCell{rows: rows, columns: columns}
	for _, k := range cellKeep {
		for _, s := range cellShrink {
			f.parts = append(f.parts, cellPart{
				keep: k, shrink: s, cells: make([]float64, rows*columns), row: make([]float64, rows), column: make([]float64, columns),
			})
		}
	}
	return f
}

func (p *cellPart) prob(r, c int) float64 {
	// A trace of uniformity, so that nothing is impossible.
	row := (p.row[r] + .5) / (p.total + .5*float64(len(p.row)))
	column := (p.column[c] + .5) / (p.total + .5*float64(len(p.column)))
	return (p.cells[r*len(p.column)+c] + p.shrink*row*column) / (p.total + p.shrink)
}

// Prob is the probability that the next attack falls into the cell; all cells'
// add up to one.
func (f *NextCell) Prob(row, column int) float64 {
	top := math.Inf(-1)
	for i := range f.parts {
		top = max(top, f.parts[i].weight)
	}
	p, total := 0.0, 0.0
	for i := range f.parts {
		w := math.Exp(f.parts[i].weight - top)
		p += w * f.parts[i].prob(row, column)
		total += w
	}
	return p / total
}

// Add takes in a period's attacks, counted by cell, row by row.
func (f *NextCell) Add(counts []int) {
	for i := range f.parts {
		p := &f.parts[i]
		p.weight *= cellForget
		for cell, n := range counts {
			if n > 0 {
				p.weight += float64(n) * math.Log(p.prob(cell/f.columns, cell%f.columns))
			}
		}
	}
	top := math.Inf(-1)
	for i := range f.parts {
		top = max(top, f.parts[i].weight)
	}
	for i := range f.parts {
		p := &f.parts[i]
		p.weight -= top
		p.total *= p.keep
		for c := range p.cells {
			p.cells[c] *= p.keep
		}
		for r := range p.row {
			p.row[r] *= p.keep
		}
		for c := range p.column {
			p.column[c] *= p.keep
		}
		for cell, n := range counts {
			if n > 0 {
				x := float64(n)
				p.cells[cell] += x
				p.row[cell/f.columns] += x
				p.column[cell%f.columns] += x
				p.total += x
			}
		}
	}
}

// Attention compares where people look with where attacks were and where they
// are likely. All three are shares by cell that add up to one.
type Attention struct {
	// Fixation is the part of the attention that rests where last quarter's
	// attacks were and that the forecast does not justify, 0 to 1.
	Fixation float64 `json:"fixation"`
	// Gap is the part of the risk for which there is no attention, 0 to 1.
	Gap float64 `json:"gap"`
	// Widest are the cells with the greatest gaps, widest first, at most five.
	Widest []int `json:"widest"`
}

// NewAttention compares weights of any scale; nil or all-zero attention is none.
func NewAttention(attention, lastQuarter, forecast []float64) Attention {
	a, l, f := shares(attention), shares(lastQuarter), shares(forecast)
	out := Attention{Widest: []int{}}
	gap := make([]float64, len(f))
	for c := range f {
		out.Fixation += max(0, min(a[c], l[c])-f[c])
		gap[c] = max(0, f[c]-a[c])
		out.Gap += gap[c]
	}
	for len(out.Widest) < 5 {
		best := -1
		for c := range gap {
			if gap[c] > 0 && (best < 0 || gap[c] > gap[best]) {
				best = c
			}
		}
		if best < 0 {
			break
		}
		gap[best] = 0
		out.Widest = append(out.Widest, best)
	}
	return out
}

func shares(w []float64) []float64 {
	out := make([]float64, len(w))
	total := 0.0
	for _, v := range w {
		total += v
	}
	for i, v := range w {
		if total > 0 {
			out[i] = v / total
		}
	}
	return out
}
