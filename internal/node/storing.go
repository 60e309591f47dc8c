package node

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"parley.example/parley/internal/store"
	"parley.example/parley/internal/store/postgres"
	"parley.example/parley/internal/store/sqlite"
)

// databaseFile is the SQLite store in a node's folder.
const databaseFile = "parley.db"

// backend is a store that can move.
type backend interface {
	store.Store
	store.Dumper
	store.Loader
}

// openStore opens the database that a configuration names.
func openStore(ctx context.Context, dir, address string) (backend, error) {
	if address == "" {
		return sqlite.Open(filepath.Join(dir, databaseFile))
	}
	if err := checkStore(address); err != nil {
		return nil, err
	}
	return postgres.Open(ctx, address, postgres.Options{Sole: true})
}

// openLed opens the database that a configuration names, by the lease of a process
// that leads, or alone; lost is closed when another process leads.
func openLed(ctx context.Context, dir, address string, s *Standby) (st store.Store, lost <-chan struct{}, err error) {
	if s != nil {
		if p, err := postgres.Open(ctx, address, postgres.Options{Lease: s.lease}); err == nil {
			return p, p.Lost(), nil
		} else {
			return nil, nil, err
		}
	}
	b, err := openStore(ctx, dir, address)
	if p, ok := b.(*postgres.Store); ok && err == nil {
		lost = p.Lost()
	}
	return b, lost, err
}

func checkStore(address string) error {
	if u, err := url.Parse(address); err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return fmt.Errorf("%w: the database address has to look like postgres://USER@HOST:PORT/DATABASE?search_path=SCHEMA", ErrInvalid)
	}
	return nil
}

// storeName names a database for people, without its password.
func storeName(address string) string {
	u, err := url.Parse(address)
	if address == "" || err != nil {
		return "sqlite"
	}
	return u.Redacted()
}

// StoreMove is what MoveStore did.
type StoreMove struct {
	From   string           `json:"from"` // without passwords
	To     string           `json:"to"`
	Rows   map[string]int64 `json:"rows"`   // by table
	Digest string           `json:"digest"` // SHA-256 over all rows, the same on both sides
	// Kept is the database that is not used any more, for a person to remove.
	Kept string `json:"kept"`
}

// MoveStore moves the database of a node that does not run: to PostgreSQL at an
// address, or back into the node's folder where to is "sqlite". Both are read whole
// and compared before the node is told to use the new one; until then the old one
// stands, and a move that was cut off is done again. What was moved stays where it
// was and is not used any more.
func MoveStore(ctx context.Context, dir, to string) (out StoreMove, err error) {
	if to == "sqlite" {
		to = ""
	} else if err := checkStore(to); err != nil {
		return out, err
	}
	cfg, err := loadConfig(dir)
	if err != nil {
		return out, err
	}
	lock, err := lockFolder(dir)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if out.From, out.To = storeName(cfg.Store), storeName(to); out.From == out.To {
		return out, fmt.Errorf("%w: the node's database is there already", ErrInvalid)
	}
	file := filepath.Join(dir, databaseFile)
	if to == "" { // a file of before is never taken for the new one
		if _, err := os.Stat(file); err == nil {
			return out, fmt.Errorf("%w: %s exists; move it away first", ErrInvalid, file)
		}
	} else if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) && cfg.Store == "" {
		return out, fmt.Errorf("%w: %s does not exist", ErrNotFound, file)
	}
	work := dir
	if to == "" {
		if work, err = os.MkdirTemp(dir, movePattern); err != nil {
			return out, err
		}
		defer os.RemoveAll(work)
	}
	from, err := openStore(ctx, dir, cfg.Store)
	if err != nil {
		return out, fmt.Errorf("opening the database to move: %w", err)
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	if err := fill(ctx, work, to, from, &out); err != nil {
		return out, err
	}
	if to == "" {
		if err := os.Rename(filepath.Join(work, databaseFile), file); err != nil {
			return out, err
		}
	}
	out.Kept = storeName(cfg.Store)
	cfg.Store = to
	if err := writeConfig(dir, cfg); err != nil {
		return out, err
	}
	if to != "" && out.Kept == "sqlite" {
		out.Kept = file + ".moved"
		return out, os.Rename(file, out.Kept)
	}
	return out, nil
}

// fill loads one store from another and compares the two.
func fill(ctx context.Context, dir, to string, from backend, out *StoreMove) (err error) {
	s, err := openStore(ctx, dir, to)
	if err != nil {
		return fmt.Errorf("opening the database to move to: %w", err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	want, err := store.ContentsOf(ctx, from)
	if err != nil {
		return fmt.Errorf("reading the database to move: %w", err)
	}
	got, err := store.ContentsOf(ctx, s)
	if err == nil && got.Digest != want.Digest { // else it was filled by a move that was cut off
		if err = s.Load(ctx, from); err == nil {
			got, err = store.ContentsOf(ctx, s)
		}
	}
	if err != nil {
		return fmt.Errorf("filling the new database: %w", err)
	}
	if got.Digest != want.Digest {
		return errors.New("the new database does not hold what the old one does; the node goes on with the old one")
	}
	out.Rows, out.Digest = want.Rows, hex.EncodeToString(want.Digest[:])
	return nil
}

// tryStore sees that a new node's database can be opened and holds nothing.
func tryStore(ctx context.Context, address string) error {
	if address == "" {
		return nil
	}
	s, err := openStore(ctx, "", address)
	if err != nil {
		return err
	}
	c, err := store.ContentsOf(ctx, s)
	if err == nil && c.Rows["docs"]+c.Rows["cards"] > 0 {
		err = fmt.Errorf("%w: the database at %s holds a node's data already", ErrInvalid, strings.TrimSpace(storeName(address)))
	}
	return errors.Join(err, s.Close())
}
