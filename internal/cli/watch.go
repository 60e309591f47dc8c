package cli

import (
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"parley.example/parley/internal/node"
	"parley.example/parley/watch"
)

func (a *app) watchCmd() *cobra.Command {
	horizon, by, factor := 4, "area", 0.0
	report := &cobra.Command{
		Use: "report", Short: "Show what the watch says of each area", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var out node.Watch
			if err := a.client().Get(c.Context(), "/watch", url.Values{"horizon": {fmt.Sprint(horizon)}, "by": {by}, "signals": {fmt.Sprint(factor)}}, &out); err != nil {
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
					if x.Signals > 0 {
						line(w, "", fmt.Sprintf("%d signals in the last four weeks; without their effect %.0f %%", x.Signals, 100*x.Plain))
					}
					if x.Unreported >= .5 {
						line(w, "", fmt.Sprintf("about %.0f more attacks of the newest weeks are to be expected, not reported yet", x.Unreported))
					}
					for _, by := range slices.Sorted(maps.Keys(x.NamedBy)) {
						line(w, "", fmt.Sprintf("named by %s (reports: %d)", by, x.NamedBy[by]))
					}
					for _, o := range x.Without {
						line(w, "", fmt.Sprintf("without the reports of %s: %.0f %%", o.Party, 100*o.P))
					}
				}
				line(w, "signals", out.Lift.Text)
				for _, m := range out.Record {
					line(w, "last three years: "+m.Model, fmt.Sprintf("Brier %.3f", m.Brier), fmt.Sprintf("CRPS %.3f", m.CRPS), fmt.Sprintf("%.0f %% in the 90 %% interval", 100*m.Coverage90))
				}
				attribute(w, out.Attribution)
			})
		},
	}
	report.Flags().IntVar(&horizon, "horizon", horizon, "weeks ahead")
	report.Flags().StringVar(&by, "by", by, "area, class or group")
	report.Flags().Float64Var(&factor, "signals", 0, "factor by which signals change the rate; 0 fits one, 1 switches them off")

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
	return group("watch", "The watch: where an attack is likely, and whether quiet is safety", report, a.watchForecastCmd(), a.watchOnsetsCmd(), a.watchDiversificationCmd(), a.watchCoverageCmd(), a.watchRecordCmd(), a.watchAssignCmd(), evaluate)
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
	var judge node.OnsetAsk
	rate := 1.0
	c := &cobra.Command{
		Use: "onsets", Short: "Find returns of violence, in the node or in a panel file; with --train-until, score the detector on what came after", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if panel == "" {
				if judge.Verdict != "" {
					judge.FalseAlarms = rate
					var j node.OnsetJudgement
					if err := a.client().Post(c.Context(), "/watch/onsets/judge", judge, &j); err != nil {
						return err
					}
					return a.show(j, func(w io.Writer) { line(w, j.Area, j.Week, j.Verdict, j.Object, j.CAP) })
				}
				var r node.Onsets
				if err := a.client().Get(c.Context(), "/watch/onsets", url.Values{"false_alarms": {fmt.Sprint(rate)}}, &r); err != nil {
					return err
				}
				return a.showOnsets(r)
			}
			p, err := readPanel(panel)
			if err != nil {
				return err
			}
			if until == "" {
				r, err := watch.FindOnsets(p, rate)
				if err != nil {
					return &codeError{exitNo, err}
				}
				out := node.Onsets{Alarms: []node.JudgedOnset{}, Score: r.Score}
				for _, x := range r.Alarms {
					out.Alarms = append(out.Alarms, node.JudgedOnset{OnsetAlarm: x})
				}
				return a.showOnsets(out)
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
	f.StringVar(&judge.Verdict, "judge", "", "acknowledge, dismiss or escalate the alarm of --area and --week")
	f.StringVar(&judge.Area, "area", "", "area of the alarm judged")
	f.StringVar(&judge.Week, "week", "", "Monday of the alarm judged")
	f.StringVar(&judge.Reason, "reason", "", "why it is dismissed, or what to do")
	f.StringVar(&judge.Status, "status", "", "CAP status of an escalation: Actual, Exercise or Test")
	f.StringVar(&until, "train-until", "", "choose the threshold on what came before this day and score it on what came after")
	return c
}

// attribute prints what the sources of the data ask to be shown.
func attribute(w io.Writer, text string) {
	if text != "" {
		fmt.Fprintln(w, "\n"+text)
	}
}

func (a *app) showOnsets(r node.Onsets) error {
	return a.show(r, func(w io.Writer) {
		if r.Refused != "" {
			line(w, r.Refused+"; that is not a sign of safety")
			return
		}
		line(w, fmt.Sprintf("of such alarms %.0f %% were right; an alarm is a prompt to look", 100*r.Score.Precision))
		for _, x := range r.Alarms {
			state := "not confirmed yet"
			if x.Confirmed {
				state = "confirmed"
			}
			if j := x.Judgement; j != nil {
				state += "; " + j.Verdict + " by " + j.By.Name + " " + j.Reason
			}
			line(w, x.Week.Format(time.DateOnly), x.Unit, fmt.Sprint(x.Evidence), fmt.Sprintf("usual %.2f a week", x.Usual), state)
		}
		attribute(w, r.Attribution)
	})
}

func (a *app) watchForecastCmd() *cobra.Command {
	var panel string
	horizon := 4
	c := &cobra.Command{
		Use: "forecast", Short: "Forecast each unit of a panel file", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			p, err := readPanel(panel)
			if err != nil {
				return err
			}
			out, err := watch.NewForecast(p, horizon)
			if err != nil {
				return &codeError{exitNo, err}
			}
			return a.show(out, func(w io.Writer) {
				line(w, "from "+out.From.Format(time.DateOnly), fmt.Sprintf("the next %d periods", out.Horizon))
				line(w, "unit", "attack likely", "expected", "number (90 %)", "quiet")
				for _, u := range out.Units {
					line(w, u.Unit, fmt.Sprintf("%.0f %%", 100*u.P), fmt.Sprintf("%.2f", u.Mean), fmt.Sprintf("%d–%d", u.Low, u.High), u.Quiet)
				}
			})
		},
	}
	c.Flags().StringVar(&panel, "panel", "", "CSV file: start, then a column of counts for each unit")
	c.Flags().IntVar(&horizon, "horizon", horizon, "periods ahead")
	_ = c.MarkFlagRequired("panel")
	return c
}

func (a *app) watchDiversificationCmd() *cobra.Command {
	weeks := 52
	c := &cobra.Command{
		Use: "diversification", Short: "Show over what attacks are spread, whether the mix changed, and where attention is missing", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var out node.Diversification
			if err := a.client().Get(c.Context(), "/watch/diversification", url.Values{"weeks": {fmt.Sprint(weeks)}}, &out); err != nil {
				return err
			}
			return a.show(out, func(w io.Writer) {
				for _, x := range []struct {
					name string
					node.Spread
				}{{"target classes", out.ByClass}, {"areas", out.ByArea}} {
					if d := x.Diversity; d != nil {
						line(w, x.name, fmt.Sprintf("%d attacks on %d, as many as %.1f equal ones (%.1f to %.1f)", d.N, d.Kinds, d.Shannon.Value, d.Shannon.Low, d.Shannon.High))
					}
					if d := x.Drift; d != nil && d.Changed {
						line(w, "", fmt.Sprintf("the mix changed (p = %.3f)", d.P))
					}
					if t := x.Turn; t != nil {
						line(w, "", t.Text)
					}
					for _, r := range x.Refused {
						line(w, x.name, r)
					}
				}
				for _, x := range out.Next {
					line(w, "next", x.Class, x.Area, fmt.Sprintf("%.0f %%", 100*x.P))
				}
				for _, x := range out.NextDistrict {
					line(w, "next district", x.Class, x.Area, fmt.Sprintf("%.0f %%", 100*x.P))
				}
				showAttention(w, out.Looked)
				attribute(w, out.Attribution)
			})
		},
	}
	c.Flags().IntVar(&weeks, "weeks", weeks, "weeks looked at, against as many before")
	return c
}

func (a *app) watchCoverageCmd() *cobra.Command {
	var ask node.CoverageAsk
	list := false
	c := &cobra.Command{
		Use: "coverage", Short: "Plan where units go, so that nothing is left bare and nothing is predictable", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if list {
				var out struct {
					Plans []node.Coverage `json:"plans"`
				}
				if err := a.client().Get(c.Context(), "/watch/coverage", nil, &out); err != nil {
					return err
				}
				return a.show(out, func(w io.Writer) {
					for _, p := range out.Plans {
						line(w, p.ID, p.At, p.Plan.Policy, fmt.Sprintf("%d units", p.Plan.Units), "until "+p.Ends, "commitment "+p.Commitment, p.Seed)
					}
				})
			}
			var out node.Coverage
			if err := a.client().Post(c.Context(), "/watch/coverage", ask, &out); err != nil {
				return err
			}
			return a.show(out, func(w io.Writer) {
				line(w, "area", "risk", "cover")
				for i, cell := range out.Plan.Cells {
					line(w, cell, fmt.Sprintf("%.2f", out.Plan.Risk[i]), fmt.Sprintf("%.0f %%", 100*out.Plan.Cover[i]))
				}
				line(w, "choices", "floor", "attacks met", "left bare", "worst place")
				for _, x := range out.TradeOff {
					line(w, x.Policy, fmt.Sprintf("%.0f %%", 100*x.Floor), fmt.Sprintf("%.0f %%", 100*x.Outcome.Met), fmt.Sprintf("%.0f %%", 100*x.Outcome.Bare), fmt.Sprintf("%.0f %%", 100*x.Outcome.Worst))
				}
				line(w, "commitment to the draw", out.Commitment)
				for t, cells := range out.Schedule {
					var names []string
					for _, i := range cells {
						names = append(names, out.Plan.Cells[i])
					}
					line(w, fmt.Sprintf("period %d", t+1), strings.Join(names, ", "))
				}
				attribute(w, out.Attribution)
			})
		},
	}
	f := c.Flags()
	f.IntVar(&ask.Units, "units", 1, "units that can be in one place each")
	f.StringVar(&ask.Policy, "policy", watch.Proportional, "proportional, origami or uniform")
	f.Float64Var(&ask.Floor, "floor", .2, "share of the units spread evenly over all areas")
	f.IntVar(&ask.Horizon, "horizon", 4, "weeks of a period")
	f.IntVar(&ask.Periods, "periods", 13, "periods drawn")
	f.BoolVar(&list, "list", false, "list the plans made; those that are over with the seed of their draw")
	return c
}

func (a *app) watchRecordCmd() *cobra.Command {
	horizon := 4
	c := &cobra.Command{
		Use: "record", Short: "Show what the watch said when, and how it turned out", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var out node.SaidScore
			if err := a.client().Get(c.Context(), "/watch/record", url.Values{"horizon": {fmt.Sprint(horizon)}}, &out); err != nil {
				return err
			}
			err := a.show(out, func(w io.Writer) {
				line(w, fmt.Sprintf("%d forecasts scored, Brier %.3f", out.Scored, out.Brier))
				if !out.Whole {
					line(w, "BAD: a record was changed or left out afterwards")
				}
				for _, s := range out.Said {
					line(w, s.AsOf, "said "+s.At, fmt.Sprintf("%d areas", len(s.P)))
				}
			})
			if err == nil && !out.Whole {
				err = no
			}
			return err
		},
	}
	c.Flags().IntVar(&horizon, "horizon", horizon, "weeks: 1, 4 or 13")
	return c
}
