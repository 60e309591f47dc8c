package node

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley.example/parley/incident"
	"parley.example/parley/internal/store"
)

// FusedEvent is one event with all reports of it.
type FusedEvent struct {
	ID      string        `json:"id"` // the least id among its reports
	Reports []FusedReport `json:"reports"`
	Links   []ReportLink  `json:"links"`
	Fields  []FusedField  `json:"fields"`
	// Attribution is what the sources of the reports ask to be shown.
	Attribution string `json:"attribution,omitempty"`
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
// at most limit of them; 0 is all. Links that were split are listed apart. Lists
// that changed are compared first, unless they are long.
func (n *Node) FusedEvents(ctx context.Context, limit int) (events []FusedEvent, split []ReportLink, err error) {
	if err := n.fuseSoon(ctx); err != nil {
		return nil, nil, err
	}
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
		var sources []string
		for _, k := range g {
			h := &held[k]
			reports, sources = append(reports, h), append(sources, h.Source)
			e.Reports = append(e.Reports, FusedReport{h.ID, h.from, h.Source, h.Title, h.Grading()})
			if e.ID == "" || h.ID < e.ID {
				e.ID = h.ID
			}
		}
		e.Fields, e.Attribution = fusedFields(reports), incident.Attributions(sources...)
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
