package node

import (
	"context"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/chacha20poly1305"

	"parley.example/parley/internal/store/postgres"
	"parley.example/parley/ledger"
)

// commonFiles are what the folders of a party's processes have in common: the keys
// that rotate, what was signed last, as party and as witness, and the policy. What the
// leader writes is durable in its folder and, sealed, in the database before the call
// returns; the others take it from there, the next leader before it does anything. A
// file is only ever replaced by a later version, so that a database that was restored
// does not bring an old one back. A node of one process writes its folder through it too;
// a nil *commonFiles leaves everything open.
type commonFiles struct {
	dir   string
	vault *vault          // seals what is secret in the folder; nil: nothing does
	lease *postgres.Lease // nil: there is one process, and nothing is in common
	seal  cipher.AEAD

	mu     sync.Mutex
	known  map[string]commonFile // by name; kept in commonIndex
	newest int64                 // version
}

// commonFile is what is known of one file.
type commonFile struct {
	Version int64  `json:"version"`
	Sum     string `json:"sum"` // SHA-256, hex; "" where it was removed
}

// commonIndex keeps the versions of the files in a folder.
const commonIndex = "common.json"

// derive gives a key that every process of the party has: copy.key never changes.
func derive(k keys, what string, size int) ([]byte, error) {
	return hkdf.Key(sha256.New, k.copy, nil, "parley processes 1 "+what, size)
}

// peerKey is the key by which the party's processes know each other.
func peerKey(k keys) (ed25519.PrivateKey, error) {
	seed, err := derive(k, "line", ed25519.SeedSize)
	if err != nil {
		return nil, err
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

func newCommonFiles(dir string, k keys, v *vault, lease *postgres.Lease) (*commonFiles, error) {
	c := &commonFiles{dir: dir, vault: v, lease: lease, known: make(map[string]commonFile)}
	key, err := derive(k, "files", chacha20poly1305.KeySize)
	if err != nil {
		return nil, err
	}
	if c.seal, err = chacha20poly1305.NewX(key); err != nil {
		return nil, err
	}
	b, err := os.ReadFile(filepath.Join(dir, commonIndex))
	if err == nil {
		err = json.Unmarshal(b, &c.known)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s in %s is damaged: remove it on a process that does not lead, and start that again: %w", commonIndex, dir, err)
	}
	for _, f := range c.known {
		c.newest = max(c.newest, f.Version)
	}
	return c, nil
}

// inCommon says whether a file is one of those in common.
func inCommon(name string) bool {
	folder, rest, ok := strings.Cut(name, "/")
	switch {
	case !ok || strings.HasPrefix(filepath.Base(name), ".") || !filepath.IsLocal(name):
		return false
	case folder == keysFolder:
		return rest != rootFile && rest != custodyFile && rest != "copy.key" && rest != vaultFile
	case folder == policyFolder:
		return strings.HasSuffix(rest, ".cedar")
	}
	return folder == guardFolder
}

// write writes a file as writeFile does, in common.
func (c *commonFiles) write(path string, b []byte) error {
	if c == nil {
		return writeFile(path, b)
	}
	if err := c.vault.write(path, b); err != nil || c.lease == nil {
		return err
	}
	return c.push(path, b)
}

// shared says whether there are other processes.
func (c *commonFiles) shared() bool { return c != nil && c.lease != nil }

// read reads a file of the folder, opening it where it is sealed.
func (c *commonFiles) read(path string) ([]byte, error) {
	if c == nil {
		return os.ReadFile(path)
	}
	return c.vault.read(path)
}

// replace writes a file that is this process's alone, and overwrites what stood in it.
func (c *commonFiles) replace(path string, b []byte) error { return c.vault.replace(path, b) }

// root reads the long-term key.
func (c *commonFiles) root() (ledger.Key, error) { return rootKey(c.dir, c.vault) }

// remove removes a file, in common.
func (c *commonFiles) remove(path string) error {
	if err := os.Remove(path); err != nil || !c.shared() {
		return err
	}
	return c.push(path, nil)
}

// push puts a file as it now is into the database; nil is a file that was removed.
func (c *commonFiles) push(path string, b []byte) error {
	name, err := filepath.Rel(c.dir, path)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pushLocked(filepath.ToSlash(name), b)
}

func (c *commonFiles) pushLocked(name string, b []byte) error {
	f := postgres.File{Name: name, Version: c.newest + 1}
	if b != nil {
		nonce := make([]byte, c.seal.NonceSize())
		if _, err := rand.Read(nonce); err != nil {
			return err
		}
		f.Body = c.seal.Seal(nonce, nonce, b, sealedAs(f))
	}
	if err := c.lease.PutFile(context.Background(), f); err != nil {
		return fmt.Errorf("keeping %s for the other processes: %w", name, err)
	}
	c.newest = f.Version
	c.known[name] = commonFile{f.Version, commonSum(b)}
	return c.note()
}

func (c *commonFiles) note() error {
	b, err := json.Marshal(c.known)
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(c.dir, commonIndex), b)
}

// sealedAs binds a sealed file to its name and version.
func sealedAs(f postgres.File) []byte {
	return binary.BigEndian.AppendUint64([]byte(f.Name+"\n"), uint64(f.Version))
}

func commonSum(b []byte) string {
	if b == nil {
		return ""
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// pull takes in what the leader wrote since.
func (c *commonFiles) pull(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pullSince(ctx, c.newest)
}

func (c *commonFiles) pullSince(ctx context.Context, since int64) error {
	files, err := c.lease.Files(ctx, since)
	if err != nil || len(files) == 0 {
		return err
	}
	for _, f := range files {
		c.newest = max(c.newest, f.Version)
		if f.Version <= c.known[f.Name].Version {
			continue
		}
		if !inCommon(f.Name) {
			return fmt.Errorf("the database names %q as a file in common: refused", clip(f.Name))
		}
		path := filepath.Join(c.dir, filepath.FromSlash(f.Name))
		var b []byte
		if f.Body == nil {
			if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		} else {
			n := c.seal.NonceSize()
			if len(f.Body) < n {
				return fmt.Errorf("file %s in the database is damaged", f.Name)
			}
			if b, err = c.seal.Open([]byte{}, f.Body[:n], f.Body[n:], sealedAs(f)); err != nil {
				return fmt.Errorf("file %s in the database was not written by a process of this party: %w", f.Name, err)
			}
			if err := c.vault.write(path, b); err != nil {
				return err
			}
		}
		c.known[f.Name] = commonFile{f.Version, commonSum(b)}
	}
	return c.note()
}

// settle brings the folder and the database of a process that now leads together: the
// later version of each file, and for what was changed here by hand, or is not known
// to the database, that.
func (c *commonFiles) settle(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.pullSince(ctx, 0); err != nil {
		return err
	}
	held, err := c.lease.Files(ctx, 0)
	if err != nil {
		return err
	}
	there := make(map[string]int64, len(held))
	for _, f := range held {
		there[f.Name] = f.Version
	}
	return c.offer([]string{keysFolder, guardFolder, policyFolder}, func(name string) bool { return there[name] != c.known[name].Version })
}

// changed tells the others of policy files that a person changed in the leader's
// folder.
func (c *commonFiles) changed() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.offer([]string{policyFolder}, func(name string) bool { return false })
}

// offer pushes the files in folders that differ from what is known of them, and those for which
// must says so.
func (c *commonFiles) offer(folders []string, must func(name string) bool) error {
	var names []string
	for _, folder := range folders {
		err := filepath.WalkDir(filepath.Join(c.dir, folder), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			name, err := filepath.Rel(c.dir, path)
			if name = filepath.ToSlash(name); err == nil && inCommon(name) {
				names = append(names, name)
			}
			return err
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	for name, f := range c.known {
		folder, _, _ := strings.Cut(name, "/")
		if f.Sum != "" && slices.Contains(folders, folder) && !slices.Contains(names, name) {
			names = append(names, name) // it was removed by hand
		}
	}
	slices.Sort(names)
	for _, name := range names {
		b, err := c.vault.read(filepath.Join(c.dir, filepath.FromSlash(name)))
		if errors.Is(err, fs.ErrNotExist) {
			b, err = nil, nil
		} else if b == nil {
			b = []byte{}
		}
		if err != nil {
			return err
		}
		if commonSum(b) == c.known[name].Sum && !must(name) {
			continue
		}
		if err := c.pushLocked(name, b); err != nil {
			return err
		}
	}
	return nil
}

// keepCommon tells the other processes of what a person changed in the folder.
func (n *Node) keepCommon(ctx context.Context) {
	t := time.NewTicker(2 * time.Second)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		if err := n.files.changed(); err != nil && ctx.Err() == nil {
			n.opt.Log.Warn("telling the other processes of changed files", "error", err)
		}
	}
}
