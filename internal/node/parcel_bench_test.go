package node_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"path/filepath"
	"testing"
	"time"

	"parley.example/parley/internal/link"
	"parley.example/parley/internal/node"
	"parley.example/parley/internal/store"
	"parley.example/parley/internal/store/sqlite"
	"parley.example/parley/ledger"
)

// counting is a line into a node that counts the bytes of ledger and content.
type counting struct {
	to            *node.Node
	entries, bare int64
	bytes, ledger int64
	took, cpu     time.Duration // by the receiver, to verify and apply
}

func (c *counting) Exchange(ctx context.Context, _, _ string, p link.Parcel) (link.Parcel, error) {
	var whole, alone bytes.Buffer
	if err := p.Encode(&whole); err != nil {
		return link.Parcel{}, err
	}
	c.bytes += int64(whole.Len())
	q := p
	q.Bodies = nil
	if err := q.Encode(&alone); err != nil {
		return link.Parcel{}, err
	}
	c.ledger += int64(alone.Len())
	c.entries += int64(len(p.Entries))
	begin, used := time.Now(), processorTime()
	got, err := link.Decode(&whole)
	if err != nil {
		return link.Parcel{}, err
	}
	reply, err := c.to.Receive(ctx, p.From, got)
	c.took, c.cpu = c.took+time.Since(begin), c.cpu+processorTime()-used
	return reply, err
}

func (*counting) Finish(context.Context, string, string, string) (link.Parcel, bool, error) {
	return link.Parcel{}, false, nil
}
func (*counting) Forget(string, string) {}

// A backlog of events after a suspension: verified and applied, without its
// content, beside its limit, which is hashing it and inserting its rows; and the
// bytes that it takes on the line, of which 10 Mbit/s carry 20 MB in 16 s.
func BenchmarkBacklog(b *testing.B) {
	const n = 20_000
	var events, cpu, perEvent, limit float64
	for b.Loop() {
		b.StopTimer()
		c := new(counting)
		north, south, id, objects := benchPair(b, n, c)
		c.to = south
		if _, err := north.ReleaseMany(b.Context(), node.ReleaseManyAsk{Objects: objects, Accord: id, Purpose: "protection"}); err != nil {
			b.Fatal(err)
		}
		// While one side holds the accord suspended, ledgers alone go over.
		if _, err := north.Suspend(b.Context(), id, "a pause"); err != nil {
			b.Fatal(err)
		}
		c.entries, c.ledger, c.took, c.cpu = 0, 0, 0, 0
		b.StartTimer()
		if err := north.Sync(b.Context(), id, "south"); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if c.entries < n {
			b.Fatalf("%d entries went over, want %d", c.entries, n)
		}
		events = float64(c.entries) / c.took.Seconds()
		cpu = float64(c.cpu.Microseconds()) / float64(c.entries)
		perEvent = float64(c.ledger) / float64(c.entries)
		limit = bareRows(b, n)
		b.StartTimer()
	}
	b.ReportMetric(events, "events/s")
	b.ReportMetric(cpu, "cpu-µs/event")
	b.ReportMetric(limit, "limit/s")
	b.ReportMetric(perEvent, "B/event")
	b.ReportMetric(perEvent*100_000*8/10e6, "s/100k-at-10Mbit/s")
}

// bareRows is how many rows a second of an event's size are hashed and inserted,
// in one transaction for each 10,000.
func bareRows(b *testing.B, n int) float64 {
	b.Helper()
	st, err := sqlite.Open(filepath.Join(b.TempDir(), "bare.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer st.Close()
	row := bytes.Repeat([]byte("x"), 700)
	begin := time.Now()
	for at := 0; at < n; at += 10_000 {
		err := st.Update(b.Context(), func(tx store.Tx) error {
			for i := at; i < min(at+10_000, n); i++ {
				sum := sha256.Sum256(row)
				e := store.Event{Log: "bare", Index: int64(i), Kind: string(ledger.Released), Bytes: row, Salt: sum[:]}
				if err := tx.PutEvent(e); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	return float64(n) / time.Since(begin).Seconds()
}
