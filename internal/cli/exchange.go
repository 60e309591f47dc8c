package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"parley.example/parley/internal/node"
	"parley.example/parley/ledger"
)

func (a *app) listCmd() *cobra.Command {
	q := map[string]*string{"from": new(string), "to": new(string), "area": new(string), "class": new(string)}
	limit := 50
	c := &cobra.Command{
		Use: "list", Short: "List incidents, newest first", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			v := url.Values{"limit": {fmt.Sprint(limit)}}
			for k, s := range q {
				if *s != "" {
					v.Set(k, *s)
				}
			}
			var out struct {
				Incidents []node.Incident `json:"incidents"`
				Total     int64           `json:"total"`
			}
			if err := a.client().Get(c.Context(), "/incidents", v, &out); err != nil {
				return err
			}
			return a.show(out, func(w io.Writer) {
				for _, x := range out.Incidents {
					line(w, x.Date, x.Area, x.Kind, x.Class, x.Marking, x.From, x.ID, x.Title)
				}
				fmt.Fprintf(w, "%d of %d\n", len(out.Incidents), out.Total)
			})
		},
	}
	f := c.Flags()
	f.StringVar(q["from"], "from", "", "first day, YYYY-MM-DD")
	f.StringVar(q["to"], "to", "", "last day, YYYY-MM-DD")
	f.StringVar(q["area"], "area", "", "first-level area")
	f.StringVar(q["class"], "class", "", "target class")
	f.IntVar(&limit, "limit", limit, "how many")
	return c
}

func (a *app) showCmd() *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Print an object's exact bytes", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			var raw []byte
			if err := a.client().Get(c.Context(), "/objects/"+url.PathEscape(args[0]), nil, &raw); err != nil {
				return err
			}
			_, err := a.out.Write(append(bytes.TrimRight(raw, "\n"), '\n'))
			return err
		},
	}
}

func (a *app) releaseCmd() *cobra.Command {
	return a.sending("release ID", "Ask the gate, show both versions, and release", node.ReleaseAsk{})
}

func (a *app) correctCmd() *cobra.Command {
	return a.sending("correct ID", "Send the newest version of an object to those who have an earlier one", node.ReleaseAsk{Correct: true})
}

// sending is a command that lets an object leave through the gate.
func (a *app) sending(use, short string, ask node.ReleaseAsk) *cobra.Command {
	c := &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			ask.Object = args[0]
			var out struct {
				node.Release
				Outcome string `json:"outcome"`
				Reasons []struct {
					Rule    string `json:"rule"`
					Outcome string `json:"outcome"`
					Text    string `json:"text"`
				} `json:"reasons"`
			}
			if err := a.client().Post(c.Context(), "/release", ask, &out); err != nil {
				return err
			}
			err := a.show(out, func(w io.Writer) {
				line(w, "outcome", out.Outcome)
				for _, r := range out.Reasons {
					line(w, "  "+r.Rule, r.Outcome, r.Text)
				}
				for _, r := range out.Redactions {
					line(w, "  redacted", r)
				}
				w.Write([]byte("\noriginal:\n" + indented(out.Original)))
				if out.Outcome == "tearline" {
					w.Write([]byte("\nwhat leaves:\n" + indented(out.Tearline)))
				}
				if out.Pending != "" {
					line(w, "waits for others", fmt.Sprintf("%d must approve", out.Approvals), "parley approve "+out.Pending)
				}
				for _, c := range out.Copies {
					line(w, "released to "+c.To, c.Event.Log, fmt.Sprint(c.Event.Index))
					if c.Sealed {
						arbiter := c.Arbiter
						if arbiter == "" {
							arbiter = "nobody: no witness could be reached"
						}
						line(w, "  locked", "until "+c.To+" acknowledges it", "arbiter: "+arbiter)
					}
				}
			})
			if err == nil && !out.Released && !ask.DryRun {
				err = no
			}
			return err
		},
	}
	f := c.Flags()
	f.StringVar(&ask.Accord, "accord", "", "the accord under which it passes")
	f.StringSliceVar(&ask.To, "to", nil, "members to release to; left out, all others")
	f.StringVar(&ask.Purpose, "purpose", "", "one of the accord's purposes; may be left out where there is one")
	f.StringVar(&ask.LegalBasis, "legal-basis", "", "one of the accord's legal bases; may be left out where there is one")
	f.TextVar(&ask.Priority, "priority", ledger.Routine, "flash, immediate, priority or routine: what goes first on the line")
	f.BoolVar(&ask.ReceiptFirst, "receipt-first", false, "let it leave locked: recipients get the key when they have acknowledged it")
	f.BoolVar(&ask.DryRun, "dry-run", false, "only show the decision")
	_ = c.MarkFlagRequired("accord")
	return c
}

// indented prints JSON for people, with control characters made harmless: the
// text may be a partner's.
func indented(raw json.RawMessage) string {
	var b bytes.Buffer
	if json.Indent(&b, raw, "  ", "  ") != nil {
		return "  (not JSON)\n"
	}
	lines := strings.Split(b.String(), "\n")
	for i := range lines {
		lines[i] = clean(lines[i])
	}
	return "  " + strings.Join(lines, "\n") + "\n"
}

func (a *app) inboxCmd() *cobra.Command {
	return &cobra.Command{
		Use: "inbox [ITEM]", Short: "List what partners released to us, or show one item", Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				var it node.Item
				if err := a.client().Get(c.Context(), "/inbox/"+url.PathEscape(args[0]), nil, &it); err != nil {
					return err
				}
				return a.show(it, func(w io.Writer) {
					line(w, "title", it.Title)
					line(w, "from", it.From, it.FromName)
					line(w, "marking", it.Marking)
					line(w, "grading", it.Grading)
					line(w, "under", it.AccordTitle)
					line(w, "purpose", it.Purpose, "keep until "+it.Expires)
					line(w, "provenance", it.Provenance.Log, fmt.Sprint(it.Provenance.Index), "cosigned by "+strings.Join(it.Provenance.CosignedBy, ", "))
					w.Write([]byte(indented(it.Object)))
				})
			}
			var out struct {
				Items []node.Item `json:"items"`
			}
			if err := a.client().Get(c.Context(), "/inbox", nil, &out); err != nil {
				return err
			}
			return a.show(out, func(w io.Writer) {
				for _, x := range out.Items {
					line(w, x.ID, x.At, x.Priority, x.From, x.Marking, x.Grading, x.State, x.Title)
				}
			})
		},
	}
}

func (a *app) requestCmd() *cobra.Command {
	var ask node.RequestAsk
	c := &cobra.Command{
		Use: "request", Short: "Ask a partner to release what it has on a hit or an object", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var out node.Request
			if err := a.client().Post(c.Context(), "/requests", ask, &out); err != nil {
				return err
			}
			return a.show(out, func(w io.Writer) { line(w, "request", out.ID, out.State, "due "+out.Due) })
		},
	}
	f := c.Flags()
	f.StringVar(&ask.Accord, "accord", "", "the accord")
	f.StringVar(&ask.To, "to", "", "the partner; may be left out where there is one")
	f.StringVar(&ask.Case, "case", "", "case reference")
	f.StringVar(&ask.Purpose, "purpose", "", "one of the accord's purposes; may be left out where there is one")
	f.StringVar(&ask.Question, "question", "", "the question that hit")
	f.StringVar(&ask.Value, "value", "", "the normalised value that hit; the partner sees it")
	f.StringVar(&ask.Object, "object", "", "or an object's id")
	f.StringVar(&ask.Text, "text", "", "what is wanted, in words")
	f.TextVar(&ask.Priority, "priority", ledger.Routine, "flash, immediate, priority or routine; also of what is released in answer")
	f.IntVar(&ask.Days, "days", 7, "days until it is due")
	for _, n := range []string{"accord", "case", "purpose"} {
		_ = c.MarkFlagRequired(n)
	}
	return c
}

func (a *app) requestsCmd() *cobra.Command {
	return &cobra.Command{
		Use: "requests", Short: "List requests, ours and those asked of us", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var out struct {
				Requests []node.Request `json:"requests"`
			}
			if err := a.client().Get(c.Context(), "/requests", nil, &out); err != nil {
				return err
			}
			return a.show(out, func(w io.Writer) {
				for _, r := range out.Requests {
					line(w, r.ID, r.Direction, r.From+" → "+r.To, r.Priority, r.State, "due "+r.Due, r.Subject, r.Reason)
					for _, o := range r.Objects {
						line(w, "", o.ID, o.Title)
					}
				}
			})
		},
	}
}

func (a *app) answerCmd() *cobra.Command {
	var object string
	var release, decline, receiptFirst bool
	c := &cobra.Command{
		Use: "answer REQUEST", Short: "Answer a request: release through the gate, or decline", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if release == decline {
				return usage("say either --release or --decline")
			}
			in := map[string]any{"decision": "decline"}
			if release {
				in["decision"], in["receipt_first"] = "release", receiptFirst
			}
			if object != "" {
				in["object"] = object
			}
			var out struct {
				node.Request
				Release json.RawMessage `json:"release,omitempty"`
			}
			if err := a.client().Post(c.Context(), "/requests/"+url.PathEscape(args[0])+"/answer", in, &out); err != nil {
				return err
			}
			err := a.show(out, func(w io.Writer) { line(w, "request", out.ID, out.State, out.Reason) })
			if err == nil && release && out.State != "answered" {
				err = no
			}
			return err
		},
	}
	c.Flags().BoolVar(&release, "release", false, "release")
	c.Flags().BoolVar(&receiptFirst, "receipt-first", false, "let it leave locked: the asker gets the key when it has acknowledged it")
	c.Flags().BoolVar(&decline, "decline", false, "decline")
	c.Flags().StringVar(&object, "object", "", "what to release; may be left out where one object is held on it")
	return c
}
