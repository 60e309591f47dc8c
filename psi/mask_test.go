package psi_test

import (
	"bytes"
	"testing"

	"parley.example/parley/psi"
)

func FuzzParseMask(f *testing.F) {
	f.Add(make([]byte, 32))
	f.Add(bytes.Repeat([]byte{0x11}, 32))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := psi.ParseMask(b)
		if err != nil {
			return
		}
		if !bytes.Equal(m.Bytes(), b) {
			t.Error("a mask has two spellings")
		}
		if _, err := psi.CheckMask(b, m.Public()); err != nil {
			t.Errorf("a mask does not match its own public half: %v", err)
		}
	})
}
