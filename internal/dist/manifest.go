// Package dist says what a release of Parley consists of, so that whoever gets one can
// check it before they run it: a manifest, which is a signed note (C2SP signed-note)
// over the names, sizes and SHA-256 of all files, and a bill of materials (CycloneDX
// 1.6) that is read from the binary itself.
//
// [Make] and [Manifest.Sign] are the maintainers' side, [Open] and [Manifest.Check]
// everybody's. What a release is built from can be checked by building it again: two
// builds of one commit are the same bytes (make reproducible). It does not say that the
// maintainers mean well.
package dist

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"parley.example/parley/ledger"
)

// ErrManifest reports a manifest that does not read or is not signed as it should be.
var ErrManifest = errors.New("no valid release manifest")

const (
	header = "parley release\n"
	// maxManifest and maxFiles bound what Open reads.
	maxManifest = 1 << 20
	maxFiles    = 1000
)

// Manifest is what a release consists of.
type Manifest struct {
	Version string // of letters, digits and .+-~
	Commit  string // hexadecimal
	Files   []File // by name
}

// File is one file of a release.
type File struct {
	Name   string // without a folder
	Size   int64  // bytes
	SHA256 [sha256.Size]byte
}

var (
	versionRE = regexp.MustCompile(`^[A-Za-z0-9.+~-]{1,64}$`)
	commitRE  = regexp.MustCompile(`^[0-9a-f]{7,64}$`)
	nameRE    = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._+~-]{0,126}$`)
)

// IsManifest reports whether a file is a manifest rather than anything else that
// parley verify judges.
func IsManifest(b []byte) bool { return bytes.HasPrefix(b, []byte(header)) }

// Make reads the files of a release.
func Make(version, commit string, names ...string) (m Manifest, err error) {
	m = Manifest{Version: version, Commit: commit}
	for _, name := range names {
		f, err := measure(name)
		if err != nil {
			return m, err
		}
		m.Files = append(m.Files, f)
	}
	slices.SortFunc(m.Files, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	if _, err := parse(m.text()); err != nil {
		return m, err
	}
	return m, nil
}

func measure(path string) (f File, err error) {
	r, err := os.Open(path)
	if err != nil {
		return f, err
	}
	defer r.Close()
	f.Name = filepath.Base(path)
	sum := sha256.New()
	if f.Size, err = io.Copy(sum, r); err != nil {
		return f, fmt.Errorf("reading %s: %w", path, err)
	}
	f.SHA256 = [sha256.Size]byte(sum.Sum(nil))
	return f, nil
}

// text is the one spelling of a manifest.
func (m Manifest) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%sversion %s\ncommit %s\n", header, m.Version, m.Commit)
	for _, f := range m.Files {
		fmt.Fprintf(&b, "%x %d %s\n", f.SHA256, f.Size, f.Name)
	}
	return b.String()
}

// Sign signs a manifest under a name.
func (m Manifest) Sign(key ledger.Key, name string) ([]byte, error) {
	return key.SignNote(name, m.text())
}

// Open reads a manifest and checks that every signature on it is by one of keys.
// Errors are ErrManifest.
func Open(msg []byte, keys []ledger.Signed) (m Manifest, signers []string, err error) {
	if len(msg) > maxManifest {
		return m, nil, fmt.Errorf("%w: it is larger than %d bytes", ErrManifest, maxManifest)
	}
	text, by, err := ledger.OpenNote(msg, keys)
	if err != nil {
		return m, nil, fmt.Errorf("%w: %w", ErrManifest, err)
	}
	if m, err = parse(text); err != nil {
		return m, nil, err
	}
	for _, s := range by {
		signers = append(signers, s.Name)
	}
	return m, signers, nil
}

func parse(text string) (m Manifest, err error) {
	bad := func(format string, args ...any) (Manifest, error) {
		return Manifest{}, fmt.Errorf("%w: %s", ErrManifest, fmt.Sprintf(format, args...))
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) < 4 || lines[0]+"\n" != header || len(lines) > maxFiles+3 {
		return bad("want %q, version, commit and up to %d files", strings.TrimSpace(header), maxFiles)
	}
	m.Version, _ = strings.CutPrefix(lines[1], "version ")
	m.Commit, _ = strings.CutPrefix(lines[2], "commit ")
	if !versionRE.MatchString(m.Version) || !commitRE.MatchString(m.Commit) {
		return bad("version or commit does not read")
	}
	for i, line := range lines[3:] {
		sum, rest, _ := strings.Cut(line, " ")
		size, name, _ := strings.Cut(rest, " ")
		f := File{Name: name}
		raw, err := hex.DecodeString(sum)
		if err != nil || len(raw) != sha256.Size {
			return bad("file %d: want 64 hexadecimal digits", i+1)
		}
		copy(f.SHA256[:], raw)
		if f.Size, err = strconv.ParseInt(size, 10, 64); err != nil || f.Size < 0 {
			return bad("file %d: want a size", i+1)
		}
		if !nameRE.MatchString(name) {
			return bad("file %d: %q is no name of a file without a folder", i+1, name)
		}
		if i > 0 && m.Files[i-1].Name >= name {
			return bad("file %d: not in order of names", i+1)
		}
		m.Files = append(m.Files, f)
	}
	if m.text() != text {
		return bad("it is not in its one spelling")
	}
	return m, nil
}

// Check compares the files of a release in a folder with its manifest and says what is
// wrong with each. Files that are not there are named in absent: a release may be had
// in part.
func (m Manifest) Check(dir string) (wrong, absent []string, err error) {
	for _, want := range m.Files {
		got, err := measure(filepath.Join(dir, want.Name))
		switch {
		case errors.Is(err, os.ErrNotExist):
			absent = append(absent, want.Name)
		case err != nil:
			return nil, nil, err
		case got != want:
			wrong = append(wrong, fmt.Sprintf("%s is not the file of the release: it has %d bytes and SHA-256 %x, want %d and %x", want.Name, got.Size, got.SHA256, want.Size, want.SHA256))
		}
	}
	return wrong, absent, nil
}
