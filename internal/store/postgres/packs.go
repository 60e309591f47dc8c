package postgres

import (
	"github.com/jackc/pgx/v5"

	"parley.example/parley/internal/store"
	"parley.example/parley/internal/store/pack"
)

// readPack reads a pack that then belongs to the caller, or returns ErrNotFound.
func (t *tx) readPack(log string, id, at int64) (p pack.Pack, err error) {
	if err := t.flush(); err != nil {
		return p, err
	}
	raw, err := first(t, "pack", "SELECT entries FROM packs WHERE log = $1 AND first = $2", []any{id, at}, scanBytes)
	if err != nil {
		return p, err
	}
	if p, err = pack.Decode(log, at, raw); err != nil {
		err = t.fail("pack", err)
	}
	return p, err
}

// pack is readPack for what looks at one entry after another. Nothing in it may be
// given away, nor changed but by PutEvent; what is changed is written by flush.
func (t *tx) pack(log string, id, first int64) (pack.Pack, error) {
	if err := t.usable(); err != nil {
		return pack.Pack{}, err
	}
	if t.heldOf == id && t.held.First == first && len(t.held.Entries) > 0 {
		return t.held, nil
	}
	p, err := t.readPack(log, id, first)
	if err == nil {
		t.held, t.heldOf = p, id
	}
	return p, err
}

// packUp makes a pack of the entries that complete one and of the rows before
// them. It reports false where the pack would be too large.
func (t *tx) packUp(log string, id int64, s pack.Stretch) (bool, error) {
	if err := t.flush(); err != nil {
		return false, err
	}
	var before []store.LogEntry
	if s.From > s.First {
		var err error
		if before, err = t.entries(log, id, s.First, s.From); err != nil {
			return false, err
		}
	}
	early, err := t.eventRows(log, id, s.From, s.First+pack.Size) // openings that came before their leaves
	if err != nil {
		return false, err
	}
	p, raw, ok, err := s.Pack(log, before, early)
	if err != nil || !ok {
		return false, err
	}
	if err := t.putPack(id, p, raw); err != nil {
		return false, err
	}
	from, to := s.Hashed()
	for _, x := range []struct {
		what, sql string
		from, to  int64
	}{
		{"pack leaves", "DELETE FROM leaves WHERE log = $1 AND idx >= $2 AND idx < $3", s.First, s.From},
		{"pack events", "DELETE FROM events WHERE log = $1 AND idx >= $2 AND idx < $3", s.First, s.First + pack.Size},
		{"pack hashes", "DELETE FROM hashes WHERE log = $1 AND idx >= $2 AND idx < $3", from, to},
	} {
		if _, err := t.exec(x.what, x.sql, id, x.from, x.to); err != nil {
			return false, err
		}
	}
	at, roots := s.Roots()
	return true, t.putHashes(id, at, roots)
}

// putPack writes a pack, in the place of what it was before.
func (t *tx) putPack(id int64, p pack.Pack, raw []byte) error {
	t.held = pack.Pack{}
	if err := t.dropPack(id, p.First); err != nil {
		return err
	}
	if _, err := t.exec("put pack", "INSERT INTO packs (log, first, entries) VALUES ($1, $2, $3)", id, p.First, raw); err != nil {
		return err
	}
	for kind, latest := range p.Kinds() {
		if _, err := t.exec("put pack", "INSERT INTO pack_kinds (log, kind, first, latest) VALUES ($1, $2, $3, $4)", id, name(kind), p.First, latest); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) dropPack(id, first int64) error {
	for _, sql := range []string{"DELETE FROM packs WHERE log = $1 AND first = $2", "DELETE FROM pack_kinds WHERE log = $1 AND first = $2"} {
		if _, err := t.exec("drop pack", sql, id, first); err != nil {
			return err
		}
	}
	return nil
}

// flush writes the pack in hand, if openings were taken into it.
func (t *tx) flush() error {
	if !t.changed || t.err != nil {
		return t.err
	}
	t.changed = false
	if raw, ok := t.held.Encode(); ok {
		return t.putPack(t.heldOf, t.held, raw)
	}
	return t.unpack(t.heldOf, t.held) // it has become too large
}

// unpack makes rows of a pack.
func (t *tx) unpack(id int64, p pack.Pack) error {
	t.held = pack.Pack{}
	if err := t.dropPack(id, p.First); err != nil {
		return err
	}
	leaves, hashes, openings := p.Rows()
	return t.appendRows(id, p.First, leaves, hashes, openings)
}

// findPacks tells in which packs events are that a query selects.
func (t *tx) findPacks(q store.EventQuery) ([]pack.Found, error) {
	if err := t.flush(); err != nil {
		return nil, err
	}
	var f filter
	f.in("logs.name", q.Logs)
	f.in("k.kind", q.Kinds)
	if q.From > 0 {
		f.add("k.first > " + f.arg(q.From-pack.Size))
	}
	if q.Since > 0 {
		f.add("k.latest >= " + f.arg(q.Since))
	}
	sql := "SELECT logs.name, k.log, k.first, max(k.latest) FROM pack_kinds AS k JOIN logs ON logs.id = k.log" + f.where() + " GROUP BY logs.name, k.log, k.first"
	return some(t, "packs", sql, f.args, func(r pgx.Rows) (p pack.Found, err error) {
		err = r.Scan(text{&p.Log}, &p.ID, &p.First, &p.Latest)
		return p, err
	})
}
