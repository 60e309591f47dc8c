package cli_test

import (
	"encoding/json"
	"fmt"
	"sort"
)

// firstValue finds the first scalar under a key, in depth-first order.
func firstValue(text, key string) string {
	var v any
	if json.Unmarshal([]byte(text), &v) != nil {
		return ""
	}
	return find(v, key)
}

func find(v any, key string) string {
	switch x := v.(type) {
	case map[string]any:
		if s, ok := x[key]; ok {
			switch s.(type) {
			case map[string]any, []any, nil:
			default:
				return fmt.Sprint(s)
			}
		}
		names := make([]string, 0, len(x))
		for n := range x {
			names = append(names, n)
		}
		sort.Strings(names)
		for _, n := range names {
			if s := find(x[n], key); s != "" {
				return s
			}
		}
	case []any:
		for _, e := range x {
			if s := find(e, key); s != "" {
				return s
			}
		}
	}
	return ""
}
