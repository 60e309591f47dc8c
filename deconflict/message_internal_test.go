package deconflict

import (
	"bytes"
	"testing"
)

func FuzzParseMessage(f *testing.F) {
	f.Add(message{list: []byte("a"), seal: []byte("b"), sheet: []byte("c"), box: []byte("d")}.marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := parseMessage(b); err == nil && !bytes.Equal(m.marshal(), b) {
			t.Error("a message has two spellings")
		}
	})
}
