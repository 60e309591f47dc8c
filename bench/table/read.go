package main

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// results are what benchmarks printed.
type results struct {
	machine string                        // cpu, system
	procs   int                           // processors used
	values  map[string]map[string]float64 // by benchmark, without its number of processors, then unit
}

// read reads the output of go test -bench, which may hold other lines too. Of a
// benchmark that ran several times the best counts: other work on the machine only
// slows one down.
func read(r io.Reader) (results, error) {
	res := results{values: make(map[string]map[string]float64)}
	var goos, cpu string
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if v, ok := strings.CutPrefix(line, "goos: "); ok {
			goos = v
		}
		if v, ok := strings.CutPrefix(line, "cpu: "); ok {
			cpu = strings.TrimSpace(v)
		}
		f := strings.Fields(line)
		if len(f) < 4 || !strings.HasPrefix(f[0], "Benchmark") {
			continue
		}
		if _, err := strconv.Atoi(f[1]); err != nil {
			continue
		}
		name := f[0]
		if i := strings.LastIndexByte(name, '-'); i > 0 {
			if n, err := strconv.Atoi(name[i+1:]); err == nil {
				name, res.procs = name[:i], n
			}
		}
		name = strings.TrimPrefix(name, "Benchmark")
		if res.values[name] == nil {
			res.values[name] = make(map[string]float64)
		}
		for i := 2; i+1 < len(f); i += 2 {
			v, err := strconv.ParseFloat(f[i], 64)
			if err != nil {
				return res, fmt.Errorf("the line of %s does not read: %q is no number", name, f[i])
			}
			was, known := res.values[name][f[i+1]]
			if !known || better(f[i+1], v, was) {
				res.values[name][f[i+1]] = v
			}
		}
	}
	res.machine = strings.TrimPrefix(cpu+", "+goos, ", ")
	return res, lines.Err()
}

// better reports whether a figure is better than another: rates where they are
// higher, the rest where it is lower.
func better(unit string, a, b float64) bool {
	if strings.Contains(unit, "/s") && !strings.HasPrefix(unit, "s/") || strings.HasPrefix(unit, "%") {
		return a > b
	}
	return a < b
}
