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

// slim is what two passes over reports need of one.
type slim struct {
	heldReport
	at int // its place in the columns; -1: outside of the filter
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
	var held []slim
	err := n.incidentPages(ctx, f.query(), 5000, func(rows []store.Incident) error {
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
			held = append(held, slim{slimReport(&in, r.From), len(c.ID)})
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
	if err := n.events(ctx, c, held); err != nil {
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

// events numbers the events of which several reports are held, and marks where they
// contradict each other. A report beyond the filter still contradicts one within it.
func (n *Node) events(ctx context.Context, c *Columns, within []slim) error {
	c.Event, c.Rival = make([]uint32, len(within)), make([]uint8, len(within))
	at := make(map[string]bool, len(within))
	for i := range within {
		at[within[i].ID] = true
	}
	var links []ReportLink
	all := within
	err := n.view(ctx, func(tx store.Tx) error {
		every, err := listDocs[ReportLink](tx, docLink)
		if err != nil {
			return err
		}
		for _, l := range every {
			if !at[l.Left] && !at[l.Right] {
				continue
			}
			links = append(links, l)
			for _, id := range []string{l.Left, l.Right} {
				if at[id] {
					continue
				}
				row, err := tx.Incident(id)
				if errors.Is(err, store.ErrNotFound) {
					continue // it was withdrawn meanwhile
				}
				if err != nil {
					return err
				}
				in, err := readIncident(row)
				if err != nil {
					return err
				}
				all, at[id] = append(all, slim{slimReport(&in, row.From), -1}), true
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
	groups := sameEvent(held, links)
	event := uint32(0)
	for i := range all {
		group := groups[i]
		if len(group) == 0 {
			if at := all[i].at; at >= 0 {
				c.Rival[at] = rivals(held[i : i+1])
			}
			continue
		}
		if group[0] != i {
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
