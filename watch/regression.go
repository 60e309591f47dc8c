package watch

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// family says what a regression is of.
type family int

const (
	binomial family = iota // shares from 0 to 1, logit link
	negbin                 // counts with a fixed size, log link
)

// regression is a generalised linear model with an intercept and a ridge penalty
// on the scaled features, fitted by Newton's method (McCullagh and Nelder 1989,
// section 2.5).
type regression struct {
	family family
	size   float64 // of negbin
	ridge  float64

	rows          [][]float64
	outcome       []float64
	offset        []float64 // added to the linear part of each row
	weight        []float64 // of each row; scaled to a mean of one
	centre, scale []float64
	coef          []float64 // intercept first
}

// minRows is how many rows a regression needs.
const minRows = 50

func (r *regression) add(row []float64, offset, y, weight float64) {
	r.rows = append(r.rows, append([]float64(nil), row...))
	r.outcome = append(r.outcome, y)
	r.offset = append(r.offset, offset)
	r.weight = append(r.weight, weight)
}

// solve fits the model and drops its rows. It returns false where there is too
// little to fit.
func (r *regression) solve() bool {
	n := len(r.rows)
	if n < minRows {
		return false
	}
	total, mean, offsets := 0.0, 0.0, 0.0
	for i, w := range r.weight {
		total += w
		mean += w * r.outcome[i]
		offsets += math.Abs(r.offset[i])
	}
	if mean /= total; mean <= 0 || r.family == binomial && mean >= 1 {
		return false
	}
	for i := range r.weight {
		r.weight[i] *= float64(n) / total
	}
	r.standardise()
	r.coef = make([]float64, len(r.centre)+1)
	if offsets == 0 {
		r.coef[0] = math.Log(mean)
	}
	last := r.loss()
	for range 50 {
		step := r.newton()
		if step == nil {
			break
		}
		old := append([]float64(nil), r.coef...)
		gained := 0.0
		for part := 1.0; part > 1e-4 && gained == 0; part /= 2 {
			for j := range r.coef {
				r.coef[j] = old[j] - part*step[j]
			}
			if now := r.loss(); now < last {
				gained, last = last-now, now
			}
		}
		if gained == 0 {
			copy(r.coef, old)
		}
		if gained < 1e-9*(1+math.Abs(last)) {
			break
		}
	}
	r.rows, r.outcome, r.offset, r.weight = nil, nil, nil, nil
	return true
}

// standardise centres and scales the features.
func (r *regression) standardise() {
	n, k := float64(len(r.rows)), len(r.rows[0])
	r.centre, r.scale = make([]float64, k), make([]float64, k)
	for _, row := range r.rows {
		for j, v := range row {
			r.centre[j] += v / n
		}
	}
	for _, row := range r.rows {
		for j, v := range row {
			r.scale[j] += (v - r.centre[j]) * (v - r.centre[j]) / n
		}
	}
	for j := range r.scale {
		if r.scale[j] = math.Sqrt(r.scale[j]); r.scale[j] < 1e-9 {
			r.scale[j] = 1
		}
	}
	for _, row := range r.rows {
		for j := range row {
			row[j] = (row[j] - r.centre[j]) / r.scale[j]
		}
	}
}

func (r *regression) link(eta float64) float64 {
	if r.family == binomial {
		return 1 / (1 + math.Exp(-eta))
	}
	return math.Exp(min(eta, 30))
}

// eta is the linear part of row i.
func (r *regression) eta(i int) float64 {
	e := r.coef[0] + r.offset[i]
	for j, v := range r.rows[i] {
		e += r.coef[j+1] * v
	}
	return e
}

// loss is the mean negative log-likelihood, without its constant, and the penalty.
func (r *regression) loss() (l float64) {
	for i := range r.rows {
		e := r.eta(i)
		if r.family == binomial {
			l += r.weight[i] * (math.Log1p(math.Exp(-math.Abs(e))) + max(e, 0) - r.outcome[i]*e)
		} else {
			l += r.weight[i] * ((r.outcome[i]+r.size)*math.Log(r.size+r.link(e)) - r.outcome[i]*e)
		}
	}
	l /= float64(len(r.rows))
	for _, c := range r.coef[1:] {
		l += r.ridge / 2 * c * c
	}
	return l
}

// newton is the step of Newton's method with expected second derivatives, nil
// where the equations do not solve.
func (r *regression) newton() []float64 {
	k := len(r.coef)
	g, h, z := make([]float64, k), make([]float64, k*k), make([]float64, k)
	z[0] = 1
	n := float64(len(r.rows))
	for i, row := range r.rows {
		mu := r.link(r.eta(i))
		w, d := mu*(1-mu), mu-r.outcome[i]
		if r.family == negbin {
			w, d = mu*r.size/(r.size+mu), d*r.size/(r.size+mu)
		}
		w, d = w*r.weight[i]/n, d*r.weight[i]/n
		copy(z[1:], row)
		for a := range k {
			g[a] += d * z[a]
			for b := a; b < k; b++ {
				h[a*k+b] += w * z[a] * z[b]
			}
		}
	}
	for a := range k {
		h[a*k+a] += 1e-9
		if a > 0 {
			g[a] += r.ridge * r.coef[a]
			h[a*k+a] += r.ridge
		}
	}
	var c mat.Cholesky
	var step mat.VecDense
	if !c.Factorize(mat.NewSymDense(k, h)) || c.SolveVecTo(&step, mat.NewVecDense(k, g)) != nil {
		return nil
	}
	return step.RawVector().Data
}

// mean is what the fitted model expects of a row.
func (r *regression) mean(row []float64, offset float64) float64 {
	e := r.coef[0] + offset
	for j, v := range row {
		e += r.coef[j+1] * (v - r.centre[j]) / r.scale[j]
	}
	return r.link(e)
}
