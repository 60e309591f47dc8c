package sim

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"time"

	"parley.example/parley/internal/link"
)

// scheme lets the liar prepare: it copies its whole self once, and from then on
// each of its faces tells a history of its own to whomever it meets.
func (w *world) scheme() error {
	if w.liar == "" || !w.chance(0.03) {
		return nil
	}
	if w.chance(0.3) {
		// Its clock goes back by days, and then what it writes does.
		w.fault("lie: backdated")
		w.procs[w.liar].skew(-w.spell(24*time.Hour, 30*24*time.Hour))
		return nil
	}
	if w.twin() == nil {
		// Who lost its log needs every member's copy of it, and this one would give
		// none any more.
		for _, p := range w.faces {
			if lost, err := w.lost(p); err != nil || lost {
				return err
			}
		}
		return w.fork()
	}
	w.fault("lie: other face")
	w.second = !w.second
	return nil
}

func (w *world) twin() *process {
	for _, p := range w.faces {
		if p.twin {
			return p
		}
	}
	return nil
}

func (w *world) fork() error {
	first := w.procs[w.liar]
	at, err := first.Tree(w.ctx, w.accord, w.liar, -1)
	if err != nil {
		return err
	}
	p := w.emptyProcess(w.liar, 100)
	p.twin, p.dir = true, filepath.Join(p.home, "0")
	if err := os.CopyFS(p.dir, os.DirFS(first.dir)); err != nil {
		return err
	}
	if err := p.open(); err != nil {
		return err
	}
	w.faces = append(w.faces, p)
	w.fault("lie: fork")
	w.tell("%s forks at %d", w.liar, at.N)
	return nil
}

// lie may change what the liar sends.
func (w *world) lie(from, to *process, p *link.Parcel) {
	if w.healed || !w.chance(0.3) {
		return
	}
	switch w.rng.IntN(6) {
	case 4:
		if i := slices.IndexFunc(p.Entries, func(e link.Entry) bool { return e.Event != nil }); i >= 0 {
			w.fault("lie: event altered")
			p.Entries = slices.Clone(p.Entries)
			e := bytes.Clone(p.Entries[i].Event)
			e[len(e)-2] ^= 1
			p.Entries[i].Event = e
		}
	case 5:
		if len(p.Entries) > 1 {
			w.fault("lie: entries reordered")
			p.Entries = slices.Clone(p.Entries)
			slices.Reverse(p.Entries)
		}
	case 0:
		if len(p.Bodies) > 0 {
			w.fault("lie: content withheld")
			p.Bodies = nil
		}
	case 1:
		if len(p.Bodies) > 0 {
			w.fault("lie: content altered")
			p.Bodies = slices.Clone(p.Bodies)
			i := w.rng.IntN(len(p.Bodies))
			if b := bytes.Clone(p.Bodies[i].Bytes); len(b) > 0 {
				b[len(b)/2] ^= 1
				p.Bodies[i].Bytes = b
			}
		}
	case 2:
		old, ok := w.last[from.party+">"+to.party]
		if q, err := link.Decode(bytes.NewReader(old)); ok && err == nil {
			w.fault("lie: old parcel again")
			*p = q
		}
	case 3:
		if len(p.Entries) > 0 {
			w.fault("lie: entry withheld")
			p.Entries = p.Entries[:len(p.Entries)-1]
		}
	}
}
