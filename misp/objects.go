package misp

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"parley.example/parley/stix"
)

// placed is one attribute as a form in STIX gives it back.
type placed struct{ relation, typ, value string }

// fields reads back the attributes of a template from slots.
func (t *template) fields(slots []slot) (out []placed) {
	for _, s := range slots {
		for _, r := range t.relations {
			if r.slot == s.name {
				out = append(out, placed{r.name, r.typ, s.value})
				break
			}
		}
	}
	return out
}

// slot is the slot or property that an attribute of the template fills.
func (t *template) slot(relation, typ string) string {
	for _, r := range t.relations {
		if r.name == relation && r.typ == typ {
			return r.slot
		}
	}
	return relation + "/" + typ
}

// object converts a MISP object: into observables, a domain object, or a
// custom object that holds everything.
func (b *builder) object(o *mispObject) {
	level := b.level
	for i := range o.Attributes {
		level = max(level, b.marking(o.Attributes[i].Tags, o.Attributes[i].path))
	}
	o.Attributes = slices.DeleteFunc(o.Attributes, func(a attribute) bool {
		if a.Type == "" || a.Value == "" {
			b.add(a.path, "has no type or no value")
			return true
		}
		return false
	})
	main := ""
	switch t := templateNamed(o.Name); {
	case t == nil:
	case t.sdo:
		main = b.domainObject(o, t, level)
	default:
		main = b.observables(o, t, level)
	}
	if main == "" {
		main = b.customObject(o, level)
	}
	if main == "" {
		return
	}
	if o.UUID != "" {
		b.main[strings.ToLower(o.UUID)] = main
	}
	for i := range o.Attributes {
		a := &o.Attributes[i]
		for j := range a.Galaxies {
			b.add(a.path+".Galaxy", "is carried for the whole object")
			b.galaxy(&a.Galaxies[j], main, level)
		}
		for j := range a.Sightings {
			b.add(a.path+".Sighting", "is carried for the whole object")
			b.sighting(&a.Sightings[j], main, level)
		}
	}
}

// describeObject adds what every carrier of an object has.
func (b *builder) describeObject(p props, o *mispObject, entries []any) {
	labels := []any{label("name", o.Name)}
	if o.MetaCategory != "" {
		labels = append(labels, label("meta-category", o.MetaCategory))
	}
	if slices.ContainsFunc(o.Attributes, func(a attribute) bool { return a.ToIDs }) {
		labels = append(labels, label("to_ids", "True"))
	}
	p["labels"] = labels
	for n, v := range map[string]string{
		"x_misp_comment": o.Comment, "x_misp_template_uuid": o.TemplateUUID,
		"x_misp_template_version": o.TemplateVersion, "x_misp_template_description": o.Description,
	} {
		if v != "" {
			p[n] = v
		}
	}
	if p["first_observed"] == nil { // observed data has them
		b.seen(p, o.FirstSeen, o.LastSeen, o.path)
	}
	if o.Deleted {
		p["revoked"] = true
	}
	if len(entries) > 0 {
		p["x_misp_attributes"] = entries
	}
}

// entries describe an object's attributes: those that the form gives back
// without their value, in the order in which it does, then the others whole. One
// that the form gives back in other words (a time, a shorter relation) is whole
// and says what it stands for.
func (b *builder) entries(o *mispObject, t *template, back []placed) (out []any) {
	used := make([]bool, len(o.Attributes))
	find := func(fits func(*attribute) bool) *attribute {
		for i := range o.Attributes {
			if !used[i] && fits(&o.Attributes[i]) {
				used[i] = true
				return &o.Attributes[i]
			}
		}
		return nil
	}
	exact := make([]*attribute, len(back))
	for i, f := range back {
		exact[i] = find(func(a *attribute) bool {
			return a.Relation == f.relation && a.Type == f.typ && a.Value == f.value && a.Data == ""
		})
	}
	for i, f := range back {
		if exact[i] != nil {
			out = append(out, b.entry(o, exact[i], false))
			continue
		}
		if a := find(func(a *attribute) bool { return t.slot(a.Relation, a.Type) == t.slot(f.relation, f.typ) }); a != nil {
			e := b.entry(o, a, true)
			e["stands_for"] = f.relation
			out = append(out, e)
		}
	}
	for i := range o.Attributes {
		if !used[i] {
			out = append(out, b.entry(o, &o.Attributes[i], true))
		}
	}
	return out
}

func (b *builder) entry(o *mispObject, a *attribute, whole bool) props {
	e := props{"object_relation": a.Relation, "type": a.Type}
	for n, v := range map[string]string{"uuid": a.UUID, "category": a.Category, "comment": a.Comment, "first_seen": a.FirstSeen, "last_seen": a.LastSeen} {
		if v != "" {
			e[n] = v
		}
	}
	if a.Timestamp != o.Timestamp {
		e["timestamp"] = strconv.FormatInt(a.Timestamp, 10)
	}
	if a.ToIDs {
		e["to_ids"] = true
	}
	if a.Deleted {
		e["deleted"] = true
	}
	if whole {
		e["value"] = a.Value
		if a.Data != "" {
			e["data"] = a.Data
		}
	}
	var tags []any
	for _, l := range b.labels(a.Tags, a.path) {
		tags = append(tags, l)
	}
	for _, t := range a.Tags {
		if _, ok := tlpTag(t.Name); ok {
			tags = append(tags, t.Name)
		}
	}
	if len(tags) > 0 {
		e["tags"] = tags
	}
	return e
}

// objectSlots are the slots that attributes fill; only says which to take.
func objectSlots(o *mispObject, t *template, only func(*attribute) bool) (out []slot) {
	for i := range o.Attributes {
		a := &o.Attributes[i]
		if only != nil && !only(a) {
			continue
		}
		for _, r := range t.relations {
			if r.name == a.Relation && r.typ == a.Type {
				out = append(out, slot{r.slot, a.Value})
			}
		}
	}
	return out
}

func (b *builder) observables(o *mispObject, t *template, level stix.Level) string {
	g, ok := buildGraph(t.kind, objectSlots(o, t, nil), o.UUID)
	if !ok {
		return ""
	}
	_, slots := readSlots(g.root(), g.lookup)
	p := b.observed(b.id("observed-data", o.UUID, o.path+".uuid"), o.Timestamp, level, g, o.FirstSeen, o.LastSeen, o.path)
	b.describeObject(p, o, b.entries(o, t, t.fields(slots)))
	for _, x := range append(slices.Clone(g), p) {
		if fault(x) != "" {
			return ""
		}
	}
	for _, x := range g {
		b.put(x, o.path)
	}
	b.put(p, o.path)
	detect := func(a *attribute) bool { return a.ToIDs }
	if marked := objectSlots(o, t, detect); len(marked) > 0 {
		from, ok := buildGraph(t.kind, marked, o.UUID)
		if !ok {
			from = g
		}
		if id := b.indicator(p, cmp.Or(marked[0].value, o.Name), o.Comment, from); id != "" {
			return id
		}
	}
	return p["id"].(string)
}

func (b *builder) domainObject(o *mispObject, t *template, level stix.Level) string {
	p := b.begin(b.id(t.kind, o.UUID, o.path+".uuid"), o.Timestamp, level)
	for n, v := range t.fixed {
		p[n] = v
	}
	var back []placed
	for _, r := range t.relations {
		for i := range o.Attributes {
			a := &o.Attributes[i]
			if a.Relation != r.name || a.Type != r.typ || p[r.slot] != nil {
				continue
			}
			if r.typ == "float" {
				if _, err := strconv.ParseFloat(a.Value, 64); err != nil || json.Unmarshal([]byte(a.Value), new(float64)) != nil {
					continue
				}
				p[r.slot] = stix.Number(a.Value)
			} else {
				p[r.slot] = a.Value
			}
			if bad := fault(p); bad != "" && strings.HasPrefix(bad, r.slot+":") {
				delete(p, r.slot)
				continue
			}
			back = append(back, placed{r.name, r.typ, a.Value})
		}
	}
	if name, _ := p["name"].(string); isCVE(name) && t.kind == "vulnerability" {
		p["external_references"] = []any{props{"source_name": "cve", "external_id": name}}
	}
	b.describeObject(p, o, b.entries(o, t, back))
	if fault(p) != "" {
		return ""
	}
	b.put(p, o.path)
	return p["id"].(string)
}

func (b *builder) customObject(o *mispObject, level stix.Level) string {
	p := b.begin(b.id("x-misp-object", o.UUID, o.path+".uuid"), o.Timestamp, level)
	b.describeObject(p, o, b.entries(o, nil, nil))
	p["x_misp_name"] = cmp.Or(o.Name, "unnamed")
	if o.MetaCategory != "" {
		p["x_misp_meta_category"] = o.MetaCategory
	}
	if why := fault(p); why != "" {
		b.add(o.path, "is not valid STIX: %s", why)
		return ""
	}
	b.put(p, o.path)
	return p["id"].(string)
}

// references turns an object's references into relationships.
func (b *builder) references(o *mispObject) {
	source := b.main[strings.ToLower(o.UUID)]
	for i := range o.References {
		r := &o.References[i]
		target := b.main[strings.ToLower(r.Referenced)]
		if target == "" {
			target = b.clusters[strings.ToLower(r.Referenced)]
		}
		if source == "" || target == "" {
			b.add(r.path, "refers to %s, which has no object of its own in STIX", clip(r.Referenced))
			continue
		}
		typ := relationshipType(r.Type)
		p := b.begin(b.id("relationship", r.UUID, r.path+".uuid"), r.Timestamp, max(b.level, b.levelAt(source), b.levelAt(target)))
		p["relationship_type"], p["source_ref"], p["target_ref"] = typ, source, target
		if typ != r.Type {
			p["x_misp_relationship_type"] = r.Type
		}
		if r.Comment != "" {
			p["description"] = r.Comment
		}
		if r.Deleted {
			p["revoked"] = true
		}
		if r.Type == "" {
			delete(p, "x_misp_relationship_type")
		}
		if why := fault(p); why != "" {
			b.add(r.path, "is not valid STIX: %s", why)
			continue
		}
		b.put(p, r.path)
	}
}

func (b *builder) levelAt(id string) stix.Level {
	if i, ok := b.index[id]; ok {
		return levelOf(b.objs[i])
	}
	return 0
}

// relationshipType brings a name into the form of STIX.
func relationshipType(s string) string {
	s = strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-':
			return c
		case c == ' ', c == '_':
			return '-'
		}
		return -1
	}, strings.ToLower(s))
	return cmp.Or(s, "related-to")
}
