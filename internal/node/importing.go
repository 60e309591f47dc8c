package node

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"parley.example/parley/incident"
	"parley.example/parley/internal/store"
	"parley.example/parley/misp"
	"parley.example/parley/selector"
	"parley.example/parley/stix"
)

// Import is the account of one file: every item in it was taken, known
// already, or refused with a reason.
type Import struct {
	Format  string    `json:"format"`
	Items   int       `json:"items"`
	Taken   int       `json:"taken"`
	Known   int       `json:"known"`
	Refused []Refusal `json:"refused"`
	// Doubts says of items that were taken what is likely wrong with them.
	Doubts []Refusal `json:"doubts,omitempty"`
	// NotCarried lists what was in the file and has no place in STIX; the items
	// that it belonged to were taken without it.
	NotCarried []misp.Lost `json:"not_carried"`
	// Continued is how many of the items were stored before, when the file was
	// imported and that was stopped; the account is of the whole file.
	Continued int `json:"continued,omitempty"`
}

// Refusal says which item was refused and why. Item counts from 1.
type Refusal struct {
	Item   int    `json:"item"`
	ID     string `json:"id,omitempty"`
	Reason string `json:"reason"`
}

// Formats that ImportFile reads.
const (
	FormatUCDP  = "ucdp"
	FormatACLED = "acled"
	FormatGTD   = "gtd"
	FormatCSV   = "csv"
	FormatSTIX  = "stix"
	FormatMISP  = "misp"
)

// Formats are all of them.
var Formats = []string{FormatSTIX, FormatMISP, FormatUCDP, FormatACLED, FormatGTD, FormatCSV}

// sniffed is how much of a file is looked at to recognise its format; a
// CSV's header line must fit.
const sniffed = 64 << 10

type item struct {
	object    store.Object
	incident  *store.Incident
	selectors []incident.Selector
	record    *incident.Incident // of a row that this node made into an object
	number    int
	named     bool // by a STIX identifier in a CSV file
}

// readItems reads a file of a format and hands out its items in order, each
// good or with the reason why not, and what in it cannot be carried.
func readItems(in io.Reader, format string, mapping *incident.Mapping, take func(item, error) error, lose func(misp.Lost)) error {
	row := func(number int, rec incident.Incident, err error) error {
		it := item{number: number}
		it.object.ID = rec.ID
		if err == nil {
			if it, err = incidentItem(number, rec); err != nil {
				it = item{number: number, object: store.Object{ID: rec.ID}}
			}
			it.named = rec.ID != incident.ID(rec.Source, rec.SourceID)
		}
		return take(it, err)
	}
	switch format {
	case FormatUCDP:
		return incident.ReadUCDP(in, row)
	case FormatACLED:
		return incident.ReadACLED(in, row)
	case FormatGTD:
		return incident.ReadGTD(in, row)
	case FormatCSV:
		m := incident.ParleyMapping()
		if mapping != nil {
			m = *mapping
		}
		return incident.ReadCSV(in, m, row)
	case FormatSTIX:
		_, err := stix.ReadBundle(in, func(i int, raw []byte) error {
			it, err := objectItem(i+1, raw)
			if err != nil {
				it = item{number: i + 1, object: store.Object{ID: idOf(raw)}}
			}
			return take(it, err)
		})
		return err
	}
	return readMISP(in, take, lose)
}

// storeItem stores an item of an imported file and enters it in the account.
func (n *Node) storeItem(tx store.Tx, it item, format string, out *Import) error {
	refuse := func(reason string) {
		out.Refused = append(out.Refused, Refusal{it.number, it.object.ID, reason})
	}
	// A table holds less than an object: it must not replace one.
	if it.named {
		held, err := tx.Object(it.object.ID)
		if err == nil && !bytes.Equal(held.Bytes, it.object.Bytes) {
			refuse("an object with this id is held, and says something else or more")
			return nil
		}
	}
	added, err := putItem(tx, it)
	if errors.Is(err, store.ErrConflict) {
		switch {
		case format == FormatMISP && shared(it.object):
			out.NotCarried = append(out.NotCarried, misp.Lost{Path: it.object.ID, Reason: "held already with another marking or other details; what is held stays"})
			added, err = false, nil
		case it.record != nil:
			// A row of a dataset that changed since: a newer version.
			added, err = putChanged(tx, it, n.now())
		default:
			refuse("another object with the same id and version is stored; a changed object needs a newer modified time")
			return nil
		}
	}
	if err == nil && it.record != nil {
		for _, d := range it.record.Doubts(n.now()) {
			out.Doubts = append(out.Doubts, Refusal{it.number, it.object.ID, d})
		}
	}
	switch {
	case err != nil:
		return err
	case added:
		out.Taken++
	default:
		out.Known++
	}
	return nil
}

func recognise(head []byte, mapping *incident.Mapping) string {
	switch f := incident.Detect(head); {
	case mapping != nil:
		return FormatCSV
	case f == incident.FormatUCDP:
		return FormatUCDP
	case f == incident.FormatACLED:
		return FormatACLED
	case f == incident.FormatGTD:
		return FormatGTD
	case f == incident.FormatParley:
		return FormatCSV
	case f == incident.FormatJSON && misp.Detect(head):
		return FormatMISP
	case f == incident.FormatJSON:
		return FormatSTIX
	}
	return ""
}

// readMISP reads events of MISP. Several events often hold the same observable,
// cluster or organisation; it is one item.
func readMISP(r io.Reader, take func(item, error) error, lose func(misp.Lost)) error {
	number := 0
	first := true
	return misp.Read(r, func(i int, e misp.Event, err error) error {
		if err != nil {
			number++
			return take(item{number: number}, fmt.Errorf("event %d: %w", i+1, err))
		}
		for _, o := range e.Objects {
			number++
			it, err := objectItem(number, o.Raw())
			if err != nil {
				it = item{number: number, object: store.Object{ID: o.ID}}
			}
			if err := take(it, err); err != nil {
				return err
			}
		}
		for _, l := range e.NotCarried {
			if !first {
				l.Path = fmt.Sprintf("response[%d].%s", i, l.Path)
			}
			lose(l)
		}
		first = false
		return nil
	})
}

// shared reports whether an object that misp made belongs to no single event: an
// observable, an organisation or a galaxy's cluster.
func shared(o store.Object) bool {
	return o.Version == 0 || bytes.Contains(o.Bytes, []byte("misp:galaxy-type="))
}

func incidentItem(number int, rec incident.Incident) (item, error) {
	raw, err := rec.STIX(ownIdentity)
	if err != nil {
		return item{}, err
	}
	it, err := objectItem(number, raw)
	it.record = &rec
	return it, err
}

// putChanged stores a row that says something else than when it was imported
// before as a newer version of the object; a change that is stored already is
// passed over.
func putChanged(tx store.Tx, it item, now time.Time) (added bool, err error) {
	newest, err := tx.Object(it.object.ID)
	if err != nil {
		return false, err
	}
	held, err := incident.FromSTIX(newest.Bytes)
	if err != nil {
		return false, fmt.Errorf("stored incident %s: %w", newest.ID, err)
	}
	rec := *it.record
	for _, modified := range []time.Time{held.Modified, now} {
		rec.Created, rec.Modified = held.Created, modified
		changed, err := incidentItem(it.number, rec)
		if err != nil {
			return false, err
		}
		if bytes.Equal(changed.object.Bytes, newest.Bytes) {
			return false, nil
		}
		if modified.Equal(now) {
			return putItem(tx, changed)
		}
	}
	return false, nil
}

// ownIdentity is created_by_ref of what this node's imports make: none, as the
// node relays a source's report and is not its author.
const ownIdentity = ""

func objectItem(number int, raw []byte) (item, error) {
	it, _, err := readItem(number, raw)
	return it, err
}

// readItem reads an object of our own and what the indexes need of it.
func readItem(number int, raw []byte) (item, *stix.Object, error) {
	obj, err := stix.Parse(raw)
	if err != nil {
		return item{}, nil, err
	}
	it := item{number: number, object: storedObject(obj, "", ""), selectors: selectorsOf(obj)}
	if obj.Type != "incident" {
		return it, obj, nil
	}
	rec, err := incident.FromSTIX(raw)
	if errors.Is(err, incident.ErrForeign) {
		return it, obj, nil // kept as an object; without place and class it is nothing for the watch
	}
	if err != nil {
		return item{}, nil, err
	}
	row, err := incidentRow(rec, "")
	it.incident, it.selectors = row, append(it.selectors, rec.Selectors...)
	return it, obj, err
}

func storedObject(obj *stix.Object, from, accordID string) store.Object {
	o := store.Object{
		ID: obj.ID, Type: obj.Type, Modified: cmp.Or(obj.Modified, obj.Created), Spec: obj.SpecVersion,
		Bytes: obj.Raw(), From: from, Accord: accordID,
	}
	if o.Modified != "" {
		o.Version = obj.Version().UnixMicro()
	}
	if o.Spec == "" {
		// Without spec_version it is of STIX 2.0, unless it is a
		// cyber-observable, which only 2.1 has as objects (§3.1).
		if o.Spec = "2.1"; obj.Created != "" {
			o.Spec = "2.0"
		}
	}
	return o
}

func incidentRow(rec incident.Incident, from string) (*store.Incident, error) {
	doc, err := json.Marshal(rec)
	if err != nil {
		return nil, fmt.Errorf("encoding incident: %w", err)
	}
	return &store.Incident{
		ID: rec.ID, Start: rec.Start.UnixMicro(), End: rec.End.UnixMicro(), Area: rec.Admin1, Class: string(rec.Class()),
		Lat: rec.Lat, Lon: rec.Lon, Placed: rec.Placed, From: from, Doc: doc,
	}, nil
}

func putItem(tx store.Tx, it item) (added bool, err error) {
	if added, err = tx.PutObject(it.object); err != nil || !added {
		return added, err
	}
	return true, indexItem(tx, it)
}

// indexItem files the incident and the selectors of a stored object.
func indexItem(tx store.Tx, it item) error {
	if it.incident != nil {
		// An older version that comes late does not take the newest one's place.
		if top, err := tx.Object(it.object.ID); err != nil || top.Version > it.object.Version {
			return err
		}
		if err := tx.PutIncident(*it.incident); err != nil {
			return err
		}
	}
	for _, s := range it.selectors {
		// A value that cannot be normalised cannot be matched; the report
		// keeps it as it was written.
		if keys, err := selector.Normalise(s.Kind, s.Value); err == nil {
			for _, k := range keys {
				if err := tx.PutSelector(s.Kind, k, it.object.ID); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func idOf(raw []byte) string {
	var o struct {
		ID string `json:"id"`
	}
	_ = json.Unmarshal(raw, &o) // only to name a refused item
	return clip(o.ID)
}

// ShowObject returns the exact bytes of an object's newest version, and counts that
// a report of its area and class was read (attention.go).
func (n *Node) ShowObject(ctx context.Context, id string) (json.RawMessage, error) {
	var out json.RawMessage
	err := n.view(ctx, func(tx store.Tx) error {
		o, err := tx.Object(id)
		if err != nil {
			return fmt.Errorf("object %q: %w", clip(id), err)
		}
		out = o.Bytes
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := n.update(ctx, func(tx store.Tx) error { return n.noteRead(tx, id) }); err != nil {
		n.opt.Log.Error("counting what is read", "error", err) // the reader has what was asked for
	}
	return out, nil
}
