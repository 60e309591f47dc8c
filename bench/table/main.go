// Command table makes one table of what benchmarks printed: each row of the goals
// for speed with its figure, its goal and the limit measured in the same run.
//
//	go test -run '^$' -bench . ./... | go run ./bench/table -commit "$(git describe --always)"
//
// A goal whose benchmark is not in the input is listed as not measured.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"
)

func main() {
	commit := flag.String("commit", "unknown", "the commit that was measured")
	flag.Parse()
	res, err := read(os.Stdin)
	if err == nil && len(res.values) == 0 {
		err = fmt.Errorf("no benchmark stands in the input: pipe the output of go test -bench into this")
	}
	if err == nil {
		load, _ := os.ReadFile("/proc/loadavg")
		err = write(os.Stdout, res, heading(*commit, res, string(load), time.Now()))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "table:", err)
		os.Exit(1)
	}
}
