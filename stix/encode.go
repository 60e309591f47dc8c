package stix

import (
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// leading are the properties that come first in what [Encode] writes, in the
// order in which the specification lists them.
var leading = []string{"type", "spec_version", "id", "created_by_ref", "created", "modified"}

// Encode writes properties as one object: the same properties always give the
// same bytes. The identifying properties come first, the rest in ascending
// order, without insignificant space. Values may be whatever package json can
// write; [Number] keeps a number's text.
func Encode(props map[string]any) ([]byte, error) {
	names := make([]string, 0, len(props))
	for _, n := range leading {
		if _, ok := props[n]; ok {
			names = append(names, n)
		}
	}
	head := len(names)
	for n := range props {
		if !slices.Contains(leading, n) {
			names = append(names, n)
		}
	}
	slices.Sort(names[head:])
	b := []byte{'{'}
	for i, n := range names {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = jsontext.AppendQuote(b, n); err != nil {
			return nil, fmt.Errorf("encoding property %q: %w", n, err)
		}
		v, err := json.Marshal(props[n], json.Deterministic(true))
		if err != nil {
			return nil, fmt.Errorf("encoding property %q: %w", n, err)
		}
		b = append(append(b, ':'), v...)
	}
	return append(b, '}'), nil
}
