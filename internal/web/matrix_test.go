package web_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"parley.example/parley/internal/node"
)

// operation is one of the API's, as its own description says.
type operation struct{ id, method, path string }

func (s *site) operations() []operation {
	s.t.Helper()
	raw, err := s.api.OpenAPI()
	if err != nil {
		s.t.Fatal(err)
	}
	var spec struct {
		OpenAPI string
		Paths   map[string]map[string]struct{ OperationID string }
	}
	if err := json.Unmarshal(raw, &spec); err != nil || !strings.HasPrefix(spec.OpenAPI, "3.1") {
		s.t.Fatalf("OpenAPI %q, %v", spec.OpenAPI, err)
	}
	var out []operation
	for path, ops := range spec.Paths {
		for method, op := range ops {
			out = append(out, operation{op.OperationID, strings.ToUpper(method), path})
		}
	}
	slices.SortFunc(out, func(a, b operation) int { return strings.Compare(a.path+a.method, b.path+b.method) })
	return out
}

// opened are the operations for who has not signed in; there are no others.
var opened = []string{
	"sign-in", "sign-out", "set-up", "list-ways", "begin-passkey", "sign-in-by-passkey", "sign-in-by-password", "begin-oidc", "finish-oidc",
}

// Every operation of the API × every role × every state of an accord: what only
// some may do, others get 403 for whatever the state, nobody gets anything
// without signing in, and no operation is left out of the table of roles.
func TestAuthorisationMatrix(t *testing.T) {
	s := newSite(t)
	ops := s.operations()
	people := map[string]*http.Client{}
	for _, r := range node.Roles {
		people[r] = s.person(r)
	}
	states := accordsInEveryState(t, s)
	tried := 0
	var open []string
	for _, op := range ops {
		if s.api.Opened(op.id) {
			open = append(open, op.id)
			continue
		}
		roles, known := s.api.RolesOf(op.id)
		if !known {
			t.Errorf("%s %s (%s) is in no table of roles", op.method, op.path, op.id)
		}
		for state, id := range states {
			names := strings.NewReplacer("{id}", id, "{name}", "nothing")
			if !strings.Contains(op.path, "/accords/") {
				names = strings.NewReplacer("{id}", "nothing", "{name}", "nothing")
			}
			at := names.Replace(op.path) + "?log=parley/" + id + "/north&index=0&accord=" + id + "&party=south&kind=released"
			body := strings.ReplaceAll(sample(op.method, op.id), `"accord":"x"`, `"accord":"`+id+`"`)
			if code, _ := s.call(&http.Client{}, op.method, at, body); code != 401 {
				t.Errorf("%s %s (accord %s) without signing in: %d, want 401", op.method, op.path, state, code)
			}
			for role, c := range people {
				allowed := len(roles) == 0 || slices.Contains(roles, role)
				if allowed && changesAccord(op.id) {
					continue // shown below, where the order matters
				}
				code, answer := s.call(c, op.method, at, body)
				if (code == 403) == allowed || code == 401 || code >= 500 {
					t.Errorf("%s %s (accord %s) as %s: %d, allowed %v: %.200s", op.method, op.path, state, role, code, allowed, answer)
				}
				// Nothing goes out under an accord that is not in force.
				if releases(op.id) && allowed && state != "in force" && strings.Contains(answer, `"released":true`) {
					t.Errorf("%s %s lets something out while the accord is %s: %.200s", op.method, op.path, state, answer)
				}
				tried++
			}
		}
	}
	slices.Sort(open)
	want := slices.Sorted(slices.Values(opened))
	if !slices.Equal(open, want) {
		t.Errorf("open without signing in: %v, want %v", open, want)
	}
	if tried < 2000 {
		t.Errorf("only %d combinations tried", tried)
	}
	t.Logf("%d operations, %d combinations of operation, role and state", len(ops), tried)

	// What changes an accord, in each state, by who may.
	c := people[node.Officer]
	for _, x := range []struct {
		state, act string
		code       int
	}{
		{"offered", "suspend", 409}, {"offered", "resume", 409}, {"offered", "rung", 409},
		{"in force", "sign", 409}, {"in force", "resume", 409}, {"in force", "rung", 200},
		{"suspended", "sign", 409}, {"suspended", "suspend", 409},
		{"ended", "sign", 409}, {"ended", "suspend", 409}, {"ended", "resume", 409}, {"ended", "rung", 409}, {"ended", "end", 409},
		{"suspended", "resume", 200}, {"in force", "suspend", 200}, {"in force", "end", 200},
	} {
		body := map[string]string{"suspend": `{"reason":"r"}`, "end": `{"reason":"r"}`, "rung": `{"to":"south","rung":"full"}`, "sign": `{}`, "resume": `{}`}[x.act]
		if code, answer := s.call(c, "POST", "/api/v1/accords/"+states[x.state]+"/"+x.act, body); code != x.code {
			t.Errorf("%s of an accord that is %s: %d, want %d: %.200s", x.act, x.state, code, x.code, answer)
		}
	}
}

// changesAccord says which operations would move the accords of the matrix to
// another state, end the sessions that it uses, or not end.
func changesAccord(id string) bool {
	return slices.Contains([]string{"sign-accord", "suspend-accord", "resume-accord", "end-accord", "set-rung", "accept-rung", "lock-session", "rotate-key", "sign-on", "follow-events", "rehearse-restore"}, id)
}

func releases(id string) bool {
	return slices.Contains([]string{"release", "release-many", "answer-request", "attach-to-operation"}, id)
}

// accordsInEveryState makes accords with another node, which has no console
// here, and brings each to another state.
func accordsInEveryState(t *testing.T, s *site) map[string]string {
	t.Helper()
	south := peer(t, "south")
	if _, err := s.node.AddCard(t.Context(), []byte(south.OwnCard().Note), ""); err != nil {
		t.Fatal(err)
	}
	if _, err := south.AddCard(t.Context(), []byte(s.node.OwnCard().Note), ""); err != nil {
		t.Fatal(err)
	}
	out := make(map[string]string)
	for _, state := range []string{"offered", "in force", "suspended", "ended"} {
		out[state] = makeAccord(t, s.node, south, state)
	}
	return out
}

// sample is a body that the operation's schema accepts.
func sample(method, op string) string {
	if method != "POST" {
		return ""
	}
	return map[string]string{
		"withdraw": `{"accord":"x","object":"x","reason":"r"}`, "judge": `{"use":"useful"}`, "release": `{"object":"x","accord":"x","purpose":"p"}`,
		"release-many": `{"objects":["x"],"accord":"x","purpose":"p"}`, "reject-release": `{"reason":"r"}`, "agree-onward": `{"accord":"x","copy":"x","to":[]}`, "suspend-accord": `{"reason":"r"}`, "end-accord": `{"reason":"r"}`,
		"set-rung": `{"to":"x","rung":"match"}`, "accept-rung": `{"from":"x"}`, "save-draft": `{}`, "publish-match": `{"accord":"x","selector":"phone"}`,
		"ask-match": `{"accord":"x","selector":"phone","case":"c","values":["1"]}`, "make-request": `{"accord":"x","case":"c","purpose":"p"}`,
		"judge-link": `{"left":"x","right":"y","verdict":"confirm"}`, "judge-onset": `{"area":"x","week":"2026-01-05","verdict":"acknowledge"}`, "plan-coverage": `{"units":1,"floor":0.2}`, "set-focus": `{"area":"x"}`, "stand-match": `{"accord":"x","selector":"phone","case":"c","values":["1"]}`,
		"answer-request": `{"decision":"decline"}`, "add-card": `{"note":"x"}`, "make-link": `{"name":"x","role":"officer"}`, "sync": `{"accord":"x","party":"y"}`,
		"preview-match":   `{"selector":"phone","values":["1"]}`,
		"enter-footprint": `{"purpose":"x","legal_basis":"x","officer":"x","from":"2026-03-06T12:00:00Z"}`, "withdraw-footprint": `{"reason":"r"}`, "open-exchange": `{"accord":"x"}`,
		"resolve-overlap": `{"how":"joint"}`, "set-desk": `{"accord":"x","contact":"c"}`,
		"propose-operation": `{"accord":"x","fields":{}}`, "act-in-operation": `{"kind":"agree"}`, "attach-to-operation": `{"object":"x","purpose":"p"}`,
		"add-person": `{"name":"x","role":"officer"}`, "set-policy": `{"was":{},"files":{}}`, "set-password": `{"password":"a few words in a row","code":"000000"}`,
		"make-token": `{"name":"x","collections":["own"]}`, "add-feed": `{"name":"x","url":"ftp://x"}`,
	}[op]
}
