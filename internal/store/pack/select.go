package pack

import (
	"cmp"
	"slices"

	"parley.example/parley/internal/store"
)

// Found is a pack in which events of a query are.
type Found struct {
	Log    string
	ID     int64 // the store's, of the log
	First  int64
	Latest int64 // the latest time of an event of the query's kinds
}

// Select answers a query for events from the rows that it selects, as many as its
// limit, and the packs that may hold more, which it loads as far as needed.
func Select(q store.EventQuery, rows []store.Event, found []Found, load func(Found) (Pack, error)) ([]store.Event, error) {
	if len(found) == 0 {
		return rows, nil
	}
	slices.SortFunc(found, func(a, b Found) int {
		if c := cmp.Compare(b.Latest, a.Latest); q.Newest && c != 0 {
			return c
		}
		return cmp.Or(cmp.Compare(a.Log, b.Log), cmp.Compare(a.First, b.First))
	})
	order := func(a, b store.Event) int {
		if q.Newest {
			return cmp.Or(cmp.Compare(b.At, a.At), cmp.Compare(a.Log, b.Log), cmp.Compare(b.Index, a.Index))
		}
		return cmp.Or(cmp.Compare(a.Log, b.Log), cmp.Compare(a.Index, b.Index))
	}
	var events []store.Event
	for _, f := range found {
		if q.Limit > 0 && len(events) >= q.Limit {
			if !q.Newest {
				break // packs follow one another
			}
			slices.SortFunc(events, order)
			events = events[:q.Limit]
			if events[q.Limit-1].At > f.Latest {
				break
			}
		}
		p, err := load(f)
		if err != nil {
			return nil, err
		}
		for _, e := range p.Entries {
			if e.Opened && e.Event.Index >= q.From && e.Event.At >= q.Since && (len(q.Kinds) == 0 || slices.Contains(q.Kinds, e.Event.Kind)) {
				events = append(events, e.Event)
			}
		}
	}
	events = append(events, rows...)
	slices.SortFunc(events, order)
	if q.Limit > 0 && len(events) > q.Limit {
		events = events[:q.Limit]
	}
	return events, nil
}
