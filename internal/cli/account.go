package cli

import (
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"parley.example/parley/internal/node"
)

func (a *app) withdrawCmd() *cobra.Command {
	var ask node.WithdrawAsk
	c := &cobra.Command{
		Use: "withdraw ID", Short: "Take back what was released: our object, or a released copy", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			ask.Object = args[0]
			var out node.Withdrawal
			if err := a.client().Post(c.Context(), "/withdraw", ask, &out); err != nil {
				return err
			}
			return a.show(out, func(w io.Writer) {
				for _, x := range out.Copies {
					line(w, "withdrawn from "+x.To, x.Copy)
				}
			})
		},
	}
	f := c.Flags()
	f.StringVar(&ask.Accord, "accord", "", "the accord under which it was released")
	f.StringSliceVar(&ask.To, "to", nil, "members to take it back from; left out, all")
	f.StringVar(&ask.Reason, "reason", "", "the reason; whoever has a copy will read it")
	_ = c.MarkFlagRequired("accord")
	_ = c.MarkFlagRequired("reason")
	return c
}

func (a *app) judgeCmd() *cobra.Command {
	return &cobra.Command{
		Use: "judge ITEM USE", Short: "Say of what use a received item was: useful, known, wrong or late", Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			var it node.Item
			if err := a.client().Post(c.Context(), "/inbox/"+url.PathEscape(args[0])+"/judge", map[string]string{"use": args[1]}, &it); err != nil {
				return err
			}
			return a.show(it, func(w io.Writer) { line(w, it.Title, "judged "+it.Use) })
		},
	}
}

func (a *app) accountCmd() *cobra.Command {
	return &cobra.Command{
		Use: "account ACCORD [PARTY]", Short: "Show the account with a partner, which both sides compute alike", Args: cobra.RangeArgs(1, 2),
		RunE: func(c *cobra.Command, args []string) error {
			q := url.Values{}
			if len(args) == 2 {
				q.Set("party", args[1])
			}
			var out node.AccountView
			if err := a.client().Get(c.Context(), "/accords/"+url.PathEscape(args[0])+"/account", q, &out); err != nil {
				return err
			}
			return a.show(out, func(w io.Writer) {
				row := func(name string, cell func(i int) any) {
					line(w, name, cell(0), cell(1))
				}
				s := out.Account.Sides
				row("", func(i int) any { return s[i].Party })
				row("released", func(i int) any {
					return fmt.Sprintf("%d (+%d corrected, %d withdrawn)", s[i].Released, s[i].Corrected, s[i].Withdrawn)
				})
				row("judged by the other", func(i int) any {
					return fmt.Sprintf("%d useful, %d known, %d wrong, %d late", s[i].Useful, s[i].Known, s[i].Wrong, s[i].Late)
				})
				row("withdrawals honoured", func(i int) any { return s[i].Honoured })
				row("asked", func(i int) any { return fmt.Sprintf("%d in %d questions", s[i].Asked, s[i].Questions) })
				row("answered", func(i int) any { return fmt.Sprintf("%d (%d refused)", s[i].Answered, s[i].Refused) })
				row("requests made", func(i int) any { return fmt.Sprintf("%d, %d on hits", s[i].Requests, s[i].HitsFollowed) })
				row("requests fulfilled", func(i int) any {
					return fmt.Sprintf("%d (%d declined, %d overdue, median %.0f s)", s[i].Fulfilled, s[i].Declined, s[i].Overdue, s[i].MedianSeconds)
				})
				row("days suspended", func(i int) any { return s[i].DaysSuspended })
				if p := out.Proposal; p != nil {
					line(w, "suggested", p.Move+" the rung granted from "+out.Rung+" to "+p.Rung, strings.Join(p.Reasons, "; "))
				}
			})
		},
	}
}
