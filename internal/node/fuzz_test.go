package node_test

import (
	"encoding/json"
	"testing"

	"parley.example/parley/internal/node"
)

func FuzzParseDraft(f *testing.F) {
	f.Add([]byte(`{"title":"Border","members":["south"],"purposes":["x"],"effective":"2026-01-01T00:00:00Z"}`))
	f.Add([]byte(`{"title":"a","title":"b"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := node.ParseDraft(b)
		if err != nil {
			return
		}
		again, err := json.Marshal(d)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		if _, err := node.ParseDraft(again); err != nil {
			t.Errorf("what was read and written does not read: %v\n%s", err, again)
		}
	})
}
