package fusion

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"parley.example/parley/incident"
)

// Columns are those that [ReadCSV] reads. Any may be empty or absent.
var Columns = []string{"id", "date", "place", "admin1", "lat", "lon", "killed", "wounded", "kind", "text"}

// A Note says what was not read as it stands.
type Note struct {
	Row    int    `json:"row"` // from 1 below the header; 0 for the file
	ID     string `json:"id,omitempty"`
	Field  string `json:"field,omitempty"`
	Value  string `json:"value,omitempty"`
	Reason string `json:"reason"`
	// Refused says that the row is not among the reports at all.
	Refused bool `json:"refused,omitempty"`
}

func (n Note) String() string {
	var b strings.Builder
	if n.Row > 0 {
		fmt.Fprintf(&b, "row %d: ", n.Row)
	}
	if n.Field != "" {
		b.WriteString(n.Field + " ")
	}
	if n.Value != "" {
		fmt.Fprintf(&b, "%q ", n.Value)
	}
	return b.String() + n.Reason
}

// maxReports bounds a list.
const maxReports = 200_000

// ReadCSV reads a list of reports with the given [Columns]. A field that cannot
// be read is left out of its report and told in the notes; a row that is no
// record at all, or repeats an earlier one with its id, is refused there. A
// report without an id gets its row's number, like "#3".
func ReadCSV(r io.Reader) (list []Report, notes []Note, err error) {
	type raw map[string]string
	var rows []raw
	var numbers []int
	header, err := incident.Records(r, ',', func(row int, field func(string) string, refused error) error {
		if refused != nil {
			var at *incident.RowError
			reason := refused.Error()
			if errors.As(refused, &at) && len(at.Problems) > 0 {
				reason = at.Problems[0].String()
			}
			notes = append(notes, Note{Row: row, Reason: reason, Refused: true})
			return nil
		}
		if len(rows) == maxReports {
			return fmt.Errorf("the list has more than %d reports; part it by time", maxReports)
		}
		v := raw{}
		for _, c := range Columns {
			v[c] = strings.TrimSpace(field(c))
		}
		rows, numbers = append(rows, v), append(numbers, row)
		return nil
	})
	if err != nil {
		return nil, notes, err
	}
	known := slices.ContainsFunc(header, func(h string) bool { return slices.Contains(Columns[1:], h) })
	if !known {
		return nil, notes, fmt.Errorf("the file has none of the columns %s; its columns are %s",
			strings.Join(Columns, ", "), clip(strings.Join(header, ", ")))
	}
	var dates []string
	for _, v := range rows {
		dates = append(dates, v["date"])
	}
	first := dayFirst(dates)
	seen := map[string]int{}
	for i, v := range rows {
		n := numbers[i]
		rep, told := readRow(v, n, first)
		if rep.ID == "" {
			rep.ID = "#" + strconv.Itoa(n)
			told = append(told, Note{Row: n, ID: rep.ID, Field: "id", Reason: "is empty; the report is called " + rep.ID})
		}
		if j, twice := seen[rep.ID]; twice {
			if equal(rows[j], v) {
				notes = append(notes, Note{
					Row: n, ID: rep.ID, Reason: fmt.Sprintf("repeats row %d word for word; it is compared once", numbers[j]),
				})
				continue
			}
			told = append(told, Note{Row: n, ID: rep.ID, Field: "id", Value: rep.ID, Reason: fmt.Sprintf("stands on row %d too, with another report; both are compared", numbers[j])})
		} else {
			seen[rep.ID] = i
		}
		notes = append(notes, told...)
		list = append(list, rep)
	}
	slices.SortStableFunc(notes, func(a, b Note) int { return a.Row - b.Row })
	return list, notes, nil
}

func equal(a, b map[string]string) bool {
	for _, c := range Columns {
		if a[c] != b[c] {
			return false
		}
	}
	return true
}

func readRow(v map[string]string, row int, dayFirst bool) (r Report, notes []Note) {
	r = Report{ID: v["id"], Place: v["place"], Admin1: v["admin1"], Kind: v["kind"], Text: v["text"]}
	tell := func(field, reason string) {
		notes = append(notes, Note{Row: row, ID: r.ID, Field: field, Value: clip(v[field]), Reason: reason})
	}
	var err error
	if r.From, r.To, err = parseDate(v["date"], dayFirst); err != nil {
		tell("date", err.Error()+"; the report is compared without a date")
	}
	for field, into := range map[string]*Amount{"killed": &r.Killed, "wounded": &r.Wounded} {
		a, note := parseAmount(v[field])
		*into = a
		if note != "" {
			tell(field, note)
		}
	}
	slices.SortFunc(notes, func(a, b Note) int { return strings.Compare(a.Field, b.Field) })
	lat, latErr := coordinate(v["lat"])
	lon, lonErr := coordinate(v["lon"])
	switch {
	case latErr != nil:
		tell("lat", latErr.Error()+"; the report is compared without coordinates")
	case lonErr != nil:
		tell("lon", lonErr.Error()+"; the report is compared without coordinates")
	case lat == nil && lon == nil:
	case lat == nil || lon == nil:
		tell(map[bool]string{true: "lon", false: "lat"}[lat == nil], "stands alone; the report is compared without coordinates")
	case *lat == 0 && *lon == 0:
		tell("lat", "and lon are both 0, which is in the sea; the report is compared without coordinates")
	case math.Abs(*lat) > 90 && math.Abs(*lon) <= 90 && math.Abs(*lat) <= 180:
		tell("lat", "is beyond 90 degrees; taken to be exchanged with lon")
		r.Lat, r.Lon, r.Placed = *lon, *lat, true
	case math.Abs(*lat) > 90 || math.Abs(*lon) > 180:
		tell("lat", fmt.Sprintf("with lon %g is not on the globe; the report is compared without coordinates", *lon))
	default:
		r.Lat, r.Lon, r.Placed = *lat, *lon, true
	}
	return r, notes
}

// coordinate reads degrees; nil where there are none.
func coordinate(s string) (*float64, error) {
	switch strings.ToLower(s) {
	case "", "-", "?", "na", "n/a", "nan", "null", "none", "unknown":
		return nil, nil
	}
	x, err := strconv.ParseFloat(digits(s), 64)
	if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
		return nil, errors.New("is no number of degrees")
	}
	return &x, nil
}

func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// A Duplicate is reports of one list that say the same.
type Duplicate struct {
	IDs  []string `json:"ids"`
	Same string   `json:"same"` // what they have in common
}

// Duplicates finds reports in one list that agree in date, place, casualties,
// kind and text though their ids differ. They are told, not dropped: two
// attacks may look alike.
func Duplicates(list []Report) []Duplicate {
	groups := map[string][]int{}
	var order []string
	for i := range list {
		r := &list[i]
		if r.From.IsZero() || r.Place == "" && !r.Placed {
			continue
		}
		place := ""
		if n := newName(r.Place); n != nil {
			place = string(n.full)
		}
		k := fmt.Sprint(day(r.From), day(r.To), "|", place, "|", r.Lat, r.Lon, "|", r.Killed, r.Wounded, "|", strings.ToLower(r.Kind), "|", r.Text)
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], i)
	}
	out := []Duplicate{}
	for _, k := range order {
		if g := groups[k]; len(g) > 1 {
			d := Duplicate{Same: "date, place, casualties, kind and text"}
			for _, i := range g {
				d.IDs = append(d.IDs, list[i].ID)
			}
			out = append(out, d)
		}
	}
	return out
}
