package node

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"parley.example/parley/internal/store"
	"parley.example/parley/stix"
)

const (
	// filedAtOnce bounds the objects that one transaction files.
	filedAtOnce = 100
	// filedBySearch bounds the objects that are filed before a search answers.
	filedBySearch = 500
	// maxText bounds the text of one object that can be found, in bytes.
	maxText = 16 << 10
	maxRefs = 1000
)

// SearchAsk looks for objects in the library: our own and what partners
// released to us. Zero fields do not restrict.
type SearchAsk struct {
	// Text must occur: every word of it, in any script; written in quotes, the
	// whole phrase. It has at least three characters.
	Text    string
	Types   []string
	Marking string // like TLP:AMBER
	Party   string // who released it to us; "own" for our own
	Accord  string // it came under; may be abbreviated
	Area    string
	From    time.Time
	To      time.Time // exclusive
	Before  int64     // Found.Next of the page before
	Limit   int       // default 50, at most 1000
}

// Found is the answer to a search, what was added last first.
type Found struct {
	Objects []FoundObject `json:"objects"`
	More    bool          `json:"more"`
	Next    int64         `json:"next,omitempty"` // SearchAsk.Before of the next page
	// Unfiled says that objects that were just stored cannot be found yet.
	Unfiled bool `json:"unfiled"`
}

// FoundObject tells of an object in the library.
type FoundObject struct {
	ID       string `json:"id"`
	Type     string `json:"type"`
	Title    string `json:"title"`
	Version  string `json:"version"`
	Marking  string `json:"marking"`
	From     string `json:"from"` // empty is our own
	Accord   string `json:"accord,omitempty"`
	Added    string `json:"added"`
	Property string `json:"property,omitempty"` // that refers, in a list of references
}

// Search looks for objects.
func (n *Node) Search(ctx context.Context, ask SearchAsk) (Found, error) {
	out := Found{Objects: []FoundObject{}}
	q := store.Search{Types: ask.Types, Area: ask.Area, Before: ask.Before, Limit: ask.Limit}
	if q.Limit <= 0 {
		q.Limit = 50
	}
	q.Limit = min(q.Limit, 1000)
	if q.Phrases = phrases(ask.Text); ask.Text != "" && len(q.Phrases) == 0 {
		return out, fmt.Errorf("%w: a search needs at least three characters", ErrInvalid)
	}
	if ask.Marking != "" {
		level, err := stix.ParseLevel(ask.Marking)
		if err != nil {
			return out, fmt.Errorf("%w: %w", ErrInvalid, err)
		}
		q.Marking = level.String()
	}
	if ask.Party != "" {
		if q.From = &ask.Party; ask.Party == OwnCollection {
			q.From = new("")
		}
	}
	if !ask.From.IsZero() {
		q.Since = ask.From.UnixMicro()
	}
	if !ask.To.IsZero() {
		q.Until = ask.To.UnixMicro()
	}
	left, err := n.fileObjects(ctx, filedBySearch)
	if err != nil {
		return out, err
	}
	out.Unfiled = left
	err = n.view(ctx, func(tx store.Tx) error {
		if ask.Accord != "" {
			pc, err := n.pact(tx, ask.Accord)
			if err != nil {
				return err
			}
			q.Accord = pc.ID
		}
		rows, more, err := searchAll(tx, q)
		if err != nil {
			return err
		}
		for _, o := range rows {
			f := foundObject(o)
			out.Objects = append(out.Objects, f)
		}
		if out.More = more; more {
			out.Next = rows[len(rows)-1].Added
		}
		return nil
	})
	return out, err
}

// searchAll searches, and leaves out texts in which what was looked for stands
// apart. The objects have their bytes.
func searchAll(tx store.Tx, q store.Search) (found []store.Object, more bool, err error) {
	limit := q.Limit
	for {
		rows, more, err := tx.Search(q)
		if err != nil {
			return nil, false, err
		}
		for i, row := range rows {
			q.Before = row.Added
			o, err := tx.Object(row.ID)
			if err != nil {
				return nil, false, err
			}
			if len(q.Phrases) > 0 && o.Added == row.Added {
				text := fold(o.ID)
				if obj, err := stix.Parse(o.Bytes); err == nil {
					text = textOf(obj, new(store.Entry))
				}
				if slices.ContainsFunc(q.Phrases, func(p string) bool { return !strings.Contains(text, p) }) {
					continue
				}
			}
			o.Added = row.Added
			if found = append(found, o); len(found) == limit {
				return found, more || i+1 < len(rows), nil
			}
		}
		if !more {
			return found, false, nil
		}
	}
}

func foundObject(o store.Object) FoundObject {
	f := FoundObject{ID: o.ID, Type: o.Type, Title: o.ID, Version: o.Modified, From: o.From, Accord: o.Accord, Added: stamp(time.UnixMicro(o.Added).UTC())}
	obj, err := stix.Parse(o.Bytes)
	if err != nil {
		return f
	}
	for _, name := range []string{"name", "value", "path", "title", "abstract", "pattern"} {
		if s := obj.String(name); s != "" {
			f.Title = clip(s)
			break
		}
	}
	if s := obj.String("relationship_type"); s != "" {
		f.Title = obj.String("source_ref") + " " + s + " " + obj.String("target_ref")
	}
	if level, ok := stix.TLPOf(obj); ok {
		f.Marking = level.String()
	}
	return f
}

// Versions tells of every version of an object that is in the library, newest
// first.
func (n *Node) Versions(ctx context.Context, id string) ([]FoundObject, error) {
	var out []FoundObject
	err := n.view(ctx, func(tx store.Tx) error {
		rows, err := tx.ObjectVersions(id)
		if err == nil && len(rows) == 0 {
			err = fmt.Errorf("object %q: %w", clip(id), ErrNotFound)
		}
		for _, o := range slices.Backward(rows) {
			out = append(out, foundObject(o))
		}
		return err
	})
	return out, err
}

// Relationships lists what refers to an object: relationships and sightings,
// and other objects with the property that does.
func (n *Node) Relationships(ctx context.Context, id string) ([]FoundObject, error) {
	if _, err := n.fileObjects(ctx, filedBySearch); err != nil {
		return nil, err
	}
	out := []FoundObject{}
	err := n.view(ctx, func(tx store.Tx) error {
		if _, err := tx.Object(id); err != nil {
			return fmt.Errorf("object %q: %w", clip(id), err)
		}
		refs, err := tx.Referring(id, 1000)
		for _, r := range refs {
			f := foundObject(r.Object)
			f.Property = r.Name
			out = append(out, f)
		}
		return err
	})
	return out, err
}

// fileObjects files up to most objects that were stored since, and reports
// whether some are left.
func (n *Node) fileObjects(ctx context.Context, most int) (left bool, err error) {
	for done := 0; done < most; done += filedAtOnce {
		var todo []store.Object
		err := n.view(ctx, func(tx store.Tx) (err error) {
			todo, err = tx.Unfiled(filedAtOnce + 1)
			return err
		})
		if err != nil || len(todo) == 0 {
			return false, err
		}
		left = len(todo) > filedAtOnce
		err = n.update(ctx, func(tx store.Tx) error {
			// Another may have filed them, or removed some, in between.
			todo, err := tx.Unfiled(filedAtOnce)
			if err != nil {
				return err
			}
			for _, o := range todo {
				e, err := entryOf(tx, o)
				if err == nil {
					err = tx.PutEntry(e)
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil || !left {
			return left, err
		}
	}
	return left, ctx.Err()
}

// entryOf reads what an object can be found by. One that does not read is
// filed under its id alone.
func entryOf(tx store.Tx, o store.Object) (store.Entry, error) {
	e := store.Entry{Added: o.Added, At: o.Version, Text: fold(o.ID)}
	if o.Modified == "" {
		e.At = o.Added
	}
	obj, err := stix.Parse(o.Bytes)
	if err != nil {
		return e, nil
	}
	e.Text = textOf(obj, &e)
	if level, ok := stix.TLPOf(obj); ok {
		e.Marking = level.String()
	}
	if o.Type == "incident" {
		in, err := tx.Incident(o.ID)
		if err == nil {
			e.Area, e.At = in.Area, in.Start
		} else if !errors.Is(err, store.ErrNotFound) {
			return e, err
		}
	}
	return e, nil
}

// textOf is the text that an object is found by; its references go into e.
func textOf(obj *stix.Object, e *store.Entry) string {
	var text strings.Builder
	collect(obj.Props(), "", &text, e)
	return fold(text.String() + "\n" + obj.ID)
}

// collect gathers the texts and the references of an object, always in the same
// order. Names that are not said by anybody (types, times, hashes of keys) are
// left out.
func collect(v any, name string, text *strings.Builder, e *store.Entry) {
	switch v := v.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			switch k {
			case "id", "type", "spec_version", "created", "modified", "object_marking_refs", "granular_markings", "extension_type":
			default:
				collect(v[k], k, text, e)
			}
		}
	case []any:
		for _, x := range v {
			collect(x, name, text, e)
		}
	case string:
		if _, _, ok := stix.SplitID(v); ok && (strings.HasSuffix(name, "_ref") || strings.HasSuffix(name, "_refs")) {
			if len(e.Refs) < maxRefs {
				e.Refs = append(e.Refs, store.Ref{Name: name, To: v})
			}
			return
		}
		if text.Len()+len(v) < maxText {
			text.WriteString(v)
			text.WriteByte('\n')
		}
	}
}

// phrases splits a query into folded phrases that can be looked for. Words that
// are too short alone make the query one phrase.
func phrases(s string) []string {
	s = strings.TrimSpace(s)
	if len(s) > 1 && s[0] == '"' && s[len(s)-1] == '"' {
		s = fold(s[1 : len(s)-1])
		if len([]rune(s)) < 3 {
			return nil
		}
		return []string{s}
	}
	words := strings.Fields(fold(s))
	if slices.ContainsFunc(words, func(w string) bool { return len([]rune(w)) < 3 }) {
		if whole := strings.Join(words, " "); len([]rune(whole)) >= 3 {
			return []string{whole}
		}
		return nil
	}
	return words
}

// fold writes text so that spellings which readers take for the same are the
// same: compatibility forms, letter case, accents and vowel marks, the Arabic
// and Persian forms of letters and digits, and what only joins letters.
func fold(s string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(s) {
		switch {
		case unicode.Is(unicode.Mn, r), r == 'ـ', r == '\u200c', r == '\u200d', r == '\u00ad':
			continue
		case unicode.IsDigit(r):
			r = '0' + digit(r)
		case r == 'ي', r == 'ى', r == 'ې', r == 'ۍ':
			r = 'ی'
		case r == 'ك', r == 'ګ':
			r = map[rune]rune{'ك': 'ک', 'ګ': 'گ'}[r]
		case r == 'ة', r == 'ۀ', r == 'ە':
			r = 'ه'
		default:
			r = unicode.ToLower(r)
		}
		b.WriteRune(r)
	}
	return b.String()
}

// digit is the value of a decimal digit of any script: they stand in runs of
// ten, of which the first is the zero.
func digit(r rune) rune {
	for n := rune(0); n < 10; n++ {
		if !unicode.IsDigit(r - n - 1) {
			return n
		}
	}
	return (r - '0') % 10
}

const (
	// busyFor is how long after an object was added the node counts as busy.
	busyFor = 2 * time.Second
	// Filing takes one part in so many of the time, when busy and when not: it
	// is for later, and readers are here now.
	busyShare = 10
	idleShare = 3
)

// keepFiling files objects as they are stored, and makes files of pages, until
// ctx ends. Adding objects goes first.
func (n *Node) keepFiling(ctx context.Context) {
	if n.opt.Every < 0 {
		return // a search files what it needs
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	paged := int64(0) // the newest object when there were no pages left to make
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		start := time.Now()
		last := n.lastAdded(ctx)
		made := false
		var err error
		if last != paged {
			if made, err = n.fillPages(ctx); !made && err == nil {
				paged = last
			}
		}
		left, ferr := n.fileObjects(ctx, filedAtOnce)
		if err = errors.Join(err, ferr); err != nil && ctx.Err() == nil {
			n.opt.Log.Error("filing objects", "error", err)
		}
		busy := n.now().UnixMicro()-last < busyFor.Microseconds()
		switch {
		case !left && !made:
			timer.Reset(busyFor)
		case busy:
			timer.Reset((busyShare - 1) * time.Since(start))
		default:
			timer.Reset((idleShare - 1) * time.Since(start))
		}
	}
}

// lastAdded is when an object was last added, 0 where there is none.
func (n *Node) lastAdded(ctx context.Context) (at int64) {
	_ = n.view(ctx, func(tx store.Tx) error { // on an error the node is not busy
		last, _, err := tx.ListObjects(store.ObjectQuery{Newest: true, Limit: 1, Want: store.WantIndex})
		if err == nil && len(last) > 0 {
			at = last[0].Added
		}
		return err
	})
	return at
}
