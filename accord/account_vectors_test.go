package accord_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"parley.example/parley/accord"
	"parley.example/parley/ledger"
)

// updateAccount rewrites the vector: go test ./accord -run AccountVectors -args -update-account
var updateAccount = flag.Bool("update-account", false, "rewrite testdata/protocol/account.json")

type accountVector struct {
	Comment string                       `json:"comment"`
	Accord  string                       `json:"accord"`
	Members [2]string                    `json:"members"`
	Logs    map[string][]json.RawMessage `json:"logs"`  // the events that both members see, in order
	Sizes   map[string]int64             `json:"sizes"` // of the whole logs
	// Account is what both compute, Bytes exactly how it is written.
	Account json.RawMessage `json:"account"`
	Bytes   string          `json:"bytes"`
}

func makeAccountVector(t *testing.T) accountVector {
	t.Helper()
	at := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	v := accountVector{
		Comment: "Two logs and the account that both members compute. See docs/protocol.md, Account.",
		Accord:  "a", Members: [2]string{"north", "south"}, Logs: map[string][]json.RawMessage{}, Sizes: map[string]int64{"north": 14, "south": 16},
	}
	add := func(party string, kind ledger.Kind, hours float64, data any) {
		raw, err := json.Marshal(data)
		if err != nil {
			t.Fatal(err)
		}
		b, err := ledger.Event{Accord: "a", Party: party, Kind: kind, At: at.Add(time.Duration(hours * float64(time.Hour))), Data: raw}.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		v.Logs[party] = append(v.Logs[party], b)
	}
	to := func(p string) []string { return []string{p} }
	add("north", ledger.AccordSigned, 0, ledger.Offer{Title: "t"})
	add("north", ledger.Released, 1, ledger.Release{Object: "incident--1", Type: "incident", To: to("south")})
	add("north", ledger.Released, 2, ledger.Release{Object: "incident--2", Type: "incident", To: to("south"), Priority: ledger.Flash})
	add("north", ledger.Corrected, 3, ledger.Release{Object: "incident--1", Type: "incident", To: to("south")})
	add("north", ledger.Withdrawn, 4, ledger.Withdrawal{From: "south", Object: "incident--2"})
	add("north", ledger.AccordSuspended, 5, ledger.Reason{Reason: "pause"})
	add("north", ledger.AccordSuspended, 6, ledger.Reason{Reason: "again"})
	add("north", ledger.AccordResumed, 41, ledger.Reason{})
	add("north", ledger.MatchAnswered, 42, ledger.MatchAnswer{To: "south", Asked: 3, Selector: "phone", Count: 12})
	add("north", ledger.MatchAnswered, 43, ledger.MatchAnswer{To: "south", Asked: 4, Selector: "phone", Refused: "quota"})
	add("north", ledger.RequestAnswered, 44, ledger.RequestReply{ID: "r1", To: "south", Outcome: "released"})
	add("north", ledger.RequestAnswered, 45, ledger.RequestReply{ID: "r2", To: "south", Outcome: "declined"})
	add("north", ledger.RequestAnswered, 46, ledger.RequestReply{ID: "r2", To: "south", Outcome: "released"})

	add("south", ledger.AccordSigned, 0, ledger.Offer{Title: "t"})
	add("south", ledger.Received, 1.5, ledger.Receipts{From: "north"})
	add("south", ledger.Judged, 2.5, ledger.Judgement{Of: "north", Object: "incident--1", Use: "useful"})
	add("south", ledger.MatchAsked, 3, ledger.MatchQuestion{To: "north", Selector: "phone", Count: 12})
	add("south", ledger.MatchAsked, 3.5, ledger.MatchQuestion{To: "north", Selector: "phone", Count: 30})
	add("south", ledger.Honoured, 4.5, ledger.Withdrawal{From: "north", Object: "incident--2"})
	add("south", ledger.Judged, 4.75, ledger.Judgement{Of: "north", Object: "incident--2", Use: "late"})
	add("south", ledger.RequestMade, 5, ledger.Request{ID: "r1", To: "north", Value: "+93701234567", Due: at.Add(200 * time.Hour)})
	add("south", ledger.RequestMade, 6, ledger.Request{ID: "r2", To: "north", Object: "incident--3", Due: at.Add(200 * time.Hour)})
	add("south", ledger.RequestMade, 7, ledger.Request{ID: "r3", To: "north", Object: "incident--4", Due: at.Add(30 * time.Hour)})
	add("south", ledger.Judged, 50, ledger.Judgement{Of: "north", Object: "incident--1", Use: "wrong"})
	add("south", ledger.AccordSuspended, 60, ledger.Reason{Reason: "our turn"})
	add("south", ledger.RungLowered, 66.123456, ledger.Rung{From: "south", To: "north", Rung: "match"})
	return v
}

// The example that an independent implementation is tested with holds here.
func TestAccountVectors(t *testing.T) {
	file := filepath.Join("..", "testdata", "protocol", "account.json")
	compute := func(v accountVector, a, b string) []byte {
		t.Helper()
		logs := make(map[string][]ledger.Event)
		for party, events := range v.Logs {
			for _, raw := range events {
				e, err := ledger.ParseEvent(raw)
				if err != nil {
					t.Fatal(err)
				}
				logs[party] = append(logs[party], e)
			}
		}
		acc, err := accord.NewAccount(v.Accord, a, b, logs, v.Sizes)
		if err != nil {
			t.Fatal(err)
		}
		out, err := json.Marshal(acc)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if *updateAccount {
		v := makeAccountVector(t)
		v.Account = compute(v, v.Members[0], v.Members[1])
		v.Bytes = string(v.Account)
		b, err := json.MarshalIndent(v, "", " ")
		if err == nil {
			err = os.WriteFile(file, append(b, '\n'), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var v accountVector
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	// Indenting the file put spaces into the events; they are read, not hashed.
	for _, pair := range [][2]string{{v.Members[0], v.Members[1]}, {v.Members[1], v.Members[0]}} {
		if got := compute(v, pair[0], pair[1]); string(got) != v.Bytes {
			t.Errorf("%v compute\n%s\nwant\n%s", pair, got, v.Bytes)
		}
	}
}
