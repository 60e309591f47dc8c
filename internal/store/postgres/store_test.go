package postgres_test

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"parley.example/parley/internal/store"
	"parley.example/parley/internal/store/pgtest"
	"parley.example/parley/internal/store/postgres"
	"parley.example/parley/internal/store/sqlite"
	"parley.example/parley/internal/store/storetest"
)

var server *pgtest.Server

func TestMain(m *testing.M) {
	var err error
	server, err = pgtest.Start()
	if errors.Is(err, pgtest.ErrAbsent) {
		fmt.Println("skipped: the tests of internal/store/postgres:", err)
		os.Exit(0)
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	postgres.ServerOf = func() *pgtest.Server { return server }
	code := m.Run()
	server.Stop()
	os.Exit(code)
}

// open opens the store that stands for a path. A backup, which is a SQLite store,
// is first read into it.
func open(t *testing.T, path string) store.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), server.URL(t, pgtest.Schema(path)), postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		return s
	}
	if c, err := store.ContentsOf(t.Context(), s); err != nil {
		t.Fatal(err)
	} else if c.Rows["docs"] > 0 {
		return s // read in before
	}
	from, err := sqlite.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Load(t.Context(), from), from.Close()); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestContract(t *testing.T) {
	defer goleak.VerifyNone(t)
	storetest.Run(t, open)
}
