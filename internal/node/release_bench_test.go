package node_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"parley.example/parley/internal/node"
)

// bench is two paired nodes and objects of one of them.
func bench(b *testing.B, n int) (north *node.Node, accordID string, objects []string) {
	north, _, accordID, objects = benchPair(b, n, nil)
	return north, accordID, objects
}

// benchPair is bench with the other node too, and north's line to it.
func benchPair(b *testing.B, n int, line node.Line) (north, south *node.Node, accordID string, objects []string) {
	b.Helper()
	north, south = startBench(b, "north", line), startBench(b, "south", nil)
	for _, p := range [][2]*node.Node{{north, south}, {south, north}} {
		c := p[1].OwnCard()
		if _, err := p[0].AddCard(b.Context(), []byte(c.Note), c.Fingerprint); err != nil {
			b.Fatal(err)
		}
	}
	d := draft("north", "south")
	d.Witnesses = nil
	if err := north.SaveDraft(b.Context(), "d", d); err != nil {
		b.Fatal(err)
	}
	a, err := north.OfferAccord(b.Context(), "d")
	if err != nil {
		b.Fatal(err)
	}
	var parcel strings.Builder
	if err := north.ExportParcel(b.Context(), a.ID, "south", &parcel); err != nil {
		b.Fatal(err)
	}
	if _, err := south.ImportParcel(b.Context(), strings.NewReader(parcel.String())); err != nil {
		b.Fatal(err)
	}
	if _, err := south.SignAccord(b.Context(), a.ID); err != nil {
		b.Fatal(err)
	}
	parcel.Reset()
	if err := south.ExportParcel(b.Context(), a.ID, "north", &parcel); err != nil {
		b.Fatal(err)
	}
	if _, err := north.ImportParcel(b.Context(), strings.NewReader(parcel.String())); err != nil {
		b.Fatal(err)
	}
	var csv strings.Builder
	csv.WriteString(csvHeader)
	for i := range n {
		fmt.Fprintf(&csv, "b%d,2026-02-%02d,,day,Report %d,\"seen.\n=== TEARLINE ===\nA device was found.\",Torkham,Nangarhar,Momand Dara,Afghanistan,34.1230,71.0950,1,civilian,bombing,Lantern Front (fictional),0,2,4,5,Informant K (fictional),B,2,yes,TLP:AMBER,,,,\n", i, 1+i%28, i)
	}
	got, err := north.ImportFile(b.Context(), strings.NewReader(csv.String()), "", nil)
	if err != nil || got.Taken != n {
		b.Fatalf("%+v, %v", got, err)
	}
	ins, _, err := north.Incidents(b.Context(), node.IncidentFilter{Limit: n})
	if err != nil {
		b.Fatal(err)
	}
	for _, x := range ins {
		objects = append(objects, x.ID)
	}
	return north, south, a.ID, objects
}

func startBench(b *testing.B, party string, line node.Line) *node.Node {
	b.Helper()
	dir := b.TempDir()
	if _, err := node.Init(dir, node.Config{Party: party, Name: party, Link: "127.0.0.1:0", Console: "127.0.0.1:0"}); err != nil {
		b.Fatal(err)
	}
	n, err := node.Open(b.Context(), dir, node.Options{Every: -1, Line: line})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := n.Close(); err != nil {
			b.Error(err)
		}
	})
	return n
}

// One report released: decision, extract, event, tree, outbox, durable.
func BenchmarkRelease(b *testing.B) {
	north, id, objects := bench(b, 2000)
	var took []time.Duration
	for i := 0; b.Loop(); i++ {
		begin := time.Now()
		rel, err := north.ReleaseObject(b.Context(), node.ReleaseAsk{Object: objects[i%len(objects)], Accord: id, Purpose: "protection"})
		if err != nil || !rel.Released {
			b.Fatalf("%+v, %v", rel, err)
		}
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}

// Reports released in bulk, 500 in a transaction.
func BenchmarkReleaseMany(b *testing.B) {
	const n = 5000
	north, id, objects := bench(b, n)
	for b.Loop() {
		got, err := north.ReleaseMany(b.Context(), node.ReleaseManyAsk{Objects: objects, Accord: id, Purpose: "protection"})
		if err != nil || got.Released != n {
			b.Fatalf("%d released, %v", got.Released, err)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "releases/s")
}
