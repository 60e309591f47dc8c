package pack_test

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"parley.example/parley/internal/store"
	"parley.example/parley/internal/store/pack"
)

func full() pack.Pack {
	p := pack.Pack{First: 512, Entries: make([]store.LogEntry, pack.Size)}
	for i := range p.Entries {
		p.Entries[i].Leaf = fmt.Appendf(nil, "leaf %d", i)
		if i%3 == 0 {
			e := store.Event{Log: "log", Index: 512 + int64(i), Kind: "k", At: int64(-i), Audience: "a,b", Bytes: []byte("event"), Salt: bytes.Repeat([]byte{byte(i)}, 32)}
			p.Entries[i].Opened, p.Entries[i].Event = true, e
		}
	}
	return p
}

func TestEncode(t *testing.T) {
	b, ok := full().Encode()
	got, err := pack.Decode("log", 512, b)
	if !ok || err != nil || !reflect.DeepEqual(got, full()) {
		t.Errorf("a pack comes back as another (%v, %v)", ok, err)
	}
	if k := got.Kinds(); len(k) != 1 || k["k"] != 0 {
		t.Errorf("kinds %v", k)
	}
	short := full()
	short.Entries = short.Entries[1:]
	if _, ok := short.Encode(); ok {
		t.Error("a pack that is not full is written")
	}
	large := full()
	large.Entries[255].Leaf = make([]byte, pack.MaxBytes)
	if _, ok := large.Encode(); ok {
		t.Error("a pack over the limit is written")
	}
}

// What is damaged is named and never read as something else.
func FuzzDecode(f *testing.F) {
	b, _ := full().Encode()
	f.Add(b)
	for i := 0; i < len(b); i += 97 {
		c := bytes.Clone(b)
		c[i] ^= 4
		f.Add(c)
		f.Add(b[:i])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := pack.Decode("log", 512, b)
		if err != nil {
			if !errors.Is(err, pack.ErrDamaged) {
				t.Errorf("%v is not ErrDamaged", err)
			}
			return
		}
		again, ok := p.Encode()
		if !ok {
			return // of other, longer bytes
		}
		if q, err := pack.Decode("log", 512, again); err != nil || !reflect.DeepEqual(p, q) {
			t.Errorf("what was read is written as something else (%v)", err)
		}
	})
}
