package accord

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Change is one term in which two accords differ.
type Change struct {
	Term   string `json:"term"` // path, such as ceiling.rung
	Before string `json:"before"`
	After  string `json:"after"`
}

// Diff lists the terms in which b differs from a, by path: what somebody who
// knows a needs to read before signing b. The nonce, which is meant to differ,
// is left out.
func Diff(a, b Terms) ([]Change, error) {
	fa, err := flatten(a)
	if err != nil {
		return nil, err
	}
	fb, err := flatten(b)
	if err != nil {
		return nil, err
	}
	keys := slices.Collect(maps.Keys(fa))
	for k := range fb {
		if _, ok := fa[k]; !ok {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	out := []Change{}
	for _, k := range keys {
		if fa[k] != fb[k] && k != "nonce" {
			out = append(out, Change{k, fa[k], fb[k]})
		}
	}
	return out, nil
}

// flatten turns terms into path and value. Members stand under their party, so
// that one who left or joined shows as such.
func flatten(t Terms) (map[string]string, error) {
	raw, err := json.Marshal(t)
	if err != nil {
		return nil, err
	}
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return nil, err
	}
	out := make(map[string]string)
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch x := v.(type) {
		case map[string]any:
			for k, e := range x {
				p := k
				if path != "" {
					p = path + "." + k
				}
				walk(p, e)
			}
		case []any:
			for i, e := range x {
				name := fmt.Sprint(i)
				if m, ok := e.(map[string]any); ok {
					for _, id := range []string{"party", "kind"} {
						if s, ok := m[id].(string); ok {
							name = s
						}
					}
				} else {
					name = fmt.Sprint(e)
				}
				walk(path+"."+name, e)
			}
		case nil:
			out[path] = ""
		default:
			out[path] = fmt.Sprint(x)
		}
	}
	walk("", v)
	return out, nil
}
