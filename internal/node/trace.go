package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
	"parley.example/parley/release"
)

// maxTraced bounds the text that is searched for traits, in bytes.
const maxTraced = 64 << 20

// Trace says whose copies a text was made from.
type Trace struct {
	// Sought is how many copies that ever left it was compared with.
	Sought  int          `json:"sought"`
	Matches []TraceMatch `json:"matches"` // the surest first
	// Verdict names the recipient, in words; Sure is "certain", "very likely",
	// "likely", "uncertain" or "none".
	Verdict string `json:"verdict"`
	Sure    string `json:"sure"`
	OK      bool   `json:"ok"` // likely or better
}

// TraceMatch is a copy that the text may have been made from.
type TraceMatch struct {
	To       string   `json:"to"`
	Accord   string   `json:"accord"`
	Title    string   `json:"accord_title"`
	Object   string   `json:"object,omitempty"` // ours, of which it is a copy
	Copy     string   `json:"copy"`
	At       string   `json:"at"`
	Log      string   `json:"log"`
	Index    int64    `json:"index"`
	Outcome  string   `json:"outcome"`
	Evidence []string `json:"evidence"` // the traits found
	Bits     float64  `json:"bits"`     // by chance they occur once in 2^bits
	Sure     string   `json:"sure"`
	Chance   float64  `json:"chance"` // that another copy would match as well
	// Confirmed says that only the holder of this node's secret could have
	// made the id found.
	Confirmed bool `json:"confirmed"`
}

// shownMatches bounds how many copies of which the evidence is weak are shown.
const shownMatches = 10

// TraceCopy searches a leaked text, in whatever form it is and whatever is
// missing in it, for the traits of every copy that this node ever released. It
// needs the node's own folder alone.
func (n *Node) TraceCopy(ctx context.Context, r io.Reader) (Trace, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxTraced+1))
	if err != nil {
		return Trace{}, fmt.Errorf("reading the text: %w", err)
	}
	if len(text) > maxTraced {
		return Trace{}, fmt.Errorf("%w: the text is larger than %d MB; give a part of it", ErrInvalid, maxTraced>>20)
	}
	found := release.Search(text)
	uuids := make(map[string]bool)
	for _, u := range found.UUIDs() {
		uuids[u] = true
	}
	out := Trace{Matches: []TraceMatch{}}
	err = n.view(ctx, func(tx store.Tx) error {
		pacts, err := n.pacts(tx)
		if err != nil {
			return err
		}
		for _, pc := range pacts {
			if err := n.traceLog(ctx, tx, pc, found, uuids, &out); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return out, err
	}
	out.judge(found)
	return out, nil
}

// traceLog compares the copies released under one accord.
func (n *Node) traceLog(ctx context.Context, tx store.Tx, pc pact, found release.Found, uuids map[string]bool, out *Trace) error {
	const page = 500
	log := ledger.Origin(pc.ID, n.cfg.Party)
	q := store.EventQuery{Logs: []string{log}, Kinds: []string{string(ledger.Released), string(ledger.Corrected)}, Limit: page}
	for {
		rows, err := tx.Events(q)
		if err != nil {
			return err
		}
		for _, row := range rows {
			q.From = row.Index + 1
			if err := n.traceEvent(tx, pc, row, found, uuids, out); err != nil {
				return err
			}
		}
		if len(rows) < page {
			return ctx.Err()
		}
	}
}

func (n *Node) traceEvent(tx store.Tx, pc pact, row store.Event, found release.Found, uuids map[string]bool, out *Trace) error {
	e, err := ledger.ParseEvent(row.Bytes)
	if err != nil {
		return fmt.Errorf("event %d of %s: %w", row.Index, row.Log, err)
	}
	rec, err := decodeData[ledger.Release](e)
	if err != nil {
		return fmt.Errorf("event %d of %s: %w", row.Index, row.Log, err)
	}
	out.Sought++
	m := TraceMatch{
		To: strings.Join(rec.To, ", "), Accord: pc.ID, Title: pc.Terms.Title, Copy: rec.Object, At: stamp(e.At), Log: row.Log, Index: row.Index, Outcome: rec.Outcome,
	}
	_, uid, _ := strings.Cut(strings.ToLower(rec.Object), "--")
	if rec.Outcome == release.Full.String() {
		// The whole is the same for everybody who got it.
		if !uuids[uid] {
			return nil
		}
		m.Object, m.Evidence = rec.Object, []string{"the object's own id: whoever got the whole has it"}
		out.Matches = append(out.Matches, m)
		return nil
	}
	content := rec.Digest
	if rec.Sealed != nil {
		content = rec.Sealed.Content
	}
	body, err := tx.Body(content)
	switch {
	case errors.Is(err, store.ErrNotFound):
		// The content is gone; the ledger still knows the id.
		if uuids[uid] {
			m.Evidence, m.Bits = []string{"id"}, 122
		}
	case err != nil:
		return err
	default:
		m.Evidence, m.Bits = found.Matches(release.Traits(body))
	}
	if len(m.Evidence) == 0 {
		return nil
	}
	var c sentCopy
	if err := getDoc(tx, docCopy, copyKey(pc.ID, m.To, rec.Object), &c); err == nil {
		m.Object = c.Object
		m.Confirmed = uuids[uid] && release.CopyID(n.keys.copy, pc.ID, m.To, c.Object) == rec.Object
	} else if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	out.Matches = append(out.Matches, m)
	if len(out.Matches) > 4096 {
		out.trim()
	}
	return nil
}

func (t *Trace) trim() {
	slices.SortStableFunc(t.Matches, func(a, b TraceMatch) int { return cmp.Compare(b.Bits, a.Bits) })
	t.Matches = t.Matches[:min(len(t.Matches), 2048)]
}

// judge orders the matches and says how sure they are. The more there is in the
// text that could coincide, the less a coincidence means.
func (t *Trace) judge(found release.Found) {
	t.trim()
	among := t.Sought * (1 + found.Size())
	var kept []TraceMatch
	weak := 0
	for _, m := range t.Matches {
		if m.Sure, m.Chance = release.Sure(m.Bits, among); m.Chance >= 0.05 {
			if weak++; weak > shownMatches {
				continue
			}
		}
		kept = append(kept, m)
	}
	t.Matches = orEmpty(kept)
	t.Sure, t.Verdict = "none", "nothing in it is from a copy that this node released"
	if len(kept) == 0 {
		return
	}
	best := kept[0]
	t.Sure, t.OK = best.Sure, best.Chance < 0.05
	switch {
	case t.OK:
		var others []string
		for _, m := range kept {
			if m.Chance < 0.05 && m.To != best.To && !slices.Contains(others, m.To) {
				others = append(others, m.To)
			}
		}
		t.Verdict = "it was made from the copy of " + best.To
		if len(others) > 0 {
			t.Verdict = "it was made from copies of " + strings.Join(append([]string{best.To}, others...), ", ")
		}
	case best.Outcome == release.Full.String():
		var who []string
		for _, m := range kept {
			if m.Outcome == best.Outcome && !slices.Contains(who, m.To) {
				who = append(who, m.To)
			}
		}
		t.Verdict = "it names objects that left whole; whole objects are not marked; they went to " + strings.Join(who, ", ")
	default:
		t.Verdict = "what was found may be chance"
	}
}
