package sqlite

import (
	"strconv"
	"strings"

	"parley.example/parley/internal/store"
)

// A text is found by its runs of three characters, whatever its script and
// wherever words end. Each run that occurs is one word of the full-text index.

// gramWords writes runs as words between separators, with letters and digits
// alone, so that no tokeniser changes or splits them.
func gramWords(grams []int64, separator string) string {
	var b []byte
	for i, g := range grams {
		if i > 0 {
			b = append(b, separator...)
		}
		const low = 1<<7 - 1
		if x, y, z := g>>42, g>>21&(1<<21-1), g&(1<<21-1); x <= low && y <= low && z <= low {
			b = strconv.AppendInt(append(b, 'a'), x<<14|y<<7|z, 36) // ASCII, in five characters at most
		} else {
			b = strconv.AppendInt(append(b, 'b'), g, 36)
		}
	}
	return string(b)
}

// maxGrams bounds the runs of one phrase that are looked for.
const maxGrams = 64

// matchAll is the full-text query for texts that have all runs of the phrases.
func matchAll(phrases []string) string {
	var all []string
	for _, p := range phrases {
		grams := store.Grams(p)
		if words := gramWords(grams[:min(len(grams), maxGrams)], " AND "); words != "" {
			all = append(all, words)
		}
	}
	return strings.Join(all, " AND ")
}
