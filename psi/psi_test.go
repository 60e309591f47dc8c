package psi_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"parley.example/parley/psi"
)

var phone = psi.Info{Accord: "accord-1", Epoch: 7, Kind: "phone", Normaliser: "phone/1"}

func newHolder(t testing.TB, info psi.Info) (*psi.Holder, *psi.SecretKey) {
	t.Helper()
	key, err := psi.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	h, err := psi.NewHolder(key, info)
	if err != nil {
		t.Fatal(err)
	}
	return h, key
}

func values(prefix string, n int) (out [][]byte) {
	for i := range n {
		out = append(out, fmt.Appendf(nil, "%s%07d", prefix, i))
	}
	return out
}

func ask(t testing.TB, h *psi.Holder, key *psi.SecretKey, info psi.Info, inputs [][]byte) []psi.Output {
	t.Helper()
	q, msg, err := psi.NewQuestion(nil, info, key.Public(), inputs, 0)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := h.Answer(nil, msg)
	if err != nil {
		t.Fatal(err)
	}
	outputs, err := q.Finalize(answer)
	if err != nil {
		t.Fatal(err)
	}
	return outputs
}

// TestMatch plays the protocol: ten are asked, one is held.
func TestMatch(t *testing.T) {
	h, key := newHolder(t, phone)
	held := values("+9370", 500)
	outputs, err := h.Evaluate(t.Context(), held, nil)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := h.Filter(outputs, 0)
	if err != nil {
		t.Fatal(err)
	}
	filter, err := psi.OpenFilter(encoded)
	if err != nil {
		t.Fatal(err)
	}
	if err := filter.Check(phone, key.Public()); err != nil {
		t.Error(err)
	}
	asked := append(values("+9230", 9), held[123])
	for i, o := range ask(t, h, key, phone, asked) {
		if got, want := filter.Contains(o), i == 9; got != want {
			t.Errorf("%s: in the filter %v, want %v", asked[i], got, want)
		}
	}
}

func TestBatches(t *testing.T) {
	h, key := newHolder(t, phone)
	for _, n := range []int{1, 2, 10, 11, 100, 101, 1000} {
		inputs := values("x", n)
		want, err := h.Evaluate(t.Context(), inputs, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := ask(t, h, key, phone, inputs); !slices.Equal(got, want) {
			t.Errorf("%d asked: outputs differ from Evaluate's", n)
		}
	}
}

func TestPadding(t *testing.T) {
	h, key := newHolder(t, phone)
	inputs := values("x", 3)
	sizes := map[int]int{}
	for _, padTo := range psi.Classes()[1:] {
		q, msg, err := psi.NewQuestion(nil, phone, key.Public(), inputs, padTo)
		if err != nil {
			t.Fatal(err)
		}
		sizes[padTo] = len(msg)
		answer, err := h.Answer(nil, msg)
		if err != nil {
			t.Fatal(err)
		}
		if out, err := q.Finalize(answer); err != nil || len(out) != 3 {
			t.Errorf("padded to %d: %d outputs, %v", padTo, len(out), err)
		}
	}
	for padTo, size := range sizes {
		_, msg, err := psi.NewQuestion(nil, phone, key.Public(), inputs[:1], padTo)
		if err != nil || len(msg) != size {
			t.Errorf("padded to %d: 1 and 3 values give %d and %d bytes (%v)", padTo, len(msg), size, err)
		}
	}
	for _, bad := range []struct{ n, padTo int }{{0, 0}, {0, 10}, {11, 10}, {3, 7}, {1001, 0}, {1001, 1001}, {1, -1}} {
		if _, _, err := psi.NewQuestion(nil, phone, key.Public(), values("x", bad.n), bad.padTo); !errors.Is(err, psi.ErrSize) {
			t.Errorf("%d padded to %d: %v, want ErrSize", bad.n, bad.padTo, err)
		}
	}
}

// TestQuestionsHide checks that nothing of the inputs recurs in a question.
func TestQuestionsHide(t *testing.T) {
	_, key := newHolder(t, phone)
	same := [][]byte{[]byte("x"), []byte("x"), []byte("x")}
	seen := map[string]bool{}
	for range 3 {
		_, msg, err := psi.NewQuestion(nil, phone, key.Public(), same, 0)
		if err != nil {
			t.Fatal(err)
		}
		for e := range slices.Chunk(msg[4+32+2:], 32) {
			if seen[string(e)] {
				t.Fatal("an element comes twice")
			}
			seen[string(e)] = true
		}
	}
}

func TestLongInputs(t *testing.T) {
	h, key := newHolder(t, phone)
	inputs := [][]byte{nil, {}, make([]byte, psi.MaxInput)}
	out := ask(t, h, key, phone, inputs)
	if out[0] != out[1] || out[0] == out[2] {
		t.Error("nil and empty differ, or the longest input is cut")
	}
	long := [][]byte{make([]byte, psi.MaxInput+1)}
	if _, err := h.Evaluate(t.Context(), long, nil); !errors.Is(err, psi.ErrSize) {
		t.Errorf("Evaluate: %v, want ErrSize", err)
	}
	if _, _, err := psi.NewQuestion(nil, phone, key.Public(), long, 0); !errors.Is(err, psi.ErrSize) {
		t.Errorf("NewQuestion: %v, want ErrSize", err)
	}
}

// TestContexts asks every holder every other holder's question.
func TestContexts(t *testing.T) {
	key, err := psi.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	other, err := psi.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	type side struct {
		info psi.Info
		key  *psi.SecretKey
	}
	sides := []side{{phone, key}, {phone, other}}
	for _, change := range []func(i *psi.Info){
		func(i *psi.Info) { i.Accord += "x" },
		func(i *psi.Info) { i.Epoch++ },
		func(i *psi.Info) { i.Kind = "plate" },
		func(i *psi.Info) { i.Normaliser = "phone/2" },
		func(i *psi.Info) { i.Accord, i.Kind = i.Accord+i.Kind[:1], i.Kind[1:] },
		func(i *psi.Info) { i.Kind, i.Normaliser = i.Kind+i.Normaliser, "" },
	} {
		info := phone
		change(&info)
		sides = append(sides, side{info, key})
	}
	outputs := map[psi.Output]int{}
	for i, s := range sides {
		h, err := psi.NewHolder(s.key, s.info)
		if err != nil {
			t.Fatal(err)
		}
		out, err := h.Evaluate(t.Context(), values("x", 1), nil)
		if err != nil {
			t.Fatal(err)
		}
		if j, ok := outputs[out[0]]; ok {
			t.Errorf("contexts %d and %d give the same output", i, j)
		}
		outputs[out[0]] = i
		encoded, err := h.Filter(out, 10)
		if err != nil {
			t.Fatal(err)
		}
		filter, err := psi.OpenFilter(encoded)
		if err != nil {
			t.Fatal(err)
		}
		for j, asker := range sides {
			q, msg, err := psi.NewQuestion(nil, asker.info, asker.key.Public(), values("x", 1), 0)
			if err != nil {
				t.Fatal(err)
			}
			answer, err := h.Answer(nil, msg)
			if i == j {
				if err != nil {
					t.Error(err)
				}
				if _, err := q.Finalize(answer); err != nil {
					t.Error(err)
				}
				if err := filter.Check(asker.info, asker.key.Public()); err != nil {
					t.Error(err)
				}
				continue
			}
			if !errors.Is(err, psi.ErrContext) {
				t.Errorf("holder %d, question %d: %v, want ErrContext", i, j, err)
			}
			if err := filter.Check(asker.info, asker.key.Public()); !errors.Is(err, psi.ErrContext) {
				t.Errorf("filter %d, question %d: %v, want ErrContext", i, j, err)
			}
			// An answer to somebody else's question.
			_, own, err := psi.NewQuestion(nil, s.info, s.key.Public(), values("x", 1), 0)
			if err != nil {
				t.Fatal(err)
			}
			if answer, err = h.Answer(nil, own); err != nil {
				t.Fatal(err)
			}
			if _, err := q.Finalize(answer); !errors.Is(err, psi.ErrContext) {
				t.Errorf("answer of %d to question %d: %v, want ErrContext", i, j, err)
			}
		}
	}
}

// TestAlteredAnswers flips every bit of an answer.
func TestAlteredAnswers(t *testing.T) {
	h, key := newHolder(t, phone)
	q, msg, err := psi.NewQuestion(nil, phone, key.Public(), values("x", 1), 0)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := h.Answer(nil, msg)
	if err != nil {
		t.Fatal(err)
	}
	for i := range len(answer) * 8 {
		bad := bytes.Clone(answer)
		bad[i/8] ^= 1 << (i % 8)
		_, err := q.Finalize(bad)
		if !known(err) {
			t.Fatalf("bit %d flipped: %v", i, err)
		}
	}
	if _, err := q.Finalize(answer); err != nil {
		t.Errorf("the answer itself: %v", err)
	}
}

// TestForeignAnswers hands an asker answers that are valid elsewhere.
func TestForeignAnswers(t *testing.T) {
	h, key := newHolder(t, phone)
	_, msg, err := psi.NewQuestion(nil, phone, key.Public(), values("x", 10), 0)
	if err != nil {
		t.Fatal(err)
	}
	other, err := h.Answer(nil, msg)
	if err != nil {
		t.Fatal(err)
	}
	q, msg, err := psi.NewQuestion(nil, phone, key.Public(), values("x", 10), 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := q.Finalize(other); !errors.Is(err, psi.ErrProof) {
		t.Errorf("answer to another question: %v, want ErrProof", err)
	}
	answer, err := h.Answer(nil, msg)
	if err != nil {
		t.Fatal(err)
	}
	swapped := bytes.Clone(answer)
	a, b := swapped[38:70], swapped[70:102]
	for i := range a {
		a[i], b[i] = b[i], a[i]
	}
	if _, err := q.Finalize(swapped); !errors.Is(err, psi.ErrProof) {
		t.Errorf("elements swapped: %v, want ErrProof", err)
	}
	mixed := slices.Concat(other[:102], answer[102:])
	if _, err := q.Finalize(mixed); !errors.Is(err, psi.ErrProof) {
		t.Errorf("elements of another answer: %v, want ErrProof", err)
	}
	_, msg, err = psi.NewQuestion(nil, phone, key.Public(), values("x", 1), 0)
	if err != nil {
		t.Fatal(err)
	}
	short, err := h.Answer(nil, msg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := q.Finalize(short); !errors.Is(err, psi.ErrSize) {
		t.Errorf("answer of another size: %v, want ErrSize", err)
	}
}

// badElements are 32 bytes that RFC 9496, section 4.3.1, refuses, and the
// identity, which RFC 9497, section 2.1, refuses.
var badElements = map[string][]byte{
	"identity":       make([]byte, 32),
	"p":              append(append([]byte{0xed}, bytes.Repeat([]byte{0xff}, 30)...), 0x7f),
	"p+1 (negative)": append(append([]byte{0xee}, bytes.Repeat([]byte{0xff}, 30)...), 0x7f),
	"all ones":       bytes.Repeat([]byte{0xff}, 32),
	"negative":       append([]byte{1}, make([]byte, 31)...),
	"high bit":       append(make([]byte, 31), 0x80),
	// From RFC 9496, appendix A.2.
	"non-square x²": []byte("\x26\x94\x8d\x35\xca\x62\xe6\x43\xe2\x6a\x83\x17\x73\x32\xe6\xb6\xaf\xeb\x9d\x08\xe4\x26\x8b\x65\x0f\x1f\x5b\xbd\x8d\x81\xd3\x71"),
	"negative xy":   []byte("\x3e\xb8\x58\xe7\x8f\x5a\x72\x54\xd8\xc9\x73\x11\x74\xa9\x4f\x76\x75\x5f\xd3\x94\x1c\x0a\xc9\x37\x35\xc0\x7b\xa1\x45\x79\x63\x0e"),
	"s = -1":        append(append([]byte{0xec}, bytes.Repeat([]byte{0xff}, 30)...), 0x7f),
}

func TestBadElements(t *testing.T) {
	h, key := newHolder(t, phone)
	q, msg, err := psi.NewQuestion(nil, phone, key.Public(), values("x", 10), 0)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := h.Answer(nil, msg)
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range badElements {
		for i := range 10 {
			m := bytes.Clone(msg)
			copy(m[38+32*i:], bad)
			if _, err := h.Answer(nil, m); !errors.Is(err, psi.ErrElement) {
				t.Errorf("%s as element %d of a question: %v, want ErrElement", name, i, err)
			}
			a := bytes.Clone(answer)
			copy(a[38+32*i:], bad)
			if _, err := q.Finalize(a); !errors.Is(err, psi.ErrElement) {
				t.Errorf("%s as element %d of an answer: %v, want ErrElement", name, i, err)
			}
		}
		if _, err := psi.ParsePublicKey(bad); !errors.Is(err, psi.ErrElement) {
			t.Errorf("%s as a public key: %v, want ErrElement", name, err)
		}
	}
	order := []byte("\xed\xd3\xf5\x5c\x1a\x63\x12\x58\xd6\x9c\xf7\xa2\xde\xf9\xde\x14\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x10")
	for name, bad := range map[string][]byte{"zero": make([]byte, 32), "order": order, "all ones": bytes.Repeat([]byte{0xff}, 32)} {
		if _, err := psi.ParseSecretKey(bad); !errors.Is(err, psi.ErrElement) {
			t.Errorf("%s as a secret key: %v, want ErrElement", name, err)
		}
	}
	for _, n := range []int{0, 31, 33} {
		if _, err := psi.ParseSecretKey(make([]byte, n)); !errors.Is(err, psi.ErrEncoding) {
			t.Errorf("secret key of %d bytes: %v, want ErrEncoding", n, err)
		}
		if _, err := psi.ParsePublicKey(make([]byte, n)); !errors.Is(err, psi.ErrEncoding) {
			t.Errorf("public key of %d bytes: %v, want ErrEncoding", n, err)
		}
	}
}

func TestBatchSizes(t *testing.T) {
	h, key := newHolder(t, phone)
	_, msg, err := psi.NewQuestion(nil, phone, key.Public(), values("x", 10), 0)
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(msg) {
		if _, err := h.Answer(nil, msg[:n]); !known(err) {
			t.Fatalf("question cut to %d bytes: %v", n, err)
		}
	}
	if _, err := h.Answer(nil, append(bytes.Clone(msg), 0)); !errors.Is(err, psi.ErrEncoding) {
		t.Errorf("question with a byte more: %v, want ErrEncoding", err)
	}
	for _, n := range []uint16{0, 2, 9, 11, 1001, 65535} {
		m := bytes.Clone(msg)
		m[36], m[37] = byte(n>>8), byte(n)
		m = slices.Concat(m[:38], bytes.Repeat(m[38:70], int(n)))
		if _, err := h.Answer(nil, m); !errors.Is(err, psi.ErrSize) {
			t.Errorf("question of %d: %v, want ErrSize", n, err)
		}
	}
}

func known(err error) bool {
	for _, e := range []error{psi.ErrEncoding, psi.ErrElement, psi.ErrContext, psi.ErrProof, psi.ErrSize} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// TestShortReads feeds randomness byte by byte, then has it end early.
func TestShortReads(t *testing.T) {
	slow := func() io.Reader { return iotest.OneByteReader(rand.Reader) }
	key, err := psi.GenerateKey(slow())
	if err != nil {
		t.Fatal(err)
	}
	h, err := psi.NewHolder(key, phone)
	if err != nil {
		t.Fatal(err)
	}
	inputs := values("x", 5)
	want, err := h.Evaluate(t.Context(), inputs, nil)
	if err != nil {
		t.Fatal(err)
	}
	q, msg, err := psi.NewQuestion(slow(), phone, key.Public(), inputs, 10)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := h.Answer(slow(), msg)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := q.Finalize(answer); err != nil || !slices.Equal(got, want) {
		t.Errorf("with short reads: %v", err)
	}
	const need = 64
	for n := range need {
		if _, err := psi.GenerateKey(io.LimitReader(rand.Reader, int64(n))); err == nil {
			t.Errorf("a key from %d bytes", n)
		}
		if _, err := h.Answer(io.LimitReader(rand.Reader, int64(n)), msg); err == nil {
			t.Errorf("an answer from %d bytes", n)
		}
	}
	for n := range 10 {
		if _, _, err := psi.NewQuestion(io.LimitReader(rand.Reader, int64(n*need+need-1)), phone, key.Public(), inputs, 10); err == nil {
			t.Errorf("a question of 10 from %d bytes", n*need+need-1)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestDeadRandomness uses a source that returns zeros for ever.
func TestDeadRandomness(t *testing.T) {
	if _, err := psi.GenerateKey(zeros{}); err == nil {
		t.Error("a key of zero")
	}
	h, key := newHolder(t, phone)
	if _, _, err := psi.NewQuestion(zeros{}, phone, key.Public(), values("x", 1), 0); err == nil {
		t.Error("a blind of zero")
	}
	// The nonce depends on the question too: two proofs share none.
	proofs := map[string]bool{}
	for range 3 {
		q, msg, err := psi.NewQuestion(nil, phone, key.Public(), values("x", 1), 0)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := h.Answer(zeros{}, msg)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := q.Finalize(answer); err != nil {
			t.Error(err)
		}
		proofs[string(answer[len(answer)-32:])] = true
	}
	if len(proofs) != 3 {
		t.Error("proofs repeat")
	}
}

func TestQuestionSurvivesRestart(t *testing.T) {
	h, key := newHolder(t, phone)
	inputs := [][]byte{[]byte("one"), {}, []byte("three")}
	q, msg, err := psi.NewQuestion(nil, phone, key.Public(), inputs, 10)
	if err != nil {
		t.Fatal(err)
	}
	state, err := q.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	var restored psi.Question
	if err := restored.UnmarshalBinary(state); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(restored.Message(), msg) || restored.Info() != phone || !bytes.Equal(restored.PublicKey().Bytes(), key.Public().Bytes()) {
		t.Error("a restored question asks for something else")
	}
	if !slices.EqualFunc(restored.Inputs(), inputs, bytes.Equal) {
		t.Errorf("inputs %q, want %q", restored.Inputs(), inputs)
	}
	answer, err := h.Answer(nil, msg)
	if err != nil {
		t.Fatal(err)
	}
	got, err := restored.Finalize(answer)
	if err != nil {
		t.Fatal(err)
	}
	want, err := h.Evaluate(t.Context(), inputs, nil)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("outputs differ (%v)", err)
	}
	again, err := restored.MarshalBinary()
	if err != nil || !bytes.Equal(again, state) {
		t.Errorf("state changes on the way (%v)", err)
	}
	for n := range len(state) {
		if err := restored.UnmarshalBinary(state[:n]); !known(err) {
			t.Fatalf("state cut to %d bytes: %v", n, err)
		}
	}
	if _, err := restored.Finalize(answer); err != nil {
		t.Errorf("a failed restore spoils the question: %v", err)
	}
}

func TestEvaluate(t *testing.T) {
	h, _ := newHolder(t, phone)
	var most atomic.Int64
	out, err := h.Evaluate(t.Context(), values("x", 100), func(n int) {
		for old := most.Load(); int64(n) > old && !most.CompareAndSwap(old, int64(n)); old = most.Load() {
		}
	})
	if err != nil || len(out) != 100 || most.Load() != 100 {
		t.Errorf("%d outputs, progress to %d, %v", len(out), most.Load(), err)
	}
	if out, err := h.Evaluate(t.Context(), nil, nil); err != nil || len(out) != 0 {
		t.Errorf("of nothing: %d outputs, %v", len(out), err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.Evaluate(ctx, values("x", 1), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestKeys(t *testing.T) {
	_, key := newHolder(t, phone)
	again, err := psi.ParseSecretKey(key.Bytes())
	if err != nil || !bytes.Equal(again.Public().Bytes(), key.Public().Bytes()) {
		t.Errorf("a secret key does not survive its encoding (%v)", err)
	}
	public, err := psi.ParsePublicKey(key.Public().Bytes())
	if err != nil || !bytes.Equal(public.Bytes(), key.Public().Bytes()) {
		t.Errorf("a public key does not survive its encoding (%v)", err)
	}
	long := phone
	long.Accord = strings.Repeat("x", 1025)
	if _, err := psi.NewHolder(key, long); !errors.Is(err, psi.ErrSize) {
		t.Errorf("info of 1,025 bytes: %v, want ErrSize", err)
	}
	a, err := psi.Commit(phone, public, [32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string]func() ([32]byte, error){
		"filter": func() ([32]byte, error) { return psi.Commit(phone, public, [32]byte{2}) },
		"key": func() ([32]byte, error) {
			_, other := newHolder(t, phone)
			return psi.Commit(phone, other.Public(), [32]byte{1})
		},
		"info": func() ([32]byte, error) {
			return psi.Commit(psi.Info{Accord: "accord-1", Epoch: 8, Kind: "phone", Normaliser: "phone/1"}, public, [32]byte{1})
		},
	} {
		if c, err := b(); err != nil || a == c {
			t.Errorf("commitment ignores the %s (%v)", name, err)
		}
	}
}

// A question that holds more than its asker says is refused.
func TestFits(t *testing.T) {
	_, key := newHolder(t, phone)
	for _, n := range []int{1, 2, 10, 11} {
		_, message, err := psi.NewQuestion(nil, phone, key.Public(), values("x", n), 0)
		if err != nil {
			t.Fatal(err)
		}
		for said, ok := range map[int]bool{0: false, 1: n == 1, n: true, 1000: false, 1001: false} {
			if err := psi.Fits(message, said); (err == nil) != ok || err != nil && !errors.Is(err, psi.ErrSize) {
				t.Errorf("%d values, said to be %d: %v", n, said, err)
			}
		}
	}
	if err := psi.Fits([]byte("short"), 1); !errors.Is(err, psi.ErrSize) {
		t.Errorf("what is no question: %v", err)
	}
}
