package sqlite

import (
	"database/sql/driver"

	"parley.example/parley/internal/store"
)

func (t *tx) PutDoc(kind, id string, body []byte) error {
	_, err := t.exec("put doc", `INSERT INTO docs (kind, id, body) VALUES (?, ?, ?)
		ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body`, kind, id, body)
	return err
}

func (t *tx) Doc(kind, id string) (body []byte, err error) {
	err = t.one("doc", "SELECT body FROM docs WHERE kind = ? AND id = ?", []driver.Value{kind, id},
		func(v []driver.Value) { body = blob(v[0]) })
	return body, err
}

func (t *tx) DeleteDoc(kind, id string) error {
	_, err := t.exec("delete doc", "DELETE FROM docs WHERE kind = ? AND id = ?", kind, id)
	return err
}

func (t *tx) ListDocs(kind string) (docs []store.Doc, err error) {
	err = t.query("list docs", "SELECT id, body FROM docs WHERE kind = ? ORDER BY id", []driver.Value{kind},
		func(v []driver.Value) { docs = append(docs, store.Doc{ID: text(v[0]), Body: blob(v[1])}) })
	return docs, err
}

const cardColumns = "party, sequence, note, added"

func scanCard(v []driver.Value) store.Card {
	return store.Card{Party: text(v[0]), Sequence: integer(v[1]), Note: blob(v[2]), Added: integer(v[3])}
}

func (t *tx) PutCard(card store.Card) error {
	n, err := t.exec("put card", "INSERT INTO cards ("+cardColumns+") VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
		card.Party, card.Sequence, card.Note, card.Added)
	if err != nil || n > 0 {
		return err
	}
	var note []byte
	err = t.one("put card", "SELECT note FROM cards WHERE party = ? AND sequence = ?", []driver.Value{card.Party, card.Sequence},
		func(v []driver.Value) { note = blob(v[0]) })
	if err == nil && !same(note, card.Note) {
		return store.ErrConflict
	}
	return err
}

func (t *tx) LatestCard(party string) (card store.Card, err error) {
	err = t.one("latest card", "SELECT "+cardColumns+" FROM cards WHERE party = ? ORDER BY sequence DESC LIMIT 1",
		[]driver.Value{party}, func(v []driver.Value) { card = scanCard(v) })
	return card, err
}

func (t *tx) AllCards() (cards []store.Card, err error) {
	err = t.query("all cards", "SELECT "+cardColumns+" FROM cards ORDER BY party, sequence", nil,
		func(v []driver.Value) { cards = append(cards, scanCard(v)) })
	return cards, err
}

func (t *tx) PutBody(digest [32]byte, body []byte) error {
	_, err := t.exec("put body", "INSERT INTO bodies (digest, body) VALUES (?, ?) ON CONFLICT DO NOTHING", digest[:], body)
	return err
}

func (t *tx) Body(digest [32]byte) (body []byte, err error) {
	err = t.one("body", "SELECT body FROM bodies WHERE digest = ?", []driver.Value{digest[:]},
		func(v []driver.Value) { body = blob(v[0]) })
	return body, err
}

func (t *tx) DeleteBody(digest [32]byte) error {
	_, err := t.exec("delete body", "DELETE FROM bodies WHERE digest = ?", digest[:])
	return err
}
