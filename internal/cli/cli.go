// Package cli is the command line. Commands that act on a node are thin
// clients of its local socket; validate, verify, selector and watch on files
// need no node at all. Names, JSON shapes and exit codes are a contract that
// scripts rely on: 0 done, 1 the answer is no or the input invalid, 2 wrong
// usage, 3 could not.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"parley.example/parley/internal/client"
)

// Version is what the binary calls itself; the build sets it.
var Version = "development"

// Exit codes.
const (
	exitDone  = 0
	exitNo    = 1
	exitUsage = 2
	exitCould = 3
)

// codeError is an error that names its exit code. A nil err prints nothing:
// the answer was printed already.
type codeError struct {
	code int
	err  error
}

func (e *codeError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *codeError) Unwrap() error { return e.err }

// no ends a command whose answer, printed already, is no.
var no = &codeError{code: exitNo}

func usage(format string, args ...any) error {
	return &codeError{exitUsage, fmt.Errorf(format, args...)}
}

// app is what commands share.
type app struct {
	in   io.Reader
	out  io.Writer
	err  io.Writer
	json bool
	dir  string

	keyPassphrase string // the file that --key-passphrase names
	asked         []byte // the passphrase, once somebody was asked for it
}

// Main runs the command line and returns the exit code.
func Main(args []string, in io.Reader, out, errs io.Writer) int {
	a := &app{in: in, out: out, err: errs}
	root := a.root()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errs)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	code := exitCode(err)
	if msg := err.Error(); msg != "" {
		if a.json {
			_ = json.NewEncoder(errs).Encode(map[string]any{"error": msg, "code": code})
		} else {
			fmt.Fprintln(errs, "parley: "+msg)
		}
	}
	return code
}

func exitCode(err error) int {
	var ce *codeError
	var p *client.Problem
	switch {
	case errors.As(err, &ce):
		return ce.code
	case errors.As(err, &p):
		if p.Status >= 500 {
			return exitCould
		}
		return exitNo
	case errors.Is(err, client.ErrNoNode), errors.Is(err, context.Canceled):
		return exitCould
	}
	var path *os.PathError
	if errors.As(err, &path) {
		return exitCould
	}
	for _, s := range []string{"unknown command", "unknown flag", "unknown shorthand", "accepts ", "requires ", "required flag", "invalid argument", "flag needs"} {
		if strings.HasPrefix(err.Error(), s) {
			return exitUsage
		}
	}
	return exitCould
}

// Command is the whole command line, for what describes it: man pages.
func Command() *cobra.Command { return new(app).root() }

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "parley",
		Short:         "Exchange intelligence with partners you do not have to trust",
		Version:       Version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	f := root.PersistentFlags()
	f.BoolVar(&a.json, "json", false, "print JSON for machines")
	f.StringVar(&a.dir, "dir", defaultDir(), "the node's folder (environment: PARLEY_DIR)")
	f.StringVar(&a.keyPassphrase, "key-passphrase", "", "file with the passphrase of sealed keys; - is standard input (environment: PARLEY_KEY_PASSPHRASE)")
	root.AddCommand(
		a.initCmd(), a.serveCmd(), a.cloneCmd(), a.migrateStoreCmd(), a.backupCmd(), a.restoreCmd(), a.doctorCmd(), a.statusCmd(), a.metricsCmd(), a.keysCmd(), a.userCmd(),
		a.cardCmd(), a.accordCmd(), a.syncCmd(), a.parcelCmd(),
		a.importCmd(), a.exportCmd(), a.listCmd(), a.searchCmd(), a.showCmd(), a.releaseCmd(), a.correctCmd(), a.approveCmd(), a.onwardCmd(), a.policyCmd(), a.traceCmd(), a.withdrawCmd(), a.inboxCmd(), a.judgeCmd(), a.accountCmd(),
		a.receiptCmd(), a.verifyCmd(), a.logCmd(), a.recoverCmd(), a.witnessCmd(), a.validateCmd(),
		a.matchCmd(), a.deconflictCmd(), a.operationCmd(), a.selectorCmd(), a.fuseCmd(), a.watchCmd(), a.feedCmd(), a.demoCmd(), a.simulateCmd(), a.sbomCmd(),
	)
	return root
}

func defaultDir() string {
	if d := os.Getenv("PARLEY_DIR"); d != "" {
		return d
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ".parley"
	}
	return filepath.Join(home, ".parley")
}

func (a *app) client() *client.Client { return client.New(a.dir) }

// group is a command that only holds others.
func group(use, short string, subs ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		_ = c.Help()
		return usage("name one of the commands above")
	}}
	c.AddCommand(subs...)
	return c
}

// show prints v as JSON, or lets text print it for people.
func (a *app) show(v any, text func(w io.Writer)) error {
	if a.json {
		e := json.NewEncoder(a.out)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(v)
	}
	w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
	text(w)
	return w.Flush()
}

// line prints one tab-separated row.
func line(w io.Writer, cells ...any) {
	for i, c := range cells {
		if i > 0 {
			fmt.Fprint(w, "\t")
		}
		fmt.Fprint(w, clean(fmt.Sprint(c)))
	}
	fmt.Fprintln(w)
}

// clean makes text from a partner safe to print: no control characters, which
// could rewrite the terminal.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return ' '
		}
		if r < 0x20 || r == 0x7f || (r >= 0x80 && r < 0xa0) || (r >= 0x202a && r <= 0x202e) || (r >= 0x2066 && r <= 0x2069) {
			return '\uFFFD'
		}
		return r
	}, s)
}

func short(id string) string {
	if len(id) > 12 {
		return id[:12]
	}
	return id
}
