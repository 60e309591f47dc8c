package deconflict_test

import (
	"errors"
	"testing"

	"parley.example/parley/deconflict"
)

// Whatever a partner sends as its seal is taken whole or refused as a lie.
func FuzzTakeSeal(f *testing.F) {
	x := begin(f, "guarantor", []deconflict.Footprint{at("raid", 34.40, 70.50, 1, noon)}, nil)
	h, d := x.hand("north", 0, 3)
	body, err := x.north.Seal(nil, h, "north desk")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(body)
	f.Add(body[:40])
	f.Add([]byte("PDS1"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := *x.south
		if err := s.TakeSeal(d, data, x.arb.open); err != nil && !errors.Is(err, deconflict.ErrCheat) {
			t.Errorf("refused without a reason: %v", err)
		}
	})
}
