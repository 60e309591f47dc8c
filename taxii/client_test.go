package taxii_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"parley.example/parley/taxii"
)

func filled(n int) *shelf {
	s := &shelf{}
	for i := range n {
		s.records = append(s.records, taxii.Record{ID: fmt.Sprint(i), Added: 1_600_000_000_000_000 + int64(i), Bytes: fmt.Appendf(nil, `{"n":%d}`, i)})
	}
	return s
}

// poll reads everything and checks that it came once, in order.
func poll(t *testing.T, c *taxii.Client, url string, from taxii.Resume, first, last int) taxii.Resume {
	t.Helper()
	i, at := first, from
	err := c.Poll(t.Context(), url, from, 7, func(objects [][]byte, r taxii.Resume) error {
		for _, o := range objects {
			if string(o) != fmt.Sprintf(`{"n":%d}`, i) {
				t.Errorf("object %d is %s", i, o)
			}
			i++
		}
		at = r
		return nil
	})
	if err != nil || i != last {
		t.Errorf("poll: up to %d, want %d; %v", i, last, err)
	}
	return at
}

func TestPollGoesOn(t *testing.T) {
	s := filled(50)
	srv := serve(t, s, &door{}, taxii.Options{})
	url := srv.URL + "/taxii2/r/collections/c"
	c := &taxii.Client{Name: "u", Secret: "open", HTTP: srv.Client()}
	at := poll(t, c, url, taxii.Resume{}, 0, 50)
	if at = poll(t, c, url, at, 50, 50); at.After == "" || at.Next != "" {
		t.Errorf("after an empty poll: %+v", at)
	}
	s.records = append(s.records, filled(60).records[50:]...)
	poll(t, c, url, at, 50, 60)
	// Given up in the middle, it goes on after the last page that was kept.
	stop, kept := errors.New("stop"), taxii.Resume{}
	n := 0
	err := c.Poll(t.Context(), url, taxii.Resume{}, 7, func(objects [][]byte, r taxii.Resume) error {
		if n == 14 {
			return stop
		}
		n, kept = n+len(objects), r
		return nil
	})
	if !errors.Is(err, stop) {
		t.Fatal(err)
	}
	poll(t, c, url, kept, 14, 60)
	kept.Next = "forgotten"
	poll(t, c, url, kept, 14, 60)
	if _, err := (&taxii.Client{Secret: "wrong", HTTP: srv.Client()}).Collections(t.Context(), srv.URL+"/taxii2/r/"); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("wrong credentials: %v", err)
	}
	d, err := c.Discover(t.Context(), srv.URL+"/taxii2/")
	if err != nil || !slices.Equal(d.APIRoots, []string{srv.URL + "/taxii2/r/"}) || d.Default != d.APIRoots[0] {
		t.Errorf("discovery %+v, %v", d, err)
	}
}

// Servers that fail for a time, have more without next, or never end.
func TestPollOfOddServers(t *testing.T) {
	s := filled(20)
	inner, err := taxii.NewServer(s, &door{}, taxii.Options{Key: []byte("0123456789abcdef")})
	if err != nil {
		t.Fatal(err)
	}
	failures := 0
	failing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if failures++; failures%3 != 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		inner.ServeHTTP(w, r)
	}))
	defer failing.Close()
	c := &taxii.Client{Secret: "open", HTTP: failing.Client(), Pause: time.Millisecond}
	poll(t, c, failing.URL+"/taxii2/r/collections/c", taxii.Resume{}, 0, 20)
	noNext := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		after := r.URL.Query().Get("added_after")
		i := 0
		for i < 20 && taxii.FormatTime(s.records[i].Added) <= after {
			i++
		}
		end := min(i+7, 20)
		var parts []string
		for _, r := range s.records[i:end] {
			parts = append(parts, string(r.Bytes))
		}
		if end > i {
			w.Header().Set("X-TAXII-Date-Added-Last", taxii.FormatTime(s.records[end-1].Added))
		}
		fmt.Fprintf(w, `{"more":true,"objects":[%s]}`, strings.Join(parts, ","))
	}))
	defer noNext.Close()
	c.HTTP = noNext.Client()
	poll(t, c, noNext.URL, taxii.Resume{}, 0, 20)
	for body, want := range map[string]string{`{"more":true}`: "", `{"more":true,"next":"x"}`: "lead on", `{"objects":5}`: "want a list", `nonsense`: "does not read", `[1]`: "want a list"} {
		odd := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, body) }))
		c.HTTP = odd.Client()
		calls := 0
		err := c.Poll(t.Context(), odd.URL, taxii.Resume{}, 7, func([][]byte, taxii.Resume) error { calls++; return nil })
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) || calls > 3 {
			t.Errorf("%s: %v after %d calls", body, err, calls)
		}
		odd.Close()
	}
}

// A server of version 2.0 counts items and sends bundles.
func TestPollV20(t *testing.T) {
	s := filled(20)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept") != "application/vnd.oasis.stix+json; version=2.0" {
			t.Errorf("Accept %q", r.Header.Get("Accept"))
		}
		var from, to int
		if _, err := fmt.Sscanf(r.Header.Get("Range"), "items %d-%d", &from, &to); err != nil {
			t.Error(err)
		}
		to = min(to, 19)
		var parts []string
		for _, r := range s.records[from : to+1] {
			parts = append(parts, string(r.Bytes))
		}
		w.Header().Set("Content-Range", fmt.Sprintf("items %d-%d/20", from, to))
		w.Header().Set("X-TAXII-Date-Added-Last", taxii.FormatTime(s.records[to].Added))
		w.WriteHeader(http.StatusPartialContent)
		fmt.Fprintf(w, `{"type":"bundle","id":"bundle--x","objects":[%s]}`, strings.Join(parts, ","))
	}))
	defer srv.Close()
	at := poll(t, &taxii.Client{V20: true, HTTP: srv.Client()}, srv.URL, taxii.Resume{}, 0, 20)
	if at.After != taxii.FormatTime(s.records[19].Added) || at.Next != "" {
		t.Errorf("goes on at %+v", at)
	}
}
