package web

import (
	"context"

	"parley.example/parley/internal/node"
)

// personView is somebody who may use the console, as an operator sees them:
// what they sign in by, and nothing of what is secret about it.
type personView struct {
	node.User
	Added    string `json:"added"`
	Passkeys int    `json:"passkeys"`
	Password bool   `json:"password"`
	Account  string `json:"account" doc:"e-mail address or name at the identity provider"`
	Known    bool   `json:"known" doc:"the identity provider has vouched for that account before"`
	Link     string `json:"link,omitempty" doc:"one-time link, in the answer that made it alone"`
}

func viewOf(p node.Person) personView {
	return personView{User: p.User, Added: p.Added, Passkeys: len(p.Passkeys), Password: p.Password != "", Account: p.Account, Known: p.Subject != ""}
}

func (s *Server) peopleRoutes() {
	n := s.node
	type byName struct {
		Name string `path:"name" maxLength:"200"`
	}
	handle(s, "GET", "/people", "list-people", operator, func(ctx context.Context, _ *none) (out struct {
		People []personView `json:"people"`
	}, err error) {
		all, err := n.People(ctx)
		out.People = []personView{}
		for _, p := range all {
			out.People = append(out.People, viewOf(p))
		}
		return out, err
	})
	handle(s, "POST", "/people", "add-person", operator, func(ctx context.Context, in *input[struct {
		node.User
		Account string `json:"account,omitempty" maxLength:"200"`
		Link    bool   `json:"link,omitempty" doc:"make a one-time link, too"`
	}]) (personView, error) {
		p, err := n.AddPerson(ctx, in.Body.User, in.Body.Account)
		if err != nil {
			return personView{}, err
		}
		v := viewOf(p)
		if in.Body.Link {
			v.Link, err = n.SignInLink(ctx, p.User)
		}
		return v, err
	})
	handle(s, "DELETE", "/people/{name}", "remove-person", operator, func(ctx context.Context, in *byName) (none, error) {
		return none{}, n.RemovePerson(ctx, in.Name)
	})
}
