package release

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// CopyID is the id that an object has in the copies released to recipients under
// an accord: HMAC-SHA256 of all three, as a UUID of random form (RFC 9562 section
// 5.4). It is stable for those recipients within the accord and, to whoever lacks
// the key, unlinkable to the object's own id and to its other copies.
func CopyID(key []byte, accordID, to, objectID string) string {
	var u uuid.UUID
	typ, _, _ := strings.Cut(objectID, "--")
	s := seal{key, accordID, to, objectID}
	copy(u[:], s.bytes("id"))
	u[6] = u[6]&0x0f | 0x40
	u[8] = u[8]&0x3f | 0x80
	return typ + "--" + u.String()
}

// seal makes the traits by which a copy is recognised: each is a choice among
// forms that say the same or that are equally within the precision agreed, and
// none says anything false. Without the key a choice looks like chance.
type seal struct {
	key                []byte
	accord, to, object string
}

func (s *subject) seal() seal {
	return seal{s.in.CopyKey, s.in.Accord.ID, strings.Join(s.in.To, ","), s.obj.ID}
}

func (s seal) bytes(what string) []byte {
	m := hmac.New(sha256.New, s.key)
	fmt.Fprintf(m, "parley-copy/2\n%s\n%s\n%s\n%s\n", what, s.accord, s.to, s.object)
	return m.Sum(nil)
}

// below draws a number from 0 to n-1. The bias of the remainder is below 2^-32
// for any n used here.
func (s seal) below(what string, n int) int {
	if n < 2 {
		return 0
	}
	return int(binary.BigEndian.Uint64(s.bytes(what)) % uint64(n))
}

// order chooses the order of a list whose order says nothing. It does not depend
// on the order it came in.
func (s seal) order(what string, list []string) []string {
	out := slices.Compact(slices.Sorted(slices.Values(list)))
	for i := len(out) - 1; i > 0; i-- {
		j := s.below(fmt.Sprintf("order %s %d", what, i), i+1)
		out[i], out[j] = out[j], out[i]
	}
	return out
}

const (
	// jitterPart is how far a position is moved within its cell, as a part of
	// the width agreed, in each direction.
	jitterPart = 0.02
	// stepDegrees is the finest difference in a position that is written.
	stepDegrees = 1e-4
	stepKM      = stepDegrees * math.Pi / 180 * earthKM
)

// jitterSteps is how many steps a position may move each way.
func jitterSteps(km float64) int { return int(km * jitterPart / stepKM) }

// place moves the centre of a cell of that width by less than anyone could
// notice, and widens the radius accordingly, so that what it says stays true.
func (s seal) place(km, lat, lon, radius float64) (float64, float64, float64) {
	n := jitterSteps(km)
	lat = decimals(lat+float64(s.below("latitude", 2*n+1)-n)*stepDegrees, 4)
	lon = decimals(lon+float64(s.below("longitude", 2*n+1)-n)*stepDegrees, 4)
	radius += math.Sqrt2 * float64(n) * stepKM
	if n > 0 {
		radius += float64(s.below("radius", radiusChoices)) / 10
	}
	return lat, lon, decimals(radius+0.05, 1)
}

// radiusChoices is among how many values the radius of a cell is chosen.
const radiusChoices = 8
