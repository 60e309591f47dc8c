package stix

import (
	"fmt"
	"time"
)

// FormatTime writes t as a STIX timestamp in UTC with milliseconds, the
// precision of created and modified (§3.2).
func FormatTime(t time.Time) string {
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

// ParseTime reads a STIX timestamp (§2.16): RFC 3339 in UTC, with the letters T
// and Z in upper case and any number of sub-second digits. Digits beyond
// nanoseconds are checked and dropped. Second 60 is accepted where RFC 3339 has
// leap seconds, at 23:59, and means the following midnight.
func ParseTime(s string) (time.Time, error) {
	fail := func(why string) (time.Time, error) {
		return time.Time{}, fmt.Errorf("timestamp %q: %s", clip(s), why)
	}
	const layout = "dddd-dd-ddTdd:dd:dd"
	if len(s) < len(layout)+1 {
		return fail("must be like 2006-01-02T15:04:05.000Z")
	}
	for i := range len(layout) {
		if c := s[i]; layout[i] == 'd' && (c < '0' || c > '9') || layout[i] != 'd' && c != layout[i] {
			return fail("must be like 2006-01-02T15:04:05.000Z")
		}
	}
	nanos, rest := 0, s[len(layout):]
	if rest[0] == '.' {
		n := 1
		for scale := 100_000_000; n < len(rest) && rest[n] >= '0' && rest[n] <= '9'; n++ {
			nanos += int(rest[n]-'0') * scale
			scale /= 10
		}
		if n == 1 {
			return fail("has a point and no digits after it")
		}
		rest = rest[n:]
	}
	if rest != "Z" {
		return fail("must end with Z (UTC)")
	}
	num := func(i, n int) (x int) {
		for _, c := range []byte(s[i : i+n]) {
			x = x*10 + int(c-'0')
		}
		return x
	}
	year, month, day := num(0, 4), num(5, 2), num(8, 2)
	hour, minute, second := num(11, 2), num(14, 2), num(17, 2)
	leap := hour == 23 && minute == 59 && second == 60
	if hour > 23 || minute > 59 || second > 59 && !leap {
		return fail("is no time of day")
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, nanos, time.UTC)
	if month < 1 || month > 12 || day < 1 || t.Add(-time.Duration(second/60)*time.Second).Day() != day {
		return fail("is no date of the calendar")
	}
	return t, nil
}
