package link_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/mod/sumdb/tlog"

	"parley.example/parley/accord"
	"parley.example/parley/internal/link"
	"parley.example/parley/ledger"
)

var day = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

type party struct {
	id            string
	root, signing ledger.Key
	card          accord.Card
}

func newParty(t testing.TB, random io.Reader, id string) party {
	t.Helper()
	p := party{id: id}
	for _, k := range []*ledger.Key{&p.root, &p.signing} {
		var err error
		if *k, err = ledger.GenerateKey(random); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	p.card, err = accord.SignCard(accord.Card{
		Party: id, Name: id, Sequence: 1, TLS: "pin", Parcel: "age1", Endpoints: []string{"https://127.0.0.1:1"},
		NotBefore: day, NotAfter: day.AddDate(1, 0, 0),
	}, p.root, p.signing.Public(), ledger.MLDSAPublicKey{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// scene is an accord between north and south, and north's log as north has it.
type scene struct {
	north, south party
	book         *accord.Book
	accord       accord.Accord
	entries      []link.Entry
	hashes       stored
	random       io.Reader
}

type stored []tlog.Hash

func (h stored) ReadHashes(ix []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(ix))
	for i, x := range ix {
		if x >= int64(len(h)) {
			return nil, fmt.Errorf("no hash %d", x)
		}
		out[i] = h[x]
	}
	return out, nil
}

func newScene(t testing.TB) *scene { return newSceneFrom(t, rand.Reader) }

func newSceneFrom(t testing.TB, random io.Reader) *scene {
	t.Helper()
	s := &scene{north: newParty(t, random, "north"), south: newParty(t, random, "south"), book: accord.NewBook(), random: random}
	terms := accord.Terms{
		Title: "t", Purposes: []string{"protection"}, ObjectTypes: []string{"incident"}, Ceiling: accord.Ceiling{Rung: accord.Full, TLP: "TLP:AMBER", Time: "day"},
		RetentionDays: 1, Onward: "none", Effective: day, Expires: day.AddDate(1, 0, 0),
	}
	for _, p := range []party{s.north, s.south} {
		if err := s.book.Add(p.card); err != nil {
			t.Fatal(err)
		}
		terms.Members = append(terms.Members, accord.Member{Party: p.id, Name: p.id, Root: p.card.Root})
	}
	a, err := accord.Offer(terms, "north", s.north.signing, s.book)
	if err == nil {
		a, err = a.Sign("south", s.south.signing, s.book)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.accord = a
	return s
}

// act adds an event to north's log, with content when body is not nil.
func (s *scene) act(t testing.TB, reason string, body []byte) {
	t.Helper()
	var kind ledger.Kind = ledger.AccordSuspended
	var data any = ledger.Reason{Reason: reason}
	if body != nil {
		kind, data = ledger.Released, ledger.Release{Object: reason, Digest: sha256.Sum256(body), To: []string{"south"}}
	}
	raw, err := json.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}
	leaf, ev, salt, err := ledger.NewLeaf(ledger.Event{Accord: s.accord.ID, Party: "north", Kind: kind, At: day, Data: raw}, nil, s.random)
	if err != nil {
		t.Fatal(err)
	}
	hs, _, err := ledger.Grow(int64(len(s.entries)), [][]byte{leaf.Marshal()}, s.hashes)
	if err != nil {
		t.Fatal(err)
	}
	s.hashes = append(s.hashes, hs...)
	s.entries = append(s.entries, link.Entry{Leaf: leaf.Marshal(), Event: ev, Salt: salt})
}

// parcel packs north's log from an index to another, signed at size.
func (s *scene) parcel(t testing.TB, from, to, size int64) link.Parcel {
	t.Helper()
	tree, err := ledger.TreeAt(size, s.hashes)
	if err != nil {
		t.Fatal(err)
	}
	cp, err := s.north.signing.SignCheckpoint(ledger.Origin(s.accord.ID, "north"), tree)
	if err != nil {
		t.Fatal(err)
	}
	p := link.Parcel{Header: link.Header{From: "north", To: "south", Accord: s.accord.ID, First: from}, Accord: s.accord.Note, Entries: s.entries[from:to], Checkpoint: cp}
	if to < size {
		p.OldSize = to
		if p.Proof, err = ledger.ProveConsistency(to, size, s.hashes); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// replica is what south holds after the first n entries.
func (s *scene) replica(t testing.TB, n int64) link.Replica {
	t.Helper()
	tree, err := ledger.TreeAt(n, s.hashes)
	if err != nil {
		t.Fatal(err)
	}
	return link.Replica{Tree: tree, Hashes: s.hashes[:tlog.StoredHashCount(n)], Leaves: func(a, b int64) ([][]byte, error) {
		var out [][]byte
		for _, e := range s.entries[a:b] {
			out = append(out, e.Leaf)
		}
		return out, nil
	}}
}

func encode(t testing.TB, p link.Parcel) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := p.Encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func sample(t testing.TB) (*scene, link.Parcel) {
	s := newScene(t)
	s.act(t, "one", nil)
	s.act(t, "two", []byte("content"))
	s.act(t, "three", nil)
	p := s.parcel(t, 0, 3, 3)
	p.Cards = [][]byte{s.north.card.Note()}
	p.Bodies = []link.Body{{Index: 1, Bytes: []byte("content")}}
	p.Cosigned = []byte("a note\n")
	return s, p
}

func TestParcelSurvivesTheWire(t *testing.T) {
	s, p := sample(t)
	p.Entries[2].Event, p.Entries[2].Salt = nil, nil // not for the recipient
	got, err := link.Decode(bytes.NewReader(encode(t, p)))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(p, got); d != "" {
		t.Errorf("parcel changed on the way (-sent +got):\n%s", d)
	}
	w := s.parcel(t, 3, 3, 3)
	w.OldSize, w.Proof, w.Entries = 2, []tlog.Hash{{1}, {2}}, nil
	if got, err := link.Decode(bytes.NewReader(encode(t, w))); err != nil || cmp.Diff(w, got) != "" {
		t.Errorf("witness parcel changed on the way: %v\n%s", err, cmp.Diff(w, got))
	}
}

func TestParcelCutAnywhereIsRefused(t *testing.T) {
	_, p := sample(t)
	whole := encode(t, p)
	for n := range len(whole) {
		got, err := link.Decode(bytes.NewReader(whole[:n]))
		if !errors.Is(err, link.ErrParcel) {
			t.Fatalf("cut at %d of %d bytes: %v, want ErrParcel", n, len(whole), err)
		}
		if got.From != "" {
			t.Fatalf("cut at %d: a part was handed out", n)
		}
	}
	// Cut between frames, where the compression cannot notice.
	var plain bytes.Buffer
	z, _ := zstd.NewReader(bytes.NewReader(whole))
	if _, err := z.WriteTo(&plain); err != nil {
		t.Fatal(err)
	}
	z.Close()
	enc, _ := zstd.NewWriter(nil)
	if _, err := link.Decode(bytes.NewReader(enc.EncodeAll(plain.Bytes()[:plain.Len()/2], nil))); !errors.Is(err, link.ErrTruncated) {
		t.Errorf("cut in half before compression: %v, want ErrTruncated", err)
	}
	flipped := bytes.Clone(plain.Bytes())
	flipped[plain.Len()/2] ^= 1
	if _, err := link.Decode(bytes.NewReader(enc.EncodeAll(flipped, nil))); !errors.Is(err, link.ErrParcel) {
		t.Errorf("altered: %v, want ErrParcel", err)
	}
}

func TestZipBombIsRefusedInBoundedMemory(t *testing.T) {
	enc, _ := zstd.NewWriter(nil)
	frame := func(n uint32, body []byte) []byte {
		b := append([]byte("parley-parcel/1\n"), 'H')
		return append(binary.BigEndian.AppendUint32(b, n), body...)
	}
	for name, raw := range map[string][]byte{
		"zeros for ever":         enc.EncodeAll(make([]byte, 300<<20), nil),
		"a frame over the limit": enc.EncodeAll(frame(1<<31, nil), nil),
		"a huge header":          enc.EncodeAll(frame(link.MaxParcel-1<<20, make([]byte, 100<<20)), nil),
		"no parcel":              []byte("hello"),
	} {
		if _, err := link.Decode(bytes.NewReader(raw)); !errors.Is(err, link.ErrParcel) {
			t.Errorf("%s: %v, want ErrParcel", name, err)
		}
	}
}

func TestCheckTakesWhatExtends(t *testing.T) {
	s, _ := sample(t)
	for _, c := range []struct{ held, from, to, size int64 }{{0, 0, 3, 3}, {1, 0, 3, 3}, {2, 2, 3, 3}, {1, 1, 2, 3}, {0, 0, 1, 3}} {
		news, err := link.Check(s.parcel(t, c.from, c.to, c.size), s.replica(t, c.held), s.accord, s.book)
		if err != nil {
			t.Errorf("%+v: %v", c, err)
			continue
		}
		if news.First != c.held || int64(len(news.Entries)) != c.to-c.held || news.Tree.N != c.to || news.Checkpoint.Tree.N != c.size {
			t.Errorf("%+v: first %d, %d entries, tree %d", c, news.First, len(news.Entries), news.Tree.N)
		}
	}
}

func TestReplayedParcelIsNoNews(t *testing.T) {
	s, _ := sample(t)
	old := s.parcel(t, 0, 2, 2)
	news, err := link.Check(old, s.replica(t, 3), s.accord, s.book)
	if err != nil || len(news.Entries) != 0 || news.Tree.N != 3 {
		t.Errorf("older parcel once more: %d entries, tree %d, %v", len(news.Entries), news.Tree.N, err)
	}
	if news, err = link.Check(s.parcel(t, 0, 3, 3), s.replica(t, 3), s.accord, s.book); err != nil || len(news.Entries) != 0 {
		t.Errorf("same parcel once more: %d entries, %v", len(news.Entries), err)
	}
}

func TestGapIsRecognised(t *testing.T) {
	s, _ := sample(t)
	if _, err := link.Check(s.parcel(t, 2, 3, 3), s.replica(t, 1), s.accord, s.book); !errors.Is(err, link.ErrGap) {
		t.Errorf("got %v, want ErrGap", err)
	}
}

func TestForkIsProven(t *testing.T) {
	s, _ := sample(t)
	held := s.replica(t, 2)
	held.Checkpoint = s.parcel(t, 0, 2, 2).Checkpoint
	// North rewrites its second entry and signs on.
	liar := &scene{random: rand.Reader, north: s.north, south: s.south, book: s.book, accord: s.accord, entries: s.entries[:1:1], hashes: s.hashes[:1:1]}
	liar.act(t, "never happened", nil)
	liar.act(t, "three", nil)
	if _, err := link.Check(liar.parcel(t, 2, 3, 3), held, s.accord, s.book); !errors.Is(err, link.ErrSuspect) {
		t.Errorf("a tree that does not extend what is held: %v, want ErrSuspect", err)
	}
	for name, p := range map[string]link.Parcel{
		"another entry": liar.parcel(t, 0, 3, 3), "another entry after a shared one": liar.parcel(t, 1, 3, 3),
		"another past": liar.parcel(t, 0, 2, 2), "equal size, no entries": liar.parcel(t, 2, 2, 2),
	} {
		_, err := link.Check(p, held, s.accord, s.book)
		var ev *link.Evidence
		if !errors.Is(err, link.ErrFork) || !errors.As(err, &ev) {
			t.Errorf("%s: %v, want evidence of a fork", name, err)
			continue
		}
		// A third party can judge it from the file alone, and nobody can make
		// such a file of an honest log.
		file := accord.NewEvidence(ev.Fork, s.accord, s.book).Marshal()
		v, err := accord.VerifyEvidence(file)
		if err != nil || v.Party != "north" {
			t.Errorf("%s: evidence accuses %q, %v", name, v.Party, err)
		}
		for i := range file {
			bad := bytes.Clone(file)
			bad[i] ^= 1 << (i % 8)
			if _, err := accord.VerifyEvidence(bad); err == nil {
				t.Fatalf("%s: evidence with byte %d changed still accuses", name, i)
			}
		}
	}
}

func TestCheckRefusesWhatDoesNotProveItself(t *testing.T) {
	s, _ := sample(t)
	stranger := newParty(t, rand.Reader, "north")
	for name, edit := range map[string]func(*link.Parcel){
		"an entry left out": func(p *link.Parcel) { p.Entries = append([]link.Entry{p.Entries[0]}, p.Entries[2]) },
		"an altered event": func(p *link.Parcel) {
			p.Entries[0].Event = bytes.Replace(p.Entries[0].Event, []byte("one"), []byte("uno"), 1)
		},
		"another salt": func(p *link.Parcel) { p.Entries[0].Salt = make([]byte, 32) },
		"a stranger's signature": func(p *link.Parcel) {
			p.Checkpoint, _ = stranger.signing.SignCheckpoint(ledger.Origin(s.accord.ID, "north"), ledger.Tree{N: 3})
		},
		"another log's name": func(p *link.Parcel) {
			p.Checkpoint, _ = s.north.signing.SignCheckpoint(ledger.Origin(s.accord.ID, "south"), ledger.Tree{N: 3})
		},
		"no checkpoint": func(p *link.Parcel) { p.Checkpoint = nil },
		"more entries than signed": func(p *link.Parcel) {
			p.Checkpoint = s.parcel(t, 0, 2, 2).Checkpoint
		},
	} {
		p := s.parcel(t, 0, 3, 3)
		p.Entries = append([]link.Entry(nil), p.Entries...)
		edit(&p)
		if _, err := link.Check(p, s.replica(t, 0), s.accord, s.book); !errors.Is(err, link.ErrParcel) {
			t.Errorf("%s: %v, want ErrParcel", name, err)
		}
	}
}

// line starts a server that knows one client by its key.
func line(t *testing.T, receive link.Receiver) (endpoint, pin string, client *link.Client) {
	t.Helper()
	l := newLine(t, receive)
	return l.endpoint, l.pin, l.client
}

type testLine struct {
	endpoint, pin string
	client        *link.Client
	server        *link.Server
	cert          tls.Certificate // the client's
}

func newLine(t *testing.T, receive link.Receiver) testLine {
	t.Helper()
	certs := make([]tls.Certificate, 2)
	pins := make([]string, 2)
	for i := range certs {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if certs[i], err = link.Certificate("x", key); err != nil {
			t.Fatal(err)
		}
		if pins[i], err = link.Pin(certs[i]); err != nil {
			t.Fatal(err)
		}
	}
	who := func(p string) (string, bool) { return "north", p == pins[1] }
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	handler := link.NewServer(who, receive, t.TempDir())
	srv := &http.Server{Handler: handler, TLSConfig: link.ServerTLS(own(certs[0]), who)}
	go func() { _ = srv.ServeTLS(l, "", "") }()
	client := link.NewClient(own(certs[1]), t.TempDir())
	t.Cleanup(func() { client.Close(); srv.Close(); handler.Close() })
	return testLine{"https://" + l.Addr().String(), pins[0], client, handler, certs[1]}
}

func own(cert tls.Certificate) link.Own { return func() tls.Certificate { return cert } }

func TestLineKnowsBothEnds(t *testing.T) {
	got := ""
	endpoint, pin, client := line(t, func(_ context.Context, from string, p link.Parcel) (link.Parcel, error) {
		got = from
		if p.Have == 1 {
			return link.Parcel{}, fmt.Errorf("%w: not now", link.ErrSay)
		}
		if p.Have == 2 {
			return link.Parcel{}, errors.New("disk on fire at /var/secret")
		}
		return link.Parcel{Header: link.Header{From: p.To, To: p.From, Accord: p.Header.Accord, Have: 7}}, nil
	})
	p := link.Parcel{Header: link.Header{From: "north", To: "south", Accord: "a"}}
	reply, err := client.Exchange(t.Context(), endpoint, pin, p)
	if err != nil || reply.Have != 7 || got != "north" {
		t.Fatalf("reply %+v, from %q, %v", reply.Header, got, err)
	}
	p.Have = 1
	if _, err := client.Exchange(t.Context(), endpoint, pin, p); !errors.Is(err, link.ErrRefused) || !strings.Contains(err.Error(), "not now") {
		t.Errorf("refusal: %v", err)
	}
	p.Have = 2
	if _, err := client.Exchange(t.Context(), endpoint, pin, p); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("an inner error reached the other side: %v", err)
	}
	p.From, p.Have = "south", 0
	if _, err := client.Exchange(t.Context(), endpoint, pin, p); !errors.Is(err, link.ErrRefused) {
		t.Errorf("a parcel in another's name: %v, want it refused", err)
	}
	if _, err := client.Exchange(t.Context(), endpoint, "another pin", p); err == nil {
		t.Error("a server with another key than the card's was talked to")
	}
	_, key, _ := ed25519.GenerateKey(rand.Reader)
	cert, err := link.Certificate("stranger", key)
	if err != nil {
		t.Fatal(err)
	}
	stranger := link.NewClient(own(cert), t.TempDir())
	defer stranger.Close()
	if _, err := stranger.Exchange(t.Context(), endpoint, pin, p); err == nil {
		t.Error("a stranger got through the handshake")
	}
}

func TestSealedParcelIsForItsRecipient(t *testing.T) {
	_, p := sample(t)
	mine, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	other, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	q := p
	q.Have = 9
	var file bytes.Buffer
	if err := link.Seal(&file, mine.Recipient().String(), t.TempDir(), several(p, q)); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(file.Bytes(), []byte("content")) {
		t.Error("the file tells its content")
	}
	var got []link.Parcel
	read := func(b []byte, id age.Identity) error {
		got = nil
		return link.Unseal(bytes.NewReader(b), []age.Identity{id}, t.TempDir(), func(p link.Parcel) error {
			got = append(got, p)
			return nil
		})
	}
	if err := read(file.Bytes(), mine); err != nil || cmp.Diff([]link.Parcel{p, q}, got) != "" {
		t.Errorf("unsealed: %d parcels, %v", len(got), err)
	}
	if err := read(file.Bytes(), other); !errors.Is(err, link.ErrParcel) {
		t.Errorf("opened by another: %v, want ErrParcel", err)
	}
	// Nothing of a damaged file is seen, wherever the damage is.
	flipped := bytes.Clone(file.Bytes())
	flipped[len(flipped)-20] ^= 1
	for name, b := range map[string][]byte{"cut in half": file.Bytes()[:file.Len()/2], "cut at its end": file.Bytes()[:file.Len()-1], "changed near its end": flipped} {
		if err := read(b, mine); !errors.Is(err, link.ErrParcel) || len(got) != 0 {
			t.Errorf("%s: %d parcels, %v, want ErrParcel", name, len(got), err)
		}
	}
}

// several yields parcels.
func several(ps ...link.Parcel) iter.Seq2[link.Parcel, error] {
	return func(yield func(link.Parcel, error) bool) {
		for _, p := range ps {
			if !yield(p, nil) {
				return
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	_, p := sample(f)
	f.Add(encode(f, p))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := link.Decode(bytes.NewReader(b))
		if err == nil {
			if _, err := link.Decode(bytes.NewReader(encode(t, p))); err != nil {
				t.Errorf("what was read does not read when written again: %v", err)
			}
		}
	})
}

// A part of a log that was overtaken on the line is no news, and no offence.
func TestOvertakenPartIsNoNews(t *testing.T) {
	s := newScene(t)
	for i := range 9 {
		s.act(t, fmt.Sprint(i), nil)
	}
	old := s.parcel(t, 0, 3, 8)
	news, err := link.Check(old, s.replica(t, 5), s.accord, s.book)
	if err != nil || len(news.Entries) != 0 || news.Tree.N != 5 {
		t.Errorf("%d entries, tree of %d, %v", len(news.Entries), news.Tree.N, err)
	}
	other := newScene(t)
	other.north, other.book, other.accord = s.north, s.book, s.accord
	for i := range 9 {
		other.act(t, fmt.Sprint(i), nil)
	}
	if _, err := link.Check(other.parcel(t, 0, 3, 8), s.replica(t, 5), s.accord, s.book); !errors.Is(err, link.ErrSuspect) {
		t.Errorf("another history: %v, want ErrSuspect", err)
	}
}

// Who has the card with the key before finds it behind the new one, on either
// side of the line, until too many have passed. Showing the old certificates
// without their keys helps nobody.
func TestRenewedKeyIsKnownByTheOneBefore(t *testing.T) {
	newKey := func() ed25519.PrivateKey {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	var receives link.Receiver = func(_ context.Context, _ string, p link.Parcel) (link.Parcel, error) {
		return link.Parcel{Header: link.Header{From: p.To, To: p.From, Accord: p.Header.Accord}}, nil
	}
	certs := make([]tls.Certificate, 2) // of server and client
	pins := make([]string, 2)
	for i, party := range []string{"south", "north"} {
		cert, err := link.Certificate(party, newKey())
		if err != nil {
			t.Fatal(err)
		}
		certs[i] = cert
		if pins[i], err = link.Pin(cert); err != nil {
			t.Fatal(err)
		}
	}
	old := certs[1]
	who := func(pin string) (string, bool) { return "north", pin == pins[1] }
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	mine := func(i int) link.Own {
		return func() tls.Certificate {
			mu.Lock()
			defer mu.Unlock()
			return certs[i]
		}
	}
	handler := link.NewServer(who, receives, t.TempDir())
	srv := &http.Server{Handler: handler, TLSConfig: link.ServerTLS(mine(0), who), ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = srv.ServeTLS(l, "", "") }()
	client := link.NewClient(mine(1), t.TempDir())
	t.Cleanup(func() { client.Close(); srv.Close(); handler.Close() })
	try := func(c *link.Client) error {
		_, err := c.Exchange(t.Context(), "https://"+l.Addr().String(), pins[0], link.Parcel{Header: link.Header{From: "north", To: "south", Accord: "a"}})
		return err
	}
	for i := range 9 {
		mu.Lock()
		for j, party := range []string{"south", "north"} {
			if certs[j], err = link.Renew(certs[j], party, newKey()); err != nil {
				t.Fatal(err)
			}
		}
		mu.Unlock()
		// A connection that is open was made with the key before.
		if err := try(client); (err == nil) != (i < 8) {
			t.Errorf("after %d renewals: %v", i+1, err)
		}
	}
	certs[0], err = link.Renew(certs[0], "south", newKey())
	if err != nil {
		t.Fatal(err)
	}
	thief, err := link.Certificate("north", newKey())
	if err != nil {
		t.Fatal(err)
	}
	thief.Certificate = append(thief.Certificate, old.Certificate...)
	c := link.NewClient(own(thief), t.TempDir())
	defer c.Close()
	pins[0], err = link.Pin(certs[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := try(c); err == nil {
		t.Error("a stranger who shows a certificate of north behind its own got through")
	}
	c = link.NewClient(own(old), t.TempDir())
	defer c.Close()
	if err := try(c); err != nil {
		t.Errorf("the key that is pinned: %v, so that the refusal above shows nothing", err)
	}
}
