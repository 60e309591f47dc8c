package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"parley.example/parley/internal/demo"
)

func (a *app) demoCmd() *cobra.Command {
	var opt demo.Options
	var once bool
	var keep string
	c := &cobra.Command{
		Use: "demo", Short: "Play the whole story over three real nodes on this machine", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			if opt.Binary, err = os.Executable(); err != nil {
				return err
			}
			if opt.Dir = keep; keep == "" {
				if opt.Dir, err = os.MkdirTemp("", "parley-demo-"); err != nil {
					return err
				}
				defer os.RemoveAll(opt.Dir)
			} else if opt.Dir, err = freshFolder(keep); err != nil {
				return err
			}
			if !a.json {
				opt.Say = func(s string) { fmt.Fprintln(a.out, s) }
				opt.Say(demo.Notice)
			}
			w, err := demo.Play(c.Context(), opt)
			defer func() { err = errors.Join(err, w.Stop()) }()
			if a.json {
				e := json.NewEncoder(a.out)
				e.SetEscapeHTML(false)
				e.SetIndent("", "  ")
				if jerr := e.Encode(w.Result()); jerr != nil {
					return jerr
				}
			}
			if err != nil {
				return &codeError{exitNo, err}
			}
			if once {
				if !a.json {
					fmt.Fprintf(a.out, "\nEvery step happened, in %.1f seconds.\n", w.Result().Seconds)
				}
				return nil
			}
			links, err := w.Links(c.Context())
			if err != nil {
				return err
			}
			fmt.Fprintf(a.out, "\nThree nodes are running. Open a console; each link signs in once:\n\n")
			for _, p := range []string{"north", "south", "guarantor"} {
				fmt.Fprintf(a.out, "  %-10s %s\n", p, links[p])
			}
			fmt.Fprintf(a.out, "\nTry: South's Inbox and Ledger; suspend the accord in North and watch South; download a receipt and run\n  parley verify FILE\nor, in a terminal,\n  parley status --dir %s\nAnother link: parley user link --name NAME --dir …   Stop with Ctrl-C.\n", filepath.Join(opt.Dir, "north"))
			<-c.Context().Done()
			fmt.Fprintln(a.out, "\nStopping.")
			return nil
		},
	}
	f := c.Flags()
	f.BoolVar(&once, "once", false, "play the story and exit; 0 only if each step really happened")
	f.StringSliceVar(&opt.Data, "data", nil, "files that North imports besides the invented world (UCDP GED or STIX)")
	f.Uint64Var(&opt.Seed, "seed", 7, "seed of the invented world")
	f.StringVar(&keep, "keep", "", "folder to keep the nodes in; left out, they are removed afterwards")
	return c
}

// freshFolder makes sure that a folder is there and empty.
func freshFolder(dir string) (string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	names, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	if len(names) > 0 {
		return "", &codeError{exitNo, fmt.Errorf("%s is not empty: the demonstration wants a folder of its own", dir)}
	}
	return filepath.Abs(dir)
}
