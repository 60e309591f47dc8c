package cli

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"parley.example/parley/internal/node"
)

// exportedFile is the account of one file that was written.
type exportedFile struct {
	File string `json:"file"`
	node.Exported
}

func (a *app) exportCmd() *cobra.Command {
	var file string
	var hours int
	var references []string
	q := map[string]*string{}
	for _, n := range []string{"from", "to", "area", "class", "type", "status", "message", "certainty", "note", "language"} {
		q[n] = new(string)
	}
	c := &cobra.Command{
		Use: "export FORMAT [ID…]", Short: "Write what the node holds as stix, misp, geojson, csv or cap, to a file of your own",
		Long: "Writes what the node holds to a file of your own: stix, misp, geojson, csv or cap.\n\n" +
			"Without IDs everything that the options select is written, except what is TLP:RED; that has to be named. " +
			"What a partner released is left out when its retention has ended. " +
			"For cap, name the incidents; with several, -o is a folder that gets one alert for each. " +
			"Nothing passes to a partner this way: use release.",
		Args: cobra.MinimumNArgs(1), ValidArgs: node.ExportFormats,
		RunE: func(c *cobra.Command, args []string) error {
			v := url.Values{"format": {args[0]}, "account": {"true"}, "reference": references}
			for n, s := range q {
				if *s != "" {
					v.Set(n, *s)
				}
			}
			if hours != 0 {
				v.Set("hours", strconv.Itoa(hours))
			}
			if a.json && (file == "" || file == "-") {
				return usage("with --json the account goes to standard output, so name a file with -o")
			}
			if !slices.Contains(node.ExportFormats, args[0]) {
				return usage("%q is none of %s", args[0], strings.Join(node.ExportFormats, ", "))
			}
			written, err := a.exportAll(c, file, args[1:], v)
			if err != nil {
				return err
			}
			return a.showExported(written, len(args) > 1)
		},
	}
	f := c.Flags()
	f.StringVarP(&file, "output", "o", "", "the file; left out, standard output")
	f.StringVar(q["from"], "from", "", "first day, YYYY-MM-DD")
	f.StringVar(q["to"], "to", "", "last day, YYYY-MM-DD")
	f.StringVar(q["area"], "area", "", "first-level area")
	f.StringVar(q["class"], "class", "", "target class")
	f.StringVar(q["type"], "type", "", "STIX type")
	f.StringVar(q["status"], "status", "", "cap: Actual, Exercise or Test; has to be said")
	f.StringVar(q["message"], "message", "", "cap: Alert, Update or Cancel (default Alert)")
	f.StringArrayVar(&references, "reference", nil, "cap: earlier message, as sender,identifier,sent; may be repeated")
	f.StringVar(q["certainty"], "certainty", "", "cap: Observed, Likely, Possible, Unlikely or Unknown; left out, by the source's grading")
	f.StringVar(q["note"], "note", "", "cap: purpose; names the exercise")
	f.StringVar(q["language"], "language", "", "cap: language of the text, like ps")
	f.IntVar(&hours, "hours", 0, "cap: hours until the alert expires (default 24)")
	return c
}

// exportAll writes one file, or for several alerts one in a folder for each.
func (a *app) exportAll(c *cobra.Command, file string, ids []string, v url.Values) ([]exportedFile, error) {
	if v.Get("format") != node.FormatCAP || len(ids) < 2 {
		v["id"] = ids
		got, err := a.exportOne(c, file, v)
		return []exportedFile{got}, err
	}
	if info, err := os.Stat(file); err != nil || !info.IsDir() {
		return nil, usage("several alerts need a folder: -o FOLDER")
	}
	var out []exportedFile
	for _, id := range ids {
		v["id"] = []string{id}
		got, err := a.exportOne(c, filepath.Join(file, strings.ReplaceAll(filepath.Base(id), "--", "-")+".cap.xml"), v)
		if err != nil {
			return out, fmt.Errorf("%s: %w", id, err)
		}
		out = append(out, got)
	}
	return out, nil
}

// exportOne writes one file, whole or not at all.
func (a *app) exportOne(c *cobra.Command, file string, v url.Values) (exportedFile, error) {
	got := exportedFile{File: file}
	if file == "" || file == "-" {
		got.File = "-"
		return got, a.client().Download(c.Context(), "/export", v, a.out, &got.Exported)
	}
	err := writeWhole(file, func(w io.Writer) error {
		return a.client().Download(c.Context(), "/export", v, w, &got.Exported)
	})
	return got, err
}

// writeWhole writes a file that its owner alone may read; it appears when it is
// whole and on disk.
func writeWhole(name string, write func(io.Writer) error) error {
	dir := filepath.Dir(name)
	tmp, err := os.CreateTemp(dir, "."+filepath.Base(name)+"-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	if err := write(tmp); err != nil {
		return errors.Join(err, tmp.Close())
	}
	if err := errors.Join(tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), name); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// showExported tells what was written and what was not. Something that was
// named and left out makes the answer no.
func (a *app) showExported(files []exportedFile, named bool) error {
	out := struct {
		Files []exportedFile `json:"files"`
		OK    bool           `json:"ok"`
	}{files, true}
	for _, f := range files {
		out.OK = out.OK && (!named || len(f.LeftOut) == 0)
	}
	tell := func(w io.Writer) {
		for _, f := range files {
			fmt.Fprintf(w, "%s: %s, %d items, %d left out\n", f.File, f.Format, f.Items, len(f.LeftOut))
			for _, l := range f.LeftOut {
				line(w, "  left out", l.ID, l.Reason)
			}
			for _, l := range f.NotCarried {
				line(w, "  not carried", l.Path, l.Reason)
			}
			if f.More > 0 {
				fmt.Fprintf(w, "  and %d more that are not listed\n", f.More)
			}
		}
	}
	var err error
	if a.json {
		err = a.show(out, nil)
	} else {
		tell(a.err) // the file itself may be on standard output
	}
	if err == nil && !out.OK {
		err = no
	}
	return err
}
