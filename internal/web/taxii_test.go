package web_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"parley.example/parley/internal/node"
	"parley.example/parley/internal/web"
	"parley.example/parley/stix"
)

const taxiiType = "application/taxii+json;version=2.1"

// program is a client of the TAXII server with one token.
type program struct {
	s     *site
	token string
	own   string // path of the own collection
}

func (s *site) program(name string, collections ...string) *program {
	s.t.Helper()
	token, _, err := s.node.MakeToken(s.t.Context(), node.TokenAsk{Name: name, Collections: collections})
	if err != nil {
		s.t.Fatal(err)
	}
	return &program{s: s, token: token, own: "/taxii2/parley/collections/own/"}
}

type reply struct {
	code   int
	header http.Header
	raw    string
	body   map[string]any
}

// send makes one request; headers are pairs, and an empty value removes one.
func (p *program) send(method, path, body string, headers ...string) reply {
	p.s.t.Helper()
	req, err := http.NewRequest(method, p.s.console.URL+path, strings.NewReader(body))
	if err != nil {
		p.s.t.Fatal(err)
	}
	req.Header.Set("Accept", taxiiType)
	if body != "" {
		req.Header.Set("Content-Type", taxiiType)
	}
	if p.token != "" {
		req.Header.Set("Authorization", "Bearer "+p.token)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i+1] == "" {
			req.Header.Del(headers[i])
		} else {
			req.Header.Set(headers[i], headers[i+1])
		}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.s.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		p.s.t.Fatal(err)
	}
	r := reply{code: resp.StatusCode, header: resp.Header, raw: string(b)}
	if len(b) > 0 {
		if err := json.Unmarshal(b, &r.body); err != nil {
			p.s.t.Fatalf("%s %s: %v in %.200s", method, path, err, b)
		}
		if got := resp.Header.Get("Content-Type"); got != taxiiType {
			p.s.t.Errorf("%s %s: content type %q", method, path, got)
		}
	}
	if r.code >= 400 && r.body["title"] == nil || r.code >= 400 && r.body["http_status"] != fmt.Sprint(r.code) {
		p.s.t.Errorf("%s %s: %d without an error resource: %s", method, path, r.code, r.raw)
	}
	return r
}

func (p *program) get(path string, headers ...string) reply {
	p.s.t.Helper()
	return p.send("GET", path, "", headers...)
}

func (p *program) add(objects ...string) reply {
	p.s.t.Helper()
	return p.send("POST", p.own+"objects/", `{"objects":[`+strings.Join(objects, ",")+`]}`)
}

func (r reply) ids() (ids []string) {
	list, _ := r.body["objects"].([]any)
	for _, o := range list {
		ids = append(ids, o.(map[string]any)["id"].(string))
	}
	return ids
}

// indicator writes a valid indicator; n makes its id.
func indicator(n int, modified string) string {
	return fmt.Sprintf(`{"type":"indicator","spec_version":"2.1","id":"indicator--00000000-0000-4000-8000-%012x","created":"2020-01-01T00:00:00.000Z","modified":"%s",`+
		`"pattern":"[ipv4-addr:value = '198.51.100.%d']","pattern_type":"stix","valid_from":"2020-01-01T00:00:00Z"}`, n, modified, n%250)
}

func indicatorID(n int) string { return fmt.Sprintf("indicator--00000000-0000-4000-8000-%012x", n) }

func domain(name string) string {
	o := map[string]any{"type": "domain-name", "value": name}
	id := stix.NewID("domain-name")
	o["id"] = id
	b, _ := json.Marshal(o)
	return string(b)
}

const (
	t1 = "2020-01-01T00:00:00.000Z"
	t2 = "2021-06-01T12:30:15.250Z"
	t3 = "2022-02-02T02:02:02.222Z"
)

func TestTAXIIDescribesItself(t *testing.T) {
	s := newSite(t)
	p := s.program("siem", "own:rw")
	d := p.get("/taxii2/")
	if d.code != 200 || d.body["title"] == "" || d.body["default"] != s.console.URL+"/taxii2/parley/" {
		t.Fatalf("discovery: %d %s", d.code, d.raw)
	}
	for _, path := range []string{"/taxii2", "/taxii2/parley/", "/taxii2/parley", "/taxii2/parley/collections/", p.own, "/taxii2/parley/collections/own"} {
		if r := p.get(path); r.code != 200 {
			t.Errorf("%s: %d %s", path, r.code, r.raw)
		}
	}
	root := p.get("/taxii2/parley/")
	if v, _ := root.body["versions"].([]any); len(v) != 1 || v[0] != taxiiType || root.body["max_content_length"].(float64) < 1<<20 {
		t.Errorf("root: %s", root.raw)
	}
	cs := p.get("/taxii2/parley/collections/").body["collections"].([]any)
	c := cs[0].(map[string]any)
	if len(cs) != 1 || c["can_read"] != true || c["can_write"] != true || c["alias"] != "own" {
		t.Errorf("collections: %v", cs)
	}
	id := c["id"].(string)
	if len(id) != 36 || id[14] != '4' || !strings.ContainsRune("89ab", rune(id[19])) {
		t.Errorf("collection id %q is no UUIDv4", id)
	}
	if r := p.get("/taxii2/parley/collections/" + id + "/objects/"); r.code != 200 || r.raw != `{"more":false}` || r.header.Get("X-TAXII-Date-Added-First") != "" {
		t.Errorf("empty collection: %d %s", r.code, r.raw)
	}
	for _, path := range []string{"/taxii2/other/", "/taxii2/parley/other/", "/taxii2/parley/collections/none/", "/taxii2/parley/collections/none/objects/", "/taxii2/other/collections/",
		p.own + "other/", p.own + "objects/x/other/", p.own + "objects/x/versions/y/", p.own + "objects/" + indicatorID(1) + "/", p.own + "objects/" + indicatorID(1) + "/versions/",
		"/taxii2/parley/status/" + id + "/"} {
		if r := p.get(path); r.code != 404 {
			t.Errorf("%s: %d, want 404", path, r.code)
		}
	}
	for _, m := range []string{"PUT", "PATCH", "DELETE"} {
		if r := p.send(m, p.own, ""); r.code != 405 || r.header.Get("Allow") == "" {
			t.Errorf("%s: %d", m, r.code)
		}
	}
}

func TestTAXIIKnowsWhoAsks(t *testing.T) {
	s := newSite(t)
	p := s.program("siem", "own:rw")
	reader, writer := s.program("reader", "own:r"), s.program("writer", "own:w")
	basic := func(user, password string) []string {
		req, _ := http.NewRequest("GET", "/", nil)
		req.SetBasicAuth(user, password)
		return []string{"Authorization", req.Header.Get("Authorization")}
	}
	if r := p.get("/taxii2/", basic("siem", p.token)...); r.code != 200 {
		t.Errorf("basic: %d", r.code)
	}
	if r := p.get("/taxii2/", "Authorization", "Token "+p.token); r.code != 200 {
		t.Errorf("token scheme: %d", r.code)
	}
	for name, h := range map[string][]string{
		"none": {"Authorization", ""}, "wrong token": {"Authorization", "Bearer " + p.token + "x"}, "another's name": basic("reader", p.token),
		"no password": basic("siem", ""), "not base64": {"Authorization", "Basic ???"}, "other scheme": {"Authorization", "Digest x"},
	} {
		for _, path := range []string{"/taxii2/", p.own + "objects/", "/taxii2/none/"} {
			if r := p.get(path, h...); r.code != 401 || len(r.header.Values("WWW-Authenticate")) == 0 {
				t.Errorf("%s %s: %d, want 401 with WWW-Authenticate", name, path, r.code)
			}
		}
	}
	if r := reader.add(indicator(1, t1)); r.code != 403 {
		t.Errorf("writing with read alone: %d", r.code)
	}
	st := writer.add(indicator(1, t1))
	if st.code != 202 {
		t.Errorf("writing: %d %s", st.code, st.raw)
	}
	for _, path := range []string{"objects/", "manifest/", "objects/" + indicatorID(1) + "/", "objects/" + indicatorID(1) + "/versions/"} {
		if r := writer.get(writer.own + path); r.code != 403 {
			t.Errorf("reading %s with write alone: %d", path, r.code)
		}
	}
	for _, x := range []*program{reader, writer} {
		if r := x.send("DELETE", x.own+"objects/"+indicatorID(1)+"/", ""); r.code != 403 {
			t.Errorf("deleting without both rights: %d", r.code)
		}
	}
	status := "/taxii2/parley/status/" + st.body["id"].(string) + "/"
	if a, b := writer.get(status).code, reader.get(status).code; a != 200 || b != 404 {
		t.Errorf("status for its owner %d, for another %d", a, b)
	}
	if err := s.node.RemoveAPIUser(t.Context(), "reader"); err != nil {
		t.Fatal(err)
	}
}

func TestTAXIIMediaTypes(t *testing.T) {
	s := newSite(t)
	p := s.program("siem", "own:rw")
	for accept, want := range map[string]int{
		taxiiType: 200, "application/taxii+json": 200, "application/taxii+json; version=2.1": 200, `application/taxii+json; version="2.1"`: 200,
		"APPLICATION/TAXII+JSON;VERSION=2.1": 200, "text/html, application/taxii+json;q=0.5": 200, "*/*": 200, "application/*;q=0.1": 200, "": 200,
		"application/taxii+json;version=2.0, */*;q=0.1": 200, "application/taxii+json;version=2.1;charset=utf-8": 200,
		"application/taxii+json;version=2.0": 406, "application/json": 406, "text/html": 406, "application/taxii+json;q=0": 406,
		"application/taxii+json;version=2.1;q=0, */*": 406, "application/vnd.oasis.taxii+json; version=2.0": 406, ";": 406,
	} {
		for _, path := range []string{"/taxii2/", "/taxii2/parley/", p.own, p.own + "objects/", p.own + "manifest/"} {
			if r := p.get(path, "Accept", accept); r.code != want {
				t.Errorf("Accept %q of %s: %d, want %d", accept, path, r.code, want)
			}
		}
	}
	n := 0
	for ct, want := range map[string]int{
		taxiiType: 202, "application/taxii+json": 202, "application/taxii+json; version=2.1": 202, `application/taxii+json; version="2.1"; charset=utf-8`: 202,
		"application/json": 415, "application/taxii+json;version=2.0": 415, "application/stix+json;version=2.1": 415, "": 415, "text/plain": 415, "a;b=": 415,
	} {
		n++
		if r := p.send("POST", p.own+"objects/", `{"objects":[`+indicator(n, t1)+`]}`, "Content-Type", ct); r.code != want {
			t.Errorf("Content-Type %q: %d, want %d", ct, r.code, want)
		}
	}
	if r := p.send("POST", p.own+"objects/", `{"objects":[`+indicator(1, t1)+`]}`, "Content-Encoding", "gzip"); r.code != 415 {
		t.Errorf("gzip: %d", r.code)
	}
	if r := p.send("POST", p.own+"objects/", `{"objects":[`+indicator(1, t1)+`]}`, "Accept", "text/html"); r.code != 406 {
		t.Errorf("POST accepting html: %d", r.code)
	}
}

// Objects are served in the bytes that came, with every filter.
func TestTAXIIObjects(t *testing.T) {
	s := newSite(t)
	p := s.program("siem", "own:rw")
	// Spelt so that decoding and encoding again would show.
	odd := `{ "type" : "domain-name",  "id":"domain-name--aeb20a40-9b2f-5f77-86b5-bd1e4f0bd9e0", "value":"example.org" , "x_a":1.50e1,"x_b":"\u00e9<&>"}`
	odd20 := `{"type":"campaign","id":"campaign--00000000-0000-4000-8000-00000000000c","created":"2015-05-05T05:05:05.500000Z","modified":"2015-05-05T05:05:05.500000Z","name":"of STIX 2.0"}`
	for _, o := range [][]string{{indicator(1, t1), indicator(2, t2)}, {indicator(1, t3), odd20}, {indicator(1, t2), odd}} {
		r := p.add(o...)
		if r.code != 202 || r.body["status"] != "complete" || r.body["success_count"] != 2.0 || r.body["failure_count"] != 0.0 || r.body["total_count"] != 2.0 {
			t.Fatalf("add: %d %s", r.code, r.raw)
		}
	}
	i1, i2, dom, camp := indicatorID(1), indicatorID(2), "domain-name--aeb20a40-9b2f-5f77-86b5-bd1e4f0bd9e0", "campaign--00000000-0000-4000-8000-00000000000c"
	all := p.get(p.own + "objects/?match[version]=all")
	if !strings.Contains(all.raw, odd) || !strings.Contains(all.raw, odd20) || !strings.Contains(all.raw, indicator(1, t3)) {
		t.Errorf("bytes changed: %s", all.raw)
	}
	first, last := all.header.Get("X-TAXII-Date-Added-First"), all.header.Get("X-TAXII-Date-Added-Last")
	if len(first) != len("2020-01-01T00:00:00.000000Z") || first >= last || last[len(last)-1] != 'Z' {
		t.Errorf("added from %q to %q", first, last)
	}
	man := p.get(p.own + "manifest/?match[version]=all")
	var added, versions []string
	for _, m := range man.body["objects"].([]any) {
		m := m.(map[string]any)
		added, versions = append(added, m["date_added"].(string)), append(versions, m["version"].(string))
		if m["media_type"] != "application/stix+json;version=2.1" && m["id"] != camp {
			t.Errorf("media type of %v", m)
		}
	}
	if !slices.IsSorted(added) || len(slices.Compact(slices.Clone(added))) != 6 || added[0] != first || added[5] != last {
		t.Errorf("dates of adding: %v", added)
	}
	if want := []string{t1, t2, t3, "2015-05-05T05:05:05.500000Z", t2, added[5]}; !slices.Equal(versions, want) {
		t.Errorf("versions %v, want %v", versions, want)
	}
	for query, want := range map[string][]string{
		"":                                           {i2, i1, camp, dom},
		"match[version]=last":                        {i2, i1, camp, dom},
		"match[version]=all":                         {i1, i2, i1, camp, i1, dom},
		"match[version]=first":                       {i1, i2, camp, dom},
		"match[version]=first,last":                  {i1, i2, i1, camp, dom},
		"match[version]=" + t2:                       {i2, i1},
		"match[version]=" + added[5]:                 {dom},
		"match[version]=" + t1 + ",last":             {i1, i2, i1, camp, dom},
		"match[version]=1999-01-01T00:00:00Z":        nil,
		"match[type]=indicator":                      {i2, i1},
		"match[type]=domain-name,campaign":           {camp, dom},
		"match[type]=malware":                        nil,
		"match[id]=" + i1:                            {i1},
		"match[id]=" + i1 + "," + dom + ",x":         {i1, dom},
		"match[id]=" + i1 + "&match[type]=campaign":  nil,
		"match[id]=" + i1 + "&match[version]=all":    {i1, i1, i1},
		"match[spec_version]=2.0":                    {camp},
		"match[spec_version]=2.1":                    {i2, i1, dom},
		"match[spec_version]=2.0,2.1":                {i2, i1, camp, dom},
		"match[spec_version]=2.0&match[version]=all": {camp},
		"match[spec_version]=3.0":                    nil,
		"added_after=" + added[2]:                    {camp, dom},
		"added_after=" + last:                        nil,
		"added_after=1960-01-01T00:00:00Z":           {i2, i1, camp, dom},
		"added_after=" + added[2][:26] + "999Z":      {camp, dom},
		"added_after=9999-01-01T00:00:00.123456789Z": nil,
		"limit=2":                                      {i2, i1},
		"limit=99999999999999999999999999":             {i2, i1, camp, dom},
		"match[type]=indicator&limit=1":                {i2},
		"match[version]=all&match[type]=indicator":     {i1, i2, i1, i1},
		"match[version]=first&added_after=" + added[0]: {i2, camp, dom},
	} {
		for _, kind := range []string{"objects/", "manifest/"} {
			r := p.get(p.own + kind + "?" + strings.ReplaceAll(query, "+", "%2B"))
			if r.code != 200 || !slices.Equal(r.ids(), want) {
				t.Errorf("%s?%s: %d %v, want %v", kind, query, r.code, r.ids(), want)
			}
			if _, there := r.body["objects"]; there != (len(want) > 0) {
				t.Errorf("%s?%s: list there %v", kind, query, there)
			}
		}
	}
	one := p.own + "objects/" + i1 + "/"
	for query, want := range map[string]string{"": t3, "?match[version]=first": t1, "?match[version]=" + t2: t2, "?match[version]=all&limit=1": t1} {
		r := p.get(one + query)
		if !strings.Contains(r.raw, `"modified":"`+want+`"`) || len(r.ids()) != 1 {
			t.Errorf("object%s: %s, want %s", query, r.raw, want)
		}
	}
	if r := p.get(one + "?match[version]=1999-01-01T00:00:00Z"); r.code != 200 || len(r.ids()) != 0 {
		t.Errorf("object of no such version: %d %s", r.code, r.raw)
	}
	v := p.get(one + "versions/")
	if got := fmt.Sprint(v.body["versions"]); v.code != 200 || got != fmt.Sprint([]string{t1, t3, t2}) {
		t.Errorf("versions: %d %s", v.code, v.raw)
	}
	if v := p.get(one + "versions/?limit=2"); v.body["more"] != true || v.body["next"] == nil || v.header.Get("X-TAXII-Date-Added-Last") != added[2] {
		t.Errorf("first two versions: %s", v.raw)
	}
	if v := p.get(one + "versions/?match[spec_version]=2.0"); v.code != 200 || v.body["versions"] != nil {
		t.Errorf("versions of 2.0: %d %s", v.code, v.raw)
	}
}

// Of each object the latest specification version alone is looked at, unless the
// request names some (TAXII 2.1 §3.4.1).
func TestTAXIISpecificationVersions(t *testing.T) {
	s := newSite(t)
	p := s.program("siem", "own:rw")
	of20 := func(n int, modified string) string {
		return strings.Replace(strings.Replace(indicator(n, modified), `"spec_version":"2.1",`, "", 1), `"pattern_type":"stix",`, `"labels":["malicious-activity"],`, 1)
	}
	if r := p.add(indicator(1, t1), of20(1, t2), of20(2, t1), of20(3, t1), indicator(3, t1)); r.body["failure_count"] != 0.0 {
		t.Fatalf("add: %s", r.raw)
	}
	for query, want := range map[string][]string{
		"":                            {t1 + " 2.1", t1 + " 2.0", t1 + " 2.1"},
		"match[version]=all":          {t1 + " 2.1", t1 + " 2.0", t1 + " 2.1"},
		"match[version]=first":        {t1 + " 2.1", t1 + " 2.0", t1 + " 2.1"},
		"match[version]=" + t2:        {t2 + " 2.0"},
		"match[version]=" + t1:        {t1 + " 2.1", t1 + " 2.0", t1 + " 2.1"},
		"match[spec_version]=2.0":     {t2 + " 2.0", t1 + " 2.0", t1 + " 2.0"},
		"match[spec_version]=2.1":     {t1 + " 2.1", t1 + " 2.1"},
		"match[spec_version]=2.0,2.1": {t2 + " 2.0", t1 + " 2.0", t1 + " 2.1"},
		"match[spec_version]=2.0,2.1&match[version]=all": {t1 + " 2.1", t2 + " 2.0", t1 + " 2.0", t1 + " 2.0", t1 + " 2.1"},
	} {
		var got []string
		list, _ := p.get(p.own + "manifest/?" + query).body["objects"].([]any)
		for _, o := range list {
			m := o.(map[string]any)
			got = append(got, m["version"].(string)+" "+strings.TrimPrefix(m["media_type"].(string), "application/stix+json;version="))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
	}
}

// A session as the common Python client (taxii2client) has it, request for
// request, with what it checks of each answer.
func TestTAXIISessionOfTheCommonClient(t *testing.T) {
	s := newSite(t)
	p := s.program("siem", "own:rw")
	req, _ := http.NewRequest("GET", "/", nil)
	req.SetBasicAuth("siem", p.token)
	session := []string{"Authorization", req.Header.Get("Authorization"), "User-Agent", "taxii2-client/2.3.0", "Accept-Encoding", "gzip, deflate"}
	call := func(method, address, body string) reply {
		t.Helper()
		r := p.send(method, strings.TrimPrefix(address, s.console.URL), body, session...)
		if r.code < 200 || r.code > 299 {
			t.Fatalf("%s %s: %d %s", method, address, r.code, r.raw)
		}
		return r
	}
	d := call("GET", s.console.URL+"/taxii2/", "").body
	root := d["default"].(string)
	if list := d["api_roots"].([]any); d["title"] == "" || !slices.Contains(list, any(root)) {
		t.Errorf("the default API root is none of those listed: %v", d)
	}
	if r := call("GET", root, "").body; r["title"] == "" || len(r["versions"].([]any)) == 0 || r["max_content_length"].(float64) <= 0 {
		t.Errorf("API root: %v", r)
	}
	c := call("GET", root+"collections/", "").body["collections"].([]any)[0].(map[string]any)
	own := root + "collections/" + c["id"].(string) + "/"
	if c["title"] == "" || c["can_read"] != true || c["can_write"] != true {
		t.Errorf("collection: %v", c)
	}
	// add_objects, which joins ../../status/ID to the collection's address.
	var objects []string
	for i := range 10 {
		objects = append(objects, indicator(i, t1))
	}
	objects = append(objects, strings.Replace(indicator(99, t1), "valid_from", "valid_form", 1))
	st := call("POST", own+"objects/", `{"objects": [`+strings.Join(objects, ", ")+`]}`)
	checkStatus := func(st map[string]any) {
		t.Helper()
		sum := 0.0
		for _, k := range []string{"success", "failure", "pending"} {
			n := st[k+"_count"].(float64)
			list, _ := st[map[string]string{"success": "successes", "failure": "failures", "pending": "pendings"}[k]].([]any)
			if sum += n; len(list) > 0 && float64(len(list)) != n {
				t.Errorf("%s_count %v, listed %d", k, n, len(list))
			}
		}
		if st["id"] == "" || st["status"] != "complete" || sum != st["total_count"] || sum != 11 || st["failure_count"] != 1.0 {
			t.Errorf("status: %v", st)
		}
	}
	checkStatus(st.body)
	base, _ := url.Parse(own)
	status, _ := base.Parse("../../status/" + st.body["id"].(string))
	checkStatus(call("GET", status.String()+"/", "").body)
	// as_pages, of objects and of the manifest.
	for _, kind := range []string{"objects/", "manifest/"} {
		var ids []string
		page := call("GET", own+kind+"?limit=4&added_after=2016-02-21T05:01:01.000Z", "")
		for {
			ids = append(ids, page.ids()...)
			if more, _ := page.body["more"].(bool); !more {
				break
			}
			page = call("GET", own+kind+"?limit=4&next="+url.QueryEscape(page.body["next"].(string))+"&added_after=2016-02-21T05:01:01.000Z", "")
		}
		if len(ids) != 10 || ids[0] != indicatorID(0) || ids[9] != indicatorID(9) {
			t.Errorf("%s: %v", kind, ids)
		}
	}
	one := own + "objects/" + indicatorID(3) + "/"
	call("POST", own+"objects/", `{"objects": [`+indicator(3, t2)+`]}`)
	if r := call("GET", one, ""); len(r.ids()) != 1 || !strings.Contains(r.raw, t2) {
		t.Errorf("get_object: %s", r.raw)
	}
	if r := call("GET", one+"?match[version]=all&match[spec_version]=2.1", ""); len(r.ids()) != 2 {
		t.Errorf("get_object with filters: %s", r.raw)
	}
	if r := call("GET", one+"versions/", ""); fmt.Sprint(r.body["versions"]) != fmt.Sprint([]string{t1, t2}) {
		t.Errorf("object_versions: %s", r.raw)
	}
	call("DELETE", one, "")
	if r := p.get(strings.TrimPrefix(one, s.console.URL)); r.code != 404 {
		t.Errorf("after delete_object: %d", r.code)
	}
}

func TestTAXIIDeletes(t *testing.T) {
	s := newSite(t)
	p := s.program("siem", "own:rw")
	for _, v := range []string{t1, t2, t3} {
		p.add(indicator(1, v), indicator(2, v))
	}
	one := p.own + "objects/" + indicatorID(1) + "/"
	left := func(want ...string) {
		t.Helper()
		if got := fmt.Sprint(p.get(one + "versions/").body["versions"]); got != fmt.Sprint(want) {
			t.Errorf("versions left: %v, want %v", got, want)
		}
	}
	if r := p.send("DELETE", one+"?match[version]=last", ""); r.code != 200 {
		t.Errorf("deleting the last: %d %s", r.code, r.raw)
	}
	left(t1, t2)
	if r := p.get(one); !strings.Contains(r.raw, t2) {
		t.Errorf("the newest is now %s", r.raw)
	}
	if r := p.send("DELETE", one+"?match[version]="+t1, ""); r.code != 200 {
		t.Errorf("deleting a version: %d", r.code)
	}
	left(t2)
	for _, q := range []string{"?match[version]=" + t1, "?match[spec_version]=2.0"} {
		if r := p.send("DELETE", one+q, ""); r.code != 404 {
			t.Errorf("deleting what is not there: %d", r.code)
		}
	}
	if r := p.send("DELETE", one+"?limit=1", ""); r.code != 400 {
		t.Errorf("deleting with limit: %d", r.code)
	}
	if r := p.send("DELETE", one, ""); r.code != 200 {
		t.Errorf("deleting: %d", r.code)
	}
	if r := p.get(one); r.code != 404 {
		t.Errorf("deleted object: %d", r.code)
	}
	if got := p.get(p.own + "objects/").ids(); !slices.Equal(got, []string{indicatorID(2)}) {
		t.Errorf("the other: %v", got)
	}
	if r := p.add(indicator(1, t1)); r.body["success_count"] != 1.0 {
		t.Errorf("adding again: %s", r.raw)
	}
}

// What cannot be meant is refused with a reason and changes nothing.
func TestTAXIIBadInput(t *testing.T) {
	s := newSite(t)
	p := s.program("siem", "own:rw")
	p.add(indicator(1, t1), indicator(2, t1), indicator(3, t1))
	next := p.get(p.own + "objects/?limit=1").body["next"].(string)
	forged := []byte(next)
	forged[5] ^= 1
	for _, q := range []string{
		"limit=0", "limit=-1", "limit=x", "limit=", "limit=1.5", "limit=1&limit=2", "limit=%201", "limit=" + strings.Repeat("9", 500),
		"added_after=yesterday", "added_after=", "added_after=2020-01-01", "added_after=2020-01-01T00:00:00", "added_after=2020-01-01T00:00:00%2B02:00",
		"added_after=2020-13-01T00:00:00Z", "added_after=2020-01-01T00:00:00.Z",
		"next=", "next=1", "next=x", "next=" + url.QueryEscape(string(forged)), "next=" + next[:10], "next=" + next + "A",
		"match[version]=newest", "match[version]=all,first", "match[version]=last,all", "match[version]=last,last", "match[version]=" + t1 + "," + t1, "match[version]=", "match[version]=2020", "match[id]=", "match[type]=a,,b", "match[colour]=red", "match=x", "addedafter=" + t1,
		"match[id]=" + strings.Repeat("a,", 1001) + "a",
	} {
		for _, kind := range []string{"objects/", "manifest/"} {
			if r := p.get(p.own + kind + "?" + q); r.code != 400 || r.body["description"] == nil {
				t.Errorf("%.60s: %d %s, want 400", q, r.code, r.raw)
			}
		}
	}
	// A position goes with the match parameters that it was given for.
	if r := p.get(p.own + "objects/?limit=1&match[type]=tool&next=" + next); r.code != 400 {
		t.Errorf("next with other match parameters: %d %s", r.code, r.raw)
	}
	if r := p.get(p.own + "objects/?limit=2&next=" + next); r.code != 200 || len(r.ids()) != 2 {
		t.Errorf("next with another limit: %d %s", r.code, r.raw)
	}
	if r := p.get(p.own + "objects/" + indicatorID(1) + "/?match[type]=indicator"); r.code != 400 {
		t.Errorf("match[type] on one object: %d", r.code)
	}
	deep := strings.Repeat("[", 100000) + strings.Repeat("]", 100000)
	for name, body := range map[string]string{
		"nothing": " ", "text": "hello", "array": "[" + indicator(9, t1) + "]", "object": indicator(9, t1), "cut off": `{"objects":[` + indicator(9, t1),
		"bundle": `{"type":"bundle","id":"` + stix.NewID("bundle") + `","objects":[` + indicator(9, t1) + `]}`, "no list": `{}`, "empty list": `{"objects":[]}`,
		"twice": `{"objects":[` + indicator(9, t1) + `],"objects":[` + indicator(8, t1) + `]}`, "deep": `{"objects":[` + deep + `]}`, "tail": `{"objects":[` + indicator(9, t1) + `]} x`,
		"long string": `{"objects":[{"type":"` + strings.Repeat("a", 20<<20) + `"}]}`,
	} {
		if r := p.send("POST", p.own+"objects/", body); r.code != 422 {
			t.Errorf("%s: %d %.200s, want 422", name, r.code, r.raw)
		}
	}
	bad := map[string]string{
		"type":      `{"type":"indicator","spec_version":"2.1","id":"malware--00000000-0000-4000-8000-000000000009","created":"` + t1 + `","modified":"` + t1 + `"}`,
		"no id":     `{"type":"indicator"}`,
		"number":    `5`,
		"dup":       `{"type":"domain-name","id":"` + stix.NewID("domain-name") + `","value":"a","value":"b"}`,
		"nest":      `{"type":"domain-name","id":"` + stix.NewID("domain-name") + `","value":"a","x_y":` + strings.Repeat("[", 80) + strings.Repeat("]", 80) + `}`,
		"surrogate": `{"type":"domain-name","id":"` + stix.NewID("domain-name") + `","value":"\ud800"}`,
		"lacks":     `{"type":"indicator","spec_version":"2.1","id":"` + stix.NewID("indicator") + `","created":"` + t1 + `","modified":"` + t1 + `"}`,
		"timestamp": strings.Replace(indicator(77, t1), t1, "2020-01-01 00:00", 1),
		"created":   strings.Replace(indicator(78, t1), `"created":"`, `"created":"x`, 1),
		"conflict":  strings.Replace(indicator(1, t1), "198", "203", 1),
	}
	for name, o := range bad {
		r := p.add(o)
		list, _ := r.body["failures"].([]any)
		if r.code != 202 || r.body["failure_count"] != 1.0 || len(list) != 1 || r.body["status"] != "complete" || r.body["success_count"] != 0.0 || r.body["pending_count"] != 0.0 {
			t.Errorf("%s: %d %s", name, r.code, r.raw)
			continue
		}
		f := list[0].(map[string]any)
		if f["message"] == nil || f["id"] == "" || f["version"] == "" {
			t.Errorf("%s: failure %v", name, f)
		}
	}
	if got := p.get(p.own + "objects/").ids(); len(got) != 3 {
		t.Errorf("refused objects are served: %v", got)
	}
	fine := indicator(51, "2020-01-01T00:00:00.123456789Z")
	if r := p.add(fine); r.body["success_count"] != 1.0 || !strings.Contains(r.raw, "00.123456789Z") {
		t.Errorf("nanoseconds: %s", r.raw)
	}
	for _, path := range []string{"", "versions/", "?match[version]=2020-01-01T00:00:00.123456789Z"} {
		if r := p.get(p.own + "objects/" + indicatorID(51) + "/" + path); !strings.Contains(r.raw, "2020-01-01T00:00:00.123456789Z") {
			t.Errorf("nanoseconds %s: %s", path, r.raw)
		}
	}
	early := indicator(50, "1969-07-20T20:17:40.500Z")
	early = strings.Replace(early, `"created":"2020-01-01T00:00:00.000Z"`, `"created":"1969-07-20T20:17:40.000Z"`, 1)
	if r := p.add(early); r.body["success_count"] != 1.0 {
		t.Errorf("before 1970: %s", r.raw)
	}
	if r := p.get(p.own + "objects/" + indicatorID(50) + "/?match[version]=1969-07-20T20:17:40.500Z"); !strings.Contains(r.raw, early) {
		t.Errorf("before 1970: %s", r.raw)
	}
}

// Of a thousand objects one is bad: the rest is stored, the reason is told, and
// the status can be asked for again.
func TestTAXIIOneBadInAThousand(t *testing.T) {
	s := newSite(t)
	p := s.program("siem", "own:rw")
	var objects []string
	for i := range 1000 {
		objects = append(objects, indicator(i, t1))
	}
	objects[500] = `{"type":"indicator","id":"indicator--x"}`
	r := p.add(objects...)
	if r.body["success_count"] != 999.0 || r.body["failure_count"] != 1.0 || r.body["total_count"] != 1000.0 || len(r.body["successes"].([]any)) != 999 {
		t.Fatalf("status %v %v", r.body["success_count"], r.body["failures"])
	}
	if f := r.body["failures"].([]any)[0].(map[string]any); f["id"] != "indicator--x" || f["message"] == nil {
		t.Errorf("failure %v", f)
	}
	if again := p.get("/taxii2/parley/status/" + r.body["id"].(string) + "/"); again.raw != r.raw {
		t.Errorf("the status differs when asked again")
	}
	if got := len(p.get(p.own + "objects/").ids()); got != 999 {
		t.Errorf("%d objects", got)
	}
	if r := p.add(objects[:10]...); r.body["success_count"] != 10.0 {
		t.Errorf("adding the same again: %s", r.raw)
	}
	if got := len(p.get(p.own + "objects/?match[version]=all").ids()); got != 999 {
		t.Errorf("%d versions after adding the same again", got)
	}
}

// crawl follows next until there is no more.
func (p *program) crawl(kind, query string) (ids []string) {
	p.s.t.Helper()
	next := ""
	for range 10_000 {
		q := query
		if next != "" {
			q += "&next=" + next
		}
		r := p.get(p.own + kind + "?" + q)
		if r.code != 200 {
			p.s.t.Fatalf("crawl: %d %s", r.code, r.raw)
		}
		ids = append(ids, r.ids()...)
		more := r.body["more"] == true
		if next, _ = r.body["next"].(string); more != (next != "") {
			p.s.t.Fatalf("more %v, next %q", more, next)
		}
		if !more {
			return ids
		}
	}
	p.s.t.Fatal("the crawl does not end")
	return nil
}

// While two write, some objects at a time, a crawler by next and a poller by
// added_after see every object once, in order.
func TestTAXIIPagesAreStable(t *testing.T) {
	s := newSite(t)
	p := s.program("siem", "own:rw")
	const writers, rounds = 2, 15
	var writing sync.WaitGroup
	total := 0
	for w := range writers {
		for r := range rounds {
			total += 1 + (r*37+w)%90
		}
		writing.Go(func() {
			n := 0
			for r := range rounds {
				var objects []string
				for range 1 + (r*37+w)%90 {
					objects = append(objects, indicator(w*100_000+n, t1))
					n++
				}
				if r := p.add(objects...); r.code != 202 || r.body["failure_count"] != 0.0 {
					t.Errorf("add: %d %s", r.code, r.raw)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { writing.Wait(); close(done) }()
	finished := func() bool {
		select {
		case <-done:
			return true
		default:
			return false
		}
	}
	var readers sync.WaitGroup
	check := func(who string, seen []string) {
		if n := len(seen); n != total {
			t.Errorf("%s saw %d objects, want %d", who, n, total)
		}
		if slices.Sort(seen); len(slices.Compact(seen)) != total {
			t.Errorf("%s saw objects twice", who)
		}
	}
	for _, kind := range []string{"objects/", "manifest/"} {
		readers.Go(func() {
			var seen []string
			query := "limit=7"
			for last := false; ; {
				// A crawl to the end, then on from the last date of adding.
				next := ""
				for {
					q := query
					if next != "" {
						q += "&next=" + next
					}
					r := p.get(p.own + kind + "?" + q)
					seen = append(seen, r.ids()...)
					if at := r.header.Get("X-TAXII-Date-Added-Last"); at != "" && r.body["more"] != true {
						query = "limit=7&added_after=" + at
					}
					if next, _ = r.body["next"].(string); next == "" {
						break
					}
				}
				if last {
					break
				}
				last = finished()
			}
			check("the crawler of "+kind, seen)
		})
	}
	readers.Go(func() {
		var seen []string
		after := "2000-01-01T00:00:00Z"
		for last := false; ; {
			r := p.get(p.own + "objects/?limit=11&added_after=" + after)
			seen = append(seen, r.ids()...)
			if at := r.header.Get("X-TAXII-Date-Added-Last"); at != "" {
				after = at
				continue
			}
			if last {
				break
			}
			last = finished()
		}
		check("the poller", seen)
	})
	readers.Wait()
	check("who comes later", p.crawl("objects/", "limit=100"))
}

func openSite(t *testing.T, dir string) (*site, func()) {
	t.Helper()
	n, err := node.Open(t.Context(), dir, node.Options{Every: -1})
	if err != nil {
		t.Fatal(err)
	}
	api := web.New(n, "test", slog.New(slog.DiscardHandler))
	s := &site{t: t, node: n, api: api, console: httptest.NewServer(api.Console())}
	return s, func() {
		s.console.Close()
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Positions and statuses outlast the process.
func TestTAXIIOutlivesARestart(t *testing.T) {
	dir := t.TempDir()
	if _, err := node.Init(dir, node.Config{Party: "north", Name: "North (fictional)", Link: "127.0.0.1:0", Console: "127.0.0.1:0"}); err != nil {
		t.Fatal(err)
	}
	first, stop := openSite(t, dir)
	p := first.program("siem", "own:rw")
	st := p.add(indicator(1, t1), indicator(2, t1), indicator(3, t1))
	next := p.get(p.own + "objects/?limit=2").body["next"].(string)
	stop()
	second, stop := openSite(t, dir)
	defer stop()
	p.s = second
	if r := p.get(p.own + "objects/?limit=2&next=" + next); !slices.Equal(r.ids(), []string{indicatorID(3)}) {
		t.Errorf("next after a restart: %s", r.raw)
	}
	if r := p.get("/taxii2/parley/status/" + st.body["id"].(string) + "/"); r.raw != st.raw {
		t.Errorf("status after a restart: %s, want %s", r.raw, st.raw)
	}
}

// A body over the limit is answered, however it is sent.
func TestTAXIILargeBodies(t *testing.T) {
	if testing.Short() {
		t.Skip("sends 100 MB")
	}
	s := newSite(t)
	p := s.program("siem", "own:rw")
	huge := func() io.Reader {
		return io.MultiReader(strings.NewReader(`{"objects":[`), io.LimitReader(zeros{}, 70<<20), strings.NewReader(`]}`))
	}
	for name, length := range map[string]int64{"with its length": 70<<20 + 14, "without": -1} {
		req, err := http.NewRequest("POST", s.console.URL+p.own+"objects/", huge())
		if err != nil {
			t.Fatal(err)
		}
		req.ContentLength = length
		req.Header.Set("Content-Type", taxiiType)
		req.Header.Set("Authorization", "Bearer "+p.token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != 413 || !bytes.Contains(b, []byte(`"title"`)) {
			t.Errorf("%s: %d %s", name, resp.StatusCode, b)
		}
	}
	// A client that sends all before it reads, as simple ones do, and one
	// without credentials.
	for auth, want := range map[string]string{"Bearer " + p.token: "413", "Bearer x": "401"} {
		c, err := net.Dial("tcp", strings.TrimPrefix(s.console.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(c, "POST %sobjects/ HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", p.own, auth, taxiiType, 70<<20)
		if _, err := io.Copy(c, io.LimitReader(zeros{}, 70<<20)); err != nil {
			t.Errorf("sending: %v", err)
		}
		b, err := io.ReadAll(io.LimitReader(c, 1<<20))
		if err != nil || !bytes.Contains(b, []byte(want)) || !bytes.Contains(b, []byte("title")) {
			t.Errorf("answer %q, %v; want %s", b, err, want)
		}
		c.Close()
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// Real objects go in and come out again, byte for byte.
func TestTAXIIRealObjects(t *testing.T) {
	dir := os.Getenv("PARLEY_DATA")
	if dir == "" {
		dir = "../../../shared/data"
	}
	f, err := os.Open(dir + "/ics-attack-2.1.json")
	if err != nil {
		t.Skipf("no real objects: %v", err)
	}
	defer f.Close()
	var objects []string
	if _, err := stix.ReadBundle(f, func(_ int, raw []byte) error { objects = append(objects, string(raw)); return nil }); err != nil {
		t.Fatal(err)
	}
	s := newSite(t)
	p := s.program("siem", "own:rw")
	for start := 0; start < len(objects); start += 1000 {
		if r := p.add(objects[start:min(start+1000, len(objects))]...); r.body["failure_count"] != 0.0 {
			t.Fatalf("refused: %v", r.body["failures"])
		}
	}
	var got []string
	next := ""
	for {
		r := p.get(p.own + "objects/?limit=300&match[version]=all" + next)
		if _, err := stix.ReadBundle(strings.NewReader(r.raw), func(_ int, raw []byte) error { got = append(got, string(raw)); return nil }); err != nil {
			t.Fatal(err)
		}
		if r.body["next"] == nil {
			break
		}
		next = "&next=" + r.body["next"].(string)
	}
	if !slices.Equal(got, objects) {
		t.Errorf("%d objects came back of %d, or in other bytes", len(got), len(objects))
	}
}
