package release_test

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang/geo/s2"
	"pgregory.net/rapid"

	"parley.example/parley/accord"
	"parley.example/parley/incident"
	"parley.example/parley/ledger"
	"parley.example/parley/release"
	"parley.example/parley/stix"
)

var (
	day = time.Date(2026, 3, 4, 9, 30, 0, 0, time.UTC)
	key = []byte("0123456789abcdef0123456789abcdef")
)

// pact makes an accord in force between north and south.
func pact(t testing.TB, edit func(*accord.Terms)) (accord.Accord, *accord.State) {
	t.Helper()
	book := accord.NewBook()
	terms := accord.Terms{
		Title: "t", Purposes: []string{"protection"}, LegalBases: []string{"order"}, ObjectTypes: []string{"incident", "malware"},
		Ceiling: accord.Ceiling{Rung: accord.Full, TLP: "TLP:AMBER", PlaceKM: 20, Time: "week"}, Start: accord.Full,
		Match: []accord.MatchRule{{Kind: "phone", Quota: 10}}, RetentionDays: 30, Onward: "none",
		Effective: day.AddDate(0, -1, 0), Expires: day.AddDate(1, 0, 0),
	}
	if edit != nil {
		edit(&terms)
	}
	// The same keys each time: marks of copies follow from the accord's id, and what is
	// said of them is true of nearly all ids.
	random := rand.NewChaCha8([32]byte{2})
	var signing []ledger.Key
	for _, p := range []string{"north", "south"} {
		root, err := ledger.GenerateKey(random)
		if err != nil {
			t.Fatal(err)
		}
		op, err := ledger.GenerateKey(random)
		if err != nil {
			t.Fatal(err)
		}
		c, err := accord.SignCard(accord.Card{Party: p, Name: p, Sequence: 1, NotBefore: day, NotAfter: day.AddDate(1, 0, 0)}, root, op.Public(), ledger.MLDSAPublicKey{})
		if err != nil {
			t.Fatal(err)
		}
		if err := book.Add(c); err != nil {
			t.Fatal(err)
		}
		terms.Members = append(terms.Members, accord.Member{Party: p, Name: p, Root: c.Root})
		signing = append(signing, op)
	}
	a, err := accord.Offer(terms, "north", signing[0], book)
	if err == nil {
		a, err = a.Sign("south", signing[1], book)
	}
	if err != nil {
		t.Fatal(err)
	}
	return a, accord.NewState(a)
}

func report(edit func(*incident.Incident)) []byte {
	in := incident.Incident{
		ID: incident.ID("desk", "7"), Source: "desk", SourceID: "7", Title: "Device at Basawul bridge", Text: "K saw it.\n=== TEARLINE ===\nA device by a road.",
		Start: day, End: day, DatePrecision: incident.Hour, Lat: 34.2486, Lon: 70.8697, Placed: true, Place: "Basawul", Admin1: "Nangarhar", Admin2: "Momand Dara",
		Country: "Afghanistan", PlacePrecision: incident.Exact, RadiusKM: 1, Classes: []incident.Class{incident.Civilian}, Kind: incident.Bombing,
		Killed: incident.Exactly(2), Organisation: "Lantern Front", TLP: stix.Amber,
		Sources:   []incident.Source{{Name: "Informant K", Reliability: "B", Credibility: 2, URL: "https://desk.example/k", Sensitive: true}},
		Claims:    []incident.Claim{{By: "Lantern Front", Of: "Lantern Front", Kind: incident.Responsibility, At: day, Statement: "we did it at Basawul"}},
		Selectors: []incident.Selector{{Kind: "phone", Value: "+93701452207"}}, Codes: map[string]string{"desk_code": "D-99"},
	}
	if edit != nil {
		edit(&in)
	}
	raw, err := in.STIX("")
	if err != nil {
		panic(err)
	}
	return raw
}

func input(a accord.Accord, st *accord.State, object []byte) release.Input {
	return release.Input{Object: object, Accord: a, State: st, Me: "north", To: []string{"south"}, Purpose: "protection", LegalBasis: "order", Now: day.AddDate(0, 0, 2).Add(time.Hour), CopyKey: key}
}

func TestTearlineTellsNothingAboveTheLine(t *testing.T) {
	a, st := pact(t, nil)
	d := release.Decide(input(a, st, report(nil)))
	if d.Outcome != release.Tearline {
		t.Fatalf("outcome %v, want tearline; reasons %+v", d.Outcome, d.Reasons)
	}
	for _, secret := range []string{"Informant", "K saw", "Basawul", "Momand", "34.24", "70.86", "desk", "D-99", "+93701452207", "09:30", "2026-03-04T09"} {
		if strings.Contains(string(d.Copy), secret) {
			t.Errorf("the extract tells %q: %s", secret, d.Copy)
		}
	}
	in, err := incident.FromSTIX(d.Copy)
	if err != nil {
		t.Fatal(err)
	}
	if in.Text != "A device by a road." || in.Grading() != "B2" || in.Admin1 != "Nangarhar" || in.TLP != stix.Amber {
		t.Errorf("extract: text %q, grading %q, area %q, %v", in.Text, in.Grading(), in.Admin1, in.TLP)
	}
	if in.Start.Weekday() != time.Monday || in.End.Sub(in.Start) != 6*24*time.Hour || in.DatePrecision != incident.Week {
		t.Errorf("time %v to %v (%s), want the week", in.Start, in.End, in.DatePrecision)
	}
	if !in.Placed || in.RadiusKM < 10 || in.RadiusKM > 40 {
		t.Errorf("place %v,%v within %v km, want a cell at least 20 km wide", in.Lat, in.Lon, in.RadiusKM)
	}
	if len(in.Claims) != 1 || in.Claims[0].Statement != "" {
		t.Errorf("claims %+v: who claims stays, the wording goes", in.Claims)
	}
}

// Ids are stable for a recipient within an accord, and copies under two accords
// or for two recipients cannot be told to be of one object.
func TestCopyIDs(t *testing.T) {
	obj := incident.ID("desk", "7")
	id := release.CopyID(key, "a", "south", obj)
	if release.CopyID(key, "a", "south", obj) != id {
		t.Error("not stable within an accord")
	}
	if release.CopyID(key, "b", "south", obj) == id {
		t.Error("linkable across accords")
	}
	if release.CopyID(key, "a", "east", obj) == id {
		t.Error("linkable across recipients")
	}
	if typ, _, ok := stix.SplitID(id); !ok || typ != "incident" {
		t.Error("not a STIX id of the same type")
	}
}

// Two points in one cell give the same extract; and a position is never told
// more finely than the cell.
func TestPlaceIsCoarsened(t *testing.T) {
	a, st := pact(t, nil)
	rapid.Check(t, func(t *rapid.T) {
		lat, lon := rapid.Float64Range(30, 36).Draw(t, "lat"), rapid.Float64Range(62, 73).Draw(t, "lon")
		raw := report(func(in *incident.Incident) { in.Lat, in.Lon, in.Country = lat, lon, "" })
		d := release.Decide(input(a, st, raw))
		in, err := incident.FromSTIX(d.Copy)
		if err != nil {
			t.Fatal(err)
		}
		again := report(func(x *incident.Incident) { x.Lat, x.Lon, x.Country = in.Lat, in.Lon, "" })
		d2 := release.Decide(input(a, st, again))
		in2, err := incident.FromSTIX(d2.Copy)
		if err != nil {
			t.Fatal(err)
		}
		if in.Lat != in2.Lat || in.Lon != in2.Lon {
			t.Errorf("the cell's centre moves to %v,%v from %v,%v", in2.Lat, in2.Lon, in.Lat, in.Lon)
		}
	})
}

func TestEveryRuleThatForbidsIsNamed(t *testing.T) {
	a, st := pact(t, nil)
	for name, c := range map[string]struct {
		rule string
		edit func(*release.Input)
	}{
		"purpose":       {"purpose", func(in *release.Input) { in.Purpose = "curiosity" }},
		"legal basis":   {"legal-basis", func(in *release.Input) { in.LegalBasis = "" }},
		"originator":    {"originator", func(in *release.Input) { in.Origin.Party = "west" }},
		"red":           {"marking", func(in *release.Input) { in.Object = report(func(r *incident.Incident) { r.TLP = stix.Red }) }},
		"above ceiling": {"marking", func(in *release.Input) { in.Object = report(func(r *incident.Incident) { r.TLP = stix.AmberStrict }) }},
		"unmarked":      {"marking", func(in *release.Input) { in.Object = report(func(r *incident.Incident) { r.TLP = 0 }) }},
		"unknown marking": {"marking", func(in *release.Input) {
			in.Object = withMarking(in.Object, `"marking-definition--5d0092c5-5f74-4287-9642-33f4c354e56d"`)
		}},
		"granular": {"granular-marking", func(in *release.Input) { in.Object = withGranular(in.Object) }},
		"type": {"object-type", func(in *release.Input) {
			in.Object = []byte(strings.ReplaceAll(string(in.Object), "incident", "campaign"))
		}},
		"stranger":      {"recipient", func(in *release.Input) { in.To = []string{"west"} }},
		"ourselves":     {"recipient", func(in *release.Input) { in.To = []string{"north"} }},
		"nobody":        {"recipient", func(in *release.Input) { in.To = nil }},
		"expired":       {"accord-state", func(in *release.Input) { in.Now = a.Terms.Expires }},
		"not yet":       {"accord-state", func(in *release.Input) { in.Now = a.Terms.Effective.Add(-time.Second) }},
		"unreadable":    {"object", func(in *release.Input) { in.Object = []byte(`{"type":"incident","type":"incident"}`) }},
		"no copy key":   {"tearline", func(in *release.Input) { in.CopyKey = nil }},
		"broken policy": {"local-policy", func(in *release.Input) { in.Policy = policy{err: errors.New("does not load")} }},
		"own policy":    {"ours-7", func(in *release.Input) { in.Policy = policy{reasons: []release.Reason{{Rule: "ours-7", Text: "no"}}} }},
	} {
		in := input(a, st, report(nil))
		c.edit(&in)
		d := release.Decide(in)
		if d.Outcome != release.Withhold || d.Copy != nil {
			t.Errorf("%s: outcome %v, want withhold and no copy", name, d.Outcome)
		}
		if !slices.ContainsFunc(d.Reasons, func(r release.Reason) bool { return r.Rule == c.rule && r.Outcome == release.Withhold }) {
			t.Errorf("%s: rule %s is not among the reasons %+v", name, c.rule, d.Reasons)
		}
		if rel, _, err := release.Mint(in, ""); !errors.Is(err, release.ErrWithheld) || rel.Bytes() != nil {
			t.Errorf("%s: minted: %v", name, err)
		}
	}
}

type policy struct {
	reasons []release.Reason
	err     error
}

func (p policy) Limit(release.Facts) ([]release.Reason, error) { return p.reasons, p.err }

func withMarking(raw []byte, ref string) []byte {
	return []byte(strings.Replace(string(raw), `"object_marking_refs":[`, `"object_marking_refs":[`+ref+`,`, 1))
}

func withGranular(raw []byte) []byte {
	var m map[string]any
	if err := json.Unmarshal(raw, &m); err != nil {
		panic(err)
	}
	m["granular_markings"] = []any{map[string]any{"marking_ref": "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1", "selectors": []string{"name"}}}
	b, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return b
}

func TestFullWhereNothingStandsAgainstIt(t *testing.T) {
	a, st := pact(t, func(x *accord.Terms) { x.Ceiling.PlaceKM, x.Ceiling.Time = 0, "exact" })
	raw := report(func(in *incident.Incident) { in.Sources, in.Text = nil, "open" })
	d := release.Decide(input(a, st, raw))
	if d.Outcome != release.Full || string(d.Copy) != string(raw) {
		t.Errorf("outcome %v, same bytes %v; reasons %+v", d.Outcome, string(d.Copy) == string(raw), d.Reasons)
	}
}

// Whatever is tightened, never more is released: a higher marking, a lower
// rung, a lower ceiling, one more rule of our own, another party's object.
func TestTighteningNeverReleasesMore(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		levels := []stix.Level{stix.Clear, stix.Green, stix.Amber, stix.AmberStrict, stix.Red}
		i := rapid.IntRange(0, 4).Draw(rt, "level")
		rung := accord.Rung(rapid.IntRange(0, 4).Draw(rt, "rung"))
		sensitive := rapid.Bool().Draw(rt, "sensitive")
		terms := func(x *accord.Terms) {
			x.Ceiling.Rung, x.Start = accord.Joint, rung
			x.Ceiling.TLP = levels[rapid.IntRange(0, 4).Draw(rt, "ceiling")].String()
		}
		a, st := pact(t, terms)
		object := func(l stix.Level) []byte {
			return report(func(r *incident.Incident) { r.TLP, r.Sources[0].Sensitive = l, sensitive })
		}
		base := input(a, st, object(levels[i]))
		was := release.Decide(base).Outcome
		tighter := map[string]release.Input{}
		if i < 4 {
			x := base
			x.Object = object(levels[i+1])
			tighter["marking raised"] = x
		}
		x := base
		x.Policy = policy{reasons: []release.Reason{{Rule: "r", Outcome: release.Outcome(rapid.IntRange(0, 3).Draw(rt, "own"))}}}
		tighter["forbid added"] = x
		x = base
		x.Origin.Party = "west"
		tighter["another's object"] = x
		x = base
		x.State = accord.NewState(a)
		low, _ := json.Marshal(ledger.Rung{From: "north", To: "south", Rung: accord.Rung(rapid.IntRange(0, 4).Draw(rt, "lowered")).String()})
		if err := x.State.Apply(0, ledger.Event{Party: "north", Kind: ledger.RungLowered, Data: low}); err != nil {
			rt.Fatal(err)
		}
		tighter["rung lowered"] = x
		x = base
		x.State = accord.NewState(a)
		if err := x.State.Apply(0, ledger.Event{Party: "south", Kind: ledger.AccordSuspended, Data: []byte(`{"reason":"r"}`)}); err != nil {
			rt.Fatal(err)
		}
		tighter["suspended"] = x
		for name, in := range tighter {
			if now := release.Decide(in).Outcome; now > was {
				rt.Errorf("%s: released %v before and %v after", name, was, now)
			}
		}
	})
}

func TestMatchingMessagesNeedRungAndKind(t *testing.T) {
	a, st := pact(t, func(x *accord.Terms) { x.Start = accord.Match })
	ok := func(kind ledger.Kind, selector string, s *accord.State) error {
		_, err := release.MintExchange(a, s, "north", "south", selector, kind, []byte("m"), day)
		return err
	}
	if err := ok(ledger.MatchAnswered, "phone", st); err != nil {
		t.Error(err)
	}
	if err := ok(ledger.MatchAnswered, "iban", st); !errors.Is(err, release.ErrWithheld) {
		t.Errorf("a kind that the accord does not name: %v", err)
	}
	if err := ok(ledger.Released, "phone", st); !errors.Is(err, release.ErrWithheld) {
		t.Errorf("content in the guise of a matching message: %v", err)
	}
	lowered := accord.NewState(a)
	if err := lowered.Apply(0, ledger.Event{Party: "north", Kind: ledger.RungLowered, Data: []byte(`{"from":"north","to":"south","rung":"contact"}`)}); err != nil {
		t.Fatal(err)
	}
	if err := ok(ledger.MatchAnswered, "phone", lowered); !errors.Is(err, release.ErrWithheld) {
		t.Errorf("below rung match: %v", err)
	}
	// What bounds asking is what the holder grants, not what we grant it.
	if _, err := release.MintExchange(a, lowered, "north", "south", "phone", ledger.MatchAsked, []byte("m"), day); err != nil {
		t.Errorf("asking south, who grants match: %v", err)
	}
}

// What belongs to both sides passes only where each grants the other enough.
func TestMutualMessagesNeedTheRungInBothDirections(t *testing.T) {
	a, st := pact(t, func(x *accord.Terms) { x.Ceiling.Rung, x.Start = accord.Joint, accord.Match })
	mint := func(s *accord.State, need accord.Rung, to ...string) error {
		_, err := release.MintMutual(a, s, "north", to, need, []byte("m"), day)
		return err
	}
	if err := mint(st, accord.Match, "south"); err != nil {
		t.Error(err)
	}
	if err := mint(st, accord.Joint, "south"); !errors.Is(err, release.ErrWithheld) {
		t.Errorf("below rung joint: %v", err)
	}
	if err := mint(st, accord.Match); !errors.Is(err, release.ErrWithheld) {
		t.Errorf("for nobody: %v", err)
	}
	for _, by := range []string{"north", "south"} {
		other := map[string]string{"north": "south", "south": "north"}[by]
		lowered, stopped := accord.NewState(a), accord.NewState(a)
		if err := lowered.Apply(0, ledger.Event{Party: by, Kind: ledger.RungLowered, Data: []byte(`{"from":"` + by + `","to":"` + other + `","rung":"contact"}`)}); err != nil {
			t.Fatal(err)
		}
		if err := stopped.Apply(0, ledger.Event{Party: by, Kind: ledger.AccordSuspended, Data: []byte(`{"reason":"r"}`)}); err != nil {
			t.Fatal(err)
		}
		for what, s := range map[string]*accord.State{"lowered": lowered, "suspended": stopped} {
			if err := mint(s, accord.Match, "south"); !errors.Is(err, release.ErrWithheld) {
				t.Errorf("%s by %s: %v", what, by, err)
			}
		}
	}
}

func TestZeroReleasedIsEmpty(t *testing.T) {
	var r release.Released
	if r.Bytes() != nil || r.To() != nil || r.Accord() != "" {
		t.Error("a Released that the gate did not mint carries something")
	}
}

func BenchmarkDecide(b *testing.B) {
	a, st := pact(b, nil)
	in := input(a, st, report(nil))
	for b.Loop() {
		release.Decide(in)
	}
}

func distanceKM(lat1, lon1, lat2, lon2 float64) float64 {
	return float64(s2.LatLngFromDegrees(lat1, lon1).Distance(s2.LatLngFromDegrees(lat2, lon2))) * 6371.0088
}
