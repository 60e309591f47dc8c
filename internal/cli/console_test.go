package cli_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"parley.example/parley/console"
	"parley.example/parley/internal/demo"
)

// A browser signs in to each of three real nodes by its one-time link and
// finds on every page, in every language, what a person needs to see there.
func TestConsoleOfRealNodes(t *testing.T) {
	if !console.Built() {
		t.Skip("the console is not built: make console")
	}
	js, err := exec.LookPath("node")
	if err != nil {
		t.Skip("Node.js is not installed, which drives the browser")
	}
	binary, err := exec.LookPath("parley") // this test binary, as TestMain arranged
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	w, err := demo.Play(t.Context(), demo.Options{Binary: binary, Dir: dir, Seed: 7})
	defer func() {
		if err := w.Stop(); err != nil {
			t.Error(err)
		}
	}()
	if err != nil {
		t.Fatal(err)
	}
	links, err := w.Links(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	drive := func(what string, args ...string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute) // a browser that hangs is a failure, not a wait
		defer cancel()
		cmd := exec.CommandContext(ctx, js, args...)
		cmd.WaitDelay = 5 * time.Second
		cmd.Dir = filepath.Join("..", "..", "console")
		cmd.Env = os.Environ()
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", what, err, out)
		}
	}
	for _, party := range []string{"north", "south", "guarantor"} {
		args := []string{"test/live.mjs", links[party]}
		if party != "south" {
			args = append(args, "--no-item") // only South has received anything
		}
		drive(party, args...)
	}
	// Then people of both parties work together; one of North's bombings needs two.
	if err := os.MkdirAll(filepath.Join(dir, "north", "policy"), 0o700); err != nil {
		t.Fatal(err)
	}
	policy := `permit(principal, action, resource);
@approvals("1") permit(principal, action, resource) when { resource.kind == "bombing" };`
	if err := os.WriteFile(filepath.Join(dir, "north", "policy", "own.cedar"), []byte(policy), 0o600); err != nil {
		t.Fatal(err)
	}
	receipt := filepath.Join(t.TempDir(), "receipt.txt")
	args := []string{"test/story.mjs"}
	for _, p := range []struct{ party, name, role string }{{"north", "Officer A", "officer"}, {"north", "Approver B", "approver"}, {"south", "Officer S", "officer"}} {
		out, err := exec.Command(binary, "user", "link", "--name", p.name, "--role", p.role, "--dir", filepath.Join(dir, p.party)).Output()
		if err != nil {
			t.Fatalf("link for %s: %v", p.name, err)
		}
		args = append(args, regexp.MustCompile(`http\S+`).FindString(string(out)))
	}
	drive("two parties", append(args, receipt)...)
	if out, err := exec.Command(binary, "verify", receipt).CombinedOutput(); err != nil {
		t.Errorf("the receipt that the partner kept: %v\n%s", err, out)
	}
}
