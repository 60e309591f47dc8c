package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"parley.example/parley/accord"
	"parley.example/parley/internal/node"
	"parley.example/parley/ledger"
)

func (a *app) matchCmd() *cobra.Command {
	return group("match", "Ask without telling: private matching",
		a.matchAskCmd(), a.matchQuestionsCmd(), a.matchStandingCmd(), a.matchStopCmd(), a.matchOpenCmd(),
		a.matchPublishCmd(), a.matchPublishedCmd(), a.matchLoadCmd(), a.matchListsCmd(), a.matchUnloadCmd(),
		a.matchHistoryCmd(), a.matchNoticesCmd(), a.requestCmd(), a.requestsCmd(), a.answerCmd())
}

func (a *app) matchAskCmd() *cobra.Command {
	var ask node.MatchAsk
	standing := false
	c := &cobra.Command{
		Use: "ask [FILE]", Short: "Ask privately which values a partner knows; one a line", Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			raw, err := readFile(strings.Join(append(args, "-")[:1], ""), a.in)
			if err != nil {
				return err
			}
			sc := bufio.NewScanner(bytes.NewReader(raw))
			for sc.Scan() {
				ask.Values = append(ask.Values, sc.Text())
			}
			if err := sc.Err(); err != nil {
				return fmt.Errorf("reading the list: %w", err)
			}
			if standing {
				var s node.Standing
				if err := a.client().Post(c.Context(), "/match/standing", ask, &s); err != nil {
					return err
				}
				return a.show(s, func(w io.Writer) { standingLines(w, s) })
			}
			var q node.Question
			if err := a.client().Post(c.Context(), "/match/ask", ask, &q); err != nil {
				return err
			}
			return a.showQuestion(q)
		},
	}
	f := c.Flags()
	f.StringVar(&ask.Accord, "accord", "", "the accord")
	f.StringVar(&ask.To, "to", "", "the partner asked; may be left out where there is one")
	f.StringVar(&ask.Selector, "kind", "", "selector kind, such as phone or plate")
	f.StringVar(&ask.Case, "case", "", "case reference; the partner sees it")
	f.BoolVar(&standing, "standing", false, "ask again in each epoch and tell of new hits alone")
	for _, n := range []string{"accord", "kind", "case"} {
		_ = c.MarkFlagRequired(n)
	}
	return c
}

func (a *app) showQuestion(q node.Question) error {
	err := a.show(q, func(w io.Writer) {
		line(w, "question", q.ID, q.State, q.Reason)
		line(w, fmt.Sprintf("%d asked, %d hits, %d left of the quota", q.Count, len(q.Hits), q.Left))
		for _, h := range q.Hits {
			line(w, "  hit", h.Asked, h.Value)
		}
		for _, p := range q.Problems {
			line(w, "  not asked", p.Value, p.Reason)
		}
		for _, text := range q.Warnings {
			line(w, "  looks like guessing; oversight is told", text)
		}
		line(w, "a hit is wrong by chance in", q.FalsePositive)
	})
	if err == nil && q.State == "refused" {
		err = no
	}
	return err
}

func (a *app) matchQuestionsCmd() *cobra.Command {
	return &cobra.Command{
		Use: "questions [ID]", Short: "Show what we asked", Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				var q node.Question
				if err := a.client().Get(c.Context(), "/match/questions/"+url.PathEscape(args[0]), nil, &q); err != nil {
					return err
				}
				return a.showQuestion(q)
			}
			var out struct {
				Questions []node.Question `json:"questions"`
			}
			if err := a.client().Get(c.Context(), "/match/questions", nil, &out); err != nil {
				return err
			}
			return a.show(out, func(w io.Writer) {
				for _, q := range out.Questions {
					line(w, q.ID, q.At, q.To, q.Selector, q.Case, fmt.Sprintf("%d asked", q.Count), q.State, fmt.Sprintf("%d hits", len(q.Hits)))
				}
			})
		},
	}
}

func standingLines(w io.Writer, s node.Standing) {
	line(w, s.ID, s.State, s.To, s.Selector, s.Case, fmt.Sprintf("%d values", s.Count), fmt.Sprintf("epoch %d", s.Epoch), s.Reason)
	for _, h := range s.Hits {
		line(w, "  hit", h.Asked, h.Value, "first told "+h.At)
	}
}

func (a *app) matchStandingCmd() *cobra.Command {
	return &cobra.Command{
		Use: "standing", Short: "Show standing questions and their hits", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var out struct {
				Standing []node.Standing `json:"standing"`
			}
			if err := a.client().Get(c.Context(), "/match/standing", nil, &out); err != nil {
				return err
			}
			return a.show(out, func(w io.Writer) {
				for _, s := range out.Standing {
					standingLines(w, s)
				}
			})
		},
	}
}

func (a *app) matchStopCmd() *cobra.Command {
	return &cobra.Command{
		Use: "stop ID", Short: "Stop a standing question; its hits stay", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := a.client().Delete(c.Context(), "/match/standing/"+url.PathEscape(args[0])); err != nil {
				return err
			}
			return a.show(map[string]any{"id": args[0], "state": "stopped"}, func(w io.Writer) { line(w, args[0], "stopped") })
		},
	}
}

func (a *app) matchOpenCmd() *cobra.Command {
	var out string
	check := false
	c := &cobra.Command{
		Use: "open QUESTION", Short: "Open for oversight what a question asked, against the ledger's commitment", Args: cobra.ExactArgs(1),
		Long: "Writes what was asked, with the salt that opens the commitment and a receipt of the question,\nas a file for oversight. With --check the argument is such a file, judged offline with no node.",
		RunE: func(c *cobra.Command, args []string) error {
			var o node.Opening
			if check {
				b, err := os.ReadFile(args[0])
				if err != nil {
					return err
				}
				if err := json.Unmarshal(b, &o); err != nil || o.Type != node.OpeningType {
					return &codeError{exitNo, fmt.Errorf("%s is no opening of a question", args[0])}
				}
			} else if err := a.client().Get(c.Context(), "/match/questions/"+url.PathEscape(args[0])+"/opening", nil, &o); err != nil {
				return err
			}
			err := checkOpening(o)
			o.OK = err == nil
			if out != "" {
				b, merr := json.MarshalIndent(o, "", "  ")
				if merr != nil {
					return merr
				}
				if werr := os.WriteFile(out, append(b, '\n'), 0o600); werr != nil {
					return werr
				}
			}
			serr := a.show(o, func(w io.Writer) {
				line(w, "question", o.Question, "to "+o.To, "case "+o.Case, "by "+o.By, o.At)
				for _, v := range o.Values {
					line(w, "  "+v)
				}
				if err != nil {
					line(w, "BAD", err.Error())
					return
				}
				line(w, fmt.Sprintf("these %d values are what entry %d of the log commits to", len(o.Values), o.Index))
			})
			if serr == nil && err != nil {
				serr = no
			}
			return serr
		},
	}
	c.Flags().StringVarP(&out, "out", "o", "", "write the opening to a file")
	c.Flags().BoolVar(&check, "check", false, "judge a file that was written before")
	return c
}

// checkOpening judges an opening by what it carries alone.
func checkOpening(o node.Opening) error {
	if err := o.Check(); err != nil {
		return err
	}
	v, err := accord.VerifyReceipt(o.Receipt)
	if err != nil {
		return fmt.Errorf("its receipt: %w", err)
	}
	if v.Event.Kind != ledger.MatchAsked {
		return errors.New("its receipt is of another act")
	}
	return o.CheckEvent(v.Event)
}

func (a *app) matchPublishCmd() *cobra.Command {
	var in struct {
		Accord   string `json:"accord"`
		Selector string `json:"selector"`
		Refresh  bool   `json:"refresh"`
	}
	c := &cobra.Command{
		Use: "publish", Short: "Publish what partners may match: a new epoch, or with --refresh what changed", Args: cobra.NoArgs,
		Long: "Opens a new epoch under a fresh key and destroys the key before. With --refresh it stays within\nthe epoch and sends what changed. What was computed is kept: a call that was interrupted goes on\nwhere it was. A running node does both by itself, weekly and daily, for what was published once.",
		RunE: func(c *cobra.Command, _ []string) error {
			ctx, cancel := context.WithCancel(c.Context())
			defer cancel()
			if a.terminal() {
				done := make(chan struct{})
				go func() { defer close(done); a.publishProgress(ctx, in.Selector) }()
				defer func() { cancel(); <-done }()
			}
			var out node.Publication
			if err := a.client().Post(ctx, "/match/publish", in, &out); err != nil {
				return err
			}
			return a.show(out, func(w io.Writer) {
				line(w, out.Selector, fmt.Sprintf("epoch %d", out.Epoch), fmt.Sprintf("%d held", out.Held), fmt.Sprintf("%d computed", out.Computed))
				if len(out.To) > 0 {
					line(w, "sent", fmt.Sprintf("%d bytes to %s", out.Bytes, strings.Join(out.To, ", ")))
				}
				if len(out.Unchanged) > 0 {
					line(w, "nothing new for", strings.Join(out.Unchanged, ", "))
				}
			})
		},
	}
	c.Flags().StringVar(&in.Accord, "accord", "", "the accord")
	c.Flags().StringVar(&in.Selector, "kind", "", "selector kind")
	c.Flags().BoolVar(&in.Refresh, "refresh", false, "stay within the epoch and send what changed")
	_ = c.MarkFlagRequired("accord")
	_ = c.MarkFlagRequired("kind")
	return c
}

// publishProgress draws how far a publication has come, until ctx ends.
func (a *app) publishProgress(ctx context.Context, kind string) {
	bar := progressbar.NewOptions(1, progressbar.OptionSetWriter(a.err), progressbar.OptionSetDescription("computing"), progressbar.OptionClearOnFinish())
	defer bar.Finish()
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		var out struct {
			Published []node.PublishState `json:"published"`
		}
		if a.client().Get(ctx, "/match/published", nil, &out) != nil {
			continue // the next tick asks again
		}
		for _, p := range out.Published {
			if p.Selector == kind && p.Total > 0 {
				bar.ChangeMax(p.Total)
				_ = bar.Set(p.Done)
			}
		}
	}
}

func (a *app) matchPublishedCmd() *cobra.Command {
	return &cobra.Command{
		Use: "published", Short: "Show what each partner may match, since when, and what is being computed", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var out struct {
				Published []node.PublishState `json:"published"`
			}
			if err := a.client().Get(c.Context(), "/match/published", nil, &out); err != nil {
				return err
			}
			return a.show(out, func(w io.Writer) {
				for _, p := range out.Published {
					state := ""
					if p.Total > 0 {
						state = fmt.Sprintf("computing %d of %d", p.Done, p.Total)
					}
					line(w, p.Selector, "to "+p.To, fmt.Sprintf("epoch %d since %s", p.Epoch, p.Since), fmt.Sprintf("%d held", p.Held), "sent "+p.At, "next epoch "+p.NewEpoch, state)
				}
			})
		},
	}
}

func (a *app) matchLoadCmd() *cobra.Command {
	var kind, name string
	var accords []string
	c := &cobra.Command{
		Use: "load FILE", Short: "Load a list of our own that partners may match and that never leaves; one value a line", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			f, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer f.Close()
			var out node.ListLoaded
			q := url.Values{"selector": {kind}, "accords": {strings.Join(accords, ",")}}
			if err := a.client().Send(c.Context(), "/match/lists/"+url.PathEscape(name), q, f, &out); err != nil {
				return err
			}
			return a.show(out, func(w io.Writer) {
				line(w, out.Name, fmt.Sprintf("%d keys of %d lines", out.Count, out.Lines), fmt.Sprintf("%d lines without one", out.NRefused))
				for _, r := range out.Refused {
					line(w, fmt.Sprintf("  line %d", r.Line), r.Reason)
				}
			})
		},
	}
	c.Flags().StringVar(&kind, "kind", "", "selector kind")
	c.Flags().StringVar(&name, "name", "", "what the list is called; one of that name is replaced")
	c.Flags().StringSliceVar(&accords, "accord", nil, "the accords under which it may be matched")
	for _, n := range []string{"kind", "name", "accord"} {
		_ = c.MarkFlagRequired(n)
	}
	return c
}

func (a *app) matchListsCmd() *cobra.Command {
	return &cobra.Command{
		Use: "lists", Short: "Show the lists that were loaded", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var out struct {
				Lists []node.MatchList `json:"lists"`
			}
			if err := a.client().Get(c.Context(), "/match/lists", nil, &out); err != nil {
				return err
			}
			return a.show(out, func(w io.Writer) {
				for _, l := range out.Lists {
					line(w, l.Name, l.Selector, fmt.Sprintf("%d keys", l.Count), "loaded "+l.At, "by "+l.By, "under "+strings.Join(l.Accords, ", "))
				}
			})
		},
	}
}

func (a *app) matchUnloadCmd() *cobra.Command {
	return &cobra.Command{
		Use: "unload NAME", Short: "Remove a list; publish anew so that it is matched no more", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := a.client().Delete(c.Context(), "/match/lists/"+url.PathEscape(args[0])); err != nil {
				return err
			}
			return a.show(map[string]any{"name": args[0], "removed": true}, func(w io.Writer) { line(w, args[0], "removed") })
		},
	}
}

func (a *app) matchHistoryCmd() *cobra.Command {
	accordID := ""
	c := &cobra.Command{
		Use: "history", Short: "Show what was asked and answered on both sides, without content, and the quotas", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			q := url.Values{}
			if accordID != "" {
				q.Set("accord", accordID)
			}
			var out node.MatchHistory
			if err := a.client().Get(c.Context(), "/match/history", q, &out); err != nil {
				return err
			}
			return a.show(out, func(w io.Writer) {
				for _, x := range out.Quotas {
					line(w, "quota", x.Asker+" asks "+x.Holder, x.Selector, fmt.Sprintf("%d of %d used in 24 hours", x.Used, x.Quota))
				}
				for _, e := range out.Events {
					what := fmt.Sprintf("epoch %d", e.Epoch)
					if e.Kind != string(ledger.MatchPublished) {
						what = fmt.Sprintf("%d values, case %s", e.Count, e.Case)
					}
					line(w, e.At, e.From+" → "+e.To, e.Kind, e.Selector, what, e.Officer, e.Refused)
				}
			})
		},
	}
	c.Flags().StringVar(&accordID, "accord", "", "the accord; left out, all of them")
	return c
}

func (a *app) matchNoticesCmd() *cobra.Command {
	seen := ""
	c := &cobra.Command{
		Use: "notices", Short: "Show new hits of standing questions, guessing and exhausted quotas", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if seen != "" {
				var x node.Notice
				if err := a.client().Post(c.Context(), "/match/notices/"+url.PathEscape(seen)+"/seen", nil, &x); err != nil {
					return err
				}
				return a.show(x, func(w io.Writer) { line(w, x.ID, "seen", x.Seen) })
			}
			var out struct {
				Notices []node.Notice `json:"notices"`
			}
			if err := a.client().Get(c.Context(), "/match/notices", nil, &out); err != nil {
				return err
			}
			return a.show(out, func(w io.Writer) {
				for _, x := range out.Notices {
					state := "new"
					if x.Seen != "" {
						state = "seen"
					}
					line(w, x.ID, x.At, x.Kind, state, x.Text)
				}
			})
		},
	}
	c.Flags().StringVar(&seen, "seen", "", "id of a notice to mark as seen")
	return c
}
