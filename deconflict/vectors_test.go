package deconflict_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley.example/parley/deconflict"
	"parley.example/parley/ledger"
	"parley.example/parley/psi"
)

var update = flag.Bool("update", false, "rewrite testdata/protocol/deconflict.json")

// vectors are one exchange with an arbiter, and a small mutual match in full; see
// docs/protocol.md, Deconfliction.
type vectors struct {
	Comment string           `json:"comment"`
	Terms   deconflict.Terms `json:"terms"`
	Context [32]byte         `json:"context"`
	Opener  sideVector       `json:"opener"`
	Joiner  sideVector       `json:"joiner"`
	Mutual  mutualVector     `json:"mutual"`
}

type sideVector struct {
	Seed       [32]byte                    `json:"seed"`
	Plans      string                      `json:"plans"` // exact bytes
	Cells      []string                    `json:"cells"` // token/slot, the first eight
	Count      int                         `json:"count"` // of cells
	Commitment ledger.DeconflictCommitment `json:"commitment"`
	First      []byte                      `json:"first"` // of the list
	Sheet      string                      `json:"sheet"` // text that the arbiter signs
	Mask       []byte                      `json:"mask"`  // its mask 1
	Sealed     ledger.Digest               `json:"sealed"`
	Overlaps   []deconflict.Overlap        `json:"overlaps"`
	Contact    string                      `json:"contact"`
}

type mutualVector struct {
	Seeds   [2][32]byte `json:"seeds"`
	Context [32]byte    `json:"context"`
	Values  [2][]string `json:"values"`
	Public  [2][]byte   `json:"public"`
	Lists   [2][]byte   `json:"lists"`
	Masks   [2][]byte   `json:"masks"` // one each
	Seals   [2][]byte   `json:"seals"`
	Common  [2][]int    `json:"common"` // indexes in Values
}

func makeVectors(t *testing.T) vectors {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	random := rand.NewChaCha8([32]byte{1})
	x := begin(t, "guarantor", []deconflict.Footprint{at("raid", 34.40, 70.50, 4, noon)}, []deconflict.Footprint{at("patrol", 34.43, 70.52, 3, noon.Add(2*time.Hour))})
	v := vectors{
		Comment: "Byte strings are base64, arrays of numbers are bytes. Seals depend on the randomness of their proofs; sealed digests are of these ones.",
		Terms:   x.north.Terms, Context: x.north.Terms.Context(),
	}
	sides := [2]*deconflict.Side{x.north, x.south}
	out := [2]*sideVector{&v.Opener, &v.Joiner}
	for i, s := range sides {
		o := out[i]
		c, err := s.Commitment()
		must(err)
		list, err := s.List()
		must(err)
		fs, err := s.Footprints()
		must(err)
		cells, err := fs[0].Cells(noon.Add(-deconflict.Grace))
		must(err)
		for _, c := range cells[:8] {
			o.Cells = append(o.Cells, c.String())
		}
		o.Seed, o.Plans, o.Count, o.Commitment, o.First = s.Seed, string(s.Plans), len(cells), c, list[:32]
		sheet := x.arb.sheet(t, s.Me, 1)
		o.Sheet, err = x.arb.open(sheet.Note)
		must(err)
		o.Mask = sheet.Secrets[1]
		hand := sheet.Deal(1)
		hand.Sheet.Note = []byte(o.Sheet) // the arbiter's signature is left out
		body, err := s.Seal(random, hand, s.Me+" desk")
		must(err)
		o.Sealed = sha256.Sum256(body)
		d := ledger.DeconflictSeal{Arbiter: "guarantor", Sheet: 1, Mask: 1, Joins: i == 1}
		must(sides[1-i].TakeSeal(d, body, func(note []byte) (string, error) { return string(note), nil }))
	}
	for range 2 {
		for i, s := range sides {
			if s.Turn() {
				part, mask, err := s.Show()
				must(err)
				must(sides[1-i].TakeShown(part, mask))
			}
		}
	}
	for i, s := range sides {
		var err error
		out[i].Overlaps, out[i].Contact, err = s.Overlaps()
		must(err)
	}

	m := &v.Mutual
	m.Seeds, m.Context = [2][32]byte{{1}, {2}}, [32]byte{3}
	m.Values = [2][]string{{"a", "b", "c"}, {"x", "b"}}
	var ps [2]*psi.Side
	var seals, read [2]*psi.Seal
	var masks [2]psi.Mask
	for i := range ps {
		var values [][]byte
		for _, s := range m.Values[i] {
			values = append(values, []byte(s))
		}
		var err error
		ps[i], err = psi.NewSide(m.Seeds[i], m.Context, values, 4)
		must(err)
		m.Public[i], m.Lists[i] = ps[i].Public(), ps[i].List()
		masks[i], err = psi.DeriveMask([]byte("secret"), []byte{byte(i)})
		must(err)
		m.Masks[i] = masks[i].Bytes()
	}
	for i := range ps {
		other, err := psi.ParseList(m.Lists[1-i], 4)
		must(err)
		seals[i], err = ps[i].Seal(random, other, masks[i:i+1])
		must(err)
		m.Seals[i] = seals[i].Marshal()
	}
	for i := range ps {
		var err error
		read[i], err = ps[i].CheckSeal(m.Public[1-i], m.Seals[1-i], 1)
		must(err)
		m.Common[i], err = ps[i].Common(seals[i], masks[i:i+1], read[i], masks[1-i:2-i])
		must(err)
	}
	return v
}

// TestProtocolVectors makes the exchange of docs/protocol.md and compares it with what
// is kept for others who implement it.
func TestProtocolVectors(t *testing.T) {
	name := filepath.Join("..", "testdata", "protocol", "deconflict.json")
	got := makeVectors(t)
	if *update {
		b, err := json.MarshalIndent(got, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, append(b, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var want vectors
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the exchange is another than in %s (-kept +made): %s", name, diff)
	}
	if len(want.Opener.Overlaps) != 1 || len(want.Mutual.Common[0]) != 1 {
		t.Error("the kept exchange finds nothing")
	}
	// The kept seals also verify where they are read, as another implementation's do.
	m := want.Mutual
	side, err := psi.NewSide(m.Seeds[0], m.Context, [][]byte{[]byte("a"), []byte("b"), []byte("c")}, 4)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := side.CheckSeal(m.Public[1], m.Seals[1], 1); err != nil {
		t.Errorf("the kept seal: %v", err)
	}
}
