package node_test

import (
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"parley.example/parley/internal/node"
)

const situationHeader = "id,date,title,place,admin1,lat,lon,radius_km,killed,kind,class,organisation,claimed_by,source,reliability,credibility,tlp\n"

// Two datasets in which three reports are of two events, with rival names in one.
func situation(t *testing.T) *node.Node {
	t.Helper()
	n := start(t, "north")
	importAs(t, n, "police", situationHeader+
		"a1,2026-01-05,Bomb at the mill,Ghazni,Ghazni,33.55,68.42,5,3,bombing,civilian,Lantern Front,,police,B,2,amber\n"+
		"a2,2026-01-20,Shots at a checkpoint,Andar,Ghazni,33.38,68.35,2,0,armed-assault,security-forces,,,police,F,6,green\n"+
		"a3,2026-02-11,Rocket on the bazaar,Kunduz,Kunduz,36.73,68.86,,1,shelling,civilian,Ash Valley,Red Banner,police,,,\n")
	importAs(t, n, "press", situationHeader+
		"b1,2026-01-05,Explosion at a flour mill,Ghazni,Ghazni,33.55,68.43,15,4,bombing,civilian,Red Banner,Red Banner,press,C,3,clear\n"+
		"b2,2026-02-11,Market hit,Kunduz,Kunduz,36.73,68.86,25,1,shelling,civilian,,,press,A,1,amber\n"+
		"b3,2026-03-01,Teacher shot,Herat,Herat,,,,1,assassination,education,,,press,D,5,red\n")
	return n
}

func titlesIn(t *testing.T, n *node.Node, f node.IncidentFilter) (out []string) {
	t.Helper()
	c, err := n.IncidentColumns(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, u := range c.ID {
		ids = append(ids, "incident--"+u.String())
	}
	rows, err := n.IncidentRows(t.Context(), ids)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		out = append(out, r.Title)
	}
	return out
}

// One filter selects the same for columns, list and export.
func TestOneFilter(t *testing.T) {
	n := situation(t)
	day := func(m time.Month, d int) time.Time { return time.Date(2026, m, d, 0, 0, 0, 0, time.UTC) }
	for name, c := range map[string]struct {
		f    node.IncidentFilter
		want []string
	}{
		"everything":        {node.IncidentFilter{}, []string{"Teacher shot", "Market hit", "Rocket on the bazaar", "Shots at a checkpoint", "Bomb at the mill", "Explosion at a flour mill"}},
		"days":              {node.IncidentFilter{From: day(1, 6), To: day(2, 11)}, []string{"Shots at a checkpoint"}},
		"an area, a class":  {node.IncidentFilter{Area: "Ghazni", Class: "security-forces"}, []string{"Shots at a checkpoint"}},
		"a group":           {node.IncidentFilter{Group: "Red Banner"}, []string{"Explosion at a flour mill"}},
		"no group":          {node.IncidentFilter{Group: node.Nothing}, []string{"Teacher shot", "Market hit", "Shots at a checkpoint"}},
		"our own":           {node.IncidentFilter{Party: node.Own, Area: "Herat"}, []string{"Teacher shot"}},
		"a partner's":       {node.IncidentFilter{Party: "south"}, nil},
		"a marking":         {node.IncidentFilter{Marking: "TLP:GREEN"}, []string{"Shots at a checkpoint"}},
		"unmarked":          {node.IncidentFilter{Marking: node.Nothing}, []string{"Rocket on the bazaar"}},
		"B or better":       {node.IncidentFilter{Grading: "B"}, []string{"Market hit", "Bomb at the mill"}},
		"3 or better":       {node.IncidentFilter{Grading: "3"}, []string{"Market hit", "Bomb at the mill", "Explosion at a flour mill"}},
		"E, not F":          {node.IncidentFilter{Grading: "E5"}, []string{"Teacher shot", "Market hit", "Bomb at the mill", "Explosion at a flour mill"}},
		"ungraded":          {node.IncidentFilter{Grading: node.Nothing}, []string{"Rocket on the bazaar"}},
		"a box":             {node.IncidentFilter{Box: &node.Box{West: 68, South: 33.5, East: 69, North: 34}}, []string{"Bomb at the mill", "Explosion at a flour mill"}},
		"a box round Earth": {node.IncidentFilter{Box: &node.Box{West: 170, South: -90, East: 68.4, North: 90}}, []string{"Shots at a checkpoint"}},
	} {
		sorted := func(s []string) []string { return slices.Sorted(slices.Values(s)) }
		if got := titlesIn(t, n, c.f); !slices.Equal(sorted(got), sorted(c.want)) {
			t.Errorf("%s: columns %q, want %q", name, got, c.want)
		}
		c.f.Limit = 2
		list, total, err := n.Incidents(t.Context(), c.f)
		if err != nil || int(total) != len(c.want) || len(list) != min(2, len(c.want)) || len(list) == 2 && list[0].Date < list[1].Date {
			t.Errorf("%s: listed %d of %d, %v, want 2 of %d, newest first", name, len(list), total, err, len(c.want))
		}
		_, got := export(t, n, node.ExportAsk{Format: "csv", Filter: c.f})
		if want := len(c.want); got.Items+len(got.LeftOut) != want && want > 0 && len(got.LeftOut) == 0 {
			t.Errorf("%s: exported %+v, want %d", name, got, want)
		}
	}
	for _, bad := range []string{"G", "b", "0", "2B", "B2x", "none"} {
		if _, err := n.IncidentColumns(t.Context(), node.IncidentFilter{Grading: bad}); !errors.Is(err, node.ErrInvalid) {
			t.Errorf("grading %q: %v, want ErrInvalid", bad, err)
		}
	}
	for _, bad := range []string{"", "1,2,3", "a,b,c,d", "0,10,1,5", "0,0,181,1", "NaN,0,1,1", "0,0,1,1,2"} {
		if b, err := node.ParseBox(bad); !errors.Is(err, node.ErrInvalid) {
			t.Errorf("box %q: %v, %v, want ErrInvalid", bad, b, err)
		}
	}
}

func TestColumnsShowRivals(t *testing.T) {
	n := situation(t)
	rival := func() map[string][2]int {
		c, err := n.IncidentColumns(t.Context(), node.IncidentFilter{})
		if err != nil {
			t.Fatal(err)
		}
		out := map[string][2]int{}
		for i, title := range titlesIn(t, n, node.IncidentFilter{}) {
			out[title] = [2]int{int(c.Event[i]), int(c.Rival[i])}
		}
		return out
	}
	got := rival()
	// A report names one and a claim in it another.
	if got["Rocket on the bazaar"] != [2]int{0, 1} || got["Explosion at a flour mill"] != [2]int{0, 0} {
		t.Errorf("before linking: %v", got)
	}
	list, _, err := n.Incidents(t.Context(), node.IncidentFilter{Area: "Ghazni", Class: "civilian"})
	if err != nil || len(list) != 2 {
		t.Fatalf("%v, %v", list, err)
	}
	if _, err := n.JudgeLink(t.Context(), node.LinkAsk{Left: list[0].ID, Right: list[1].ID, Verdict: "confirm"}); err != nil {
		t.Fatal(err)
	}
	got = rival()
	if a, b := got["Bomb at the mill"], got["Explosion at a flour mill"]; a != [2]int{1, 1} || a != b {
		t.Errorf("two reports of one event that name two: %v and %v", a, b)
	}
	// A rival beyond the filter is still one.
	c, err := n.IncidentColumns(t.Context(), node.IncidentFilter{Group: "Lantern Front"})
	if err != nil || len(c.ID) != 1 || c.Rival[0] != 1 {
		t.Errorf("%+v, %v", c, err)
	}

	c, err = n.IncidentColumns(t.Context(), node.IncidentFilter{Area: "Herat"})
	if err != nil || len(c.ID) != 1 {
		t.Fatalf("%+v, %v", c, err)
	}
	if !math.IsNaN(float64(c.Lat[0])) || c.Killed[0] != 1 || c.Words["grading"][c.Codes["grading"][0]] != "D5" || c.Words["marking"][c.Codes["marking"][0]] != "TLP:RED" ||
		time.Unix(int64(c.Day[0])*86400, 0).UTC().Format(time.DateOnly) != "2026-03-01" {
		t.Errorf("%+v", c)
	}
	rows, err := n.IncidentRows(t.Context(), []string{"incident--00000000-0000-4000-8000-000000000000", list[0].ID, list[1].ID})
	if err != nil || len(rows) != 2 || rows[0].ID != list[0].ID {
		t.Fatalf("%v, %v", rows, err)
	}
	claims := append(rows[0].Claims, rows[1].Claims...)
	if len(claims) != 1 || claims[0].By != "Red Banner" || claims[0].Kind != "responsibility" {
		t.Errorf("%+v", claims)
	}
}
