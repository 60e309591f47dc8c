// Package sim runs whole parties under simulation: the real node code, with
// its database, keys and signatures, while the clock, the network, the faults
// and the people are drawn from a seed. After every step the invariants of
// DESIGN §6 are checked; at the end all links are healed and the parties must
// agree.
//
// [Run] makes the parties, brings an accord in force and then lets an act
// happen at every step: somebody imports, releases, asks, withdraws, suspends,
// or two parties try to exchange parcels over the simulated network, which
// loses, delays, repeats and damages what it carries, or send a stick. A process
// may die at any transaction's beginning or any parcel's boundary; it comes back
// from what was on its disk at that moment. Its disk may fail at any commit, also
// after it kept what it reports as failed; a backup may be put in its place, and it
// comes back from its partners' copies; keys are changed and the accord is amended. In some runs one member lies.
//
// The seed decides the order of acts and faults. Keys made by node.Init are
// fresh in each run; nothing that happens depends on them.
package sim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"parley.example/parley/accord"
	"parley.example/parley/internal/link"
	"parley.example/parley/internal/node"
	"parley.example/parley/internal/store"
)

// MaxHours bounds a run: within it, no card expires.
const MaxHours = 16_000

// Config says what to simulate.
type Config struct {
	Seed  uint64
	Hours int    // simulated; 1 to MaxHours
	Dir   string // an empty folder for the nodes
	// Tamper, where it is not nil, may change what an honest party sends. It
	// plants bugs, to see that the checks find them.
	Tamper func(from, to string, p *link.Parcel)
}

// Result is the account of a run.
type Result struct {
	Seed   uint64         `json:"seed"`
	Hours  int            `json:"hours"`
	Events int64          `json:"events"` // entries of all members' logs at the end
	Faults map[string]int `json:"faults"` // by kind, how many were made
	OK     bool           `json:"ok"`
	Broken string         `json:"broken"` // the invariant that broke first

	Steps   int            `json:"steps"`
	Acts    map[string]int `json:"acts"` // by kind, how many people did
	Members []string       `json:"members"`
	Liar    string         `json:"liar,omitempty"`
	Alarms  int            `json:"alarms"` // raised by honest parties
	// Plans counts exchanges of deconfliction between honest members, Overlaps those
	// in which plans collided; each as each side sees it.
	Plans    int      `json:"plans"`
	Overlaps int      `json:"overlaps"`
	Trace    []string `json:"trace,omitempty"` // the last steps before something broke
}

// start is when every simulation begins.
var start = time.Date(2026, 3, 2, 6, 0, 0, 0, time.UTC)

const guarantor = "guarantor"

// world is a running simulation. It is single-threaded.
type world struct {
	cfg      Config
	ctx      context.Context
	rng      *rand.Rand // of the present step
	now      atomic.Int64
	members  []string
	procs    map[string]*process // by party; of a liar, its first face
	faces    []*process          // every running process
	liar     string
	accord   string
	cut      map[string]time.Time // until when a link is down, by its two ends
	late     []parked
	sticks   []stick
	old      []string          // accords that were replaced by amendment, whose logs go on
	next     string            // an amendment that waits for signatures
	last     map[string][]byte // an early parcel of each member's, to play again
	known    *knowledge
	people   people
	healed   bool // no faults any more, or not yet
	troubled bool // the network harmed the present act
	second   bool // a liar answers with its second face
	result   Result
	trace    []string
}

// Run simulates. A broken invariant is in the result; the error says that the
// simulation itself could not go on.
func Run(ctx context.Context, cfg Config) (Result, error) {
	if cfg.Hours < 1 || cfg.Hours > MaxHours {
		return Result{}, fmt.Errorf("simulate 1 to %d hours, not %d", MaxHours, cfg.Hours)
	}
	w := &world{
		cfg: cfg, ctx: ctx, procs: make(map[string]*process), cut: make(map[string]time.Time), last: make(map[string][]byte),
		result: Result{Seed: cfg.Seed, Hours: cfg.Hours, Faults: make(map[string]int), Acts: make(map[string]int)},
	}
	w.known, w.people = newKnowledge(), people{rows: make(map[string][]row), until: make(map[string]time.Time)}
	err := w.run()
	for _, p := range w.faces {
		err = errors.Join(err, p.close())
	}
	w.result.OK = err == nil && w.result.Broken == ""
	if !w.result.OK {
		w.result.Trace = w.trace
	}
	return w.result, err
}

func (w *world) run() error {
	w.now.Store(start.UnixMicro())
	w.reseed(0)
	if err := w.begin(); err != nil {
		return fmt.Errorf("setting up: %w", err)
	}
	end := start.Add(time.Duration(w.cfg.Hours) * time.Hour)
	for w.result.Broken == "" {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		w.result.Steps++
		w.reseed(uint64(w.result.Steps))
		w.pass(w.spell(5*time.Minute, 3*time.Hour))
		if !w.time().Before(end) {
			break
		}
		if err := w.step(); err != nil {
			return fmt.Errorf("step %d: %w", w.result.Steps, err)
		}
		if err := w.check(w.result.Steps%20 == 0); err != nil {
			return fmt.Errorf("checking after step %d: %w", w.result.Steps, err)
		}
	}
	if w.result.Broken == "" {
		if err := w.finish(); err != nil {
			return fmt.Errorf("finishing: %w", err)
		}
	}
	return w.count()
}

// reseed makes the draws of a step depend on the seed and the step alone.
func (w *world) reseed(step uint64) { w.rng = rand.New(rand.NewPCG(w.cfg.Seed, step)) }

func (w *world) time() time.Time { return time.UnixMicro(w.now.Load()).UTC() }

func (w *world) pass(d time.Duration) { w.now.Add(d.Microseconds()) }

// spell draws a length of time between two, short ones as often as long ones.
func (w *world) spell(low, high time.Duration) time.Duration {
	l, h := math.Log(float64(low)), math.Log(float64(high))
	return time.Duration(math.Exp(l + w.rng.Float64()*(h-l)))
}

func (w *world) chance(p float64) bool { return w.rng.Float64() < p }

func pick[T any](w *world, s []T) T { return s[w.rng.IntN(len(s))] }

// fault counts a fault.
func (w *world) fault(kind string) { w.result.Faults[kind]++; w.tell("  fault: %s", kind) }

// tell keeps the newest lines of what happened.
func (w *world) tell(format string, args ...any) {
	line := fmt.Sprintf("%s #%d ", w.time().Format(time.DateTime), w.result.Steps) + fmt.Sprintf(format, args...)
	if len(w.trace) >= 60 {
		w.trace = w.trace[1:]
	}
	w.trace = append(w.trace, line)
}

// broken notes an invariant that does not hold. The first one counts.
func (w *world) broken(format string, args ...any) {
	said := fmt.Sprintf(format, args...)
	w.tell("BROKEN: %s", said)
	if w.result.Broken == "" {
		w.result.Broken = said
	}
}

// begin makes the parties and brings their accord in force, without faults.
func (w *world) begin() error {
	w.healed = true
	defer func() { w.healed = false }()
	w.members = []string{"north", "south"}
	if w.chance(0.4) {
		w.members = append(w.members, "west")
	}
	w.result.Members = w.members
	if w.chance(0.5) {
		w.liar = pick(w, w.members)
		w.result.Liar = w.liar
	}
	for i, party := range append(slices.Clone(w.members), guarantor) {
		p, err := w.newProcess(party, uint64(i))
		if err != nil {
			return err
		}
		w.procs[party] = p
		w.faces = append(w.faces, p)
	}
	for _, a := range w.faces {
		for _, b := range w.faces {
			if a == b {
				continue
			}
			c := b.OwnCard()
			if _, err := a.AddCard(w.ctx, []byte(c.Note), c.Fingerprint); err != nil {
				return fmt.Errorf("%s takes the card of %s: %w", a.party, b.party, err)
			}
		}
	}
	north := w.procs["north"]
	if err := north.SaveDraft(w.ctx, "d", w.draft()); err != nil {
		return err
	}
	a, err := north.OfferAccord(w.ctx, "d")
	if err != nil {
		return err
	}
	w.accord = a.ID
	for _, other := range w.members[1:] {
		if err := north.Sync(w.ctx, w.accord, other); err != nil {
			return err
		}
		if _, err := w.procs[other].SignAccord(w.ctx, w.accord); err != nil {
			return err
		}
		if err := w.procs[other].Sync(w.ctx, w.accord, "north"); err != nil {
			return err
		}
	}
	// The guarantor takes an accord from members who signed it.
	for range 2 {
		for _, m := range w.members {
			for _, to := range append(slices.Clone(w.members), guarantor) {
				if to == m {
					continue
				}
				if err := w.procs[m].Sync(w.ctx, w.accord, to); err != nil {
					return fmt.Errorf("%s → %s: %w", m, to, err)
				}
			}
		}
	}
	for _, p := range w.faces {
		p.skew(w.spell(time.Minute, 3*time.Hour) * time.Duration(w.rng.IntN(3)-1))
	}
	return nil
}

func (w *world) draft() node.Draft {
	return node.Draft{
		Title: "Simulated accord", Members: w.members, Witnesses: []string{guarantor},
		Purposes: []string{"protection"}, LegalBases: []string{"exercise order"}, ObjectTypes: []string{"incident"},
		Ceiling: accord.Ceiling{Rung: accord.Tearline, TLP: "TLP:AMBER", PlaceKM: 20, Time: "week"}, Start: accord.Tearline,
		Match:         []accord.MatchRule{{Kind: "phone", Quota: 100}},
		RetentionDays: 30, Suspension: "content stops at once; ledgers go on",
		Effective: start.AddDate(0, 0, -2), Expires: start.AddDate(5, 0, 0),
	}
}

// count fills in what the result tells of the end.
func (w *world) count() error {
	for _, m := range w.members {
		t, err := w.procs[m].Tree(w.ctx, w.accord, m, -1)
		if err != nil {
			return err
		}
		w.result.Events += t.N
	}
	for _, p := range w.faces {
		if w.lies(p.party) {
			continue
		}
		alarms, err := p.Alarms(w.ctx)
		if err != nil {
			return err
		}
		w.result.Alarms += len(alarms)
	}
	return nil
}

func (w *world) lies(party string) bool { return party == w.liar }

// process is one party's running node and its folder.
type process struct {
	*node.Node
	w      *world
	party  string
	twin   bool // a liar's second face
	dir    string
	home   string // where folders of this process go
	lives  int
	offset atomic.Int64 // of its clock, in µs
	ahead  time.Time    // the latest that its clock showed
	random io.Reader
	dead   string // where the disk stands at its death; empty while it lives
	broken bool   // its disk failed: it takes nothing more until it is started again
	fails  int    // at which commit from now on its disk fails; 0: at none
	backup backup
	// restored says that a backup was put in its place, until all were made to
	// meet at the end; gone is the part of its log whose content was lost then.
	restored bool
	gone     span
}

func (w *world) newProcess(party string, stream uint64) (*process, error) {
	p := w.emptyProcess(party, stream)
	p.dir = filepath.Join(p.home, "0")
	cfg := node.Config{Party: party, Name: party + " (fictional)", Link: "127.0.0.1:0", Console: "127.0.0.1:0"}
	if _, err := node.Init(p.dir, cfg); err != nil {
		return nil, err
	}
	return p, p.open()
}

func (w *world) emptyProcess(party string, stream uint64) *process {
	var seed [32]byte
	for i := range 8 {
		seed[i], seed[8+i] = byte(w.cfg.Seed>>(8*i)), byte(stream>>(8*i))
	}
	return &process{w: w, party: party, home: filepath.Join(w.cfg.Dir, fmt.Sprintf("%s-%d", party, stream)), random: &locked{r: rand.NewChaCha8(seed)}}
}

// locked lets goroutines of one node share a source of randomness.
type locked struct {
	mu sync.Mutex
	r  *rand.ChaCha8 // guarded by mu
}

func (l *locked) Read(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.r.Read(b)
}

func (p *process) open() (err error) {
	p.Node, err = node.Open(p.w.ctx, p.dir, node.Options{
		Now: p.clock, Rand: p.random, Every: -1, Line: wire{p}, Disk: func(s store.Store) store.Store { return &disk{Store: s, p: p} },
	})
	return err
}

func (p *process) close() error {
	if p.Node == nil {
		return nil
	}
	return p.Close()
}

// clock is what the party takes for the time.
func (p *process) clock() time.Time { return time.UnixMicro(p.w.now.Load() + p.offset.Load()).UTC() }

func (p *process) skew(d time.Duration) { p.offset.Store(d.Microseconds()) }

// die takes the disk as it is now for what will be found after the crash. What
// the process does from here on never happened.
func (p *process) die() error {
	if p.dead != "" {
		return nil
	}
	p.lives++
	p.dead = filepath.Join(p.home, fmt.Sprint(p.lives))
	return os.CopyFS(p.dead, os.DirFS(p.dir))
}

// revive starts a process that died from what its disk held.
func (p *process) revive() error {
	if p.dead == "" {
		return nil
	}
	err := errors.Join(p.close(), os.RemoveAll(p.dir))
	p.dir, p.dead, p.broken = p.dead, "", false
	return errors.Join(err, p.open())
}

// mortal is a context under which a process dies when it is about to begin its
// n-th transaction.
type mortal struct {
	context.Context
	end  context.CancelFunc
	p    *process
	left atomic.Int64
	err  error // of taking the disk
}

func (m *mortal) Err() error {
	if m.left.Add(-1) < 0 && m.Context.Err() == nil {
		m.err = m.p.die()
		m.end()
	}
	return m.Context.Err()
}

// mortally runs an act of a process, which rarely dies in it; settle must
// follow.
func (w *world) mortally(p *process, act func(*world, context.Context, *process) error) error {
	if !w.healed && w.chance(0.05) {
		// At one of the commits that the act, or what it leads to, makes.
		p.fails = 1 + w.rng.IntN(6)
		return act(w, w.ctx, p)
	}
	if w.healed || !w.chance(0.04) {
		return act(w, w.ctx, p)
	}
	m := &mortal{p: p}
	m.left.Store(int64(w.rng.IntN(12)))
	m.Context, m.end = context.WithCancel(w.ctx)
	defer m.end()
	return errors.Join(act(w, m, p), m.err)
}

// settle brings back whoever died.
func (w *world) settle() error {
	for _, p := range w.faces {
		p.fails = 0
		if p.broken && p.dead == "" {
			// Whatever the disk kept of what it reported failed is what is found.
			if err := p.die(); err != nil {
				return err
			}
		}
		if p.dead == "" {
			continue
		}
		w.fault("crash")
		if err := p.revive(); err != nil {
			return fmt.Errorf("%s after a crash: %w", p.party, err)
		}
	}
	return nil
}
