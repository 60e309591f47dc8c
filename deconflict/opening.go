package deconflict

import (
	"crypto/hmac"
	"errors"
	"fmt"

	"parley.example/parley/ledger"
)

// PlansOpening shows oversight what a side took part with. It opens the commitment and
// lets the list be made again.
type PlansOpening struct {
	Type  string   `json:"type"` // OpeningType
	Terms Terms    `json:"terms"`
	Party string   `json:"party"` // whose side it is
	Seed  [32]byte `json:"seed"`
	Plans []byte   `json:"plans"` // exact bytes of Plans
	// Receipt is of the event with the commitment; `parley verify` judges both.
	Receipt []byte `json:"receipt"`
}

// OpeningType marks a file with an opening.
const OpeningType = "parley-footprint-opening/1"

// Opening opens the side's commitment.
func (s *Side) Opening() PlansOpening {
	return PlansOpening{Type: OpeningType, Terms: s.Terms, Party: s.Me, Seed: s.Seed, Plans: s.Plans}
}

// Check reports whether the opening is what was committed to: the footprints, and
// that the list which was matched was made of them and of nothing else. It returns
// the footprints.
func (o PlansOpening) Check(c ledger.DeconflictCommitment) ([]Footprint, error) {
	if !hmac.Equal(commit(o.Seed, o.Plans), c.Commitment) {
		return nil, errors.New("the footprints are not those that the ledger commits to")
	}
	s := &Side{Terms: o.Terms, Me: o.Party, Seed: o.Seed, Plans: o.Plans}
	own, err := s.Commitment()
	if err != nil {
		return nil, fmt.Errorf("the footprints do not read: %w", err)
	}
	if own.List != c.List || own.Size != c.Size || string(own.Public) != string(c.Public) {
		return s.plans.Footprints, errors.New("the list that was matched is not made of these footprints")
	}
	return s.plans.Footprints, nil
}
