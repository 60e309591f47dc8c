package sim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"parley.example/parley/accord"
	"parley.example/parley/internal/link"
)

// errLost is what a party sees of a parcel or an answer that did not come.
var errLost = errors.New("no answer")

// wire is a process's end of the simulated network.
type wire struct{ p *process }

// parked is a parcel that is still under way.
type parked struct {
	from, to string
	bytes    []byte
	due      time.Time
}

// Exchange carries a parcel as a line of TLS would: it ends at the process
// behind the endpoint, which must have the pinned key.
func (l wire) Exchange(ctx context.Context, endpoint, pin string, p link.Parcel) (link.Parcel, error) {
	w, from := l.p.w, l.p
	to := w.answering(p.To)
	if to == nil {
		return link.Parcel{}, fmt.Errorf("nobody is called %q", p.To)
	}
	if from.dead != "" || to.dead != "" {
		w.troubled = true
		return link.Parcel{}, errLost
	}
	if w.cfg.Tamper != nil && !w.lies(from.party) {
		w.cfg.Tamper(from.party, to.party, &p)
	}
	if w.lies(from.party) {
		w.lie(from, to, &p)
	}
	if err := w.sent(from, to.party, p); err != nil {
		return link.Parcel{}, err
	}
	raw, err := encode(p)
	if err != nil {
		return link.Parcel{}, err
	}
	if _, ok := w.last[from.party+">"+to.party]; !ok && len(p.Entries) > 0 && !w.healed {
		w.last[from.party+">"+to.party] = raw
	}
	if raw, err = w.outward(from, to, raw); err != nil {
		return link.Parcel{}, err
	}
	reply, err := w.deliver(from, to, raw)
	if err != nil {
		return link.Parcel{}, err
	}
	return w.inward(from, to, p, reply)
}

// Finish and Forget: the simulated network takes a parcel whole or not at all.
func (wire) Finish(context.Context, string, string, string) (link.Parcel, bool, error) {
	return link.Parcel{}, false, nil
}

// Forget has nothing to drop.
func (wire) Forget(string, string) {}

// answering is the process that answers under a party's address now.
func (w *world) answering(party string) *process {
	var found *process
	for _, p := range w.faces {
		if p.party == party && (found == nil || w.second) {
			found = p
		}
	}
	return found
}

func ends(a, b string) string { return min(a, b) + "|" + max(a, b) }

// trouble notes that the network, not a party, is to blame for an error.
func (w *world) trouble(kind string) error {
	w.troubled = true
	w.fault(kind)
	return errLost
}

// outward is what happens to a request on its way.
func (w *world) outward(from, to *process, raw []byte) ([]byte, error) {
	if w.healed {
		return raw, nil
	}
	if until, ok := w.cut[ends(from.party, to.party)]; ok && w.time().Before(until) {
		return nil, w.trouble("partitioned")
	}
	switch x := w.rng.Float64(); {
	case x < 0.04:
		return nil, w.trouble("request lost")
	case x < 0.08:
		w.late = append(w.late, parked{from.party, to.party, raw, w.time().Add(w.spell(time.Minute, 20*24*time.Hour))})
		return nil, w.trouble("delayed")
	case x < 0.12:
		w.fault("duplicated")
		w.late = append(w.late, parked{from.party, to.party, raw, w.time().Add(w.spell(time.Minute, 20*24*time.Hour))})
	case x < 0.15:
		w.damage(raw)
		return nil, w.trouble("damaged")
	case x < 0.17:
		err := w.trouble("receiver died before")
		return nil, errors.Join(err, to.die())
	case x < 0.19:
		err := w.trouble("sender died before")
		return nil, errors.Join(err, from.die())
	}
	return raw, nil
}

// inward is what happens to an answer on its way: the other side has done what
// was asked.
func (w *world) inward(from, to *process, asked, reply link.Parcel) (link.Parcel, error) {
	raw, err := encode(reply)
	if err != nil {
		return link.Parcel{}, err
	}
	if !w.healed {
		switch x := w.rng.Float64(); {
		case x < 0.04:
			return link.Parcel{}, w.trouble("answer lost")
		case x < 0.06:
			w.damage(raw)
			return link.Parcel{}, w.trouble("answer damaged")
		case x < 0.08:
			err := w.trouble("receiver died after")
			return link.Parcel{}, errors.Join(err, to.die())
		case x < 0.10:
			err := w.trouble("sender died after")
			return link.Parcel{}, errors.Join(err, from.die())
		}
	}
	got, err := link.Decode(bytes.NewReader(raw))
	if err != nil {
		return link.Parcel{}, err
	}
	if err := w.deafen(from, &got); err != nil {
		return link.Parcel{}, err
	}
	if got.From != asked.To || got.To != asked.From || got.Header.Accord != asked.Header.Accord {
		return link.Parcel{}, fmt.Errorf("%w: the answer is for another exchange", link.ErrParcel)
	}
	return got, nil
}

// deliver hands bytes to a process as its server would, and judges its answer.
func (w *world) deliver(from, to *process, raw []byte) (link.Parcel, error) {
	p, err := link.Decode(bytes.NewReader(raw))
	if err != nil {
		return link.Parcel{}, fmt.Errorf("%w: %w", link.ErrRefused, err)
	}
	if err := w.deafen(to, &p); err != nil {
		return link.Parcel{}, err
	}
	reply, err := to.Receive(w.ctx, from.party, p)
	if from.dead != "" || to.dead != "" {
		// One of them died in an exchange that this one led to: what it did
		// after that, its answer and its signatures with it, never happened.
		return link.Parcel{}, errLost
	}
	if err != nil {
		return link.Parcel{}, fmt.Errorf("%w: %s says: %w", link.ErrRefused, to.party, err)
	}
	if w.cfg.Tamper != nil && !w.lies(to.party) {
		w.cfg.Tamper(to.party, from.party, &reply)
	}
	if w.lies(to.party) {
		w.lie(to, from, &reply)
	}
	return reply, w.sent(to, from.party, reply)
}

// deafen keeps from a liar with two faces what others hold of its log: told of
// it, the real code would stop acting, as a node does whose database was put
// back.
func (w *world) deafen(p *process, got *link.Parcel) error {
	if !w.lies(p.party) || w.twin() == nil {
		return nil
	}
	own, err := p.Tree(w.ctx, w.accord, p.party, -1)
	if err != nil {
		return err
	}
	got.Have, got.Cosigned = min(got.Have, own.N), nil
	return nil
}

// arrive delivers what was under way long enough. Answers go nowhere.
func (w *world) arrive() {
	var rest []parked
	for _, x := range w.late {
		from, to := w.procs[x.from], w.answering(x.to)
		if w.time().Before(x.due) && !w.healed {
			rest = append(rest, x)
			continue
		}
		w.tell("late parcel %s → %s", x.from, x.to)
		_, err := w.deliver(from, to, x.bytes)
		if to.restored && errors.Is(err, accord.ErrAccord) {
			continue // it no longer knows of an accord that the sender had not signed then
		}
		if from.gone != (span{}) && errors.Is(err, accord.ErrRevoked) {
			continue // what its database lost, its newer card does not vouch for
		}
		if err != nil && !w.lies(x.from) && !w.lies(x.to) {
			w.broken("an honest parcel of %s that came late is refused: %v", x.from, err)
		}
	}
	w.late = rest
}

func encode(p link.Parcel) ([]byte, error) {
	var b bytes.Buffer
	err := p.Encode(&b)
	return b.Bytes(), err
}

// damage cuts a parcel short or flips a bit of it: it must not read, or read
// as what it was.
func (w *world) damage(raw []byte) {
	bad := bytes.Clone(raw)
	if w.chance(0.5) {
		bad = bad[:w.rng.IntN(len(bad))]
	} else {
		bad[w.rng.IntN(len(bad))] ^= 1 << w.rng.IntN(8)
	}
	got, err := link.Decode(bytes.NewReader(bad))
	if err != nil {
		if !errors.Is(err, link.ErrParcel) {
			w.broken("a damaged parcel is refused with %v, want link.ErrParcel", err)
		}
		return
	}
	want, err := link.Decode(bytes.NewReader(raw))
	if err != nil || !reflect.DeepEqual(got, want) {
		w.broken("a damaged parcel reads as another one")
	}
}

// excused reports whether an error of an honest act is no fault of the node.
func (w *world) excused(err error) bool {
	return w.troubled || errors.Is(err, errLost) || errors.Is(err, context.Canceled)
}
