package incident

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Fields are the columns of Parley's own CSV, in order, and the names that a
// [Mapping] may use. Only id, date and title have to have values; an empty title
// is made from kind and place.
//
//   - id: the report's own; one like incident--UUID is taken as it is
//   - date, end_date: YYYY-MM-DD, or with a time in UTC as YYYY-MM-DDThh:mm:ssZ
//   - date_precision: one of [DatePrecisions]; day where empty
//   - lat, lon: WGS 84 degrees, both or neither; radius_km their uncertainty
//   - class: one or more of [Classes], the main one first, parted by semicolons
//   - kind: one of [Kinds]
//   - killed_low, killed, killed_high, wounded: whole numbers; empty is unknown
//   - source, reliability (A-F), credibility (1-6), source_sensitive (true or false)
//   - tlp: a TLP 2.0 level; phones, plates: parted by semicolons
//   - claimed_by: who claimed responsibility; blamed: whom the source blames
var Fields = []string{
	"id", "date", "end_date", "date_precision", "title", "text", "place", "admin1", "admin2", "country",
	"lat", "lon", "radius_km", "class", "kind", "organisation",
	"killed_low", "killed", "killed_high", "wounded",
	"source", "reliability", "credibility", "source_sensitive", "tlp",
	"phones", "plates", "claimed_by", "blamed",
}

// A Mapping says how to read another system's CSV. Its JSON form is what users
// write; see [ReadMapping].
type Mapping struct {
	// Name is the dataset, kept as [Incident.Source].
	Name string `json:"name"`
	// Delimiter is one character; empty means a comma.
	Delimiter string `json:"delimiter,omitempty"`
	// Columns gives the column that holds each of our [Fields].
	Columns map[string]string `json:"columns"`
	// Constants are values for fields that have no column or an empty one.
	Constants map[string]string `json:"constants,omitempty"`
	// Values translates a column's words into ours, field by field. A word that
	// is not listed is taken as it is.
	Values map[string]map[string]string `json:"values,omitempty"`
	// Dates are the forms in which dates occur, made of YYYY, MM, DD, hh, mm, ss
	// and MON (Jan); Parley's own where empty.
	Dates []string `json:"dates,omitempty"`
	// Codes are columns to keep among the incident's codes.
	Codes []string `json:"codes,omitempty"`
}

// ReadMapping reads a mapping's JSON and checks it.
func ReadMapping(r io.Reader) (Mapping, error) {
	const most = 1 << 20
	raw, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil {
		return Mapping{}, fmt.Errorf("reading the mapping: %w", err)
	}
	if len(raw) > most {
		return Mapping{}, fmt.Errorf("reading the mapping: larger than %d bytes", most)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	var m Mapping
	if err := dec.Decode(&m); err != nil {
		return Mapping{}, fmt.Errorf("reading the mapping: %w", err)
	}
	if dec.More() {
		return Mapping{}, errors.New("reading the mapping: more text after its end")
	}
	if err := m.check(); err != nil {
		return Mapping{}, fmt.Errorf("mapping %q: %w", m.Name, err)
	}
	return m, nil
}

// ParleyMapping reads Parley's own CSV, where every column has the name of its
// field. Columns may stand in any order and may be absent.
func ParleyMapping() Mapping {
	m := Mapping{Name: "parley-csv", Columns: map[string]string{}}
	for _, f := range Fields {
		m.Columns[f] = f
	}
	return m
}

func (m Mapping) check() error {
	if m.Name == "" {
		return errors.New("name is empty")
	}
	if len(m.Delimiter) > 1 {
		return fmt.Errorf("delimiter %q is not one ASCII character", m.Delimiter)
	}
	for what, names := range map[string][]string{
		"columns":   slices.Sorted(maps.Keys(m.Columns)),
		"constants": slices.Sorted(maps.Keys(m.Constants)),
		"values":    slices.Sorted(maps.Keys(m.Values)),
	} {
		for _, n := range names {
			if !slices.Contains(Fields, n) {
				return fmt.Errorf("%s: %q is none of our fields (%s)", what, n, strings.Join(Fields, ", "))
			}
		}
	}
	for _, f := range []string{"id", "date"} {
		if m.Columns[f] == "" {
			return fmt.Errorf("columns: %s has none; it needs one", f)
		}
	}
	return nil
}

// layouts returns the date forms as layouts of package time.
func (m Mapping) layouts() []string {
	forms := m.Dates
	if len(forms) == 0 {
		forms = []string{"YYYY-MM-DD", "YYYY-MM-DDThh:mm:ssZ", "YYYY-MM-DDThh:mmZ", "YYYY-MM-DD hh:mm"}
	}
	r := strings.NewReplacer("YYYY", "2006", "MON", "Jan", "MM", "01", "DD", "02",
		"hh", "15", "mm", "04", "ss", "05", "Z", "Z07:00")
	out := make([]string, len(forms))
	for i, f := range forms {
		out[i] = r.Replace(f)
	}
	return out
}
