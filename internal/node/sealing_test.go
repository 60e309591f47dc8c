package node_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"parley.example/parley/accord"
	"parley.example/parley/internal/node"
	"parley.example/parley/ledger"
)

// byStick stops both sides and opens them again without a line between them: nothing
// passes but by carry. The witness is reached as ever.
func byStick(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.northStop()
	w.southStop()
	w.north, w.northStop = w.still(w.north.Dir(), 0)
	w.south, w.southStop = w.still(w.south.Dir(), 0)
	return w
}

// still opens a node that serves nobody and calls nobody by itself, with its clock
// ahead.
func (w *world) still(dir string, ahead time.Duration, edit ...func(*node.Options)) (n *node.Node, stop func()) {
	w.t.Helper()
	opt := node.Options{Every: -1, Now: func() time.Time { return time.Now().Add(ahead) }}
	for _, f := range edit {
		f(&opt)
	}
	n, err := node.Open(w.t.Context(), dir, opt)
	if err != nil {
		w.t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		if err := n.Close(); err != nil {
			w.t.Error(err)
		}
	})
	w.t.Cleanup(stop)
	return n, stop
}

// both carries there and back, and there once more.
func (w *world) both() {
	w.t.Helper()
	for range 2 {
		w.carry(w.north, w.south)
		w.carry(w.south, w.north)
	}
	w.carry(w.north, w.south)
}

// sealFirst releases North's first report, receipt first.
func (w *world) sealFirst(ids []string) node.Release {
	w.t.Helper()
	rel, err := w.north.ReleaseObject(w.t.Context(), node.ReleaseAsk{Object: ids[0], Accord: w.accord, Purpose: "protection", ReceiptFirst: true})
	if err != nil || !rel.Released || !rel.Copies[0].Sealed {
		w.t.Fatalf("%s: %+v, %v", rel.Outcome, rel.Copies, err)
	}
	return rel
}

// another imports one more report at North.
func (w *world) another(day int) []string {
	w.t.Helper()
	csv := csvHeader + fmt.Sprintf("s%d,2026-03-%02d,,day,Report %d,seen,Torkham,Nangarhar,Momand Dara,Afghanistan,34.1230,71.0950,1,civilian,bombing,,0,2,4,5,Informant K (fictional),B,2,yes,TLP:AMBER,,,,\n", day, day, day)
	if got, err := w.north.ImportFile(w.t.Context(), strings.NewReader(csv), node.FormatCSV, nil); err != nil || got.Taken != 1 {
		w.t.Fatalf("%+v, %v", got, err)
	}
	ins, _, err := w.north.Incidents(w.t.Context(), node.IncidentFilter{Limit: 1}) // newest first
	if err != nil {
		w.t.Fatal(err)
	}
	return []string{ins[0].ID}
}

// only is the one item in a node's inbox, opened.
func only(t *testing.T, n *node.Node) node.Item {
	t.Helper()
	items, err := n.Inbox(t.Context(), 0)
	if err != nil || len(items) != 1 {
		t.Fatalf("inbox of %s: %+v, %v", n.Party(), items, err)
	}
	it, err := n.InboxItem(t.Context(), items[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	return it
}

// locked checks that South holds content that it cannot read, nowhere.
func (w *world) locked() {
	w.t.Helper()
	it := only(w.t.(*testing.T), w.south)
	if it.State != "sealed" || it.Object != nil {
		w.t.Errorf("south has it as %s: %s", it.State, it.Object)
	}
	if ins, _, err := w.south.Incidents(w.t.Context(), node.IncidentFilter{}); err != nil || len(ins) != 0 {
		w.t.Errorf("south's watch counts what it cannot read: %+v, %v", ins, err)
	}
}

func shown(t *testing.T, n *node.Node, accordID string) int {
	t.Helper()
	ev, err := n.EventData(t.Context(), accordID, "north", string(ledger.KeyShown))
	if err != nil {
		t.Fatal(err)
	}
	return len(ev)
}

// Ciphertext, acknowledgement, key: by stick, one after the other; and on the line in
// one go.
func TestReceiptFirst(t *testing.T) {
	w := byStick(t)
	ids := w.importReports()
	rel := w.sealFirst(ids)
	if rel.Copies[0].Arbiter != "guarantor" {
		t.Errorf("sealed with the arbiter %q, want the witness", rel.Copies[0].Arbiter)
	}
	w.carry(w.north, w.south)
	w.locked()
	if shown(t, w.north, w.accord) != 0 {
		t.Fatal("the key was shown before the receipt")
	}
	w.carry(w.north, w.south) // the same stick once more changes nothing
	w.carry(w.south, w.north)
	if shown(t, w.north, w.accord) != 1 {
		t.Fatal("the key was not shown for the receipt")
	}
	w.carry(w.south, w.north)
	w.carry(w.north, w.south)
	it := only(t, w.south)
	if it.State != "new" || string(it.Object) != string(rel.Tearline) || it.Problem != "" {
		t.Errorf("opened: %s %q\n%s\nwant\n%s", it.State, it.Problem, it.Object, rel.Tearline)
	}
	if ins, _, err := w.south.Incidents(t.Context(), node.IncidentFilter{}); err != nil || len(ins) != 1 {
		t.Errorf("south's incidents: %+v, %v", ins, err)
	}
	if shown(t, w.north, w.accord) != 1 {
		t.Error("the key was shown twice")
	}
	// A leaked copy is traced although it left locked.
	if tr, err := w.north.TraceCopy(t.Context(), strings.NewReader(string(it.Object))); err != nil || len(tr.Matches) == 0 || tr.Matches[0].To != "south" {
		t.Errorf("trace: %+v, %v", tr, err)
	}
	// Withdrawn, it goes as any other.
	if _, err := w.north.Withdraw(t.Context(), node.WithdrawAsk{Accord: w.accord, Object: rel.Copy, Reason: "exercise"}); err != nil {
		t.Fatal(err)
	}
	w.both()
	if it := only(t, w.south); it.State != "withdrawn" || it.Object != nil {
		t.Errorf("withdrawn: %+v", it)
	}

	w.northStop()
	w.southStop()
	w.north, _ = openStoppable(t, w.north.Dir())
	w.south, _ = openStoppable(t, w.south.Dir())
	rel = w.sealFirst(w.another(1))
	w.sync(w.north, "south")
	items, err := w.south.Inbox(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if i := slices.IndexFunc(items, func(it node.Item) bool { return it.ObjectID == rel.Copy }); i < 0 || items[i].State != "new" {
		t.Errorf("on the line: %+v", items)
	}
	for _, n := range []*node.Node{w.north, w.south} {
		if alarms, err := n.Alarms(t.Context()); err != nil || len(alarms) != 0 {
			t.Errorf("%s has alarms %+v, %v", n.Party(), alarms, err)
		}
		if au, err := n.Audit(t.Context()); err != nil || !au.OK {
			t.Errorf("audit by %s: %+v, %v", n.Party(), au, err)
		}
	}
}

// The key is content: a suspension stops it, and what was withdrawn is never shown.
func TestKeyWaitsWhileSuspended(t *testing.T) {
	w := byStick(t)
	rel := w.sealFirst(w.importReports())
	w.carry(w.north, w.south)
	if _, err := w.north.Suspend(t.Context(), w.accord, "exercise"); err != nil {
		t.Fatal(err)
	}
	w.carry(w.south, w.north)
	w.carry(w.north, w.south)
	if w.locked(); shown(t, w.north, w.accord) != 0 {
		t.Error("the key was shown while suspended")
	}
	if _, err := w.north.Resume(t.Context(), w.accord); err != nil {
		t.Fatal(err)
	}
	w.both()
	if it := only(t, w.south); string(it.Object) != string(rel.Tearline) {
		t.Errorf("after the resumption: %+v", it)
	}
}

func TestWithdrawnBeforeItsKey(t *testing.T) {
	w := byStick(t)
	rel := w.sealFirst(w.importReports())
	w.carry(w.north, w.south)
	if _, err := w.north.Withdraw(t.Context(), node.WithdrawAsk{Accord: w.accord, Object: rel.Copy, Reason: "exercise"}); err != nil {
		t.Fatal(err)
	}
	w.carry(w.south, w.north)
	w.both()
	if shown(t, w.north, w.accord) != 0 {
		t.Error("the key of what was withdrawn was shown")
	}
	if it := only(t, w.south); it.State != "withdrawn" {
		t.Errorf("at south: %+v", it)
	}
}

// The owner falls silent once it has the receipt: the arbiter shows the key for it, and
// gives the receipt to the owner, whose partner might be the silent one.
func TestArbiterSettlesASealedRelease(t *testing.T) {
	w := byStick(t)
	rel := w.sealFirst(w.importReports())
	w.carry(w.north, w.south)
	if err := w.south.SettleSealed(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.locked() // the owner has some minutes
	w.southStop()
	w.south, w.southStop = w.still(w.south.Dir(), time.Hour)
	if err := w.south.SettleSealed(t.Context()); err != nil {
		t.Fatal(err)
	}
	if it := only(t, w.south); string(it.Object) != string(rel.Tearline) {
		t.Fatalf("with the arbiter's help: %+v", it)
	}
	// North never heard of South, and asks the arbiter too.
	w.northStop()
	w.north, w.northStop = w.still(w.north.Dir(), time.Hour)
	if err := w.north.SettleSealed(t.Context()); err != nil {
		t.Fatal(err)
	}
	told, err := w.north.Notices(t.Context())
	if err != nil || len(told) != 1 || told[0].Party != "south" {
		t.Fatalf("north has no receipt: %+v, %v", told, err)
	}
	v, err := accord.VerifyReceipt([]byte(told[0].Evidence))
	if err != nil || v.Event.Kind != ledger.Received || v.Event.Party != "south" || !strings.Contains(string(v.Event.Data), rel.Digest) {
		t.Errorf("the receipt that the arbiter took: %+v, %v", v, err)
	}
	// When they meet again nothing is left to show.
	w.both()
	if shown(t, w.north, w.accord) != 0 {
		t.Error("the key was shown once more")
	}
	for _, n := range []*node.Node{w.north, w.south} { // nobody is accused: the line may have been down
		if alarms, err := n.Alarms(t.Context()); err != nil || len(alarms) != 0 {
			t.Errorf("%s has alarms: %+v, %v", n.Party(), alarms, err)
		}
	}
}

// The witness replaces its keys while locked content is on its way: it vouches for the
// sheet that its old key signed.
func TestSealOutlivesTheArbitersKey(t *testing.T) {
	w := byStick(t)
	rel := w.sealFirst(w.importReports())
	if _, err := w.guarantor.RotateKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	c := w.guarantor.OwnCard()
	if _, err := w.south.AddCard(t.Context(), []byte(c.Note), c.Fingerprint); err != nil {
		t.Fatal(err)
	}
	w.carry(w.north, w.south)
	if items, err := w.south.Inbox(t.Context(), 0); err != nil || len(items) != 0 {
		t.Fatalf("taken in before the witness vouched: %+v, %v", items, err)
	}
	w.both()
	w.both()
	if it := only(t, w.south); string(it.Object) != string(rel.Tearline) {
		t.Errorf("after the witness vouched: %+v", it)
	}
	if alarms, err := w.south.Alarms(t.Context()); err != nil || len(alarms) != 0 {
		t.Errorf("an honest partner is accused: %+v, %v", alarms, err)
	}
}

// Whoever has not acknowledged gets nothing from the arbiter, nor does a third.
func TestArbiterWantsTheReceipt(t *testing.T) {
	w := byStick(t)
	rel := w.sealFirst(w.importReports())
	w.carry(w.north, w.south)
	receipt := func(n *node.Node, log string, index int64) []byte {
		t.Helper()
		b, err := n.Receipt(t.Context(), log, index)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	released := receipt(w.south, rel.Event.Log, rel.Event.Index)
	log := ledger.Origin(w.accord, "south")
	signed, taken := receipt(w.south, log, 0), receipt(w.south, log, 1)
	for name, x := range map[string]struct {
		n               *node.Node
		released, taken []byte
		want            string
	}{
		"the release as its own acknowledgement": {w.south, released, released, "does not acknowledge"},
		"another act":                            {w.south, released, signed, "does not acknowledge"},
		"not a release":                          {w.south, taken, taken, "not of a sealed release"},
		"the owner asks":                         {w.north, released, taken, "not to who asks"},
		"no receipt":                             {w.south, released, []byte("parley-receipt/1\n"), "receipt"},
	} {
		if mask, err := node.AskForKey(t.Context(), x.n, w.accord, "guarantor", x.released, x.taken); err == nil || len(mask) > 0 || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: mask %x, %v; want %q", name, mask, err, x.want)
		}
	}
	if mask, err := node.AskForKey(t.Context(), w.south, w.accord, "guarantor", released, taken); err != nil || len(mask) != 32 {
		t.Errorf("with the receipt: %x, %v", mask, err)
	}
}

// Content locked with what the arbiter never made is not acknowledged.
func TestSealThatTheArbiterCannotOpen(t *testing.T) {
	w := byStick(t)
	if err := node.SpoilMasks(t.Context(), w.north, w.accord, "guarantor"); err != nil {
		t.Fatal(err)
	}
	w.sealFirst(w.importReports())
	w.carry(w.north, w.south)
	w.carry(w.south, w.north)
	if got, err := w.south.EventData(t.Context(), w.accord, "south", string(ledger.Received)); err != nil || len(got) != 0 {
		t.Errorf("acknowledged: %s, %v", got, err)
	}
	alarms, err := w.south.Alarms(t.Context())
	if err != nil || len(alarms) != 1 || !strings.Contains(alarms[0].Text, "not acknowledged") {
		t.Errorf("alarms %+v, %v", alarms, err)
	}
	if shown(t, w.north, w.accord) != 0 {
		t.Error("the key was shown without a receipt")
	}
}

// An arbiter that cannot be reached holds up nothing but what needs it.
func TestLostKeyHoldsUpNothingElse(t *testing.T) {
	w := byStick(t)
	w.sealFirst(w.importReports())
	if err := node.LoseSeals(t.Context(), w.north); err != nil {
		t.Fatal(err)
	}
	w.northStop()
	w.north, w.northStop = w.still(w.north.Dir(), 0, func(o *node.Options) { o.Line = &cutLine{down: map[string]bool{"guarantor": true}} })
	w.carry(w.north, w.south)
	w.carry(w.south, w.north) // fails the test where the task's failure fails the parcel
	if shown(t, w.north, w.accord) != 0 {
		t.Error("a key was shown that was lost")
	}
	w.northStop()
	w.north, w.northStop = w.still(w.north.Dir(), 0)
	w.both()
	if shown(t, w.north, w.accord) != 1 {
		t.Error("the arbiter was not asked again")
	}
}

// The owner's database is lost after the release left, with the key: the arbiter makes
// the mask again, and none serves twice.
func TestKeyComesBackWithTheArbiter(t *testing.T) {
	w := byStick(t)
	ids := w.importReports()
	if rel := w.sealFirst(w.another(1)); rel.Copies[0].Arbiter == "" { // the sheet is older than the backup
		t.Fatal("no arbiter")
	}
	w.both()
	w.northStop()
	backup := snapshot(t, w.north.Dir())
	w.north, w.northStop = w.still(w.north.Dir(), 0)
	rel := w.sealFirst(ids)
	w.carry(w.north, w.south)
	w.northStop()

	restoreDatabase(t, w.north.Dir(), backup)
	w.north, w.northStop = w.still(w.north.Dir(), 0)
	w.both()
	w.both()
	items, err := w.south.Inbox(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(items, func(it node.Item) bool { return it.ObjectID == rel.Copy })
	if i < 0 || items[i].State != "new" {
		t.Fatalf("after the restoration: %+v", items)
	}
	again := w.sealFirst(w.another(2))
	seals := make(map[string]bool)
	ev, err := w.north.EventData(t.Context(), w.accord, "north", string(ledger.Released))
	if err != nil {
		t.Fatal(err)
	}
	for _, raw := range ev {
		_, seal, ok := strings.Cut(string(raw), `"public":"`)
		if public, _, _ := strings.Cut(seal, `"`); !ok || seals[public] {
			t.Errorf("a mask serves twice: %s", raw)
		} else {
			seals[public] = true
		}
	}
	if len(seals) != 3 {
		t.Errorf("%d seals, want 3 (%+v)", len(seals), again.Copies)
	}
}

// Only an acknowledgement of that very content has the key shown: anything else would be
// no receipt.
func TestKeyIsForItsReceipt(t *testing.T) {
	w := byStick(t)
	rel := w.sealFirst(w.importReports())
	lie := ledger.Receipts{From: "north", Items: []ledger.Receive{{Index: rel.Event.Index, Digest: ledger.Digest{1}}}}
	if _, err := node.Act(t.Context(), w.south, w.accord, ledger.Received, lie); err != nil {
		t.Fatal(err)
	}
	w.carry(w.south, w.north)
	w.both()
	if shown(t, w.north, w.accord) != 0 {
		t.Error("the key was shown for a receipt of other content")
	}
}

// A third member that claims to hold what went to another gets no key, and does not keep
// the other from getting it.
func TestThirdMemberGetsNoKey(t *testing.T) {
	north, south, west := start(t, "north"), start(t, "south"), start(t, "west")
	introduce(t, north, south, west)
	d := draft("north", "south", "west")
	d.Witnesses = nil
	d.Ceiling.Rung, d.Start, d.Ceiling.PlaceKM, d.Ceiling.Time = accord.Full, accord.Full, 0, "exact"
	if err := north.SaveDraft(t.Context(), "d", d); err != nil {
		t.Fatal(err)
	}
	a, err := north.OfferAccord(t.Context(), "d")
	if err != nil {
		t.Fatal(err)
	}
	sync := func(a, b *node.Node, id string) {
		t.Helper()
		if err := a.Sync(t.Context(), id, b.Party()); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range []*node.Node{south, west} {
		sync(north, n, a.ID)
		if _, err := n.SignAccord(t.Context(), a.ID); err != nil {
			t.Fatal(err)
		}
		sync(n, north, a.ID)
	}
	sync(north, south, a.ID)
	sync(north, west, a.ID)
	csv := csvHeader + "o1,2026-02-03,,day,Shots at a post,Shots were heard.,Torkham,Nangarhar,Momand Dara,Afghanistan,34.1230,71.0950,1,civilian,armed-assault,,0,0,0,0,Police,B,2,no,TLP:GREEN,,,,\n"
	if got, err := north.ImportFile(t.Context(), strings.NewReader(csv), node.FormatCSV, nil); err != nil || got.Taken != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	ins, _, err := north.Incidents(t.Context(), node.IncidentFilter{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	// West has the object openly, so that its copy's id is that of South's.
	for _, ask := range []node.ReleaseAsk{{To: []string{"west"}}, {To: []string{"south"}, ReceiptFirst: true}} {
		ask.Object, ask.Accord, ask.Purpose = ins[0].ID, a.ID, "protection"
		rel, err := north.ReleaseObject(t.Context(), ask)
		if err != nil || !rel.Released || rel.Outcome.String() != "full" {
			t.Fatalf("%s %+v, %v", rel.Outcome, rel.Reasons, err)
		}
		if ask.ReceiptFirst {
			var digest ledger.Digest
			if err := digest.UnmarshalText([]byte(rel.Digest)); err != nil {
				t.Fatal(err)
			}
			if _, err := node.Act(t.Context(), west, a.ID, ledger.Received, ledger.Receipts{From: "north", Items: []ledger.Receive{{Index: rel.Event.Index, Digest: digest}}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	sync(west, north, a.ID)
	sync(north, south, a.ID)
	sync(south, north, a.ID)
	sync(north, south, a.ID)
	ev, err := north.EventData(t.Context(), a.ID, "north", string(ledger.KeyShown))
	if err != nil || len(ev) != 1 || !strings.Contains(string(ev[0]), `"to":"south"`) {
		t.Errorf("keys shown: %s, %v", ev, err)
	}
	if it := only(t, south); it.State != "new" || it.Object == nil {
		t.Errorf("south's item: %+v", it)
	}
}

// People are told of a key that does not come although its owner is heard.
func TestKeyKeptBackIsTold(t *testing.T) {
	w := byStick(t)
	w.sealFirst(w.importReports())
	w.carry(w.north, w.south)
	told := func(ahead time.Duration) bool {
		t.Helper()
		w.southStop()
		w.south, w.southStop = w.still(w.south.Dir(), ahead)
		w.carry(w.north, w.south) // it is heard, and has not taken our receipt in
		o, err := w.south.Overview(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(o.Waiting, func(x node.Waiting) bool { return strings.Contains(x.Title, "has not shown the key") })
	}
	if told(time.Hour) {
		t.Error("people are told after an hour")
	}
	if !told(25 * time.Hour) {
		t.Error("nobody is told after a day")
	}
}
