package deconflict

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"parley.example/parley/ledger"
	"parley.example/parley/psi"
)

// ErrCheat reports a message that does not hold against what its sender committed to.
var ErrCheat = errors.New("it does not hold against what was committed to")

// Parts is the number of parts in which masks are shown where there is no arbiter.
const Parts = 8

// Terms is what both sides know of an exchange before it begins.
type Terms struct {
	Accord  string   `json:"accord"`
	Opener  string   `json:"opener"`
	Joiner  string   `json:"joiner"`
	Arbiter string   `json:"arbiter"` // "" where there is none
	Session [32]byte `json:"session"` // random, from the opener
}

// Context names the exchange in everything that is computed for it, so that nothing
// of another one fits.
func (t Terms) Context() [32]byte {
	h := sha256.New()
	for _, p := range []string{"parley deconflict 1", Grid, t.Accord, t.Opener, t.Joiner, t.Arbiter, string(t.Session[:])} {
		fmt.Fprintf(h, "%d:%s,", len(p), p)
	}
	return [32]byte(h.Sum(nil))
}

func (t Terms) parts() int {
	if t.Arbiter != "" {
		return 1
	}
	return Parts
}

// Plans is what a side commits to: its footprints and from when on they count.
type Plans struct {
	Grid       string      `json:"grid"`
	Since      time.Time   `json:"since"`
	Footprints []Footprint `json:"footprints"`
}

// commit is HMAC-SHA256(seed, the exact bytes of the plans).
func commit(seed [32]byte, plans []byte) []byte {
	m := hmac.New(sha256.New, seed[:])
	m.Write([]byte("parley deconflict commitment 1\n"))
	m.Write(plans)
	return m.Sum(nil)
}

// Side is one side of an exchange: all that it must keep between two messages. It
// holds the footprints in the clear and secrets.
type Side struct {
	Terms Terms    `json:"terms"`
	Me    string   `json:"me"`
	Seed  [32]byte `json:"seed"`
	Plans []byte   `json:"plans"` // Plans, the bytes committed to
	Size  int      `json:"size"`
	Hand  Hand     `json:"hand"` // our masks, once we sealed
	Sent  []byte   `json:"sent"` // our seal
	// Shown is how many of our masks we showed.
	Shown int  `json:"shown"`
	Peer  Peer `json:"peer"`

	plans Plans
	plan  plan
	side  *psi.Side
	// What of the above has been read already, for speed.
	list         *psi.List
	mine, theirs *psi.Seal
}

// Peer is what the other side sent.
type Peer struct {
	Commitment ledger.DeconflictCommitment `json:"commitment"`
	List       []byte                      `json:"list,omitempty"`
	Seal       []byte                      `json:"seal,omitempty"`
	Sealed     ledger.DeconflictSeal       `json:"sealed"`
	Masks      [][]byte                    `json:"masks,omitempty"` // public elements
	Shown      [][]byte                    `json:"shown,omitempty"`
	Box        []byte                      `json:"box,omitempty"` // contact point, under the first mask
}

// Open begins an exchange as the opener. since is from when on footprints count,
// [Grace] before now.
func Open(t Terms, seed [32]byte, fs []Footprint, since time.Time) (*Side, error) {
	return newSide(t, t.Opener, seed, fs, since)
}

// Join takes part in an exchange that another side opened.
func Join(t Terms, seed [32]byte, opened ledger.DeconflictCommitment, fs []Footprint, since time.Time) (*Side, error) {
	s, err := newSide(t, t.Joiner, seed, fs, since)
	if err != nil {
		return nil, err
	}
	return s, s.takeCommitment(opened)
}

func newSide(t Terms, me string, seed [32]byte, fs []Footprint, since time.Time) (*Side, error) {
	raw, err := json.Marshal(Plans{Grid, since.UTC(), fs})
	if err != nil {
		return nil, err
	}
	s := &Side{Terms: t, Me: me, Seed: seed, Plans: raw}
	return s, s.restore()
}

// restore makes what follows from the seed and the plans.
func (s *Side) restore() error {
	if s.side != nil {
		return nil
	}
	if err := json.Unmarshal(s.Plans, &s.plans); err != nil {
		return fmt.Errorf("reading the plans of an exchange: %w", err)
	}
	if s.plans.Grid != Grid {
		return fmt.Errorf("the plans are on grid %q, ours is %q", s.plans.Grid, Grid)
	}
	var err error
	if s.plan, err = newPlan(s.plans.Footprints, s.plans.Since); err != nil {
		return err
	}
	s.Size = s.plan.size()
	s.side, err = psi.NewSide(s.Seed, s.Terms.Context(), s.plan.values(), s.Size)
	return err
}

// Adopt takes over what another copy of the same side has computed already.
func (s *Side) Adopt(computed *Side) {
	if computed != nil && computed.side != nil && computed.Seed == s.Seed && computed.Terms == s.Terms && bytes.Equal(computed.Plans, s.Plans) {
		s.plans, s.plan, s.side, s.Size = computed.plans, computed.plan, computed.side, computed.Size
		if bytes.Equal(s.Peer.List, computed.Peer.List) {
			s.list = computed.list
		}
		if bytes.Equal(s.Sent, computed.Sent) && bytes.Equal(s.Peer.Seal, computed.Peer.Seal) {
			s.mine, s.theirs = computed.mine, computed.theirs
		}
	}
}

// Commitment is what the side is bound to; its list is sent after the other side is
// bound too.
func (s *Side) Commitment() (ledger.DeconflictCommitment, error) {
	if err := s.restore(); err != nil {
		return ledger.DeconflictCommitment{}, err
	}
	return ledger.DeconflictCommitment{
		Grid: Grid, Size: s.Size, Public: s.side.Public(), List: sha256.Sum256(s.side.List()), Commitment: commit(s.Seed, s.Plans),
	}, nil
}

// List is the side's blinded list: the joiner's message.
func (s *Side) List() ([]byte, error) {
	if err := s.restore(); err != nil {
		return nil, err
	}
	return s.side.List(), nil
}

func (s *Side) takeCommitment(c ledger.DeconflictCommitment) error {
	if c.Grid != Grid {
		return fmt.Errorf("the other side uses grid %q, we %q; one of us must be upgraded", c.Grid, Grid)
	}
	if !slices.Contains(Sizes, c.Size) {
		return fmt.Errorf("%w: a list of %d, sizes are %v", ErrCheat, c.Size, Sizes)
	}
	if _, err := psi.ParsePublicKey(c.Public); err != nil {
		return fmt.Errorf("%w: %w", ErrCheat, err)
	}
	own, err := s.Commitment()
	if err != nil {
		return err
	}
	if bytes.Equal(own.Public, c.Public) || own.List == c.List {
		return fmt.Errorf("%w: the other side shows our own list or key", ErrCheat)
	}
	s.Peer.Commitment = c
	return nil
}

// takeList takes the other side's list, which must be the one it committed to.
func (s *Side) takeList(list []byte) error {
	c := s.Peer.Commitment
	if ledger.Digest(sha256.Sum256(list)) != c.List {
		return fmt.Errorf("%w: the list is another", ErrCheat)
	}
	read, err := psi.ParseList(list, c.Size)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrCheat, err)
	}
	s.Peer.List, s.list = list, read
	return nil
}

// TakeJoin takes the joiner's commitment and list.
func (s *Side) TakeJoin(c ledger.DeconflictCommitment, list []byte) error {
	if err := s.takeCommitment(c); err != nil {
		return err
	}
	return s.takeList(list)
}

// Seal answers the other side's list and returns the message for it, the opener's
// with its own list. contact is what the other side is told where plans overlap.
func (s *Side) Seal(random io.Reader, h Hand, contact string) ([]byte, error) {
	if err := s.restore(); err != nil {
		return nil, err
	}
	if len(h.Secrets) != s.Terms.parts() {
		return nil, fmt.Errorf("%d masks for %d parts", len(h.Secrets), s.Terms.parts())
	}
	masks, err := h.masks()
	if err != nil {
		return nil, err
	}
	if s.list == nil {
		if s.list, err = psi.ParseList(s.Peer.List, s.Peer.Commitment.Size); err != nil {
			return nil, err
		}
	}
	seal, err := s.side.Seal(random, s.list, masks)
	if err != nil {
		return nil, err
	}
	box, err := sealBox(s.Terms.Context(), s.Me, h.Secrets[0], contact)
	if err != nil {
		return nil, err
	}
	s.Hand, s.Sent, s.mine = h, seal.Marshal(), seal
	m := message{seal: s.Sent, sheet: h.Sheet.Note, box: box}
	if s.Me == s.Terms.Opener {
		m.list = s.side.List()
	}
	return m.marshal(), nil
}

// TakeSeal takes the other side's seal, and from the opener its list, and verifies
// both, so that nothing but the masks is missing then. openSheet verifies the
// arbiter's signature under a sheet and returns its text; it is not called where
// there is no arbiter.
func (s *Side) TakeSeal(d ledger.DeconflictSeal, body []byte, openSheet func(note []byte) (text string, err error)) error {
	m, err := parseMessage(body)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrCheat, err)
	}
	if err := s.restore(); err != nil {
		return err
	}
	peer := s.Terms.Joiner
	if s.Me == s.Terms.Joiner {
		peer = s.Terms.Opener
		if err := s.takeList(m.list); err != nil {
			return err
		}
	} else if len(m.list) > 0 {
		return fmt.Errorf("%w: a second list", ErrCheat)
	}
	seal, err := s.side.CheckSeal(s.Peer.Commitment.Public, m.seal, s.Terms.parts())
	if err != nil {
		return fmt.Errorf("%w: %w", ErrCheat, err)
	}
	if d.Joins != (s.Me == s.Terms.Opener) {
		return fmt.Errorf("%w: it is sealed in the wrong part", ErrCheat)
	}
	if d.Arbiter != s.Terms.Arbiter {
		return fmt.Errorf("%w: the mask is of arbiter %q, agreed is %q", ErrCheat, d.Arbiter, s.Terms.Arbiter)
	}
	if s.Terms.Arbiter != "" {
		text, err := openSheet(m.sheet)
		if err != nil {
			return fmt.Errorf("%w: sheet of masks: %w", ErrCheat, err)
		}
		if err := CheckSheet(text, s.Terms.Accord, peer, d.Sheet, d.Mask, seal.Masks()[0]); err != nil {
			return fmt.Errorf("%w: %w", ErrCheat, err)
		}
	} else if len(m.sheet) > 0 {
		return fmt.Errorf("%w: a sheet of masks without an arbiter", ErrCheat)
	}
	if len(m.box) != boxSize {
		return fmt.Errorf("%w: the contact point has another length", ErrCheat)
	}
	s.theirs = seal
	s.Peer.Seal, s.Peer.Sealed, s.Peer.Masks, s.Peer.Box = m.seal, d, seal.Masks(), m.box
	return nil
}

// Turn reports whether it is for us to show our next mask.
func (s *Side) Turn() bool {
	if s.Sent == nil || s.Peer.Seal == nil || s.Shown == s.Terms.parts() {
		return false
	}
	if s.Me == s.Terms.Opener {
		return s.Shown == len(s.Peer.Shown)
	}
	return s.Shown < len(s.Peer.Shown)
}

// Owed is how many masks the other side owes us for those that we showed.
func (s *Side) Owed() int {
	if s.Me == s.Terms.Opener {
		return max(0, s.Shown-len(s.Peer.Shown))
	}
	return 0
}

// Show returns our next mask, where it is our turn.
func (s *Side) Show() (part int, mask []byte, err error) {
	if !s.Turn() {
		return 0, nil, errors.New("it is not our turn to show a mask")
	}
	part = s.Shown
	s.Shown++
	return part, s.Hand.Secrets[part], nil
}

// TakeShown takes a mask of the other side. What was taken before is passed over.
func (s *Side) TakeShown(part int, mask []byte) error {
	if s.Peer.Seal == nil || part < 0 || part > len(s.Peer.Shown) || part >= len(s.Peer.Masks) {
		return fmt.Errorf("%w: a mask of part %d out of turn", ErrCheat, part)
	}
	if part < len(s.Peer.Shown) {
		return nil
	}
	if _, err := psi.CheckMask(mask, s.Peer.Masks[part]); err != nil {
		return fmt.Errorf("%w: %w", ErrCheat, err)
	}
	s.Peer.Shown = append(s.Peer.Shown, mask)
	return nil
}

// Done reports whether every mask of the other side is known.
func (s *Side) Done() bool { return s.Peer.Seal != nil && len(s.Peer.Shown) == s.Terms.parts() }

// Over reports whether nothing is left to do: every mask is known, and ours are shown.
func (s *Side) Over() bool { return s.Done() && s.Shown == s.Terms.parts() }

// Overlaps is what the masks shown so far tell, by our footprints; with it comes the
// other side's contact point, "" where nothing overlaps: it is not looked at then.
func (s *Side) Overlaps() (found []Overlap, contact string, err error) {
	if len(s.Peer.Shown) == 0 {
		return []Overlap{}, "", nil
	}
	if err := s.restore(); err != nil {
		return nil, "", err
	}
	own, err := s.Hand.masks()
	if err != nil {
		return nil, "", err
	}
	var shown []psi.Mask
	for _, b := range s.Peer.Shown {
		m, err := psi.ParseMask(b)
		if err != nil {
			return nil, "", err
		}
		shown = append(shown, m)
	}
	if s.mine == nil || s.theirs == nil {
		if s.mine, err = psi.ReadSeal(s.Sent); err != nil {
			return nil, "", err
		}
		if s.theirs, err = psi.ReadSeal(s.Peer.Seal); err != nil {
			return nil, "", err
		}
	}
	common, err := s.side.Common(s.mine, own, s.theirs, shown)
	if err != nil {
		return nil, "", err
	}
	if found = s.plan.overlaps(s.plans.Footprints, common); len(found) == 0 {
		return found, "", nil
	}
	peer := s.Terms.Opener
	if s.Me == s.Terms.Opener {
		peer = s.Terms.Joiner
	}
	contact, err = openBox(s.Terms.Context(), peer, s.Peer.Shown[0], s.Peer.Box)
	if err != nil {
		contact = "" // overlapping is what matters; the contact point does not read
	}
	return found, contact, nil
}

// Footprints are those that the side took part with.
func (s *Side) Footprints() ([]Footprint, error) {
	err := s.restore()
	return s.plans.Footprints, err
}

// Forget drops what an ended exchange does not need to be opened for oversight.
func (s *Side) Forget() {
	s.Hand, s.Sent = Hand{}, nil
	s.Peer.List, s.Peer.Seal, s.Peer.Box = nil, nil, nil
}
