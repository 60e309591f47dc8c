package web_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"parley.example/parley/accord"
	"parley.example/parley/internal/node"
)

func (s *site) download(c *http.Client, path string) []byte {
	s.t.Helper()
	resp, err := c.Get(s.console.URL + path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 {
		s.t.Fatalf("%s: %d %s, %v", path, resp.StatusCode, b, err)
	}
	// Nothing that is downloaded can be taken for a page.
	if typ, how := resp.Header.Get("Content-Type"), resp.Header.Get("Content-Disposition"); typ != "application/octet-stream" || !strings.HasPrefix(how, "attachment;") || resp.Header.Get("X-Content-Type-Options") != "nosniff" {
		s.t.Errorf("%s is served as %q, %q", path, typ, how)
	}
	return b
}

// What oversight takes away verifies without the node.
func TestOversightExportVerifiesElsewhere(t *testing.T) {
	s := newSite(t)
	states := accordsInEveryState(t, s)
	c := s.person(node.Auditor)
	raw := s.download(c, "/api/v1/oversight/export")
	z, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]int{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		folder, _, _ := strings.Cut(f.Name, "/")
		names[folder]++
		if folder == "receipts" && strings.Contains(f.Name, states["in force"][:12]) {
			if _, err := accord.VerifyReceipt(b); err != nil {
				t.Errorf("%s does not verify: %v", f.Name, err)
			}
		}
	}
	if names["receipts"] < 8 || names["accords"] != 4 || names["cards"] != 2 || names["audit.json"] != 1 || names["matching.json"] != 1 {
		t.Errorf("the export holds %v", names)
	}
	empty := s.download(c, "/api/v1/oversight/export?to=2001-01-01")
	if z, err := zip.NewReader(bytes.NewReader(empty), int64(len(empty))); err != nil || slices.ContainsFunc(z.File, func(f *zip.File) bool { return strings.HasPrefix(f.Name, "receipts/") }) {
		t.Errorf("a period without acts has receipts: %v", err)
	}
}

func TestSupportBundleHasNoContent(t *testing.T) {
	s := newSite(t)
	accordsInEveryState(t, s)
	boss := s.person(node.Operator)
	text := string(s.download(boss, "/api/v1/support"))
	var v struct {
		Version string
		Checks  []struct{ Name string }
	}
	if err := json.Unmarshal([]byte(text), &v); err != nil || v.Version != "test" || len(v.Checks) == 0 {
		t.Fatalf("bundle: %v %.300s", err, text)
	}
	for _, secret := range []string{"south", "Somebody", "Exercise", "127.0.0.1", s.node.Dir(), s.node.OwnCard().Fingerprint} {
		if strings.Contains(text, secret) {
			t.Errorf("the bundle holds %q: %s", secret, text)
		}
	}
}

func TestRestoreIsRehearsed(t *testing.T) {
	s := newSite(t)
	boss := s.person(node.Operator)
	var v struct{ Last *node.Rehearsal }
	s.get(boss, "GET", "/api/v1/rehearsal", "", &v)
	if v.Last != nil {
		t.Errorf("before the first: %+v", v.Last)
	}
	s.get(boss, "POST", "/api/v1/rehearsal", "", &v)
	if v.Last == nil || !v.Last.OK || v.Last.Bytes == 0 || !strings.Contains(v.Last.Found, "read whole") {
		t.Fatalf("rehearsal: %+v", v.Last)
	}
	s.get(boss, "GET", "/api/v1/rehearsal", "", &v)
	if v.Last == nil || v.Last.By != "Somebody, operator" {
		t.Errorf("kept: %+v", v.Last)
	}
}

func TestPolicyIsEditedWithoutOverwritingOthers(t *testing.T) {
	s := newSite(t)
	boss := s.person(node.Operator)
	set := func(was, files map[string]string) (int, string) {
		b, err := json.Marshal(map[string]any{"was": was, "files": files})
		if err != nil {
			t.Fatal(err)
		}
		return s.call(boss, "POST", "/api/v1/policy", string(b))
	}
	none := map[string]string{}
	one := map[string]string{"own.cedar": "@id(\"none\") forbid(principal, action, resource);\n"}
	if code, body := set(none, map[string]string{"own.cedar": "permit (principal"}); code != 422 {
		t.Errorf("a policy that does not read: %d %s", code, body)
	}
	if code, body := set(none, map[string]string{"../own.cedar": one["own.cedar"]}); code != 422 {
		t.Errorf("a file elsewhere: %d %s", code, body)
	}
	code, body := set(none, one)
	if code != 200 {
		t.Fatalf("a good policy: %d %s", code, body)
	}
	var v struct{ Files map[string]string }
	s.get(boss, "GET", "/api/v1/policy", "", &v)
	if v.Files["own.cedar"] != one["own.cedar"] {
		t.Errorf("written: %q", v.Files)
	}
	if code, body := set(none, none); code != 409 || !strings.Contains(body, "changed since") {
		t.Errorf("overwriting what was not read: %d %s", code, body)
	}
	if code, _ := set(one, none); code != 200 {
		t.Errorf("removing it: %d", code)
	}
}
