package node

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"parley.example/parley/internal/store"
	"parley.example/parley/watch"
)

// docSaid keeps what the watch said, by horizon and date of its data. It is
// written once; each record carries the hash of the one before, so that none can
// be changed or left out afterwards without its being seen.
const docSaid = "said:"

// Said is what the watch said on one date.
type Said struct {
	AsOf    string             `json:"as_of"`
	At      string             `json:"at"` // when it was said
	Horizon int                `json:"horizon"`
	P       map[string]float64 `json:"p"`      // by area
	Before  string             `json:"before"` // SHA-256 of the record before, hex; "" for the first
}

var saidHorizons = []int{1, 4, 13}

// RecordWatch notes what the watch says now, for every horizon, where it has not
// been noted for these data yet. It is called now and then while the node runs.
func (n *Node) RecordWatch(ctx context.Context) error {
	for _, h := range saidHorizons {
		w, err := n.Watch(ctx, h, "", 0)
		if err != nil {
			return err
		}
		if w.AsOf == "" {
			continue
		}
		s := Said{AsOf: w.AsOf, At: stamp(n.now()), Horizon: h, P: make(map[string]float64)}
		for _, a := range w.Areas {
			s.P[a.Area] = a.P
		}
		err = n.update(ctx, func(tx store.Tx) error {
			kind := fmt.Sprint(docSaid, h)
			all, err := tx.ListDocs(kind)
			if err != nil {
				return err
			}
			s.Before = ""
			for _, d := range all { // by id, which begins with the order in which they were said
				var was Said
				if err := json.Unmarshal(d.Body, &was); err != nil {
					return fmt.Errorf("stored forecast %s does not read: %w", d.ID, err)
				}
				if was.AsOf == s.AsOf {
					return nil
				}
				sum := sha256.Sum256(d.Body)
				s.Before = hex.EncodeToString(sum[:])
			}
			return putDoc(tx, kind, fmt.Sprintf("%08d", len(all)), s)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// SaidScore is what the watch said in the past and how it turned out.
type SaidScore struct {
	Horizon int     `json:"horizon"`
	Said    []Said  `json:"said"`   // newest first
	Scored  int     `json:"scored"` // forecasts whose horizon has passed
	Brier   float64 `json:"brier"`  // of those
	Whole   bool    `json:"whole"`  // no record was changed or left out
}

// WatchRecord reads what the watch said for a horizon and scores it against the
// incidents held now.
func (n *Node) WatchRecord(ctx context.Context, horizon int) (SaidScore, error) {
	out := SaidScore{Horizon: horizon, Said: []Said{}, Whole: true}
	w, err := n.watched(ctx)
	if err != nil {
		return out, err
	}
	p, _, err := watch.Count(w.counted, watch.ByArea, w.asOf)
	if err != nil && !errors.Is(err, watch.ErrNoData) {
		return out, err
	}
	err = n.view(ctx, func(tx store.Tx) error {
		all, err := tx.ListDocs(fmt.Sprint(docSaid, horizon))
		if err != nil {
			return err
		}
		before := ""
		for _, d := range all {
			var s Said
			if err := json.Unmarshal(d.Body, &s); err != nil {
				return fmt.Errorf("stored forecast %s does not read: %w", d.ID, err)
			}
			out.Whole = out.Whole && s.Before == before
			sum := sha256.Sum256(d.Body)
			before = hex.EncodeToString(sum[:])
			out.Said = append(out.Said, s)
		}
		return nil
	})
	slices.Reverse(out.Said)
	if p == nil {
		return out, err
	}
	for _, s := range out.Said {
		at, perr := time.Parse(time.RFC3339, s.AsOf)
		if perr != nil {
			out.Whole = false
			continue
		}
		from := slices.IndexFunc(p.Starts, func(t time.Time) bool { return !t.Before(at) })
		if from < 0 || from+horizon > len(p.Starts) {
			continue
		}
		for area, prob := range s.P {
			hit := 0.0
			if u := slices.Index(p.Units, area); u >= 0 {
				for _, y := range p.Counts[u][from : from+horizon] {
					if y > 0 {
						hit = 1
					}
				}
			}
			out.Scored++
			out.Brier += (prob - hit) * (prob - hit)
		}
	}
	if out.Scored > 0 {
		out.Brier /= float64(out.Scored)
	}
	return out, err
}

// keepWatch records what the watch says, once an hour.
func (n *Node) keepWatch(ctx context.Context) {
	if n.opt.Every < 0 {
		return // tests do it by hand
	}
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := n.RecordWatch(ctx); err != nil && ctx.Err() == nil {
			n.opt.Log.Error("recording what the watch says", "error", err)
		}
	}
}
