package taxii

import (
	"bytes"
	"math"
	"net/url"
	"strings"
	"testing"

	"parley.example/parley/stix"
)

var nextTestKey = nextKey("0123456789abcdef")

func TestNextIsBound(t *testing.T) {
	for _, at := range []int64{0, 1, 1 << 50, math.MaxInt64, -1} {
		token := nextTestKey.format("a", at)
		if got, err := nextTestKey.parse("a", token); err != nil || got != at {
			t.Errorf("position %d came back as %d, %v", at, got, err)
		}
		if _, err := nextTestKey.parse("b", token); err == nil {
			t.Error("a position of another collection is taken")
		}
		if _, err := nextKey("another key here").parse("a", token); err == nil {
			t.Error("a position of another server is taken")
		}
		for i := range token {
			changed := []byte(token)
			if changed[i]++; string(changed) != token {
				if _, err := nextTestKey.parse("a", string(changed)); err == nil {
					t.Errorf("a forged position is taken: %s", changed)
				}
			}
		}
	}
}

func FuzzNext(f *testing.F) {
	f.Add(nextTestKey.format("c", 5))
	f.Add("")
	f.Fuzz(func(t *testing.T, token string) {
		if at, err := nextTestKey.parse("c", token); err == nil && nextTestKey.format("c", at) != token {
			t.Errorf("%q is taken for position %d, which is written otherwise", token, at)
		}
	})
}

func FuzzAccept(f *testing.F) {
	for _, s := range []string{MediaType, "*/*;q=0.1, text/html", `application/taxii+json;version="2.1";q=1`, `a/b;c="\",", */*`, ";q=,"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if accepts([]string{s}) && s != strings.TrimSpace(s) && strings.TrimSpace(s) != "" && !accepts([]string{strings.TrimSpace(s)}) {
			t.Errorf("space around %q decides", s)
		}
		if strings.TrimSpace(s) != "" && accepts([]string{s}) && !strings.ContainsAny(s, "*tT") {
			t.Errorf("%q is accepted", s)
		}
		sends(s)
	})
}

func FuzzParameters(f *testing.F) {
	f.Add("match[id]=a,b&limit=3&added_after=2020-01-01T00:00:00Z&match[version]=all,2020-01-01T00:00:00Z")
	f.Add("limit=0&next=&match[x]=1")
	f.Fuzz(func(t *testing.T, raw string) {
		values, err := url.ParseQuery(raw)
		if err != nil {
			return
		}
		q, _, err := parseQuery(values, 100, listParameters...)
		if err != nil {
			if _, ok := err.(*Error); !ok {
				t.Errorf("%q: error %T is not for the client", raw, err)
			}
			return
		}
		if q.Limit < 1 || q.Limit > 100 || q.After < 0 || len(q.IDs) > maxValues || len(q.At) > maxValues {
			t.Errorf("%q: read as %+v", raw, q)
		}
		for _, list := range [][]string{q.IDs, q.Types, q.Specs} {
			for _, v := range list {
				if v == "" {
					t.Errorf("%q: an empty value", raw)
				}
			}
		}
	})
}

// Objects that an envelope's reader hands out are there byte for byte.
func FuzzEnvelope(f *testing.F) {
	for _, s := range []string{`{"objects":[{"a":1}, {"b":"\u00e9"}]}`, `{"more":false}`, `{"type":"bundle","objects":[]}`, `[{}]`, `{"objects":[1],"objects":[2]}`, `{"objects":[{`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		objects, err := readEnvelope(bytes.NewReader(b))
		if err != nil {
			return
		}
		if len(objects) == 0 {
			t.Error("an envelope without objects is taken")
		}
		for _, o := range objects {
			if !bytes.Contains(b, o) {
				t.Errorf("object %q is not in the body", o)
			}
			_, _ = stix.Parse(o)
		}
	})
}

func TestFormatTime(t *testing.T) {
	for us, want := range map[int64]string{0: "1970-01-01T00:00:00.000000Z", 1: "1970-01-01T00:00:00.000001Z", -1: "1969-12-31T23:59:59.999999Z", 1700000000120000: "2023-11-14T22:13:20.120000Z"} {
		if got := FormatTime(us); got != want {
			t.Errorf("%d: %s, want %s", us, got, want)
		}
		if got, err := parseAfter(FormatTime(us)); err != nil || got != max(us, 0) {
			t.Errorf("%d came back as %d, %v", us, got, err)
		}
	}
}
