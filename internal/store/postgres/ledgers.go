package postgres

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"golang.org/x/mod/sumdb/tlog"

	"parley.example/parley/internal/store"
	"parley.example/parley/internal/store/pack"
)

// logRow is a log as a transaction knows it.
type logRow struct{ id, size int64 }

// log returns the row of a log, or ErrNotFound. A transaction reads it once.
func (t *tx) log(log string) (row logRow, err error) {
	if row, known := t.logs[log]; known {
		return row, t.usable()
	}
	err = t.one("log", "SELECT id, size FROM logs WHERE name = $1", []any{name(log)},
		func(r pgx.Rows) error { return r.Scan(&row.id, &row.size) })
	if err == nil {
		t.know(log, row)
	}
	return row, err
}

func (t *tx) know(log string, row logRow) {
	if t.logs == nil {
		t.logs = make(map[string]logRow)
	}
	t.logs[log] = row
}

// makeLog is log for writers: it creates what is missing.
func (t *tx) makeLog(log string) (row logRow, err error) {
	if err := t.writable(); err != nil {
		return row, err
	}
	row, err = t.log(log)
	if errors.Is(err, store.ErrNotFound) {
		row.id, err = first(t, "make log", "INSERT INTO logs (name, size) VALUES ($1, 0) RETURNING id", []any{name(log)}, scanInt)
		if err == nil {
			t.know(log, row)
		}
	}
	return row, err
}

// resize sets the number of leaves of a log.
func (t *tx) resize(log string, row logRow, size int64) error {
	_, err := t.exec("size of log", "UPDATE logs SET size = $1 WHERE id = $2", size, row.id)
	t.know(log, logRow{row.id, size})
	return err
}

func (t *tx) AppendLeaves(log string, at int64, leaves [][]byte, hashes []tlog.Hash, openings ...store.Event) error {
	if err := t.writable(); err != nil {
		return err
	}
	row, err := t.log(log)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if err := pack.CheckAppend(log, row.size, at, len(leaves), len(hashes), openings); err != nil || len(leaves) == 0 {
		return err
	}
	if row, err = t.makeLog(log); err != nil {
		return err
	}
	for s := range pack.Stretches(at, leaves, hashes, openings) {
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
	return t.resize(log, row, at+int64(len(leaves)))
}

// appendRows writes leaves as rows, with the stored hashes that they add.
func (t *tx) appendRows(id, at int64, leaves [][]byte, hashes []tlog.Hash, openings []store.Event) error {
	err := t.copyIn("append leaves", "leaves", len(leaves), func(i int) []any { return []any{id, at + int64(i), blob(leaves[i])} }, "log", "idx", "leaf")
	if err != nil {
		return err
	}
	if err := t.putHashes(id, tlog.StoredHashCount(at), hashes); err != nil {
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
	return t.copyIn("append hashes", "hashes", len(hashes), func(i int) []any { return []any{id, at + int64(i), hashes[i][:]} }, "log", "idx", "hash")
}

// fewRows is up to how many rows are inserted one by one, in one exchange with the
// server; more go by COPY.
const fewRows = 16

// copyIn adds n rows to a table.
func (t *tx) copyIn(what, table string, n int, row func(i int) []any, columns ...string) error {
	if err := t.writable(); err != nil {
		return err
	}
	if n > fewRows {
		_, err := t.c.CopyFrom(bg, pgx.Identifier{table}, columns, pgx.CopyFromSlice(n, func(i int) ([]any, error) { return row(i), nil }))
		if err != nil {
			return t.fail(what, err)
		}
		return nil
	}
	places := make([]string, len(columns))
	for i := range places {
		places[i] = "$" + strconv.Itoa(i+1)
	}
	sql := "INSERT INTO " + table + " (" + strings.Join(columns, ", ") + ") VALUES (" + strings.Join(places, ", ") + ")"
	var b pgx.Batch
	for i := range n {
		b.Queue(sql, row(i)...)
	}
	if err := t.c.SendBatch(bg, &b).Close(); err != nil {
		return t.fail(what, err)
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
		{"truncate leaves", "DELETE FROM leaves WHERE log = $1 AND idx >= $2", size},
		{"truncate hashes", "DELETE FROM hashes WHERE log = $1 AND idx >= $2", tlog.StoredHashCount(size)},
		{"truncate events", "DELETE FROM events WHERE log = $1 AND idx >= $2", size},
		{"truncate packs", "DELETE FROM packs WHERE log = $1 AND first >= $2", size},
		{"truncate packs", "DELETE FROM pack_kinds WHERE log = $1 AND first >= $2", size},
		{"truncate checkpoints", "DELETE FROM checkpoints WHERE log = $1 AND size > $2", size},
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
	err = t.leafRows(row.id, from, to, func(i int64, leaf []byte) { leaves[i-from] = blob(leaf) })
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

// leafRows gives leaves that are rows.
func (t *tx) leafRows(id, from, to int64, fn func(index int64, leaf []byte)) error {
	return t.query("leaves", "SELECT idx, leaf FROM leaves WHERE log = $1 AND idx >= $2 AND idx < $3", []any{id, from, to}, func(r pgx.Rows) error {
		var i int64
		var leaf []byte
		err := r.Scan(&i, &leaf)
		if err == nil {
			fn(i, leaf)
		}
		return err
	})
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
	err = t.leafRows(id, from, to, func(i int64, leaf []byte) { entries[i-from].Leaf = leaf; n++ })
	if err == nil && n != to-from {
		err = t.fail("leaves", fmt.Errorf("of the leaves [%d, %d) of %q the database holds %d", from, to, log, n))
	}
	if err != nil {
		return nil, err
	}
	opened, err := t.eventRows(log, id, from, to)
	for _, e := range opened {
		entries[e.Index-from].Opened, entries[e.Index-from].Event = true, e
	}
	return entries, err
}

// eventRows returns openings that are rows.
func (t *tx) eventRows(log string, id, from, to int64) ([]store.Event, error) {
	return some(t, "events", "SELECT $4::bytea, idx, kind, at, bytes, salt, audience FROM events WHERE log = $1 AND idx >= $2 AND idx < $3",
		[]any{id, from, to, name(log)}, scanEvent)
}

func (t *tx) ReadHashes(log string, indexes []int64) ([]tlog.Hash, error) {
	if len(indexes) == 0 {
		return nil, t.usable()
	}
	row, err := t.log(log)
	if err != nil {
		return nil, err
	}
	held := make(map[int64][]byte, len(indexes))
	err = t.query("hashes", "SELECT idx, hash FROM hashes WHERE log = $1 AND idx = ANY($2)", []any{row.id, indexes}, func(r pgx.Rows) error {
		var i int64
		var h []byte
		err := r.Scan(&i, &h)
		held[i] = h
		return err
	})
	if err != nil {
		return nil, err
	}
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		h, ok := held[index]
		if first, below := pack.Of(index); !ok && below {
			p, err := t.pack(log, row.id, first)
			if err == nil {
				hashes[i] = p.Hash(index)
				continue
			}
			if !errors.Is(err, store.ErrNotFound) {
				return nil, err
			}
		}
		switch {
		case !ok:
			return nil, fmt.Errorf("hash %d of %q: %w", index, log, store.ErrNotFound)
		case len(h) != tlog.HashSize:
			return nil, fmt.Errorf("hash %d of %q: database holds %d bytes", index, log, len(h))
		default:
			copy(hashes[i][:], h)
		}
	}
	return hashes, nil
}

func (t *tx) Logs() ([]string, error) {
	return some(t, "logs", "SELECT name FROM logs ORDER BY name", nil, scanText)
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
	n, err := t.exec("put event", `INSERT INTO events AS e (log, idx, kind, at, bytes, salt, audience) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (log, idx) DO UPDATE SET kind = excluded.kind, at = excluded.at, audience = excluded.audience
		WHERE e.bytes = excluded.bytes AND e.salt = excluded.salt`,
		id, e.Index, name(e.Kind), e.At, blob(e.Bytes), blob(e.Salt), name(e.Audience))
	if err == nil && n == 0 {
		return fmt.Errorf("event %d of %q: %w", e.Index, e.Log, store.ErrConflict)
	}
	return err
}

const eventSelect = "SELECT logs.name, e.idx, e.kind, e.at, e.bytes, e.salt, e.audience FROM events AS e JOIN logs ON logs.id = e.log"

func scanEvent(r pgx.Rows) (e store.Event, err error) {
	err = r.Scan(text{&e.Log}, &e.Index, text{&e.Kind}, &e.At, &e.Bytes, &e.Salt, text{&e.Audience})
	return e, err
}

func (t *tx) Event(log string, index int64) (e store.Event, err error) {
	row, err := t.log(log)
	if err != nil {
		return e, err
	}
	rows, err := t.eventRows(log, row.id, index, index+1)
	if err != nil {
		return e, err
	}
	if len(rows) > 0 {
		return rows[0], nil
	}
	if index < 0 || index >= pack.First(row.size) {
		return e, store.ErrNotFound
	}
	p, err := t.pack(log, row.id, pack.First(index))
	if err != nil {
		return e, err
	}
	e, ok := p.Event(index)
	if !ok {
		return e, store.ErrNotFound
	}
	e.Bytes, e.Salt = bytes.Clone(e.Bytes), bytes.Clone(e.Salt)
	return e, nil
}

func (t *tx) Events(q store.EventQuery) ([]store.Event, error) {
	var f filter
	f.in("logs.name", q.Logs)
	f.in("e.kind", q.Kinds)
	if q.From > 0 {
		f.add("e.idx >= " + f.arg(q.From))
	}
	if q.Since > 0 {
		f.add("e.at >= " + f.arg(q.Since))
	}
	order := " ORDER BY logs.name, e.idx"
	if q.Newest {
		order = " ORDER BY e.at DESC, logs.name, e.idx DESC"
	}
	sql := eventSelect + f.where() + order + f.limit(q.Limit)
	events, err := some(t, "events", sql, f.args, scanEvent)
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
	_, err = t.exec("put checkpoint", `INSERT INTO checkpoints (log, size, note, at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (log, size) DO UPDATE SET note = excluded.note, at = excluded.at`, row.id, c.Size, blob(c.Note), c.At)
	return err
}

const checkpointSelect = "SELECT logs.name, c.size, c.note, c.at FROM checkpoints AS c JOIN logs ON logs.id = c.log WHERE logs.name = $1"

func scanCheckpoint(r pgx.Rows) (c store.Checkpoint, err error) {
	err = r.Scan(text{&c.Log}, &c.Size, &c.Note, &c.At)
	return c, err
}

func (t *tx) LatestCheckpoint(log string) (store.Checkpoint, error) {
	return first(t, "latest checkpoint", checkpointSelect+" ORDER BY c.size DESC LIMIT 1", []any{name(log)}, scanCheckpoint)
}

func (t *tx) CheckpointFrom(log string, size int64) (store.Checkpoint, error) {
	return first(t, "checkpoint", checkpointSelect+" AND c.size >= $2 ORDER BY c.size LIMIT 1", []any{name(log), size}, scanCheckpoint)
}
