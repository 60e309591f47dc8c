package incident

import "strings"

// Tearline is the line in a text that parts what is sensitive (above it) from
// what may be released (below it).
const Tearline = "=== TEARLINE ==="

// SplitTearline parts a text at its last tearline mark, which stands on a line of
// its own; the last, so that whatever stood above any mark stays above. Without
// a mark ok is false and nothing may be taken as releasable.
func SplitTearline(text string) (above, below string, ok bool) {
	end := len(text)
	for end >= 0 {
		start := strings.LastIndexByte(text[:end], '\n') + 1
		if strings.TrimSpace(text[start:end]) == Tearline {
			above = strings.TrimSpace(text[:start])
			below = strings.TrimSpace(text[end:])
			return above, below, true
		}
		end = start - 1
	}
	return text, "", false
}
