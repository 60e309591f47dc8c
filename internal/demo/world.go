package demo

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"time"
)

// Notice stands on every page of the demonstration.
const Notice = "Exercise: every organisation, person, event and number here is fictional. Only the places are real."

// worldEnd is the Sunday on which the invented data ends.
var worldEnd = time.Date(2026, 6, 28, 0, 0, 0, 0, time.UTC)

// place is a real town with its province.
type place struct {
	name, admin1, admin2, country string
	lat, lon                      float64
}

// area is a province of the invented world: its places, how many events a week
// it has on average, and how many weeks it has been quiet when the data ends.
type area struct {
	places []place
	rate   float64
	quiet  int
}

var areas = []area{
	{[]place{{"Peshawar", "Khyber Pakhtunkhwa", "Peshawar", "Pakistan", 34.008, 71.579}, {"Bannu", "Khyber Pakhtunkhwa", "Bannu", "Pakistan", 32.986, 70.604}, {"Dera Ismail Khan", "Khyber Pakhtunkhwa", "Dera Ismail Khan", "Pakistan", 31.832, 70.902}}, 1.6, 0},
	{[]place{{"Quetta", "Balochistan", "Quetta", "Pakistan", 30.184, 66.998}, {"Turbat", "Balochistan", "Kech", "Pakistan", 26.002, 63.044}, {"Zhob", "Balochistan", "Zhob", "Pakistan", 31.342, 69.449}}, 1.1, 10},
	{[]place{{"Karachi", "Sindh", "Karachi", "Pakistan", 24.861, 67.010}, {"Sukkur", "Sindh", "Sukkur", "Pakistan", 27.705, 68.857}}, 0.35, 15},
	{[]place{{"Lahore", "Punjab", "Lahore", "Pakistan", 31.549, 74.344}, {"Rawalpindi", "Punjab", "Rawalpindi", "Pakistan", 33.598, 73.044}}, 0.25, 30},
	{[]place{{"Jalalabad", "Nangarhar", "Jalalabad", "Afghanistan", 34.430, 70.453}, {"Torkham", "Nangarhar", "Momand Dara", "Afghanistan", 34.123, 71.092}}, 0.9, 0},
	{[]place{{"Kandahar", "Kandahar", "Kandahar", "Afghanistan", 31.613, 65.710}, {"Spin Boldak", "Kandahar", "Spin Boldak", "Afghanistan", 31.005, 66.400}}, 0.7, 3},
	{[]place{{"Khost", "Khost", "Khost", "Afghanistan", 33.339, 69.920}}, 0.45, 9},
	{[]place{{"Kabul", "Kabul", "Kabul", "Afghanistan", 34.533, 69.167}}, 0.6, 0},
}

var columns = []string{
	"id", "date", "end_date", "date_precision", "title", "text", "place", "admin1", "admin2", "country", "lat", "lon", "radius_km", "class", "kind",
	"organisation", "killed_low", "killed", "killed_high", "wounded", "source", "reliability", "credibility", "source_sensitive", "tlp", "phones", "plates", "claimed_by", "blamed",
}

// Numbers and names that the story turns on.
const (
	sharedPhone   = "+93 70 145 2207" // in a report of North's, and on South's list
	secretSource  = "Source KESTREL (fictional)"
	secretVillage = "Basawul"
	reportTitle   = "Device laid by the Torkham road"
	phoneTitle    = "Courier seen at the bus stand"
	laterTitle    = "Warning before the weekly market"
)

// featured are the reports that the story names.
func featured() []map[string]string {
	base := map[string]string{
		"date_precision": "day", "admin1": "Nangarhar", "country": "Afghanistan", "radius_km": "1", "organisation": "Lantern Front (fictional)",
		"source": secretSource, "reliability": "B", "credibility": "2", "source_sensitive": "yes", "tlp": "TLP:AMBER",
	}
	with := func(m map[string]string) map[string]string {
		out := make(map[string]string)
		for _, x := range []map[string]string{base, m} {
			for k, v := range x {
				out[k] = v
			}
		}
		return out
	}
	return []map[string]string{
		with(map[string]string{
			"id": "N-FEATURE-1", "date": "2026-06-23", "title": reportTitle, "place": secretVillage, "admin2": "Momand Dara", "lat": "34.2486", "lon": "70.8697",
			"class": "security-forces", "kind": "bombing", "killed_low": "0", "killed": "1", "killed_high": "3", "wounded": "4",
			"text":       secretSource + " watched two men bury it and knows one of them.\n=== TEARLINE ===\nA device was laid beside a road used by border police. A second one is likely within weeks.",
			"claimed_by": "Lantern Front (fictional)",
		}),
		with(map[string]string{
			"id": "N-FEATURE-2", "date": "2026-06-25", "title": phoneTitle, "place": "Torkham", "admin2": "Momand Dara", "lat": "34.123", "lon": "71.092",
			"class": "civilian", "kind": "other", "phones": sharedPhone, "plates": "NGR 4471",
			"text": secretSource + " wrote the number down.\n=== TEARLINE ===\nA courier used a telephone that was also seen before the attack of May.",
		}),
		with(map[string]string{
			"id": "N-FEATURE-3", "date": "2026-06-27", "title": laterTitle, "place": "Jalalabad", "admin2": "Jalalabad", "lat": "34.43", "lon": "70.453",
			"class": "civilian", "kind": "bombing",
			"text": "Overheard by " + secretSource + ".\n=== TEARLINE ===\nAn attack on the weekly market is being prepared.",
		}),
	}
}

var orgs = []string{"Lantern Front (fictional)", "Banner of the Pass (fictional)", "", ""}

// writeWorld writes a party's invented incidents in Parley's CSV columns. The
// same party and seed always give the same bytes.
func writeWorld(w io.Writer, party string, seed uint64) error {
	salt := uint64(len(party))
	for _, c := range party {
		salt = salt*31 + uint64(c)
	}
	r := rand.New(rand.NewPCG(seed, salt))
	out := csv.NewWriter(w)
	if err := out.Write(columns); err != nil {
		return err
	}
	n := 0
	row := func(m map[string]string) error {
		cells := make([]string, len(columns))
		for i, c := range columns {
			cells[i] = m[c]
		}
		return out.Write(cells)
	}
	const weeks = 6 * 52
	var told []time.Time // attacks in Nangarhar
	for _, a := range areas {
		burst := 1.0
		for wk := weeks; wk > 0; wk-- {
			if wk <= a.quiet {
				continue
			}
			// Violence comes in waves: the level drifts and now and then falls
			// silent for a time.
			if burst = min(3, max(0.05, burst*(0.75+0.5*r.Float64()))); r.Float64() < 0.02 {
				burst = 0.05
			}
			for range poisson(r, a.rate*burst) {
				n++
				p := a.places[r.IntN(len(a.places))]
				day := worldEnd.AddDate(0, 0, -7*(wk-1)-r.IntN(7))
				if p.admin1 == "Nangarhar" {
					told = append(told, day)
				}
				if err := row(event(r, party, n, p, day)); err != nil {
					return err
				}
			}
		}
	}
	if party == "north" {
		for _, m := range append(featured(), statements(seed, told)...) {
			if err := row(m); err != nil {
				return err
			}
		}
	}
	out.Flush()
	return out.Error()
}

// statements are what the invented group says: signals, not attacks. Many of its
// attacks in Nangarhar follow one; the last comes in the last week.
func statements(seed uint64, attacks []time.Time) (out []map[string]string) {
	r := rand.New(rand.NewPCG(seed, 99))
	add := func(day time.Time) {
		kind, title := "threat", "Leaflets threaten travellers"
		if r.IntN(3) == 0 {
			kind, title = "leadership-statement", "The group's leader promises a campaign"
		}
		out = append(out, map[string]string{
			"id": fmt.Sprintf("N-SIGNAL-%d", len(out)+1), "date": day.Format(time.DateOnly), "date_precision": "day", "title": title,
			"admin1": "Nangarhar", "country": "Afghanistan", "class": "unknown", "kind": kind, "organisation": "Lantern Front (fictional)",
			"source": "Open channels (fictional)", "reliability": "C", "credibility": "3", "tlp": "TLP:GREEN",
		})
	}
	var last time.Time
	for _, day := range attacks {
		if before := day.AddDate(0, 0, -4); before.Sub(last) > 5*7*24*time.Hour && r.IntN(3) > 0 {
			add(before)
			last = before
		}
	}
	add(worldEnd.AddDate(0, 0, -3))
	return out
}

func event(r *rand.Rand, party string, n int, p place, day time.Time) map[string]string {
	classes := []string{"civilian", "civilian", "security-forces", "security-forces", "state", "religious", "infrastructure", "education"}
	kinds := []string{"bombing", "armed-assault", "armed-assault", "suicide-attack", "shelling", "kidnapping", "sabotage"}
	killed := r.IntN(4) * r.IntN(3)
	m := map[string]string{
		"id": fmt.Sprintf("%c-%05d", party[0]-'a'+'A', n), "date": day.Format(time.DateOnly), "date_precision": "day",
		"place": p.name, "admin1": p.admin1, "admin2": p.admin2, "country": p.country,
		"lat": fmt.Sprintf("%.4f", p.lat+(r.Float64()-0.5)/8), "lon": fmt.Sprintf("%.4f", p.lon+(r.Float64()-0.5)/8), "radius_km": fmt.Sprint(2 + r.IntN(15)),
		"class": classes[r.IntN(len(classes))], "kind": kinds[r.IntN(len(kinds))], "organisation": orgs[r.IntN(len(orgs))],
		"killed_low": fmt.Sprint(killed / 2), "killed": fmt.Sprint(killed), "killed_high": fmt.Sprint(killed + r.IntN(3)), "wounded": fmt.Sprint(r.IntN(9)),
		"source": "Border press digest (fictional)", "reliability": string("ABCD"[r.IntN(4)]), "credibility": fmt.Sprint(1 + r.IntN(4)), "source_sensitive": "no",
		"tlp": []string{"TLP:GREEN", "TLP:GREEN", "TLP:AMBER", "TLP:CLEAR"}[r.IntN(4)],
	}
	m["title"] = fmt.Sprintf("Exercise event: %s near %s", m["kind"], p.name)
	return m
}

// poisson draws from a Poisson distribution by Knuth's method; small means only.
func poisson(r *rand.Rand, mean float64) int {
	limit, p, n := math.Exp(-mean), 1.0, 0
	for {
		if p *= r.Float64(); p <= limit {
			return n
		}
		n++
	}
}
