package release

import (
	"encoding/json"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley.example/parley/stix"
)

// Trait is something in a copy that tells its recipient's copy from others of
// the same object.
type Trait struct {
	Name string
	// Bits is how surprising it is to find it by chance: by chance it occurs
	// once in 2^Bits.
	Bits float64

	text   string // as a lower-case UUID, or a time
	at     time.Time
	number float64
	order  []string
}

// Traits returns what marks an extract as its recipient's own. They are all in
// the copy itself; that nobody without the key could have chosen them makes
// them proof.
func Traits(copy []byte) []Trait {
	o, err := stix.Parse(copy)
	if err != nil {
		return nil
	}
	var out []Trait
	if _, uid, ok := stix.SplitID(o.ID); ok {
		out = append(out, Trait{Name: "id", Bits: 122, text: strings.ToLower(uid)})
	}
	if !o.CreatedTime.IsZero() && o.CreatedTime.Nanosecond() != 0 {
		out = append(out, Trait{Name: "time of the copy", Bits: math.Log2(1000), at: o.CreatedTime})
	}
	out = append(out, placeTraits(o)...)
	seen := map[string]bool{}
	for _, name := range sorted(o.Props()) {
		how, ok := howOf(o.Type, name)
		list := o.Strings(name)
		if !ok || how != set && how != links || len(list) < 2 || seen[name] {
			continue
		}
		seen[name] = true
		out = append(out, Trait{Name: "order of " + name, Bits: orderBits(len(list)), order: list})
	}
	return out
}

func howOf(typ, name string) (how, bool) {
	for _, f := range profiles[typ] {
		if f.name == name {
			return f.how, true
		}
	}
	return 0, false
}

// placeTraits are the position within its cell and the radius.
func placeTraits(o *stix.Object) []Trait {
	at := func(name string) (float64, bool) {
		path := name
		if o.Type == "incident" {
			path = "extensions." + stix.IncidentExtension + "." + name
		}
		v, err := o.Selected(path)
		n, ok := v.(stix.Number)
		f, ferr := strconv.ParseFloat(string(n), 64)
		return f, err == nil && ok && ferr == nil
	}
	var out []Trait
	radius := "radius_km"
	km, ok := at(radius)
	if o.Type == "location" {
		radius = "precision"
		km, ok = at(radius)
		km /= 1000
	}
	if !ok {
		return nil
	}
	// The radius is between half the width and the whole of it (coarsePlace);
	// reckoning from the smaller understates what a coincidence is worth.
	n := jitterSteps(km / 2)
	if n < 1 {
		return nil
	}
	for _, name := range []string{"latitude", "longitude"} {
		if f, ok := at(name); ok {
			out = append(out, Trait{Name: name, Bits: math.Log2(float64(2*n + 1)), number: f})
		}
	}
	if f, ok := at(radius); ok && len(out) > 0 {
		out = append(out, Trait{Name: radius, Bits: math.Log2(radiusChoices), number: f})
	}
	return out
}

// orderBits is the information in the order of n things, capped where more says
// nothing further.
func orderBits(n int) float64 {
	bits := 0.0
	for i := 2; i <= min(n, 30); i++ {
		bits += math.Log2(float64(i))
	}
	return bits
}

// Found is what of a leaked text could be a trait: it is read from the bytes, so
// that it does not matter in what form they come.
type Found struct {
	uuids   map[string]bool
	times   map[int64]bool // Unix ms
	numbers map[string]bool
	lists   [][]string
}

// Limits on a text that is searched for traits.
const (
	maxFoundLists = 100_000
	maxListLength = 10_000
)

var (
	uuidPattern   = regexp.MustCompile(`[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}`)
	timePattern   = regexp.MustCompile(`\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d\.\d{3,9}(?:[Zz]|[+-]\d\d:\d\d)`)
	numberPattern = regexp.MustCompile(`-?\d{1,7}\.\d+|-?\d{3,7}`)
)

// Search reads a leaked text, of any form.
func Search(text []byte) Found {
	f := Found{uuids: map[string]bool{}, times: map[int64]bool{}, numbers: map[string]bool{}}
	for _, m := range uuidPattern.FindAll(text, -1) {
		f.uuids[strings.ToLower(string(m))] = true
	}
	for _, m := range timePattern.FindAll(text, -1) {
		s := strings.Replace(strings.ToUpper(string(m)), " ", "T", 1)
		if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
			f.times[t.UnixMilli()] = true
		}
	}
	for _, m := range numberPattern.FindAll(text, -1) {
		if n, err := strconv.ParseFloat(string(m), 64); err == nil {
			f.numbers[spelt(n)] = true
		}
	}
	dec := json.NewDecoder(strings.NewReader(string(text)))
	for len(f.lists) < maxFoundLists {
		var v any
		if dec.Decode(&v) != nil {
			break // what is no JSON has no lists
		}
		f.collect(v, 0)
	}
	return f
}

// spelt is how numbers are compared, to the precision that copies have.
func spelt(n float64) string { return strconv.FormatFloat(n, 'f', 4, 64) }

func (f *Found) collect(v any, depth int) {
	if depth > stix.MaxDepth || len(f.lists) >= maxFoundLists {
		return
	}
	switch x := v.(type) {
	case map[string]any:
		for _, e := range x {
			f.collect(e, depth+1)
		}
	case []any:
		if list, ok := strs(x); ok && len(list) > 1 && len(list) <= maxListLength {
			f.lists = append(f.lists, list)
			return
		}
		for _, e := range x {
			f.collect(e, depth+1)
		}
	}
}

// UUIDs lists the UUIDs found, ascending.
func (f Found) UUIDs() []string { return sorted(f.uuids) }

// Size is how many things were found that could coincide with a trait.
func (f Found) Size() int { return len(f.times) + len(f.numbers) + len(f.lists) }

// Matches returns which of a copy's traits were found, with what each is worth
// as evidence.
func (f Found) Matches(traits []Trait) (names []string, bits float64) {
	for _, t := range traits {
		worth := t.Bits
		switch {
		case t.text != "":
			if !f.uuids[t.text] {
				continue
			}
		case !t.at.IsZero():
			if !f.times[t.at.UnixMilli()] {
				continue
			}
		case t.order != nil:
			if worth = f.ordered(t.order); worth == 0 {
				continue
			}
		default:
			if !f.numbers[spelt(t.number)] {
				continue
			}
		}
		names, bits = append(names, t.Name), bits+worth
	}
	return names, bits
}

// ordered is the information in the longest list found that holds only things
// of the order given, in that order; some may be missing.
func (f Found) ordered(order []string) float64 {
	best := 0
	for _, list := range f.lists {
		last, ok := -1, len(list) <= len(order)
		for _, e := range list {
			i := slices.Index(order, e)
			if ok = ok && i > last; !ok {
				break
			}
			last = i
		}
		if ok {
			best = max(best, len(list))
		}
	}
	if best < 2 {
		return 0
	}
	return orderBits(best)
}

// Sure says in words how sure it is that a leaked text is a certain copy, given
// the evidence in bits and among how many copies it was sought.
func Sure(bits float64, among int) (word string, chance float64) {
	chance = math.Min(1, float64(max(among, 1))*math.Exp2(-bits))
	switch {
	case chance < 1e-9:
		return "certain", chance
	case chance < 1e-3:
		return "very likely", chance
	case chance < 0.05:
		return "likely", chance
	}
	return "uncertain", chance
}
