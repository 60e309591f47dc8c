package cli_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"parley.example/parley/internal/cli"
	"parley.example/parley/internal/client"
)

func TestMain(m *testing.M) {
	testscript.Main(withDatabase{m}, map[string]func(){
		"parley": func() { os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
	})
}

// The scripts drive the real binary and real nodes as a person would.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:       "testdata/script",
		Condition: condition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"copydir":   copydir,
			"ready":     ready,
			"listening": listening,
			"flip":      flip,
			"halve":     halve,
			"keep":      keep,
			"edit":      edit,

			"phones":    phones,
			"computing": computing,
			"postgres":  postgres,
		},
	})
}

// ready DIR waits until the node in DIR answers.
func ready(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: ready DIR")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c := client.New(ts.MkAbs(args[0]))
	defer c.Close()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for c.Get(ctx, "/session", nil, nil) != nil {
		select {
		case <-ctx.Done():
			ts.Fatalf("the node in %s does not answer", args[0])
		case <-tick.C:
		}
	}
}

// phones FILE N writes N telephone numbers and a line that is none.
func phones(ts *testscript.TestScript, neg bool, args []string) {
	n, err := strconv.Atoi(args[len(args)-1])
	if neg || len(args) != 2 || err != nil {
		ts.Fatalf("usage: phones FILE N")
	}
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "0700 %06d\n", i)
	}
	b.WriteString("nobody\n")
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(b.String()), 0o600))
}

// computing DIR waits until the node in DIR has computed part of what it is
// about to publish.
func computing(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: computing DIR")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c := client.New(ts.MkAbs(args[0]))
	defer c.Close()
	for {
		var out struct {
			Published []struct{ Done, Total int }
		}
		if err := c.Get(ctx, "/match/published", nil, &out); err != nil {
			ts.Fatalf("asking how far it is: %v", err)
		}
		for _, p := range out.Published {
			if p.Done > 0 && p.Done < p.Total {
				return
			}
		}
	}
}

// edit FILE NEWFILE OLD NEW copies FILE with one text in place of another.
func edit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: edit FILE NEWFILE OLD NEW")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(strings.ReplaceAll(ts.ReadFile(args[0]), args[2], args[3])), 0o600))
}

// flip FILE NEWFILE copies FILE with one bit flipped in its middle.
func flip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: flip FILE NEWFILE")
	}
	b := []byte(ts.ReadFile(args[0]))
	b[len(b)/2] ^= 1
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), b, 0o600))
}

// halve FILE NEWFILE copies the first half of FILE.
func halve(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: halve FILE NEWFILE")
	}
	b := []byte(ts.ReadFile(args[0]))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), b[:len(b)/2], 0o600))
}

// keep NAME PATTERN-FREE-KEY sets the variable NAME to the first value of a
// JSON key in the last command's output.
func keep(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: keep NAME KEY")
	}
	v := firstValue(ts.ReadFile("stdout"), args[1])
	if v == "" {
		ts.Fatalf("no %q in the last output", args[1])
	}
	ts.Setenv(args[0], v)
}
