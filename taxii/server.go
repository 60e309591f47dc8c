package taxii

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Options configure a Server; zero fields mean the defaults.
type Options struct {
	// Key authenticates next tokens; at least 16 bytes. Servers with the same
	// key understand each other's tokens.
	Key []byte
	// Prefix is the path of discovery without its last slash; default /taxii2.
	Prefix string
	// BaseURL is scheme and host as clients reach them, such as
	// https://taxii.example; default: as the request has them.
	BaseURL string
	// MaxContent is the greatest body taken, in bytes; default 64 MiB.
	MaxContent int64
	// PageSize is the most records in an answer; default 1,000.
	PageSize int
	// Stall is how long a client may send or take nothing; default 30 s.
	Stall time.Duration
	Log   *slog.Logger
}

// Server answers TAXII 2.1 requests. It is safe for concurrent use.
type Server struct {
	b    Backend
	auth Authenticator
	key  nextKey
	opt  Options
}

// NewServer returns a handler for everything below Options.Prefix.
func NewServer(b Backend, auth Authenticator, opt Options) (*Server, error) {
	if len(opt.Key) < 16 {
		return nil, errors.New("taxii: the key for next tokens needs at least 16 bytes")
	}
	s := &Server{b: b, auth: auth, key: opt.Key, opt: opt}
	if s.opt.Prefix == "" {
		s.opt.Prefix = "/taxii2"
	}
	if s.opt.MaxContent <= 0 {
		s.opt.MaxContent = 64 << 20
	}
	if s.opt.PageSize <= 0 {
		s.opt.PageSize = 1000
	}
	if s.opt.Stall <= 0 {
		s.opt.Stall = 30 * time.Second
	}
	if s.opt.Log == nil {
		s.opt.Log = slog.New(slog.DiscardHandler)
	}
	return s, nil
}

// request is one request on its way.
type request struct {
	*http.Request
	s    *Server
	w    http.ResponseWriter
	rc   *http.ResponseController
	user User
	root string
	read bool // the body was read to its end
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := &request{Request: r, s: s, w: w, rc: http.NewResponseController(w)}
	q.deadline()
	// The connection may serve another handler next.
	defer func() { _ = q.rc.SetWriteDeadline(time.Time{}) }()
	err := q.serve()
	if err == nil {
		return
	}
	unread := r.Method == http.MethodPost && !q.read && (r.ContentLength < 0 || r.ContentLength > maxUnread)
	if !unread {
		q.fail(err)
		return
	}
	// Answer first, then read what the client still sends: closing at once
	// would reset the connection and lose the answer.
	_ = q.rc.EnableFullDuplex() // HTTP/2 always is
	w.Header().Set("Connection", "close")
	q.fail(err)
	if r.Header.Get("Expect") == "" && q.rc.Flush() == nil {
		q.drain()
	}
}

// maxUnread is what net/http reads by itself of a body that a handler left.
const maxUnread = 128 << 10

// maxDrain and drainTime bound what is read of a body that nobody wants.
const (
	maxDrain  = 4 << 30
	drainTime = 2 * time.Minute
)

func (q *request) drain() {
	end := time.Now().Add(drainTime)
	buf := make([]byte, 64<<10)
	for total := 0; total < maxDrain && time.Now().Before(end); {
		_ = q.rc.SetReadDeadline(time.Now().Add(q.s.opt.Stall))
		n, err := q.Body.Read(buf)
		if total += n; err != nil {
			return
		}
	}
}

// deadline lets the client stall no longer than allowed from now on.
func (q *request) deadline() {
	_ = q.rc.SetWriteDeadline(time.Now().Add(q.s.opt.Stall)) // a test's recorder has none
}

// status is an error with the status that answers it.
type status struct {
	code int
	err  *Error
}

func (s *status) Error() string { return s.err.Error() }

func answer(code int, title, format string, args ...any) error {
	return &status{code, &Error{Title: title, Description: fmt.Sprintf(format, args...)}}
}

// fail writes an error resource.
func (q *request) fail(err error) {
	var st *status
	var bad *Error
	code, body := http.StatusInternalServerError, &Error{Title: "The server could not do this"}
	switch {
	case errors.As(err, &st):
		code, body = st.code, st.err
	case errors.As(err, &bad):
		code, body = http.StatusBadRequest, bad
	case errors.Is(err, ErrNotFound):
		code, body = http.StatusNotFound, &Error{Title: "Not found", Description: "There is nothing here, or nothing for you."}
	case errors.Is(err, ErrForbidden):
		code, body = http.StatusForbidden, &Error{Title: "Forbidden", Description: "Your account may not do this here."}
	case errors.Is(err, ErrUnauthorized):
		code, body = http.StatusUnauthorized, &Error{Title: "Credentials needed", Description: "Send a valid user name and password, or a token."}
		q.w.Header().Add("WWW-Authenticate", `Basic realm="TAXII", charset="UTF-8"`)
		q.w.Header().Add("WWW-Authenticate", `Bearer realm="TAXII"`)
	default:
		id := make([]byte, 8)
		_, _ = rand.Read(id) // never fails (crypto/rand)
		body.ErrorID = hex.EncodeToString(id)
		q.s.opt.Log.Error("taxii request failed", "error_id", body.ErrorID, "method", q.Method, "path", q.URL.Path, "user", q.user.Name, "error", err)
	}
	e := *body
	e.HTTPStatus = strconv.Itoa(code)
	q.write(code, e)
}

// write writes a resource.
func (q *request) write(code int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		q.s.opt.Log.Error("taxii answer does not encode", "error", err)
		code, b = http.StatusInternalServerError, []byte(`{"title":"The server could not do this"}`)
	}
	h := q.w.Header()
	h.Set("Content-Type", MediaType)
	h.Set("Content-Length", strconv.Itoa(len(b)))
	q.w.WriteHeader(code)
	_, _ = q.w.Write(b) // a client that is gone needs no answer
}

// serve finds what the path names. Nothing is told to whom is not known.
func (q *request) serve() error {
	c, ok := credentials(q.Request)
	if !ok {
		return ErrUnauthorized
	}
	var err error
	if q.user, err = q.s.auth.Authenticate(q.Context(), c); err != nil {
		return err
	}
	rest, ok := strings.CutPrefix(q.URL.Path, q.s.opt.Prefix)
	if !ok || rest != "" && rest[0] != '/' {
		return ErrNotFound
	}
	path := strings.Split(strings.Trim(rest, "/"), "/")
	if slices.Contains(path, "") && len(path) > 1 {
		return ErrNotFound
	}
	if path[0] == "" {
		return q.only(q.discovery, http.MethodGet)
	}
	q.root = path[0]
	switch {
	case len(path) == 1:
		return q.only(q.describeRoot, http.MethodGet)
	case len(path) == 3 && path[1] == "status":
		return q.only(func() error { return q.showStatus(path[2]) }, http.MethodGet)
	case path[1] != "collections":
		return ErrNotFound
	case len(path) == 2:
		return q.only(q.listCollections, http.MethodGet)
	}
	if len(path) > 6 {
		return ErrNotFound
	}
	coll, err := q.s.b.Collection(q.Context(), q.user, q.root, path[2])
	if err != nil {
		return err
	}
	switch path = path[3:]; {
	case len(path) == 0:
		return q.only(func() error { q.write(http.StatusOK, coll); return nil }, http.MethodGet)
	case len(path) == 1 && path[0] == "manifest":
		return q.only(func() error { return q.manifest(coll) }, http.MethodGet)
	case len(path) == 1 && path[0] == "objects":
		if q.Method == http.MethodPost {
			return q.add(coll)
		}
		return q.only(func() error { return q.objects(coll) }, http.MethodGet, http.MethodPost)
	case len(path) == 2 && path[0] == "objects":
		if q.Method == http.MethodDelete {
			return q.remove(coll, path[1])
		}
		return q.only(func() error { return q.object(coll, path[1]) }, http.MethodGet, http.MethodDelete)
	case len(path) == 3 && path[0] == "objects" && path[2] == "versions":
		return q.only(func() error { return q.versions(coll, path[1]) }, http.MethodGet)
	}
	return ErrNotFound
}

// only runs get for GET and HEAD; methods are those that the address has.
func (q *request) only(get func() error, methods ...string) error {
	if q.Method != http.MethodGet && q.Method != http.MethodHead {
		q.w.Header().Set("Allow", strings.Join(append(methods, http.MethodHead), ", "))
		return answer(http.StatusMethodNotAllowed, "Method not allowed", "This address takes %s.", strings.Join(methods, ", "))
	}
	if err := q.acceptable(); err != nil {
		return err
	}
	return get()
}

func (q *request) acceptable() error {
	if accepts(q.Header.Values("Accept")) {
		return nil
	}
	return answer(http.StatusNotAcceptable, "Media type not available", "Answers here are of %s alone; the Accept header allows none of it.", MediaType)
}

func (q *request) discovery() error {
	d, err := q.s.b.Discovery(q.Context(), q.user)
	if err != nil {
		return err
	}
	roots := slices.Clone(d.APIRoots)
	for i := range roots {
		roots[i] = q.rootURL(roots[i])
	}
	if d.APIRoots = roots; d.Default != "" {
		d.Default = q.rootURL(d.Default)
	}
	q.write(http.StatusOK, d)
	return nil
}

// rootURL is the address of an API root.
func (q *request) rootURL(name string) string {
	base := q.s.opt.BaseURL
	if base == "" {
		if base = "http://" + q.Host; q.TLS != nil {
			base = "https://" + q.Host
		}
	}
	return base + q.s.opt.Prefix + "/" + name + "/"
}

func (q *request) describeRoot() error {
	r, err := q.s.b.Root(q.Context(), q.user, q.root)
	if err != nil {
		return err
	}
	r.Versions, r.MaxContentLength = []string{MediaType}, q.s.opt.MaxContent
	q.write(http.StatusOK, r)
	return nil
}

func (q *request) listCollections() error {
	cs, err := q.s.b.Collections(q.Context(), q.user, q.root)
	if err != nil {
		return err
	}
	q.write(http.StatusOK, collections{cs})
	return nil
}

func (q *request) showStatus(id string) error {
	st, err := q.s.b.Status(q.Context(), q.user, q.root, id)
	if err != nil {
		return err
	}
	q.write(http.StatusOK, st)
	return nil
}
