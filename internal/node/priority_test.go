package node_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"parley.example/parley/internal/link"
	"parley.example/parley/internal/node"
	"parley.example/parley/ledger"
)

// many imports n reports at a node and returns their ids.
func many(t *testing.T, n *node.Node, count int) (ids []string) {
	t.Helper()
	var csv strings.Builder
	csv.WriteString(csvHeader)
	for i := range count {
		fmt.Fprintf(&csv, "m%d,2026-02-03,,day,Report %d,\"seen.\n=== TEARLINE ===\nA device was found.\",Torkham,Nangarhar,Momand Dara,Afghanistan,34.1230,71.0950,1,civilian,bombing,,0,2,4,5,Informant K (fictional),B,2,yes,TLP:AMBER,,,,\n", i, i)
	}
	got, err := n.ImportFile(t.Context(), strings.NewReader(csv.String()), node.FormatCSV, nil)
	if err != nil || got.Taken != count {
		t.Fatalf("%+v, %v", got, err)
	}
	ins, _, err := n.Incidents(t.Context(), node.IncidentFilter{Limit: count})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range ins {
		ids = append(ids, x.ID)
	}
	return ids
}

func (w *world) releaseAs(object string, p ledger.Priority) {
	w.t.Helper()
	rel, err := w.north.ReleaseObject(w.t.Context(), node.ReleaseAsk{Object: object, Accord: w.accord, Purpose: "protection", Priority: p})
	if err != nil || !rel.Released {
		w.t.Fatalf("releasing %s as %s: %+v, %v", object, p, rel.Reasons, err)
	}
}

// carry takes a parcel file from one node to another.
func (w *world) carry(from, to *node.Node) node.Arrival {
	w.t.Helper()
	var file bytes.Buffer
	if err := from.ExportParcel(w.t.Context(), w.accord, to.Party(), &file); err != nil {
		w.t.Fatal(err)
	}
	a, err := to.ImportParcel(w.t.Context(), &file)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

func TestUrgentContentTravelsFirst(t *testing.T) {
	w := newWorld(t)
	w.southStop()
	ids := many(t, w.north, 6)
	for i, p := range []ledger.Priority{ledger.Routine, ledger.Urgent, ledger.Immediate, ledger.Routine, ledger.Flash, ledger.Urgent} {
		w.releaseAs(ids[i], p)
	}
	var restart node.Options
	restart.Every = -1
	south, err := node.Open(t.Context(), w.south.Dir(), restart)
	if err != nil {
		t.Fatal(err)
	}
	defer south.Close()
	arrival := w.carry(w.north, south)
	if arrival.Parcels < 3 || arrival.Bodies != 6 {
		t.Errorf("one stick carries %+v, want everything, in three parcels", arrival)
	}
	items, err := south.Inbox(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(items) // newest first as they come
	var order []string
	for _, it := range items {
		order = append(order, it.Priority.String())
	}
	if got := strings.Join(order, " "); got != "flash immediate priority priority routine routine" {
		t.Errorf("arrived as %s", got)
	}
	// The same again is known, and what comes back acknowledges all.
	if arrival := w.carry(w.north, south); arrival.News {
		t.Errorf("a stick that comes again is news: %+v", arrival)
	}
	w.carry(south, w.north)
	if arrival := w.carry(w.north, south); arrival.Bodies != 0 {
		t.Errorf("%d bodies travel again after they were acknowledged", arrival.Bodies)
	}
}

// handOver is a line that hands parcels to a node, through a function that may
// hold them up.
type handOver struct {
	to  *node.Node
	via func(ctx context.Context, p link.Parcel) error

	mu       sync.Mutex
	forgot   int // guarded by mu
	finished int // guarded by mu
}

func (h *handOver) Exchange(ctx context.Context, _, _ string, p link.Parcel) (link.Parcel, error) {
	if err := h.via(ctx, p); err != nil {
		return link.Parcel{}, err
	}
	return h.to.Receive(ctx, p.From, p)
}

func (h *handOver) Finish(context.Context, string, string, string) (link.Parcel, bool, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.finished++
	return link.Parcel{}, false, nil
}

func (h *handOver) Forget(string, string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.forgot++
}

// held is a world in which north's parcels with content go through via.
func heldWorld(t *testing.T, via func(ctx context.Context, p link.Parcel) error) (*world, *handOver) {
	w := newWorld(t)
	w.northStop()
	h := &handOver{to: w.south, via: via}
	w.north, w.northStop = openStoppable(t, w.north.Dir(), func(o *node.Options) { o.Line = h })
	return w, h
}

// A flash message does not wait behind routine content that is on the line.
func TestFlashOvertakesWhatIsOnTheLine(t *testing.T) {
	started := make(chan struct{}, 1)
	stuck := true
	var order []int
	w, _ := heldWorld(t, func(ctx context.Context, p link.Parcel) error {
		if len(p.Bodies) == 0 {
			return nil
		}
		if stuck {
			stuck = false
			started <- struct{}{}
			<-ctx.Done() // a slow line: routine content would take for ever
			return ctx.Err()
		}
		order = append(order, len(p.Bodies))
		return nil
	})
	ids := many(t, w.north, 4)
	for _, id := range ids[:3] {
		w.releaseAs(id, ledger.Routine)
	}
	done := make(chan error, 1)
	go func() { done <- w.north.Sync(t.Context(), w.accord, "south") }()
	<-started
	w.releaseAs(ids[3], ledger.Flash)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if len(order) < 2 || order[0] != 1 {
		t.Errorf("parcels of %v bodies arrived, want the flash one alone first", order)
	}
	items, err := w.south.Inbox(t.Context(), 0)
	if err != nil || len(items) != 4 {
		t.Errorf("%d of 4 arrived, %v", len(items), err)
	}
}

// What is on the line when a side suspends or withdraws does not arrive any more.
func TestWhatIsOnTheLineIsStopped(t *testing.T) {
	for name, stop := range map[string]func(w *world, id string) error{
		"suspended": func(w *world, _ string) error {
			_, err := w.north.Suspend(t.Context(), w.accord, "possible leak")
			return err
		},
		"withdrawn": func(w *world, id string) error {
			_, err := w.north.Withdraw(t.Context(), node.WithdrawAsk{Accord: w.accord, Object: id, Reason: "source at risk"})
			return err
		},
		"suspended by the other": func(w *world, _ string) error {
			_, err := w.south.Suspend(t.Context(), w.accord, "our turn")
			if err == nil {
				err = w.south.Sync(t.Context(), w.accord, "north")
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			started, stopped := make(chan struct{}, 10), make(chan struct{}, 10)
			w, h := heldWorld(t, func(ctx context.Context, p link.Parcel) error {
				if len(p.Bodies) == 0 {
					return nil
				}
				started <- struct{}{}
				<-ctx.Done()
				stopped <- struct{}{}
				return ctx.Err()
			})
			ids := many(t, w.north, 1)
			w.releaseAs(ids[0], ledger.Routine)
			done := make(chan error, 1)
			go func() { done <- w.north.Sync(t.Context(), w.accord, "south") }()
			<-started
			if err := stop(w, ids[0]); err != nil {
				t.Fatal(err)
			}
			if name != "suspended by the other" {
				select {
				case <-stopped:
				default:
					t.Error("the call returned while content was still on its way")
				}
			}
			if err := <-done; err != nil && !strings.Contains(err.Error(), "stopped") {
				t.Error(err)
			}
			h.mu.Lock()
			if h.forgot == 0 {
				t.Error("what was cut off could still be finished")
			}
			h.mu.Unlock()
			if items, _ := w.south.Inbox(t.Context(), 0); len(items) > 0 && items[0].State != "withdrawn" {
				t.Errorf("it arrived: %+v", items[0])
			}
		})
	}
}

func TestUrgentRequestsComeFirst(t *testing.T) {
	w := newWorld(t)
	ids := w.importReports()
	for _, p := range []ledger.Priority{ledger.Routine, ledger.Flash, ledger.Urgent} {
		if _, err := w.south.MakeRequest(t.Context(), node.RequestAsk{Accord: w.accord, Case: "C-" + p.String(), Purpose: "protection", Object: ids[0], Priority: p}); err != nil {
			t.Fatal(err)
		}
	}
	w.sync(w.south, "north")
	reqs, err := w.north.Requests(t.Context())
	if err != nil || len(reqs) != 3 {
		t.Fatalf("%d requests, %v", len(reqs), err)
	}
	for i, want := range []ledger.Priority{ledger.Flash, ledger.Urgent, ledger.Routine} {
		if reqs[i].Priority != want {
			t.Errorf("request %d is %s, want %s", i, reqs[i].Priority, want)
		}
	}
	if _, _, err := w.north.AnswerRequest(t.Context(), reqs[0].ID, node.RequestAnswer{Release: true}); err != nil {
		t.Fatal(err)
	}
	w.sync(w.north, "south")
	items, err := w.south.Inbox(t.Context(), 0)
	if err != nil || len(items) != 1 || items[0].Priority != ledger.Flash {
		t.Errorf("the answer to a flash request came as %+v, %v", items, err)
	}
}
