package incident

import (
	"fmt"
	"time"
)

// Doubts lists what is well formed in a record and yet likely wrong, for a
// person to look at: coordinates where they are written when none are known, or
// outside the country; a place without coordinates; a date after now. A record
// is kept with its doubts. It knows no coastlines: a place in the sea is found
// when it lies outside the country's bounds, which are known for some
// countries only.
func (in *Incident) Doubts(now time.Time) []string {
	var out []string
	switch {
	case !in.Placed && in.Place != "":
		out = append(out, "the place has no coordinates; it will not be on the map")
	case !in.Placed:
	case in.Lat == 0 && in.Lon == 0:
		out = append(out, "latitude and longitude are both 0, which is in the sea off Africa; were they unknown?")
	case outside(in.Lat, in.Lon, in.Country):
		out = append(out, fmt.Sprintf("%g, %g is outside %s", in.Lat, in.Lon, in.Country))
	}
	if in.Start.After(now.AddDate(0, 0, 1)) {
		out = append(out, fmt.Sprintf("the date, %s, is in the future", in.Start.Format(time.DateOnly)))
	}
	if k, w := in.Killed.Best, in.Wounded.Best; k != nil && *k > 5000 || w != nil && *w > 50_000 {
		out = append(out, "so many casualties were hardly ever seen in one attack")
	}
	return out
}
