package psi_test

import (
	"bytes"
	"testing"

	"github.com/cloudflare/circl/group"
	"github.com/cloudflare/circl/oprf"
	"github.com/cloudflare/circl/zk/dleq"

	"parley.example/parley/psi"
)

// The oracle is another implementation of RFC 9497.

func oracle(t testing.TB, key *psi.SecretKey) oprf.PartialObliviousServer {
	t.Helper()
	var k oprf.PrivateKey
	if err := k.UnmarshalBinary(oprf.SuiteRistretto255, key.Bytes()); err != nil {
		t.Fatal(err)
	}
	return oprf.NewPartialObliviousServer(oprf.SuiteRistretto255, &k)
}

func encodeInfo(t testing.TB) []byte {
	t.Helper()
	b, err := phone.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func elements(t testing.TB, b []byte) (out []group.Element) {
	t.Helper()
	for ; len(b) > 0; b = b[32:] {
		e := group.Ristretto255.NewElement()
		if err := e.UnmarshalBinary(b[:32]); err != nil {
			t.Fatal(err)
		}
		out = append(out, e)
	}
	return out
}

// TestOracleAgrees compares outputs, lets the oracle answer our questions and
// answers the oracle's.
func TestOracleAgrees(t *testing.T) {
	h, key := newHolder(t, phone)
	server, info := oracle(t, key), encodeInfo(t)
	inputs := append(values("x", 8), nil, bytes.Repeat([]byte("y"), 5000))
	ours, err := h.Evaluate(t.Context(), inputs, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, in := range inputs {
		theirs, err := server.FullEvaluate(in, info)
		if err != nil || !bytes.Equal(theirs, ours[i][:]) {
			t.Errorf("input %d: output %x, the oracle's is %x (%v)", i, ours[i], theirs, err)
		}
	}

	q, msg, err := psi.NewQuestion(nil, phone, key.Public(), inputs, 0)
	if err != nil {
		t.Fatal(err)
	}
	evaluation, err := server.Evaluate(&oprf.EvaluationRequest{Elements: elements(t, msg[38:])}, info)
	if err != nil {
		t.Fatal(err)
	}
	answer := append([]byte("PSA1"), msg[4:38]...)
	for _, e := range evaluation.Elements {
		b, err := e.MarshalBinaryCompress()
		if err != nil {
			t.Fatal(err)
		}
		answer = append(answer, b...)
	}
	proof, err := evaluation.Proof.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	got, err := q.Finalize(append(answer, proof...))
	if err != nil {
		t.Fatalf("the oracle's answer: %v", err)
	}
	for i := range got {
		if got[i] != ours[i] {
			t.Errorf("input %d: the oracle's answer gives %x, want %x", i, got[i], ours[i])
		}
	}

	client := oprf.NewPartialObliviousClient(oprf.SuiteRistretto255, server.PublicKey())
	data, request, err := client.Blind(inputs)
	if err != nil {
		t.Fatal(err)
	}
	question := bytes.Clone(msg[:38])
	for _, e := range request.Elements {
		b, err := e.MarshalBinaryCompress()
		if err != nil {
			t.Fatal(err)
		}
		question = append(question, b...)
	}
	ans, err := h.Answer(nil, question)
	if err != nil {
		t.Fatal(err)
	}
	var p dleq.Proof
	if err := p.UnmarshalBinary(group.Ristretto255, ans[len(ans)-64:]); err != nil {
		t.Fatal(err)
	}
	theirs, err := client.Finalize(data, &oprf.Evaluation{Elements: elements(t, ans[38:len(ans)-64]), Proof: &p}, info)
	if err != nil {
		t.Fatalf("the oracle on our answer: %v", err)
	}
	for i := range theirs {
		if !bytes.Equal(theirs[i], ours[i][:]) {
			t.Errorf("input %d: the oracle reads %x from our answer, want %x", i, theirs[i], ours[i])
		}
	}
}

func FuzzOracle(f *testing.F) {
	f.Add([]byte("x"))
	f.Add([]byte{})
	h, key := newHolder(f, phone)
	server, info := oracle(f, key), encodeInfo(f)
	f.Fuzz(func(t *testing.T, input []byte) {
		if len(input) > psi.MaxInput {
			return
		}
		ours, err := h.Evaluate(t.Context(), [][]byte{input}, nil)
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := server.FullEvaluate(input, info)
		if err != nil || !bytes.Equal(theirs, ours[0][:]) {
			t.Errorf("output %x, the oracle's is %x (%v)", ours[0], theirs, err)
		}
	})
}
