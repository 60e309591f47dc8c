package watch

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// An onset is the return of violence: the first week with an attack whose next
// 13 weeks hold at least twice the rate of the year before and at least four
// attacks more than that rate expects, which chance gives once in a thousand
// times, while the eight weeks before were not yet raised. Onsets lie at least
// 26 weeks apart.
const (
	onsetSpan    = 13
	onsetBase    = 52
	onsetRatio   = 2.0
	onsetMore    = 4.0
	onsetChance  = .001
	onsetBefore  = 8
	onsetApart   = 26
	onsetEarly   = 2  // an alarm so many weeks before an onset counts for it
	onsetLate    = 26 // and one less than so many weeks after
	episodeQuiet = 4  // an alarm after more than so many weeks without one begins an episode
)

// Onsets returns the weeks in which onsets began, for judging detectors: it
// looks 13 weeks ahead.
func Onsets(counts []int) (out []int) {
	last := math.MinInt / 2
	for t := onsetBase; t+onsetSpan <= len(counts); t++ {
		if counts[t] == 0 || t-last < onsetApart {
			continue
		}
		rate := float64(sum(counts, t-onsetBase, onsetBase)) / onsetBase
		expected := onsetSpan * rate
		n := float64(sum(counts, t, onsetSpan))
		before := float64(sum(counts, t-onsetBefore, onsetBefore)) / onsetBefore
		if n >= onsetRatio*expected && n-expected >= onsetMore && before <= onsetRatio*rate && poissonTail(int(n), expected) < onsetChance {
			out = append(out, t)
			last = t
		}
	}
	return out
}

// poissonTail is the probability of k or more events where m are expected.
func poissonTail(k int, m float64) float64 {
	p := math.Exp(-m)
	below := 0.0
	for i := range k {
		below += p
		p *= m / float64(i+1)
	}
	return max(1-below, 0)
}

// detector follows one series and gives, for each week, how strongly the weeks
// up to and with it speak for a rise. reset tells it that an alarm was raised.
type detector interface {
	add(t int) float64
	reset()
}

// scan is how improbable the newest one to three weeks are after the year before
// them: the least tail probability, as −ln, under the negative binomial of a
// gamma-distributed rate, so that it knows how uncertain a short or quiet year
// leaves it (scan statistics: Naus 1965, JASA 60).
type scan struct {
	counts []int
	since  int // the week after the last alarm
	now    int
}

const (
	scanLongest = 3
	scanEvents  = .5 // prior events
	scanWeeks   = 10 // in prior weeks
	scanSize    = 8  // over-dispersion of a week
)

func (d *scan) add(t int) (strongest float64) {
	d.now = t
	n := 0
	for w := 1; w <= scanLongest && t-w+1 >= d.since; w++ {
		begin := t - w + 1
		n += d.counts[begin]
		if d.counts[begin] == 0 {
			continue // a span that begins with a quiet week says less than the one within it
		}
		from := max(begin-onsetBase, 0)
		a := float64(sum(d.counts, from, begin-from)) + scanEvents
		b := float64(begin-from) + scanWeeks
		left := 1.0
		for k, p := range NB(float64(w)*a/b, 1/(1/a+1/(scanSize*float64(w)))) {
			if k == n {
				break
			}
			left -= p
		}
		strongest = max(strongest, -math.Log(max(left, tail)))
	}
	return strongest
}

func (d *scan) reset() { d.since = d.now + 1 }

// change is the Shiryaev–Roberts statistic for a rise by one of several factors,
// as a logarithm (Pollak 1985, Ann. Statist. 13(1)): slower than scan and with
// less noise, it confirms.
type change struct {
	counts []int
	r      [3]float64
}

var changeFactors = [3]float64{2, 4, 8}

func (d *change) add(t int) float64 {
	from := max(t-onsetBase, 0)
	base := (float64(sum(d.counts, from, t-from)) + scanEvents) / float64(t-from+scanWeeks)
	total := 0.0
	for i, f := range changeFactors {
		d.r[i] = min((1+d.r[i])*math.Exp(float64(d.counts[t])*math.Log(f)-(f-1)*base), 1e12)
		total += d.r[i] / float64(len(d.r))
	}
	return math.Log(max(total, 1))
}

func (d *change) reset() { d.r = [3]float64{} }

func newScan(counts []int) detector   { return &scan{counts: counts} }
func newChange(counts []int) detector { return &change{counts: counts} }

// episodes returns the weeks before to in which alarm episodes began, from on.
func episodes(d detector, from, to int, threshold float64) (out []int) {
	last := math.MinInt / 2
	for t := range to {
		if d.add(t) < threshold {
			continue
		}
		d.reset()
		if t-last > episodeQuiet && t >= from {
			out = append(out, t)
		}
		last = t
	}
	return out
}

// OnsetScore is how a detector did. The shares are of all onsets; a false alarm
// is an episode that belongs to no onset. The years of a series count from its first
// attack: before it no detector can be wrong, and quiet years of groups that did not
// exist yet would promise fewer false alarms than come.
type OnsetScore struct {
	Onsets      int     `json:"onsets"`
	Within4     float64 `json:"within4"`
	Within8     float64 `json:"within8"`
	FalseAlarms float64 `json:"false_alarms_per_series_year"`
	Precision   float64 `json:"precision"` // of episodes
	Threshold   float64 `json:"threshold"`
}

func scoreOnsets(p *Panel, make func([]int) detector, from, to int, threshold float64) OnsetScore {
	s := OnsetScore{Threshold: threshold}
	right, wrong, weeks := 0, 0, 0
	for _, counts := range p.Counts {
		first := slices.IndexFunc(counts[:to], func(y int) bool { return y > 0 })
		if first < 0 {
			continue
		}
		weeks += to - max(first, from)
		onsets := Onsets(counts[:to])
		starts := episodes(make(counts), from, to, threshold)
		used := map[int]bool{}
		for _, o := range onsets {
			if o < from {
				// Episodes near an onset before the test are no false alarms.
				for _, e := range starts {
					used[e] = used[e] || e >= o-onsetEarly && e < o+onsetLate
				}
				continue
			}
			s.Onsets++
			first := -1
			for _, e := range starts {
				if e >= o-onsetEarly && e < o+onsetLate {
					used[e] = true
					if first < 0 {
						first = e
					}
				}
			}
			if first >= 0 {
				right++
				if first <= o+4 {
					s.Within4++
				}
				if first <= o+8 {
					s.Within8++
				}
			}
		}
		for _, e := range starts {
			if !used[e] {
				wrong++
			}
		}
	}
	years := float64(weeks) / 52.18
	if s.Onsets > 0 {
		s.Within4 /= float64(s.Onsets)
		s.Within8 /= float64(s.Onsets)
	}
	if years > 0 {
		s.FalseAlarms = float64(wrong) / years
	}
	if right+wrong > 0 {
		s.Precision = float64(right) / float64(right+wrong)
	}
	return s
}

// chooseThreshold returns the lowest threshold down to which there were no more
// than so many false alarms per series and year in the periods [from, to). (Far
// below, everything is one long episode.)
func chooseThreshold(p *Panel, make func([]int) detector, from, to int, falseAlarms float64) float64 {
	high := 12.0
	for _, step := range []float64{.5, .1, .02} {
		for high > 2*step && scoreOnsets(p, make, from, to, high-step).FalseAlarms <= falseAlarms {
			high -= step
		}
	}
	return high
}

// EvaluateOnsets chooses a threshold on what came before trainUntil, for at most
// so many false alarms per series and year, and scores it on what came after.
func EvaluateOnsets(p *Panel, falseAlarms float64, trainUntil time.Time) (OnsetScore, error) {
	to := p.index(trainUntil)
	if err := onsetsPossible(p, falseAlarms); err != nil {
		return OnsetScore{}, err
	}
	if to < 3*onsetBase || to+onsetBase > len(p.Starts) {
		return OnsetScore{}, fmt.Errorf("the panel has %d weeks before and %d after %s; three years and one are needed",
			to, len(p.Starts)-to, trainUntil.Format(time.DateOnly))
	}
	return scoreOnsets(p, newScan, to, len(p.Starts), chooseThreshold(p, newScan, onsetBase, to, falseAlarms)), nil
}

func onsetsPossible(p *Panel, falseAlarms float64) error {
	if p.Step != Weekly {
		return errors.New("onsets are found in weekly panels; this one is monthly")
	}
	if !(falseAlarms > 0) || falseAlarms > 52 {
		return fmt.Errorf("false alarms per series and year: %v is not above 0 and up to 52", falseAlarms)
	}
	return nil
}

// OnsetAlarm is a prompt to look: a series has more attacks than the year before
// it makes likely.
type OnsetAlarm struct {
	Unit string    `json:"unit"`
	Week time.Time `json:"week"` // its Monday
	// Evidence is the counts of the eight weeks up to Week, oldest first; Usual
	// the mean of a week in the year before them.
	Evidence []int   `json:"evidence"`
	Usual    float64 `json:"usual"`
	// Strength is −ln of the probability of so many attacks by chance.
	Strength float64 `json:"strength"`
	// Confirmed: the slower detector with less noise agrees within four weeks.
	Confirmed bool `json:"confirmed"`
}

// OnsetReport is what the detectors say of a panel, and how good they were.
type OnsetReport struct {
	Alarms []OnsetAlarm `json:"alarms"` // begun in the last 26 weeks, newest first
	Score  OnsetScore   `json:"score"`  // on the panel's own past
}

// ErrShort reports a record that is too short to find onsets in.
var ErrShort = errors.New("the record is too short")

// FindOnsets reports the alarms of the last half year at a rate of false alarms
// that the past did not exceed, and how often such alarms were right. The error is
// [ErrShort] for a panel with less than three years.
func FindOnsets(p *Panel, falseAlarms float64) (OnsetReport, error) {
	if err := onsetsPossible(p, falseAlarms); err != nil {
		return OnsetReport{}, err
	}
	n := len(p.Starts)
	if n < 3*onsetBase {
		return OnsetReport{}, fmt.Errorf("%w: %d weeks are held; finding returns of violence needs three years", ErrShort, n)
	}
	prompt := chooseThreshold(p, newScan, onsetBase, n, falseAlarms)
	second := chooseThreshold(p, newChange, onsetBase, n, falseAlarms/2)
	r := OnsetReport{Alarms: []OnsetAlarm{}, Score: scoreOnsets(p, newScan, onsetBase, n, prompt)}
	for u, counts := range p.Counts {
		confirmed := episodes(newChange(counts), max(n-onsetLate-episodeQuiet, 0), n, second)
		for _, t := range episodes(newScan(counts), n-onsetLate, n, prompt) {
			from := t - onsetBefore + 1
			a := OnsetAlarm{Unit: p.Units[u], Week: p.Starts[t], Evidence: counts[from : t+1], Usual: float64(sum(counts, from-onsetBase, onsetBase)) / onsetBase}
			d := newScan(counts)
			for s := range t + 1 {
				if a.Strength = d.add(s); a.Strength >= prompt && s < t {
					d.reset()
				}
			}
			for _, c := range confirmed {
				a.Confirmed = a.Confirmed || c >= t-episodeQuiet && c <= t+episodeQuiet
			}
			r.Alarms = append(r.Alarms, a)
		}
	}
	slices.SortStableFunc(r.Alarms, func(a, b OnsetAlarm) int { return b.Week.Compare(a.Week) })
	return r, nil
}
