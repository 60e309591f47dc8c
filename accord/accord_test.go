package accord_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"parley.example/parley/accord"
	"parley.example/parley/ledger"
)

var day = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

type party struct {
	id            string
	root, signing ledger.Key
	cosigning     ledger.MLDSAKey
	card          accord.Card
}

func newParty(t testing.TB, id string) party {
	t.Helper()
	p := party{id: id}
	var err error
	if p.root, err = ledger.GenerateKey(rand.Reader); err != nil {
		t.Fatal(err)
	}
	if p.signing, err = ledger.GenerateKey(rand.Reader); err != nil {
		t.Fatal(err)
	}
	if p.cosigning, err = ledger.GenerateMLDSAKey(rand.Reader); err != nil {
		t.Fatal(err)
	}
	p.card = p.sign(t, 1)
	return p
}

func (p party) sign(t testing.TB, sequence int64) accord.Card {
	t.Helper()
	c, err := accord.SignCard(accord.Card{
		Party: p.id, Name: strings.ToUpper(p.id) + " (fictional)", Sequence: sequence, TLS: "pin", Parcel: "age1",
		Endpoints: []string{"https://127.0.0.1:1"}, NotBefore: day, NotAfter: day.AddDate(1, 0, 0),
	}, p.root, p.signing.Public(), p.cosigning.Public())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (p party) member() accord.Member {
	return accord.Member{Party: p.id, Name: p.card.Name, Root: p.card.Root}
}

func bookOf(t testing.TB, ps ...party) *accord.Book {
	t.Helper()
	b := accord.NewBook()
	for _, p := range ps {
		if err := b.Add(p.card); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func terms(members []party, witnesses ...party) accord.Terms {
	t := accord.Terms{
		Title: "Exercise accord", Purposes: []string{"protection"}, ObjectTypes: []string{"incident"},
		Ceiling: accord.Ceiling{Rung: accord.Full, TLP: "TLP:AMBER", PlaceKM: 20, Time: "day"}, Start: accord.Match,
		Match: []accord.MatchRule{{Kind: "phone", Quota: 100}}, RetentionDays: 90, Onward: "none",
		Effective: day, Expires: day.AddDate(1, 0, 0), Nonce: "n",
	}
	for _, m := range members {
		t.Members = append(t.Members, m.member())
	}
	for _, w := range witnesses {
		t.Witnesses = append(t.Witnesses, w.member())
	}
	return t
}

// signed makes an accord in force between north and south, witnessed.
func signed(t testing.TB) (a accord.Accord, north, south, guarantor party, book *accord.Book) {
	t.Helper()
	north, south, guarantor = newParty(t, "north"), newParty(t, "south"), newParty(t, "guarantor")
	book = bookOf(t, north, south, guarantor)
	a, err := accord.Offer(terms([]party{north, south}, guarantor), "north", north.signing, book)
	if err != nil {
		t.Fatal(err)
	}
	if a.InForce() {
		t.Fatal("in force with one signature of two")
	}
	if a, err = a.Sign("south", south.signing, book); err != nil {
		t.Fatal(err)
	}
	if !a.InForce() {
		t.Fatal("signed by both and not in force")
	}
	return a, north, south, guarantor, book
}

func TestTruncatedCardIsRefused(t *testing.T) {
	msg := newParty(t, "north").card.Note()
	for n := range len(msg) {
		if _, err := accord.OpenCard(msg[:n]); !errors.Is(err, accord.ErrCard) {
			t.Fatalf("card cut at byte %d of %d: got %v, want ErrCard", n, len(msg), err)
		}
	}
}

func TestBookPinsAndRefusesStaleCards(t *testing.T) {
	north := newParty(t, "north")
	book := bookOf(t, north)
	rotated := north
	rotated.signing, _ = ledger.GenerateKey(rand.Reader)
	rotated.cosigning, _ = ledger.GenerateMLDSAKey(rand.Reader)
	if err := book.Add(rotated.sign(t, 2)); err != nil {
		t.Fatalf("rotation refused: %v", err)
	}
	if n := len(book.Cards("north")); n != 2 {
		t.Errorf("after rotation %d keys verify, want both", n)
	}
	if err := book.Add(north.sign(t, 2)); !errors.Is(err, accord.ErrStale) {
		t.Errorf("same sequence, other card: got %v, want ErrStale", err)
	}
	other := north
	other.signing, _ = ledger.GenerateKey(rand.Reader)
	if err := book.Add(other.sign(t, 1)); !errors.Is(err, accord.ErrStale) {
		t.Errorf("older sequence: got %v, want ErrStale", err)
	}
	if err := book.Add(north.card); err != nil {
		t.Errorf("card known already: %v", err)
	}
	if err := book.Add(newParty(t, "north").sign(t, 9)); !errors.Is(err, accord.ErrStranger) {
		t.Errorf("card by another long-term key: got %v, want ErrStranger", err)
	}
}

func TestFingerprintIsReadable(t *testing.T) {
	a, b := newParty(t, "north"), newParty(t, "north")
	fa := accord.Fingerprint(a.root.Public())
	if len(strings.Fields(fa)) != 8 || strings.Trim(fa, "0123456789 ") != "" {
		t.Errorf("fingerprint %q is not eight groups of digits", fa)
	}
	if fa == accord.Fingerprint(b.root.Public()) {
		t.Error("two keys have one fingerprint")
	}
}

func TestAccordWithOneByteChangedIsRefused(t *testing.T) {
	a, _, _, _, book := signed(t)
	for i := range a.Note {
		bad := bytes.Clone(a.Note)
		bad[i] ^= 1
		if _, err := accord.Open(bad, book); err == nil {
			t.Fatalf("byte %d (%q) changed after signing and still accepted", i, a.Note[i])
		}
	}
}

func TestAccordSignedByStrangerIsRefused(t *testing.T) {
	a, north, south, guarantor, book := signed(t)
	stranger := newParty(t, "south") // uses a member's name with keys of its own
	forged, err := stranger.signing.AddSignature(a.Note, "south")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := accord.Open(forged, book); err == nil {
		t.Error("a stranger's signature under a member's name was accepted")
	}
	if _, err := accord.Open(a.Note, bookOf(t, north, stranger, guarantor)); !errors.Is(err, accord.ErrStranger) {
		t.Errorf("accord pinning another key than we know: got %v, want ErrStranger", err)
	}
	if _, err := accord.Open(a.Note, bookOf(t, north, south)); !errors.Is(err, accord.ErrStranger) {
		t.Errorf("accord with an unknown witness: got %v, want ErrStranger", err)
	}
	if _, err := accord.Open(mustSign(t, a, guarantor), book); err == nil {
		t.Error("a witness's signature counted among the members'")
	}
}

func mustSign(t *testing.T, a accord.Accord, p party) []byte {
	t.Helper()
	msg, err := p.signing.AddSignature(a.Note, p.id)
	if err != nil {
		t.Fatal(err)
	}
	return msg
}

func TestTermsSayEverythingThatIsWrong(t *testing.T) {
	bad := terms([]party{newParty(t, "north")})
	bad.Purposes, bad.RetentionDays, bad.Ceiling.TLP = nil, 0, "TLP:PURPLE"
	err := bad.Check()
	for _, want := range []string{"two members", "purpose", "retention_days", "PURPLE"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not named in: %v", want, err)
		}
	}
}

func data(t *testing.T, v any) json.RawMessage {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestEitherSideStopsAlone(t *testing.T) {
	a, _, _, _, _ := signed(t)
	s := accord.NewState(a)
	at := day.Add(time.Hour)
	apply := func(i int64, party string, k ledger.Kind, d any) {
		t.Helper()
		if err := s.Apply(i, ledger.Event{Accord: a.ID, Party: party, Kind: k, At: at, Data: data(t, d)}); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.At(at).Name; got != accord.InForce {
		t.Fatalf("status %q, want in force", got)
	}
	apply(0, "north", ledger.AccordSuspended, ledger.Reason{Reason: "leak"})
	apply(0, "south", ledger.AccordSuspended, ledger.Reason{Reason: "reply"})
	apply(1, "north", ledger.AccordResumed, ledger.Reason{})
	if got := s.At(at); got.Name != accord.Suspended || !strings.Contains(got.Reason, "south: reply") {
		t.Errorf("one side resumed, the other has not: %v", got)
	}
	apply(1, "south", ledger.AccordResumed, ledger.Reason{})
	if got := s.At(at).Name; got != accord.InForce {
		t.Errorf("both resumed: %q", got)
	}
	if got := s.At(a.Terms.Expires).Name; got != accord.Ended {
		t.Errorf("at expiry: %q, want ended", got)
	}
	apply(2, "north", ledger.AccordEnded, ledger.Reason{Reason: "done"})
	apply(3, "north", ledger.AccordResumed, ledger.Reason{})
	if got := s.At(at).Name; got != accord.Ended {
		t.Errorf("after ending: %q", got)
	}
	if err := s.Apply(0, ledger.Event{Party: "stranger", Kind: ledger.AccordEnded}); !errors.Is(err, accord.ErrStranger) {
		t.Errorf("a stranger's act: got %v, want ErrStranger", err)
	}
}

func TestRaisingTakesTwoLoweringOne(t *testing.T) {
	a, _, _, _, _ := signed(t)
	offer := func(i int64, rung string, k ledger.Kind) (int64, ledger.Event) {
		return i, ledger.Event{Accord: a.ID, Party: "north", Kind: k, Data: data(t, ledger.Rung{From: "north", To: "south", Rung: rung})}
	}
	accept := func(i, of int64) (int64, ledger.Event) {
		return i, ledger.Event{Accord: a.ID, Party: "south", Kind: ledger.RungAccepted, Data: data(t, ledger.Rung{From: "north", To: "south", Rung: "full", Offer: of})}
	}
	do := func(s *accord.State, steps ...func() (int64, ledger.Event)) accord.Rung {
		t.Helper()
		for _, f := range steps {
			i, e := f()
			if err := s.Apply(i, e); err != nil {
				t.Fatal(err)
			}
		}
		return s.Rung("north", "south")
	}
	o5 := func() (int64, ledger.Event) { return offer(5, "full", ledger.RungOffered) }
	l6 := func() (int64, ledger.Event) { return offer(6, "contact", ledger.RungLowered) }
	a0 := func() (int64, ledger.Event) { return accept(0, 5) }

	if got := do(accord.NewState(a), o5); got != accord.Match {
		t.Errorf("offer without acceptance: %v, want match", got)
	}
	if got := do(accord.NewState(a), o5, a0); got != accord.Full {
		t.Errorf("offer accepted: %v, want full", got)
	}
	// A later lowering wins over an acceptance, in whichever order they arrive.
	if got := do(accord.NewState(a), o5, l6, a0); got != accord.Contact {
		t.Errorf("lowered, then late acceptance: %v, want contact", got)
	}
	if got := do(accord.NewState(a), o5, a0, l6); got != accord.Contact {
		t.Errorf("accepted, then lowered: %v, want contact", got)
	}
	over := func() (int64, ledger.Event) { return offer(5, "joint", ledger.RungOffered) }
	if got := do(accord.NewState(a), over, a0); got != accord.Full {
		t.Errorf("offer above the ceiling: %v, want the ceiling, full", got)
	}
}

type hashes []tlog.Hash

func (h hashes) ReadHashes(ix []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(ix))
	for i, x := range ix {
		out[i] = h[x]
	}
	return out, nil
}

// receipt makes a complete receipt file for an act of north.
func receipt(t testing.TB) []byte {
	a, north, south, guarantor, book := signed(t)
	d, _ := json.Marshal(ledger.Reason{Reason: "exercise"})
	leaf, ev, salt, err := ledger.NewLeaf(ledger.Event{Accord: a.ID, Party: "north", Kind: ledger.AccordSuspended, At: day, Data: d}, nil, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	hs, tree, err := ledger.Grow(0, [][]byte{[]byte("other leaf"), leaf.Marshal(), []byte("third")}, hashes(nil))
	if err != nil {
		t.Fatal(err)
	}
	path, err := ledger.ProveInclusion(1, tree.N, hashes(hs))
	if err != nil {
		t.Fatal(err)
	}
	cp, err := north.signing.SignCheckpoint(ledger.Origin(a.ID, "north"), tree)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []party{south, guarantor} {
		if cp, err = ledger.Cosign(cp, p.id, p.signing, p.cosigning); err != nil {
			t.Fatal(err)
		}
	}
	return accord.NewReceipt(ledger.Receipt{Event: ev, Salt: salt, Leaf: leaf.Marshal(), Index: 1, Path: path, Checkpoint: cp}, a, book).Marshal()
}

func TestReceiptVerifiesOffline(t *testing.T) {
	v, err := accord.VerifyReceipt(receipt(t))
	if err != nil {
		t.Fatal(err)
	}
	if v.Event.Party != "north" || v.Index != 1 || len(v.Members) != 1 || v.Members[0] != "south" || len(v.Witnesses) != 1 || v.Witnesses[0] != "guarantor" {
		t.Errorf("verdict %+v", v)
	}
}

// One flipped bit anywhere in the file, whichever part it hits, is found.
func TestReceiptRejectsAFlippedBitAnywhere(t *testing.T) {
	good := receipt(t)
	regions := map[string]int{}
	section := "header"
	for i, next := 0, bytes.IndexByte(good, '\n')+1; i < len(good); i++ {
		if i == next {
			name, size, _ := strings.Cut(string(good[i:i+bytes.IndexByte(good[i:], '\n')]), " ")
			section = name
			n := 0
			for _, d := range size {
				n = n*10 + int(d-'0')
			}
			next = i + len(name) + 1 + len(size) + 1 + n + 1
		}
		if lineStart, lineEnd := bytes.LastIndexByte(good[:i], '\n'), bytes.IndexByte(good[i:], '\n'); i-lineStart > 100 && lineEnd > 100 && i%7 != 0 {
			continue // within the long keys and signatures, every seventh byte
		}
		bad := bytes.Clone(good)
		bad[i] ^= 1 << (i % 8)
		if _, err := accord.VerifyReceipt(bad); err == nil {
			t.Fatalf("bit %d of byte %d (section %s) flipped and still accepted", i%8, i, section)
		}
		regions[section]++
	}
	for _, want := range []string{"header", "accord", "card", "event", "salt", "leaf", "proof"} {
		if regions[want] == 0 {
			t.Errorf("no byte of section %q was tried", want)
		}
	}
}

func FuzzOpenCard(f *testing.F) {
	f.Add(newParty(f, "north").card.Note())
	f.Fuzz(func(t *testing.T, b []byte) { _, _ = accord.OpenCard(b) })
}

func FuzzOpen(f *testing.F) {
	a, _, _, _, book := signed(f)
	f.Add(a.Note)
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, err := accord.Open(b, book); err == nil && got.Text != a.Text {
			t.Error("an accord that nobody signed was accepted")
		}
	})
}

func FuzzVerifyReceipt(f *testing.F) {
	f.Add(receipt(f))
	f.Fuzz(func(t *testing.T, b []byte) { _, _ = accord.VerifyReceipt(b) })
}

// A card from before ML-DSA-44 is read as ever; a later one may name the key.
func TestCardsWithAndWithoutCosigningKey(t *testing.T) {
	p := newParty(t, "north")
	if p.card.CosigningKey() != p.cosigning.Public() {
		t.Error("the card does not carry the cosigning key")
	}
	old := p
	old.cosigning = ledger.MLDSAKey{}
	card := old.sign(t, 1)
	if bytes.Contains(card.Note(), []byte("cosigning")) || card.CosigningKey() != (ledger.MLDSAPublicKey{}) {
		t.Error("a card without the key mentions it")
	}
	book := accord.NewBook()
	if err := book.Add(card); err != nil {
		t.Fatal(err)
	}
	// The new key must come with a new signing key.
	if err := book.Add(p.sign(t, 2)); !errors.Is(err, accord.ErrCard) {
		t.Errorf("the old signing key beside a new cosigning key: %v, want ErrCard", err)
	}
	next := newParty(t, "north")
	next.root = p.root
	if err := book.Add(next.sign(t, 2)); err != nil {
		t.Error(err)
	}
}
