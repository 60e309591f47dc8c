package psi_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley.example/parley/psi"
)

var update = flag.Bool("update", false, "rewrite testdata/protocol/match.json")

// matchVectors are one epoch between a holder and an asker; see docs/protocol.md,
// Match.
type matchVectors struct {
	Comment string   `json:"comment"`
	Info    psi.Info `json:"info"`
	Encoded []byte   `json:"info_encoded"`
	Secret  []byte   `json:"secret_key"`
	Public  []byte   `json:"public_key"`
	Held    []string `json:"held"`
	Outputs [][]byte `json:"outputs"` // of Held
	Filter  []byte   `json:"filter"`  // of Held
	Digest  []byte   `json:"filter_sha256"`
	More    []string `json:"held_later"`
	Delta   []byte   `json:"delta"` // from Filter to that of Held and More
	Later   []byte   `json:"filter_later_sha256"`
	Asked   []string `json:"asked"`
	State   []byte   `json:"question_state"` // blinds and inputs, as Question.MarshalBinary writes them
	Message []byte   `json:"question"`
	Answer  []byte   `json:"answer"`
	Hits    []bool   `json:"hits"` // of Asked, in Filter
}

func makeMatch(t *testing.T) matchVectors {
	t.Helper()
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	random := rand.NewChaCha8([32]byte{1})
	v := matchVectors{
		Comment: "Byte strings are base64. The asker blinds Asked; the holder answers; what is in the filter is a hit.",
		Info:    psi.Info{Accord: "7d3c", Epoch: 3, Kind: "phone", Normaliser: "phone/1"},
		Held:    []string{"+93700123456", "+923001234567"}, More: []string{"+93799999999"}, Asked: []string{"+93700123456", "+93700123457", "+93799999999"},
	}
	var err error
	v.Encoded, err = v.Info.Encode()
	must(err)
	key, err := psi.GenerateKey(random)
	must(err)
	v.Secret, v.Public = key.Bytes(), key.Public().Bytes()
	h, err := psi.NewHolder(key, v.Info)
	must(err)
	filterOf := func(values []string) (outputs []psi.Output, filter []byte) {
		var in [][]byte
		for _, s := range values {
			in = append(in, []byte(s))
		}
		outputs, err := h.Evaluate(t.Context(), in, nil)
		must(err)
		filter, err = h.Filter(outputs, 0)
		must(err)
		return outputs, filter
	}
	outputs, first := filterOf(v.Held)
	for _, o := range outputs {
		v.Outputs = append(v.Outputs, o[:])
	}
	sum := sha256.Sum256(first)
	v.Filter, v.Digest = first, sum[:]
	_, later := filterOf(append(append([]string(nil), v.Held...), v.More...))
	a, err := psi.OpenFilter(first)
	must(err)
	b, err := psi.OpenFilter(later)
	must(err)
	v.Delta, err = b.Delta(a)
	must(err)
	sum = sha256.Sum256(later)
	v.Later = sum[:]
	var asked [][]byte
	for _, s := range v.Asked {
		asked = append(asked, []byte(s))
	}
	q, message, err := psi.NewQuestion(random, v.Info, key.Public(), asked, 0)
	must(err)
	v.Message = message
	v.State, err = q.MarshalBinary()
	must(err)
	v.Answer, err = h.Answer(random, message)
	must(err)
	got, err := q.Finalize(v.Answer)
	must(err)
	for _, o := range got {
		v.Hits = append(v.Hits, a.Contains(o))
	}
	return v
}

// The vectors that an independent implementation reads are what this one makes
// and takes.
func TestMatchVectors(t *testing.T) {
	file := filepath.Join("..", "testdata", "protocol", "match.json")
	want := makeMatch(t)
	if *update {
		b, err := json.MarshalIndent(want, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, append(b, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var v matchVectors
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, v); d != "" {
		t.Errorf("%s differs from what is made now; if that is meant, run with -args -update (-want +got):\n%s", file, d)
	}
	// As an asker reads them, without the holder's key.
	var q psi.Question
	if err := q.UnmarshalBinary(v.State); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(q.Message(), v.Message) {
		t.Error("the state does not give the question")
	}
	outputs, err := q.Finalize(v.Answer)
	if err != nil {
		t.Fatal(err)
	}
	f, err := psi.OpenFilter(v.Filter)
	if err != nil {
		t.Fatal(err)
	}
	next, err := f.Apply(v.Delta)
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(next); !bytes.Equal(sum[:], v.Later) {
		t.Error("the difference does not lead to the later filter")
	}
	g, err := psi.OpenFilter(next)
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range outputs {
		if f.Contains(o) != v.Hits[i] {
			t.Errorf("%s: hit %v, want %v", v.Asked[i], !v.Hits[i], v.Hits[i])
		}
	}
	if !g.Contains(outputs[2]) || g.Contains(outputs[1]) {
		t.Error("the later filter does not hold what was added, or holds more")
	}
}
