package postgres

import (
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"

	"parley.example/parley/internal/store"
)

var errShortPhrase = errors.New("store: search: a phrase needs three characters")

// Unfiled implements store.Library.
func (t *tx) Unfiled(limit int) ([]store.Object, error) {
	f := filter{}
	f.add("added > (SELECT value FROM counter WHERE name = 'filed') AND party = ''")
	return some(t, "unfiled", "SELECT "+objectColumns[store.WantAll]+" FROM objects"+f.where()+" ORDER BY added"+f.limit(limit), f.args, scanObject)
}

// PutEntry implements store.Library.
func (t *tx) PutEntry(e store.Entry) error {
	if err := t.unfile(e.Added); err != nil {
		return err
	}
	_, err := t.exec("put entry", "INSERT INTO entries (added, marking, area, at, grams) VALUES ($1, $2, $3, $4, $5)",
		e.Added, name(e.Marking), name(e.Area), e.At, store.Grams(e.Text))
	for _, r := range e.Refs {
		if err == nil {
			_, err = t.exec("put entry", "INSERT INTO refs (target, added, name) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", name(r.To), e.Added, name(r.Name))
		}
	}
	if err == nil {
		_, err = t.exec("put entry", "UPDATE counter SET value = greatest(value, $1) WHERE name = 'filed'", e.Added)
	}
	return err
}

// unfile removes the entry of a version, where there is one.
func (t *tx) unfile(added int64) error {
	n, err := t.exec("unfile", "DELETE FROM entries WHERE added = $1", added)
	if err == nil && n > 0 {
		_, err = t.exec("unfile", "DELETE FROM refs WHERE added = $1", added)
	}
	return err
}

// maxGrams bounds the runs of one phrase that are looked for.
const maxGrams = 64

// Search implements store.Library.
func (t *tx) Search(q store.Search) (found []store.Object, more bool, err error) {
	f := filter{}
	var grams []int64
	for _, p := range q.Phrases {
		g := store.Grams(p)
		grams = append(grams, g[:min(len(g), maxGrams)]...)
	}
	if len(q.Phrases) > 0 {
		if len(grams) == 0 {
			return nil, false, errShortPhrase
		}
		f.add("e.grams @> " + f.arg(grams))
	}
	f.add("o.party = '' AND o.newest = 1")
	f.in("o.type", q.Types)
	for _, x := range []struct {
		cond string
		arg  any
		on   bool
	}{
		{"e.marking = ", name(q.Marking), q.Marking != ""},
		{"o.accord = ", name(q.Accord), q.Accord != ""},
		{"e.area = ", name(q.Area), q.Area != ""},
		{"e.at >= ", q.Since, q.Since != 0},
		{"e.at < ", q.Until, q.Until != 0},
		{"e.added < ", q.Before, q.Before > 0},
	} {
		if x.on {
			f.add(x.cond + f.arg(x.arg))
		}
	}
	if q.From != nil {
		f.add("o.sender = " + f.arg(name(*q.From)))
	}
	limit := 0
	if q.Limit > 0 {
		limit = q.Limit + 1
	}
	sql := "SELECT " + of("o", store.WantIndex) + " FROM entries AS e JOIN objects AS o ON o.added = e.added" + f.where() + " ORDER BY e.added DESC" + f.limit(limit)
	err = t.query("search", sql, f.args, func(r pgx.Rows) error {
		if q.Limit > 0 && len(found) == q.Limit {
			more = true
			return errFull
		}
		var o store.Object
		err := r.Scan(fields(&o, store.WantIndex)...)
		found = append(found, o)
		return err
	})
	return found, more, err
}

// of names the columns of a store.Want in a table.
func of(table string, w store.Want) string {
	return table + "." + strings.ReplaceAll(objectColumns[w], ", ", ", "+table+".")
}

// Referring implements store.Library.
func (t *tx) Referring(id string, limit int) ([]store.Reference, error) {
	f := filter{}
	f.add("r.target = " + f.arg(name(id)) + " AND o.party = '' AND o.newest = 1")
	sql := "SELECT " + of("o", store.WantAll) + ", r.name FROM refs AS r JOIN objects AS o ON o.added = r.added" + f.where() +
		" ORDER BY r.added DESC, r.name" + f.limit(limit)
	return some(t, "referring", sql, f.args, func(r pgx.Rows) (x store.Reference, err error) {
		err = r.Scan(append(fields(&x.Object, store.WantAll), text{&x.Name})...)
		return x, err
	})
}
