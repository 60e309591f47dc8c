package node

import (
	"bytes"
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"parley.example/parley/incident"
	"parley.example/parley/internal/store"
)

func report(id, source, place string, day int, lat, lon float64, killed int) incident.Incident {
	at := time.Date(2025, 3, day, 0, 0, 0, 0, time.UTC)
	return incident.Incident{
		ID: incident.ID(source, id), Start: at, End: at, Title: place, Place: place, Admin1: place, Lat: lat, Lon: lon, Placed: true,
		Kind: incident.Bombing, Classes: []incident.Class{incident.Civilian}, DatePrecision: incident.Day, Source: source, SourceID: id,
		Killed: incident.Range{Best: &killed},
	}
}

// changed links what changed since it was compared last, as the node does by
// itself, and returns how many pairs of reports that weighed.
func changed(t *testing.T, n *Node) int {
	t.Helper()
	run, err := n.fuse(t.Context(), func(_ listPair, changed bool) bool { return changed })
	if err != nil {
		t.Fatal(err)
	}
	return run.Compared
}

func held[T any](t *testing.T, n *Node, list func(store.Tx) ([]T, error)) (out []T) {
	t.Helper()
	err := n.view(t.Context(), func(tx store.Tx) (err error) {
		out, err = list(tx)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func links(tx store.Tx) ([]ReportLink, error) { return listDocs[ReportLink](tx, docLink) }

func incidents(tx store.Tx) ([]store.Incident, error) { return tx.ListIncidents(store.IncidentQuery{}) }

// Only lists that changed are compared, and what is linked follows from what is
// held, not from when it came; no report is touched.
func TestLinkingAsReportsArrive(t *testing.T) {
	police := []incident.Incident{report("p1", "police", "Ghazni", 3, 33.55, 68.42, 14), report("p2", "police", "Herat", 20, 34.35, 62.2, 11)}
	press := []incident.Incident{report("q1", "press", "Ghazni", 3, 33.55, 68.43, 14), report("q2", "press", "Kunduz", 11, 36.73, 68.86, 9)}
	theirs := []incident.Incident{report("s1", "south", "Herat", 20, 34.35, 62.2, 11), report("s2", "south", "Kunduz", 11, 36.73, 68.86, 9)}
	n, clock := lone(t)
	file(t, n, "", police...)
	if got := changed(t, n); got != 0 {
		t.Errorf("one list: %d pairs weighed", got)
	}
	file(t, n, "", press...)
	if got := changed(t, n); got != 4 {
		t.Errorf("two lists: %d pairs weighed, want 4", got)
	}
	before := held(t, n, links)
	if len(before) != 1 || before[0].State != LinkProposed {
		t.Fatalf("links %+v", before)
	}
	*clock = clock.Add(time.Hour)
	if got := changed(t, n); got != 0 {
		t.Errorf("nothing new: %d pairs weighed", got)
	}
	if _, err := n.Fuse(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, held(t, n, links)); diff != "" {
		t.Errorf("links change without cause:\n%s", diff)
	}
	if _, err := n.JudgeLink(t.Context(), LinkAsk{Left: before[0].Left, Right: before[0].Right, Verdict: LinkConfirm}); err != nil {
		t.Fatal(err)
	}
	rows := held(t, n, incidents)
	file(t, n, "south", theirs...)
	if got := changed(t, n); got != 8 {
		t.Errorf("a third list: %d pairs weighed, want 8", got)
	}
	all := held(t, n, links)
	if len(all) != 3 {
		t.Fatalf("%d links, want 3", len(all))
	}
	for _, r := range rows {
		for _, now := range held(t, n, incidents) {
			if now.ID == r.ID && !bytes.Equal(now.Doc, r.Doc) {
				t.Errorf("linking changed report %s", r.ID)
			}
		}
	}

	other, _ := lone(t) // the same reports, in another order
	for _, list := range [][]incident.Incident{theirs[1:], police[:1]} {
		from := ""
		if list[0].Source == "south" {
			from = "south"
		}
		file(t, other, from, list...)
		changed(t, other)
	}
	file(t, other, "", append(press, police[1])...)
	file(t, other, "south", theirs[0])
	changed(t, other)
	if _, err := other.JudgeLink(t.Context(), LinkAsk{Left: before[0].Left, Right: before[0].Right, Verdict: LinkConfirm}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(all, held(t, other, links), cmpopts.IgnoreFields(ReportLink{}, "At"), cmpopts.IgnoreFields(LinkAct{}, "At")); diff != "" {
		t.Errorf("links depend on the order of arrival:\n%s", diff)
	}

	// What goes takes its proposals with it; what a person said of others stays.
	err := n.update(t.Context(), func(tx store.Tx) error {
		for _, r := range theirs {
			if err := tx.DeleteIncident(r.ID); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	changed(t, n)
	if got := held(t, n, links); len(got) != 1 || got[0].State != LinkConfirmed {
		t.Errorf("after a withdrawal: %+v", got)
	}
}

// hearing passes on the messages of a log.
type hearing chan string

func (hearing) Enabled(context.Context, slog.Level) bool { return true }

func (c hearing) Handle(_ context.Context, r slog.Record) error {
	select {
	case c <- r.Message:
	default:
	}
	return nil
}

func (c hearing) WithAttrs([]slog.Attr) slog.Handler { return c }
func (c hearing) WithGroup(string) slog.Handler      { return c }

// A running node links what arrives without being asked.
func TestANodeLinksByItself(t *testing.T) {
	dir := t.TempDir()
	if _, err := Init(dir, Config{Party: "north", Name: "North", Link: "127.0.0.1:0", Console: "127.0.0.1:0"}); err != nil {
		t.Fatal(err)
	}
	log := make(hearing, 100)
	n, err := Open(t.Context(), dir, Options{Every: time.Hour, Log: slog.New(log)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx, nil) }()
	file(t, n, "", report("p1", "police", "Ghazni", 3, 33.55, 68.42, 14))
	file(t, n, "south", report("q1", "press", "Ghazni", 3, 33.55, 68.42, 14))
	for m := range log {
		if m == "linked reports of one event" {
			break
		}
	}
	if got := held(t, n, links); len(got) != 1 {
		t.Errorf("links %+v", got)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := n.Close(); err != nil {
		t.Error(err)
	}
}
