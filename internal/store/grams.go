package store

import "slices"

// Grams returns the different runs of three characters of a text, ascending, each
// as three times 21 bits. A text is found by them, whatever its script and
// wherever its words end.
func Grams(text string) []int64 {
	grams := make([]int64, 0, len(text))
	var run int64 // the last three characters
	n := 0
	for _, r := range text {
		run = run<<21&(1<<63-1) | int64(r)
		if n++; n >= 3 {
			grams = append(grams, run)
		}
	}
	slices.Sort(grams)
	return slices.Compact(grams)
}
