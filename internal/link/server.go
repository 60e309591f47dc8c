package link

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	digestHeader = "Parley-Digest" // SHA-256 of an encoded parcel, in hex
	offsetHeader = "Parley-Offset" // how many bytes of it are held
	// maxEncoded bounds an encoded parcel: compression may add a little.
	maxEncoded = MaxParcel + 1<<20
	// keptUploads bounds how many unfinished parcels are kept of one party.
	keptUploads = 2
	// decoding bounds how many parcels are decoded and taken in at a time.
	decoding = 4
	// resumable is from what size on a parcel that is cut off goes on where it
	// stopped; a smaller one is soon sent again.
	resumable = 64 << 10
	// stalled is how long a line may stand still before it counts as down.
	stalled = time.Minute
	chunk   = 64 << 10
)

// Server takes parcels from the line and answers them. A parcel that is cut off
// goes on where it stopped: the part that came is kept, by party and digest, and
// so is a long answer. It is safe for concurrent use.
type Server struct {
	who     Who
	receive Receiver
	dir     string
	mux     *http.ServeMux
	slots   chan struct{}

	mu      sync.Mutex
	uploads map[string][]*upload // by party, oldest first; guarded by mu
	answers map[string]*spool    // the last long one, by party/accord; guarded by mu
	leaving map[*departure]bool  // answers under way; guarded by mu
}

// upload is a parcel of which a part has come.
type upload struct {
	digest string
	mu     sync.Mutex
	total  int64  // guarded by mu
	part   *spool // guarded by mu
	cut    func() // ends the request that writes to it; nil while none does; guarded by Server.mu
}

// departure is an exchange whose answer has not wholly left yet.
type departure struct {
	party, accord string
	stop          context.CancelFunc
	done          chan struct{}
	packed        bool // what is leaving was packed already; guarded by Server.mu
}

// NewServer returns a server that keeps parcels under way in files in dir; empty
// is the system's place for temporary files.
func NewServer(who Who, receive Receiver, dir string) *Server {
	s := &Server{
		who: who, receive: receive, dir: dir, mux: http.NewServeMux(), slots: make(chan struct{}, decoding),
		uploads: make(map[string][]*upload), answers: make(map[string]*spool), leaving: make(map[*departure]bool),
	}
	s.mux.HandleFunc("POST "+parcelPath, s.known(s.post))
	s.mux.HandleFunc("HEAD "+parcelPath+"/{digest}", s.known(s.offset))
	s.mux.HandleFunc("GET "+parcelPath+"/{digest}", s.known(s.fetch))
	return s
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// Close drops what is kept of parcels under way.
func (s *Server) Close() {
	s.mu.Lock()
	var kept []*upload
	for _, us := range s.uploads {
		kept = append(kept, us...)
	}
	for _, a := range s.answers {
		a.close()
	}
	clear(s.uploads)
	clear(s.answers)
	s.mu.Unlock()
	for _, u := range kept {
		u.mu.Lock() // always before Server.mu, never after
		u.part.close()
		u.mu.Unlock()
	}
}

// Forget stops every answer to a party under an accord that is under way or kept
// for going on, and waits until none is. An answer packed before a suspension
// does not leave after it. A Receiver must not call it; see [Server.Drop].
func (s *Server) Forget(party, accord string) {
	for _, d := range s.halt(party, accord, true) {
		<-d.done
	}
}

// Drop is Forget for what was packed already, without waiting.
func (s *Server) Drop(party, accord string) { s.halt(party, accord, false) }

func (s *Server) halt(party, accord string, all bool) (stopped []*departure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[party+"/"+accord].close()
	delete(s.answers, party+"/"+accord)
	for d := range s.leaving {
		if d.party == party && d.accord == accord && (all || d.packed) {
			d.stop()
			stopped = append(stopped, d)
		}
	}
	return stopped
}

// known finds out who asks.
func (s *Server) known(fn func(w http.ResponseWriter, r *http.Request, from string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
			problem(w, http.StatusForbidden, "a client certificate is needed")
			return
		}
		from, ok := s.who.find(r.TLS.PeerCertificates)
		if !ok {
			problem(w, http.StatusForbidden, "the key is not known")
			return
		}
		fn(w, r, from)
	}
}

// post takes in a parcel, or the rest of one, and answers it.
func (s *Server) post(w http.ResponseWriter, r *http.Request, from string) {
	u, err := s.upload(r, from)
	if err == nil {
		u.mu.Lock()
		defer u.mu.Unlock()
		rc := http.NewResponseController(w)
		var cut atomic.Bool
		s.setCut(u, func() {
			// What has arrived is read still; a line that is only silent ends soon.
			cut.Store(true)
			_ = rc.SetReadDeadline(time.Now().Add(time.Second))
		})
		err = u.take(rc, r, &cut)
		s.setCut(u, nil)
	}
	var gap gapError
	switch {
	case errors.As(err, &gap):
		w.Header().Set(offsetHeader, strconv.FormatInt(gap.held, 10))
		problem(w, http.StatusRequestedRangeNotSatisfiable, err.Error())
		return
	case errors.Is(err, errCut):
		return // nobody is there to be told; what came is kept
	case err != nil:
		s.drop(from, u)
		problem(w, http.StatusBadRequest, err.Error())
		return
	}
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-r.Context().Done():
		return
	}
	p, err := Decode(u.part.from(0))
	if err == nil && p.From != from {
		err = fmt.Errorf("%w: it says it is from %q and came from %q", ErrParcel, p.From, from)
	}
	if err != nil {
		s.drop(from, u)
		problem(w, http.StatusBadRequest, err.Error())
		return
	}
	s.answer(w, r, from, p)
}

func (s *Server) setCut(u *upload, cut func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u.cut = cut
}

// answer hands a parcel over and sends what is answered.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, from string, p Parcel) {
	ctx, stop, done := stoppable(w, r)
	defer done()
	// Noted before the answer is packed: whatever forbids it from then on stops it.
	d := &departure{party: from, accord: p.Header.Accord, stop: stop, done: make(chan struct{})}
	s.mu.Lock()
	s.leaving[d] = true
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.leaving, d)
		s.mu.Unlock()
		close(d.done)
	}()
	reply, err := s.receive(ctx, from, p)
	switch {
	case errors.Is(err, ErrSay) || errors.Is(err, ErrParcel) || errors.Is(err, ErrFork):
		problem(w, http.StatusConflict, err.Error())
		return
	case err != nil:
		problem(w, http.StatusInternalServerError, "the parcel could not be taken in now; try again later")
		return
	}
	s.mu.Lock()
	d.packed = true
	s.mu.Unlock()
	out, err := spooled(s.dir, reply)
	if err != nil {
		problem(w, http.StatusInternalServerError, "the answer could not be made now; try again later")
		return
	}
	if kept := s.keep(ctx, from, p.Header.Accord, out); !kept {
		defer out.close()
	}
	head := w.Header()
	head.Set("Content-Type", parcelType)
	head.Set("Content-Length", strconv.FormatInt(out.size, 10))
	head.Set(digestHeader, out.digest())
	send(ctx, w, out.from(0))
}

// keep keeps a long answer for going on with; a short one is soon made again. It
// reports whether it did.
func (s *Server) keep(ctx context.Context, party, accord string, out *spool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := party + "/" + accord
	s.answers[key].close() // whoever still reads it is cut off and asks again
	delete(s.answers, key)
	if out.size < resumable || ctx.Err() != nil {
		return false
	}
	s.answers[key] = out
	return true
}

// stoppable makes a context whose end also ends a write that stands still. The
// handler calls done when it returns.
func stoppable(w http.ResponseWriter, r *http.Request) (ctx context.Context, stop, done context.CancelFunc) {
	ctx, stop = context.WithCancel(r.Context())
	rc := http.NewResponseController(w)
	unhook := context.AfterFunc(ctx, func() { _ = rc.SetWriteDeadline(time.Unix(1, 0)) })
	return ctx, stop, func() { unhook(); stop() }
}

// send writes bytes while the line moves and ctx allows. An error means that the
// other side went away, or is to get no more; it will ask again.
func send(ctx context.Context, w http.ResponseWriter, r io.Reader) {
	rc := http.NewResponseController(w)
	buf := make([]byte, chunk)
	for {
		n, err := r.Read(buf)
		_ = rc.SetWriteDeadline(time.Now().Add(stalled))
		if ctx.Err() != nil { // after the deadline, which the stop may have set before
			panic(http.ErrAbortHandler) // the answer must not look complete
		}
		if n > 0 {
			if _, werr := w.Write(buf[:n]); werr != nil {
				return
			}
		}
		if err == io.EOF {
			return
		}
		if err != nil {
			panic(http.ErrAbortHandler)
		}
	}
}

// fetch gives the rest of an answer that was cut off.
func (s *Server) fetch(w http.ResponseWriter, r *http.Request, from string) {
	digest := r.PathValue("digest")
	ctx, stop, done := stoppable(w, r)
	defer done()
	var out *spool
	d := &departure{party: from, stop: stop, done: make(chan struct{}), packed: true}
	s.mu.Lock()
	for key, a := range s.answers {
		if accord, ok := strings.CutPrefix(key, from+"/"); ok && a.digest() == digest {
			out, d.accord = a, accord
			s.leaving[d] = true
		}
	}
	s.mu.Unlock()
	if out == nil {
		problem(w, http.StatusNotFound, "no such answer is kept; send the parcel again")
		return
	}
	defer func() {
		s.mu.Lock()
		delete(s.leaving, d)
		s.mu.Unlock()
		close(d.done)
	}()
	at, ok := parseRange(r.Header.Get("Range"), out.size)
	if !ok {
		problem(w, http.StatusRequestedRangeNotSatisfiable, "ask for bytes from an offset within the answer")
		return
	}
	head := w.Header()
	head.Set("Content-Type", parcelType)
	head.Set("Content-Length", strconv.FormatInt(out.size-at, 10))
	head.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", at, out.size-1, out.size))
	head.Set(digestHeader, digest)
	w.WriteHeader(http.StatusPartialContent)
	send(ctx, w, out.from(at))
}

// parseRange reads "bytes=n-" (RFC 9110 section 14.1.2).
func parseRange(s string, size int64) (at int64, ok bool) {
	s, ok = strings.CutPrefix(s, "bytes=")
	s, dash := strings.CutSuffix(s, "-")
	at, err := strconv.ParseInt(s, 10, 64)
	return at, ok && dash && err == nil && at >= 0 && at < size
}

// offset tells how much of a parcel has come.
func (s *Server) offset(w http.ResponseWriter, r *http.Request, from string) {
	s.mu.Lock()
	var found *upload
	for _, u := range s.uploads[from] {
		if u.digest == r.PathValue("digest") {
			found = u
		}
	}
	if found != nil && found.cut != nil {
		found.cut() // whoever asks has given up the line that it still comes by
	}
	s.mu.Unlock()
	if found == nil {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	found.mu.Lock()
	defer found.mu.Unlock()
	w.Header().Set(offsetHeader, strconv.FormatInt(found.part.size, 10))
	w.WriteHeader(http.StatusNoContent)
}

// upload finds or begins the parcel that a request belongs to. One without a
// digest stands alone and cannot go on.
func (s *Server) upload(r *http.Request, from string) (*upload, error) {
	digest := r.Header.Get(digestHeader)
	if digest == "" {
		return &upload{part: newSpool(s.dir)}, nil
	}
	if len(digest) != 64 || strings.Trim(digest, "0123456789abcdef") != "" {
		return nil, fmt.Errorf("%w: its digest is not 64 hexadecimal digits", ErrParcel)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	us := s.uploads[from]
	for _, u := range us {
		if u.digest == digest {
			return u, nil
		}
	}
	u := &upload{digest: digest, part: newSpool(s.dir)}
	us = append(us, u)
	for len(us) > keptUploads {
		old := us[0]
		if old.mu.TryLock() { // else it is in use, and its file closes when nobody holds it
			old.part.close()
			old.mu.Unlock()
		}
		us = us[1:]
	}
	s.uploads[from] = us
	return u, nil
}

// drop forgets a parcel that will not be gone on with. The caller holds its lock.
func (s *Server) drop(from string, u *upload) {
	if u == nil {
		return
	}
	u.part.close()
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, x := range s.uploads[from] {
		if x == u {
			s.uploads[from] = append(s.uploads[from][:i:i], s.uploads[from][i+1:]...)
			return
		}
	}
}

var errCut = errors.New("the line went down")

// gapError says that a request goes on elsewhere than where the parcel stopped.
type gapError struct{ held int64 }

func (e gapError) Error() string {
	return fmt.Sprintf("%d bytes of that parcel are held; go on there", e.held)
}

// take appends what a request carries. The caller holds the upload's lock.
func (u *upload) take(rc *http.ResponseController, r *http.Request, cut *atomic.Bool) error {
	at, total := int64(0), r.ContentLength
	if c := r.Header.Get("Content-Range"); c != "" {
		var last int64
		if _, err := fmt.Sscanf(c, "bytes %d-%d/%d", &at, &last, &total); err != nil || at < 0 || last < at-1 || last != total-1 {
			return fmt.Errorf("%w: Content-Range %q does not read", ErrParcel, c)
		}
	}
	if total > maxEncoded {
		return fmt.Errorf("%w: %d bytes are over the limit of %d", ErrParcel, total, maxEncoded)
	}
	if at == 0 && u.part.size > 0 && u.total != total {
		return gapError{u.part.size}
	}
	u.total = total
	if at != u.part.size {
		return gapError{u.part.size}
	}
	buf := make([]byte, chunk)
	for {
		n, err := r.Body.Read(buf)
		if !cut.Load() {
			_ = rc.SetReadDeadline(time.Now().Add(stalled))
		}
		if n > 0 {
			if _, werr := u.part.Write(buf[:n]); werr != nil {
				return werr
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return errCut
		}
	}
	_ = rc.SetReadDeadline(time.Time{})
	if total >= 0 && u.part.size != total {
		return fmt.Errorf("%w: %d bytes came of %d", ErrParcel, u.part.size, total)
	}
	if u.digest != "" && u.part.digest() != u.digest {
		return fmt.Errorf("%w: its bytes are not those of its digest", ErrParcel)
	}
	return nil
}

func problem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"title": http.StatusText(status), "status": status, "detail": detail})
}
