package selector

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/golang/geo/s1"
	"github.com/golang/geo/s2"
)

const (
	// cellLevel is the S2 level of place-time cells: 1.0 to 1.5 km across.
	cellLevel = 13
	// cellReach is how near two places must be to be certain of a common key.
	cellReach  = 500 // metres
	earthMetre = 1 / 6371010.0
)

// cell gives the keys of a place on a day: "34.0151, 71.5249 2026-03-06". They
// are the S2 cell that holds the place and those within cellReach of it, so
// that places that near share a key though an edge runs between them; places
// more than 4 km apart share none. The time of day, where one is given, only
// serves to find the day in UTC. A key ("cell:3…/2026-03-06") is its own.
func cell(value string, _ *options) ([]string, error) {
	if rest, ok := cutPrefixFold(value, "cell:"); ok {
		token, day, _ := strings.Cut(rest, "/")
		id := s2.CellIDFromToken(strings.ToLower(token))
		if _, err := time.Parse(time.DateOnly, day); err != nil || !id.IsValid() || id.Level() != cellLevel {
			return nil, bad("not a cell of level %d and a day, such as cell:38e1fc4/2026-03-06", cellLevel)
		}
		return []string{cellKey(id, day)}, nil
	}
	f := strings.FieldsFunc(value, func(r rune) bool { return r == ' ' || r == ',' || r == ';' })
	if len(f) != 3 {
		return nil, bad("write latitude, longitude and day, such as 34.5281, 69.1723 2026-03-06")
	}
	lat, err1 := strconv.ParseFloat(f[0], 64)
	lon, err2 := strconv.ParseFloat(f[1], 64)
	if err1 != nil || err2 != nil || !(math.Abs(lat) <= 90) || !(math.Abs(lon) <= 180) {
		return nil, bad("latitude is -90 to 90 and longitude -180 to 180, in degrees")
	}
	if lat == 0 && lon == 0 {
		return nil, bad("0, 0 stands for an unknown place")
	}
	at, err := time.Parse(time.RFC3339, strings.ToUpper(f[2]))
	if err != nil {
		if at, err = time.Parse(time.DateOnly, f[2]); err != nil {
			return nil, bad("the day is not a date such as 2026-03-06")
		}
	}
	day := at.UTC().Format(time.DateOnly)
	place := s2.LatLngFromDegrees(lat, lon)
	own := s2.CellIDFromLatLng(place).Parent(cellLevel)
	keys := []string{cellKey(own, day)}
	reach := s1.ChordAngleFromAngle(s1.Angle(cellReach * earthMetre))
	for _, n := range own.AllNeighbors(cellLevel) {
		if s2.CellFromCellID(n).Distance(s2.PointFromLatLng(place)) <= reach {
			keys = append(keys, cellKey(n, day))
		}
	}
	return keys, nil
}

func cellKey(id s2.CellID, day string) string { return "cell:" + id.ToToken() + "/" + day }
