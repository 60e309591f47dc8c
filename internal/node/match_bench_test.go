package node_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"parley.example/parley/accord"
	"parley.example/parley/internal/node"
)

// BenchmarkAskMatch asks 100 values over loopback: blinding, both ledgers
// durable, mutual TLS, the proof, the look-up.
func BenchmarkAskMatch(b *testing.B) {
	w := newWorldUnder(b, func(d *node.Draft) {
		d.Match = []accord.MatchRule{{Kind: "phone", Quota: 1 << 40}}
	})
	phones := make([]string, 1000)
	for i := range phones {
		phones[i] = fmt.Sprintf("+9370%07d", i)
	}
	load(b, w.north, w.accord, "many", phones...)
	publish(b, w.north, w.accord, false)
	w.sync(w.north, "south")
	var took []time.Duration
	next := 0
	for b.Loop() {
		ask := node.MatchAsk{Accord: w.accord, Selector: "phone", Case: "C"}
		for range 100 {
			next += 7919
			ask.Values = append(ask.Values, fmt.Sprintf("+9371%07d", next%10_000_000))
		}
		start := time.Now()
		q, err := w.south.AskMatch(b.Context(), ask)
		if err != nil || q.State != "answered" {
			b.Fatalf("%+v, %v", q, err)
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}
