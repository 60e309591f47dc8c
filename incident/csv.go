package incident

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"parley.example/parley/stix"
)

// ReadCSV reads a CSV file by a mapping and calls fn once for every row below
// the header: with the incident, or with a [*RowError] that says why the row was
// refused. An error from fn ends the reading and is returned as it is.
func ReadCSV(r io.Reader, m Mapping, fn func(row int, in Incident, err error) error) error {
	if err := m.check(); err != nil {
		return fmt.Errorf("mapping %q: %w", m.Name, err)
	}
	comma := byte(',')
	if m.Delimiter != "" {
		comma = m.Delimiter[0]
	}
	t, err := newTable(r, comma)
	if err != nil {
		return err
	}
	if err := m.fits(t); err != nil {
		return err
	}
	layouts := m.layouts()
	return t.each(fn, func(raw *row) Incident {
		in := m.incident(raw, layouts)
		return in
	})
}

// fits requires the columns that the mapping names. Those of Parley's own
// mapping that are not needed may be absent.
func (m Mapping) fits(t *table) error {
	own := m.Name == ParleyMapping().Name
	for _, f := range slices.Sorted(maps.Keys(m.Columns)) {
		col := m.Columns[f]
		if _, ok := t.index[col]; !ok && (!own || f == "id" || f == "date") {
			return fmt.Errorf("the file has no column %q (for %s); its columns are %s",
				col, f, clip(strings.Join(t.header, ", ")))
		}
	}
	for _, col := range m.Codes {
		if _, ok := t.index[col]; !ok {
			return fmt.Errorf("the file has no column %q (among codes)", col)
		}
	}
	return nil
}

// incident builds the record of one row. Problems are named by our fields.
func (m Mapping) incident(raw *row, layouts []string) Incident {
	r := &row{get: func(field string) string {
		s := ""
		if col, ok := m.Columns[field]; ok {
			s = strings.TrimSpace(raw.get(col))
		}
		if s == "" {
			s = m.Constants[field]
		}
		if ours, ok := m.Values[field][s]; ok {
			s = ours
		}
		return s
	}}
	defer func() { raw.problems = append(raw.problems, r.problems...) }()

	in := Incident{
		Source: m.Name, SourceID: r.need("id"),
		Start: r.date("date", layouts), End: r.date("end_date", layouts),
		DatePrecision: choice(r, "date_precision", DatePrecisions, Day),
		Title:         r.text("title"), Text: r.text("text"),
		Place: r.text("place"), Admin1: r.text("admin1"), Admin2: r.text("admin2"), Country: r.text("country"),
		Kind:         choice(r, "kind", Kinds, UnknownKind),
		Organisation: r.text("organisation"),
		Killed:       Range{r.count("killed_low"), r.count("killed"), r.count("killed_high")},
	}
	r.need("date")
	in.ID = ID(in.Source, in.SourceID)
	if typ, _, ok := stix.SplitID(in.SourceID); ok && typ == "incident" && m.Name == ParleyMapping().Name {
		in.ID = in.SourceID // written by CSVWriter
	}
	if in.End.IsZero() && r.text("end_date") == "" {
		in.End = in.Start
	}
	in.Lat, in.Lon, in.Placed = r.coordinates("lat", "lon")
	in.RadiusKM, _ = r.number("radius_km")
	in.PlacePrecision = placePrecision(&in)
	in.Classes = classes(r)
	if n := r.count("wounded"); n != nil {
		in.Wounded = Exactly(*n)
	}
	if s := r.text("tlp"); s != "" {
		level, err := stix.ParseLevel(s)
		if err != nil {
			r.refuse("tlp", s, "is no TLP level")
		}
		in.TLP = level
	}
	if in.Title == "" {
		in.Title = strings.TrimSuffix(strings.ReplaceAll(string(in.Kind), "-", " ")+", "+in.Place, ", ")
	}
	m.sources(r, &in)
	for _, kind := range []string{Phone, Plate} {
		for _, v := range splitList(r.text(kind + "s")) {
			in.Selectors = append(in.Selectors, Selector{Kind: kind, Value: v})
		}
	}
	for _, col := range m.Codes {
		if s := strings.TrimSpace(raw.get(col)); s != "" {
			if in.Codes == nil {
				in.Codes = map[string]string{}
			}
			in.Codes[col] = s
		}
	}
	return in
}

// sources reads the source with its grading, and the claims.
func (m Mapping) sources(r *row, in *Incident) {
	src := Source{
		Name:        r.text("source"),
		Reliability: strings.ToUpper(r.text("reliability")),
	}
	if n := r.count("credibility"); n != nil {
		src.Credibility = *n
	}
	if err := checkGrade(src.Reliability, src.Credibility); err != nil {
		r.refuse("reliability, credibility", r.text("reliability")+r.text("credibility"), "%v", err)
	}
	switch s := strings.ToLower(r.text("source_sensitive")); s {
	case "", "false", "no", "0":
	case "true", "yes", "1":
		src.Sensitive = true
	default:
		r.refuse("source_sensitive", s, "is not true or false")
	}
	if src.Name != "" {
		in.Sources = append(in.Sources, src)
	} else if src != (Source{}) {
		r.refuse("source", "", "is empty though it is graded or marked sensitive")
	}
	if who := r.text("claimed_by"); who != "" {
		in.Claims = append(in.Claims, Claim{By: who, Of: who, Kind: Responsibility})
	}
	if whom := r.text("blamed"); whom != "" {
		in.Claims = append(in.Claims, Claim{
			By: src.Name, Of: whom, Kind: Blame,
			Reliability: src.Reliability, Credibility: src.Credibility,
		})
	}
}

func classes(r *row) []Class {
	var out []Class
	for _, word := range splitList(r.text("class")) {
		one := &row{get: func(string) string { return word }}
		out = append(out, choice(one, "class", Classes, UnknownClass))
		r.problems = append(r.problems, one.problems...)
	}
	if out == nil {
		out = []Class{UnknownClass}
	}
	return out
}

// placePrecision judges by the radius, else by the finest place that is named.
func placePrecision(in *Incident) PlacePrecision {
	switch km := in.RadiusKM; {
	case in.Placed && km > 0 && km <= 5:
		return Exact
	case in.Placed && km > 0 && km <= 30:
		return Near
	case in.Placed && km > 0 && km <= 75:
		return District
	case in.Placed && km > 0:
		return Province
	case in.Place != "":
		return Near
	case in.Admin2 != "":
		return District
	case in.Admin1 != "":
		return Province
	case in.Country != "":
		return Country
	}
	return UnknownPlace
}
