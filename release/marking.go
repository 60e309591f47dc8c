package release

import (
	"fmt"
	"slices"
	"strings"

	"parley.example/parley/stix"
)

// marked is what an object's markings come to.
type marked struct {
	level stix.Level // the highest of the object and of the parts that stay
	// listed and control say that a releasability list or originator control
	// lies on it, or on a part that stays.
	listed, control bool
	statements      []string // statement markings, which restrict nothing and stay
	closed          [][]stix.Step
	// whole is the highest level anywhere in it, closed parts included: what
	// rules see, so that closing a part never loosens one.
	whole stix.Level
}

// meaning is what one marking demands.
type meaning struct {
	level     stix.Level // 0: no TLP marking
	rel       stix.Releasability
	statement bool
	unknown   string // why it is not understood; such a marking closes what it marks
}

// meaning looks a marking up. Only markings whose whole meaning is known open
// anything.
func (v *visit) meaning(ref string) meaning {
	if level, ok := stix.LevelOf(ref); ok {
		return meaning{level: level}
	}
	if m, ok := v.memo.markings[ref]; ok {
		return m
	}
	m := v.lookMarking(ref)
	v.memo.markings[ref] = m
	return m
}

func (v *visit) lookMarking(ref string) meaning {
	not := func(format string, args ...any) meaning { return meaning{unknown: fmt.Sprintf(format, args...)} }
	if v.in.Marking == nil {
		return not("its definition is not held here")
	}
	raw, ok := v.in.Marking(ref)
	if !ok {
		return not("its definition is not held here")
	}
	o, err := stix.Parse(raw)
	if err != nil || o.ID != ref || o.Type != "marking-definition" {
		return not("what is held under that id is no marking definition")
	}
	exts, hasExts := o.Prop("extensions")
	all, isObject := exts.(map[string]any)
	rel, is, err := stix.ReleasabilityOf(o)
	switch {
	case err != nil:
		return not("%v", err)
	case is && len(all) == 1 && o.String("definition_type") == "":
		return meaning{rel: rel}
	case hasExts && (!isObject || len(all) > 0):
		return not("it has an extension that is not understood here")
	case o.String("definition_type") == "statement":
		return meaning{statement: true}
	}
	return not("markings of type %q are not understood here", o.String("definition_type"))
}

// shut says why a marking keeps something from the recipients; "" where it does
// not.
func (s *subject) shut(m meaning, top stix.Level) string {
	switch {
	case m.unknown != "":
		return m.unknown
	case m.level >= stix.Red:
		return fmt.Sprintf("%s is for named persons only", m.level)
	case m.level > top:
		return fmt.Sprintf("%s is above the accord's ceiling, %s", m.level, top)
	}
	for _, to := range s.in.To {
		if !m.rel.Allows(to) {
			return fmt.Sprintf("it is not releasable to %s", to)
		}
	}
	return ""
}

func (m *marked) take(x meaning, ref string) {
	m.level, m.whole = max(m.level, x.level), max(m.whole, x.level)
	m.listed = m.listed || x.rel.Listed
	m.control = m.control || x.rel.OriginatorControl
	if x.statement && !slices.Contains(m.statements, ref) {
		m.statements = append(m.statements, ref)
	}
}

// marking applies the object's markings and those of its parts. The rules after
// this see the whole object; an extract is made of what is left of it.
func (s *subject) marking() {
	top, err := stix.ParseLevel(s.in.Accord.Terms.Ceiling.TLP)
	if err != nil {
		s.say("marking", Withhold, "the accord's ceiling does not read: %v", err)
	}
	s.sound()
	for _, ref := range s.obj.ObjectMarkingRefs {
		m := s.v.meaning(ref)
		switch why := s.shut(m, top); {
		case m.unknown != "":
			s.say("marking", Withhold, "it carries a marking that is not understood here, %s: %s", ref, why)
		case m.level != 0 && why != "":
			s.say("marking", Withhold, "%s", why)
		case m.level != 0:
			s.say("marking", Full, "%s is within the accord's ceiling, %s", m.level, top)
		case why != "":
			s.say("releasability", Withhold, "%s", why)
		case m.rel.Listed:
			s.say("releasability", Full, "it is releasable to %s", strings.Join(s.in.To, ", "))
		}
		s.marks.take(m, ref)
	}
	if s.marks.level == 0 {
		s.say("marking", Withhold, "it carries no TLP marking; mark it first")
	}
	s.parts(top)
	s.Decision.marking = s.marks.level.String()
}

// sound withholds what carries markings of a form that cannot be read: a
// marking that is overlooked would release.
func (s *subject) sound() {
	for _, p := range []struct {
		name string
		read int
	}{{"object_marking_refs", len(s.obj.ObjectMarkingRefs)}, {"granular_markings", len(s.obj.GranularMarkings())}} {
		v, given := s.obj.Prop(p.name)
		if list, ok := v.([]any); given && (!ok || len(list) != p.read) {
			s.say("marking", Withhold, "its %s do not read", p.name)
		}
	}
}

// header are the properties without which an object cannot be filed or
// marked; a part that is closed in one of them closes the whole. Of extensions
// that holds only for all of them together.
var header = []string{
	"type", "id", "spec_version", "created", "modified", "revoked", "object_marking_refs", "granular_markings", "extensions",
}

// parts applies granular markings (STIX 2.1 §7.2.3). A marking on a part never
// opens what the object's own markings close.
func (s *subject) parts(top stix.Level) {
	for _, g := range s.obj.GranularMarkings() {
		if g.Lang != "" && g.MarkingRef == "" {
			continue // a language is no restriction
		}
		m := s.v.meaning(g.MarkingRef)
		why := s.shut(m, top)
		if len(g.Selectors) == 0 {
			s.say("granular-marking", Withhold, "a granular marking names no part")
		}
		for _, sel := range g.Selectors {
			steps, err := stix.ParseSelector(sel)
			if err == nil {
				_, err = s.obj.Selected(sel)
			}
			switch {
			case err != nil:
				s.say("granular-marking", Withhold, "a granular marking does not read: %v", err)
			case why == "":
				s.marks.take(m, g.MarkingRef)
			case slices.Contains(header, steps[0].Name) && (len(steps) == 1 || steps[0].Name != "extensions"):
				s.say("granular-marking", Withhold, "%s may not pass, and the object cannot go without it: %s", sel, why)
			default:
				s.marks.whole = max(s.marks.whole, m.level)
				s.say("granular-marking", Tearline, "%s stays here: %s", sel, why)
				s.marks.closed = append(s.marks.closed, steps)
			}
		}
	}
	if len(s.marks.closed) > 0 {
		s.prune()
	}
}

// prune takes the closed parts out of the object. What is left must still obey
// the specification: a required property that is closed closes the whole.
func (s *subject) prune() {
	var tree any = s.obj.Props()
	for _, path := range s.marks.closed {
		cut(tree, path)
	}
	var err error
	if props, ok := compact(tree).(map[string]any); ok {
		delete(props, "granular_markings")
		if s.bare, err = parseSane(props); err == nil {
			return
		}
	}
	s.say("granular-marking", Withhold, "without the parts that stay here it is no object: %v", err)
}

// gone stands for a list element that was cut, so that the indexes of its
// neighbours stay what selectors say.
type gone struct{}

// cut removes what steps lead to.
func cut(at any, steps []stix.Step) {
	for len(steps) > 1 {
		switch v := at.(type) {
		case map[string]any:
			at = v[steps[0].Name]
		case []any:
			if steps[0].Name != "" || steps[0].Index >= len(v) {
				return
			}
			at = v[steps[0].Index]
		default:
			return // cut already with what holds it
		}
		steps = steps[1:]
	}
	switch v := at.(type) {
	case map[string]any:
		delete(v, steps[0].Name)
	case []any:
		if steps[0].Name == "" && steps[0].Index < len(v) {
			v[steps[0].Index] = gone{}
		}
	}
}

// compact drops what was cut from lists, and the lists and objects that are
// empty without it.
func compact(v any) any {
	switch x := v.(type) {
	case map[string]any:
		for k, e := range x {
			if x[k] = compact(e); isGone(x[k]) {
				delete(x, k)
			}
		}
		if len(x) == 0 {
			return gone{}
		}
	case []any:
		x = slices.DeleteFunc(x, func(e any) bool { return isGone(e) })
		out := x[:0]
		for _, e := range x {
			if e = compact(e); !isGone(e) {
				out = append(out, e)
			}
		}
		if len(out) == 0 {
			return gone{}
		}
		return out
	}
	return v
}

func isGone(v any) bool { _, is := v.(gone); return is }

// parseSane makes an object of properties and refuses one that breaks the
// specification.
func parseSane(props map[string]any) (*stix.Object, error) {
	raw, err := stix.Encode(props)
	if err != nil {
		return nil, err
	}
	o, err := stix.Parse(raw)
	if err != nil {
		return nil, err
	}
	for _, f := range o.Validate() {
		if f.Severity == stix.Error {
			return nil, fmt.Errorf("%s: %s", f.Path, f.Message)
		}
	}
	return o, nil
}
