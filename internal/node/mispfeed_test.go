package node_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"parley.example/parley/internal/node"
)

// mispFolder is a MISP feed: files, and how often each was asked for.
type mispFolder struct {
	mu    sync.Mutex // guards the rest
	files map[string]string
	asked map[string]int
}

func (m *mispFolder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	name := strings.TrimPrefix(r.URL.Path, "/feed/")
	m.asked[name]++
	if user, password, _ := r.BasicAuth(); user != "analyst" || password != "secret" {
		http.Error(w, "who are you", http.StatusUnauthorized)
		return
	}
	body, ok := m.files[name]
	switch {
	case !ok:
		http.NotFound(w, r)
	case body == "":
		http.Error(w, "not now", http.StatusServiceUnavailable)
	default:
		fmt.Fprint(w, body)
	}
}

func (m *mispFolder) put(name, body string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.files[name] = body
}

func mispEvent(id string, timestamp int, attribute string) string {
	return fmt.Sprintf(`{"Event":{"uuid":%q,"info":"Phishing","date":"2024-05-01","timestamp":"%d","publish_timestamp":"%d","published":true,"analysis":"2","threat_level_id":"2",`+
		`"Orgc":{"uuid":"56a5e2f7-4b1c-4f3e-9d5e-0a1b2c3d4e5f","name":"CERT (fictional)"},`+
		`"Attribute":[{"uuid":"5f0c9a3e-7c9e-4b1a-8e2d-1a2b3c4d5e6f","type":"domain","category":"Network activity","to_ids":false,"timestamp":"%d","value":%q,"distribution":"5","sharing_group_note":"x","disable_correlation":"maybe"}],"made_up":{"a":1}}}`, id, timestamp, timestamp, timestamp, attribute)
}

func TestMISPFeed(t *testing.T) {
	const one, two, three, four = "5f0c9a3e-0000-4000-8000-000000000001", "5f0c9a3e-0000-4000-8000-000000000002", "5f0c9a3e-0000-4000-8000-000000000003", "5f0c9a3e-0000-4000-8000-000000000004"
	m := &mispFolder{files: map[string]string{}, asked: map[string]int{}}
	srv := httptest.NewServer(m)
	defer srv.Close()
	n := start(t, "north")
	if f, err := n.AddFeed(t.Context(), node.FeedAsk{Name: "osint", URL: srv.URL + "/feed", Kind: node.FeedMISP, User: "analyst", Secret: "secret"}); err != nil || f.Kind != "misp" {
		t.Fatalf("%+v, %v", f, err)
	}
	run := func() node.Feed {
		t.Helper()
		f, err := n.RunFeed(t.Context(), "osint")
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	search := func(text string, want int) {
		t.Helper()
		found, err := n.Search(t.Context(), node.SearchAsk{Text: text, Party: "feed:osint"})
		if err != nil || len(found.Objects) != want {
			t.Errorf("%q: %+v, %v; want %d", text, found.Objects, err, want)
		}
	}
	if f := run(); !strings.Contains(f.Error, "404") || f.LastRun == "" {
		t.Errorf("no manifest: %+v", f)
	}
	m.put("manifest.json", `{"`+one+`":{"info":"a","timestamp":"1714550000"},"`+two+`":{"timestamp":1714550001},"`+three+`":{"timestamp":"1714550002"},"`+four+`":{"timestamp":"1714550003"},`+
		`"../secret":{"timestamp":"5"},"5f0c9a3e-0000-4000-8000-000000000005":{"timestamp":"soon"}}`)
	m.put(one+".json", mispEvent(one, 1714550000, "one.example"))
	m.put(two+".json", `{"Event":{"uuid":`)
	// The third is not there; the fourth not now.
	m.put(four+".json", "")
	f := run()
	if !strings.Contains(f.Error, "503") || f.Taken == 0 || f.RefusedN != 4 || len(f.NotCarried) == 0 {
		t.Errorf("first run: %+v", f)
	}
	reasons := fmt.Sprint(f.Refused)
	for _, want := range []string{"no UUID", "soon", two, "404"} {
		if !strings.Contains(reasons, want) {
			t.Errorf("the reasons do not tell of %q: %s", want, reasons)
		}
	}
	search("one.example", 1)
	m.put(four+".json", mispEvent(four, 1714550003, "four.example"))
	taken := f.Taken
	if f = run(); f.Error != "" || f.Taken <= taken || f.RefusedN != 4 || f.Lag == "" || m.asked[one+".json"] != 1 {
		t.Errorf("second run: %+v, %d times asked for what was taken", f, m.asked[one+".json"])
	}
	search("four.example", 1)
	taken = f.Taken
	if f = run(); f.Error != "" || f.Taken != taken || m.asked[four+".json"] != 2 {
		t.Errorf("nothing new: %+v", f)
	}
	// An event that was changed is taken again.
	m.put("manifest.json", `{"`+one+`":{"timestamp":"1714560000"}}`)
	m.put(one+".json", mispEvent(one, 1714560000, "changed.example"))
	if f = run(); f.Error != "" || f.Taken <= taken || m.asked[one+".json"] != 2 {
		t.Errorf("a changed event: %+v", f)
	}
	search("changed.example", 1)
	if _, err := n.AddFeed(t.Context(), node.FeedAsk{Name: "x", URL: srv.URL, Kind: "rss"}); err == nil {
		t.Error("a feed of an unknown kind is taken")
	}
	if m.asked["../secret.json"]+m.asked["secret.json"] != 0 {
		t.Error("a name that is no UUID was asked for")
	}
}
