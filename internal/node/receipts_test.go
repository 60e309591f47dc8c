package node_test

import (
	"slices"
	"testing"
	"time"

	"parley.example/parley/accord"
	"parley.example/parley/internal/node"
	"parley.example/parley/ledger"
)

// Every kind of act has its receipt, with the partner's cosignature and the
// witness's, from either side.
func TestReceiptOfEveryKind(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Second)
	session := make([]byte, 32)
	data := map[ledger.Kind]any{
		ledger.AccordOffered: ledger.Offer{Title: "t"}, ledger.AccordSigned: ledger.Offer{Title: "t"},
		ledger.AccordSuspended: ledger.Reason{Reason: "r"}, ledger.AccordResumed: ledger.Reason{}, ledger.AccordEnded: ledger.Reason{Reason: "r"},
		ledger.RungOffered: ledger.Rung{From: "north", To: "south", Rung: "full"}, ledger.RungAccepted: ledger.Rung{From: "south", To: "north", Rung: "match", Offer: 1},
		ledger.RungLowered: ledger.Rung{From: "north", To: "south", Rung: "match"},
		ledger.Released:    ledger.Release{Object: "incident--a", Type: "incident", To: []string{"south"}, Purpose: "protection", Marking: "TLP:GREEN", Expires: now},
		ledger.Corrected:   ledger.Release{Object: "incident--a", Type: "incident", To: []string{"south"}, Purpose: "protection", Marking: "TLP:GREEN", Expires: now},
		ledger.Received:    ledger.Receipts{From: "south", Items: []ledger.Receive{{Index: 99}}},
		ledger.Withdrawn:   ledger.Withdrawal{From: "west", Object: "incident--a", Reason: "r"}, ledger.Honoured: ledger.Withdrawal{From: "south", Object: "incident--b"},
		ledger.Judged:          ledger.Judgement{Of: "south", Object: "incident--b", Use: "useful"},
		ledger.MatchPublished:  ledger.MatchKey{Selector: "phone", Normaliser: "1", Epoch: 1, PublicKey: []byte("k")},
		ledger.MatchAsked:      ledger.MatchQuestion{To: "west", Selector: "phone", Epoch: 1, Case: "C", Count: 1},
		ledger.MatchAnswered:   ledger.MatchAnswer{To: "west", Selector: "phone", Count: 1, Case: "C", Refused: "quota"},
		ledger.RequestMade:     ledger.Request{ID: "q", To: "west", Case: "C", Purpose: "protection", Due: now},
		ledger.RequestAnswered: ledger.RequestReply{ID: "q", To: "west", Outcome: "declined"},
		ledger.KeyReplaced:     ledger.Rekey{Sequence: 2},
		ledger.KeyShown:        ledger.ShownKey{To: "west", Index: 0},

		ledger.DeconflictOpened: ledger.DeconflictOpening{To: "west", Session: session}, ledger.DeconflictJoined: ledger.DeconflictJoin{To: "west", Session: session, Refused: "quota"},
		ledger.DeconflictSealed: ledger.DeconflictSeal{To: "west", Session: session}, ledger.DeconflictShown: ledger.DeconflictShow{To: "west", Session: session},
		ledger.Deconflicted:        ledger.DeconflictEnd{With: "west", Session: session, Outcome: "clear"},
		ledger.OverlapAcknowledged: ledger.OverlapAct{To: "west", Session: session}, ledger.OverlapResolved: ledger.OverlapAct{To: "west", Session: session, How: "joint"},
		ledger.JointAct: ledger.Joint{To: []string{"west"}, Operation: "operation-0123456789ab", Leaves: 1},
	}
	w := newWorld(t)
	index := make(map[ledger.Kind]int64)
	// The end last, so that nothing depends on the state.
	kinds := slices.Clone(ledger.Kinds)
	slices.SortStableFunc(kinds, func(a, b ledger.Kind) int {
		last := func(k ledger.Kind) int { return map[bool]int{true: 1}[k == ledger.AccordEnded] }
		return last(a) - last(b)
	})
	for _, k := range kinds {
		d, ok := data[k]
		if !ok {
			t.Fatalf("no example of %s: add one", k)
		}
		i, err := node.Act(t.Context(), w.north, w.accord, k, d)
		if err != nil {
			t.Fatalf("%s: %v", k, err)
		}
		index[k] = i
	}
	w.sync(w.north, "south", "guarantor")
	w.sync(w.north, "south")
	log := ledger.Origin(w.accord, "north")
	for _, k := range kinds {
		for _, n := range []*node.Node{w.north, w.south} {
			file, err := n.Receipt(t.Context(), log, index[k])
			if err != nil {
				t.Errorf("%s, by %s: %v", k, n.Party(), err)
				continue
			}
			v, err := accord.VerifyReceipt(file)
			if err != nil || v.Event.Kind != k || v.Index != index[k] || !slices.Equal(v.Members, []string{"south"}) || !slices.Equal(v.Witnesses, []string{"guarantor"}) {
				t.Errorf("%s, by %s: kind %s, members %v, witnesses %v, %v", k, n.Party(), v.Event.Kind, v.Members, v.Witnesses, err)
			}
		}
	}
}
