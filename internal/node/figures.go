package node

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Figures are what a node tells to those who watch over it: numbers and names of
// parties, never content.
type Figures struct {
	Incidents, Objects int64
	// Waiting counts what waits for a person, by kind: request, accord, inbox, alarm.
	Waiting map[string]int
	// Alarms are contradictions of others that were found.
	Alarms int
	// Restored counts our logs whose database is older than what was signed.
	Restored int
	Partners []Partner
	// Exchanges count parcels since the node was opened, in either direction.
	Exchanges []ExchangeCount
	// FeedsFailing and Feeds count the feeds that are polled.
	FeedsFailing, Feeds int
	// CardEnds is when each party's card ends; CertificateEnds when the certificate
	// of the console does (zero where there is none that ends).
	CardEnds        map[string]time.Time
	CertificateEnds time.Time
	// LastBackup is when parley backup last wrote one; zero: never.
	LastBackup time.Time
	// DiskFree and DatabaseBytes are of the node's folder. On PostgreSQL the
	// database is not in it and DatabaseBytes is 0.
	DiskFree, DatabaseBytes int64
}

// ExchangeCount counts parcels that were exchanged with one party.
type ExchangeCount struct {
	Party     string
	Direction string // out: we called; in: the party did
	Done      int64
	Failed    int64
}

// tally counts exchanges by party and direction. Its zero value is ready.
type tally struct {
	mu     sync.Mutex
	counts map[[2]string]*ExchangeCount // guarded by mu
}

func (t *tally) count(party, direction string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts == nil {
		t.counts = make(map[[2]string]*ExchangeCount)
	}
	c := t.counts[[2]string{party, direction}]
	if c == nil {
		c = &ExchangeCount{Party: party, Direction: direction}
		t.counts[[2]string{party, direction}] = c
	}
	switch {
	case err == nil:
		c.Done++
	case !errors.Is(err, context.Canceled): // we stopped, or something more urgent went first
		c.Failed++
	}
}

func (t *tally) list() (out []ExchangeCount) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range t.counts {
		out = append(out, *c)
	}
	return out
}

// Figures gathers them.
func (n *Node) Figures(ctx context.Context) (Figures, error) {
	f := Figures{Waiting: map[string]int{"request": 0, "accord": 0, "inbox": 0, "alarm": 0}, CardEnds: map[string]time.Time{}, Exchanges: n.exchanges.list()}
	o, err := n.Overview(ctx)
	if err != nil {
		return f, err
	}
	f.Incidents, f.Objects, f.Partners = o.Counts.Incidents, o.Counts.Objects, o.Partners
	for _, w := range o.Waiting {
		f.Waiting[w.Kind]++
	}
	alarms, err := n.Alarms(ctx)
	if err != nil {
		return f, err
	}
	f.Alarms = len(alarms)
	rs, err := n.Recoveries(ctx)
	if err != nil {
		return f, err
	}
	for _, r := range rs {
		if r.Lost {
			f.Restored++
		}
	}
	feeds, err := n.Feeds(ctx)
	if err != nil {
		return f, err
	}
	f.Feeds = len(feeds)
	for _, x := range feeds {
		if x.Error != "" {
			f.FeedsFailing++
		}
	}
	cards, err := n.Cards(ctx)
	if err != nil {
		return f, err
	}
	for _, c := range cards {
		if f.CardEnds[c.Party], err = time.Parse(time.RFC3339, c.Expires); err != nil {
			return f, err
		}
	}
	if c := n.cfg.ConsoleCert; c != "" && c != "self" {
		if cert, err := readCertificate(c); err == nil {
			f.CertificateEnds = cert.NotAfter
		}
	}
	f.LastBackup = LastBackup(n.dir)
	return f, f.measure(n.dir)
}

// measure fills in what the folder tells.
func (f *Figures) measure(dir string) error {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return err
	}
	f.DiskFree = int64(s.Bavail) * s.Bsize
	names, err := filepath.Glob(filepath.Join(dir, databaseFile+"*"))
	for _, name := range names {
		if info, err := os.Stat(name); err == nil && !strings.HasSuffix(name, "-shm") {
			f.DatabaseBytes += info.Size()
		}
	}
	return err
}

// readCertificate reads the first certificate of a PEM file.
func readCertificate(file string) (*x509.Certificate, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, errNoPEM
	}
	return x509.ParseCertificate(block.Bytes)
}

var errNoPEM = errors.New("it holds no certificate")

// backupNote says, by its content, when the last backup was written.
const backupNote = "backup.last"

// NoteBackup remembers that a backup of the node in dir was written.
func NoteBackup(dir string, at time.Time) error {
	return writeFile(filepath.Join(dir, backupNote), []byte(at.UTC().Format(time.RFC3339)+"\n"))
}

// LastBackup is when the last backup of the node in dir was written; zero where none
// is known.
func LastBackup(dir string) time.Time {
	b, err := os.ReadFile(filepath.Join(dir, backupNote))
	if err != nil {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339, strings.TrimSpace(string(b)))
	if err != nil {
		return time.Time{}
	}
	return at
}
