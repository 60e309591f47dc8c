package cli

import "testing"

func TestAreaIsReadFromGeoJSON(t *testing.T) {
	const polygon = `{"type":"Polygon","coordinates":[[[70.4,34.3],[70.6,34.3],[70.6,34.5],[70.4,34.3]]]}`
	for _, good := range []string{polygon, `{"type":"Feature","geometry":` + polygon + `}`, `{"type":"FeatureCollection","features":[{"type":"Feature","geometry":` + polygon + `}]}`} {
		got, err := parseArea([]byte(good))
		if err != nil || len(got) != 4 || got[1].Lat != 34.3 || got[1].Lon != 70.6 {
			t.Errorf("%s: %v, %v", good, got, err)
		}
	}
	for _, bad := range []string{"", "[]", `{"type":"Point","coordinates":[1,2]}`, `{"type":"Polygon","coordinates":[[[1,2]],[[1,2]]]}`, `{"type":"Polygon","coordinates":[[[1]]]}`} {
		if got, err := parseArea([]byte(bad)); err == nil {
			t.Errorf("%s was read as %v", bad, got)
		}
	}
}

func FuzzParseArea(f *testing.F) {
	f.Add([]byte(`{"type":"Polygon","coordinates":[[[70.4,34.3],[70.6,34.3],[70.6,34.5]]]}`))
	f.Fuzz(func(_ *testing.T, b []byte) { _, _ = parseArea(b) })
}
