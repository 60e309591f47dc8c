// Package pgtest runs a PostgreSQL server for tests: a real one from the system's
// packages, with a cluster of its own in a temporary folder, reached by a socket.
// A package starts it in TestMain and stops it there. Where the system has no
// PostgreSQL, tests say so and are skipped.
package pgtest

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
)

// Server is a running server.
type Server struct {
	dir  string
	bin  string
	cred *syscall.Credential // PostgreSQL refuses to run as root
	mu   sync.Mutex
	cmd  *exec.Cmd
}

// ErrAbsent reports that the system has no PostgreSQL.
var ErrAbsent = errors.New("no PostgreSQL 15 or later is installed (Debian: apt install postgresql)")

// Start makes a cluster and starts its server.
func Start() (*Server, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "pg-") // short: a socket's path must be
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir, bin: bin}
	if err := s.user(dir); err != nil {
		return nil, err
	}
	if out, err := s.run("initdb", "-D", s.data(), "-U", "parley", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-instructions").CombinedOutput(); err != nil {
		return nil, errors.Join(fmt.Errorf("initdb: %w\n%s", err, out), os.RemoveAll(dir))
	}
	if err := s.Up(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return s, nil
}

// user makes a folder that of the user whom PostgreSQL runs as.
func (s *Server) user(dir string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return fmt.Errorf("%w: %w", ErrAbsent, err)
	}
	uid, uerr := strconv.ParseUint(u.Uid, 10, 32)
	gid, gerr := strconv.ParseUint(u.Gid, 10, 32)
	s.cred = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return errors.Join(uerr, gerr, os.Chown(dir, int(uid), int(gid)))
}

// programs finds the newest server's folder.
func programs() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	slices.SortFunc(found, func(a, b string) int { return versionOf(a) - versionOf(b) })
	if n := len(found); n > 0 && versionOf(found[n-1]) >= 15 {
		return filepath.Dir(found[n-1]), nil
	}
	if p, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(p), nil
	}
	return "", ErrAbsent
}

func versionOf(initdb string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(initdb))))
	return n
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) run(program string, args ...string) *exec.Cmd {
	c := exec.Command(filepath.Join(s.bin, program), args...)
	c.Dir = s.dir
	c.SysProcAttr = &syscall.SysProcAttr{Credential: s.cred, Setpgid: true}
	return c
}

// Up starts the server and waits until it answers.
func (s *Server) Up() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	defer log.Close()
	s.cmd = s.run("postgres", "-D", s.data(), "-k", s.dir, "-c", "listen_addresses=", "-c", "max_connections=200")
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		return err
	}
	for range 600 {
		if s.run("pg_isready", "-q", "-h", s.dir).Run() == nil {
			return nil
		}
	}
	said, _ := os.ReadFile(filepath.Join(s.dir, "log"))
	return fmt.Errorf("the server does not answer:\n%s", said)
}

// Kill ends the server at once, as a crash does; what was durable is there after Up.
func (s *Server) Kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil {
		return
	}
	_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
	_ = s.cmd.Wait()
	_ = os.Remove(filepath.Join(s.data(), "postmaster.pid"))
	s.cmd = nil
}

// Stop ends the server and removes its cluster.
func (s *Server) Stop() {
	s.Kill()
	_ = os.RemoveAll(s.dir)
}

// URL is Address for a test, which it fails.
func (s *Server) URL(t testing.TB, schema string) string {
	t.Helper()
	u, err := s.Address(schema)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// Address is the address of a schema of the server, which it makes where it is absent.
func (s *Server) Address(schema string) (string, error) {
	q := url.Values{"host": {s.dir}, "user": {"parley"}}
	out, err := s.run("psql", "-q", "-h", s.dir, "-U", "parley", "-d", "postgres", "-c", `CREATE SCHEMA IF NOT EXISTS "`+schema+`"`).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("making schema %s: %w\n%s", schema, err, out)
	}
	q.Set("search_path", schema)
	return "postgres:///postgres?" + q.Encode(), nil
}

// Schema names a schema after anything.
func Schema(of string) string {
	sum := sha256.Sum256([]byte(of))
	return "s" + hex.EncodeToString(sum[:8])
}
