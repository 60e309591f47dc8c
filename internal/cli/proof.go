package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"parley.example/parley/accord"
	"parley.example/parley/deconflict"
	"parley.example/parley/internal/client"
	"parley.example/parley/internal/dist"
	"parley.example/parley/internal/node"
)

func (a *app) receiptCmd() *cobra.Command {
	var out string
	var short bool
	export := &cobra.Command{
		Use: "export LOG INDEX", Short: "Write the receipt of a ledger event: proof for anyone, offline", Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			if _, err := strconv.ParseUint(args[1], 10, 62); err != nil {
				return usage("index %q is not a number", args[1])
			}
			var file []byte
			q := url.Values{"log": {args[0]}, "index": {args[1]}}
			if err := a.client().Get(c.Context(), "/ledger/receipt", q, &file); err != nil {
				return err
			}
			with := ""
			if short {
				var err error
				if file, err = accord.Brief(file); err != nil {
					return err
				}
				with = " --with FILE, a whole receipt under the accord or the accord and the cards"
			}
			return a.writeProof(out, file, 0o644, with)
		},
	}
	export.Flags().StringVarP(&out, "out", "o", "parley-receipt.txt", "file to write; - for standard output")
	export.Flags().BoolVar(&short, "short", false, shortUsage)
	return group("receipt", "Receipts: what proves an act to anyone", export)
}

const shortUsage = "leave out the accord, the cards and the ML-DSA-44 cosignatures: for whoever has the first two; keep the whole file for the years"

// writeProof writes a file that parley verify judges, and says so; with is what it
// needs besides.
func (a *app) writeProof(out string, file []byte, mode os.FileMode, with string) error {
	if out == "-" {
		_, err := a.out.Write(file)
		return err
	}
	if err := os.WriteFile(out, file, mode); err != nil {
		return err
	}
	return a.show(map[string]any{"file": out, "bytes": len(file)}, func(w io.Writer) {
		line(w, "wrote", out)
		line(w, "check it anywhere with", "parley verify "+out+with)
	})
}

// verification is the answer of verify, for one file.
type verification struct {
	OK        bool     `json:"ok"`
	What      string   `json:"what"`
	File      string   `json:"file"`
	Signers   []string `json:"signers"`
	Witnesses []string `json:"witnesses"`
	// PostQuantum are those of both whose cosignature is with ML-DSA-44 too.
	PostQuantum []string `json:"post_quantum,omitempty"`
	// Strengths are the kinds of signature that were checked.
	Strengths   []string `json:"strengths,omitempty"`
	Brief       bool     `json:"brief,omitempty"`        // the file left out what the verifier has
	WitnessedAt string   `json:"witnessed_at,omitempty"` // by the actor's clock
	Reasons     []string `json:"reasons"`
	Accord      string   `json:"accord,omitempty"`
	Title       string   `json:"title,omitempty"`
	Kind        string   `json:"kind,omitempty"`
	At          string   `json:"at,omitempty"`
	Log         string   `json:"log,omitempty"`
	Index       int64    `json:"index,omitempty"`
	Keys        []string `json:"keys,omitempty"` // party and fingerprint, to compare
	Event       any      `json:"event,omitempty"`
}

func (a *app) verifyCmd() *cobra.Command {
	var want string
	var cards, with []string
	c := &cobra.Command{
		Use: "verify FILE…", Short: "Check receipts, evidence and releases offline, with no node", Args: cobra.MinimumNArgs(1),
		Long: `Judges each file by itself: a receipt, evidence of a fork or of disorder, an opening of plans,
or the signed manifest of a release of Parley, with which the files beside it are compared.
Ends with 1 where one is not valid.`,
		RunE: func(_ *cobra.Command, args []string) error {
			all := true
			var known [][]byte
			for _, name := range append(with, cards...) {
				b, err := os.ReadFile(name)
				if err != nil {
					return err
				}
				known = append(known, b)
			}
			var results []verification
			for _, name := range args {
				b, err := os.ReadFile(name)
				if err != nil {
					return err
				}
				v := verify(name, b, want, known)
				all = all && v.OK
				results = append(results, v)
			}
			var shown any = results
			if len(results) == 1 {
				shown = results[0]
			} else if a.json {
				shown = map[string]any{"ok": all, "what": "receipts", "files": results, "signers": []string{}, "witnesses": []string{}, "reasons": []string{}}
			}
			err := a.show(shown, func(w io.Writer) {
				for _, v := range results {
					v.print(w)
				}
			})
			if err == nil && !all {
				err = no
			}
			return err
		},
	}
	c.Flags().StringArrayVar(&cards, "card", nil, "a newer card of a party: what was signed with a key that it replaced, beyond where it says, is refused")
	c.Flags().StringArrayVar(&with, "with", nil, "a card, an accord or a whole receipt that is at hand: what a short file leaves out is taken from there; for a release, the file with the maintainers' public key")
	c.Flags().StringVar(&want, "accord", "", "the accord that it must be under: its id or the beginning of it")
	return c
}

func verify(name string, b []byte, want string, known [][]byte) verification {
	out := verification{What: "receipt", File: name, Signers: []string{}, Witnesses: []string{}, Reasons: []string{}}
	if dist.IsManifest(b) {
		return verifyRelease(name, b, known)
	}
	if accord.IsEvidence(b) {
		return verifyEvidence(out, b, want, known)
	}
	if verifyDeconflict(&out, b, known) {
		if out.OK && !strings.HasPrefix(out.Accord, want) {
			out.OK, out.Reasons = false, []string{fmt.Sprintf("it is under accord %s, not %s", out.Accord, want)}
		}
		return out
	}
	v, err := accord.VerifyReceipt(b, known...)
	if err == nil && !strings.HasPrefix(v.Accord.ID, want) {
		err = fmt.Errorf("it is under accord %s, not %s", v.Accord.ID, want)
	}
	if err != nil {
		out.Reasons = append(out.Reasons, err.Error())
		return out
	}
	out.OK = true
	out.Signers = append([]string{v.Event.Party}, v.Members...)
	out.Witnesses = append(out.Witnesses, v.Witnesses...)
	out.PostQuantum, out.Strengths, out.Brief = v.PostQuantum, []string{"Ed25519"}, v.Brief
	if len(v.PostQuantum) > 0 {
		out.Strengths = append(out.Strengths, "ML-DSA-44")
	}
	if v.Brief {
		out.Reasons = append(out.Reasons, "a short file: cosignatures were checked by Ed25519 alone; the whole receipt has those by ML-DSA-44 too")
	}
	if !v.WitnessedAt.IsZero() {
		out.WitnessedAt = v.WitnessedAt.UTC().Format("2006-01-02T15:04:05.000000Z")
	}
	out.Accord, out.Title, out.Kind, out.Index = v.Accord.ID, v.Accord.Terms.Title, string(v.Event.Kind), v.Index
	out.At, out.Log, out.Event = v.Event.At.UTC().Format("2006-01-02T15:04:05.000000Z"), v.Checkpoint.Origin, v.Event.Data
	for _, m := range append(v.Accord.Terms.Members, v.Accord.Terms.Witnesses...) {
		out.Keys = append(out.Keys, m.Party+" "+m.Fingerprint())
	}
	if len(v.Members) == 0 {
		out.Reasons = append(out.Reasons, "no other member has cosigned yet: it proves what "+v.Event.Party+" signed, not that a partner holds it")
	}
	return out
}

// verifyEvidence judges evidence against the owner of a log.
func verifyEvidence(out verification, b []byte, want string, known [][]byte) verification {
	out.What = "evidence"
	v, err := accord.VerifyEvidence(b, known...)
	if err == nil && !strings.HasPrefix(v.Accord.ID, want) {
		err = fmt.Errorf("it is under accord %s, not %s", v.Accord.ID, want)
	}
	if err != nil {
		out.Reasons = append(out.Reasons, err.Error())
		return out
	}
	out.OK, out.Signers, out.Accord, out.Title, out.Log = true, []string{v.Party}, v.Accord.ID, v.Accord.Terms.Title, v.Log
	out.Reasons = append(out.Reasons, v.Proven)
	for _, m := range append(v.Accord.Terms.Members, v.Accord.Terms.Witnesses...) {
		out.Keys = append(out.Keys, m.Party+" "+m.Fingerprint())
	}
	return out
}

func (v verification) print(w io.Writer) {
	if v.What == "release" {
		v.printRelease(w)
		return
	}
	if v.OK && v.What == "evidence" {
		line(w, v.File, "valid evidence")
		line(w, "proven", v.Reasons[0])
		line(w, "accord", short(v.Accord), v.Title)
		for _, k := range v.Keys {
			party, fp, _ := strings.Cut(k, " ")
			line(w, "key of "+party, fp)
		}
		return
	}
	if !v.OK {
		line(w, v.File, "NOT VALID")
		for _, r := range v.Reasons {
			line(w, "", r)
		}
		return
	}
	line(w, v.File, "valid")
	if fs, ok := v.Event.([]deconflict.Footprint); ok {
		line(w, "matched nothing but", fmt.Sprintf("%d footprints", len(fs)))
		for _, f := range fs {
			line(w, "", f.ID, f.Title, f.Purpose, f.LegalBasis, f.Officer, f.From.Format(time.RFC3339), fmt.Sprintf("%d places, %d corners", len(f.Places), len(f.Area)))
		}
	}
	line(w, "act", v.Kind, "by "+v.Signers[0], "at "+v.At)
	line(w, "accord", short(v.Accord), v.Title)
	line(w, "signed by", strings.Join(v.Signers, ", "))
	line(w, "witnessed by", strings.Join(v.Witnesses, ", "), v.WitnessedAt)
	line(w, "checked by", strings.Join(v.Strengths, ", "))
	line(w, "with ML-DSA-44", strings.Join(v.PostQuantum, ", "))
	for _, k := range v.Keys {
		party, fp, _ := strings.Cut(k, " ")
		line(w, "key of "+party, fp)
	}
	for _, r := range v.Reasons {
		line(w, "note", r)
	}
}

func (a *app) logCmd() *cobra.Command {
	show := &cobra.Command{
		Use: "show [ACCORD]", Short: "Show logs and their newest events", Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			q := url.Values{}
			if len(args) == 1 {
				q.Set("accord", args[0])
			}
			var out node.LedgerView
			if err := a.client().Get(c.Context(), "/ledger", q, &out); err != nil {
				return err
			}
			return a.show(out, func(w io.Writer) {
				for _, l := range out.Logs {
					line(w, l.Log, fmt.Sprintf("%d entries", l.Size), "cosigned by "+strings.Join(l.CosignedBy, ", "), "witnessed by "+strings.Join(l.WitnessedBy, ", "))
				}
				for _, e := range out.Events {
					line(w, e.At, e.Party, fmt.Sprint(e.Index), e.Kind, e.Summary)
				}
			})
		},
	}
	audit := &cobra.Command{
		Use: "audit", Short: "Check every log of the node again, from its leaves up; works without a running node", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			out, err := a.audit(c.Context())
			if err != nil {
				return err
			}
			err = a.show(out, func(w io.Writer) {
				for _, l := range out.Logs {
					state := "good"
					if len(l.Faults) > 0 {
						state = "BAD"
					}
					line(w, l.Log, fmt.Sprintf("%d entries, %d open to us", l.Entries, l.Opened), state)
					for _, f := range l.Faults {
						line(w, "", f)
					}
				}
			})
			if err == nil && !out.OK {
				err = no
			}
			return err
		},
	}
	var out string
	var short bool
	evidence := &cobra.Command{
		Use: "evidence [ALARM]", Short: "List alarms, or write one's evidence as a file that parley verify judges", Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				var file []byte
				if err := a.client().Get(c.Context(), "/alarms/"+url.PathEscape(args[0])+"/evidence", nil, &file); err != nil {
					return err
				}
				if short {
					var err error
					if file, err = accord.Brief(file); err != nil {
						return err
					}
				}
				if err := os.WriteFile(out, file, 0o644); err != nil {
					return err
				}
				return a.show(map[string]any{"file": out, "bytes": len(file)}, func(w io.Writer) { line(w, "wrote", out) })
			}
			var list struct {
				Alarms []node.Alarm `json:"alarms"`
			}
			if err := a.client().Get(c.Context(), "/alarms", nil, &list); err != nil {
				return err
			}
			return a.show(list, func(w io.Writer) {
				for _, x := range list.Alarms {
					proof := "no proof for others"
					if x.Evidence != "" {
						proof = "with evidence"
					}
					line(w, x.ID, x.At, x.Party, proof, x.Text)
				}
			})
		},
	}
	evidence.Flags().StringVarP(&out, "out", "o", "parley-evidence.txt", "file to write")
	evidence.Flags().BoolVar(&short, "short", false, shortUsage)
	return group("log", "The ledger: who did what, when", show, audit, evidence)
}

// audit asks the running node, or opens the folder itself where none runs.
func (a *app) audit(ctx context.Context) (out node.Audit, err error) {
	err = a.client().Get(ctx, "/audit", nil, &out)
	if !errors.Is(err, client.ErrNoNode) {
		return out, err
	}
	n, err := node.Open(ctx, a.dir, node.Options{Passphrase: a.unlock})
	if err != nil {
		return out, err
	}
	out, err = n.Audit(ctx)
	return out, errors.Join(err, n.Close())
}
