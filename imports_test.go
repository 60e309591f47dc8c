package parley_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "parley.example/parley/"

// may lists what each package may import of ours; imports go one way only.
// Test files may import more: what they check.
var may = map[string][]string{
	"stix":                     {},
	"ledger":                   {},
	"psi":                      {},
	"selector":                 {},
	"console":                  {},
	"accord":                   {"stix", "ledger"},
	"misp":                     {"stix"},
	"taxii":                    {"stix"},
	"incident":                 {"stix"},
	"watch":                    {"incident"},
	"fusion":                   {"incident"},
	"deconflict":               {"psi", "ledger"},
	"operation":                {"deconflict"},
	"release":                  {"stix", "accord", "ledger", "incident"},
	"internal/link":            {"stix", "taxii", "accord", "release", "ledger", "psi"},
	"internal/store":           {},
	"internal/store/storetest": {"internal/store"},
	"internal/store/group":     {"internal/store"},
	"internal/store/pack":      {"internal/store"},
	"internal/store/sqlite":    {"internal/store", "internal/store/group", "internal/store/pack"},
	"internal/store/postgres":  {"internal/store", "internal/store/group", "internal/store/pack", "internal/store/sqlite"}, // whose file a backup is
	"internal/store/pgtest":    {},
	"internal/node": {
		"stix", "ledger", "psi", "selector", "accord", "taxii", "misp", "release", "incident", "fusion", "watch",
		"deconflict", "operation", "internal/custody", "internal/link", "internal/store", "internal/store/sqlite", "internal/store/postgres",
	},
	"internal/client":  {},
	"internal/peer":    {},
	"internal/dist":    {"ledger"},
	"internal/custody": {"ledger"},
	"internal/metrics": {"internal/node"},
	"internal/web":     {"internal/node", "internal/link", "console", "deconflict", "operation", "accord", "incident", "taxii", "stix"},
	"internal/demo":    {"internal/client", "internal/node", "accord", "ledger", "deconflict", "operation"},
	"internal/sim":     {"deconflict", "internal/node", "internal/link", "internal/store", "accord", "incident", "ledger"},
	"internal/cli": {
		"internal/client", "internal/node", "internal/peer", "internal/metrics", "internal/dist", "internal/custody", "internal/web", "internal/demo", "internal/sim",
		"accord", "ledger", "stix", "selector", "watch", "incident", "fusion", "deconflict", "operation",
	},
	"cmd/parley":  {"internal/cli"},
	"bench/table": {},
}

// drivers may be imported by the store's backends alone, so that tests of
// other packages do not compile them.
var drivers = map[string]string{
	"modernc.org/sqlite":      "internal/store/sqlite",
	"github.com/jackc/pgx/v5": "internal/store/postgres",
	"database/sql":            "internal/store/sqlite",
	"zombiezen.com/go/sqlite": "internal/store/sqlite",
}

// breaches lists the imports under root that the rules above do not allow.
func breaches(root fs.FS) ([]string, error) {
	var out []string
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == "testdata" || (strings.HasPrefix(d.Name(), ".") && name != ".")) {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		src, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ImportsOnly)
		if err != nil {
			return err
		}
		pkg := path.Dir(name)
		allowed, known := may[pkg]
		if !known && !strings.HasPrefix(pkg, "bench") && !strings.HasPrefix(pkg, "tools") {
			out = append(out, fmt.Sprintf("%s: package %s is not in the table of imports_test.go", name, pkg))
			return nil
		}
		for _, spec := range f.Imports {
			imp, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if own, ok := strings.CutPrefix(imp, module); ok && known && !slices.Contains(allowed, own) {
				out = append(out, fmt.Sprintf("%s: %s may not import %s", name, pkg, own))
			}
			for _, d := range slices.Sorted(maps.Keys(drivers)) {
				if (imp == d || strings.HasPrefix(imp, d+"/")) && pkg != drivers[d] {
					out = append(out, fmt.Sprintf("%s: %s may not import the driver %s", name, pkg, imp))
				}
			}
		}
		return nil
	})
	return out, err
}

func TestImportsGoOneWay(t *testing.T) {
	got, err := breaches(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range got {
		t.Error(b)
	}
}

// The rule above has been seen to fail: bad imports are planted in a copy of
// one package's name and found.
func TestABadImportIsFound(t *testing.T) {
	for name, src := range map[string]string{
		"stix/bad.go":         "package stix\nimport _ \"parley.example/parley/accord\"\n",
		"watch/bad.go":        "package watch\nimport _ \"parley.example/parley/internal/node\"\n",
		"internal/web/bad.go": "package web\nimport _ \"parley.example/parley/internal/store\"\n",
		"release/bad.go":      "package release\nimport _ \"modernc.org/sqlite\"\n",
		"surprise/bad.go":     "package surprise\n",
	} {
		dir := t.TempDir()
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(src), 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := breaches(os.DirFS(dir))
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != 1 {
			t.Errorf("%s: %d breaches found, want 1: %v", name, len(got), got)
		}
	}
}
