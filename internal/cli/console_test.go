package cli_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
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
	w, err := demo.Play(t.Context(), demo.Options{Binary: binary, Dir: t.TempDir(), Seed: 7})
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
	for _, party := range []string{"north", "south", "guarantor"} {
		args := []string{"test/live.mjs", links[party]}
		if party != "south" {
			args = append(args, "--no-item") // only South has received anything
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute) // a browser that hangs is a failure, not a wait
		defer cancel()
		cmd := exec.CommandContext(ctx, js, args...)
		cmd.WaitDelay = 5 * time.Second
		cmd.Dir = filepath.Join("..", "..", "console")
		cmd.Env = os.Environ()
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", party, err, out)
		}
	}
}
