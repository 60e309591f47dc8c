package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"parley.example/parley/internal/node"
)

// heldFusion is fusion of what a node holds.
type heldFusion struct {
	node, list, confirm, split, undo bool
	reason                           string
}

func (h heldFusion) judging() bool { return h.confirm || h.split || h.undo }

func (h heldFusion) any() bool { return h.node || h.list || h.judging() }

func (h heldFusion) args(args []string) error {
	want := 2
	if h.node || h.list {
		want = 0
	}
	if len(args) != want {
		return usage("accepts %d arguments, got %d", want, len(args))
	}
	return nil
}

func (a *app) fuseHeld(c *cobra.Command, h heldFusion, args []string) error {
	if h.judging() {
		ask := node.LinkAsk{Left: args[0], Right: args[1], Reason: h.reason}
		ask.Verdict = map[bool]string{h.confirm: node.LinkConfirm, h.split: node.LinkPart, h.undo: node.LinkUndo}[true]
		var l node.ReportLink
		if err := a.client().Post(c.Context(), "/fusion/judge", ask, &l); err != nil {
			return err
		}
		return a.show(l, func(w io.Writer) { line(w, l.Left, l.Right, l.State) })
	}
	out := struct {
		Run    *node.FuseRun     `json:"run,omitempty"`
		Events []node.FusedEvent `json:"events"`
		Split  []node.ReportLink `json:"split"`
	}{}
	if h.node {
		out.Run = &node.FuseRun{}
		if err := a.client().Post(c.Context(), "/fusion/run", struct{}{}, out.Run); err != nil {
			return err
		}
	}
	if err := a.client().Get(c.Context(), "/fusion", nil, &out); err != nil {
		return err
	}
	return a.show(out, func(w io.Writer) {
		if r := out.Run; r != nil {
			line(w, fmt.Sprintf("%d lists, %d pairs of reports weighed, %d links proposed, %d judged before, %d dropped", r.Lists, r.Compared, r.Proposed, r.Kept, r.Dropped))
		}
		for _, e := range out.Events {
			who := map[string]string{}
			fmt.Fprintln(w)
			for _, r := range e.Reports {
				who[r.ID] = r.From
				if r.From == "" {
					who[r.ID] = "own (" + r.Source + ")"
				}
				line(w, who[r.ID], r.ID, r.Grading, r.Title)
			}
			for _, l := range e.Links {
				line(w, "  "+l.State, fmt.Sprintf("p %.3f", l.P))
			}
			for _, f := range e.Fields {
				// Who is named, and by whom, is told even where nobody differs.
				if f.Agree && f.Field != "organisation" && f.Field != "claims" {
					continue
				}
				for _, v := range f.Values {
					var by []string
					for _, id := range v.By {
						by = append(by, who[id])
					}
					line(w, "  "+f.Field, v.Value, "say "+strings.Join(by, ", "))
				}
			}
		}
		for _, l := range out.Split {
			line(w, "of two events", l.Left, l.Right)
		}
		var shown []string
		for _, e := range out.Events {
			for _, a := range strings.Split(e.Attribution, "\n") {
				if !slices.Contains(shown, a) {
					shown = append(shown, a)
					attribute(w, a)
				}
			}
		}
	})
}
