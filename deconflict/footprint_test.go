package deconflict_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"

	"parley.example/parley/deconflict"
)

// Whatever has a place and a time in common has a cell in common, near the poles and
// across the date line too.
func TestWhatOverlapsSharesACell(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lat := rapid.Float64Range(-89.9, 89.9).Draw(t, "lat")
		lon := rapid.Float64Range(-180, 180).Draw(t, "lon")
		ra, rb := rapid.Float64Range(0, 12).Draw(t, "ra"), rapid.Float64Range(0, 12).Draw(t, "rb")
		// Centres as far apart as the radii allow, along the meridian.
		km := (ra + rb) * rapid.Float64Range(0, 0.999).Draw(t, "apart")
		other := lat - km/111.195*math.Copysign(1, lat)
		from := noon.Add(time.Duration(rapid.IntRange(-300, 300).Draw(t, "minutes")) * time.Minute)
		a, b := at("a", lat, lon, ra, noon), at("b", other, lon, rb, from)
		inTime := from.Before(a.Until) && noon.Before(b.Until)
		share := shares(t, a, b)
		if inTime && !share {
			t.Fatalf("%+v and %+v overlap and have no cell in common", a, b)
		}
		if far := at("c", other, lon, rb, noon.Add(24*time.Hour)); shares(t, a, far) {
			t.Fatalf("%+v and %+v are a day apart and have a cell in common", a, far)
		}
	})
}

func shares(t rapid.TB, a, b deconflict.Footprint) bool {
	ca, err := a.Cells(noon.Add(-deconflict.Grace))
	if err != nil {
		t.Fatal(err)
	}
	cb, err := b.Cells(noon.Add(-deconflict.Grace))
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(ca, func(c deconflict.Cell) bool { return slices.Contains(cb, c) })
}

// A polygon counts as it is drawn, in either direction and closed or not.
func TestAreaIsCovered(t *testing.T) {
	f := at("area", 0, 0, 0, noon)
	f.Places = nil
	f.Area = []deconflict.Spot{{Lat: 34.3, Lon: 70.4}, {Lat: 34.3, Lon: 70.6}, {Lat: 34.5, Lon: 70.6}, {Lat: 34.5, Lon: 70.4}}
	inside, outside := at("in", 34.4, 70.5, 0, noon), at("out", 34.8, 70.5, 1, noon)
	want, err := f.Cells(noon)
	if err != nil {
		t.Fatal(err)
	}
	for name, area := range map[string][]deconflict.Spot{
		"as drawn": f.Area, "closed": append(slices.Clone(f.Area), f.Area[0]), "backwards": {f.Area[3], f.Area[2], f.Area[1], f.Area[0]},
	} {
		g := f
		g.Area = area
		got, err := g.Cells(noon)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %d cells, want %d (%v)", name, len(got), len(want), err)
		}
		if !shares(t, g, inside) || shares(t, g, outside) {
			t.Errorf("%s: in it %v, outside %v", name, shares(t, g, inside), shares(t, g, outside))
		}
	}
	f.Area[1], f.Area[2] = f.Area[2], f.Area[1]
	if _, err := f.Cells(noon); !errors.Is(err, deconflict.ErrFootprint) {
		t.Errorf("a polygon that crosses itself: %v", err)
	}
}

// A repeated and a standing footprint count on each of their days, and a standing one
// for two weeks ahead, however long ago it began.
func TestRepetition(t *testing.T) {
	night := at("night", 34.4, 70.5, 2, noon.Add(10*time.Hour))
	night.EveryHours, night.RepeatUntil = 24, noon.AddDate(0, 0, 20)
	standing := night
	standing.Standing, standing.RepeatUntil, standing.From, standing.Until = true, time.Time{}, night.From.AddDate(-1, 0, 0), night.Until.AddDate(-1, 0, 0)
	post := standing
	post.EveryHours, post.Until = 0, time.Time{}
	for day, want := range map[int][3]bool{0: {true, true, true}, 13: {true, true, true}, 19: {true, false, false}, 21: {false, false, false}} {
		on := at("on", 34.4, 70.5, 0, noon.Add(11*time.Hour).AddDate(0, 0, day))
		got := [3]bool{shares(t, night, on), shares(t, standing, on), shares(t, post, on)}
		if got != want {
			t.Errorf("day %d: repeated, standing, post overlap %v, want %v", day, got, want)
		}
		noonOn := at("noon", 34.4, 70.5, 0, noon.AddDate(0, 0, day))
		if shares(t, night, noonOn) || shares(t, standing, noonOn) {
			t.Errorf("day %d: overlaps at noon", day)
		}
	}
	if night.Over(noon.AddDate(0, 0, 19)) || !night.Over(noon.AddDate(0, 0, 23)) || standing.Over(noon.AddDate(9, 0, 0)) {
		t.Error("over at the wrong time")
	}
}

// Clocks that are hours apart lose nothing: what has just passed still counts.
func TestClocksApart(t *testing.T) {
	a := at("a", 34.4, 70.5, 2, noon)
	for _, off := range []time.Duration{-9 * time.Hour, 0, 9 * time.Hour} {
		cells, err := a.Cells(noon.Add(off).Add(-deconflict.Grace))
		if err != nil || len(cells) == 0 {
			t.Errorf("clock off by %v: %d cells, %v", off, len(cells), err)
		}
	}
}

func TestFootprintsThatCannotBeMeant(t *testing.T) {
	for want, change := range map[string]func(*deconflict.Footprint){
		"purpose is":           func(f *deconflict.Footprint) { f.Purpose = "reprisal" },
		"legal basis":          func(f *deconflict.Footprint) { f.LegalBasis = " " },
		"responsible officer":  func(f *deconflict.Footprint) { f.Officer = "" },
		"telephone":            func(f *deconflict.Footprint) { f.Unit = &deconflict.Unit{Name: "Post 4"} },
		"no place":             func(f *deconflict.Footprint) { f.Places = nil },
		"three corners":        func(f *deconflict.Footprint) { f.Area = make([]deconflict.Spot, 2) },
		"latitude":             func(f *deconflict.Footprint) { f.Places[0].Lat = 91 },
		"the radius":           func(f *deconflict.Footprint) { f.Places[0].RadiusKM = math.NaN() },
		"ends":                 func(f *deconflict.Footprint) { f.Until = f.From },
		"until which it takes": func(f *deconflict.Footprint) { f.Until = time.Time{} },
		"from which":           func(f *deconflict.Footprint) { f.From = time.Time{} },
		"standing footprint":   func(f *deconflict.Footprint) { f.Until = f.From.AddDate(1, 0, 0) },
		"until which it rep":   func(f *deconflict.Footprint) { f.EveryHours = 24 },
	} {
		f := at("x", 34, 70, 3, noon)
		change(&f)
		if err := f.Check(); !errors.Is(err, deconflict.ErrFootprint) || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q in %v", want, err)
		}
	}
	wide := at("wide", 34, 70, 100, noon)
	if _, err := wide.Cells(noon); err == nil || !strings.Contains(err.Error(), "part it") {
		t.Errorf("too wide: %v", err)
	}
	long := at("long", 34, 70, 30, noon)
	long.EveryHours, long.RepeatUntil = 12, noon.AddDate(1, 0, 0)
	if _, err := long.Cells(noon); err == nil || !strings.Contains(err.Error(), "smaller") {
		t.Errorf("too much: %v", err)
	}
}

// BenchmarkSide is one side's whole exchange with 512 cells each, footprints and
// messages included.
func BenchmarkSide(b *testing.B) {
	a, c := []deconflict.Footprint{at("raid", 34.40, 70.50, 13, noon)}, []deconflict.Footprint{at("patrol", 34.43, 70.5, 13, noon)}
	cells, err := a[0].Cells(noon)
	if err != nil {
		b.Fatal(err)
	}
	cpu := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	before := cpu()
	for b.Loop() {
		x := begin(b, "guarantor", a, c)
		x.seal()
		x.show(2)
		x.told()
	}
	b.ReportMetric(float64((cpu()-before).Microseconds())/float64(2*b.N)/1000, "CPU-ms/side")
	b.ReportMetric(float64(len(cells)), "cells")
}
