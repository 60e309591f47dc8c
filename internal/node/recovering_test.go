package node_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"parley.example/parley/accord"
	"parley.example/parley/internal/node"
	"parley.example/parley/stix"
)

// restored is a world in which North went on after a backup of its folder and
// exchanged with South: a release of each side and a suspension that came and
// went. North is stopped.
func restored(t *testing.T) (w *world, backup string, rel node.Release) {
	t.Helper()
	w = newWorld(t)
	ids := w.importReports()
	got, err := w.south.ImportFile(t.Context(), strings.NewReader(reports), "", nil)
	if err != nil || got.Taken != 2 {
		t.Fatal(got, err)
	}
	w.northStop()
	backup = snapshot(t, w.north.Dir())
	w.north, w.northStop = openStoppable(t, w.north.Dir())
	rel, err = w.north.ReleaseObject(t.Context(), node.ReleaseAsk{Object: ids[0], Accord: w.accord, Purpose: "protection"})
	if err != nil || !rel.Released {
		t.Fatalf("%+v, %v", rel, err)
	}
	theirs, err := w.south.ReleaseObject(t.Context(), node.ReleaseAsk{Object: w.first(w.south), Accord: w.accord, Purpose: "protection"})
	if err != nil || !theirs.Released {
		t.Fatalf("%+v, %v", theirs, err)
	}
	if _, err := w.north.Suspend(t.Context(), w.accord, "exercise"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.north.Resume(t.Context(), w.accord); err != nil {
		t.Fatal(err)
	}
	w.sync(w.north, "south")
	w.sync(w.south, "north")
	if items, err := w.north.Inbox(t.Context(), 0); err != nil || len(items) != 1 {
		t.Fatalf("north's inbox before the loss: %d, %v", len(items), err)
	}
	w.northStop()
	return w, backup, rel
}

func objectID(t testing.TB, raw []byte) string {
	t.Helper()
	o, err := stix.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return o.ID
}

func (w *world) first(n *node.Node) string {
	w.t.Helper()
	ins, _, err := n.Incidents(w.t.Context(), node.IncidentFilter{})
	if err != nil {
		w.t.Fatal(err)
	}
	i := slices.IndexFunc(ins, func(x node.Incident) bool { return x.Title == "Device found at Torkham bazaar" })
	return ins[i].ID
}

// whole checks that North is what it was and that nobody is accused.
func (w *world) whole(rel node.Release) {
	t := w.t
	t.Helper()
	// It acts on, and South follows.
	if _, err := w.north.SetRung(t.Context(), w.accord, "south", accord.Match); err != nil {
		t.Fatalf("after the recovery: %v", err)
	}
	w.sync(w.north, "south")
	for _, n := range []*node.Node{w.north, w.south} {
		if alarms, err := n.Alarms(t.Context()); err != nil || len(alarms) != 0 {
			t.Errorf("%s has alarms %+v, %v", n.Party(), alarms, err)
		}
		if au, err := n.Audit(t.Context()); err != nil || !au.OK {
			t.Errorf("audit by %s: %+v, %v", n.Party(), au, err)
		}
	}
	a, err := w.north.Tree(t.Context(), w.accord, "north", -1)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := w.south.Tree(t.Context(), w.accord, "north", -1); err != nil || a != b {
		t.Errorf("north has %d entries, south holds %d, %v", a.N, b.N, err)
	}
	// What it released it can take back, as it knows again of what it was.
	back, err := w.north.Withdraw(t.Context(), node.WithdrawAsk{Accord: w.accord, Object: objectID(t, rel.Original), Reason: "exercise"})
	if err != nil || len(back.Copies) != 1 || back.Copies[0].Copy != rel.Copy {
		t.Errorf("withdrawing what was released after the backup: %+v, %v", back, err)
	}
	// It can prove it again too, and what it was given is back.
	file, err := w.north.Receipt(t.Context(), rel.Event.Log, rel.Event.Index)
	if err != nil {
		t.Fatalf("receipt of what was released after the backup: %v", err)
	}
	if _, err := accord.VerifyReceipt(file); err != nil {
		t.Error(err)
	}
	items, err := w.north.Inbox(t.Context(), 0)
	if err != nil || len(items) != 1 {
		t.Fatalf("north's inbox: %+v, %v", items, err)
	}
	if full, err := w.north.InboxItem(t.Context(), items[0].ID); err != nil || len(full.Object) == 0 {
		t.Errorf("content released to north did not come back: %v", err)
	}
}

// quiet opens a node that speaks to nobody but when told to.
func quiet(t *testing.T, dir string, edit ...func(*node.Options)) *node.Node {
	t.Helper()
	n, _ := quietStoppable(t, dir, edit...)
	return n
}

func quietStoppable(t *testing.T, dir string, edit ...func(*node.Options)) (n *node.Node, stop func()) {
	t.Helper()
	opt := node.Options{Every: -1}
	for _, f := range edit {
		f(&opt)
	}
	n, err := node.Open(t.Context(), dir, opt)
	if err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return n, stop
}

// A node whose database is older than what it signed does nothing under the
// accord until its partner gave its own log back; then it goes on where it was.
func TestRestoredNodeRecoversFromItsPartner(t *testing.T) {
	w, backup, rel := restored(t)
	restoreDatabase(t, w.north.Dir(), backup)
	w.north = quiet(t, w.north.Dir())
	if _, err := w.north.Suspend(t.Context(), w.accord, "another act in the same place"); !errors.Is(err, node.ErrRestored) {
		t.Fatalf("a restored node acts: %v, want ErrRestored", err)
	}
	if _, err := w.north.Receipt(t.Context(), "parley/"+w.accord+"/north", 0); !errors.Is(err, node.ErrRestored) {
		t.Errorf("a restored node signs: %v, want ErrRestored", err)
	}
	rs, err := w.north.Recoveries(t.Context())
	if err != nil || len(rs) != 1 || !rs[0].Lost || rs[0].Signed <= rs[0].Size {
		t.Errorf("before: %+v, %v", rs, err)
	}
	w.sync(w.north, "south")
	rs, err = w.north.Recoveries(t.Context())
	if err != nil || len(rs) != 1 || rs[0].Lost || rs[0].Size != rs[0].Signed || rs[0].Size == rs[0].From || len(rs[0].Sealed) != 0 || len(rs[0].Waiting) != 0 {
		t.Errorf("after: %+v, %v", rs, err)
	}
	w.whole(rel)
}

// It recovers as well when the partner calls first.
func TestRestoredNodeRecoversWhenCalled(t *testing.T) {
	w, backup, rel := restored(t)
	restoreDatabase(t, w.north.Dir(), backup)
	// North reaches nobody by itself, so that South's call is what helps it.
	m := &metered{nodes: map[string]*node.Node{"south": w.south, "guarantor": w.guarantor}, down: true}
	w.north, w.northStop = openStoppable(t, w.north.Dir(), func(o *node.Options) { o.Line = m })
	w.sync(w.south, "north")
	m.up()
	w.whole(rel)
}

// Restored on another machine, where the guard is not either: how much was
// signed is not known, so a person says when to go on, and not before every
// member gave its copy.
func TestRestoredWithoutGuardWaitsForAPerson(t *testing.T) {
	w, backup, rel := restored(t)
	restoreDatabase(t, w.north.Dir(), backup)
	if err := os.RemoveAll(filepath.Join(w.north.Dir(), "guard")); err != nil {
		t.Fatal(err)
	}
	w.north = quiet(t, w.north.Dir())
	if _, err := w.north.Suspend(t.Context(), w.accord, "r"); !errors.Is(err, node.ErrRestored) {
		t.Fatalf("acts: %v, want ErrRestored", err)
	}
	if _, err := w.north.SignOn(t.Context(), w.accord); !errors.Is(err, node.ErrState) {
		t.Errorf("signs on before anybody gave its copy: %v", err)
	}
	w.sync(w.north, "south")
	if _, err := w.north.Suspend(t.Context(), w.accord, "r"); !errors.Is(err, node.ErrRestored) {
		t.Errorf("acts before a person said so: %v", err)
	}
	if _, err := w.north.SignOn(t.Context(), w.accord); err != nil {
		t.Fatal(err)
	}
	w.sync(w.north, "south")
	w.whole(rel)
}

// The whole machine was put back, guard and all: the partner's copy, under our
// own signature, tells.
func TestMachinePutBackIsToldByThePartner(t *testing.T) {
	w, backup, rel := restored(t)
	dir := filepath.Join(t.TempDir(), "north")
	if err := os.CopyFS(dir, os.DirFS(backup)); err != nil {
		t.Fatal(err)
	}
	w.north = quiet(t, dir)
	_ = w.north.Sync(t.Context(), w.accord, "south") // this one tells
	if _, err := w.north.Suspend(t.Context(), w.accord, "r"); !errors.Is(err, node.ErrRestored) {
		t.Fatalf("acts after it was told: %v, want ErrRestored", err)
	}
	w.sync(w.north, "south")
	if _, err := w.north.SignOn(t.Context(), w.accord); err != nil {
		t.Fatal(err)
	}
	w.sync(w.north, "south")
	w.whole(rel)
}

// What was opened to one member alone comes back sealed from the other.
func TestRecoveryOpensWhatEachMemberKnows(t *testing.T) {
	w := &world{t: t, south: start(t, "south"), guarantor: start(t, "guarantor")}
	dir := initNode(t, "north")
	w.north, w.northStop = openStoppable(t, dir)
	west := start(t, "west")
	introduce(t, w.north, w.south, west, w.guarantor)
	if err := w.north.SaveDraft(t.Context(), "d", draft("north", "south", "west")); err != nil {
		t.Fatal(err)
	}
	a, err := w.north.OfferAccord(t.Context(), "d")
	if err != nil {
		t.Fatal(err)
	}
	w.accord = a.ID
	w.sync(w.north, "south", "west")
	for _, n := range []*node.Node{w.south, west} {
		if _, err := n.SignAccord(t.Context(), a.ID); err != nil {
			t.Fatal(err)
		}
		w.sync(n, "north")
	}
	ids := w.importReports()
	w.northStop()
	backup := snapshot(t, dir)
	w.north, w.northStop = openStoppable(t, dir)
	rel, err := w.north.ReleaseObject(t.Context(), node.ReleaseAsk{Object: ids[0], Accord: w.accord, Purpose: "protection", To: []string{"west"}})
	if err != nil || !rel.Released {
		t.Fatal(rel, err)
	}
	w.sync(w.north, "west", "south")
	w.northStop()
	restoreDatabase(t, dir, backup)
	w.north = quiet(t, dir)
	w.sync(w.north, "south")
	rs, err := w.north.Recoveries(t.Context())
	if err != nil || len(rs) != 1 || rs[0].Lost || !slices.Contains(rs[0].Sealed, rel.Event.Index) || !slices.Equal(rs[0].Waiting, []string{"west"}) {
		t.Fatalf("from south alone: %+v, %v", rs, err)
	}
	w.sync(w.north, "west")
	rs, err = w.north.Recoveries(t.Context())
	if err != nil || len(rs[0].Sealed) != 0 || len(rs[0].Waiting) != 0 {
		t.Fatalf("from west too: %+v, %v", rs, err)
	}
	if _, err := w.north.Receipt(t.Context(), rel.Event.Log, rel.Event.Index); err != nil {
		t.Error(err)
	}
}

// Both members lost what they did since their backups. Each gives the other what
// it holds, so that people can say that no more will come, and both go on.
func TestTwoRestoredNodesComeBackTogether(t *testing.T) {
	w := newWorld(t)
	w.northStop()
	w.southStop()
	north, south := snapshot(t, w.north.Dir()), snapshot(t, w.south.Dir())
	w.north, w.northStop = openStoppable(t, w.north.Dir())
	w.south, w.southStop = openStoppable(t, w.south.Dir())
	for _, n := range []*node.Node{w.north, w.south} {
		if _, err := n.Suspend(t.Context(), w.accord, "exercise"); err != nil {
			t.Fatal(err)
		}
	}
	w.sync(w.north, "south")
	w.sync(w.south, "north")
	w.northStop()
	w.southStop()
	restoreDatabase(t, w.north.Dir(), north)
	restoreDatabase(t, w.south.Dir(), south)
	m := &metered{down: true}
	w.south, w.southStop = openStoppable(t, w.south.Dir(), func(o *node.Options) { o.Line = m })
	w.north = quiet(t, w.north.Dir())
	for range 2 {
		w.sync(w.north, "south")
	}
	for _, n := range []*node.Node{w.north, w.south} {
		if _, err := n.Suspend(t.Context(), w.accord, "too early"); !errors.Is(err, node.ErrRestored) {
			t.Errorf("%s acts before a person said that it may: %v", n.Party(), err)
		}
		if _, err := n.SignOn(t.Context(), w.accord); err != nil {
			t.Errorf("%s: %v", n.Party(), err)
		}
		if _, err := n.Suspend(t.Context(), w.accord, "again"); err != nil {
			t.Errorf("%s: %v", n.Party(), err)
		}
	}
	w.sync(w.north, "south")
	for _, owner := range []string{"north", "south"} {
		a, err := w.north.Tree(t.Context(), w.accord, owner, -1)
		b, berr := w.south.Tree(t.Context(), w.accord, owner, -1)
		if err != nil || berr != nil || a != b {
			t.Errorf("the log of %s has %d entries at north, %d at south, %v, %v", owner, a.N, b.N, err, berr)
		}
	}
}

// A node that does not know of an accord any more must not replace its keys: the
// new card would disown what it signed under it.
func TestRestoredNodeKeepsItsKeys(t *testing.T) {
	w := newWorld(t)
	w.northStop()
	before := snapshot(t, w.north.Dir())
	w.north, w.northStop = openStoppable(t, w.north.Dir())
	first := w.accord
	w.agreeOn(draft("north", "south"))
	w.northStop()
	restoreDatabase(t, w.north.Dir(), before)
	w.north = quiet(t, w.north.Dir())
	if _, err := w.north.RotateKey(t.Context()); !errors.Is(err, node.ErrRestored) {
		t.Fatalf("rotating: %v, want ErrRestored", err)
	}
	if err := carry(t, w.south, w.north, w.accord); err != nil {
		t.Fatal(err)
	}
	w.sync(w.north, "south")
	w.accord = first
	w.sync(w.north, "south")
	if _, err := w.north.RotateKey(t.Context()); err != nil {
		t.Errorf("rotating once all logs are back: %v", err)
	}
	w.sync(w.north, "south")
	if alarms, err := w.south.Alarms(t.Context()); err != nil || len(alarms) != 0 {
		t.Errorf("south is told %+v, %v", alarms, err)
	}
}

// What a restored node answered, asked and honoured after its backup is known
// again, and not done twice.
func TestRestoredNodeKnowsWhatItDid(t *testing.T) {
	w := newWorld(t)
	ids := w.importReports()
	w.receiveFirst(ids)
	ask := node.RequestAsk{Accord: w.accord, Case: "C-1", Purpose: "protection", Object: "incident--00000000-0000-4000-8000-000000000001"}
	before, err := w.south.MakeRequest(t.Context(), ask)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := w.south.ImportFile(t.Context(), strings.NewReader(reports), "", nil)
	if err != nil || theirs.Taken != 2 {
		t.Fatal(theirs, err)
	}
	object := w.first(w.south)
	if rel, err := w.south.ReleaseObject(t.Context(), node.ReleaseAsk{Object: object, Accord: w.accord, Purpose: "protection"}); err != nil || !rel.Released {
		t.Fatal(rel, err)
	}
	w.sync(w.south, "north")
	w.northStop()
	backup := snapshot(t, w.north.Dir())
	w.north, w.northStop = openStoppable(t, w.north.Dir())
	after, err := w.south.MakeRequest(t.Context(), ask)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.south.Withdraw(t.Context(), node.WithdrawAsk{Accord: w.accord, Object: object, Reason: "exercise"}); err != nil {
		t.Fatal(err)
	}
	w.sync(w.south, "north")
	for _, id := range []string{before.ID, after.ID} {
		if _, _, err := w.north.AnswerRequest(t.Context(), id, node.RequestAnswer{}); err != nil {
			t.Fatal(err)
		}
	}
	own, err := w.north.MakeRequest(t.Context(), ask)
	if err != nil {
		t.Fatal(err)
	}
	w.sync(w.north, "south")
	w.sync(w.south, "north")
	account := func() string {
		t.Helper()
		v, err := w.south.Account(t.Context(), w.accord, "north")
		if err != nil {
			t.Fatal(err)
		}
		v.Account.AsOf = time.Time{}
		v.Account.Logs = nil
		b, err := json.Marshal(v.Account)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	want := account()
	w.northStop()
	restoreDatabase(t, w.north.Dir(), backup)
	w.north = quiet(t, w.north.Dir())
	for range 2 {
		w.sync(w.north, "south")
	}
	state := make(map[string]string)
	all, err := w.north.Requests(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		state[r.ID] = r.Direction + " " + r.State
	}
	if state[before.ID] != "in declined" || state[after.ID] != "in declined" || state[own.ID] != "out open" {
		t.Errorf("requests: %v", state)
	}
	if got := account(); got != want {
		t.Errorf("the account changed from\n%s\nto\n%s", want, got)
	}
}

// A card that reached nobody before the database was lost is found beside the keys
// that it names: without it nothing that they sign would verify.
func TestRestoredDatabaseKeepsTheNewestCard(t *testing.T) {
	dir := initNode(t, "north")
	n, stop := quietStoppable(t, dir)
	stop()
	backup := snapshot(t, dir)
	n, stop = quietStoppable(t, dir)
	card, err := n.RotateKey(t.Context())
	if err != nil || card.Sequence != 2 {
		t.Fatalf("%+v, %v", card, err)
	}
	stop()
	restoreDatabase(t, dir, backup)
	if got := quiet(t, dir).OwnCard(); got.Note != card.Note {
		t.Errorf("after the restore our card is number %d, want the one that names the keys, %d", got.Sequence, card.Sequence)
	}
}

// A copy of the database that a killed backup left is gone when the node starts.
func TestCopiesThatNobodyWantsAreRemoved(t *testing.T) {
	dir := initNode(t, "north")
	n, stop := quietStoppable(t, dir)
	left, err := n.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	stop()
	if _, err := os.Stat(left); err != nil {
		t.Fatalf("the copy: %v", err)
	}
	quiet(t, dir)
	if _, err := os.Stat(filepath.Dir(left)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after a start the copy is still there: %v", err)
	}
}
