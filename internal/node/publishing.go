package node

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"parley.example/parley/accord"
	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
	"parley.example/parley/psi"
	"parley.example/parley/release"
	"parley.example/parley/selector"
)

// Publishing what partners may match. Each member that stands at rung match is
// a job of its own: it has a key for each epoch and a filter of what the gate
// lets that member match. Within an epoch the set may change; what goes out
// then is the difference.

const (
	docPublished = "published" // by accord/party/kind: published
	docPrepared  = "prepared:" // + job/epoch, by number: entries computed so far
	preparedPart = 4096        // values computed between two durable steps
)

// falsePositive is the chance that a value which the holder does not hold
// shows as a hit (psi's filters).
const falsePositive = "1 in 4,294,967,296 for each value asked"

// published is what a partner was told last.
type published struct {
	Accord  string          `json:"accord"`
	To      string          `json:"to"`
	Kind    string          `json:"kind"`
	Epoch   uint64          `json:"epoch"`
	Since   int64           `json:"since"` // when the epoch began, Unix µs
	At      int64           `json:"at"`    // of the last filter
	Held    int             `json:"held"`
	Filter  ledger.Digest   `json:"filter"`
	Bytes   int             `json:"bytes"`   // that went out last
	Checked int64           `json:"checked"` // when the set was last found unchanged
	Index   int64           `json:"index"`
	Rubbish []ledger.Digest `json:"rubbish"` // bodies of before, to be deleted once delivered
}

// Publication is what publishing told the partners.
type Publication struct {
	Accord   string   `json:"accord"`
	Selector string   `json:"selector"`
	Epoch    uint64   `json:"epoch"`
	Held     int      `json:"held"` // never leaves this node; the filter is padded
	Bytes    int      `json:"bytes"`
	To       []string `json:"to"`
	// Computed is how many values were new; the others had been computed before.
	Computed int `json:"computed"`
	// Unchanged lists partners that have the very filter already.
	Unchanged []string `json:"unchanged,omitempty"`
}

// PublishMatch publishes the selectors of a kind to every other member at rung
// match or above: under a fresh key, which opens a new epoch and destroys the
// key before, or with refresh within the epoch, where only what changed goes
// out. Key and filter are committed to in the ledger. What is computed is kept:
// after a crash or a stop, the same call goes on where it was.
func (n *Node) PublishMatch(ctx context.Context, id, kind string, refresh bool) (Publication, error) {
	var pc pact
	var held []heldValue
	err := n.view(ctx, func(tx store.Tx) (err error) {
		if pc, err = n.pact(tx, id); err != nil {
			return err
		}
		if err := n.mayTalk(pc); err != nil {
			return err
		}
		if _, ok := pc.Terms.MatchRule(kind); !ok {
			return fmt.Errorf("%w: the accord does not allow matching of kind %q", ErrInvalid, clip(kind))
		}
		held, err = heldValues(tx, kind)
		return err
	})
	if err != nil {
		return Publication{}, err
	}
	out := Publication{Accord: pc.ID, Selector: kind, To: []string{}}
	for _, to := range n.others(pc.Accord) {
		if pc.state.Rung(n.cfg.Party, to) < accord.Match {
			continue
		}
		if err := n.publish(ctx, pc, to, kind, held, refresh, &out); err != nil {
			return out, err
		}
	}
	if len(out.To)+len(out.Unchanged) == 0 {
		return out, fmt.Errorf("%w: no other member stands at rung match or above", ErrState)
	}
	n.kick(pc.Accord)
	return out, nil
}

// heldValue is a normalised value with the objects and lists that hold it.
type heldValue struct {
	value   string
	objects []string
}

func heldValues(tx store.Tx, kind string) (out []heldValue, err error) {
	err = tx.EachSelector(kind, func(value, object string) {
		if k := len(out); k > 0 && out[k-1].value == value {
			out[k-1].objects = append(out[k-1].objects, object)
			return
		}
		out = append(out, heldValue{value, []string{object}})
	})
	return out, err
}

// matchable lists the values that a partner may match: those of a list that was
// loaded for the accord, and those of an object that the gate lets it match.
func (n *Node) matchable(tx store.Tx, pc pact, to string, held []heldValue) ([][]byte, error) {
	basis := ""
	if len(pc.Terms.LegalBases) > 0 {
		basis = pc.Terms.LegalBases[0]
	}
	allowed := make(map[string]bool)
	may := func(id string) (bool, error) {
		ok, known := allowed[id]
		if known {
			return ok, nil
		}
		if name, isList := strings.CutPrefix(id, listPrefix); isList {
			var l MatchList
			if err := getDoc(tx, docMatchList, name, &l); err != nil {
				return false, err
			}
			ok = slices.Contains(l.Accords, pc.ID)
		} else {
			o, err := tx.Object(id)
			if err != nil {
				return false, err
			}
			ok = release.Decide(n.gateInput(tx, pc, o, []string{to}, pc.Terms.Purposes[0], basis)).Outcome >= release.MatchOnly
		}
		allowed[id] = ok
		return ok, nil
	}
	var out [][]byte
	for _, h := range held {
		for _, id := range h.objects {
			ok, err := may(id)
			if err != nil {
				return nil, fmt.Errorf("deciding on %s: %w", id, err)
			}
			if ok {
				out = append(out, []byte(h.value))
				break
			}
		}
	}
	return out, nil
}

// publish does one job; see PublishMatch.
func (n *Node) publish(ctx context.Context, pc pact, to, kind string, held []heldValue, refresh bool, out *Publication) error {
	job := matchJob(pc.ID, to, kind)
	lock := n.pair("publish "+pc.ID+"/"+kind, to)
	lock.Lock()
	defer lock.Unlock()
	var was published
	var inputs [][]byte
	err := n.view(ctx, func(tx store.Tx) (err error) {
		if was, err = n.lastPublished(tx, pc, to, kind); err != nil {
			return err
		}
		inputs, err = n.matchable(tx, pc, to, held)
		return err
	})
	if err != nil {
		return err
	}
	key, err := n.epochKey(job, was.Epoch, refresh)
	if err != nil {
		return err
	}
	secret, err := psi.ParseSecretKey(key.Secret)
	if err != nil {
		return fmt.Errorf("matching key: %w", err)
	}
	info := psi.Info{Accord: pc.ID, Epoch: key.Epoch, Kind: kind, Normaliser: selector.Version(kind)}
	holder, err := psi.NewHolder(secret, info)
	if err != nil {
		return err
	}
	entries, computed, err := n.precompute(ctx, job, key.Epoch, holder, inputs)
	if err != nil {
		return err
	}
	filter, err := holder.FilterOf(entries, 0)
	if err != nil {
		return err
	}
	digest := ledger.Digest(sha256.Sum256(filter))
	out.Epoch, out.Held, out.Computed = key.Epoch, len(inputs), out.Computed+computed
	if was.Epoch == key.Epoch && was.Filter == digest {
		out.Unchanged = append(out.Unchanged, to)
		was.Checked = n.now().UnixMicro()
		return n.update(ctx, func(tx store.Tx) error { return putDoc(tx, docPublished, job, was) })
	}
	now := published{Accord: pc.ID, To: to, Kind: kind, Epoch: key.Epoch, Held: len(inputs), Filter: digest, At: n.now().UnixMicro()}
	if now.Since = now.At; was.Epoch == key.Epoch {
		now.Since = was.Since
	}
	event := ledger.MatchKey{Selector: kind, Normaliser: info.Normaliser, Epoch: key.Epoch, PublicKey: secret.Public().Bytes(), Filter: digest}
	if out.Bytes, err = n.putOut(ctx, pc, event, now, was, filter); err != nil {
		return err
	}
	out.To = append(out.To, to)
	if was.Epoch == key.Epoch {
		return nil
	}
	// The epoch before is over: its key and what was computed with it go.
	if err := n.setMatchKeys(job, []matchKey{key}); err != nil {
		return err
	}
	return n.dropPrepared(ctx, job, was.Epoch)
}

// putOut commits to a filter and puts it out, or the difference to the one
// before where that is smaller, in one transaction. It returns the size of what
// goes out.
func (n *Node) putOut(ctx context.Context, pc pact, event ledger.MatchKey, now, was published, filter []byte) (size int, err error) {
	err = n.update(ctx, func(tx store.Tx) error {
		fresh, err := n.pact(tx, pc.ID)
		if err != nil {
			return err
		}
		event, now := event, now
		body := filter
		if was.Epoch == now.Epoch {
			if delta, ok := difference(tx, was.Filter, filter); ok && len(delta) < len(filter) {
				body, event.Delta = delta, ledger.Digest(sha256.Sum256(delta))
			}
		}
		rel, err := release.MintExchange(fresh.Accord, fresh.state, n.cfg.Party, now.To, now.Kind, ledger.MatchPublished, body, n.now())
		if err != nil {
			return fmt.Errorf("%w: %w", ErrState, err)
		}
		if now.Index, err = n.act(tx, pc.Accord, ledger.MatchPublished, event, now.To); err != nil {
			return err
		}
		if err := n.queue(tx, rel, now.Index, ledger.Routine); err != nil {
			return err
		}
		// The whole filter is the base of the next difference.
		if err := tx.PutBody(now.Filter, filter); err != nil {
			return err
		}
		size, now.Bytes = len(body), len(body)
		was := was
		if was.Filter != (ledger.Digest{}) {
			was.Rubbish = append(slices.Clone(was.Rubbish), was.Filter)
		}
		if event.Delta != (ledger.Digest{}) {
			was.Rubbish = append(was.Rubbish, event.Delta)
		}
		if now.Rubbish, err = sweep(tx, pc.ID, now.To, was.Rubbish); err != nil {
			return err
		}
		return putDoc(tx, docPublished, matchJob(pc.ID, now.To, now.Kind), now)
	})
	return size, err
}

// difference returns what leads from a filter held to another one.
func difference(tx store.Tx, from ledger.Digest, to []byte) ([]byte, bool) {
	raw, err := tx.Body(from)
	if err != nil {
		return nil, false
	}
	a, err := psi.OpenFilter(raw)
	if err != nil {
		return nil, false
	}
	b, err := psi.OpenFilter(to)
	if err != nil {
		return nil, false
	}
	d, err := b.Delta(a)
	return d, err == nil
}

// sweep deletes bodies that are not on their way any more and returns the rest.
func sweep(tx store.Tx, accordID, to string, rubbish []ledger.Digest) (rest []ledger.Digest, err error) {
	out, err := tx.Outbox(accordID, to)
	if err != nil {
		return nil, err
	}
	for _, d := range rubbish {
		if slices.ContainsFunc(out, func(o store.Out) bool { return o.Digest == d }) {
			rest = append(rest, d)
		} else if err := tx.DeleteBody(d); err != nil {
			return nil, err
		}
	}
	return rest, nil
}

// lastPublished reads what a partner was told last. The ledger is what counts:
// an epoch never comes back, even on a node restored from a backup.
func (n *Node) lastPublished(tx store.Tx, pc pact, to, kind string) (published, error) {
	var p published
	err := getDoc(tx, docPublished, matchJob(pc.ID, to, kind), &p)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return p, err
	}
	rows, err := tx.Events(store.EventQuery{Logs: []string{ledger.Origin(pc.ID, n.cfg.Party)}, Kinds: []string{string(ledger.MatchPublished)}})
	if err != nil {
		return p, err
	}
	for _, r := range rows {
		if r.Audience != to {
			continue
		}
		e, err := ledger.ParseEvent(r.Bytes)
		if err != nil {
			return p, err
		}
		k, err := decodeData[ledger.MatchKey](e)
		if err != nil {
			return p, err
		}
		if k.Selector == kind && k.Epoch > p.Epoch {
			p = published{Epoch: k.Epoch} // told, but what was told is not held
		}
	}
	return p, nil
}

// epochKey returns the key to publish under: with refresh the one in use; else
// the next, which is durable before anything is computed with it. A next key
// that an interrupted call left is taken up again.
func (n *Node) epochKey(job string, last uint64, refresh bool) (matchKey, error) {
	keys, err := n.matchKeys(job)
	if err != nil {
		return matchKey{}, err
	}
	if over := slices.IndexFunc(keys, func(k matchKey) bool { return k.Epoch >= last }); over > 0 {
		// A crash came between the last epoch's end and this.
		keys = keys[over:]
		if err := n.setMatchKeys(job, keys); err != nil {
			return matchKey{}, err
		}
	}
	if i := slices.IndexFunc(keys, func(k matchKey) bool { return k.Epoch == last }); refresh && i >= 0 {
		return keys[i], nil
	}
	if i := slices.IndexFunc(keys, func(k matchKey) bool { return k.Epoch > last }); i >= 0 {
		return keys[i], nil
	}
	secret, err := psi.GenerateKey(n.opt.Rand)
	if err != nil {
		return matchKey{}, err
	}
	next := matchKey{last + 1, secret.Bytes()}
	return next, n.setMatchKeys(job, append(keys, next))
}

// precompute returns the entries of inputs under one key, in no order that
// matters. Those of values seen before in the epoch are read; the rest are
// computed on all cores, a part at a time, each durable before the next.
func (n *Node) precompute(ctx context.Context, job string, epoch uint64, holder *psi.Holder, inputs [][]byte) (entries []psi.Entry, computed int, err error) {
	kind := fmt.Sprintf("%s%s/%d", docPrepared, job, epoch)
	known := make(map[[16]byte]psi.Entry)
	parts := 0
	err = n.view(ctx, func(tx store.Tx) error {
		docs, err := tx.ListDocs(kind)
		if err != nil {
			return err
		}
		parts = len(docs)
		for _, d := range docs {
			for b := d.Body; len(b) >= 24; b = b[24:] {
				known[[16]byte(b)] = psi.Entry(binary.BigEndian.Uint64(b[16:]))
			}
		}
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	var missing [][]byte
	for _, in := range inputs {
		if e, ok := known[shortHash(in)]; ok {
			entries = append(entries, e)
		} else {
			missing = append(missing, in)
		}
	}
	clear(known)
	n.setProgress(job, len(entries), len(inputs))
	defer n.setProgress(job, 0, 0)
	for len(missing) > 0 {
		part := missing[:min(len(missing), preparedPart)]
		outputs, err := holder.Evaluate(ctx, part, nil)
		if err != nil {
			return nil, computed, err
		}
		b := make([]byte, 0, 24*len(part))
		for i := range outputs {
			e := outputs[i].Entry()
			h := shortHash(part[i])
			b = binary.BigEndian.AppendUint64(append(b, h[:]...), uint64(e))
			entries = append(entries, e)
		}
		err = n.update(ctx, func(tx store.Tx) error { return tx.PutDoc(kind, fmt.Sprintf("%08d", parts), b) })
		if err != nil {
			return nil, computed, err
		}
		parts++
		computed += len(part)
		missing = missing[len(part):]
		n.setProgress(job, len(entries), len(inputs))
	}
	return entries, computed, nil
}

func shortHash(value []byte) [16]byte {
	sum := sha256.Sum256(value)
	return [16]byte(sum[:16])
}

func (n *Node) dropPrepared(ctx context.Context, job string, epoch uint64) error {
	kind := fmt.Sprintf("%s%s/%d", docPrepared, job, epoch)
	return n.update(ctx, func(tx store.Tx) error {
		docs, err := tx.ListDocs(kind)
		for _, d := range docs {
			err = errors.Join(err, tx.DeleteDoc(kind, d.ID))
		}
		return err
	})
}

// PublishState is what one partner was told about one kind, and how far a
// publication under way has come.
type PublishState struct {
	Accord   string `json:"accord"`
	To       string `json:"to"`
	Selector string `json:"selector"`
	Epoch    uint64 `json:"epoch"`
	Since    string `json:"since"`     // when the epoch began
	At       string `json:"at"`        // of the last filter
	NewEpoch string `json:"new_epoch"` // when the next epoch is due
	Held     int    `json:"held"`
	Bytes    int    `json:"bytes"` // of what went out last
	Done     int    `json:"done"`  // of Total, while it is being computed
	Total    int    `json:"total"`
}

type progress struct{ done, total int }

func (n *Node) setProgress(job string, done, total int) {
	if total == 0 {
		n.preparing.Delete(job)
		return
	}
	n.preparing.Store(job, progress{done, total})
}

// Published lists what partners were told, and what is being prepared.
func (n *Node) Published(ctx context.Context) ([]PublishState, error) {
	out := []PublishState{}
	seen := make(map[string]bool)
	view := func(p published) PublishState {
		job := matchJob(p.Accord, p.To, p.Kind)
		seen[job] = true
		s := PublishState{Accord: p.Accord, To: p.To, Selector: p.Kind, Epoch: p.Epoch, Held: p.Held, Bytes: p.Bytes}
		if p.At > 0 {
			since := time.UnixMicro(p.Since).UTC()
			s.Since, s.At, s.NewEpoch = stamp(since), stamp(time.UnixMicro(p.At).UTC()), stamp(since.Add(epochLife))
		}
		if v, ok := n.preparing.Load(job); ok {
			s.Done, s.Total = v.(progress).done, v.(progress).total
		}
		return s
	}
	err := n.view(ctx, func(tx store.Tx) error {
		all, err := listDocs[published](tx, docPublished)
		for _, p := range all {
			out = append(out, view(p))
		}
		return err
	})
	n.preparing.Range(func(k, _ any) bool {
		if f := strings.SplitN(k.(string), "/", 3); !seen[k.(string)] && len(f) == 3 {
			out = append(out, view(published{Accord: f[0], To: f[1], Kind: f[2]}))
		}
		return true
	})
	return out, err
}

const (
	epochLife   = 7 * 24 * time.Hour // a key serves that long
	filterLife  = 24 * time.Hour     // and changes of the set go out that often
	matchUpkeep = time.Hour
)

// RenewMatch brings what was published up to date: a new epoch where the key
// has served its time, else what changed since yesterday. It is called now and
// then while the node runs.
func (n *Node) RenewMatch(ctx context.Context) error {
	type due struct {
		accord, kind string
		refresh      bool
	}
	var jobs []due
	err := n.view(ctx, func(tx store.Tx) error {
		all, err := listDocs[published](tx, docPublished)
		for _, p := range all {
			age := n.now().Sub(time.UnixMicro(p.Since))
			d := due{p.Accord, p.Kind, age < epochLife}
			if d.refresh && n.now().Sub(time.UnixMicro(max(p.At, p.Checked))) < filterLife || slices.Contains(jobs, d) {
				continue
			}
			pc, err := n.pact(tx, p.Accord)
			if err != nil {
				return err
			}
			if n.mayTalk(pc) == nil {
				jobs = append(jobs, d)
			}
		}
		return err
	})
	for _, d := range jobs {
		if _, perr := n.PublishMatch(ctx, d.accord, d.kind, d.refresh); perr != nil && !errors.Is(perr, ErrState) {
			err = errors.Join(err, fmt.Errorf("publishing %s anew under %s: %w", d.kind, d.accord, perr))
		}
	}
	return errors.Join(err, n.retryStanding(ctx))
}

// keepMatch calls RenewMatch until ctx ends.
func (n *Node) keepMatch(ctx context.Context) {
	if n.opt.Every < 0 {
		return // tests do it by hand
	}
	tick := time.NewTicker(matchUpkeep)
	defer tick.Stop()
	for {
		if err := n.RenewMatch(ctx); err != nil && ctx.Err() == nil {
			n.opt.Log.Error("renewing what partners may match", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
