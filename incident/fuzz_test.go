package incident_test

import (
	"strings"
	"testing"

	"parley.example/parley/incident"
)

func FuzzReadMapping(f *testing.F) {
	f.Add(`{"name":"x","columns":{"start":"date"}}`)
	f.Add(`{"name":"x"} {}`)
	f.Fuzz(func(t *testing.T, s string) {
		m, err := incident.ReadMapping(strings.NewReader(s))
		if err != nil {
			return
		}
		// What was accepted reads any table without harm.
		_ = incident.ReadCSV(strings.NewReader("a,b\n1,2\n"), m, func(int, incident.Incident, error) error { return nil })
	})
}

func FuzzParseAlertReference(f *testing.F) {
	f.Add("north,alert-1,2026-12-31T12:00:00-00:00")
	f.Fuzz(func(t *testing.T, s string) {
		if r, err := incident.ParseAlertReference(s); err == nil && (r.Sender == "" || r.Identifier == "" || strings.ContainsAny(r.Sender+r.Identifier, " ,<&")) {
			t.Errorf("%q is taken as %+v", s, r)
		}
	})
}
