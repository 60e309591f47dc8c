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
	MinP      float64     `json:"min_p"`
	Expected  float64     `json:"expected"`
	Precision float64     `json:"precision"`
	Recall    float64     `json:"recall"`
	Left      fusedList   `json:"left"`
	Right     fusedList   `json:"right"`
	Weights   []fusedRate `json:"weights"`
}

type fusedPair struct {
	Left     string                   `json:"left"`
	Right    string                   `json:"right"`
	P        float64                  `json:"p"`
	Evidence map[string]fusedEvidence `json:"evidence"`
}

type fusedEvidence struct {
	Left       string   `json:"left"`
	Right      string   `json:"right"`
	Says       string   `json:"says"`
	Weight     float64  `json:"weight"`
	Similarity *float64 `json:"similarity,omitempty"`
	KM         *float64 `json:"km,omitempty"`
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
	c := &cobra.Command{
		Use: "fuse LEFT RIGHT", Short: "Find which reports of two lists are of one event, offline", Args: cobra.ExactArgs(2),
		Long: "Find which reports of two lists are of one event.\n\n" +
			"LEFT and RIGHT are CSV files with the columns id, date, place, admin1, lat, lon, killed, wounded, kind, text, any of which may be empty or absent; " +
			"- is standard input. Each pair comes with its probability and what speaks for and against it. No report is in two pairs. " +
			"Exit code 1 where a file is not such a list, or rows of it could not be read at all.",
		RunE: func(cmd *cobra.Command, args []string) error {
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
				Precision: res.Precision, Recall: res.Recall, Left: l, Right: r, Weights: []fusedRate{},
			}
			for _, p := range res.Pairs {
				out.Pairs = append(out.Pairs, fusedPair{left[p.Left].ID, right[p.Right].ID, p.P, evidence(p.Evidence)})
			}
			for _, w := range res.Weights {
				out.Weights = append(out.Weights, fusedRate(w))
			}
			err = a.show(out, func(w io.Writer) { a.fusedTable(w, out, res) })
			if err == nil && (refused(l) || refused(r)) {
				err = no
			}
			return err
		},
	}
	c.Flags().Float64Var(&minP, "min-p", minP, "least probability of a pair, 0 to 1 (default: what makes the expected F1 greatest)")
	c.Flags().Lookup("min-p").DefValue = ""
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

func evidence(in []fusion.Evidence) map[string]fusedEvidence {
	out := map[string]fusedEvidence{}
	for _, e := range in {
		x := fusedEvidence{Left: e.Left, Right: e.Right, Says: e.Says, Weight: e.Weight}
		if e.Similarity >= 0 {
			x.Similarity = &e.Similarity
		}
		if e.Distance >= 0 {
			x.KM = &e.Distance
		}
		out[e.Feature] = x
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
