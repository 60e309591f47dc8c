package watch

import "time"

// EvaluateUntil is Evaluate over the origins whose horizon ends by until.
func EvaluateUntil(p *Panel, horizon int, from, until time.Time) ([]Evaluation, error) {
	var out []Evaluation
	s := newSuite(p, horizon, garchDefault)
	for _, m := range []struct {
		name string
		model
	}{
		{"parley", s.parley}, {"ewma", s.ewma}, {"climatology", newClimatology(p, horizon)},
		{"ebx", s.ebx}, {"ingarch", s.ingarch}, {"glm", s.glm}, {"pool3", equal(p, s.ebx, s.ingarch, s.glm)},
	} {
		ev := score(p, m.model, horizon, p.index(from), p.index(until)-horizon)
		ev.Model = m.name
		out = append(out, ev)
	}
	return out, nil
}
