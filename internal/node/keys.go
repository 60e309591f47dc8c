package node

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"

	"parley.example/parley/accord"
	"parley.example/parley/internal/link"
	"parley.example/parley/ledger"
)

// Config is what a node is told about itself when it is made; it is kept as
// node.json in its folder.
type Config struct {
	Party string `json:"party"` // see accord.CheckParty
	Name  string `json:"name"`  // for people, any script
	// Link is the address that partners reach, Console the one for browsers;
	// host:port, and port 0 lets Init choose a free one.
	Link    string `json:"link"`
	Console string `json:"console"`
	// ConsoleCert and ConsoleKey are PEM files for TLS on the console's address,
	// which TAXII clients use too; the certificate may be "self", for one that
	// the node signs itself. Empty: no TLS, for loopback or behind a proxy.
	ConsoleCert string `json:"console_cert,omitempty"`
	ConsoleKey  string `json:"console_key,omitempty"`
	// Cadence is how often the node log, which witnesses see, grows by an
	// entry: a duration like 1m, which is the default. The shorter, the closer
	// witnesses date what we do, and the more there is to keep.
	Cadence string `json:"cadence,omitempty"`
	// Store is the address of a PostgreSQL database, postgres://…; empty: a file
	// in the folder. Passwords are better kept in a password file (PGPASSFILE).
	Store string `json:"store,omitempty"`
	// Mark picks colour and emblem in the console: north, south, guarantor or
	// empty.
	Mark string `json:"mark,omitempty"`
	// Notice is shown on every page, for example that the world is fictional.
	Notice string `json:"notice,omitempty"`
}

// ConsoleURL is where browsers find the console.
func (c Config) ConsoleURL() string {
	if c.ConsoleCert != "" {
		return "https://" + c.Console
	}
	return "http://" + c.Console
}

func (c Config) cadence() (time.Duration, error) {
	if c.Cadence == "" {
		return time.Minute, nil
	}
	d, err := time.ParseDuration(c.Cadence)
	if err != nil || d < 100*time.Millisecond || d > 24*time.Hour {
		return 0, fmt.Errorf("%w: cadence %q in %s: want a duration from 100ms to 24h, like 1m", ErrInvalid, c.Cadence, configFile)
	}
	return d, nil
}

// keys are a node's secrets. Each is a file of its own under keys/, readable
// by the node's user only.
type keys struct {
	root ledger.Key // long-term: signs cards
	// The operational keys: signing signs acts, and cosigns together with
	// cosigning. They are replaced together and kept in one file, which in
	// nodes of early versions holds the first alone.
	signing   ledger.Key
	cosigning ledger.MLDSAKey
	tls       tls.Certificate
	parcel    *age.HybridIdentity
	copy      []byte // derives the ids of released copies
}

const (
	configFile = "node.json"
	keysFolder = "keys"
	// guardFolder holds what was signed last. It is no part of a backup.
	guardFolder = "guard"
)

func makeKeys(dir string) error {
	for _, name := range []string{"root", "tls", "copy"} {
		seed := make([]byte, 32)
		if _, err := io.ReadFull(rand.Reader, seed); err != nil {
			return fmt.Errorf("drawing the %s key: %w", name, err)
		}
		if err := writeFile(filepath.Join(dir, keysFolder, name+".key"), []byte(hex.EncodeToString(seed)+"\n")); err != nil {
			return err
		}
	}
	k, ml, err := drawOperational(rand.Reader)
	if err != nil {
		return err
	}
	if err := writeFile(filepath.Join(dir, keysFolder, signingFile), operationalText(k, ml)); err != nil {
		return err
	}
	id, err := age.GenerateHybridIdentity()
	if err != nil {
		return fmt.Errorf("drawing the parcel key: %w", err)
	}
	return writeFile(filepath.Join(dir, keysFolder, "parcel.key"), []byte(id.String()+"\n"))
}

const signingFile = "signing.key"

func drawOperational(rand io.Reader) (k ledger.Key, ml ledger.MLDSAKey, err error) {
	if k, err = ledger.GenerateKey(rand); err == nil {
		ml, err = ledger.GenerateMLDSAKey(rand)
	}
	return k, ml, err
}

// operationalText is the file of the two operational keys, one line each.
func operationalText(k ledger.Key, ml ledger.MLDSAKey) []byte {
	return []byte(hex.EncodeToString(k.Seed()) + "\n" + hex.EncodeToString(ml.Seed()) + "\n")
}

// parseOperational reads operationalText, or the one line of early versions.
func parseOperational(b []byte) (k ledger.Key, ml ledger.MLDSAKey, err error) {
	first, second, _ := strings.Cut(strings.TrimSpace(string(b)), "\n")
	seed, err := hex.DecodeString(first)
	if err != nil {
		return k, ml, errors.New("want 64 hexadecimal digits")
	}
	if k, err = ledger.ParseKey(seed); err != nil || second == "" {
		return k, ml, err
	}
	if seed, err = hex.DecodeString(second); err != nil {
		return k, ml, errors.New("want 64 hexadecimal digits in the second line")
	}
	ml, err = ledger.ParseMLDSAKey(seed)
	return k, ml, err
}

func loadKeys(dir, party string) (keys, error) {
	var k keys
	seed := func(name string) ([]byte, error) {
		b, err := os.ReadFile(filepath.Join(dir, keysFolder, name+".key"))
		if err != nil {
			return nil, fmt.Errorf("%s key: %w", name, err)
		}
		s, err := hex.DecodeString(strings.TrimSpace(string(b)))
		if err != nil || len(s) != 32 {
			return nil, fmt.Errorf("%s key in %s is damaged: want 64 hexadecimal digits", name, filepath.Join(dir, keysFolder))
		}
		return s, nil
	}
	var err error
	var raw [3][]byte
	for i, name := range []string{"root", "tls", "copy"} {
		if raw[i], err = seed(name); err != nil {
			return k, err
		}
	}
	if k.root, err = ledger.ParseKey(raw[0]); err != nil {
		return k, err
	}
	if k.tls, err = link.Certificate(party, ed25519.NewKeyFromSeed(raw[1])); err != nil {
		return k, err
	}
	k.copy = raw[2]
	b, err := os.ReadFile(filepath.Join(dir, keysFolder, signingFile))
	if err != nil {
		return k, fmt.Errorf("signing key: %w", err)
	}
	if k.signing, k.cosigning, err = parseOperational(b); err != nil {
		return k, fmt.Errorf("signing key in %s is damaged: %w", filepath.Join(dir, keysFolder), err)
	}
	b, err = os.ReadFile(filepath.Join(dir, keysFolder, "parcel.key"))
	if err != nil {
		return k, fmt.Errorf("parcel key: %w", err)
	}
	if k.parcel, err = age.ParseHybridIdentity(strings.TrimSpace(string(b))); err != nil {
		return k, fmt.Errorf("parcel key is damaged: %w", err)
	}
	return k, nil
}

// ReadConfig reads what the node or witness in a folder was made with.
func ReadConfig(dir string) (Config, error) { return loadConfig(dir) }

func loadConfig(dir string) (Config, error) {
	var c Config
	b, err := os.ReadFile(filepath.Join(dir, configFile))
	if errors.Is(err, fs.ErrNotExist) {
		return c, fmt.Errorf("%s holds no node: make one with parley init", dir)
	}
	if err != nil {
		return c, fmt.Errorf("reading the node's configuration: %w", err)
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return c, fmt.Errorf("%s does not read: %w", filepath.Join(dir, configFile), err)
	}
	return c, accord.CheckParty(c.Party)
}

// writeFile writes a file that is there whole or not at all, durably.
func writeFile(path string, b []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(dir, "."+filepath.Base(path)+"-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(b)
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
