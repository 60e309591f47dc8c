package sqlite

import (
	"database/sql/driver"

	"parley.example/parley/internal/store"
)

func (t *tx) PutOut(o store.Out) error {
	_, err := t.exec("put out", `INSERT INTO outbox (accord, party, log, idx, digest, priority, at) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (log, idx, party) DO UPDATE SET accord = excluded.accord, digest = excluded.digest,
		priority = excluded.priority, at = excluded.at, delivered = NULL`,
		o.Accord, o.To, o.Log, o.Index, o.Digest[:], int64(o.Priority), o.At)
	return err
}

func (t *tx) Outbox(accord, to string) (outs []store.Out, err error) {
	err = t.query("outbox", `SELECT seq, accord, party, log, idx, digest, priority, at FROM outbox
		WHERE accord = ? AND party = ? AND delivered IS NULL ORDER BY priority DESC, seq`, []driver.Value{accord, to},
		func(v []driver.Value) {
			o := store.Out{
				Seq: integer(v[0]), Accord: text(v[1]), To: text(v[2]), Log: text(v[3]), Index: integer(v[4]),
				Priority: int(integer(v[6])), At: integer(v[7]),
			}
			copy(o.Digest[:], blob(v[5]))
			outs = append(outs, o)
		})
	return outs, err
}

func (t *tx) Delivered(log string, index int64, to string, at int64) error {
	n, err := t.exec("delivered", "UPDATE outbox SET delivered = ifnull(delivered, ?) WHERE log = ? AND idx = ? AND party = ?", at, log, index, to)
	if err == nil && n == 0 {
		return store.ErrNotFound
	}
	return err
}

const inColumns = "id, accord, sender, at, doc"

func scanIn(v []driver.Value) store.In {
	return store.In{ID: text(v[0]), Accord: text(v[1]), From: text(v[2]), At: integer(v[3]), Doc: blob(v[4])}
}

func (t *tx) PutIn(in store.In) error {
	_, err := t.exec("put in", "INSERT INTO inbox ("+inColumns+`) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET accord = excluded.accord, sender = excluded.sender, at = excluded.at, doc = excluded.doc`,
		in.ID, in.Accord, in.From, in.At, in.Doc)
	return err
}

func (t *tx) In(id string) (in store.In, err error) {
	err = t.one("in", "SELECT "+inColumns+" FROM inbox WHERE id = ?", []driver.Value{id},
		func(v []driver.Value) { in = scanIn(v) })
	return in, err
}

func (t *tx) Inbox(limit int) (ins []store.In, err error) {
	var f filter
	sql := "SELECT " + inColumns + " FROM inbox ORDER BY at DESC, id DESC" + f.limit(limit)
	err = t.query("inbox", sql, f.args, func(v []driver.Value) { ins = append(ins, scanIn(v)) })
	return ins, err
}
