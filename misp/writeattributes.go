package misp

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"parley.example/parley/stix"
)

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

func (w *writer) indicatorObject(p props, labels []string) {
	id := text(p, "id")
	if observed := w.pairs[id]; observed != "" {
		if !w.done[observed] {
			w.done[observed] = true
			w.observedData(w.byID[observed])
		}
		return
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
