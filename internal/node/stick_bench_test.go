package node_test

import (
	"crypto/sha256"
	"io"
	"os"
	"runtime/debug"
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
	events := benchSize(b, "PARLEY_STICK", 20_000)
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
// tree, beside the SHA-256 of as many bytes; by the clock, on all processors, and
// by the time of a processor, which other work on the machine does not change that
// much. The memory is what the process grew by at most. PARLEY_AUDIT says how many
// events (default 50,000).
func BenchmarkAudit(b *testing.B) {
	events := benchSize(b, "PARLEY_AUDIT", 50_000)
	north, _, _ := backlog(b, events)
	debug.FreeOSMemory()
	resetPeak()
	before := peakMB()
	begin := processorTime()
	b.ResetTimer()
	for b.Loop() {
		got, err := north.Audit(b.Context())
		if err != nil || !got.OK {
			b.Fatalf("%+v, %v", got, err)
		}
	}
	all := float64(events) * float64(b.N)
	b.ReportMetric(all/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(all/(processorTime()-begin).Seconds(), "events/s/core")
	b.ReportMetric(peakMB()-before, "MB")
	begin = processorTime()
	bytes := make([]byte, 896) // leaf, node, and event twice hashed, in blocks
	for range events {
		sha256.Sum256(bytes)
	}
	b.ReportMetric(float64(events)/(processorTime()-begin).Seconds(), "limit/s/core")
}

// benchSize is a size that the environment may set.
func benchSize(b *testing.B, name string, size int) int {
	b.Helper()
	s := os.Getenv(name)
	if s == "" {
		return size
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		b.Fatalf("%s: %v", name, err)
	}
	return n
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
