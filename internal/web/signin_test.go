package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"parley.example/parley/internal/node"
)

func browser() *http.Client {
	jar, _ := cookiejar.New(nil)
	return &http.Client{Jar: jar}
}

// get reads an answer of 200 into v.
func (s *site) get(c *http.Client, method, path, body string, v any) {
	s.t.Helper()
	code, answer := s.call(c, method, path, body)
	if code != 200 {
		s.t.Fatalf("%s %s: %d %s", method, path, code, answer)
	}
	if v != nil {
		if err := json.Unmarshal([]byte(answer), v); err != nil {
			s.t.Fatal(err)
		}
	}
}

func TestPasswordNeedsItsCode(t *testing.T) {
	s := newSite(t)
	c := s.person(node.Officer)
	var set struct{ Secret, URI, QR string }
	s.get(c, "POST", "/api/v1/me/password/begin", "", &set)
	if !strings.HasPrefix(set.URI, "otpauth://totp/") || !strings.HasPrefix(set.QR, "data:image/png;base64,") {
		t.Errorf("enrolment: %.60s %.40s", set.URI, set.QR)
	}
	code := func(ago int) string {
		text, err := totp.GenerateCode(set.Secret, time.Now().Add(-time.Duration(ago)*30*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	put := func(password, code string) (int, string) {
		return s.call(c, "POST", "/api/v1/me/password", fmt.Sprintf(`{"password":%q,"code":%q}`, password, code))
	}
	if code, body := put("too short", code(0)); code != 422 || !strings.Contains(body, "12") {
		t.Errorf("a short password: %d %s", code, body)
	}
	if code, body := put("five words in a row", "12"); code != 422 {
		t.Errorf("a wrong code: %d %s", code, body)
	}
	enrolled := code(0) // kept: half a minute may end meanwhile
	if code, body := put("five words in a row", enrolled); code != 200 || !strings.Contains(body, `"password":true`) {
		t.Fatalf("setting: %d %s", code, body)
	}
	in := func(name, password, code string) int {
		status, _ := s.call(browser(), "POST", "/api/v1/session/password", fmt.Sprintf(`{"name":%q,"password":%q,"code":%q}`, name, password, code))
		return status
	}
	const name = "Somebody, officer"
	for what, got := range map[string]int{
		"a wrong password": in(name, "six words in a row", code(-1)), "no code": in(name, "five words in a row", ""), "a stranger": in("Nobody", "five words in a row", code(-1)),
	} {
		if got != 401 {
			t.Errorf("%s: %d, want 401", what, got)
		}
	}
	if got := in(name, "five words in a row", enrolled); got != 401 {
		t.Errorf("the code that was enrolled with: %d, want 401", got)
	}
	// The next code, which is taken before its time, as clocks differ.
	now := code(-1)
	if got := in(name, "five words in a row", now); got != 200 {
		t.Errorf("the right password and code: %d", got)
	}
	if got := in(name, "five words in a row", now); got != 401 {
		t.Errorf("the same code again: %d, want 401", got)
	}
	for range 5 {
		in(name, "wrong", "000000")
	}
	p, err := s.node.Person(t.Context(), name)
	if err != nil || p.Failed < 5 || p.Wait <= time.Now().UnixMicro() {
		t.Errorf("after five failures there is no pause: %d, %v", p.Failed, err)
	}
	if strings.Contains(p.Password, "words") || !strings.HasPrefix(p.Password, "$argon2id$") {
		t.Errorf("kept of the password: %q", p.Password)
	}
}

func TestARoleCountsAtOnceAndARemovedPersonIsOut(t *testing.T) {
	s := newSite(t)
	boss, c := s.person(node.Operator), s.person(node.Officer)
	s.get(c, "GET", "/api/v1/inbox", "", nil)
	s.get(boss, "POST", "/api/v1/people", `{"name":"Somebody, officer","role":"auditor"}`, nil)
	if code, _ := s.call(c, "GET", "/api/v1/inbox", ""); code != 403 {
		t.Errorf("an officer who became auditor reads the inbox: %d", code)
	}
	if code, _ := s.call(boss, "DELETE", "/api/v1/people/Somebody,%20officer", ""); code/100 != 2 {
		t.Errorf("removing: %d", code)
	}
	if code, _ := s.call(c, "GET", "/api/v1/session", ""); code != 401 {
		t.Errorf("a removed person's session: %d", code)
	}
	if code, body := s.call(boss, "DELETE", "/api/v1/people/Somebody,%20operator", ""); code != 409 || !strings.Contains(body, "last operator") {
		t.Errorf("removing the last operator: %d %s", code, body)
	}
}

func TestSessionsAreListedEndedAndLocked(t *testing.T) {
	s := newSite(t)
	here, there := s.person(node.Analyst), s.person(node.Analyst)
	s.person(node.Officer)
	var got struct {
		Sessions []struct {
			ID, Name, How string
			Here, Locked  bool
		}
	}
	s.get(here, "GET", "/api/v1/me/sessions", "", &got)
	if len(got.Sessions) != 2 {
		t.Fatalf("own sessions: %+v", got.Sessions)
	}
	for _, x := range got.Sessions {
		if x.Name != "Somebody, analyst" || x.How != "link" {
			t.Errorf("a session of %s by %s is among an analyst's own", x.Name, x.How)
		}
		if !x.Here {
			if code, _ := s.call(here, "DELETE", "/api/v1/me/sessions/"+x.ID, ""); code/100 != 2 {
				t.Errorf("ending the other: %d", code)
			}
		}
	}
	if code, _ := s.call(there, "GET", "/api/v1/session", ""); code != 401 {
		t.Errorf("an ended session: %d", code)
	}
	boss := s.person(node.Operator)
	s.get(boss, "GET", "/api/v1/sessions", "", &got)
	var officers string
	for _, x := range got.Sessions {
		if x.Name == "Somebody, officer" {
			officers = x.ID
		}
	}
	if code, _ := s.call(here, "DELETE", "/api/v1/me/sessions/"+officers, ""); code != 404 {
		t.Errorf("ending somebody else's session: %d, want 404", code)
	}
	if code, _ := s.call(boss, "DELETE", "/api/v1/sessions/"+officers, ""); code/100 != 2 {
		t.Errorf("an operator ends a session: %d", code)
	}
	// Locked, the session shows nothing until its person signs in again.
	if code, _ := s.call(here, "POST", "/api/v1/session/lock", ""); code/100 != 2 {
		t.Errorf("locking: %d", code)
	}
	if code, _ := s.call(here, "GET", "/api/v1/overview", ""); code != 401 {
		t.Errorf("a locked session reads: %d", code)
	}
	var ways struct{ Locked string }
	s.get(here, "GET", "/api/v1/session/ways", "", &ways)
	if ways.Locked != "Somebody, analyst" {
		t.Errorf("locked session of %q", ways.Locked)
	}
}

func TestSetUpWorksOnceAndHere(t *testing.T) {
	s := newSite(t)
	link, err := s.api.SetupLink(t.Context())
	_, token, ok := strings.Cut(link, "/#setup=")
	if err != nil || !ok {
		t.Fatalf("set-up link %q, %v", link, err)
	}
	body := fmt.Sprintf(`{"token":%q,"name":"First"}`, token)
	// Through a proxy, which may carry it from anywhere.
	if code, _ := s.call(browser(), "POST", "/api/v1/session/setup", body, "X-Forwarded-For", "192.0.2.1"); code != 403 {
		t.Errorf("set-up from elsewhere: %d, want 403", code)
	}
	if code, _ := s.call(browser(), "POST", "/api/v1/session/setup", `{"token":"guess","name":"Thief"}`); code != 401 {
		t.Errorf("a guessed token: %d", code)
	}
	var v struct{ User node.User }
	s.get(browser(), "POST", "/api/v1/session/setup", body, &v)
	if v.User != (node.User{Name: "First", Role: node.Operator}) {
		t.Errorf("set up: %+v", v.User)
	}
	if code, _ := s.call(browser(), "POST", "/api/v1/session/setup", body); code != 401 {
		t.Errorf("the link a second time: %d", code)
	}
	if link, err := s.api.SetupLink(t.Context()); link != "" || err != nil {
		t.Errorf("a node with people offers set-up: %q, %v", link, err)
	}
}

func TestPasskeysRefuseWhatWasNotAsked(t *testing.T) {
	s := newSite(t)
	for _, body := range []string{`{}`, `{"id":"AA","rawId":"AA","type":"public-key","response":{}}`, strings.Repeat("[", 10_000)} {
		if code, answer := s.call(browser(), "POST", "/api/v1/session/passkey", body); code != 401 && code != 422 {
			t.Errorf("%.40s: %d %.100s, want it refused", body, code, answer)
		}
	}
	rec := httptest.NewRecorder()
	s.api.Console().ServeHTTP(rec, httptest.NewRequest("POST", "/api/v1/session/passkey/begin", nil))
	if rec.Code != 200 || !strings.Contains(rec.Body.String(), `"rpId":"localhost"`) || !strings.Contains(rec.Body.String(), `"userVerification":"required"`) {
		t.Errorf("asking for a passkey: %d %s", rec.Code, rec.Body)
	}
}
