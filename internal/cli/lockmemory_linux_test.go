package cli_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// A process whose keys are sealed locks its memory, and dumps no core.
func TestMemoryIsLocked(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may lock memory without a limit here")
	}
	dir, pass := filepath.Join(t.TempDir(), "north"), filepath.Join(t.TempDir(), "pass")
	if err := os.WriteFile(pass, []byte("correct horse battery staple\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PARLEY_KEY_PASSPHRASE", pass)
	for _, args := range [][]string{{"init", "--party", "north", "--name", "North", "--link", "127.0.0.1:0", "--console", "127.0.0.1:0"}, {"keys", "seal"}} {
		if out, err := exec.Command("parley", append(args, "--dir", dir)...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v: %s", args, err, out)
		}
	}
	cmd, _ := serveProcess(t, dir)
	read := func(file, pattern string) string {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", cmd.Process.Pid, file))
		if err != nil {
			t.Fatal(err)
		}
		m := regexp.MustCompile(pattern).FindSubmatch(b)
		if m == nil {
			t.Fatalf("no %s in %s", pattern, b)
		}
		return string(m[1])
	}
	if got := read("status", `VmLck:\s+(\d+) kB`); got == "0" {
		t.Error("no memory is locked")
	}
	if got := read("limits", `Max core file size\s+(\d+)`); got != "0" {
		t.Errorf("cores of up to %s bytes are dumped", got)
	}
}
