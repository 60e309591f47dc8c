package web

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"parley.example/parley/internal/node"
)

// provider is the identity provider, found when it is first needed: it may be
// out of reach when the node starts.
type provider struct {
	mu       sync.Mutex
	oauth    *oauth2.Config
	verifier *oidc.IDTokenVerifier
}

// oidcFlow is a sign-in that a browser was sent to the provider with.
type oidcFlow struct{ nonce, verifier string }

const (
	oidcCookie  = "parley_oidc"
	oidcPatient = 15 * time.Second
)

func (s *Server) identityProvider(ctx context.Context) (*oauth2.Config, *oidc.IDTokenVerifier, error) {
	cfg := s.node.Config()
	if cfg.OIDC == nil {
		return nil, nil, node.ErrNotFound
	}
	p := &s.provider
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.oauth != nil {
		return p.oauth, p.verifier, nil
	}
	// Keys are fetched later, too, so the context must outlive this request.
	found, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), &http.Client{Timeout: oidcPatient}), cfg.OIDC.Issuer)
	if err != nil {
		return nil, nil, fmt.Errorf("identity provider: %w", err)
	}
	secret := []byte{}
	if cfg.OIDC.SecretFile != "" {
		if secret, err = os.ReadFile(cfg.OIDC.SecretFile); err != nil {
			return nil, nil, fmt.Errorf("identity provider: %w", err)
		}
	}
	p.oauth = &oauth2.Config{
		ClientID: cfg.OIDC.Client, ClientSecret: strings.TrimSpace(string(secret)), Endpoint: found.Endpoint(),
		RedirectURL: cfg.ConsoleURL() + "/api/v1/session/oidc/callback", Scopes: []string{oidc.ScopeOpenID, "email", "profile"},
	}
	p.verifier = found.Verifier(&oidc.Config{ClientID: cfg.OIDC.Client})
	return p.oauth, p.verifier, nil
}

// moved sends the browser on.
type moved struct {
	Status    int
	Location  string      `header:"Location"`
	SetCookie http.Cookie `header:"Set-Cookie"`
}

func (s *Server) oidcRoutes() {
	open(s, "GET", "/session/oidc", "begin-oidc", func(ctx context.Context, _ *none) (*moved, error) {
		oauth, _, err := s.identityProvider(ctx)
		if err != nil {
			return s.oidcFailed(err), nil
		}
		state, flow := rand.Text(), oidcFlow{rand.Text(), oauth2.GenerateVerifier()}
		s.flows.put(state, flow)
		return &moved{http.StatusFound, oauth.AuthCodeURL(state, oidc.Nonce(flow.nonce), oauth2.S256ChallengeOption(flow.verifier)), s.oidcState(state, 300)}, nil
	})
	open(s, "GET", "/session/oidc/callback", "finish-oidc", func(ctx context.Context, in *struct {
		Code   string `query:"code" maxLength:"4000"`
		State  string `query:"state" maxLength:"100"`
		Cookie string `cookie:"parley_oidc"`
	}) (*moved, error) {
		flow, ok := s.flows.take(in.State)
		if !ok || in.Cookie != in.State || in.Code == "" {
			return s.oidcFailed(errors.New("the answer belongs to no sign-in of this browser, or the provider refused")), nil
		}
		p, err := s.checkOIDC(ctx, flow, in.Code)
		if err == nil {
			_, err = s.enter(ctx, p.User, "oidc")
		}
		if err != nil {
			return s.oidcFailed(err), nil
		}
		return &moved{http.StatusFound, "/", s.oidcState("", -1)}, nil
	})
}

// oidcState binds a sign-in to the browser that began it. The provider leads
// back from another site, so the cookie cannot be strict.
func (s *Server) oidcState(state string, age int) http.Cookie {
	return http.Cookie{Name: oidcCookie, Value: state, Path: "/api/v1/session/oidc", MaxAge: age, HttpOnly: true, Secure: s.sessions.Cookie.Secure, SameSite: http.SameSiteLaxMode}
}

// oidcFailed leads back to the sign-in page. The reason goes to the log: it may
// say who there is.
func (s *Server) oidcFailed(err error) *moved {
	s.log.Info("a sign-in by the identity provider failed", "error", err)
	return &moved{http.StatusFound, "/#/?sign-in=refused", s.oidcState("", -1)}
}

// checkOIDC finds the person whom the provider vouches for.
func (s *Server) checkOIDC(ctx context.Context, flow oidcFlow, code string) (node.Person, error) {
	var none node.Person
	oauth, verifier, err := s.identityProvider(ctx)
	if err != nil {
		return none, err
	}
	ctx, cancel := context.WithTimeout(ctx, oidcPatient)
	defer cancel()
	got, err := oauth.Exchange(ctx, code, oauth2.VerifierOption(flow.verifier))
	if err != nil {
		return none, err
	}
	raw, _ := got.Extra("id_token").(string)
	token, err := verifier.Verify(ctx, raw)
	if err != nil {
		return none, err
	}
	if token.Nonce != flow.nonce {
		return none, errors.New("the token was made for another sign-in")
	}
	claims := make(map[string]any)
	if err := token.Claims(&claims); err != nil {
		return none, err
	}
	claim := cmp.Or(s.node.Config().OIDC.Claim, "email")
	account, _ := claims[claim].(string)
	if verified, _ := claims["email_verified"].(bool); account == "" || claim == "email" && !verified {
		return none, fmt.Errorf("the token has no verified claim %q", claim)
	}
	all, err := s.node.People(ctx)
	if err != nil {
		return none, err
	}
	for _, p := range all {
		if p.Account != account {
			continue
		}
		return s.node.ChangePerson(ctx, p.Name, func(p *node.Person) error {
			if p.Subject != "" && (p.Subject != token.Subject || p.Issuer != token.Issuer) {
				return fmt.Errorf("%s belongs to another subject now", account)
			}
			p.Issuer, p.Subject = token.Issuer, token.Subject
			return nil
		})
	}
	return none, fmt.Errorf("nobody here has the account %q", account)
}
