package pgtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Cluster is three machines, as far as processes of one can be: on each an etcd, a
// Patroni and the PostgreSQL that it runs, from the system's packages. Replication is
// synchronous: what was acknowledged is on two of them.
type Cluster struct {
	dir      string
	server   Server // for its programs and its user
	Machines []*Machine
}

// Machine is one of them. Its methods are not for concurrent use.
type Machine struct {
	Name                    string
	c                       *Cluster
	dir                     string
	sql, rest, client, peer int // ports
	etcd, patroni           *exec.Cmd
}

// ErrNoPatroni reports that the system lacks what a cluster needs.
var ErrNoPatroni = errors.New("patroni and etcd are not installed (Debian: apt install patroni etcd-server)")

// StartCluster makes a cluster of three; it takes half a minute.
func StartCluster() (*Cluster, error) {
	for _, p := range []string{"patroni", "etcd"} {
		if _, err := exec.LookPath(p); err != nil {
			return nil, ErrNoPatroni
		}
	}
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	c := &Cluster{server: Server{bin: bin}}
	if c.dir, err = os.MkdirTemp("", "ha-"); err != nil {
		return nil, err
	}
	c.server.dir = c.dir
	if err := c.server.user(c.dir); err != nil {
		return nil, errors.Join(err, os.RemoveAll(c.dir))
	}
	ports, err := freePorts(12)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(c.dir))
	}
	for i := range 3 {
		m := &Machine{Name: fmt.Sprintf("m%d", i+1), c: c}
		m.dir = filepath.Join(c.dir, m.Name)
		m.sql, m.rest, m.client, m.peer = ports[4*i], ports[4*i+1], ports[4*i+2], ports[4*i+3]
		err = errors.Join(err, os.Mkdir(m.dir, 0o700), c.server.user(m.dir))
		c.Machines = append(c.Machines, m)
	}
	for _, m := range c.Machines {
		err = errors.Join(err, m.configure())
	}
	for _, m := range c.Machines {
		err = errors.Join(err, m.Up())
	}
	if err == nil {
		err = c.Wait(2 * time.Minute)
	}
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, c.said())
		c.Stop()
		return nil, err
	}
	return c, nil
}

// freePorts finds ports of the loopback address that nobody listens on.
func freePorts(n int) (ports []int, err error) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

func local(port int) string { return "127.0.0.1:" + strconv.Itoa(port) }

// configure writes what Patroni reads. The times are the shortest that it allows.
func (m *Machine) configure() error {
	var hosts []string
	for _, o := range m.c.Machines {
		hosts = append(hosts, local(o.client))
	}
	cfg := map[string]any{
		"scope": "parley", "name": m.Name,
		"restapi": map[string]any{"listen": local(m.rest), "connect_address": local(m.rest)},
		"etcd3":   map[string]any{"hosts": hosts},
		"bootstrap": map[string]any{
			"dcs": map[string]any{
				"ttl": 20, "loop_wait": 5, "retry_timeout": 5, "synchronous_mode": true, "maximum_lag_on_failover": 1 << 20,
				"postgresql": map[string]any{"use_pg_rewind": true, "parameters": map[string]any{"max_connections": 100}},
			},
			"initdb": []any{map[string]any{"encoding": "UTF8"}, map[string]any{"locale": "C"}, map[string]any{"auth": "trust"}, "data-checksums"},
			"pg_hba": []string{"local all all trust", "host all all 127.0.0.1/32 trust", "host replication all 127.0.0.1/32 trust"},
		},
		"postgresql": map[string]any{
			"listen": local(m.sql), "connect_address": local(m.sql), "data_dir": filepath.Join(m.dir, "data"), "bin_dir": m.c.server.bin,
			"pgpass":         filepath.Join(m.dir, "pgpass"),
			"authentication": map[string]any{"superuser": map[string]any{"username": "parley"}, "replication": map[string]any{"username": "replicator"}},
			"parameters":     map[string]any{"unix_socket_directories": m.dir},
		},
		"watchdog": map[string]any{"mode": "off"},
	}
	b, err := json.Marshal(cfg) // JSON is YAML
	if err != nil {
		return err
	}
	return os.WriteFile(m.config(), b, 0o644)
}

func (m *Machine) config() string { return filepath.Join(m.dir, "patroni.yml") }

// Up starts the machine's etcd and Patroni, which starts PostgreSQL.
func (m *Machine) Up() error {
	var peers []string
	for _, o := range m.c.Machines {
		peers = append(peers, o.Name+"=http://"+local(o.peer))
	}
	state := "new"
	if _, err := os.Stat(filepath.Join(m.dir, "etcd")); err == nil {
		state = "existing"
	}
	var err error
	m.etcd, err = m.spawn("etcd", "--name", m.Name, "--data-dir", filepath.Join(m.dir, "etcd"),
		"--listen-client-urls", "http://"+local(m.client), "--advertise-client-urls", "http://"+local(m.client),
		"--listen-peer-urls", "http://"+local(m.peer), "--initial-advertise-peer-urls", "http://"+local(m.peer),
		"--initial-cluster", strings.Join(peers, ","), "--initial-cluster-state", state, "--unsafe-no-fsync=false")
	if err != nil {
		return err
	}
	m.patroni, err = m.spawn("patroni", m.config())
	return err
}

func (m *Machine) spawn(program string, args ...string) (*exec.Cmd, error) {
	path, err := exec.LookPath(program)
	if err != nil {
		return nil, err
	}
	log, err := os.OpenFile(filepath.Join(m.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(path, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = m.dir, log, log
	cmd.Env = append(os.Environ(), "HOME="+m.dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: m.c.server.cred, Setpgid: true}
	return cmd, cmd.Start()
}

// Kill ends everything on the machine at once, as a power cut does.
func (m *Machine) Kill() {
	var pids []int
	if b, err := os.ReadFile(filepath.Join(m.dir, "data", "postmaster.pid")); err == nil {
		first, _, _ := strings.Cut(string(b), "\n")
		if pid, err := strconv.Atoi(first); err == nil && pid > 1 {
			pids = append(pids, pid)
			pids = append(pids, children(pid)...)
		}
	}
	for _, c := range []*exec.Cmd{m.patroni, m.etcd} {
		if c != nil {
			_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
		}
	}
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	for _, c := range []*exec.Cmd{m.patroni, m.etcd} {
		if c != nil {
			_ = c.Wait()
		}
	}
	m.patroni, m.etcd = nil, nil
	_ = os.Remove(filepath.Join(m.dir, "data", "postmaster.pid"))
}

// children lists the processes that a process started.
func children(parent int) (out []int) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range stats {
		b, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		// pid (name) state ppid …; the name may hold anything.
		f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
		if len(f) > 1 && f[1] == strconv.Itoa(parent) {
			if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name))); err == nil {
				out = append(out, pid)
			}
		}
	}
	return out
}

// member is what Patroni says of a machine.
type member struct {
	Name  string `json:"name"`
	Role  string `json:"role"`
	State string `json:"state"`
}

func (c *Cluster) members() (out []member) {
	client := http.Client{Timeout: 2 * time.Second}
	for _, m := range c.Machines {
		r, err := client.Get("http://" + local(m.rest) + "/cluster")
		if err != nil {
			continue
		}
		var v struct{ Members []member }
		err = json.NewDecoder(r.Body).Decode(&v)
		r.Body.Close()
		if err == nil && len(v.Members) > 0 {
			return v.Members
		}
	}
	return nil
}

// Primary is the machine that leads; nil where none does.
func (c *Cluster) Primary() *Machine {
	for _, x := range c.members() {
		if x.Role != "leader" || x.State != "running" {
			continue
		}
		for _, m := range c.Machines {
			if m.Name == x.Name && m.patroni != nil {
				return m
			}
		}
	}
	return nil
}

// Wait waits until one machine leads, another holds all that is acknowledged, and the
// third follows.
func (c *Cluster) Wait(most time.Duration) error {
	for until := time.Now().Add(most); time.Now().Before(until); time.Sleep(200 * time.Millisecond) {
		roles := make(map[string]int)
		for _, x := range c.members() {
			if x.State == "running" || x.State == "streaming" {
				roles[x.Role]++
			}
		}
		if roles["leader"] == 1 && roles["sync_standby"] == 1 && roles["replica"] == 1 {
			return nil
		}
	}
	return fmt.Errorf("no cluster of three within %v: %+v", most, c.members())
}

// Address is the address of a schema on whichever machine leads; it is made where it is
// absent.
func (c *Cluster) Address(schema string) (string, error) {
	var hosts, ports []string
	for _, m := range c.Machines {
		hosts, ports = append(hosts, "127.0.0.1"), append(ports, strconv.Itoa(m.sql))
	}
	m := c.Primary()
	if m == nil {
		return "", errors.New("no machine leads")
	}
	out, err := c.server.run("psql", "-q", "-h", "127.0.0.1", "-p", strconv.Itoa(m.sql), "-U", "parley", "-d", "postgres", "-c", `CREATE SCHEMA IF NOT EXISTS "`+schema+`"`).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("making schema %s: %w\n%s", schema, err, out)
	}
	q := url.Values{
		"host": {strings.Join(hosts, ",")}, "port": {strings.Join(ports, ",")}, "user": {"parley"}, "search_path": {schema},
		"target_session_attrs": {"read-write"}, "connect_timeout": {"2"},
	}
	return "postgres:///postgres?" + q.Encode(), nil
}

// said is the end of what the machines logged.
func (c *Cluster) said() string {
	var b strings.Builder
	for _, m := range c.Machines {
		log, _ := os.ReadFile(filepath.Join(m.dir, "log"))
		fmt.Fprintf(&b, "%s:\n%s\n", m.Name, log[max(0, len(log)-4000):])
	}
	return b.String()
}

// Stop ends and removes the cluster.
func (c *Cluster) Stop() {
	for _, m := range c.Machines {
		m.Kill()
	}
	_ = os.RemoveAll(c.dir)
}
