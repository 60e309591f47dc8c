package accord_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley.example/parley/accord"
	"parley.example/parley/ledger"
)

// What one side did with a third member is not for the other's eyes, and must
// not change the account.
func TestAccountIsBlindToThirdMembers(t *testing.T) {
	at := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	event := func(party string, kind ledger.Kind, hours int, data any) ledger.Event {
		raw, err := json.Marshal(data)
		if err != nil {
			t.Fatal(err)
		}
		return ledger.Event{Accord: "a", Party: party, Kind: kind, At: at.Add(time.Duration(hours) * time.Hour), Data: raw}
	}
	both := []ledger.Event{
		event("north", ledger.AccordSuspended, 0, ledger.Reason{Reason: "x"}),
		event("north", ledger.Released, 1, ledger.Release{Object: "o", To: []string{"south"}}),
	}
	thirds := append(both[:2:2],
		event("north", ledger.Released, 30, ledger.Release{Object: "p", To: []string{"west"}}),
		event("north", ledger.Received, 31, ledger.Receipts{From: "west"}),
	)
	sizes := map[string]int64{"north": 4, "south": 0}
	north, err := accord.NewAccount("a", "north", "south", map[string][]ledger.Event{"north": thirds}, sizes)
	if err != nil {
		t.Fatal(err)
	}
	south, err := accord.NewAccount("a", "south", "north", map[string][]ledger.Event{"north": both}, sizes)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(north, south); d != "" {
		t.Errorf("north's account differs from south's:\n%s", d)
	}
	if !north.AsOf.Equal(at.Add(time.Hour)) {
		t.Errorf("as of %s", north.AsOf)
	}
}

// A proposal is for people to decide, says why, and never follows from volume.
func TestProposals(t *testing.T) {
	side := func(edit func(partner, us *accord.AccountSide)) accord.Account {
		a := accord.Account{Sides: []accord.AccountSide{{Party: "north"}, {Party: "south"}}}
		edit(&a.Sides[0], &a.Sides[1])
		return a
	}
	type edit = func(partner, us *accord.AccountSide)
	for _, x := range []struct {
		name    string
		edit    edit
		rung    accord.Rung
		move    string
		to      string
		reasons []string
	}{
		{"nothing judged, however much was released", func(p, _ *accord.AccountSide) { p.Released = 10_000 }, accord.Match, "", "", nil},
		{"too little judged", func(p, _ *accord.AccountSide) { p.Useful = 4 }, accord.Match, "", "", nil},
		{"useful", func(p, _ *accord.AccountSide) { p.Useful, p.Known = 3, 2 }, accord.Match, "raise", "tearline", []string{"3 of 5 releases judged were useful", "no request is overdue"}},
		{"useful, at the ceiling", func(p, _ *accord.AccountSide) { p.Useful = 9 }, accord.Full, "", "", nil},
		{"useful, one request overdue", func(p, _ *accord.AccountSide) { p.Useful, p.Overdue = 9, 1 }, accord.Match, "", "", nil},
		{"often wrong", func(p, _ *accord.AccountSide) { p.Useful, p.Wrong = 3, 2 }, accord.Tearline, "lower", "match", []string{"2 of 5 releases judged were wrong"}},
		{"overdue", func(p, _ *accord.AccountSide) { p.Useful, p.Overdue = 9, 2 }, accord.Tearline, "lower", "match", []string{"2 requests are overdue"}},
		{"withdrawals of ours that it did not honour", func(p, us *accord.AccountSide) { p.Honoured, us.Withdrawn = 1, 3 }, accord.Match, "lower", "contact", []string{"2 withdrawals are not honoured yet"}},
		{"nothing is below contact", func(p, _ *accord.AccountSide) { p.Overdue = 9 }, accord.Contact, "", "", nil},
	} {
		got := side(x.edit).Propose("north", x.rung, accord.Full)
		if x.move == "" {
			if got != nil {
				t.Errorf("%s: %+v", x.name, got)
			}
			continue
		}
		if d := cmp.Diff(&accord.Proposal{Move: x.move, Rung: x.to, Reasons: x.reasons}, got); d != "" {
			t.Errorf("%s:\n%s", x.name, d)
		}
	}
}
