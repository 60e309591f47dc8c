package psi_test

import (
	"bytes"
	"testing"

	"parley.example/parley/psi"
)

func FuzzAnswer(f *testing.F) {
	h, key := newHolder(f, phone)
	for _, n := range []int{1, 10} {
		_, msg, err := psi.NewQuestion(nil, phone, key.Public(), values("x", n), 0)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(msg)
	}
	f.Fuzz(func(t *testing.T, msg []byte) {
		answer, err := h.Answer(nil, msg)
		if err != nil && !known(err) {
			t.Errorf("unknown error: %v", err)
		}
		if err == nil && len(answer) != len(msg)+64 {
			t.Errorf("%d bytes answer %d", len(answer), len(msg))
		}
	})
}

func FuzzFinalize(f *testing.F) {
	h, key := newHolder(f, phone)
	q, msg, err := psi.NewQuestion(nil, phone, key.Public(), values("x", 2), 0)
	if err != nil {
		f.Fatal(err)
	}
	answer, err := h.Answer(nil, msg)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(answer)
	f.Fuzz(func(t *testing.T, data []byte) {
		out, err := q.Finalize(data)
		if err == nil && !bytes.Equal(data, answer) {
			// Only the same elements with another proof could verify, and the
			// fuzzer does not know the key.
			t.Errorf("a forged answer gives %x", out)
		}
		if err != nil && !known(err) {
			t.Errorf("unknown error: %v", err)
		}
	})
}

func FuzzQuestionState(f *testing.F) {
	_, key := newHolder(f, phone)
	q, _, err := psi.NewQuestion(nil, phone, key.Public(), values("x", 2), 0)
	if err != nil {
		f.Fatal(err)
	}
	state, err := q.MarshalBinary()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(state)
	f.Fuzz(func(t *testing.T, data []byte) {
		var q psi.Question
		if err := q.UnmarshalBinary(data); err != nil {
			if !known(err) {
				t.Errorf("unknown error: %v", err)
			}
			return
		}
		again, err := q.MarshalBinary()
		if err != nil || !bytes.Equal(again, data) {
			t.Errorf("%x comes back as %x (%v)", data, again, err)
		}
	})
}

func FuzzOpenFilter(f *testing.F) {
	h, _ := newHolder(f, phone)
	for _, n := range []int{1, 5, 70} {
		b, err := h.Filter(randomOutputs("x", n), n)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	probe := randomOutputs("probe", 100)
	f.Fuzz(func(t *testing.T, data []byte) {
		filter, err := psi.OpenFilter(data)
		if err != nil {
			if !known(err) {
				t.Errorf("unknown error: %v", err)
			}
			return
		}
		for _, o := range probe {
			filter.Contains(o)
		}
	})
}

func FuzzParsePublicKey(f *testing.F) {
	for _, b := range badElements {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := psi.ParsePublicKey(data)
		if err == nil && !bytes.Equal(p.Bytes(), data) {
			t.Errorf("%x comes back as %x", data, p.Bytes())
		}
	})
}
