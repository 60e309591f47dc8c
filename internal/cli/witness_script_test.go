package cli_test

import (
	"context"
	"net"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"parley.example/parley/internal/node"
)

// listening DIR waits until the link of the witness in DIR can be reached.
func listening(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: listening DIR")
	}
	cfg, err := node.ReadConfig(ts.MkAbs(args[0]))
	ts.Check(err)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", cfg.Link)
		if err == nil {
			c.Close()
			return
		}
		select {
		case <-ctx.Done():
			ts.Fatalf("the witness in %s does not listen: %v", args[0], err)
		case <-tick.C:
		}
	}
}
