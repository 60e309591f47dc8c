package link_test

import (
	"bytes"
	"encoding/json"
	randv2 "math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley.example/parley/accord"
	"parley.example/parley/internal/link"
	"parley.example/parley/ledger"
)

var returnsFile = filepath.Join("..", "..", "testdata", "protocol", "returns.json")

// returnsVectors are what docs/protocol.md says of the frames W, R and Q and of
// what is not repeated, as examples. Bytes are in base64, notes are text.
type returnsVectors struct {
	Comment string   `json:"comment"`
	Cards   []string `json:"cards"`
	Accord  string   `json:"accord"`
	Held    [][]byte `json:"held"` // leaves of north's log that north still has
	// Returns are parcels of south that give north its log back.
	Returns []returnsVector `json:"returns"`
	// Witnessed is a parcel of north with a witnessing, under receipt.txt's accord.
	Witnessed returnsVector `json:"witnessed"`
	// Repeated is a parcel between members with nothing else in it than what
	// parcels repeat, and Same the one in its place once the other side took it in.
	Repeated returnsVector `json:"repeated"`
	Took     string        `json:"took"`
	Same     returnsVector `json:"same"`
}

type returnsVector struct {
	Name   string      `json:"name"`
	Frames []byte      `json:"frames"` // before compression
	Says   returnsSays `json:"says"`
	Leads  bool        `json:"leads,omitempty"` // to the tree that north signed
}

type returnsSays struct {
	Header        link.Header  `json:"header"`
	Cosigned      string       `json:"cosigned,omitempty"`
	WitnessedTree string       `json:"witnessed_tree,omitempty"`
	Witnessings   [][]byte     `json:"witnessings,omitempty"`
	Own           []link.Entry `json:"own,omitempty"`
	OwnProof      [][]byte     `json:"own_proof,omitempty"`
}

func returnsOf(t *testing.T, name string, p link.Parcel) returnsVector {
	t.Helper()
	v := returnsVector{Name: name, Frames: uncompressed(t, p), Says: returnsSays{
		Header: p.Header, Cosigned: string(p.Cosigned), WitnessedTree: string(p.WitnessedTree), Witnessings: p.Witnessings, Own: p.Own,
	}}
	for _, h := range p.OwnProof {
		v.Says.OwnProof = append(v.Says.OwnProof, h[:])
	}
	return v
}

func makeReturns(t *testing.T) (v returnsVectors) {
	t.Helper()
	s := newSceneFrom(t, randv2.NewChaCha8([32]byte{9}))
	for _, reason := range []string{"one", "two", "three", "four", "five"} {
		s.act(t, reason, nil)
	}
	v.Comment = "North lost its log but for the first entry, and south gives it back; then a witnessing, and what is not repeated. See docs/protocol.md, Parcel and Coming back."
	v.Cards = []string{string(s.north.card.Note()), string(s.south.card.Note())}
	v.Accord, v.Held = string(s.accord.Note), [][]byte{s.entries[0].Leaf}
	cosigned, err := ledger.Cosign(s.parcel(t, 0, 5, 5).Checkpoint, "south", s.south.signing, ledger.MLDSAKey{})
	if err != nil {
		t.Fatal(err)
	}
	back := link.Parcel{Header: link.Header{From: "south", To: "north", Accord: s.accord.ID, OwnFirst: 1}, Accord: s.accord.Note, Cosigned: cosigned}
	add := func(name string, leads bool, p link.Parcel) {
		x := returnsOf(t, name, p)
		x.Leads = leads
		v.Returns = append(v.Returns, x)
	}
	whole := back
	whole.Own = s.entries[1:5]
	add("all that is missing", true, whole)
	part := back
	part.Own = append([]link.Entry(nil), s.entries[1:3]...)
	part.Own[1].Event, part.Own[1].Salt = nil, nil // south could not read it
	if part.OwnProof, err = ledger.ProveConsistency(3, 5, s.hashes); err != nil {
		t.Fatal(err)
	}
	add("a part, one entry of it sealed, with a proof of the rest", true, part)
	altered := back
	altered.Own = append([]link.Entry(nil), s.entries[1:5]...)
	altered.Own[1] = altered.Own[0]
	add("entries that do not make the tree that north signed", false, altered)
	want := link.Parcel{Header: link.Header{From: "north", To: "south", Accord: s.accord.ID, Want: 2}, Accord: s.accord.Note}
	add("what asks for it", false, want)

	r := receiptVector(t)
	v.Witnessed = returnsOf(t, "a witnessing", link.Parcel{
		Header: link.Header{From: "north", To: "south", Accord: r.accord.ID}, Accord: r.accord.Note, WitnessedTree: r.Checkpoint, Witnessings: r.Witnessings,
	})
	rep := link.Parcel{
		Header: link.Header{From: "south", To: "north", Accord: s.accord.ID, Have: 5},
		Cards:  [][]byte{s.south.card.Note()}, Accord: s.accord.Note, Cosigned: cosigned,
	}
	v.Repeated, v.Took = returnsOf(t, "what parcels repeat", rep), rep.Repeated()
	rep.Shorten(v.Took)
	v.Same = returnsOf(t, "the same, not repeated", rep)
	return v
}

// witnessedReceipt is testdata/protocol/receipt.txt with what it rests on.
type witnessedReceipt struct {
	ledger.Receipt
	accord accord.Accord
	book   *accord.Book
}

func receiptVector(t *testing.T) witnessedReceipt {
	t.Helper()
	file, err := os.ReadFile(filepath.Join("..", "..", "testdata", "protocol", "receipt.txt"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := ledger.ParseReceipt(file)
	if err != nil {
		t.Fatal(err)
	}
	book := accord.NewBook()
	for _, note := range r.Cards {
		c, err := accord.OpenCard(note)
		if err == nil {
			err = book.Add(c)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	a, err := accord.Open(r.Accord, book)
	if err != nil {
		t.Fatal(err)
	}
	return witnessedReceipt{r, a, book}
}

// The examples of W, R, Q and of took and same hold here.
func TestReturnsVectors(t *testing.T) {
	if *update {
		b, err := json.MarshalIndent(makeReturns(t), "", " ")
		if err == nil {
			err = os.WriteFile(returnsFile, append(b, '\n'), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(returnsFile)
	if err != nil {
		t.Fatal(err)
	}
	var v returnsVectors
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	read := func(x returnsVector) link.Parcel {
		t.Helper()
		p, err := link.Decode(compressed(t, x.Frames))
		if err != nil {
			t.Fatalf("%s: %v", x.Name, err)
		}
		got := returnsOf(t, x.Name, p)
		if diff := cmp.Diff(x.Says, got.Says); diff != "" {
			t.Errorf("%s says otherwise: %s", x.Name, diff)
		}
		if !bytes.Equal(got.Frames, x.Frames) {
			t.Errorf("%s is written otherwise than it was read", x.Name)
		}
		return p
	}
	book := accord.NewBook()
	for _, note := range v.Cards {
		c, err := accord.OpenCard([]byte(note))
		if err == nil {
			err = book.Add(c)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	a, err := accord.Open([]byte(v.Accord), book)
	if err != nil {
		t.Fatal(err)
	}
	held, _, err := ledger.Grow(0, v.Held, stored(nil))
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range v.Returns {
		p := read(x)
		if p.Want != 0 {
			continue
		}
		cp, err := book.Opener("north", "south")(p.Cosigned, ledger.Origin(a.ID, "north"))
		if err != nil {
			t.Errorf("%s: %v", x.Name, err)
			continue
		}
		var leaves [][]byte
		for _, e := range p.Own {
			leaves = append(leaves, e.Leaf)
			if _, err := link.CheckEntry(e, a.ID, "north"); err != nil {
				t.Errorf("%s: %v", x.Name, err)
			}
		}
		_, tree, err := ledger.Grow(p.OwnFirst, leaves, stored(held))
		if err == nil {
			err = ledger.CheckConsistency(tree, cp.Tree, p.OwnProof)
		}
		if (err == nil) != x.Leads {
			t.Errorf("%s leads to the tree that north signed: %v, want %v", x.Name, err, x.Leads)
		}
	}
	r := receiptVector(t)
	p := read(v.Witnessed)
	w, err := ledger.ParseWitnessing(p.Witnessings[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, cp, err := w.Verify(p.WitnessedTree, r.book.Opener("north", r.book.Parties()...)); err != nil || len(cp.Cosigners) != 1 {
		t.Errorf("the witnessing: %v, %v", cp.Cosigners, err)
	}
	rep, same := read(v.Repeated), read(v.Same)
	if rep.Repeated() != v.Took || !rep.Bare() {
		t.Errorf("what parcels repeat has the digest %s, want %s", rep.Repeated(), v.Took)
	}
	if rep.Shorten(v.Took); !bytes.Equal(uncompressed(t, rep), v.Same.Frames) || !same.Same {
		t.Error("what is not repeated is left out otherwise")
	}
}
