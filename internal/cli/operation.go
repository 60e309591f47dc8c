package cli

import (
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"parley.example/parley/internal/node"
	"parley.example/parley/operation"
)

func (a *app) operationCmd() *cobra.Command {
	return group("operation", "Joint operations: work on both sides of a border in one plan",
		a.operationProposeCmd(), a.operationListCmd(), a.operationShowCmd(),
		a.operationStepCmd("agree", "Agree to the terms as they are now", false),
		a.operationStepCmd("activate", "Begin, once every member has agreed", false),
		a.operationStepCmd("close", "Close with an after-action record", true),
		a.operationStepCmd("abandon", "End it for everybody, at once", true),
		a.operationStepCmd("leave", "Leave at once, whatever the accord's state", true),
		a.operationStepCmd("remark", "Write a line into the log", true),
		a.operationSetCmd(), a.operationSignCmd(), a.operationAttachCmd())
}

func (a *app) operationProposeCmd() *cobra.Command {
	var ask node.ProposeAsk
	fields := map[string]*string{}
	c := &cobra.Command{
		Use: "propose", Short: "Propose a joint operation to members of an accord at rung joint", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			ask.Fields = make(map[string]string)
			for f, v := range fields {
				if *v != "" {
					ask.Fields[f] = *v
				}
			}
			var op node.Operation
			if err := a.client().Post(c.Context(), "/operations", ask, &op); err != nil {
				return err
			}
			return a.showOperation(op)
		},
	}
	f := c.Flags()
	f.StringVar(&ask.Accord, "accord", "", "the accord")
	f.StringArrayVar(&ask.Members, "with", nil, "another member; left out: all members of the accord")
	f.BoolVar(&ask.Exercise, "exercise", false, "an exercise; this can never be changed")
	for _, x := range [][2]string{
		{"title", "what it is called"}, {"purpose", "protection, rescue, arrest, border-control or humanitarian-access"},
		{"legal-basis", "the law or order on which it rests"}, {"officer", "the responsible officer"},
		{"from", "when it begins"}, {"until", "when it ends"}, {"place", "where"}, {"summary", "what is planned"},
	} {
		fields[strings.ReplaceAll(x[0], "-", "_")] = f.String(x[0], "", x[1])
	}
	for _, n := range []string{"accord", "title", "purpose", "legal-basis", "officer"} {
		_ = c.MarkFlagRequired(n)
	}
	return c
}

// act does an act in an operation and shows it.
func (a *app) act(c *cobra.Command, act operation.Act) error {
	body := map[string]any{"kind": act.Kind}
	for k, v := range map[string]string{"item": act.Item, "text": act.Text, "digest": act.Digest} {
		if v != "" {
			body[k] = v
		}
	}
	if len(act.Fields) > 0 {
		body["fields"] = act.Fields
	}
	var op node.Operation
	if err := a.client().Post(c.Context(), "/operations/"+url.PathEscape(act.Operation)+"/acts", body, &op); err != nil {
		return err
	}
	return a.showOperation(op)
}

func (a *app) operationStepCmd(kind, what string, text bool) *cobra.Command {
	act := operation.Act{Kind: kind}
	c := &cobra.Command{
		Use: kind + " OPERATION", Short: what, Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			act.Operation = args[0]
			return a.act(c, act)
		},
	}
	if text {
		c.Flags().StringVar(&act.Text, "text", "", "the record, reason or remark")
	}
	return c
}

func (a *app) operationSetCmd() *cobra.Command {
	return &cobra.Command{
		Use: "set OPERATION ITEM FIELD=VALUE…", Short: "Set fields of the terms, a task, liaison, layer or decision", Args: cobra.MinimumNArgs(3),
		Long: "ITEM is terms, task/ID, liaison/ID, layer/ID or decision/ID, with an ID of your choice. A value that\nbegins with @ is read from that file. Where a field is in conflict, setting it settles the conflict.",
		RunE: func(c *cobra.Command, args []string) error {
			fields := make(map[string]string)
			for _, kv := range args[2:] {
				f, v, ok := strings.Cut(kv, "=")
				if !ok {
					return usage("%q: write FIELD=VALUE", kv)
				}
				if name, file := strings.CutPrefix(v, "@"); file {
					b, err := os.ReadFile(name)
					if err != nil {
						return err
					}
					v = string(b)
				}
				fields[f] = v
			}
			return a.act(c, operation.Act{Operation: args[0], Kind: operation.Set, Item: args[1], Fields: fields})
		},
	}
}

func (a *app) operationSignCmd() *cobra.Command {
	return &cobra.Command{
		Use: "sign OPERATION DECISION", Short: "Sign a decision as it is now", Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			return a.act(c, operation.Act{Operation: args[0], Kind: operation.Sign, Item: "decision/" + strings.TrimPrefix(args[1], "decision/")})
		},
	}
}

func (a *app) operationAttachCmd() *cobra.Command {
	var in struct {
		Object     string `json:"object"`
		Purpose    string `json:"purpose"`
		LegalBasis string `json:"legal_basis,omitempty"`
		Title      string `json:"title,omitempty"`
	}
	c := &cobra.Command{
		Use: "attach OPERATION OBJECT", Short: "Attach an object: the gate decides what of it passes", Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			in.Object = args[1]
			var out struct {
				Release   node.Release   `json:"release"`
				Operation node.Operation `json:"operation"`
			}
			if err := a.client().Post(c.Context(), "/operations/"+url.PathEscape(args[0])+"/attachments", in, &out); err != nil {
				return err
			}
			err := a.show(out, func(w io.Writer) {
				line(w, out.Release.Outcome, fmt.Sprintf("released %v", out.Release.Released))
				for _, r := range out.Release.Reasons {
					line(w, "", r.Rule, r.Outcome, r.Text)
				}
				for _, x := range out.Operation.Attached {
					line(w, "attached", x.Copy, x.Title, "by "+x.Party)
				}
			})
			if err == nil && !out.Release.Released {
				err = no
			}
			return err
		},
	}
	f := c.Flags()
	f.StringVar(&in.Purpose, "purpose", "", "one of the accord's purposes")
	f.StringVar(&in.LegalBasis, "legal-basis", "", "one of the accord's legal bases")
	f.StringVar(&in.Title, "title", "", "what the others see it called")
	_ = c.MarkFlagRequired("purpose")
	return c
}

func (a *app) operationListCmd() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "Show joint operations", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var out struct {
				Operations []node.Operation `json:"operations"`
			}
			if err := a.client().Get(c.Context(), "/operations", nil, &out); err != nil {
				return err
			}
			return a.show(out, func(w io.Writer) {
				for _, op := range out.Operations {
					line(w, op.ID, op.State.State, op.Title, op.Terms.Fields["purpose"], op.Terms.Fields["officer"], op.NextFor)
				}
			})
		},
	}
}

func (a *app) operationShowCmd() *cobra.Command {
	return &cobra.Command{
		Use: "show OPERATION", Short: "Show a joint operation as all members see it", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			var op node.Operation
			if err := a.client().Get(c.Context(), "/operations/"+url.PathEscape(args[0]), nil, &op); err != nil {
				return err
			}
			return a.showOperation(op)
		},
	}
}

func (a *app) showOperation(op node.Operation) error {
	return a.show(op, func(w io.Writer) {
		line(w, op.Title)
		line(w, op.ID, op.State.State, "next for us: "+dash(op.NextFor), fmt.Sprintf("%d acts wait for a line", op.Waiting))
		for _, m := range op.Members {
			what := "has not agreed to these terms"
			if m.Agreed {
				what = "agreed"
			}
			if m.Left != "" {
				what = "left at " + m.Left + ": " + m.Reason
			}
			line(w, "member", m.Party, what)
		}
		itemLines(w, "terms", op.Terms)
		for _, x := range op.Tasks {
			itemLines(w, "task", x)
		}
		for _, x := range op.Liaisons {
			itemLines(w, "liaison", x)
		}
		for _, x := range op.Layers {
			itemLines(w, "layer", x)
		}
		for _, x := range op.Decisions {
			itemLines(w, "decision", x.WorkItem)
			state := "not taken"
			if x.Taken {
				state = "taken"
			}
			line(w, "", state, "signed by "+dash(strings.Join(x.Signed, ", ")))
		}
		for _, x := range op.Attached {
			line(w, "attached", x.Copy, x.Title, "by "+x.Party, x.At)
		}
		for _, x := range op.Records {
			line(w, "record", x.Party, x.By, x.At, x.Text)
		}
		for _, p := range op.Problems {
			line(w, "problem", p)
		}
		for _, x := range op.Log {
			line(w, "log", x.At, x.Party, x.By, x.Text)
		}
	})
}

func itemLines(w io.Writer, kind string, x operation.WorkItem) {
	for i, f := range slices.Sorted(maps.Keys(x.Fields)) {
		head := kind + " " + x.ID
		if i > 0 {
			head = ""
		}
		v := x.Fields[f]
		if f == "geojson" {
			v = fmt.Sprintf("%d bytes of GeoJSON", len(v))
		}
		line(w, head, f, v)
	}
	for _, c := range x.Conflicts {
		for _, v := range c.Values {
			line(w, "", "CONFLICT in "+c.Field, v.Value, "by "+v.Party, v.By, v.At)
		}
	}
}
