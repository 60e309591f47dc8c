package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"parley.example/parley/internal/node"
)

func (a *app) importCmd() *cobra.Command {
	var format, mapping string
	c := &cobra.Command{
		Use: "import FILE…", Short: "Import incidents and STIX objects; every item is taken or refused with a reason", Args: cobra.MinimumNArgs(1),
		Long: "Import incidents and STIX objects; every item is taken or refused with a reason. A file that does not read as a whole leaves nothing behind. " +
			"An import that was stopped goes on where it was when the same file is imported again.",
		RunE: func(c *cobra.Command, args []string) error {
			type account struct {
				File string `json:"file"`
				node.Import
			}
			out := struct {
				Files []account `json:"files"`
				OK    bool      `json:"ok"`
			}{Files: []account{}, OK: true}
			q := url.Values{}
			if format != "" {
				q.Set("format", format)
			}
			if mapping != "" {
				m, err := os.ReadFile(mapping)
				if err != nil {
					return err
				}
				q.Set("map", string(m))
			}
			for _, name := range args {
				got, err := a.importOne(c, name, q)
				if err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
				out.OK = out.OK && len(got.Refused) == 0
				out.Files = append(out.Files, account{name, got})
			}
			err := a.show(out, func(w io.Writer) {
				for _, f := range out.Files {
					fmt.Fprintf(w, "%s: %s, %d items: %d taken, %d known already, %d refused\n", f.File, f.Format, f.Items, f.Taken, f.Known, len(f.Refused))
					if f.Continued > 0 {
						fmt.Fprintf(w, "  went on after %d items that were stored before\n", f.Continued)
					}
					for _, r := range f.Refused {
						line(w, "  item "+fmt.Sprint(r.Item), r.ID, r.Reason)
					}
					for _, d := range f.Doubts {
						line(w, "  taken in doubt: item "+fmt.Sprint(d.Item), d.ID, d.Reason)
					}
					for _, l := range f.NotCarried {
						line(w, "  not carried", l.Path, l.Reason)
					}
				}
			})
			if err == nil && !out.OK {
				err = no
			}
			return err
		},
	}
	c.Flags().StringVar(&format, "format", "", "stix, misp, ucdp, acled, gtd or csv; left out, it is recognised")
	c.Flags().StringVar(&mapping, "map", "", "mapping file (JSON) for CSV files of other columns")
	return c
}

// importOne sends a file and, where a person sees it, shows how far it is:
// first what was sent, then what the node does with it.
func (a *app) importOne(c *cobra.Command, name string, q url.Values) (node.Import, error) {
	var got node.Import
	f, err := os.Open(name)
	if err != nil {
		return got, err
	}
	defer f.Close()
	size, err := f.Stat()
	if err != nil {
		return got, err
	}
	q.Set("name", filepath.Base(name))
	q.Set("run", rand.Text())
	if !a.terminal() {
		return got, a.client().Send(c.Context(), "/import", q, f, &got)
	}
	bar := progressbar.NewOptions64(size.Size(), progressbar.OptionSetWriter(a.err), progressbar.OptionSetDescription(name+": sending"),
		progressbar.OptionShowBytes(true), progressbar.OptionClearOnFinish())
	ctx, cancel := context.WithCancel(c.Context())
	sent, shown := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(shown)
		select {
		case <-sent:
			_ = bar.Finish()
			a.follow(ctx, name, q.Get("run"))
		case <-ctx.Done():
			_ = bar.Exit()
		}
	}()
	err = a.client().Send(c.Context(), "/import", q, &ending{r: io.TeeReader(f, bar), end: sent}, &got)
	cancel()
	<-shown
	return got, err
}

// ending tells when a reader was read to its end.
type ending struct {
	r   io.Reader
	end chan struct{}
	did bool
}

func (e *ending) Read(b []byte) (int, error) {
	n, err := e.r.Read(b)
	if errors.Is(err, io.EOF) && !e.did {
		e.did = true
		close(e.end)
	}
	return n, err
}

// follow shows what the node does with a file until ctx ends.
func (a *app) follow(ctx context.Context, name, run string) {
	var bar *progressbar.ProgressBar
	phase := ""
	defer func() {
		if bar != nil {
			_ = bar.Finish()
		}
	}()
	client := a.client()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		var out struct {
			Imports []node.ImportRun `json:"imports"`
		}
		if client.Get(ctx, "/imports", nil, &out) != nil {
			continue // the import's own answer tells what is wrong
		}
		for _, r := range out.Imports {
			if r.Run != run || r.Of == 0 {
				continue
			}
			if r.Phase != phase {
				if bar != nil {
					_ = bar.Finish()
				}
				phase = r.Phase
				bar = progressbar.NewOptions64(r.Of, progressbar.OptionSetWriter(a.err), progressbar.OptionSetDescription(name+": "+phase),
					progressbar.OptionShowBytes(phase != "storing"), progressbar.OptionShowCount(), progressbar.OptionClearOnFinish())
			}
			_ = bar.Set64(r.Done)
		}
	}
}

// terminal reports whether progress would be seen by a person.
func (a *app) terminal() bool {
	f, ok := a.err.(*os.File)
	return ok && !a.json && term.IsTerminal(int(f.Fd()))
}
