package release

import (
	"slices"
	"strings"

	"parley.example/parley/stix"
)

// maxLookups bounds how many objects one decision looks into, and maxPath how
// far from the one asked about, however they refer to each other. What lies
// beyond does not pass.
const (
	maxLookups = 10_000
	maxPath    = 64
)

// Cache remembers what a batch of decisions found about the objects and
// markings that they refer to. It is not safe for concurrent use.
type Cache struct {
	targets  map[string]target
	markings map[string]meaning
}

// NewCache returns an empty cache, for one batch over an unchanging store.
func NewCache() *Cache {
	return &Cache{targets: make(map[string]target), markings: make(map[string]meaning)}
}

// target is what the recipients get of an object that another one refers to.
type target struct {
	outcome Outcome
	id      string // under which they get it
}

// visit is one decision with the decisions on what the object refers to.
type visit struct {
	in   *Input
	memo *Cache
	path []string // ids of the objects being decided
	left int      // lookups that remain
	// loop tells that a decision below met an object that is being decided.
	loop bool
}

// target decides what the recipients get of a referenced object. An object that
// is being decided passes for nothing: what only supports itself has no
// support. Such answers are not remembered, so that an answer never depends on
// where the question began.
func (v *visit) target(id string) target {
	if t, ok := v.memo.targets[id]; ok {
		return t
	}
	if slices.Contains(v.path, id) {
		v.loop = true
		return target{}
	}
	if v.in.Held == nil {
		return target{}
	}
	if v.left--; v.left < 0 || len(v.path) >= maxPath {
		v.loop = true
		return target{}
	}
	held, ok := v.in.Held(id)
	if !ok {
		v.memo.targets[id] = target{}
		return target{}
	}
	outer := v.loop
	v.loop = false
	d := v.decide(held.Object, held.Origin)
	t := target{d.Outcome, d.copyID}
	if d.Approvals > 0 && !v.sent(d.copyID) {
		t = target{}
	}
	if !v.loop {
		v.memo.targets[id] = t
	}
	v.loop = v.loop || outer
	return t
}

// sent reports whether the recipients have a copy of that id already. What waits
// for approval is not told by what refers to it.
func (v *visit) sent(copyID string) bool {
	if v.in.Sent == nil {
		return false
	}
	_, _, ok := v.in.Sent(copyID)
	return ok
}

// reference is one place where an object names another one.
type reference struct {
	prop string // top-level property
	id   string
	text bool // within a text
}

// referred lists what an object refers to: every string anywhere in it that is
// an identifier, and those within texts. Its own id, its markings and the names
// of extensions are not references.
func referred(o *stix.Object) []reference {
	var out []reference
	o.Texts(func(prop, s string) {
		switch prop {
		case "id", "type", "object_marking_refs", "granular_markings":
			return
		}
		if !strings.Contains(s, "--") {
			return
		}
		if _, _, ok := stix.SplitID(s); ok {
			out = append(out, reference{prop, s, false})
			return
		}
		for _, id := range idsIn(s) {
			out = append(out, reference{prop, id, true})
		}
	})
	return out
}

func sorted[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for k := range m {
		names = append(names, k)
	}
	slices.Sort(names)
	return names
}

// idsIn finds the identifiers within a text.
func idsIn(s string) []string {
	var ids []string
	for rest := s; ; {
		i := strings.Index(rest, "--")
		if i < 0 {
			return ids
		}
		begin := i
		for begin > 0 && isTypeByte(rest[begin-1]) {
			begin--
		}
		if end := i + 2 + 36; end <= len(rest) {
			for ; begin < i; begin++ {
				if _, _, ok := stix.SplitID(rest[begin:end]); ok {
					ids = append(ids, rest[begin:end])
					break
				}
			}
		}
		rest = rest[i+2:]
	}
}

func isTypeByte(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' }

// ends are the references without which an object says nothing: they must pass,
// or the object does not.
var ends = map[string][]string{
	"relationship":     {"source_ref", "target_ref"},
	"sighting":         {"sighting_of_ref"},
	"language-content": {"object_ref"},
}

// about are the lists of which at least one must pass.
var about = map[string]string{
	"note": "object_refs", "opinion": "object_refs", "report": "object_refs", "grouping": "object_refs", "observed-data": "object_refs",
}

// references puts what the object refers to to the gate. The whole passes only
// where every object that it names passes whole; else an extract names those
// that pass by the ids under which the recipients have them, and drops the rest.
func (s *subject) references() {
	if s.Outcome < Tearline && len(s.v.path) > 1 {
		return // nothing can raise it any more, and nobody reads why
	}
	required := ends[s.obj.Type]
	for _, name := range required {
		id := s.obj.String(name)
		if t := s.v.target(id); t.outcome < Tearline {
			s.say("reference", Withhold, "what it is about may not pass or is not held: %s", id)
			return
		} else if s.obj.Type == "language-content" && t.outcome < Full {
			s.say("reference", Withhold, "it translates %s, of which only an extract may pass", id)
			return
		}
	}
	kept, dropped := 0, 0
	for _, r := range referred(s.obj) {
		if r.id == s.obj.ID {
			continue
		}
		typ, _, _ := strings.Cut(r.id, "--")
		switch {
		case typ == "identity" && strings.HasSuffix(r.prop, "_by_ref"):
			// Who wrote it: nothing of ours unless we hold it and it is marked
			// for others.
			if !s.v.identityPasses(r.id) {
				dropped++
			}
			continue
		case typ == "marking-definition", typ == "extension-definition":
			continue
		case r.text && s.v.in.Held != nil:
			if _, held := s.v.in.Held(r.id); !held {
				continue // it means nothing to us; it is no hint at what we hold
			}
		}
		if s.v.target(r.id).outcome < Full {
			dropped++
		}
		if r.prop == about[s.obj.Type] && s.v.target(r.id).outcome >= Tearline {
			kept++
		}
	}
	if dropped > 0 {
		s.say("reference", Tearline, "it refers to %d objects that may not pass whole", dropped)
	}
	if name := about[s.obj.Type]; name != "" && kept == 0 {
		if _, given := s.obj.Prop(name); given {
			s.say("reference", Withhold, "nothing of what it is about may pass")
		}
	}
}

// identityPasses reports whether an identity may be named: it is not held here,
// or its markings let it pass.
func (v *visit) identityPasses(id string) bool {
	if v.in.Held == nil {
		return true
	}
	key := "named " + id
	if t, ok := v.memo.targets[key]; ok {
		return t.outcome == Full
	}
	t := target{outcome: Full}
	if held, ok := v.in.Held(id); ok {
		t.outcome = v.marksAllow(held)
	}
	v.memo.targets[key] = t
	return t.outcome == Full
}

// marksAllow applies nothing but an object's own markings; no marking at all
// lets a name pass, as it is what TLP leaves to the object that carries it.
func (v *visit) marksAllow(h Held) Outcome {
	o, err := stix.Parse(h.Object)
	if err != nil {
		return Withhold
	}
	d := Decision{Outcome: Full}
	s := subject{Decision: &d, v: v, in: v.in, obj: o, bare: o}
	if len(o.ObjectMarkingRefs) > 0 || len(o.GranularMarkings()) > 0 {
		s.marking()
	}
	if h.Origin.Party != "" {
		s.from = h.Origin
		s.origin()
	}
	return d.Outcome
}
