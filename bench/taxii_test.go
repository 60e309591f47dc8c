package bench

import (
	"bytes"
	"context"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	sqlitedriver "modernc.org/sqlite"

	"parley.example/parley/internal/node"
	"parley.example/parley/stix"
	"parley.example/parley/taxii"
)

const (
	batch   = 1000
	clients = 16
)

// attack reads the real objects once.
var attack = sync.OnceValues(func() ([][]byte, error) {
	dir := os.Getenv("PARLEY_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "data")
	}
	var out [][]byte
	for _, name := range []string{"ics-attack-2.1.json", "mobile-attack-2.1.json"} {
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		defer f.Close()
		_, err = stix.ReadBundle(f, func(_ int, raw []byte) error {
			if len(raw) < 20_000 { // a few lists of everything would be most of the bytes
				out = append(out, raw)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
})

func realObjects(b *testing.B) [][]byte {
	b.Helper()
	objects, err := attack()
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s is skipped: the ATT&CK bundles are not there (set PARLEY_DATA): %v\n", b.Name(), err)
		b.SkipNow()
	}
	return objects
}

// fresh is object i with an id of its own: never stored before.
func fresh(objects [][]byte, i int) []byte {
	o := objects[i%len(objects)]
	if i < len(objects) {
		return o
	}
	at := bytes.Index(o, []byte(`"id": "`))
	if at < 0 {
		return o
	}
	at += bytes.Index(o[at:], []byte("--")) + 2
	o = bytes.Clone(o)
	x := uint64(i+1) * 0x9e3779b97f4a7c15 // scatters as random ids do
	copy(o[at:], fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", uint32(x>>32), uint16(x>>16), uint16(x)&0xfff, (i>>24)&0xfff, i))
	return o
}

// server is a node's TAXII server on a real connection.
type server struct {
	url, token string
	n          *node.Node
}

// TestMain lets the benchmark of memory run this program again as a node alone.
func TestMain(m *testing.M) {
	if os.Getenv("PARLEY_BENCH_SERVE") == "" {
		os.Exit(m.Run())
	}
	testing.Main(func(string, string) (bool, error) { return true, nil }, []testing.InternalTest{{Name: "serve", F: func(t *testing.T) {
		node.SaveMemory()
		s := serve(t)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.n.Run(ctx, nil) }()
		fmt.Println(s.url, s.token)
		_, _ = io.Copy(io.Discard, os.Stdin) // until the parent goes
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}}}, nil, nil) // exits
}

// serveAlone starts a node in a process of its own and tells its id.
func serveAlone(b *testing.B) (s server, pid int) {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "PARLEY_BENCH_SERVE=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	if _, err := fmt.Fscan(out, &s.url, &s.token); err != nil {
		b.Fatal("the node does not start: ", err)
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	return s, cmd.Process.Pid
}

func serve(tb testing.TB) server {
	tb.Helper()
	dir := tb.TempDir()
	if _, err := node.Init(dir, node.Config{Party: "north", Name: "North", Link: "127.0.0.1:0", Console: "127.0.0.1:0"}); err != nil {
		tb.Fatal(err)
	}
	n, err := node.Open(context.Background(), dir, node.Options{Every: every()})
	if err != nil {
		tb.Fatal(err)
	}
	token, _, err := n.MakeToken(context.Background(), node.TokenAsk{Name: "bench", Collections: []string{"own:rw"}})
	if err != nil {
		tb.Fatal(err)
	}
	backend := n.TAXII()
	h, err := taxii.NewServer(backend, backend, taxii.Options{Key: backend.Key()})
	if err != nil {
		tb.Fatal(err)
	}
	srv := httptest.NewServer(h)
	tb.Cleanup(func() {
		srv.Close()
		if err := n.Close(); err != nil {
			tb.Error(err)
		}
	})
	return server{srv.URL + "/taxii2/parley/collections/own/", token, n}
}

// every lets only a node of its own do its work in the background.
func every() time.Duration {
	if os.Getenv("PARLEY_BENCH_SERVE") != "" {
		return 0
	}
	return -1
}

var client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true, ReadBufferSize: 64 << 10, WriteBufferSize: 64 << 10}}

func (s server) do(method, path string, body []byte, sink func(io.Reader) error) (http.Header, error) {
	req, err := http.NewRequest(method, s.url+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if s.token != "" {
		req.Header.Set("Authorization", "Bearer "+s.token)
		req.Header.Set("Content-Type", taxii.MediaType)
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		b, _ := io.ReadAll(resp.Body)
		return nil, fmt.Errorf("%s: %s", resp.Status, b)
	}
	return resp.Header, sink(resp.Body)
}

func discard(r io.Reader) error { _, err := io.Copy(io.Discard, r); return err }

func (s server) post(objects [][]byte) error {
	body := append([]byte(`{"objects":[`), bytes.Join(objects, []byte(","))...)
	_, err := s.do("POST", "objects/", append(body, "]}"...), func(r io.Reader) error {
		var st taxii.Status
		if err := json.NewDecoder(r).Decode(&st); err != nil {
			return err
		}
		if st.SuccessCount != len(objects) || st.Status != taxii.Complete {
			return fmt.Errorf("stored %d of %d: %v", st.SuccessCount, len(objects), st.Failures)
		}
		return nil
	})
	return err
}

// drive runs do(i) for i in [0, n) from some clients and returns the time.
func drive(b *testing.B, clients, n int, do func(i int) error) time.Duration {
	b.Helper()
	var next atomic.Int64
	var wg sync.WaitGroup
	start := time.Now()
	for range clients {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				if err := do(i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return time.Since(start)
}

func perSecond(n int, d time.Duration) float64 { return float64(n) / d.Seconds() }

// rounds is how often a limit and what is measured against it take turns; the
// best of each counts, since the machine has other work.
const rounds = 5

// best reports the best rate of each side and their ratio.
func best(b *testing.B, unit string, limit, ours func(round int) float64) {
	b.Helper()
	var l, o float64
	for b.Loop() {
		for r := range rounds {
			l, o = max(l, limit(r)), max(o, ours(r))
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(l, "limit-"+unit)
	b.ReportMetric(o, unit)
	b.ReportMetric(100*o/l, "%-of-limit")
}

// BenchmarkIngestBatches adds objects in requests of 1,000 over HTTP, fully
// validated and durable before the answer, against a bare loop of inserts of
// the same rows, synced as often.
func BenchmarkIngestBatches(b *testing.B) {
	objects := realObjects(b)
	for _, clients := range []int{1, 4} {
		b.Run(fmt.Sprint("clients=", clients), func(b *testing.B) {
			const batches = 12
			s := serve(b)
			bare := bareInserts(b)
			ours, theirs := 0, 0
			best(b, "objects/s", func(int) float64 {
				start := time.Now()
				for range batches {
					rows := rowsOf(objects, theirs, batch)
					theirs += batch
					bare(rows)
				}
				return perSecond(batches*batch, time.Since(start))
			}, func(int) float64 {
				bodies := make([][][]byte, batches)
				for i := range bodies {
					bodies[i] = rowsOf(objects, ours, batch)
					ours += batch
				}
				return perSecond(batches*batch, drive(b, clients, batches, func(i int) error { return s.post(bodies[i]) }))
			})
		})
	}
}

func rowsOf(objects [][]byte, first, n int) [][]byte {
	out := make([][]byte, n)
	for i := range out {
		out[i] = fresh(objects, first+i)
	}
	return out
}

// bareInserts returns a loop that inserts rows into a table with the key that
// any object store needs, in one durable transaction.
func bareInserts(b *testing.B) func(rows [][]byte) {
	b.Helper()
	c, err := (&sqlitedriver.Driver{}).Open("file:" + filepath.Join(b.TempDir(), "bare.db") + "?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=cache_size(-16384)")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.Close() })
	prepare := func(sql string) func(args ...driver.Value) {
		st, err := c.Prepare(sql)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = st.Close() })
		return func(args ...driver.Value) {
			named := make([]driver.NamedValue, len(args))
			for i, a := range args {
				named[i] = driver.NamedValue{Ordinal: i + 1, Value: a}
			}
			if _, err := st.(driver.StmtExecContext).ExecContext(context.Background(), named); err != nil {
				b.Fatal(err)
			}
		}
	}
	prepare("CREATE TABLE o (id TEXT, version INTEGER, body BLOB, PRIMARY KEY (id, version))")()
	begin, insert, commit := prepare("BEGIN IMMEDIATE"), prepare("INSERT INTO o (id, version, body) VALUES (?, ?, ?)"), prepare("COMMIT")
	n := int64(0)
	return func(rows [][]byte) {
		begin()
		for _, r := range rows {
			at := bytes.Index(r, []byte(`"id": "`)) + 7
			n++ // the bundles list some objects twice
			insert(string(r[at:at+bytes.IndexByte(r[at:], '"')]), n, r)
		}
		commit()
	}
}

// BenchmarkIngestSingles adds one object a request from 16 clients, against 16
// writers that each append the object to a file and sync it.
func BenchmarkIngestSingles(b *testing.B) {
	objects := realObjects(b)
	s := serve(b)
	const n = 3000
	ours := 0
	f, err := os.Create(filepath.Join(b.TempDir(), "log"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	best(b, "objects/s", func(int) float64 {
		return perSecond(n, drive(b, clients, n, func(i int) error {
			if _, err := f.Write(objects[i%len(objects)]); err != nil {
				return err
			}
			return fdatasync(f)
		}))
	}, func(int) float64 {
		rows := rowsOf(objects, ours, n)
		ours += n
		return perSecond(n, drive(b, clients, n, func(i int) error { return s.post(rows[i : i+1]) }))
	})
}

func stored() int {
	n, err := strconv.Atoi(os.Getenv("PARLEY_BENCH_OBJECTS"))
	if err != nil || n < 10*batch {
		return 100_000
	}
	return n
}

// BenchmarkPages reads pages of 1,000 at every depth of a large collection,
// against net/http serving the same bytes from a file.
func BenchmarkPages(b *testing.B) {
	objects := realObjects(b)
	s := serve(b)
	n := stored()
	for i := 0; i < n; i += batch {
		if err := s.post(rowsOf(objects, i, batch)); err != nil {
			b.Fatal(err)
		}
	}
	fetch := func(path string) time.Duration {
		start := time.Now()
		if _, err := s.do("GET", path, nil, discard); err != nil {
			b.Fatal(err)
		}
		return time.Since(start)
	}
	var page bytes.Buffer
	if _, err := s.do("GET", "objects/?limit=1000", nil, func(r io.Reader) error { _, err := page.ReadFrom(r); return err }); err != nil {
		b.Fatal(err)
	}
	file := filepath.Join(b.TempDir(), "page.json")
	if err := os.WriteFile(file, page.Bytes(), 0o600); err != nil {
		b.Fatal(err)
	}
	static := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, file) }))
	defer static.Close()
	limit := server{url: static.URL + "/"}
	positions := depths(b, s, n)
	b.Run("rate", func(b *testing.B) {
		for _, readers := range []int{1, 4} {
			for name, span := range map[string]int{"scattered": len(positions), "first": 1} {
				b.Run(fmt.Sprint(name, "/clients=", readers), func(b *testing.B) {
					rates(b, readers, limit, s, positions[:span])
				})
			}
		}
	})
	for name, filter := range map[string]string{"all": "", "type": "&match[type]=attack-pattern", "versions": "&match[version]=all"} {
		b.Run("depth/"+name, func(b *testing.B) {
			var shallow, deep []time.Duration
			for b.Loop() {
				for i := range 20 { // each page once: none comes from memory
					d := fetch(fmt.Sprintf("objects/?limit=%d%s&added_after=%s", 1000-i, filter, positions[i%3]))
					shallow = append(shallow, d)
					d = fetch(fmt.Sprintf("objects/?limit=%d%s&added_after=%s", 1000-i, filter, positions[len(positions)-2-i%3]))
					deep = append(deep, d)
				}
			}
			slices.Sort(shallow)
			slices.Sort(deep)
			ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(ms(shallow[len(shallow)/2]), "ms-shallow")
			b.ReportMetric(ms(deep[len(deep)/2]), "ms-deep")
			b.ReportMetric(ms(deep[len(deep)*99/100]), "ms-deep-p99")
		})
	}
}

// BenchmarkMemory is what a node's process holds, at most, while it takes in
// many objects and then while four read pages at scattered depth and one adds.
func BenchmarkMemory(b *testing.B) {
	objects := realObjects(b)
	s, pid := serveAlone(b)
	n := stored()
	peak := func(work func()) float64 {
		stop, out := make(chan struct{}), make(chan float64)
		go func() {
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			most := 0.0
			for {
				select {
				case <-tick.C:
					most = max(most, residentMB(pid))
				case <-stop:
					out <- most
					return
				}
			}
		}()
		work()
		close(stop)
		return <-out
	}
	idle := residentMB(pid)
	var adding, mixed float64
	for b.Loop() {
		adding = peak(func() {
			for i := 0; i < n; i += batch {
				if err := s.post(rowsOf(objects, i, batch)); err != nil {
					b.Fatal(err)
				}
			}
		})
		positions := depths(b, s, n)
		mixed = peak(func() {
			drive(b, 5, 1000, func(i int) error {
				if i%5 == 0 {
					return s.post(rowsOf(objects, n+i*batch, batch))
				}
				_, err := s.do("GET", "objects/?limit=1000&added_after="+positions[i*7%len(positions)], nil, discard)
				return err
			})
		})
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(idle, "MB-idle")
	b.ReportMetric(adding, "MB-adding")
	b.ReportMetric(mixed, "MB-mixed")
}

// rates compares how many pages are read in a second.
func rates(b *testing.B, readers int, limit, s server, positions []string) {
	const pages = 100
	best(b, "pages/s", func(int) float64 {
		return perSecond(pages, drive(b, readers, pages, func(int) error { _, err := limit.do("GET", "page.json", nil, discard); return err }))
	}, func(r int) float64 {
		return perSecond(pages, drive(b, readers, pages, func(i int) error {
			_, err := s.do("GET", "objects/?limit=1000&added_after="+positions[(i*7+r)%len(positions)], nil, discard)
			return err
		}))
	})
}

// depths returns dates of adding, one in each fortieth of the collection.
func depths(b *testing.B, s server, n int) (at []string) {
	b.Helper()
	step := n / 40 / batch * batch
	after := "2000-01-01T00:00:00Z"
	for i := 0; i < n; i += batch {
		h, err := s.do("GET", "manifest/?limit=1000&match[version]=all&added_after="+after, nil, discard)
		if err != nil {
			b.Fatal(err)
		}
		if i%max(step, batch) == 0 {
			at = append(at, after)
		}
		if after = h.Get("X-TAXII-Date-Added-Last"); after == "" {
			b.Fatalf("the collection ends at %d", i)
		}
	}
	return at
}

// residentMB is a process's resident memory, where the system tells it.
func residentMB(pid int) float64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, _ := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 64)
			return kb / 1000
		}
	}
	return 0
}

// BenchmarkValidate is one core reading and validating objects, against
// reading their tokens alone.
func BenchmarkValidate(b *testing.B) {
	objects := realObjects(b)
	best(b, "objects/s", func(int) float64 {
		start := time.Now()
		for _, o := range objects {
			if !json.Valid(o) {
				b.Fatal("not JSON")
			}
		}
		return perSecond(len(objects), time.Since(start))
	}, func(int) float64 {
		start := time.Now()
		for _, raw := range objects {
			o, err := stix.Parse(raw)
			if err != nil {
				b.Fatal(err)
			}
			o.Validate()
		}
		return perSecond(len(objects), time.Since(start))
	})
}

// The objects that the benchmarks make are valid, and each is another one.
func TestFreshObjectsAreValid(t *testing.T) {
	objects, err := attack()
	if err != nil {
		t.Skipf("the ATT&CK bundles are not there (set PARLEY_DATA): %v", err)
	}
	seen := map[string]bool{}
	n := len(objects) + 2000
	for i := len(objects); i < n; i++ {
		o, err := stix.Parse(fresh(objects, i))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range o.Validate() {
			if f.Severity == stix.Error {
				t.Fatalf("object %d: %v", i, f)
			}
		}
		seen[o.ID] = true
	}
	if len(seen) < n-len(objects)-20 { // a few objects are written otherwise and stay what they are
		t.Errorf("%d different objects of %d", len(seen), n-len(objects))
	}
}
