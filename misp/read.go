package misp

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Limits on one event. Attachments count towards its size.
const (
	// MaxEvent is the greatest size of one event in bytes.
	MaxEvent = 64 << 20
	// MaxDepth is how deep arrays and objects may nest.
	MaxDepth = 32
	// MaxValues is how many JSON values one event may hold.
	MaxValues = 1 << 21
)

// ErrFormat reports a file that is not MISP core format JSON. It comes wrapped
// in a message that says where and why.
var ErrFormat = errors.New("not MISP core format")

// Lost says what could not be carried over, and why.
type Lost struct {
	Path   string `json:"path"` // like Event.Attribute[3].distribution, or a STIX identifier
	Reason string `json:"reason"`
}

// Read reads {"Event": …}, {"response": [ … ]}, an array of events or a bare
// event, and calls fn for every event, numbered from 0, with what it becomes,
// or with the reason why the event was refused. Memory stays within a few
// times [MaxEvent] however long the input is.
//
// An error of Read itself is ErrFormat, when the input breaks off or is no
// MISP file, after the events before the fault were handed out; or what the
// reader failed with; or an error from fn, which ends the reading and is
// returned as it is.
func Read(r io.Reader, fn func(i int, e Event, err error) error) error {
	in := &meter{r: r}
	f := &file{in: in, dec: jsontext.NewDecoder(in), fn: fn}
	return f.read()
}

// file is the reading of one file.
type file struct {
	in  *meter
	dec *jsontext.Decoder
	fn  func(int, Event, error) error
	n   int
}

func (f *file) read() error {
	switch f.peek() {
	case jsontext.KindBeginArray:
		if err := f.list(); err != nil {
			return err
		}
	case jsontext.KindBeginObject:
		if err := f.top(); err != nil {
			return err
		}
	default:
		if _, err := f.dec.ReadToken(); err != nil {
			return f.fault(err)
		}
		return fmt.Errorf("%w: neither an object nor an array", ErrFormat)
	}
	f.peek()
	switch _, err := f.dec.ReadToken(); {
	case errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return nil
	case err == nil:
		return fmt.Errorf("%w: more bytes after the end (byte %d)", ErrFormat, f.dec.InputOffset())
	default:
		return f.fault(err)
	}
}

// top reads the outermost object: a wrapper, or an event itself, which shows
// only at its end.
func (f *file) top() error {
	if _, err := f.dec.ReadToken(); err != nil {
		return f.fault(err)
	}
	bare := &object{}
	wrapped, size := false, 0
	for f.peek() != jsontext.KindEndObject {
		tok, err := f.dec.ReadToken()
		if err != nil {
			return f.fault(err)
		}
		name := tok.String()
		if name == "response" && f.peek() == jsontext.KindBeginArray {
			wrapped = true
			if err := f.list(); err != nil {
				return err
			}
			continue
		}
		raw, err := f.dec.ReadValue()
		if err != nil {
			return f.fault(err)
		}
		if name == "Event" || name == "response" {
			wrapped = true
			if err := f.one(raw); err != nil {
				return err
			}
			continue
		}
		if size += len(name) + len(raw); size > MaxEvent || len(bare.names) > 1000 {
			return fmt.Errorf("%w: an event larger than %d bytes", ErrFormat, MaxEvent)
		}
		v, err := tree(raw)
		if err != nil {
			return err
		}
		bare.names, bare.values = append(bare.names, name), append(bare.values, v)
	}
	if _, err := f.dec.ReadToken(); err != nil {
		return f.fault(err)
	}
	if wrapped {
		return nil // what stands beside the events is about the answer, not about them
	}
	if !isEvent(bare) {
		return fmt.Errorf("%w: there is no Event and no response", ErrFormat)
	}
	return f.hand(bare)
}

func (f *file) list() error {
	if _, err := f.dec.ReadToken(); err != nil {
		return f.fault(err)
	}
	for f.peek() != jsontext.KindEndArray {
		raw, err := f.dec.ReadValue()
		if err != nil {
			return f.fault(err)
		}
		if err := f.one(raw); err != nil {
			return err
		}
	}
	_, err := f.dec.ReadToken()
	return f.fault(err)
}

// one hands out one event, with or without its wrapper.
func (f *file) one(raw jsontext.Value) error {
	v, err := tree(raw)
	if err != nil {
		return f.refuse(err)
	}
	o, ok := v.(*object)
	if ok {
		if inner, wrapped := o.get("Event"); wrapped {
			o, ok = inner.(*object)
		}
	}
	if !ok || !isEvent(o) {
		return f.refuse(errors.New("not an event: it has no info, no uuid and no attributes"))
	}
	return f.hand(o)
}

func (f *file) hand(o *object) error {
	e, err := convert(o)
	if err != nil {
		return f.refuse(err)
	}
	f.n++
	return f.fn(f.n-1, e, nil)
}

func (f *file) refuse(err error) error {
	f.n++
	return f.fn(f.n-1, Event{}, err)
}

func isEvent(o *object) bool {
	for _, n := range []string{"info", "Attribute", "Object", "Orgc", "orgc_id", "threat_level_id"} {
		if _, ok := o.get(n); ok {
			return true
		}
	}
	return false
}

func (f *file) peek() jsontext.Kind {
	f.in.limit = f.dec.InputOffset() + MaxEvent + slack
	return f.dec.PeekKind()
}

func (f *file) fault(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errTooLarge):
		return fmt.Errorf("%w: an event larger than %d bytes (byte %d)", ErrFormat, MaxEvent, f.dec.InputOffset())
	case f.in.err != nil:
		return fmt.Errorf("reading the file: %w", f.in.err)
	}
	return fmt.Errorf("%w: %s", ErrFormat, jsonFault(err))
}

// jsonFault says what is wrong with JSON in one line.
func jsonFault(err error) string {
	s := strings.TrimPrefix(err.Error(), "jsontext: ")
	return clip(s)
}

var errTooLarge = errors.New("too large")

// slack is what the decoder may read ahead of the value that it needs.
const slack = 64 << 10

// meter stops a decoder that would need more than limit bytes in all.
type meter struct {
	r        io.Reader
	n, limit int64
	err      error // what r failed with
}

func (m *meter) Read(p []byte) (int, error) {
	if m.n >= m.limit {
		return 0, errTooLarge
	}
	n, err := m.r.Read(p[:min(int64(len(p)), m.limit-m.n)])
	m.n += int64(n)
	if err != nil && err != io.EOF {
		m.err = err
	}
	return n, err
}

// object is a JSON object in the order in which it was written. The other
// values of a tree are []any, string, number, bool and nil.
type object struct {
	names  []string
	values []any
}

// number is a JSON number as it was written.
type number string

func (o *object) get(name string) (any, bool) {
	for i, n := range o.names {
		if n == name {
			return o.values[i], true
		}
	}
	return nil, false
}

// tree decodes one JSON value strictly.
func tree(raw jsontext.Value) (any, error) {
	t := &treeReader{dec: jsontext.NewDecoder(strings.NewReader(string(raw)))}
	v, err := t.value(0)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", ErrFormat, jsonFault(err))
	}
	return v, nil
}

type treeReader struct {
	dec   *jsontext.Decoder
	count int
}

func (t *treeReader) value(depth int) (any, error) {
	if t.count++; t.count > MaxValues {
		return nil, fmt.Errorf("more than %d values", MaxValues)
	}
	if depth > MaxDepth {
		return nil, fmt.Errorf("nested deeper than %d", MaxDepth)
	}
	tok, err := t.dec.ReadToken()
	if err != nil {
		return nil, err
	}
	switch tok.Kind() {
	case jsontext.KindString:
		return strings.Clone(tok.String()), nil
	case jsontext.KindNumber:
		return number(tok.String()), nil
	case jsontext.KindTrue:
		return true, nil
	case jsontext.KindFalse:
		return false, nil
	case jsontext.KindBeginArray:
		list := []any{}
		for t.dec.PeekKind() != jsontext.KindEndArray {
			v, err := t.value(depth + 1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err := t.dec.ReadToken()
		return list, err
	case jsontext.KindBeginObject:
		o := &object{}
		for t.dec.PeekKind() != jsontext.KindEndObject {
			name, err := t.dec.ReadToken()
			if err != nil {
				return nil, err
			}
			o.names = append(o.names, strings.Clone(name.String()))
			v, err := t.value(depth + 1)
			if err != nil {
				return nil, err
			}
			o.values = append(o.values, v)
		}
		_, err := t.dec.ReadToken()
		return o, err
	}
	return nil, nil
}

// clip shortens text of unknown length for a message.
func clip(s string) string {
	const most = 120
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// Detect reports whether a file that begins with head is MISP core format
// rather than other JSON.
func Detect(head []byte) bool {
	d := jsontext.NewDecoder(strings.NewReader(string(head)))
	if d.PeekKind() == jsontext.KindBeginArray {
		if _, err := d.ReadToken(); err != nil {
			return false
		}
	}
	if tok, err := d.ReadToken(); err != nil || tok.Kind() != jsontext.KindBeginObject {
		return false
	}
	for d.PeekKind() == jsontext.KindString {
		tok, err := d.ReadToken()
		if err != nil {
			return false
		}
		switch tok.String() {
		case "Event", "response", "Attribute", "Orgc", "threat_level_id", "orgc_id":
			return true
		case "type", "spec_version", "objects":
			return false
		}
		if err := d.SkipValue(); err != nil {
			return false
		}
	}
	return false
}
