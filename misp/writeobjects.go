package misp

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"parley.example/parley/stix"
)

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
		if other := text(e, "stands_for"); other != "" {
			if i := slices.IndexFunc(fields, func(f placed) bool { return f.relation == other }); i >= 0 {
				fields = slices.Delete(fields, i, i+1)
			}
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
