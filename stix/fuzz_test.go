package stix_test

import (
	"testing"
	"time"

	"parley.example/parley/stix"
)

func FuzzParseTime(f *testing.F) {
	for _, s := range []string{"2016-12-31T23:59:60.5Z", "2024-02-29T00:00:00.123456789123Z", "0000-01-01T00:00:00Z"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		at, err := stix.ParseTime(s)
		if err != nil {
			return
		}
		if at.Location() != time.UTC {
			t.Errorf("%q is read in %v", s, at.Location())
		}
		if y := at.Year(); y < 9999 { // the leap second of year 9999 ends in year 10000
			if again, err := stix.ParseTime(stix.FormatTime(at)); err != nil || !again.Equal(at.Truncate(time.Millisecond)) {
				t.Errorf("%q is written %q, which reads %v, %v", s, stix.FormatTime(at), again, err)
			}
		}
	})
}

func FuzzParseSelector(f *testing.F) {
	for _, s := range []string{"external_references.[0].url", "name", "a.[12].b.[0]", ".[0]", "a.[01]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if steps, err := stix.ParseSelector(s); err == nil && len(steps) == 0 {
			t.Errorf("%q selects nothing and is no error", s)
		}
	})
}
