package storetest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"parley.example/parley/internal/store"
)

// model is what a store ought to hold after a run of random transactions.
type model struct {
	docs    map[string]string
	objects map[string]string // id → bytes
	phones  map[string]bool   // value/object
	leaves  int64
}

func (m *model) clone() *model {
	return &model{maps.Clone(m.docs), maps.Clone(m.objects), maps.Clone(m.phones), m.leaves}
}

// testModel runs random transactions, some of which fail at a random point,
// beside the model, opens the store again now and then, and compares all that
// is stored after each.
func testModel(t *testing.T, h *harness) {
	m := &model{docs: map[string]string{}, objects: map[string]string{}, phones: map[string]bool{}}
	steps := 0
	rapid.Check(t, func(rt *rapid.T) {
		if steps++; steps > 60 { // the store lives on from check to check
			return
		}
		next := m.clone()
		ops := rapid.SliceOfN(rapid.IntRange(0, 6), 0, 12).Draw(rt, "ops")
		fail := rapid.IntRange(0, 2).Draw(rt, "fail") == 0
		key := func() string { return fmt.Sprint(rapid.IntRange(0, 9).Draw(rt, "key")) }
		err := h.s.Update(t.Context(), func(tx store.Tx) error {
			for _, op := range ops {
				if err := next.apply(tx, op, key()); err != nil {
					return err
				}
			}
			if err := next.compare(tx); err != nil {
				return err
			}
			if fail {
				return errTest
			}
			return nil
		})
		switch {
		case fail && !errors.Is(err, errTest), !fail && err != nil:
			rt.Fatalf("Update: %v", err)
		case !fail:
			m = next
		}
		if rapid.IntRange(0, 9).Draw(rt, "reopen") == 0 {
			h.reopen()
		}
		if err := h.s.View(t.Context(), m.compare); err != nil {
			rt.Fatal(err)
		}
	})
}

func (m *model) apply(tx store.Tx, op int, key string) error {
	switch op {
	case 0:
		m.docs[key] = fmt.Sprint(len(m.docs), m.leaves)
		return tx.PutDoc("m", key, []byte(m.docs[key]))
	case 1:
		delete(m.docs, key)
		return tx.DeleteDoc("m", key)
	case 2:
		want := fmt.Sprint("bytes", m.leaves)
		old, there := m.objects[key]
		added, err := tx.PutObject(store.Object{ID: key, Type: "m", Bytes: []byte(want)})
		switch {
		case there && old != want:
			if !errors.Is(err, store.ErrConflict) {
				return fmt.Errorf("object %s with other bytes: %w", key, err)
			}
			return nil
		case added == there:
			return fmt.Errorf("object %s: added %v, was there %v", key, added, there)
		}
		m.objects[key] = want
		return err
	case 3:
		delete(m.objects, key)
		return tx.DeleteObject(key)
	case 4:
		m.phones["+93/"+key] = true
		return tx.PutSelector("m", "+93", key)
	case 5:
		delete(m.phones, "+93/"+key)
		return tx.DeleteSelectors(key)
	default:
		m.leaves++
		return errors.Join(appendLeaf(tx, "m", m.leaves-1), tx.DeleteObject(fmt.Sprintf("leaf--m-%d", m.leaves-1)))
	}
}

func (m *model) compare(tx store.Tx) error {
	docs := map[string]string{}
	list, err := tx.ListDocs("m")
	if err != nil {
		return err
	}
	for _, d := range list {
		docs[d.ID] = string(d.Body)
	}
	objects := map[string]string{}
	all, _, err := tx.ListObjects(store.ObjectQuery{})
	if err != nil {
		return err
	}
	if !slices.IsSortedFunc(all, func(a, b store.Object) int { return int(a.Added - b.Added) }) {
		return errors.New("objects out of order")
	}
	for _, o := range all {
		objects[o.ID] = string(o.Bytes)
	}
	phones := map[string]bool{}
	holders, err := tx.SelectorObjects("m", "+93")
	if err != nil {
		return err
	}
	for _, o := range holders {
		phones["+93/"+o] = true
	}
	size, err := tx.LogSize("m")
	switch {
	case err != nil:
		return err
	case !maps.Equal(docs, m.docs):
		return fmt.Errorf("docs %v, want %v", docs, m.docs)
	case !maps.Equal(objects, m.objects):
		return fmt.Errorf("objects %v, want %v", objects, m.objects)
	case !maps.Equal(phones, m.phones):
		return fmt.Errorf("selectors %v, want %v", phones, m.phones)
	case size != m.leaves:
		return fmt.Errorf("log size %d, want %d", size, m.leaves)
	}
	return nil
}
