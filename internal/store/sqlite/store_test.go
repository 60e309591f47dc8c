package sqlite_test

import (
	"testing"

	"go.uber.org/goleak"

	"parley.example/parley/internal/store"
	"parley.example/parley/internal/store/sqlite"
	"parley.example/parley/internal/store/storetest"
)

func open(t *testing.T, path string) store.Store {
	t.Helper()
	s, err := sqlite.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestContract(t *testing.T) {
	defer goleak.VerifyNone(t)
	storetest.Run(t, open)
}
