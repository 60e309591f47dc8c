package cli_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"parley.example/parley/internal/node"
	"parley.example/parley/taxii"
)

// A node that is killed while programs add objects has every object that it
// said was stored, no object of a request in part, and no status that still
// waits.
func TestTAXIIKilledWhileAdding(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "north")
	if out, err := exec.Command("parley", "init", "--dir", dir, "--party", "north", "--name", "North (fictional)", "--link", "127.0.0.1:0", "--console", "127.0.0.1:0").CombinedOutput(); err != nil {
		t.Fatalf("init: %v: %s", err, out)
	}
	cmd, c := serveProcess(t, dir)
	var made struct {
		Token string `json:"token"`
	}
	if err := c.Post(t.Context(), "/tokens", node.TokenAsk{Name: "siem", Collections: []string{"own:rw"}}, &made); err != nil {
		t.Fatal(err)
	}
	base := "http://" + consoleAddress(t, dir) + "/taxii2/parley/"
	send := func(method, path, body string, into any) (int, error) {
		req, err := http.NewRequestWithContext(t.Context(), method, base+path, strings.NewReader(body))
		if err != nil {
			return 0, err
		}
		req.Header.Set("Authorization", "Bearer "+made.Token)
		req.Header.Set("Content-Type", taxii.MediaType)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return 0, err
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err == nil && into != nil && resp.StatusCode < 300 {
			err = json.Unmarshal(b, into)
		}
		return resp.StatusCode, err
	}
	const writers, each, enough = 4, 50, 40
	id := func(writer, request, i int) string {
		return fmt.Sprintf("tool--00000000-0000-4000-8000-%04d%06d%02d", writer, request, i)
	}
	var mu sync.Mutex // guards the two
	statuses := map[string]taxii.Status{}
	acked := map[string]bool{}
	full := make(chan struct{})
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for r := 0; ; r++ {
				var b bytes.Buffer
				for i := range each {
					fmt.Fprintf(&b, `%s{"type":"tool","spec_version":"2.1","id":%q,"created":"2024-01-01T00:00:00.000Z","modified":"2024-01-01T00:00:00.000Z","name":"t"}`, strings.Repeat(",", min(i, 1)), id(w, r, i))
				}
				var st taxii.Status
				if code, err := send("POST", "collections/own/objects/", `{"objects":[`+b.String()+`]}`, &st); err != nil || code != 202 {
					return // killed
				}
				mu.Lock()
				statuses[st.ID] = st
				for _, s := range st.Successes {
					acked[s.ID] = true
				}
				if len(statuses) == enough {
					close(full)
				}
				mu.Unlock()
			}
		})
	}
	<-full
	if err := cmd.Process.Kill(); err != nil { // SIGKILL, while others are under way
		t.Fatal(err)
	}
	_ = cmd.Wait()
	wg.Wait()

	serveProcess(t, dir)
	base = "http://" + consoleAddress(t, dir) + "/taxii2/parley/"
	held := map[string]bool{}
	for next := ""; ; {
		var m struct {
			More    bool                   `json:"more"`
			Next    string                 `json:"next"`
			Objects []taxii.ManifestRecord `json:"objects"`
		}
		if code, err := send("GET", "collections/own/manifest/?limit=1000"+next, "", &m); err != nil || code != 200 {
			t.Fatalf("manifest: %d, %v", code, err)
		}
		for _, o := range m.Objects {
			held[o.ID] = true
		}
		if !m.More {
			break
		}
		next = "&next=" + m.Next
	}
	for a := range acked {
		if !held[a] {
			t.Errorf("%s was said to be stored and is not there", a)
		}
	}
	if len(held)%each != 0 {
		t.Errorf("%d objects: a request is there in part", len(held))
	}
	for sid, want := range statuses {
		var st taxii.Status
		if code, err := send("GET", "status/"+sid+"/", "", &st); err != nil || code != 200 || st.Status != taxii.Complete || st.PendingCount != 0 || st.SuccessCount != want.SuccessCount {
			t.Errorf("status %s: %d, %+v, %v", sid, code, st, err)
		}
	}
}

// consoleAddress is where a node's console listens.
func consoleAddress(t *testing.T, dir string) string {
	t.Helper()
	var cfg node.Config
	b, err := os.ReadFile(filepath.Join(dir, "node.json"))
	if err == nil {
		err = json.Unmarshal(b, &cfg)
	}
	if err != nil {
		t.Fatal(err)
	}
	return cfg.Console
}
