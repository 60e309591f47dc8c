package node

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"parley.example/parley/incident"
	"parley.example/parley/internal/store"
	"parley.example/parley/misp"
)

const (
	// docImport keeps how far imports have come that are not at their end, by the
	// SHA-256 of the file and how it is read; docImportPart + that keeps what
	// became of the items, part by part.
	docImport     = "import"
	docImportPart = "import-part/"
	// importedAtOnce bounds the items that one transaction stores; an import can
	// be stopped between two.
	importedAtOnce = 2000
	// heldImport is how much of a file is held in memory; a longer one is kept in
	// the node's folder while it is imported.
	heldImport = 8 << 20
)

// ImportAsk is how a file is imported.
type ImportAsk struct {
	// Format is one of the Format constants, or "" to recognise it.
	Format string
	// Mapping is for CSV files of other columns than Parley's; nil means
	// Parley's own.
	Mapping *incident.Mapping
	// Run names this import among those that Imports lists; Name is the file's
	// for people. Both may be empty.
	Run, Name string
}

// ImportRun is an import that is under way or that was stopped.
type ImportRun struct {
	Key     string `json:"key,omitempty"` // of the file and how it is read, once it is known
	Run     string `json:"run,omitempty"`
	Name    string `json:"name,omitempty"`
	Format  string `json:"format,omitempty"`
	Running bool   `json:"running"`
	// Phase of a running import: receiving and checking count bytes, storing
	// counts items.
	Phase string `json:"phase,omitempty"`
	Done  int64  `json:"done"`
	Of    int64  `json:"of,omitempty"` // 0: not known
	At    string `json:"at,omitempty"` // when it came so far, of a stopped one
}

// importRuns tells how far running imports are.
type importRuns struct {
	mu   sync.Mutex // guards runs
	runs map[*ImportRun]bool
}

func (r *importRuns) start(run ImportRun) *ImportRun {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.runs == nil {
		r.runs = make(map[*ImportRun]bool)
	}
	run.Running = true
	r.runs[&run] = true
	return &run
}

func (r *importRuns) end(run *ImportRun) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.runs, run)
}

func (r *importRuns) set(run *ImportRun, phase string, done, of int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	run.Phase, run.Done, run.Of = phase, done, of
}

// Imports lists the imports that are under way, and those that were stopped and
// go on when the same file is imported again.
func (n *Node) Imports(ctx context.Context) ([]ImportRun, error) {
	out := []ImportRun{}
	n.imports.mu.Lock()
	for _, r := range slices.Collect(maps.Keys(n.imports.runs)) {
		out = append(out, *r)
	}
	n.imports.mu.Unlock()
	err := n.view(ctx, func(tx store.Tx) error {
		stopped, err := listDocs[ImportRun](tx, docImport)
		for _, s := range stopped {
			if !slices.ContainsFunc(out, func(r ImportRun) bool { return r.Key == s.Key }) {
				out = append(out, s)
			}
		}
		return err
	})
	slices.SortFunc(out, func(a, b ImportRun) int { return cmp.Or(cmp.Compare(a.Run, b.Run), cmp.Compare(a.Name, b.Name)) })
	return out, err
}

// importPart is what became of the items that one transaction stored.
type importPart struct {
	Import
	Losses int `json:"losses"` // of NotCarried, those that reading the file told
}

// ImportFile reads a file of incidents or STIX objects and stores what is good
// in it; format and mapping are those of ImportAsk.
func (n *Node) ImportFile(ctx context.Context, r io.Reader, format string, mapping *incident.Mapping) (Import, error) {
	return n.Import(ctx, r, ImportAsk{Format: format, Mapping: mapping})
}

// Import reads a file of incidents or STIX objects and stores what is good in
// it. The whole file is read and checked first: one that breaks off or does not
// read leaves nothing behind. Then its items are stored, some thousand in a
// transaction, with the account of them. When that is stopped, by ctx or by
// a crash, importing the same file again goes on where it was; an import that
// came to its end can be repeated and changes nothing.
func (n *Node) Import(ctx context.Context, r io.Reader, ask ImportAsk) (Import, error) {
	run := n.imports.start(ImportRun{Run: ask.Run, Name: ask.Name, Phase: "receiving"})
	defer n.imports.end(run)
	file, err := n.receiveImport(run, r)
	if err != nil {
		return Import{}, err
	}
	defer file.Close()
	format := ask.Format
	if format == "" {
		if format = recognise(file.head(), ask.Mapping); format == "" {
			return Import{}, fmt.Errorf("%w: the format of the file is not recognised; name it with --format (%s) and, for other CSV columns, give --map", ErrInvalid, strings.Join(Formats, ", "))
		}
	} else if !slices.Contains(Formats, format) {
		return Import{}, fmt.Errorf("%w: format %q is none of %s", ErrInvalid, clip(format), strings.Join(Formats, ", "))
	}
	i := &importing{n: n, run: run, format: format, mapping: ask.Mapping, name: ask.Name}
	if err := i.check(ctx, file); err != nil {
		return Import{}, fmt.Errorf("%w: the file was not imported: %w", ErrInvalid, err)
	}
	lock := n.pair("import", i.key)
	lock.Lock()
	defer lock.Unlock()
	return i.store(ctx, file)
}

// importing is one import on its way.
type importing struct {
	n       *Node
	run     *ImportRun
	format  string
	mapping *incident.Mapping
	name    string
	key     string
	items   int // in the whole file
	parts   int // stored before this run and in it
}

// check reads the whole file once, counts its items and finds its key.
func (i *importing) check(ctx context.Context, file *importFile) error {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n", i.format)
	if i.mapping != nil {
		m, err := json.Marshal(i.mapping)
		if err != nil {
			return err
		}
		h.Write(m)
	}
	done := int64(0)
	in := io.TeeReader(file.reader(), writerFunc(func(b []byte) (int, error) {
		done += int64(len(b))
		i.n.imports.set(i.run, "checking", done, file.size)
		return h.Write(b)
	}))
	err := readItems(in, i.format, i.mapping, func(item, error) error {
		i.items++
		return ctx.Err()
	}, func(misp.Lost) {})
	if err == nil {
		_, err = io.Copy(io.Discard, in)
	}
	i.key = hex.EncodeToString(h.Sum(nil))
	i.n.imports.mu.Lock()
	i.run.Key = i.key
	i.n.imports.mu.Unlock()
	return err
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// store stores the items that were not stored before.
func (i *importing) store(ctx context.Context, file *importFile) (Import, error) {
	all := importPart{Import: Import{Format: i.format, Refused: []Refusal{}, NotCarried: []misp.Lost{}}}
	err := i.n.view(ctx, func(tx store.Tx) error {
		parts, err := listDocs[importPart](tx, docImportPart+i.key)
		for _, p := range parts {
			all.add(p)
		}
		i.parts = len(parts)
		return err
	})
	if err != nil {
		return all.Import, err
	}
	all.Continued = all.Items
	// What follows is read for the second time.
	var batch []importItem
	next := importPart{} // what reading tells of the batch
	seen, losses := 0, 0
	flush := func(last bool) error {
		part, err := i.flush(ctx, batch, next, last)
		if err != nil {
			return err
		}
		all.add(part)
		batch, next = batch[:0], importPart{}
		i.n.imports.set(i.run, "storing", int64(all.Items), int64(i.items))
		return nil
	}
	before, lost := all.Items, all.Losses
	err = readItems(file.reader(), i.format, i.mapping, func(it item, reason error) error {
		if seen++; seen <= before {
			return nil
		}
		if len(batch) == importedAtOnce {
			if err := flush(false); err != nil {
				return err
			}
		}
		batch = append(batch, importItem{it, reason})
		return ctx.Err()
	}, func(l misp.Lost) {
		if losses++; losses > lost {
			next.NotCarried = append(next.NotCarried, l)
			next.Losses++
		}
	})
	if err == nil {
		err = flush(true)
	}
	if err != nil {
		return all.Import, fmt.Errorf("the import was stopped after %d of %d items; import the same file again to go on: %w", all.Items, i.items, err)
	}
	return all.Import, nil
}

// importItem is an item of a file, or why it cannot be taken.
type importItem struct {
	item
	reason error
}

func (p *importPart) add(o importPart) {
	p.Items, p.Taken, p.Known, p.Losses = p.Items+o.Items, p.Taken+o.Taken, p.Known+o.Known, p.Losses+o.Losses
	p.Refused, p.NotCarried = append(p.Refused, o.Refused...), append(p.NotCarried, o.NotCarried...)
	p.Doubts = append(p.Doubts, o.Doubts...)
}

// flush stores items and what became of them in one transaction. The last one
// leaves nothing of the account behind.
func (i *importing) flush(ctx context.Context, batch []importItem, read importPart, last bool) (part importPart, err error) {
	err = i.n.update(ctx, func(tx store.Tx) error {
		part = importPart{Import: Import{Items: len(batch), NotCarried: slices.Clone(read.NotCarried)}, Losses: read.Losses}
		for _, it := range batch {
			if it.reason != nil {
				part.Refused = append(part.Refused, Refusal{it.number, it.object.ID, it.reason.Error()})
				continue
			}
			if err := i.n.storeItem(tx, it.item, i.format, &part.Import); err != nil {
				return err
			}
		}
		kind := docImportPart + i.key
		if !last {
			head := ImportRun{Key: i.key, Name: i.name, Format: i.format, Done: int64(i.parts+1) * importedAtOnce, Of: int64(i.items), At: stamp(i.n.now())}
			return errors.Join(putDoc(tx, docImport, i.key, head), putDoc(tx, kind, fmt.Sprintf("%08d", i.parts), part))
		}
		for p := range i.parts {
			if err := tx.DeleteDoc(kind, fmt.Sprintf("%08d", p)); err != nil {
				return err
			}
		}
		return tx.DeleteDoc(docImport, i.key)
	})
	i.parts++
	return part, err
}

// importFile is a file that was received whole and can be read again.
type importFile struct {
	held []byte   // all of it, where file is nil
	file *os.File // removed when it is closed
	size int64
}

// receiveImport takes in a file.
func (n *Node) receiveImport(run *ImportRun, r io.Reader) (*importFile, error) {
	in := &importFile{}
	var b bytes.Buffer
	size, err := io.Copy(&b, io.LimitReader(r, heldImport))
	if err != nil {
		return nil, fmt.Errorf("reading the file: %w", err)
	}
	if in.size = size; size < heldImport {
		in.held = b.Bytes()
		return in, nil
	}
	if in.file, err = os.CreateTemp(n.dir, importPattern); err != nil { // mode 0600
		return nil, fmt.Errorf("keeping the file: %w", err)
	}
	got := writerFunc(func(p []byte) (int, error) {
		in.size += int64(len(p))
		n.imports.set(run, "receiving", in.size, 0)
		return in.file.Write(p)
	})
	if _, err = in.file.Write(b.Bytes()); err == nil {
		_, err = io.Copy(got, r)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the file: %w", errors.Join(err, in.Close()))
	}
	return in, nil
}

// importPattern names files that are being imported.
const importPattern = ".import-*"

// dropImports removes files that an earlier run of the node left.
func dropImports(dir string) error {
	left, err := filepath.Glob(filepath.Join(dir, strings.ReplaceAll(importPattern, "*", "[0-9]*")))
	for _, name := range left {
		err = errors.Join(err, os.Remove(name))
	}
	return err
}

func (f *importFile) reader() io.Reader {
	if f.file == nil {
		return bytes.NewReader(f.held)
	}
	return io.NewSectionReader(f.file, 0, f.size)
}

// head is the beginning of the file.
func (f *importFile) head() []byte {
	b := make([]byte, min(sniffed, f.size))
	n, _ := io.ReadFull(f.reader(), b)
	return b[:n]
}

func (f *importFile) Close() error {
	if f.file == nil {
		return nil
	}
	return errors.Join(f.file.Close(), os.Remove(f.file.Name()))
}
