package link

import "testing"

func FuzzParseRange(f *testing.F) {
	f.Add("bytes=5-", int64(10))
	f.Add("bytes=-5-", int64(10))
	f.Fuzz(func(t *testing.T, s string, size int64) {
		if at, ok := parseRange(s, size); ok && (at < 0 || at >= size) {
			t.Errorf("%q of %d bytes begins at %d", s, size, at)
		}
	})
}
