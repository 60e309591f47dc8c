package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"parley.example/parley/internal/client"
	"parley.example/parley/internal/node"
)

func (a *app) policyCmd() *cobra.Command {
	check := &cobra.Command{
		Use: "check DIR", Short: "Check the policy files in a folder; works without a node", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			out, err := node.CheckPolicy(args[0])
			if err != nil {
				return err
			}
			err = a.show(out, func(w io.Writer) {
				if !out.OK {
					fmt.Fprintln(w, out.Fault)
					return
				}
				for _, r := range out.Rules {
					approvals := ""
					if r.Approvals > 0 {
						approvals = fmt.Sprintf("%d approvals", r.Approvals)
					}
					line(w, r.At, r.ID, r.Effect, "at most "+r.Ceiling.String(), approvals, r.Reason)
				}
				line(w, fmt.Sprintf("%d rules in %d files are valid", len(out.Rules), out.Files))
			})
			if err == nil && !out.OK {
				err = no
			}
			return err
		},
	}
	var dir, accord string
	dry := &cobra.Command{
		Use: "dry-run", Short: "Tell what another policy would release or stop, over the whole library", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.policyDryRun(c.Context(), dir, accord) },
	}
	dry.Flags().StringVar(&dir, "policy", "", "folder with the policy to try")
	dry.Flags().StringVar(&accord, "accord", "", "only under this accord; left out, under every accord in force")
	_ = dry.MarkFlagRequired("policy")
	return group("policy", "The party's own policy on what it releases", check, dry)
}

// policyDryRun prints changes as the node finds them. With --json each is a line
// of its own, the tally the last.
func (a *app) policyDryRun(ctx context.Context, dir, accord string) error {
	trial := node.PolicyTrial{Files: map[string]string{}, Accord: accord}
	names, err := filepath.Glob(filepath.Join(dir, "*.cedar"))
	if err != nil {
		return err
	}
	if _, err := os.Stat(dir); err != nil {
		return err
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		trial.Files[filepath.Base(name)] = string(b)
	}
	var tally *node.PolicyTally
	err = a.client().Lines(ctx, "/policy/dry-run", trial, func(row []byte) error {
		var v struct {
			node.PolicyChange
			Tally *node.PolicyTally `json:"tally"`
			Error string            `json:"error"`
		}
		if err := json.Unmarshal(row, &v); err != nil {
			return fmt.Errorf("the node's answer does not read: %w", err)
		}
		if v.Error != "" {
			return errors.New(v.Error)
		}
		if tally = v.Tally; a.json {
			_, err := fmt.Fprintf(a.out, "%s\n", row)
			return err
		}
		if tally == nil {
			c := v.PolicyChange
			line(a.out, c.Was.String()+" → "+c.Is.String(), approvalChange(c), "to "+c.To, c.Object, c.Title, c.Reason)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if tally == nil {
		return errors.New("the node's answer broke off")
	}
	if !a.json {
		fmt.Fprintf(a.out, "%d objects, %d decisions: %d would release more, %d less, %d ask for other approvals, %d stay\n",
			tally.Objects, tally.Decisions, tally.More, tally.Less, tally.Approvals, tally.Same)
	}
	return nil
}

func approvalChange(c node.PolicyChange) string {
	if c.ApprovalsAre == c.ApprovalsWere {
		return ""
	}
	return fmt.Sprintf("%d → %d approvals", c.ApprovalsWere, c.ApprovalsAre)
}

func (a *app) approveCmd() *cobra.Command {
	var reject bool
	var reason string
	c := &cobra.Command{
		Use: "approve [ID]", Short: "Approve a release that waits, or reject it; without ID, list them", Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				var out struct {
					Releases []node.PendingRelease `json:"releases"`
				}
				if err := a.client().Get(c.Context(), "/releases", nil, &out); err != nil {
					return err
				}
				return a.show(out, func(w io.Writer) {
					for _, p := range out.Releases {
						a.showPending(w, p)
					}
				})
			}
			var p node.PendingRelease
			var err error
			path := "/releases/" + url.PathEscape(args[0])
			if reject {
				err = a.client().Post(c.Context(), path+"/reject", map[string]string{"reason": reason}, &p)
			} else {
				err = a.client().Post(c.Context(), path+"/approve", nil, &p)
			}
			if err != nil {
				return err
			}
			err = a.show(p, func(w io.Writer) { a.showPending(w, p) })
			if err == nil && p.State == "stale" {
				err = no
			}
			return err
		},
	}
	c.Flags().BoolVar(&reject, "reject", false, "reject it")
	c.Flags().StringVar(&reason, "reason", "", "why it is rejected; the asker reads it")
	return c
}

func (a *app) showPending(w io.Writer, p node.PendingRelease) {
	line(w, p.ID, p.State, fmt.Sprintf("%d of %d approvals", len(p.Approvals), p.Needed), p.Outcome.String(), "to "+strings.Join(p.To, ", "),
		"asked by "+p.By.Name, p.At, p.Title, p.Reason)
}

func (a *app) onwardCmd() *cobra.Command {
	var ask node.OnwardAsk
	c := &cobra.Command{
		Use: "onward COPY", Short: "Agree to a partner's passing on what we released to it", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			ask.Copy = args[0]
			if ask.To == nil {
				ask.To = []string{}
			}
			var out node.EventRef
			if err := a.client().Post(c.Context(), "/onward", ask, &out); err != nil {
				return err
			}
			return a.show(out, func(w io.Writer) { line(w, "recorded", out.Log, fmt.Sprint(out.Index)) })
		},
	}
	f := c.Flags()
	f.StringVar(&ask.Accord, "accord", "", "the accord under which it was released")
	f.StringVar(&ask.Party, "party", "", "who may pass it on; may be left out where there is one other member")
	f.StringSliceVar(&ask.To, "to", nil, "to whom; none takes an earlier consent back")
	_ = c.MarkFlagRequired("accord")
	return c
}

func (a *app) traceCmd() *cobra.Command {
	return &cobra.Command{
		Use: "trace FILE", Short: "Tell from whose copy a leaked text was made; works without a running node", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			text, err := readFile(args[0], a.in)
			if err != nil {
				return err
			}
			out, err := a.trace(c.Context(), text)
			if err != nil {
				return err
			}
			err = a.show(out, func(w io.Writer) {
				line(w, out.Verdict, out.Sure, fmt.Sprintf("compared with %d copies", out.Sought))
				for _, m := range out.Matches {
					confirmed := ""
					if m.Confirmed {
						confirmed = "confirmed by our secret"
					}
					line(w, "  "+m.To, m.Sure, fmt.Sprintf("chance %.2g", m.Chance), m.At, m.Copy, "of "+m.Object, strings.Join(m.Evidence, ", "), confirmed)
				}
			})
			if err == nil && !out.OK {
				err = no
			}
			return err
		},
	}
}

// trace asks the running node, or opens the folder itself where none runs.
func (a *app) trace(ctx context.Context, text []byte) (out node.Trace, err error) {
	err = a.client().Send(ctx, "/trace", nil, bytes.NewReader(text), &out)
	if !errors.Is(err, client.ErrNoNode) {
		return out, err
	}
	n, err := node.Open(ctx, a.dir, node.Options{Passphrase: a.unlock})
	if err != nil {
		return out, err
	}
	out, err = n.TraceCopy(ctx, bytes.NewReader(text))
	return out, errors.Join(err, n.Close())
}
