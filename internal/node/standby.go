package node

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"parley.example/parley/internal/store/postgres"
)

// ErrFenced reports that another process of the party leads by now.
var ErrFenced = postgres.ErrFenced

// Standby is a process of a party that does not lead: it waits for the lead, and keeps
// its folder in step meanwhile. Nothing else of the node is open.
type Standby struct {
	lock  *os.File
	lease *postgres.Lease
	files *commonFiles
	key   ed25519.PrivateKey
	dir   string
}

// ledFile says by which token this process led last.
const ledFile = "led"

// NewStandby takes the folder of a process whose configuration has a Peer address. pass
// is as in Options.
func NewStandby(ctx context.Context, dir string, pass func() ([]byte, error)) (s *Standby, err error) {
	cfg, err := loadConfig(dir)
	if err != nil {
		return nil, err
	}
	if err := cfg.several(); err != nil {
		return nil, err
	}
	v, err := openVault(dir, pass)
	if err != nil {
		return nil, err
	}
	k, err := loadKeys(dir, cfg.Party, v)
	if err != nil {
		return nil, err
	}
	s = &Standby{dir: dir}
	if s.key, err = peerKey(k); err != nil {
		return nil, err
	}
	if s.lock, err = lockFolder(dir); err != nil {
		return nil, err
	}
	if s.lease, err = postgres.NewLease(ctx, cfg.Store, cfg.Peer); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if s.files, err = newCommonFiles(dir, k, v, s.lease); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// several checks what a node of several processes needs.
func (c Config) several() error {
	if c.Peer == "" || c.Store == "" {
		return fmt.Errorf("%w: several processes need a PostgreSQL database (store) and an address for each other (peer) in %s", ErrInvalid, configFile)
	}
	if _, _, err := net.SplitHostPort(c.Peer); err != nil {
		return fmt.Errorf("%w: peer %q in %s: want host:port", ErrInvalid, clip(c.Peer), configFile)
	}
	return nil
}

// leader is the address of this process among several, which leads as it has the node
// open; empty where there is one.
func (n *Node) leader() string {
	if n.files.shared() {
		return n.cfg.Peer
	}
	return ""
}

// Key is what the party's processes know each other by.
func (s *Standby) Key() ed25519.PrivateKey { return s.key }

// Try takes the lead where nobody has it; where another process has, it says at which
// address, and brings the folder up to date. Open takes over a Standby that leads.
func (s *Standby) Try(ctx context.Context) (lead bool, leader string, err error) {
	if lead, leader, err = s.lease.Try(ctx); err != nil {
		return false, "", err
	}
	if lead {
		return true, leader, errors.Join(s.forget(), s.files.settle(ctx))
	}
	return false, leader, s.files.pull(ctx)
}

// forget drops the matching keys where another process led since: epochs went on
// without them. They are in no database, so that what is destroyed is gone; the new
// leader publishes under a new epoch.
func (s *Standby) forget() error {
	name := filepath.Join(s.dir, ledFile)
	b, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	token := s.lease.Token()
	if string(b) != strconv.FormatInt(token-1, 10) {
		if err := os.RemoveAll(filepath.Join(s.dir, matchFolder)); err != nil {
			return err
		}
	}
	return writeFile(name, []byte(strconv.FormatInt(token, 10)))
}

// Close gives the folder, and the lead, to others.
func (s *Standby) Close() error {
	var err error
	if s.lease != nil {
		err = s.lease.Close()
	}
	return errors.Join(err, s.lock.Close())
}

// Clone makes a folder for a further process of the node in a folder: with its keys,
// and addresses of its own. The folder may be carried to another machine; it is as
// secret as the first. Where the node's configuration has no address for the other
// processes yet, it gets peerOf.
func Clone(dir, to string, own Config, peerOf string) (Config, error) {
	cfg, err := loadConfig(dir)
	if err != nil {
		return cfg, err
	}
	first := cfg
	if first.Peer == "" {
		if first.Peer, err = choosePort(peerOf); err != nil {
			return cfg, err
		}
	}
	if err := first.several(); err != nil {
		return cfg, err
	}
	if _, err := os.Stat(filepath.Join(to, configFile)); err == nil {
		return cfg, fmt.Errorf("%w: %s holds a node already", ErrInvalid, to)
	}
	cfg = first
	addresses := []struct{ mine, given *string }{{&cfg.Link, &own.Link}, {&cfg.Console, &own.Console}, {&cfg.Peer, &own.Peer}}
	if first.Metrics != "" {
		if own.Metrics == "" {
			own.Metrics = "127.0.0.1:0"
		}
		addresses = append(addresses, struct{ mine, given *string }{&cfg.Metrics, &own.Metrics})
	}
	for _, a := range addresses {
		if *a.mine, err = choosePort(*a.given); err != nil {
			return cfg, err
		}
	}
	// Partners try all addresses of the card in turn, so the card should name each.
	cfg.Reach = joined(first.Reach, first.Link)
	first.Reach = joined(first.Reach, cfg.Link)
	names, err := os.ReadDir(filepath.Join(dir, keysFolder))
	if err != nil {
		return cfg, err
	}
	for _, f := range names {
		b, err := os.ReadFile(filepath.Join(dir, keysFolder, f.Name()))
		if err == nil {
			err = writeFile(filepath.Join(to, keysFolder, f.Name()), b)
		}
		if err != nil {
			return cfg, fmt.Errorf("copying keys: %w", err)
		}
	}
	if err := writeConfig(dir, first); err != nil {
		return cfg, err
	}
	return cfg, writeConfig(to, cfg)
}

// joined is list with one more in it, if it is not yet.
func joined(list []string, more string) []string {
	if slices.Contains(list, more) {
		return list
	}
	return append(slices.Clone(list), more)
}

func writeConfig(dir string, c Config) error {
	b, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, configFile), append(b, '\n'))
}
