package taxii

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// Credentials are what a request presents: a name and a password (Basic), or
// a token alone (Bearer).
type Credentials struct {
	Name   string // empty with a token alone
	Secret string
}

// Authenticator says who presents credentials. Comparing must take the same
// time however much of a secret is right.
type Authenticator interface {
	// Authenticate returns ErrUnauthorized where they are not valid.
	Authenticate(ctx context.Context, c Credentials) (User, error)
}

// credentials reads the Authorization header; ok is false where there is none
// that can be read.
func credentials(r *http.Request) (c Credentials, ok bool) {
	scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	rest = strings.TrimSpace(rest)
	switch strings.ToLower(scheme) {
	case "basic":
		b, err := base64.StdEncoding.DecodeString(rest)
		if err != nil || !utf8.Valid(b) {
			return c, false
		}
		c.Name, c.Secret, ok = strings.Cut(string(b), ":")
		return c, ok && c.Secret != ""
	case "bearer", "token": // the common Python client says Token
		return Credentials{Secret: rest}, rest != ""
	}
	return c, false
}

// CachedAuth wraps an Authenticator whose checks are dear, such as password
// hashes, and remembers valid credentials for a time. It keeps a keyed hash of
// them, not themselves.
type CachedAuth struct {
	next Authenticator
	life time.Duration
	now  func() time.Time
	key  [32]byte

	mu    sync.Mutex // guards known
	known map[[32]byte]cachedUser
}

type cachedUser struct {
	user  User
	until time.Time
}

// maxCached bounds how many credentials are remembered.
const maxCached = 10_000

// NewCachedAuth returns a cache before next. life is how long a credential
// that was revoked may go on working, unless Forget is called.
func NewCachedAuth(next Authenticator, life time.Duration) *CachedAuth {
	c := &CachedAuth{next: next, life: life, now: time.Now, known: make(map[[32]byte]cachedUser)}
	_, _ = rand.Read(c.key[:]) // never fails (crypto/rand)
	return c
}

// Forget empties the cache, after users changed.
func (a *CachedAuth) Forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.known)
}

// Authenticate implements Authenticator.
func (a *CachedAuth) Authenticate(ctx context.Context, c Credentials) (User, error) {
	h := hmac.New(sha256.New, a.key[:])
	h.Write([]byte(c.Name + "\x00" + c.Secret))
	id := [32]byte(h.Sum(nil))
	a.mu.Lock()
	got, ok := a.known[id]
	a.mu.Unlock()
	if ok && a.now().Before(got.until) {
		return got.user, nil
	}
	u, err := a.next.Authenticate(ctx, c)
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case err == nil:
		if len(a.known) >= maxCached {
			clear(a.known)
		}
		a.known[id] = cachedUser{u, a.now().Add(a.life)}
	case errors.Is(err, ErrUnauthorized):
		delete(a.known, id)
	}
	return u, err
}
