package sqlite

import (
	"database/sql/driver"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"parley.example/parley/internal/store"
)

// logID returns the row of a log, or ErrNotFound.
func (t *tx) logID(name string) (id, size int64, err error) {
	err = t.one("log", "SELECT id, size FROM logs WHERE name = ?", []driver.Value{name},
		func(v []driver.Value) { id, size = integer(v[0]), integer(v[1]) })
	return id, size, err
}

// makeLog is logID's id for writers: it creates what is missing. A transaction
// asks once for each log.
func (t *tx) makeLog(name string) (id int64, err error) {
	if err := t.writable(); err != nil {
		return 0, err
	}
	if id, known := t.logs[name]; known {
		return id, nil
	}
	id, _, err = t.logID(name)
	if errors.Is(err, store.ErrNotFound) {
		if _, err := t.exec("make log", "INSERT INTO logs (name, size) VALUES (?, 0)", name); err != nil {
			return 0, err
		}
		id, _, err = t.logID(name)
	}
	if err == nil {
		if t.logs == nil {
			t.logs = make(map[string]int64)
		}
		t.logs[name] = id
	}
	return id, err
}

func (t *tx) AppendLeaves(log string, first int64, leaves [][]byte, hashes []tlog.Hash) error {
	if err := t.writable(); err != nil {
		return err
	}
	id, size, err := t.logID(log)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if first != size {
		return fmt.Errorf("appending at %d to %q of size %d: %w", first, log, size, store.ErrConflict)
	}
	end := first + int64(len(leaves))
	at := tlog.StoredHashCount(first)
	if want := tlog.StoredHashCount(end) - at; int64(len(hashes)) != want {
		return fmt.Errorf("appending %d leaves at %d to %q: %d hashes, want %d", len(leaves), first, log, len(hashes), want)
	}
	if len(leaves) == 0 {
		return nil
	}
	if id, err = t.makeLog(log); err != nil {
		return err
	}
	for i, leaf := range leaves {
		if _, err := t.exec("append leaf", "INSERT INTO leaves (log, idx, leaf) VALUES (?, ?, ?)", id, first+int64(i), leaf); err != nil {
			return err
		}
	}
	for i := range hashes {
		if _, err := t.exec("append hash", "INSERT INTO hashes (log, idx, hash) VALUES (?, ?, ?)", id, at+int64(i), hashes[i][:]); err != nil {
			return err
		}
	}
	_, err = t.exec("append leaves", "UPDATE logs SET size = ? WHERE id = ?", end, id)
	return err
}

func (t *tx) TruncateLog(log string, size int64) error {
	if err := t.writable(); err != nil {
		return err
	}
	id, held, err := t.logID(log)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if size < 0 {
		return fmt.Errorf("truncating %q to %d: not a size", log, size)
	}
	for _, x := range []struct {
		what, sql string
		from      int64
	}{
		{"truncate leaves", "DELETE FROM leaves WHERE log = ? AND idx >= ?", size},
		{"truncate hashes", "DELETE FROM hashes WHERE log = ? AND idx >= ?", tlog.StoredHashCount(size)},
		{"truncate events", "DELETE FROM events WHERE log = ? AND idx >= ?", size},
		{"truncate checkpoints", "DELETE FROM checkpoints WHERE log = ? AND size > ?", size},
	} {
		if _, err := t.exec(x.what, x.sql, id, x.from); err != nil {
			return err
		}
	}
	_, err = t.exec("truncate log", "UPDATE logs SET size = ? WHERE id = ?", min(size, held), id)
	return err
}

func (t *tx) LogSize(log string) (int64, error) {
	_, size, err := t.logID(log)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	return size, err
}

func (t *tx) Leaves(log string, from, to int64) ([][]byte, error) {
	if from < 0 || to < from {
		return nil, fmt.Errorf("leaves [%d, %d) of %q: not a range", from, to, log)
	}
	if from == to {
		return nil, t.usable()
	}
	id, size, err := t.logID(log)
	if err != nil {
		return nil, err
	}
	if to > size {
		return nil, fmt.Errorf("leaves [%d, %d) of %q of size %d: %w", from, to, log, size, store.ErrNotFound)
	}
	leaves := make([][]byte, 0, to-from)
	err = t.query("leaves", "SELECT leaf FROM leaves WHERE log = ? AND idx >= ? AND idx < ? ORDER BY idx", []driver.Value{id, from, to},
		func(v []driver.Value) { leaves = append(leaves, blob(v[0])) })
	if err == nil && int64(len(leaves)) != to-from {
		return nil, fmt.Errorf("leaves [%d, %d) of %q: database holds %d", from, to, log, len(leaves))
	}
	return leaves, err
}

func (t *tx) ReadHashes(log string, indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	if len(indexes) == 0 {
		return hashes, t.usable()
	}
	id, _, err := t.logID(log)
	if err != nil {
		return nil, err
	}
	for i, index := range indexes {
		n := 0
		err := t.one("hash", "SELECT hash FROM hashes WHERE log = ? AND idx = ?", []driver.Value{id, index},
			func(v []driver.Value) { n = copy(hashes[i][:], blob(v[0])) })
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
	id, err := t.makeLog(e.Log)
	if err != nil {
		return err
	}
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
	err = t.one("event", eventSelect+" WHERE logs.name = ? AND e.idx = ?", []driver.Value{log, index},
		func(v []driver.Value) { e = scanEvent(v) })
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
	return events, err
}

func (t *tx) PutCheckpoint(c store.Checkpoint) error {
	id, err := t.makeLog(c.Log)
	if err != nil {
		return err
	}
	_, err = t.exec("put checkpoint", `INSERT INTO checkpoints (log, size, note, at) VALUES (?, ?, ?, ?)
		ON CONFLICT (log, size) DO UPDATE SET note = excluded.note, at = excluded.at`, id, c.Size, c.Note, c.At)
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
