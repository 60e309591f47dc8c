package deconflict

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/golang/geo/s1"
	"github.com/golang/geo/s2"
)

const (
	// Grid names the cells and slots; both sides must use the same.
	Grid = "footprint/1"
	// Level is the S2 level of a cell: 2.0 to 3.0 km across.
	Level = 12
	// SlotHours is the length of a slot, counted from the Unix epoch.
	SlotHours = 2

	slot    = SlotHours * time.Hour
	earthKM = 6371.01
	cellKM2 = 3.3 // the smallest cell of the level, rounded down
)

// Sizes are the numbers of cells times slots that lists are padded to.
var Sizes = []int{512, 2048, 8192}

// Cell is one cell in one slot.
type Cell struct {
	ID   s2.CellID
	Slot int64 // number of slots since the Unix epoch
}

// String is the cell's token and the slot's number, such as 38d124/246201.
func (c Cell) String() string { return fmt.Sprintf("%s/%d", c.ID.ToToken(), c.Slot) }

// value is what is matched.
func (c Cell) value() []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, uint64(c.ID)), uint64(c.Slot))
}

// region lists the cells that a footprint touches, ascending. Whatever two
// footprints have in common lies in a cell of both.
func (f Footprint) region() ([]s2.CellID, error) {
	var regions []s2.Region
	area := 0.0
	for _, p := range f.Places {
		c := s2.CapFromCenterAngle(s2.PointFromLatLng(s2.LatLngFromDegrees(p.Lat, p.Lon)), s1.Angle(p.RadiusKM/earthKM))
		regions, area = append(regions, c), area+c.Area()
	}
	if len(f.Area) > 0 {
		var corners []s2.Point
		for _, p := range f.Area {
			corners = append(corners, s2.PointFromLatLng(s2.LatLngFromDegrees(p.Lat, p.Lon)))
		}
		if n := len(corners); corners[0] == corners[n-1] {
			corners = corners[:n-1] // closed as GeoJSON closes it
		}
		if err := simple(corners); err != nil {
			return nil, err
		}
		l := s2.LoopFromPoints(corners)
		l.Normalize() // the side that is smaller than half the earth
		regions, area = append(regions, l), area+l.Area()
	}
	most := Sizes[len(Sizes)-1]
	if km2 := area * earthKM * earthKM; km2/cellKM2 > float64(most) {
		return nil, fmt.Errorf("%w: it covers %.0f km²; part it into several", ErrFootprint, km2)
	}
	coverer := s2.RegionCoverer{MaxLevel: Level, LevelMod: 1, MaxCells: 2 * most}
	var out []s2.CellID
	for _, r := range regions {
		u, n := coverer.Covering(r), 0
		for _, c := range u {
			if n += 1 << (2 * (Level - c.Level())); n > 2*most {
				return nil, tooLarge(f)
			}
		}
		u.Denormalize(Level, 1)
		out = append(out, u...)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// maxCorners bounds a polygon.
const maxCorners = 500

// simple reports a polygon whose corners repeat or whose sides cross.
func simple(corners []s2.Point) error {
	n := len(corners)
	if n < 3 || n > maxCorners {
		return fmt.Errorf("%w: an area has 3 to %d corners, this one %d", ErrFootprint, maxCorners, n)
	}
	if err := s2.LoopFromPoints(corners).Validate(); err != nil {
		return fmt.Errorf("%w: the area's corners do not make a polygon: %w", ErrFootprint, err)
	}
	for i := range n {
		for j := i + 1; j < n; j++ {
			if corners[i] == corners[j] {
				return fmt.Errorf("%w: corners %d and %d of the area are the same", ErrFootprint, i+1, j+1)
			}
			if s2.CrossingSign(corners[i], corners[(i+1)%n], corners[j], corners[(j+1)%n]) == s2.Cross {
				return fmt.Errorf("%w: the area's sides from corners %d and %d cross", ErrFootprint, i+1, j+1)
			}
		}
	}
	return nil
}

// Cells lists the cells and slots of a footprint from a time on, ascending by slot
// and cell.
func (f Footprint) Cells(since time.Time) ([]Cell, error) {
	region, err := f.region()
	if err != nil {
		return nil, err
	}
	var slots []int64
	most := int64(Sizes[len(Sizes)-1])
	first := slotOf(since)
	for _, w := range f.windows(since) {
		from, last := max(slotOf(w.from), first), slotOf(w.until.Add(-1))
		if last-from >= most || int64(len(slots)) > most {
			return nil, tooLarge(f)
		}
		for ; from <= last; from++ {
			slots = append(slots, from)
		}
	}
	slices.Sort(slots)
	slots = slices.Compact(slots)
	if int64(len(slots))*int64(len(region)) > most {
		return nil, tooLarge(f)
	}
	out := make([]Cell, 0, len(slots)*len(region))
	for _, s := range slots {
		for _, c := range region {
			out = append(out, Cell{c, s})
		}
	}
	return out, nil
}

func tooLarge(f Footprint) error {
	return fmt.Errorf("%w: %s has more than %d cells and slots of %d hours; make it smaller, or part it into several", ErrFootprint, orThis(f.ID), Sizes[len(Sizes)-1], SlotHours)
}

func orThis(id string) string {
	if id == "" {
		return "it"
	}
	return "footprint " + id
}

// slotOf is the slot of a time, also before the Unix epoch.
func slotOf(t time.Time) int64 {
	n, s := t.Unix(), int64(slot/time.Second)
	if n < 0 {
		return (n+1)/s - 1
	}
	return n / s
}

// plan is the union of footprints.
type plan struct {
	cells []Cell
	of    [][]int // for each cell, the footprints it belongs to
}

func newPlan(fs []Footprint, since time.Time) (plan, error) {
	of := make(map[Cell][]int)
	for i, f := range fs {
		cells, err := f.Cells(since)
		if err != nil {
			return plan{}, err
		}
		for _, c := range cells {
			of[c] = append(of[c], i)
		}
	}
	if most := Sizes[len(Sizes)-1]; len(of) > most {
		return plan{}, fmt.Errorf("%w: together the footprints have %d cells and slots, more than %d", ErrFootprint, len(of), most)
	}
	p := plan{}
	for c := range of {
		p.cells = append(p.cells, c)
	}
	slices.SortFunc(p.cells, func(a, b Cell) int { return cmp.Or(cmp.Compare(a.Slot, b.Slot), cmp.Compare(a.ID, b.ID)) })
	for _, c := range p.cells {
		p.of = append(p.of, of[c])
	}
	return p, nil
}

func (p plan) values() [][]byte {
	out := make([][]byte, len(p.cells))
	for i, c := range p.cells {
		out[i] = c.value()
	}
	return out
}

// size is the smallest size that holds the plan.
func (p plan) size() int {
	i, _ := slices.BinarySearch(Sizes, len(p.cells))
	return Sizes[i]
}

// Overlap is what a footprint has in common with the other side's plans.
type Overlap struct {
	Footprint string   `json:"footprint"`
	Cells     []Place  `json:"cells"`
	Windows   []Window `json:"windows"`
}

// Place is a cell on the map.
type Place struct {
	Cell    string       `json:"cell"` // S2 token
	Lat     float64      `json:"lat"`  // of its centre
	Lon     float64      `json:"lon"`
	Corners [][2]float64 `json:"corners"` // latitude and longitude
}

// Window is a stretch of time.
type Window struct {
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
}

// overlaps groups common cells by footprint.
func (p plan) overlaps(fs []Footprint, common []int) []Overlap {
	cells, slots := make([][]s2.CellID, len(fs)), make([][]int64, len(fs))
	for _, i := range common {
		for _, f := range p.of[i] {
			cells[f], slots[f] = append(cells[f], p.cells[i].ID), append(slots[f], p.cells[i].Slot)
		}
	}
	out := []Overlap{}
	for i, f := range fs {
		if len(cells[i]) == 0 {
			continue
		}
		o := Overlap{Footprint: f.ID}
		slices.Sort(cells[i])
		for _, c := range slices.Compact(cells[i]) {
			o.Cells = append(o.Cells, placeOf(c))
		}
		slices.Sort(slots[i])
		for _, s := range slices.Compact(slots[i]) {
			from := time.Unix(s*int64(slot/time.Second), 0).UTC()
			if n := len(o.Windows); n > 0 && o.Windows[n-1].Until.Equal(from) {
				o.Windows[n-1].Until = from.Add(slot)
			} else {
				o.Windows = append(o.Windows, Window{from, from.Add(slot)})
			}
		}
		out = append(out, o)
	}
	return out
}

func placeOf(c s2.CellID) Place {
	round := func(x float64) float64 { return math.Round(x*1e5) / 1e5 }
	at := c.LatLng()
	p := Place{Cell: c.ToToken(), Lat: round(at.Lat.Degrees()), Lon: round(at.Lng.Degrees())}
	cell := s2.CellFromCellID(c)
	for i := range 4 {
		v := s2.LatLngFromPoint(cell.Vertex(i))
		p.Corners = append(p.Corners, [2]float64{round(v.Lat.Degrees()), round(v.Lng.Degrees())})
	}
	return p
}
