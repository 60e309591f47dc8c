package sqlite_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"parley.example/parley/internal/store"
	"parley.example/parley/internal/store/sqlite"
)

// killEnv names the database in a child that TestKill starts.
const killEnv = "PARLEY_KILL_TEST_STORE"

func TestMain(m *testing.M) {
	if path := os.Getenv(killEnv); path != "" {
		fmt.Fprintln(os.Stderr, writeForever(path))
		os.Exit(3)
	}
	os.Exit(m.Run())
}

const killWriters = 3

// writeForever appends to one log per writer and prints "writer index" after
// each Update that was acknowledged.
func writeForever(path string) error {
	s, err := sqlite.Open(path)
	if err != nil {
		return err
	}
	errs := make(chan error, killWriters)
	for w := range killWriters {
		go func() {
			for {
				n, err := appendOne(s, w)
				if err != nil {
					errs <- err
					return
				}
				fmt.Printf("%d %d\n", w, n) // one write call a line: lines stay whole
			}
		}()
	}
	return <-errs
}

func logName(w int) string { return fmt.Sprint("log", w) }

// parts is how many rows beside the leaf belong to one act.
const parts = 5

// appendOne writes one act: a leaf, its hashes, its opening, some objects and
// an outgoing copy.
func appendOne(s store.Store, w int) (n int64, err error) {
	log := logName(w)
	err = s.Update(context.Background(), func(tx store.Tx) error {
		if n, err = tx.LogSize(log); err != nil {
			return err
		}
		leaf := fmt.Appendf(nil, "%s %d", log, n)
		hashes, err := tlog.StoredHashes(n, leaf, tlog.HashReaderFunc(func(i []int64) ([]tlog.Hash, error) { return tx.ReadHashes(log, i) }))
		if err != nil {
			return err
		}
		if err := tx.AppendLeaves(log, n, [][]byte{leaf}, hashes); err != nil {
			return err
		}
		for i := range parts {
			o := store.Object{ID: fmt.Sprintf("act--%d-%d-%d", w, n, i), Type: log, Bytes: make([]byte, 700)}
			if _, err := tx.PutObject(o); err != nil {
				return err
			}
		}
		return errors.Join(
			tx.PutEvent(store.Event{Log: log, Index: n, Bytes: leaf, Salt: make([]byte, 32)}),
			tx.PutOut(store.Out{Accord: "a", To: log, Log: log, Index: n}),
		)
	})
	return n, err
}

// TestKill kills a writing process at random moments. What it acknowledged
// must be there, and every act must be whole or absent.
func TestKill(t *testing.T) {
	rounds := 12
	if testing.Short() {
		rounds = 3
	}
	path := filepath.Join(t.TempDir(), "store.db")
	acked := make([]int64, killWriters) // number of acts acknowledged
	for round := range rounds {
		killRound(t, path, acked, time.Duration(rand.IntN(250_000))*time.Microsecond)
		checkActs(t, path, acked)
		if t.Failed() {
			t.Fatalf("after kill %d", round)
		}
	}
	t.Logf("acknowledged %v over %d kills", acked, rounds)
}

func killRound(t *testing.T, path string, acked []int64, after time.Duration) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), killEnv+"="+path)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var (
		once sync.Once
		kill = func() {
			time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
		}
		in = bufio.NewReader(out)
	)
	for {
		line, err := in.ReadString('\n')
		if errors.Is(err, io.EOF) {
			break // what follows the last newline was not acknowledged
		}
		if err != nil {
			t.Fatal(err)
		}
		once.Do(kill) // the clock starts when it writes
		w, n := parseAck(t, line)
		acked[w] = max(acked[w], n+1)
	}
	_ = cmd.Wait()
	if stderr.Len() > 0 {
		t.Fatalf("child: %s", stderr.String())
	}
}

func parseAck(t *testing.T, line string) (w int, n int64) {
	t.Helper()
	a, b, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
	w, err1 := strconv.Atoi(a)
	n, err2 := strconv.ParseInt(b, 10, 64)
	if !ok || err1 != nil || err2 != nil || w < 0 || w >= killWriters {
		t.Fatalf("child printed %q", line)
	}
	return w, n
}

func checkActs(t *testing.T, path string, acked []int64) {
	t.Helper()
	s := open(t, path)
	defer s.Close()
	err := s.View(t.Context(), func(tx store.Tx) error {
		counts, err := tx.CountObjects()
		if err != nil {
			return err
		}
		for w := range killWriters {
			log := logName(w)
			size, err := tx.LogSize(log)
			if err != nil {
				return err
			}
			// Killed between COMMIT and printing, one more act may be there.
			if size < acked[w] || size > acked[w]+1 {
				t.Errorf("%s has %d acts, %d were acknowledged", log, size, acked[w])
			}
			leaves, err := tx.Leaves(log, 0, size)
			if err != nil {
				return err
			}
			events, err := tx.Events(store.EventQuery{Logs: []string{log}})
			if err != nil {
				return err
			}
			outs, err := tx.Outbox("a", log)
			if err != nil {
				return err
			}
			if int64(len(leaves)) != size || int64(len(events)) != size || int64(len(outs)) != size || counts[log] != size*parts {
				t.Errorf("%s: size %d, %d leaves, %d events, %d outgoing, %d objects", log, size, len(leaves), len(events), len(outs), counts[log])
			}
			read := tlog.HashReaderFunc(func(i []int64) ([]tlog.Hash, error) { return tx.ReadHashes(log, i) })
			root, err := tlog.TreeHash(size, read)
			if err != nil {
				return err
			}
			if size > 0 {
				proof, err := tlog.ProveRecord(size, size-1, read)
				if err != nil {
					return err
				}
				if err := tlog.CheckRecord(proof, size, root, size-1, tlog.RecordHash(leaves[size-1])); err != nil {
					t.Errorf("%s: %v", log, err)
				}
			}
			acked[w] = size
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
