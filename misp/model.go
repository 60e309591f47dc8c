package misp

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The model of the core format, as far as it is carried. Field order is the
// order in which an event is written.

type event struct {
	UUID             string        `json:"uuid"`
	Info             string        `json:"info"`
	Date             string        `json:"date"`
	Timestamp        int64         `json:"timestamp,string"`
	Published        bool          `json:"published"`
	PublishTimestamp int64         `json:"publish_timestamp,string"`
	Threat           string        `json:"threat_level_id"`
	Analysis         string        `json:"analysis"`
	Distribution     string        `json:"distribution"`
	SharingGroup     string        `json:"sharing_group_id"`
	Extends          string        `json:"extends_uuid,omitzero"`
	Orgc             *org          `json:"Orgc,omitzero"`
	Attributes       []attribute   `json:"Attribute"`
	Objects          []mispObject  `json:"Object"`
	Tags             []tag         `json:"Tag"`
	Galaxies         []galaxy      `json:"Galaxy"`
	Reports          []eventReport `json:"EventReport,omitzero"`
}

type org struct {
	UUID string `json:"uuid"`
	Name string `json:"name"`
}

type attribute struct {
	UUID         string     `json:"uuid"`
	Type         string     `json:"type"`
	Relation     string     `json:"object_relation,omitzero"`
	Category     string     `json:"category"`
	ToIDs        bool       `json:"to_ids"`
	Value        string     `json:"value"`
	Data         string     `json:"data,omitzero"`
	Comment      string     `json:"comment"`
	Timestamp    int64      `json:"timestamp,string"`
	FirstSeen    string     `json:"first_seen,omitzero"`
	LastSeen     string     `json:"last_seen,omitzero"`
	Deleted      bool       `json:"deleted"`
	Distribution string     `json:"distribution"`
	Tags         []tag      `json:"Tag,omitzero"`
	Galaxies     []galaxy   `json:"Galaxy,omitzero"`
	Sightings    []sighting `json:"Sighting,omitzero"`
	path         string
}

type mispObject struct {
	UUID            string      `json:"uuid"`
	Name            string      `json:"name"`
	MetaCategory    string      `json:"meta-category"`
	Description     string      `json:"description"`
	TemplateUUID    string      `json:"template_uuid"`
	TemplateVersion string      `json:"template_version"`
	Comment         string      `json:"comment"`
	Timestamp       int64       `json:"timestamp,string"`
	FirstSeen       string      `json:"first_seen,omitzero"`
	LastSeen        string      `json:"last_seen,omitzero"`
	Deleted         bool        `json:"deleted"`
	Distribution    string      `json:"distribution"`
	Attributes      []attribute `json:"Attribute"`
	References      []reference `json:"ObjectReference"`
	path            string
}

type reference struct {
	UUID       string `json:"uuid"`
	ObjectUUID string `json:"object_uuid"`
	Referenced string `json:"referenced_uuid"`
	Type       string `json:"relationship_type"`
	Comment    string `json:"comment"`
	Timestamp  int64  `json:"timestamp,string"`
	Deleted    bool   `json:"deleted"`
	path       string
}

type tag struct {
	Name  string `json:"name"`
	local bool
}

type galaxy struct {
	Type     string    `json:"type"`
	Name     string    `json:"name"`
	Clusters []cluster `json:"GalaxyCluster"`
}

type cluster struct {
	UUID        string   `json:"uuid"`
	Type        string   `json:"type"`
	Value       string   `json:"value"`
	Description string   `json:"description"`
	Source      string   `json:"source,omitzero"`
	Authors     []string `json:"authors,omitzero"`
	Version     string   `json:"version,omitzero"`
	TagName     string   `json:"tag_name"`
	Meta        *object  `json:"meta,omitzero"`
	Default     bool     `json:"default"`
	relations   []clusterRelation
	path        string
}

type clusterRelation struct {
	uuid, target, typ, path string
}

type sighting struct {
	UUID   string `json:"uuid"`
	Date   int64  `json:"date_sighting,string"`
	Source string `json:"source"`
	Type   string `json:"type"` // 0 seen, 1 false positive, 2 expiration
	Org    *org   `json:"Organisation,omitzero"`
	path   string
}

type eventReport struct {
	UUID      string `json:"uuid"`
	Name      string `json:"name"`
	Content   string `json:"content"`
	Timestamp int64  `json:"timestamp,string"`
	Deleted   bool   `json:"deleted"`
	path      string
}

// losses gathers what is not carried, up to a bound.
type losses struct{ list []Lost }

// maxLost bounds the list for one event; the last entry then says so.
const maxLost = 10_000

func (l *losses) add(path, format string, args ...any) {
	switch {
	case len(l.list) < maxLost:
		l.list = append(l.list, Lost{Path: clip(path), Reason: fmt.Sprintf(format, args...)})
	case len(l.list) == maxLost:
		l.list = append(l.list, Lost{Reason: fmt.Sprintf("more than %d things; the rest is not listed", maxLost)})
	}
}

// reader reads the fields of one JSON object and lists those that nobody asked
// for.
type reader struct {
	*losses
	o    *object
	path string
	used []string
}

// numbering are fields that number rows of one MISP database or cache what
// stands elsewhere; they mean nothing outside and are left out without a word.
var numbering = strings.Fields(`id event_id object_id org_id orgc_id attribute_id attribute_count object_count galaxy_id
	galaxy_cluster_id sharing_group_id old_id referenced_id referenced_type source_uuid event_uuid locked
	proposal_email_lock disable_correlation collection_uuid sighting_timestamp value1 value2 tag_id
	attribute_tag_id event_tag_id extralook namespace icon kill_chain_order exportable hide_tag user_id
	numerical_value is_galaxy is_custom_galaxy local_only org_uuid orgc_uuid batch_import first_publication
	galaxy_cluster_uuid galaxy_cluster_relation_id referenced_galaxy_cluster_id hideTag
	sharing_group_uuid RelatedAttribute RelatedEvent`)

func (l *losses) reader(v any, path string) (*reader, bool) {
	o, ok := v.(*object)
	if !ok {
		l.add(path, "is not a JSON object")
		return nil, false
	}
	return &reader{losses: l, o: o, path: path}, true
}

func (r *reader) at(name string) string {
	if r.path == "" {
		return name
	}
	return r.path + "." + name
}

func (r *reader) field(name string) any {
	r.used = append(r.used, name)
	v, _ := r.o.get(name)
	return v
}

// str reads a scalar as text.
func (r *reader) str(name string) string {
	switch v := r.field(name).(type) {
	case nil:
	case string:
		return v
	case number:
		return string(v)
	case bool:
		return strconv.FormatBool(v)
	default:
		r.add(r.at(name), "is no string")
	}
	return ""
}

// maxTime is the last second of the year 9999, which STIX timestamps end with.
const maxTime = 253402300799

// when reads a time in seconds since the epoch; 0 where there is none.
func (r *reader) when(name string) int64 {
	s := r.str(name)
	if s == "" {
		return 0
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || n > maxTime {
		r.add(r.at(name), "%q is no time in seconds since 1970", clip(s))
		return 0
	}
	return n
}

func (r *reader) flag(name string) bool {
	switch s := r.str(name); s {
	case "", "0", "false":
	case "1", "true":
		return true
	default:
		r.add(r.at(name), "%q is neither true nor false", clip(s))
	}
	return false
}

// each reads a list of objects. One object alone counts as a list of one.
func (r *reader) each(name string, fn func(x *reader)) {
	var list []any
	switch v := r.field(name).(type) {
	case nil:
		return
	case []any:
		list = v
	case *object:
		if len(v.names) > 0 {
			list = []any{v}
		}
	default:
		r.add(r.at(name), "is no list")
	}
	for i, v := range list {
		if x, ok := r.reader(v, fmt.Sprintf("%s[%d]", r.at(name), i)); ok {
			fn(x)
			x.rest()
		}
	}
}

// rest lists the fields that were not read.
func (r *reader) rest() {
	for i, n := range r.o.names {
		if slices.Contains(r.used, n) || slices.Contains(numbering, n) || empty(r.o.values[i]) {
			continue
		}
		switch n {
		case "ShadowAttribute":
			if list, ok := r.o.values[i].([]any); ok {
				for j := range list {
					r.add(fmt.Sprintf("%s[%d]", r.at(n), j), "a proposal of a third party that its owner has not accepted")
				}
				continue
			}
			r.add(r.at(n), "a proposal of a third party that its owner has not accepted")
		case "SharingGroup":
			r.add(r.at(n), "a sharing group is a list of MISP servers and organisations; release is for the node's accords")
		case "colour":
			r.add(r.at(n), "the colour of a tag has no counterpart")
		default:
			r.add(r.at(n), "has no counterpart in STIX")
		}
	}
}

func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case bool:
		return !v
	case number:
		return v == "0"
	case []any:
		return len(v) == 0
	case *object:
		return len(v.names) == 0
	}
	return false
}

func readEvent(o *object, l *losses) event {
	r := &reader{losses: l, o: o, path: "Event"}
	e := event{
		UUID: r.str("uuid"), Info: r.str("info"), Date: r.str("date"), Timestamp: r.when("timestamp"),
		Published: r.flag("published"), PublishTimestamp: r.when("publish_timestamp"),
		Threat: r.str("threat_level_id"), Analysis: r.str("analysis"), Distribution: r.str("distribution"),
		Extends: r.str("extends_uuid"),
	}
	e.Orgc = r.org("Orgc")
	if holder := r.org("Org"); holder != nil && (e.Orgc == nil || *holder != *e.Orgc) {
		r.add("Event.Org", "%q held the event; only its author is carried", clip(holder.Name))
	}
	e.Tags, e.Galaxies = r.tags(), r.galaxies()
	r.each("Attribute", func(x *reader) { e.Attributes = append(e.Attributes, x.attribute()) })
	r.each("Object", func(x *reader) { e.Objects = append(e.Objects, x.object()) })
	r.each("EventReport", func(x *reader) {
		x.distribution("5")
		e.Reports = append(e.Reports, eventReport{
			UUID: x.str("uuid"), Name: x.str("name"), Content: x.str("content"), Timestamp: x.when("timestamp"),
			Deleted: x.flag("deleted"), path: x.path,
		})
	})
	r.rest()
	return e
}

func (r *reader) org(name string) *org {
	x, ok := r.field(name).(*object)
	if !ok || len(x.names) == 0 {
		return nil
	}
	in := &reader{losses: r.losses, o: x, path: r.at(name)}
	out := &org{UUID: in.str("uuid"), Name: in.str("name")}
	in.used = append(in.used, "local")
	in.rest()
	return out
}

func (r *reader) attribute() attribute {
	a := attribute{
		UUID: r.str("uuid"), Type: r.str("type"), Relation: r.str("object_relation"), Category: r.str("category"),
		ToIDs: r.flag("to_ids"), Value: r.str("value"), Data: r.str("data"), Comment: r.str("comment"),
		Timestamp: r.when("timestamp"), FirstSeen: r.str("first_seen"), LastSeen: r.str("last_seen"),
		Deleted: r.flag("deleted"), Distribution: r.distribution("5"), path: r.path,
	}
	a.Tags, a.Galaxies = r.tags(), r.galaxies()
	r.each("Sighting", func(x *reader) {
		a.Sightings = append(a.Sightings, sighting{
			UUID: x.str("uuid"), Date: x.when("date_sighting"), Source: x.str("source"), Type: x.str("type"),
			Org: x.org("Organisation"), path: x.path,
		})
	})
	return a
}

// distribution reads a distribution and lists it unless it is the usual one.
func (r *reader) distribution(usual string) string {
	d := r.str("distribution")
	if d != "" && d != usual {
		r.add(r.at("distribution"), "%s: MISP's distribution has no counterpart; the marking and the node's accords govern", distributionName(d))
	}
	return d
}

func distributionName(d string) string {
	names := []string{"0 (this organisation only)", "1 (this community)", "2 (connected communities)", "3 (all communities)", "4 (a sharing group)", "5 (as the event)"}
	if n, err := strconv.Atoi(d); err == nil && n >= 0 && n < len(names) {
		return names[n]
	}
	return clip(d)
}

func (r *reader) object() mispObject {
	o := mispObject{
		UUID: r.str("uuid"), Name: r.str("name"), MetaCategory: r.str("meta-category"), Description: r.str("description"),
		TemplateUUID: r.str("template_uuid"), TemplateVersion: r.str("template_version"), Comment: r.str("comment"),
		Timestamp: r.when("timestamp"), FirstSeen: r.str("first_seen"), LastSeen: r.str("last_seen"),
		Deleted: r.flag("deleted"), Distribution: r.distribution("5"), path: r.path,
	}
	r.each("Attribute", func(x *reader) { o.Attributes = append(o.Attributes, x.attribute()) })
	r.each("ObjectReference", func(x *reader) {
		// The referenced thing is repeated inside the reference.
		x.used = append(x.used, "Object", "Attribute", "Event")
		o.References = append(o.References, reference{
			UUID: x.str("uuid"), ObjectUUID: x.str("object_uuid"), Referenced: x.str("referenced_uuid"),
			Type: x.str("relationship_type"), Comment: x.str("comment"), Timestamp: x.when("timestamp"),
			Deleted: x.flag("deleted"), path: x.path,
		})
	})
	return o
}

func (r *reader) tags() (out []tag) {
	r.each("Tag", func(x *reader) {
		t := tag{Name: strings.TrimSpace(x.str("name")), local: x.flag("local")}
		x.used = append(x.used, "inherited", "relationship_type")
		if rel := x.str("relationship_type"); rel != "" {
			x.add(x.at("relationship_type"), "the relationship of a tag has no counterpart")
		}
		if t.Name != "" {
			out = append(out, t)
		}
	})
	return out
}

func (r *reader) galaxies() (out []galaxy) {
	r.each("Galaxy", func(x *reader) {
		// The galaxy's own description, uuid and version come with its type.
		x.used = append(x.used, "uuid", "description", "version", "local_galaxy", "enabled", "created", "modified", "distribution", "default")
		g := galaxy{Type: x.str("type"), Name: x.str("name")}
		x.each("GalaxyCluster", func(y *reader) {
			c := cluster{
				UUID: y.str("uuid"), Type: y.str("type"), Value: y.str("value"), Description: y.str("description"),
				Source: y.str("source"), Version: y.str("version"), TagName: y.str("tag_name"), Default: y.flag("default"), path: y.path,
			}
			if list, ok := y.field("authors").([]any); ok {
				for _, a := range list {
					if s, ok := a.(string); ok && s != "" {
						c.Authors = append(c.Authors, s)
					}
				}
			}
			if m, ok := y.field("meta").(*object); ok && len(m.names) > 0 {
				c.Meta = m
			}
			y.used = append(y.used, "local", "extends_uuid", "extends_version", "published", "deleted", "relationship_type", "elements", "GalaxyElement", "TargetingClusterRelation")
			for _, n := range []string{"extends_uuid", "relationship_type"} {
				if s := y.str(n); s != "" {
					y.add(y.at(n), "has no counterpart in STIX")
				}
			}
			if d := y.str("distribution"); d != "" && d != "3" {
				y.add(y.at("distribution"), "%s: MISP's distribution has no counterpart; the marking and the node's accords govern", distributionName(d))
			}
			y.each("GalaxyClusterRelation", func(z *reader) {
				c.relations = append(c.relations, clusterRelation{
					uuid: z.str("uuid"), target: z.str("referenced_galaxy_cluster_uuid"), typ: z.str("referenced_galaxy_cluster_type"), path: z.path,
				})
				z.used = append(z.used, "Tag", "distribution", "default", "TargetCluster")
			})
			if c.Type == "" {
				c.Type = g.Type
			}
			g.Clusters = append(g.Clusters, c)
		})
		out = append(out, g)
	})
	return out
}
