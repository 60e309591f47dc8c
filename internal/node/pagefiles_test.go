package node_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"parley.example/parley/internal/node"
	"parley.example/parley/stix"
	"parley.example/parley/taxii"
)

// crawl reads a collection page by page, from a date on, as a server does.
func (r reader) crawl(q taxii.Query) (all []byte, pages, filed int) {
	r.t.Helper()
	c, err := r.b.Collection(r.t.Context(), r.u, "parley", "own")
	if err != nil {
		r.t.Fatal(err)
	}
	q.Bytes = true
	var out bytes.Buffer
	for {
		p, err := r.b.Page(r.t.Context(), r.u, "parley", c, q)
		if err != nil {
			r.t.Fatal(err)
		}
		pages++
		last := int64(0)
		for _, rec := range p.Records {
			out.Write(rec.Bytes)
			out.WriteByte(',')
			last = rec.Added
		}
		if p.Body != nil {
			filed++
			n, err := p.Body.WriteTo(&out)
			if err != nil || n != p.Body.Size() {
				r.t.Fatalf("%d bytes of %d: %v", n, p.Body.Size(), err)
			}
			out.WriteByte(',')
			if err := p.Body.Close(); err != nil {
				r.t.Fatal(err)
			}
			last = p.Last
			if p.First <= q.After || p.First > p.Last {
				r.t.Fatalf("a page from %d to %d after %d", p.First, p.Last, q.After)
			}
		}
		if !p.More {
			return out.Bytes(), pages, filed
		}
		if last <= q.After {
			r.t.Fatalf("a page with more does not lead on from %d", q.After)
		}
		q.After = last
	}
}

func tool(n, version int) []byte {
	return fmt.Appendf(nil, `{"type":"tool","spec_version":"2.1","id":"tool--00000000-0000-4000-8000-%012d","created":"2020-01-01T00:00:00.000Z","modified":"2020-01-01T00:00:%02d.000Z","name":"n %d"}`, n, version, n)
}

func (r reader) put(objects ...[]byte) {
	r.t.Helper()
	c, err := r.b.Collection(r.t.Context(), r.u, "parley", "own")
	if err != nil {
		r.t.Fatal(err)
	}
	st, err := r.b.Add(r.t.Context(), r.u, "parley", c, objects)
	if err != nil || st.SuccessCount != len(objects) {
		r.t.Fatalf("%d of %d added: %v, %v", st.SuccessCount, len(objects), st.Failures, err)
	}
}

// Pages from files are what the database says, wherever they begin and
// however long they are, while objects come, get newer versions and go; and
// what went is in no file.
func TestPagesFromFiles(t *testing.T) {
	w := newWorld(t)
	r := newReader(t, w.north, "", "own:rw")
	const n = 2100
	var objects [][]byte
	for i := range n {
		objects = append(objects, tool(i, 0))
	}
	r.put(objects...)
	rnd := rand.New(rand.NewPCG(3, 4))
	filed := 0
	check := func() {
		t.Helper()
		for _, last := range []bool{true, false} {
			for _, types := range [][]string{[][]string{nil, {"tool"}}[rnd.IntN(2)]} {
				// Naming every specification version reads the database.
				q := taxii.Query{Last: last, Types: types, Limit: 1000, Specs: []string{"2.0", "2.1"}}
				want, _, none := r.crawl(q)
				if none != 0 {
					t.Fatal("the comparison reads files")
				}
				q.Specs, q.Limit = nil, []int{1000, 300, 777, 2500}[rnd.IntN(4)]
				got, _, f := r.crawl(q)
				if filed += f; !bytes.Equal(got, want) {
					t.Fatalf("last %v, types %v, limit %d: %d bytes, want %d", last, types, q.Limit, len(got), len(want))
				}
			}
		}
	}
	check()
	c, err := r.b.Collection(t.Context(), r.u, "parley", "own")
	if err != nil {
		t.Fatal(err)
	}
	version := 0
	for range 4 {
		id := fmt.Sprintf("tool--00000000-0000-4000-8000-%012d", rnd.IntN(n))
		switch err := r.b.Delete(t.Context(), r.u, "parley", c, taxii.Query{IDs: []string{id}, Last: rnd.IntN(2) == 0}); {
		case err != nil && err != taxii.ErrNotFound:
			t.Fatal(err)
		case err == nil:
			if found := grep(t, filepath.Join(w.north.Dir(), "pages"), id); found != "" && version == 0 {
				r.crawl(taxii.Query{Last: true, Limit: 1000})
				r.crawl(taxii.Query{Limit: 1000})
				r.crawl(taxii.Query{Last: true, Limit: 1000, Types: []string{"tool"}})
				if found := grep(t, filepath.Join(w.north.Dir(), "pages"), id); found != "" {
					t.Fatalf("%s was removed and stands in %s", id, found)
				}
			}
		}
		if rnd.IntN(2) == 0 {
			version++
			r.put(tool(rnd.IntN(n), version))
		}
		check()
	}
	if filed < 10 {
		t.Errorf("only %d pages came from files", filed)
	}
	// A file that somebody took away, or all, is missed by nobody.
	names, err := filepath.Glob(filepath.Join(w.north.Dir(), "pages", "*.page"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no files of pages: %v", err)
	}
	for i, name := range names {
		if i%2 == 0 {
			if err := os.Remove(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	check()
	// A position in the middle.
	c1, _, _ := r.crawl(taxii.Query{Last: true, Limit: 1000})
	half := bytes.Count(c1, []byte(`"type"`)) / 2
	p, err := r.b.Page(t.Context(), r.u, "parley", c, taxii.Query{Last: true, Limit: half, Bytes: true})
	if err != nil || p.Body == nil {
		t.Fatalf("half of all: %v", err)
	}
	_ = p.Body.Close()
	rest, _, _ := r.crawl(taxii.Query{Last: true, Limit: 1000, After: p.Last})
	if !bytes.HasSuffix(c1, rest) || bytes.Count(rest, []byte(`"type"`)) != bytes.Count(c1, []byte(`"type"`))-half {
		t.Error("the second half is not the second half")
	}
}

// grep names a file in a folder that holds the text.
func grep(t *testing.T, dir, text string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if b, err := os.ReadFile(name); err == nil && bytes.Contains(b, []byte(text)) {
			return name
		}
	}
	return ""
}

// While some write new versions and remove objects, readers get whole objects,
// each once, and nothing that was removed before they asked.
func TestPagesFromFilesWhileWriting(t *testing.T) {
	w := newWorld(t)
	r := newReader(t, w.north, "", "own:rw")
	const n = 1300
	var objects [][]byte
	for i := range n {
		objects = append(objects, tool(i, 0))
	}
	r.put(objects...)
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range 20 {
			r.put(tool(i*50, 1))
		}
	})
	for range 2 {
		wg.Go(func() {
			for range 5 {
				all, _, _ := r.crawl(taxii.Query{Last: true, Limit: 1000})
				seen := map[string]int{}
				body := append([]byte(`{"objects":[`), bytes.TrimSuffix(all, []byte(","))...)
				_, err := stix.ReadBundle(bytes.NewReader(append(body, "]}"...)), func(_ int, raw []byte) error {
					o, err := stix.Parse(raw)
					if err == nil {
						seen[o.ID+o.Modified]++
					}
					return err
				})
				if err != nil {
					t.Error(err)
					return
				}
				for v, times := range seen {
					if times > 1 {
						t.Errorf("%s came %d times", v, times)
						return
					}
				}
				if len(seen) < n {
					t.Errorf("%d objects, want at least %d", len(seen), n)
					return
				}
			}
		})
	}
	wg.Wait()
}

// The folder of pages is emptied when the node starts.
func TestPageFilesAreOfOneRun(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "n")
	if _, err := node.Init(dir, node.Config{Party: "north", Name: "North", Link: "127.0.0.1:0", Console: "127.0.0.1:0"}); err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(dir, "pages", "1.page")
	if err := os.MkdirAll(filepath.Dir(left), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(left, []byte("what an earlier run left"), 0o600); err != nil {
		t.Fatal(err)
	}
	n, err := node.Open(t.Context(), dir, node.Options{Every: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	if _, err := os.Stat(left); !os.IsNotExist(err) {
		t.Errorf("the file of an earlier run: %v", err)
	}
}
