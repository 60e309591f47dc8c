package cli

import (
	"errors"
	"io"
	"time"

	"github.com/spf13/cobra"

	"parley.example/parley/internal/node"
)

// doctorCmd says what is wrong with a node and what to do.
func (a *app) doctorCmd() *cobra.Command {
	return &cobra.Command{
		Use: "doctor", Short: "Explain what is wrong with the node and what to do", Args: cobra.NoArgs,
		Long: `Looks at the node's folder, and at the running node or, where it does not run, at its
database, which is read whole. Ends with 1 where something is not as it should be.`,
		RunE: func(c *cobra.Command, _ []string) error {
			out := struct {
				Checks []node.Check `json:"checks"`
				OK     bool         `json:"ok"`
			}{Checks: node.ExamineFolder(a.dir, time.Now(), a.storedUnlock())}
			if out.Checks[0].OK { // there is a node
				more, err := a.examine(c)
				if err != nil {
					return err
				}
				out.Checks = append(out.Checks, more...)
			}
			out.OK = true
			for _, x := range out.Checks {
				out.OK = out.OK && x.OK
			}
			err := a.show(out, func(w io.Writer) {
				for _, x := range out.Checks {
					if x.OK {
						line(w, "ok", x.Name, x.Found)
						continue
					}
					line(w, "WRONG", x.Name, x.Found)
					line(w, "", "→ "+x.Do)
				}
			})
			if err == nil && !out.OK {
				err = no
			}
			return err
		},
	}
}

// examine looks at the node, running or not.
func (a *app) examine(c *cobra.Command) ([]node.Check, error) {
	x, err := node.ExamineStopped(c.Context(), a.dir)
	if err == nil {
		return []node.Check{x, {Name: "running", OK: true, Found: "no; partners and feeds are looked at while it runs (parley serve)"}}, nil
	}
	if !errors.Is(err, node.ErrRunning) {
		return nil, err
	}
	var out struct {
		Checks []node.Check `json:"checks"`
	}
	if err := a.client().Get(c.Context(), "/examine", nil, &out); err != nil {
		return []node.Check{{Name: "running", Found: "a process has the node open and does not answer: " + err.Error(), Do: "look at its log; stop it and start parley serve"}}, nil
	}
	return append([]node.Check{{Name: "running", OK: true, Found: "yes"}}, out.Checks...), nil
}
