// Command manpages writes the man pages of parley and all its commands into a folder.
// The date on them is SOURCE_DATE_EPOCH, so that packages can be built again.
package main

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra/doc"

	"parley.example/parley/internal/cli"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "manpages:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("usage: manpages FOLDER")
	}
	seconds, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64)
	if err != nil {
		return fmt.Errorf("SOURCE_DATE_EPOCH: want the seconds since 1970 of the release")
	}
	at := time.Unix(seconds, 0).UTC()
	root := cli.Command()
	root.DisableAutoGenTag = true
	// What stands in the maker's own surroundings is no default of others.
	dir := root.PersistentFlags().Lookup("dir")
	dir.DefValue = "~/.parley"
	return doc.GenManTree(root, &doc.GenManHeader{Title: "PARLEY", Section: "1", Source: "parley " + cli.Version, Manual: "Parley", Date: &at}, args[0])
}
