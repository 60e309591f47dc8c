package node

import (
	"fmt"
	"slices"
	"strings"

	"parley.example/parley/selector"
)

// AskedLine is what one line of a question would ask.
type AskedLine struct {
	Line   int      `json:"line"` // from 1
	Value  string   `json:"value"`
	Keys   []string `json:"keys"`             // normalised; empty where it cannot be asked
	First  int      `json:"first,omitempty"`  // the line that asks all of it already; 0: none
	Reason string   `json:"reason,omitempty"` // why it cannot be asked
}

// PreviewMatch normalises lines as AskMatch does, and says of each what would be
// asked, or what is wrong with it. Nothing is stored and nothing leaves. Empty
// lines are left out, and keep their number.
func PreviewMatch(kind string, lines []string) ([]AskedLine, error) {
	out := []AskedLine{}
	if selector.Version(kind) == "" {
		return out, fmt.Errorf("%w: there is no kind of value %q", ErrInvalid, clip(kind))
	}
	first := make(map[string]int) // key → line
	for i, v := range lines {
		v = strings.TrimSpace(v)
		if v == "" {
			continue
		}
		l := AskedLine{Line: i + 1, Value: clip(v), Keys: []string{}}
		keys, err := selector.Normalise(kind, v)
		if err != nil {
			l.Reason = err.Error()
		} else {
			l.Keys = keys
			if len(keys) > 0 && !slices.ContainsFunc(keys, func(k string) bool { return first[k] == 0 }) {
				l.First = first[keys[0]]
			}
			for _, k := range keys {
				if first[k] == 0 {
					first[k] = l.Line
				}
			}
		}
		out = append(out, l)
	}
	return out, nil
}
