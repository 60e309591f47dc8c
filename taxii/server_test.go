package taxii_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"parley.example/parley/taxii"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// shelf is a Backend with one collection in memory.
type shelf struct {
	records []taxii.Record
	fail    error
}

func (s *shelf) Discovery(context.Context, taxii.User) (taxii.Discovery, error) {
	return taxii.Discovery{Title: "test", Default: "r", APIRoots: []string{"r"}}, s.fail
}

func (s *shelf) Root(context.Context, taxii.User, string) (taxii.Root, error) {
	return taxii.Root{Title: "r"}, s.fail
}

func (s *shelf) Collections(context.Context, taxii.User, string) ([]taxii.Collection, error) {
	return nil, s.fail
}

func (s *shelf) Collection(context.Context, taxii.User, string, string) (taxii.Collection, error) {
	return taxii.Collection{ID: "c", Title: "c", CanRead: true, CanWrite: true}, s.fail
}

func (s *shelf) Page(_ context.Context, _ taxii.User, _ string, _ taxii.Collection, q taxii.Query) (p taxii.Page, err error) {
	for _, r := range s.records {
		if r.Added <= q.After {
			continue
		}
		if len(p.Records) == q.Limit {
			p.More = true
			break
		}
		p.Records = append(p.Records, r)
	}
	return p, s.fail
}

func (s *shelf) Add(_ context.Context, _ taxii.User, _ string, _ taxii.Collection, objects [][]byte) (taxii.Status, error) {
	return taxii.Status{ID: "s", Status: taxii.Complete, TotalCount: len(objects), SuccessCount: len(objects)}, s.fail
}

func (s *shelf) Delete(context.Context, taxii.User, string, taxii.Collection, taxii.Query) error {
	return s.fail
}

func (s *shelf) Status(context.Context, taxii.User, string, string) (taxii.Status, error) {
	return taxii.Status{}, taxii.ErrNotFound
}

// door lets in whoever says open, and counts.
type door struct{ asked int }

func (d *door) Authenticate(_ context.Context, c taxii.Credentials) (taxii.User, error) {
	if d.asked++; c.Secret != "open" {
		return taxii.User{}, taxii.ErrUnauthorized
	}
	return taxii.User{Name: "u"}, nil
}

func serve(t *testing.T, b taxii.Backend, a taxii.Authenticator, opt taxii.Options) *httptest.Server {
	t.Helper()
	opt.Key = []byte("0123456789abcdef")
	s, err := taxii.NewServer(b, a, opt)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	return srv
}

// A client that stops in the middle of a body is answered, not waited for.
func TestStalledBody(t *testing.T) {
	srv := serve(t, &shelf{}, &door{}, taxii.Options{Stall: 100 * time.Millisecond})
	c, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "POST /taxii2/r/collections/c/objects/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer open\r\nContent-Type: %s\r\nContent-Length: 5000\r\n\r\n{\"obj", taxii.MediaType)
	_ = c.SetReadDeadline(time.Now().Add(30 * time.Second))
	b, err := io.ReadAll(c)
	if err != nil || !bytes.HasPrefix(b, []byte("HTTP/1.1 408")) || !bytes.Contains(b, []byte(`"title"`)) {
		t.Errorf("answer %q, %v", b, err)
	}
}

func TestTooLarge(t *testing.T) {
	srv := serve(t, &shelf{}, &door{}, taxii.Options{MaxContent: 100})
	for size, want := range map[int]int{100: 202, 101: 413, 5000: 413, 3 << 20: 413} {
		for _, chunked := range []bool{false, true} {
			body := `{"objects":[1` + strings.Repeat(" ", size-15) + `]}`
			req, _ := http.NewRequest("POST", srv.URL+"/taxii2/r/collections/c/objects/", strings.NewReader(body))
			if chunked {
				req.ContentLength = -1
			}
			req.Header.Set("Authorization", "Bearer open")
			req.Header.Set("Content-Type", "application/taxii+json")
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Errorf("%d bytes: %v", len(body), err)
				continue
			}
			resp.Body.Close()
			if resp.StatusCode != want {
				t.Errorf("%d bytes, chunked %v: %d, want %d", len(body), chunked, resp.StatusCode, want)
			}
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

// The cause of a failure goes to the log, not to the client.
func TestFailuresTellNothing(t *testing.T) {
	srv := serve(t, &shelf{fail: errors.New("secret cause")}, &door{}, taxii.Options{})
	for _, path := range []string{"", "/r/", "/r/collections/", "/r/collections/c/", "/r/collections/c/objects/"} {
		req, _ := http.NewRequest("GET", srv.URL+"/taxii2"+path, nil)
		req.Header.Set("Authorization", "Bearer open")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != 500 || bytes.Contains(b, []byte("secret")) || !bytes.Contains(b, []byte(`"error_id"`)) {
			t.Errorf("%s: %d %s", path, resp.StatusCode, b)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestCachedAuth(t *testing.T) {
	d := &door{}
	c := taxii.NewCachedAuth(d, time.Hour)
	for range 5 {
		if u, err := c.Authenticate(t.Context(), taxii.Credentials{Secret: "open"}); err != nil || u.Name != "u" {
			t.Fatal(u, err)
		}
	}
	if d.asked != 1 {
		t.Errorf("asked %d times, want once", d.asked)
	}
	for range 2 {
		if _, err := c.Authenticate(t.Context(), taxii.Credentials{Name: "open"}); !errors.Is(err, taxii.ErrUnauthorized) {
			t.Errorf("wrong credentials: %v", err)
		}
	}
	if d.asked != 3 {
		t.Errorf("asked %d times: refusals are not remembered", d.asked)
	}
	c.Forget()
	if _, err := c.Authenticate(t.Context(), taxii.Credentials{Secret: "open"}); err != nil || d.asked != 4 {
		t.Errorf("after Forget: asked %d times, %v", d.asked, err)
	}
}
