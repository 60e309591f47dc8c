package web_test

import (
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"parley.example/parley/internal/node"
)

func TestExportOverTheAPI(t *testing.T) {
	s := newSite(t)
	const csv = "id,date,title,class,kind,tlp\nr1,2026-02-03,Device found,civilian,bombing,TLP:AMBER\nr2,2026-02-03,Courier,civilian,bombing,TLP:RED\n"
	if _, err := s.node.ImportFile(t.Context(), strings.NewReader(csv), "csv", nil); err != nil {
		t.Fatal(err)
	}
	// Like the matrix of the API's operations, for the one that streams.
	if code, _ := s.call(&http.Client{}, "GET", "/api/v1/export?format=csv", ""); code != 401 {
		t.Errorf("without signing in: %d, want 401", code)
	}
	for _, role := range node.Roles {
		want := 403
		if role == node.Officer || role == node.Analyst || role == node.Operator {
			want = 200
		}
		if code, body := s.call(s.person(role), "GET", "/api/v1/export?format=csv", ""); code != want || strings.Contains(body, "Device") != (want == 200) {
			t.Errorf("as %s: %d, want %d", role, code, want)
		}
	}
	for path, want := range map[string]string{
		"?format=xlsx": "none of", "?format=stix&id=x": "identifier", "?format=csv&from=yesterday": "YYYY-MM-DD", "?format=csv&colour=red": "no parameter",
		"?format=cap&id=incident--00000000-0000-4000-8000-000000000000": "Actual", "?format=cap&hours=0": "hours", "": "none of",
	} {
		if code, body := s.call(s.person(node.Officer), "GET", "/api/v1/export"+path, ""); code != 422 || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s, want 422 and %q", path, code, body, want)
		}
	}
	if code, _ := s.call(s.person(node.Officer), "GET", "/api/v1/export?format=stix&id=incident--00000000-0000-4000-8000-000000000000", ""); code != 404 {
		t.Errorf("an unknown id: %d, want 404", code)
	}

	resp, err := http.Get(s.local.URL + "/api/v1/export?format=geojson&account=true")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	_, params, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	parts := multipart.NewReader(resp.Body, params["boundary"])
	var bodies []string
	for {
		p, err := parts.NextPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(p)
		if err != nil {
			t.Fatal(err)
		}
		bodies = append(bodies, string(b))
	}
	var got node.Exported
	if len(bodies) != 2 || !strings.Contains(bodies[0], "FeatureCollection") || json.Unmarshal([]byte(bodies[1]), &got) != nil || got.Items != 1 || len(got.LeftOut) != 1 {
		t.Errorf("parts %q", bodies)
	}
}
