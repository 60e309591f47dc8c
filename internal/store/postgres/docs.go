package postgres

import (
	"bytes"

	"github.com/jackc/pgx/v5"

	"parley.example/parley/internal/store"
)

func (t *tx) PutDoc(kind, id string, body []byte) error {
	_, err := t.exec("put doc", `INSERT INTO docs (kind, id, body) VALUES ($1, $2, $3)
		ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body`, name(kind), name(id), blob(body))
	return err
}

func scanBytes(r pgx.Rows) (b []byte, err error) {
	err = r.Scan(&b)
	return b, err
}

func (t *tx) Doc(kind, id string) ([]byte, error) {
	return first(t, "doc", "SELECT body FROM docs WHERE kind = $1 AND id = $2", []any{name(kind), name(id)}, scanBytes)
}

func (t *tx) DeleteDoc(kind, id string) error {
	_, err := t.exec("delete doc", "DELETE FROM docs WHERE kind = $1 AND id = $2", name(kind), name(id))
	return err
}

func (t *tx) ListDocs(kind string) ([]store.Doc, error) {
	return some(t, "list docs", "SELECT id, body FROM docs WHERE kind = $1 ORDER BY id", []any{name(kind)},
		func(r pgx.Rows) (d store.Doc, err error) {
			err = r.Scan(text{&d.ID}, &d.Body)
			return d, err
		})
}

const cardColumns = "party, sequence, note, added"

func scanCard(r pgx.Rows) (c store.Card, err error) {
	err = r.Scan(text{&c.Party}, &c.Sequence, &c.Note, &c.Added)
	return c, err
}

func (t *tx) PutCard(card store.Card) error {
	n, err := t.exec("put card", "INSERT INTO cards ("+cardColumns+") VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
		name(card.Party), card.Sequence, blob(card.Note), card.Added)
	if err != nil || n > 0 {
		return err
	}
	note, err := first(t, "put card", "SELECT note FROM cards WHERE party = $1 AND sequence = $2", []any{name(card.Party), card.Sequence}, scanBytes)
	if err == nil && !bytes.Equal(note, card.Note) {
		return store.ErrConflict
	}
	return err
}

func (t *tx) LatestCard(party string) (store.Card, error) {
	return first(t, "latest card", "SELECT "+cardColumns+" FROM cards WHERE party = $1 ORDER BY sequence DESC LIMIT 1", []any{name(party)}, scanCard)
}

func (t *tx) AllCards() ([]store.Card, error) {
	return some(t, "all cards", "SELECT "+cardColumns+" FROM cards ORDER BY party, sequence", nil, scanCard)
}

func (t *tx) PutBody(digest [32]byte, body []byte) error {
	_, err := t.exec("put body", "INSERT INTO bodies (digest, body) VALUES ($1, $2) ON CONFLICT DO NOTHING", digest[:], blob(body))
	return err
}

func (t *tx) Body(digest [32]byte) ([]byte, error) {
	return first(t, "body", "SELECT body FROM bodies WHERE digest = $1", []any{digest[:]}, scanBytes)
}

func (t *tx) DeleteBody(digest [32]byte) error {
	_, err := t.exec("delete body", "DELETE FROM bodies WHERE digest = $1", digest[:])
	return err
}

func (t *tx) PutStatus(s store.Status) error {
	_, err := t.exec("put status", `INSERT INTO statuses (id, owner, at, doc) VALUES ($1, $2, $3, $4)
		ON CONFLICT (id) DO UPDATE SET owner = excluded.owner, at = excluded.at, doc = excluded.doc`, name(s.ID), name(s.Owner), s.At, blob(s.Doc))
	return err
}

func (t *tx) Status(id string) (store.Status, error) {
	return first(t, "status", "SELECT id, owner, at, doc FROM statuses WHERE id = $1", []any{name(id)},
		func(r pgx.Rows) (s store.Status, err error) {
			err = r.Scan(text{&s.ID}, text{&s.Owner}, &s.At, &s.Doc)
			return s, err
		})
}

func (t *tx) DropStatuses(before int64) error {
	_, err := t.exec("drop statuses", "DELETE FROM statuses WHERE at < $1", before)
	return err
}
