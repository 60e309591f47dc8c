package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"parley.example/parley/accord"
	"parley.example/parley/internal/node"
)

// witnessCmd runs a witness alone: no database, no console, no ledger of its
// own.
func (a *app) witnessCmd() *cobra.Command {
	var cfg node.Config
	run := &cobra.Command{
		Use: "witness", Short: "Run a witness alone: it cosigns the node logs of members, and holds nothing else", Args: cobra.NoArgs,
		Long: `A witness vouches that members take back nothing of what they logged. It sees
their node logs, which grow by one entry at a fixed cadence and tell nothing of
what is exchanged.

It is made with parley witness init, given the members' cards with parley
witness add, and named in accords as a full node would be. What it signed last
lies in the folder guard/, which must not be restored from a backup: a witness
that forgot what it signed could be made to vouch for two histories, and
refuses to run without that folder. Evidence of a member that showed two
histories is kept in the folder evidence/, for parley verify.`,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.runWitness(c.Context(), slog.New(slog.NewTextHandler(a.err, nil)))
		},
	}
	initialise := &cobra.Command{
		Use: "init", Short: "Make a witness's folder: keys and card", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			cfg.Console = "127.0.0.1:0" // it has none; the field must hold an address
			cfg, err := node.Init(a.dir, cfg)
			if err != nil {
				return &codeError{exitNo, err}
			}
			w, err := node.OpenWitness(a.dir, node.Options{Passphrase: a.unlock})
			if err != nil {
				return err
			}
			if err := w.Close(); err != nil {
				return err
			}
			card, err := a.witnessCard(cfg.Party)
			if err != nil {
				return err
			}
			return a.show(map[string]any{"dir": a.dir, "party": cfg.Party, "link": cfg.Link, "fingerprint": accord.Fingerprint(card.RootKey())}, func(w io.Writer) {
				line(w, "witness", cfg.Party, cfg.Name)
				line(w, "folder", a.dir)
				line(w, "fingerprint", accord.Fingerprint(card.RootKey()))
				line(w, "members reach it at", cfg.Link)
				line(w, "next", "parley witness card FILE, parley witness add FILE, parley witness")
			})
		},
	}
	f := initialise.Flags()
	f.StringVar(&cfg.Party, "party", "", "short name of the party: lower-case letters, digits, dots, hyphens")
	f.StringVar(&cfg.Name, "name", "", "the party's full name, any script")
	f.StringVar(&cfg.Link, "link", "127.0.0.1:8601", "address that members reach (port 0 chooses a free one)")
	_ = initialise.MarkFlagRequired("party")
	_ = initialise.MarkFlagRequired("name")
	export := &cobra.Command{
		Use: "card FILE", Short: "Write the witness's card as an invitation file", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			card, err := a.witnessCard("")
			if err != nil {
				return err
			}
			if err := os.WriteFile(args[0], card.Note(), 0o644); err != nil {
				return err
			}
			return a.show(map[string]any{"file": args[0], "fingerprint": accord.Fingerprint(card.RootKey())}, func(w io.Writer) {
				line(w, "wrote", args[0])
				line(w, "let the members compare", accord.Fingerprint(card.RootKey()))
			})
		},
	}
	var fingerprint string
	add := &cobra.Command{
		Use: "add FILE", Short: "Take in a member's card, also while the witness runs", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			note, err := os.ReadFile(args[0])
			if err != nil {
				return err
			}
			card, err := node.AddWitnessCard(a.dir, note, fingerprint)
			if err != nil {
				return &codeError{exitNo, fmt.Errorf("%s: %w", args[0], err)}
			}
			return a.show(map[string]any{"party": card.Party, "fingerprint": accord.Fingerprint(card.RootKey())}, func(w io.Writer) {
				line(w, "added", card.Party, card.Name)
				line(w, "fingerprint", accord.Fingerprint(card.RootKey()))
			})
		},
	}
	add.Flags().StringVar(&fingerprint, "fingerprint", "", "the fingerprint that the member told; the card is refused when it differs")
	show := &cobra.Command{
		Use: "show", Short: "Show which node logs were witnessed, and up to where", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			logs, err := node.WitnessedLogs(a.dir)
			if err != nil {
				return err
			}
			return a.show(map[string]any{"witnessed": logs}, func(w io.Writer) {
				for _, l := range logs {
					line(w, l.Log, fmt.Sprintf("%d ticks", l.Size), l.Root)
				}
			})
		},
	}
	rotate := &cobra.Command{
		Use: "rotate", Short: "Replace the witness's keys, all but the long-term one; stop it first", Args: cobra.NoArgs,
		Long: `The new card, signed by the long-term key, says of every node log up to where the
old keys count: what they cosigned until now stays proof, and what somebody who
stole them signs from now on is none. Members learn it from the witness's next
answer.`,
		RunE: func(*cobra.Command, []string) (err error) {
			w, err := node.OpenWitness(a.dir, node.Options{})
			if errors.Is(err, node.ErrRunning) {
				return &codeError{exitCould, fmt.Errorf("%w: stop the witness, replace its keys, and start it again", err)}
			}
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, w.Close()) }()
			card, err := w.RotateKeys()
			if err != nil {
				return err
			}
			return a.show(map[string]any{"party": card.Party, "sequence": card.Sequence, "fingerprint": accord.Fingerprint(card.RootKey())}, func(w io.Writer) {
				line(w, "replaced", fmt.Sprintf("the keys of %s; its card is now number %d", card.Party, card.Sequence))
				line(w, "fingerprint", accord.Fingerprint(card.RootKey())+" (as before)")
				line(w, "next", "parley witness")
			})
		},
	}
	run.AddCommand(initialise, export, add, show, rotate)
	return run
}

// witnessCard finds the own card in a witness's folder.
func (a *app) witnessCard(party string) (accord.Card, error) {
	if party == "" {
		cfg, err := node.ReadConfig(a.dir)
		if err != nil {
			return accord.Card{}, err
		}
		party = cfg.Party
	}
	cards, err := node.WitnessCards(a.dir)
	for _, c := range cards {
		if c.Party == party {
			return c, nil
		}
	}
	return accord.Card{}, errors.Join(err, fmt.Errorf("%s holds no witness: make one with parley witness init", a.dir))
}

func (a *app) runWitness(ctx context.Context, log *slog.Logger) (err error) {
	w, err := node.OpenWitness(a.dir, node.Options{Log: log, Passphrase: a.unlock})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	return w.Run(ctx, func() {
		fmt.Fprintf(a.out, "parley %s: %s witnesses for members on %s\n", Version, w.Party(), w.Config().Link)
	})
}
