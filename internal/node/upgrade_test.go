package node_test

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"parley.example/parley/accord"
	"parley.example/parley/internal/link"
	"parley.example/parley/internal/node"
)

// direct carries parcels between nodes of one test, whatever addresses their cards name.
type direct struct {
	from string
	to   func() *node.Node
}

func (d direct) Exchange(ctx context.Context, _, _ string, p link.Parcel) (link.Parcel, error) {
	return d.to().Receive(ctx, d.from, p)
}

func (direct) Finish(context.Context, string, string, string) (link.Parcel, bool, error) {
	return link.Parcel{}, false, nil
}

func (direct) Forget(string, string) {}

// unpackFolder unpacks a folder of testdata.
func unpackFolder(t *testing.T, file string) string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return dir
		}
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, filepath.FromSlash(h.Name))
		if h.Typeflag == tar.TypeDir {
			err = os.MkdirAll(path, 0o700)
		} else if b, rerr := io.ReadAll(r); rerr != nil {
			err = rerr
		} else {
			err = os.WriteFile(path, b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Nodes that every earlier version left open, hold what they held, prove what they did,
// and go on with each other.
func TestUpgrade(t *testing.T) {
	files, err := filepath.Glob("testdata/upgrade/schema-*.tgz")
	if err != nil || len(files) < 7 {
		t.Fatalf("%v, %v: there should be one of each earlier schema", files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			dir := unpackFolder(t, file)
			// A day after they were made: accords and cards of test nodes end.
			began, start := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC), time.Now()
			var north, south *node.Node
			for party, n := range map[string]**node.Node{"north": &north, "south": &south} {
				other := map[string]**node.Node{"north": &south, "south": &north}[party]
				got, err := node.Open(t.Context(), filepath.Join(dir, party), node.Options{
					Every: -1, Now: func() time.Time { return began.Add(time.Since(start)) },
					Line: direct{party, func() *node.Node { return *other }},
				})
				if err != nil {
					t.Fatalf("%s: %v", party, err)
				}
				*n = got
				t.Cleanup(func() {
					if err := got.Close(); err != nil {
						t.Error(err)
					}
				})
			}
			as, err := north.ListAccords(t.Context())
			if err != nil || len(as) != 1 || as[0].State != accord.InForce {
				t.Fatalf("accords: %+v, %v", as, err)
			}
			held, _, err := north.Incidents(t.Context(), node.IncidentFilter{})
			if err != nil || len(held) != 2 {
				t.Fatalf("north holds %d incidents, %v, want 2", len(held), err)
			}
			in, err := south.Inbox(t.Context(), 0)
			if err != nil || len(in) != 1 || in[0].Title != "Armed assault, Nangarhar" {
				t.Fatalf("south's inbox: %+v, %v", in, err)
			}
			prove := func(index int64) {
				t.Helper()
				receipt, err := north.Receipt(t.Context(), "parley/"+as[0].ID+"/north", index)
				if err != nil {
					t.Fatal(err)
				}
				if v, err := accord.VerifyReceipt(receipt); err != nil || !slices.Equal(v.Members, []string{"south"}) {
					t.Errorf("entry %d: members %v, %v", index, v.Members, err)
				}
			}
			sync := func(n *node.Node, to string) {
				t.Helper()
				if err := n.Sync(t.Context(), as[0].ID, to); err != nil {
					t.Fatalf("%s with %s: %v", n.Party(), to, err)
				}
			}
			sync(north, "south")
			sync(south, "north")
			prove(2) // the release of the earlier version
			i := slices.IndexFunc(held, func(x node.Incident) bool { return x.Title == "Device found at Torkham bazaar" })
			if i < 0 {
				t.Fatalf("north holds %+v", held)
			}
			rel, err := north.ReleaseObject(t.Context(), node.ReleaseAsk{Object: held[i].ID, Accord: as[0].ID, Purpose: "protection"})
			if err != nil {
				t.Fatal(err)
			}
			sync(north, "south")
			prove(rel.Event.Index)
			if in, err := south.Inbox(t.Context(), 0); err != nil || len(in) != 2 {
				t.Errorf("south's inbox after the upgrade: %d items, %v", len(in), err)
			}
			for _, n := range []*node.Node{north, south} {
				if a, err := n.Audit(t.Context()); err != nil || !a.OK {
					t.Errorf("%s: %+v, %v", n.Party(), a, err)
				}
			}
		})
	}
}
