// Package deploy_test checks what an operator installs beside the binary.
package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The unit is one that systemd reads, and as closed as its own measure can tell.
func TestUnit(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not installed (Debian: apt install systemd): the unit was not checked")
	}
	unit, err := os.ReadFile("systemd/parley.service")
	if err != nil {
		t.Fatal(err)
	}
	// Neither the binary nor its man page is installed here.
	text := strings.ReplaceAll(string(unit), "/usr/bin/parley", "/bin/true")
	text = strings.ReplaceAll(text, "Documentation=man:parley(1)", "Documentation=")
	file := filepath.Join(t.TempDir(), "parley.service")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(analyze, "verify", file).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
	const threshold = "15" // tenths: 1.5 of 10
	if out, err := exec.Command(analyze, "security", "--offline=yes", "--no-pager", "--threshold="+threshold, file).CombinedOutput(); err != nil {
		t.Errorf("the unit is more open than %s tenths: %v\n%s", threshold, err, out)
	}
}

// What scripts run on a machine must read, and parts of the package must be there.
func TestScriptsRead(t *testing.T) {
	scripts, err := filepath.Glob("debian/*")
	if err != nil || len(scripts) < 4 {
		t.Fatalf("scripts: %v, %v", scripts, err)
	}
	drills, err := filepath.Glob("drills/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range append(scripts, drills...) {
		shell := "bash"
		if b, err := os.ReadFile(s); err == nil && strings.HasPrefix(string(b), "#!/bin/sh") {
			shell = "sh"
		}
		if out, err := exec.Command(shell, "-n", s).CombinedOutput(); err != nil {
			t.Errorf("%s does not read: %v\n%s", s, err, out)
		}
	}
	list, err := os.ReadFile("nfpm.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(list)) {
		_, src, ok := strings.Cut(line, "{src: ")
		if !ok {
			continue
		}
		src, _, _ = strings.Cut(src, ",")
		if strings.HasPrefix(src, "bin/") {
			continue // made by make deb
		}
		if found, err := filepath.Glob(filepath.Join("..", src)); err != nil || len(found) == 0 {
			t.Errorf("the package names %s, which is not there", src)
		}
	}
}
