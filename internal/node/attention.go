package node

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"parley.example/parley/incident"
	"parley.example/parley/internal/store"
	"parley.example/parley/watch"
)

// Attention: where this node looks, against where attacks were and where they are
// to be expected. It is counted for the node as a whole, by area and class and
// week. Who looked, and at which report, is not kept.

const (
	docFocus = "focus" // by id: Focus
	docRead  = "read"  // by week: readWeek

	readWeeks = 13 // that a reading counts as attention
	readKept  = 26 // weeks until it is forgotten
)

// Sources of attention.
const (
	FromWatches     = "watches"
	FromAssignments = "assignments"
	FromReading     = "reports read"
	FromPlan        = "coverage plan"
)

// Focus is an area that people want watched, or to which units are assigned.
type Focus struct {
	ID    string `json:"id"`
	Area  string `json:"area"`
	Class string `json:"class,omitempty"` // of target; "" for all
	Units int    `json:"units"`           // assigned; 0 for a watch alone
	Note  string `json:"note,omitempty"`
	At    string `json:"at"`
	Until string `json:"until,omitempty"` // last day, YYYY-MM-DD; "" until it is ended
	// Known: incidents of the area are held. A misspelt area has none.
	Known bool `json:"known"`
}

// FocusAsk sets one.
type FocusAsk struct {
	Area  string `json:"area" minLength:"1" maxLength:"200"`
	Class string `json:"class,omitempty"`
	Units int    `json:"units,omitempty" minimum:"0" maximum:"100000"`
	Note  string `json:"note,omitempty" maxLength:"2000"`
	Until string `json:"until,omitempty"`
}

// SetFocus watches an area or assigns units to it.
func (n *Node) SetFocus(ctx context.Context, ask FocusAsk) (Focus, error) {
	f := Focus{Area: strings.TrimSpace(ask.Area), Class: ask.Class, Units: ask.Units, Note: strings.TrimSpace(ask.Note), At: stamp(n.now()), Until: ask.Until}
	today := n.now().Format(time.DateOnly)
	day, err := time.Parse(time.DateOnly, f.Until)
	switch {
	case f.Area == "":
		return f, fmt.Errorf("%w: name the area", ErrInvalid)
	case f.Class != "" && !slices.Contains(incident.Classes, incident.Class(f.Class)):
		return f, fmt.Errorf("%w: there is no class of target %q", ErrInvalid, clip(f.Class))
	case f.Units < 0:
		return f, fmt.Errorf("%w: %d units", ErrInvalid, f.Units)
	case f.Until != "" && (err != nil || day.Format(time.DateOnly) < today):
		return f, fmt.Errorf("%w: until %q is not a day from %s on, like 2030-12-31", ErrInvalid, clip(f.Until), today)
	}
	id := make([]byte, 8)
	if _, err := io.ReadFull(n.opt.Rand, id); err != nil {
		return f, err
	}
	f.ID = hex.EncodeToString(id)
	return f, n.update(ctx, func(tx store.Tx) error {
		rows, err := tx.ListIncidents(store.IncidentQuery{Area: f.Area, Limit: 1})
		if err != nil {
			return err
		}
		f.Known = len(rows) > 0
		return putDoc(tx, docFocus, f.ID, f)
	})
}

// EndFocus ends a watch or an assignment.
func (n *Node) EndFocus(ctx context.Context, id string) error {
	return n.update(ctx, func(tx store.Tx) error {
		if _, err := tx.Doc(docFocus, id); err != nil {
			return fmt.Errorf("watch or assignment %q: %w", clip(id), err)
		}
		return tx.DeleteDoc(docFocus, id)
	})
}

// Focuses lists the watches and assignments in force, oldest first.
func (n *Node) Focuses(ctx context.Context) ([]Focus, error) {
	out := []Focus{}
	err := n.view(ctx, func(tx store.Tx) (err error) {
		out, err = n.focuses(tx)
		return err
	})
	return out, err
}

func (n *Node) focuses(tx store.Tx) ([]Focus, error) {
	all, err := listDocs[Focus](tx, docFocus)
	today := n.now().Format(time.DateOnly)
	all = slices.DeleteFunc(all, func(f Focus) bool { return f.Until != "" && f.Until < today })
	slices.SortStableFunc(all, func(a, b Focus) int { return strings.Compare(a.At, b.At) })
	return all, err
}

// readWeek counts the reports opened in a week by area and class, for the node as
// a whole.
type readWeek struct {
	Week  string                    `json:"week"` // its Monday
	Areas map[string]map[string]int `json:"areas"`
}

// noteRead counts that somebody opened a report of an area and class.
func (n *Node) noteRead(tx store.Tx, object string) error {
	in, err := tx.Incident(object)
	if errors.Is(err, store.ErrNotFound) {
		return nil // other objects say nothing of an area
	}
	if err != nil {
		return err
	}
	now := n.now().Truncate(24 * time.Hour)
	monday := now.AddDate(0, 0, -(int(now.Weekday())+6)%7)
	w := readWeek{Week: monday.Format(time.DateOnly)}
	if err := getDoc(tx, docRead, w.Week, &w); errors.Is(err, store.ErrNotFound) {
		if err := forgetReading(tx, monday.AddDate(0, 0, -7*readKept).Format(time.DateOnly)); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	if w.Areas == nil {
		w.Areas = map[string]map[string]int{}
	}
	if w.Areas[in.Area] == nil {
		w.Areas[in.Area] = map[string]int{}
	}
	w.Areas[in.Area][in.Class]++
	return putDoc(tx, docRead, w.Week, w)
}

func forgetReading(tx store.Tx, before string) error {
	docs, err := tx.ListDocs(docRead)
	if err != nil {
		return err
	}
	for _, d := range docs {
		if d.ID < before {
			if err := tx.DeleteDoc(docRead, d.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// Attention is how this node's attention lies against last quarter's attacks and
// the forecast of the next.
type Attention struct {
	AttentionReading
	// ByClass is the same over classes of targets; nil where nothing says which.
	ByClass *AttentionReading `json:"by_class,omitempty"`
}

// AttentionReading is a reading over one kind of division. Each source that says
// something counts alike.
type AttentionReading struct {
	Fixation float64            `json:"fixation"` // see watch.Attention
	Gap      float64            `json:"gap"`
	Widest   []string           `json:"widest"` // where attention is missing most, at most five
	Looked   map[string]float64 `json:"looked"` // share of the attention
	Last     map[string]float64 `json:"last"`   // share of last quarter's attacks
	Risk     map[string]float64 `json:"risk"`   // share of the attacks forecast
	Sources  []AttentionSource  `json:"sources"`
}

// AttentionSource is what one source says, on N watches, units or reports.
type AttentionSource struct {
	Source   string             `json:"source"`
	N        int                `json:"n"`
	Looked   map[string]float64 `json:"looked"`
	Fixation float64            `json:"fixation"`
	Gap      float64            `json:"gap"`
}

// gaze is the weight of attention by source and unit.
type gaze map[string]map[string]float64

func (g gaze) add(source, unit string, weight float64) {
	if unit == "" || weight <= 0 {
		return
	}
	if g[source] == nil {
		g[source] = map[string]float64{}
	}
	g[source][unit] += weight
}

// gazes reads where the node looks, by area and by class.
func (n *Node) gazes(ctx context.Context) (area, class gaze, err error) {
	area, class = gaze{}, gaze{}
	plans, err := n.CoveragePlans(ctx)
	if err != nil {
		return area, class, err
	}
	if len(plans) > 0 && plans[0].Ends > stamp(n.now()) {
		for i, cell := range plans[0].Plan.Cells {
			area.add(FromPlan, cell, plans[0].Plan.Cover[i])
		}
	}
	err = n.view(ctx, func(tx store.Tx) error {
		set, err := n.focuses(tx)
		if err != nil {
			return err
		}
		for _, f := range set {
			source, weight := FromWatches, 1.0
			if f.Units > 0 {
				source, weight = FromAssignments, float64(f.Units)
			}
			area.add(source, f.Area, weight)
			class.add(source, f.Class, weight)
		}
		weeks, err := listDocs[readWeek](tx, docRead)
		since := n.now().AddDate(0, 0, -7*readWeeks).Format(time.DateOnly)
		for _, w := range weeks {
			if w.Week < since {
				continue
			}
			for a, classes := range w.Areas {
				for c, k := range classes {
					area.add(FromReading, a, float64(k))
					class.add(FromReading, c, float64(k))
				}
			}
		}
		return err
	})
	return area, class, err
}

// attention compares where the node looks with last quarter and the forecast; nil
// where nothing says where it looks.
func (n *Node) attention(ctx context.Context, w watched) (*Attention, error) {
	area, class, err := n.gazes(ctx)
	if err != nil {
		return nil, err
	}
	byArea, err := area.read(w, watch.ByArea)
	if err != nil || byArea == nil {
		return nil, err
	}
	byClass, err := class.read(w, watch.ByClass)
	return &Attention{*byArea, byClass}, err
}

func (g gaze) read(w watched, by func(*incident.Incident) string) (*AttentionReading, error) {
	if len(g) == 0 {
		return nil, nil
	}
	r, err := watch.NewReport(w.counted, by, w.asOf, 13, nil)
	if errors.Is(err, watch.ErrNoData) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var units []string
	var last, risk []float64
	for _, c := range r.Cards {
		quarter := 0
		for _, y := range c.Counts[max(len(c.Counts)-13, 0):] {
			quarter += y
		}
		units, last, risk = append(units, c.Area), append(last, float64(quarter)), append(risk, c.Mean)
	}
	for _, source := range slices.Sorted(maps.Keys(g)) { // what is looked at though nothing happened there
		for _, u := range slices.Sorted(maps.Keys(g[source])) {
			if !slices.Contains(units, u) {
				units, last, risk = append(units, u), append(last, 0), append(risk, 0)
			}
		}
	}
	out := &AttentionReading{Widest: []string{}, Last: sharesOf(units, last), Risk: sharesOf(units, risk)}
	whole := make([]float64, len(units))
	for _, source := range slices.Sorted(maps.Keys(g)) {
		s := AttentionSource{Source: source}
		look, total := make([]float64, len(units)), 0.0
		for i, u := range units {
			look[i] = g[source][u]
			total += look[i]
		}
		for i := range look {
			whole[i] += look[i] / total
		}
		a := watch.NewAttention(look, last, risk)
		s.N, s.Looked, s.Fixation, s.Gap = int(total+.5), sharesOf(units, look), a.Fixation, a.Gap
		out.Sources = append(out.Sources, s)
	}
	a := watch.NewAttention(whole, last, risk)
	out.Looked, out.Fixation, out.Gap = sharesOf(units, whole), a.Fixation, a.Gap
	for _, i := range a.Widest {
		out.Widest = append(out.Widest, units[i])
	}
	return out, nil
}

// sharesOf gives the shares of weights by name.
func sharesOf(names []string, weights []float64) map[string]float64 {
	total := 0.0
	for _, w := range weights {
		total += w
	}
	out := make(map[string]float64, len(names))
	for i, name := range names {
		out[name] = 0
		if total > 0 {
			out[name] = weights[i] / total
		}
	}
	return out
}
