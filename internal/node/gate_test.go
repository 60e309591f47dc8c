package node_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley.example/parley/accord"
	"parley.example/parley/internal/node"
	"parley.example/parley/release"
	"parley.example/parley/stix"
)

var (
	officer   = node.User{Name: "Officer A", Role: node.Officer}
	approverB = node.User{Name: "Approver B", Role: node.Approver}
	approverC = node.User{Name: "Approver C", Role: node.Approver}
)

// setPolicy writes the node's own policy.
func setPolicy(t *testing.T, n *node.Node, text string) {
	t.Helper()
	dir := filepath.Join(n.Dir(), "policy")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "own.cedar"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (w *world) ask(object string) node.ReleaseAsk {
	return node.ReleaseAsk{Object: object, Accord: w.accord, Purpose: "protection", By: officer}
}

func TestOwnPolicyTakesEffectAtOnceAndFailsClosed(t *testing.T) {
	w := newWorld(t)
	ids := w.importReports()
	ask := w.ask(ids[0])
	ask.DryRun = true
	for _, step := range []struct {
		policy string
		want   release.Outcome
		rule   string
	}{
		{`permit(principal, action, resource);`, release.Tearline, "own.cedar:1"},
		{`@id("no-bombings") forbid(principal, action, resource) when { resource.kind == "bombing" }; permit(principal, action, resource);`, release.Withhold, "no-bombings"},
		{`permit(principal, action, resource) when { resource.kind == "kidnapping" };`, release.Withhold, "local-policy"},
		{`permit(principal, action, resource`, release.Withhold, "local-policy"},
		{`@id("all") permit(principal, action, resource);`, release.Tearline, "all"},
	} {
		setPolicy(t, w.north, step.policy)
		got, err := w.north.ReleaseObject(t.Context(), ask)
		if err != nil {
			t.Fatal(err)
		}
		if got.Outcome != step.want || !strings.Contains(fmt.Sprint(got.Reasons), step.rule) {
			t.Errorf("%s: %v, want %v by %s: %+v", step.policy, got.Outcome, step.want, step.rule, got.Reasons)
		}
	}
}

const twoMore = `@approvals("2") @reason("reports need two more people") permit(principal, action, resource);`

func TestReleaseWaitsForOthers(t *testing.T) {
	w := newWorld(t)
	ids := w.importReports()
	setPolicy(t, w.north, twoMore)
	rel, err := w.north.ReleaseObject(t.Context(), w.ask(ids[0]))
	if err != nil || rel.Released || rel.Pending == "" || rel.Approvals != 2 {
		t.Fatalf("release: %+v, %v", rel, err)
	}
	again, err := w.north.ReleaseObject(t.Context(), w.ask(ids[0]))
	if err != nil || again.Pending != rel.Pending {
		t.Errorf("asked twice: %q and %q, %v", rel.Pending, again.Pending, err)
	}
	approve := func(u node.User) (node.PendingRelease, error) {
		return w.north.ApproveRelease(t.Context(), rel.Pending, u)
	}
	for who, u := range map[string]node.User{
		"the asker": officer, "the asker in another role": {Name: " officer a", Role: node.Approver},
		"an analyst": {Name: "D", Role: node.Analyst}, "nobody": {Role: node.Approver},
	} {
		if _, err := approve(u); !errors.Is(err, node.ErrState) && !errors.Is(err, node.ErrInvalid) {
			t.Errorf("%s approved: %v", who, err)
		}
	}
	if p, err := approve(approverB); err != nil || p.State != "waiting" || len(p.Approvals) != 1 {
		t.Fatalf("first approval: %+v, %v", p, err)
	}
	if _, err := approve(approverB); !errors.Is(err, node.ErrState) {
		t.Errorf("the same person twice: %v", err)
	}
	p, err := approve(approverC)
	if err != nil || p.State != "released" || p.Release == nil || !p.Release.Released {
		t.Fatalf("second approval: %+v, %v", p, err)
	}
	if _, err := approve(node.User{Name: "E", Role: node.Operator}); !errors.Is(err, node.ErrState) {
		t.Errorf("approved after it left: %v", err)
	}
	w.sync(w.north, "south")
	items, err := w.south.Inbox(t.Context(), 0)
	if err != nil || len(items) != 1 || items[0].ObjectID != p.Release.Copy {
		t.Errorf("south's inbox: %+v, %v", items, err)
	}
}

// The gate decides again at the moment of the release.
func TestApprovedReleaseIsDecidedAgain(t *testing.T) {
	for name, c := range map[string]struct {
		meanwhile func(*testing.T, *world)
		reason    string
	}{
		"suspended": {func(t *testing.T, w *world) {
			if _, err := w.north.Suspend(t.Context(), w.accord, "leak"); err != nil {
				t.Fatal(err)
			}
		}, "suspended"},
		"rung lowered": {func(t *testing.T, w *world) {
			if _, err := w.north.SetRung(t.Context(), w.accord, "south", accord.Match); err != nil {
				t.Fatal(err)
			}
		}, "withholds"},
		"policy changed": {func(t *testing.T, w *world) {
			setPolicy(t, w.north, twoMore+`forbid(principal, action, resource);`)
		}, "withholds"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			ids := w.importReports()
			setPolicy(t, w.north, twoMore)
			rel, err := w.north.ReleaseObject(t.Context(), w.ask(ids[0]))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.north.ApproveRelease(t.Context(), rel.Pending, approverB); err != nil {
				t.Fatal(err)
			}
			c.meanwhile(t, w)
			list, err := w.north.PendingReleases(t.Context())
			if err != nil || len(list) != 1 || list[0].State != "stale" || !strings.Contains(list[0].Reason, c.reason) {
				t.Errorf("shown: %+v, %v", list, err)
			}
			p, err := w.north.ApproveRelease(t.Context(), rel.Pending, approverC)
			if err != nil || p.State != "stale" || p.Release != nil || !strings.Contains(p.Reason, c.reason) {
				t.Errorf("approved: %+v, %v", p, err)
			}
		})
	}
}

func TestPendingReleaseGrowsStaleAndCanBeRejected(t *testing.T) {
	w := newWorld(t)
	ids := w.importReports()
	setPolicy(t, w.north, twoMore)
	a, err := w.north.ReleaseObject(t.Context(), w.ask(ids[0]))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.north.RejectRelease(t.Context(), a.Pending, approverB, ""); !errors.Is(err, node.ErrInvalid) {
		t.Errorf("rejected without a reason: %v", err)
	}
	p, err := w.north.RejectRelease(t.Context(), a.Pending, approverB, "too early")
	if err != nil || p.State != "rejected" || !strings.Contains(p.Reason, "too early") {
		t.Errorf("rejected: %+v, %v", p, err)
	}
	b, err := w.north.ReleaseObject(t.Context(), w.ask(ids[0]))
	if err != nil || b.Pending == a.Pending {
		t.Fatalf("asked again: %+v, %v", b, err)
	}
	w.northClock.Add(int64(15 * 24 * time.Hour))
	p, err = w.north.ApproveRelease(t.Context(), b.Pending, approverB)
	if err != nil || p.State != "stale" || !strings.Contains(p.Reason, "14 days") {
		t.Errorf("after 15 days: %+v, %v", p, err)
	}
}

// trio is three members with an accord of everything between them.
func trio(t *testing.T, edit func(*node.Draft)) (north, south, east *node.Node, accordID string) {
	t.Helper()
	north, south, east = start(t, "north"), start(t, "south"), start(t, "east")
	introduce(t, north, south, east)
	d := draft("north", "south", "east")
	d.Witnesses = nil
	d.ObjectTypes = []string{"incident", "malware", "relationship", "note"}
	if edit != nil {
		edit(&d)
	}
	if err := north.SaveDraft(t.Context(), "d", d); err != nil {
		t.Fatal(err)
	}
	a, err := north.OfferAccord(t.Context(), "d")
	if err != nil {
		t.Fatal(err)
	}
	each := func(from *node.Node, to ...string) {
		for _, p := range to {
			if err := from.Sync(t.Context(), a.ID, p); err != nil {
				t.Fatal(err)
			}
		}
	}
	each(north, "south", "east")
	for _, n := range []*node.Node{south, east} {
		if _, err := n.SignAccord(t.Context(), a.ID); err != nil {
			t.Fatal(err)
		}
		each(n, "north")
	}
	each(north, "south", "east")
	each(south, "east")
	if got, _ := south.ShowAccord(t.Context(), a.ID); got.State != accord.InForce {
		t.Fatalf("south sees %q", got.State)
	}
	return north, south, east, a.ID
}

func importText(t *testing.T, n *node.Node, text string) {
	t.Helper()
	got, err := n.ImportFile(t.Context(), strings.NewReader(text), "", nil)
	if err != nil || len(got.Refused) > 0 {
		t.Fatalf("import: %+v, %v", got, err)
	}
}

// Each recipient has a copy of its own, and a leaked one is traced to it, also
// when its ids are gone.
func TestEachRecipientsCopyIsTraced(t *testing.T) {
	north, south, east, id := trio(t, nil)
	importText(t, north, reports)
	ins, _, err := north.Incidents(t.Context(), node.IncidentFilter{})
	if err != nil {
		t.Fatal(err)
	}
	var object string
	for _, x := range ins {
		if strings.HasPrefix(x.Title, "Device found") {
			object = x.ID
		}
	}
	rel, err := north.ReleaseObject(t.Context(), node.ReleaseAsk{Object: object, Accord: id, Purpose: "protection", By: officer})
	if err != nil || !rel.Released || len(rel.Copies) != 2 || rel.Copies[0].Copy == rel.Copies[1].Copy {
		t.Fatalf("release: %+v, %v", rel, err)
	}
	for _, n := range []*node.Node{south, east} {
		if err := north.Sync(t.Context(), id, n.Party()); err != nil {
			t.Fatal(err)
		}
		items, err := n.Inbox(t.Context(), 0)
		if err != nil || len(items) != 1 {
			t.Fatalf("inbox of %s: %+v, %v", n.Party(), items, err)
		}
		it, err := n.InboxItem(t.Context(), items[0].ID)
		if err != nil {
			t.Fatal(err)
		}
		var props map[string]any
		if err := json.Unmarshal(it.Object, &props); err != nil {
			t.Fatal(err)
		}
		trace := func(name string, text []byte, sure string) {
			t.Helper()
			got, err := north.TraceCopy(t.Context(), strings.NewReader(string(text)))
			if err != nil || !got.OK || len(got.Matches) == 0 || got.Matches[0].To != n.Party() || got.Matches[0].Object != object {
				t.Errorf("%s's copy, %s: %+v, %v", n.Party(), name, got, err)
			} else if sure != "" && got.Sure != sure {
				t.Errorf("%s's copy, %s: %s, want %s", n.Party(), name, got.Sure, sure)
			}
		}
		trace("as it came", it.Object, "certain")
		pretty, _ := json.MarshalIndent(props, "", "  ")
		trace("written anew", pretty, "certain")
		delete(props, "id")
		delete(props["extensions"].(map[string]any)[stix.IncidentExtension].(map[string]any), "source_id")
		bare, _ := json.Marshal(props)
		trace("without ids", bare, "")
	}
	got, err := north.TraceCopy(t.Context(), strings.NewReader("a text that was never ours, 12.5 km"))
	if err != nil || got.OK || got.Sure != "none" {
		t.Errorf("a foreign text: %+v, %v", got, err)
	}
}

const malwareID = "malware--00000000-0000-4000-8000-000000000001"

func malwareBundle(t *testing.T, to ...string) string {
	t.Helper()
	refs := []string{stix.Amber.MarkingRef()}
	objects := []any{}
	if len(to) > 0 {
		id, raw, err := stix.Releasability{To: to, Listed: true}.Marking()
		if err != nil {
			t.Fatal(err)
		}
		refs, objects = append(refs, id), append(objects, json.RawMessage(raw))
	}
	objects = append(objects, map[string]any{
		"type": "malware", "spec_version": "2.1", "id": malwareID, "created": "2026-01-01T00:00:00.000Z", "modified": "2026-01-01T00:00:00.000Z",
		"name": "Lantern", "is_family": false, "object_marking_refs": refs,
	})
	b, err := json.Marshal(map[string]any{"type": "bundle", "id": "bundle--5d0092c5-5f74-4287-9642-33f4c354e56d", "objects": objects})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// What is releasable to south alone goes to south alone; and what south got it
// passes on only when north agreed, and no longer once that is taken back.
func TestReleasabilityAndConsent(t *testing.T) {
	north, south, _, id := trio(t, func(d *node.Draft) { d.Onward = "ask" })
	importText(t, north, malwareBundle(t, "north", "south"))
	ask := node.ReleaseAsk{Object: malwareID, Accord: id, Purpose: "protection", By: officer}
	if rel, err := north.ReleaseObject(t.Context(), ask); err != nil || rel.Outcome != release.Withhold {
		t.Fatalf("to all: %v, %v; want withhold", rel.Outcome, err)
	}
	ask.To = []string{"south"}
	rel, err := north.ReleaseObject(t.Context(), ask)
	if err != nil || !rel.Released {
		t.Fatalf("to south: %+v, %v", rel, err)
	}
	if err := north.Sync(t.Context(), id, "south"); err != nil {
		t.Fatal(err)
	}
	// The copy is marked for south alone, which south's gate does not know how
	// to read until it holds that marking; then it asks for consent.
	_, marking, err := stix.Releasability{To: []string{"north", "south"}, Listed: true}.Marking()
	if err != nil {
		t.Fatal(err)
	}
	importText(t, south, string(marking))
	on := node.ReleaseAsk{Object: rel.Copy, Accord: id, To: []string{"east"}, Purpose: "protection", DryRun: true}
	dry, err := south.ReleaseObject(t.Context(), on)
	if err != nil || dry.Outcome != release.Withhold || !strings.Contains(fmt.Sprint(dry.Reasons), "not releasable to east") || !strings.Contains(fmt.Sprint(dry.Reasons), "has not agreed") {
		t.Errorf("passed on: %v, %v: %+v", dry.Outcome, err, dry.Reasons)
	}

	// Without a list, consent alone decides.
	other := strings.ReplaceAll(malwareBundle(t), malwareID, "malware--00000000-0000-4000-8000-000000000002")
	importText(t, north, other)
	ask.Object = "malware--00000000-0000-4000-8000-000000000002"
	if rel, err = north.ReleaseObject(t.Context(), ask); err != nil || !rel.Released {
		t.Fatalf("the other to south: %+v, %v", rel, err)
	}
	on.Object = rel.Copy
	for _, c := range []struct {
		to   []string
		want release.Outcome
	}{{nil, release.Withhold}, {[]string{"east"}, release.Tearline}, {[]string{}, release.Withhold}} {
		if c.to != nil {
			if _, err := north.AgreeOnward(t.Context(), node.OnwardAsk{Accord: id, Party: "south", Copy: rel.Copy, To: c.to}); err != nil {
				t.Fatal(err)
			}
		}
		if err := north.Sync(t.Context(), id, "south"); err != nil {
			t.Fatal(err)
		}
		if dry, err := south.ReleaseObject(t.Context(), on); err != nil || dry.Outcome != c.want {
			t.Errorf("north agreed to %v: %v, %v, want %v: %+v", c.to, dry.Outcome, err, c.want, dry.Reasons)
		}
	}
	if _, err := north.AgreeOnward(t.Context(), node.OnwardAsk{Accord: id, Party: "south", Copy: malwareID, To: []string{"east"}}); !errors.Is(err, node.ErrNotFound) {
		t.Errorf("agreed to what never left: %v", err)
	}
}

func TestReleaseManyAccountsForEveryObject(t *testing.T) {
	w := newWorld(t)
	ids := w.importReports()
	asked := append([]string{"incident--00000000-0000-4000-8000-00000000abcd"}, ids...)
	ask := node.ReleaseManyAsk{Objects: asked, Accord: w.accord, Purpose: "protection", By: officer}
	trial := ask
	trial.DryRun = true
	if got, err := w.north.ReleaseMany(t.Context(), trial); err != nil || got.Released != 1 || got.Withheld != 2 {
		t.Errorf("dry run: %+v, %v", got, err)
	}
	if sent, err := w.north.Dispatches(t.Context(), "", 0); err != nil || len(sent) != 0 {
		t.Errorf("a dry run let something leave: %+v, %v", sent, err)
	}
	setPolicy(t, w.north, twoMore)
	if got, err := w.north.ReleaseMany(t.Context(), trial); err != nil || got.Pending != 1 || got.Results[1].Approvals != 2 {
		t.Errorf("dry run under a policy that wants two more: %+v, %v", got, err)
	}
	if waits, err := w.north.PendingReleases(t.Context()); err != nil || len(waits) != 0 {
		t.Errorf("a dry run waits: %+v, %v", waits, err)
	}
	setPolicy(t, w.north, `permit(principal, action, resource);`)
	got, err := w.north.ReleaseMany(t.Context(), ask)
	if err != nil || got.Released != 1 || got.Withheld != 2 || len(got.Results) != 3 {
		t.Fatalf("%+v, %v", got, err)
	}
	for i, r := range got.Results {
		if r.Object != asked[i] || (len(r.Copies) == 0) == (r.Reason == "") {
			t.Errorf("result %d: %+v", i, r)
		}
	}
	w.sync(w.north, "south")
	if items, err := w.south.Inbox(t.Context(), 0); err != nil || len(items) != 1 {
		t.Errorf("south's inbox: %+v, %v", items, err)
	}
	if audit, err := w.north.Audit(t.Context()); err != nil || !audit.OK {
		t.Errorf("audit: %+v, %v", audit, err)
	}
}

func TestPolicyTrialTellsWhatWouldChange(t *testing.T) {
	w := newWorld(t)
	ids := w.importReports()
	try := func(text string) (changes []node.PolicyChange, tally node.PolicyTally) {
		t.Helper()
		tally, err := w.north.TryPolicy(t.Context(), node.PolicyTrial{Files: map[string]string{"new.cedar": text}}, func(c node.PolicyChange) error {
			changes = append(changes, c)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return changes, tally
	}
	changes, tally := try(`permit(principal, action, resource); @reason("no bombings") forbid(principal, action, resource) when { resource.kind == "bombing" };`)
	if len(changes) != 1 || changes[0].Object != ids[0] || changes[0].Was != release.Tearline || changes[0].Is != release.Withhold || !strings.Contains(changes[0].Reason, "no bombings") || tally.Less != 1 || tally.Same != 1 || tally.Objects != 2 {
		t.Errorf("%+v\n%+v", changes, tally)
	}
	changes, tally = try(twoMore)
	if len(changes) != 1 || changes[0].ApprovalsAre != 2 || tally.Approvals != 1 {
		t.Errorf("%+v\n%+v", changes, tally)
	}
	if _, err := w.north.TryPolicy(t.Context(), node.PolicyTrial{Files: map[string]string{"x.cedar": "permit("}}, nil); !errors.Is(err, node.ErrInvalid) {
		t.Errorf("a policy that does not read: %v", err)
	}
}

// A request whose answer waits for approval stays open until it is approved.
func TestAnswerWaitsForApproval(t *testing.T) {
	for _, approve := range []bool{true, false} {
		w := newWorld(t)
		ids := w.importReports()
		setPolicy(t, w.north, `@approvals("1") permit(principal, action, resource);`)
		req, err := w.south.MakeRequest(t.Context(), node.RequestAsk{Accord: w.accord, Case: "C-1", Purpose: "protection", Object: ids[0]})
		if err != nil {
			t.Fatal(err)
		}
		w.sync(w.south, "north")
		v, rel, err := w.north.AnswerRequest(t.Context(), req.ID, node.RequestAnswer{Release: true, By: officer})
		if err != nil || v.State != "open" || rel == nil || rel.Pending == "" {
			t.Fatalf("answer: %+v, %+v, %v", v, rel, err)
		}
		want := "answered"
		if approve {
			_, err = w.north.ApproveRelease(t.Context(), rel.Pending, approverB)
		} else {
			want = "declined"
			_, err = w.north.RejectRelease(t.Context(), rel.Pending, approverB, "no")
		}
		if err != nil {
			t.Fatal(err)
		}
		w.sync(w.north, "south")
		all, err := w.south.Requests(t.Context())
		if err != nil || len(all) != 1 || all[0].State != want {
			t.Errorf("south sees %+v, %v; want %s", all, err, want)
		}
	}
}

// What was approved is one version of an object.
func TestChangedObjectMakesItsReleaseStale(t *testing.T) {
	north, _, _, id := trio(t, nil)
	importText(t, north, malwareBundle(t))
	setPolicy(t, north, twoMore)
	rel, err := north.ReleaseObject(t.Context(), node.ReleaseAsk{Object: malwareID, Accord: id, To: []string{"south"}, Purpose: "protection", By: officer})
	if err != nil || rel.Pending == "" {
		t.Fatalf("%+v, %v", rel, err)
	}
	importText(t, north, strings.Replace(malwareBundle(t), `"modified":"2026-01-01T00:00:00.000Z"`, `"modified":"2026-01-02T00:00:00.000Z"`, 1))
	p, err := north.ApproveRelease(t.Context(), rel.Pending, approverB)
	if err != nil || p.State != "stale" || !strings.Contains(p.Reason, "changed") {
		t.Errorf("%+v, %v", p, err)
	}
}

// A partner cannot lay down what our own markings mean by sending us their
// definition.
func TestPartnersDefinitionsOfMarkingsAreNotBelieved(t *testing.T) {
	north, south, _, id := trio(t, func(d *node.Draft) {
		d.ObjectTypes = append(d.ObjectTypes, "marking-definition")
		d.Ceiling.Rung, d.Start = accord.Full, accord.Full
	})
	const marking = "marking-definition--11111111-1111-4111-8111-111111111111"
	definition := `{"type":"marking-definition","spec_version":"2.1","id":"` + marking + `","created":"2026-01-01T00:00:00.000Z","definition_type":"statement","definition":{"statement":"free for all"},"object_marking_refs":["` + stix.Clear.MarkingRef() + `"]}`
	importText(t, north, definition)
	rel, err := north.ReleaseObject(t.Context(), node.ReleaseAsk{Object: marking, Accord: id, To: []string{"south"}, Purpose: "protection", By: officer})
	if err != nil || !rel.Released {
		t.Fatalf("%+v, %v", rel, err)
	}
	if err := north.Sync(t.Context(), id, "south"); err != nil {
		t.Fatal(err)
	}
	importText(t, south, strings.Replace(malwareBundle(t), `"object_marking_refs":[`, `"object_marking_refs":["`+marking+`",`, 1))
	ask := node.ReleaseAsk{Object: malwareID, Accord: id, To: []string{"east"}, Purpose: "protection", DryRun: true}
	if dry, err := south.ReleaseObject(t.Context(), ask); err != nil || dry.Outcome != release.Withhold {
		t.Errorf("by north's definition: %v, %v: %+v", dry.Outcome, err, dry.Reasons)
	}
	// The same marking where it is our own restricts nothing.
	importText(t, north, strings.Replace(malwareBundle(t), `"object_marking_refs":[`, `"object_marking_refs":["`+marking+`",`, 1))
	if dry, err := north.ReleaseObject(t.Context(), ask); err != nil || dry.Outcome != release.Full {
		t.Errorf("by our own definition: %v, %v: %+v", dry.Outcome, err, dry.Reasons)
	}
}
