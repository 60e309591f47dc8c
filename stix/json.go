package stix

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// Limits on one object. They are far above what real objects need and keep
// the memory that one hostile object can claim near 100 MB.
const (
	// MaxObject is the greatest size of one object in bytes.
	MaxObject = 16 << 20
	// MaxDepth is how deep arrays and objects may nest.
	MaxDepth = 64
	// MaxValues is how many JSON values one object may hold.
	MaxValues = 1 << 20
)

// A SyntaxError says where bytes are not strict JSON.
type SyntaxError struct {
	Offset int64  // bytes before the fault
	Path   string // property that holds the fault; empty at the top
	Reason string
}

func (e *SyntaxError) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("%s (byte %d)", e.Reason, e.Offset)
	}
	return fmt.Sprintf("%s at %s (byte %d)", e.Reason, e.Path, e.Offset)
}

// value is one decoded JSON value. Strings and numbers without escapes share
// the memory of the object's text.
type value struct {
	kind jsontext.Kind
	text string   // decoded string, or number as written
	keys []string // object: names in order of appearance
	kids []value  // array: elements; object: values, parallel to keys
}

// get returns the member of that name.
func (v *value) get(name string) (*value, bool) {
	for i, k := range v.keys {
		if k == name {
			return &v.kids[i], true
		}
	}
	return nil, false
}

// str returns the member as a string, empty when absent or of another kind.
func (v *value) str(name string) string {
	if m, ok := v.get(name); ok && m.kind == jsontext.KindString {
		return m.text
	}
	return ""
}

// decoder builds values. Its slices are chunks handed out to values and so
// never reused; only the jsontext decoder is.
type decoder struct {
	dec   *jsontext.Decoder
	buf   *bytes.Buffer
	text  string
	count int
	kids  []value  // scratch stack
	keys  []string // scratch stack
	arena []value
	names []string
	more  int // values that are still to come, about
	named int // members that are, about
}

var decoders = sync.Pool{New: func() any {
	return &decoder{dec: new(jsontext.Decoder), buf: new(bytes.Buffer)}
}}

// decode reads exactly one strict JSON value.
func decode(raw []byte) (value, error) {
	if len(raw) > MaxObject {
		return value{}, fmt.Errorf("object of %d bytes: the limit is %d", len(raw), MaxObject)
	}
	d := decoders.Get().(*decoder)
	defer d.release()
	d.text = string(raw)
	d.more = strings.Count(d.text, ",") + strings.Count(d.text, "{") + strings.Count(d.text, "[")
	d.named = strings.Count(d.text, `":`)
	*d.buf = *bytes.NewBuffer(raw)
	d.dec.Reset(d.buf)
	v, err := d.value(0)
	if err == nil {
		if _, end := d.dec.ReadToken(); end != io.EOF {
			err = &SyntaxError{Offset: d.dec.InputOffset(), Reason: "more bytes after the object"}
		}
	}
	if err != nil {
		return value{}, syntaxError(err)
	}
	return v, nil
}

// release gives the decoder back for reuse, unless one giant object made its
// stacks large. Nothing of the object stays behind in them.
func (d *decoder) release() {
	if cap(d.kids) > 1<<14 {
		return
	}
	clear(d.kids)
	clear(d.keys)
	*d = decoder{dec: d.dec, buf: d.buf, kids: d.kids[:0], keys: d.keys[:0]}
	*d.buf = bytes.Buffer{}
	decoders.Put(d)
}

func (d *decoder) value(depth int) (value, error) {
	if d.count++; d.count > MaxValues {
		return value{}, d.refuse("more than %d values", MaxValues)
	}
	switch kind := d.dec.PeekKind(); kind {
	case jsontext.KindBeginObject, jsontext.KindBeginArray:
		if depth >= MaxDepth {
			return value{}, d.refuse("nested deeper than %d", MaxDepth)
		}
		if _, err := d.dec.ReadToken(); err != nil {
			return value{}, err
		}
		return d.members(kind, depth)
	case jsontext.KindString:
		s, err := d.string()
		return value{kind: kind, text: s}, err
	default:
		b, err := d.dec.ReadValue()
		if err != nil {
			return value{}, err
		}
		v := value{kind: kind}
		if kind == jsontext.KindNumber {
			v.text = d.slice(len(b))
		}
		return v, nil
	}
}

// members reads the rest of an array or object after its opening delimiter.
func (d *decoder) members(kind jsontext.Kind, depth int) (value, error) {
	isObject := kind == jsontext.KindBeginObject
	kids, keys := len(d.kids), len(d.keys)
	for {
		k := d.dec.PeekKind()
		if k == jsontext.KindEndObject || k == jsontext.KindEndArray {
			break
		}
		if isObject {
			name, err := d.string()
			if err != nil {
				return value{}, err
			}
			d.keys = append(d.keys, name)
		}
		v, err := d.value(depth + 1)
		if err != nil {
			return value{}, err
		}
		d.kids = append(d.kids, v)
	}
	if _, err := d.dec.ReadToken(); err != nil {
		return value{}, err
	}
	v := value{kind: kind}
	v.kids, d.arena = carve(d.arena, d.kids[kids:], &d.more)
	v.keys, d.names = carve(d.names, d.keys[keys:], &d.named)
	clear(d.kids[kids:])
	clear(d.keys[keys:])
	d.kids, d.keys = d.kids[:kids], d.keys[:keys]
	return v, nil
}

// maxChunk bounds what is made room for at once, as commas within texts are
// counted as well.
const maxChunk = 512

// carve copies src into room taken from chunk, or from a new one with room for
// about as many as are still to come.
func carve[T any](chunk, src []T, more *int) (taken, rest []T) {
	n := len(src)
	if n == 0 {
		return nil, chunk
	}
	if n > len(chunk) {
		chunk = make([]T, max(n, min(*more, maxChunk)))
	}
	*more -= n
	copy(chunk, src)
	return chunk[:n:n], chunk[n:]
}

func (d *decoder) string() (string, error) {
	b, err := d.dec.ReadValue()
	if err != nil {
		return "", err
	}
	if bytes.IndexByte(b, '\\') < 0 {
		s := d.slice(len(b))
		return s[1 : len(s)-1], nil
	}
	s, err := jsontext.AppendUnquote(nil, b)
	return string(s), err
}

// slice returns the n bytes just read, as part of the object's text.
func (d *decoder) slice(n int) string {
	end := int(d.dec.InputOffset())
	return d.text[end-n : end]
}

func (d *decoder) refuse(format string, args ...any) error {
	return &SyntaxError{
		Offset: d.dec.InputOffset(),
		Path:   pointerPath(d.dec.StackPointer()),
		Reason: fmt.Sprintf(format, args...),
	}
}

// syntaxError turns an error of jsontext into one that a person can act on.
func syntaxError(err error) error {
	var syn *jsontext.SyntacticError
	switch {
	case errors.Is(err, io.EOF):
		return &SyntaxError{Reason: "no JSON value"}
	case errors.As(err, &syn) && errors.Is(err, jsontext.ErrDuplicateName):
		return &SyntaxError{
			Offset: syn.ByteOffset,
			Path:   pointerPath(syn.JSONPointer.Parent()),
			Reason: fmt.Sprintf("name %q appears twice", clip(syn.JSONPointer.LastToken())),
		}
	case errors.As(err, &syn) && errors.Is(err, io.ErrUnexpectedEOF):
		return &SyntaxError{Offset: syn.ByteOffset, Path: pointerPath(syn.JSONPointer), Reason: "cut off"}
	case errors.As(err, &syn) && syn.Err != nil:
		return &SyntaxError{Offset: syn.ByteOffset, Path: pointerPath(syn.JSONPointer), Reason: clip(syn.Err.Error())}
	}
	return err
}

// pointerPath writes a JSON pointer in the form that findings use:
// /external_references/0/url becomes external_references[0].url.
func pointerPath(p jsontext.Pointer) string {
	var b strings.Builder
	for tok := range p.Tokens() {
		if isDigits(tok) {
			fmt.Fprintf(&b, "[%s]", tok)
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(clip(tok))
	}
	return clip(b.String())
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// clip shortens text of unknown length for a message.
func clip(s string) string {
	const most = 120
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
