package watch_test

import (
	"fmt"
	"testing"
	"time"

	"parley.example/parley/watch"
)

// BenchmarkEvaluate is a whole rolling-origin evaluation: every model, each week of
// the second ten years of 100 areas, four weeks ahead.
func BenchmarkEvaluate(b *testing.B) {
	p := &watch.Panel{Step: watch.Weekly}
	first := day("2002-01-07")
	for w := range 1040 {
		p.Starts = append(p.Starts, first.AddDate(0, 0, 7*w))
	}
	for area := range 100 {
		p.Units = append(p.Units, fmt.Sprintf("area %d", area))
		counts := make([]int, len(p.Starts))
		for w := range counts {
			counts[w] = (w*7 + area*13) % 5 / 3
		}
		p.Counts = append(p.Counts, counts)
	}
	for b.Loop() {
		if _, err := watch.Evaluate(p, 4, first.AddDate(10, 0, 0), time.Time{}); err != nil {
			b.Fatal(err)
		}
	}
}
