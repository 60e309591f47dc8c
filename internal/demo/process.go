package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"parley.example/parley/internal/client"
)

// process is one node as a process of its own, with its own folder.
type process struct {
	*client.Client
	party, dir, binary string
	cmd                *exec.Cmd
	exited             chan error
}

// newProcess makes a node's folder.
func newProcess(ctx context.Context, binary, dir, party, name string) (*process, error) {
	p := &process{party: party, dir: dir, binary: binary, Client: client.New(dir)}
	out, err := p.run(ctx, "init", "--party", party, "--name", name, "--mark", party, "--link", "127.0.0.1:0", "--console", "127.0.0.1:0", "--notice", Notice, "--cadence", "250ms")
	if err != nil {
		return nil, fmt.Errorf("making the node of %s: %w: %s", party, err, out)
	}
	return p, nil
}

// run runs another command of the binary on the node's folder.
func (p *process) run(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, p.binary, append(args, "--dir", p.dir)...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// start starts the node and waits until it answers.
func (p *process) start(ctx context.Context) error {
	log, err := os.OpenFile(filepath.Join(p.dir, "node.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	p.cmd = exec.Command(p.binary, "serve", "--dir", p.dir)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	// A Ctrl-C at the terminal reaches only the demonstration, which then stops
	// its nodes in order.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		return fmt.Errorf("starting the node of %s: %w", p.party, err)
	}
	p.exited = make(chan error, 1)
	go func(cmd *exec.Cmd, exited chan error) { exited <- cmd.Wait() }(p.cmd, p.exited)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if p.Get(ctx, "/session", nil, nil) == nil {
			return nil
		}
		select {
		case err := <-p.exited:
			p.exited <- err
			return fmt.Errorf("the node of %s stopped at once (%v); its log is %s", p.party, err, log.Name())
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// stop stops the node in order; one that does not stop within ten seconds is
// killed.
func (p *process) stop() error {
	if p.cmd == nil {
		return nil
	}
	p.Close()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	late := time.AfterFunc(10*time.Second, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	err := <-p.exited
	p.cmd = nil
	if err != nil {
		return fmt.Errorf("stopping the node of %s: %w", p.party, err)
	}
	return nil
}

// memory is the node's resident memory in bytes, 0 where the system does not
// tell.
func (p *process) memory() int64 {
	if p.cmd == nil {
		return 0
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	var size, resident int64
	if _, err := fmt.Sscan(string(b), &size, &resident); err != nil {
		return 0
	}
	return resident * int64(os.Getpagesize())
}
