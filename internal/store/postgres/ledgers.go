package postgres

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"golang.org/x/mod/sumdb/tlog"

	"parley.example/parley/internal/store"
)

// logID returns the row of a log, or ErrNotFound.
func (t *tx) logID(log string) (id, size int64, err error) {
	err = t.one("log", "SELECT id, size FROM logs WHERE name = $1", []any{name(log)},
		func(r pgx.Rows) error { return r.Scan(&id, &size) })
	return id, size, err
}

// makeLog is logID's id for writers: it creates what is missing. A transaction
// asks once for each log.
func (t *tx) makeLog(log string) (id int64, err error) {
	if err := t.writable(); err != nil {
		return 0, err
	}
	if id, known := t.logs[log]; known {
		return id, nil
	}
	id, _, err = t.logID(log)
	if errors.Is(err, store.ErrNotFound) {
		id, err = first(t, "make log", "INSERT INTO logs (name, size) VALUES ($1, 0) RETURNING id", []any{name(log)}, scanInt)
	}
	if err == nil {
		if t.logs == nil {
			t.logs = make(map[string]int64)
		}
		t.logs[log] = id
	}
	return id, err
}

func (t *tx) AppendLeaves(log string, at int64, leaves [][]byte, hashes []tlog.Hash) error {
	if err := t.writable(); err != nil {
		return err
	}
	id, size, err := t.logID(log)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if at != size {
		return fmt.Errorf("appending at %d to %q of size %d: %w", at, log, size, store.ErrConflict)
	}
	end, hashed := at+int64(len(leaves)), tlog.StoredHashCount(at)
	if want := tlog.StoredHashCount(end) - hashed; int64(len(hashes)) != want {
		return fmt.Errorf("appending %d leaves at %d to %q: %d hashes, want %d", len(leaves), at, log, len(hashes), want)
	}
	if len(leaves) == 0 {
		return nil
	}
	if id, err = t.makeLog(log); err != nil {
		return err
	}
	err = t.copyIn("append leaves", "leaves", len(leaves), func(i int) []any { return []any{id, at + int64(i), blob(leaves[i])} }, "log", "idx", "leaf")
	if err != nil {
		return err
	}
	err = t.copyIn("append hashes", "hashes", len(hashes), func(i int) []any { return []any{id, hashed + int64(i), hashes[i][:]} }, "log", "idx", "hash")
	if err != nil {
		return err
	}
	_, err = t.exec("append leaves", "UPDATE logs SET size = $1 WHERE id = $2", end, id)
	return err
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
		{"truncate leaves", "DELETE FROM leaves WHERE log = $1 AND idx >= $2", size},
		{"truncate hashes", "DELETE FROM hashes WHERE log = $1 AND idx >= $2", tlog.StoredHashCount(size)},
		{"truncate events", "DELETE FROM events WHERE log = $1 AND idx >= $2", size},
		{"truncate checkpoints", "DELETE FROM checkpoints WHERE log = $1 AND size > $2", size},
	} {
		if _, err := t.exec(x.what, x.sql, id, x.from); err != nil {
			return err
		}
	}
	_, err = t.exec("truncate log", "UPDATE logs SET size = $1 WHERE id = $2", min(size, held), id)
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
	leaves, err := some(t, "leaves", "SELECT leaf FROM leaves WHERE log = $1 AND idx >= $2 AND idx < $3 ORDER BY idx", []any{id, from, to}, scanBytes)
	if err == nil && int64(len(leaves)) != to-from {
		return nil, fmt.Errorf("leaves [%d, %d) of %q: database holds %d", from, to, log, len(leaves))
	}
	return leaves, err
}

func (t *tx) ReadHashes(log string, indexes []int64) ([]tlog.Hash, error) {
	if len(indexes) == 0 {
		return nil, t.usable()
	}
	id, _, err := t.logID(log)
	if err != nil {
		return nil, err
	}
	held := make(map[int64][]byte, len(indexes))
	err = t.query("hashes", "SELECT idx, hash FROM hashes WHERE log = $1 AND idx = ANY($2)", []any{id, indexes}, func(r pgx.Rows) error {
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
		switch h, ok := held[index]; {
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
	id, err := t.makeLog(e.Log)
	if err != nil {
		return err
	}
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

func (t *tx) Event(log string, index int64) (store.Event, error) {
	return first(t, "event", eventSelect+" WHERE logs.name = $1 AND e.idx = $2", []any{name(log), index}, scanEvent)
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
	return some(t, "events", sql, f.args, scanEvent)
}

func (t *tx) PutCheckpoint(c store.Checkpoint) error {
	id, err := t.makeLog(c.Log)
	if err != nil {
		return err
	}
	_, err = t.exec("put checkpoint", `INSERT INTO checkpoints (log, size, note, at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (log, size) DO UPDATE SET note = excluded.note, at = excluded.at`, id, c.Size, blob(c.Note), c.At)
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
