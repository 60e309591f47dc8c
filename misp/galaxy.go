package misp

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley.example/parley/stix"
)

// galaxy adds the clusters of a galaxy and, where they hang on an attribute or
// object, relates its STIX object to them.
func (b *builder) galaxy(g *galaxy, main string, level stix.Level) {
	for i := range g.Clusters {
		c := &g.Clusters[i]
		if c.Value == "" {
			b.add(c.path, "the cluster has no value")
			continue
		}
		id := b.cluster(g, c)
		if main == "" {
			b.eventClusters = append(b.eventClusters, cmp.Or(c.TagName, galaxyTag(c.Type, c.Value)))
		}
		if id == "" || main == "" {
			continue
		}
		typ, _, _ := stix.SplitID(id)
		from, _, _ := stix.SplitID(main)
		rel := "related-to"
		if from == "indicator" && slices.Contains([]string{"attack-pattern", "campaign", "infrastructure", "intrusion-set", "malware", "threat-actor", "tool"}, typ) {
			rel = "indicates"
		}
		b.relate(main, rel, id, "", b.begin(main, 0, level))
	}
}

// galaxyTag is the tag by which MISP puts a cluster on something.
func galaxyTag(typ, value string) string { return "misp-galaxy:" + typ + `="` + value + `"` }

// cluster adds one cluster and returns its identifier.
func (b *builder) cluster(g *galaxy, c *cluster) string {
	typ := galaxyTypes[c.Type]
	if typ == "location" && !b.placeable(c) {
		typ = ""
	}
	custom := typ == ""
	if custom {
		typ = "x-misp-galaxy-cluster"
	}
	id := typ + "--" + strings.ToLower(c.UUID)
	if _, _, ok := stix.SplitID(id); !ok {
		id = derived(typ, c.Type+"\n"+c.Value)
		b.add(c.path+".uuid", "%q is no UUID of RFC 4122; %s is derived from the value", clip(c.UUID), id)
	}
	b.clusters[strings.ToLower(c.UUID)] = id
	p := props{
		"type": typ, "spec_version": "2.1", "id": id, "created": epoch, "modified": clusterTime(c.Version),
		"labels": []any{label("galaxy-type", c.Type), label("galaxy-name", cmp.Or(g.Name, c.Type))},
	}
	if !c.Default {
		mark(p, b.level)
	}
	meta := plainMeta(c.Meta)
	if custom {
		p["x_misp_type"], p["x_misp_value"] = c.Type, c.Value
	} else {
		p["name"] = c.Value
		b.galaxyType = c.Type
		b.external(p, typ, meta)
	}
	if c.Description != "" {
		p["description"] = c.Description
	}
	switch typ {
	case "malware":
		p["is_family"] = true
	case "identity":
		p["identity_class"] = "class"
	case "location":
		if code := countryCode(c); code != "" {
			p["country"] = code
		} else {
			p["region"] = regionOf(c)
		}
	}
	for n, v := range map[string]string{"x_misp_source": c.Source, "x_misp_version": c.Version} {
		if v != "" {
			p[n] = v
		}
	}
	if len(c.Authors) > 0 {
		list := make([]any, len(c.Authors))
		for i, a := range c.Authors {
			list[i] = a
		}
		p["x_misp_authors"] = list
	}
	if c.Default {
		p["x_misp_default"] = true
	}
	if len(meta) > 0 {
		p["x_misp_meta"] = meta
	}
	if why := fault(p); why != "" {
		b.add(c.path, "is not valid STIX: %s", why)
		return ""
	}
	b.put(p, c.path)
	return id
}

// clusterTime is the time of a cluster's version, which for clusters made in
// MISP is a time in seconds and for published ones a small number.
func clusterTime(version string) string {
	n, err := strconv.ParseInt(version, 10, 64)
	if err != nil || n < 0 || n > maxTime {
		return epoch
	}
	return stix.FormatTime(time.Unix(n, 0))
}

// aliased are the types that have aliases.
var aliased = []string{"attack-pattern", "campaign", "infrastructure", "intrusion-set", "malware", "threat-actor", "tool"}

// external moves out of a cluster's meta what STIX has properties for.
func (b *builder) external(p props, typ string, meta props) {
	if list := texts(meta["synonyms"]); len(list) > 0 && slices.Contains(aliased, typ) {
		p["aliases"] = meta["synonyms"]
		delete(meta, "synonyms")
	}
	var refs []any
	if ids := texts(meta["external_id"]); len(ids) > 0 {
		for _, id := range ids {
			refs = append(refs, props{"source_name": registry(typ, id), "external_id": id})
		}
		try := props{"external_references": refs}
		if !b.fits(p, try) {
			refs = nil
		} else {
			delete(meta, "external_id")
		}
	}
	if urls := texts(meta["refs"]); len(urls) > 0 {
		more := slices.Clone(refs)
		for _, u := range urls {
			more = append(more, props{"source_name": "misp-galaxy", "url": u})
		}
		if b.fits(p, props{"external_references": more}) {
			refs = more
			delete(meta, "refs")
		}
	}
	if len(refs) > 0 {
		p["external_references"] = refs
	}
	if phases := killChain(meta["kill_chain"]); phases != nil && slices.Contains([]string{"attack-pattern", "infrastructure", "malware", "tool"}, typ) {
		p["kill_chain_phases"] = phases
		delete(meta, "kill_chain")
	}
	if !strings.HasPrefix(b.galaxyType, "stix-2.1-") {
		return
	}
	for _, n := range moved {
		if v, ok := meta[n]; ok && b.fits(p, props{n: v}) {
			p[n] = v
			delete(meta, n)
		}
	}
}

// killChain reads phases written as chain:phase; nil where one is not.
func killChain(v any) (out []any) {
	for _, s := range texts(v) {
		chain, phase, ok := strings.Cut(s, ":")
		if !ok || chain == "" || phase == "" {
			return nil
		}
		out = append(out, props{"kill_chain_name": chain, "phase_name": phase})
	}
	return out
}

// fits reports whether an object stays valid with more properties.
func (b *builder) fits(p, more props) bool {
	try := props{"is_family": true, "country": "ZZ"}
	for _, m := range []props{p, more} {
		for n, v := range m {
			try[n] = v
		}
	}
	if p["type"] != "malware" {
		delete(try, "is_family")
	}
	if p["type"] != "location" {
		delete(try, "country")
	}
	return fault(try) == ""
}

func registry(typ, id string) string {
	switch {
	case strings.HasPrefix(id, "CAPEC-"):
		return "capec"
	case typ == "vulnerability" && isCVE(id):
		return "cve"
	case len(id) > 2 && strings.ContainsRune("TSGMC", rune(id[0])) && digits(strings.ReplaceAll(id[1:], ".", "")):
		return "mitre-attack"
	}
	return "misp-galaxy"
}

// texts returns a list of strings if v is one without empty ones.
func texts(v any) []string {
	list, ok := v.([]any)
	if !ok {
		return nil
	}
	var out []string
	for _, x := range list {
		s, ok := x.(string)
		if !ok || s == "" {
			return nil
		}
		out = append(out, s)
	}
	return out
}

// plainMeta turns a cluster's meta into properties without null.
func plainMeta(o *object) props {
	out := props{}
	if o == nil {
		return out
	}
	for i, n := range o.names {
		if v := plainValue(o.values[i]); v != nil {
			out[n] = v
		}
	}
	return out
}

func plainValue(v any) any {
	switch v := v.(type) {
	case *object:
		if m := plainMeta(v); len(m) > 0 {
			return m
		}
		return nil
	case []any:
		var out []any
		for _, x := range v {
			if p := plainValue(x); p != nil {
				out = append(out, p)
			}
		}
		if out == nil {
			return nil
		}
		return out
	case number:
		return stix.Number(v)
	}
	return v
}

// placeable reports whether a cluster's place has a form in STIX.
func (b *builder) placeable(c *cluster) bool { return countryCode(c) != "" || regionOf(c) != "" }

// countryCode is the code that a cluster of the country galaxy states.
func countryCode(c *cluster) string {
	if c.Meta == nil {
		return ""
	}
	for i, n := range c.Meta.names {
		if !strings.EqualFold(n, "iso") {
			continue
		}
		v := c.Meta.values[i]
		if list, ok := v.([]any); ok && len(list) == 1 {
			v = list[0]
		}
		if s, ok := v.(string); ok && len(s) == 2 && s == strings.ToUpper(s) {
			return s
		}
	}
	return ""
}

// regionOf is the region that a cluster like "034 - Southern Asia" names.
func regionOf(c *cluster) string {
	code, _, _ := strings.Cut(c.Value, " ")
	return regions[code]
}

// clusterRelations relates the clusters of the event to each other.
func (b *builder) clusterRelations() {
	all := b.e.Galaxies
	for i := range b.e.Attributes {
		all = append(slices.Clip(all), b.e.Attributes[i].Galaxies...)
	}
	for i := range all {
		for j := range all[i].Clusters {
			c := &all[i].Clusters[j]
			for _, r := range c.relations {
				source, target := b.clusters[strings.ToLower(c.UUID)], b.clusters[strings.ToLower(r.target)]
				if source == "" || target == "" {
					b.add(r.path, "relates to the cluster %s, which is not in the event", clip(r.target))
					continue
				}
				b.relate(source, relationshipType(r.typ), target, "", b.begin(source, 0, b.level))
			}
		}
	}
}
