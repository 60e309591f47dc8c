package release_test

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"pgregory.net/rapid"

	"parley.example/parley/accord"
	"parley.example/parley/incident"
	"parley.example/parley/release"
)

func load(t testing.TB, text string) *release.CedarPolicy {
	t.Helper()
	p, err := release.LoadPolicy(fstest.MapFS{"own.cedar": {Data: []byte(text)}, "notes.txt": {Data: []byte("no policy")}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPolicyThatCannotBeMeantIsRefusedWithItsPlace(t *testing.T) {
	for text, want := range map[string][]string{
		`permit(principal, action, resource) when { resource.tlpp < 3 };`:                           {"own.cedar:1:1", "tlpp"},
		"\n\n  forbid(principal, action, resource) when { context.reason == \"x\" };":               {"own.cedar:3:3", "reason"},
		`forbid(principal, action, resource) when { resource.killed > 10 };`:                        {"own.cedar:1:1", "killed"},
		`forbid(principal, action, resource) when { resource.tlp == "amber" };`:                     {"own.cedar:1:1"},
		`@ceiling("tear") permit(principal, action, resource);`:                                     {"own.cedar:1", "ceiling", "tear"},
		`@cieling("tearline") permit(principal, action, resource);`:                                 {"own.cedar:1", "cieling"},
		`@approvals("0") permit(principal, action, resource);`:                                      {"own.cedar:1", "approvals"},
		`@approvals("two") permit(principal, action, resource);`:                                    {"own.cedar:1", "two"},
		`@id("a") permit(principal, action, resource); @id("a") permit(principal,action,resource);`: {"two rules", `"a"`},
		`permit(principal, action == Action::"publish", resource);`:                                 {"own.cedar:1:1", "publish"},
		`permit(principal == User::"x", action, resource);`:                                         {"own.cedar:1:1", "User"},
		`permit(principal, action, resource`:                                                        {"own.cedar"},
	} {
		_, err := release.LoadPolicy(fstest.MapFS{"own.cedar": {Data: []byte(text)}})
		if !errors.Is(err, release.ErrPolicy) {
			t.Errorf("%s: got %v, want ErrPolicy", text, err)
			continue
		}
		for _, w := range want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %q is not in %q", text, w, err)
			}
		}
	}
	if p, err := release.LoadPolicy(fstest.MapFS{}); p != nil || err != nil {
		t.Errorf("an empty folder: %v, %v; want no policy", p, err)
	}
}

const houseRules = `
@id("base") permit(principal, action, resource);
@id("deaths") @ceiling("tearline") @reason("reports of many deaths go as extracts only")
forbid(principal, action, resource) when { resource has killed && resource.killed >= 2 };
@id("two") @approvals("2") @reason("TLP:AMBER and above needs two more people")
permit(principal, action, resource) when { resource.tlp >= 3 };
@id("east") forbid(principal == Party::"east", action, resource);
@id("night") forbid(principal, action, resource) when { context.hour < 5 };
`

func TestPolicyCeilingsAndApprovals(t *testing.T) {
	p := load(t, houseRules)
	f := release.Facts{Type: "incident", Recipient: "south", TLP: 2, Now: day}
	limit := func(f release.Facts) (release.Outcome, int, []string) {
		t.Helper()
		rs, err := p.Limit(f)
		if err != nil {
			t.Fatal(err)
		}
		most, n, ids := release.Full, 0, []string{}
		for _, r := range rs {
			most, n, ids = min(most, r.Outcome), max(n, r.Approvals), append(ids, r.Rule)
		}
		return most, n, ids
	}
	if most, n, ids := limit(f); most != release.Full || n != 0 || !slices.Equal(ids, []string{"base"}) {
		t.Errorf("plain: %v, %d approvals, rules %v", most, n, ids)
	}
	two := 2
	f.Killed, f.TLP = &two, 3
	if most, n, ids := limit(f); most != release.Tearline || n != 2 || !slices.Equal(ids, []string{"base", "two", "deaths"}) {
		t.Errorf("many deaths, amber: %v, %d approvals, rules %v", most, n, ids)
	}
	f.Recipient = "east"
	if most, _, _ := limit(f); most != release.Withhold {
		t.Errorf("east: %v, want withhold", most)
	}
	f.Recipient, f.Now = "south", time.Date(2026, 3, 4, 3, 0, 0, 0, time.UTC)
	if most, _, _ := limit(f); most != release.Withhold {
		t.Errorf("at night: %v, want withhold", most)
	}
	if rs, _ := load(t, `permit(principal, action, resource) when { resource.type == "malware" };`).Limit(f); len(rs) != 1 || rs[0].Outcome != release.Withhold {
		t.Errorf("what no rule permits: %+v, want withhold", rs)
	}
}

// A forbid that fails is skipped by Cedar. Here it withholds.
func TestPolicyThatFailsWithholds(t *testing.T) {
	const text = `permit(principal, action, resource);
forbid(principal, action, resource) when { resource.tlp * 9223372036854775807 > 1 };`
	a, st := pact(t, nil)
	in := input(a, st, report(nil))
	in.Policy = load(t, text)
	d := release.Decide(in)
	if d.Outcome != release.Withhold || d.Copy != nil {
		t.Fatalf("outcome %v, want withhold", d.Outcome)
	}
	if i := slices.IndexFunc(d.Reasons, func(r release.Reason) bool { return r.Rule == "local-policy" }); i < 0 || !strings.Contains(d.Reasons[i].Text, "own.cedar:2:1") {
		t.Errorf("the rule that failed is not named: %+v", d.Reasons)
	}
}

func TestReleaseWaitsForApprovals(t *testing.T) {
	a, st := pact(t, nil)
	in := input(a, st, report(nil))
	in.Policy = load(t, houseRules)
	rel, d, err := release.Mint(in, "")
	if !errors.Is(err, release.ErrApproval) || !errors.Is(err, release.ErrWithheld) || rel.Bytes() != nil || d.Approvals != 2 || d.Outcome != release.Tearline {
		t.Fatalf("minted without approval: %v, %+v", err, d)
	}
	for in.Approved = 0; in.Approved < 2; in.Approved++ {
		if _, _, err := release.Mint(in, ""); !errors.Is(err, release.ErrApproval) {
			t.Errorf("%d approvals of 2: %v", in.Approved, err)
		}
	}
	if _, _, err := release.Mint(in, ""); err != nil {
		t.Errorf("with both approvals: %v", err)
	}
}

// condition is a Cedar condition with the same condition in Go.
type condition struct {
	cedar string
	holds func(release.Facts) bool
}

func conditions(t *rapid.T) condition {
	word := rapid.SampledFrom([]string{"incident", "malware", "south", "east", "protection", "civilian", "", `a"b\c`})
	number := rapid.IntRange(-2, 6)
	text := func(attr string, get func(release.Facts) string) func() condition {
		return func() condition {
			w := word.Draw(t, "word")
			return condition{fmt.Sprintf("%s == %s", attr, quote(w)), func(f release.Facts) bool { return get(f) == w }}
		}
	}
	optional := func(attr string, get func(release.Facts) *int) func() condition {
		return func() condition {
			n := number.Draw(t, "n")
			return condition{fmt.Sprintf("(resource has %s && resource.%s >= %d)", attr, attr, n), func(f release.Facts) bool { return get(f) != nil && *get(f) >= n }}
		}
	}
	leaf := rapid.SampledFrom([]func() condition{
		text("resource.type", func(f release.Facts) string { return f.Type }),
		text("resource.from", func(f release.Facts) string { return f.From }),
		text("resource.class", func(f release.Facts) string { return f.Class }),
		text("context.purpose", func(f release.Facts) string { return f.Purpose }),
		optional("killed", func(f release.Facts) *int { return f.Killed }),
		optional("age_days", func(f release.Facts) *int { return f.AgeDays }),
		func() condition {
			n := number.Draw(t, "n")
			return condition{fmt.Sprintf("resource.tlp < %d", n), func(f release.Facts) bool { return f.TLP < n }}
		},
		func() condition {
			n := number.Draw(t, "n")
			return condition{fmt.Sprintf("principal.rung >= %d", n), func(f release.Facts) bool { return f.Rung >= n }}
		},
		func() condition {
			return condition{"resource.sensitive", func(f release.Facts) bool { return f.Sensitive }}
		},
		func() condition {
			w := word.Draw(t, "word")
			return condition{fmt.Sprintf("resource.labels.contains(%s)", quote(w)), func(f release.Facts) bool { return slices.Contains(f.Labels, w) }}
		},
		func() condition {
			w := word.Draw(t, "word")
			return condition{fmt.Sprintf("principal == Party::%s", quote(w)), func(f release.Facts) bool { return f.Recipient == w }}
		},
	})
	c := leaf.Draw(t, "leaf")()
	for range rapid.IntRange(0, 2).Draw(t, "more") {
		was, other := c, leaf.Draw(t, "leaf")()
		switch rapid.IntRange(0, 2).Draw(t, "operator") {
		case 0:
			c = condition{"(" + was.cedar + ") && (" + other.cedar + ")", func(f release.Facts) bool { return was.holds(f) && other.holds(f) }}
		case 1:
			c = condition{"(" + was.cedar + ") || (" + other.cedar + ")", func(f release.Facts) bool { return was.holds(f) || other.holds(f) }}
		default:
			c = condition{"!(" + was.cedar + ")", func(f release.Facts) bool { return !was.holds(f) }}
		}
	}
	return c
}

func quote(s string) string { return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"` }

func facts(t *rapid.T) release.Facts {
	word := rapid.SampledFrom([]string{"incident", "malware", "south", "east", "protection", "civilian", "", `a"b\c`})
	number := rapid.Ptr(rapid.IntRange(-2, 6), true)
	return release.Facts{
		ID: "incident--1", Type: word.Draw(t, "type"), From: word.Draw(t, "from"), TLP: rapid.IntRange(0, 5).Draw(t, "tlp"),
		Labels: rapid.SliceOfN(word, 0, 3).Draw(t, "labels"), Class: word.Draw(t, "class"), Sensitive: rapid.Bool().Draw(t, "sensitive"),
		Killed: number.Draw(t, "killed"), AgeDays: number.Draw(t, "age"), Recipient: word.Draw(t, "to"), Rung: rapid.IntRange(0, 4).Draw(t, "rung"),
		Purpose: word.Draw(t, "purpose"), Now: day,
	}
}

// The policy answers as the same rules do in Go, and asked twice it answers
// the same from memory.
func TestPolicyAgreesWithAnOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type native struct {
			permit    bool
			ceiling   release.Outcome
			approvals int
			condition
		}
		var rules []native
		var text strings.Builder
		for i := range rapid.IntRange(1, 8).Draw(t, "rules") {
			r := native{permit: rapid.Bool().Draw(t, "permit"), ceiling: release.Outcome(rapid.IntRange(0, 3).Draw(t, "ceiling")), approvals: rapid.IntRange(0, 3).Draw(t, "approvals"), condition: conditions(t)}
			rules = append(rules, r)
			fmt.Fprintf(&text, "@id(\"%d\") @ceiling(%q) ", i, r.ceiling)
			if r.approvals > 0 {
				fmt.Fprintf(&text, "@approvals(\"%d\") ", r.approvals)
			}
			effect := map[bool]string{true: "permit", false: "forbid"}[r.permit]
			fmt.Fprintf(&text, "%s(principal, action, resource) when { %s };\n", effect, r.cedar)
		}
		p, err := release.ParsePolicy(map[string][]byte{"r.cedar": []byte(text.String())})
		if err != nil {
			// The validator may prove a condition impossible, never wrong here.
			t.Fatalf("%v\n%s", err, text.String())
		}
		f := facts(t)
		want, approvals, permitted := release.Full, 0, false
		for _, r := range rules {
			if r.holds(f) {
				want, approvals, permitted = min(want, r.ceiling), max(approvals, r.approvals), permitted || r.permit
			}
		}
		if !permitted {
			want = release.Withhold
		}
		for range 2 {
			rs, err := p.Limit(f)
			if err != nil {
				t.Fatal(err)
			}
			got, n := release.Full, 0
			for _, r := range rs {
				got, n = min(got, r.Outcome), max(n, r.Approvals)
			}
			if got != want || n != approvals {
				t.Fatalf("policy says %v with %d approvals, rules in Go say %v with %d\n%s%+v", got, n, want, approvals, text.String(), f)
			}
		}
	})
}

func FuzzParsePolicy(f *testing.F) {
	f.Add(houseRules)
	f.Add(`permit(principal, action, resource) when { resource.tlp < 3 };`)
	f.Add(`@ceiling("match-only") forbid(principal, action, resource) unless { resource.labels.contains("x") };`)
	facts := release.Facts{Type: "incident", Recipient: "south", TLP: 3, Now: day}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := release.ParsePolicy(map[string][]byte{"f.cedar": []byte(text)})
		if err != nil {
			return
		}
		reasons, err := p.Limit(facts)
		if err == nil && len(reasons) == 0 {
			t.Error("a policy that says nothing lets everything pass")
		}
	})
}

// rules50 is a policy of fifty rules of the kinds that parties write.
func rules50() string {
	var b strings.Builder
	b.WriteString("permit(principal, action, resource);\n")
	for i := range 49 {
		switch i % 4 {
		case 0:
			fmt.Fprintf(&b, "@ceiling(\"tearline\") forbid(principal == Party::\"p%d\", action, resource) when { resource.tlp >= 3 && resource.kind == \"bombing\" };\n", i)
		case 1:
			fmt.Fprintf(&b, "forbid(principal, action, resource) when { resource has killed && resource.killed > %d && resource.area == \"Area %d\" };\n", 50+i, i)
		case 2:
			fmt.Fprintf(&b, "@approvals(\"2\") permit(principal, action, resource) when { resource.labels.contains(\"label-%d\") };\n", i)
		case 3:
			fmt.Fprintf(&b, "forbid(principal, action, resource) when { context.purpose == \"purpose %d\" || (resource has age_days && resource.age_days > %d) };\n", i, 4000+i)
		}
	}
	return b.String()
}

// A decision of fifty rules on facts that have not been seen.
func BenchmarkPolicyUnseen(b *testing.B) {
	p := load(b, rules50())
	n := 0
	f := release.Facts{Type: "incident", Kind: "bombing", Area: "Nangarhar", Recipient: "south", TLP: 3, Now: day, Killed: &n}
	for i := 0; b.Loop(); i++ {
		n = i
		if _, err := p.Limit(f); err != nil {
			b.Fatal(err)
		}
	}
}

// asNode gives the benchmark a heap of 16 MB, less than a node holds. With the
// almost empty one of a test the collector runs hundreds of times a second, and
// is most of what is measured.
func asNode(b *testing.B) {
	held := make([]byte, 16<<20)
	b.Cleanup(func() { runtime.KeepAlive(held) })
}

// The whole decision, fifty rules included, on an object that passes whole.
func BenchmarkDecideFull(b *testing.B) {
	a, st := pact(b, func(x *accord.Terms) { x.Ceiling.PlaceKM, x.Ceiling.Time = 0, "exact" })
	in := input(a, st, report(func(r *incident.Incident) { r.Sources, r.Text = nil, "open" }))
	in.Policy = load(b, rules50())
	if d := release.Decide(in); d.Outcome != release.Full {
		b.Fatalf("%v: %+v", d.Outcome, d.Reasons)
	}
	asNode(b)
	for b.Loop() {
		release.Decide(in)
	}
}

// The same where the extract is made as well.
func BenchmarkDecideTearline(b *testing.B) {
	a, st := pact(b, nil)
	in := input(a, st, report(nil))
	in.Policy = load(b, rules50())
	if d := release.Decide(in); d.Outcome != release.Tearline {
		b.Fatalf("%v: %+v", d.Outcome, d.Reasons)
	}
	asNode(b)
	for b.Loop() {
		release.Decide(in)
	}
}
