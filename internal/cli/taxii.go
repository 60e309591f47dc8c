package cli

import (
	"bufio"
	"errors"
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

func (a *app) feedCmd() *cobra.Command {
	return group("feed", "TAXII collections and MISP feeds that the node polls", a.feedAddCmd(), a.feedListCmd(), a.feedRunCmd(), a.feedRemoveCmd())
}

func (a *app) feedAddCmd() *cobra.Command {
	var ask node.FeedAsk
	var secret bool
	c := &cobra.Command{
		Use: "add URL", Short: "Poll a collection of a TAXII server or the folder of a MISP feed", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			ask.URL = args[0]
			if secret {
				text, err := bufio.NewReader(a.in).ReadString('\n')
				if err != nil && !errors.Is(err, io.EOF) {
					return err
				}
				if ask.Secret = strings.TrimRight(text, "\r\n"); ask.Secret == "" {
					return usage("--secret reads the password or token from standard input, where there is none")
				}
			}
			var f node.Feed
			if err := a.client().Post(c.Context(), "/feeds", ask, &f); err != nil {
				return err
			}
			return a.show(f, func(w io.Writer) { line(w, f.Name, f.URL, "next run "+f.NextRun) })
		},
	}
	f := c.Flags()
	f.StringVar(&ask.Name, "name", "", "the feed's name")
	f.StringVar(&ask.Kind, "kind", node.FeedTAXII, "taxii or misp")
	f.StringVar(&ask.User, "user", "", "user name for Basic; left out, the secret is a bearer token")
	f.BoolVar(&secret, "secret", false, "read a password or token from standard input")
	f.StringVar(&ask.Every, "every", "1h", "how often it is polled")
	f.BoolVar(&ask.V20, "v20", false, "the server speaks TAXII 2.0")
	_ = c.MarkFlagRequired("name")
	return c
}

func printFeed(w io.Writer, f node.Feed) {
	state := "last run " + f.LastRun
	switch {
	case f.Error != "":
		state = "failed: " + f.Error
	case f.LastRun == "":
		state = "not run yet"
	}
	line(w, f.Name, state, "lag "+f.Lag, fmt.Sprintf("%d taken, %d known, %d refused", f.Taken, f.Known, f.RefusedN), "next run "+f.NextRun, f.URL)
}

func (a *app) feedListCmd() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "Show how the feeds stand", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var out struct {
				Feeds []node.Feed `json:"feeds"`
			}
			if err := a.client().Get(c.Context(), "/feeds", nil, &out); err != nil {
				return err
			}
			return a.show(out, func(w io.Writer) {
				for _, f := range out.Feeds {
					printFeed(w, f)
				}
			})
		},
	}
}

func (a *app) feedRunCmd() *cobra.Command {
	return &cobra.Command{
		Use: "run NAME", Short: "Poll a feed now", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			var f node.Feed
			if err := a.client().Post(c.Context(), "/feeds/"+url.PathEscape(args[0])+"/run", nil, &f); err != nil {
				return err
			}
			err := a.show(f, func(w io.Writer) {
				printFeed(w, f)
				for _, r := range f.Refused {
					line(w, "  refused", r.At, r.ID, r.Reason)
				}
				for _, l := range f.NotCarried {
					line(w, "  not carried", l.Path, l.Reason)
				}
			})
			if err == nil && f.Error != "" {
				err = no
			}
			return err
		},
	}
}

func (a *app) feedRemoveCmd() *cobra.Command {
	return &cobra.Command{
		Use: "remove NAME", Short: "Stop polling a feed; what came from it stays", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := a.client().Delete(c.Context(), "/feeds/"+url.PathEscape(args[0])); err != nil {
				return err
			}
			return a.show(map[string]bool{"ok": true}, func(w io.Writer) { line(w, args[0]+" is polled no more") })
		},
	}
}
