package web_test

import (
	"encoding/binary"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"parley.example/parley/internal/node"
)

func TestIncidentsInColumns(t *testing.T) {
	s := newSite(t)
	const csv = "id,date,title,admin1,lat,lon,class,kind,tlp\nr1,2026-02-03,Device found,Ghazni,33.5,68.25,civilian,bombing,TLP:AMBER\nr2,2026-02-05,Courier,Kunduz,,,state,kidnapping,TLP:GREEN\n"
	if _, err := s.node.ImportFile(t.Context(), strings.NewReader(csv), "csv", nil); err != nil {
		t.Fatal(err)
	}
	c := s.person(node.Analyst)
	code, body := s.call(c, "GET", "/api/v1/incidents/columns", "", "Accept-Encoding", "identity")
	if code != 200 || !strings.HasPrefix(body, "PCOLS\x001\n") {
		t.Fatalf("%d %.80q", code, body)
	}
	start := 12 + int(binary.LittleEndian.Uint32([]byte(body[8:])))
	var head struct {
		N       int
		Words   map[string][]string
		Columns []struct {
			Name, Type string
			At         int
		}
	}
	if err := json.Unmarshal([]byte(body[12:start]), &head); err != nil || head.N != 2 || start%8 != 0 || len(body)%8 != 0 {
		t.Fatalf("%+v, %v, begins at %d of %d", head, err, start, len(body))
	}
	at := map[string]int{}
	for _, col := range head.Columns {
		at[col.Name] = start + col.At
	}
	days := binary.LittleEndian.Uint32([]byte(body[at["day"]:]))
	area := binary.LittleEndian.Uint16([]byte(body[at["area"]+2:]))
	if days != 20489 || head.Words["area"][area] != "Ghazni" || head.Words["area"][0] != "" { // 2026-02-05
		t.Errorf("day %d, area %d of %v", days, area, head.Words)
	}

	// The transport unpacks.
	_, packed := s.call(c, "GET", "/api/v1/incidents/columns", "")
	if packed != body {
		t.Error("packed, the answer is another one")
	}
	for query, want := range map[string]string{"?grading=Z": "least grading", "?box=1": "west,south,east,north", "?from=monday": "YYYY-MM-DD"} {
		for _, path := range []string{"/api/v1/incidents/columns", "/api/v1/incidents", "/api/v1/export"} {
			q := query
			if path == "/api/v1/export" {
				q += "&format=csv"
			}
			if code, answer := s.call(s.person(node.Officer), "GET", path+q, ""); code != 422 || !strings.Contains(answer, want) {
				t.Errorf("%s%s: %d %s, want 422 and %q", path, q, code, answer, want)
			}
		}
	}
	_, list := s.call(c, "GET", "/api/v1/incidents?marking=TLP:GREEN", "")
	if !strings.Contains(list, `"total":1`) || !strings.Contains(list, "Courier") {
		t.Errorf("list by marking: %s", list)
	}
	if code, out := s.call(s.person(node.Officer), "GET", "/api/v1/export?format=csv&box=68,33,69,34", ""); code != 200 || !strings.Contains(out, "Device") || strings.Contains(out, "Courier") {
		t.Errorf("export by box: %d %s", code, out)
	}
	var row struct{ Incidents []node.Incident }
	if err := json.Unmarshal([]byte(list), &row); err != nil {
		t.Fatal(err)
	}
	if code, out := s.call(c, "GET", "/api/v1/incidents/rows?id="+row.Incidents[0].ID+"&id=x", ""); code != 200 || !strings.Contains(out, "Courier") {
		t.Errorf("rows: %d %s", code, out)
	}
	if code, _ := s.call(&http.Client{}, "GET", "/api/v1/incidents/columns", ""); code != 401 {
		t.Errorf("without signing in: %d", code)
	}
}
