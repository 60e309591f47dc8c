package node

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
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
	// ConsoleOrigin is what people type to get to the console, like
	// https://parley.example:8443, where a proxy or a name stands before Console.
	// Passkeys are bound to its host name. Empty: made from Console.
	ConsoleOrigin string `json:"console_origin,omitempty"`
	// LockAfter is after how long without a key, touch or pointer the console
	// locks itself: a duration like 10m, which is the default.
	LockAfter string `json:"lock_after,omitempty"`
	// OIDC is an identity provider that people may sign in by; nil: none.
	OIDC *OIDC `json:"oidc,omitempty"`
	// Cadence is how often the node log, which witnesses see, grows by an
	// entry: a duration like 1m, which is the default. The shorter, the closer
	// witnesses date what we do, and the more there is to keep.
	Cadence string `json:"cadence,omitempty"`
	// Store is the address of a PostgreSQL database, postgres://…; empty: a file
	// in the folder. Passwords are better kept in a password file (PGPASSFILE).
	Store string `json:"store,omitempty"`
	// Peer is the address, host:port, where the other processes of a node on
	// PostgreSQL reach this one; empty: there are none.
	Peer string `json:"peer,omitempty"`
	// Reach are further link addresses, host:port, that the card names: those of the
	// other processes, or of a balancer before them. They count from the next card on.
	Reach []string `json:"reach,omitempty"`
	// Metrics is the address, host:port on this machine's loopback, where Prometheus
	// reads figures; empty: on the node's socket alone.
	Metrics string `json:"metrics,omitempty"`
	// Mark picks colour and emblem in the console: north, south, guarantor or
	// empty.
	Mark string `json:"mark,omitempty"`
	// Notice is shown on every page, for example that the world is fictional.
	Notice string `json:"notice,omitempty"`
}

// OIDC names an OpenID Connect provider. It says who somebody is; whether they
// may come in, and in what role, the node's own list of people says.
type OIDC struct {
	Name   string `json:"name"`   // on the button
	Issuer string `json:"issuer"` // https://…
	Client string `json:"client"`
	// SecretFile holds the client's secret; empty for a public client. PKCE is
	// used either way.
	SecretFile string `json:"secret_file,omitempty"`
	// Claim is which claim of the token is compared with the account of a person:
	// email (the default; it must be verified), preferred_username or sub.
	Claim string `json:"claim,omitempty"`
}

// ConsoleURL is where browsers find the console.
func (c Config) ConsoleURL() string {
	if c.ConsoleOrigin != "" {
		return strings.TrimSuffix(c.ConsoleOrigin, "/")
	}
	if c.ConsoleCert != "" {
		return "https://" + c.Console
	}
	return "http://" + c.Console
}

// IdleLock is LockAfter as a duration, at least a second.
func (c Config) IdleLock() time.Duration {
	if d, err := time.ParseDuration(c.LockAfter); err == nil && d >= time.Second {
		return d
	}
	return 10 * time.Minute
}

// endpoints are what the card names.
func (c Config) endpoints() []string {
	out := []string{"https://" + c.Link}
	for _, a := range c.Reach {
		if a != c.Link {
			out = append(out, "https://"+a)
		}
	}
	return out
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
//
// The long-term key, which signs cards, is read when it is needed (rootKey).
type keys struct {
	copy []byte // derives the ids of released copies
	operational
	// parcel opens parcel files and our own sealed secrets. The newest, which the
	// card names, comes first; the others open what was sealed before.
	parcel []*age.HybridIdentity
	// tls has the newest link key and the chain back to those before it.
	tls tls.Certificate
}

// operational are the keys that sign acts, and cosign together. They are replaced
// together and kept in one file, which in nodes of early versions holds the first
// alone.
type operational struct {
	signing   ledger.Key
	cosigning ledger.MLDSAKey
}

// recipient is what the card says of the parcel key.
func (k keys) recipient() string { return k.parcel[0].Recipient().String() }

const (
	configFile = "node.json"
	keysFolder = "keys"
	// guardFolder holds what was signed last. It is no part of a backup.
	guardFolder = "guard"
)

func makeKeys(dir string) error {
	dir = filepath.Join(dir, keysFolder)
	for _, name := range []string{rootFile, "copy.key"} {
		seed, err := drawSeed(rand.Reader)
		if err != nil {
			return err
		}
		if err := writeFile(filepath.Join(dir, name), []byte(hex.EncodeToString(seed)+"\n")); err != nil {
			return err
		}
	}
	next, err := drawKeys(rand.Reader)
	if err != nil {
		return err
	}
	return errors.Join(
		writeFile(filepath.Join(dir, signingFile), next.operational.text()),
		writeFile(filepath.Join(dir, parcelFile), parcelText([]*age.HybridIdentity{next.parcel})),
		writeFile(filepath.Join(dir, tlsFile), []byte(hex.EncodeToString(next.tls)+"\n")),
	)
}

const (
	signingFile = "signing.key"
	// ownCardFile is our newest card, once keys were replaced.
	ownCardFile = "card.txt"
	// parcelFile has an identity a line, the newest first.
	parcelFile = "parcel.key"
	// tlsFile has the seed of the newest link key; once it was replaced, its
	// certificate and those of the keys before it follow, a line each, in base64.
	tlsFile = "tls.key"
)

func drawSeed(rand io.Reader) ([]byte, error) {
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(rand, seed); err != nil {
		return nil, fmt.Errorf("drawing a key: %w", err)
	}
	return seed, nil
}

func drawOperational(rand io.Reader) (o operational, err error) {
	if o.signing, err = ledger.GenerateKey(rand); err == nil {
		o.cosigning, err = ledger.GenerateMLDSAKey(rand)
	}
	return o, err
}

// text is the file of the two operational keys, one line each.
func (o operational) text() []byte {
	return []byte(hex.EncodeToString(o.signing.Seed()) + "\n" + hex.EncodeToString(o.cosigning.Seed()) + "\n")
}

// parseOperational reads what text wrote, or the one line of early versions.
func parseOperational(b []byte) (o operational, err error) {
	first, second, _ := strings.Cut(strings.TrimSpace(string(b)), "\n")
	seed, err := hex.DecodeString(first)
	if err != nil {
		return o, errors.New("want 64 hexadecimal digits")
	}
	if o.signing, err = ledger.ParseKey(seed); err != nil || second == "" {
		return o, err
	}
	if seed, err = hex.DecodeString(second); err != nil {
		return o, errors.New("want 64 hexadecimal digits in the second line")
	}
	o.cosigning, err = ledger.ParseMLDSAKey(seed)
	return o, err
}

func parcelText(ids []*age.HybridIdentity) []byte {
	var b strings.Builder
	for _, id := range ids {
		b.WriteString(id.String() + "\n")
	}
	return []byte(b.String())
}

func parseParcelKeys(b []byte) (ids []*age.HybridIdentity, err error) {
	for line := range strings.Lines(strings.TrimSpace(string(b))) {
		id, err := age.ParseHybridIdentity(strings.TrimSpace(line))
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		return nil, errors.New("it is empty")
	}
	return ids, nil
}

func tlsText(cert tls.Certificate) []byte {
	var b strings.Builder
	b.WriteString(hex.EncodeToString(cert.PrivateKey.(ed25519.PrivateKey).Seed()) + "\n")
	for _, der := range cert.Certificate {
		b.WriteString(base64.StdEncoding.EncodeToString(der) + "\n")
	}
	return []byte(b.String())
}

func parseTLS(b []byte, party string) (tls.Certificate, error) {
	lines := strings.Fields(string(b))
	if len(lines) == 0 {
		return tls.Certificate{}, errors.New("it is empty")
	}
	seed, err := hex.DecodeString(lines[0])
	if err != nil || len(seed) != ed25519.SeedSize {
		return tls.Certificate{}, errors.New("want 64 hexadecimal digits in the first line")
	}
	cert, err := link.Certificate(party, ed25519.NewKeyFromSeed(seed))
	if err != nil || len(lines) == 1 {
		return cert, err
	}
	own, err := link.Pin(cert)
	if err != nil {
		return cert, err
	}
	cert.Certificate = nil
	for _, line := range lines[1:] {
		der, err := base64.StdEncoding.DecodeString(line)
		if err != nil {
			return cert, errors.New("want base64 in the lines after the first")
		}
		cert.Certificate = append(cert.Certificate, der)
	}
	if pin, err := link.Pin(cert); err != nil || pin != own {
		return cert, errors.New("the certificate in its second line is not that of its key")
	}
	return cert, nil
}

// loadKeys reads the keys in a folder; v opens them where they are sealed.
func loadKeys(dir, party string, v *vault) (keys, error) {
	var k keys
	if _, err := rootKey(dir, v); err != nil && !errors.Is(err, ErrCustody) {
		return k, err
	}
	dir = filepath.Join(dir, keysFolder)
	read := func(name string, parse func(b []byte) error) error {
		b, err := v.read(filepath.Join(dir, name))
		if err != nil {
			return fmt.Errorf("keys: %w", err)
		}
		if err := parse(b); err != nil {
			return fmt.Errorf("%s is damaged: %w", filepath.Join(dir, name), err)
		}
		return nil
	}
	err := read("copy.key", func(b []byte) (err error) { k.copy, err = parseSeed(b); return err })
	if err == nil {
		err = read(signingFile, func(b []byte) (err error) { k.operational, err = parseOperational(b); return err })
	}
	if err == nil {
		err = read(parcelFile, func(b []byte) (err error) { k.parcel, err = parseParcelKeys(b); return err })
	}
	if err == nil {
		err = read(tlsFile, func(b []byte) (err error) { k.tls, err = parseTLS(b, party); return err })
	}
	return k, err
}

func parseSeed(b []byte) ([]byte, error) {
	s, err := hex.DecodeString(strings.TrimSpace(string(b)))
	if err != nil || len(s) != 32 {
		err = errors.New("want 64 hexadecimal digits")
	}
	return s, err
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
