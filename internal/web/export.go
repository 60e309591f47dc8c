package web

import (
	"encoding/json"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"parley.example/parley/internal/node"
)

// exporters may take out what the node holds.
var exporters = []string{node.Officer, node.Analyst, node.Operator}

// exportFiles are the media type and the file's name of each format.
var exportFiles = map[string][2]string{
	node.FormatSTIX:    {"application/stix+json;version=2.1", "parley.stix.json"},
	node.FormatMISP:    {"application/json", "parley.misp.json"},
	node.FormatGeoJSON: {"application/geo+json", "parley.geojson"},
	node.FormatCSV:     {"text/csv; charset=utf-8; header=present", "parley.csv"},
	node.FormatCAP:     {"application/cap+xml", "parley.cap.xml"},
}

// exportFile streams an export: GET /export?format=, with id= (several), or
// the parameters of a selection and type=; for an alert status=, message=,
// reference= (several), certainty=, note=, language= and hours=. With
// account=true the answer is multipart/mixed: the file, then the account as
// JSON. The account comes last because only then it is known; an answer that
// breaks off is not whole.
func (s *Server) exportFile(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	fail := func(err error) {
		var se huma.StatusError
		errors.As(s.problem(ctx, err), &se)
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(se.GetStatus())
		_ = json.NewEncoder(w).Encode(se) // an error here means that the caller went away
	}
	if err := allow(ctx, exporters); err != nil {
		fail(err)
		return
	}
	ask, err := exportAsk(r.URL.Query())
	if err != nil {
		fail(err)
		return
	}
	ask.By = ctx.Value(userKey{}).(caller).Name
	out := &lateWriter{begin: func() io.Writer {
		file := exportFiles[ask.Format]
		w.Header().Set("Content-Type", file[0])
		w.Header().Set("Content-Disposition", `attachment; filename="`+file[1]+`"`)
		return w
	}}
	var parts *multipart.Writer
	if r.URL.Query().Get("account") == "true" {
		parts = multipart.NewWriter(w)
		out.begin = func() io.Writer {
			w.Header().Set("Content-Type", "multipart/mixed; boundary="+parts.Boundary())
			part, err := parts.CreatePart(textproto.MIMEHeader{"Content-Type": {exportFiles[ask.Format][0]}})
			if err != nil {
				panic(http.ErrAbortHandler)
			}
			return part
		}
	}
	got, err := s.node.Export(ctx, ask, out)
	switch {
	case err != nil && out.w == nil:
		fail(err)
	case err != nil:
		s.log.Error("export broke off", "error", err)
		panic(http.ErrAbortHandler) // so that the caller sees that it is not whole
	case parts != nil:
		part, err := parts.CreatePart(textproto.MIMEHeader{"Content-Type": {"application/json"}})
		if err == nil {
			err = errors.Join(json.NewEncoder(part).Encode(got), parts.Close())
		}
		if err != nil {
			panic(http.ErrAbortHandler)
		}
	}
}

// lateWriter begins the answer with the first byte, until when an error can
// still be told.
type lateWriter struct {
	begin func() io.Writer
	w     io.Writer
}

func (l *lateWriter) Write(p []byte) (int, error) {
	if l.w == nil {
		l.w = l.begin()
	}
	return l.w.Write(p)
}

// exportNames are the parameters of an export.
var exportNames = append(strings.Fields("format id type status message reference certainty note language hours account"), selectionNames...)

func exportAsk(q url.Values) (node.ExportAsk, error) {
	for name := range q {
		if !slices.Contains(exportNames, name) {
			return node.ExportAsk{}, huma.Error422UnprocessableEntity("there is no parameter " + name + "; there are " + strings.Join(exportNames, ", "))
		}
	}
	ask := node.ExportAsk{
		Format: q.Get("format"), IDs: q["id"], Type: q.Get("type"),
		Alert: node.AlertAsk{
			Status: q.Get("status"), Type: q.Get("message"), References: q["reference"], Certainty: q.Get("certainty"),
			Note: q.Get("note"), Language: q.Get("language"),
		},
	}
	var err error
	if ask.Filter, err = selectionOf(q).filter(); err != nil {
		return ask, err
	}
	if text := q.Get("hours"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return ask, huma.Error422UnprocessableEntity("hours is a whole number above 0, not " + text)
		}
		ask.Alert.Hours = n
	}
	return ask, nil
}
