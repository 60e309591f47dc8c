package node_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"parley.example/parley/internal/node"
)

func TestSearch(t *testing.T) {
	w := newWorld(t)
	ids := w.importReports()
	rel, err := w.north.ReleaseObject(t.Context(), node.ReleaseAsk{Object: ids[0], Accord: w.accord, Purpose: "protection"})
	if err != nil || !rel.Released {
		t.Fatal(rel, err)
	}
	w.sync(w.north, "south")
	names := map[string]string{"jalal": "جلال‌آباد", "wilayat": "ولايت ننگرهار ١٢٣", "cafe": "Café Müller", "plain": "Quiet valley"}
	var objects []string
	for i, k := range []string{"jalal", "wilayat", "cafe", "plain"} {
		objects = append(objects, strings.Replace(identity(100+i, "X"), `"X"`, `"`+names[k]+`"`, 1))
	}
	relation := `{"type":"relationship","spec_version":"2.1","id":"relationship--00000000-0000-4000-8000-000000000001","created":"2020-01-01T00:00:00.000Z","modified":"2020-01-01T00:00:00.000Z",` +
		`"relationship_type":"related-to","source_ref":"identity--00000000-0000-4000-8000-000000000064","target_ref":"identity--00000000-0000-4000-8000-000000000066"}`
	objects = append(objects, relation)
	if got, err := w.south.ImportFile(t.Context(), strings.NewReader("["+strings.Join(objects, ",")+"]"), "stix", nil); err != nil || got.Taken != 5 {
		t.Fatalf("%+v, %v", got, err)
	}
	find := func(n *node.Node, ask node.SearchAsk, want ...string) {
		t.Helper()
		got, err := n.Search(t.Context(), ask)
		if err != nil {
			t.Errorf("%+v: %v", ask, err)
			return
		}
		var titles []string
		for _, o := range got.Objects {
			titles = append(titles, o.Title)
		}
		if !slices.Equal(titles, want) || got.Unfiled {
			t.Errorf("%+v: %q, want %q", ask, titles, want)
		}
	}
	own := "own"
	find(w.south, node.SearchAsk{Text: "جلالاباد"}, names["jalal"])
	find(w.south, node.SearchAsk{Text: "ولایت 123"}, names["wilayat"])
	find(w.south, node.SearchAsk{Text: "CAFE mull"}, names["cafe"])
	find(w.south, node.SearchAsk{Text: `"fé Mü"`}, names["cafe"])
	find(w.south, node.SearchAsk{Text: "mull cafe", Types: []string{"incident"}})
	find(w.south, node.SearchAsk{Text: "valley", Party: own}, names["plain"])
	find(w.south, node.SearchAsk{Text: "valley", Party: "north"})
	find(w.south, node.SearchAsk{Party: "north", Marking: "TLP:AMBER", Area: "Nangarhar", Accord: w.accord[:8]}, foundTitle(t, w.south))
	find(w.south, node.SearchAsk{Party: "north", From: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)})
	find(w.south, node.SearchAsk{Party: "north", From: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}, foundTitle(t, w.south))
	find(w.north, node.SearchAsk{Text: "Informant K"}, "Device found at Torkham bazaar")
	for _, ask := range []node.SearchAsk{{Text: "ab"}, {Text: `"x"`}, {Marking: "TLP:PINK"}, {Accord: "nothere"}} {
		if _, err := w.south.Search(t.Context(), ask); err == nil {
			t.Errorf("%+v is answered", ask)
		}
	}
	// What refers to the first identity.
	refs, err := w.south.Relationships(t.Context(), "identity--00000000-0000-4000-8000-000000000064")
	if err != nil || len(refs) != 1 || refs[0].Property != "source_ref" || refs[0].Type != "relationship" {
		t.Errorf("relationships %+v, %v", refs, err)
	}
	if _, err := w.south.Relationships(t.Context(), "identity--none"); !errors.Is(err, node.ErrNotFound) {
		t.Errorf("relationships of nothing: %v", err)
	}
	newer := strings.Replace(strings.Replace(objects[3], `"modified":"2020`, `"modified":"2021`, 1), "Quiet valley", "Loud valley", 1)
	if _, err := w.south.ImportFile(t.Context(), strings.NewReader("["+newer+"]"), "stix", nil); err != nil {
		t.Fatal(err)
	}
	find(w.south, node.SearchAsk{Text: "valley"}, "Loud valley")
	vs, err := w.south.Versions(t.Context(), "identity--00000000-0000-4000-8000-000000000067")
	if err != nil || len(vs) != 2 || vs[0].Title != "Loud valley" || vs[1].Title != "Quiet valley" {
		t.Errorf("versions %+v, %v", vs, err)
	}
}

func foundTitle(t *testing.T, n *node.Node) string {
	t.Helper()
	items, err := n.Inbox(t.Context(), 1)
	if err != nil || len(items) != 1 {
		t.Fatal(items, err)
	}
	return items[0].Title
}

func TestSearchPages(t *testing.T) {
	n := start(t, "north")
	var objects []string
	for i := range 130 {
		objects = append(objects, identity(i, fmt.Sprint("somebody ", i)))
	}
	if _, err := n.ImportFile(t.Context(), strings.NewReader("["+strings.Join(objects, ",")+"]"), "stix", nil); err != nil {
		t.Fatal(err)
	}
	seen, before := map[string]bool{}, int64(0)
	for range 10 {
		got, err := n.Search(t.Context(), node.SearchAsk{Text: "somebody", Limit: 40, Before: before})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range got.Objects {
			if seen[o.ID] {
				t.Errorf("%s twice", o.ID)
			}
			seen[o.ID] = true
		}
		if before = got.Next; !got.More {
			break
		}
	}
	if len(seen) != 130 {
		t.Errorf("%d found, want 130", len(seen))
	}
}

// A text that has all runs of three characters of what is looked for, but not
// the words, is not found; and pages are full although such texts lie between.
func TestSearchLooksAtTheWords(t *testing.T) {
	n := start(t, "north")
	var objects []string
	for i := range 120 {
		text := "xabcx bcdx cdexx" // abc, bcd and cde, and yet not abcde
		if i%3 == 0 {
			text = fmt.Sprintf("number %d: abcde", i)
		}
		objects = append(objects, identity(i, text))
	}
	if got, err := n.ImportFile(t.Context(), strings.NewReader("["+strings.Join(objects, ",")+"]"), "stix", nil); err != nil || got.Taken != 120 {
		t.Fatalf("%+v, %v", got, err)
	}
	seen := map[string]bool{}
	ask := node.SearchAsk{Text: "ABCDE", Limit: 15}
	for pages := 1; ; pages++ {
		got, err := n.Search(t.Context(), ask)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range got.Objects {
			if seen[o.ID] || !strings.Contains(o.Title, "abcde") {
				t.Errorf("found %+v", o)
			}
			seen[o.ID] = true
		}
		if !got.More {
			if pages != 3 || len(seen) != 40 {
				t.Errorf("%d objects on %d pages, want 40 on 3", len(seen), pages)
			}
			return
		}
		if len(got.Objects) != 15 {
			t.Errorf("page %d has %d objects", pages, len(got.Objects))
		}
		ask.Before = got.Next
	}
}
