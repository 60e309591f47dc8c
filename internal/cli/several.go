package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"time"

	"github.com/spf13/cobra"

	"parley.example/parley/internal/metrics"
	"parley.example/parley/internal/node"
	"parley.example/parley/internal/peer"
)

// contest is how often a process that does not lead tries to.
const contest = 500 * time.Millisecond

// serveSeveral runs one of several processes of a node: all take requests, the one
// that leads answers them.
func (a *app) serveSeveral(ctx context.Context, cfg node.Config, log *slog.Logger, set *metrics.Set) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	standby, err := node.NewStandby(ctx, a.dir, a.unlock)
	if err != nil {
		return err
	}
	held := true // standby is ours to close, not yet a node's
	defer func() {
		if held {
			err = errors.Join(err, standby.Close())
		}
	}()
	board, err := peer.New(standby.Key(), log)
	if err != nil {
		return err
	}
	between, err := net.Listen("tcp", cfg.Peer)
	if err != nil {
		return fmt.Errorf("listening for the node's other processes: %w", err)
	}
	link, err := net.Listen("tcp", cfg.Link)
	if err != nil {
		return errors.Join(fmt.Errorf("listening for partners: %w", err), between.Close())
	}
	fronts, err := a.fronts(cfg)
	if err != nil {
		return errors.Join(err, between.Close(), link.Close())
	}
	fronts[frontLink] = link
	served := make(chan struct{})
	go func() {
		defer close(served)
		board.Serve(ctx, fronts, between)
	}()
	defer func() { cancel(); <-served }()
	fmt.Fprintf(a.out, "parley %s: %s takes partners on %s and the console on %s, with other processes\n", Version, cfg.Party, cfg.Link, cfg.ConsoleURL())
	for {
		won, err := follow(ctx, standby, board, log)
		if !won {
			return err
		}
		held = false
		n, err := node.Open(ctx, a.dir, node.Options{Log: log, Standby: standby})
		if err == nil {
			log.Info("this process leads")
			err = a.lead(ctx, n, board, fronts, log, set)
		}
		board.Follow("")
		if ctx.Err() != nil {
			return nil
		}
		// Whatever stopped it, another may do better; this one stands by again.
		log.Warn("this process leads no more", "error", err)
		for standby, err = node.NewStandby(ctx, a.dir, a.unlock); err != nil; standby, err = node.NewStandby(ctx, a.dir, a.unlock) {
			log.Warn("standing by", "error", err)
			if !pause(ctx) {
				return nil
			}
		}
		held = true
	}
}

// follow waits for the lead, and says who has it meanwhile.
func follow(ctx context.Context, s *node.Standby, board *peer.Board, log *slog.Logger) (won bool, err error) {
	for told := ""; ; {
		won, leader, err := s.Try(ctx)
		switch {
		case ctx.Err() != nil:
			return false, nil
		case err != nil && won:
			return false, err // its folder cannot be brought in step
		case err != nil:
			log.Warn("asking for the lead", "error", err)
		case won:
			return true, nil
		default:
			if board.Follow(leader); leader != told {
				log.Info("another process leads", "at", leader)
				told = leader
			}
		}
		if !pause(ctx) {
			return false, nil
		}
	}
}

// pause waits before the next try; false means that there is none.
func pause(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(contest):
		return true
	}
}

// lead answers for all processes, until ctx ends or another process leads.
func (a *app) lead(ctx context.Context, n *node.Node, board *peer.Board, fronts map[string]net.Listener, log *slog.Logger, set *metrics.Set) (err error) {
	lines := board.Lead(fronts)
	n.TakeLink(lines[frontLink])
	defer func() {
		for _, l := range lines {
			_ = l.Close()
		}
		err = errors.Join(err, n.Close())
	}()
	return a.answer(ctx, n, lines, log, set)
}

func (a *app) cloneCmd() *cobra.Command {
	var own node.Config
	var to, peerOf string
	c := &cobra.Command{
		Use: "clone --to FOLDER", Short: "Make a folder for a further process of a node on PostgreSQL", Args: cobra.NoArgs,
		Long: "Several processes over one PostgreSQL database serve one node: each takes any request, one at a time leads and\n" +
			"answers, and another follows within seconds where it stops. clone makes the folder of a further process, with\n" +
			"addresses of its own and the node's keys: keep it as secret. Carry it to another machine, and run parley serve in\n" +
			"both. Stop a node that runs alone first, and start it again afterwards.",
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := node.Clone(a.dir, to, own, peerOf)
			if err != nil {
				return &codeError{exitNo, err}
			}
			return a.show(map[string]any{"dir": to, "config": cfg}, func(w io.Writer) {
				line(w, "a further process of", cfg.Party)
				line(w, "folder", to)
				line(w, "partners reach it at", cfg.Link)
				line(w, "console", cfg.ConsoleURL())
				line(w, "the other processes reach it at", cfg.Peer)
				line(w, "next", "parley serve --dir "+to)
				line(w, "then", "parley card rotate, so that partners learn the new address (or they keep to a balancer named in reach of node.json)")
			})
		},
	}
	f := c.Flags()
	f.StringVar(&to, "to", "", "folder to make")
	f.StringVar(&own.Link, "link", "127.0.0.1:0", "address where partners reach the new process (port 0 chooses a free one)")
	f.StringVar(&own.Console, "console", "127.0.0.1:0", "address of its console")
	f.StringVar(&own.Peer, "peer", "127.0.0.1:0", "address where the other processes reach it")
	f.StringVar(&peerOf, "peer-of-first", "127.0.0.1:0", "address where they reach the process that is cloned, if it has none yet")
	f.StringVar(&own.Metrics, "metrics", "", "address of its figures for Prometheus, if the first has one (default: a free port)")
	_ = c.MarkFlagRequired("to")
	return c
}
