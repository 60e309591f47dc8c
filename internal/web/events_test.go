package web_test

import (
	"bufio"
	"net/http"
	"strings"
	"testing"

	"parley.example/parley/internal/node"
)

// Who follows the node hears of a change at once, without its content, and no
// more once the session is locked.
func TestEventsTellThatSomethingChanged(t *testing.T) {
	s := newSite(t)
	c, boss := s.person(node.Auditor), s.person(node.Operator)
	req, err := http.NewRequestWithContext(t.Context(), "GET", s.console.URL+"/api/v1/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if typ := resp.Header.Get("Content-Type"); typ != "text/event-stream" {
		t.Fatalf("type %q", typ)
	}
	lines := bufio.NewScanner(resp.Body)
	event := func() string {
		for lines.Scan() {
			if name, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
				return name
			}
		}
		t.Fatalf("the stream ended: %v", lines.Err())
		return ""
	}
	if got := event(); got != "open" {
		t.Fatalf("first event %q", got)
	}
	s.get(boss, "GET", "/api/v1/overview", "", nil) // looking is no change
	s.get(boss, "POST", "/api/v1/people", `{"name":"New","role":"analyst"}`, nil)
	if got := event(); got != "changed" {
		t.Fatalf("after a change: %q", got)
	}
	if strings.Contains(lines.Text(), "New") {
		t.Errorf("the event has content: %q", lines.Text())
	}
	if code, _ := s.call(c, "POST", "/api/v1/session/lock", ""); code/100 != 2 {
		t.Fatalf("locking: %d", code)
	}
	s.get(boss, "POST", "/api/v1/people", `{"name":"Newer","role":"analyst"}`, nil)
	if got := event(); got != "end" {
		t.Errorf("after locking: %q", got)
	}
}
