package fusion

import (
	"math"
	"strings"
	"time"
)

// prepared is a report made ready to compare.
type prepared struct {
	*Report
	dated       bool
	from        time.Time
	first, last int // days
	place       int // in comparer.names; -1 for none
	area        int
	tags        tag
	kind        string
	words       []string // of the text, folded, in order
	has         map[string]bool
	placeWords  []string
	terms       []term
}

// feature is one thing in which two reports are compared.
type feature int

const (
	date feature = iota
	span         // in place of date where one is vague
	where
	about // in place of where, where one names no place or a large one
	killed
	wounded
	kind
	text
	features
)

var featureNames = [features]string{"date", "date", "place", "place", "killed", "wounded", "kind", "text"}

// missing is the level where one side says nothing: no evidence either way.
const missing = -1

// Levels of agreement in place.
const (
	samePlace = iota
	sameNameFar
	similarName
	veryNear
	inText
	nearby
	sameArea
	elsewhere
)

var placeNames = []string{
	"same place", "same name, elsewhere", "similar name, near", "another name, within 10 km", "named in the other's text",
	"another name, within 30 km", "same area or within 100 km", "elsewhere",
}

// Levels of agreement in place where one is vague.
const (
	inside = iota
	aroundIt
	outsideIt
)

var aboutNames = []string{"one within the vague place of the other", "same area or within 100 km of a vague place", "elsewhere"}

var amountNames = []string{"same number", "near", "comparable", "different"}

// levels names the levels of each feature; prior is how often each is expected
// among reports of one event before anything is learnt.
var levels = [features][]string{dateNames, spanNames, placeNames, aboutNames, amountNames, amountNames, kindNames, textNames}

var prior = [features][]float64{
	date:    {.83, .09, .03, .015, .015, .005, .015},
	span:    {.93, .04, .03},
	where:   {.69, .03, .09, .05, .04, .04, .04, .02},
	about:   {.84, .12, .04},
	killed:  {.66, .18, .09, .07},
	wounded: {.52, .23, .14, .11},
	kind:    {.50, .27, .15, .08},
	text:    {.30, .27, .21, .13, .09},
}

// comparer compares reports; it remembers how alike names are.
type comparer struct {
	names []*name
	index map[string]int
	alike map[uint64]float32
}

func (c *comparer) intern(s string) int {
	s = strings.TrimSpace(s)
	if i, ok := c.index[s]; ok {
		return i
	}
	i := -1
	if n := newName(s); n != nil {
		i = len(c.names)
		c.names = append(c.names, n)
	}
	c.index[s] = i
	return i
}

// similarity is that of two names that were interned.
func (c *comparer) similarity(a, b int) float64 {
	if a == b {
		return 1
	}
	key := uint64(min(a, b))<<32 | uint64(max(a, b))
	s, ok := c.alike[key]
	if !ok {
		s = float32(c.names[a].like(c.names[b]))
		c.alike[key] = s
	}
	return float64(s)
}

func (c *comparer) prepare(list []Report) []prepared {
	out := make([]prepared, len(list))
	for i := range list {
		r := &list[i]
		p := prepared{Report: r, from: r.From, dated: !r.From.IsZero(), place: c.intern(r.Place), area: c.intern(r.Admin1)}
		if p.dated {
			p.first, p.last = day(r.From), day(r.To)
			p.last = max(p.last, p.first)
		}
		for _, w := range fields(r.Text) {
			if f := foldWord(w); f != "" {
				p.words = append(p.words, f)
			}
		}
		p.has = map[string]bool{}
		for _, w := range p.words {
			p.has[w] = true
		}
		for _, n := range []int{p.place, p.area} {
			if n >= 0 {
				p.placeWords = append(p.placeWords, c.names[n].tokens...)
			}
		}
		p.kind = strings.ToLower(strings.TrimSpace(r.Kind))
		switch p.kind {
		case "unknown", "other", "-", "?", "n/a", "na", "nan":
			p.kind = ""
		}
		if p.tags = tags(r.Kind); p.tags == 0 && p.kind == "" {
			p.tags = tags(r.Text)
		}
		out[i] = p
	}
	return out
}

// place is how two reports compare in place.
type place struct {
	level      int     // of where
	about      int     // of about; one of the two is missing
	similarity float64 // of the names; -1 where one is missing
	km         float64 // -1 where one has no coordinates
	swapped    bool    // whether one seems to have latitude and longitude exchanged
}

const (
	sameName  = 0.93
	likeName  = 0.84
	likeAdmin = 0.84
	largeKM   = 40 // a place with a greater radius is an area, not a town
	townKM    = 10 // the radius of a place that gives none
)

func (c *comparer) where(a, b *prepared) place {
	p := place{level: missing, about: missing, similarity: -1, km: -1}
	if a.Placed && b.Placed {
		p.km, p.swapped = distance(a.Report, b.Report)
	}
	areas := 0 // 1 the same, 2 different
	if a.area >= 0 && b.area >= 0 {
		areas = 2
		if c.similarity(a.area, b.area) >= likeAdmin {
			areas = 1
		}
	}
	if a.place >= 0 && b.place >= 0 {
		p.similarity = c.similarity(a.place, b.place)
	}
	if p.similarity < 0 || max(a.RadiusKM, b.RadiusKM) > largeKM && p.similarity < sameName {
		p.about = c.about(a, b, p.km, areas)
		return p
	}
	near := p.km >= 0 && p.km <= 40 || p.km < 0 && areas != 2
	switch {
	case p.similarity >= sameName && near:
		p.level = samePlace
	case p.similarity >= sameName:
		p.level = sameNameFar
	case p.similarity >= likeName && near:
		p.level = similarName
	case p.km >= 0 && p.km <= 10:
		p.level = veryNear
	case c.named(a, b) || c.named(b, a):
		p.level = inText
	case p.km >= 0 && p.km <= 30:
		p.level = nearby
	case areas == 1 || p.km >= 0 && p.km <= 100:
		p.level = sameArea
	default:
		p.level = elsewhere
	}
	return p
}

// about compares places of which one is not named or is large.
func (c *comparer) about(a, b *prepared, km float64, areas int) int {
	reach := max(a.RadiusKM, townKM) + max(b.RadiusKM, townKM)
	switch {
	case km >= 0 && km <= reach, c.named(a, b), c.named(b, a), km < 0 && areas == 1:
		return inside
	case areas == 1, km >= 0 && km <= max(100, reach+50):
		return aroundIt
	case areas == 2 || km >= 0:
		return outsideIt
	}
	return missing
}

// named says whether a's place stands in b's text.
func (c *comparer) named(a, b *prepared) bool {
	if a.place < 0 || len(b.has) == 0 {
		return false
	}
	n := c.names[a.place]
	if len(n.full) < 4 {
		return false
	}
	for _, t := range n.tokens {
		if !b.has[t] {
			return false
		}
	}
	return true
}

// distance in km, by the haversine formula on a sphere of 6,371 km; where the
// two are far apart, but near with the coordinates of one exchanged, that.
func distance(a, b *Report) (km float64, swapped bool) {
	km = haversine(a.Lat, a.Lon, b.Lat, b.Lon)
	if km > 300 {
		if x := min(haversine(a.Lon, a.Lat, b.Lat, b.Lon), haversine(a.Lat, a.Lon, b.Lon, b.Lat)); x <= 40 {
			return x, true
		}
	}
	return km, false
}

func haversine(lat1, lon1, lat2, lon2 float64) float64 {
	const rad = math.Pi / 180
	s1, s2 := math.Sin((lat2-lat1)*rad/2), math.Sin((lon2-lon1)*rad/2)
	h := s1*s1 + math.Cos(lat1*rad)*math.Cos(lat2*rad)*s2*s2
	return 2 * 6371 * math.Asin(math.Sqrt(min(1, max(0, h))))
}

// compare gives the level of each feature.
func (c *comparer) compare(a, b *prepared) (l [features]int8) {
	l[date], l[span] = int8(compareDates(a, b)), int8(compareSpans(a, b))
	p := c.where(a, b)
	l[where], l[about] = int8(p.level), int8(p.about)
	l[killed], l[wounded] = missing, missing
	if a.Killed.Known && b.Killed.Known {
		l[killed] = int8(apart(a.Killed, b.Killed))
	}
	if a.Wounded.Known && b.Wounded.Known {
		l[wounded] = int8(apart(a.Wounded, b.Wounded))
	}
	l[kind] = int8(compareKinds(a, b))
	t, _ := compareTexts(a, b)
	l[text] = int8(t)
	return l
}
