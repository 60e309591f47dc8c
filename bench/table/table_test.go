package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

const printed = `goos: linux
goarch: amd64
pkg: parley.example/parley/internal/node
cpu: Some Processor
BenchmarkReleaseMany-2 	       2	 1 ns/op	 280 cpu-µs/release	 20000 limit/s	 9000 releases/s
BenchmarkReleaseMany-2 	       2	 1 ns/op	 210 cpu-µs/release	 25000 limit/s	 12000 releases/s
BenchmarkRelease-2 	       2	 1 ns/op	 630 disk-p50-µs	 1730 p50-µs
BenchmarkDecideFull-2 	       2	 17310 ns/op
BenchmarkPages/depth/all-2 	       2	 3.0 ms-deep	 4.5 ms-deep-p99	 2.0 ms-shallow
BenchmarkPrecompute/parley-2 	       2	 21000 ns/op
BenchmarkStick-2 	       1	 25000 events/s
BenchmarkGrowth/100000-2 	       1	 1300 release-p50-µs
BenchmarkGrowth/10000-2 	       1	 1200 release-p50-µs
Benchmarks are fun
PASS
`

func TestTable(t *testing.T) {
	res, err := read(strings.NewReader(printed))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := write(&out, res, heading("abc123", res, "0.5 1 2 3/4 5", time.Unix(0, 0))); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"Commit abc123, Some Processor, linux, 2 processors, 1970-01-01 00:00 UTC, load afterwards 0.5 1 2.",
		"| release in bulk | 12,000 releases/s | 25,000 limit/s | 48 % | ≥ 10,000/s | yes |", // the better of two
		"| release of one, p50 | 1,730 µs | 630 µs | 275 % | ≤ 1 ms | **no** |",
		"| gate decision with 50 rules, the whole passes | 17.3 µs |  |  | ≤ 20 µs | yes |",
		"| TAXII page, deep beside shallow | 3.00 ms | 2.00 ms | 150 % | the same | **no** |",
		"| parcel file, a million events, taken in (extrapolated from PARLEY_STICK) | 40.0 s |  |  | < 120 s | yes |",
		"| match: precompute, per item and core | 42.0 µs |",
		"| match: publication | not measured |  |  | ≤ 4.3 B/entry |  |",
		"| | 10000 | 100000 |\n|---|--:|--:|\n| release-p50-µs | 1,200 | 1,300 |",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, out.String())
		}
	}
	if _, err := read(strings.NewReader("BenchmarkX-2 1 many ns/op\n")); err == nil {
		t.Error("a figure that is no number passes")
	}
}

// Every benchmark that the table looks for exists and reports the unit.
func TestGoalsNameBenchmarks(t *testing.T) {
	var src strings.Builder
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git"):
			return fs.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		b, err := os.ReadFile(path)
		src.Write(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range goals {
		for _, f := range []figure{g.figure, g.limit} {
			name, _, _ := strings.Cut(f.bench, "/")
			if name != "" && !regexp.MustCompile(`func Benchmark`+name+`\(`).MatchString(src.String()) {
				t.Errorf("%s: there is no Benchmark%s", g.work, name)
			}
		}
	}
}
