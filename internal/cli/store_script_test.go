package cli_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"parley.example/parley/internal/store/pgtest"
)

// database starts a PostgreSQL server when the first script asks for one.
var database = sync.OnceValues(pgtest.Start)

// withDatabase runs tests and ends the server that they may have started.
type withDatabase struct{ *testing.M }

// Run implements testscript.TestingM.
func (m withDatabase) Run() int {
	code := m.M.Run()
	if started.Load() {
		if s, err := database(); err == nil {
			s.Stop()
		}
	}
	return code
}

var started atomic.Bool

// condition says whether the system has what a script needs: [postgres].
func condition(name string) (bool, error) {
	if name != "postgres" {
		return false, fmt.Errorf("unknown condition %q", name)
	}
	started.Store(true)
	_, err := database()
	if errors.Is(err, pgtest.ErrAbsent) {
		return false, nil
	}
	return err == nil, err
}

// postgres NAME puts the address of a database of its own into a variable.
func postgres(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: postgres NAME")
	}
	s, err := database()
	ts.Check(err)
	url, err := s.Address(pgtest.Schema(ts.Getenv("WORK") + args[0]))
	ts.Check(err)
	ts.Setenv(args[0], url)
}
