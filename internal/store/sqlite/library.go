package sqlite

import (
	"database/sql/driver"
	"errors"
	"strings"

	"parley.example/parley/internal/store"
)

var errShortPhrase = errors.New("store: search: a phrase needs three characters")

// Unfiled implements store.Library.
func (t *tx) Unfiled(limit int) (objects []store.Object, err error) {
	f := filter{}
	f.add("added > (SELECT value FROM counter WHERE name = 'filed') AND party = ''")
	sql := "SELECT " + objectColumns[store.WantAll] + " FROM objects NOT INDEXED" + f.where() + " ORDER BY added" + f.limit(limit)
	err = t.query("unfiled", sql, f.args, func(v []driver.Value) { objects = append(objects, scanObject(v)) })
	return objects, err
}

// PutEntry implements store.Library.
func (t *tx) PutEntry(e store.Entry) error {
	if err := t.writable(); err != nil {
		return err
	}
	if err := t.unfile(e.Added); err != nil {
		return err
	}
	_, err := t.exec("put entry", "INSERT INTO entries (added, marking, area, at) VALUES (?, ?, ?, ?)", e.Added, e.Marking, e.Area, e.At)
	if err == nil && e.Text != "" {
		_, err = t.exec("put entry", "INSERT INTO texts (rowid, grams) VALUES (?, ?)", e.Added, gramWords(store.Grams(e.Text), " "))
	}
	for _, r := range e.Refs {
		if err == nil {
			_, err = t.exec("put entry", "INSERT INTO refs (target, added, name) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", r.To, e.Added, r.Name)
		}
	}
	if err == nil {
		_, err = t.exec("put entry", "UPDATE counter SET value = max(value, ?) WHERE name = 'filed'", e.Added)
	}
	return err
}

// unfile removes the entry of a version, where there is one.
func (t *tx) unfile(added int64) error {
	n, err := t.exec("unfile", "DELETE FROM entries WHERE added = ?", added)
	if err != nil || n == 0 {
		return err
	}
	_, terr := t.exec("unfile", "DELETE FROM texts WHERE rowid = ?", added)
	_, rerr := t.exec("unfile", "DELETE FROM refs WHERE added = ?", added)
	return errors.Join(terr, rerr)
}

// Search implements store.Library.
func (t *tx) Search(q store.Search) (found []store.Object, more bool, err error) {
	f := filter{}
	from := "entries AS e CROSS JOIN objects AS o ON o.added = e.added"
	if len(q.Phrases) > 0 {
		from = "texts CROSS JOIN objects AS o ON o.added = texts.rowid CROSS JOIN entries AS e ON e.added = o.added"
		match := matchAll(q.Phrases)
		if match == "" {
			return nil, false, errShortPhrase
		}
		f.add("texts MATCH ?", match)
	}
	f.add("o.party = '' AND o.newest = 1")
	f.in("o.type", q.Types)
	if q.Marking != "" {
		f.add("e.marking = ?", q.Marking)
	}
	if q.From != nil {
		f.add("o.sender = ?", *q.From)
	}
	if q.Accord != "" {
		f.add("o.accord = ?", q.Accord)
	}
	if q.Area != "" {
		f.add("e.area = ?", q.Area)
	}
	if q.Since != 0 {
		f.add("e.at >= ?", q.Since)
	}
	if q.Until != 0 {
		f.add("e.at < ?", q.Until)
	}
	key := "e.added"
	if len(q.Phrases) > 0 {
		key = "texts.rowid"
	}
	if q.Before > 0 {
		f.add(key+" < ?", q.Before)
	}
	limit := 0
	if q.Limit > 0 {
		limit = q.Limit + 1
	}
	columns := "o." + strings.ReplaceAll(objectColumns[store.WantIndex], ", ", ", o.")
	sql := "SELECT " + columns + " FROM " + from + f.where() + " ORDER BY " + key + " DESC" + f.limit(limit)
	err = t.query("search", sql, f.args, func(v []driver.Value) {
		if q.Limit > 0 && len(found) == q.Limit {
			more = true
			return
		}
		found = append(found, scanObject(v))
	})
	return found, more, err
}

// Referring implements store.Library.
func (t *tx) Referring(id string, limit int) (out []store.Reference, err error) {
	f := filter{}
	f.add("r.target = ? AND o.party = '' AND o.newest = 1", id)
	columns := "o." + strings.ReplaceAll(objectColumns[store.WantAll], ", ", ", o.")
	sql := "SELECT " + columns + ", r.name FROM refs AS r CROSS JOIN objects AS o ON o.added = r.added" + f.where() +
		" ORDER BY r.added DESC, r.name" + f.limit(limit)
	err = t.query("referring", sql, f.args, func(v []driver.Value) {
		out = append(out, store.Reference{Object: scanObject(v), Name: text(v[len(v)-1])})
	})
	return out, err
}
