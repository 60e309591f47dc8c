package sqlite

import (
	"database/sql/driver"

	"parley.example/parley/internal/store"
)

const incidentColumns = `id, start, "end", area, class, lat, lon, placed, sender, doc`

func scanIncident(v []driver.Value) store.Incident {
	return store.Incident{
		ID: text(v[0]), Start: integer(v[1]), End: integer(v[2]), Area: text(v[3]), Class: text(v[4]),
		Lat: float(v[5]), Lon: float(v[6]), Placed: integer(v[7]) != 0, From: text(v[8]), Doc: blob(v[9]),
	}
}

func (t *tx) PutIncident(i store.Incident) error {
	_, err := t.exec("put incident", "INSERT INTO incidents ("+incidentColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET start = excluded.start, "end" = excluded."end", area = excluded.area,
		class = excluded.class, lat = excluded.lat, lon = excluded.lon, placed = excluded.placed,
		sender = excluded.sender, doc = excluded.doc`,
		i.ID, i.Start, i.End, i.Area, i.Class, i.Lat, i.Lon, boolean(i.Placed), i.From, i.Doc)
	return err
}

func (t *tx) Incident(id string) (i store.Incident, err error) {
	err = t.one("incident", "SELECT "+incidentColumns+" FROM incidents WHERE id = ?", []driver.Value{id},
		func(v []driver.Value) { i = scanIncident(v) })
	return i, err
}

func incidentFilter(q store.IncidentQuery) (f filter) {
	if q.Since != 0 {
		f.add("start >= ?", q.Since)
	}
	if q.Until != 0 {
		f.add("start < ?", q.Until)
	}
	if q.Area != "" {
		f.add("area = ?", q.Area)
	}
	if q.Class != "" {
		f.add("class = ?", q.Class)
	}
	return f
}

func (t *tx) ListIncidents(q store.IncidentQuery) (incidents []store.Incident, err error) {
	f := incidentFilter(q)
	order := " ORDER BY start, id"
	if q.Newest {
		order = " ORDER BY start DESC, id DESC"
	}
	sql := "SELECT " + incidentColumns + " FROM incidents" + f.where() + order + f.limit(q.Limit)
	err = t.query("list incidents", sql, f.args, func(v []driver.Value) { incidents = append(incidents, scanIncident(v)) })
	return incidents, err
}

func (t *tx) CountIncidents(q store.IncidentQuery) (n int64, err error) {
	f := incidentFilter(q)
	err = t.query("count incidents", "SELECT count(*) FROM incidents"+f.where(), f.args,
		func(v []driver.Value) { n = integer(v[0]) })
	return n, err
}

func (t *tx) DeleteIncident(id string) error {
	_, err := t.exec("delete incident", "DELETE FROM incidents WHERE id = ?", id)
	return err
}

func (t *tx) PutSelector(kind, value, object string) error {
	_, err := t.exec("put selector", "INSERT INTO selectors (kind, value, object) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", kind, value, object)
	return err
}

func (t *tx) EachSelector(kind string, fn func(value, object string)) error {
	return t.query("selectors", "SELECT value, object FROM selectors WHERE kind = ? ORDER BY value, object", []driver.Value{kind},
		func(v []driver.Value) { fn(text(v[0]), text(v[1])) })
}

func (t *tx) SelectorObjects(kind, value string) ([]string, error) {
	return t.strings("selector objects", "SELECT object FROM selectors WHERE kind = ? AND value = ? ORDER BY object", kind, value)
}

func (t *tx) DeleteSelectors(object string) error {
	_, err := t.exec("delete selectors", "DELETE FROM selectors WHERE object = ?", object)
	return err
}

func (t *tx) strings(what, sql string, args ...driver.Value) (values []string, err error) {
	err = t.query(what, sql, args, func(v []driver.Value) { values = append(values, text(v[0])) })
	return values, err
}
