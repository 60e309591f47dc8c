package node

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"parley.example/parley/incident"
	"parley.example/parley/internal/store"
	"parley.example/parley/misp"
	"parley.example/parley/stix"
)

// Formats that Export writes, beside FormatSTIX, FormatMISP and FormatCSV.
const (
	FormatGeoJSON = "geojson"
	FormatCAP     = "cap"
)

// ExportFormats are all of them.
var ExportFormats = []string{FormatSTIX, FormatMISP, FormatGeoJSON, FormatCSV, FormatCAP}

// ExportAsk says what to export and how.
type ExportAsk struct {
	Format string
	// IDs names objects; without them, everything that the filter selects is
	// exported, except what is TLP:RED: that has to be named.
	IDs    []string
	Type   string         // STIX type; "" is any
	Filter IncidentFilter // Limit is not used
	Alert  AlertAsk       // for FormatCAP, which takes exactly one incident by its ID
	By     string         // who asks, for the log
}

// AlertAsk are the terms of a CAP alert.
type AlertAsk struct {
	Status     string // Actual, Exercise or Test; never a default
	Type       string // Alert, Update or Cancel; "" is Alert
	References []string
	Certainty  string // a word of CAP; "" is by the source's grading
	Note       string
	Language   string
	Hours      int // until it expires; 0 is 24
}

// Exported is the account of an export: every object that was asked for was
// written or left out with a reason.
type Exported struct {
	Format  string    `json:"format"`
	Items   int       `json:"items"`
	LeftOut []LeftOut `json:"left_out"`
	// NotCarried lists what the format has no place for.
	NotCarried []misp.Lost `json:"not_carried"`
	// More counts what the two lists above have no room for.
	More int `json:"more"`
}

// LeftOut says which object was not exported and why.
type LeftOut struct {
	ID     string `json:"id"`
	Reason string `json:"reason"`
}

// Bounds of an export.
const (
	exportPage  = 500     // objects read in one transaction
	exportBytes = 8 << 20 // and about so many bytes
	exportLists = 200     // entries of each list of an account
	exportMISP  = 20_000  // objects that MISP events may gather
)

// checkExport says what is wrong with an ask before anything is done.
func (n *Node) checkExport(ask ExportAsk) error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: "+format, append([]any{ErrInvalid}, args...)...)
	}
	if !slices.Contains(ExportFormats, ask.Format) {
		return bad("format %q is none of %s", clip(ask.Format), strings.Join(ExportFormats, ", "))
	}
	for _, id := range ask.IDs {
		if _, _, ok := stix.SplitID(id); !ok {
			return bad("%q is not a STIX identifier", clip(id))
		}
	}
	if len(ask.IDs) > 0 && (ask.Type != "" || ask.Filter.narrows()) {
		return bad("name objects or give a filter, not both")
	}
	if err := ask.Filter.Check(); err != nil {
		return err
	}
	if ask.Format != FormatCAP {
		return nil
	}
	if len(ask.IDs) != 1 {
		return bad("an alert is about one incident; name it by its id")
	}
	if ask.Alert.Hours < 0 || ask.Alert.Hours > 24*366 {
		return bad("an alert expires within a year")
	}
	_, err := n.alert(ask.Alert, n.now())
	return err
}

// Export writes what the node holds in a format for other tools, as a stream.
// The file is for the person who asks; what passes to partners goes through
// [Node.ReleaseObject] and the ledger instead. Left out, with the reason in the
// account, are objects received from a partner whose retention has ended or is
// not known and, unless they are named, those that are TLP:RED. Objects keep
// their marking, and in STIX their bytes.
//
// Nothing is written to w before the ask and the objects that it names are
// found good, so that ErrInvalid and ErrNotFound come first. An error after
// something was written means that it is not whole.
func (n *Node) Export(ctx context.Context, ask ExportAsk, w io.Writer) (Exported, error) {
	e := &export{n: n, ask: ask, now: n.now(), out: Exported{Format: ask.Format, LeftOut: []LeftOut{}, NotCarried: []misp.Lost{}}}
	if err := n.checkExport(ask); err != nil {
		return e.out, err
	}
	if err := e.prepare(ctx); err != nil {
		return e.out, err
	}
	buf := bufio.NewWriterSize(w, 64<<10)
	err := map[string]func(context.Context, io.Writer) error{
		FormatSTIX: e.bundle, FormatMISP: e.event, FormatGeoJSON: e.features, FormatCSV: e.rows, FormatCAP: e.cap,
	}[ask.Format](ctx, buf)
	if err == nil {
		err = buf.Flush()
	}
	if err == nil {
		n.opt.Log.Info("exported", "format", ask.Format, "items", e.out.Items, "left_out", len(e.out.LeftOut), "by", ask.By)
	}
	return e.out, err
}

// export is one export.
type export struct {
	n   *Node
	ask ExportAsk
	now time.Time
	out Exported
	// keep is until when what a partner released may be kept, by partner,
	// accord and object.
	keep map[[3]string]time.Time
}

// prepare reads until when received objects may be kept, and requires that
// named objects are there.
func (e *export) prepare(ctx context.Context) error {
	e.keep = map[[3]string]time.Time{}
	return e.n.view(ctx, func(tx store.Tx) error {
		for _, id := range e.ask.IDs {
			if _, err := tx.Object(id); err != nil {
				return fmt.Errorf("object %q: %w", clip(id), err)
			}
		}
		rows, err := tx.Inbox(0)
		if err != nil {
			return err
		}
		for _, r := range rows {
			var it Item
			if err := json.Unmarshal(r.Doc, &it); err != nil {
				return fmt.Errorf("stored inbox item %s does not read: %w", r.ID, err)
			}
			until, err := time.Parse(time.RFC3339, it.Expires)
			if err != nil || it.Problem != "" {
				continue
			}
			if key := [3]string{r.From, r.Accord, it.ObjectID}; until.After(e.keep[key]) {
				e.keep[key] = until
			}
		}
		return nil
	})
}

// refusal says why an object is not exported, "" where it is.
func (e *export) refusal(o store.Object, obj *stix.Object) string {
	if o.From != "" {
		switch until, ok := e.keep[[3]string{o.From, o.Accord, o.ID}]; {
		case !ok:
			return "received from " + o.From + ", and until when it may be kept is not known"
		case !e.now.Before(until):
			return "received from " + o.From + ", which let it be kept until " + until.Format(time.DateOnly)
		}
	}
	if strictest(obj) == stix.Red && !slices.Contains(e.ask.IDs, o.ID) {
		return "TLP:RED is exported only by its id"
	}
	return ""
}

// strictest is the highest level that marks an object or a part of it.
func strictest(o *stix.Object) stix.Level {
	level, _ := stix.TLPOf(o)
	for _, g := range o.GranularMarkings() {
		if l, ok := stix.LevelOf(g.MarkingRef); ok {
			level = max(level, l)
		}
	}
	return level
}

func (e *export) leave(id, reason string) {
	if len(e.out.LeftOut) == exportLists {
		e.out.More++
		return
	}
	e.out.LeftOut = append(e.out.LeftOut, LeftOut{id, reason})
}

func (e *export) lose(l misp.Lost) {
	if len(e.out.NotCarried) == exportLists {
		e.out.More++
		return
	}
	e.out.NotCarried = append(e.out.NotCarried, l)
}

// each calls fn for every object that is to be exported, outside of any
// transaction, so that a slow reader holds up nothing.
func (e *export) each(ctx context.Context, incidents bool, fn func(store.Object, *stix.Object) error) error {
	switch incidents = incidents || e.ask.Filter.narrows(); {
	case len(e.ask.IDs) > 0:
		return e.objects(ctx, slices.Compact(slices.Sorted(slices.Values(e.ask.IDs))), fn)
	case incidents && e.ask.Type != "" && e.ask.Type != "incident":
		return nil // only incidents have a place and a class
	case incidents:
		return e.incidents(ctx, fn)
	}
	return e.everything(ctx, fn)
}

// objects hands out the newest versions of the named objects.
func (e *export) objects(ctx context.Context, ids []string, fn func(store.Object, *stix.Object) error) error {
	for part := range slices.Chunk(ids, exportPage) {
		var page []store.Object
		err := e.n.view(ctx, func(tx store.Tx) error {
			for _, id := range part {
				o, err := tx.Object(id)
				if errors.Is(err, store.ErrNotFound) {
					continue // referred to and not held, or deleted meanwhile
				}
				if err != nil {
					return err
				}
				page = append(page, o)
			}
			return nil
		})
		if err != nil {
			return err
		}
		if err := e.hand(ctx, page, fn); err != nil {
			return err
		}
	}
	return nil
}

func (e *export) hand(ctx context.Context, page []store.Object, fn func(store.Object, *stix.Object) error) error {
	for _, o := range page {
		if err := ctx.Err(); err != nil {
			return err
		}
		obj, err := stix.Parse(o.Bytes)
		if err != nil {
			return fmt.Errorf("stored object %s does not read: %w", o.ID, err)
		}
		if why := e.refusal(o, obj); why != "" {
			e.leave(o.ID, why)
			continue
		}
		if err := fn(o, obj); err != nil {
			return err
		}
	}
	return nil
}

// incidents hands out what the filter selects, by start.
func (e *export) incidents(ctx context.Context, fn func(store.Object, *stix.Object) error) error {
	f := e.ask.Filter
	return e.n.incidentPages(ctx, f.query(), exportPage, func(rows []store.Incident) error {
		var ids []string
		for _, r := range rows {
			if f.beyond() {
				in, err := readIncident(r)
				if err != nil {
					return err
				}
				if !f.keeps(&in, r.From) {
					continue
				}
			}
			ids = append(ids, r.ID)
		}
		return e.objects(ctx, ids, fn)
	})
}

// everything pages through all objects in the order in which they came, the
// newest version of each.
func (e *export) everything(ctx context.Context, fn func(store.Object, *stix.Object) error) error {
	q := store.ObjectQuery{Limit: exportPage, MaxBytes: exportBytes}
	if e.ask.Type != "" {
		q.Types = []string{e.ask.Type}
	}
	for {
		var page []store.Object
		more := false
		err := e.n.view(ctx, func(tx store.Tx) error {
			rows, further, err := tx.ListObjects(q)
			if err != nil {
				return err
			}
			more = further
			for _, r := range rows {
				q.After = r.Added
				newest, err := tx.Object(r.ID)
				if err != nil {
					return err
				}
				if newest.Added == r.Added {
					page = append(page, r)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		if err := e.hand(ctx, page, fn); err != nil || !more {
			return err
		}
	}
}

func (e *export) bundle(ctx context.Context, w io.Writer) error {
	if _, err := fmt.Fprintf(w, `{"type":"bundle","id":"%s"`, stix.NewID("bundle")); err != nil {
		return err
	}
	// A bundle without objects has no list of them (STIX 2.1 §8.1).
	before := `,"objects":[` + "\n"
	err := e.each(ctx, false, func(o store.Object, _ *stix.Object) error {
		e.out.Items++
		_, err := io.WriteString(w, before)
		before = ",\n"
		if err == nil {
			_, err = w.Write(o.Bytes)
		}
		return err
	})
	if err != nil {
		return err
	}
	end := "}\n"
	if e.out.Items > 0 {
		end = "\n]}\n"
	}
	_, err = io.WriteString(w, end)
	return err
}

// event gathers objects for MISP and, where they are named, what they refer
// to.
func (e *export) event(ctx context.Context, w io.Writer) error {
	var objects []*stix.Object
	have := map[string]bool{}
	add := func(_ store.Object, obj *stix.Object) error {
		if len(objects) == exportMISP {
			return fmt.Errorf("%w: more than %d objects; MISP takes an event whole, so narrow the filter", ErrInvalid, exportMISP)
		}
		have[obj.ID] = true
		objects = append(objects, obj)
		return nil
	}
	if err := e.each(ctx, false, add); err != nil {
		return err
	}
	for i := 0; i < len(objects) && len(e.ask.IDs) > 0; i++ {
		var more []string
		for _, id := range references(objects[i]) {
			if !have[id] {
				have[id] = true
				more = append(more, id)
			}
		}
		if err := e.objects(ctx, more, add); err != nil {
			return err
		}
	}
	if len(objects) == 0 {
		return fmt.Errorf("%w: there is nothing to export%s", ErrInvalid, e.why())
	}
	name := e.n.cfg.Name
	file, err := misp.Write(objects, misp.Options{Info: "Export of " + name, Organisation: name})
	if err != nil {
		return err
	}
	e.out.Items = len(objects)
	for _, l := range file.NotCarried {
		e.lose(l)
	}
	_, err = w.Write(file.JSON)
	return err
}

// why appends the first reason for which something was left out.
func (e *export) why() string {
	if len(e.out.LeftOut) == 0 {
		return ""
	}
	return ": " + e.out.LeftOut[0].ID + ": " + e.out.LeftOut[0].Reason
}

// references are the identifiers that an object's own properties name.
func references(o *stix.Object) (out []string) {
	props := o.Props()
	for _, name := range slices.Sorted(maps.Keys(props)) {
		switch {
		case strings.HasSuffix(name, "_ref"):
			if id, ok := props[name].(string); ok {
				out = append(out, id)
			}
		case strings.HasSuffix(name, "_refs"):
			out = append(out, o.Strings(name)...)
		}
	}
	return out
}

// records hands out the incidents that carry Parley's extension.
func (e *export) records(ctx context.Context, fn func(in incident.Incident, from string) error) error {
	return e.each(ctx, true, func(o store.Object, obj *stix.Object) error {
		if obj.Type != "incident" {
			e.leave(o.ID, "is no incident")
			return nil
		}
		in, err := incident.FromSTIX(o.Bytes)
		if err != nil {
			e.leave(o.ID, "does not read as an incident: "+err.Error())
			return nil
		}
		e.out.Items++
		return fn(in, o.From)
	})
}

func (e *export) features(ctx context.Context, w io.Writer) error {
	g := incident.NewGeoJSONWriter(w)
	if err := e.records(ctx, g.Write); err != nil {
		return err
	}
	return g.Close()
}

func (e *export) rows(ctx context.Context, w io.Writer) error {
	c := incident.NewCSVWriter(w)
	err := e.records(ctx, func(in incident.Incident, _ string) error {
		for _, f := range incident.CSVLosses(in) {
			e.lose(misp.Lost{Path: in.ID + "." + f, Reason: "Parley's columns do not hold it, or not as it is"})
		}
		return c.Write(in)
	})
	if err != nil {
		return err
	}
	return c.Close()
}

func (e *export) cap(ctx context.Context, w io.Writer) error {
	var raw []byte
	err := e.records(ctx, func(in incident.Incident, _ string) error {
		a, err := e.n.alert(e.ask.Alert, e.now)
		if err != nil {
			return err
		}
		_, uid, _ := stix.SplitID(in.ID)
		a.Identifier = "parley-" + uid + "-" + a.Sent.Format("20060102T150405Z")
		if raw, err = a.CAP(in); err != nil {
			err = fmt.Errorf("%w: %w", ErrInvalid, err)
		}
		return err
	})
	if err != nil {
		return err
	}
	if raw == nil {
		return fmt.Errorf("%w: there is no alert to write%s", ErrInvalid, e.why())
	}
	_, err = w.Write(raw)
	return err
}

// alert turns the terms that a person gave into those of an alert.
func (n *Node) alert(ask AlertAsk, now time.Time) (incident.Alert, error) {
	a := incident.Alert{
		Sender: n.cfg.Party, SenderName: n.cfg.Name, Status: ask.Status, Type: cmp.Or(ask.Type, incident.CAPAlert),
		Sent: now.Truncate(time.Second), Certainty: ask.Certainty, Note: ask.Note, Language: ask.Language,
	}
	a.Expires = a.Sent.Add(time.Duration(cmp.Or(ask.Hours, 24)) * time.Hour)
	for _, s := range ask.References {
		r, err := incident.ParseAlertReference(s)
		if err != nil {
			return a, fmt.Errorf("%w: %w", ErrInvalid, err)
		}
		a.References = append(a.References, r)
	}
	if ask.Status == "" {
		return a, fmt.Errorf("%w: say whether the alert is Actual, an Exercise or a Test", ErrInvalid)
	}
	return a, nil
}
