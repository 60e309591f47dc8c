package node

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"parley.example/parley/incident"
	"parley.example/parley/internal/store"
	"parley.example/parley/watch"
)

// Incident is an incident as map and tables show it (docs/api.md).
type Incident struct {
	ID            string   `json:"id"`
	Date          string   `json:"date"`
	End           string   `json:"end"`
	DatePrecision string   `json:"date_precision"`
	Title         string   `json:"title"`
	Lat           *float64 `json:"lat"`
	Lon           *float64 `json:"lon"`
	RadiusKM      float64  `json:"radius_km"`
	Place         string   `json:"place"`
	Area          string   `json:"area"`
	Class         string   `json:"class"`
	Kind          string   `json:"kind"`
	Killed        Killed   `json:"killed"`
	Organisation  string   `json:"organisation"`
	From          string   `json:"from"`
	Marking       string   `json:"marking"`
	Grading       string   `json:"grading"`
}

// Killed is a range; a bound that the source does not give is the best figure,
// and 0 where none is given at all.
type Killed struct {
	Low  int `json:"low"`
	Best int `json:"best"`
	High int `json:"high"`
}

// Incidents lists incidents, newest first, and how many there are in all.
func (n *Node) Incidents(ctx context.Context, f IncidentFilter) ([]Incident, int64, error) {
	out := []Incident{}
	if err := f.Check(); err != nil {
		return out, 0, err
	}
	if f.Limit <= 0 {
		f.Limit = 10_000
	}
	if f.beyond() {
		return n.incidentsBeyond(ctx, f)
	}
	q := f.query()
	q.Limit, q.Newest = f.Limit, true
	var total int64
	err := n.view(ctx, func(tx store.Tx) error {
		rows, err := tx.ListIncidents(q)
		if err != nil {
			return err
		}
		for _, r := range rows {
			in, err := readIncident(r)
			if err != nil {
				return err
			}
			out = append(out, incidentView(&in, r.From))
		}
		q.Limit = 0
		total, err = tx.CountIncidents(q)
		return err
	})
	return out, total, err
}

// incidentsBeyond lists what the store alone cannot select.
func (n *Node) incidentsBeyond(ctx context.Context, f IncidentFilter) ([]Incident, int64, error) {
	out := []Incident{}
	total := int64(0)
	err := n.incidentPages(ctx, f.query(), exportPage, func(rows []store.Incident) error {
		for _, r := range rows {
			in, err := readIncident(r)
			if err != nil {
				return err
			}
			if !f.keeps(&in, r.From) {
				continue
			}
			total++
			if len(out) >= 2*f.Limit { // the newest come last
				out = append(out[:0], out[len(out)-f.Limit:]...)
			}
			out = append(out, incidentView(&in, r.From))
		}
		return nil
	})
	out = out[max(0, len(out)-f.Limit):]
	slices.Reverse(out)
	return out, total, err
}

func readIncident(r store.Incident) (incident.Incident, error) {
	var in incident.Incident
	if err := json.Unmarshal(r.Doc, &in); err != nil {
		return in, fmt.Errorf("stored incident %s does not read: %w", r.ID, err)
	}
	return in, nil
}

func incidentView(in *incident.Incident, from string) Incident {
	v := Incident{
		ID: in.ID, Date: in.Start.UTC().Format(time.DateOnly), End: in.End.UTC().Format(time.DateOnly), DatePrecision: string(in.DatePrecision),
		Title: in.Title, RadiusKM: in.RadiusKM, Place: in.Place, Area: in.Admin1, Class: string(in.Class()), Kind: string(in.Kind),
		Organisation: in.Organisation, From: from, Marking: marked(in), Grading: in.Grading(),
	}
	if in.Placed {
		v.Lat, v.Lon = &in.Lat, &in.Lon
	}
	if b := in.Killed.Best; b != nil {
		v.Killed = Killed{*b, *b, *b}
	}
	if in.Killed.Low != nil {
		v.Killed.Low = *in.Killed.Low
	}
	if in.Killed.High != nil {
		v.Killed.High = *in.Killed.High
	}
	return v
}

// Watch is what the watch says (docs/api.md).
type Watch struct {
	Horizon     int            `json:"horizon"`
	AsOf        string         `json:"as_of"`
	Model       string         `json:"model"`
	Attribution string         `json:"attribution"`
	Weeks       []string       `json:"weeks"`
	Areas       []WatchArea    `json:"areas"`
	All         WatchCounts    `json:"all"`
	Lull        []watch.Lull   `json:"lull"`
	Left        map[string]int `json:"left"` // incidents not counted, by reason
	// Record is how these forecasts and the two that they have to beat scored of
	// late; empty for less than four years of data.
	Record []watch.Evaluation `json:"record"`
	// Delay is how late reports come; null where entry dates are not known.
	Delay *watch.Delay `json:"delay"`
	// Lift is the effect given to signals that are not attacks.
	Lift watch.Lift `json:"lift"`
}

// WatchCounts are counts by week.
type WatchCounts struct {
	Counts []int `json:"counts"`
}

// WatchArea is the card of one area.
type WatchArea struct {
	Area       string     `json:"area"`
	Counts     []int      `json:"counts"`
	Total      int        `json:"total"`
	LastAttack *string    `json:"last_attack"`
	QuietWeeks int        `json:"quiet_weeks"`
	P          float64    `json:"p"`
	Low        int        `json:"low"`
	High       int        `json:"high"`
	Mean       float64    `json:"mean"`
	BaseRate   float64    `json:"base_rate"`
	Unreported float64    `json:"unreported"` // of the newest weeks, expected beside those counted
	Lull       *WatchLull `json:"lull"`
	Signals    int        `json:"signals"` // of the last four weeks
	Plain      float64    `json:"plain"`   // P without the effect of signals
	// NamedBy says who names the organisation of a card by group, and in how many
	// reports, those of one event included: a party, or "own (…)" with the dataset.
	NamedBy map[string]int `json:"named_by,omitempty"`
	// Without is what P would be without one partner's reports, where that differs
	// by a percent or more.
	Without []Without `json:"without,omitempty"`
}

// Without is a forecast that leaves one partner out.
type Without struct {
	Party string  `json:"party"`
	P     float64 `json:"p"`
}

// WatchLull is what followed quiet of such length before.
type WatchLull struct {
	AtLeastWeeks int     `json:"at_least_weeks"`
	N            int     `json:"n"`
	Observed     float64 `json:"observed"`
	Forecast     float64 `json:"forecast"`
	Text         string  `json:"text"`
}

// watchUnits are what the watch can have cards of.
var watchUnits = map[string]func(*incident.Incident) string{
	"area": watch.ByArea, "class": watch.ByClass, "group": func(in *incident.Incident) string { return in.Organisation },
}

// maxHorizon is the longest forecast in weeks.
const maxHorizon = 26

// Watch forecasts every area over all incidents held. The forecast begins at
// the end of the data, not at the clock: data that ends a year ago says
// nothing of this week.
//
// by is what the cards are of: "area" (or ""), "class" of target, or "group",
// the named organisations.
// Signals act by a factor: 0 fits one on the past, 1 switches them off.
func (n *Node) Watch(ctx context.Context, horizon int, by string, factor float64) (Watch, error) {
	by = cmp.Or(by, "area")
	if _, ok := watchUnits[by]; !ok {
		return Watch{}, fmt.Errorf("%w: the watch is by area, class or group, not by %q", ErrInvalid, clip(by))
	}
	if horizon < 1 || horizon > maxHorizon {
		return Watch{}, fmt.Errorf("%w: a horizon of %d weeks; give 1 to %d", ErrInvalid, horizon, maxHorizon)
	}
	var lift *watch.Lift
	if factor != 0 {
		l, err := watch.SetLift(factor)
		if err != nil {
			return Watch{}, fmt.Errorf("%w: %w", ErrInvalid, err)
		}
		lift = &l
	}
	held, err := n.watched(ctx)
	if err != nil {
		return Watch{}, err
	}
	question := fmt.Sprintf("%d %s %g", horizon, by, factor)
	n.watching.mu.Lock()
	out, known := n.watching.answers[question]
	known = known && n.watching.held.hash == held.hash
	n.watching.mu.Unlock()
	if known {
		return out, nil
	}
	if out, err = makeWatch(held, horizon, by, lift); err != nil {
		return out, err
	}
	n.watching.mu.Lock()
	defer n.watching.mu.Unlock()
	if n.watching.held.hash == held.hash {
		n.watching.answers[question] = out
	}
	return out, nil
}

func makeWatch(held watched, horizon int, by string, lift *watch.Lift) (Watch, error) {
	unit := watchUnits[by]
	out := Watch{Horizon: horizon, Model: watch.Model, Weeks: []string{}, Areas: []WatchArea{}, All: WatchCounts{[]int{}}, Left: map[string]int{}}
	out.Attribution = held.attribution
	r, err := watch.NewReport(held.counted, unit, held.asOf, horizon, lift)
	if errors.Is(err, watch.ErrNoData) {
		return out, nil
	}
	if err != nil {
		return out, err
	}
	out.AsOf, out.Model, out.Lull, out.Left, out.Record, out.Delay, out.Lift = stamp(r.AsOf), r.Model, r.Lull, r.Left, r.Record, r.Delay, r.Lift
	if held.fused > 0 {
		out.Left["another report of an event counted already"] = held.fused
	}
	for party, over := range held.over {
		out.Left["more from "+party+" than others confirm"] = over
	}
	for _, w := range r.Weeks {
		out.Weeks = append(out.Weeks, w.Format(time.DateOnly))
	}
	out.All.Counts = r.All
	for _, c := range r.Cards {
		a := WatchArea{
			Area: c.Area, Counts: c.Counts, Total: c.Total, QuietWeeks: c.QuietWeeks,
			P: c.P, Low: c.Low, High: c.High, Mean: c.Mean, BaseRate: c.BaseRate, Unreported: c.Unreported, Signals: c.Signals, Plain: c.Plain,
		}
		if !c.LastAttack.IsZero() {
			s := c.LastAttack.Format(time.DateOnly)
			a.LastAttack = &s
		}
		if c.Lull != nil {
			a.Lull = &WatchLull{c.Lull.AtLeastWeeks, c.Lull.N, c.Lull.Observed, c.Lull.Forecast, c.Lull.Text}
		}
		out.Areas = append(out.Areas, a)
	}
	for i := range out.Areas {
		if by == "group" {
			out.Areas[i].NamedBy = held.named[out.Areas[i].Area]
		}
	}
	return out, held.leaveOut(&out, unit, lift)
}

// Overview is what a person coming on duty sees first (docs/api.md).
type Overview struct {
	Counts   OverviewCounts `json:"counts"`
	Waiting  []Waiting      `json:"waiting"`
	Partners []Partner      `json:"partners"`
	Data     DataSpan       `json:"data"`
	// Leader is the address between processes of the one that answers, where several
	// serve the node; empty: there is one.
	Leader string `json:"leader,omitempty"`
}

// OverviewCounts are the sizes of what is held.
type OverviewCounts struct {
	Incidents int64 `json:"incidents"`
	Objects   int64 `json:"objects"`
	Inbox     int   `json:"inbox"`    // not read yet
	Accords   int   `json:"accords"`  // in force
	Requests  int   `json:"requests"` // open to us
}

// Waiting is something that waits for a person.
type Waiting struct {
	Kind  string `json:"kind"` // request, accord, inbox or alarm
	Title string `json:"title"`
	At    string `json:"at"`
	Due   string `json:"due,omitempty"`
	Page  string `json:"page"`
}

// Partner is where one partner stands under one accord.
type Partner struct {
	Party       string  `json:"party"`
	Name        string  `json:"name"`
	Accord      string  `json:"accord"`
	AccordTitle string  `json:"accord_title"`
	State       string  `json:"state"`
	Rung        string  `json:"rung"` // that we grant
	LastContact *string `json:"last_contact"`
	WaitingOut  int     `json:"waiting_out"`
	Reason      string  `json:"reason"`
}

// DataSpan says what the incidents cover.
type DataSpan struct {
	From    string   `json:"from"`
	To      string   `json:"to"`
	Sources []string `json:"sources"`
}

// Overview gathers the first page.
func (n *Node) Overview(ctx context.Context) (Overview, error) {
	out := Overview{Leader: n.leader(), Waiting: []Waiting{}, Partners: []Partner{}, Data: DataSpan{Sources: []string{}}}
	alarms, err := n.Alarms(ctx)
	if err != nil {
		return out, err
	}
	for _, a := range alarms {
		out.Waiting = append(out.Waiting, Waiting{Kind: "alarm", Title: a.Text, At: a.At, Page: "ledger"})
	}
	missing, err := n.withheld(ctx)
	if err != nil {
		return out, err
	}
	out.Waiting = append(out.Waiting, missing...)
	notices, err := n.Notices(ctx)
	if err != nil {
		return out, err
	}
	for _, x := range notices {
		if kind := map[bool]string{true: "inbox", false: "alarm"}[x.Kind == noticeHit]; x.Seen == "" {
			out.Waiting = append(out.Waiting, Waiting{Kind: kind, Title: x.Text, At: x.At, Page: "ledger"})
		}
	}
	requests, err := n.Requests(ctx)
	if err != nil {
		return out, err
	}
	for _, r := range requests {
		if r.Direction == "in" && r.State == requestOpen {
			out.Counts.Requests++
			out.Waiting = append(out.Waiting, Waiting{Kind: "request", Title: r.Subject, At: r.At, Due: r.Due, Page: "inbox"})
		}
	}
	err = n.view(ctx, func(tx store.Tx) error {
		if err := overviewInbox(tx, &out); err != nil {
			return err
		}
		if err := n.overviewPartners(tx, &out); err != nil {
			return err
		}
		return overviewData(tx, &out)
	})
	return out, err
}

// overviewInbox lists what is new. Who cosigned it is not asked: that takes signatures to
// check for every item that was ever received.
func overviewInbox(tx store.Tx, out *Overview) error {
	rows, err := tx.Inbox(0)
	if err != nil {
		return err
	}
	for _, r := range rows {
		var it Item
		if err := json.Unmarshal(r.Doc, &it); err != nil {
			return fmt.Errorf("stored inbox item %s does not read: %w", r.ID, err)
		}
		if it.State == "new" {
			out.Counts.Inbox++
			out.Waiting = append(out.Waiting, Waiting{Kind: "inbox", Title: it.Title, At: it.At, Page: "inbox"})
		}
	}
	return nil
}

func (n *Node) overviewPartners(tx store.Tx, out *Overview) error {
	ps, err := n.pacts(tx)
	if err != nil {
		return err
	}
	for _, p := range ps {
		st := p.state.At(n.now())
		if st.Name == "in force" {
			out.Counts.Accords++
		}
		member := slices.Contains(p.Terms.Parties(), n.cfg.Party)
		if w := n.expiryWarning(p); w != "" {
			out.Waiting = append(out.Waiting, Waiting{Kind: "accord", Title: w, At: stamp(n.now()), Due: stamp(p.Terms.Expires), Page: "accords"})
		}
		if member && !slices.Contains(p.SignedBy, n.cfg.Party) {
			out.Waiting = append(out.Waiting, Waiting{Kind: "accord", Title: p.Terms.Title, At: stamp(p.Terms.Effective), Page: "accords"})
		}
		for _, m := range slices.Concat(p.Terms.Members, p.Terms.Witnesses) {
			if m.Party == n.cfg.Party {
				continue
			}
			pr, err := n.peer(tx, p.ID, m.Party)
			if err != nil {
				return err
			}
			outs, err := tx.Outbox(p.ID, m.Party)
			if err != nil {
				return err
			}
			v := Partner{
				Party: m.Party, Name: m.Name, Accord: p.ID, AccordTitle: p.Terms.Title, State: st.Name, Rung: "witness",
				WaitingOut: len(outs), Reason: strings.Join(slices.DeleteFunc([]string{st.Reason, pr.Error}, func(s string) bool { return s == "" }), "; "),
			}
			if member && slices.Contains(p.Terms.Parties(), m.Party) {
				v.Rung = p.state.Rung(n.cfg.Party, m.Party).String()
			}
			if pr.Contact > 0 {
				s := stamp(time.UnixMicro(pr.Contact))
				v.LastContact = &s
			}
			out.Partners = append(out.Partners, v)
		}
	}
	return nil
}

func overviewData(tx store.Tx, out *Overview) error {
	var err error
	if out.Counts.Incidents, err = tx.CountIncidents(store.IncidentQuery{}); err != nil {
		return err
	}
	byType, err := tx.CountObjects()
	if err != nil {
		return err
	}
	for _, c := range byType {
		out.Counts.Objects += c
	}
	for _, newest := range []bool{false, true} {
		rows, err := tx.ListIncidents(store.IncidentQuery{Limit: 1, Newest: newest})
		if err != nil || len(rows) == 0 {
			return err
		}
		in, err := readIncident(rows[0])
		if err != nil {
			return err
		}
		if out.Data.To = in.Start.UTC().Format(time.DateOnly); !newest {
			out.Data.From = out.Data.To
		}
		if !slices.Contains(out.Data.Sources, in.Source) {
			out.Data.Sources = append(out.Data.Sources, in.Source)
		}
	}
	return nil
}
