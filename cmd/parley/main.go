// Parley exchanges intelligence between partners who do not trust each other.
package main

import (
	"os"

	"parley.example/parley/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
