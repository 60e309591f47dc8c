package node_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
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
	accordID = agree(b, north, south, "d")
	got, err := north.ImportFile(b.Context(), strings.NewReader(manyReports("b", n)), "", nil)
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
	return north, south, accordID, objects
}

// agree brings an accord between two nodes into force, by parcel files.
func agree(b *testing.B, north, south *node.Node, name string) (accordID string) {
	b.Helper()
	d := draft("north", "south")
	d.Witnesses, d.Title = nil, "Accord "+name
	if err := north.SaveDraft(b.Context(), name, d); err != nil {
		b.Fatal(err)
	}
	a, err := north.OfferAccord(b.Context(), name)
	if err != nil {
		b.Fatal(err)
	}
	carry := func(from, to *node.Node) {
		var parcel strings.Builder
		if err := from.ExportParcel(b.Context(), a.ID, to.Party(), &parcel); err != nil {
			b.Fatal(err)
		}
		if _, err := to.ImportParcel(b.Context(), strings.NewReader(parcel.String())); err != nil {
			b.Fatal(err)
		}
	}
	carry(north, south)
	if _, err := south.SignAccord(b.Context(), a.ID); err != nil {
		b.Fatal(err)
	}
	carry(south, north)
	return a.ID
}

// manyReports is a file of n reports.
func manyReports(name string, n int) string {
	var csv strings.Builder
	csv.WriteString(csvHeader)
	for i := range n {
		fmt.Fprintf(&csv, "%s%d,2026-02-%02d,,day,Report %d,\"seen.\n=== TEARLINE ===\nA device was found.\",Torkham,Nangarhar,Momand Dara,Afghanistan,34.1230,71.0950,1,civilian,bombing,Lantern Front (fictional),0,2,4,5,Informant K (fictional),B,2,yes,TLP:AMBER,,,,\n", name, i, 1+i%28, i)
	}
	return csv.String()
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

// One report released: decision, extract, event, tree, outbox, durable; beside
// what the disk alone takes to make as many bytes durable.
func BenchmarkRelease(b *testing.B) {
	north, id, objects := bench(b, 2000)
	disk := newBareDisk(b)
	var took, bare []time.Duration
	for i := 0; b.Loop(); i++ {
		begin := time.Now()
		rel, err := north.ReleaseObject(b.Context(), node.ReleaseAsk{Object: objects[i%len(objects)], Accord: id, Purpose: "protection"})
		if err != nil || !rel.Released {
			b.Fatalf("%+v, %v", rel, err)
		}
		took = append(took, time.Since(begin))
		b.StopTimer()
		bare = append(bare, disk.write())
		b.StartTimer()
	}
	reportTimes(b, "", took)
	reportTimes(b, "disk-", bare)
}

func reportTimes(b *testing.B, what string, took []time.Duration) {
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), what+"p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), what+"p99-µs")
}

// bareDisk makes what one release writes durable, and does nothing else.
type bareDisk struct {
	b *testing.B
	f *os.File
}

func newBareDisk(b *testing.B) bareDisk {
	f, err := os.Create(filepath.Join(b.TempDir(), "bare"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { f.Close() })
	return bareDisk{b, f}
}

func (d bareDisk) write() time.Duration {
	begin := time.Now()
	if _, err := d.f.Write(make([]byte, releaseWrites)); err != nil {
		d.b.Fatal(err)
	}
	if err := d.f.Sync(); err != nil {
		d.b.Fatal(err)
	}
	return time.Since(begin)
}

// releaseWrites is about what a release adds to the write-ahead log: fourteen
// pages of 8,216 bytes.
const releaseWrites = 14 * 8216

// Reports released in bulk, 1,000 in a transaction; beside as many bare rows, one
// for each that a release writes (its content, its place in the outbox, what is
// remembered of the copy; entries go in packs), and with the processor time that one
// takes, as other work on the machine does not change that much.
func BenchmarkReleaseMany(b *testing.B) {
	const n = 5000
	north, id, objects := bench(b, n)
	before := processorTime()
	for b.Loop() {
		got, err := north.ReleaseMany(b.Context(), node.ReleaseManyAsk{Objects: objects, Accord: id, Purpose: "protection"})
		if err != nil || got.Released != n {
			b.Fatalf("%d released, %v", got.Released, err)
		}
	}
	cpu := processorTime() - before
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "releases/s")
	b.ReportMetric(float64(cpu.Microseconds())/float64(n*b.N), "cpu-µs/release")
	b.ReportMetric(bareRows(b, 3*n)/3, "limit/s")
}

// processorTime is what this process has used, on all processors.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
