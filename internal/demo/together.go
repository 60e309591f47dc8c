package demo

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"parley.example/parley/deconflict"
	"parley.example/parley/internal/node"
	"parley.example/parley/operation"
)

// together lets both plan in the same valley and find out without telling each other
// where, and then work there together.
func (w *World) together(ctx context.Context, ev Evidence) error {
	if err := w.collide(ctx, ev); err != nil {
		return fmt.Errorf("deconfliction: %w", err)
	}
	if err := w.climb(ctx, "joint"); err != nil {
		return fmt.Errorf("raising the rung: %w", err)
	}
	return w.operate(ctx, ev)
}

// collide enters three plans, two of which overlap.
func (w *World) collide(ctx context.Context, ev Evidence) error {
	for p, contact := range map[*process]string{w.north: "Northern joint desk (fictional), +93 20 555 0101", w.south: "Southern joint desk (fictional), +92 51 555 0102"} {
		if err := p.Post(ctx, "/deconflict/desk", node.Desk{Accord: w.accord, Contact: contact}, nil); err != nil {
			return err
		}
	}
	from := time.Now().UTC().Add(48 * time.Hour).Truncate(2 * time.Hour)
	enter := func(p *process, f deconflict.Footprint, hours int) (out node.Footprint, err error) {
		f.LegalBasis, f.From = "Exercise Order 7 (fictional)", from.Add(time.Duration(hours)*time.Hour)
		f.Until = f.From.Add(4 * time.Hour)
		err = p.Post(ctx, "/deconflict/footprints", node.FootprintAsk{Footprint: f}, &out)
		return out, err
	}
	search, err := enter(w.north, deconflict.Footprint{
		Title: "Search of the upper valley (fictional)", Purpose: "rescue", Officer: "Maj. Daud (fictional)",
		Places: []deconflict.Spot{{Name: "Torkham", Lat: 34.12, Lon: 71.10, RadiusKM: 4}},
	}, 0)
	if err != nil {
		return err
	}
	if search.Answer != "accepted, no conflict" {
		return fmt.Errorf("North's plan alone: %q", search.Answer)
	}
	far, err := enter(w.south, deconflict.Footprint{
		Title: "Escort (fictional)", Purpose: "protection", Officer: "Capt. Yusuf (fictional)",
		Places: []deconflict.Spot{{Name: "Quetta", Lat: 30.18, Lon: 66.97, RadiusKM: 3}},
	}, 0)
	if err != nil {
		return err
	}
	if far.Answer != "accepted, no conflict" {
		return fmt.Errorf("South's plan elsewhere: %q", far.Answer)
	}
	patrol, err := enter(w.south, deconflict.Footprint{
		Title: "Night patrol (fictional)", Purpose: "border-control", Officer: "Capt. Yusuf (fictional)",
		Unit:   &deconflict.Unit{Name: "Post 4 (fictional)", Telephone: "+92 91 555 0104"},
		Places: []deconflict.Spot{{Name: "Landi Kotal", Lat: 34.10, Lon: 71.14, RadiusKM: 3}},
	}, 2)
	if err != nil {
		return err
	}
	if err := w.north.Get(ctx, "/deconflict/footprints/"+url.PathEscape(search.ID), nil, &search); err != nil {
		return err
	}
	if !search.Conflict || !patrol.Conflict || !strings.Contains(search.Answer, "Southern joint desk") || !strings.Contains(patrol.Answer, "Northern joint desk") {
		return fmt.Errorf("plans that overlap: North is told %q, South %q", search.Answer, patrol.Answer)
	}
	session := patrol.With[0].Session
	var x node.Exchange
	if err := w.south.Get(ctx, "/deconflict/exchanges/"+session, nil, &x); err != nil {
		return err
	}
	ev["north_is_told"], ev["south_is_told"], ev["elsewhere"] = search.Answer, patrol.Answer, far.Answer
	ev["overlap"], ev["arbiter"] = patrol.With[0].Overlap.Windows, x.Arbiter
	for _, p := range []*process{w.north, w.south} {
		if err := p.Post(ctx, "/deconflict/exchanges/"+session+"/acknowledge", nil, nil); err != nil {
			return err
		}
	}
	if err := w.south.Post(ctx, "/deconflict/exchanges/"+session+"/resolve", map[string]string{"how": "moved-in-time"}, nil); err != nil {
		return err
	}
	// South moves its patrol to the next day; both are clear.
	f := patrol.Footprint
	f.From, f.Until = f.From.Add(24*time.Hour), f.Until.Add(24*time.Hour)
	if err := w.south.Post(ctx, "/deconflict/footprints", node.FootprintAsk{Footprint: f}, &patrol); err != nil {
		return err
	}
	if err := w.north.Get(ctx, "/deconflict/footprints/"+url.PathEscape(search.ID), nil, &search); err != nil {
		return err
	}
	if patrol.Conflict || search.Conflict || !search.Checked {
		return fmt.Errorf("after South moved: North is told %q, South %q", search.Answer, patrol.Answer)
	}
	ev["after_south_moved"] = search.Answer
	// North's oversight opens what was matched; nothing else was.
	var o deconflict.PlansOpening
	if err := w.north.Get(ctx, "/deconflict/exchanges/"+session+"/opening", nil, &o); err != nil {
		return err
	}
	fs, _, err := node.CheckFootprintOpening(o)
	if err != nil || len(fs) != 1 {
		return fmt.Errorf("opening for oversight: %d footprints, %w", len(fs), err)
	}
	ev["opened_for_oversight"] = fs[0].Title
	return nil
}

// climb raises the rung in both directions.
func (w *World) climb(ctx context.Context, rung string) error {
	for _, d := range [][2]*process{{w.north, w.south}, {w.south, w.north}} {
		if err := d[0].Post(ctx, "/accords/"+w.accord+"/rung", map[string]string{"to": d[1].party, "rung": rung}, nil); err != nil {
			return err
		}
		if err := w.sync(ctx, d[0], d[1].party); err != nil {
			return err
		}
		if err := d[1].Post(ctx, "/accords/"+w.accord+"/accept", map[string]string{"from": d[0].party}, nil); err != nil {
			return err
		}
		if err := w.sync(ctx, d[1], d[0].party); err != nil {
			return err
		}
	}
	return nil
}

// operate plays a joint exercise from proposal to record.
func (w *World) operate(ctx context.Context, ev Evidence) error {
	var op node.Operation
	err := w.north.Post(ctx, "/operations", node.ProposeAsk{Accord: w.accord, Exercise: true, Fields: map[string]string{
		"title": "Search of the upper valley (fictional)", "purpose": "rescue", "legal_basis": "Exercise Order 7 (fictional)", "officer": "Maj. Daud (fictional)",
	}}, &op)
	if err != nil {
		return err
	}
	act := func(p *process, a operation.Act) error {
		body := map[string]any{"kind": a.Kind, "item": a.Item, "text": a.Text}
		if a.Fields != nil {
			body["fields"] = a.Fields
		}
		if err := p.Post(ctx, "/operations/"+op.ID+"/acts", body, nil); err != nil {
			return fmt.Errorf("%s: %s %s: %w", p.party, a.Kind, a.Item, err)
		}
		other := map[string]string{"north": "south", "south": "north"}[p.party]
		return w.sync(ctx, p, other)
	}
	if err := w.sync(ctx, w.north, "south"); err != nil {
		return err
	}
	for _, s := range []struct {
		by  *process
		act operation.Act
	}{
		{w.south, operation.Act{Kind: operation.Agree}},
		{w.north, operation.Act{Kind: operation.Agree}},
		{w.north, operation.Act{Kind: operation.Activate}},
		{w.north, operation.Act{Kind: operation.Set, Item: "task/road", Fields: map[string]string{"title": "Close the road", "owner": "south", "state": "open"}}},
		{w.south, operation.Act{Kind: operation.Set, Item: "decision/pass", Fields: map[string]string{"text": "Helicopters cross at the pass only"}}},
		{w.south, operation.Act{Kind: operation.Sign, Item: "decision/pass"}},
		{w.north, operation.Act{Kind: operation.Sign, Item: "decision/pass"}},
		{w.south, operation.Act{Kind: operation.Set, Item: "task/road", Fields: map[string]string{"state": "done"}}},
		{w.north, operation.Act{Kind: operation.Close, Text: "Two hikers found, nobody hurt (fictional)."}},
	} {
		if err := act(s.by, s.act); err != nil {
			return err
		}
	}
	var seen node.Operation
	for p, into := range map[*process]*node.Operation{w.north: &op, w.south: &seen} {
		if err := p.Get(ctx, "/operations/"+op.ID, nil, into); err != nil {
			return err
		}
	}
	switch {
	case seen.State.State != operation.Closed || op.State.State != operation.Closed:
		return fmt.Errorf("the operation is %s for North and %s for South", op.State.State, seen.State.State)
	case len(seen.Decisions) != 1 || !seen.Decisions[0].Taken:
		return errors.New("the decision was not taken by both")
	case len(seen.Log) != len(op.Log) || fmt.Sprint(seen.State) != fmt.Sprint(op.State):
		return errors.New("North and South see different states of the operation")
	}
	ev["operation"], ev["state"], ev["decision_signed_by"], ev["record"], ev["identical"] = seen.Title, seen.State.State, seen.Decisions[0].Signed, seen.Records[0].Text, true
	return nil
}
