package storetest

import (
	"fmt"
	"testing"

	"parley.example/parley/internal/store"
)

func testLibrary(t *testing.T, h *harness) {
	texts := []string{"police post at the bridge", "ولایت ننگرهار", "a bridge \"closed\"", "nothing", "police"}
	h.update(func(tx store.Tx) error {
		for i, from := range []string{"", "", "north", "", "north"} {
			o := object(fmt.Sprint("x--", i), []string{"x", "y"}[i%2], 1, from)
			if o.Accord = ""; from != "" {
				o.Accord = "acc"
			}
			if _, err := tx.PutObject(o); err != nil {
				return err
			}
		}
		copied := object("x--0", "x", 1, "")
		copied.To = "south"
		_, err := tx.PutObject(copied)
		return err
	})
	h.update(func(tx store.Tx) error {
		todo, err := tx.Unfiled(3)
		must(t, err)
		equal(t, "unfiled", len(todo), 3)
		rest, err := tx.Unfiled(0)
		must(t, err)
		equal(t, "all unfiled", len(rest), 5)
		for i, o := range rest {
			e := store.Entry{Added: o.Added, Text: texts[i], At: int64(100 + i), Marking: []string{"", "TLP:GREEN"}[i%2], Area: []string{"A", "B"}[i/3]}
			if i > 0 {
				e.Refs = []store.Ref{{Name: "source_ref", To: "x--0"}, {Name: "target_ref", To: "x--0"}}
			}
			must(t, tx.PutEntry(e))
			must(t, tx.PutEntry(e)) // again changes nothing
		}
		rest, err = tx.Unfiled(0)
		equal(t, "unfiled after filing", len(rest), 0)
		return err
	})
	h.reopen()
	north := "north"
	find := func(q store.Search, want ...string) {
		t.Helper()
		h.view(func(tx store.Tx) error {
			got, _, err := tx.Search(q)
			must(t, err)
			var ids []string
			for _, o := range got {
				ids = append(ids, o.ID)
			}
			equal(t, fmt.Sprintf("%+v", q), ids, want)
			return nil
		})
	}
	find(store.Search{}, "x--4", "x--3", "x--2", "x--1", "x--0")
	find(store.Search{Phrases: []string{"police"}}, "x--4", "x--0")
	find(store.Search{Phrases: []string{"police post at"}}, "x--0")
	find(store.Search{Phrases: []string{"bridge", "olic"}}, "x--0")
	find(store.Search{Phrases: []string{"نگر"}}, "x--1")
	find(store.Search{Phrases: []string{`"closed"`}}, "x--2")
	find(store.Search{Phrases: []string{"bridge"}, From: &north}, "x--2")
	find(store.Search{Types: []string{"y"}}, "x--3", "x--1")
	find(store.Search{Marking: "TLP:GREEN", Area: "B"}, "x--3")
	find(store.Search{Accord: "acc"}, "x--4", "x--2")
	find(store.Search{Since: 101, Until: 103}, "x--2", "x--1")
	find(store.Search{Phrases: []string{"absent"}})
	h.view(func(tx store.Tx) error {
		page, more, err := tx.Search(store.Search{Limit: 2})
		must(t, err)
		equal(t, "more", more, true)
		page, more, err = tx.Search(store.Search{Limit: 3, Before: page[1].Added})
		equal(t, "the rest", len(page), 3)
		equal(t, "no more", more, false)
		must(t, err)
		refs, err := tx.Referring("x--0", 3)
		must(t, err)
		equal(t, "referring", len(refs), 3)
		equal(t, "by", refs[1].ID+" "+refs[1].Name+" "+string(refs[1].Bytes), "x--4 target_ref x--4 1")
		return nil
	})
	h.update(func(tx store.Tx) error {
		must(t, tx.DeleteObject("x--4"))
		newer := object("x--0", "x", 2, "")
		newer.Accord = ""
		_, err := tx.PutObject(newer)
		return err
	})
	find(store.Search{Phrases: []string{"police"}})
	h.view(func(tx store.Tx) error {
		refs, err := tx.Referring("x--0", 0)
		equal(t, "referring after deleting", len(refs), 6)
		return err
	})
}
