package node_test

import (
	"testing"

	"parley.example/parley/incident"
	"parley.example/parley/internal/node"
)

// Opening what a partner released counts as attention to its area.
func TestReadingTheInboxIsAttention(t *testing.T) {
	w := newWorld(t)
	importAs(t, w.north, "police", policeLog)
	importAs(t, w.south, "press", pressLog)
	if rel, err := w.north.ReleaseObject(t.Context(), node.ReleaseAsk{Object: incident.ID("police", "p3"), Accord: w.accord, Purpose: "protection"}); err != nil || !rel.Released {
		t.Fatalf("%+v, %v", rel, err)
	}
	w.sync(w.north, "south")
	items, err := w.south.Inbox(t.Context(), 0)
	if err != nil || len(items) != 1 {
		t.Fatalf("%d items, %v", len(items), err)
	}
	for range 2 {
		if _, err := w.south.InboxItem(t.Context(), items[0].ID); err != nil {
			t.Fatal(err)
		}
	}
	d, err := w.south.Diversification(t.Context(), 52)
	if err != nil || d.Looked == nil || len(d.Looked.Sources) != 1 {
		t.Fatalf("%+v, %v", d.Looked, err)
	}
	if s := d.Looked.Sources[0]; s.Source != node.FromReading || s.N != 2 || s.Looked["Kunduz"] != 1 {
		t.Errorf("read: %+v", s)
	}
}
