package link

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"golang.org/x/mod/sumdb/tlog"

	"parley.example/parley/accord"
	"parley.example/parley/ledger"
)

// ErrGap reports a parcel that begins after what is held. Nothing is wrong
// with it; an earlier one is missing.
var ErrGap = errors.New("an earlier parcel is missing")

// ErrFork is a checkpoint that contradicts what the same owner signed before.
// The error is an *[Evidence].
var ErrFork = ledger.ErrFork

// Evidence is a fork that can be proven: Fork lacks only the accord and cards.
type Evidence struct {
	Fork ledger.Fork
	Err  error
}

func (e *Evidence) Error() string { return e.Err.Error() }
func (e *Evidence) Unwrap() error { return e.Err }

// ErrSuspect reports a signed tree that does not extend what is held, shown
// without the entries that would prove it to others: they must be asked for
// from the beginning.
var ErrSuspect = errors.New("log does not extend what was shown before")

// Replica is what is held of the sender's log.
type Replica struct {
	Tree       ledger.Tree
	Hashes     ledger.HashReader
	Leaves     func(from, to int64) ([][]byte, error)
	Checkpoint []byte // the newest one held; nil for an unknown log
}

// News is what a checked parcel adds to a replica.
type News struct {
	Checkpoint ledger.Checkpoint
	Tree       ledger.Tree // the replica's tree once the entries are in
	First      int64       // index of the first new leaf
	Entries    []Entry
	Events     []ledger.Event // parallel to Entries; zero where not opened
	Hashes     []tlog.Hash    // stored hashes that the new leaves add
}

// Check verifies the sender's log in a parcel against what is held of it: the
// checkpoint is the sender's, the leaves lead from the replica to that tree, or a
// part of the way with a proof for the rest, each opening fits its leaf and names the sender and the accord. It
// writes nothing. Leaves already held are compared and passed over, so a
// replayed parcel yields no news. It returns [ErrGap], [ErrFork] (an
// *[Evidence]), [ErrSuspect] or [ErrParcel].
func Check(p Parcel, held Replica, a accord.Accord, book *accord.Book) (News, error) {
	origin := ledger.Origin(a.ID, p.From)
	cp, err := book.Opener(p.From, append(a.Terms.Parties(), a.Terms.WitnessParties()...)...)(p.Checkpoint, origin)
	if err != nil {
		return News{}, fmt.Errorf("%w: checkpoint of %s: %w", ErrParcel, p.From, err)
	}
	news := News{Checkpoint: cp, First: held.Tree.N}
	end := p.First + int64(len(p.Entries))
	switch {
	case cp.Tree.N < held.Tree.N:
		// An old parcel that comes again is harmless; a tree that was never a
		// prefix of what is held is not.
		past, err := ledger.TreeAt(cp.Tree.N, held.Hashes)
		if err != nil {
			return News{}, err
		}
		if past.Hash != cp.Tree.Hash {
			return News{}, HeldProves(held, cp, past)
		}
		news.Tree = held.Tree
		return news, nil
	case p.First > held.Tree.N:
		return News{}, fmt.Errorf("%w: it begins at entry %d, held are %d", ErrGap, p.First, held.Tree.N)
	case end < held.Tree.N && end < cp.Tree.N:
		return stale(p, held, cp)
	case end > cp.Tree.N:
		return News{}, fmt.Errorf("%w: entries end at %d, checkpoint at %d", ErrParcel, end, cp.Tree.N)
	}
	old := held.Tree.N - p.First
	known, err := held.Leaves(p.First, held.Tree.N)
	if err != nil {
		return News{}, err
	}
	for i, leaf := range known {
		if !bytes.Equal(leaf, p.Entries[i].Leaf) {
			return News{}, shownProves(held, p, cp.Tree, p.First+int64(i))
		}
	}
	news.Entries = p.Entries[old:]
	leaves := make([][]byte, len(news.Entries))
	for i, e := range news.Entries {
		leaves[i] = e.Leaf
	}
	if news.Events, err = checkEntries(news.Entries, held.Tree.N, a.ID, p.From); err != nil {
		return News{}, err
	}
	if news.Hashes, news.Tree, err = ledger.Grow(held.Tree.N, leaves, held.Hashes); err != nil {
		return News{}, err
	}
	// Where not everything fitted, a proof leads from the last entry to the
	// signed tree.
	proof := p.Proof
	if p.OldSize != 0 && p.OldSize != end {
		return News{}, fmt.Errorf("%w: the consistency proof begins at %d, the entries end at %d", ErrParcel, p.OldSize, end)
	}
	if err := ledger.CheckConsistency(news.Tree, cp.Tree, proof); err != nil {
		if held.Tree.N > 0 && errors.Is(err, ErrFork) {
			if cp.Tree.N == held.Tree.N {
				return News{}, HeldProves(held, cp, held.Tree)
			}
			return News{}, fmt.Errorf("%w: %s signed a tree of size %d", ErrSuspect, p.From, cp.Tree.N)
		}
		return News{}, fmt.Errorf("%w: its entries do not make the signed tree", ErrParcel)
	}
	return news, nil
}

// stale is the answer to a part of a log that is held already and farther, as one
// is that was cut off on the line and overtaken: it must agree, and is no news.
func stale(p Parcel, held Replica, cp ledger.Checkpoint) (News, error) {
	end := p.First + int64(len(p.Entries))
	known, err := held.Leaves(p.First, end)
	if err != nil {
		return News{}, err
	}
	for i, leaf := range known {
		if !bytes.Equal(leaf, p.Entries[i].Leaf) {
			return News{}, fmt.Errorf("%w: it shows another entry %d than before", ErrSuspect, p.First+int64(i))
		}
	}
	past, err := ledger.TreeAt(end, held.Hashes)
	if err != nil {
		return News{}, err
	}
	if p.OldSize != end {
		return News{}, fmt.Errorf("%w: entries end at %d, checkpoint at %d", ErrParcel, end, cp.Tree.N)
	}
	if err := ledger.CheckConsistency(past, cp.Tree, p.Proof); err != nil {
		return News{}, fmt.Errorf("%w: %s signed a tree of size %d", ErrSuspect, p.From, cp.Tree.N)
	}
	return News{Checkpoint: cp, Tree: held.Tree, First: held.Tree.N}, nil
}

// HeldProves makes evidence of a smaller or equal signed tree that is no prefix
// of what is held, which the held checkpoint covers; past is what is held at
// that size. It returns an *[Evidence].
func HeldProves(held Replica, signed ledger.Checkpoint, past ledger.Tree) error {
	size, err := ledger.CheckpointSize(held.Checkpoint)
	if err != nil || size < past.N {
		return fmt.Errorf("%w: %s signed a tree of size %d", ErrSuspect, signed.Origin, past.N)
	}
	proof, err := ledger.ProveConsistency(past.N, size, held.Hashes)
	if err != nil {
		return err
	}
	return &Evidence{
		ledger.Fork{Earlier: signed.Note, Later: held.Checkpoint, Root: past.Hash, Proof: proof},
		fmt.Errorf("%w: another tree of size %d of %s is signed than the one held", ErrFork, past.N, signed.Origin),
	}
}

// shownProves makes evidence of entries that differ from those held: the tree
// that they lead to is signed too.
func shownProves(held Replica, p Parcel, signed ledger.Tree, index int64) error {
	base := hashesUpTo{held.Hashes, tlog.StoredHashCount(p.First)}
	leaves := make([][]byte, len(p.Entries))
	for i, e := range p.Entries {
		leaves[i] = e.Leaf
	}
	added, tree, err := ledger.Grow(p.First, leaves, base)
	if err != nil {
		return err
	}
	if tree != signed {
		return fmt.Errorf("%w: its entries do not make the signed tree", ErrParcel)
	}
	shown := extended{base, added}
	past, err := ledger.TreeAt(held.Tree.N, shown)
	if err != nil {
		return err
	}
	proof, err := ledger.ProveConsistency(past.N, signed.N, shown)
	if err != nil {
		return err
	}
	return &Evidence{
		ledger.Fork{Earlier: held.Checkpoint, Later: p.Checkpoint, Root: past.Hash, Proof: proof},
		fmt.Errorf("%w: %s shows another entry %d than before", ErrFork, p.From, index),
	}
}

// hashesUpTo reads the first n stored hashes of a log and no more.
type hashesUpTo struct {
	ledger.HashReader
	n int64
}

// extended reads hashes computed from shown entries after those held.
type extended struct {
	base  hashesUpTo
	added []tlog.Hash
}

func (x extended) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, at := range indexes {
		if at >= x.base.n {
			out[i] = x.added[at-x.base.n]
			continue
		}
		h, err := x.base.ReadHashes([]int64{at})
		if err != nil {
			return nil, err
		}
		out[i] = h[0]
	}
	return out, nil
}

// checkEntries checks entries from an index on, each alone, on every processor. Its
// error is that of the first one that fails.
func checkEntries(entries []Entry, first int64, accordID, party string) ([]ledger.Event, error) {
	events, errs := make([]ledger.Event, len(entries)), make([]error, len(entries))
	part := max(256, len(entries)/runtime.GOMAXPROCS(0)+1)
	var wg sync.WaitGroup
	for from := 0; from < len(entries); from += part {
		wg.Go(func() {
			for i := from; i < min(from+part, len(entries)) && errs[max(i-1, from)] == nil; i++ {
				events[i], errs[i] = CheckEntry(entries[i], accordID, party)
			}
		})
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("%w: entry %d: %w", ErrParcel, first+int64(i), err)
		}
	}
	return events, nil
}

// CheckEntry checks an entry alone: the leaf's form, that the opening, where
// there is one, fits it, and that it is an act of the party under the accord. It
// returns the event, zero where the entry is not opened.
func CheckEntry(e Entry, accordID, party string) (ledger.Event, error) {
	leaf, err := ledger.ParseLeaf(e.Leaf)
	if err != nil {
		return ledger.Event{}, err
	}
	if e.Event == nil {
		return ledger.Event{}, nil
	}
	ev, err := leaf.Open(e.Event, e.Salt)
	if err != nil {
		return ledger.Event{}, err
	}
	if ev.Accord != accordID || ev.Party != party {
		return ledger.Event{}, fmt.Errorf("it is an act of %s under another accord or name", ev.Party)
	}
	return ev, nil
}

// BodyDigest returns the digest of the body that an event announces; ok is
// false for events without one.
func BodyDigest(e ledger.Event) (d ledger.Digest, ok bool) {
	var err error
	switch e.Kind {
	case ledger.Released, ledger.Corrected:
		var x ledger.Release
		err, d = json.Unmarshal(e.Data, &x), x.Digest
	case ledger.KeyShown:
		var x ledger.ShownKey
		err, d = json.Unmarshal(e.Data, &x), x.Key
	case ledger.MatchPublished:
		var x ledger.MatchKey
		if err, d = json.Unmarshal(e.Data, &x), x.Filter; x.Delta != (ledger.Digest{}) {
			d = x.Delta
		}
	case ledger.MatchAsked:
		var x ledger.MatchQuestion
		err, d = json.Unmarshal(e.Data, &x), x.Question
	case ledger.MatchAnswered:
		var x ledger.MatchAnswer
		err, d = json.Unmarshal(e.Data, &x), x.Answer
		ok = err == nil && x.Refused == ""
		return d, ok
	case ledger.DeconflictJoined:
		var x ledger.DeconflictJoin
		err, d = json.Unmarshal(e.Data, &x), x.List
		ok = err == nil && x.Refused == ""
		return d, ok
	case ledger.DeconflictSealed:
		var x ledger.DeconflictSeal
		err, d = json.Unmarshal(e.Data, &x), x.Sealed
	case ledger.JointAct:
		var x ledger.Joint
		err, d = json.Unmarshal(e.Data, &x), x.Act
		ok = err == nil && x.Leaves == 0
		return d, ok
	default:
		return d, false
	}
	return d, err == nil
}
