package sqlite

import (
	"bytes"
	"database/sql/driver"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"parley.example/parley/internal/store"
	"parley.example/parley/internal/store/pack"
)

// logRow is a log as a transaction knows it.
type logRow struct{ id, size int64 }

// log returns the row of a log, or ErrNotFound. A transaction reads it once.
func (t *tx) log(name string) (row logRow, err error) {
	if row, known := t.logs[name]; known {
		return row, t.usable()
	}
	err = t.one("log", "SELECT id, size FROM logs WHERE name = ?", []driver.Value{name},
		func(v []driver.Value) { row = logRow{integer(v[0]), integer(v[1])} })
	if err == nil {
		t.know(name, row)
	}
	return row, err
}

func (t *tx) know(name string, row logRow) {
	if t.logs == nil {
		t.logs = make(map[string]logRow)
	}
	t.logs[name] = row
}

// makeLog is log for writers: it creates what is missing.
func (t *tx) makeLog(name string) (row logRow, err error) {
	if err := t.writable(); err != nil {
		return row, err
	}
	row, err = t.log(name)
	if errors.Is(err, store.ErrNotFound) {
		if _, err := t.exec("make log", "INSERT INTO logs (name, size) VALUES (?, 0)", name); err != nil {
			return row, err
		}
		row, err = t.log(name)
	}
	return row, err
}

// resize sets the number of leaves of a log.
func (t *tx) resize(name string, row logRow, size int64) error {
	_, err := t.exec("size of log", "UPDATE logs SET size = ? WHERE id = ?", size, row.id)
	t.know(name, logRow{row.id, size})
	return err
}

func (t *tx) AppendLeaves(log string, first int64, leaves [][]byte, hashes []tlog.Hash, openings ...store.Event) error {
	if err := t.writable(); err != nil {
		return err
	}
	row, err := t.log(log)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if err := pack.CheckAppend(log, row.size, first, len(leaves), len(hashes), openings); err != nil || len(leaves) == 0 {
		return err
	}
	if row, err = t.makeLog(log); err != nil {
		return err
	}
	for s := range pack.Stretches(first, leaves, hashes, openings) {
		packed, err := false, error(nil)
		if s.Full() {
			packed, err = t.packUp(log, row.id, s)
		}
		if err == nil && !packed {
			err = t.appendRows(row.id, s.From, s.Leaves, s.Hashes, s.Openings)
		}
		if err != nil {
			return t.fail("append leaves", err) // a part of them is written
		}
	}
	return t.resize(log, row, first+int64(len(leaves)))
}

// appendRows writes leaves as rows, with the stored hashes that they add.
func (t *tx) appendRows(id, first int64, leaves [][]byte, hashes []tlog.Hash, openings []store.Event) error {
	for i, leaf := range leaves {
		if _, err := t.exec("append leaf", "INSERT INTO leaves (log, idx, leaf) VALUES (?, ?, ?)", id, first+int64(i), leaf); err != nil {
			return err
		}
	}
	if err := t.putHashes(id, tlog.StoredHashCount(first), hashes); err != nil {
		return err
	}
	for _, e := range openings {
		if err := t.putEventRow(id, e); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) putHashes(id, at int64, hashes []tlog.Hash) error {
	for i := range hashes {
		if _, err := t.exec("append hash", "INSERT INTO hashes (log, idx, hash) VALUES (?, ?, ?)", id, at+int64(i), hashes[i][:]); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) TruncateLog(log string, size int64) error {
	if err := t.writable(); err != nil {
		return err
	}
	row, err := t.log(log)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if size < 0 {
		return fmt.Errorf("truncating %q to %d: not a size", log, size)
	}
	if p, err := t.readPack(log, row.id, pack.First(size)); err == nil {
		if err := t.unpack(row.id, p); err != nil {
			return err
		}
	} else if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	t.held = pack.Pack{}
	for _, x := range []struct {
		what, sql string
		from      int64
	}{
		{"truncate leaves", "DELETE FROM leaves WHERE log = ? AND idx >= ?", size},
		{"truncate hashes", "DELETE FROM hashes WHERE log = ? AND idx >= ?", tlog.StoredHashCount(size)},
		{"truncate events", "DELETE FROM events WHERE log = ? AND idx >= ?", size},
		{"truncate packs", "DELETE FROM packs WHERE log = ? AND first >= ?", size},
		{"truncate packs", "DELETE FROM pack_kinds WHERE log = ? AND first >= ?", size},
		{"truncate checkpoints", "DELETE FROM checkpoints WHERE log = ? AND size > ?", size},
	} {
		if _, err := t.exec(x.what, x.sql, row.id, x.from); err != nil {
			return err
		}
	}
	return t.resize(log, row, min(size, row.size))
}

func (t *tx) LogSize(log string) (int64, error) {
	row, err := t.log(log)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	return row.size, err
}

// stretch is the row of a log in which all of a stretch lies.
func (t *tx) stretch(log string, from, to int64) (logRow, error) {
	if from < 0 || to < from {
		return logRow{}, fmt.Errorf("leaves [%d, %d) of %q: not a range", from, to, log)
	}
	row, err := t.log(log)
	if err == nil && to > row.size {
		err = fmt.Errorf("leaves [%d, %d) of %q of size %d: %w", from, to, log, row.size, store.ErrNotFound)
	}
	return row, err
}

func (t *tx) Leaves(log string, from, to int64) ([][]byte, error) {
	if from == to && from >= 0 {
		return nil, t.usable()
	}
	row, err := t.stretch(log, from, to)
	if err != nil {
		return nil, err
	}
	leaves := make([][]byte, to-from)
	err = t.query("leaves", "SELECT idx, leaf FROM leaves WHERE log = ? AND idx >= ? AND idx < ?", []driver.Value{row.id, from, to},
		func(v []driver.Value) { leaves[integer(v[0])-from] = notNull(v[1]) })
	for i := 0; i < len(leaves) && err == nil; i++ {
		if leaves[i] != nil {
			continue
		}
		index := from + int64(i)
		p, perr := t.pack(log, row.id, pack.First(index))
		if err = perr; err == nil {
			leaves[i] = bytes.Clone(p.Entries[index-p.First].Leaf)
		} else if errors.Is(err, store.ErrNotFound) {
			err = t.fail("leaves", fmt.Errorf("leaf %d of %q is missing", index, log))
		}
	}
	return leaves, err
}

// notNull is a blob, never nil.
func notNull(v driver.Value) []byte {
	if b := blob(v); b != nil {
		return b
	}
	return []byte{}
}

func (t *tx) EachEntry(log string, from, to int64, fn func(int64, []store.LogEntry) error) error {
	row, err := t.stretch(log, from, to)
	if from == to && errors.Is(err, store.ErrNotFound) {
		err = t.usable()
	}
	if err != nil {
		return err
	}
	for at := from; at < to; {
		end := min(pack.First(at)+pack.Size, to)
		entries, err := t.entries(log, row.id, at, end)
		if err != nil {
			return err
		}
		if err := fn(at, entries); err != nil {
			return err
		}
		at = end
	}
	return nil
}

// entries reads a stretch within what is or may become one pack.
func (t *tx) entries(log string, id, from, to int64) ([]store.LogEntry, error) {
	p, err := t.readPack(log, id, pack.First(from))
	if err == nil {
		return p.Entries[from-p.First : to-p.First], nil
	}
	if !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	entries, n := make([]store.LogEntry, to-from), int64(0)
	err = t.query("leaves", "SELECT idx, leaf FROM leaves WHERE log = ? AND idx >= ? AND idx < ?", []driver.Value{id, from, to},
		func(v []driver.Value) { entries[integer(v[0])-from].Leaf = blob(v[1]); n++ })
	if err == nil && n != to-from {
		err = t.fail("leaves", fmt.Errorf("of the leaves [%d, %d) of %q the database holds %d", from, to, log, n))
	}
	if err != nil {
		return nil, err
	}
	err = t.eventRows(id, from, to, func(e store.Event) {
		e.Log = log
		entries[e.Index-from].Opened, entries[e.Index-from].Event = true, e
	})
	return entries, err
}

// eventRows gives openings that are rows.
func (t *tx) eventRows(id, from, to int64, fn func(store.Event)) error {
	return t.query("events", "SELECT '', idx, kind, at, bytes, salt, audience FROM events WHERE log = ? AND idx >= ? AND idx < ?",
		[]driver.Value{id, from, to}, func(v []driver.Value) { fn(scanEvent(v)) })
}

func (t *tx) ReadHashes(log string, indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	if len(indexes) == 0 {
		return hashes, t.usable()
	}
	row, err := t.log(log)
	if err != nil {
		return nil, err
	}
	for i, index := range indexes {
		n := 0
		err := t.one("hash", "SELECT hash FROM hashes WHERE log = ? AND idx = ?", []driver.Value{row.id, index},
			func(v []driver.Value) { n = copy(hashes[i][:], blob(v[0])) })
		if first, below := pack.Of(index); below && errors.Is(err, store.ErrNotFound) {
			var p pack.Pack
			if p, err = t.pack(log, row.id, first); err == nil {
				hashes[i] = p.Hash(index)
				continue
			}
		}
		if err != nil {
			return nil, fmt.Errorf("hash %d of %q: %w", index, log, err)
		}
		if n != tlog.HashSize {
			return nil, fmt.Errorf("hash %d of %q: database holds %d bytes", index, log, n)
		}
	}
	return hashes, nil
}

func (t *tx) Logs() (names []string, err error) {
	err = t.query("logs", "SELECT name FROM logs ORDER BY name", nil,
		func(v []driver.Value) { names = append(names, text(v[0])) })
	return names, err
}

func (t *tx) PutEvent(e store.Event) error {
	row, err := t.makeLog(e.Log)
	if err != nil {
		return err
	}
	if e.Index < pack.First(row.size) {
		p, err := t.pack(e.Log, row.id, pack.First(e.Index))
		if err == nil {
			changed, err := p.Open(e)
			t.changed = t.changed || changed // and written by flush
			return err
		}
		if !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	return t.putEventRow(row.id, e)
}

func (t *tx) putEventRow(id int64, e store.Event) error {
	n, err := t.exec("put event", `INSERT INTO events (log, idx, kind, at, bytes, salt, audience) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (log, idx) DO UPDATE SET kind = excluded.kind, at = excluded.at, audience = excluded.audience
		WHERE bytes IS excluded.bytes AND salt IS excluded.salt`,
		id, e.Index, e.Kind, e.At, notNil(e.Bytes), notNil(e.Salt), e.Audience)
	if err == nil && n == 0 {
		return fmt.Errorf("event %d of %q: %w", e.Index, e.Log, store.ErrConflict)
	}
	return err
}

// notNil keeps nil and empty from differing where SQL compares blobs.
func notNil(b []byte) driver.Value {
	if len(b) == 0 {
		return nil
	}
	return b
}

const eventSelect = "SELECT logs.name, e.idx, e.kind, e.at, e.bytes, e.salt, e.audience FROM events AS e JOIN logs ON logs.id = e.log"

func scanEvent(v []driver.Value) store.Event {
	return store.Event{
		Log: text(v[0]), Index: integer(v[1]), Kind: text(v[2]), At: integer(v[3]),
		Bytes: blob(v[4]), Salt: blob(v[5]), Audience: text(v[6]),
	}
}

func (t *tx) Event(log string, index int64) (e store.Event, err error) {
	row, err := t.log(log)
	if err != nil {
		return e, err
	}
	err = store.ErrNotFound
	if rerr := t.eventRows(row.id, index, index+1, func(x store.Event) { e, err = x, nil }); rerr != nil {
		return e, rerr
	}
	if errors.Is(err, store.ErrNotFound) && index >= 0 && index < pack.First(row.size) {
		p, perr := t.pack(log, row.id, pack.First(index))
		if perr != nil {
			return e, perr
		}
		if x, ok := p.Event(index); ok {
			e, err = x, nil
			e.Bytes, e.Salt = bytes.Clone(x.Bytes), bytes.Clone(x.Salt)
		}
	}
	e.Log = log
	return e, err
}

func (t *tx) Events(q store.EventQuery) (events []store.Event, err error) {
	var f filter
	f.in("logs.name", q.Logs)
	f.in("e.kind", q.Kinds)
	if q.From > 0 {
		f.add("e.idx >= ?", q.From)
	}
	if q.Since > 0 {
		f.add("e.at >= ?", q.Since)
	}
	order := " ORDER BY logs.name, e.idx"
	if q.Newest {
		order = " ORDER BY e.at DESC, logs.name, e.idx DESC"
	}
	sql := eventSelect + f.where() + order + f.limit(q.Limit)
	err = t.query("events", sql, f.args, func(v []driver.Value) { events = append(events, scanEvent(v)) })
	if err != nil {
		return nil, err
	}
	found, err := t.findPacks(q)
	if err != nil {
		return nil, err
	}
	return pack.Select(q, events, found, func(f pack.Found) (pack.Pack, error) { return t.readPack(f.Log, f.ID, f.First) })
}

func (t *tx) PutCheckpoint(c store.Checkpoint) error {
	row, err := t.makeLog(c.Log)
	if err != nil {
		return err
	}
	_, err = t.exec("put checkpoint", `INSERT INTO checkpoints (log, size, note, at) VALUES (?, ?, ?, ?)
		ON CONFLICT (log, size) DO UPDATE SET note = excluded.note, at = excluded.at`, row.id, c.Size, c.Note, c.At)
	return err
}

const checkpointSelect = "SELECT logs.name, c.size, c.note, c.at FROM checkpoints AS c JOIN logs ON logs.id = c.log WHERE logs.name = ?"

func scanCheckpoint(v []driver.Value) store.Checkpoint {
	return store.Checkpoint{Log: text(v[0]), Size: integer(v[1]), Note: blob(v[2]), At: integer(v[3])}
}

func (t *tx) LatestCheckpoint(log string) (c store.Checkpoint, err error) {
	err = t.one("latest checkpoint", checkpointSelect+" ORDER BY c.size DESC LIMIT 1", []driver.Value{log},
		func(v []driver.Value) { c = scanCheckpoint(v) })
	return c, err
}

func (t *tx) CheckpointFrom(log string, size int64) (c store.Checkpoint, err error) {
	err = t.one("checkpoint", checkpointSelect+" AND c.size >= ? ORDER BY c.size LIMIT 1", []driver.Value{log, size},
		func(v []driver.Value) { c = scanCheckpoint(v) })
	return c, err
}
