package misp

import (
	"slices"
	"strings"
	"time"

	"parley.example/parley/stix"
)

// describe adds what every carrier of an attribute has.
func (b *builder) describe(p props, a *attribute) {
	labels := []any{label("type", a.Type), label("category", a.Category)}
	if a.ToIDs {
		labels = append(labels, label("to_ids", "True"))
	}
	p["labels"] = append(labels, b.labels(a.Tags, a.path)...)
	if a.Comment != "" {
		p["x_misp_comment"] = a.Comment
	}
	if p["first_observed"] == nil { // observed data has them
		b.seen(p, a.FirstSeen, a.LastSeen, a.path)
	}
	if a.Deleted {
		p["revoked"] = true
	}
}

// seen adds first and last seen as they were written, and returns them.
func (b *builder) seen(p props, firstSeen, lastSeen, path string) (from, to time.Time) {
	for _, s := range []struct {
		name, text string
		t          *time.Time
	}{{"first_seen", firstSeen, &from}, {"last_seen", lastSeen, &to}} {
		if s.text == "" {
			continue
		}
		t, ok := parseTime(s.text)
		if !ok {
			b.add(path+"."+s.name, "%q is no time", clip(s.text))
			continue
		}
		p["x_misp_"+s.name] = s.text
		*s.t = t
	}
	if from.IsZero() {
		from = to
	}
	if to.IsZero() {
		to = from
	}
	if to.Before(from) {
		b.add(path+".last_seen", "is before first_seen")
		to = from
	}
	return from, to
}

// observed makes the observed-data object of observables.
func (b *builder) observed(id string, timestamp int64, level stix.Level, g graph, firstSeen, lastSeen, path string) props {
	p := b.begin(id, timestamp, level)
	from, to := b.seen(p, firstSeen, lastSeen, path)
	p["first_observed"], p["last_observed"] = p["modified"], p["modified"]
	if !from.IsZero() {
		p["first_observed"], p["last_observed"] = stix.FormatTime(from), stix.FormatTime(to)
	}
	p["number_observed"] = stix.Number("1")
	refs := make([]any, 0, len(g))
	for i := len(g) - 1; i >= 0; i-- {
		mark(g[i], level)
		refs = append(refs, g[i]["id"])
	}
	p["object_refs"] = refs
	return p
}

func (b *builder) attribute(a *attribute) {
	if a.Type == "" || a.Value == "" {
		b.add(a.path, "has no type or no value")
		return
	}
	level := b.marking(a.Tags, a.path)
	main := ""
	switch {
	case ruleTypes[a.Type] != "":
		main = b.rule(a, level)
	case a.Type == "vulnerability" || a.Type == "campaign-name":
		main = b.named(a, level)
	case textTypes[a.Type] && a.Relation == "":
		main = b.remark(a, level)
	case attributeForms[a.Type].kind != "":
		main = b.observable(a, level)
	}
	if main == "" {
		main = b.custom(a, level)
	}
	b.attached(a, main, level)
}

// attached adds what hangs on an attribute.
func (b *builder) attached(a *attribute, main string, level stix.Level) {
	if main == "" {
		return
	}
	if a.UUID != "" {
		b.main[strings.ToLower(a.UUID)] = main
	}
	for i := range a.Galaxies {
		b.galaxy(&a.Galaxies[i], main, level)
	}
	for i := range a.Sightings {
		b.sighting(&a.Sightings[i], main, level)
	}
}

func (b *builder) rule(a *attribute, level stix.Level) string {
	p := b.begin(b.id("indicator", a.UUID, a.path+".uuid"), a.Timestamp, level)
	b.describe(p, a)
	p["pattern"], p["pattern_type"], p["valid_from"] = a.Value, ruleTypes[a.Type], p["modified"]
	if fault(p) != "" {
		return ""
	}
	b.put(p, a.path)
	return p["id"].(string)
}

// named is an attribute that is a domain object known by its name.
func (b *builder) named(a *attribute, level stix.Level) string {
	typ := map[string]string{"vulnerability": "vulnerability", "campaign-name": "campaign"}[a.Type]
	p := b.begin(b.id(typ, a.UUID, a.path+".uuid"), a.Timestamp, level)
	b.describe(p, a)
	p["name"] = a.Value
	if isCVE(a.Value) {
		p["external_references"] = []any{props{"source_name": "cve", "external_id": a.Value}}
	}
	if fault(p) != "" {
		return ""
	}
	b.put(p, a.path)
	return p["id"].(string)
}

func isCVE(s string) bool {
	rest, ok := strings.CutPrefix(s, "CVE-")
	year, number, found := strings.Cut(rest, "-")
	return ok && found && len(year) == 4 && len(number) >= 4 && digits(year) && digits(number)
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

func (b *builder) remark(a *attribute, level stix.Level) string {
	p := b.begin(b.id("note", a.UUID, a.path+".uuid"), a.Timestamp, level)
	b.describe(p, a)
	p["content"], p["object_refs"] = a.Value, []any{b.report}
	if fault(p) != "" {
		return ""
	}
	b.put(p, a.path)
	return p["id"].(string)
}

// attributeSlots are the slots of an attribute's value.
func attributeSlots(typ, value, data string) (form attributeForm, out []slot) {
	form = attributeForms[typ]
	parts := []string{value}
	if len(form.slots) == 2 {
		first, second, ok := strings.Cut(value, "|")
		if !ok || first == "" || second == "" {
			return form, nil
		}
		parts = []string{first, second}
	}
	for i, name := range form.slots {
		out = append(out, slot{name, normal(name, parts[i])})
	}
	if t := accountTypes[typ]; t != "" {
		out = append(out, slot{"account-type", t})
	}
	if data != "" {
		out = append(out, slot{"data", data})
		if typ == "malware-sample" {
			out = append(out, slot{"sample", "1"})
		}
	}
	return form, out
}

// normal brings a value into the form that STIX demands.
func normal(name, v string) string {
	switch name {
	case "asn":
		return strings.TrimPrefix(strings.TrimPrefix(v, "AS"), "as")
	case "mac":
		return strings.ToLower(strings.ReplaceAll(v, "-", ":"))
	case "key":
		for short, long := range hives {
			if rest, ok := strings.CutPrefix(v, short+`\`); ok {
				return long + `\` + rest
			}
		}
	}
	return v
}

var hives = map[string]string{
	"HKLM": "HKEY_LOCAL_MACHINE", "HKCU": "HKEY_CURRENT_USER", "HKCR": "HKEY_CLASSES_ROOT", "HKU": "HKEY_USERS", "HKCC": "HKEY_CURRENT_CONFIG",
}

// attributeValue is the inverse of attributeSlots, without its data.
func attributeValue(typ string, slots []slot) string {
	form := attributeForms[typ]
	parts := make([]string, len(form.slots))
	for i, name := range form.slots {
		if parts[i] = first(slots, name); parts[i] == "" {
			return ""
		}
	}
	return strings.Join(parts, "|")
}

func (b *builder) observable(a *attribute, level stix.Level) string {
	data := a.Data
	if data != "" && (!isBase64(data) || attributeForms[a.Type].kind != "file") {
		b.add(a.path+".data", "is no base64, or this type has no content")
		data = ""
	}
	form, slots := attributeSlots(a.Type, a.Value, data)
	if slots == nil {
		return ""
	}
	g, ok := buildGraph(form.kind, slots, a.UUID)
	if !ok {
		return ""
	}
	p := b.observed(b.id("observed-data", a.UUID, a.path+".uuid"), a.Timestamp, level, g, a.FirstSeen, a.LastSeen, a.path)
	b.describe(p, a)
	if _, again := readSlots(g.root(), g.lookup); attributeValue(a.Type, again) != a.Value {
		p["x_misp_value"] = a.Value
	}
	for _, o := range append(slices.Clone(g), p) {
		if fault(o) != "" {
			return "" // a value that STIX does not admit is carried as it is
		}
	}
	for _, o := range g {
		b.put(o, a.path)
	}
	b.put(p, a.path)
	if a.ToIDs {
		if id := b.indicator(p, a.Value, a.Comment, g); id != "" {
			return id
		}
	}
	return p["id"].(string)
}

// indicator adds the indicator that is based on observed data.
func (b *builder) indicator(observed props, name, description string, g graph) string {
	pattern := patternOf(g)
	if pattern == "" {
		return ""
	}
	_, uid, _ := stix.SplitID(observed["id"].(string))
	p := props{}
	for _, n := range []string{"spec_version", "created", "modified", "created_by_ref", "object_marking_refs", "labels", "revoked"} {
		if v, ok := observed[n]; ok {
			p[n] = v
		}
	}
	p["type"], p["id"], p["name"] = "indicator", "indicator--"+uid, name
	p["pattern"], p["pattern_type"], p["pattern_version"], p["valid_from"] = pattern, "stix", "2.1", observed["first_observed"]
	if description != "" {
		p["description"] = description
	}
	if fault(p) != "" {
		return ""
	}
	b.put(p, name)
	b.relate(p["id"].(string), "based-on", observed["id"].(string), "", observed)
	return p["id"].(string)
}

// custom carries an attribute that STIX has no object for.
func (b *builder) custom(a *attribute, level stix.Level) string {
	p := b.begin(b.id("x-misp-attribute", a.UUID, a.path+".uuid"), a.Timestamp, level)
	b.describe(p, a)
	p["x_misp_type"], p["x_misp_category"], p["x_misp_value"] = a.Type, a.Category, a.Value
	if a.Category == "" {
		delete(p, "x_misp_category")
	}
	if a.Data != "" {
		p["x_misp_data"] = a.Data
	}
	if why := fault(p); why != "" {
		b.add(a.path, "is not valid STIX: %s", why)
		return ""
	}
	b.put(p, a.path)
	return p["id"].(string)
}

func (b *builder) sighting(s *sighting, main string, level stix.Level) {
	at := s.Date
	typ := "sighting"
	switch s.Type {
	case "", "0":
	case "1":
		typ = "opinion"
	default:
		b.add(s.path, "the sighting tells an expiration, which has no counterpart")
		return
	}
	p := b.begin(b.id(typ, s.UUID, s.path+".uuid"), at, level)
	delete(p, "created_by_ref")
	if s.Org != nil {
		p["created_by_ref"] = b.orgIdentity(s.Org, s.path+".Organisation")
	}
	if typ == "opinion" {
		p["opinion"], p["object_refs"] = "disagree", []any{main}
		p["labels"] = []any{label("sighting-type", "1")}
		if s.Source != "" {
			p["explanation"] = s.Source
		}
	} else {
		p["sighting_of_ref"], p["count"] = main, stix.Number("1")
		if s.Date > 0 {
			p["first_seen"], p["last_seen"] = p["modified"], p["modified"]
		}
		if s.Source != "" {
			p["description"] = s.Source
		}
		if s.Org != nil {
			p["where_sighted_refs"] = []any{p["created_by_ref"]}
		}
	}
	if why := fault(p); why != "" {
		b.add(s.path, "is not valid STIX: %s", why)
		return
	}
	b.put(p, s.path)
}
