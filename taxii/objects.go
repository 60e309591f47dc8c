package taxii

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"parley.example/parley/stix"
)

// Parameters of each kind of page (§5.3, §5.4, §5.6, §5.8).
var (
	listParameters    = []string{pAfter, pLimit, pNext, pID, pSpec, pType, pVersion}
	objectParameters  = []string{pAfter, pLimit, pNext, pSpec, pVersion}
	versionParameters = []string{pAfter, pLimit, pNext, pSpec}
	deleteParameters  = []string{pSpec, pVersion}
)

// page reads the parameters and fetches the page that they ask for.
func (q *request) page(c Collection, allowed []string, edit func(*Query)) (Page, string, error) {
	if !c.CanRead {
		return Page{}, "", ErrForbidden
	}
	values := q.URL.Query()
	query, next, err := parseQuery(values, q.s.opt.PageSize, allowed...)
	if err != nil {
		return Page{}, "", err
	}
	what := c.ID + matches(values)
	if next != "" {
		at, err := q.s.key.parse(what, next)
		if err != nil {
			return Page{}, "", err
		}
		query.After = max(query.After, at)
	}
	edit(&query)
	p, err := q.s.b.Page(q.Context(), q.user, q.root, c, query)
	if err != nil || p.empty() {
		return p, "", err
	}
	first, last := p.span()
	h := q.w.Header()
	h.Set("X-TAXII-Date-Added-First", FormatTime(first))
	h.Set("X-TAXII-Date-Added-Last", FormatTime(last))
	if next = ""; p.More {
		next = q.s.key.format(what, last)
	}
	return p, next, nil
}

func (q *request) manifest(c Collection) error {
	p, next, err := q.page(c, listParameters, func(*Query) {})
	if err != nil {
		return err
	}
	m := manifest{More: p.More, Next: next}
	for _, r := range p.Records {
		m.Objects = append(m.Objects, ManifestRecord{r.ID, FormatTime(r.Added), r.version(), stixMediaType(r.Spec)})
	}
	q.write(http.StatusOK, m)
	return nil
}

func (q *request) objects(c Collection) error {
	p, next, err := q.page(c, listParameters, func(x *Query) { x.Bytes = true })
	if err != nil {
		return err
	}
	return q.envelope(p, next)
}

func (q *request) object(c Collection, id string) error {
	p, next, err := q.page(c, objectParameters, func(x *Query) { x.Bytes, x.IDs = true, []string{id} })
	if err == nil && p.empty() {
		err = q.exists(c, id)
	}
	if err != nil {
		return err
	}
	return q.envelope(p, next)
}

func (q *request) versions(c Collection, id string) error {
	p, next, err := q.page(c, versionParameters, func(x *Query) { x.IDs = []string{id} })
	if err == nil && len(p.Records) == 0 {
		err = q.exists(c, id)
	}
	if err != nil {
		return err
	}
	v := versions{More: p.More, Next: next}
	for _, r := range p.Records {
		v.Versions = append(v.Versions, r.version())
	}
	q.write(http.StatusOK, v)
	return nil
}

// exists tells an object that is not there from one that the filters exclude.
func (q *request) exists(c Collection, id string) error {
	p, err := q.s.b.Page(q.Context(), q.user, q.root, c, Query{IDs: []string{id}, Limit: 1})
	if err == nil && len(p.Records) == 0 {
		err = ErrNotFound
	}
	return err
}

var writers = sync.Pool{New: func() any { return bufio.NewWriterSize(nil, 128<<10) }}

// progress renews the deadline with each write, so that a slow client is
// served and a stalled one is not.
type progress struct{ q *request }

func (p progress) Write(b []byte) (int, error) {
	p.q.deadline()
	return p.q.w.Write(b)
}

// ReadFrom lets the system send a file by itself, where net/http can.
func (p progress) ReadFrom(r io.Reader) (int64, error) {
	p.q.deadline()
	if w, ok := p.q.w.(io.ReaderFrom); ok {
		return w.ReadFrom(r)
	}
	return io.Copy(struct{ io.Writer }{p}, r)
}

// records writes the bytes of records with commas between them.
type records []Record

func (rs records) Size() int64 {
	size := len(rs) - 1
	for _, r := range rs {
		size += len(r.Bytes)
	}
	return int64(size)
}

func (rs records) WriteTo(w io.Writer) (n int64, err error) {
	for i, r := range rs {
		if i > 0 {
			m, err := w.Write([]byte{','})
			if n += int64(m); err != nil {
				return n, err
			}
		}
		m, err := w.Write(r.Bytes)
		if n += int64(m); err != nil {
			return n, err
		}
	}
	return n, nil
}

func (records) Close() error { return nil }

// envelope writes objects as they are (§3.7). Without any there is no list.
func (q *request) envelope(p Page, next string) error {
	head, tail := `{"more":`+strconv.FormatBool(p.More), "}"
	if next != "" {
		head += `,"next":"` + next + `"`
	}
	body := p.Body
	if body == nil && len(p.Records) > 0 {
		body = records(p.Records)
	}
	size := int64(0)
	if body != nil {
		defer body.Close()
		head, tail, size = head+`,"objects":[`, "]}", body.Size()
	}
	h := q.w.Header()
	h.Set("Content-Type", MediaType)
	h.Set("Content-Length", strconv.FormatInt(int64(len(head)+len(tail))+size, 10))
	q.w.WriteHeader(http.StatusOK)
	if q.Method == http.MethodHead {
		return nil
	}
	b := writers.Get().(*bufio.Writer)
	b.Reset(progress{q})
	defer func() { b.Reset(nil); writers.Put(b) }()
	_, _ = b.WriteString(head) // an error stays and stops the rest
	if body != nil {
		if _, err := body.WriteTo(b); err != nil {
			return nil // the client is gone; a length that is not kept ends the connection
		}
	}
	_, _ = b.WriteString(tail)
	_ = b.Flush()
	return nil
}

func (q *request) add(c Collection) error {
	if err := q.acceptable(); err != nil {
		return err
	}
	if !c.CanWrite {
		return ErrForbidden
	}
	if enc := q.Header.Get("Content-Encoding"); !sends(q.Header.Get("Content-Type")) || enc != "" && enc != "identity" {
		return answer(http.StatusUnsupportedMediaType, "Media type not supported", "Send a body of %s, without Content-Encoding.", MediaType)
	}
	if q.ContentLength > q.s.opt.MaxContent {
		return q.tooLarge()
	}
	body := &bodyReader{q: q, left: q.s.opt.MaxContent}
	objects, err := readEnvelope(body)
	if err != nil && body.err == nil {
		_, _ = io.Copy(io.Discard, body) // how long it is decides on the answer
	}
	switch {
	case body.over:
		return q.tooLarge()
	case errors.Is(body.err, os.ErrDeadlineExceeded):
		q.read = true // nothing more will come
		q.w.Header().Set("Connection", "close")
		return answer(http.StatusRequestTimeout, "Request not completed", "Nothing came for %v.", q.s.opt.Stall)
	case err != nil:
		q.read = true
		return answer(http.StatusUnprocessableEntity, "Body not understood", "%v", err)
	}
	q.read = true
	_ = q.rc.SetReadDeadline(time.Time{})
	st, err := q.s.b.Add(q.Context(), q.user, q.root, c, objects)
	if err != nil {
		return err
	}
	q.deadline()
	q.write(http.StatusAccepted, st)
	return nil
}

// readEnvelope reads the objects of an envelope, each as it is.
func readEnvelope(r io.Reader) ([][]byte, error) {
	var objects [][]byte
	form, err := stix.ReadBundle(r, func(_ int, raw []byte) error {
		objects = append(objects, raw)
		return nil
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("the body is not a TAXII envelope: %w", err)
	case form.Form == "bundle":
		return nil, errors.New("the body is a STIX bundle; TAXII 2.1 takes an envelope, the same list of objects without type and id")
	case form.Form != "envelope":
		return nil, fmt.Errorf("the body is an %s; TAXII 2.1 takes an envelope, an object with a list named objects", form.Form)
	case len(objects) == 0:
		return nil, errors.New("the envelope lists no objects")
	}
	return objects, nil
}

// bodyReader reads a body that must keep flowing and end in time.
type bodyReader struct {
	q    *request
	left int64
	over bool  // the body goes on beyond the limit
	err  error // of the connection
}

// errTooLong ends the reading of a body over the limit.
var errTooLong = errors.New("the body is longer than max_content_length")

func (b *bodyReader) Read(p []byte) (int, error) {
	if b.over {
		return 0, errTooLong // a reader may pass over an error that came with bytes
	}
	_ = b.q.rc.SetReadDeadline(time.Now().Add(b.q.s.opt.Stall))
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.q.Body.Read(p)
	if err != nil && err != io.EOF {
		b.err = err
	}
	b.q.deadline() // the answer is not late because the body was slow
	if int64(n) > b.left {
		b.over = true
		return int(b.left), errTooLong
	}
	b.left -= int64(n)
	return n, err
}

// tooLarge is the answer to a body over the limit.
func (q *request) tooLarge() error {
	return answer(http.StatusRequestEntityTooLarge, "Body too large", "A body may have %d bytes; send fewer objects at a time.", q.s.opt.MaxContent)
}

// remove deletes an object, or the versions of it that the parameters name; a
// client without leave to read must not learn what is there (§5.7).
func (q *request) remove(c Collection, id string) error {
	if err := q.acceptable(); err != nil {
		return err
	}
	if !c.CanWrite || !c.CanRead {
		return ErrForbidden
	}
	values := q.URL.Query()
	query, _, err := parseQuery(values, 0, deleteParameters...)
	if err != nil {
		return err
	}
	if !values.Has(pVersion) {
		query.Last = false // all versions
	}
	query.IDs = []string{id}
	if err := q.s.b.Delete(q.Context(), q.user, q.root, c, query); err != nil {
		return err
	}
	q.w.Header().Set("Content-Type", MediaType)
	q.w.WriteHeader(http.StatusOK)
	return nil
}
