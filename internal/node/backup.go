package node

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"

	"parley.example/parley/internal/store"
	"parley.example/parley/internal/store/sqlite"
)

// A backup is an age file (age-encryption.org/v1) of a zstd stream of a tar archive:
// a manifest, the configuration, the keys, and the database as a SQLite store,
// whichever backend the node uses. What was signed last and the keys of private
// matching are no part of it: a restored node must learn the one from its partners,
// and must not bring back the other.

const (
	backupType        = "parley-backup/1"
	backupManifest    = "manifest.json"
	maxBackupManifest = 1 << 20
)

// BackupManifest is what a backup says of itself.
type BackupManifest struct {
	Type   string                `json:"type"`
	Party  string                `json:"party"`
	Made   string                `json:"made"`
	Rows   map[string]int64      `json:"rows"`   // of the database, by table
	Digest string                `json:"digest"` // SHA-256 over all rows
	Files  map[string]BackupFile `json:"files"`
}

// BackupFile is a file in a backup.
type BackupFile struct {
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Snapshot writes a consistent copy of the database, while the node works, to a new
// file in the node's folder and returns its path. The caller removes it.
func (n *Node) Snapshot(ctx context.Context) (string, error) { return snapshotOf(ctx, n.dir, n.st) }

// SnapshotStopped is Snapshot for a node that does not run.
func SnapshotStopped(ctx context.Context, dir string) (path string, err error) {
	cfg, err := loadConfig(dir)
	if err != nil {
		return "", err
	}
	lock, err := lockFolder(dir)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	s, err := openStore(ctx, dir, cfg.Store)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return snapshotOf(ctx, dir, s)
}

// Copies of a database that a command was killed over begin like these.
const (
	snapshotPattern = ".backup-*"
	movePattern     = ".move-*"
)

// dropCopies removes copies that nobody came back for: they are all that the node
// holds, and nobody looks for them. A backup under way fails by it, and is repeated.
func dropCopies(dir string) (err error) {
	for _, pattern := range []string{snapshotPattern, movePattern} {
		left, gerr := filepath.Glob(filepath.Join(dir, pattern))
		err = errors.Join(err, gerr)
		for _, name := range left {
			err = errors.Join(err, os.RemoveAll(name))
		}
	}
	return err
}

func snapshotOf(ctx context.Context, dir string, s store.Store) (string, error) {
	tmp, err := os.MkdirTemp(dir, snapshotPattern)
	if err != nil {
		return "", err
	}
	path := filepath.Join(tmp, databaseFile)
	if err := s.Backup(ctx, path); err != nil {
		return "", errors.Join(err, os.RemoveAll(tmp))
	}
	return path, nil
}

// WriteBackup writes the backup of the node in a folder, of whose database snapshot
// is a copy, for those who can open it. It reads the copy whole first, so that a
// damaged one is found now and not when it is needed.
func WriteBackup(ctx context.Context, dir, snapshot string, w io.Writer, to ...age.Recipient) (m BackupManifest, err error) {
	cfg, err := loadConfig(dir)
	if err != nil {
		return m, err
	}
	c, err := contentsOfFile(ctx, snapshot)
	if err != nil {
		return m, fmt.Errorf("reading the copy of the database: %w", err)
	}
	m = BackupManifest{
		Type: backupType, Party: cfg.Party, Made: stamp(time.Now().UTC()), Rows: c.Rows,
		Digest: hex.EncodeToString(c.Digest[:]), Files: make(map[string]BackupFile),
	}
	files := map[string]string{configFile: filepath.Join(dir, configFile), databaseFile: snapshot}
	keys, err := os.ReadDir(filepath.Join(dir, keysFolder))
	if err != nil {
		return m, err
	}
	for _, k := range keys {
		if k.Type().IsRegular() && !strings.HasPrefix(k.Name(), ".") {
			files[keysFolder+"/"+k.Name()] = filepath.Join(dir, keysFolder, k.Name())
		}
	}
	var order []string
	for name, path := range files {
		if m.Files[name], err = sumOf(path); err != nil {
			return m, err
		}
		order = append(order, name)
	}
	slices.Sort(order)
	manifest, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return m, err
	}
	sealed, err := age.Encrypt(w, to...)
	if err != nil {
		return m, fmt.Errorf("sealing the backup: %w", err)
	}
	packed, err := zstd.NewWriter(sealed)
	if err != nil {
		return m, err
	}
	t := tar.NewWriter(packed)
	head := func(name string, size int64) error {
		return t.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: size, Format: tar.FormatPAX})
	}
	if err := head(backupManifest, int64(len(manifest))); err != nil {
		return m, err
	}
	if _, err := t.Write(manifest); err != nil {
		return m, err
	}
	for _, name := range order {
		if err := errors.Join(ctx.Err(), head(name, m.Files[name].Size), pour(t, files[name])); err != nil {
			return m, fmt.Errorf("%s: %w", name, err)
		}
	}
	return m, errors.Join(t.Close(), packed.Close(), sealed.Close())
}

func pour(w io.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}

func sumOf(path string) (BackupFile, error) {
	h := sha256.New()
	if err := pour(h, path); err != nil {
		return BackupFile{}, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return BackupFile{}, err
	}
	return BackupFile{info.Size(), hex.EncodeToString(h.Sum(nil))}, nil
}

func contentsOfFile(ctx context.Context, path string) (c store.Contents, err error) {
	if _, err := os.Stat(path); err != nil {
		return c, err // which opening would make
	}
	s, err := sqlite.Open(path)
	if err != nil {
		return c, err
	}
	c, err = store.ContentsOf(ctx, s)
	return c, errors.Join(err, s.Close())
}

// Restore makes a node's folder from a backup, whole or not at all. The folder must
// not exist. The database goes into it, or to PostgreSQL where an address is given.
// When the node is started it sees that it was restored, and signs nothing under an
// accord before its partners gave its own log back (see Recoveries).
func Restore(ctx context.Context, r io.Reader, dir, address string, ids ...age.Identity) (m BackupManifest, err error) {
	if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
		return m, errors.Join(err, fmt.Errorf("%w: %s exists; restore into a folder that does not", ErrInvalid, dir))
	}
	if err := tryStore(ctx, address); err != nil {
		return m, err
	}
	parent := filepath.Dir(filepath.Clean(dir))
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return m, err
	}
	tmp, err := os.MkdirTemp(parent, ".restore-*")
	if err != nil {
		return m, err
	}
	defer os.RemoveAll(tmp)
	if m, err = unpack(r, tmp, ids); err != nil {
		return m, fmt.Errorf("the backup is not usable: %w", err)
	}
	if err := settle(ctx, tmp, address, m); err != nil {
		return m, err
	}
	return m, os.Rename(tmp, dir)
}

// settle checks what was unpacked and puts the database where it goes.
func settle(ctx context.Context, dir, address string, m BackupManifest) error {
	file := filepath.Join(dir, databaseFile)
	c, err := contentsOfFile(ctx, file)
	if err != nil {
		return fmt.Errorf("the database in the backup does not open: %w", err)
	}
	if hex.EncodeToString(c.Digest[:]) != m.Digest {
		return errors.New("the database in the backup does not hold what its manifest says")
	}
	cfg, err := loadConfig(dir)
	if err != nil {
		return err
	}
	if cfg.Party != m.Party {
		return fmt.Errorf("the backup is of %s by its manifest and of %s by its configuration", clip(m.Party), cfg.Party)
	}
	if err := checkKeys(dir, cfg.Party, nil); err != nil {
		return err
	}
	if address != "" {
		from, err := sqlite.Open(file)
		if err != nil {
			return err
		}
		var moved StoreMove
		if err := errors.Join(fill(ctx, dir, address, from, &moved), from.Close()); err != nil {
			return err
		}
		for _, end := range []string{"", "-wal", "-shm"} {
			if err := os.Remove(file + end); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	cfg.Store = address
	b, err := json.MarshalIndent(cfg, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, configFile), append(b, '\n'))
}

// unpack opens a backup into a folder and checks every file against the manifest.
func unpack(r io.Reader, dir string, ids []age.Identity) (m BackupManifest, err error) {
	sealed, err := age.Decrypt(r, ids...)
	if err != nil {
		return m, err
	}
	return unpackOpen(sealed, dir)
}

func unpackOpen(r io.Reader, dir string) (m BackupManifest, err error) {
	packed, err := zstd.NewReader(r, zstd.WithDecoderMaxMemory(128<<20))
	if err != nil {
		return m, err
	}
	defer packed.Close()
	t := tar.NewReader(packed)
	h, err := t.Next()
	if err != nil {
		return m, err
	}
	b, err := io.ReadAll(io.LimitReader(t, maxBackupManifest))
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(b, &m); err != nil || h.Name != backupManifest || m.Type != backupType {
		return m, errors.New("it does not begin with a manifest of " + backupType)
	}
	if err := os.Mkdir(filepath.Join(dir, keysFolder), 0o700); err != nil {
		return m, err
	}
	seen := 0
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return m, err
		}
		want, ok := m.Files[h.Name]
		if !ok || !backupName(h.Name) || h.Typeflag != tar.TypeReg || h.Size != want.Size {
			return m, fmt.Errorf("it holds %q, which its manifest does not list so", clip(h.Name))
		}
		path := filepath.Join(dir, filepath.FromSlash(h.Name))
		f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return m, err
		}
		sum := sha256.New()
		_, err = io.Copy(io.MultiWriter(f, sum), t)
		if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
			return m, err
		}
		if hex.EncodeToString(sum.Sum(nil)) != want.SHA256 {
			return m, fmt.Errorf("%s is damaged", h.Name)
		}
		seen++
	}
	if seen != len(m.Files) {
		return m, fmt.Errorf("it ends after %d of %d files", seen, len(m.Files))
	}
	return m, nil
}

// backupName reports whether a file belongs into a backup.
func backupName(name string) bool {
	if name == configFile || name == databaseFile {
		return true
	}
	key, ok := strings.CutPrefix(name, keysFolder+"/")
	return ok && key != "" && !strings.HasPrefix(key, ".") && !strings.ContainsAny(key, `/\`)
}
