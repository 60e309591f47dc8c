package node

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"sync"

	"parley.example/parley/internal/store"
	"parley.example/parley/taxii"
)

const (
	// pageRows and pageFileBytes bound the objects of one page file; an object
	// that is larger has a file of its own.
	pageRows      = 1000
	pageFileBytes = 4 << 20
	// fewRows is a request for so little that no page file is made for it.
	fewRows = 100
	// maxPageFiles bounds all page files together, in bytes.
	maxPageFiles = 2 << 30
)

// pageFiles keeps copies of stretches of collections in files, as they go out:
// the exact bytes of the objects with commas between them. Reading a page from
// the database costs ten times what sending it does; from such a file the
// system sends it by itself. The database alone is the truth: the folder is
// emptied when the node starts, and a file goes as soon as any of what it holds
// was removed or superseded (store.Tx.Removed).
//
// A file holds all of what a query selects with lo < Added <= hi. Later
// objects have a later date of adding, so that it stays complete; the end of a
// collection, where more may come, is always read from the database.
type pageFiles struct {
	dir string

	mu    sync.Mutex // guards the rest
	mark  int64      // removals up to here are seen to
	kinds map[string][]*pageFile
	total int64
	clock int64 // counts uses
	names int64
}

// pageFile is one file: the objects, then for each its Added and where it ends
// (8 and 4 bytes, big endian).
type pageFile struct {
	lo, hi      int64
	first, last int64 // Added
	count       int
	size        int64 // of the objects
	path        string
	used        int64
}

const indexEntry = 12

// newPageFiles empties the folder.
func newPageFiles(dir string) (*pageFiles, error) {
	if err := os.RemoveAll(dir); err != nil {
		return nil, fmt.Errorf("emptying the folder of pages: %w", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder of pages: %w", err)
	}
	return &pageFiles{dir: dir, kinds: make(map[string][]*pageFile)}, nil
}

// kindOf names what a query selects apart from where it begins and ends; ok is
// false for queries that files are not kept for.
func kindOf(in store.Collection, q taxii.Query) (kind string, ok bool) {
	if !q.Bytes || len(q.IDs) > 0 || len(q.Specs) > 0 || q.First || len(q.At) > 0 {
		return "", false
	}
	return fmt.Sprintf("%q %q %q %v", in.Accord, in.To, q.Types, q.Last), true
}

// list is listPage from files where that is possible.
func (p *pageFiles) list(tx store.Tx, in store.Collection, q taxii.Query) (taxii.Page, error) {
	kind, ok := kindOf(in, q)
	if ok {
		var err error
		if ok, err = p.follow(tx); err != nil {
			return taxii.Page{}, err
		}
	}
	if !ok {
		return listPage(tx, in, q)
	}
	body := &pageBody{}
	page, err := p.gather(tx, in, q, kind, body)
	switch {
	case err != nil:
		return page, errors.Join(err, body.Close())
	case body.files == 0:
		for _, part := range body.parts {
			page.Records = append(page.Records, part.record)
		}
	default:
		page.Body, page.First, page.Last = body, body.first, body.last
	}
	return page, nil
}

// gather fills body from files and, where there is none, from the database.
func (p *pageFiles) gather(tx store.Tx, in store.Collection, q taxii.Query, kind string, body *pageBody) (page taxii.Page, err error) {
	limit := q.Limit
	for full := false; !full; {
		q.Limit = limit - body.count
		if q.Limit <= 0 {
			page.More, err = p.follows(tx, in, q, kind)
			return page, err
		}
		file, open, next := p.find(kind, q.After)
		if file != nil {
			taken := body.count
			if full, err = body.addFile(file, open, q.After, q.Limit); err != nil {
				return page, err
			}
			if body.count > taken {
				q.After = body.last
			}
			if page.More = full; !full {
				q.After = file.hi
			}
			continue
		}
		rows, more, err := p.fill(tx, in, q, kind, next)
		if err != nil {
			return page, err
		}
		for _, r := range rows {
			if body.count == limit || body.count > 0 && body.size+int64(len(r.Bytes)) > pageBytes {
				page.More = true
				return page, nil
			}
			body.addRecord(r)
		}
		if !more {
			return page, nil
		}
		q.After = max(body.last, q.After)
		if len(rows) == 0 {
			q.After = next
		}
	}
	return page, nil
}

// follows reports whether anything that the query selects comes after its
// beginning.
func (p *pageFiles) follows(tx store.Tx, in store.Collection, q taxii.Query, kind string) (bool, error) {
	p.mu.Lock()
	files := p.kinds[kind]
	known := len(files) > 0 && files[len(files)-1].last > q.After
	p.mu.Unlock()
	if known {
		return true, nil
	}
	q.Limit, q.Bytes = 1, false
	rest, err := listPage(tx, in, q)
	return len(rest.Records) > 0, err
}

// fill reads what comes after q.After up to next, where a file begins, and
// keeps it in a file if more follows; more says so.
func (p *pageFiles) fill(tx store.Tx, in store.Collection, q taxii.Query, kind string, next int64) (rows []taxii.Record, more bool, err error) {
	keep := q.Limit >= fewRows
	if keep {
		q.Limit = pageRows
	}
	page, err := listUpTo(tx, in, q, pageFileBytes)
	rows, more = page.Records, page.More
	if next > 0 {
		if i := slices.IndexFunc(rows, func(r taxii.Record) bool { return r.Added > next }); i >= 0 {
			rows, more = rows[:i], true
		} else if !more {
			more = true // the file at next holds the rest
		}
	}
	if err != nil || !keep || !more || len(rows) == 0 {
		return rows, more, err
	}
	file := &pageFile{lo: q.After, hi: rows[len(rows)-1].Added, first: rows[0].Added, last: rows[len(rows)-1].Added, count: len(rows)}
	if next > 0 && !page.More || next > 0 && len(rows) < len(page.Records) {
		file.hi = next
	}
	mark, err := p.markOf(tx)
	if err != nil {
		return nil, false, err
	}
	p.keep(file, kind, mark, rows)
	return rows, more, nil
}

// markOf is the mark of the removals that the transaction sees.
func (p *pageFiles) markOf(tx store.Tx) (int64, error) {
	p.mu.Lock()
	since := p.mark
	p.mu.Unlock()
	_, mark, _, err := tx.Removed(since)
	return mark, err
}

// follow sees to removals since the last time. It reports whether the
// transaction sees no older state than the files are of.
func (p *pageFiles) follow(tx store.Tx) (current bool, err error) {
	p.mu.Lock()
	since := p.mark
	p.mu.Unlock()
	added, mark, complete, err := tx.Removed(since)
	if err != nil || mark <= since {
		return mark == since, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mark >= mark {
		return p.mark == mark, nil
	}
	p.mark = mark
	for kind, files := range p.kinds {
		p.kinds[kind] = slices.DeleteFunc(files, func(f *pageFile) bool {
			// What takes its place as the newest had none in the file before.
			gone := !complete || slices.ContainsFunc(added, func(a int64) bool { return f.lo < a && a <= f.hi })
			if gone {
				p.drop(f)
			}
			return gone
		})
	}
	return true, nil
}

// drop removes a file; the caller takes it from its list and holds mu.
func (p *pageFiles) drop(f *pageFile) {
	p.total -= f.size
	_ = os.Remove(f.path) // where that fails, the next start empties the folder
}

// find returns the file that holds what comes after a date, open, or where the
// next file begins, 0 where there is none.
func (p *pageFiles) find(kind string, after int64) (f *pageFile, open *os.File, next int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	files := p.kinds[kind]
	i := sort.Search(len(files), func(i int) bool { return files[i].hi > after })
	switch {
	case i == len(files):
		return nil, nil, 0
	case files[i].lo > after:
		return nil, nil, files[i].lo
	}
	f = files[i]
	open, err := os.Open(f.path)
	if err != nil { // somebody took it away
		p.kinds[kind] = slices.Delete(files, i, i+1)
		p.drop(f)
		return nil, nil, f.hi
	}
	p.clock++
	f.used = p.clock
	return f, open, 0
}

// keep writes a file, unless others came to be meanwhile or removals that it
// does not reflect. Where it cannot be written, the page comes from the
// database again next time.
func (p *pageFiles) keep(f *pageFile, kind string, mark int64, rows []taxii.Record) {
	p.mu.Lock()
	p.names++
	f.path = filepath.Join(p.dir, fmt.Sprintf("%d.page", p.names))
	p.mu.Unlock()
	if err := f.write(rows); err != nil {
		_ = os.Remove(f.path)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	files := p.kinds[kind]
	i := sort.Search(len(files), func(i int) bool { return files[i].hi > f.lo })
	if p.mark != mark || i < len(files) && files[i].lo < f.hi {
		_ = os.Remove(f.path)
		return
	}
	p.clock++
	f.used = p.clock
	p.kinds[kind] = slices.Insert(files, i, f)
	p.total += f.size
	for p.total > maxPageFiles {
		p.forget()
	}
}

// forget drops the file that was not used for longest; the caller holds mu.
func (p *pageFiles) forget() {
	var oldest *pageFile
	in := ""
	for kind, files := range p.kinds {
		for _, f := range files {
			if oldest == nil || f.used < oldest.used {
				oldest, in = f, kind
			}
		}
	}
	p.kinds[in] = slices.DeleteFunc(p.kinds[in], func(f *pageFile) bool { return f == oldest })
	p.drop(oldest)
}

// write makes the file of the rows.
func (f *pageFile) write(rows []taxii.Record) error {
	var b bytes.Buffer
	index := make([]byte, 0, len(rows)*indexEntry)
	for i, r := range rows {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(r.Bytes)
		index = binary.BigEndian.AppendUint64(index, uint64(r.Added))
		index = binary.BigEndian.AppendUint32(index, uint32(b.Len()))
	}
	f.size = int64(b.Len())
	b.Write(index)
	return os.WriteFile(f.path, b.Bytes(), 0o600)
}

// pageBody is the objects of a page. It implements taxii.Body.
type pageBody struct {
	parts       []pagePart
	size        int64
	count       int   // of objects
	files       int   // of parts
	first, last int64 // Added
}

// pagePart is a stretch of a file or, where that is nil, one record.
type pagePart struct {
	file   *os.File
	off, n int64
	record taxii.Record
}

func (b *pageBody) add(part pagePart, count int, first, last int64) {
	if b.count == 0 {
		b.first = first
	} else {
		b.size++ // the comma
	}
	if part.file != nil {
		b.files++
	}
	b.parts = append(b.parts, part)
	b.size += part.n
	b.count += count
	b.last = last
}

func (b *pageBody) addRecord(r taxii.Record) {
	b.add(pagePart{record: r, n: int64(len(r.Bytes))}, 1, r.Added, r.Added)
}

// addFile adds at most limit objects of a file that come after a date, as far
// as a page may be long. full says that the page ends before the file does.
func (b *pageBody) addFile(f *pageFile, open *os.File, after int64, limit int) (full bool, err error) {
	if after < f.first && limit >= f.count && b.size+f.size < pageBytes {
		b.add(pagePart{file: open, n: f.size}, f.count, f.first, f.last)
		return false, nil
	}
	index := make([]byte, f.count*indexEntry)
	if _, err := open.ReadAt(index, f.size); err != nil {
		return false, fmt.Errorf("reading a page: %w", errors.Join(err, open.Close()))
	}
	added := func(i int) int64 { return int64(binary.BigEndian.Uint64(index[i*indexEntry:])) }
	end := func(i int) int64 { return int64(binary.BigEndian.Uint32(index[i*indexEntry+8:])) }
	start := sort.Search(f.count, func(i int) bool { return added(i) > after })
	off := int64(0)
	if start > 0 {
		off = end(start-1) + 1
	}
	stop := start
	for stop < f.count && stop-start < limit && (b.count == 0 && stop == start || b.size+end(stop)-off < pageBytes) {
		stop++
	}
	if full = stop < f.count; stop == start {
		return full, open.Close()
	}
	b.add(pagePart{file: open, off: off, n: end(stop-1) - off}, stop-start, added(start), added(stop-1))
	return full, nil
}

// Size implements taxii.Body.
func (b *pageBody) Size() int64 { return b.size }

// sentAtOnce is how much of a file is sent in one go; a client must take so much
// in the time that it may stall.
const sentAtOnce = 512 << 10

// WriteTo implements taxii.Body. A writer that can take from a file does so.
func (b *pageBody) WriteTo(w io.Writer) (n int64, err error) {
	count := func(m int, werr error) { n, err = n+int64(m), werr }
	for i, part := range b.parts {
		if i > 0 && err == nil {
			count(io.WriteString(w, ","))
		}
		if part.file == nil && err == nil {
			count(w.Write(part.record.Bytes))
		}
		if err != nil {
			return n, err
		}
		if part.file == nil {
			continue
		}
		m, err := part.send(w)
		if n += m; err != nil {
			return n, err
		}
	}
	return n, nil
}

// send writes a stretch of a file.
func (p pagePart) send(w io.Writer) (n int64, err error) {
	if f, ok := w.(interface{ Flush() error }); ok {
		if err := f.Flush(); err != nil {
			return 0, err
		}
	}
	if _, err := p.file.Seek(p.off, io.SeekStart); err != nil {
		return 0, err
	}
	for n < p.n {
		want := min(p.n-n, sentAtOnce)
		m, err := io.Copy(w, &io.LimitedReader{R: p.file, N: want})
		if n += m; err == nil && m < want {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// Close implements taxii.Body.
func (b *pageBody) Close() error {
	var errs []error
	for _, p := range b.parts {
		if p.file != nil {
			errs = append(errs, p.file.Close())
		}
	}
	return errors.Join(errs...)
}

// gap is the first date after which no file holds what comes, and where the
// next file begins, 0 where there is none.
func (p *pageFiles) gap(kind string) (after, next int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range p.kinds[kind] {
		if f.lo > after {
			return after, f.lo
		}
		after = f.hi
	}
	return after, 0
}

// fillPages makes the next file of our own objects that is not there yet, and
// reports whether there was one to make.
func (n *Node) fillPages(ctx context.Context) (made bool, err error) {
	err = n.view(ctx, func(tx store.Tx) error {
		in, q := store.Collection{}, taxii.Query{Last: true, Limit: pageRows, Bytes: true}
		kind, _ := kindOf(in, q)
		current, err := n.pages.follow(tx)
		if err != nil || !current {
			return err
		}
		after, next := n.pages.gap(kind)
		q.After = after
		_, made, err = n.pages.fill(tx, in, q, kind, next)
		return err
	})
	return made, err
}
