package node

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/google/uuid"

	"parley.example/parley/incident"
	"parley.example/parley/internal/store"
)

// maxColumns bounds the incidents of one answer in columns.
const maxColumns = 250_000

// Columns are incidents column by column, newest first, for whoever draws a hundred
// thousand of them: numbers, and words by their place in a list. What is shown of
// single ones comes by [Node.IncidentRows].
type Columns struct {
	ID     []uuid.UUID
	Day    []int32   // first day, days since 1970-01-01
	Days   []uint16  // how many more days the event may lie in
	Lat    []float32 // NaN: not placed
	Lon    []float32
	Radius []uint16 // km, 0: unknown
	Killed []uint16 // best figure
	// Event numbers the event from 1 where several reports of it are held.
	Event []uint32
	// Rival is 1 where reports or claims name different ones, or one is denied.
	Rival []uint8
	// Words by column, and for each incident the place of its word there. The first
	// word of each list is "".
	Words map[string][]string
	Codes map[string][]uint16
}

// WordColumns are the names of the columns of words.
var WordColumns = []string{"area", "class", "kind", "group", "party", "marking", "grading"}

// linkedReport is a report that links name, and its place in the columns; -1: it is
// outside of the filter.
type linkedReport struct {
	heldReport
	at int
}

// IncidentColumns lists all incidents that a filter selects. More than 250,000 are
// refused.
func (n *Node) IncidentColumns(ctx context.Context, f IncidentFilter) (*Columns, error) {
	if err := f.Check(); err != nil {
		return nil, err
	}
	c := &Columns{Words: map[string][]string{}, Codes: map[string][]uint16{}}
	places := map[string]map[string]uint16{}
	for _, name := range WordColumns {
		c.Words[name], places[name] = []string{""}, map[string]uint16{"": 0}
	}
	word := func(name, w string) error {
		code, ok := places[name][w]
		if !ok {
			if len(c.Words[name]) > math.MaxUint16 {
				return fmt.Errorf("%w: more than %d different words for %s; choose a shorter period", ErrInvalid, math.MaxUint16, name)
			}
			code = uint16(len(c.Words[name]))
			places[name][w] = code
			c.Words[name] = append(c.Words[name], w)
		}
		c.Codes[name] = append(c.Codes[name], code)
		return nil
	}
	links, linked, err := n.linkedReports(ctx)
	if err != nil {
		return nil, err
	}
	var held []linkedReport
	err = n.incidentPages(ctx, f.query(), 5000, func(rows []store.Incident) error {
		for _, r := range rows {
			in, err := readIncident(r)
			if err != nil {
				return err
			}
			if !f.keeps(&in, r.From) {
				continue
			}
			if len(c.ID) == maxColumns {
				return fmt.Errorf("%w: more than %d reports; choose a shorter period", ErrInvalid, maxColumns)
			}
			_, id, _ := strings.Cut(in.ID, "--")
			u, err := uuid.Parse(id)
			if err != nil {
				return fmt.Errorf("stored incident %q: %w", clip(in.ID), err)
			}
			if linked[in.ID] {
				held = append(held, linkedReport{slimReport(&in, r.From), len(c.ID)})
			}
			c.Rival = append(c.Rival, rivals([]heldReport{slimReport(&in, r.From)}))
			c.ID = append(c.ID, u)
			c.add(&in)
			for name, w := range map[string]string{
				"area": in.Admin1, "class": string(in.Class()), "kind": string(in.Kind), "group": in.Organisation,
				"party": r.From, "marking": marked(&in), "grading": in.Grading(),
			} {
				if err := word(name, w); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := n.events(ctx, c, links, held); err != nil {
		return nil, err
	}
	c.reverse()
	return c, nil
}

func (c *Columns) add(in *incident.Incident) {
	small := func(x float64) uint16 { return uint16(max(0, min(math.MaxUint16, math.Round(x)))) }
	lat, lon := math.NaN(), math.NaN()
	if in.Placed {
		lat, lon = in.Lat, in.Lon
	}
	killed := 0
	if in.Killed.Best != nil {
		killed = *in.Killed.Best
	}
	day := math.Floor(float64(in.Start.Unix()) / 86400)
	c.Day = append(c.Day, int32(day))
	c.Days = append(c.Days, small(math.Floor(float64(in.End.Unix())/86400)-day))
	c.Lat, c.Lon = append(c.Lat, float32(lat)), append(c.Lon, float32(lon))
	c.Radius, c.Killed = append(c.Radius, small(in.RadiusKM)), append(c.Killed, small(float64(killed)))
}

func (c *Columns) reverse() {
	slices.Reverse(c.ID)
	slices.Reverse(c.Day)
	slices.Reverse(c.Days)
	slices.Reverse(c.Lat)
	slices.Reverse(c.Lon)
	slices.Reverse(c.Radius)
	slices.Reverse(c.Killed)
	slices.Reverse(c.Event)
	slices.Reverse(c.Rival)
	for _, codes := range c.Codes {
		slices.Reverse(codes)
	}
}

// slimReport keeps of a report what tells its list and whom it names.
func slimReport(in *incident.Incident, from string) heldReport {
	list := "party/" + from
	if from == "" {
		list = "own/" + in.Source
	}
	return heldReport{Incident: incident.Incident{ID: in.ID, Organisation: in.Organisation, Claims: in.Claims}, from: from, list: list}
}

// linkedReports reads all links, and which reports they name.
func (n *Node) linkedReports(ctx context.Context) (links []ReportLink, linked map[string]bool, err error) {
	err = n.view(ctx, func(tx store.Tx) (err error) {
		links, err = listDocs[ReportLink](tx, docLink)
		return err
	})
	linked = make(map[string]bool, 2*len(links))
	for _, l := range links {
		linked[l.Left], linked[l.Right] = true, true
	}
	return links, linked, err
}

// events numbers the events of which several reports are held, and marks where they
// contradict each other. A report beyond the filter still contradicts one within it.
func (n *Node) events(ctx context.Context, c *Columns, links []ReportLink, all []linkedReport) error {
	c.Event = make([]uint32, len(c.ID))
	within, known := make(map[string]bool, len(all)), make(map[string]bool, len(all))
	for i := range all {
		within[all[i].ID], known[all[i].ID] = true, true
	}
	links = slices.DeleteFunc(links, func(l ReportLink) bool { return !within[l.Left] && !within[l.Right] })
	err := n.view(ctx, func(tx store.Tx) error {
		for _, l := range links {
			for _, id := range []string{l.Left, l.Right} {
				if known[id] {
					continue
				}
				row, err := tx.Incident(id)
				if errors.Is(err, store.ErrNotFound) {
					continue // it was withdrawn
				}
				if err != nil {
					return err
				}
				in, err := readIncident(row)
				if err != nil {
					return err
				}
				all, known[id] = append(all, linkedReport{slimReport(&in, row.From), -1}), true
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	held := make([]heldReport, len(all))
	for i := range all {
		held[i] = all[i].heldReport
	}
	event := uint32(0)
	groups := sameEvent(held, links)
	for i := range all {
		group := groups[i]
		if len(group) == 0 || group[0] != i {
			continue
		}
		event++
		reports := make([]heldReport, 0, len(group))
		for _, k := range group {
			reports = append(reports, held[k])
		}
		rival := rivals(reports)
		for _, k := range group {
			if at := all[k].at; at >= 0 {
				c.Event[at], c.Rival[at] = event, rival
			}
		}
	}
	return nil
}

// rivals is 1 where reports of one event, or the claims in them, name different ones
// as responsible, or somebody denies it.
func rivals(reports []heldReport) uint8 {
	named := ""
	differs := false
	name := func(who string) {
		switch {
		case who == "":
		case named == "":
			named = who
		default:
			differs = differs || !strings.EqualFold(named, who)
		}
	}
	for i := range reports {
		name(reports[i].Organisation)
		for _, c := range reports[i].Claims {
			switch c.Kind {
			case incident.Responsibility:
				name(c.By)
			case incident.Denial:
				differs = true
			default:
				name(c.Of)
			}
		}
	}
	if differs {
		return 1
	}
	return 0
}

// IncidentRow is an incident with what is claimed in it.
type IncidentRow struct {
	Incident
	Claims []IncidentClaim `json:"claims"`
}

// IncidentClaim is what one actor says about who is responsible.
type IncidentClaim struct {
	By        string `json:"by"`
	Of        string `json:"of"`
	Kind      string `json:"kind"`
	Statement string `json:"statement,omitempty"`
	Grading   string `json:"grading,omitempty"`
}

// IncidentRows shows single incidents, in the order in which they are asked for; what
// is not held (any more) is left out.
func (n *Node) IncidentRows(ctx context.Context, ids []string) ([]IncidentRow, error) {
	out := []IncidentRow{}
	return out, n.view(ctx, func(tx store.Tx) error {
		for _, id := range ids {
			r, err := tx.Incident(id)
			if errors.Is(err, store.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			in, err := readIncident(r)
			if err != nil {
				return err
			}
			row := IncidentRow{incidentView(&in, r.From), []IncidentClaim{}}
			for _, c := range in.Claims {
				grade := ""
				if c.Reliability != "" && c.Credibility != 0 {
					grade = fmt.Sprintf("%s%d", c.Reliability, c.Credibility)
				}
				row.Claims = append(row.Claims, IncidentClaim{c.By, c.Of, string(c.Kind), c.Statement, grade})
			}
			out = append(out, row)
		}
		return nil
	})
}
