package watch

import "time"

// EvaluateUntil is Evaluate over the origins whose horizon ends by until.
func EvaluateUntil(p *Panel, horizon int, from, until time.Time) ([]Evaluation, error) {
	return evaluate(p, horizon, garchDefault, p.index(from), p.index(until)-horizon), nil
}
