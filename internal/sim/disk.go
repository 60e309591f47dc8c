package sim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
)

// errDisk is a disk that takes nothing.
var errDisk = errors.New("the disk is full")

// disk is a database on a disk that fails when its process's count runs out, in
// each of the ways that a disk can: before anything is written, with everything
// undone, and with everything kept and yet reported as failed. After the last the
// store takes nothing until it is opened again, as internal/store says.
type disk struct {
	store.Store
	p *process
}

func (d *disk) Update(ctx context.Context, fn func(store.Tx) error) error {
	p := d.p
	if p.broken {
		return fmt.Errorf("%w: the disk failed before", store.ErrUncertain)
	}
	if p.fails == 0 {
		return d.Store.Update(ctx, fn)
	}
	if p.fails--; p.fails > 0 {
		return d.Store.Update(ctx, fn)
	}
	p.w.troubled = true
	switch p.w.rng.IntN(3) {
	case 0:
		p.w.fault("disk: refused")
		return errDisk
	case 1:
		p.w.fault("disk: undone")
		return d.Store.Update(ctx, func(tx store.Tx) error {
			if err := fn(tx); err != nil {
				return err
			}
			return errDisk
		})
	}
	p.w.fault("disk: kept and reported failed")
	p.broken = true
	if err := d.Store.Update(ctx, fn); err != nil {
		return err
	}
	return fmt.Errorf("%w: the disk failed while it was being committed", store.ErrUncertain)
}

// backup is a copy of a party's database.
type backup struct {
	dir string
	at  int64 // entries of its own log in it
}

func (w *world) backUp(_ context.Context, p *process) error {
	if p.restored {
		return nil
	}
	at, err := p.Tree(w.ctx, w.accord, p.party, -1)
	if err != nil {
		return err
	}
	to := filepath.Join(p.home, fmt.Sprintf("backup-%d", w.result.Steps))
	if err := os.CopyFS(to, os.DirFS(p.dir)); err != nil {
		return err
	}
	err = os.RemoveAll(p.backup.dir)
	p.backup = backup{dir: to, at: at.N}
	return err
}

// restore puts a backup in the place of a database, while the signing state is
// kept, as it is outside backups. The party must not act before its partners
// gave back what it signed; nobody may accuse it. What had not left yet is lost.
func (w *world) restore(_ context.Context, p *process) error {
	if w.lies(p.party) || p.backup.dir == "" || p.restored || w.twin() != nil {
		return nil
	}
	if signed := w.known.most[p.party+">"+ledger.Origin(w.accord, p.party)]; signed <= p.backup.at {
		return nil // the backup lacks nothing that was signed: it is as good as the original
	}
	w.fault("backup restored")
	before, err := p.Tree(w.ctx, w.accord, p.party, -1)
	if err != nil {
		return err
	}
	if err := p.close(); err != nil {
		return err
	}
	for _, name := range []string{"parley.db", "parley.db-wal", "parley.db-shm"} {
		old, err := os.ReadFile(filepath.Join(p.backup.dir, name))
		if errors.Is(err, os.ErrNotExist) {
			err = os.RemoveAll(filepath.Join(p.dir, name))
		} else if err == nil {
			err = os.WriteFile(filepath.Join(p.dir, name), old, 0o600)
		}
		if err != nil {
			return err
		}
	}
	if err := p.open(); err != nil {
		return err
	}
	after, err := p.Tree(w.ctx, w.accord, p.party, -1)
	if err != nil {
		return err
	}
	p.restored, p.gone = true, span{w.accord, after.N, before.N}
	delete(w.known.items, p.party)
	for log := range w.known.held {
		if strings.HasPrefix(log, p.party+">") {
			delete(w.known.held, log)
		}
	}
	if _, err := p.Suspend(w.ctx, w.accord, "on an old database"); err == nil {
		w.broken("%s, whose database is older than what it signed, acts", p.party)
	}
	return nil
}

// span is a part of a log.
type span struct {
	accord   string
	from, to int64
}

func (s span) has(accord string, index int64) bool {
	return s.accord == accord && index >= s.from && index < s.to
}

// lost reports whether a party's own log under the accord is not whole.
func (w *world) lost(p *process) (bool, error) {
	if !p.restored {
		return false, nil
	}
	rs, err := p.Recoveries(w.ctx)
	for _, r := range rs {
		if r.Accord == w.accord && r.Lost {
			return true, err
		}
	}
	return false, err
}

// signOn lets a person say that what nobody returned does not exist. A person
// who says so while a parcel or stick of the party is still under way would make
// it sign two histories.
func (w *world) signOn(_ context.Context, p *process) error {
	if lost, err := w.lost(p); err != nil || !lost {
		return err
	}
	for _, x := range w.late {
		if x.from == p.party {
			return nil
		}
	}
	for _, s := range w.sticks {
		if s.from == p.party {
			return nil
		}
	}
	r, err := p.SignOn(w.ctx, w.accord)
	if err != nil {
		return err
	}
	w.result.Acts["signed on"]++
	// What it signed beyond was lost on every way that it went, or by whoever
	// held it as well: nobody has it.
	for _, m := range w.members {
		key := m + ">" + r.Log
		maps.DeleteFunc(w.known.said[key], func(size int64, _ string) bool { return size > r.Size })
		w.known.most[key] = min(w.known.most[key], r.Size)
	}
	return nil
}

// stick is a parcel file that travels by hand.
type stick struct {
	from, to string
	bytes    []byte
	due      time.Time
}

// writeStick gives somebody a parcel file to carry. It may be lost, take long,
// come twice, be damaged, or end up with somebody else.
func (w *world) writeStick(ctx context.Context, p *process) error {
	to := w.partner(p)
	var b strings.Builder
	if err := p.ExportParcel(ctx, w.accord, to, &b); err != nil {
		return err
	}
	s := stick{p.party, to, []byte(b.String()), w.time().Add(w.spell(time.Hour, 60*24*time.Hour))}
	switch x := w.rng.Float64(); {
	case x < 0.1:
		w.fault("stick lost")
		return nil
	case x < 0.2:
		w.fault("stick copied")
		again := s
		again.due = w.time().Add(w.spell(time.Hour, 60*24*time.Hour))
		w.sticks = append(w.sticks, again)
	case x < 0.3:
		w.fault("stick damaged")
		i := w.rng.IntN(len(s.bytes))
		s.bytes[i] ^= 1 << w.rng.IntN(8)
		s.from = "" // it must be refused
	case x < 0.4 && len(w.members) > 2:
		w.fault("stick astray")
		for s.to == to || s.to == p.party {
			s.to = pick(w, w.members)
		}
		s.from = ""
	}
	w.sticks = append(w.sticks, s)
	return nil
}

// readSticks lets the files that are due arrive.
func (w *world) readSticks() {
	var rest []stick
	for _, s := range w.sticks {
		to := w.answering(s.to)
		if w.time().Before(s.due) && !w.healed {
			rest = append(rest, s)
			continue
		}
		if w.lies(s.to) && w.twin() != nil {
			continue // it would learn what others hold of its log; see deafen
		}
		_, err := to.ImportParcel(w.ctx, bytes.NewReader(s.bytes))
		w.tell("stick %s → %s: %v", s.from, s.to, err)
		switch {
		case s.from == "" && err == nil:
			w.broken("%s took a parcel file that was damaged or is not for it", s.to)
		case s.from != "" && err != nil && !w.lies(s.from) && !w.lies(s.to) && !expected(err):
			w.broken("%s refused an honest parcel file of %s: %v", s.to, s.from, err)
		}
	}
	w.sticks = rest
}

// anyAccord is the accord in use, or now and then one that it replaced: its log
// goes on to its end.
func (w *world) anyAccord() string {
	if len(w.old) > 0 && w.chance(0.2) {
		return pick(w, w.old)
	}
	if w.next != "" && w.chance(0.5) {
		return w.next
	}
	return w.accord
}

// amend offers an accord that replaces the present one, once in a run.
func (w *world) amend(ctx context.Context, p *process) error {
	if w.next != "" || len(w.old) > 0 || w.lies(p.party) || p.restored {
		return nil
	}
	d := w.draft()
	d.Title, d.Amends = "Simulated accord, amended", w.accord
	if err := p.SaveDraft(ctx, "amended", d); err != nil {
		return err
	}
	a, err := p.OfferAccord(ctx, "amended")
	if err == nil {
		w.next = a.ID
	}
	return err
}

// sign signs the amendment where it has come, and lets everybody go over to it
// once all honest members know that it is in force.
func (w *world) sign(ctx context.Context, p *process) error {
	if w.next == "" {
		return nil
	}
	if _, err := p.SignAccord(ctx, w.next); err != nil {
		return err
	}
	for _, m := range w.members {
		if w.lies(m) {
			continue
		}
		a, err := w.procs[m].ShowAccord(w.ctx, w.next)
		if err != nil || a.State != "in force" {
			return nil
		}
	}
	w.adopt()
	return nil
}

func (w *world) adopt() {
	w.tell("amended: %s replaces %s", w.next[:8], w.accord[:8])
	w.result.Acts["amended"]++
	w.old = append(w.old, w.accord)
	w.accord, w.next = w.next, ""
	clear(w.last)
}
