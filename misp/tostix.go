package misp

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"parley.example/parley/stix"
)

// Event is what one MISP event becomes.
type Event struct {
	UUID string // as MISP has it
	Info string
	// Objects are the STIX objects, the report or grouping first. Each has no
	// errors by [stix.Validate], and references lead to objects of the list, to
	// marking definitions of the Traffic Light Protocol or to the author's
	// identity, which is in the list too.
	Objects []*stix.Object
	// NotCarried lists what STIX has no place for.
	NotCarried []Lost
}

// namespace makes the UUIDv5 of what has no usable UUID in MISP.
var namespace = uuid.MustParse("b1a0a5f9-54be-4b2e-9c1e-1f2c5a3d7a41")

// epoch is the time of what has none in MISP.
const epoch = "1970-01-01T00:00:00.000Z"

// builder gathers the objects of one event.
type builder struct {
	losses
	e                 event
	created, modified time.Time
	org               string
	level             stix.Level
	objs              []props
	index             map[string]int    // of objs, by id
	main              map[string]string // MISP UUID to the STIX object that stands for it
	refs              []any             // of the report
	clusters          map[string]string // UUID to id
	eventClusters     []string          // tags of the clusters of the whole event
	galaxyType        string            // of the cluster at hand
	report            string
}

func convert(o *object) (Event, error) {
	b := &builder{index: map[string]int{}, main: map[string]string{}, clusters: map[string]string{}}
	b.e = readEvent(o, &b.losses)
	e := &b.e
	if err := b.times(); err != nil {
		return Event{}, err
	}
	b.level = b.tlp(e.Tags, "Event.Tag")
	b.author()
	typ := "grouping"
	if e.Published {
		typ = "report"
	}
	b.report = b.id(typ, e.UUID, "Event.uuid")
	for i := range e.Galaxies {
		b.galaxy(&e.Galaxies[i], "", b.level)
	}
	for i := range e.Attributes {
		b.attribute(&e.Attributes[i])
	}
	for i := range e.Objects {
		b.object(&e.Objects[i])
	}
	for i := range e.Reports {
		b.eventReport(&e.Reports[i])
	}
	for i := range e.Objects {
		b.references(&e.Objects[i])
	}
	b.clusterRelations()
	return b.finish()
}

// times finds the event's times. Nothing of them may come from the clock: the
// same file gives the same objects.
func (b *builder) times() error {
	e := &b.e
	day, err := time.Parse(time.DateOnly, e.Date)
	if e.Date != "" && (err != nil || day.Year() < 1) {
		b.add("Event.date", "%q is no date", clip(e.Date))
		e.Date = ""
	}
	switch {
	case e.Timestamp > 0:
		b.modified = time.Unix(e.Timestamp, 0).UTC()
	case e.PublishTimestamp > 0:
		b.modified = time.Unix(e.PublishTimestamp, 0).UTC()
	case e.Date != "":
		b.modified = day
	default:
		return errors.New("the event has neither a timestamp nor a date")
	}
	b.created = b.modified
	if e.Date != "" && day.Before(b.modified) {
		b.created = day
	}
	return nil
}

// id makes an identifier of a MISP UUID, and of a derived one where STIX does
// not allow it.
func (b *builder) id(typ, uid, path string) string {
	if id := typ + "--" + strings.ToLower(uid); uid != "" {
		if _, _, ok := stix.SplitID(id); ok {
			return id
		}
	}
	if uid == "" {
		id := stix.NameID(typ, namespace, strings.Join([]string{b.e.UUID, b.e.Info, b.e.Date, path}, "\n"))
		b.add(path, "there is no UUID; %s is derived from the place in the event", id)
		return id
	}
	id := derived(typ, b.e.UUID+"\n"+uid)
	b.add(path, "%q is no UUID of RFC 4122; %s stands for it", clip(uid), id)
	return id
}

// derived makes the identifier of what follows from something that has one.
func derived(typ, from string) string { return stix.NameID(typ, namespace, typ+"\n"+from) }

// object begins a versioned object.
func (b *builder) begin(id string, timestamp int64, level stix.Level) props {
	typ, _, _ := stix.SplitID(id)
	modified := b.modified
	if timestamp > 0 {
		modified = time.Unix(timestamp, 0).UTC()
	}
	created := b.created
	if modified.Before(created) {
		created = modified
	}
	p := props{
		"type": typ, "spec_version": "2.1", "id": id,
		"created": stix.FormatTime(created), "modified": stix.FormatTime(modified),
	}
	if b.org != "" {
		p["created_by_ref"] = b.org
	}
	mark(p, level)
	return p
}

func mark(p props, level stix.Level) {
	if level != 0 {
		p["object_marking_refs"] = []any{level.MarkingRef()}
	}
}

// fault returns the first rule that an object breaks, "" where there is none.
func fault(p props) string {
	raw, err := stix.Encode(p)
	if err != nil {
		return err.Error()
	}
	for _, f := range stix.Validate(raw) {
		if f.Severity == stix.Error {
			return f.Path + ": " + f.Message
		}
	}
	return ""
}

// put keeps an object. An observable that is there already takes on the
// stricter marking and what the new one refers to.
func (b *builder) put(p props, path string) {
	id := p["id"].(string)
	i, again := b.index[id]
	if !again {
		b.index[id] = len(b.objs)
		b.objs = append(b.objs, p)
		b.refs = append(b.refs, id)
		return
	}
	old := b.objs[i]
	if p["created"] != nil {
		if !reflect.DeepEqual(old, p) {
			b.add(path, "%s occurs twice in the event; the first one is kept", id)
		}
		return
	}
	for _, n := range slices.Sorted(maps.Keys(p)) {
		switch have, more := old[n], p[n]; {
		case n == "object_marking_refs":
			mark(old, max(levelOf(old), levelOf(p)))
		case have == nil:
			old[n] = more
		case reflect.DeepEqual(have, more):
		case strings.HasSuffix(n, "_refs"):
			list := slices.Clone(have.([]any))
			for _, r := range more.([]any) {
				if !slices.Contains(list, r) {
					list = append(list, r)
				}
			}
			old[n] = list
		default:
			b.add(path, "%s has another %s elsewhere in the event; the first one is kept", id, n)
		}
	}
}

func levelOf(p props) stix.Level {
	refs, _ := p["object_marking_refs"].([]any)
	var out stix.Level
	for _, r := range refs {
		if s, ok := r.(string); ok {
			if l, is := stix.LevelOf(s); is {
				out = max(out, l)
			}
		}
	}
	return out
}

// tlp reads the strictest level among tags.
func (b *builder) tlp(tags []tag, path string) (level stix.Level) {
	for i, t := range tags {
		l, ok := tlpTag(t.Name)
		if !ok {
			continue
		}
		if level != 0 && l != level {
			b.add(fmt.Sprintf("%s[%d]", path, i), "%s stands beside %s; the strictest marking holds", t.Name, level)
		}
		level = max(level, l)
	}
	return level
}

func tlpTag(name string) (stix.Level, bool) {
	if !strings.HasPrefix(strings.ToLower(name), "tlp:") {
		return 0, false
	}
	l, err := stix.ParseLevel(name)
	return l, err == nil
}

// marking is the level of something with tags of its own inside the event.
func (b *builder) marking(tags []tag, path string) stix.Level {
	own := b.tlp(tags, path+".Tag")
	if own != 0 && own < b.level {
		b.add(path+".Tag", "%s is laxer than the event's %s; the strictest marking holds", own, b.level)
	}
	return max(own, b.level)
}

// labels turns tags into labels. Markings are expressed otherwise.
func (b *builder) labels(tags []tag, path string) (out []any) {
	for i, t := range tags {
		at := fmt.Sprintf("%s.Tag[%d]", path, i)
		switch _, isTLP := tlpTag(t.Name); {
		case isTLP:
		case t.local:
			b.add(at, "%q is local to the MISP server", clip(t.Name))
		case ownLabel(t.Name):
			b.add(at, "%q is a label that this mapping uses itself", clip(t.Name))
		case !slices.Contains(out, any(t.Name)):
			out = append(out, t.Name)
		}
	}
	return out
}

// ownLabels are the labels that keep MISP's own fields.
var ownLabels = []string{"type", "category", "to_ids", "name", "meta-category", "galaxy-type", "galaxy-name", "threat-level-id", "analysis", "sighting-type", "event-report", "empty"}

func ownLabel(s string) bool {
	for _, n := range ownLabels {
		if strings.HasPrefix(s, "misp:"+n+"=\"") {
			return true
		}
	}
	return false
}

func label(name, value string) any { return "misp:" + name + `="` + value + `"` }

// labelled returns the value of one of our labels.
func labelled(labels []string, name string) (string, bool) {
	for _, l := range labels {
		if v, ok := strings.CutPrefix(l, "misp:"+name+`="`); ok {
			return strings.TrimSuffix(v, `"`), true
		}
	}
	return "", false
}

func (b *builder) author() {
	o := b.e.Orgc
	if o == nil || o.Name == "" && o.UUID == "" {
		return
	}
	b.org = b.orgIdentity(o, "Event.Orgc")
}

// orgIdentity adds an organisation. It has no time in MISP.
func (b *builder) orgIdentity(o *org, path string) string {
	name := o.Name
	if name == "" {
		name = o.UUID
	}
	var id string
	if _, _, ok := stix.SplitID("identity--" + strings.ToLower(o.UUID)); ok {
		id = "identity--" + strings.ToLower(o.UUID)
	} else {
		id = derived("identity", "org\n"+name)
		b.add(path+".uuid", "%q is no UUID of RFC 4122; %s is derived from the name", clip(o.UUID), id)
	}
	n := len(b.refs)
	b.put(props{
		"type": "identity", "spec_version": "2.1", "id": id, "created": epoch, "modified": epoch,
		"name": name, "identity_class": "organization",
	}, path)
	b.refs = b.refs[:n]
	return id
}

// relate adds a relationship. like gives its time and marking.
func (b *builder) relate(source, typ, target, id string, like props) {
	if id == "" {
		id = derived("relationship", source+"\n"+typ+"\n"+target)
	}
	p := props{"type": "relationship", "id": id, "relationship_type": typ, "source_ref": source, "target_ref": target}
	for _, n := range []string{"spec_version", "created", "modified", "created_by_ref", "object_marking_refs", "revoked"} {
		if v, ok := like[n]; ok {
			p[n] = v
		}
	}
	if why := fault(p); why != "" {
		b.add(id, "the relationship %s is not valid STIX: %s", clip(typ), why)
		return
	}
	b.put(p, id)
}

func (b *builder) eventReport(r *eventReport) {
	p := b.begin(b.id("note", r.UUID, r.path+".uuid"), r.Timestamp, b.level)
	p["content"], p["object_refs"], p["labels"] = r.Content, []any{b.report}, []any{label("event-report", "1")}
	if r.Name != "" {
		p["abstract"] = r.Name
	}
	if r.Deleted {
		p["revoked"] = true
	}
	if why := fault(p); r.Content == "" || why != "" {
		b.add(r.path, "has no content or is not valid STIX: %s", why)
		return
	}
	b.put(p, r.path)
}

// finish adds the report and checks everything once more.
func (b *builder) finish() (Event, error) {
	e := &b.e
	typ, _, _ := stix.SplitID(b.report)
	p := b.begin(b.report, e.Timestamp, b.level)
	if p["name"] = e.Info; e.Info == "" {
		p["name"] = "MISP event " + e.UUID
		b.add("Event.info", "is empty; a report has a name")
	}
	if typ == "report" {
		p["published"] = p["modified"]
		if e.PublishTimestamp > 0 {
			p["published"] = stix.FormatTime(time.Unix(e.PublishTimestamp, 0))
		}
	} else {
		p["context"] = "unspecified"
		if e.PublishTimestamp > 0 {
			p["x_misp_publish_timestamp"] = strconv.FormatInt(e.PublishTimestamp, 10)
		}
	}
	if !strings.HasPrefix(p["created"].(string), e.Date) && e.Date != "" {
		p["x_misp_date"] = e.Date
	}
	if e.Extends != "" {
		p["x_misp_extends_uuid"] = e.Extends
	}
	labels := []any{}
	if slices.Contains([]string{"1", "2", "3"}, e.Threat) {
		labels = append(labels, label("threat-level-id", e.Threat))
	}
	if slices.Contains([]string{"0", "1", "2"}, e.Analysis) {
		labels = append(labels, label("analysis", e.Analysis))
	}
	for _, t := range b.eventClusters {
		if !slices.ContainsFunc(e.Tags, func(have tag) bool { return have.Name == t }) {
			e.Tags = append(e.Tags, tag{Name: t})
		}
	}
	if labels = append(labels, b.labels(e.Tags, "Event")...); len(labels) > 0 {
		p["labels"] = labels
	}
	if e.Distribution != "" {
		b.add("Event.distribution", "%s: MISP's distribution has no counterpart; the marking and the node's accords govern", distributionName(e.Distribution))
	}
	if len(b.refs) == 0 {
		n := b.begin(derived("note", b.report), e.Timestamp, b.level)
		n["content"], n["object_refs"], n["labels"] = "This event is empty.", []any{b.report}, []any{label("empty", "1")}
		b.put(n, "Event")
	}
	p["object_refs"] = b.refs
	if why := fault(p); why != "" {
		return Event{}, fmt.Errorf("the event has no valid form in STIX: %s", why)
	}
	out := Event{UUID: e.UUID, Info: e.Info}
	for _, o := range append([]props{p}, b.objs...) {
		raw, err := stix.Encode(o)
		if err != nil {
			return Event{}, fmt.Errorf("encoding %v: %w", o["id"], err)
		}
		obj, err := stix.Parse(raw)
		if err != nil {
			return Event{}, fmt.Errorf("encoding %v: %w", o["id"], err)
		}
		if why := fault(o); why != "" {
			return Event{}, fmt.Errorf("%v has no valid form in STIX: %s", o["id"], why)
		}
		out.Objects = append(out.Objects, obj)
	}
	out.NotCarried = b.list
	return out, nil
}
