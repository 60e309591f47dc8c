package watch

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"
)

func sharedData(t testing.TB, name string) string {
	t.Helper()
	dir := os.Getenv("PARLEY_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "data")
	}
	p := filepath.Join(filepath.Dir(filepath.Clean(dir)), name)
	if _, err := os.Stat(p); err != nil {
		t.Skipf("real data absent: %v (set PARLEY_DATA)", err)
	}
	return p
}

func sharedPanel(t testing.TB, name string) *Panel {
	t.Helper()
	f, err := os.Open(sharedData(t, "data/panels/"+name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p, err := ReadPanel(f)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// The intermediate values of the reference experiment, at week 700.
func TestModelVectors(t *testing.T) {
	raw, err := os.ReadFile(sharedData(t, "watch/testvectors.json"))
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		EBX struct {
			File                string
			Weights, Mean, Size [][]float64
		} `json:"ebd_h4_week700"`
		INGARCH struct{ Mean []float64 } `json:"ingarch_h4_week700"`
		EWMA    struct{ Mean []float64 } `json:"ewma_h1_week700"`
		Rows    [][]float64              `json:"features_week700"`
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	p := sharedPanel(t, v.EBX.File)
	const week = 700
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-6*(1+math.Abs(want)) {
			t.Errorf("%s: %.10g, want %.10g", what, got, want)
		}
	}
	eb, in, ew, x := newEBX(p, 4), newINGARCH(p, 4, garchDefault), newEWMA(p, 1), newPast(p)
	row := make([]float64, features)
	for u, unit := range p.Units {
		for i := range ebDiscounts {
			near(unit+" weight", eb.weight[u][week][i], v.EBX.Weights[u][i])
			near(unit+" mean", 4*eb.shape[u][week][i]/eb.rate[u][week][i], v.EBX.Mean[u][i])
			near(unit+" size", eb.shape[u][week][i], v.EBX.Size[u][i])
		}
		near(unit+" INGARCH", in.mean(u, week), v.INGARCH.Mean[u])
		near(unit+" EWMA", ew.mean(u, week), v.EWMA.Mean[u])
		x.row(u, week, row)
		for i := range row {
			near(unit+" feature", row[i], v.Rows[u][i])
		}
	}
}
