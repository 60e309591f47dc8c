package cli

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"parley.example/parley/fusion"
)

// fused is the answer of fuse.
type fused struct {
	Pairs []fusedPair `json:"pairs"`
	// MinP is the probability that a pair had to reach; Expected how many events
	// both lists are expected to report; Precision and Recall what the
	// probabilities expect of the pairs.
	MinP      float64 `json:"min_p"`
	Expected  float64 `json:"expected"`
	Precision float64 `json:"precision"`
	Recall    float64 `json:"recall"`
	// Uncompared is how many reports of the left list were left out, because the
	// lists bring too many near each other.
	Uncompared int         `json:"uncompared,omitempty"`
	Left       fusedList   `json:"left"`
	Right      fusedList   `json:"right"`
	Weights    []fusedRate `json:"weights"`
}

type fusedPair struct {
	Left     string                     `json:"left"`
	Right    string                     `json:"right"`
	P        float64                    `json:"p"`
	Evidence map[string]fusion.Evidence `json:"evidence"`
}

type fusedList struct {
	File       string             `json:"file"`
	Reports    int                `json:"reports"`
	Notes      []fusion.Note      `json:"notes"`
	Duplicates []fusion.Duplicate `json:"duplicates"`
}

type fusedRate struct {
	Feature   string  `json:"feature"`
	Level     string  `json:"level"`
	Same      float64 `json:"same"`
	Different float64 `json:"different"`
	Weight    float64 `json:"weight"`
}

func (a *app) fuseCmd() *cobra.Command {
	minP := float64(fusion.BestF1)
	var held heldFusion
	c := &cobra.Command{
		Use: "fuse LEFT RIGHT", Short: "Find which reports are of one event: of two lists, offline, or among all that the node holds",
		Args: func(_ *cobra.Command, args []string) error { return held.args(args) },
		Long: "Find which reports of two lists are of one event.\n\n" +
			"LEFT and RIGHT are CSV files with the columns id, date, place, admin1, lat, lon, killed, wounded, kind, text, any of which may be empty or absent; " +
			"- is standard input. Each pair comes with its probability and what speaks for and against it. No report is in two pairs. " +
			"Exit code 1 where a file is not such a list, or rows of it could not be read at all.\n\n" +
			"With --node, the reports that the node holds are compared, party with party and dataset with dataset, and links proposed; --list shows them without comparing again. " +
			"--confirm, --split and --undo with the ids of two reports say whether they are of one event.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if held.any() {
				return a.fuseHeld(cmd, held, args)
			}
			if cmd.Flags().Changed("min-p") && !(minP >= 0 && minP <= 1) {
				return usage("--min-p %v is not a probability from 0 to 1", minP)
			}
			if args[0] == "-" && args[1] == "-" {
				return usage("only one of the two lists can be standard input")
			}
			left, l, err := a.reports(args[0])
			if err != nil {
				return err
			}
			right, r, err := a.reports(args[1])
			if err != nil {
				return err
			}
			res := fusion.Link(left, right, minP)
			out := fused{
				Pairs: []fusedPair{}, MinP: res.MinP, Expected: res.Expected,
				Precision: res.Precision, Recall: res.Recall, Uncompared: res.Uncompared, Left: l, Right: r, Weights: []fusedRate{},
			}
			for _, p := range res.Pairs {
				out.Pairs = append(out.Pairs, fusedPair{left[p.Left].ID, right[p.Right].ID, p.P, evidence(p.Evidence)})
			}
			for _, w := range res.Weights {
				out.Weights = append(out.Weights, fusedRate(w))
			}
			err = a.show(out, func(w io.Writer) { a.fusedTable(w, out, res) })
			if err == nil && (refused(l) || refused(r) || res.Uncompared > 0) {
				err = no
			}
			return err
		},
	}
	c.Flags().Float64Var(&minP, "min-p", minP, "least probability of a pair, 0 to 1 (default: what makes the expected F1 greatest)")
	c.Flags().Lookup("min-p").DefValue = ""
	c.Flags().BoolVar(&held.node, "node", false, "compare what the node holds")
	c.Flags().BoolVar(&held.list, "list", false, "show the node's events with several reports")
	c.Flags().BoolVar(&held.confirm, "confirm", false, "LEFT and RIGHT, two reports that the node holds, are of one event")
	c.Flags().BoolVar(&held.split, "split", false, "they are not")
	c.Flags().BoolVar(&held.undo, "undo", false, "take back what was said of them last")
	c.Flags().StringVar(&held.reason, "reason", "", "why")
	c.MarkFlagsMutuallyExclusive("node", "list", "confirm", "split", "undo")
	return c
}

func (a *app) reports(file string) ([]fusion.Report, fusedList, error) {
	out := fusedList{File: file, Notes: []fusion.Note{}}
	r := a.in
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, out, err
		}
		defer f.Close()
		r = f
	}
	list, notes, err := fusion.ReadCSV(r)
	if err != nil {
		return nil, out, &codeError{exitNo, fmt.Errorf("%s: %w", file, err)}
	}
	out.Notes = append(out.Notes, notes...)
	out.Reports, out.Duplicates = len(list), fusion.Duplicates(list)
	return list, out, nil
}

func refused(l fusedList) bool {
	for _, n := range l.Notes {
		if n.Refused {
			return true
		}
	}
	return false
}

func evidence(in []fusion.Evidence) map[string]fusion.Evidence {
	out := map[string]fusion.Evidence{}
	for _, e := range in {
		out[e.Feature] = e
	}
	return out
}

func (a *app) fusedTable(w io.Writer, out fused, res fusion.Result) {
	for _, l := range []fusedList{out.Left, out.Right} {
		for _, n := range l.Notes {
			fmt.Fprintln(a.err, clean(l.File+": "+n.String()))
		}
		for _, d := range l.Duplicates {
			fmt.Fprintln(a.err, clean(fmt.Sprintf("%s: %v have the same %s", l.File, d.IDs, d.Same)))
		}
	}
	if out.Uncompared > 0 {
		fmt.Fprintf(a.err, "the last %d reports of %s were not compared: too many reports lie near each other; part the lists by time\n", out.Uncompared, clean(out.Left.File))
	}
	line(w, "left", "right", "p", "speaks for it", "speaks against it")
	for i, p := range out.Pairs {
		says := map[bool]string{}
		for _, e := range res.Pairs[i].Evidence {
			if e.Weight == 0 {
				continue
			}
			against := e.Weight < 0
			if says[against] != "" {
				says[against] += "; "
			}
			says[against] += fmt.Sprintf("%s: %s (%+.1f)", e.Feature, e.Says, e.Weight)
		}
		line(w, p.Left, p.Right, fmt.Sprintf("%.3f", p.P), says[false], says[true])
	}
	fmt.Fprintf(w, "\n%d pairs from %d and %d reports; about %.0f events are expected in both; of these pairs %.0f %% are expected to be right.\n",
		len(out.Pairs), out.Left.Reports, out.Right.Reports, out.Expected, 100*out.Precision)
}
