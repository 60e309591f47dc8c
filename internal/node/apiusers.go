package node

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"parley.example/parley/internal/store"
	"parley.example/parley/taxii"
)

// docAPIUser keeps programs that may use the TAXII server, by name: APIUser.
const docAPIUser = "apiuser"

// APIUser is a program that may use the TAXII server.
type APIUser struct {
	Name    string  `json:"name"`
	Created string  `json:"created"`
	Grants  []Grant `json:"grants"`
	Hash    string  `json:"hash,omitempty"` // of the token; never shown
}

// Grant lets an API user into one collection.
type Grant struct {
	// Collection is "own", "all" (own and everything that partners released to
	// us), an accord's id (what came under it), or ACCORD/PARTY (copies released
	// to a party that has no node).
	Collection string `json:"collection"`
	Read       bool   `json:"read"`
	Write      bool   `json:"write"`
	// Purpose and LegalBasis are what copies are released for, when the
	// collection is a party's.
	Purpose    string `json:"purpose,omitempty"`
	LegalBasis string `json:"legal_basis,omitempty"`
}

// Collections that a Grant names beside accords.
const (
	OwnCollection  = "own"
	AllCollections = "all"
)

// TokenAsk asks for a token.
type TokenAsk struct {
	Name string `json:"name"`
	// Collections are Grant.Collection with ":r" (also when left out), ":w" or
	// ":rw" behind; accords may be abbreviated.
	Collections []string `json:"collections"`
	Purpose     string   `json:"purpose,omitempty"`
	LegalBasis  string   `json:"legal_basis,omitempty"`
}

// MakeToken makes an API user and returns its token, which is kept nowhere.
// For a name that there is already, the old token ends.
func (n *Node) MakeToken(ctx context.Context, ask TokenAsk) (string, APIUser, error) {
	u := APIUser{Name: ask.Name, Created: stamp(n.now())}
	if u.Name == "" || len(u.Name) > 100 || strings.ContainsAny(u.Name, ":\x00\r\n") {
		return "", u, fmt.Errorf("%w: a token needs a name of at most 100 characters without a colon", ErrInvalid)
	}
	if len(ask.Collections) == 0 {
		return "", u, fmt.Errorf("%w: name the collections: own, all, an accord, or ACCORD/PARTY, each with :r, :w or :rw", ErrInvalid)
	}
	raw := make([]byte, 32)
	if _, err := io.ReadFull(n.opt.Rand, raw); err != nil {
		return "", u, err
	}
	token := base64.RawURLEncoding.EncodeToString(raw)
	u.Hash = hashToken(token)
	err := n.update(ctx, func(tx store.Tx) error {
		u.Grants = nil
		for _, c := range ask.Collections {
			g, err := n.grant(tx, c, ask)
			if err != nil {
				return err
			}
			u.Grants = append(u.Grants, g)
		}
		return putDoc(tx, docAPIUser, u.Name, u)
	})
	u.Hash = ""
	return token, u, err
}

func (n *Node) grant(tx store.Tx, text string, ask TokenAsk) (Grant, error) {
	g := Grant{Read: true}
	name, rights, given := strings.Cut(text, ":")
	if given {
		g.Read, g.Write = strings.Contains(rights, "r"), strings.Contains(rights, "w")
	}
	if given && (!g.Read && !g.Write || strings.Trim(rights, "rw") != "" || len(rights) > 2) {
		return g, fmt.Errorf("%w: rights of %q are r, w or rw", ErrInvalid, clip(text))
	}
	if g.Collection = name; name == OwnCollection || name == AllCollections {
		return g, nil
	}
	if g.Write {
		return g, fmt.Errorf("%w: only our own collection can be written to", ErrInvalid)
	}
	id, party, out := strings.Cut(name, "/")
	pc, err := n.pact(tx, id)
	if err != nil {
		return g, err
	}
	if g.Collection = pc.ID; !out {
		return g, nil
	}
	if !slices.Contains(n.others(pc.Accord), party) {
		return g, fmt.Errorf("%w: %q is not another member of the accord", ErrInvalid, clip(party))
	}
	if !slices.Contains(pc.Terms.Purposes, ask.Purpose) {
		return g, fmt.Errorf("%w: copies for %s need one of the accord's purposes: %s", ErrInvalid, party, strings.Join(pc.Terms.Purposes, ", "))
	}
	g.Collection, g.Purpose, g.LegalBasis = pc.ID+"/"+party, ask.Purpose, ask.LegalBasis
	return g, nil
}

// APIUsers lists the API users by name.
func (n *Node) APIUsers(ctx context.Context) ([]APIUser, error) {
	var out []APIUser
	err := n.view(ctx, func(tx store.Tx) (err error) {
		out, err = listDocs[APIUser](tx, docAPIUser)
		return err
	})
	for i := range out {
		out[i].Hash = ""
	}
	return out, err
}

// RemoveAPIUser ends an API user and its token.
func (n *Node) RemoveAPIUser(ctx context.Context, name string) error {
	return n.update(ctx, func(tx store.Tx) error {
		if _, err := tx.Doc(docAPIUser, name); err != nil {
			return fmt.Errorf("API user %q: %w", clip(name), err)
		}
		return tx.DeleteDoc(docAPIUser, name)
	})
}

// Authenticate implements taxii.Authenticator: Basic with the user's name and
// the token as password, or the token alone. Tokens are 256 random bits, so one
// hash protects them.
func (t *TAXII) Authenticate(ctx context.Context, c taxii.Credentials) (taxii.User, error) {
	users, err := t.users(ctx)
	if err != nil {
		return taxii.User{}, err
	}
	hash := hashToken(c.Secret)
	for _, u := range users {
		if subtle.ConstantTimeCompare([]byte(u.Hash), []byte(hash)) == 1 && (c.Name == "" || c.Name == u.Name) {
			return taxii.User{Name: u.Name}, nil
		}
	}
	return taxii.User{}, taxii.ErrUnauthorized
}

// users returns the API users, read again when they may have changed.
func (t *TAXII) users(ctx context.Context) (map[string]APIUser, error) {
	t.mu.Lock()
	known, now := t.known, t.n.now()
	fresh := now.Before(t.until)
	t.mu.Unlock()
	if fresh {
		return known, nil
	}
	known = make(map[string]APIUser)
	err := t.n.view(ctx, func(tx store.Tx) error {
		all, err := listDocs[APIUser](tx, docAPIUser)
		for _, u := range all {
			known[u.Name] = u
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.known, t.until = known, now.Add(usersLife)
	return known, nil
}

// grantFor finds what a user may do in a collection.
func (t *TAXII) grantFor(ctx context.Context, u taxii.User, c store.Collection) (Grant, error) {
	users, err := t.users(ctx)
	if err != nil {
		return Grant{}, err
	}
	var out Grant
	for _, g := range users[u.Name].Grants {
		in, err := collectionOf(g.Collection)
		if g.Collection == AllCollections && c.To == "" || err == nil && in == c && g.Collection != AllCollections {
			out.Collection = collectionName(c)
			out.Read, out.Write = out.Read || g.Read, out.Write || g.Write && c == store.Collection{}
			if g.Purpose != "" {
				out.Purpose, out.LegalBasis = g.Purpose, g.LegalBasis
			}
		}
	}
	if out.Collection == "" {
		return out, taxii.ErrNotFound
	}
	return out, nil
}

func collectionName(c store.Collection) string {
	switch {
	case c == store.Collection{}:
		return OwnCollection
	case c.To == "":
		return c.Accord
	}
	return c.Accord + "/" + c.To
}

func collectionOf(name string) (store.Collection, error) {
	if name == OwnCollection {
		return store.Collection{}, nil
	}
	id, party, out := strings.Cut(name, "/")
	if id == "" || out && party == "" {
		return store.Collection{}, errors.New("no collection")
	}
	return store.Collection{Accord: id, To: party}, nil
}
