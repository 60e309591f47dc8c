package web

import (
	"compress/gzip"
	"context"
	"encoding/binary"
	"encoding/json"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"parley.example/parley/internal/node"
)

// Selection are the parameters of one filter over incidents, for map, timeline,
// table and export alike.
type Selection struct {
	From    string `query:"from" doc:"first day, YYYY-MM-DD"`
	To      string `query:"to" doc:"last day, YYYY-MM-DD"`
	Area    string `query:"area"`
	Class   string `query:"class"`
	Group   string `query:"group" doc:"the named organisation; - where none is named"`
	Party   string `query:"party" doc:"who gave it; own for our own"`
	Marking string `query:"marking" doc:"like TLP:AMBER; - for unmarked"`
	Grading string `query:"grading" doc:"the least good that passes: B, 2 or B2; - for ungraded"`
	Box     string `query:"box" doc:"west,south,east,north in degrees"`
}

// selectionNames are the parameters of a selection.
var selectionNames = strings.Fields("from to area class group party marking grading box")

func selectionOf(q url.Values) Selection {
	return Selection{q.Get("from"), q.Get("to"), q.Get("area"), q.Get("class"), q.Get("group"), q.Get("party"), q.Get("marking"), q.Get("grading"), q.Get("box")}
}

func (s Selection) filter() (node.IncidentFilter, error) {
	f := node.IncidentFilter{Area: s.Area, Class: s.Class, Group: s.Group, Party: s.Party, Marking: s.Marking, Grading: s.Grading}
	for _, d := range []struct {
		text string
		to   *time.Time
		add  int
	}{{s.From, &f.From, 0}, {s.To, &f.To, 1}} {
		if d.text == "" {
			continue
		}
		t, err := time.Parse(time.DateOnly, d.text)
		if err != nil {
			return f, huma.Error422UnprocessableEntity("give days as YYYY-MM-DD, not " + d.text)
		}
		*d.to = t.AddDate(0, 0, d.add)
	}
	if s.Box != "" {
		b, err := node.ParseBox(s.Box)
		if err != nil {
			return f, err
		}
		f.Box = &b
	}
	return f, f.Check()
}

// situationRoutes show incidents: as a list, in columns for drawing many, and single
// ones as a table needs them.
func (s *Server) situationRoutes() {
	handle(s, "GET", "/incidents", "list-incidents", readers, s.incidents)
	handle(s, "GET", "/incidents/rows", "show-incidents", readers, func(ctx context.Context, in *struct {
		IDs []string `query:"id,explode" required:"true" minItems:"1" maxItems:"200"`
	}) (out struct {
		Rows []node.IncidentRow `json:"rows"`
	}, err error) {
		out.Rows, err = s.node.IncidentRows(ctx, in.IDs)
		return out, err
	})
	s.roles["list-incident-columns"] = readers
	huma.Register(s.api, huma.Operation{
		OperationID: "list-incident-columns", Method: "GET", Path: "/api/v1/incidents/columns", Summary: "incidents column by column, binary (docs/api.md)",
		Middlewares: huma.Middlewares{s.doorkeeper(readers)},
	}, func(ctx context.Context, in *struct {
		Selection
		Accept string `header:"Accept-Encoding"`
	}) (*huma.StreamResponse, error) {
		f, err := in.filter()
		if err != nil {
			return nil, s.problem(ctx, err)
		}
		c, err := s.node.IncidentColumns(ctx, f)
		if err != nil {
			return nil, s.problem(ctx, err)
		}
		packed := strings.Contains(in.Accept, "gzip")
		return &huma.StreamResponse{Body: func(h huma.Context) {
			h.SetHeader("Content-Type", "application/octet-stream")
			h.SetHeader("Vary", "Accept-Encoding")
			if !packed {
				_ = writeColumns(h.BodyWriter(), c) // an error here means that the caller went away
				return
			}
			h.SetHeader("Content-Encoding", "gzip")
			z, _ := gzip.NewWriterLevel(h.BodyWriter(), gzip.BestSpeed) // the level is one of gzip's
			if writeColumns(z, c) == nil {
				_ = z.Close()
			}
		}}, nil
	})
}

type incidentsView struct {
	Incidents []node.Incident `json:"incidents"`
	Total     int64           `json:"total"`
}

func (s *Server) incidents(ctx context.Context, in *struct {
	Selection
	Limit int `query:"limit" minimum:"0" maximum:"100000"`
}) (incidentsView, error) {
	f, err := in.filter()
	if err != nil {
		return incidentsView{}, err
	}
	f.Limit = in.Limit
	got, total, err := s.node.Incidents(ctx, f)
	return incidentsView{got, total}, err
}

// columnsMagic begins an answer in columns; the digit is the version of the form.
const columnsMagic = "PCOLS\x001\n"

// writeColumns writes incidents in columns: the magic (8 bytes), the length of a JSON
// header (uint32, little-endian) and the header, which says how many incidents there
// are, the words of each column of words, and type and offset of each column; then
// the columns, little-endian, each at a multiple of 8 bytes from the beginning.
func writeColumns(w io.Writer, c *node.Columns) error {
	type column struct {
		Name string `json:"name"`
		Type string `json:"type"`
		At   int    `json:"at"`
	}
	n := len(c.ID)
	parts := []struct {
		name, typ string
		data      any
		size      int
	}{
		{"id", "uuid", c.ID, 16 * n}, {"day", "i32", c.Day, 4 * n}, {"days", "u16", c.Days, 2 * n}, {"lat", "f32", c.Lat, 4 * n}, {"lon", "f32", c.Lon, 4 * n},
		{"radius", "u16", c.Radius, 2 * n}, {"killed", "u16", c.Killed, 2 * n}, {"event", "u32", c.Event, 4 * n}, {"rival", "u8", c.Rival, n},
	}
	for _, name := range node.WordColumns {
		parts = append(parts, struct {
			name, typ string
			data      any
			size      int
		}{name, "u16", c.Codes[name], 2 * n})
	}
	even := func(n int) int { return (n + 7) &^ 7 }
	columns := make([]column, len(parts))
	at := 0 // from the end of the header
	for i, p := range parts {
		columns[i] = column{p.name, p.typ, at}
		at += even(p.size)
	}
	head, err := json.Marshal(map[string]any{"n": n, "words": c.Words, "columns": columns})
	if err != nil {
		return err
	}
	for len(head)%8 != 4 { // with magic and length, a multiple of 8
		head = append(head, ' ')
	}
	b := append([]byte(columnsMagic), 0, 0, 0, 0)
	binary.LittleEndian.PutUint32(b[8:], uint32(len(head)))
	if _, err := w.Write(append(b, head...)); err != nil {
		return err
	}
	for _, p := range parts {
		buf, err := binary.Append(make([]byte, 0, even(p.size)), binary.LittleEndian, p.data)
		if err != nil {
			return err
		}
		if _, err := w.Write(buf[:even(len(buf))]); err != nil {
			return err
		}
	}
	return nil
}
