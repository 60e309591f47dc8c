package watch_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"parley.example/parley/watch"
)

// shared finds a file beside the shared data, or skips the test.
func shared(t testing.TB, name string) string {
	t.Helper()
	dir := os.Getenv("PARLEY_DATA")
	if dir == "" {
		root, err := filepath.Abs(".")
		if err != nil {
			t.Fatal(err)
		}
		for ; root != filepath.Dir(root); root = filepath.Dir(root) {
			if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
				break
			}
		}
		dir = filepath.Join(root, "..", "shared", "data")
	}
	p := filepath.Join(filepath.Dir(dir), name)
	if _, err := os.Stat(p); err != nil {
		t.Skipf("real data absent: %v (set PARLEY_DATA)", err)
	}
	return p
}

func panel(t testing.TB, name string) *watch.Panel {
	t.Helper()
	f, err := os.Open(shared(t, "data/panels/"+name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p, err := watch.ReadPanel(f)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func near(a, b, relative float64) bool { return math.Abs(a-b) <= relative*math.Abs(b) }

func TestVectors(t *testing.T) {
	raw, err := os.ReadFile(shared(t, "watch/testvectors.json"))
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		NB []struct {
			K       int
			M, R, V float64
		} `json:"nb_logpmf"`
		Scores struct {
			M                     []float64
			R                     float64
			Y                     []int
			CRPS, Logs, Brier, P1 []float64
		} `json:"scores_nb_K96"`
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	for _, c := range v.NB {
		if got := watch.LogNB(c.K, c.M, c.R); !near(got, c.V, 1e-9) {
			t.Errorf("LogNB(%d, %g, %g) = %v, want %v", c.K, c.M, c.R, got, c.V)
		}
	}
	for i, y := range v.Scores.Y {
		d := watch.NB(v.Scores.M[i], v.Scores.R)
		s := d.Score(y)
		for _, c := range []struct {
			name      string
			got, want float64
		}{
			{"crps", s.CRPS, v.Scores.CRPS[i]}, {"log", s.Log, v.Scores.Logs[i]},
			{"brier", s.Brier, v.Scores.Brier[i]}, {"p1", d.AtLeastOne(), v.Scores.P1[i]},
			{"mean", d.Mean(), v.Scores.M[i]},
		} {
			if !near(c.got, c.want, 1e-6) {
				t.Errorf("%d: %s = %v, want %v", i, c.name, c.got, c.want)
			}
		}
	}
}

func day(s string) time.Time {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return t
}
