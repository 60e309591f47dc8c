package link_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"parley.example/parley/internal/link"
)

// exchangeVectors are a dialogue of one sender with one node, in order.
type exchangeVectors struct {
	Comment string         `json:"comment"`
	Steps   []exchangeStep `json:"steps"`
}

type exchangeStep struct {
	Name    string            `json:"name"`
	Method  string            `json:"method"`
	Path    string            `json:"path"`
	Headers map[string]string `json:"headers,omitempty"`
	Body    []byte            `json:"body,omitempty"`
	Status  int               `json:"status"`
	Answer  map[string]string `json:"answer,omitempty"` // headers of the answer that matter
	Parcel  bool              `json:"parcel"`           // a parcel is answered
}

func makeExchange(t *testing.T) exchangeVectors {
	t.Helper()
	p := link.Parcel{Header: link.Header{From: "north", To: "south", Accord: "a", Have: 3}, Bodies: []link.Body{{Index: 1, Bytes: []byte(`{"a":1}`)}}}
	raw := encode(t, p)
	sum := sha256.Sum256(raw)
	digest, n := hex.EncodeToString(sum[:]), strconv.Itoa(len(raw))
	const at = "/parley/v1/parcels"
	q := p
	q.From = "west"
	foreign := encode(t, q)
	return exchangeVectors{
		"North sends parcels to south, whose card pins north's key. South answers each parcel that it takes. See docs/protocol.md, Exchange.",
		[]exchangeStep{
			{"a parcel", "POST", at, nil, raw, 200, nil, true},
			{"nothing of it is kept for going on without its digest", "HEAD", at + "/" + digest, nil, nil, 404, nil, false},
			{"a part from the middle, before the beginning", "POST", at, map[string]string{"Parley-Digest": digest, "Content-Range": "bytes 10-" + strconv.Itoa(len(raw)-1) + "/" + n}, raw[10:], 416, map[string]string{"Parley-Offset": "0"}, false},
			{"with its digest", "POST", at, map[string]string{"Parley-Digest": digest}, raw, 200, nil, true},
			{"all of it is held", "HEAD", at + "/" + digest, nil, nil, 204, map[string]string{"Parley-Offset": n}, false},
			{"asked again for the answer, without a byte", "POST", at, map[string]string{"Parley-Digest": digest, "Content-Range": "bytes " + n + "-" + strconv.Itoa(len(raw)-1) + "/" + n}, nil, 200, nil, true},
			{"an answer that is not kept", "GET", at + "/" + digest, map[string]string{"Range": "bytes=5-"}, nil, 404, nil, false},
			{"bytes that are not those of the digest", "POST", at, map[string]string{"Parley-Digest": hex.EncodeToString(make([]byte, 32))}, raw, 400, nil, false},
			{"a parcel in another's name", "POST", at, nil, foreign, 400, nil, false},
			{"no parcel", "POST", at, nil, []byte("parley-parcel/1\n"), 400, nil, false},
		},
	}
}

func TestExchangeVectors(t *testing.T) {
	file := filepath.Join("..", "..", "testdata", "protocol", "exchange.json")
	if *update {
		b, err := json.MarshalIndent(makeExchange(t), "", " ")
		if err == nil {
			err = os.WriteFile(file, append(b, '\n'), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var v exchangeVectors
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	l := newLine(t, func(_ context.Context, _ string, p link.Parcel) (link.Parcel, error) { return answered(p, nil), nil })
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{l.cert}}}}
	for _, s := range v.Steps {
		req, err := http.NewRequestWithContext(t.Context(), s.Method, l.endpoint+s.Path, bytes.NewReader(s.Body))
		if err != nil {
			t.Fatal(err)
		}
		for k, x := range s.Headers {
			req.Header.Set(k, x)
		}
		resp, err := c.Do(req)
		if err != nil {
			t.Fatalf("%s: %v", s.Name, err)
		}
		if resp.StatusCode != s.Status {
			t.Errorf("%s: status %d, want %d", s.Name, resp.StatusCode, s.Status)
		}
		for k, want := range s.Answer {
			if got := resp.Header.Get(k); got != want {
				t.Errorf("%s: %s is %q, want %q", s.Name, k, got, want)
			}
		}
		_, err = link.Decode(resp.Body)
		if (err == nil) != s.Parcel {
			t.Errorf("%s: a parcel is answered: %v, want %v", s.Name, err == nil, s.Parcel)
		}
		resp.Body.Close()
	}
}
