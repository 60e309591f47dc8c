package parley_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// logged lists what log lines may be about. None of it is content: whoever adds a key
// says here that its values never are.
var logged = []string{
	"accord", "log", "index", "party", "partner", "from", "arbiter", "witness", "exchange", "replaced by", // who and where
	"error", "error_id", "message", "next", "evidence", // what went wrong; evidence is a file's name
	"entries", "signed", "compared", "proposed", "dropped", "items", "left_out", "format", "feed", // how much
	"by", "person", "user", "method", "path", "address", "at", // our own people and addresses
}

// strayKeys lists calls of a structured logger whose message is no constant, or whose
// keys are not in the list.
func strayKeys(root fs.FS) (out []string, calls int, err error) {
	fset := token.NewFileSet()
	err = fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && name != ".") {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		src, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(fset, name, src, 0)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(x ast.Node) bool {
			call, ok := x.(*ast.CallExpr)
			if !ok {
				return true
			}
			method, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || !slices.Contains([]string{"Debug", "Info", "Warn", "Error"}, method.Sel.Name) || len(call.Args) == 0 {
				return true
			}
			of := ""
			switch r := method.X.(type) {
			case *ast.Ident:
				of = r.Name
			case *ast.SelectorExpr:
				of = r.Sel.Name
			}
			if !strings.EqualFold(of, "log") {
				return true
			}
			calls++
			for i, a := range call.Args {
				lit, ok := a.(*ast.BasicLit)
				text := ""
				if ok {
					text, _ = strconv.Unquote(lit.Value)
				}
				if i == 0 && !ok || i%2 == 1 && !slices.Contains(logged, text) {
					out = append(out, fset.Position(a.Pos()).String()+": "+text)
				}
			}
			return true
		})
		return nil
	})
	return out, calls, err
}

func TestLogsAreAboutWhatIsListed(t *testing.T) {
	stray, calls, err := strayKeys(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	if calls < 40 {
		t.Errorf("only %d calls of a logger were found; does the search still find them?", calls)
	}
	for _, s := range stray {
		t.Errorf("%s is not in the list of what may be logged", s)
	}
}
