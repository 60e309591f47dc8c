package node_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley.example/parley/internal/node"
)

// served is everything of substance that a node in a folder tells, or why it does not.
func served(t *testing.T, dir string) (string, error) {
	t.Helper()
	n, err := node.Open(t.Context(), dir, node.Options{Every: -1})
	if err != nil {
		return "", err
	}
	defer n.Close()
	return tell(t.Context(), n)
}

func tell(ctx context.Context, n *node.Node) (string, error) {
	var out []string
	add := func(v any, err error) error {
		if err == nil {
			var b []byte
			if b, err = json.Marshal(v); err == nil {
				out = append(out, string(b))
			}
		}
		return err
	}
	ins, _, err := n.Incidents(ctx, node.IncidentFilter{})
	if err := add(ins, err); err != nil {
		return "", err
	}
	for _, in := range ins {
		if err := add(n.ShowObject(ctx, in.ID)); err != nil {
			return "", err
		}
	}
	if err := add(n.ListAccords(ctx)); err != nil {
		return "", err
	}
	if err := add(n.Inbox(ctx, 0)); err != nil {
		return "", err
	}
	a, err := n.Audit(ctx)
	if err == nil && !a.OK {
		err = fmt.Errorf("audit: %+v", a.Logs)
	}
	return strings.Join(out, "\n"), err
}

// damage copies a node's folder with one file changed.
func damage(t *testing.T, dir, file string, change func(b []byte) []byte) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "north")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(to, file))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(to, file), change(b), 0o600); err != nil {
		t.Fatal(err)
	}
	return to
}

// Whatever of a stopped node's files is torn or has a bit flipped, the node names it,
// or tells what it told before; it never tells something else. In the database that is
// so of everything that is signed or committed to: cards, accords, events, leaves,
// checkpoints.
func TestDamagedFilesAreNamed(t *testing.T) {
	w := newWorld(t)
	ids := w.importReports()
	rel, err := w.north.ReleaseObject(t.Context(), node.ReleaseAsk{Object: ids[0], Accord: w.accord, Purpose: "protection"})
	if err != nil {
		t.Fatal(err)
	}
	w.sync(w.north, "south")
	event, err := w.north.EventAt(t.Context(), w.accord, "north", rel.Event.Index)
	if err != nil {
		t.Fatal(err)
	}
	bytesOf, err := event.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	card := []byte(w.north.OwnCard().Note)
	dir := w.north.Dir()
	w.northStop()
	want, err := served(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	try := func(what, file string, change func(b []byte) []byte) error {
		t.Helper()
		got, err := served(t, damage(t, dir, file, change))
		if err == nil && got != want {
			t.Errorf("%s: the node tells something else than before:\n%s\nwant\n%s", what, got, want)
		}
		return err
	}
	middle := func(b []byte) []byte { b[len(b)/2] ^= 1; return b }
	half := func(b []byte) []byte { return b[:len(b)/2] }

	// Files of their own.
	for _, folder := range []string{".", "keys", "guard"} {
		names, err := os.ReadDir(filepath.Join(dir, folder))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range names {
			file := filepath.Join(folder, e.Name())
			if info, err := e.Info(); err != nil || !info.Mode().IsRegular() || info.Size() == 0 || strings.HasPrefix(e.Name(), "parley.db") {
				continue
			}
			for what, change := range map[string]func([]byte) []byte{"a bit flipped in ": middle, "half of ": half} {
				err := try(what+file, file, change)
				if folder == "keys" && err == nil && e.Name() != "copy.key" {
					t.Errorf("%s%s: the node opens as if nothing were wrong", what, file)
				}
			}
		}
	}
	// What is signed, in the database.
	const db = "parley.db"
	for what, content := range map[string][]byte{"event": bytesOf, "card": card} {
		found := 0
		err := try("a bit flipped in an "+what, db, func(b []byte) []byte {
			// Long values go over several pages: a piece of it is enough.
			piece := content[len(content)/2 : len(content)/2+16]
			for at := 0; ; {
				i := bytes.Index(b[at:], piece)
				if i < 0 {
					return b
				}
				b[at+i] ^= 1
				at += i + len(piece)
				found++
			}
		})
		if found == 0 {
			t.Fatalf("the %s is not in the database file", what)
		}
		if err == nil {
			t.Errorf("a bit flipped in an %s is not found", what)
		}
	}
	for what, change := range map[string]func([]byte) []byte{
		"half of the database":            half,
		"a bit flipped in its first page": func(b []byte) []byte { b[3] ^= 1; return b },
		"a page of zeros":                 func(b []byte) []byte { clear(b[8192:12288]); return b },
	} {
		if err := try(what, db, change); err == nil {
			t.Errorf("%s: not found", what)
		}
	}
	// The signing state decides whether anything is signed: damaged, nothing is.
	names, err := filepath.Glob(filepath.Join(dir, "guard", "*.json"))
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		file, err := filepath.Rel(dir, name)
		if err != nil {
			t.Fatal(err)
		}
		for what, change := range map[string]func([]byte) []byte{"a bit flipped": middle, "half": half} {
			n, err := node.Open(t.Context(), damage(t, dir, file, change), node.Options{Every: -1})
			if err != nil {
				continue
			}
			var parcel bytes.Buffer
			_, err = n.ReleaseObject(t.Context(), node.ReleaseAsk{Object: ids[1], Accord: w.accord, Purpose: "protection"})
			if err == nil {
				err = n.ExportParcel(t.Context(), w.accord, "south", &parcel)
			}
			if b, rerr := os.ReadFile(name); err == nil && (rerr != nil || bytes.Contains(b, []byte(w.accord))) {
				t.Errorf("%s of the signing state: a parcel of %d bytes is signed (%v)", what, parcel.Len(), rerr)
			}
			if cerr := n.Close(); cerr != nil {
				t.Error(cerr)
			}
		}
	}
}
