package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"parley.example/parley/internal/node"
)

// recoverCmd shows how our own logs come back after the database was restored.
func (a *app) recoverCmd() *cobra.Command {
	signOn := ""
	c := &cobra.Command{
		Use: "recover", Short: "Show how our own logs come back from partners after a restore, and go on", Args: cobra.NoArgs,
		Long: `A node whose database is older than what it signed does nothing under an accord
until its partners have given its own log back with the next parcels. It goes on
by itself once it stands where it signed last. Where that is not known, because
the folder guard/ is gone or was put back too, say so with --sign-on ACCORD once
every member gave its copy. Entries that were signed and never reached anybody
are lost; if they turn up later, on a stick that was still under way, they prove
two histories. To be safe, end the accord and agree on a new one instead.`,
		RunE: func(c *cobra.Command, _ []string) error {
			if signOn != "" {
				var r node.Recovery
				if err := a.client().Post(c.Context(), "/accords/"+signOn+"/sign-on", nil, &r); err != nil {
					return err
				}
				return a.show(r, func(w io.Writer) { line(w, r.Log, fmt.Sprintf("goes on from %d entries", r.Size)) })
			}
			var out struct {
				Recoveries []node.Recovery `json:"recoveries"`
			}
			if err := a.client().Get(c.Context(), "/recoveries", nil, &out); err != nil {
				return err
			}
			err := a.show(out, func(w io.Writer) {
				for _, r := range out.Recoveries {
					state := "recovered"
					if r.Lost {
						state = "LOST: no act is possible under this accord yet"
					}
					signed := "not known"
					if r.Signed >= 0 {
						signed = fmt.Sprint(r.Signed)
					}
					line(w, r.Log, state)
					line(w, "", fmt.Sprintf("%d entries held, %d when the loss was noticed; signed: %s", r.Size, r.From, signed))
					if len(r.Waiting) > 0 {
						line(w, "", "still to give their copy: "+strings.Join(r.Waiting, ", "))
					}
					if len(r.Sealed) > 0 {
						line(w, "", fmt.Sprintf("came back sealed, what they say is lost: entries %v", r.Sealed))
					}
				}
			})
			for _, r := range out.Recoveries {
				if r.Lost && err == nil {
					err = no
				}
			}
			return err
		},
	}
	c.Flags().StringVar(&signOn, "sign-on", "", "go on under this accord from what is held, although more may have been signed")
	return c
}
