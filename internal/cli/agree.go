package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"parley.example/parley/accord"
	"parley.example/parley/internal/node"
)

func (a *app) cardCmd() *cobra.Command {
	show := &cobra.Command{
		Use: "show", Short: "Show the cards known, with their fingerprints", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var out struct {
				Cards []node.Card `json:"cards"`
			}
			if err := a.client().Get(c.Context(), "/cards", nil, &out); err != nil {
				return err
			}
			return a.show(out, func(w io.Writer) {
				for _, x := range out.Cards {
					own := ""
					if x.Own {
						own = "(this node)"
					}
					line(w, x.Party, x.Fingerprint, x.Name, own)
				}
			})
		},
	}
	export := &cobra.Command{
		Use: "export FILE", Short: "Write this node's card as an invitation file", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			var card node.Card
			if err := a.client().Get(c.Context(), "/card", nil, &card); err != nil {
				return err
			}
			if err := os.WriteFile(args[0], []byte(card.Note), 0o644); err != nil {
				return err
			}
			return a.show(map[string]any{"file": args[0], "fingerprint": card.Fingerprint}, func(w io.Writer) {
				line(w, "wrote", args[0])
				line(w, "let your partner compare", card.Fingerprint)
			})
		},
	}
	var fingerprint string
	add := &cobra.Command{
		Use: "add FILE", Short: "Take in a partner's card", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			note, err := os.ReadFile(args[0])
			if err != nil {
				return err
			}
			var card node.Card
			in := map[string]string{"note": string(note), "fingerprint": fingerprint}
			if err := a.client().Post(c.Context(), "/cards", in, &card); err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			return a.show(card, func(w io.Writer) {
				line(w, "added", card.Party, card.Name)
				line(w, "fingerprint", card.Fingerprint)
				if fingerprint == "" {
					line(w, "compare it with your partner by telephone or in person before you sign anything")
				}
			})
		},
	}
	add.Flags().StringVar(&fingerprint, "fingerprint", "", "the fingerprint that your partner told you; the card is refused when it differs")
	rotate := &cobra.Command{
		Use: "rotate", Short: "Replace the signing, link and parcel keys by new ones that the long-term key vouches for", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var card node.Card
			if err := a.client().Post(c.Context(), "/card/rotate", nil, &card); err != nil {
				return err
			}
			return a.show(card, func(w io.Writer) {
				line(w, fmt.Sprintf("card %d is in use; partners get it with the next parcel", card.Sequence))
				line(w, "fingerprint (unchanged)", card.Fingerprint)
			})
		},
	}
	return group("card", "Cards: whose keys are whose", show, export, add, rotate)
}

// template is a draft to begin with.
var template = node.Draft{
	Title: "Exchange on attacks in the border districts", Members: []string{"north", "south"}, Witnesses: []string{},
	Purposes: []string{"protection"}, LegalBases: []string{}, ObjectTypes: []string{"incident"},
	Ceiling: accord.Ceiling{Rung: accord.Tearline, TLP: "TLP:AMBER", PlaceKM: 20, Time: "week"}, Start: accord.Match,
	Match: []accord.MatchRule{{Kind: "phone", Quota: 1000}}, RetentionDays: 365, Onward: "none",
	Suspension: "Either member may suspend at once. Content stops; ledgers go on being reconciled.",
}

func (a *app) accordCmd() *cobra.Command {
	var file string
	draft := &cobra.Command{
		Use: "draft [NAME]", Short: "Keep a draft; without a name, print a template", Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				e := json.NewEncoder(a.out)
				e.SetIndent("", "  ")
				return e.Encode(template)
			}
			raw, err := readFile(file, a.in)
			if err != nil {
				return err
			}
			if err := a.client().Post(c.Context(), "/drafts/"+args[0], json.RawMessage(raw), nil); err != nil {
				return err
			}
			return a.show(map[string]string{"draft": args[0]}, func(w io.Writer) {
				line(w, "kept draft", args[0])
				line(w, "next", "parley accord offer "+args[0])
			})
		},
	}
	draft.Flags().StringVar(&file, "file", "-", "the draft as JSON; - reads standard input")

	act := func(use, short, path string, what func(args []string) any, nargs int) *cobra.Command {
		return &cobra.Command{
			Use: use, Short: short, Args: cobra.ExactArgs(nargs),
			RunE: func(c *cobra.Command, args []string) error {
				var out node.Accord
				var in any
				if what != nil {
					in = what(args)
				}
				if err := a.client().Post(c.Context(), fmt.Sprintf(path, args[0]), in, &out); err != nil {
					return err
				}
				return a.showAccord(out)
			},
		}
	}
	var reason string
	because := func([]string) any { return map[string]string{"reason": reason} }
	suspend := act("suspend ACCORD", "Stop all content under an accord at once", "/accords/%s/suspend", because, 1)
	end := act("end ACCORD", "End an accord for good", "/accords/%s/end", because, 1)
	for _, c := range []*cobra.Command{suspend, end} {
		c.Flags().StringVar(&reason, "reason", "", "the reason; the other members will read it")
		_ = c.MarkFlagRequired("reason")
	}
	list := &cobra.Command{
		Use: "list", Short: "List accords", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var out struct {
				Accords []node.Accord `json:"accords"`
			}
			if err := a.client().Get(c.Context(), "/accords", nil, &out); err != nil {
				return err
			}
			return a.show(out, func(w io.Writer) {
				for _, x := range out.Accords {
					line(w, short(x.ID), x.State, x.Title, x.Reason)
				}
			})
		},
	}
	show := &cobra.Command{
		Use: "show ACCORD", Short: "Show an accord: state, rungs and the signed text", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			var out node.Accord
			if err := a.client().Get(c.Context(), "/accords/"+args[0], nil, &out); err != nil {
				return err
			}
			return a.showAccord(out)
		},
	}
	diff := &cobra.Command{
		Use: "diff ACCORD ACCORD", Short: "Show the terms in which the second accord differs from the first", Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			var terms [2]accord.Terms
			for i, id := range args {
				var x node.Accord
				if err := a.client().Get(c.Context(), "/accords/"+id, nil, &x); err != nil {
					return err
				}
				if err := json.Unmarshal([]byte(x.Text), &terms[i]); err != nil {
					return fmt.Errorf("accord %s: %w", id, err)
				}
			}
			changes, err := accord.Diff(terms[0], terms[1])
			if err != nil {
				return err
			}
			return a.show(map[string]any{"changes": changes}, func(w io.Writer) {
				for _, x := range changes {
					line(w, x.Term, x.Before, "→ "+x.After)
				}
			})
		},
	}
	return group("accord", "Accords: what may pass, agreed and signed",
		draft, diff,
		act("offer DRAFT", "Sign a draft and send it to the other members", "/drafts/%s/offer", nil, 1),
		act("sign ACCORD", "Sign an accord that was offered", "/accords/%s/sign", nil, 1),
		list, show, suspend,
		act("resume ACCORD", "Take our suspension back", "/accords/%s/resume", nil, 1),
		end,
		act("rung ACCORD PARTY RUNG", "Move the rung granted to a partner: down at once, up when accepted", "/accords/%s/rung",
			func(args []string) any { return map[string]string{"to": args[1], "rung": args[2]} }, 3),
		act("accept ACCORD PARTY", "Accept the rung that a partner offers", "/accords/%s/accept",
			func(args []string) any { return map[string]string{"from": args[1]} }, 2),
	)
}

func (a *app) showAccord(x node.Accord) error {
	return a.show(x, func(w io.Writer) {
		line(w, "accord", x.ID)
		line(w, "title", x.Title)
		line(w, "state", x.State, x.Reason)
		for _, m := range x.Members {
			signed := "not signed"
			if m.Signed {
				signed = "signed"
			}
			line(w, "member", m.Party, m.Fingerprint, signed)
		}
		for _, m := range x.Witnesses {
			line(w, "witness", m.Party, m.Fingerprint)
		}
		for _, r := range x.Rungs {
			line(w, "rung", r.From+" grants "+r.To, r.Rung)
		}
		line(w, "ceiling", x.Ceiling.Rung, x.Ceiling.TLP, "place "+x.Ceiling.Place, "time "+x.Ceiling.Time)
		line(w, "expires", x.Expires)
	})
}

func readFile(path string, stdin io.Reader) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(stdin)
	}
	return os.ReadFile(path)
}
