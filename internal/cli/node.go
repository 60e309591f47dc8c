package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"parley.example/parley/internal/client"
	"parley.example/parley/internal/metrics"
	"parley.example/parley/internal/node"
	"parley.example/parley/internal/web"
)

func (a *app) initCmd() *cobra.Command {
	var cfg node.Config
	c := &cobra.Command{
		Use: "init", Short: "Make a node's folder: keys, first card, empty database", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := node.Init(a.dir, cfg)
			if err != nil {
				return &codeError{exitNo, err}
			}
			n, err := node.Open(c.Context(), a.dir, node.Options{})
			if err != nil {
				return err
			}
			card := n.OwnCard()
			if err := n.Close(); err != nil {
				return err
			}
			return a.show(map[string]any{"dir": a.dir, "config": cfg, "card": card}, func(w io.Writer) {
				line(w, "node of", cfg.Party, cfg.Name)
				line(w, "folder", a.dir)
				line(w, "fingerprint", card.Fingerprint)
				line(w, "partners reach it at", cfg.Link)
				line(w, "console", cfg.ConsoleURL())
				line(w, "next", "parley serve")
			})
		},
	}
	f := c.Flags()
	f.StringVar(&cfg.Party, "party", "", "short name of the party: lower-case letters, digits, dots, hyphens")
	f.StringVar(&cfg.Name, "name", "", "the party's full name, any script")
	f.StringVar(&cfg.Link, "link", "127.0.0.1:8601", "address that partners reach (port 0 chooses a free one)")
	f.StringVar(&cfg.Console, "console", "127.0.0.1:8600", "address of the console (port 0 chooses a free one)")
	f.StringVar(&cfg.ConsoleCert, "tls-cert", "", "PEM certificate for the console's address, or self for one that the node signs itself")
	f.StringVar(&cfg.ConsoleKey, "tls-key", "", "PEM key of that certificate")
	f.StringVar(&cfg.Cadence, "cadence", "", "how often witnesses are shown a new entry of the node log, whatever happens (default 1m)")
	f.StringVar(&cfg.Store, "store", "", "PostgreSQL database for the node, like postgres://USER@HOST:PORT/DATABASE?search_path=SCHEMA (default: a file in the folder)")
	f.StringVar(&cfg.Metrics, "metrics", "", "address of this machine where Prometheus reads figures, like 127.0.0.1:8602 (default: the socket alone, see parley metrics)")
	f.StringVar(&cfg.Mark, "mark", "", "emblem in the console: north, south or guarantor")
	f.StringVar(&cfg.Notice, "notice", "", "notice shown on every page")
	_ = c.MarkFlagRequired("party")
	_ = c.MarkFlagRequired("name")
	return c
}

func (a *app) migrateStoreCmd() *cobra.Command {
	var to string
	c := &cobra.Command{
		Use: "migrate-store --to ADDRESS", Short: "Move a stopped node's database to PostgreSQL, or back into its folder", Args: cobra.NoArgs,
		Long: "Moves the database of a node that does not run: to PostgreSQL (--to postgres://USER@HOST:PORT/DATABASE?search_path=SCHEMA),\n" +
			"or back into the node's folder (--to sqlite). Both are read whole and compared before the node uses the new one;\n" +
			"a move that was cut off is repeated. What was moved is kept, and named, for you to remove.",
		RunE: func(c *cobra.Command, _ []string) error {
			m, err := node.MoveStore(c.Context(), a.dir, to)
			if err != nil {
				return &codeError{exitNo, err}
			}
			return a.show(m, func(w io.Writer) {
				var rows int64
				for _, n := range m.Rows {
					rows += n
				}
				line(w, "moved from", m.From)
				line(w, "to", m.To)
				line(w, "rows", rows)
				line(w, "the same on both sides (SHA-256)", m.Digest)
				line(w, "not used any more, remove it when you like", m.Kept)
			})
		},
	}
	c.Flags().StringVar(&to, "to", "", "postgres://…, or sqlite")
	_ = c.MarkFlagRequired("to")
	return c
}

func (a *app) serveCmd() *cobra.Command {
	var verbose bool
	var format string
	c := &cobra.Command{
		Use: "serve", Short: "Run the node until it is told to stop", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			h, err := logger(a.err, format, verbose)
			if err != nil {
				return err
			}
			node.SaveMemory()
			set := metrics.New(Version)
			return a.serve(c.Context(), slog.New(set.Log(h)), set)
		},
	}
	c.Flags().BoolVarP(&verbose, "verbose", "v", false, "log more")
	c.Flags().StringVar(&format, "log-format", "text", "text or json")
	return c
}

// fronts are where a node is reached: the console's address, the local socket and,
// where several processes share a node, the link.
func (a *app) fronts(cfg node.Config) (map[string]net.Listener, error) {
	console, err := net.Listen("tcp", cfg.Console)
	if err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	path := filepath.Join(a.dir, client.SocketFile)
	// A socket that was left behind by a killed node is nobody's: the folder's
	// lock decides whether one still runs.
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, errors.Join(err, console.Close())
	}
	socket, err := net.Listen("unix", path)
	if err == nil {
		err = os.Chmod(path, 0o600)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("socket: %w", err), console.Close())
	}
	return map[string]net.Listener{frontConsole: node.Bounded(console, 5), frontSocket: socket}, nil
}

const (
	frontConsole = "console"
	frontSocket  = "socket"
	frontLink    = "link"
)

// serve runs one node with its console and its socket.
func (a *app) serve(ctx context.Context, log *slog.Logger, set *metrics.Set) (err error) {
	cfg, err := node.ReadConfig(a.dir)
	if err != nil {
		return err
	}
	if node.Sealed(a.dir) {
		guardMemory(log)
	}
	stop, err := offerMetrics(cfg, set)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	if cfg.Peer != "" {
		return a.serveSeveral(ctx, cfg, log, set)
	}
	n, err := node.Open(ctx, a.dir, node.Options{Log: log, Passphrase: a.unlock})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.Close()) }()
	fronts, err := a.fronts(cfg)
	if err != nil {
		return err
	}
	return a.answer(ctx, n, fronts, log, set)
}

// answer serves an open node on its fronts until ctx ends, or the node does.
func (a *app) answer(ctx context.Context, n *node.Node, fronts map[string]net.Listener, log *slog.Logger, set *metrics.Set) (err error) {
	set.Lead(n)
	defer set.Lead(nil)
	srv := web.New(n, Version, log)
	cfg := n.Config()
	console, socket := fronts[frontConsole], fronts[frontSocket]
	if secure, err := web.ConsoleTLS(a.dir, cfg.ConsoleCert, cfg.ConsoleKey, cfg.Console); err != nil {
		return errors.Join(err, console.Close(), socket.Close())
	} else if secure != nil {
		console = tls.NewListener(console, secure)
	} else if host, _, _ := net.SplitHostPort(cfg.Console); !net.ParseIP(host).IsLoopback() {
		log.Warn("the console is served without TLS on an address that others reach; set console_cert in node.json or put a proxy before it", "address", cfg.Console)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 3)
	servers := []*http.Server{
		{Handler: set.Count(frontConsole, srv.Console()), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute},
		{Handler: set.Count(frontSocket, withMetrics(srv.Local(), set)), ReadHeaderTimeout: 10 * time.Second},
	}
	servers[0].RegisterOnShutdown(srv.Stop)
	// The socket answers last: who finds it answering may rely on the rest.
	ready := make(chan struct{})
	go func() { done <- n.Run(ctx, func() { close(ready) }) }()
	select {
	case <-ready:
	case err := <-done:
		return errors.Join(err, console.Close(), socket.Close())
	}
	for i, l := range []net.Listener{console, socket} {
		go func() { done <- servers[i].Serve(l) }()
	}
	if link, err := srv.SetupLink(ctx); err == nil && link != "" {
		fmt.Fprintf(a.out, "nobody can sign in yet; set up the first operator on this machine at %s (works once) or by: parley user link --role operator --name NAME\n", link)
	}
	fmt.Fprintf(a.out, "parley %s: %s serves partners on %s and the console on %s\n", Version, n.Party(), cfg.Link, cfg.ConsoleURL())
	running := 3
	select {
	case <-ctx.Done():
	case err = <-done:
		running--
	}
	cancel()
	stop, stopped := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
	defer stopped()
	for _, s := range servers {
		if s.Shutdown(stop) != nil {
			_ = s.Close()
		}
	}
	for range running {
		err = errors.Join(err, <-done)
	}
	return dropClosed(err)
}

// dropClosed removes the errors that only say that a server was told to stop.
func dropClosed(err error) error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var rest []error
		for _, e := range joined.Unwrap() {
			if e := dropClosed(e); e != nil {
				rest = append(rest, e)
			}
		}
		return errors.Join(rest...)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

func (a *app) statusCmd() *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Show how the node and its partners stand", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var o node.Overview
			if err := a.client().Get(c.Context(), "/overview", nil, &o); err != nil {
				return err
			}
			return a.show(o, func(w io.Writer) {
				if o.Leader != "" {
					which := "another process"
					if cfg, err := node.ReadConfig(a.dir); err == nil && cfg.Peer == o.Leader {
						which = "this process"
					}
					line(w, "leads", which, o.Leader)
				}
				line(w, "incidents", o.Counts.Incidents)
				line(w, "objects", o.Counts.Objects)
				line(w, "accords in force", o.Counts.Accords)
				for _, p := range o.Partners {
					contact := "never"
					if p.LastContact != nil {
						contact = *p.LastContact
					}
					line(w, p.Party, p.State, p.Rung, "last contact "+contact, fmt.Sprintf("%d waiting", p.WaitingOut), p.Reason)
				}
				for _, x := range o.Waiting {
					line(w, "waits for you:", x.Kind, x.Title)
				}
			})
		},
	}
}

func (a *app) userCmd() *cobra.Command {
	var u node.User
	link := &cobra.Command{
		Use: "link", Short: "Make a one-time link that signs a person in to the console", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var out struct {
				Link string `json:"link"`
			}
			if err := a.client().Post(c.Context(), "/links", u, &out); err != nil {
				return err
			}
			return a.show(out, func(w io.Writer) { fmt.Fprintln(w, out.Link) })
		},
	}
	link.Flags().StringVar(&u.Name, "name", "", "the person's name")
	link.Flags().StringVar(&u.Role, "role", node.Officer, strings.Join(node.Roles, ", "))
	_ = link.MarkFlagRequired("name")
	var add struct {
		node.User
		Account string `json:"account,omitempty"`
	}
	adding := &cobra.Command{
		Use: "add", Short: "Let a person use the console, or give who may another role or account", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var out node.User
			if err := a.client().Post(c.Context(), "/people", add, &out); err != nil {
				return err
			}
			return a.show(out, func(w io.Writer) { line(w, out.Name, out.Role) })
		},
	}
	adding.Flags().StringVar(&add.Name, "name", "", "the person's name")
	adding.Flags().StringVar(&add.Role, "role", node.Officer, strings.Join(node.Roles, ", "))
	adding.Flags().StringVar(&add.Account, "account", "", "by what the identity provider knows the person (oidc in node.json)")
	_ = adding.MarkFlagRequired("name")
	list := &cobra.Command{
		Use: "list", Short: "List who may use the console, and what they sign in by", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var out struct {
				People []struct {
					node.User
					Passkeys int    `json:"passkeys"`
					Password bool   `json:"password"`
					Account  string `json:"account"`
				} `json:"people"`
			}
			if err := a.client().Get(c.Context(), "/people", nil, &out); err != nil {
				return err
			}
			return a.show(out, func(w io.Writer) {
				for _, p := range out.People {
					line(w, p.Name, p.Role, fmt.Sprintf("%d passkeys", p.Passkeys), map[bool]string{true: "password and code", false: "no password"}[p.Password], p.Account)
				}
			})
		},
	}
	remove := &cobra.Command{
		Use: "remove NAME", Short: "Let a person in no more; their sessions end", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := a.client().Delete(c.Context(), "/people/"+url.PathEscape(args[0])); err != nil {
				return err
			}
			return a.show(map[string]bool{"ok": true}, func(w io.Writer) { line(w, args[0], "removed") })
		},
	}
	return group("user", "People who use the console, and programs that use TAXII", link, adding, list, remove, a.tokenCmd(), a.tokensCmd(), a.revokeCmd())
}

func (a *app) syncCmd() *cobra.Command {
	return &cobra.Command{
		Use: "sync ACCORD PARTY", Short: "Exchange parcels with a partner now", Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			in := map[string]string{"accord": args[0], "party": args[1]}
			if err := a.client().Post(c.Context(), "/sync", in, nil); err != nil {
				return err
			}
			return a.show(map[string]bool{"ok": true}, func(w io.Writer) { line(w, args[1]+" holds everything that it is due") })
		},
	}
}

func (a *app) parcelCmd() *cobra.Command {
	var out string
	export := &cobra.Command{
		Use: "export ACCORD PARTY", Short: "Write what a partner is due as a file that only it can open", Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			var file []byte
			if err := a.client().Get(c.Context(), "/parcels", url.Values{"accord": {args[0]}, "party": {args[1]}}, &file); err != nil {
				return err
			}
			if err := os.WriteFile(out, file, 0o600); err != nil {
				return err
			}
			return a.show(map[string]any{"file": out, "bytes": len(file)}, func(w io.Writer) { line(w, "wrote", out, fmt.Sprintf("%d bytes for %s", len(file), args[1])) })
		},
	}
	export.Flags().StringVarP(&out, "out", "o", "", "file to write")
	_ = export.MarkFlagRequired("out")
	take := &cobra.Command{
		Use: "import FILE", Short: "Take in a parcel file, all of it or nothing", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			f, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer f.Close()
			var got node.Arrival
			if err := a.client().Send(c.Context(), "/parcels", nil, f, &got); err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			return a.show(got, func(w io.Writer) {
				switch {
				case got.Gap:
					line(w, fmt.Sprintf("an earlier parcel of %s is missing; %d entries are held: nothing was taken in", got.From, got.Have))
				case !got.News:
					line(w, "everything in it was held already")
				default:
					line(w, fmt.Sprintf("%d entries and %d contents from %s", got.Entries, got.Bodies, got.From))
				}
			})
		},
	}
	return group("parcel", "Parcels as files, for when there is no line", export, take)
}
