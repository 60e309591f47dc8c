// Package web serves a node to people: the console's pages, and the HTTP API
// that the console and the command line share (docs/api.md). In a browser a
// person signs in by one-time link and has a role; on the node's local socket
// the operating system's file permissions are the sign-in.
//
// [New] builds the handlers over a node; [Server.Console] is for the console's
// address, [Server.Local] for the socket. Every operation is registered in one
// table (routes.go) with the roles that may call it, so that what is allowed
// can be read and tested in one place.
package web

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"mime"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/go-webauthn/webauthn/webauthn"

	"parley.example/parley/accord"
	"parley.example/parley/console"
	"parley.example/parley/internal/link"
	"parley.example/parley/internal/node"
)

// policy lets a page load nothing but the console's own files.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
	"font-src 'self'; connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'"

// sessionLife is how long a person stays signed in, and sessionIdle how long
// without doing anything.
const (
	sessionLife = 12 * time.Hour
	sessionIdle = 2 * time.Hour
)

// Server serves one node.
type Server struct {
	node     *node.Node
	version  string
	log      *slog.Logger
	sessions *scs.SessionManager
	mux      *http.ServeMux
	api      huma.API
	taxii    http.Handler        // set by taxiiRoutes
	roles    map[string][]string // by operation; written by routes alone
	opened   map[string]bool     // operations for who has not signed in; written by routes alone
	now      func() time.Time

	passkeys      *webauthn.WebAuthn // nil: they cannot work here
	logins        challenges[webauthn.SessionData]
	registrations challenges[registration]
	enrolments    challenges[string]
	flows         challenges[oidcFlow]
	provider      provider

	stopped  chan struct{} // closed by Stop
	stopOnce sync.Once

	setupMu sync.Mutex
	setup   string // token of the set-up link; empty when none was made or it was used
}

// New builds the handlers. version is what the console shows.
func New(n *node.Node, version string, log *slog.Logger) *Server {
	s := &Server{node: n, version: version, log: log, sessions: scs.New(), mux: http.NewServeMux(), roles: make(map[string][]string), opened: make(map[string]bool), stopped: make(chan struct{}), now: time.Now}
	s.logins.now, s.registrations.now, s.enrolments.now, s.flows.now = s.now, s.now, s.now, s.now
	var err error
	if s.passkeys, err = relyingParty(n.Config()); err != nil {
		log.Error("passkeys cannot be used", "error", err)
	}
	s.sessions.Store = n.Sessions()
	s.sessions.Lifetime, s.sessions.IdleTimeout = sessionLife, sessionIdle
	// Cookies do not tell ports apart; several nodes on one host must.
	s.sessions.Cookie.Name = "parley_" + strings.ReplaceAll(n.Party(), ".", "_")
	s.sessions.Cookie.SameSite = http.SameSiteStrictMode
	s.sessions.Cookie.HttpOnly = true
	s.sessions.Cookie.Secure = n.Config().ConsoleCert != ""
	cfg := huma.DefaultConfig("Parley node", version)
	cfg.OpenAPIPath, cfg.DocsPath, cfg.SchemasPath = "/api/v1/openapi", "", "/api/v1/schemas"
	cfg.CreateHooks = nil // no $schema links in answers
	s.api = humago.New(s.mux, cfg)
	s.routes()
	return s
}

// OpenAPI is the API's description, OpenAPI 3.1 as JSON.
func (s *Server) OpenAPI() ([]byte, error) { return json.MarshalIndent(s.api.OpenAPI(), "", "  ") }

// Console serves browsers: pages without a session, the API with one.
func (s *Server) Console() http.Handler {
	root := http.NewServeMux()
	root.Handle("/api/", s.sessions.LoadAndSave(s.identify(s.mux)))
	root.Handle("/taxii2", s.taxii)
	root.Handle("/taxii2/", s.taxii)
	root.Handle("/", http.HandlerFunc(s.page))
	return secure(http.NewCrossOriginProtection().Handler(root))
}

// Local serves the node's socket: whoever may open it has every right.
func (s *Server) Local() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := context.WithValue(r.Context(), userKey{}, caller{User: node.User{Name: "local", Role: node.Operator}, local: true})
		s.mux.ServeHTTP(w, r.WithContext(ctx))
	})
}

func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		if strings.HasPrefix(r.URL.Path, "/api/") {
			h.Set("Cache-Control", "no-store")
		}
		next.ServeHTTP(w, r)
	})
}

// page serves the console's files, in brotli where the browser takes it.
func (s *Server) page(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	if !console.Built() {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(console.Unbuilt)
		return
	}
	name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
	if name == "" {
		name = "index.html"
	}
	h := w.Header()
	h.Set("Vary", "Accept-Encoding")
	if h.Set("Cache-Control", "no-cache"); strings.HasPrefix(name, "assets/") {
		h.Set("Cache-Control", "public, max-age=31536000, immutable") // the name has the content's digest in it
	}
	h.Set("Content-Type", cmp.Or(mime.TypeByExtension(path.Ext(name)), "application/octet-stream"))
	if slices.ContainsFunc(strings.Split(r.Header.Get("Accept-Encoding"), ","), func(e string) bool {
		return strings.TrimSpace(strings.SplitN(e, ";", 2)[0]) == "br"
	}) {
		if b, err := fs.ReadFile(console.FS, name+".br"); err == nil {
			h.Set("Content-Encoding", "br")
			_, _ = w.Write(b)
			return
		}
	}
	b, err := fs.ReadFile(console.FS, name)
	if err != nil {
		h.Set("Content-Type", "text/plain; charset=utf-8")
		http.Error(w, "there is no such page", http.StatusNotFound)
		return
	}
	_, _ = w.Write(b)
}

type userKey struct{}

// caller is who makes a request.
type caller struct {
	node.User
	local bool
}

// identify finds the person behind a session.
func (s *Server) identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		ctx = context.WithValue(ctx, originKey{}, originOf(r))
		if name := s.sessions.GetString(ctx, "name"); name != "" && s.sessions.GetString(ctx, "locked") == "" {
			// Looked up each time: a role that was changed counts at once, and who was
			// removed is out.
			p, err := s.node.Person(ctx, name)
			if err == nil {
				ctx = context.WithValue(ctx, userKey{}, caller{User: p.User})
			} else if !errors.Is(err, node.ErrNotFound) {
				s.log.Error("looking up a person", "error", err)
			}
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// allow says whether the caller may do what only some roles may.
func allow(ctx context.Context, roles []string) error {
	c, ok := ctx.Value(userKey{}).(caller)
	switch {
	case !ok:
		return huma.Error401Unauthorized("You are not signed in. Ask the node's operator for a one-time link: parley user link")
	case c.local || len(roles) == 0 || slices.Contains(roles, c.Role):
		return nil
	}
	return huma.Error403Forbidden("Your role, " + c.Role + ", may not do this; it is for " + strings.Join(roles, " or ") + ".")
}

// problem turns an error of the node into one for people. What is not meant
// for them goes to the log.
func (s *Server) problem(ctx context.Context, err error) error {
	var known huma.StatusError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return err
	case errors.Is(err, node.ErrNotFound):
		return huma.Error404NotFound(err.Error())
	case errors.Is(err, node.ErrState), errors.Is(err, accord.ErrStale):
		return huma.Error409Conflict(err.Error())
	case errors.Is(err, node.ErrInvalid), errors.Is(err, accord.ErrAccord), errors.Is(err, accord.ErrCard),
		errors.Is(err, accord.ErrStranger), errors.Is(err, link.ErrParcel):
		return huma.Error422UnprocessableEntity(err.Error())
	case ctx.Err() != nil:
		return huma.Error503ServiceUnavailable("the request was given up")
	}
	s.log.Error("request failed", "error", err)
	if c, _ := ctx.Value(userKey{}).(caller); c.local {
		return huma.Error500InternalServerError(err.Error())
	}
	return huma.Error500InternalServerError("The node could not do this. Its log says why.")
}
