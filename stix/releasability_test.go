package stix_test

import (
	"slices"
	"strings"
	"testing"

	"parley.example/parley/stix"
)

func TestReleasabilityMarkingReadsBack(t *testing.T) {
	for _, want := range []stix.Releasability{
		{To: []string{"south"}, Listed: true},
		{To: []string{"east", "south"}, Listed: true, OriginatorControl: true},
		{OriginatorControl: true},
		{},
	} {
		id, raw, err := want.Marking()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range stix.Validate(raw) {
			if f.Severity == stix.Error {
				t.Errorf("%s: %s: %s", raw, f.Path, f.Message)
			}
		}
		o, err := stix.Parse(raw)
		if err != nil || o.ID != id {
			t.Fatalf("id %s, %v; want %s", o.ID, err, id)
		}
		got, ok, err := stix.ReleasabilityOf(o)
		if err != nil || !ok || !slices.Equal(got.To, want.To) || got.Listed != want.Listed || got.OriginatorControl != want.OriginatorControl {
			t.Errorf("read %+v, %v, %v; want %+v", got, ok, err, want)
		}
	}
	for _, f := range stix.Validate(stix.ReleasabilityExtensionDefinition()) {
		if f.Severity == stix.Error {
			t.Errorf("definition: %s: %s", f.Path, f.Message)
		}
	}
}

func TestReleasabilityThatIsNotUnderstoodIsAnError(t *testing.T) {
	_, good, _ := stix.Releasability{To: []string{"south"}, Listed: true}.Marking()
	for name, change := range map[string][2]string{
		"newer property": {`"releasable_to"`, `"not_before":"2027","releasable_to"`},
		"no list":        {`["south"]`, `"south"`},
		"null":           {`["south"]`, `null,"originator_control":false`},
		"nothing said":   {`,"releasable_to":["south"]`, ``},
		"not a boolean":  {`"releasable_to":["south"]`, `"originator_control":"yes"`},
	} {
		o, err := stix.Parse([]byte(strings.Replace(string(good), change[0], change[1], 1)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, ok, err := stix.ReleasabilityOf(o); !ok || err == nil {
			t.Errorf("%s: understood (%v, %v)", name, ok, err)
		}
	}
	if _, _, err := (stix.Releasability{Listed: true}).Marking(); err == nil {
		t.Error("a list of nobody makes a marking")
	}
}
