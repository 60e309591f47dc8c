package postgres

import (
	"github.com/jackc/pgx/v5"

	"parley.example/parley/internal/store"
)

const incidentColumns = `id, start, "end", area, class, lat, lon, placed, sender, doc`

func scanIncident(r pgx.Rows) (i store.Incident, err error) {
	var placed int64
	err = r.Scan(text{&i.ID}, &i.Start, &i.End, text{&i.Area}, text{&i.Class}, &i.Lat, &i.Lon, &placed, text{&i.From}, &i.Doc)
	i.Placed = placed != 0
	return i, err
}

func (t *tx) PutIncident(i store.Incident) error {
	placed := int64(0)
	if i.Placed {
		placed = 1
	}
	_, err := t.exec("put incident", "INSERT INTO incidents ("+incidentColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		ON CONFLICT (id) DO UPDATE SET start = excluded.start, "end" = excluded."end", area = excluded.area,
		class = excluded.class, lat = excluded.lat, lon = excluded.lon, placed = excluded.placed,
		sender = excluded.sender, doc = excluded.doc`,
		name(i.ID), i.Start, i.End, name(i.Area), name(i.Class), i.Lat, i.Lon, placed, name(i.From), blob(i.Doc))
	return err
}

func (t *tx) Incident(id string) (store.Incident, error) {
	return first(t, "incident", "SELECT "+incidentColumns+" FROM incidents WHERE id = $1", []any{name(id)}, scanIncident)
}

func incidentFilter(q store.IncidentQuery) (f filter) {
	if q.Since != 0 {
		f.add("start >= " + f.arg(q.Since))
	}
	if q.Until != 0 {
		f.add("start < " + f.arg(q.Until))
	}
	if q.Area != "" {
		f.add("area = " + f.arg(name(q.Area)))
	}
	if q.Class != "" {
		f.add("class = " + f.arg(name(q.Class)))
	}
	return f
}

func (t *tx) ListIncidents(q store.IncidentQuery) ([]store.Incident, error) {
	f := incidentFilter(q)
	order := " ORDER BY start, id"
	if q.Newest {
		order = " ORDER BY start DESC, id DESC"
	}
	sql := "SELECT " + incidentColumns + " FROM incidents" + f.where() + order + f.limit(q.Limit)
	return some(t, "list incidents", sql, f.args, scanIncident)
}

func (t *tx) CountIncidents(q store.IncidentQuery) (int64, error) {
	f := incidentFilter(q)
	return first(t, "count incidents", "SELECT count(*) FROM incidents"+f.where(), f.args, scanInt)
}

func scanInt(r pgx.Rows) (n int64, err error) {
	err = r.Scan(&n)
	return n, err
}

func (t *tx) DeleteIncident(id string) error {
	_, err := t.exec("delete incident", "DELETE FROM incidents WHERE id = $1", name(id))
	return err
}

func (t *tx) PutSelector(kind, value, object string) error {
	_, err := t.exec("put selector", "INSERT INTO selectors (kind, value, object) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", name(kind), name(value), name(object))
	return err
}

func (t *tx) EachSelector(kind string, fn func(value, object string)) error {
	return t.query("selectors", "SELECT value, object FROM selectors WHERE kind = $1 ORDER BY value, object", []any{name(kind)},
		func(r pgx.Rows) error {
			var value, object string
			err := r.Scan(text{&value}, text{&object})
			if err == nil {
				fn(value, object)
			}
			return err
		})
}

func (t *tx) SelectorObjects(kind, value string) ([]string, error) {
	return some(t, "selector objects", "SELECT object FROM selectors WHERE kind = $1 AND value = $2 ORDER BY object", []any{name(kind), name(value)}, scanText)
}

func scanText(r pgx.Rows) (s string, err error) {
	err = r.Scan(text{&s})
	return s, err
}

func (t *tx) DeleteSelectors(object string) error {
	_, err := t.exec("delete selectors", "DELETE FROM selectors WHERE object = $1", name(object))
	return err
}
