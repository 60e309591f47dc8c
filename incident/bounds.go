package incident

import (
	"fmt"
	"math"
	"strings"
)

// box is a rectangle of degrees that holds a country with a margin of about one
// degree. It serves only to recognise swapped coordinates: it need not be exact
// and says nothing about borders.
type box struct{ south, north, west, east float64 }

func (b box) holds(lat, lon float64) bool {
	return lat >= b.south && lat <= b.north && lon >= b.west && lon <= b.east
}

// boxes are keyed by lower-case name and by ISO 3166 alpha-3 code in lower case.
// A country whose box overlaps its own mirror image could not be judged in the
// overlap and is left out.
var boxes = map[string]box{
	"afghanistan": {28, 40, 59, 76}, "afg": {28, 40, 59, 76},
	"armenia": {37, 43, 42, 48}, "arm": {37, 43, 42, 48},
	"bangladesh": {19, 28, 87, 94}, "bgd": {19, 28, 87, 94},
	"burkina faso": {8, 17, -7, 4}, "bfa": {8, 17, -7, 4},
	"colombia": {-6, 15, -83, -65}, "col": {-6, 15, -83, -65},
	"egypt": {20, 33, 24, 38}, "egy": {20, 33, 24, 38},
	"ethiopia": {2, 16, 31, 49}, "eth": {2, 16, 31, 49},
	"india": {5, 37, 67, 99}, "ind": {5, 37, 67, 99},
	"indonesia": {-12, 7, 94, 142}, "idn": {-12, 7, 94, 142},
	"iran": {24, 41, 43, 65}, "irn": {24, 41, 43, 65},
	"iraq": {28, 39, 38, 50}, "irq": {28, 39, 38, 50},
	"kazakhstan": {39, 57, 45, 89}, "kaz": {39, 57, 45, 89},
	"kenya": {-6, 6, 33, 43}, "ken": {-6, 6, 33, 43},
	"kyrgyzstan": {38, 45, 68, 82}, "kgz": {38, 45, 68, 82},
	"mozambique": {-28, -9, 29, 42}, "moz": {-28, -9, 29, 42},
	"myanmar": {8, 30, 91, 103}, "mmr": {8, 30, 91, 103},
	"nepal": {25, 32, 79, 90}, "npl": {25, 32, 79, 90},
	"pakistan": {22, 38, 59, 79}, "pak": {22, 38, 59, 79},
	"philippines": {3, 23, 115, 128}, "phl": {3, 23, 115, 128},
	"saudi arabia": {15, 34, 33, 57}, "sau": {15, 34, 33, 57},
	"somalia": {-3, 13, 40, 53}, "som": {-3, 13, 40, 53},
	"sri lanka": {4, 11, 78, 83}, "lka": {4, 11, 78, 83},
	"tajikistan": {35, 42, 66, 76}, "tjk": {35, 42, 66, 76},
	"thailand": {4, 22, 96, 107}, "tha": {4, 22, 96, 107},
	"turkmenistan": {34, 44, 51, 68}, "tkm": {34, 44, 51, 68},
	"ukraine": {43, 54, 21, 42}, "ukr": {43, 54, 21, 42},
	"uzbekistan": {36, 47, 55, 75}, "uzb": {36, 47, 55, 75},
	"yemen": {11, 20, 41, 55}, "yem": {11, 20, 41, 55},
}

// checkCoordinates refuses what is not on the globe, and coordinates that lie
// outside their country while the other way round they lie inside. The second
// test covers the countries in boxes only.
func checkCoordinates(lat, lon float64, country string) error {
	switch {
	case math.IsNaN(lat) || math.IsNaN(lon) || math.Abs(lon) > 180 || math.Abs(lat) > 180:
		return fmt.Errorf("lat, lon: %g, %g is not on the globe", lat, lon)
	case math.Abs(lat) > 90:
		if math.Abs(lon) <= 90 {
			return fmt.Errorf("lat, lon: %g, %g: a latitude ends at 90; are the two swapped?", lat, lon)
		}
		return fmt.Errorf("lat: %g: a latitude ends at 90", lat)
	}
	b, known := boxes[strings.ToLower(strings.TrimSpace(country))]
	if known && !b.holds(lat, lon) && b.holds(lon, lat) {
		return fmt.Errorf("lat, lon: %g, %g is not in %s but %g, %g is; are the two swapped?",
			lat, lon, country, lon, lat)
	}
	return nil
}

// outside says whether coordinates lie outside a country that boxes knows.
func outside(lat, lon float64, country string) bool {
	b, known := boxes[strings.ToLower(strings.TrimSpace(country))]
	return known && !b.holds(lat, lon)
}
