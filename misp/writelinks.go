package misp

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"parley.example/parley/stix"
)

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
	if galaxyLabel(p) && !tagged && w.targets[text(p, "id")] {
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
