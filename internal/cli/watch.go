package cli

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"parley.example/parley/internal/node"
	"parley.example/parley/watch"
)

func (a *app) watchCmd() *cobra.Command {
	horizon := 4
	report := &cobra.Command{
		Use: "report", Short: "Show what the watch says of each area", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var out node.Watch
			if err := a.client().Get(c.Context(), "/watch", map[string][]string{"horizon": {fmt.Sprint(horizon)}}, &out); err != nil {
				return err
			}
			return a.show(out, func(w io.Writer) {
				line(w, "as of "+out.AsOf, out.Model, fmt.Sprintf("next %d weeks", out.Horizon))
				line(w, "area", "attack likely", "number (90 %)", "usual", "quiet weeks")
				for _, x := range out.Areas {
					base := "no record"
					if x.BaseRate >= 0 {
						base = fmt.Sprintf("%.0f %%", 100*x.BaseRate)
					}
					line(w, x.Area, fmt.Sprintf("%.0f %%", 100*x.P), fmt.Sprintf("%d–%d", x.Low, x.High), base, fmt.Sprint(x.QuietWeeks))
					if x.Lull != nil {
						line(w, "", x.Lull.Text)
					}
				}
				if out.Attribution != "" {
					fmt.Fprintln(w, "\n"+out.Attribution)
				}
			})
		},
	}
	report.Flags().IntVar(&horizon, "horizon", horizon, "weeks ahead")

	var panel, from, until string
	evaluate := &cobra.Command{
		Use: "evaluate", Short: "Score the forecasts on a panel file, each made only from its past", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			start, err := time.Parse(time.DateOnly, from)
			if err != nil {
				return usage("--test-from %q is not a day like 2011-01-03", from)
			}
			p, err := readPanel(panel)
			if err != nil {
				return err
			}
			var trained time.Time
			if until != "" {
				if trained, err = time.Parse(time.DateOnly, until); err != nil {
					return usage("--train-until %q is not a day like 2010-12-31", until)
				}
			}
			models, err := watch.Evaluate(p, horizon, start, trained)
			if err != nil {
				return &codeError{exitNo, err}
			}
			out := struct {
				Panel   string             `json:"panel"`
				Horizon int                `json:"horizon"`
				N       int                `json:"n"`
				Models  []watch.Evaluation `json:"models"`
			}{panel, horizon, 0, models}
			if len(models) > 0 {
				out.N = models[0].N
			}
			return a.show(out, func(w io.Writer) {
				line(w, "model", "n", "CRPS", "log", "Brier", "ECE", "90 % cover")
				for _, m := range models {
					line(w, m.Model, m.N, fmt.Sprintf("%.4f", m.CRPS), fmt.Sprintf("%.4f", m.Log), fmt.Sprintf("%.4f", m.Brier), fmt.Sprintf("%.4f", m.ECE), fmt.Sprintf("%.3f", m.Coverage90))
					for _, l := range m.Lull {
						line(w, fmt.Sprintf("  after ≥ %d quiet", l.AtLeastWeeks), l.N, fmt.Sprintf("observed %.3f", l.Observed), fmt.Sprintf("forecast %.3f", l.Forecast), fmt.Sprintf("Brier %.3f", l.Brier))
					}
				}
			})
		},
	}
	f := evaluate.Flags()
	f.StringVar(&panel, "panel", "", "CSV file: start, then a column of counts for each unit")
	f.IntVar(&horizon, "horizon", horizon, "periods ahead")
	f.StringVar(&from, "test-from", "", "first origin of the test, YYYY-MM-DD")
	f.StringVar(&until, "train-until", "", "choose the persistence of one of the models anew, on what came before this day")
	_ = evaluate.MarkFlagRequired("panel")
	_ = evaluate.MarkFlagRequired("test-from")
	return group("watch", "The watch: where an attack is likely, and whether quiet is safety", report, evaluate, a.watchOnsetsCmd())
}

// readPanel reads a panel file; what is wrong with it is the answer no.
func readPanel(name string) (*watch.Panel, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	p, err := watch.ReadPanel(f)
	if err != nil {
		return nil, &codeError{exitNo, fmt.Errorf("%s: %w", name, err)}
	}
	return p, nil
}

func (a *app) watchOnsetsCmd() *cobra.Command {
	var panel, until string
	rate := 1.0
	c := &cobra.Command{
		Use: "onsets", Short: "Find returns of violence in a panel file; with --train-until, score the detector on what came after", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			p, err := readPanel(panel)
			if err != nil {
				return err
			}
			if until == "" {
				r, err := watch.FindOnsets(p, rate)
				if err != nil {
					return &codeError{exitNo, err}
				}
				return a.show(r, func(w io.Writer) {
					line(w, fmt.Sprintf("of such alarms %.0f %% were right; an alarm is a prompt to look", 100*r.Score.Precision))
					for _, x := range r.Alarms {
						state := "not confirmed yet"
						if x.Confirmed {
							state = "confirmed"
						}
						line(w, x.Week.Format(time.DateOnly), x.Unit, fmt.Sprint(x.Evidence), fmt.Sprintf("usual %.2f a week", x.Usual), state)
					}
				})
			}
			day, err := time.Parse(time.DateOnly, until)
			if err != nil {
				return usage("--train-until %q is not a day like 2012-12-31", until)
			}
			s, err := watch.EvaluateOnsets(p, rate, day)
			if err != nil {
				return &codeError{exitNo, err}
			}
			return a.show(s, func(w io.Writer) {
				line(w, "onsets", s.Onsets)
				line(w, "found within 4 weeks", fmt.Sprintf("%.2f", s.Within4))
				line(w, "found within 8 weeks", fmt.Sprintf("%.2f", s.Within8))
				line(w, "false alarms a series and year", fmt.Sprintf("%.2f", s.FalseAlarms))
				line(w, "alarms that were right", fmt.Sprintf("%.2f", s.Precision))
			})
		},
	}
	f := c.Flags()
	f.StringVar(&panel, "panel", "", "CSV file: start, then a column of counts for each unit, by week")
	f.Float64Var(&rate, "false-alarms", rate, "false alarms allowed a series and year")
	f.StringVar(&until, "train-until", "", "choose the threshold on what came before this day and score it on what came after")
	_ = c.MarkFlagRequired("panel")
	return c
}
