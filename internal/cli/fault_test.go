package cli_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"parley.example/parley/internal/node"
)

// makeNode makes a node's folder with the real binary.
func makeNode(t *testing.T, dir string) node.Config {
	t.Helper()
	if out, err := exec.Command("parley", "init", "--dir", dir, "--party", "north", "--name", "North (fictional)", "--link", "127.0.0.1:0", "--console", "127.0.0.1:0").CombinedOutput(); err != nil {
		t.Fatalf("init: %v: %s", err, out)
	}
	cfg, err := node.ReadConfig(dir)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// report is a CSV file with one report.
func report(t *testing.T, id, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "report.csv")
	b := "id,date,title,text,place,admin1,country,lat,lon,class,kind,source,tlp\n" +
		id + ",2026-02-04,report " + id + "," + text + ",Torkham,Nangarhar,Afghanistan,34.1,71.1,civilian,bombing,Police,TLP:GREEN\n"
	if err := os.WriteFile(name, []byte(b), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// command runs the binary on a node's folder.
func command(dir string, args ...string) (out string, err error) {
	b, err := exec.Command("parley", append(args, "--dir", dir)...).CombinedOutput()
	return string(b), err
}

// With few descriptors and a crowd that holds as many connections as it gets, the node
// goes on with everything else; when the crowd leaves, the console answers again.
func TestDescriptorsAreKeptForTheNode(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "north")
	cfg := makeNode(t, dir)
	lower(t, 128)
	cmd, c := serveProcess(t, dir)
	var crowd []net.Conn
	for range 160 {
		conn, err := net.DialTimeout("tcp", cfg.Console, 10*time.Second)
		if err != nil {
			t.Fatal(err) // the kernel takes what the node does not accept yet
		}
		crowd = append(crowd, conn)
	}
	if out, err := command(dir, "import", report(t, "n-1", "text")); err != nil {
		t.Errorf("import beside a crowd: %v: %s", err, out)
	}
	if open := descriptors(t, cmd.Process.Pid); open >= 128 {
		t.Errorf("%d descriptors are open", open)
	}
	for _, conn := range crowd {
		_ = conn.Close()
	}
	resp, err := (&http.Client{Timeout: time.Minute}).Get("http://" + cfg.Console + "/")
	if err != nil {
		t.Fatalf("after the crowd left: %v", err)
	}
	_ = resp.Body.Close()
	if err := c.Get(t.Context(), "/session", nil, nil); err != nil {
		t.Error(err)
	}
}

// lower lowers how many descriptors processes that the test starts may have.
func lower(t *testing.T, n uint64) {
	t.Helper()
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	now := was
	now.Cur, now.Max = n, n
	// A wrapper lowers it, as this process needs its own.
	wrap := filepath.Join(t.TempDir(), "parley")
	real, err := exec.LookPath("parley")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(wrap, fmt.Appendf(nil, "#!/bin/sh\nulimit -n %d\nexec %q \"$@\"\n", now.Cur, real), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", filepath.Dir(wrap)+string(os.PathListSeparator)+os.Getenv("PATH"))
}

func descriptors(t *testing.T, pid int) int {
	t.Helper()
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	return len(open)
}

// smallDisk mounts a file system of its own, or skips the test.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("no small disk can be mounted here (%v): a full and a read-only disk were not tried", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

// On a full disk writing is refused in words and reading goes on; with room again so
// does writing, and everything that was acknowledged is there.
func TestFullDisk(t *testing.T) {
	disk := smallDisk(t, "16m")
	dir := filepath.Join(disk, "north")
	makeNode(t, dir)
	_, c := serveProcess(t, dir)
	if out, err := command(dir, "import", report(t, "n-0", "text")); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	ballast := filepath.Join(disk, "ballast")
	f, err := os.Create(ballast)
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range []int{1 << 20, 4 << 10} { // tmpfs gives whole pages
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, block))
		}
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(info.Size()-1<<20), f.Close()); err != nil {
		t.Fatal(err)
	}
	text := strings.Repeat("x", 60_000)
	taken := 0
	for {
		out, err := command(dir, "import", report(t, fmt.Sprintf("x-%d", taken), text))
		if err != nil {
			if !strings.Contains(out, "disk") && !strings.Contains(out, "space") {
				t.Errorf("the refusal does not name the disk: %s", out)
			}
			break
		}
		if taken++; taken > 100 {
			t.Fatal("the disk is never full")
		}
	}
	if err := c.Get(t.Context(), "/overview", nil, nil); err != nil {
		t.Errorf("reading on a full disk: %v", err)
	}
	if out, err := command(dir, "doctor"); err == nil || !strings.Contains(out, "WRONG  disk") {
		t.Errorf("doctor on a full disk: %v\n%s", err, out)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if out, err := command(dir, "import", report(t, "n-9", "text")); err != nil {
		t.Errorf("with room again: %v: %s", err, out)
	}
	out, err := command(dir, "list", "--json")
	if got := strings.Count(out, `"id": "incident--`); err != nil || got != taken+2 {
		t.Errorf("%d incidents are there, %d were acknowledged (%v)", got, taken+2, err)
	}
}

// A node on a disk that cannot be written does not start, and says why.
func TestReadOnlyDisk(t *testing.T) {
	disk := smallDisk(t, "16m")
	dir := filepath.Join(disk, "north")
	makeNode(t, dir)
	remount := func(flags uintptr) {
		t.Helper()
		if err := syscall.Mount("", disk, "", syscall.MS_REMOUNT|flags, ""); err != nil {
			t.Fatal(err)
		}
	}
	remount(syscall.MS_RDONLY)
	if out, err := command(dir, "serve"); err == nil || !strings.Contains(out, "read-only file system") {
		t.Errorf("serve on a read-only disk: %v\n%s", err, out)
	}
	remount(0)
	serveProcess(t, dir)
}

// A file that says less than it is takes bounded memory, whatever its size, and is
// refused in words.
func TestHugeInputTakesBoundedMemory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "north")
	makeNode(t, dir)
	cmd, _ := serveProcess(t, dir)
	name := filepath.Join(t.TempDir(), "huge.json")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteString(`{"type":"bundle","id":"bundle--5d0092c5-5f74-4287-9642-33f4c354e56d","objects":[{"type":"incident","name":"`)
	for block := bytes.Repeat([]byte("x"), 1<<20); err == nil; {
		if info, serr := f.Stat(); serr != nil || info.Size() > 100<<20 {
			err = errors.Join(serr, errStop)
			break
		}
		_, err = f.Write(block)
	}
	if !errors.Is(err, errStop) {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	out, err := command(dir, "import", name, "--format", "stix")
	if err == nil {
		t.Errorf("100 MB in one string are taken: %s", out)
	}
	if peak := peakMemory(t, cmd.Process.Pid); peak > 300<<10 {
		t.Errorf("the node took %d MB", peak>>10)
	}
	if out, err := command(dir, "import", report(t, "n-1", "text")); err != nil {
		t.Errorf("afterwards: %v: %s", err, out)
	}
}

var errStop = errors.New("enough")

// peakMemory is the most resident memory that a process had, in kB.
func peakMemory(t *testing.T, pid int) (kb int) {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kb); err == nil {
			return kb
		}
	}
	t.Fatal("no VmHWM")
	return 0
}
