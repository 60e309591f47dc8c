package watch

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// Step is the length of a panel's periods.
type Step int

// Steps of panels. Weeks run Monday to Sunday, UTC.
const (
	Weekly Step = iota
	Monthly
)

// next returns the start of the period after the one that starts at t.
func (s Step) next(t time.Time) time.Time {
	if s == Monthly {
		return t.AddDate(0, 1, 0)
	}
	return t.AddDate(0, 0, 7)
}

// perYear is how many periods a year has.
func (s Step) perYear() float64 {
	if s == Monthly {
		return 12
	}
	return 52
}

// Panel counts events by unit and period, without gaps.
type Panel struct {
	Step   Step
	Starts []time.Time // first day of each period, ascending
	Units  []string
	Counts [][]int // by unit, then period
}

// Limits on a panel from outside.
const (
	maxPeriods = 10_000
	maxUnits   = 10_000
	maxCells   = 20_000_000
	maxCount   = 1_000_000
	maxLine    = 1 << 20
)

// ReadPanel reads a panel as CSV: a header "start,unit,unit…", then one line per
// period with its first day (2006-01-02, a Monday) or month (2006-01) and a count
// for each unit. A missing, repeated or misplaced period is an error.
func ReadPanel(r io.Reader) (*Panel, error) {
	sc := bufio.NewScanner(r)
	sc.Buffer(make([]byte, 0, 64<<10), maxLine)
	if !sc.Scan() {
		if err := sc.Err(); err != nil {
			return nil, fmt.Errorf("reading the panel: %w", err)
		}
		return nil, errors.New("the panel is empty: there is no header")
	}
	header := strings.Split(strings.TrimPrefix(strings.TrimSpace(sc.Text()), "\uFEFF"), ",")
	if header[0] != "start" || len(header) < 2 {
		return nil, errors.New(`line 1: the header is not "start,unit…"`)
	}
	if len(header) > maxUnits {
		return nil, fmt.Errorf("line 1: more than %d units", maxUnits)
	}
	p := &Panel{Units: header[1:], Counts: make([][]int, len(header)-1)}
	if err := distinct(p.Units); err != nil {
		return nil, fmt.Errorf("line 1: %w", err)
	}
	for line := 2; sc.Scan(); line++ {
		text := strings.TrimSpace(sc.Text())
		if text == "" {
			continue
		}
		if err := p.add(strings.Split(text, ",")); err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
	}
	if err := sc.Err(); err != nil {
		return nil, fmt.Errorf("reading the panel: %w", err)
	}
	if len(p.Starts) == 0 {
		return nil, errors.New("the panel has no periods")
	}
	return p, nil
}

func distinct(units []string) error {
	seen := map[string]bool{}
	for _, u := range units {
		if u == "" || seen[u] {
			return fmt.Errorf("unit %q is empty or appears twice", u)
		}
		seen[u] = true
	}
	return nil
}

// add appends one period.
func (p *Panel) add(fields []string) error {
	if len(fields) != len(p.Units)+1 {
		return fmt.Errorf("%d fields, the header has %d", len(fields), len(p.Units)+1)
	}
	if len(p.Starts) >= maxPeriods || (len(p.Starts)+1)*len(p.Units) > maxCells {
		return errors.New("the panel is too large")
	}
	start, step, err := parseStart(fields[0])
	if err != nil {
		return err
	}
	switch n := len(p.Starts); {
	case n == 0:
		p.Step = step
	case step != p.Step:
		return fmt.Errorf("%s: weeks and months are mixed", fields[0])
	default:
		if want := p.Step.next(p.Starts[n-1]); !start.Equal(want) {
			return fmt.Errorf("%s follows %s, expected %s: the panel has a gap or is out of order",
				fields[0], p.Starts[n-1].Format(time.DateOnly), want.Format(time.DateOnly))
		}
	}
	p.Starts = append(p.Starts, start)
	for i, f := range fields[1:] {
		n, err := strconv.Atoi(strings.TrimSpace(f))
		if err != nil || n < 0 || n > maxCount {
			return fmt.Errorf("%s: %q is not a count", p.Units[i], f)
		}
		p.Counts[i] = append(p.Counts[i], n)
	}
	return nil
}

func parseStart(s string) (time.Time, Step, error) {
	if t, err := time.Parse("2006-01", s); err == nil {
		return t, Monthly, nil
	}
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return t, Weekly, fmt.Errorf("start %q is no date (2006-01-02) and no month (2006-01)", s)
	}
	if t.Weekday() != time.Monday {
		return t, Weekly, fmt.Errorf("start %s is a %s; weeks start on Monday", s, t.Weekday())
	}
	return t, Weekly, nil
}

// End is the first moment after the last period.
func (p *Panel) End() time.Time { return p.Step.next(p.Starts[len(p.Starts)-1]) }

// index returns the first period that does not start before t.
func (p *Panel) index(t time.Time) int {
	for i, s := range p.Starts {
		if !s.Before(t) {
			return i
		}
	}
	return len(p.Starts)
}

// sum adds up the counts of periods [from, from+h) of a unit.
func sum(counts []int, from, h int) (n int) {
	for _, c := range counts[from : from+h] {
		n += c
	}
	return n
}

// monday returns the Monday on or before t, at midnight UTC.
func monday(t time.Time) time.Time {
	t = t.UTC()
	day := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	return day.AddDate(0, 0, -(int(day.Weekday())+6)%7)
}
