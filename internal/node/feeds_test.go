package node_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley.example/parley/internal/node"
	"parley.example/parley/taxii"
)

// source is a node whose own collection others poll.
type source struct {
	n     *node.Node
	url   string
	token string
}

func newSource(t *testing.T) source {
	t.Helper()
	n := start(t, "source")
	token, _, err := n.MakeToken(t.Context(), node.TokenAsk{Name: "feed", Collections: []string{"own:rw"}})
	if err != nil {
		t.Fatal(err)
	}
	b := n.TAXII()
	h, err := taxii.NewServer(b, b, taxii.Options{Key: b.Key()})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return source{n, srv.URL + "/taxii2/parley/collections/own/", token}
}

func (s source) add(t *testing.T, objects ...string) {
	t.Helper()
	b := s.n.TAXII()
	c, err := b.Collection(t.Context(), taxii.User{Name: "feed"}, "parley", "own")
	if err != nil {
		t.Fatal(err)
	}
	var raw [][]byte
	for _, o := range objects {
		raw = append(raw, []byte(o))
	}
	if st, err := b.Add(context.Background(), taxii.User{Name: "feed"}, "parley", c, raw); err != nil || st.FailureCount > 0 {
		t.Fatalf("%+v, %v", st, err)
	}
}

func identity(i int, name string) string {
	return fmt.Sprintf(`{"type":"identity","spec_version":"2.1","id":"identity--00000000-0000-4000-8000-%012x","created":"2020-01-01T00:00:00.000Z","modified":"2020-01-01T00:00:00.000Z","name":%q}`, i, name)
}

func TestFeed(t *testing.T) {
	s := newSource(t)
	dir := initNode(t, "north")
	n, stop := openStoppable(t, dir)
	var many []string
	for i := range 1500 {
		many = append(many, identity(i, "somebody"))
	}
	s.add(t, many...)
	if _, err := n.ImportFile(t.Context(), strings.NewReader(identity(3, "ours")), "", nil); err != nil {
		t.Fatal(err)
	}
	f, err := n.AddFeed(t.Context(), node.FeedAsk{Name: "s", URL: s.url, User: "feed", Secret: s.token, Every: "15m"})
	if err != nil || f.NextRun == "" || f.LastRun != "" {
		t.Fatalf("%+v, %v", f, err)
	}
	run := func(taken, known, refused int64) {
		t.Helper()
		f, err := n.RunFeed(t.Context(), "s")
		if err != nil || f.Error != "" {
			t.Fatalf("run: %q, %v", f.Error, err)
		}
		if f.Taken != taken || f.Known != known || f.RefusedN != refused || f.LastRun == "" || f.Lag == "" || f.NextRun <= f.LastRun {
			t.Errorf("feed %+v, want %d taken, %d known, %d refused", f, taken, known, refused)
		}
		if refused > 0 && (f.Refused[0].Reason == "" || f.Refused[0].ID != "identity--00000000-0000-4000-8000-000000000003") {
			t.Errorf("refused: %+v", f.Refused)
		}
	}
	run(1499, 0, 1)
	run(1499, 0, 1)
	s.add(t, identity(5000, "later"))
	run(1500, 0, 1)
	if raw, err := n.ShowObject(t.Context(), "identity--00000000-0000-4000-8000-000000000003"); err != nil || !strings.Contains(string(raw), "ours") {
		t.Errorf("our own object was overwritten: %s, %v", raw, err)
	}
	stop()
	for _, name := range []string{"parley.db", "parley.db-wal"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil && bytes.Contains(b, []byte(s.token)) {
			t.Errorf("%s holds the feed's secret in the open", name)
		}
	}
	n = open(t, dir)
	s.add(t, identity(5001, "later"))
	run(1501, 0, 1)
	// The server refuses us: the feed says so and is tried later.
	if err := s.n.RemoveAPIUser(t.Context(), "feed"); err != nil {
		t.Fatal(err)
	}
	if _, err := n.AddFeed(t.Context(), node.FeedAsk{Name: "s", URL: s.url, Secret: "wrong"}); err != nil {
		t.Fatal(err)
	}
	f, err = n.RunFeed(t.Context(), "s")
	if err != nil || !strings.Contains(f.Error, "401") || f.Taken != 1501 {
		t.Errorf("refused by the server: %+v, %v", f, err)
	}
	if fs, err := n.Feeds(t.Context()); err != nil || len(fs) != 1 || fs[0].Error == "" {
		t.Errorf("feeds %+v, %v", fs, err)
	}
	if err := n.RemoveFeed(t.Context(), "s"); err != nil {
		t.Error(err)
	}
	if _, err := n.RunFeed(t.Context(), "s"); err == nil {
		t.Error("a removed feed runs")
	}
}

func TestFeedsAreChecked(t *testing.T) {
	n := start(t, "north")
	for _, ask := range []node.FeedAsk{
		{URL: "https://x/"}, {Name: "a"}, {Name: "a", URL: "ftp://x/"}, {Name: "a", URL: "https://u:p@x/"}, {Name: "a", URL: "http://x/", Secret: "s"},
		{Name: "a", URL: "https://x/", Every: "1s"}, {Name: "a", URL: "https://x/", Every: "soon"}, {Name: "a/b", URL: "https://x/"},
	} {
		if _, err := n.AddFeed(t.Context(), ask); err == nil {
			t.Errorf("%+v is taken", ask)
		}
	}
}
