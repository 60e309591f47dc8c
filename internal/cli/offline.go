package cli

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"parley.example/parley/selector"
	"parley.example/parley/stix"
)

// validation is the answer of validate.
type validation struct {
	Files []validatedFile `json:"files"`
	OK    bool            `json:"ok"`
}

type validatedFile struct {
	File     string         `json:"file"`
	Objects  int            `json:"objects"`
	Errors   []stix.Finding `json:"errors"`
	Warnings []stix.Finding `json:"warnings"`
}

func (a *app) validateCmd() *cobra.Command {
	return &cobra.Command{
		Use: "validate FILE…", Short: "Check STIX 2.1 files against the specification, offline", Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			out := validation{Files: []validatedFile{}, OK: true}
			for _, name := range args {
				f, err := a.validate(name)
				if err != nil {
					return err
				}
				out.OK = out.OK && len(f.Errors) == 0
				out.Files = append(out.Files, f)
			}
			err := a.show(out, func(w io.Writer) {
				for _, f := range out.Files {
					fmt.Fprintf(w, "%s: %d objects, %d errors, %d warnings\n", f.File, f.Objects, len(f.Errors), len(f.Warnings))
					summarise(w, f.Errors)
					summarise(w, f.Warnings)
				}
			})
			if err == nil && !out.OK {
				err = no
			}
			return err
		},
	}
}

func (a *app) validate(name string) (validatedFile, error) {
	out := validatedFile{File: name, Errors: []stix.Finding{}, Warnings: []stix.Finding{}}
	var r io.Reader = a.in
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return out, err
		}
		defer f.Close()
		r = f
	}
	sort := func(found []stix.Finding) {
		for _, f := range found {
			if f.Severity == stix.Error {
				out.Errors = append(out.Errors, f)
			} else {
				out.Warnings = append(out.Warnings, f)
			}
		}
	}
	_, whole, err := stix.ValidateAll(bufio.NewReaderSize(r, 1<<20), func(_ int, _ []byte, found []stix.Finding) {
		out.Objects++
		sort(found)
	})
	sort(whole)
	if err != nil {
		out.Errors = append(out.Errors, stix.Finding{Severity: stix.Error, Rule: "syntax", Section: "3.1", Message: err.Error()})
	}
	return out, nil
}

// shown is how many findings of one rule are listed for people; JSON has all.
const shown = 5

// summarise prints findings rule by rule, so that thousands of one kind do not
// hide the one of another.
func summarise(w io.Writer, findings []stix.Finding) {
	byRule := make(map[string][]stix.Finding)
	var rules []string
	for _, f := range findings {
		if byRule[f.Rule] == nil {
			rules = append(rules, f.Rule)
		}
		byRule[f.Rule] = append(byRule[f.Rule], f)
	}
	for _, r := range rules {
		for i, f := range byRule[r] {
			if i == shown {
				line(w, "  "+string(f.Severity), "", "", r, "", fmt.Sprintf("and %d more; --json lists them", len(byRule[r])-shown))
				break
			}
			line(w, "  "+string(f.Severity), f.ID, f.Path, f.Rule, f.Section, f.Message)
		}
	}
}

func (a *app) selectorCmd() *cobra.Command {
	var kind string
	var regions []string
	each := func(use, short string, answer func(value string) (string, error)) *cobra.Command {
		c := &cobra.Command{
			Use: use, Short: short, Args: cobra.NoArgs,
			RunE: func(*cobra.Command, []string) error {
				if selector.Version(kind) == "" {
					var names []string
					for _, k := range selector.Kinds() {
						names = append(names, k.Name)
					}
					return usage("kind %q is none of %s", kind, strings.Join(names, ", "))
				}
				in := bufio.NewReader(a.in)
				out := bufio.NewWriter(a.out)
				for {
					text, err := in.ReadString('\n')
					if text != "" {
						s, err := answer(strings.TrimRight(text, "\r\n"))
						if err != nil {
							return err
						}
						fmt.Fprintln(out, s)
					}
					if err == io.EOF {
						return out.Flush()
					}
					if err != nil {
						return fmt.Errorf("reading standard input: %w", err)
					}
				}
			},
		}
		c.Flags().StringVar(&kind, "kind", "", "selector kind, such as phone, plate or name")
		c.Flags().StringSliceVar(&regions, "region", nil, "countries whose national phone numbers are understood (default AF, PK)")
		_ = c.MarkFlagRequired("kind")
		return c
	}
	regional := func() (opts []selector.Option) {
		if len(regions) > 0 {
			opts = append(opts, selector.Regions(regions...))
		}
		return opts
	}
	return group("selector", "Selectors: the keys that private matching compares",
		each("keys", "Print each line's keys, separated by tabs; an empty line where there is none; a name may stand without its year", func(v string) (string, error) {
			return strings.Join(selector.Keys(kind, v, regional()...), "\t"), nil
		}),
		each("normalise", "Print each line's keys, or why it has none", func(v string) (string, error) {
			ks, err := selector.Normalise(kind, v, regional()...)
			if err != nil {
				return "# " + err.Error(), nil
			}
			return strings.Join(ks, "\t"), nil
		}))
}
