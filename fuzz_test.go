package parley_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	fuzzTarget = regexp.MustCompile(`(?m)^func (Fuzz\w+)\(`)
	fuzzCount  = regexp.MustCompile(`^[1-9][0-9]*x$`)
)

// fuzzTargets lists the fuzz targets in test files under root, as "./package Name".
func fuzzTargets(root fs.FS) ([]string, error) {
	var out []string
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".") && name != ".") {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, "_test.go") {
			return nil
		}
		src, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		for _, m := range fuzzTarget.FindAllSubmatch(src, -1) {
			out = append(out, "./"+path.Dir(name)+" "+string(m[1]))
		}
		return nil
	})
	slices.Sort(out)
	return out, err
}

// fuzzList reads testdata/fuzz.txt in the same form.
func fuzzList(list []byte) (out []string, quick int, err error) {
	for lines := bufio.NewScanner(bytes.NewReader(list)); lines.Scan(); {
		line := lines.Text()
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Fields(line)
		if len(f) < 4 || f[0] != "-" && !fuzzCount.MatchString(f[0]) {
			return nil, 0, fmt.Errorf("%q: want how many inputs make test tries (like 500x, or -), package, target and what it reads", line)
		}
		if f[0] != "-" {
			quick++
		}
		out = append(out, f[1]+" "+f[2])
	}
	slices.Sort(out)
	return out, quick, nil
}

// Who adds a parser's fuzz target adds it to the list by which make fuzz runs it.
func TestFuzzTargetsAreListed(t *testing.T) {
	have, err := fuzzTargets(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	list, err := os.ReadFile("testdata/fuzz.txt")
	if err != nil {
		t.Fatal(err)
	}
	listed, quick, err := fuzzList(list)
	if err != nil {
		t.Fatal(err)
	}
	if quick == 0 {
		t.Error("testdata/fuzz.txt has no target that make test fuzzes")
	}
	for _, f := range have {
		if !slices.Contains(listed, f) {
			t.Errorf("%s is not in testdata/fuzz.txt", f)
		}
	}
	for _, f := range listed {
		if !slices.Contains(have, f) {
			t.Errorf("testdata/fuzz.txt names %s, which is not there", f)
		}
	}
	if d := slices.Compact(slices.Clone(listed)); len(d) != len(listed) {
		t.Error("testdata/fuzz.txt names a target twice")
	}
}
