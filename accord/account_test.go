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
