package cli

import (
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"parley.example/parley/internal/node"
)

func (a *app) watchAssignCmd() *cobra.Command {
	var ask node.FocusAsk
	end := ""
	c := &cobra.Command{
		Use: "assign", Short: "Watch an area or assign units to it; without --area, list what is watched and assigned", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			switch {
			case end != "":
				return a.client().Delete(c.Context(), "/watch/focus/"+url.PathEscape(end))
			case ask.Area != "":
				var f node.Focus
				if err := a.client().Post(c.Context(), "/watch/focus", ask, &f); err != nil {
					return err
				}
				return a.show(f, func(w io.Writer) {
					showFocus(w, f)
					if !f.Known {
						line(w, "no incident of "+f.Area+" is held; check how the area is written")
					}
				})
			}
			var out struct {
				Focus []node.Focus `json:"focus"`
			}
			if err := a.client().Get(c.Context(), "/watch/focus", nil, &out); err != nil {
				return err
			}
			return a.show(out, func(w io.Writer) {
				for _, f := range out.Focus {
					showFocus(w, f)
				}
			})
		},
	}
	f := c.Flags()
	f.StringVar(&ask.Area, "area", "", "the area, written as in the watch")
	f.StringVar(&ask.Class, "class", "", "class of target; left out, all")
	f.IntVar(&ask.Units, "units", 0, "units assigned; 0 watches without any")
	f.StringVar(&ask.Until, "until", "", "last day, YYYY-MM-DD; left out, until it is ended")
	f.StringVar(&ask.Note, "note", "", "what for")
	f.StringVar(&end, "end", "", "end the watch or assignment with this id")
	return c
}

func showFocus(w io.Writer, f node.Focus) {
	what := "watched"
	if f.Units > 0 {
		what = fmt.Sprintf("%d units", f.Units)
	}
	line(w, f.ID, f.Area, f.Class, what, f.Until, f.Note)
}

func showAttention(w io.Writer, at *node.Attention) {
	if at == nil {
		line(w, "attention", "nothing says where this node looks: no watch, assignment, plan or report read")
		return
	}
	for _, x := range []struct {
		name string
		*node.AttentionReading
	}{{"attention to areas", &at.AttentionReading}, {"attention to target classes", at.ByClass}} {
		if x.AttentionReading == nil {
			continue
		}
		line(w, x.name, fmt.Sprintf("%.0f %% rests on last quarter's attacks beyond the forecast; %.0f %% of the risk has none", 100*x.Fixation, 100*x.Gap), strings.Join(x.Widest, ", "))
		for _, s := range x.Sources {
			line(w, "", fmt.Sprintf("%s (%d)", s.Source, s.N), fmt.Sprintf("fixation %.0f %%, gap %.0f %%", 100*s.Fixation, 100*s.Gap))
		}
	}
}
