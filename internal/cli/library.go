package cli

import (
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"parley.example/parley/internal/node"
)

func (a *app) searchCmd() *cobra.Command {
	q := map[string]*string{}
	var types []string
	limit := 50
	c := &cobra.Command{
		Use: "search [TEXT…]", Short: "Find objects by what they say, in any script", Args: cobra.ArbitraryArgs,
		Long: "Find objects of our own and of partners, what was added last first. Every word must occur, anywhere in a word; in quotes, the phrase.",
		RunE: func(c *cobra.Command, args []string) error {
			v := url.Values{"limit": {fmt.Sprint(limit)}}
			if len(types) > 0 {
				v.Set("type", strings.Join(types, ","))
			}
			if text := strings.Join(args, " "); text != "" {
				v.Set("q", text)
			}
			for k, s := range q {
				if *s != "" {
					v.Set(k, *s)
				}
			}
			var out node.Found
			if err := a.client().Get(c.Context(), "/search", v, &out); err != nil {
				return err
			}
			err := a.show(out, func(w io.Writer) {
				for _, o := range out.Objects {
					line(w, o.Type, o.Marking, o.From, o.Version, o.ID, o.Title)
				}
				if out.More {
					line(w, "there are more; give --limit or narrow the search")
				}
				if out.Unfiled {
					line(w, "objects that were just stored are still being filed and may be missing")
				}
			})
			if err == nil && len(out.Objects) == 0 {
				err = no
			}
			return err
		},
	}
	f := c.Flags()
	f.StringSliceVar(&types, "type", nil, "STIX types")
	for name, help := range map[string]string{
		"marking": "TLP marking, like TLP:AMBER", "party": "who released it to us; own for our own", "accord": "accord that it came under",
		"area": "first-level area", "from": "first day, YYYY-MM-DD", "to": "last day, YYYY-MM-DD",
	} {
		q[name] = f.String(name, "", help)
	}
	f.IntVar(&limit, "limit", limit, "how many")
	return c
}
