package node_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"parley.example/parley/internal/node"
)

func TestPreviewSaysWhatEachLineAsks(t *testing.T) {
	got, err := node.PreviewMatch("phone", []string{" +92 300 1234567", "", "0092-300-1234567", "not a number", "+92 301 7654321"})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 4 || got[2].Reason == "" {
		t.Fatalf("%+v", got)
	}
	got[2].Reason = ""
	want := []node.AskedLine{
		{Line: 1, Value: "+92 300 1234567", Keys: []string{"+923001234567"}},
		{Line: 3, Value: "0092-300-1234567", Keys: []string{"+923001234567"}, First: 1},
		{Line: 4, Value: "not a number", Keys: []string{}},
		{Line: 5, Value: "+92 301 7654321", Keys: []string{"+923017654321"}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if _, err := node.PreviewMatch("nothing", []string{"x"}); !errors.Is(err, node.ErrInvalid) {
		t.Errorf("an unknown kind: %v", err)
	}
}
