package cli

import (
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"parley.example/parley/internal/node"
)

func (a *app) tokenCmd() *cobra.Command {
	var ask node.TokenAsk
	c := &cobra.Command{
		Use: "token", Short: "Make a token for a program that uses the node's TAXII server; it is shown once", Args: cobra.NoArgs,
		Long: `Make a token for a program that uses the node's TAXII server at /taxii2/ of the console's address.
The program sends it as Bearer token, or with the name as user and the token as password.

Collections, each followed by :r (also when left out), :w or :rw:
  own            the node's own objects
  all            own and everything that partners released to us
  ACCORD         what came under an accord
  ACCORD/PARTY   copies for a party that has no node; the gate decides on each object for --purpose`,
		RunE: func(c *cobra.Command, _ []string) error {
			var out struct {
				Token string       `json:"token"`
				User  node.APIUser `json:"user"`
			}
			if err := a.client().Post(c.Context(), "/tokens", ask, &out); err != nil {
				return err
			}
			return a.show(out, func(w io.Writer) { fmt.Fprintln(w, out.Token) })
		},
	}
	f := c.Flags()
	f.StringVar(&ask.Name, "name", "", "the program's name")
	f.StringSliceVar(&ask.Collections, "collections", []string{node.OwnCollection + ":r"}, "what it may use")
	f.StringVar(&ask.Purpose, "purpose", "", "for ACCORD/PARTY: one of the accord's purposes")
	f.StringVar(&ask.LegalBasis, "legal-basis", "", "for ACCORD/PARTY: one of the accord's legal bases; may be left out where there is one")
	_ = c.MarkFlagRequired("name")
	return c
}

func (a *app) tokensCmd() *cobra.Command {
	return &cobra.Command{
		Use: "tokens", Short: "List the programs that may use the TAXII server", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var out struct {
				Users []node.APIUser `json:"users"`
			}
			if err := a.client().Get(c.Context(), "/tokens", nil, &out); err != nil {
				return err
			}
			return a.show(out, func(w io.Writer) {
				for _, u := range out.Users {
					line(w, u.Name, u.Created, grants(u))
				}
			})
		},
	}
}

func grants(u node.APIUser) string {
	var parts []string
	for _, g := range u.Grants {
		rights := ""
		if g.Read {
			rights = "r"
		}
		if g.Write {
			rights += "w"
		}
		parts = append(parts, g.Collection+":"+rights)
	}
	return strings.Join(parts, " ")
}

func (a *app) revokeCmd() *cobra.Command {
	return &cobra.Command{
		Use: "revoke NAME", Short: "End a program's token", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := a.client().Delete(c.Context(), "/tokens/"+url.PathEscape(args[0])); err != nil {
				return err
			}
			return a.show(map[string]bool{"ok": true}, func(w io.Writer) { line(w, args[0]+" may do nothing any more") })
		},
	}
}
