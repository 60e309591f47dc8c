package incident

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// row gives typed access to the fields of one record and gathers what is wrong
// with them.
type row struct {
	get      func(field string) string
	problems []Problem
}

func (r *row) refuse(field, value, format string, args ...any) {
	r.problems = append(r.problems, Problem{Field: field, Value: clip(value), Reason: fmt.Sprintf(format, args...)})
}

// text returns a field without the space around it.
func (r *row) text(field string) string { return strings.TrimSpace(r.get(field)) }

// need is text that must not be empty.
func (r *row) need(field string) string {
	s := r.text(field)
	if s == "" {
		r.refuse(field, "", "is empty")
	}
	return s
}

// count reads a number of people; nil where the field is empty.
func (r *row) count(field string) *int {
	s := r.text(field)
	if s == "" {
		return nil
	}
	n, err := strconv.Atoi(foldDigits(s))
	switch {
	case err != nil:
		r.refuse(field, s, "is not a whole number")
		return nil
	case n < 0:
		r.refuse(field, s, "is below zero")
		return nil
	}
	return &n
}

func (r *row) number(field string) (float64, bool) {
	s := r.text(field)
	if s == "" {
		return 0, false
	}
	x, err := strconv.ParseFloat(foldDigits(s), 64)
	if err != nil {
		r.refuse(field, s, "is not a number")
		return 0, false
	}
	return x, true
}

// choice reads one word of a closed vocabulary, other where the field is empty.
func choice[T ~string](r *row, field string, of []T, other T) T {
	s := r.text(field)
	if s == "" {
		return other
	}
	for _, w := range of {
		if string(w) == strings.ToLower(s) {
			return w
		}
	}
	r.refuse(field, s, "is not one of %v", of)
	return other
}

// date reads a field in one of the layouts of package time.
func (r *row) date(field string, layouts []string) time.Time {
	s := r.text(field)
	if s == "" {
		return time.Time{}
	}
	outOfRange := false
	for _, l := range layouts {
		t, err := time.Parse(l, foldDigits(s))
		if err == nil {
			return t.UTC()
		}
		outOfRange = outOfRange || strings.HasSuffix(err.Error(), "out of range")
	}
	if outOfRange {
		r.refuse(field, s, "does not exist in the calendar")
	} else {
		r.refuse(field, s, "is not a date like %s", time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC).Format(layouts[0]))
	}
	return time.Time{}
}

// coordinates reads a pair that is given whole or not at all.
func (r *row) coordinates(latField, lonField string) (lat, lon float64, placed bool) {
	lat, hasLat := r.number(latField)
	lon, hasLon := r.number(lonField)
	if (r.text(latField) == "") != (r.text(lonField) == "") {
		r.refuse(latField+", "+lonField, "", "one of the two is missing")
	}
	return lat, lon, hasLat && hasLon
}

// finish adds what [Incident.Check] finds and returns the row's error, nil when
// nothing is wrong.
func (r *row) finish(in *Incident, at *RowError) error {
	if len(r.problems) == 0 {
		if err := in.Check(); err != nil {
			for line := range strings.SplitSeq(err.Error(), "\n") {
				r.problems = append(r.problems, Problem{Reason: line})
			}
		}
	}
	if len(r.problems) == 0 {
		return nil
	}
	at.Problems = r.problems
	return at
}

// foldDigits turns Arabic-Indic and Extended Arabic-Indic (Persian, Urdu) digits
// into ASCII ones.
func foldDigits(s string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c >= '\u0660' && c <= '\u0669':
			return c - '\u0660' + '0'
		case c >= '\u06F0' && c <= '\u06F9':
			return c - '\u06F0' + '0'
		case c == '\u066B':
			return '.'
		}
		return c
	}, s)
}

// splitList parts a field at semicolons and drops empty parts.
func splitList(s string) []string {
	var out []string
	for part := range strings.SplitSeq(s, ";") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}
