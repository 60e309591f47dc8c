package link_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	randv2 "math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/mod/sumdb/tlog"

	"parley.example/parley/accord"
	"parley.example/parley/internal/link"
	"parley.example/parley/ledger"
)

// update rewrites the vectors: go test ./internal/link -run Vectors -args -update
var update = flag.Bool("update", false, "rewrite parcel.json and exchange.json in testdata/protocol")

var vectorFile = filepath.Join("..", "..", "testdata", "protocol", "parcel.json")

// parcelVectors are what docs/protocol.md says of parcels, as examples. Bytes are
// in base64, notes are text.
type parcelVectors struct {
	Comment string   `json:"comment"`
	Cards   []string `json:"cards"`  // of the members
	Accord  string   `json:"accord"` // its note
	Held    struct {
		Leaves     [][]byte `json:"leaves"`     // of north's log, as south holds it
		Checkpoint string   `json:"checkpoint"` // the newest one held
	} `json:"held"`
	Parcels []parcelVector `json:"parcels"`
	File    struct {
		Identity string `json:"identity"` // age, post-quantum hybrid
		Bytes    []byte `json:"bytes"`    // the first two parcels, sealed
	} `json:"file"`
}

type parcelVector struct {
	Name   string      `json:"name"`
	Frames []byte      `json:"frames"` // before compression
	Reads  string      `json:"reads"`  // "ok", "truncated" or "malformed"
	Says   *parcelSays `json:"says,omitempty"`
	// Check is what comes of it at south: "news", "no news", "gap", "fork",
	// "suspect" or "malformed".
	Check string `json:"check,omitempty"`
	New   int    `json:"new"`            // entries that are new
	Size  int64  `json:"size,omitempty"` // and the size of the replica then
	Root  []byte `json:"root,omitempty"`
}

type parcelSays struct {
	Header     link.Header  `json:"header"`
	Cards      []string     `json:"cards"`
	Accord     string       `json:"accord"`
	Entries    []link.Entry `json:"entries"`
	Checkpoint string       `json:"checkpoint"`
	OldSize    int64        `json:"old_size"`
	Proof      [][]byte     `json:"proof"`
	Bodies     []link.Body  `json:"bodies"`
	Cosigned   string       `json:"cosigned"`
}

func says(p link.Parcel) *parcelSays {
	s := &parcelSays{
		Header: p.Header, Cards: []string{}, Accord: string(p.Accord), Entries: p.Entries, Checkpoint: string(p.Checkpoint),
		OldSize: p.OldSize, Proof: [][]byte{}, Bodies: p.Bodies, Cosigned: string(p.Cosigned),
	}
	for _, c := range p.Cards {
		s.Cards = append(s.Cards, string(c))
	}
	for _, h := range p.Proof {
		s.Proof = append(s.Proof, h[:])
	}
	return s
}

func uncompressed(t *testing.T, p link.Parcel) []byte {
	t.Helper()
	z, err := zstd.NewReader(bytes.NewReader(encode(t, p)))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func compressed(t *testing.T, frames []byte) io.Reader {
	t.Helper()
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	return bytes.NewReader(z.EncodeAll(frames, nil))
}

func makeVectors(t *testing.T) (v parcelVectors) {
	t.Helper()
	s := newSceneFrom(t, randv2.NewChaCha8([32]byte{7}))
	s.act(t, "first", nil)
	s.act(t, "incident--00000000-0000-4000-8000-000000000001", []byte(`{"a":1}`))
	s.act(t, "third", nil)
	s.act(t, "fourth", nil)
	s.act(t, "fifth", nil)
	// A history of its own from the third entry on.
	liar := *s
	liar.entries, liar.hashes = s.entries[:2:2], s.hashes[:3:3]
	liar.act(t, "never happened", nil)
	liar.act(t, "fourth", nil)
	v.Comment = "North's log as parcels for south, who holds its first three entries. See docs/protocol.md, Parcel."
	v.Cards = []string{string(s.north.card.Note()), string(s.south.card.Note())}
	v.Accord = string(s.accord.Note)
	for _, e := range s.entries[:3] {
		v.Held.Leaves = append(v.Held.Leaves, e.Leaf)
	}
	v.Held.Checkpoint = string(s.parcel(t, 0, 3, 3).Checkpoint)
	add := func(name, check string, p link.Parcel, n int, size int64) {
		x := parcelVector{Name: name, Frames: uncompressed(t, p), Reads: "ok", Says: says(p), Check: check, New: n}
		if check == "news" {
			tree, err := ledger.TreeAt(size, s.hashes)
			if err != nil {
				t.Fatal(err)
			}
			x.Size, x.Root = size, tree.Hash[:]
		}
		v.Parcels = append(v.Parcels, x)
	}
	whole := s.parcel(t, 1, 5, 5)
	whole.Cards = [][]byte{s.north.card.Note()}
	whole.Bodies = []link.Body{{Index: 1, Bytes: []byte(`{"a":1}`)}}
	add("overlapping, with a body", "news", whole, 2, 5)
	add("the next entries alone", "news", s.parcel(t, 3, 5, 5), 2, 5)
	add("a part, with a proof of the rest", "news", s.parcel(t, 3, 4, 5), 1, 4)
	add("what is held already", "no news", s.parcel(t, 0, 3, 3), 0, 0)
	add("an older tree", "no news", s.parcel(t, 0, 2, 2), 0, 0)
	add("a gap", "gap", s.parcel(t, 4, 5, 5), 0, 0)
	add("another third entry", "fork", liar.parcel(t, 1, 4, 4), 0, 0)
	add("another past, without it", "suspect", liar.parcel(t, 3, 4, 4), 0, 0)
	altered := s.parcel(t, 3, 5, 5)
	altered.Entries = append([]link.Entry(nil), altered.Entries...)
	altered.Entries[0].Event = bytes.Replace(altered.Entries[0].Event, []byte("fourth"), []byte("forged"), 1)
	add("an event that its leaf does not commit to", "malformed", altered, 0, 0)
	short := s.parcel(t, 3, 5, 5)
	short.Entries = short.Entries[:1]
	add("entries that do not make the signed tree", "suspect", short, 0, 0)

	frames := v.Parcels[1].Frames
	bad := func(name, reads string, b []byte) {
		v.Parcels = append(v.Parcels, parcelVector{Name: name, Frames: b, Reads: reads})
	}
	bad("cut in the middle", "truncated", frames[:len(frames)/2])
	flipped := bytes.Clone(frames)
	flipped[len(flipped)/2] ^= 1
	bad("one bit changed", "malformed", flipped)
	bad("something after the end", "malformed", append(bytes.Clone(frames), 0))
	end := frames[len(frames)-37:]
	bad("no header", "malformed", append([]byte("parley-parcel/1\n"), end...))

	id, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := link.Seal(&file, id.Recipient().String(), t.TempDir(), several(whole, s.parcel(t, 3, 5, 5))); err != nil {
		t.Fatal(err)
	}
	v.File.Identity, v.File.Bytes = id.String(), file.Bytes()
	return v
}

// The examples that an independent implementation is tested with hold here.
func TestParcelVectors(t *testing.T) {
	if *update {
		b, err := json.MarshalIndent(makeVectors(t), "", " ")
		if err == nil {
			err = os.WriteFile(vectorFile, append(b, '\n'), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	var v parcelVectors
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	book := accord.NewBook()
	for _, note := range v.Cards {
		c, err := accord.OpenCard([]byte(note))
		if err != nil {
			t.Fatal(err)
		}
		if err := book.Add(c); err != nil {
			t.Fatal(err)
		}
	}
	a, err := accord.Open([]byte(v.Accord), book)
	if err != nil {
		t.Fatal(err)
	}
	hashes, tree, err := ledger.Grow(0, v.Held.Leaves, stored(nil))
	if err != nil {
		t.Fatal(err)
	}
	held := link.Replica{Tree: tree, Hashes: stored(hashes), Checkpoint: []byte(v.Held.Checkpoint), Leaves: func(from, to int64) ([][]byte, error) {
		return v.Held.Leaves[from:to], nil
	}}
	tried := make(map[string]int)
	for _, x := range v.Parcels {
		p, err := link.Decode(compressed(t, x.Frames))
		reads := "ok"
		switch {
		case errors.Is(err, link.ErrTruncated):
			reads = "truncated"
		case errors.Is(err, link.ErrParcel):
			reads = "malformed"
		case err != nil:
			t.Fatalf("%s: %v", x.Name, err)
		}
		tried[reads]++
		if reads != x.Reads {
			t.Errorf("%s reads as %s (%v), want %s", x.Name, reads, err, x.Reads)
		}
		if reads != "ok" || x.Says == nil {
			continue
		}
		got, _ := json.Marshal(says(p))
		want, _ := json.Marshal(x.Says)
		if string(got) != string(want) {
			t.Errorf("%s says %s", x.Name, cmp.Diff(string(want), string(got)))
		}
		if !bytes.Equal(uncompressed(t, p), x.Frames) {
			t.Errorf("%s is written otherwise than it was read", x.Name)
		}
		news, err := link.Check(p, held, a, book)
		check := "no news"
		switch {
		case errors.Is(err, link.ErrGap):
			check = "gap"
		case errors.Is(err, link.ErrFork):
			check = "fork"
		case errors.Is(err, link.ErrSuspect):
			check = "suspect"
		case errors.Is(err, link.ErrParcel):
			check = "malformed"
		case err != nil:
			t.Fatalf("%s: %v", x.Name, err)
		case len(news.Entries) > 0:
			check = "news"
		}
		tried[check]++
		if check != x.Check || len(news.Entries) != x.New {
			t.Errorf("%s: %s with %d new entries (%v), want %s with %d", x.Name, check, len(news.Entries), err, x.Check, x.New)
		}
		if check == "news" && (news.Tree.N != x.Size || news.Tree.Hash != tlog.Hash(x.Root)) {
			t.Errorf("%s leads to %d entries under %v", x.Name, news.Tree.N, news.Tree.Hash)
		}
	}
	for _, what := range []string{"ok", "truncated", "malformed", "news", "no news", "gap", "fork", "suspect"} {
		if tried[what] == 0 {
			t.Errorf("no vector is %q", what)
		}
	}
	id, err := age.ParseHybridIdentity(v.File.Identity)
	if err != nil {
		t.Fatal(err)
	}
	var inFile [][]byte
	err = link.Unseal(bytes.NewReader(v.File.Bytes), []age.Identity{id}, t.TempDir(), func(p link.Parcel) error {
		inFile = append(inFile, uncompressed(t, p))
		return nil
	})
	if err != nil || len(inFile) != 2 || !bytes.Equal(inFile[0], v.Parcels[0].Frames) || !bytes.Equal(inFile[1], v.Parcels[1].Frames) {
		t.Errorf("the parcel file holds %d parcels, %v", len(inFile), err)
	}
}
