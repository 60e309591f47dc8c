package stix

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Object is one decoded STIX object. It is safe for concurrent use as long as
// nobody writes to its fields.
type Object struct {
	ID          string
	Type        string
	SpecVersion string // "" where the property is absent
	// Created and Modified are as written; "" where absent (cyber-observables
	// have neither, marking definitions have no modified).
	Created, Modified         string
	CreatedTime, ModifiedTime time.Time
	Revoked                   bool
	CreatedByRef              string
	ObjectMarkingRefs         []string

	raw  []byte
	root value
}

// Parse decodes one object strictly. It refuses bytes that are not one JSON
// object, that exceed the limits, that repeat a name anywhere, or that lack what
// it takes to file the object: a type, an identifier of that type, and
// well-formed created and modified where they are present. Whether the object
// obeys the rest of the specification is for [Validate].
//
// Parse keeps raw without copying; the caller must not change it afterwards.
func Parse(raw []byte) (*Object, error) {
	root, err := decode(raw)
	if err != nil {
		return nil, err
	}
	return newObject(raw, root)
}

func newObject(raw []byte, root value) (*Object, error) {
	if root.kind != jsontext.KindBeginObject {
		return nil, errors.New("not a JSON object")
	}
	o := &Object{
		ID:           root.str("id"),
		Type:         root.str("type"),
		SpecVersion:  root.str("spec_version"),
		CreatedByRef: root.str("created_by_ref"),
		raw:          raw,
		root:         root,
	}
	if o.Type == "" {
		return nil, errors.New("no type: a STIX object has a string property type")
	}
	if o.ID == "" {
		return nil, fmt.Errorf("%s without id: a STIX object has a string property id", clip(o.Type))
	}
	if typ, _, ok := SplitID(o.ID); !ok || typ != o.Type {
		return nil, fmt.Errorf("id %q is not %s--UUID", clip(o.ID), clip(o.Type))
	}
	var err error
	if o.Created, o.CreatedTime, err = timeOf(&root, "created"); err != nil {
		return nil, err
	}
	if o.Modified, o.ModifiedTime, err = timeOf(&root, "modified"); err != nil {
		return nil, err
	}
	if v, ok := root.get("revoked"); ok {
		o.Revoked = v.kind == jsontext.KindTrue
	}
	if v, ok := root.get("object_marking_refs"); ok {
		for i := range v.kids {
			if v.kids[i].kind == jsontext.KindString && v.kind == jsontext.KindBeginArray {
				o.ObjectMarkingRefs = append(o.ObjectMarkingRefs, v.kids[i].text)
			}
		}
	}
	return o, nil
}

func timeOf(root *value, name string) (string, time.Time, error) {
	v, ok := root.get(name)
	if !ok {
		return "", time.Time{}, nil
	}
	if v.kind != jsontext.KindString {
		return "", time.Time{}, fmt.Errorf("%s is not a string", name)
	}
	t, err := ParseTime(v.text)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("%s: %w", name, err)
	}
	return v.text, t, nil
}

// Raw returns the bytes that the object was parsed from, exactly. The caller
// must not change them.
func (o *Object) Raw() []byte { return o.raw }

// Version is the time that orders the versions of the object: modified, else
// created, else the zero time (§3.6).
func (o *Object) Version() time.Time {
	if o.Modified != "" {
		return o.ModifiedTime
	}
	return o.CreatedTime
}

// String returns a top-level string property, "" where it is absent or of
// another kind.
func (o *Object) String(name string) string { return o.root.str(name) }

// Strings returns the string elements of a top-level list property.
func (o *Object) Strings(name string) []string {
	v, ok := o.root.get(name)
	if !ok || v.kind != jsontext.KindBeginArray {
		return nil
	}
	var out []string
	for i := range v.kids {
		if v.kids[i].kind == jsontext.KindString {
			out = append(out, v.kids[i].text)
		}
	}
	return out
}

// Number is a JSON number as it was written.
type Number string

// MarshalJSON writes the number as it was written.
func (n Number) MarshalJSON() ([]byte, error) { return []byte(n), nil }

// Props returns a fresh copy of the properties: map[string]any, []any, string,
// [Number], bool and nil. Changing it does not change the object.
func (o *Object) Props() map[string]any { return toAny(&o.root).(map[string]any) }

// Prop returns one top-level property in the form that [Object.Props] uses.
func (o *Object) Prop(name string) (any, bool) {
	v, ok := o.root.get(name)
	if !ok {
		return nil, false
	}
	return toAny(v), true
}

// Texts calls fn with every string in the object, names of members left out,
// and with the top-level property that it stands in; members in the order in
// which they are written.
func (o *Object) Texts(fn func(property, text string)) {
	for i, name := range o.root.keys {
		o.root.kids[i].texts(func(s string) { fn(name, s) })
	}
}

func (v *value) texts(fn func(string)) {
	if v.kind == jsontext.KindString {
		fn(v.text)
	}
	for i := range v.kids {
		v.kids[i].texts(fn)
	}
}

// appendValue appends a value as JSON.
func appendValue(b []byte, v *value) ([]byte, error) {
	var err error
	switch v.kind {
	case jsontext.KindBeginObject:
		b = append(b, '{')
		for i, k := range v.keys {
			if i > 0 {
				b = append(b, ',')
			}
			if b, err = jsontext.AppendQuote(b, k); err != nil {
				return nil, err
			}
			if b, err = appendValue(append(b, ':'), &v.kids[i]); err != nil {
				return nil, err
			}
		}
		return append(b, '}'), nil
	case jsontext.KindBeginArray:
		b = append(b, '[')
		for i := range v.kids {
			if i > 0 {
				b = append(b, ',')
			}
			if b, err = appendValue(b, &v.kids[i]); err != nil {
				return nil, err
			}
		}
		return append(b, ']'), nil
	case jsontext.KindString:
		return jsontext.AppendQuote(b, v.text)
	case jsontext.KindNumber:
		return append(b, v.text...), nil
	}
	return append(b, v.kind.String()...), nil
}

func toAny(v *value) any {
	switch v.kind {
	case jsontext.KindBeginObject:
		m := make(map[string]any, len(v.keys))
		for i, k := range v.keys {
			m[k] = toAny(&v.kids[i])
		}
		return m
	case jsontext.KindBeginArray:
		a := make([]any, len(v.kids))
		for i := range v.kids {
			a[i] = toAny(&v.kids[i])
		}
		return a
	case jsontext.KindString:
		return v.text
	case jsontext.KindNumber:
		return Number(v.text)
	case jsontext.KindTrue:
		return true
	case jsontext.KindFalse:
		return false
	}
	return nil
}

// GranularMarking applies a marking or a language to parts of an object
// (§7.2.3).
type GranularMarking struct {
	MarkingRef string // "" when Lang is set
	Lang       string
	Selectors  []string
}

// GranularMarkings returns the granular markings of the object. Ill-formed
// entries are kept with what could be read of them, so that a gate that finds
// no selector can refuse rather than overlook.
func (o *Object) GranularMarkings() []GranularMarking {
	v, ok := o.root.get("granular_markings")
	if !ok {
		return nil
	}
	var out []GranularMarking
	for i := range v.kids {
		m := &v.kids[i]
		g := GranularMarking{MarkingRef: m.str("marking_ref"), Lang: m.str("lang")}
		if s, ok := m.get("selectors"); ok {
			for j := range s.kids {
				g.Selectors = append(g.Selectors, s.kids[j].text)
			}
		}
		out = append(out, g)
	}
	return out
}

// buffers are for text that is made to be decoded at once.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// Extension decodes the object's extension of that id into the variable that
// into points to, by the rules of encoding/json without its case folding; names
// that the variable does not have are ignored. ok is false when the object has
// no such extension.
func (o *Object) Extension(id string, into any) (ok bool, err error) {
	all, found := o.root.get("extensions")
	if !found || all.kind != jsontext.KindBeginObject {
		return false, nil
	}
	ext, found := all.get(id)
	if !found {
		return false, nil
	}
	buf := buffers.Get().(*[]byte)
	raw, err := appendValue((*buf)[:0], ext)
	if err == nil {
		err = json.Unmarshal(raw, into) // which keeps nothing of it
	}
	if *buf = raw[:0]; cap(raw) <= 64<<10 {
		buffers.Put(buf)
	}
	if err != nil {
		return true, fmt.Errorf("extension %s: %w", id, err)
	}
	return true, nil
}
