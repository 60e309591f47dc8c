package postgres

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/mod/sumdb/tlog"

	"parley.example/parley/internal/store"
	"parley.example/parley/internal/store/pgtest"
	"parley.example/parley/internal/store/sqlite"
)

// ServerOf is the server that TestMain started.
var ServerOf func() *pgtest.Server

func openNew(t *testing.T, o Options) (*Store, string) {
	t.Helper()
	url := ServerOf().URL(t, pgtest.Schema(t.Name()))
	s, err := Open(t.Context(), url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil && !errors.Is(err, store.ErrClosed) {
			t.Error(err)
		}
	})
	return s, url
}

func put(id string) func(store.Tx) error {
	return func(tx store.Tx) error { return tx.PutDoc("k", id, []byte(id)) }
}

func held(t *testing.T, s *Store) map[string]bool {
	t.Helper()
	ids := make(map[string]bool)
	err := s.View(context.Background(), func(tx store.Tx) error {
		docs, err := tx.ListDocs("k")
		for _, d := range docs {
			ids[d.ID] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

// What became of a commit whose answer was lost is looked up.
func TestLostAnswer(t *testing.T) {
	for _, committed := range []bool{true, false} {
		s, _ := openNew(t, Options{})
		w := s.s
		if err := w.Begin(); err != nil {
			t.Fatal(err)
		}
		id := fmt.Sprint(committed)
		if err := put(id)(w.Tx()); err != nil {
			t.Fatal(err)
		}
		if committed {
			if err := w.Commit(); err != nil {
				t.Fatal(err)
			}
		} else {
			w.group++
		}
		err := w.outcome(errors.New("cut"))
		if (err == nil) != committed || errors.Is(err, store.ErrUncertain) {
			t.Errorf("committed %t: told %v", committed, err)
		}
		if held(t, s)[id] != committed {
			t.Errorf("committed %t: held %v", committed, held(t, s))
		}
		if err := s.Update(t.Context(), put("next")); err != nil {
			t.Errorf("the next update: %v", err)
		}
	}
}

// Where the server stays away, the outcome is uncertain, and nothing more is written.
func TestUncertain(t *testing.T) {
	s, _ := openNew(t, Options{})
	w := s.s
	if err := w.Begin(); err != nil {
		t.Fatal(err)
	}
	connect := w.connect
	w.connect = func(context.Context) (*pgx.Conn, error) { return nil, errors.New("no route") }
	w.patience = time.Millisecond
	if err := w.outcome(errors.New("cut")); !errors.Is(err, store.ErrUncertain) {
		t.Errorf("told %v, want ErrUncertain", err)
	}
	w.connect = connect
	if err := s.Update(t.Context(), put("x")); !errors.Is(err, store.ErrUncertain) {
		t.Errorf("a further update: %v, want ErrUncertain", err)
	}
}

// A server that crashes in full traffic and comes back loses nothing that was
// acknowledged, keeps nothing that was refused, and the store goes on by itself.
func TestServerCrashes(t *testing.T) {
	s, _ := openNew(t, Options{})
	var mu sync.Mutex
	said := make(map[string]error)
	stop := make(chan struct{})
	some := make(chan struct{}, 1)
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				id := fmt.Sprintf("%d-%d", w, i)
				err := s.Update(context.Background(), put(id))
				mu.Lock()
				said[id] = err
				mu.Unlock()
				select {
				case some <- struct{}{}:
				default:
				}
			}
		})
	}
	for range 3 {
		for range 20 { // updates end
			<-some
		}
		ServerOf().Kill()
		if err := ServerOf().Up(); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	wg.Wait()
	ids, good := held(t, s), 0
	for id, err := range said {
		switch {
		case err == nil && !ids[id]:
			t.Errorf("%s was acknowledged and is lost", id)
		case err != nil && ids[id] && !errors.Is(err, store.ErrUncertain):
			t.Errorf("%s was refused and is kept: %v", id, err)
		case err == nil:
			good++
		}
	}
	if good < 60 {
		t.Errorf("only %d of %d updates were acknowledged", good, len(said))
	}
	if err := s.Update(context.Background(), put("after")); err != nil {
		t.Errorf("an update after the crashes: %v", err)
	}
}

// Two processes over one database give out every Added once, in commit order.
func TestTwoWriters(t *testing.T) {
	a, url := openNew(t, Options{})
	b, err := Open(t.Context(), url, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	var wg sync.WaitGroup
	for i, s := range []*Store{a, b} {
		wg.Go(func() {
			for n := range 50 {
				err := s.Update(context.Background(), func(tx store.Tx) error {
					_, err := tx.PutObject(store.Object{ID: fmt.Sprintf("x--%d-%d", i, n), Type: "x"})
					return err
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	err = a.View(t.Context(), func(tx store.Tx) error {
		page, _, err := tx.ListObjects(store.ObjectQuery{})
		last := int64(0)
		for _, o := range page {
			if o.Added <= last {
				t.Errorf("%s was added at %d after %d", o.ID, o.Added, last)
			}
			last = o.Added
		}
		if len(page) != 100 {
			t.Errorf("%d objects, want 100", len(page))
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// A store that wants its database alone has it alone, and again after its
// connection was cut.
func TestSole(t *testing.T) {
	a, url := openNew(t, Options{Sole: true})
	if _, err := Open(t.Context(), url, Options{Sole: true}); !errors.Is(err, ErrTaken) {
		t.Fatalf("a second process: %v, want ErrTaken", err)
	}
	_ = a.s.c.Close(t.Context())
	if err := a.Update(t.Context(), put("x")); err != nil {
		t.Errorf("after a cut: %v", err)
	}
	if _, err := Open(t.Context(), url, Options{Sole: true}); !errors.Is(err, ErrTaken) {
		t.Errorf("a second process after a cut: %v, want ErrTaken", err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := Open(t.Context(), url, Options{Sole: true})
	if err != nil {
		t.Fatalf("once it is free: %v", err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

// A database that is not Parley's, or of a newer program, is left alone.
func TestForeignSchemas(t *testing.T) {
	s, url := openNew(t, Options{})
	if _, err := s.s.c.Exec(t.Context(), "UPDATE parley_schema SET version = 99"); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), url, Options{}); err == nil || !strings.Contains(err.Error(), "newer") {
		t.Errorf("a newer schema: %v", err)
	}
	if _, err := s.s.c.Exec(t.Context(), "ALTER TABLE parley_schema RENAME TO other"); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), url, Options{}); err == nil || !strings.Contains(err.Error(), "not Parley's") {
		t.Errorf("a schema of something else: %v", err)
	}
	if _, err := Open(t.Context(), strings.Replace(url, "search_path=", "search_path=absent", 1), Options{}); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("a schema that does not exist: %v", err)
	}
}

// A store goes from one backend to the other and back without a difference.
func TestMoves(t *testing.T) {
	ctx := t.Context()
	from, err := sqlite.Open(filepath.Join(t.TempDir(), "a.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	for i := range 3 {
		err := from.Update(ctx, func(tx store.Tx) error {
			id := fmt.Sprintf("n\x00%d'ä", i)
			_, err := tx.PutObject(store.Object{ID: "o", Type: "t", Version: int64(i), Bytes: []byte(id)})
			return errors.Join(err, tx.PutDoc("k", id, nil), tx.PutOut(store.Out{To: id, Log: "l", Index: int64(i)}),
				tx.PutEvent(store.Event{Log: id, Bytes: []byte{0, 1}}), tx.PutSelector("phone", id, id), tx.PutIn(store.In{ID: id}),
				tx.PutIncident(store.Incident{ID: id, Lat: 0.1, Lon: -1e-300}), tx.PutBody([32]byte{byte(i)}, []byte(id)),
				tx.PutStatus(store.Status{ID: id}), tx.PutCard(store.Card{Party: id}), tx.PutCheckpoint(store.Checkpoint{Log: id, Size: 1}))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	err = from.Update(ctx, func(tx store.Tx) error {
		const n = 300 // more than a pack
		return errors.Join(tx.Delivered("l", 1, "n\x001'ä", 7), tx.AppendLeaves("l", 0, make([][]byte, n), make([]tlog.Hash, tlog.StoredHashCount(n)),
			store.Event{Log: "l", Index: 7, Kind: "k\x00ä", Bytes: []byte{0}}, store.Event{Log: "l", Index: 280}))
	})
	if err != nil {
		t.Fatal(err)
	}
	s, _ := openNew(t, Options{})
	if err := s.Load(ctx, from); err != nil {
		t.Fatal(err)
	}
	if err := s.Load(ctx, from); err == nil {
		t.Error("a store that holds something is filled once more")
	}
	back, err := sqlite.Open(filepath.Join(t.TempDir(), "b.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer back.Close()
	if err := back.Load(ctx, s); err != nil {
		t.Fatal(err)
	}
	var all []store.Contents
	for _, d := range []store.Dumper{from, s, back} {
		c, err := store.ContentsOf(ctx, d)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	if all[0].Digest != all[1].Digest || all[0].Digest != all[2].Digest {
		t.Errorf("contents differ: %v", all)
	}
	for _, tab := range store.Tables {
		if all[0].Rows[tab.Name] == 0 {
			t.Errorf("%s has no row in this test", tab.Name)
		}
	}
	// It goes on where it was: what is given out next follows.
	err = s.Update(ctx, func(tx store.Tx) error {
		_, err := tx.PutObject(store.Object{ID: "p", Type: "t"})
		return errors.Join(err, tx.PutOut(store.Out{To: "new", Log: "l", Index: 9}), tx.PutEvent(store.Event{Log: "another log"}))
	})
	if err != nil {
		t.Errorf("the first update after the move: %v", err)
	}
}

// contend makes a lease of a database of its own name and says whether it was won.
func contend(t *testing.T, url, address string) (*Lease, bool, string) {
	t.Helper()
	l, err := NewLease(t.Context(), url, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	won, leader, err := l.Try(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return l, won, leader
}

// silence makes the database believe that the leader has not been heard for long.
func silence(t *testing.T, s *Store) {
	t.Helper()
	if _, err := s.views.Exec(t.Context(), "UPDATE lease SET renewed = 'epoch'"); err != nil {
		t.Fatal(err)
	}
}

// One process leads. One that was silent too long is followed, even in the middle of
// a transaction that holds the lock, and writes, signs and reads nothing more.
func TestLease(t *testing.T) {
	url := ServerOf().URL(t, pgtest.Schema(t.Name()))
	one, won, _ := contend(t, url, "first:1")
	if !won {
		t.Fatal("nobody leads, and the lead was not to be had")
	}
	a, err := Open(t.Context(), url, Options{Lease: one})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if err := a.Update(t.Context(), put("before")); err != nil {
		t.Fatal(err)
	}
	if err := one.PutFile(t.Context(), File{Name: "f", Version: 1, Body: []byte("one")}); err != nil {
		t.Fatal(err)
	}
	two, won, leader := contend(t, url, "second:2")
	if won || leader != "first:1" {
		t.Fatalf("a second process: won %t, leader %q", won, leader)
	}
	one.stop() // as if the process were stopped: no renewal any more
	one.done.Wait()
	halfway, went := make(chan error), make(chan struct{})
	go func() {
		halfway <- a.Update(context.Background(), func(tx store.Tx) error {
			err := put("half")(tx)
			silence(t, a)
			won, _, terr := two.Try(context.Background())
			if terr != nil || !won {
				t.Errorf("the leader is silent: won %t, %v", won, terr)
			}
			close(went)
			return err
		})
	}()
	<-went
	if err := <-halfway; err == nil {
		t.Error("what a former leader was about to write was acknowledged")
	}
	if err := a.Update(t.Context(), put("late")); !errors.Is(err, ErrFenced) {
		t.Errorf("a former leader writes: %v, want ErrFenced", err)
	}
	if err := one.PutFile(t.Context(), File{Name: "f", Version: 2, Body: []byte("late")}); !errors.Is(err, ErrFenced) {
		t.Errorf("a former leader keeps a file: %v, want ErrFenced", err)
	}
	if err := a.View(t.Context(), func(store.Tx) error { return nil }); !errors.Is(err, ErrFenced) {
		t.Errorf("a former leader reads: %v, want ErrFenced", err)
	}
	select {
	case <-a.Lost():
	default:
		t.Error("the former leader was not told")
	}
	b, err := Open(t.Context(), url, Options{Lease: two})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := b.Update(t.Context(), put("after")); err != nil {
		t.Fatal(err)
	}
	if got := held(t, b); !got["before"] || !got["after"] || got["half"] || got["late"] {
		t.Errorf("held: %v", got)
	}
	files, err := two.Files(t.Context(), 0)
	if err != nil || len(files) != 1 || string(files[0].Body) != "one" {
		t.Errorf("files: %v, %v", files, err)
	}
}

// A leader that ends, or whose connections end with it, is followed at once; one
// whose connection alone was cut goes on if nobody was faster.
func TestLeaseOfTheDead(t *testing.T) {
	url := ServerOf().URL(t, pgtest.Schema(t.Name()))
	one, _, _ := contend(t, url, "first:1")
	two, won, _ := contend(t, url, "second:2")
	if won {
		t.Fatal("two lead")
	}
	one.mu.Lock()
	token := one.token
	_ = one.c.Close(t.Context())
	one.mu.Unlock()
	for { // the server notices, or the first one is back before
		select {
		case <-one.Lost():
			t.Fatal("lost to nobody")
		default:
		}
		if err := one.PutFile(t.Context(), File{Name: "f", Version: 1}); err == nil {
			break
		}
	}
	if err := one.Close(); err != nil {
		t.Fatal(err)
	}
	if won, _, err := two.Try(t.Context()); err != nil || !won || two.token <= token {
		t.Errorf("after the leader ended: won %t with token %d after %d, %v", won, two.token, token, err)
	}
}
