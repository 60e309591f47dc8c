package node

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"parley.example/parley/accord"
	"parley.example/parley/internal/link"
	"parley.example/parley/ledger"
)

// Witness is a witness that runs alone: it has keys, cards and what it signed
// last, all in files, and no database. It answers members of accords that name
// it and takes nothing but checkpoints of their node logs. Its methods are safe
// for concurrent use.
type Witness struct {
	dir   string
	cfg   Config
	keys  keys
	lock  *os.File
	state witnessState
	opt   Options

	mu   sync.Mutex
	book *accord.Book // guarded by mu; replaced, never changed
}

const (
	cardsFolder    = "cards"
	evidenceFolder = "evidence"
	begunFile      = "begun"
)

// ErrStateGone reports a witness that signed before and has lost what it signed
// last: it might vouch for another history than it did.
var ErrStateGone = errors.New("the witness's signing state is gone")

// OpenWitness opens the witness in a folder that Init made. Without other
// processes it may be opened by one at a time.
func OpenWitness(dir string, opt Options) (*Witness, error) {
	cfg, err := loadConfig(dir)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(dir, databaseFile)); err == nil {
		return nil, fmt.Errorf("%w: %s holds a full node, which is a witness already: run parley serve", ErrInvalid, dir)
	}
	w := &Witness{dir: dir, cfg: cfg, opt: opt, state: witnessState{dir: filepath.Join(dir, guardFolder, "witness")}}
	if w.opt.Now == nil {
		w.opt.Now = time.Now
	}
	if w.opt.Rand == nil {
		w.opt.Rand = rand.Reader
	}
	if w.opt.Log == nil {
		w.opt.Log = slog.New(slog.DiscardHandler)
	}
	v, err := openVault(dir, opt.Passphrase)
	if err != nil {
		return nil, err
	}
	w.state.files = &commonFiles{dir: dir, vault: v}
	if w.keys, err = loadKeys(dir, cfg.Party, v); err != nil {
		return nil, err
	}
	if w.lock, err = lockFolder(dir); err != nil {
		return nil, err
	}
	err = w.begin()
	if err == nil {
		err = w.settle()
	}
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

// begin makes the own card and the mark that signing has begun; where there is
// the card and not the mark, the state was lost.
func (w *Witness) begin() error {
	if err := w.load(); err != nil {
		return err
	}
	mark := filepath.Join(w.state.dir, begunFile)
	_, known := w.book.Card(w.cfg.Party)
	if _, err := os.Stat(mark); known && errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: bring %s back as it was last, or make a new witness under another name and amend the accords", ErrStateGone, filepath.Join(w.dir, guardFolder))
	} else if known {
		return err
	}
	if err := writeFile(mark, []byte("what this witness signed; not to be restored from a backup\n")); err != nil {
		return err
	}
	pin, err := link.Pin(w.keys.tls)
	if err != nil {
		return err
	}
	root, err := w.state.files.root()
	if err != nil {
		return err
	}
	now := w.opt.Now().UTC().Truncate(time.Second)
	c, err := accord.SignCard(accord.Card{
		Party: w.cfg.Party, Name: w.cfg.Name, Sequence: 1, TLS: pin, Parcel: w.keys.recipient(),
		Endpoints: w.cfg.endpoints(), NotBefore: now, NotAfter: now.Add(cardLife),
	}, root, w.keys.signing.Public(), w.keys.cosigning.Public())
	if err != nil {
		return err
	}
	return w.keep(c)
}

// RotateKeys replaces all keys but the long-term one, as Node.RotateKey does: the new
// card says of each node log up to where the old ones count. Members take it in with
// the next answer; the sheets of masks that the old key signed end with it. It must not
// be called while Run runs.
func (w *Witness) RotateKeys() (accord.Card, error) {
	w.state.mu.Lock() // nothing is cosigned meanwhile
	defer w.state.mu.Unlock()
	next, err := drawKeys(w.opt.Rand)
	if err != nil {
		return accord.Card{}, err
	}
	_, pin, err := w.keys.renewed(w.cfg.Party, next.tls)
	if err != nil {
		return accord.Card{}, err
	}
	c, _ := w.currentBook().Card(w.cfg.Party)
	sizes := make(map[string]int64)
	if err := w.state.positions(sizes); err != nil {
		return c, err
	}
	now := w.opt.Now().UTC().Truncate(time.Second)
	c.Sequence++
	c.NotBefore, c.NotAfter, c.Endpoints = now, now.Add(cardLife), w.cfg.endpoints()
	c.TLS, c.Parcel = pin, next.parcel.Recipient().String()
	if c.Positions, err = accord.MakePositions(c.Sequence, sizes, w.opt.Rand); err != nil {
		return c, err
	}
	root, err := w.state.files.root()
	if err != nil {
		return c, err
	}
	if c, err = accord.SignCard(c, root, next.signing.Public(), next.cosigning.Public()); err != nil {
		return c, err
	}
	// The keys are durable before the card that brings them into use.
	if err := w.state.files.write(filepath.Join(w.dir, keysFolder, nextFile), next.text()); err != nil {
		return c, err
	}
	if err := w.keep(c); err != nil {
		return c, err
	}
	return c, w.settle()
}

// settle finishes or forgets a rotation.
func (w *Witness) settle() (err error) {
	own, _ := w.currentBook().Card(w.cfg.Party)
	w.keys, err = w.keys.settle(w.state.files, w.dir, own)
	return err
}

// Close gives the folder free.
func (w *Witness) Close() error { return w.lock.Close() }

// Party is the witness's own party id.
func (w *Witness) Party() string { return w.cfg.Party }

// Config tells what the witness was made with.
func (w *Witness) Config() Config { return w.cfg }

// WitnessCards lists every card in a witness's folder, the own one too. It needs
// no open witness.
func WitnessCards(dir string) ([]accord.Card, error) {
	b, err := readCards(dir)
	if err != nil {
		return nil, err
	}
	var out []accord.Card
	for _, p := range b.Parties() {
		c, _ := b.Card(p)
		out = append(out, c)
	}
	return out, nil
}

// AddWitnessCard takes a member's card into a witness's folder; a witness that
// runs there sees it at once. An empty fingerprint is not compared.
func AddWitnessCard(dir string, note []byte, fingerprint string) (accord.Card, error) {
	c, err := accord.OpenCard(note)
	if err != nil {
		return c, err
	}
	if got := accord.Fingerprint(c.RootKey()); fingerprint != "" && got != fingerprint {
		return c, fmt.Errorf("%w: the card's fingerprint is %s, not %s: do not use it", accord.ErrStranger, got, clip(fingerprint))
	}
	b, err := readCards(dir)
	if err != nil {
		return c, err
	}
	if err := b.Add(c); err != nil {
		return c, err
	}
	return c, writeFile(cardFile(dir, c), c.Note())
}

func cardFile(dir string, c accord.Card) string {
	return filepath.Join(dir, cardsFolder, fmt.Sprintf("%s-%08d.card", c.Party, c.Sequence))
}

func readCards(dir string) (*accord.Book, error) {
	names, err := filepath.Glob(filepath.Join(dir, cardsFolder, "*.card"))
	if err != nil {
		return nil, err
	}
	slices.Sort(names) // a party's in order of sequence
	b := accord.NewBook()
	for _, name := range names {
		note, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		c, err := accord.OpenCard(note)
		if err == nil {
			err = b.Add(c)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return b, nil
}

func (w *Witness) load() error {
	b, err := readCards(w.dir)
	if err != nil {
		return err
	}
	w.mu.Lock()
	w.book = b
	w.mu.Unlock()
	return nil
}

func (w *Witness) keep(c accord.Card) error {
	if err := writeFile(cardFile(w.dir, c), c.Note()); err != nil {
		return err
	}
	return w.load()
}

func (w *Witness) currentBook() *accord.Book {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.book
}

// who finds the party behind a link key. Cards may have been added meanwhile.
func (w *Witness) who(pin string) (string, bool) {
	if err := w.load(); err != nil {
		w.opt.Log.Error("reading cards", "error", err)
		return "", false
	}
	b := w.currentBook()
	for _, p := range b.Parties() {
		if c, _ := b.Card(p); c.TLS == pin && p != w.cfg.Party && w.opt.Now().Before(c.NotAfter) {
			return p, true
		}
	}
	return "", false
}

// Receive judges a member's node log and answers with the cosignature. It
// serves the link.
func (w *Witness) Receive(_ context.Context, from string, p link.Parcel) (link.Parcel, error) {
	reply := link.Parcel{Header: link.Header{From: w.cfg.Party, To: from, Accord: p.Header.Accord}}
	if p.To != w.cfg.Party {
		return reply, fmt.Errorf("%w: the parcel is for %s, not for %s", link.ErrSay, clip(p.To), w.cfg.Party)
	}
	if err := w.takeCards(from, p.Cards); err != nil {
		return reply, fmt.Errorf("%w: %w", link.ErrSay, err)
	}
	b := w.currentBook()
	a, err := accord.Open(p.Accord, b)
	if err != nil {
		return reply, fmt.Errorf("%w: %w", link.ErrSay, err)
	}
	parties, witnesses := a.Terms.Parties(), a.Terms.WitnessParties()
	if a.ID != p.Header.Accord || !slices.Contains(witnesses, w.cfg.Party) || !slices.Contains(parties, from) {
		return reply, fmt.Errorf("%w: no accord with that id between us", link.ErrSay)
	}
	if a.InForce() { // what it would prove rests on an accord that all signed
		_, err = w.state.judge(p, from, b.Opener(from, append(parties, witnesses...)...), func(cp []byte) ([]byte, error) {
			return ledger.Cosign(cp, w.cfg.Party, w.keys.signing, w.keys.cosigning)
		})
	}
	var ev *link.Evidence
	if errors.As(err, &ev) {
		file := accord.NewEvidence(ev.Fork, a, b).Marshal()
		sum := sha256.Sum256(file)
		name := filepath.Join(w.dir, evidenceFolder, from+"-"+hex.EncodeToString(sum[:6])+".txt")
		err = errors.Join(err, writeFile(name, file))
		w.opt.Log.Error("a member showed two histories", "party", from, "evidence", name)
	} else if errors.Is(err, link.ErrSuspect) {
		w.opt.Log.Error("a member shows a log that does not go on from what was witnessed", "party", from, "error", err)
		err = fmt.Errorf("%w: %w", link.ErrSay, err)
	}
	if err != nil {
		return reply, err
	}
	for _, c := range b.Cards(w.cfg.Party) {
		reply.Cards = append(reply.Cards, c.Note())
	}
	if len(p.Aside) > 0 {
		if reply.Aside, err = w.arbitrate(a, b, from, p.Aside); err != nil {
			return reply, err
		}
	}
	return reply, w.state.answer(&reply, from)
}

// arbitrate answers what a member asks of the witness as arbiter.
func (w *Witness) arbitrate(a accord.Accord, b *accord.Book, from string, raw []byte) ([]byte, error) {
	var cards [][]byte
	for _, c := range b.Cards(append(a.Terms.Parties(), a.Terms.WitnessParties()...)...) {
		cards = append(cards, c.Note())
	}
	return arbiter{
		state: &w.state, me: w.cfg.Party, accord: a, cards: cards, random: w.opt.Rand, at: stamp(w.opt.Now()),
		sign: func(text string) ([]byte, error) { return w.keys.signing.SignNote(w.cfg.Party, text) },
	}.answer(from, raw)
}

// takeCards takes in newer cards of parties that are known.
func (w *Witness) takeCards(from string, notes [][]byte) error {
	for _, note := range notes {
		c, err := accord.OpenCard(note)
		if err != nil {
			return err
		}
		known, ok := w.currentBook().Card(c.Party)
		if !ok || c.Party == w.cfg.Party || c.Sequence <= known.Sequence {
			continue
		}
		if c.RootKey() != known.RootKey() {
			if c.Party == from {
				return accord.ErrStranger
			}
			continue
		}
		if err := w.keep(c); err != nil {
			return err
		}
	}
	return nil
}

// Witnessed is how far a witness has seen a member's node log.
type Witnessed struct {
	Log  string `json:"log"`
	Size int64  `json:"size"`
	Root string `json:"root"`
}

// WitnessedLogs lists what the witness in a folder signed last. It needs no
// open witness.
func WitnessedLogs(dir string) ([]Witnessed, error) {
	s := witnessState{dir: filepath.Join(dir, guardFolder, "witness")}
	logs, err := s.logs()
	out := []Witnessed{}
	for _, l := range logs {
		cp, err := s.last(l)
		if err != nil {
			return nil, err
		}
		out = append(out, Witnessed{l, cp.Tree.N, cp.Tree.Hash.String()})
	}
	return out, err
}

// Run serves members until ctx ends. ready, where it is not nil, is called once
// it listens.
func (w *Witness) Run(ctx context.Context, ready func()) error {
	l, err := net.Listen("tcp", w.cfg.Link)
	if err != nil {
		return fmt.Errorf("listening for members on %s: %w", w.cfg.Link, err)
	}
	parcels := link.NewServer(w.who, w.Receive, w.dir)
	defer parcels.Close()
	srv := &http.Server{
		Handler: parcels, TLSConfig: link.ServerTLS(func() tls.Certificate { return w.keys.tls }, w.who),
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
		ErrorLog:     log.New(witnessLog{w.opt.Log}, "", 0),
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){},
	}
	served := make(chan error, 1)
	go func() { served <- srv.ServeTLS(l, "", "") }()
	if ready != nil {
		ready()
	}
	select {
	case err = <-served:
	case <-ctx.Done():
		stop, done := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		err = srv.Shutdown(stop)
		done()
		<-served
	}
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return err
}

type witnessLog struct{ log *slog.Logger }

func (w witnessLog) Write(b []byte) (int, error) {
	w.log.Debug("link", "message", strings.TrimSpace(string(b)))
	return len(b), nil
}
