package accord_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"parley.example/parley/accord"
	"parley.example/parley/ledger"
)

var update = flag.Bool("update", false, "rewrite the test vectors of the protocol")

const vectorFolder = "../testdata/protocol"

// counting is a source of bytes that everybody can repeat: SHA-256 of a counter.
type counting struct {
	n    byte
	left []byte
}

func (c *counting) Read(p []byte) (int, error) {
	if len(c.left) == 0 {
		c.n++
		sum := sha256.Sum256([]byte{c.n})
		c.left = sum[:]
	}
	n := copy(p, c.left)
	c.left = c.left[n:]
	return n, nil
}

// values are what follows from the protocol alone; signatures with a time or
// with randomness in them stand in the files and are verified.
type values struct {
	Seeds         map[string]string `json:"seeds"` // hex; by party/use
	Keys          map[string]string `json:"keys"`  // vkeys
	Fingerprint   string            `json:"fingerprint_of_north"`
	AccordID      string            `json:"accord_id"`
	Origin        string            `json:"origin"`
	Events        []string          `json:"events"`
	Salts         []string          `json:"salts"`       // base64
	Commitments   []string          `json:"commitments"` // base64
	Leaves        []string          `json:"leaves"`
	LeafHashes    []string          `json:"leaf_hashes"` // base64
	Roots         []string          `json:"roots"`       // of the first 1, 2, … leaves
	Checkpoint    string            `json:"checkpoint_text"`
	CheckpointSum string            `json:"checkpoint_hash"` // base64
	Tick          string            `json:"tick"`
	SlotValue     string            `json:"slot_value"` // base64
	Position      int64             `json:"position_of_origin_on_card_2"`
}

type vectorParty struct {
	party
	seeds [3][]byte
}

// scene is the whole of what the vectors show, made from counted bytes.
type scene struct {
	values
	north, south, guarantor vectorParty
	cards                   map[string]accord.Card
	accord                  accord.Accord
	files                   map[string][]byte
}

type hashList []tlog.Hash

func (h hashList) ReadHashes(ix []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(ix))
	for i, x := range ix {
		out[i] = h[x]
	}
	return out, nil
}

func b64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

func makeScene(t *testing.T) scene {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	rand := new(counting)
	s := scene{cards: map[string]accord.Card{}, files: map[string][]byte{}}
	s.Seeds, s.Keys = map[string]string{}, map[string]string{}
	draw := func(id string) (p vectorParty) {
		p.id = id
		for i, use := range []string{"root", "signing", "cosigning"} {
			p.seeds[i] = make([]byte, 32)
			_, err := io.ReadFull(rand, p.seeds[i])
			must(err)
			s.Seeds[id+"/"+use] = hex.EncodeToString(p.seeds[i])
		}
		var err error
		p.root, err = ledger.ParseKey(p.seeds[0])
		must(err)
		p.signing, err = ledger.ParseKey(p.seeds[1])
		must(err)
		p.cosigning, err = ledger.ParseMLDSAKey(p.seeds[2])
		must(err)
		p.card = p.sign(t, 1)
		s.Keys[id+"/root"], s.Keys[id+"/signing"], s.Keys[id+"/cosigning"] = p.card.Root, p.card.Signing, p.card.Cosigning
		s.files["card-"+id+".txt"] = p.card.Note()
		return p
	}
	s.north, s.south, s.guarantor = draw("north"), draw("south"), draw("guarantor")
	s.Fingerprint = accord.Fingerprint(s.north.root.Public())
	book := bookOf(t, s.north.party, s.south.party, s.guarantor.party)
	a, err := accord.Offer(terms([]party{s.north.party, s.south.party}, s.guarantor.party), "north", s.north.signing, book)
	must(err)
	a, err = a.Sign("south", s.south.signing, book)
	must(err)
	s.accord, s.AccordID, s.Origin = a, a.ID, ledger.Origin(a.ID, "north")
	s.files["accord.txt"] = a.Note

	// South's log has one entry, which North's second one has seen.
	theirs, err := s.south.signing.SignCheckpoint(ledger.Origin(a.ID, "south"), ledger.Tree{N: 1, Hash: tlog.RecordHash([]byte("south's only leaf\n"))})
	must(err)
	var hashes hashList
	var leaves, events, salts [][]byte
	at := day
	for i, reason := range []string{"one", "two", "three"} {
		var seen []ledger.Seen
		if i > 0 {
			seen = []ledger.Seen{{Party: "south", Hash: ledger.CheckpointHash(theirs)}}
		}
		data, err := json.Marshal(ledger.Reason{Reason: reason})
		must(err)
		if i == 2 {
			at = at.Add(-2 * time.Hour) // dated back
		}
		leaf, ev, salt, err := ledger.NewLeaf(ledger.Event{Accord: a.ID, Party: "north", Kind: ledger.AccordSuspended, At: at, Data: data}, seen, rand)
		must(err)
		at = at.Add(time.Hour)
		raw := leaf.Marshal()
		hs, tree, err := ledger.Grow(int64(i), [][]byte{raw}, hashes)
		must(err)
		hashes, leaves, events, salts = append(hashes, hs...), append(leaves, raw), append(events, ev), append(salts, salt)
		s.Events, s.Salts, s.Commitments = append(s.Events, string(ev)), append(s.Salts, b64(salt)), append(s.Commitments, b64(leaf.Commitment[:]))
		h := tlog.RecordHash(raw)
		s.Leaves, s.LeafHashes, s.Roots = append(s.Leaves, string(raw)), append(s.LeafHashes, b64(h[:])), append(s.Roots, b64(tree.Hash[:]))
	}
	tree := func(n int64) ledger.Tree {
		x, err := ledger.TreeAt(n, hashes)
		must(err)
		return x
	}
	path := func(i, n int64) []tlog.Hash {
		p, err := ledger.ProveInclusion(i, n, hashes)
		must(err)
		return p
	}
	cp, err := s.north.signing.SignCheckpoint(s.Origin, tree(3))
	must(err)
	cp, err = ledger.Cosign(cp, "south", s.south.signing, s.south.cosigning)
	must(err)
	s.Checkpoint, _, err = ledger.NoteText(cp)
	must(err)
	sum := ledger.CheckpointHash(cp)
	s.CheckpointSum = b64(sum[:])

	tick, slots, err := ledger.NewTick(day.Add(3*time.Hour), [][]byte{cp}, rand)
	must(err)
	s.Tick = string(tick.Marshal())
	s.SlotValue = b64(slotValue(slots[0].Salt, s.Checkpoint))
	nodeHashes, nodeTree, err := ledger.Grow(0, [][]byte{tick.Marshal()}, hashList(nil))
	must(err)
	node, err := s.north.signing.SignCheckpoint(ledger.NodeOrigin("north", 1772323200), nodeTree)
	must(err)
	node, err = ledger.Cosign(node, "guarantor", s.guarantor.signing, s.guarantor.cosigning)
	must(err)
	w := ledger.Witnessing{Of: 3, Slot: slots[0], Tick: tick.Marshal(), Checkpoint: node}
	w.Path, err = ledger.ProveInclusion(0, 1, hashList(nodeHashes))
	must(err)

	r := ledger.Receipt{Event: events[1], Salt: salts[1], Leaf: leaves[1], Index: 1, Path: path(1, 3), Checkpoint: cp, Witnessings: [][]byte{w.Marshal()}}
	s.files["receipt.txt"] = accord.NewReceipt(r, a, book).Marshal()
	d := ledger.Disorder{Checkpoint: cp, First: ledger.Placed{Index: 1, Leaf: leaves[1], Path: path(1, 3)}, Second: ledger.Placed{Index: 2, Leaf: leaves[2], Path: path(2, 3)}}
	s.files["disorder.txt"] = accord.NewDisorder(d, a, book).Marshal()
	other, err := s.north.signing.SignCheckpoint(s.Origin, ledger.Tree{N: 2, Hash: tlog.RecordHash([]byte("another history\n"))})
	must(err)
	proof, err := ledger.ProveConsistency(2, 3, hashes)
	must(err)
	s.files["fork.txt"] = accord.NewEvidence(ledger.Fork{Earlier: other, Later: cp, Root: tree(2).Hash, Proof: proof}, a, book).Marshal()

	next := vectorParty{party: s.north.party}
	next.signing, err = ledger.GenerateKey(rand)
	must(err)
	next.cosigning, err = ledger.GenerateMLDSAKey(rand)
	must(err)
	c := s.north.card
	c.Sequence = 2
	c.Positions, err = accord.MakePositions(2, map[string]int64{s.Origin: 3, ledger.NodeOrigin("north", 1772323200): 1}, rand)
	must(err)
	c, err = accord.SignCard(c, s.north.root, next.signing.Public(), next.cosigning.Public())
	must(err)
	s.files["card-north-2.txt"] = c.Note()
	s.Position = 3
	return s
}

// The vectors in testdata/protocol are what this code makes, as far as that is
// determined, and what it accepts.
func TestProtocolVectors(t *testing.T) {
	made := makeScene(t)
	if *update {
		if err := os.MkdirAll(vectorFolder, 0o755); err != nil {
			t.Fatal(err)
		}
		b, err := json.MarshalIndent(made.values, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		made.files["values.json"] = append(b, '\n')
		for _, name := range proofs {
			if made.files[name+"-brief.txt"], err = accord.Brief(made.files[name+".txt"]); err != nil {
				t.Fatal(err)
			}
		}
		for name, b := range made.files {
			if err := os.WriteFile(filepath.Join(vectorFolder, name), b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(vectorFolder, name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	got, err := json.MarshalIndent(made.values, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if string(got)+"\n" != string(read("values.json")) {
		t.Error("values.json is not what the code makes; run the test with -update if the protocol changed")
	}
	// Ed25519 signatures are determined.
	for _, name := range []string{"card-north.txt", "card-south.txt", "card-guarantor.txt", "card-north-2.txt", "accord.txt"} {
		if !bytes.Equal(read(name), made.files[name]) {
			t.Errorf("%s is not what the code makes", name)
		}
	}
	card2 := read("card-north-2.txt")
	c, err := accord.OpenCard(card2)
	if err != nil {
		t.Fatal(err)
	}
	if size, ok := c.Position(made.Origin); !ok || size != made.Position {
		t.Errorf("position %d, %v", size, ok)
	}
	for _, newer := range [][][]byte{nil, {card2}} {
		v, err := accord.VerifyReceipt(read("receipt.txt"), newer...)
		if err != nil || v.Index != 1 || v.Accord.ID != made.AccordID || len(v.Members) != 1 || len(v.Witnesses) != 1 || len(v.PostQuantum) != 2 {
			t.Errorf("receipt: index %d, members %v, witnesses %v, %v", v.Index, v.Members, v.Witnesses, err)
		}
	}
	for _, name := range []string{"fork.txt", "disorder.txt"} {
		if v, err := accord.VerifyEvidence(read(name)); err != nil || v.Party != "north" {
			t.Errorf("%s accuses %q, %v", name, v.Party, err)
		}
	}
}

// proofs are the vectors of which there is a brief one too.
var proofs = []string{"receipt", "fork", "disorder"}

// A brief file follows from the whole one, is as short as DESIGN section 5 asks,
// and proves the same once the accord and the cards are there; not without, and
// not with a bit changed.
func TestBriefProofs(t *testing.T) {
	read := func(name string) []byte {
		t.Helper()
		b, err := os.ReadFile(filepath.Join(vectorFolder, name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	ground := [][]byte{read("card-north.txt"), read("card-south.txt"), read("card-guarantor.txt"), read("accord.txt")}
	impostor := newParty(t, "north").card.Note()
	verify := func(name string, file []byte, with ...[]byte) error {
		if name != "receipt" {
			v, err := accord.VerifyEvidence(file, with...)
			if err == nil && v.Party != "north" {
				t.Errorf("%s accuses %q", name, v.Party)
			}
			return err
		}
		v, err := accord.VerifyReceipt(file, with...)
		if err == nil && (!v.Brief || len(v.Members) != 1 || len(v.Witnesses) != 1 || len(v.PostQuantum) != 0) {
			t.Errorf("brief receipt: %+v", v)
		}
		return err
	}
	most := map[string]int{"receipt": 5000, "fork": 1024, "disorder": 1600}
	for _, name := range proofs {
		whole, brief := read(name+".txt"), read(name+"-brief.txt")
		if got, err := accord.Brief(whole); err != nil || !bytes.Equal(got, brief) {
			t.Errorf("%s-brief.txt is not what the code makes of %s.txt: %v", name, name, err)
		}
		if got, err := accord.Brief(brief); err != nil || !bytes.Equal(got, brief) {
			t.Errorf("a brief %s does not stay as it is: %v", name, err)
		}
		if len(brief) > most[name] {
			t.Errorf("a brief %s has %d bytes, want at most %d", name, len(brief), most[name])
		}
		for what, with := range map[string][][]byte{
			"its accord and cards": ground, "a whole file": {read("receipt.txt")}, "a card by another root as well": append([][]byte{impostor}, ground...),
			"a newer card as well": append([][]byte{read("card-north-2.txt")}, ground...),
		} {
			if err := verify(name, brief, with...); err != nil {
				t.Errorf("brief %s with %s: %v", name, what, err)
			}
		}
		for what, with := range map[string][][]byte{"nothing": nil, "no card of north": ground[1:], "no accord": ground[:3]} {
			if err := verify(name, brief, with...); err == nil {
				t.Errorf("brief %s with %s proves something", name, what)
			}
		}
		for i := 0; i < len(brief); i += 3 {
			bad := bytes.Clone(brief)
			bad[i] ^= 1 << (i % 8)
			if err := verify(name, bad, ground...); err == nil {
				t.Fatalf("brief %s with bit %d of byte %d changed proves something", name, i%8, i)
			}
		}
	}
	// What a brief receipt leaves out must not be there unread.
	r, err := ledger.ParseReceipt(read("receipt.txt"))
	if err != nil {
		t.Fatal(err)
	}
	r.Accord, r.Cards, r.Brief = nil, nil, strings.Repeat("0", 64)
	if _, err := accord.VerifyReceipt(r.Marshal(), ground...); err == nil {
		t.Error("a brief receipt under another accord verifies")
	}
	r.Brief = makeScene(t).AccordID
	if _, err := accord.VerifyReceipt(r.Marshal(), ground...); err == nil {
		t.Error("a brief receipt with ML-DSA-44 cosignatures, which nobody checks, verifies")
	}
	if _, err := accord.VerifyReceipt(read("receipt-brief.txt"), []byte("neither\n")); err == nil {
		t.Error("a file that is neither card, accord nor proof is passed over")
	}
}

// slotValue is HMAC-SHA256(salt, checkpoint text), as a second implementation
// computes it.
func slotValue(salt []byte, text string) []byte {
	m := hmac.New(sha256.New, salt)
	m.Write([]byte(text))
	return m.Sum(nil)
}
