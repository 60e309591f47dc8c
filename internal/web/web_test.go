package web_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"parley.example/parley/console"
	"parley.example/parley/internal/node"
	"parley.example/parley/internal/web"
)

// site is a node's console and its socket, served for a test.
type site struct {
	t       *testing.T
	node    *node.Node
	console *httptest.Server
	local   *httptest.Server
	api     *web.Server
}

func newSite(t *testing.T) *site {
	t.Helper()
	dir := t.TempDir()
	cfg := node.Config{Party: "north", Name: "North (fictional)", Link: "127.0.0.1:0", Console: "127.0.0.1:0", Mark: "north", Notice: "Exercise"}
	if _, err := node.Init(dir, cfg); err != nil {
		t.Fatal(err)
	}
	n, err := node.Open(t.Context(), dir, node.Options{Every: -1})
	if err != nil {
		t.Fatal(err)
	}
	api := web.New(n, "test", slog.New(slog.DiscardHandler))
	s := &site{t: t, node: n, api: api, console: httptest.NewServer(api.Console()), local: httptest.NewServer(api.Local())}
	t.Cleanup(func() {
		s.console.Close()
		s.local.Close()
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// person signs somebody in and returns their browser.
func (s *site) person(role string) *http.Client {
	s.t.Helper()
	link, err := s.node.SignInLink(context.Background(), node.User{Name: "Somebody", Role: role})
	if err != nil {
		s.t.Fatal(err)
	}
	_, token, _ := strings.Cut(link, "#token=")
	jar, _ := cookiejar.New(nil)
	c := &http.Client{Jar: jar}
	if code, body := s.call(c, "POST", "/api/v1/session", `{"token":"`+token+`"}`); code != 200 {
		s.t.Fatalf("signing in as %s: %d %s", role, code, body)
	}
	return c
}

func (s *site) call(c *http.Client, method, path, body string, headers ...string) (int, string) {
	s.t.Helper()
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	req, err := http.NewRequest(method, s.console.URL+path, r)
	if err != nil {
		s.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := c.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b)
}

func TestOneTimeLinkSignsInOnce(t *testing.T) {
	s := newSite(t)
	link, err := s.node.SignInLink(t.Context(), node.User{Name: "A", Role: node.Officer})
	if err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(link)
	if u.RawQuery != "" || !strings.HasPrefix(u.Fragment, "token=") {
		t.Errorf("link %q puts the token where servers and logs see it", link)
	}
	token := strings.TrimPrefix(u.Fragment, "token=")
	jar, _ := cookiejar.New(nil)
	c := &http.Client{Jar: jar}
	if code, _ := s.call(c, "GET", "/api/v1/session", ""); code != 401 {
		t.Errorf("before signing in: %d, want 401", code)
	}
	code, body := s.call(c, "POST", "/api/v1/session", `{"token":"`+token+`"}`)
	var v struct {
		Party struct{ ID, Mark string }
		User  node.User
	}
	if json.Unmarshal([]byte(body), &v) != nil || code != 200 || v.Party.ID != "north" || v.User.Role != node.Officer {
		t.Errorf("signing in: %d %s", code, body)
	}
	if code, _ := s.call(c, "GET", "/api/v1/session", ""); code != 200 {
		t.Errorf("after signing in: %d", code)
	}
	if code, body := s.call(&http.Client{}, "POST", "/api/v1/session", `{"token":"`+token+`"}`); code != 401 || !strings.Contains(body, "used already") {
		t.Errorf("the link a second time: %d %s", code, body)
	}
	if code, _ := s.call(c, "DELETE", "/api/v1/session", ""); code != 204 {
		t.Errorf("signing out: %d", code)
	}
	if code, _ := s.call(c, "GET", "/api/v1/session", ""); code != 401 {
		t.Errorf("after signing out: %d", code)
	}
}

func TestPagesAreSealedOff(t *testing.T) {
	s := newSite(t)
	resp, err := http.Get(s.console.URL + "/")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	csp := resp.Header.Get("Content-Security-Policy")
	if !strings.HasPrefix(csp, "default-src 'none'; script-src 'self'") || strings.Contains(csp, "unsafe") {
		t.Errorf("policy %q is not strict", csp)
	}
	for h, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"} {
		if got := resp.Header.Get(h); got != want {
			t.Errorf("%s: %q, want %q", h, got, want)
		}
	}
	if !console.Built() && !strings.Contains(string(body), "make console") {
		t.Errorf("without a bundle the page does not say how to build it: %.200s", body)
	}
	if code, _ := s.call(&http.Client{}, "GET", "/../../etc/passwd", ""); code == 200 && console.Built() {
		t.Errorf("a path outside the bundle: %d", code)
	}
}

// Another site's page cannot act with a signed-in person's cookie.
func TestOtherSitesCannotAct(t *testing.T) {
	s := newSite(t)
	c := s.person(node.Officer)
	code, _ := s.call(c, "POST", "/api/v1/accords/x/suspend", `{"reason":"r"}`, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site")
	if code != 403 {
		t.Errorf("cross-site request: %d, want 403", code)
	}
	if code, _ := s.call(c, "POST", "/api/v1/accords/x/suspend", `{"reason":"r"}`, "Sec-Fetch-Site", "same-origin"); code != 404 {
		t.Errorf("same-origin request: %d, want it to reach the node (404: no such accord)", code)
	}
}

// Every operation of the API × every role: what only some may do, others get
// 403 for, nobody gets anything without signing in, and no operation is left
// out of the table of roles.
func TestAuthorisationMatrix(t *testing.T) {
	s := newSite(t)
	raw, err := s.api.OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	var spec struct {
		OpenAPI string
		Paths   map[string]map[string]struct{ OperationID string }
	}
	if err := json.Unmarshal(raw, &spec); err != nil || !strings.HasPrefix(spec.OpenAPI, "3.1") {
		t.Fatalf("OpenAPI %q, %v", spec.OpenAPI, err)
	}
	people := map[string]*http.Client{}
	for _, r := range node.Roles {
		people[r] = s.person(r)
	}
	tried := 0
	for path, ops := range spec.Paths {
		for method, op := range ops {
			if path == "/api/v1/session" {
				continue // signing in and out
			}
			roles, known := s.api.RolesOf(op.OperationID)
			if !known {
				t.Errorf("%s %s (%s) is in no table of roles", method, path, op.OperationID)
			}
			at := strings.NewReplacer("{id}", "nothing").Replace(path) + "?log=parley/x/north&index=0&accord=x&party=y&kind=z"
			if code, _ := s.call(&http.Client{}, strings.ToUpper(method), at, sample(method, op.OperationID)); code != 401 {
				t.Errorf("%s %s without signing in: %d, want 401", method, path, code)
			}
			for role, c := range people {
				allowed := len(roles) == 0
				for _, r := range roles {
					allowed = allowed || r == role
				}
				code, body := s.call(c, strings.ToUpper(method), at, sample(method, op.OperationID))
				if (code == 403) == allowed || code == 401 || code >= 500 {
					t.Errorf("%s %s as %s: %d, allowed %v: %.200s", method, path, role, code, allowed, body)
				}
				tried++
			}
		}
	}
	if tried < 100 {
		t.Errorf("only %d combinations tried", tried)
	}
}

// sample is a body that the operation's schema accepts.
func sample(method, op string) string {
	if method != "post" {
		return ""
	}
	return map[string]string{
		"withdraw": `{"accord":"x","object":"x","reason":"r"}`, "judge": `{"use":"useful"}`, "release": `{"object":"x","accord":"x","purpose":"p"}`,
		"release-many": `{"objects":["x"],"accord":"x","purpose":"p"}`, "reject-release": `{"reason":"r"}`, "agree-onward": `{"accord":"x","copy":"x","to":[]}`, "suspend-accord": `{"reason":"r"}`, "end-accord": `{"reason":"r"}`,
		"set-rung": `{"to":"x","rung":"match"}`, "accept-rung": `{"from":"x"}`, "save-draft": `{}`, "publish-match": `{"accord":"x","selector":"phone"}`,
		"ask-match": `{"accord":"x","selector":"phone","case":"c","values":["1"]}`, "make-request": `{"accord":"x","case":"c","purpose":"p"}`,
		"judge-link": `{"left":"x","right":"y","verdict":"confirm"}`, "judge-onset": `{"area":"x","week":"2026-01-05","verdict":"acknowledge"}`, "plan-coverage": `{"units":1,"floor":0.2}`, "set-focus": `{"area":"x"}`, "stand-match": `{"accord":"x","selector":"phone","case":"c","values":["1"]}`,
		"preview-match":  `{"selector":"phone","values":["1"]}`,
		"answer-request": `{"decision":"decline"}`, "add-card": `{"note":"x"}`, "make-link": `{"name":"x","role":"officer"}`, "sync": `{"accord":"x","party":"y"}`,
		"enter-footprint": `{"purpose":"x","legal_basis":"x","officer":"x","from":"2026-03-06T12:00:00Z"}`, "withdraw-footprint": `{"reason":"r"}`, "open-exchange": `{"accord":"x"}`,
		"resolve-overlap": `{"how":"joint"}`, "set-desk": `{"accord":"x","contact":"c"}`,
		"propose-operation": `{"accord":"x","fields":{}}`, "act-in-operation": `{"kind":"agree"}`, "attach-to-operation": `{"object":"x","purpose":"p"}`,
		"make-token": `{"name":"x","collections":["own"]}`, "add-feed": `{"name":"x","url":"ftp://x"}`,
	}[op]
}

func TestErrorsSayWhatToDo(t *testing.T) {
	s := newSite(t)
	c := s.person(node.Officer)
	for _, x := range []struct{ method, path, body, want string }{
		{"GET", "/api/v1/incidents?from=yesterday", "", "YYYY-MM-DD"},
		{"GET", "/api/v1/watch?horizon=99", "", "give 1 to 26"},
		{"POST", "/api/v1/release", `{"object":"x","accord":"nothere","purpose":"p"}`, "nothere"},
		{"POST", "/api/v1/accords/x/rung", `{"to":"south","rung":"top"}`, "contact match tearline full joint"},
		{"POST", "/api/v1/match/ask", `{"accord":"x","selector":"phone","case":"","values":[]}`, "case reference"},
	} {
		code, body := s.call(c, x.method, x.path, x.body)
		if code < 400 || code >= 500 || !strings.Contains(body, x.want) {
			t.Errorf("%s %s: %d %s, want it to say %q", x.method, x.path, code, body, x.want)
		}
	}
}

func TestImportOverTheSocket(t *testing.T) {
	s := newSite(t)
	post := func(body string) (int, string) {
		resp, err := http.Post(s.local.URL+"/api/v1/import", "application/octet-stream", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(b)
	}
	if code, body := post(`{"type":"identity","spec_version":"2.1","id":"identity--f431f809-377b-45e0-aa1c-6a4751cae5ff","created":"2016-01-01T17:01:00.000Z","modified":"2016-01-01T17:01:00.000Z","name":"A"}`); code != 200 || !strings.Contains(body, `"taken":1`) {
		t.Errorf("a good object: %d %s", code, body)
	}
	if code, body := post("neither,nor\n1,2\n"); code != 422 || !strings.Contains(body, "--format") {
		t.Errorf("an unknown format: %d %s", code, body)
	}
	if code, body := post(`{"type":"bundle","id":"bundle--5d0092c5-5f74-4287-9642-33f4c354e56d","objects":[{"type":"identity"`); code != 422 {
		t.Errorf("a bundle cut short: %d %s", code, body)
	}
}
