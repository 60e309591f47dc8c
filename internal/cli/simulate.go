package cli

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"parley.example/parley/internal/sim"
)

func (a *app) simulateCmd() *cobra.Command {
	var cfg sim.Config
	c := &cobra.Command{
		Use: "simulate", Short: "Run whole parties under simulated faults and check what must hold", Args: cobra.NoArgs,
		Long: "Runs the real protocol code of two or three members and a guarantor with a simulated clock, network, people and faults, all drawn from the seed; in some runs one member lies. Prints the invariant that broke and the seed to repeat it; exit code 1 when one did.",
		RunE: func(c *cobra.Command, _ []string) (err error) {
			if cfg.Hours < 1 || cfg.Hours > sim.MaxHours {
				return usage("--hours is 1 to %d", sim.MaxHours)
			}
			if cfg.Dir, err = os.MkdirTemp("", "parley-simulate-"); err != nil {
				return err
			}
			defer os.RemoveAll(cfg.Dir)
			begin := time.Now()
			r, err := sim.Run(c.Context(), cfg)
			if err != nil {
				return fmt.Errorf("seed %d, %d hours: %w", cfg.Seed, cfg.Hours, err)
			}
			if err := a.show(r, func(w io.Writer) {
				showSimulation(w, r)
				line(w, "simulated hours a second", fmt.Sprintf("%.0f", float64(r.Hours)/time.Since(begin).Seconds()))
			}); err != nil {
				return err
			}
			if !r.OK {
				return no
			}
			return nil
		},
	}
	f := c.Flags()
	f.Uint64Var(&cfg.Seed, "seed", 0, "seed of everything that happens")
	f.IntVar(&cfg.Hours, "hours", 300, "hours to simulate")
	return c
}

func showSimulation(w io.Writer, r sim.Result) {
	line(w, "seed", r.Seed)
	line(w, "hours", r.Hours)
	line(w, "members", strings.Join(r.Members, ", "))
	if r.Liar != "" {
		line(w, "liar", r.Liar)
	}
	line(w, "steps", r.Steps)
	line(w, "events", r.Events)
	line(w, "alarms", r.Alarms)
	for _, k := range slices.Sorted(maps.Keys(r.Faults)) {
		line(w, "fault: "+k, r.Faults[k])
	}
	if r.OK {
		line(w, "every invariant held")
		return
	}
	for _, t := range r.Trace {
		line(w, t)
	}
	line(w, "broken", r.Broken)
	line(w, "repeat", fmt.Sprintf("parley simulate --seed %d --hours %d", r.Seed, r.Hours))
}
