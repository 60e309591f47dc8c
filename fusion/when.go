package fusion

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// day is one day since the Unix epoch.
func day(t time.Time) int { return int(t.Unix() / 86400) }

var (
	isoDate   = regexp.MustCompile(`^(\d{4})[-/.](\d{1,2})(?:[-/.](\d{1,2}))?(?:[T ].*)?$`)
	yearOnly  = regexp.MustCompile(`^(\d{4})(?:\.0)?$`)
	numeric   = regexp.MustCompile(`^(\d{1,2})[-/.](\d{1,2})[-/.](\d{4}|\d{2})(?:[T ].*)?$`)
	named     = []string{"2 January 2006", "2 Jan 2006", "January 2, 2006", "Jan 2, 2006", "2-Jan-2006", "2-Jan-06", "02-January-2006"}
	monthYear = []string{"January 2006", "Jan 2006"}
	oddSpace  = regexp.MustCompile(`\s+`)
)

// dayFirst tells from a list's dates like 13/01/2014 which of their first two
// numbers is the day: the order that more of them can only be read in; day
// first where none tells.
func dayFirst(dates []string) bool {
	first, second := 0, 0
	for _, s := range dates {
		if m := numeric.FindStringSubmatch(strings.TrimSpace(digits(s))); m != nil {
			if n, _ := strconv.Atoi(m[1]); n > 12 {
				first++
			}
			if n, _ := strconv.Atoi(m[2]); n > 12 {
				second++
			}
		}
	}
	return first >= second
}

// parseDate reads a day, a month or a year as the span of days that it is.
func parseDate(s string, dayFirst bool) (from, to time.Time, err error) {
	s = oddSpace.ReplaceAllString(strings.TrimSpace(digits(s)), " ")
	switch strings.ToLower(s) {
	case "", "-", "?", "na", "n/a", "nan", "null", "unknown":
		return from, to, nil
	}
	if m := isoDate.FindStringSubmatch(s); m != nil {
		y, _ := strconv.Atoi(m[1])
		mo, _ := strconv.Atoi(m[2])
		d := 0 // like GTD, which writes 0 for a day or month that is not known
		if m[3] != "" {
			d, _ = strconv.Atoi(m[3])
		}
		return spanOf(y, mo, d, s)
	}
	if m := yearOnly.FindStringSubmatch(s); m != nil {
		y, _ := strconv.Atoi(m[1])
		return spanOf(y, 0, 0, s)
	}
	if m := numeric.FindStringSubmatch(s); m != nil {
		d, _ := strconv.Atoi(m[1])
		mo, _ := strconv.Atoi(m[2])
		y, _ := strconv.Atoi(m[3])
		if !dayFirst {
			d, mo = mo, d
		}
		if y < 100 {
			if y += 2000; y > 2069 {
				y -= 100
			}
		}
		return spanOf(y, mo, d, s)
	}
	for _, l := range named {
		if t, err := time.Parse(l, s); err == nil {
			return t, t, nil
		}
	}
	for _, l := range monthYear {
		if t, err := time.Parse(l, s); err == nil {
			return t, t.AddDate(0, 1, -1), nil
		}
	}
	return from, to, fmt.Errorf("is not a date like 2026-12-31")
}

func spanOf(y, m, d int, s string) (from, to time.Time, err error) {
	switch {
	case y < 1800 || y > 2200:
		return from, to, fmt.Errorf("is not a date of our time")
	case m == 0:
		from = time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC)
		return from, from.AddDate(1, 0, -1), nil
	case m > 12:
		return from, to, fmt.Errorf("does not exist in the calendar")
	case d == 0:
		from = time.Date(y, time.Month(m), 1, 0, 0, 0, 0, time.UTC)
		return from, from.AddDate(0, 1, -1), nil
	}
	from = time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC)
	if from.Day() != d {
		return time.Time{}, to, fmt.Errorf("does not exist in the calendar")
	}
	return from, from, nil
}

// Levels of agreement in time, where both dates are exact.
const (
	sameDay = iota
	nextDay
	threeDays
	week
	month
	mistyped
	otherTime
)

var dateNames = []string{
	"same day", "a day apart", "two or three days apart", "up to a week apart", "up to a month apart",
	"day and month exchanged, or a year apart", "another time",
}

// Levels of agreement where one date is vague: it may well be the other.
const (
	within = iota
	soon
	otherSpan
)

var spanNames = []string{"one within the vague date of the other", "up to a week from the vague date of the other", "another time"}

// vagueDates says whether one of two dates is no day, so that the two can only
// be compared as spans.
func vagueDates(a, b *prepared) bool {
	same := a.first == b.first && a.last == b.last
	return max(a.last-a.first, b.last-b.first) > 1 || a.last+b.last > a.first+b.first && !same
}

// compareDates returns the level of agreement of two exact dates.
func compareDates(a, b *prepared) int {
	if !a.dated || !b.dated || vagueDates(a, b) {
		return missing
	}
	switch gap := apartDays(a, b); {
	case gap == 0:
		return sameDay
	case gap == 1:
		return nextDay
	case gap <= 3:
		return threeDays
	case gap <= 7:
		return week
	case misdated(a.from, b.from):
		return mistyped
	case gap <= 31:
		return month
	}
	return otherTime
}

// compareSpans returns the level where one date is vague.
func compareSpans(a, b *prepared) int {
	if !a.dated || !b.dated || !vagueDates(a, b) {
		return missing
	}
	switch gap := apartDays(a, b); {
	case gap == 0:
		return within
	case gap <= 7:
		return soon
	}
	return otherSpan
}

func apartDays(a, b *prepared) int { return max(a.first-b.last, b.first-a.last, 0) }

func misdated(a, b time.Time) bool {
	ya, ma, da := a.Date()
	yb, mb, db := b.Date()
	if ya == yb {
		return int(ma) == db && int(mb) == da
	}
	return (ya-yb == 1 || yb-ya == 1) && ma == mb && da == db
}
