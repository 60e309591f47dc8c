package postgres

import (
	"github.com/jackc/pgx/v5"

	"parley.example/parley/internal/store"
)

func (t *tx) PutOut(o store.Out) error {
	_, err := t.exec("put out", `INSERT INTO outbox (accord, party, log, idx, digest, priority, at) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (log, idx, party) DO UPDATE SET accord = excluded.accord, digest = excluded.digest,
		priority = excluded.priority, at = excluded.at, delivered = NULL`,
		name(o.Accord), name(o.To), name(o.Log), o.Index, o.Digest[:], int64(o.Priority), o.At)
	return err
}

func (t *tx) Outbox(accord, to string) ([]store.Out, error) {
	return some(t, "outbox", `SELECT seq, accord, party, log, idx, digest, priority, at FROM outbox
		WHERE accord = $1 AND party = $2 AND delivered IS NULL ORDER BY priority DESC, seq`, []any{name(accord), name(to)},
		func(r pgx.Rows) (o store.Out, err error) {
			var digest []byte
			err = r.Scan(&o.Seq, text{&o.Accord}, text{&o.To}, text{&o.Log}, &o.Index, &digest, &o.Priority, &o.At)
			copy(o.Digest[:], digest)
			return o, err
		})
}

func (t *tx) Delivered(log string, index int64, to string, at int64) error {
	n, err := t.exec("delivered", "UPDATE outbox SET delivered = coalesce(delivered, $1) WHERE log = $2 AND idx = $3 AND party = $4", at, name(log), index, name(to))
	if err == nil && n == 0 {
		return store.ErrNotFound
	}
	return err
}

const inColumns = "id, accord, sender, at, doc"

func scanIn(r pgx.Rows) (in store.In, err error) {
	err = r.Scan(text{&in.ID}, text{&in.Accord}, text{&in.From}, &in.At, &in.Doc)
	return in, err
}

func (t *tx) PutIn(in store.In) error {
	_, err := t.exec("put in", "INSERT INTO inbox ("+inColumns+`) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (id) DO UPDATE SET accord = excluded.accord, sender = excluded.sender, at = excluded.at, doc = excluded.doc`,
		name(in.ID), name(in.Accord), name(in.From), in.At, blob(in.Doc))
	return err
}

func (t *tx) In(id string) (store.In, error) {
	return first(t, "in", "SELECT "+inColumns+" FROM inbox WHERE id = $1", []any{name(id)}, scanIn)
}

func (t *tx) Inbox(limit int) ([]store.In, error) {
	var f filter
	sql := "SELECT " + inColumns + " FROM inbox ORDER BY at DESC, id DESC" + f.limit(limit)
	return some(t, "inbox", sql, f.args, scanIn)
}
