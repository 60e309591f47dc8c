package psi_test

import (
	"fmt"
	"testing"

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
