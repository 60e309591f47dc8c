package misp

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"parley.example/parley/stix"
)

// Options are what MISP needs and STIX objects may not say.
type Options struct {
	// Info is the title of the event that gathers objects of no report. Empty
	// means "STIX objects".
	Info string
	// Organisation is its author's name, and OrganisationUUID its identifier;
	// either may be empty.
	Organisation, OrganisationUUID string
}

// File is what [Write] makes.
type File struct {
	JSON       []byte // {"Event": …}, or {"response": [ … ]} for several events
	Events     int
	NotCarried []Lost
}

// Write turns STIX objects into MISP events: one for each report or grouping,
// and one for objects that are in none. Of several versions of an object the
// newest counts. MISP has times to the second and no time of creation but the
// event's day; that is not listed. The distribution of all that is written is
// "this organisation only": whom it may go to is for the people who import it.
func Write(objects []*stix.Object, opt Options) (File, error) {
	w := newWriter(objects, opt)
	if len(w.order) == 0 {
		return File{}, errors.New("there are no objects to write")
	}
	for _, id := range w.order {
		if typ, _, _ := stix.SplitID(id); typ == "report" || typ == "grouping" {
			w.report(w.byID[id])
		}
	}
	w.remainder()
	raw, err := w.encode()
	if err != nil {
		return File{}, err
	}
	return File{JSON: raw, Events: len(w.events), NotCarried: w.list}, nil
}

func (w *writer) encode() ([]byte, error) {
	wrapped := make([]any, len(w.events))
	for i := range w.events {
		wrapped[i] = map[string]any{"Event": &w.events[i]}
	}
	body := any(map[string]any{"response": wrapped})
	if len(wrapped) == 1 {
		body = wrapped[0]
	}
	raw, err := json.Marshal(body, jsontext.WithIndent("  "))
	if err != nil {
		return nil, fmt.Errorf("encoding the events: %w", err)
	}
	return append(raw, '\n'), nil
}

// writer makes events of objects.
type writer struct {
	losses
	opt     Options
	byID    map[string]props
	order   []string
	done    map[string]bool   // objects that have their place
	parts   map[string]bool   // observables that another object refers to
	basedOn map[string]string // observed-data to the indicator based on it
	pairs   map[string]string // and back
	authors map[string]bool   // identities that made or saw something
	targets map[string]bool   // what relationships lead to
	events  []event

	ev    *event
	level stix.Level
	attrs map[string]int // STIX id to the attribute that it became in this event
	objs  map[string]int // and to the object
}

func newWriter(objects []*stix.Object, opt Options) *writer {
	w := &writer{opt: opt, byID: map[string]props{}, done: map[string]bool{}, parts: map[string]bool{}, basedOn: map[string]string{},
		pairs: map[string]string{}, authors: map[string]bool{}, targets: map[string]bool{}}
	newest := map[string]time.Time{}
	for _, o := range objects {
		if _, held := w.byID[o.ID]; !held {
			w.order = append(w.order, o.ID)
		} else if !o.Version().After(newest[o.ID]) {
			continue
		}
		newest[o.ID], w.byID[o.ID] = o.Version(), o.Props()
	}
	for _, id := range w.order {
		p := w.byID[id]
		typ, uid, _ := stix.SplitID(id)
		w.authors[text(p, "created_by_ref")] = true
		for _, where := range stringsOf(p["where_sighted_refs"]) {
			w.authors[where] = true
		}
		if typ == "relationship" {
			w.targets[text(p, "target_ref")] = true
		}
		if typ == "relationship" && p["relationship_type"] == "based-on" {
			w.pair(text(p, "source_ref"), text(p, "target_ref"))
		}
		if typ == "indicator" {
			w.pair(id, "observed-data--"+uid)
		}
		if p["created"] == nil || typ == "observed-data" {
			for n, v := range p {
				if strings.HasSuffix(n, "_ref") {
					w.parts[fmt.Sprint(v)] = true
				}
				if strings.HasSuffix(n, "_refs") {
					for _, r := range items(v) {
						w.parts[fmt.Sprint(r)] = true
					}
				}
			}
		}
	}
	return w
}

// pair notes that an indicator and an observed-data object are one attribute:
// the pattern looks for nothing but what was observed. Every other indicator
// stays apart.
func (w *writer) pair(indicator, observed string) {
	i, o := w.byID[indicator], w.byID[observed]
	if i == nil || o == nil || i["type"] != "indicator" || o["type"] != "observed-data" || i["pattern_type"] != "stix" || w.basedOn[observed] != "" {
		return
	}
	if uuidOf(indicator) == uuidOf(observed) && fromMISP(i) && fromMISP(o) {
		w.basedOn[observed], w.pairs[indicator] = indicator, observed
		return
	}
	found, ok := simplePattern(text(i, "pattern"))
	refs := stringsOf(o["object_refs"])
	if !ok || len(found) != 1 || len(refs) == 0 {
		return
	}
	kind, slots := readSlots(w.byID[refs[0]], w.lookup)
	if kind != found[0].kind {
		return
	}
	for _, s := range found[0].slots {
		if !slices.Contains(slots, s) {
			return
		}
	}
	w.basedOn[observed], w.pairs[indicator] = indicator, observed
}

// fromMISP reports whether an object was an attribute or object of MISP.
func fromMISP(p props) bool {
	labels := stringsOf(p["labels"])
	_, attribute := labelled(labels, "type")
	_, object := labelled(labels, "name")
	return attribute || object
}

func text(p props, name string) string { s, _ := p[name].(string); return s }

func items(v any) []any { l, _ := v.([]any); return l }

func stringsOf(v any) (out []string) {
	for _, x := range items(v) {
		if s, ok := x.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

func seconds(p props, name string) int64 {
	t, err := stix.ParseTime(text(p, name))
	if err != nil || t.Unix() < 0 {
		return 0
	}
	return t.Unix()
}

func uuidOf(id string) string { _, u, _ := stix.SplitID(id); return strings.ToLower(u) }

func (w *writer) begin(uuid, info string) {
	w.events = append(w.events, event{
		UUID: uuid, Info: info, Threat: "4", Analysis: "0", Distribution: "0", SharingGroup: "0",
		Attributes: []attribute{}, Objects: []mispObject{}, Tags: []tag{}, Galaxies: []galaxy{},
	})
	w.ev = &w.events[len(w.events)-1]
	w.attrs, w.objs = map[string]int{}, map[string]int{}
}

func (w *writer) report(p props) {
	id := text(p, "id")
	w.done[id] = true
	w.begin(uuidOf(id), text(p, "name"))
	e := w.ev
	e.Timestamp = seconds(p, "modified")
	e.Date, _, _ = strings.Cut(text(p, "created"), "T")
	if d := text(p, "x_misp_date"); d != "" {
		e.Date = d
	}
	if e.Published = p["type"] == "report"; e.Published {
		e.PublishTimestamp = seconds(p, "published")
	} else if n, err := strconv.ParseInt(text(p, "x_misp_publish_timestamp"), 10, 64); err == nil {
		e.PublishTimestamp = n
	}
	e.Extends = text(p, "x_misp_extends_uuid")
	labels := stringsOf(p["labels"])
	if v, ok := labelled(labels, "threat-level-id"); ok {
		e.Threat = v
	}
	if v, ok := labelled(labels, "analysis"); ok {
		e.Analysis = v
	}
	w.level = levelOf(p)
	e.Tags = w.tags(p, 0)
	if e.Orgc = w.orgOf(text(p, "created_by_ref")); e.Orgc == nil {
		e.Orgc = w.ownOrg()
	}
	w.rest(p, "name", "published", "context", "object_refs", "x_misp_date", "x_misp_publish_timestamp", "x_misp_extends_uuid", "description")
	if d := text(p, "description"); d != "" {
		e.Reports = append(e.Reports, eventReport{UUID: uuidOf(derived("note", id)), Name: "Description", Content: d, Timestamp: e.Timestamp})
	}
	w.members(stringsOf(p["object_refs"]), id)
}

// remainder gathers what no report holds.
func (w *writer) remainder() {
	var left []string
	for _, id := range w.order {
		typ, _, _ := stix.SplitID(id)
		if w.done[id] || typ == "marking-definition" && w.tlpDefinition(id) {
			continue
		}
		left = append(left, id)
	}
	if !slices.ContainsFunc(left, w.primary) {
		if len(w.events) > 0 {
			for _, id := range left {
				w.add(id, "belongs to nothing that is carried")
			}
			return
		}
	}
	sorted := slices.Sorted(slices.Values(left))
	w.begin(uuidOf(derived("grouping", strings.Join(sorted, "\n"))), cmp.Or(w.opt.Info, "STIX objects"))
	w.level = 0
	for _, id := range left {
		p := w.byID[id]
		w.ev.Timestamp = max(w.ev.Timestamp, seconds(p, "modified"))
		w.level = max(w.level, levelOf(p))
	}
	w.ev.Date = time.Unix(w.ev.Timestamp, 0).UTC().Format(time.DateOnly)
	w.ev.Orgc = w.ownOrg()
	if w.level != 0 {
		w.ev.Tags = append(w.ev.Tags, tag{Name: tlpName(w.level)})
	}
	w.members(left, "")
}

// primary reports whether an object is something by itself.
func (w *writer) primary(id string) bool {
	typ, _, _ := stix.SplitID(id)
	switch typ {
	case "relationship", "sighting", "opinion", "marking-definition", "extension-definition", "language-content":
		return false
	}
	return !w.parts[id] && !w.isAuthor(id)
}

// isAuthor reports whether an identity is there as the author of others only.
func (w *writer) isAuthor(id string) bool {
	p := w.byID[id]
	return p["type"] == "identity" && p["identity_class"] != "individual" && p["labels"] == nil && w.authors[id]
}

func (w *writer) tlpDefinition(id string) bool { _, ok := stix.LevelOf(id); return ok }

func (w *writer) ownOrg() *org {
	if w.opt.Organisation == "" {
		return nil
	}
	return &org{UUID: cmp.Or(w.opt.OrganisationUUID, uuidOf(derived("identity", "org\n"+w.opt.Organisation))), Name: w.opt.Organisation}
}

func (w *writer) orgOf(id string) *org {
	p := w.byID[id]
	if p == nil || text(p, "name") == "" {
		return nil
	}
	w.done[id] = true
	return &org{UUID: uuidOf(id), Name: text(p, "name")}
}

func tlpName(l stix.Level) string { return strings.ToLower(l.String()) }

// tags are an object's tags: its labels that are none of ours, and its level
// where it is not the one of what holds it.
func (w *writer) tags(p props, around stix.Level) []tag {
	out := []tag{}
	if l := levelOf(p); l != around && l != 0 {
		out = append(out, tag{Name: tlpName(l)})
	}
	for _, l := range stringsOf(p["labels"]) {
		if !ownLabel(l) {
			out = append(out, tag{Name: l})
		}
	}
	return out
}

// rest lists the properties of an object that nothing carries.
func (w *writer) rest(p props, carried ...string) {
	id := text(p, "id")
	for _, n := range sortedKeys(p) {
		switch n {
		case "type", "spec_version", "id", "created", "modified", "labels", "revoked", "x_misp_comment",
			"x_misp_first_seen", "x_misp_last_seen":
			continue
		case "created_by_ref":
			if slices.Contains(carried, n) {
				continue
			}
			if by := uuidOf(text(p, n)); w.ev.Orgc == nil || by != w.ev.Orgc.UUID {
				w.add(id+"."+n, "an author of its own; MISP has one for the event")
			}
			continue
		case "object_marking_refs":
			for _, r := range stringsOf(p[n]) {
				if !w.tlpDefinition(r) {
					w.add(id+"."+n, "the marking %s is none of the Traffic Light Protocol", r)
				}
			}
			continue
		case "granular_markings":
			w.add(id+"."+n, "MISP marks whole attributes only")
			continue
		}
		if !slices.Contains(carried, n) {
			w.add(id+"."+n, "has no counterpart in MISP")
		}
	}
}

func sortedKeys(p props) []string {
	out := make([]string, 0, len(p))
	for n := range p {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}

// members places the objects of one event; first what stands by itself, then
// what relates it.
func (w *writer) members(ids []string, holder string) {
	var links []string
	for _, id := range ids {
		p := w.byID[id]
		typ, _, _ := stix.SplitID(id)
		switch {
		case p == nil:
			w.add(id, "is referred to by %s and not among the objects", cmp.Or(holder, "the list"))
		case typ == "relationship" || typ == "sighting" || typ == "opinion":
			links = append(links, id)
		case typ == "report" || typ == "grouping":
			if id != holder {
				w.add(id, "MISP has no report within a report")
			}
		case w.done[id] && p["labels"] != nil && galaxyLabel(p) || !w.done[id]:
			w.place(p)
		case w.parts[id] || w.placed(id) || typ == "identity":
		default:
			w.add(id, "stands in another event already")
		}
	}
	// Relationships need not be listed by a report to be about its objects.
	for _, id := range w.order {
		if typ, _, _ := stix.SplitID(id); !w.done[id] && !slices.Contains(links, id) && (typ == "relationship" || typ == "sighting" || typ == "opinion") && w.about(w.byID[id]) {
			links = append(links, id)
		}
	}
	for _, id := range links {
		if !w.done[id] {
			w.done[id] = true
			w.link(w.byID[id])
		}
	}
}

// placed reports whether an object is in the current event.
func (w *writer) placed(id string) bool {
	_, a := w.attrs[id]
	_, o := w.objs[id]
	return a || o
}

func galaxyLabel(p props) bool {
	_, ok := labelled(stringsOf(p["labels"]), "galaxy-type")
	return ok
}

// about reports whether a link starts at something in this event.
func (w *writer) about(p props) bool {
	for _, id := range append(stringsOf(p["object_refs"]), text(p, "source_ref"), text(p, "sighting_of_ref")) {
		if w.placed(id) {
			return true
		}
	}
	return false
}
