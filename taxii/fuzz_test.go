package taxii_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"testing"

	"parley.example/parley/taxii"
)

// script is a server that gives one prepared answer after another, and an empty
// one when it has no more.
type script struct {
	answers [][]byte
	last    string
	asked   int
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	body := []byte("{}")
	if s.asked < len(s.answers) {
		body = s.answers[s.asked]
	}
	s.asked++
	h := http.Header{"Content-Type": {taxii.MediaType}, "X-Taxii-Date-Added-Last": {s.last}, "Content-Range": {"items 0-9/" + s.last}}
	return &http.Response{StatusCode: http.StatusOK, Header: h, Body: io.NopCloser(bytes.NewReader(body)), Request: r}, nil
}

// Whatever a server answers, the client ends, hands out only objects that were in
// an answer, byte for byte, and names a point from which to go on.
func FuzzPoll(f *testing.F) {
	f.Add([]byte(`{"more":true,"next":"a","objects":[{"type":"x","id":"1"}]}`+"\x00"+`{"objects":[{"id":"2"}]}`), "2026-01-01T00:00:00.000001Z", false)
	f.Add([]byte(`{"more":true,"objects":[]}`), "", false)
	f.Add([]byte(`{"more":true,"next":"a"}`+"\x00"+`{"more":true,"next":"a"}`+"\x00"+`{"more":true,"next":"a"}`), "2026", false)
	f.Add([]byte(`{"type":"bundle","id":"bundle--1","objects":[{"id":"1"},{"id":"2"}]}`), "3", true)
	f.Add([]byte(`{"objects":[{"a":1,"a":2}]}`), "", false)
	f.Add([]byte(`{"api_roots":["/r/"],"default":"/r/","collections":[{"id":"c"}],"objects":null}`), "-1", true)
	f.Fuzz(func(t *testing.T, said []byte, last string, v20 bool) {
		s := &script{answers: bytes.Split(said, []byte{0}), last: last}
		c := &taxii.Client{HTTP: &http.Client{Transport: s}, Tries: 1, V20: v20}
		var from taxii.Resume
		given := 0
		enough := errors.New("enough")
		err := c.Poll(t.Context(), "http://127.0.0.1/r/collections/c/", from, 10, func(objects [][]byte, at taxii.Resume) error {
			for _, o := range objects {
				if !json.Valid(o) || !bytes.Contains(said, o) {
					t.Fatalf("handed out what no answer holds: %q", o)
				}
			}
			if given += len(objects); s.asked > len(s.answers)+8 {
				return enough
			}
			from = at
			return nil
		})
		if errors.Is(err, enough) {
			t.Fatalf("asks on without end, from %+v", from)
		}
		b, err := json.Marshal(from)
		var again taxii.Resume
		if err != nil || json.Unmarshal(b, &again) != nil {
			t.Fatalf("the point to go on from cannot be kept: %+v, %v", from, err)
		}
		s.asked = 0
		_, _ = c.Discover(t.Context(), "http://127.0.0.1/taxii2/")
		s.asked = 0
		_, _ = c.Collections(t.Context(), "http://127.0.0.1/r/")
	})
}
