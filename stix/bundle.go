package stix

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// Container says what [ReadBundle] read.
type Container struct {
	// Form is "bundle", "envelope" (TAXII 2.1 §3.7), "array" or "object".
	Form    string
	ID      string // of a bundle; "" otherwise
	Objects int    // objects handed out
	Listed  bool   // there is a list of objects, though it may be empty
	// Others are the names of the container's properties beside type, id and
	// objects, in order; a bundle has none (§8.1).
	Others []string
}

// ReadBundle reads a bundle, a TAXII envelope, an array of objects or one
// object, and calls fn with each object's exact bytes, numbered from 0. Memory
// stays within a few times [MaxObject] however long the input is. The bytes
// belong to fn.
//
// Inside the objects only the JSON structure is checked here, so that one bad
// object (a repeated name, broken UTF-8) does not hide the others: fn must pass
// the bytes to [Parse], which refuses them with the reason. What stands around
// the objects is checked: a repeated name, broken structure, or an object over
// the limit ends the reading with an error that says where, after the objects
// before it were handed out. An error from fn ends the reading and is returned
// as it is.
func ReadBundle(r io.Reader, fn func(i int, raw []byte) error) (Container, error) {
	in := &meter{r: r, keep: true}
	b := &bundleReader{in: in, fn: fn}
	b.dec = jsontext.NewDecoder(in, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	err := b.read()
	return b.c, err
}

type bundleReader struct {
	in  *meter
	dec *jsontext.Decoder
	fn  func(int, []byte) error
	c   Container
}

func (b *bundleReader) read() error {
	switch b.peek() {
	case jsontext.KindBeginArray:
		b.c.Form, b.c.Listed = "array", true
		if err := b.objects(); err != nil {
			return err
		}
		return b.end()
	case jsontext.KindBeginObject:
		return b.container()
	}
	if _, err := b.dec.ReadToken(); err != nil {
		return b.fault(err)
	}
	return &SyntaxError{Reason: "not a bundle, an object or an array of objects"}
}

// container reads a top-level object. Only its end shows whether it was the
// object itself, so the meter keeps its bytes until a list of objects appears.
func (b *bundleReader) container() error {
	if _, err := b.dec.ReadToken(); err != nil {
		return b.fault(err)
	}
	start := b.dec.InputOffset() - 1
	typ, id, listed := "", "", false
	seen := map[string]bool{}
	for b.peek() != jsontext.KindEndObject {
		tok, err := b.dec.ReadToken()
		if err != nil {
			return b.fault(err)
		}
		name := tok.String()
		if seen[name] {
			return &SyntaxError{Offset: b.dec.InputOffset(), Reason: fmt.Sprintf("name %q appears twice", clip(name))}
		}
		if seen[name] = true; len(seen) > MaxValues {
			return &SyntaxError{Offset: b.dec.InputOffset(), Reason: "too many names"}
		}
		if name == "objects" && b.peek() == jsontext.KindBeginArray {
			listed, b.c.Listed = true, true
			if err := b.objects(); err != nil {
				return err
			}
			continue
		}
		v, err := b.dec.ReadValue()
		if err != nil {
			return b.fault(err)
		}
		switch name {
		case "type":
			typ = unquoted(v)
		case "id":
			id = unquoted(v)
		default:
			if len(b.c.Others) < 100 {
				b.c.Others = append(b.c.Others, clip(name))
			}
		}
	}
	if _, err := b.dec.ReadToken(); err != nil {
		return b.fault(err)
	}
	end := b.dec.InputOffset()
	if err := b.end(); err != nil {
		return err
	}
	switch {
	case typ == "bundle": // its objects are optional (§8.1)
		b.c.Form, b.c.ID = "bundle", id
	case typ == "" && id == "" && (listed || isEnvelope(seen)):
		b.c.Form = "envelope"
	case listed:
		return fmt.Errorf("an object of type %q that lists objects is neither a bundle nor an envelope", clip(typ))
	default:
		b.c.Form, b.c.Others = "object", nil
		return b.emit(b.in.kept[start:end])
	}
	return nil
}

// isEnvelope reports whether the names are those of an envelope without
// objects, which is how TAXII says that there are none.
func isEnvelope(names map[string]bool) bool {
	for n := range names {
		if n != "more" && n != "next" {
			return false
		}
	}
	return true
}

// objects reads an array and hands out its elements.
func (b *bundleReader) objects() error {
	b.in.keep, b.in.kept = false, nil
	if _, err := b.dec.ReadToken(); err != nil {
		return b.fault(err)
	}
	for b.peek() != jsontext.KindEndArray {
		v, err := b.dec.ReadValue()
		if err != nil {
			return b.fault(err)
		}
		if err := b.emit(v); err != nil {
			return err
		}
	}
	_, err := b.dec.ReadToken()
	return b.fault(err)
}

func (b *bundleReader) emit(v []byte) error {
	i := b.c.Objects
	b.c.Objects++
	return b.fn(i, bytes.Clone(v))
}

// peek sets the allowance for the next value and returns its kind.
func (b *bundleReader) peek() jsontext.Kind {
	b.in.limit = MaxObject + slack
	if !b.in.keep {
		b.in.limit += b.dec.InputOffset()
	}
	return b.dec.PeekKind()
}

// end requires that nothing but space follows.
func (b *bundleReader) end() error {
	b.in.keep = false
	b.peek()
	_, err := b.dec.ReadToken()
	switch {
	case err == io.EOF:
		return nil
	case err == nil:
		return &SyntaxError{Offset: b.dec.InputOffset(), Reason: "more bytes after the end"}
	}
	return b.fault(err)
}

func (b *bundleReader) fault(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errTooLarge):
		return &SyntaxError{
			Offset: b.dec.InputOffset(),
			Path:   pointerPath(b.dec.StackPointer()),
			Reason: fmt.Sprintf("an object larger than %d bytes", MaxObject),
		}
	case errors.Is(err, io.EOF) && b.dec.InputOffset() > 0:
		return &SyntaxError{Offset: b.dec.InputOffset(), Reason: "cut off"}
	}
	return syntaxError(err)
}

func unquoted(v jsontext.Value) string {
	if v.Kind() != jsontext.KindString {
		return ""
	}
	s, err := jsontext.AppendUnquote(nil, v)
	if err != nil {
		return ""
	}
	return string(s)
}

var errTooLarge = errors.New("too large")

// slack is what the decoder may read ahead of the value that it needs.
const slack = 64 << 10

// meter stops a decoder that would need more than limit bytes in all.
type meter struct {
	r     io.Reader
	n     int64 // bytes read
	limit int64
	keep  bool
	kept  []byte // what was read while keep was set
}

func (m *meter) Read(p []byte) (int, error) {
	if m.n >= m.limit {
		return 0, errTooLarge
	}
	// Filled whole: after each read the decoder looks at a token's beginning
	// again, so that a long one in small reads would cost its length squared.
	n, err := io.ReadFull(m.r, p[:min(int64(len(p)), m.limit-m.n)])
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	m.n += int64(n)
	if m.keep {
		m.kept = append(m.kept, p[:n]...)
	}
	return n, err
}
