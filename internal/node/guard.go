package node

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/mod/sumdb/tlog"

	"parley.example/parley/ledger"
)

// ErrRestored reports that the database is older than the last tree this node
// signed: it was restored from a backup. Signing on would fork our own log.
var ErrRestored = errors.New("the database is older than the last signed checkpoint (was it restored from a backup?); refusing to sign")

// guard remembers, for each of our logs, the last tree that we signed. It is
// kept in files outside the database and outside backups, and written durably
// before a signature exists, so that this node never signs two trees of one
// size, whatever happens to the database.
type guard struct {
	dir   string
	files *commonFiles
	mu    sync.Mutex // serialises signing

	known sync.Mutex
	trees map[string]signedTree // what the files say; guarded by known
}

type signedTree struct {
	Log  string    `json:"log"`
	Size int64     `json:"size"`
	Root tlog.Hash `json:"root"`
}

func (g *guard) file(log string) string {
	sum := sha256.Sum256([]byte(log))
	return filepath.Join(g.dir, hex.EncodeToString(sum[:16])+".json")
}

// last is the tree of a log that was signed last; ok is false where none is
// known.
func (g *guard) last(log string) (t signedTree, ok bool, err error) {
	g.known.Lock()
	defer g.known.Unlock()
	if t, ok = g.trees[log]; ok {
		return t, t.Size > 0, nil
	}
	b, err := os.ReadFile(g.file(log))
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return t, false, fmt.Errorf("reading the signing state: %w", err)
	default:
		if err := json.Unmarshal(b, &t); err != nil || t.Log != log {
			return t, false, fmt.Errorf("signing state %s is damaged; refusing to sign", g.file(log))
		}
	}
	if g.trees == nil {
		g.trees = make(map[string]signedTree)
	}
	g.trees[log] = t
	return t, t.Size > 0, nil
}

// all lists the trees that were signed last, of every log.
func (g *guard) all() ([]signedTree, error) {
	names, err := filepath.Glob(filepath.Join(g.dir, "*.json"))
	if err != nil {
		return nil, err
	}
	var out []signedTree
	for _, name := range names {
		var t signedTree
		b, err := os.ReadFile(name)
		if err == nil {
			err = json.Unmarshal(b, &t)
		}
		if err != nil {
			return nil, fmt.Errorf("reading the signing state %s: %w", name, err)
		}
		out = append(out, t)
	}
	return out, nil
}

// put records a tree, durably, before it is signed. The caller holds mu.
func (g *guard) put(t signedTree) error {
	b, err := json.Marshal(t)
	if err != nil {
		return err
	}
	if err := g.files.write(g.file(t.Log), append(b, '\n')); err != nil {
		return err
	}
	g.known.Lock()
	defer g.known.Unlock()
	if g.trees == nil {
		g.trees = make(map[string]signedTree)
	}
	g.trees[t.Log] = t
	return nil
}

// advance records that tree is about to be signed. r must read the log's
// hashes: the tree signed last must be a prefix of what the database holds.
// The caller holds mu.
func (g *guard) advance(log string, tree ledger.Tree, r ledger.HashReader) error {
	last, ok, err := g.last(log)
	if err != nil {
		return err
	}
	if ok {
		if last.Size > tree.N {
			return fmt.Errorf("log %s has %d entries, signed were %d: %w", log, tree.N, last.Size, ErrRestored)
		}
		then, err := ledger.TreeAt(last.Size, r)
		if err != nil {
			return err
		}
		if then.Hash != last.Root {
			return fmt.Errorf("log %s differs from what was signed at size %d: %w", log, last.Size, ErrRestored)
		}
		if last.Size == tree.N {
			return nil
		}
	}
	return g.put(signedTree{log, tree.N, tree.Hash})
}
