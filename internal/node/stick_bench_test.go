package node_test

import (
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"parley.example/parley/internal/node"
)

// A ledger that goes over on a stick: written and sealed by one node, opened,
// verified and applied by the other. PARLEY_STICK says how many events (default
// 20,000): a million takes some minutes to make.
func BenchmarkStick(b *testing.B) {
	events := 20_000
	if s := os.Getenv("PARLEY_STICK"); s != "" {
		var err error
		if events, err = strconv.Atoi(s); err != nil {
			b.Fatal(err)
		}
	}
	north, south, id := backlog(b, events)
	name := b.TempDir() + "/parcel"
	var export, apply time.Duration
	var size int64
	b.ResetTimer()
	for b.Loop() {
		resetPeak()
		f, err := os.Create(name)
		if err != nil {
			b.Fatal(err)
		}
		begin := time.Now()
		if err := north.ExportParcel(b.Context(), id, "south", f); err != nil {
			b.Fatal(err)
		}
		export += time.Since(begin)
		if size, err = f.Seek(0, io.SeekCurrent); err == nil {
			_, err = f.Seek(0, io.SeekStart)
		}
		if err != nil {
			b.Fatal(err)
		}
		begin = time.Now()
		got, err := south.ImportParcel(b.Context(), f)
		apply += time.Since(begin)
		f.Close()
		if err != nil || got.Entries < events {
			b.Fatalf("%+v, %v", got, err)
		}
		if !got.News {
			b.Skip("the second time everything is there: run it with -benchtime 1x")
		}
	}
	b.ReportMetric(export.Seconds(), "s-export")
	b.ReportMetric(apply.Seconds(), "s-import")
	b.ReportMetric(float64(events)/apply.Seconds(), "events/s")
	b.ReportMetric(float64(size)/float64(events), "B/event")
	b.ReportMetric(peakMB(), "MB-peak")
}

// A node's logs audited from the database: leaves, openings, checkpoints and the
// tree, beside the same leaves in memory (BenchmarkAuditLeaves of ledger).
func BenchmarkAudit(b *testing.B) {
	const events = 50_000
	north, _, _ := backlog(b, events)
	b.ResetTimer()
	for b.Loop() {
		got, err := north.Audit(b.Context())
		if err != nil || !got.OK {
			b.Fatalf("%+v, %v", got, err)
		}
	}
	b.ReportMetric(events*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// backlog is a pair of nodes of which the first released as much, in bulk, and
// then suspended the accord, so that the ledger alone may go over.
func backlog(b *testing.B, events int) (north, south *node.Node, id string) {
	b.Helper()
	north, south, id, objects := benchPair(b, min(events, 10_000), nil)
	for made := 0; made < events; made += len(objects) {
		if _, err := north.ReleaseMany(b.Context(), node.ReleaseManyAsk{Objects: objects, Accord: id, Purpose: "protection"}); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := north.Suspend(b.Context(), id, "a pause"); err != nil {
		b.Fatal(err)
	}
	return north, south, id
}

// resetPeak makes peakMB count from now, where the system lets it.
func resetPeak() { _ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }

// peakMB is the most memory that this process had at a time; 0 where the system
// does not tell.
func peakMB() float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	kb, _ := strconv.ParseFloat(strings.Fields(rest + " 0")[0], 64)
	return kb / 1024
}
