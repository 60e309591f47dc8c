package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"parley.example/parley/internal/store"
)

// docPerson keeps the people who may use the console, by name: Person.
const docPerson = "person"

// Person is somebody who may use the console, with what they sign in by. Only
// what checks a sign-in is kept, never what is typed; the TOTP secret is the
// exception that its standard (RFC 6238) makes.
type Person struct {
	User
	// Handle is what passkeys know the person by: 32 random bytes.
	Handle []byte `json:"handle"`
	Added  string `json:"added"`
	// Passkeys are WebAuthn credentials as the library that checks them writes
	// them.
	Passkeys []Passkey `json:"passkeys,omitempty"`
	// Password is an Argon2id hash in PHC form, TOTP the secret of the six digits
	// that go with it, in base 32. There is none without the other.
	Password string `json:"password,omitempty"`
	TOTP     string `json:"totp,omitempty"`
	// TOTPStep is the 30-second step of the last code that was taken: a code
	// counts once.
	TOTPStep int64 `json:"totp_step,omitempty"`
	// Failed counts wrong passwords or codes since the last right one, and Wait
	// is until when (Unix µs) no further one is looked at.
	Failed int   `json:"failed,omitempty"`
	Wait   int64 `json:"wait,omitempty"`
	// Account is by what an identity provider knows the person (e-mail address
	// or user name); Issuer and Subject are learnt at the first sign-in, and from
	// then on nobody else comes in under that name.
	Account string `json:"account,omitempty"`
	Issuer  string `json:"issuer,omitempty"`
	Subject string `json:"subject,omitempty"`
}

// Passkey is one of a person's passkeys.
type Passkey struct {
	ID         string          `json:"id"` // base64url
	Name       string          `json:"name"`
	Added      string          `json:"added"`
	Used       string          `json:"used,omitempty"`
	Credential json.RawMessage `json:"credential"`
}

// People lists who may use the console, by name.
func (n *Node) People(ctx context.Context) (out []Person, err error) {
	err = n.view(ctx, func(tx store.Tx) error {
		out, err = listDocs[Person](tx, docPerson)
		return err
	})
	return out, err
}

// Person finds somebody who may use the console; ErrNotFound for others.
func (n *Node) Person(ctx context.Context, name string) (p Person, err error) {
	err = n.view(ctx, func(tx store.Tx) error { return getDoc(tx, docPerson, name, &p) })
	return p, err
}

// AddPerson lets somebody use the console, or gives who may already another
// role and, where account is not empty, another account at the identity
// provider. The role counts from the next request on.
func (n *Node) AddPerson(ctx context.Context, u User, account string) (p Person, err error) {
	err = n.update(ctx, func(tx store.Tx) error {
		p, err = n.putPerson(tx, u)
		if err != nil || account == "" || account == p.Account {
			return err
		}
		all, err := listDocs[Person](tx, docPerson)
		if err != nil {
			return err
		}
		for _, o := range all {
			if o.Account == account && o.Name != u.Name {
				return fmt.Errorf("%w: %s signs in by that account already", ErrState, o.Name)
			}
		}
		p.Account, p.Issuer, p.Subject = account, "", ""
		return putDoc(tx, docPerson, p.Name, p)
	})
	return p, err
}

func (n *Node) putPerson(tx store.Tx, u User) (Person, error) {
	if u.Name == "" || u.Name != strings.TrimSpace(u.Name) || len(u.Name) > 100 || strings.ContainsAny(u.Name, "\x00\r\n\t") || !slices.Contains(Roles, u.Role) {
		return Person{}, fmt.Errorf("%w: a person needs a name of at most 100 bytes and one of the roles %v", ErrInvalid, Roles)
	}
	var p Person
	err := getDoc(tx, docPerson, u.Name, &p)
	if errors.Is(err, store.ErrNotFound) {
		p = Person{Handle: make([]byte, 32), Added: stamp(n.now())}
		_, err = io.ReadFull(n.opt.Rand, p.Handle)
	}
	if err != nil || p.User == u {
		return p, err
	}
	p.User = u
	return p, putDoc(tx, docPerson, u.Name, p)
}

// ChangePerson lets change edit what is kept of a person, in one transaction.
// What change returns is returned, and nothing is written unless it is nil.
func (n *Node) ChangePerson(ctx context.Context, name string, change func(*Person) error) (p Person, err error) {
	err = n.update(ctx, func(tx store.Tx) error {
		p = Person{}
		if err := getDoc(tx, docPerson, name, &p); err != nil {
			return err
		}
		if err := change(&p); err != nil {
			return err
		}
		return putDoc(tx, docPerson, name, p)
	})
	return p, err
}

// RemovePerson lets somebody in no more; the next request of their sessions is
// refused. The last operator stays, so that somebody can let people in.
func (n *Node) RemovePerson(ctx context.Context, name string) error {
	return n.update(ctx, func(tx store.Tx) error {
		all, err := listDocs[Person](tx, docPerson)
		if err != nil {
			return err
		}
		var found *Person
		operators := 0
		for i, p := range all {
			if p.Name == name {
				found = &all[i]
			}
			if p.Role == Operator {
				operators++
			}
		}
		switch {
		case found == nil:
			return fmt.Errorf("%w: nobody here is called %q", ErrNotFound, clip(name))
		case found.Role == Operator && operators == 1:
			return fmt.Errorf("%w: %s is the last operator; make somebody else operator first", ErrState, name)
		}
		return tx.DeleteDoc(docPerson, name)
	})
}
