package incident

import (
	"slices"
	"strings"
)

// Attribution is what must be shown wherever records of a source, or what was
// computed from them, appear; "" for sources that ask for nothing.
func Attribution(source string) string {
	switch source {
	case UCDP:
		return UCDPAttribution
	case ACLED:
		return ACLEDAttribution
	case GTD:
		return GTDAttribution
	}
	return ""
}

// Attributions is that of several sources, in a fixed order, one to a line.
func Attributions(sources ...string) string {
	var out []string
	for _, s := range sources {
		if a := Attribution(s); a != "" && !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}
