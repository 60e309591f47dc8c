package psi_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/cloudflare/circl/group"
	"github.com/cloudflare/circl/oprf"
	"github.com/oasisprotocol/curve25519-voi/curve"
	"github.com/oasisprotocol/curve25519-voi/curve/scalar"
	"parley.example/parley/psi"
)

// BenchmarkPrecompute is the holder's work per item on all cores; run it with
// -cpu 1 for the figure per core. The limit is one scalar multiplication.
func BenchmarkPrecompute(b *testing.B) {
	b.Run("parley", func(b *testing.B) {
		h, _ := newHolder(b, phone)
		inputs := values("+9370", b.N)
		b.ResetTimer()
		if _, err := h.Evaluate(b.Context(), inputs, nil); err != nil {
			b.Fatal(err)
		}
	})
	b.Run("scalar multiplication", func(b *testing.B) {
		var s scalar.Scalar
		if _, err := s.SetRandom(nil); err != nil {
			b.Fatal(err)
		}
		p := *curve.RISTRETTO_BASEPOINT_POINT
		b.ResetTimer()
		for range b.N {
			p.Mul(&p, &s)
		}
	})
	b.Run("circl", func(b *testing.B) {
		_, key := newHolder(b, phone)
		server, info := oracle(b, key), encodeInfo(b)
		inputs := values("+9370", b.N)
		b.ResetTimer()
		for _, in := range inputs {
			if _, err := server.FullEvaluate(in, info); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("circl scalar multiplication", func(b *testing.B) {
		p, s := group.Ristretto255.Generator(), group.Ristretto255.HashToScalar([]byte("x"), nil)
		b.ResetTimer()
		for range b.N {
			p.Mul(p, s)
		}
	})
}

// BenchmarkQuestion is the work of both sides on one question, proof included.
func BenchmarkQuestion(b *testing.B) {
	for _, n := range psi.Classes() {
		h, key := newHolder(b, phone)
		inputs := values("+9370", n)
		q, msg, err := psi.NewQuestion(nil, phone, key.Public(), inputs, 0)
		if err != nil {
			b.Fatal(err)
		}
		answer, err := h.Answer(nil, msg)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("%d/ask", n), func(b *testing.B) {
			for range b.N {
				if _, _, err := psi.NewQuestion(nil, phone, key.Public(), inputs, 0); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("%d/answer", n), func(b *testing.B) {
			for range b.N {
				if _, err := h.Answer(nil, msg); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("%d/finalize", n), func(b *testing.B) {
			for range b.N {
				if _, err := q.Finalize(answer); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("100/both sides", func(b *testing.B) {
		h, key := newHolder(b, phone)
		inputs := values("+9370", 100)
		before := processorTime()
		for range b.N {
			q, msg, err := psi.NewQuestion(nil, phone, key.Public(), inputs, 0)
			if err != nil {
				b.Fatal(err)
			}
			answer, err := h.Answer(nil, msg)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := q.Finalize(answer); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64((processorTime()-before).Microseconds())/1000/float64(b.N), "CPU-ms")
	})
	b.Run("100/circl both sides", func(b *testing.B) {
		_, key := newHolder(b, phone)
		server, info := oracle(b, key), encodeInfo(b)
		client := oprf.NewPartialObliviousClient(oprf.SuiteRistretto255, server.PublicKey())
		inputs := values("+9370", 100)
		for range b.N {
			data, request, err := client.Blind(inputs)
			if err != nil {
				b.Fatal(err)
			}
			evaluation, err := server.Evaluate(request, info)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := client.Finalize(data, evaluation, info); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkFilter(b *testing.B) {
	h, _ := newHolder(b, phone)
	const n = 1_000_000
	outputs := randomOutputs("x", n)
	b.Run("build", func(b *testing.B) {
		for range b.N {
			if _, err := h.Filter(outputs, n); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/entry")
	})
	f, encoded := openFilter(b, h, outputs, n)
	b.Run("open", func(b *testing.B) {
		for range b.N {
			if _, err := psi.OpenFilter(encoded); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/entry")
		b.ReportMetric(float64(len(encoded))/n, "B/entry")
	})
	b.Run("contains", func(b *testing.B) {
		for i := range b.N {
			f.Contains(outputs[i%n])
		}
	})
}

// BenchmarkBulk matches two whole sets by the same engine: as many questions of
// 1,000 as it takes. PARLEY_BULK sets the size of both sets; without it they
// have 10,000 values.
func BenchmarkBulk(b *testing.B) {
	n := 10_000
	if s := os.Getenv("PARLEY_BULK"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			b.Fatal(err)
		}
	}
	values := func(from int) [][]byte {
		out := make([][]byte, n)
		for i := range out {
			out[i] = fmt.Appendf(nil, "+9370%09d", from+i)
		}
		return out
	}
	held, asked := values(0), values(n/2)
	for b.Loop() {
		key, err := psi.GenerateKey(nil)
		if err != nil {
			b.Fatal(err)
		}
		info := psi.Info{Accord: "a", Epoch: 1, Kind: "phone", Normaliser: "phone/1"}
		h, err := psi.NewHolder(key, info)
		if err != nil {
			b.Fatal(err)
		}
		outputs, err := h.Evaluate(b.Context(), held, nil)
		if err != nil {
			b.Fatal(err)
		}
		encoded, err := h.Filter(outputs, 0)
		if err != nil {
			b.Fatal(err)
		}
		f, err := psi.OpenFilter(encoded)
		if err != nil {
			b.Fatal(err)
		}
		bytes, hits := len(encoded), 0
		for part := range slices.Chunk(asked, psi.MaxBatch) {
			q, message, err := psi.NewQuestion(nil, info, key.Public(), part, 0)
			if err != nil {
				b.Fatal(err)
			}
			answer, err := h.Answer(nil, message)
			if err != nil {
				b.Fatal(err)
			}
			got, err := q.Finalize(answer)
			if err != nil {
				b.Fatal(err)
			}
			for _, o := range got {
				if f.Contains(o) {
					hits++
				}
			}
			bytes += len(message) + len(answer)
		}
		if hits != n-n/2 {
			b.Fatalf("%d hits, want %d", hits, n-n/2)
		}
		b.ReportMetric(float64(bytes)/float64(n), "B/value")
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(n), "µs/value")
}

// processorTime is what this process has used, on all processors.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkSelectors is a look-up and an entry's bytes where a filter holds ten to a
// million values: neither may grow with that.
func BenchmarkSelectors(b *testing.B) {
	for n := 10; n <= 1_000_000; n *= 10 {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			h, _ := newHolder(b, phone)
			outputs := randomOutputs("x", n)
			f, encoded := openFilter(b, h, outputs, n)
			b.ResetTimer()
			for i := range b.N {
				if !f.Contains(outputs[i%n]) {
					b.Fatal("an entry is not found")
				}
			}
			b.ReportMetric(float64(len(encoded))/float64(n), "B/entry")
		})
	}
}

// BenchmarkHeld measures the memory that the asker needs for a filter.
func BenchmarkHeld(b *testing.B) {
	for _, n := range []int{1_000_000, 10_000_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			key, err := psi.GenerateKey(nil)
			if err != nil {
				b.Fatal(err)
			}
			h, err := psi.NewHolder(key, psi.Info{Accord: "a", Epoch: 1, Kind: "phone", Normaliser: "phone/1"})
			if err != nil {
				b.Fatal(err)
			}
			random := rand.New(rand.NewPCG(1, 2))
			entries := make([]psi.Entry, n)
			for i := range entries {
				entries[i] = psi.Entry(random.Uint64())
			}
			encoded, err := h.FilterOf(entries, n)
			if err != nil {
				b.Fatal(err)
			}
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			var f *psi.Filter
			for b.Loop() {
				if f, err = psi.OpenFilter(encoded); err != nil {
					b.Fatal(err)
				}
			}
			runtime.GC()
			runtime.ReadMemStats(&after)
			b.ReportMetric((float64(len(encoded))+float64(after.HeapAlloc)-float64(before.HeapAlloc))/1e6, "MB")
			b.ReportMetric(float64(len(encoded))/float64(n), "B/entry")
			runtime.KeepAlive(f)
			runtime.KeepAlive(entries)
		})
	}
}
