package node

import (
	"bytes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/chacha20poly1305"
)

// Errors of sealed keys.
var (
	// ErrSealed reports keys that a passphrase seals and none was given.
	ErrSealed = errors.New("the node's keys are sealed with a passphrase")
	// ErrPassphrase reports a passphrase that does not open them.
	ErrPassphrase = errors.New("the passphrase does not open the node's keys")
)

// vault seals the secret files of a node's folder, each by XChaCha20-Poly1305 under one
// random key, with the file's place in the folder as additional data. That key lies in
// vaultFile, sealed under what Argon2id (RFC 9106) makes of the passphrase, so that a
// new passphrase needs no file sealed anew. A nil *vault leaves files open.
type vault struct {
	dir  string
	aead cipher.AEAD
}

const (
	// vaultFile has how the passphrase opens the sealed files. It is part of a backup.
	vaultFile = "vault.json"
	vaultType = "parley vault 1"
	// sealedMagic begins a sealed file; a nonce of 24 bytes and the sealed content follow.
	sealedMagic = "parley sealed 1\n"
)

// vaultHead is vaultFile.
type vaultHead struct {
	Type string `json:"type"`
	// Argon2id: passes, memory in KiB and lanes; RFC 9106 §4's second recommendation.
	Time    uint32 `json:"time"`
	Memory  uint32 `json:"memory_kib"`
	Lanes   uint8  `json:"lanes"`
	Salt    []byte `json:"salt"`
	Wrapped []byte `json:"wrapped"` // nonce and sealed key
}

// MinPassphrase is the least length of a passphrase in bytes. Argon2id makes guessing
// slow, not impossible.
const MinPassphrase = 12

func (h vaultHead) check() error {
	if h.Type != vaultType || h.Time < 1 || h.Time > 100 || h.Memory < 8 || h.Memory > 4<<20 || h.Lanes < 1 || len(h.Salt) < 16 {
		return errors.New("it does not say how to open the keys")
	}
	return nil
}

func (h vaultHead) opener(passphrase []byte) (cipher.AEAD, error) {
	return chacha20poly1305.NewX(argon2.IDKey(passphrase, h.Salt, h.Time, h.Memory, h.Lanes, chacha20poly1305.KeySize))
}

func vaultPath(dir string) string { return filepath.Join(dir, keysFolder, vaultFile) }

// Sealed reports whether the keys in a node's folder are sealed with a passphrase.
func Sealed(dir string) bool {
	_, err := os.Stat(vaultPath(dir))
	return err == nil
}

// openVault opens the vault of a folder; nil where there is none. pass is asked for the
// passphrase only where there is one to open; nil: it is not known.
func openVault(dir string, pass func() ([]byte, error)) (*vault, error) {
	key, err := vaultKey(dir, pass)
	if err != nil || key == nil {
		return nil, err
	}
	return newVault(dir, key)
}

func newVault(dir string, key []byte) (*vault, error) {
	aead, err := chacha20poly1305.NewX(key)
	return &vault{dir, aead}, err
}

// vaultKey is the key that the passphrase opens; nil where there is no vault.
func vaultKey(dir string, pass func() ([]byte, error)) ([]byte, error) {
	b, err := os.ReadFile(vaultPath(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var h vaultHead
	if err = json.Unmarshal(b, &h); err == nil {
		err = h.check()
	}
	if err != nil {
		return nil, fmt.Errorf("%s is damaged: put it back from a backup: %w", vaultPath(dir), err)
	}
	if pass == nil {
		return nil, ErrSealed
	}
	passphrase, err := pass()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSealed, err)
	}
	defer clear(passphrase)
	wrap, err := h.opener(passphrase)
	if err != nil {
		return nil, err
	}
	key, err := unseal(wrap, h.Wrapped, vaultType)
	if err != nil || len(key) != chacha20poly1305.KeySize {
		return nil, ErrPassphrase
	}
	return key, nil
}

// lockKey writes the vault's key under a passphrase.
func lockKey(dir string, key, passphrase []byte) error {
	defer clear(passphrase)
	if len(passphrase) < MinPassphrase {
		return fmt.Errorf("%w: the passphrase needs at least %d characters", ErrInvalid, MinPassphrase)
	}
	h := vaultHead{Type: vaultType, Time: 3, Memory: 64 << 10, Lanes: 4, Salt: make([]byte, 16)}
	if _, err := io.ReadFull(rand.Reader, h.Salt); err != nil {
		return err
	}
	wrap, err := h.opener(passphrase)
	if err != nil {
		return err
	}
	if h.Wrapped, err = seal(wrap, key, vaultType); err != nil {
		return err
	}
	b, err := json.MarshalIndent(h, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(vaultPath(dir), append(b, '\n'))
}

func seal(aead cipher.AEAD, b []byte, as string) ([]byte, error) {
	nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+len(b)+aead.Overhead())
	if _, err := rand.Read(nonce); err != nil {
		return nil, err
	}
	return aead.Seal(nonce, nonce, b, []byte(as)), nil
}

func unseal(aead cipher.AEAD, b []byte, as string) ([]byte, error) {
	n := aead.NonceSize()
	if len(b) < n {
		return nil, errors.New("too short")
	}
	return aead.Open([]byte{}, b[:n], b[n:], []byte(as))
}

// secretFile says whether a file of the folder, by its name with slashes, is sealed.
func secretFile(name string) bool {
	folder, _, _ := strings.Cut(name, "/")
	base := filepath.Base(name)
	return !strings.HasPrefix(base, ".") && (strings.HasSuffix(base, ".key") || base == nextFile || folder == matchFolder)
}

// place is a file's name within the folder, with slashes.
func (v *vault) place(path string) (string, error) {
	name, err := filepath.Rel(v.dir, path)
	return filepath.ToSlash(name), err
}

// read reads a file, sealed or open.
func (v *vault) read(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	rest, sealed := bytes.CutPrefix(b, []byte(sealedMagic))
	if !sealed {
		return b, nil
	}
	if v == nil {
		return nil, fmt.Errorf("%s: %w", path, ErrSealed)
	}
	name, err := v.place(path)
	if err != nil {
		return nil, err
	}
	if b, err = unseal(v.aead, rest, name); err != nil {
		return nil, fmt.Errorf("%s is damaged, or from another node or place: put it back from a backup", path)
	}
	return b, nil
}

// write writes a file durably, sealed where it is secret.
func (v *vault) write(path string, b []byte) error {
	if v == nil {
		return writeFile(path, b)
	}
	name, err := v.place(path)
	if err != nil {
		return err
	}
	if secretFile(name) {
		if b, err = seal(v.aead, b, name); err != nil {
			return err
		}
		b = append([]byte(sealedMagic), b...)
	}
	return writeFile(path, b)
}

// replace writes a file and overwrites what stood in it before. (What a file system or
// disk keeps beneath is out of our hands.)
func (v *vault) replace(path string, b []byte) error {
	old, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("destroying a key: %w", err)
	}
	if err := v.write(path, b); err != nil || old == nil {
		if old != nil {
			err = errors.Join(err, old.Close())
		}
		return err
	}
	return wipe(old)
}

// wipe overwrites a file that nothing names any more, and closes it.
func wipe(old *os.File) error {
	info, err := old.Stat()
	if err == nil {
		_, err = io.CopyN(old, zeros{}, info.Size())
	}
	if err = errors.Join(err, old.Sync(), old.Close()); err != nil {
		return fmt.Errorf("destroying a key: %w", err)
	}
	return nil
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// secrets lists the secret files of a folder, by path.
func secrets(dir string) (out []string, err error) {
	for _, folder := range []string{keysFolder, guardFolder, matchFolder} {
		err := filepath.WalkDir(filepath.Join(dir, folder), func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			name, err := filepath.Rel(dir, path)
			if err == nil && secretFile(filepath.ToSlash(name)) {
				out = append(out, path)
			}
			return err
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return out, nil
}

// unsealedFiles lists secret files that lie open although the folder has a vault.
func unsealedFiles(dir string) (out []string, err error) {
	all, err := secrets(dir)
	if err != nil || !Sealed(dir) {
		return nil, err
	}
	for _, path := range all {
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		if !bytes.HasPrefix(b, []byte(sealedMagic)) {
			out = append(out, path)
		}
	}
	return out, nil
}

// SealKeys seals the secret files of a node or witness that does not run. Where they
// are sealed already the passphrase must be theirs, and files that still lie open, as
// after a crash in the middle, are sealed. It returns how many were.
func SealKeys(dir string, passphrase []byte) (n int, err error) {
	err = withStopped(dir, func() error {
		first := !Sealed(dir)
		var key []byte
		if first {
			key = make([]byte, chacha20poly1305.KeySize)
			if _, err := rand.Read(key); err != nil {
				return err
			}
			if err := lockKey(dir, key, bytes.Clone(passphrase)); err != nil {
				return err
			}
		} else if key, err = vaultKey(dir, func() ([]byte, error) { return bytes.Clone(passphrase), nil }); err != nil {
			return err
		}
		v, err := newVault(dir, key)
		if err != nil {
			return err
		}
		open, err := unsealedFiles(dir)
		if err != nil {
			return err
		}
		for _, path := range open {
			b, err := os.ReadFile(path)
			if err == nil {
				err = v.replace(path, b)
			}
			if err != nil {
				return err
			}
			n++
		}
		return nil
	})
	return n, err
}

// UnsealKeys opens the secret files of a node that does not run for good.
func UnsealKeys(dir string, pass func() ([]byte, error)) error {
	return withStopped(dir, func() error {
		v, err := openVault(dir, pass)
		if err != nil {
			return err
		}
		if v == nil {
			return fmt.Errorf("%w: the keys are not sealed", ErrState)
		}
		all, err := secrets(dir)
		if err != nil {
			return err
		}
		for _, path := range all {
			b, err := v.read(path)
			if err == nil {
				err = writeFile(path, b)
			}
			if err != nil {
				return err
			}
		}
		return os.Remove(vaultPath(dir)) // last, so that a crash leaves what can be opened
	})
}

// ChangePassphrase gives the sealed keys of a node another passphrase. Old backups open
// with the old one.
func ChangePassphrase(dir string, old func() ([]byte, error), passphrase []byte) error {
	return withStopped(dir, func() error {
		key, err := vaultKey(dir, old)
		if err != nil {
			return err
		}
		if key == nil {
			return fmt.Errorf("%w: the keys are not sealed: parley keys seal", ErrState)
		}
		return lockKey(dir, key, bytes.Clone(passphrase))
	})
}

// withStopped does something with a folder that no process has open.
func withStopped(dir string, fn func() error) error {
	if _, err := loadConfig(dir); err != nil {
		return err
	}
	lock, err := lockFolder(dir)
	if err != nil {
		return err
	}
	return errors.Join(fn(), lock.Close())
}
