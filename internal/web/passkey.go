package web

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"parley.example/parley/internal/node"
)

// errPasskey is what people learn when a passkey is not taken, whatever it was.
var errPasskey = huma.Error401Unauthorized("This passkey was not accepted. Try again, or sign in another way.")

// passkeyOrigin is where passkeys work: WebAuthn binds them to a host name, so
// the console of a loopback address must be opened as localhost. Empty where
// the console has no name.
func passkeyOrigin(cfg node.Config) string {
	u, err := url.Parse(cfg.ConsoleURL())
	if err != nil {
		return ""
	}
	ip := net.ParseIP(u.Hostname())
	switch {
	case ip == nil:
		return u.Scheme + "://" + u.Host
	case ip.IsLoopback():
		return u.Scheme + "://" + net.JoinHostPort("localhost", u.Port())
	}
	return ""
}

// relyingParty is this node as WebAuthn sees it; nil where passkeys cannot work.
func relyingParty(cfg node.Config) (*webauthn.WebAuthn, error) {
	origin := passkeyOrigin(cfg)
	if origin == "" {
		return nil, nil
	}
	u, err := url.Parse(origin)
	if err != nil {
		return nil, err
	}
	return webauthn.New(&webauthn.Config{
		RPID: u.Hostname(), RPDisplayName: "Parley · " + cfg.Name, RPOrigins: []string{origin},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, UserVerification: protocol.VerificationRequired,
		},
	})
}

// holder is a person as the WebAuthn library wants to see one.
type holder struct{ node.Person }

func (h holder) WebAuthnID() []byte          { return h.Handle }
func (h holder) WebAuthnName() string        { return h.Name }
func (h holder) WebAuthnDisplayName() string { return h.Name }
func (h holder) WebAuthnCredentials() []webauthn.Credential {
	var out []webauthn.Credential
	for _, k := range h.Passkeys {
		var c webauthn.Credential
		if json.Unmarshal(k.Credential, &c) == nil {
			out = append(out, c)
		}
	}
	return out
}

// registration is a passkey that is being made.
type registration struct {
	webauthn.SessionData
	name string // whose
}

var noPasskeys = huma.Error409Conflict("Passkeys need the console under a host name. Set console_origin in node.json to the address that people type.")

func (s *Server) passkeyRoutes() {
	open(s, "POST", "/session/passkey/begin", "begin-passkey", func(_ context.Context, _ *none) (*output[*protocol.CredentialAssertion], error) {
		if s.passkeys == nil {
			return nil, noPasskeys
		}
		ask, data, err := s.passkeys.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
		if err != nil {
			return nil, err
		}
		s.logins.put(data.Challenge, *data)
		return &output[*protocol.CredentialAssertion]{ask}, nil
	})
	open(s, "POST", "/session/passkey", "sign-in-by-passkey", func(ctx context.Context, in *rawBody) (*output[sessionView], error) {
		p, err := s.checkPasskey(ctx, in.Body)
		if err != nil {
			return nil, err
		}
		return s.enter(ctx, p.User, "passkey")
	})
	handle(s, "POST", "/me/passkeys/begin", "begin-adding-passkey", anyone, func(ctx context.Context, _ *none) (*protocol.CredentialCreation, error) {
		if s.passkeys == nil {
			return nil, noPasskeys
		}
		p, err := s.node.Person(ctx, who(ctx).Name)
		if err != nil {
			return nil, err
		}
		var have []protocol.CredentialDescriptor
		for _, c := range (holder{p}).WebAuthnCredentials() {
			have = append(have, c.Descriptor())
		}
		ask, data, err := s.passkeys.BeginRegistration(holder{p}, webauthn.WithExclusions(have))
		if err != nil {
			return nil, err
		}
		s.registrations.put(data.Challenge, registration{*data, p.Name})
		return ask, nil
	})
	handle(s, "POST", "/me/passkeys", "add-passkey", anyone, func(ctx context.Context, in *rawNamed) (meView, error) {
		got, err := protocol.ParseCredentialCreationResponseBytes(in.Body)
		if err != nil {
			return meView{}, errPasskey
		}
		me := who(ctx).Name
		begun, ok := s.registrations.take(got.Response.CollectedClientData.Challenge)
		if !ok || begun.name != me || s.passkeys == nil {
			return meView{}, errPasskey
		}
		p, err := s.node.ChangePerson(ctx, me, func(p *node.Person) error {
			made, err := s.passkeys.CreateCredential(holder{*p}, begun.SessionData, got)
			if err != nil {
				s.log.Info("a passkey was not accepted", "person", me, "error", err)
				return errPasskey
			}
			raw, err := json.Marshal(made)
			if err != nil {
				return err
			}
			if len(p.Passkeys) >= 20 {
				return huma.Error409Conflict("There are twenty passkeys already. Remove one that you do not use.")
			}
			name := strings.TrimSpace(in.Name)
			if name == "" {
				name = fmt.Sprintf("Passkey %d", len(p.Passkeys)+1)
			}
			p.Passkeys = append(p.Passkeys, node.Passkey{ID: base64.RawURLEncoding.EncodeToString(made.ID), Name: name, Added: stampNow(), Credential: raw})
			return nil
		})
		return s.me(p), err
	})
	handle(s, "DELETE", "/me/passkeys/{id}", "remove-passkey", anyone, func(ctx context.Context, in *byID) (meView, error) {
		p, err := s.node.ChangePerson(ctx, who(ctx).Name, func(p *node.Person) error {
			before := len(p.Passkeys)
			p.Passkeys = slices.DeleteFunc(p.Passkeys, func(k node.Passkey) bool { return k.ID == in.ID })
			if len(p.Passkeys) == before {
				return node.ErrNotFound
			}
			return nil
		})
		return s.me(p), err
	})
}

// checkPasskey finds the person whose passkey answered a challenge of ours.
func (s *Server) checkPasskey(ctx context.Context, raw []byte) (node.Person, error) {
	var none node.Person
	got, err := protocol.ParseCredentialRequestResponseBytes(raw)
	if err != nil || s.passkeys == nil {
		return none, errPasskey
	}
	data, ok := s.logins.take(got.Response.CollectedClientData.Challenge)
	if !ok {
		return none, errPasskey
	}
	all, err := s.node.People(ctx)
	if err != nil {
		return none, s.problem(ctx, err)
	}
	user, used, err := s.passkeys.ValidatePasskeyLogin(func(_, handle []byte) (webauthn.User, error) {
		for _, p := range all {
			if bytes.Equal(p.Handle, handle) {
				return holder{p}, nil
			}
		}
		return nil, node.ErrNotFound
	}, data, got)
	if err != nil {
		s.log.Info("a passkey was not accepted", "error", err)
		return none, errPasskey
	}
	return s.node.ChangePerson(ctx, user.WebAuthnName(), func(p *node.Person) error {
		raw, err := json.Marshal(used)
		if err != nil {
			return err
		}
		id := base64.RawURLEncoding.EncodeToString(used.ID)
		at := slices.IndexFunc(p.Passkeys, func(k node.Passkey) bool { return k.ID == id })
		// A counter that went back is a key that was copied (WebAuthn §7.2, step 22).
		if at < 0 || used.Authenticator.CloneWarning {
			return errPasskey
		}
		p.Passkeys[at].Credential, p.Passkeys[at].Used = raw, stampNow()
		return nil
	})
}

func stampNow() string { return time.Now().UTC().Format(time.RFC3339) }
