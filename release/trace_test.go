package release_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"parley.example/parley/accord"
	"parley.example/parley/incident"
	"parley.example/parley/release"
	"parley.example/parley/stix"
)

// copies makes an extract of one object for each of many recipients.
func copies(t testing.TB, object []byte, edit func(*accord.Terms), n int) [][]byte {
	t.Helper()
	a, st := pact(t, func(x *accord.Terms) {
		x.ObjectTypes, x.Start = everything, accord.Tearline
		if edit != nil {
			edit(x)
		}
	})
	var out [][]byte
	for i := range n {
		in := input(a, st, object)
		// The gate binds a copy to whoever it is for; another secret stands for
		// another recipient as well.
		in.CopyKey = []byte(fmt.Sprintf("%032d", i))
		d := release.Decide(in)
		if d.Outcome != release.Tearline {
			t.Fatalf("%v: %+v", d.Outcome, d.Reasons)
		}
		out = append(out, d.Copy)
	}
	return out
}

// best is the copy that a leaked text fits best, and how well.
func best(all [][]byte, leaked []byte) (which int, bits float64, second float64) {
	f := release.Search(leaked)
	which = -1
	for i, c := range all {
		if _, b := f.Matches(release.Traits(c)); b > bits {
			which, bits, second = i, b, bits
		} else {
			second = max(second, b)
		}
	}
	return which, bits, second
}

func TestLeakedCopiesAreTraced(t *testing.T) {
	all := copies(t, report(nil), nil, 40)
	leak := all[17]
	var props map[string]any
	if err := json.Unmarshal(leak, &props); err != nil {
		t.Fatal(err)
	}
	pretty, _ := json.MarshalIndent(props, "", "    ")
	without := func(names ...string) []byte {
		var p map[string]any
		_ = json.Unmarshal(leak, &p)
		for _, n := range names {
			delete(p, n)
			ext := p["extensions"].(map[string]any)[stix.IncidentExtension].(map[string]any)
			delete(ext, n)
		}
		b, _ := json.Marshal(p)
		return b
	}
	in, err := incident.FromSTIX(leak)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		text []byte
		bits float64
	}{
		"as it is":            {leak, 140},
		"written anew":        {pretty, 140},
		"without ids":         {without("id", "source_id"), 20},
		"without times":       {without("id", "source_id", "created", "modified"), 12},
		"as a table":          {[]byte(fmt.Sprintf("%s;%s;%v;%v;%.5f;%.6f", in.Title, in.Start, in.Killed, in.RadiusKM, in.Lat, in.Lon)), 12},
		"in upper-case words": {[]byte(strings.ToUpper(string(leak))), 130},
		"times moved to another zone": {regexp.MustCompile(`T(\d\d):([^"]*)Z"`).ReplaceAllFunc(without("id", "source_id"), func(b []byte) []byte {
			return []byte(strings.Replace(string(b), `Z"`, `+00:00"`, 1))
		}), 20},
	} {
		who, bits, second := best(all, c.text)
		if who != 17 || bits < c.bits || bits-second < 5 {
			t.Errorf("%s: copy %d with %.1f bits, the next with %.1f; want copy 17 with at least %.0f", name, who, bits, second, c.bits)
		}
	}
	if _, bits, _ := best(all, report(nil)); bits > 9 {
		t.Errorf("the original itself has %.1f bits of a copy", bits)
	}
}

// Lists whose order says nothing carry a mark that survives the loss of some of
// their elements.
func TestListsCarryAMark(t *testing.T) {
	aliases := []string{"a", "b", "c", "d", "e", "f", "g"}
	raw, err := stix.Encode(object("malware", 1, stix.Amber.MarkingRef(), map[string]any{"name": "M", "is_family": false, "aliases": aliases}))
	if err != nil {
		t.Fatal(err)
	}
	all := copies(t, raw, nil, 20)
	o, err := stix.Parse(all[5])
	if err != nil {
		t.Fatal(err)
	}
	list := o.Strings("aliases")
	if sorted := slices.Sorted(slices.Values(list)); !slices.Equal(sorted, aliases) {
		t.Fatalf("the list says something else: %v", list)
	}
	text, _ := json.Marshal(map[string]any{"names": slices.Delete(slices.Clone(list), 2, 3)})
	if who, bits, second := best(all, text); who != 5 || bits < 9 || bits <= second {
		t.Errorf("traced to %d with %.1f bits, the next %.1f", who, bits, second)
	}
}

// The marks in a place never say anything false: the true position stays within
// the radius told, and the cell stays the same.
func TestMarkedPlacesStayTrue(t *testing.T) {
	for _, km := range []float64{1, 5, 20, 80} {
		all := copies(t, report(nil), func(x *accord.Terms) { x.Ceiling.PlaceKM = km }, 60)
		places := map[string]bool{}
		for _, c := range all {
			in, err := incident.FromSTIX(c)
			if err != nil {
				t.Fatal(err)
			}
			if d := distanceKM(in.Lat, in.Lon, 34.2486, 70.8697); !in.Placed || d > in.RadiusKM {
				t.Errorf("%g km: the event lies %.2f km from a place told to within %.2f", km, d, in.RadiusKM)
			}
			places[fmt.Sprint(in.Lat, in.Lon)] = true
		}
		if km >= 20 && len(places) < 50 {
			t.Errorf("%g km: only %d places for 60 copies", km, len(places))
		}
	}
}

func FuzzSearch(f *testing.F) {
	a, st := pact(f, nil)
	d := release.Decide(input(a, st, report(nil)))
	traits := release.Traits(d.Copy)
	f.Add([]byte(d.Copy))
	f.Add([]byte(`[["a","b"],{"x":1e309}] 2026-01-01T00:00:00.123+99:99`))
	f.Fuzz(func(t *testing.T, text []byte) {
		found := release.Search(text)
		if _, bits := found.Matches(traits); bits < 0 {
			t.Errorf("%v bits", bits)
		}
	})
}

// FuzzDecide puts hostile objects to the gate: it must not fail, and whatever it
// lets pass reads and is marked.
func FuzzDecide(f *testing.F) {
	a, st := openPact(f, nil)
	l := library{}
	f.Add(report(nil))
	for _, p := range []map[string]any{
		object("malware", 1, stix.Amber.MarkingRef(), map[string]any{"name": "M", "is_family": false, "aliases": []string{"x", "y"},
			"granular_markings": []any{map[string]any{"marking_ref": stix.Red.MarkingRef(), "selectors": []string{"aliases.[0]"}}}}),
		object("report", 2, stix.Green.MarkingRef(), map[string]any{"name": "R", "published": "2026-01-01T00:00:00Z", "object_refs": []string{"malware--00000000-0000-4000-8000-000000000001"}}),
	} {
		f.Add([]byte(l[l.add(f, p)].Object))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		in := l.in(a, st, "")
		in.Object = raw
		d := release.Decide(in)
		if d.Outcome < release.Tearline {
			if d.Copy != nil {
				t.Error("withheld with a copy")
			}
			return
		}
		o, err := stix.Parse(d.Copy)
		if err != nil {
			t.Fatal(err)
		}
		if level, ok := stix.TLPOf(o); !ok || level > stix.Amber {
			t.Errorf("%v passed under a ceiling of amber", level)
		}
	})
}
