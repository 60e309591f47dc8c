package release

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley.example/parley/incident"
	"parley.example/parley/stix"
)

// text caps what has a tearline mark in it.
func (s *subject) text() {
	for _, name := range texts {
		if _, _, marked := incident.SplitTearline(s.obj.String(name)); marked {
			s.say("tearline-mark", Tearline, "its %s has a tearline mark: what stands above it stays here", name)
		}
	}
}

// precision caps what is finer than the accord's place and time. Incidents say
// it for themselves.
func (s *subject) precision() {
	c := s.in.Accord.Terms.Ceiling
	for _, name := range observed[s.obj.Type] {
		if t, err := stix.ParseTime(s.obj.String(name)); err == nil && !unitBegin(c.Time, t).Equal(t) {
			s.say("precision", Tearline, "its %s is finer than the accord's %s", name, c.Time)
		}
	}
	if s.obj.Type != "location" {
		return
	}
	for _, p := range []struct {
		name  string
		finer bool
	}{
		{"latitude", c.PlaceLevel != "" || c.PlaceKM > 0 && number(s.obj, "precision")/1000 < c.PlaceKM/2},
		{"street_address", c.PlaceLevel != "" || c.PlaceKM > 0}, {"postal_code", c.PlaceLevel != "" || c.PlaceKM > 0},
		{"city", c.PlaceLevel != "" || c.PlaceKM > 0}, {"administrative_area", c.PlaceLevel == "country"},
	} {
		if _, given := s.obj.Prop(p.name); given && p.finer {
			s.say("precision", Tearline, "its %s is finer than the accord lets be told", p.name)
		}
	}
}

// number reads a numeric property; 0 where there is none.
func number(o *stix.Object, name string) float64 {
	v, _ := o.Prop(name)
	n, _ := v.(stix.Number)
	f, _ := strconv.ParseFloat(string(n), 64)
	return f
}

var errNoKey = errors.New("the key for the ids of copies is missing")

// extract makes the tearline copy: from an empty object, property by property.
func (s *subject) extract() (err error) {
	if len(s.in.CopyKey) < 32 {
		return errNoKey
	}
	if s.obj.Type == "incident" {
		rec := s.rec
		if s.bare != s.obj {
			r, err := incident.FromObject(s.bare)
			if err != nil {
				return err
			}
			rec = &r
		}
		return s.tearline(*rec)
	}
	fields, ok := profiles[s.obj.Type]
	if !ok {
		return fmt.Errorf("there is no tearline profile for objects of type %s, and the whole may not pass", s.obj.Type)
	}
	id := CopyID(s.in.CopyKey, s.in.Accord.ID, strings.Join(s.in.To, ","), s.obj.ID)
	x := extract{subject: s, seal: s.seal(), out: map[string]any{"type": s.obj.Type, "spec_version": "2.1", "id": id}}
	x.drop("id: replaced by one that only this recipient has")
	if s.obj.Created != "" {
		created, modified := s.times(id)
		x.out["created"], x.out["modified"] = stix.FormatTime(created), stix.FormatTime(modified)
		x.out["created_by_ref"] = PartyIdentity(s.in.Me)
	}
	for _, p := range profile(fields, commonFields) {
		if v, given := s.bare.Prop(p.name); given {
			if err := x.take(p, v); err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
		}
	}
	if s.obj.Type == "location" {
		x.place()
	}
	x.rest(fields)
	if x.out["object_marking_refs"], err = s.copyMarkings(); err != nil {
		return err
	}
	o, err := parseSane(x.out)
	if err != nil {
		return err
	}
	s.Copy, s.copyID, s.Redactions = o.Raw(), id, x.redactions
	return nil
}

// commonFields are the common properties that any extract keeps.
var commonFields = fields(plain, "lang", "confidence", "revoked", "defanged")

// times are created and modified of a copy.
func (s *subject) times(id string) (created, modified time.Time) {
	mark := time.Duration(s.seal().below("instant", 1000)) * time.Millisecond
	modified = s.in.Now.UTC().Truncate(time.Second).Add(mark)
	created = modified
	if s.in.Sent == nil {
		return created, modified
	}
	if first, last, ok := s.in.Sent(id); ok {
		created = first.UTC().Truncate(time.Second).Add(mark)
		// A correction within the second of what it corrects is still the newer
		// version, and so it is after a clock was set back.
		if before := last.UTC().Truncate(time.Second).Add(mark); !modified.After(before) {
			modified = before.Add(time.Second)
		}
	}
	return created, modified
}

// copyMarkings are the markings of a copy: the highest TLP of what is in it, the
// statements, and where a list or its originator restricts it, that it is for
// these recipients only.
func (s *subject) copyMarkings() ([]string, error) {
	refs := []string{s.marks.level.MarkingRef()}
	if s.marks.listed || s.marks.control {
		id, _, err := stix.Releasability{To: append([]string{s.in.Me}, s.in.To...), Listed: true, OriginatorControl: s.marks.control}.Marking()
		if err != nil {
			return nil, err
		}
		refs = append(refs, id)
	}
	return append(refs, s.marks.statements...), nil
}

// extract is an extract in the making.
type extract struct {
	*subject
	seal       seal
	out        map[string]any
	redactions []string
}

func (x *extract) drop(what string) { x.redactions = append(x.redactions, what) }

// take puts one property into the extract, in the form that the profile says. A
// value of another shape than the profile expects is dropped.
func (x *extract) take(p field, v any) error {
	switch p.how {
	case plain, set, hashes:
		v = x.words(p, v)
	case phases:
		v = x.phases(v)
	case under:
		v = x.below(p.name, v)
	case generic:
		v = titleOf(x.obj)
		x.drop(p.name + ": replaced by the kind of object")
	case begins, finishes:
		text, ok := v.(string)
		if !ok {
			return nil
		}
		t, err := stix.ParseTime(text)
		if err != nil {
			return err
		}
		unit := x.in.Accord.Terms.Ceiling.Time
		coarse := unitBegin(unit, t)
		if p.how == finishes && !coarse.Equal(t) {
			coarse = unitEnd(unit, t)
		}
		if !coarse.Equal(t) {
			x.drop(p.name + ": coarsened to the " + unit)
		}
		v = stix.FormatTime(coarse)
	case link, links:
		v = x.references(p, v)
	}
	switch {
	case v != nil:
		x.out[p.name] = v
	case p.how != under && p.how != link && p.how != links: // those said why
		x.drop(p.name)
	}
	return nil
}

// words keeps scalars, lists of words and flat dictionaries of words.
func (x *extract) words(p field, v any) any {
	switch w := v.(type) {
	case string:
		return hideIDs(w)
	case stix.Number, bool:
		return w
	case []any:
		list, ok := strs(w)
		if !ok || p.how == hashes {
			return nil
		}
		for i := range list {
			list[i] = hideIDs(list[i])
		}
		if p.how == set {
			list = x.seal.order(p.name, list)
		}
		return list
	case map[string]any:
		if p.how != hashes {
			return nil
		}
		for _, e := range w {
			if _, ok := e.(string); !ok {
				return nil
			}
		}
		return w
	}
	return nil
}

func strs(list []any) ([]string, bool) {
	out := make([]string, len(list))
	for i, e := range list {
		s, ok := e.(string)
		if !ok {
			return nil, false
		}
		out[i] = s
	}
	return out, true
}

func (x *extract) phases(v any) any {
	list, _ := v.([]any)
	out := []any{}
	for _, e := range list {
		m, _ := e.(map[string]any)
		chain, ok1 := m["kill_chain_name"].(string)
		name, ok2 := m["phase_name"].(string)
		if ok1 && ok2 {
			out = append(out, map[string]any{"kill_chain_name": hideIDs(chain), "phase_name": hideIDs(name)})
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

func (x *extract) below(name string, v any) any {
	text, _ := v.(string)
	_, low, ok := incident.SplitTearline(text)
	switch {
	case !ok:
		x.drop(name + ": it has no tearline mark")
	case low == "":
		x.drop(name + ": nothing stands below its tearline mark")
	default:
		x.drop(name + ": what stands above the tearline mark")
		return hideIDs(low)
	}
	return nil
}

// references names what passes by the ids under which the recipients have it.
func (x *extract) references(p field, v any) any {
	var ids []string
	switch r := v.(type) {
	case string:
		ids = []string{r}
	case []any:
		ids, _ = strs(r)
	}
	var out []string
	for _, id := range ids {
		if t := x.v.target(id); t.outcome >= Tearline {
			out = append(out, t.id)
		}
	}
	if len(out) < len(ids) {
		x.drop(fmt.Sprintf("%s: %d that may not pass", p.name, len(ids)-len(out)))
	}
	switch {
	case len(out) == 0:
		return nil
	case p.how == link:
		return out[0]
	}
	return x.seal.order(p.name, out)
}

// rest says what the profile leaves out.
func (x *extract) rest(fields []field) {
	for _, name := range sorted(x.obj.Props()) {
		if _, there := x.out[name]; there || name == "object_marking_refs" || name == "granular_markings" {
			continue
		}
		switch {
		case name == "external_references":
			x.drop("external references: where it was reported")
		case name == "created_by_ref":
			x.drop("created_by_ref: who wrote it")
		case !slices.ContainsFunc(fields, func(f field) bool { return f.name == name }):
			x.drop(name)
		}
	}
	for _, steps := range x.marks.closed {
		x.drop("a part that is marked for others: " + steps[0].Name)
	}
	slices.Sort(x.redactions)
	x.redactions = slices.Compact(x.redactions)
}

// place tells where a location is by the accord's grid or administrative level.
func (x *extract) place() {
	c := x.in.Accord.Terms.Ceiling
	for _, p := range fields(plain, "country", "region") {
		if v, given := x.bare.Prop(p.name); given {
			x.out[p.name] = x.words(p, v)
		}
	}
	if v, given := x.bare.Prop("administrative_area"); given && c.PlaceLevel != "country" {
		x.out["administrative_area"] = x.words(field{"administrative_area", plain}, v)
	}
	lat, lon := number(x.bare, "latitude"), number(x.bare, "longitude")
	if _, given := x.bare.Prop("latitude"); !given || c.PlaceLevel != "" {
		return
	}
	if c.PlaceKM == 0 {
		for _, p := range fields(plain, "latitude", "longitude", "precision", "city") {
			if v, given := x.bare.Prop(p.name); given {
				x.out[p.name] = x.words(p, v)
			}
		}
		return
	}
	was := number(x.bare, "precision") / 1000
	lat, lon, km := coarsePlace(c.PlaceKM, lat, lon)
	lat, lon, km = x.seal.place(c.PlaceKM, lat, lon, km)
	if math.Abs(lat) > 90 || math.Abs(lon) > 180 {
		return
	}
	x.out["latitude"], x.out["longitude"], x.out["precision"] = lat, lon, decimals(max(km, was)*1000, 1)
	x.drop(fmt.Sprintf("position: moved to the centre of a cell at least %g km wide", c.PlaceKM))
}

// titleOf names an object by what anyone cleared for it may know.
func titleOf(o *stix.Object) string {
	kind := o.Type
	if types := o.Strings(strings.ReplaceAll(o.Type, "-", "_") + "_types"); len(types) > 0 {
		slices.Sort(types)
		kind = hideIDs(types[0])
	}
	kind = strings.ReplaceAll(kind, "-", " ")
	if kind == "" {
		return "Object"
	}
	return strings.ToUpper(kind[:1]) + kind[1:]
}

var idPattern = regexp.MustCompile(`[a-z][a-z0-9-]*--[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}`)

// hideIDs takes identifiers out of a text that leaves.
func hideIDs(s string) string {
	if !strings.Contains(s, "--") {
		return s
	}
	return idPattern.ReplaceAllString(s, "[object]")
}

// unitBegin is the beginning of the unit in which t lies, in UTC; weeks begin on
// Monday. An unknown unit is the month.
func unitBegin(unit string, t time.Time) time.Time {
	t = t.UTC()
	y, m, d := t.Date()
	switch unit {
	case "exact":
		return t
	case "hour":
		return t.Truncate(time.Hour)
	case "day":
		return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	case "week":
		return time.Date(y, m, d-(int(t.Weekday())+6)%7, 0, 0, 0, 0, time.UTC)
	}
	return time.Date(y, m, 1, 0, 0, 0, 0, time.UTC)
}

// unitEnd is the beginning of the unit after the one in which t lies.
func unitEnd(unit string, t time.Time) time.Time {
	b := unitBegin(unit, t)
	switch unit {
	case "exact":
		return b
	case "hour":
		return b.Add(time.Hour)
	case "day":
		return b.AddDate(0, 0, 1)
	case "week":
		return b.AddDate(0, 0, 7)
	}
	return b.AddDate(0, 1, 0)
}
