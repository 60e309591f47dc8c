package node

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"parley.example/parley/accord"
	"parley.example/parley/internal/link"
	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
	"parley.example/parley/release"
)

// Errors that callers decide on. Each comes wrapped in a message for people.
var (
	ErrNotFound = store.ErrNotFound
	// ErrInvalid reports input that cannot be meant; the message says why.
	ErrInvalid = errors.New("invalid")
	// ErrState reports that the accord's or the request's state forbids it.
	ErrState = errors.New("not possible now")
)

// Options are what a node takes from its surroundings; zero fields mean the
// real thing.
type Options struct {
	Now    func() time.Time
	Rand   io.Reader
	Log    *slog.Logger
	Policy release.Policy // in place of the one in the folder policy/
	// Every is how often partners are contacted when nothing happens;
	// negative: never (tests drive the exchange themselves). Default 10 s.
	Every time.Duration
	// Cadence is how often the node log grows by an entry and is shown to the
	// witnesses; negative: whenever Sync is called with one (tests drive it
	// themselves). Default as in Config, or where Every is negative so too.
	Cadence time.Duration
	// Line carries parcels to partners; nil means TLS to their endpoints. A
	// simulator puts its own network here.
	Line Line
	// Disk stands between the node and its database; nil: nothing does. A
	// simulator makes the disk fail here.
	Disk func(store.Store) store.Store
	// Passphrase is asked for what opens the node's keys where they are sealed; the node
	// overwrites what it gives. nil: it is not known.
	Passphrase func() ([]byte, error)
	// Standby is a process that won the lead; the node takes it over. nil: the node
	// has its database to itself.
	Standby *Standby
}

// Line carries parcels to the node at an endpoint whose link key matches pin;
// [link.Client] is one and says what its methods promise.
type Line interface {
	// Exchange sends a parcel and returns the one it is answered with.
	Exchange(ctx context.Context, endpoint, pin string, p link.Parcel) (link.Parcel, error)
	// Finish goes on with an exchange under an accord that was cut off; ok is
	// false where there is none.
	Finish(ctx context.Context, endpoint, pin, accord string) (reply link.Parcel, ok bool, err error)
	// Forget drops what would be finished.
	Forget(pin, accord string)
}

// Node is a running party. Its methods are safe for concurrent use.
type Node struct {
	dir    string
	lock   *os.File
	cfg    Config
	keys   keys // the operational ones are guarded by mu
	st     store.Store
	fenced <-chan struct{} // closed when another process leads; nil: none can
	guard  guard
	files  *commonFiles
	// changes tells whoever waits that something was written.
	changes  changes
	lines    *link.Client
	server   *link.Server
	line     Line
	partners net.Listener // nil: Run listens
	opt      Options
	local    localPolicy
	// witness is what we signed as a witness of others.
	witness witnessState
	ticks   sync.Mutex // serialises ticks

	mu      sync.Mutex
	book    *accord.Book             // guarded by mu; replaced, never changed
	kicks   map[string]chan struct{} // by accord/party, of running keepers; guarded by mu
	keep    func(accord.Accord)      // set by Run; guarded by mu
	flights map[string]*flight       // exchanges under way, by accord/party; guarded by mu
	pairing map[string]*sync.Mutex   // one exchange at a time with each partner under an accord; map guarded by mu
	states  map[string]stateRows     // by accord; guarded by mu
	wg      sync.WaitGroup
	pages   *pageFiles
	// exchanges counts parcels, for Figures.
	exchanges tally
	imports   importRuns

	preparing sync.Map // matchJob → progress, while a publication is computed
	filters   filterCache
	watching  watchCache
	linking   sync.Mutex    // one comparison of lists at a time
	arrived   chan struct{} // told when incidents came or went
	ticked    chan struct{} // closed at the next tick; guarded by mu
	sides     sync.Map      // id of an exchange → *deconflict.Side, for speed
	// deconflicting serialises the steps of exchanges.
	deconflicting sync.Mutex
	opened        sync.Map // SHA-256 of an accord note → accord.Accord
}

// Init makes a node's folder: configuration, keys, first card. The folder must
// not hold a node already.
func Init(dir string, cfg Config) (Config, error) {
	if err := accord.CheckParty(cfg.Party); err != nil {
		return cfg, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if cfg.Name == "" {
		return cfg, fmt.Errorf("%w: the party needs a name for people to read", ErrInvalid)
	}
	if _, err := cfg.cadence(); err != nil {
		return cfg, err
	}
	if _, err := os.Stat(filepath.Join(dir, configFile)); err == nil {
		return cfg, fmt.Errorf("%w: %s holds a node already", ErrInvalid, dir)
	}
	if err := tryStore(context.Background(), cfg.Store); err != nil {
		return cfg, err
	}
	var err error
	if cfg.Link, err = choosePort(cfg.Link); err != nil {
		return cfg, err
	}
	if cfg.Console, err = choosePort(cfg.Console); err != nil {
		return cfg, err
	}
	if cfg.Metrics != "" {
		if cfg.Metrics, err = choosePort(cfg.Metrics); err != nil {
			return cfg, err
		}
	}
	if err := makeKeys(dir); err != nil {
		return cfg, err
	}
	// Last, so that a folder with a configuration is a whole node.
	return cfg, writeConfig(dir, cfg)
}

func choosePort(addr string) (string, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return "", fmt.Errorf("%w: address %q cannot be listened on: %w", ErrInvalid, addr, err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// Open opens the node in a folder. On first opening it signs its own card.
func Open(ctx context.Context, dir string, opt Options) (*Node, error) {
	cfg, err := loadConfig(dir)
	if err != nil {
		return nil, err
	}
	n := &Node{dir: dir, cfg: cfg, opt: opt, kicks: make(map[string]chan struct{}), pairing: make(map[string]*sync.Mutex), flights: make(map[string]*flight), states: make(map[string]stateRows), ticked: make(chan struct{}), arrived: make(chan struct{}, 1)}
	tell(n.arrived) // what came before it was closed
	if n.opt.Now == nil {
		n.opt.Now = time.Now
	}
	if n.opt.Rand == nil {
		n.opt.Rand = rand.Reader
	}
	if n.opt.Log == nil {
		n.opt.Log = slog.New(slog.DiscardHandler)
	}
	if n.opt.Every == 0 {
		n.opt.Every = 10 * time.Second
	}
	if n.opt.Cadence == 0 {
		if n.opt.Cadence = -1; n.opt.Every > 0 {
			if n.opt.Cadence, err = cfg.cadence(); err != nil {
				return nil, err
			}
		}
	}
	if s := opt.Standby; s != nil {
		n.lock, n.files = s.lock, s.files
	} else {
		v, err := openVault(dir, opt.Passphrase)
		if err != nil {
			return nil, err
		}
		n.files = &commonFiles{dir: dir, vault: v}
	}
	n.guard.files, n.witness.files = n.files, n.files
	if n.keys, err = loadKeys(dir, cfg.Party, n.files.vault); err != nil {
		return nil, err
	}
	if opt.Standby == nil {
		if n.lock, err = lockFolder(dir); err != nil {
			return nil, err
		}
	}
	n.guard.dir = filepath.Join(dir, guardFolder)
	n.witness.dir = filepath.Join(dir, guardFolder, "witness")
	n.lines = link.NewClient(n.certificate, dir)
	n.server = link.NewServer(n.who, n.Receive, dir)
	if n.line = opt.Line; n.line == nil {
		n.line = n.lines
	}
	if n.st, n.fenced, err = openLed(ctx, dir, cfg.Store, opt.Standby); err != nil {
		return nil, errors.Join(fmt.Errorf("opening the database: %w", err), n.lock.Close())
	}
	if opt.Disk != nil {
		n.st = opt.Disk(n.st)
	}
	if err := errors.Join(dropImports(dir), dropCopies(dir)); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	if n.pages, err = newPageFiles(filepath.Join(dir, "pages")); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	if err := n.loadBook(ctx); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	if err := errors.Join(n.recallCard(ctx), n.settleKey(), n.checkOwnKeys()); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	if err := n.ensureOwnCard(ctx); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	if n.keys.cosigning.Public() == (ledger.MLDSAPublicKey{}) {
		// Made by an early version. Both keys change, so that nobody can pass
		// off half of a cosignature for one from before.
		if _, err := n.RotateKey(ctx); err != nil {
			return nil, errors.Join(fmt.Errorf("making the ML-DSA-44 key: %w", err), n.Close())
		}
	}
	return n, nil
}

// Close closes the node after Run has returned.
func (n *Node) Close() error {
	n.lines.Close()
	n.server.Close()
	return errors.Join(n.st.Close(), n.lock.Close())
}

// TakeLink makes Run take partners' connections from l, in place of the configured
// address. It is called before Run.
func (n *Node) TakeLink(l net.Listener) { n.partners = l }

// Config tells what the node was made with.
func (n *Node) Config() Config { return n.cfg }

// Dir is the node's folder.
func (n *Node) Dir() string { return n.dir }

// Party is the node's own party id.
func (n *Node) Party() string { return n.cfg.Party }

func (n *Node) now() time.Time { return n.opt.Now().UTC().Truncate(time.Microsecond) }

// currentBook returns the book of pinned keys; it must not be changed.
func (n *Node) currentBook() *accord.Book {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.book
}

func (n *Node) loadBook(ctx context.Context) error {
	return n.view(ctx, func(tx store.Tx) error {
		b, err := readBook(tx)
		if err != nil {
			return err
		}
		n.mu.Lock()
		n.book = b
		n.mu.Unlock()
		return nil
	})
}

func readBook(tx store.Tx) (*accord.Book, error) {
	cards, err := tx.AllCards()
	if err != nil {
		return nil, err
	}
	b := accord.NewBook()
	for _, row := range cards {
		c, err := accord.OpenCard(row.Note)
		if err != nil {
			return nil, fmt.Errorf("stored card of %s: %w", row.Party, err)
		}
		if err := b.Add(c); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// putDoc and getDoc keep small documents as JSON.
func putDoc(tx store.Tx, kind, id string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encoding %s %s: %w", kind, id, err)
	}
	return tx.PutDoc(kind, id, b)
}

func getDoc(tx store.Tx, kind, id string, v any) error {
	b, err := tx.Doc(kind, id)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("stored %s %s does not read: %w", kind, id, err)
	}
	return nil
}

// others lists the members other than this node.
func (n *Node) others(a accord.Accord) []string {
	return slices.DeleteFunc(a.Terms.Parties(), func(p string) bool { return p == n.cfg.Party })
}

func listDocs[T any](tx store.Tx, kind string) ([]T, error) {
	docs, err := tx.ListDocs(kind)
	if err != nil {
		return nil, err
	}
	out := []T{}
	for _, d := range docs {
		var v T
		if err := json.Unmarshal(d.Body, &v); err != nil {
			return nil, fmt.Errorf("stored %s %s does not read: %w", kind, d.ID, err)
		}
		out = append(out, v)
	}
	return out, nil
}
