package node

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"time"

	"parley.example/parley/internal/store"
)

// Roles of people at the console. An operator at the node's own socket has
// every right; in the browser each role sees and does its own.
const (
	Officer  = "officer"
	Analyst  = "analyst"
	Approver = "approver"
	Operator = "operator"
	Auditor  = "auditor"
)

// Roles lists them.
var Roles = []string{Officer, Analyst, Approver, Operator, Auditor}

// User is somebody who signed in.
type User struct {
	Name string `json:"name"`
	Role string `json:"role"`
}

const (
	docSignIn  = "signin"  // by hash of the token: signIn
	docSession = "session" // by hash of the session token: session
	signInLife = 24 * time.Hour
)

type signIn struct {
	User
	Expires int64 `json:"expires"` // Unix µs
}

type session struct {
	Data    []byte `json:"data"`
	Expires int64  `json:"expires"`
}

// hashToken is how tokens are kept: whoever reads the database cannot sign in.
func hashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// SignInLink makes a link that signs a person in once, within a day. Who is not
// known yet is let in with that role, who is gets it.
func (n *Node) SignInLink(ctx context.Context, u User) (string, error) {
	raw := make([]byte, 24)
	if _, err := io.ReadFull(n.opt.Rand, raw); err != nil {
		return "", err
	}
	token := base64.RawURLEncoding.EncodeToString(raw)
	err := n.update(ctx, func(tx store.Tx) error {
		if _, err := n.putPerson(tx, u); err != nil {
			return err
		}
		return putDoc(tx, docSignIn, hashToken(token), signIn{u, n.now().Add(signInLife).UnixMicro()})
	})
	// In the fragment: it reaches no log and no other server.
	return n.cfg.ConsoleURL() + "/#token=" + token, err
}

// SignIn redeems the token of a link. A token that was used, expired or never
// given, or whose person was removed since, is ErrNotFound, all alike.
func (n *Node) SignIn(ctx context.Context, token string) (User, error) {
	var s signIn
	var p Person
	err := n.update(ctx, func(tx store.Tx) error {
		if err := getDoc(tx, docSignIn, hashToken(token), &s); err != nil {
			return err
		}
		if err := getDoc(tx, docPerson, s.Name, &p); err != nil {
			return err
		}
		return tx.DeleteDoc(docSignIn, hashToken(token))
	})
	if err == nil && n.now().UnixMicro() > s.Expires {
		err = store.ErrNotFound
	}
	return p.User, err
}

// Sessions keeps browser sessions in the node's database, so that they outlive
// a restart. It implements the session library's store.
type Sessions struct{ n *Node }

// Sessions returns the node's session store.
func (n *Node) Sessions() Sessions { return Sessions{n} }

// FindCtx returns a session's data; found is false when it is unknown or over.
func (s Sessions) FindCtx(ctx context.Context, token string) (data []byte, found bool, err error) {
	var row session
	err = s.n.view(ctx, func(tx store.Tx) error { return getDoc(tx, docSession, hashToken(token), &row) })
	if errors.Is(err, store.ErrNotFound) {
		return nil, false, nil
	}
	return row.Data, err == nil && s.n.now().UnixMicro() <= row.Expires, err
}

// CommitCtx stores a session.
func (s Sessions) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	// Not n.update: that somebody looked is no change that others are told of.
	return s.n.st.Update(ctx, func(tx store.Tx) error {
		return putDoc(tx, docSession, hashToken(token), session{data, expiry.UnixMicro()})
	})
}

// DeleteCtx ends a session.
func (s Sessions) DeleteCtx(ctx context.Context, token string) error {
	if err := s.End(ctx, hashToken(token)); !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return nil
}

// Session is one browser session as it is kept.
type Session struct {
	ID   string // names it; nobody can sign in with it
	Data []byte // the session library's
}

// List returns the sessions that are not over, and forgets those that are.
func (s Sessions) List(ctx context.Context) (out []Session, err error) {
	var over []string
	now := s.n.now().UnixMicro()
	err = s.n.view(ctx, func(tx store.Tx) error {
		out, over = nil, nil
		docs, err := tx.ListDocs(docSession)
		for _, d := range docs {
			var row session
			if json.Unmarshal(d.Body, &row) != nil || row.Expires < now {
				over = append(over, d.ID)
				continue
			}
			out = append(out, Session{d.ID, row.Data})
		}
		return err
	})
	for _, id := range over {
		err = errors.Join(err, s.End(ctx, id))
	}
	return out, err
}

// ID is the id of the session with that token.
func (s Sessions) ID(token string) string { return hashToken(token) }

// End ends the session of that id.
func (s Sessions) End(ctx context.Context, id string) error {
	return s.n.update(ctx, func(tx store.Tx) error { return tx.DeleteDoc(docSession, id) })
}

// Find, Commit and Delete are FindCtx, CommitCtx and DeleteCtx without a
// context, which the session library asks for besides.
func (s Sessions) Find(token string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), token)
}

// Commit stores a session.
func (s Sessions) Commit(token string, data []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), token, data, expiry)
}

// Delete ends a session.
func (s Sessions) Delete(token string) error { return s.DeleteCtx(context.Background(), token) }
