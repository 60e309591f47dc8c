package cli_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"parley.example/parley/internal/client"
	"parley.example/parley/internal/node"
)

// serveProcess starts a node's process and waits until it answers.
func serveProcess(t *testing.T, dir string) (*exec.Cmd, *client.Client) {
	t.Helper()
	cmd := exec.Command("parley", "serve", "--dir", dir)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	c := client.New(dir)
	t.Cleanup(c.Close)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	end := time.After(time.Minute)
	for c.Get(t.Context(), "/session", nil, nil) != nil {
		select {
		case <-end:
			t.Fatalf("the node does not answer: %s", said.Bytes())
		case <-tick.C:
		}
	}
	return cmd, c
}

// An import whose node is killed in the middle goes on where it was when the
// file is imported again, and the account is of the whole file.
func TestImportGoesOnAfterKill(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "north")
	if out, err := exec.Command("parley", "init", "--dir", dir, "--party", "north", "--name", "North (fictional)", "--link", "127.0.0.1:0", "--console", "127.0.0.1:0").CombinedOutput(); err != nil {
		t.Fatalf("init: %v: %s", err, out)
	}
	// Enough for several transactions, and longer than what is held in memory.
	const n = 13_000
	name := filepath.Join(t.TempDir(), "many.json")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(f)
	fmt.Fprint(w, `{"type":"bundle","id":"bundle--5d0092c5-5f74-4287-9642-33f4c354e56d","objects":[`)
	for i := range n {
		if i > 0 {
			fmt.Fprint(w, ",")
		}
		if i%1000 == 7 {
			fmt.Fprintf(w, `{"type":"tool","id":"tool--%d"}`, i) // refused
			continue
		}
		fmt.Fprintf(w, `{"type":"tool","spec_version":"2.1","id":"tool--00000000-0000-4000-8000-%012d","created":"2024-01-01T00:00:00.000Z","modified":"2024-01-01T00:00:00.000Z","name":"tool %d","description":"%0700d"}`, i, i, i)
	}
	fmt.Fprint(w, "]}")
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}

	cmd, c := serveProcess(t, dir)
	sent := make(chan error, 1)
	go func() {
		f, err := os.Open(name)
		if err == nil {
			defer f.Close()
			err = c.Send(t.Context(), "/import", url.Values{"run": {"one"}, "name": {"many.json"}}, f, nil)
		}
		sent <- err
	}()
	imports := func(c *client.Client) []node.ImportRun {
		t.Helper()
		var out struct {
			Imports []node.ImportRun `json:"imports"`
		}
		if err := c.Get(t.Context(), "/imports", nil, &out); err != nil {
			t.Fatal(err)
		}
		return out.Imports
	}
	phases := map[string]bool{}
	for stored := int64(0); stored == 0; {
		for _, r := range imports(c) {
			if phases[r.Phase] = true; r.Run == "one" && r.Phase == "storing" {
				stored = r.Done
			}
		}
		select {
		case err := <-sent:
			t.Fatalf("the import ended (%v) before it was seen to store", err)
		default:
		}
	}
	if err := cmd.Process.Kill(); err != nil { // SIGKILL
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if err := <-sent; err == nil {
		t.Fatal("the import of a node that was killed is said to be done")
	}
	if !phases["receiving"] && !phases["checking"] {
		t.Logf("only seen: %v", phases)
	}

	_, c = serveProcess(t, dir)
	if left, _ := filepath.Glob(filepath.Join(dir, ".import-*")); len(left) != 0 {
		t.Errorf("the file is still there: %v", left)
	}
	stopped := imports(c)
	if len(stopped) != 1 || stopped[0].Running || stopped[0].Done < 2000 || stopped[0].Of != n || stopped[0].Name != "many.json" {
		t.Fatalf("stopped imports: %+v", stopped)
	}
	run := func() (got node.Import, code int) {
		t.Helper()
		out, err := exec.Command("parley", "import", name, "--json", "--dir", dir).Output()
		if err != nil {
			code = err.(*exec.ExitError).ExitCode()
		}
		var answer struct {
			Files []node.Import `json:"files"`
		}
		if err := json.Unmarshal(out, &answer); err != nil || len(answer.Files) != 1 {
			t.Fatalf("%v: %s", err, out)
		}
		return answer.Files[0], code
	}
	got, code := run()
	if code != 1 || got.Items != n || got.Taken != n-13 || got.Known != 0 || len(got.Refused) != 13 || int64(got.Continued) != stopped[0].Done {
		t.Errorf("account: %d items, %d taken, %d known, %d refused, %d before; exit %d", got.Items, got.Taken, got.Known, len(got.Refused), got.Continued, code)
	}
	for i, r := range got.Refused {
		if r.Item != i*1000+8 {
			t.Errorf("refusal %d is of item %d", i, r.Item)
		}
	}
	if left := imports(c); len(left) != 0 {
		t.Errorf("imports after the end: %+v", left)
	}
	if again, _ := run(); again.Taken != 0 || again.Known != n-13 || len(again.Refused) != 13 || again.Continued != 0 {
		t.Errorf("again: %d taken, %d known, %d refused, %d before", again.Taken, again.Known, len(again.Refused), again.Continued)
	}
	var found node.Found
	if err := c.Get(t.Context(), "/search", url.Values{"type": {"tool"}, "limit": {"1"}}, &found); err != nil {
		t.Fatal(err)
	}
}
