package web

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"net"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"parley.example/parley/internal/node"
)

// rawBody is a request's body that another library reads.
type rawBody = input[json.RawMessage]

type rawNamed struct {
	Name string `query:"name" maxLength:"60" doc:"what the person calls it"`
	Body json.RawMessage
}

// open registers an operation for who has not signed in.
func open[I, O any](s *Server, method, path, id string, do func(context.Context, *I) (*O, error)) {
	s.opened[id] = true
	huma.Register(s.api, huma.Operation{
		OperationID: id, Method: method, Path: "/api/v1" + path, Summary: id, MaxBodyBytes: 64 << 10, SkipValidateBody: true,
	}, do)
}

// enter makes the caller's browser session that of a person.
func (s *Server) enter(ctx context.Context, u node.User, how string) (*output[sessionView], error) {
	if err := s.sessions.RenewToken(ctx); err != nil {
		return nil, s.problem(ctx, err)
	}
	where, _ := ctx.Value(originKey{}).(origin)
	for key, value := range map[string]string{"name": u.Name, "how": how, "at": stampNow(), "agent": clip(where.agent), "from": where.host, "locked": ""} {
		s.sessions.Put(ctx, key, value)
	}
	v, err := s.session(ctx, u)
	return &output[sessionView]{v}, s.problem(ctx, err)
}

func clip(s string) string { return s[:min(len(s), 200)] }

type originKey struct{}

// origin is from where a request comes.
type origin struct {
	host, agent string
	loopback    bool
}

func originOf(r *http.Request) origin {
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	// Behind a proxy everything seems to come from this machine.
	forwarded := cmp.Or(r.Header.Get("Forwarded"), r.Header.Get("X-Forwarded-For"))
	return origin{host, r.UserAgent(), net.ParseIP(host).IsLoopback() && forwarded == ""}
}

// waysView says how one can sign in here, to who has not yet.
type waysView struct {
	Name     string `json:"name"`
	Mark     string `json:"mark"`
	Passkey  string `json:"passkey" doc:"the origin at which passkeys work; empty: nowhere"`
	Password bool   `json:"password"`
	OIDC     string `json:"oidc" doc:"name of the identity provider; empty: none"`
	Locked   string `json:"locked" doc:"whose session of this browser is locked"`
}

// meView is what somebody signs in by, for themselves.
type meView struct {
	node.User
	Passkeys []passkeyView `json:"passkeys"`
	Password bool          `json:"password"`
	Account  string        `json:"account"`
	Origin   string        `json:"origin" doc:"where passkeys work; empty: nowhere"`
}

type passkeyView struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Added string `json:"added"`
	Used  string `json:"used"`
}

func (s *Server) me(p node.Person) meView {
	v := meView{User: p.User, Passkeys: []passkeyView{}, Password: p.Password != "", Account: p.Account, Origin: passkeyOrigin(s.node.Config())}
	for _, k := range p.Passkeys {
		v.Passkeys = append(v.Passkeys, passkeyView{k.ID, k.Name, k.Added, k.Used})
	}
	return v
}

// browserSession is a session that somebody has open.
type browserSession struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	How    string `json:"how" enum:"link,setup,passkey,password,oidc"`
	At     string `json:"at"`
	Until  string `json:"until"`
	From   string `json:"from"`
	Agent  string `json:"agent"`
	Locked bool   `json:"locked"`
	Here   bool   `json:"here" doc:"the one that asks"`
}

func (s *Server) listSessions(ctx context.Context, whose string) ([]browserSession, error) {
	kept, err := s.node.Sessions().List(ctx)
	out := []browserSession{}
	here := s.node.Sessions().ID(s.sessions.Token(ctx))
	for _, k := range kept {
		until, values, err := s.sessions.Codec.Decode(k.Data)
		text := func(key string) string { t, _ := values[key].(string); return t }
		if err != nil || text("name") == "" || whose != "" && text("name") != whose {
			continue
		}
		out = append(out, browserSession{k.ID, text("name"), text("how"), text("at"), until.UTC().Format("2006-01-02T15:04:05Z"),
			text("from"), text("agent"), text("locked") != "", k.ID == here})
	}
	slices.SortFunc(out, func(a, b browserSession) int { return cmp.Or(cmp.Compare(b.At, a.At), cmp.Compare(a.ID, b.ID)) })
	return out, err
}

func (s *Server) sessionRoutes() {
	handle(s, "GET", "/session", "show-session", anyone, func(ctx context.Context, _ *none) (sessionView, error) {
		return s.session(ctx, who(ctx))
	})
	open(s, "GET", "/session/ways", "list-ways", func(ctx context.Context, _ *none) (*output[waysView], error) {
		cfg := s.node.Config()
		v := waysView{Name: cfg.Name, Mark: cfg.Mark, Passkey: passkeyOrigin(cfg)}
		if cfg.OIDC != nil {
			v.OIDC = cmp.Or(cfg.OIDC.Name, cfg.OIDC.Issuer)
		}
		if s.sessions.GetString(ctx, "locked") != "" {
			v.Locked = s.sessions.GetString(ctx, "name")
		}
		all, err := s.node.People(ctx)
		v.Password = slices.ContainsFunc(all, func(p node.Person) bool { return p.Password != "" })
		return &output[waysView]{v}, s.problem(ctx, err)
	})
	open(s, "POST", "/session", "sign-in", func(ctx context.Context, in *input[struct {
		Token string `json:"token" maxLength:"200"`
	}]) (*output[sessionView], error) {
		u, err := s.node.SignIn(ctx, in.Body.Token)
		if err != nil {
			return nil, huma.Error401Unauthorized("This link was used already or has expired. Ask the node's operator for a new one: parley user link")
		}
		return s.enter(ctx, u, "link")
	})
	open(s, "POST", "/session/setup", "set-up", func(ctx context.Context, in *input[struct {
		Token string `json:"token" maxLength:"200"`
		Name  string `json:"name" maxLength:"100" doc:"of the first operator"`
	}]) (*output[sessionView], error) {
		if where, _ := ctx.Value(originKey{}).(origin); !where.loopback {
			return nil, huma.Error403Forbidden("The set-up page works on the node's own machine alone. From elsewhere use: parley user link --role operator")
		}
		u, err := s.setUp(ctx, in.Body.Token, in.Body.Name)
		if err != nil {
			return nil, s.problem(ctx, err)
		}
		return s.enter(ctx, u, "setup")
	})
	huma.Register(s.api, huma.Operation{OperationID: "sign-out", Method: "DELETE", Path: "/api/v1/session", Summary: "sign out", DefaultStatus: 204},
		func(ctx context.Context, _ *none) (*none, error) {
			return nil, s.problem(ctx, s.sessions.Destroy(ctx))
		})
	s.opened["sign-out"] = true
	handle(s, "POST", "/session/lock", "lock-session", anyone, func(ctx context.Context, _ *none) (none, error) {
		s.sessions.Put(ctx, "locked", stampNow())
		return none{}, nil
	})
	handle(s, "GET", "/me", "show-me", anyone, func(ctx context.Context, _ *none) (meView, error) {
		p, err := s.node.Person(ctx, who(ctx).Name)
		return s.me(p), err
	})
	type sessionsView struct {
		Sessions []browserSession `json:"sessions"`
	}
	handle(s, "GET", "/me/sessions", "list-my-sessions", anyone, func(ctx context.Context, _ *none) (sessionsView, error) {
		got, err := s.listSessions(ctx, who(ctx).Name)
		return sessionsView{got}, err
	})
	end := func(ctx context.Context, id, whose string) error {
		all, err := s.listSessions(ctx, whose)
		if err == nil && !slices.ContainsFunc(all, func(b browserSession) bool { return b.ID == id }) {
			err = node.ErrNotFound
		}
		if err == nil {
			err = s.node.Sessions().End(ctx, id)
		}
		return err
	}
	handle(s, "DELETE", "/me/sessions/{id}", "end-my-session", anyone, func(ctx context.Context, in *byID) (none, error) {
		return none{}, end(ctx, in.ID, who(ctx).Name)
	})
	handle(s, "GET", "/sessions", "list-sessions", operator, func(ctx context.Context, _ *none) (sessionsView, error) {
		got, err := s.listSessions(ctx, "")
		return sessionsView{got}, err
	})
	handle(s, "DELETE", "/sessions/{id}", "end-session", operator, func(ctx context.Context, in *byID) (none, error) {
		return none{}, end(ctx, in.ID, "")
	})
	s.passkeyRoutes()
	s.passwordRoutes()
	s.oidcRoutes()
	s.peopleRoutes()
}

// SetupLink is the one-time link to the page where the first operator of a new
// node says who they are; empty where the node has people already. It works
// until this process ends, and from this machine alone.
func (s *Server) SetupLink(ctx context.Context) (string, error) {
	all, err := s.node.People(ctx)
	if err != nil || len(all) > 0 {
		return "", err
	}
	s.setupMu.Lock()
	defer s.setupMu.Unlock()
	if s.setup == "" {
		s.setup = rand.Text()
	}
	at := cmp.Or(passkeyOrigin(s.node.Config()), s.node.Config().ConsoleURL())
	return at + "/#setup=" + s.setup, nil
}

func (s *Server) setUp(ctx context.Context, token, name string) (node.User, error) {
	s.setupMu.Lock()
	defer s.setupMu.Unlock()
	all, err := s.node.People(ctx)
	if err != nil {
		return node.User{}, err
	}
	if s.setup == "" || token != s.setup || len(all) > 0 {
		return node.User{}, huma.Error401Unauthorized("This set-up link was used or is of an earlier start. Use the newest that parley serve printed, or: parley user link --role operator")
	}
	p, err := s.node.AddPerson(ctx, node.User{Name: name, Role: node.Operator}, "")
	if err == nil {
		s.setup = ""
	}
	return p.User, err
}
