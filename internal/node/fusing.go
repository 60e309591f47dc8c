package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley.example/parley/fusion"
	"parley.example/parley/incident"
	"parley.example/parley/internal/store"
)

// Fusion of what is held: reports of one event from several parties, or from
// several datasets of our own, are linked with a probability and the evidence.
// People confirm a link, split it, or undo what they said. The reports stay as
// they are; what they say differently is shown side by side.

const docLink = "link" // by left|right: ReportLink

// States of a link, and what people say of it.
const (
	LinkProposed  = "proposed"
	LinkConfirmed = "confirmed"
	LinkSplit     = "split"
	LinkNone      = "none" // made by hand and taken back

	LinkConfirm = "confirm"
	LinkPart    = "split"
	LinkUndo    = "undo"
)

// leastLink is the probability from which a link is proposed: more likely than
// not.
const leastLink = 0.5

// ReportLink says that two reports held are of one event, or, once split, that
// they are not.
type ReportLink struct {
	Left  string `json:"left"` // the lesser id
	Right string `json:"right"`
	// P and Evidence are those at At; 0 and none for a link made by hand. The
	// values compared stand in the reports, not here: they go when those go.
	P        float64           `json:"p"`
	Evidence []fusion.Evidence `json:"evidence"`
	State    string            `json:"state"`
	At       string            `json:"at"`
	Acts     []LinkAct         `json:"acts"` // what people said, oldest first
}

// LinkAct is what a person said of a link.
type LinkAct struct {
	Verdict string `json:"verdict"`
	Reason  string `json:"reason,omitempty"`
	By      User   `json:"by"`
	At      string `json:"at"`
	Before  string `json:"before"` // the state that an undo brings back; "" where there was no link
}

// FuseRun is what looking for links did.
type FuseRun struct {
	Lists    int `json:"lists"`    // parties and datasets compared
	Compared int `json:"compared"` // pairs of reports weighed
	Proposed int `json:"proposed"` // links proposed now
	Kept     int `json:"kept"`     // links that people judged before
	Dropped  int `json:"dropped"`  // proposals that no longer hold
}

// LinkAsk is a person's word on a link. Confirming two reports that were never
// linked links them.
type LinkAsk struct {
	Left    string `json:"left" minLength:"1" maxLength:"200"`
	Right   string `json:"right" minLength:"1" maxLength:"200"`
	Verdict string `json:"verdict" enum:"confirm,split,undo"`
	Reason  string `json:"reason,omitempty" maxLength:"2000"`
	By      User   `json:"-"`
}

// FusedEvent is one event with all reports of it.
type FusedEvent struct {
	ID      string        `json:"id"` // the least id among its reports
	Reports []FusedReport `json:"reports"`
	Links   []ReportLink  `json:"links"`
	Fields  []FusedField  `json:"fields"`
}

// FusedReport is one report of an event. From is "" for our own.
type FusedReport struct {
	ID      string `json:"id"`
	From    string `json:"from"`
	Source  string `json:"source"`
	Title   string `json:"title"`
	Grading string `json:"grading"`
}

// FusedField is what the reports say in one field, side by side.
type FusedField struct {
	Field  string       `json:"field"`
	Values []FusedValue `json:"values"`
	Agree  bool         `json:"agree"` // whether all that say something say the same
}

// FusedValue is one value and the reports that give it.
type FusedValue struct {
	Value string   `json:"value"`
	By    []string `json:"by"` // ids of reports
}

// heldReport is an incident with its list: the party that gave it, or the
// dataset of our own that it is from. Reports of one list are of different
// events.
type heldReport struct {
	incident.Incident
	from, list string
}

func heldReports(tx store.Tx) ([]heldReport, error) {
	rows, err := tx.ListIncidents(store.IncidentQuery{})
	if err != nil {
		return nil, err
	}
	out := make([]heldReport, 0, len(rows))
	for _, r := range rows {
		in, err := readIncident(r)
		if err != nil {
			return nil, err
		}
		list := "party/" + r.From
		if r.From == "" {
			list = "own/" + in.Source
		}
		out = append(out, heldReport{in, r.From, list})
	}
	return out, nil
}

// Fuse looks for reports of one event among all that is held and proposes links.
// What people confirmed or split stays.
func (n *Node) Fuse(ctx context.Context) (FuseRun, error) {
	var run FuseRun
	var held []heldReport
	err := n.view(ctx, func(tx store.Tx) (err error) {
		held, err = heldReports(tx)
		return err
	})
	if err != nil {
		return run, err
	}
	found, err := n.propose(ctx, held, &run)
	if err != nil {
		return run, err
	}
	err = n.update(ctx, func(tx store.Tx) error {
		run.Proposed, run.Kept, run.Dropped = 0, 0, 0
		before, err := listDocs[ReportLink](tx, docLink)
		if err != nil {
			return err
		}
		here := map[string]bool{}
		for _, h := range held {
			here[h.ID] = true
		}
		judged := map[string]bool{}
		for _, l := range before {
			key := linkKey(l.Left, l.Right)
			now, again := found[key]
			switch {
			case !here[l.Left] || !here[l.Right]: // withdrawn or expired
			case l.State == LinkNone && again:
				now.Acts = l.Acts
				found[key] = now
				continue
			case l.State == LinkNone:
				continue
			case l.State != LinkProposed || len(l.Acts) > 0:
				judged[key] = true
				run.Kept++
				continue
			case again:
				continue
			}
			run.Dropped++
			if err := tx.DeleteDoc(docLink, key); err != nil {
				return err
			}
		}
		for key, l := range found {
			if judged[key] {
				continue
			}
			run.Proposed++
			if err := putDoc(tx, docLink, key, l); err != nil {
				return err
			}
		}
		return nil
	})
	return run, err
}

// propose compares each list with each other one, attacks with attacks and
// signals of a kind with their like.
func (n *Node) propose(ctx context.Context, held []heldReport, run *FuseRun) (map[string]ReportLink, error) {
	type group struct{ list, kind string }
	lists := map[group][]fusion.Report{}
	names := map[string]bool{}
	var groups []group
	for i := range held {
		h := &held[i]
		g := group{h.list, ""}
		if h.Kind.Signal() {
			g.kind = string(h.Kind)
		}
		if lists[g] == nil {
			groups = append(groups, g)
		}
		names[h.list] = true
		lists[g] = append(lists[g], fusion.FromIncident(&h.Incident))
	}
	run.Lists = len(names)
	slices.SortFunc(groups, func(a, b group) int { return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.list, b.list)) })
	found := map[string]ReportLink{}
	for i, a := range groups {
		for _, b := range groups[i+1:] {
			if a.kind != b.kind {
				continue
			}
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			res := fusion.Link(lists[a], lists[b], leastLink)
			run.Compared += res.Compared
			for _, p := range res.Pairs {
				l := ReportLink{
					Left: lists[a][p.Left].ID, Right: lists[b][p.Right].ID, P: p.P, Evidence: p.Evidence,
					State: LinkProposed, At: stamp(n.now()), Acts: []LinkAct{},
				}
				for k := range l.Evidence {
					l.Evidence[k].Left, l.Evidence[k].Right = "", ""
				}
				l.Left, l.Right = min(l.Left, l.Right), max(l.Left, l.Right)
				found[linkKey(l.Left, l.Right)] = l
			}
		}
	}
	return found, nil
}

func linkKey(a, b string) string { return min(a, b) + "|" + max(a, b) }

// JudgeLink notes a person's word on whether two reports are of one event.
func (n *Node) JudgeLink(ctx context.Context, ask LinkAsk) (ReportLink, error) {
	l := ReportLink{Left: min(ask.Left, ask.Right), Right: max(ask.Left, ask.Right), Evidence: []fusion.Evidence{}, Acts: []LinkAct{}}
	if l.Left == l.Right {
		return l, fmt.Errorf("%w: name two reports", ErrInvalid)
	}
	key := linkKey(l.Left, l.Right)
	return l, n.update(ctx, func(tx store.Tx) error {
		for _, id := range []string{l.Left, l.Right} {
			if _, err := tx.Incident(id); errors.Is(err, store.ErrNotFound) {
				return fmt.Errorf("%w: no report %q is held", ErrNotFound, clip(id))
			} else if err != nil {
				return err
			}
		}
		err := getDoc(tx, docLink, key, &l)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		act := LinkAct{Verdict: ask.Verdict, Reason: strings.TrimSpace(ask.Reason), By: ask.By, At: stamp(n.now()), Before: l.State}
		switch ask.Verdict {
		case LinkConfirm:
			l.State = LinkConfirmed
		case LinkPart:
			l.State = LinkSplit
		case LinkUndo:
			return n.undoLink(tx, key, &l, act)
		default:
			return fmt.Errorf("%w: say %s, %s or %s", ErrInvalid, LinkConfirm, LinkPart, LinkUndo)
		}
		if l.At == "" {
			l.At = act.At
		}
		l.Acts = append(l.Acts, act)
		return putDoc(tx, docLink, key, l)
	})
}

// undoLink takes back what was said last that was not taken back yet. That both
// were said stays on record.
func (n *Node) undoLink(tx store.Tx, key string, l *ReportLink, act LinkAct) error {
	undone := 0
	for i := len(l.Acts) - 1; i >= 0; i-- {
		switch {
		case l.Acts[i].Verdict == LinkUndo:
			undone++
		case undone > 0:
			undone--
		default:
			if l.State = l.Acts[i].Before; l.State == "" {
				l.State = LinkNone
			}
			l.Acts = append(l.Acts, act)
			return putDoc(tx, docLink, key, *l)
		}
	}
	return fmt.Errorf("%w: nothing was said of these two reports that could be undone", ErrState)
}

// sameEvent groups reports by the links between them, those that people
// confirmed first, then the likeliest. No event has two reports of one list
// unless a person says so. It returns, for each report in a group of several,
// the positions of all in its group.
func sameEvent(held []heldReport, links []ReportLink) map[int][]int {
	at := map[string]int{}
	for i := range held {
		at[held[i].ID] = i
	}
	links = slices.Clone(links)
	slices.SortStableFunc(links, func(a, b ReportLink) int {
		rank := func(l ReportLink) int {
			return slices.Index([]string{LinkConfirmed, LinkProposed, LinkSplit, LinkNone}, l.State)
		}
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(b.P, a.P), cmp.Compare(a.Left, b.Left), cmp.Compare(a.Right, b.Right))
	})
	split := map[string]bool{}
	for _, l := range links {
		if l.State == LinkSplit {
			split[linkKey(l.Left, l.Right)] = true
		}
	}
	groups := map[int][]int{}
	of := func(i int) []int {
		if g, ok := groups[i]; ok {
			return g
		}
		return []int{i}
	}
	for _, l := range links {
		i, here := at[l.Left]
		j, too := at[l.Right]
		if !here || !too || l.State != LinkConfirmed && l.State != LinkProposed {
			continue
		}
		a, b := of(i), of(j)
		if slices.Contains(a, j) {
			continue
		}
		fits := true
		for _, x := range a {
			for _, y := range b {
				fits = fits && !split[linkKey(held[x].ID, held[y].ID)] && (l.State == LinkConfirmed || held[x].list != held[y].list)
			}
		}
		if !fits {
			continue
		}
		all := append(slices.Clone(a), b...)
		slices.Sort(all)
		for _, x := range all {
			groups[x] = all
		}
	}
	return groups
}

// FusedEvents lists the events of which several reports are held, newest first,
// at most limit of them; 0 is all. Links that were split are listed apart.
func (n *Node) FusedEvents(ctx context.Context, limit int) (events []FusedEvent, split []ReportLink, err error) {
	var held []heldReport
	var links []ReportLink
	err = n.view(ctx, func(tx store.Tx) (err error) {
		if held, err = heldReports(tx); err != nil {
			return err
		}
		links, err = listDocs[ReportLink](tx, docLink)
		return err
	})
	events, split = []FusedEvent{}, []ReportLink{}
	if err != nil {
		return events, split, err
	}
	groups := sameEvent(held, links)
	within := map[int][]ReportLink{}
	at := map[string]int{}
	for i := range held {
		at[held[i].ID] = i
	}
	for _, l := range links {
		i, here := at[l.Left]
		j, too := at[l.Right]
		switch {
		case !here || !too:
		case l.State == LinkSplit:
			split = append(split, l)
		case l.State != LinkNone && slices.Contains(groups[i], j):
			within[groups[i][0]] = append(within[groups[i][0]], l)
		}
	}
	for i := len(held) - 1; i >= 0; i-- { // they are held by start
		g := groups[i]
		if len(g) == 0 || g[0] != i {
			continue
		}
		if limit > 0 && len(events) == limit {
			break
		}
		e := FusedEvent{Reports: []FusedReport{}, Links: within[i]}
		var reports []*heldReport
		for _, k := range g {
			h := &held[k]
			reports = append(reports, h)
			e.Reports = append(e.Reports, FusedReport{h.ID, h.from, h.Source, h.Title, h.Grading()})
			if e.ID == "" || h.ID < e.ID {
				e.ID = h.ID
			}
		}
		e.Fields = fusedFields(reports)
		events = append(events, e)
	}
	return events, split, nil
}

// fusedFields sets what reports say side by side, field by field. A field that
// none of them fills is left out.
func fusedFields(reports []*heldReport) []FusedField {
	var out []FusedField
	add := func(field string, values func(in *incident.Incident) []string) {
		f := FusedField{Field: field, Agree: true}
		said := 0
		for _, h := range reports {
			vs := values(&h.Incident)
			said += min(1, len(vs))
			for _, v := range vs {
				i := slices.IndexFunc(f.Values, func(x FusedValue) bool { return strings.EqualFold(x.Value, v) })
				if i < 0 {
					i = len(f.Values)
					f.Values = append(f.Values, FusedValue{Value: v})
				}
				f.Values[i].By = append(f.Values[i].By, h.ID)
			}
		}
		for _, v := range f.Values {
			f.Agree = f.Agree && len(v.By) == said
		}
		if len(f.Values) > 0 {
			out = append(out, f)
		}
	}
	one := func(get func(in *incident.Incident) string) func(in *incident.Incident) []string {
		return func(in *incident.Incident) []string {
			if s := get(in); s != "" {
				return []string{s}
			}
			return nil
		}
	}
	add("date", one(func(in *incident.Incident) string {
		s := in.Start.UTC().Format(time.DateOnly)
		if e := in.End.UTC().Format(time.DateOnly); e != s {
			s += " to " + e
		}
		return s
	}))
	add("place", one(func(in *incident.Incident) string { return in.Place }))
	add("area", one(func(in *incident.Incident) string { return in.Admin1 }))
	add("coordinates", one(func(in *incident.Incident) string {
		if !in.Placed {
			return ""
		}
		return fmt.Sprintf("%.4f, %.4f within %.0f km", in.Lat, in.Lon, in.RadiusKM)
	}))
	add("killed", one(func(in *incident.Incident) string { return rangeText(in.Killed) }))
	add("wounded", one(func(in *incident.Incident) string { return rangeText(in.Wounded) }))
	add("kind", one(func(in *incident.Incident) string {
		if in.Kind == incident.UnknownKind {
			return ""
		}
		return string(in.Kind)
	}))
	add("class", one(func(in *incident.Incident) string {
		if in.Class() == incident.UnknownClass {
			return ""
		}
		return string(in.Class())
	}))
	add("organisation", one(func(in *incident.Incident) string { return in.Organisation }))
	add("claims", func(in *incident.Incident) (vs []string) {
		for _, c := range in.Claims {
			switch c.Kind {
			case incident.Responsibility:
				vs = append(vs, c.By+" claims responsibility")
			case incident.Denial:
				vs = append(vs, fmt.Sprintf("%s denies that %s did it", c.By, c.Of))
			default:
				vs = append(vs, fmt.Sprintf("%s blames %s", c.By, c.Of))
			}
		}
		slices.Sort(vs)
		return slices.Compact(vs)
	})
	add("title", one(func(in *incident.Incident) string { return in.Title }))
	return out
}

func rangeText(r incident.Range) string {
	var bounds []string
	for _, b := range []*int{r.Low, r.High} {
		if b != nil {
			bounds = append(bounds, strconv.Itoa(*b))
		}
	}
	switch {
	case r.Best == nil:
		return strings.Join(slices.Compact(bounds), "–")
	case len(slices.Compact(append(slices.Clone(bounds), strconv.Itoa(*r.Best)))) == 1:
		return strconv.Itoa(*r.Best)
	}
	return fmt.Sprintf("%d (%s)", *r.Best, strings.Join(bounds, "–"))
}
