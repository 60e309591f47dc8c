package incident

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// A CSVWriter writes incidents in Parley's own columns ([Fields]); [ReadCSV] with
// [ParleyMapping] reads them back with the same identifiers. [CSVLosses] says
// what the columns do not hold of an incident.
//
// Values are written as they are. A spreadsheet may take one that begins with =
// or + for a formula: open such files as text.
type CSVWriter struct {
	w     *csv.Writer
	begun bool
}

// NewCSVWriter begins a file.
func NewCSVWriter(w io.Writer) *CSVWriter { return &CSVWriter{w: csv.NewWriter(w)} }

// Write adds one incident.
func (c *CSVWriter) Write(in Incident) error {
	if err := c.head(); err != nil {
		return err
	}
	row := csvRow(in)
	out := make([]string, len(Fields))
	for i, f := range Fields {
		out[i] = row[f]
	}
	if err := c.w.Write(out); err != nil {
		return fmt.Errorf("incident %s: %w", in.ID, err)
	}
	return nil
}

// Close writes what is buffered. It does not close the writer below.
func (c *CSVWriter) Close() error {
	if err := c.head(); err != nil {
		return err
	}
	c.w.Flush()
	return c.w.Error()
}

func (c *CSVWriter) head() error {
	if c.begun {
		return nil
	}
	c.begun = true
	return c.w.Write(Fields)
}

func csvRow(in Incident) map[string]string {
	row := map[string]string{
		"id": in.ID, "date": dateOnly(in.Start), "date_precision": string(in.DatePrecision), "title": in.Title, "text": in.Text,
		"place": in.Place, "admin1": in.Admin1, "admin2": in.Admin2, "country": in.Country, "kind": string(in.Kind),
		"organisation": in.Organisation, "killed_low": count(in.Killed.Low), "killed": count(in.Killed.Best),
		"killed_high": count(in.Killed.High), "wounded": count(in.Wounded.Best),
	}
	if own := ParleyMapping().Name; in.Source == own && in.ID == ID(own, in.SourceID) {
		row["id"] = in.SourceID
	}
	if !in.End.Equal(in.Start) {
		row["end_date"] = dateOnly(in.End)
	}
	if in.Placed {
		row["lat"], row["lon"] = decimal(in.Lat), decimal(in.Lon)
	}
	if in.RadiusKM > 0 {
		row["radius_km"] = decimal(in.RadiusKM)
	}
	classes := make([]string, len(in.Classes))
	for i, c := range in.Classes {
		classes[i] = string(c)
	}
	row["class"] = strings.Join(classes, ";")
	if in.TLP != 0 {
		row["tlp"] = in.TLP.String()
	}
	if len(in.Sources) > 0 {
		s := in.Sources[0]
		row["source"], row["reliability"] = s.Name, s.Reliability
		if s.Credibility > 0 {
			row["credibility"] = strconv.Itoa(s.Credibility)
		}
		if s.Sensitive {
			row["source_sensitive"] = "true"
		}
	}
	for _, s := range in.Selectors {
		if name := s.Kind + "s"; s.Kind == Phone || s.Kind == Plate {
			if row[name] != "" {
				row[name] += ";"
			}
			row[name] += s.Value
		}
	}
	for _, c := range in.Claims {
		switch {
		case c.Kind == Responsibility && row["claimed_by"] == "":
			row["claimed_by"] = c.By
		case c.Kind == Blame && row["blamed"] == "":
			row["blamed"] = c.Of
		}
	}
	return row
}

func count(n *int) string {
	if n == nil {
		return ""
	}
	return strconv.Itoa(*n)
}

func decimal(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

// CSVLosses lists the fields of an incident that Parley's columns do not hold, or
// not as they are: several sources, the details of claims, the source's codes.
// It finds them by reading back what is written.
func CSVLosses(in Incident) []string {
	m := ParleyMapping()
	written := csvRow(in)
	raw := &row{get: func(f string) string { return written[f] }}
	back := m.incident(raw, m.layouts())
	if len(raw.problems) > 0 {
		out := make([]string, len(raw.problems))
		for i, p := range raw.problems {
			out[i] = p.Field
		}
		return out
	}
	var out []string
	differ := func(field string, a, b any) {
		if fmt.Sprintf("%+v", a) != fmt.Sprintf("%+v", b) {
			out = append(out, field)
		}
	}
	if written["id"] == in.ID { // another dataset's: the identifier stays, the name does not
		if in.Source != m.Name {
			out = append(out, "source")
		}
	} else {
		differ("source_id", in.SourceID, back.SourceID)
	}
	differ("title", in.Title, back.Title)
	differ("text", in.Text, back.Text)
	differ("start", in.Start.UTC(), back.Start)
	differ("end", in.End.UTC(), back.End)
	differ("place", []string{in.Place, in.Admin1, in.Admin2, in.Country}, []string{back.Place, back.Admin1, back.Admin2, back.Country})
	differ("place_precision", in.PlacePrecision, back.PlacePrecision)
	differ("killed", ranged(in.Killed), ranged(back.Killed))
	differ("date_precision, kind, classes", []any{in.DatePrecision, in.Kind, in.Classes}, []any{back.DatePrecision, back.Kind, back.Classes})
	differ("latitude, longitude, radius_km", []any{in.Lat, in.Lon, in.Placed, in.RadiusKM}, []any{back.Lat, back.Lon, back.Placed, back.RadiusKM})
	differ("organisation", in.Organisation, back.Organisation)
	differ("tlp", in.TLP, back.TLP)
	differ("wounded", ranged(in.Wounded), ranged(back.Wounded))
	differ("sources", in.Sources, back.Sources)
	differ("claims", in.Claims, back.Claims)
	differ("selectors", in.Selectors, back.Selectors)
	for _, f := range Fields {
		// A line ends in one character here, and a record has its limits.
		if v := written[f]; strings.Contains(v, "\r") || len(v) > maxRecordBytes/2 || strings.Count(v, "\n") > maxRecordLines/2 {
			out = append(out, f)
		}
	}
	if len(in.Codes) > 0 {
		out = append(out, "codes")
	}
	if !in.Created.IsZero() && !in.Created.Equal(in.Start) || !in.Modified.IsZero() && !in.Modified.Equal(in.Start.Truncate(time.Millisecond)) {
		out = append(out, "created, modified")
	}
	return out
}

func ranged(r Range) string { return count(r.Low) + "/" + count(r.Best) + "/" + count(r.High) }
