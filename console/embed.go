// Package console carries the web console's built files inside the binary.
//
// The bundle is made by `make console` (Node) into dist/ and is never
// committed; only dist/.keep is, so that the package compiles where no Node is
// installed. A server asks [Built] and serves either [FS] or [Unbuilt].
//
// Next to every compressible file NAME stands NAME.br, the same bytes in
// brotli. Files under assets/ carry a digest of their content in their name and
// may be cached for ever; everything else must be revalidated.
//
// The bundle needs no external resource and runs under
//
//	default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;
//	font-src 'self'; connect-src 'self'; form-action 'none';
//	frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'
//
// Routes live in the URL's fragment: index.html is the only page.
package console

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// FS holds the bundle, rooted so that index.html is at the top. It is empty but
// for .keep when the console was not built.
var FS = func() fs.FS {
	root, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // dist is a constant, valid path
	}
	return root
}()

// Unbuilt is the page to show in the bundle's place when there is none: plain
// HTML with no style and no script, fit for any content security policy.
//
//go:embed unbuilt.html
var Unbuilt []byte

// Built reports whether the binary carries the bundle.
func Built() bool {
	_, err := fs.Stat(FS, "index.html")
	return err == nil
}
