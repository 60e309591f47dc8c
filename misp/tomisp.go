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
	events  []event

	ev    *event
	level stix.Level
	attrs map[string]int // STIX id to the attribute that it became in this event
	objs  map[string]int // and to the object
}

func newWriter(objects []*stix.Object, opt Options) *writer {
	w := &writer{opt: opt, byID: map[string]props{}, done: map[string]bool{}, parts: map[string]bool{}, basedOn: map[string]string{}}
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

// pair notes that an indicator and an observed-data object are one attribute.
// An indicator of a pattern that its observables do not make stays apart.
func (w *writer) pair(indicator, observed string) {
	i, o := w.byID[indicator], w.byID[observed]
	if i == nil || o == nil || i["type"] != "indicator" || o["type"] != "observed-data" || i["pattern_type"] != "stix" {
		return
	}
	if _, ok := simplePattern(text(i, "pattern")); ok {
		w.basedOn[observed] = indicator
	}
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
	if p["type"] != "identity" || p["identity_class"] == "individual" || p["labels"] != nil {
		return false
	}
	for _, o := range w.byID {
		if o["created_by_ref"] == id || slices.Contains(stringsOf(o["where_sighted_refs"]), id) {
			return true
		}
	}
	return false
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

// place puts one object into the event.
func (w *writer) place(p props) {
	id := text(p, "id")
	labels := stringsOf(p["labels"])
	_, isAttribute := labelled(labels, "type")
	_, isObject := labelled(labels, "name")
	typ := text(p, "type")
	defer func() { w.done[id] = true }()
	switch {
	case typ == "x-misp-attribute", isAttribute && typ != "indicator" && typ != "observed-data":
		w.plainAttribute(p)
	case typ == "x-misp-object", isObject && typ != "indicator" && typ != "observed-data":
		w.wholeObject(p)
	case typ == "observed-data":
		w.observedData(p)
	case typ == "indicator":
		w.indicatorObject(p, labels)
	case galaxyLabel(p) || typ == "x-misp-galaxy-cluster":
		w.cluster(p)
	case typ == "note":
		w.note(p, labels)
	case typ == "identity" && w.isAuthor(id):
		w.done[id] = true
	case typ == "identity" || typ == "location" || typ == "incident":
		w.foreignObject(p)
	case typ == "vulnerability" && isCVE(text(p, "name")):
		a := w.attribute(p, "vulnerability", text(p, "name"))
		w.keep(p, a)
		w.rest(p, "name", "external_references", "description")
	case slices.Contains(aliased, typ) || typ == "course-of-action" || typ == "vulnerability":
		w.cluster(p)
	case typ == "marking-definition":
		if !w.tlpDefinition(id) {
			w.add(id, "MISP has no markings but those of the Traffic Light Protocol")
		}
	case p["created"] == nil && !w.parts[id]:
		w.observable(p, p, false)
	case p["created"] == nil: // a part of another observable or observed-data
	default:
		w.add(id, "MISP has nothing like %s", clip(typ))
	}
}

// attribute begins an attribute that an object becomes.
func (w *writer) attribute(p props, typ, value string) attribute {
	labels := stringsOf(p["labels"])
	a := attribute{
		UUID: uuidOf(text(p, "id")), Type: typ, Value: value, Category: category(typ), Timestamp: cmp.Or(seconds(p, "modified"), w.ev.Timestamp),
		Comment: cmp.Or(text(p, "x_misp_comment"), foreignComment(p)), Distribution: "5", Tags: w.tags(p, w.level),
		FirstSeen: text(p, "x_misp_first_seen"), LastSeen: text(p, "x_misp_last_seen"), Deleted: p["revoked"] == true,
	}
	if v, ok := labelled(labels, "type"); ok {
		a.Type = v
		a.Category, _ = labelled(labels, "category")
	}
	if v, ok := labelled(labels, "to_ids"); ok {
		a.ToIDs = v == "True"
	}
	return a
}

// foreignComment is the description of an object that does not come from MISP.
func foreignComment(p props) string {
	if _, ours := labelled(stringsOf(p["labels"]), "type"); ours {
		return ""
	}
	return text(p, "description")
}

func (w *writer) keep(p props, a attribute) {
	w.attrs[text(p, "id")] = len(w.ev.Attributes)
	w.ev.Attributes = append(w.ev.Attributes, a)
}

// plainAttribute is an attribute whose object holds its value in one property.
func (w *writer) plainAttribute(p props) {
	a := w.attribute(p, text(p, "x_misp_type"), text(p, "x_misp_value"))
	carried := []string{"x_misp_type", "x_misp_category", "x_misp_value", "x_misp_data", "external_references"}
	switch p["type"] {
	case "note":
		a.Value, carried = text(p, "content"), []string{"content", "object_refs"}
	case "vulnerability", "campaign":
		a.Value, carried = text(p, "name"), []string{"name", "external_references"}
	}
	a.Data = text(p, "x_misp_data")
	if a.Category == "" {
		a.Category = category(a.Type)
	}
	if a.Value == "" || a.Type == "" {
		w.add(text(p, "id"), "has no value or no type")
		return
	}
	w.keep(p, a)
	w.rest(p, carried...)
}

func (w *writer) observedData(p props) {
	id := text(p, "id")
	labels := stringsOf(p["labels"])
	refs := stringsOf(p["object_refs"])
	w.rest(p, "object_refs", "first_observed", "last_observed", "number_observed", "x_misp_value", "x_misp_attributes",
		"x_misp_template_uuid", "x_misp_template_version", "x_misp_template_description")
	if n, _ := p["number_observed"].(stix.Number); n != "1" && n != "" {
		w.add(id+".number_observed", "has no counterpart in MISP")
	}
	indicator := w.basedOn[id]
	if indicator != "" {
		w.done[indicator] = true
	}
	for _, r := range refs {
		w.done[r] = true
	}
	typ, isAttribute := labelled(labels, "type")
	_, isObject := labelled(labels, "name")
	switch {
	case len(refs) == 0 || w.byID[refs[0]] == nil:
		w.add(id, "its observables are not among the objects")
	case isAttribute:
		_, slots := w.slots(w.byID[refs[0]])
		a := w.attribute(p, typ, cmp.Or(text(p, "x_misp_value"), attributeValue(typ, slots)))
		if typ == "attachment" || typ == "malware-sample" {
			a.Data = first(slots, "data")
		}
		if a.Value == "" {
			w.add(id, "its observables give no value for the type %s", clip(typ))
			return
		}
		w.keep(p, a)
		w.alias(id, indicator)
	case isObject:
		w.wholeObject(p)
		w.alias(id, indicator)
	default:
		roots := slices.DeleteFunc(slices.Clone(refs), func(r string) bool {
			return w.byID[r] == nil || w.partOf(r, refs)
		})
		for _, r := range roots {
			holder := p
			if len(roots) > 1 {
				holder = w.byID[r]
			}
			w.observable(w.byID[r], holder, indicator != "")
			if len(roots) > 1 {
				if i, ok := w.attrs[r]; ok && w.ev.Attributes[i].Timestamp == 0 {
					w.ev.Attributes[i].Timestamp = seconds(p, "modified")
				}
			}
		}
		w.alias(id, indicator)
		if len(roots) == 0 {
			w.add(id, "its observables are not among the objects")
		}
	}
}

// partOf reports whether one of the others refers to an observable.
func (w *writer) partOf(id string, others []string) bool {
	for _, o := range others {
		for n, v := range w.byID[o] {
			if strings.HasSuffix(n, "_ref") && v == id || strings.HasSuffix(n, "_refs") && slices.Contains(stringsOf(v), id) {
				return true
			}
		}
	}
	return false
}

// alias lets links to an indicator find the attribute of its observed data.
func (w *writer) alias(observed, indicator string) {
	if i, ok := w.attrs[observed]; ok && indicator != "" {
		w.attrs[indicator] = i
	}
	if i, ok := w.objs[observed]; ok && indicator != "" {
		w.objs[indicator] = i
	}
}

func (w *writer) lookup(id string) props { return w.byID[id] }

// slots reads an observable and lists what its slots do not hold.
func (w *writer) slots(root props) (string, []slot) {
	kind, slots := readSlots(root, w.lookup)
	id := text(root, "id")
	g, ok := buildGraph(kind, append(slices.Clone(slots), slot{"sample", map[bool]string{true: "1"}[w.isSample(root)]}), id)
	if !ok {
		g = graph{props{}}
		if kind == "ip" {
			g, ok = buildGraph(kind, slots, id)
			if !ok {
				g = graph{props{}}
			}
		}
	}
	again := g.root()
	for _, n := range sortedKeys(root) {
		switch n {
		case "type", "id", "spec_version", "object_marking_refs", "created_by_ref":
		case "granular_markings":
			w.add(id+"."+n, "MISP marks whole attributes only")
		default:
			if !same(root[n], again[n]) {
				w.add(id+"."+n, "is not carried, or not all of it")
			}
		}
	}
	return kind, slots
}

func (w *writer) isSample(root props) bool {
	p := w.byID[text(root, "content_ref")]
	return p["decryption_key"] == "infected"
}

func same(a, b any) bool { return fmt.Sprint(a) == fmt.Sprint(b) }

// observable writes an observable that does not come from MISP: as an
// attribute where its values fit one, else as an object. holder gives
// identifier and marking.
func (w *writer) observable(root, holder props, toIDs bool) {
	id := text(holder, "id")
	w.done[text(root, "id")] = true
	kind, slots := w.slots(root)
	if len(slots) == 0 {
		w.add(text(root, "id"), "MISP has nothing like %s", clip(kind))
		return
	}
	w.found(holder, kind, slots, toIDs)
	if i, ok := w.attrs[id]; ok && holder["type"] == "observed-data" {
		w.ev.Attributes[i].FirstSeen, w.ev.Attributes[i].LastSeen = text(holder, "first_observed"), text(holder, "last_observed")
	}
	if i, ok := w.objs[id]; ok && holder["type"] == "observed-data" {
		w.ev.Objects[i].FirstSeen, w.ev.Objects[i].LastSeen = text(holder, "first_observed"), text(holder, "last_observed")
	}
}

// found writes values as an attribute or object.
func (w *writer) found(p props, kind string, slots []slot, toIDs bool) bool {
	if typ := usualType(kind, slots); typ != "" {
		a := w.attribute(p, typ, attributeValue(typ, slots))
		a.ToIDs = a.ToIDs || toIDs
		w.keep(p, a)
		return true
	}
	t := templateFor(kind)
	if t == nil {
		w.add(text(p, "id"), "MISP has no object for %s", clip(kind))
		return false
	}
	fields := t.fields(slots)
	if len(fields) == 0 {
		w.add(text(p, "id"), "MISP has no object for these values of %s", clip(kind))
		return false
	}
	o := w.newObject(p, t)
	for i, f := range fields {
		o.Attributes = append(o.Attributes, w.field(o, f, i, toIDs))
	}
	w.keepObject(p, o)
	return true
}

func (w *writer) newObject(p props, t *template) mispObject {
	return mispObject{
		UUID: uuidOf(text(p, "id")), Name: t.name, MetaCategory: t.meta, TemplateUUID: t.uuid, TemplateVersion: t.version,
		Timestamp: cmp.Or(seconds(p, "modified"), w.ev.Timestamp), Distribution: "5", Deleted: p["revoked"] == true,
		Comment: text(p, "x_misp_comment"), Attributes: []attribute{}, References: []reference{},
	}
}

// field is an attribute of an object that had none in MISP yet.
func (w *writer) field(o mispObject, f placed, i int, toIDs bool) attribute {
	return attribute{
		UUID: uuidOf(derived("x-misp-attribute", fmt.Sprint(o.UUID, "\n", f.relation, "\n", i))), Type: f.typ, Relation: f.relation,
		Category: category(f.typ), Value: f.value, Timestamp: o.Timestamp, Distribution: "5",
		ToIDs: toIDs,
	}
}

func (w *writer) keepObject(p props, o mispObject) {
	if l := levelOf(p); l != 0 && l != w.level {
		for i := range o.Attributes {
			if !slices.ContainsFunc(o.Attributes[i].Tags, func(t tag) bool { _, is := tlpTag(t.Name); return is }) {
				o.Attributes[i].Tags = append(o.Attributes[i].Tags, tag{Name: tlpName(l)})
			}
		}
	}
	w.objs[text(p, "id")] = len(w.ev.Objects)
	w.ev.Objects = append(w.ev.Objects, o)
}

// wholeObject restores a MISP object.
func (w *writer) wholeObject(p props) {
	labels := stringsOf(p["labels"])
	name, ok := labelled(labels, "name")
	if !ok {
		name = text(p, "x_misp_name")
	}
	meta, ok := labelled(labels, "meta-category")
	if !ok {
		meta = text(p, "x_misp_meta_category")
	}
	o := w.newObject(p, &template{name: name, meta: meta, uuid: text(p, "x_misp_template_uuid"), version: text(p, "x_misp_template_version")})
	o.Description, o.FirstSeen, o.LastSeen = text(p, "x_misp_template_description"), text(p, "x_misp_first_seen"), text(p, "x_misp_last_seen")
	var fields []placed
	t := templateNamed(name)
	carried := []string{"x_misp_attributes", "x_misp_name", "x_misp_meta_category", "x_misp_template_uuid", "x_misp_template_version", "x_misp_template_description"}
	switch {
	case t != nil && t.sdo && p["type"] == t.kind:
		fields = domainFields(p, t)
		for _, r := range t.relations {
			carried = append(carried, r.slot)
		}
		carried = append(carried, sortedKeys(t.fixed)...)
		carried = append(carried, "external_references")
	case t != nil && p["type"] == "observed-data":
		if refs := stringsOf(p["object_refs"]); len(refs) > 0 && w.byID[refs[0]] != nil {
			_, slots := w.slots(w.byID[refs[0]])
			fields = t.fields(slots)
		}
	}
	if p["type"] != "observed-data" {
		w.rest(p, carried...)
	}
	for _, x := range items(p["x_misp_attributes"]) {
		e, _ := x.(props)
		a := attribute{
			UUID: text(e, "uuid"), Type: text(e, "type"), Relation: text(e, "object_relation"), Category: cmp.Or(text(e, "category"), category(text(e, "type"))),
			Comment: text(e, "comment"), Value: text(e, "value"), Data: text(e, "data"), FirstSeen: text(e, "first_seen"), LastSeen: text(e, "last_seen"),
			ToIDs: e["to_ids"] == true, Deleted: e["deleted"] == true, Timestamp: o.Timestamp, Distribution: "5",
		}
		if n, err := strconv.ParseInt(text(e, "timestamp"), 10, 64); err == nil {
			a.Timestamp = n
		}
		for _, t := range stringsOf(e["tags"]) {
			a.Tags = append(a.Tags, tag{Name: t})
		}
		if a.Value == "" {
			i := slices.IndexFunc(fields, func(f placed) bool { return f.relation == a.Relation && f.typ == a.Type })
			if i < 0 {
				w.add(text(p, "id")+".x_misp_attributes", "the value of %s is gone", clip(a.Relation))
				continue
			}
			a.Value = fields[i].value
			fields = slices.Delete(fields, i, i+1)
		}
		if a.UUID == "" {
			a.UUID = uuidOf(derived("x-misp-attribute", fmt.Sprint(o.UUID, "\n", a.Relation, "\n", a.Value)))
		}
		o.Attributes = append(o.Attributes, a)
	}
	for i, f := range fields {
		o.Attributes = append(o.Attributes, w.field(o, f, i, false))
	}
	w.keepObject(p, o)
}

func domainFields(p props, t *template) (out []placed) {
	for _, r := range t.relations {
		switch v := p[r.slot].(type) {
		case string:
			out = append(out, placed{r.name, r.typ, v})
		case stix.Number:
			out = append(out, placed{r.name, r.typ, string(v)})
		}
	}
	return out
}

// foreignObject writes an identity, a place or an incident as an object.
func (w *writer) foreignObject(p props) {
	name := map[string]string{"location": "geolocation", "incident": "incident"}[text(p, "type")]
	if name == "" {
		switch p["identity_class"] {
		case "individual":
			name = "person"
		case "class":
			w.cluster(p)
			return
		default:
			name = "identity"
		}
	}
	t := templateNamed(name)
	fields := domainFields(p, t)
	if len(fields) == 0 {
		w.add(text(p, "id"), "has nothing that a MISP object %s holds", name)
		return
	}
	o := w.newObject(p, t)
	carried := sortedKeys(t.fixed)
	for i, f := range fields {
		o.Attributes = append(o.Attributes, w.field(o, f, i, false))
	}
	for _, r := range t.relations {
		carried = append(carried, r.slot)
	}
	w.keepObject(p, o)
	for _, l := range stringsOf(p["labels"]) {
		w.add(text(p, "id")+".labels", "MISP objects have no tags: %s", clip(l))
	}
	w.rest(p, carried...)
}

func (w *writer) indicatorObject(p props, labels []string) {
	id := text(p, "id")
	for observed, indicator := range w.basedOn {
		if indicator == id && (w.done[observed] || w.byID[observed] != nil) {
			if !w.done[observed] {
				w.done[observed] = true
				w.observedData(w.byID[observed])
			}
			return
		}
	}
	carried := []string{"pattern", "pattern_type", "pattern_version", "valid_from", "name", "description"}
	defer w.rest(p, carried...)
	pattern := text(p, "pattern")
	typ, ours := labelled(labels, "type")
	language := text(p, "pattern_type")
	if ours && ruleTypes[typ] == language {
		w.keep(p, w.attribute(p, typ, pattern))
		return
	}
	if language == "stix" {
		if found, ok := simplePattern(pattern); ok && len(found) == 1 && w.found(p, found[0].kind, found[0].slots, true) {
			return
		}
		w.keep(p, w.detect(p, "stix2-pattern", pattern))
		return
	}
	for t, l := range ruleTypes {
		if l == language {
			w.keep(p, w.detect(p, t, pattern))
			return
		}
	}
	w.add(id+".pattern", "MISP has no attribute for rules of %s", clip(language))
}

func (w *writer) detect(p props, typ, value string) attribute {
	a := w.attribute(p, typ, value)
	a.ToIDs = true
	return a
}

func (w *writer) note(p props, labels []string) {
	if _, ok := labelled(labels, "empty"); ok {
		return
	}
	r := eventReport{
		UUID: uuidOf(text(p, "id")), Name: text(p, "abstract"), Content: text(p, "content"),
		Timestamp: seconds(p, "modified"), Deleted: p["revoked"] == true,
	}
	if _, ours := labelled(labels, "event-report"); !ours && r.Name == "" {
		r.Name = "Note"
	}
	w.ev.Reports = append(w.ev.Reports, r)
	w.rest(p, "abstract", "content", "object_refs")
	if l := levelOf(p); l != w.level && l != 0 {
		w.add(text(p, "id")+".object_marking_refs", "MISP does not mark a note by itself")
	}
}

// moved are the properties of domain objects that a cluster's meta holds under
// their own names.
var moved = strings.Fields(`first_seen last_seen goals roles sophistication resource_level primary_motivation
	secondary_motivations personal_motivations threat_actor_types malware_types tool_types infrastructure_types
	objective tool_version capabilities implementation_languages architecture_execution_envs sectors`)

func (w *writer) clusterOf(p props) (galaxy, cluster) {
	labels := stringsOf(p["labels"])
	typ, ours := labelled(labels, "galaxy-type")
	name, _ := labelled(labels, "galaxy-name")
	if !ours {
		typ = "stix-2.1-" + text(p, "type")
		name = "STIX 2.1 " + text(p, "type")
		if p["type"] == "identity" {
			typ, name = "sector", "Sector"
		}
	}
	c := cluster{
		UUID: uuidOf(text(p, "id")), Type: typ, Value: cmp.Or(text(p, "name"), text(p, "x_misp_value")), Description: text(p, "description"),
		Source: text(p, "x_misp_source"), Version: text(p, "x_misp_version"), Default: p["x_misp_default"] == true,
		Authors: stringsOf(p["x_misp_authors"]),
	}
	if c.Value == "" {
		c.Value = c.UUID
	}
	if !ours {
		c.Version = strconv.FormatInt(seconds(p, "modified"), 10)
	}
	c.TagName = galaxyTag(typ, c.Value)
	meta := props{}
	if m, ok := p["x_misp_meta"].(props); ok {
		for n, v := range m {
			meta[n] = v
		}
	}
	if a := items(p["aliases"]); len(a) > 0 {
		meta["synonyms"] = a
	}
	var ids, refs []any
	for _, r := range items(p["external_references"]) {
		x, _ := r.(props)
		if s := text(x, "external_id"); s != "" {
			ids = append(ids, s)
		}
		if s := text(x, "url"); s != "" {
			refs = append(refs, s)
		}
	}
	if ids != nil {
		meta["external_id"] = ids
	}
	if refs != nil {
		meta["refs"] = refs
	}
	var chain []any
	for _, k := range items(p["kill_chain_phases"]) {
		x, _ := k.(props)
		chain = append(chain, text(x, "kill_chain_name")+":"+text(x, "phase_name"))
	}
	if chain != nil {
		meta["kill_chain"] = chain
	}
	for _, n := range moved {
		if v, ok := p[n]; ok {
			meta[n] = v
		}
	}
	c.Meta = metaObject(meta)
	w.rest(p, append([]string{"name", "description", "aliases", "external_references", "is_family", "identity_class", "country", "region",
		"kill_chain_phases", "x_misp_source", "x_misp_version", "x_misp_default", "x_misp_meta", "x_misp_type", "x_misp_value", "x_misp_authors"}, moved...)...)
	return galaxy{Type: typ, Name: name}, c
}

func metaObject(m props) *object {
	if len(m) == 0 {
		return nil
	}
	o := &object{}
	for _, n := range sortedKeys(m) {
		o.names = append(o.names, n)
		o.values = append(o.values, m[n])
	}
	return o
}

// MarshalJSON writes the object in its own order.
func (o *object) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, n := range o.names {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = jsontext.AppendQuote(b, n); err != nil {
			return nil, err
		}
		v, err := json.Marshal(o.values[i], json.Deterministic(true))
		if err != nil {
			return nil, err
		}
		b = append(append(b, ':'), v...)
	}
	return append(b, '}'), nil
}

// MarshalJSON writes the number as it was written.
func (n number) MarshalJSON() ([]byte, error) { return []byte(n), nil }

// cluster puts a cluster on the event. One that only an attribute relates to
// is moved there when the relationship is met.
func (w *writer) cluster(p props) {
	g, c := w.clusterOf(p)
	tagged := slices.ContainsFunc(w.ev.Tags, func(t tag) bool { return t.Name == c.TagName })
	if galaxyLabel(p) && !tagged && w.related(text(p, "id")) {
		return
	}
	if !tagged {
		w.ev.Tags = append(w.ev.Tags, tag{Name: c.TagName})
	}
	w.ev.Galaxies = addCluster(w.ev.Galaxies, g, c)
	if l := levelOf(p); l != 0 && l != w.level {
		w.add(text(p, "id")+".object_marking_refs", "MISP does not mark a cluster")
	}
}

// related reports whether something else relates to a cluster.
func (w *writer) related(id string) bool {
	for _, p := range w.byID {
		if p["type"] == "relationship" && p["target_ref"] == id {
			return true
		}
	}
	return false
}

func addCluster(list []galaxy, g galaxy, c cluster) []galaxy {
	i := slices.IndexFunc(list, func(x galaxy) bool { return x.Type == g.Type })
	if i < 0 {
		g.Clusters = []cluster{c}
		return append(list, g)
	}
	if !slices.ContainsFunc(list[i].Clusters, func(x cluster) bool { return x.UUID == c.UUID }) {
		list[i].Clusters = append(list[i].Clusters, c)
	}
	return list
}

// link writes a relationship, a sighting or an opinion.
func (w *writer) link(p props) {
	id := text(p, "id")
	switch p["type"] {
	case "sighting":
		w.seenAgain(p, text(p, "sighting_of_ref"), "0", text(p, "description"))
		w.rest(p, "sighting_of_ref", "count", "first_seen", "last_seen", "description", "where_sighted_refs", "created_by_ref")
		if n, _ := p["count"].(stix.Number); n != "1" && n != "" {
			w.add(id+".count", "MISP counts each sighting by itself")
		}
		return
	case "opinion":
		if p["opinion"] != "disagree" && p["opinion"] != "strongly-disagree" {
			w.add(id, "MISP has sightings and false positives, and no other opinion")
			return
		}
		for _, ref := range stringsOf(p["object_refs"]) {
			w.seenAgain(p, ref, "1", text(p, "explanation"))
		}
		return
	}
	source, target, typ := text(p, "source_ref"), text(p, "target_ref"), text(p, "relationship_type")
	if typ == "based-on" && w.basedOn[target] == source {
		return // one attribute
	}
	if c := w.byID[target]; c != nil && (galaxyLabel(c) || w.isCluster(c)) && (typ == "indicates" || typ == "related-to") {
		if i, ok := w.attrs[source]; ok {
			g, cl := w.clusterOf(c)
			w.ev.Attributes[i].Galaxies = addCluster(w.ev.Attributes[i].Galaxies, g, cl)
			return
		}
	}
	i, ok := w.objs[source]
	if !ok {
		w.add(id, "only MISP objects refer to something; %s is none", clip(source))
		return
	}
	_, toObject := w.objs[target]
	_, toAttribute := w.attrs[target]
	if !toObject && !toAttribute {
		w.add(id, "refers to %s, which is neither an attribute nor an object", clip(target))
		return
	}
	o := &w.ev.Objects[i]
	o.References = append(o.References, reference{
		UUID: uuidOf(id), ObjectUUID: o.UUID, Referenced: uuidOf(target), Type: cmp.Or(text(p, "x_misp_relationship_type"), typ),
		Comment: text(p, "description"), Timestamp: seconds(p, "modified"), Deleted: p["revoked"] == true,
	})
	w.rest(p, "source_ref", "target_ref", "relationship_type", "description", "x_misp_relationship_type")
}

func (w *writer) isCluster(p props) bool {
	typ := text(p, "type")
	return slices.Contains(aliased, typ) || typ == "course-of-action"
}

func (w *writer) seenAgain(p props, of, typ, source string) {
	s := sighting{UUID: uuidOf(text(p, "id")), Date: cmp.Or(seconds(p, "last_seen"), seconds(p, "modified")), Source: source, Type: typ}
	where := text(p, "created_by_ref")
	if list := stringsOf(p["where_sighted_refs"]); len(list) > 0 {
		where = list[0]
	}
	s.Org = w.orgOf(where)
	if i, ok := w.attrs[of]; ok {
		a := &w.ev.Attributes[i]
		a.Sightings = append(a.Sightings, s)
		return
	}
	if i, ok := w.objs[of]; ok && len(w.ev.Objects[i].Attributes) > 0 {
		a := &w.ev.Objects[i].Attributes[0]
		a.Sightings = append(a.Sightings, s)
		return
	}
	w.add(text(p, "id"), "is a sighting of %s, which is neither an attribute nor an object", clip(of))
}
