package node

import "testing"

func FuzzReadManifest(f *testing.F) {
	f.Add([]byte(`{"5f0c9a3e-0000-4000-8000-000000000001":{"timestamp":"1714550000"},"x":{"timestamp":1}}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		events, err := readManifest(b)
		for i, e := range events {
			if err != nil || i > 0 && events[i-1].time > e.time {
				t.Errorf("%+v, %v", events, err)
			}
			if e.err == nil && len(e.id) != 36 {
				t.Errorf("%q is taken for a UUID", e.id)
			}
		}
	})
}
