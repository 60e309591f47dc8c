package node

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	jsonv2 "github.com/go-json-experiment/json"

	"parley.example/parley/accord"
	"parley.example/parley/deconflict"
	"parley.example/parley/internal/link"
	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
	"parley.example/parley/psi"
)

// A witness is the arbiter of blind deconfliction and of sealed releases. It makes masks
// for members in advance. It shows the recipient of a sealed release its key for the
// receipt that the owner is due. Where an opener proves that the other side sealed, it shows each the
// other's mask, for good: what it showed once it shows whoever of the two asks. It
// sees signed events with digests, and never a list or content.

// arbiterAsk is what a member asks; one field is set.
type arbiterAsk struct {
	// Sheet asks for the sheet of masks of a number, counted from 1.
	Sheet int64 `json:"sheet,omitempty"`
	// Of asks for the public side of another member's Sheet.
	Of string `json:"of,omitempty"`
	// Mine and Theirs are receipts of the two DeconflictSealed events of an exchange,
	// from its opener.
	Mine   []byte `json:"mine,omitempty"`
	Theirs []byte `json:"theirs,omitempty"`
	// Released and Taken are receipts of a sealed release and of the event that
	// acknowledges it, from its recipient, who wants the key.
	Released []byte `json:"released,omitempty"`
	Taken    []byte `json:"taken,omitempty"`
	// Sealed is the index of a sealed release in the asker's log, plus one, and With its
	// recipient: did that have the key shown?
	Sealed int64  `json:"sealed,omitempty"`
	With   string `json:"with,omitempty"`
	// Session asks whether the other side has had our mask of an exchange shown.
	Session []byte `json:"session,omitempty"`
}

// arbiterAnswer answers one.
type arbiterAnswer struct {
	Sheet   *deconflict.Sheet `json:"sheet,omitempty"`
	Session []byte            `json:"session,omitempty"`
	Mask    []byte            `json:"mask,omitempty"`  // the other side's; empty: it was not shown
	Taken   []byte            `json:"taken,omitempty"` // the receipt for which a key was shown
	Refused string            `json:"refused,omitempty"`
}

// verdict is what an arbiter keeps of an exchange in which it showed the masks.
type verdict struct {
	Accord  string                `json:"accord"`
	Opener  string                `json:"opener"`
	Joiner  string                `json:"joiner"`
	Sealed  ledger.DeconflictSeal `json:"sealed"` // the opener's
	Answer  ledger.DeconflictSeal `json:"answer"` // the joiner's
	At      string                `json:"at"`
	Session []byte                `json:"session"`
}

const (
	arbiterKeyFile = "arbiter.key"
	verdictFolder  = "verdicts"
	maxSheets      = 1 << 20
	// arbiterPatience is how long an arbiter is waited for: partners wait meanwhile.
	arbiterPatience = 10 * time.Second
)

// arbiterKey is the secret that masks are made from. It lies with what the witness
// signed, outside backups.
func (s *witnessState) arbiterKey(random io.Reader) ([]byte, error) {
	name := filepath.Join(s.dir, arbiterKeyFile)
	key, err := s.files.read(name)
	if err == nil && len(key) != 32 {
		err = fmt.Errorf("%s is damaged", name)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	key = make([]byte, 32)
	if _, err := io.ReadFull(random, key); err != nil {
		return nil, err
	}
	return key, s.files.write(name, key)
}

func (s *witnessState) verdictFile(accordID string, session []byte) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%x", accordID, session))
	return filepath.Join(s.dir, verdictFolder, hex.EncodeToString(sum[:16])+".json")
}

func (s *witnessState) verdict(accordID string, session []byte) (v verdict, ok bool, err error) {
	b, err := os.ReadFile(s.verdictFile(accordID, session))
	if errors.Is(err, fs.ErrNotExist) {
		return v, false, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &v)
	}
	return v, err == nil, err
}

// arbiter is a witness as it answers under one accord.
type arbiter struct {
	state  *witnessState
	me     string
	accord accord.Accord
	cards  [][]byte // that the witness knows: a revoked key proves nothing
	sign   func(text string) ([]byte, error)
	random io.Reader
	at     string
}

// answer answers what a member asks. Its error is for our own log; the member is
// told why in the answer.
func (a arbiter) answer(from string, raw []byte) ([]byte, error) {
	var ask arbiterAsk
	if err := jsonv2.Unmarshal(raw, &ask); err != nil {
		return nil, fmt.Errorf("%w: what is asked of the arbiter does not read", link.ErrParcel)
	}
	a.state.mu.Lock()
	defer a.state.mu.Unlock()
	key, err := a.state.arbiterKey(a.random)
	if err != nil {
		return nil, err
	}
	var out arbiterAnswer
	switch {
	case ask.Sheet > 0 && ask.Sheet <= maxSheets:
		var s deconflict.Sheet
		of := from
		if ask.Of != "" {
			of = ask.Of
		}
		if !slices.Contains(a.accord.Terms.Parties(), of) {
			out.Refused = "no such member"
			break
		}
		s, err = deconflict.NewSheet(key, a.accord.ID, of, ask.Sheet, a.sign)
		if of != from {
			s.Secrets = nil
		}
		out.Sheet = &s
	case ask.Mine != nil:
		out, err = a.show(key, from, ask)
	case ask.Taken != nil:
		out, err = a.showKey(key, from, ask)
	case ask.Sealed > 0:
		out.Taken, err = a.taken(from, ask.With, ask.Sealed-1)
	case len(ask.Session) == 32:
		out, err = a.shown(key, from, ask.Session)
	default:
		out.Refused = "nothing that an arbiter does was asked"
	}
	if err != nil {
		return nil, err
	}
	return json.Marshal(out)
}

// sealedEvent reads a receipt of a DeconflictSealed event of this accord.
func (a arbiter) sealedEvent(receipt []byte) (party string, d ledger.DeconflictSeal, err error) {
	v, err := accord.VerifyReceipt(receipt, a.cards...)
	if err != nil {
		return "", d, fmt.Errorf("receipt: %w", err)
	}
	if v.Accord.ID != a.accord.ID || v.Event.Kind != ledger.DeconflictSealed {
		return "", d, errors.New("the receipt is of another act")
	}
	d, err = decodeData[ledger.DeconflictSeal](v.Event)
	return v.Event.Party, d, err
}

// show shows the opener the joiner's mask, where both sealed: the joiner's event
// says that it answers what the opener sealed, so it holds all but the mask.
func (a arbiter) show(key []byte, from string, ask arbiterAsk) (out arbiterAnswer, err error) {
	refuse := func(why string) (arbiterAnswer, error) { return arbiterAnswer{Refused: why}, nil }
	opener, mine, err := a.sealedEvent(ask.Mine)
	if err != nil {
		return refuse(err.Error())
	}
	joiner, theirs, err := a.sealedEvent(ask.Theirs)
	if err != nil {
		return refuse(err.Error())
	}
	switch {
	case opener != from || mine.Joins || !theirs.Joins:
		return refuse("the opener of an exchange alone may ask")
	case mine.To != joiner || theirs.To != opener || !bytes.Equal(mine.Session, theirs.Session) || theirs.Of != mine.Sealed:
		return refuse("the two events do not belong together")
	case mine.Arbiter != a.me || theirs.Arbiter != a.me:
		return refuse("the two named another arbiter")
	}
	mask, err := deconflict.Mask(key, a.accord.ID, joiner, theirs.Sheet, theirs.Mask)
	if err != nil {
		return refuse(err.Error())
	}
	v := verdict{Accord: a.accord.ID, Opener: opener, Joiner: joiner, Sealed: mine, Answer: theirs, At: a.at, Session: mine.Session}
	old, ok, err := a.state.verdict(a.accord.ID, mine.Session)
	if err != nil {
		return out, err
	}
	if ok && (old.Opener != opener || old.Joiner != joiner || old.Sealed.Sealed != mine.Sealed || old.Answer.Sealed != theirs.Sealed) {
		return refuse("another exchange was arbitrated under this session")
	}
	if !ok {
		b, err := json.Marshal(v)
		if err != nil {
			return out, err
		}
		if err := a.state.files.write(a.state.verdictFile(a.accord.ID, mine.Session), append(b, '\n')); err != nil {
			return out, err
		}
	}
	return arbiterAnswer{Session: mine.Session, Mask: mask}, nil
}

// shown tells the joiner whether the opener had the masks shown, and then shows it
// the opener's.
func (a arbiter) shown(key []byte, from string, session []byte) (out arbiterAnswer, err error) {
	v, ok, err := a.state.verdict(a.accord.ID, session)
	if err != nil || !ok || v.Joiner != from {
		return arbiterAnswer{Session: session}, err
	}
	mask, err := deconflict.Mask(key, a.accord.ID, v.Opener, v.Sealed.Sheet, v.Sealed.Mask)
	return arbiterAnswer{Session: session, Mask: mask}, err
}

// takenFile is where the receipt lies for which the key of a sealed release was shown.
func (s *witnessState) takenFile(accordID, owner, to string, index int64) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "sealed/%s/%s/%s/%d", accordID, owner, to, index))
	return filepath.Join(s.dir, verdictFolder, hex.EncodeToString(sum[:16])+".receipt")
}

// showKey shows the recipient of a sealed release its key, for the receipt that the
// owner is due: the arbiter keeps that for it.
func (a arbiter) showKey(key []byte, from string, ask arbiterAsk) (out arbiterAnswer, err error) {
	refuse := func(why string) (arbiterAnswer, error) { return arbiterAnswer{Refused: why}, nil }
	rel, err := accord.VerifyReceipt(ask.Released, a.cards...)
	if err != nil {
		return refuse("receipt of the release: " + err.Error())
	}
	rec, err := decodeData[ledger.Release](rel.Event)
	owner := rel.Event.Party
	switch {
	case err != nil || rel.Accord.ID != a.accord.ID || rel.Event.Kind != ledger.Released && rel.Event.Kind != ledger.Corrected || rec.Sealed == nil:
		return refuse("the receipt is not of a sealed release under this accord")
	case !slices.Equal(rec.To, []string{from}):
		return refuse("the release is not to who asks")
	case rec.Sealed.Arbiter != a.me:
		return refuse("the release names another arbiter")
	}
	if err := acknowledges(ask.Taken, a.accord.ID, from, owner, rel.Index, rec.Digest, a.cards); err != nil {
		return refuse(err.Error())
	}
	mask, err := deconflict.Mask(key, a.accord.ID, owner, rec.Sealed.Sheet, rec.Sealed.Mask)
	if err == nil {
		_, err = psi.CheckMask(mask, rec.Sealed.Public)
	}
	if err != nil {
		return refuse("the release was not sealed with a mask of this arbiter")
	}
	if err := a.state.files.write(a.state.takenFile(a.accord.ID, owner, from, rel.Index), ask.Taken); err != nil {
		return out, err
	}
	return arbiterAnswer{Mask: mask}, nil
}

// taken is the receipt for which the key of a release of ours was shown; nil for none.
func (a arbiter) taken(owner, to string, index int64) ([]byte, error) {
	b, err := os.ReadFile(a.state.takenFile(a.accord.ID, owner, to, index))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

// acknowledges checks a receipt by which a party says that it holds what an entry of the
// owner's log announces.
func acknowledges(receipt []byte, accordID, by, owner string, index int64, digest ledger.Digest, cards [][]byte) error {
	v, err := accord.VerifyReceipt(receipt, cards...)
	if err != nil {
		return fmt.Errorf("receipt of the acknowledgement: %w", err)
	}
	got, err := decodeData[ledger.Receipts](v.Event)
	if err != nil || v.Accord.ID != accordID || v.Event.Kind != ledger.Received || v.Event.Party != by || got.From != owner ||
		!slices.Contains(got.Items, ledger.Receive{Index: index, Digest: digest}) {
		return errors.New("the receipt does not acknowledge that release")
	}
	return nil
}

// takenBy checks the receipt that an arbiter took for a key of ours.
func (n *Node) takenBy(ctx context.Context, pc pact, s ownSeal, receipt []byte) error {
	var digest ledger.Digest
	err := n.view(ctx, func(tx store.Tx) error {
		_, rec, err := releaseAt(tx, ledger.Origin(s.Accord, n.cfg.Party), s.Index)
		digest = rec.Digest
		return err
	})
	if err != nil {
		return err
	}
	return acknowledges(receipt, s.Accord, s.To, n.cfg.Party, s.Index, digest, n.cardNotes(pc.Accord))
}

// cardNotes are the cards of everybody in an accord.
func (n *Node) cardNotes(a accord.Accord) (cards [][]byte) {
	for _, c := range n.currentBook().Cards(append(a.Terms.Parties(), a.Terms.WitnessParties()...)...) {
		cards = append(cards, c.Note())
	}
	return cards
}

// arbitrate answers what a member asks of us as witness.
func (n *Node) arbitrate(a accord.Accord, from string, raw []byte) ([]byte, error) {
	return arbiter{
		state: &n.witness, me: n.cfg.Party, accord: a, cards: n.cardNotes(a), random: n.opt.Rand, at: stamp(n.now()),
		sign: func(text string) ([]byte, error) { return n.signing().SignNote(n.cfg.Party, text) },
	}.answer(from, raw)
}

// askArbiter asks a witness and returns its answer.
func (n *Node) askArbiter(ctx context.Context, pc pact, witness string, ask arbiterAsk) (out arbiterAnswer, err error) {
	card, ok := n.currentBook().Card(witness)
	if !ok || len(card.Endpoints) == 0 {
		return out, fmt.Errorf("%w: no address of the arbiter %s is known", ErrNotFound, witness)
	}
	raw, err := json.Marshal(ask)
	if err != nil {
		return out, err
	}
	// Not under the pair's lock: steps of exchanges are done under it, as what a
	// parcel of the witness leaves to do, and they ask as well.
	ctx, cancel := context.WithTimeout(ctx, arbiterPatience)
	defer cancel()
	reply, err := n.exchange(ctx, card, link.Parcel{
		Header: link.Header{From: n.cfg.Party, To: witness, Accord: pc.ID}, Cards: n.packCards(pc), Accord: pc.Note, Aside: raw,
	})
	if err != nil {
		return out, fmt.Errorf("asking the arbiter %s: %w", witness, err)
	}
	if len(reply.Aside) == 0 {
		return out, fmt.Errorf("the arbiter %s did not answer; its version may be too old", witness)
	}
	if err := jsonv2.Unmarshal(reply.Aside, &out); err != nil {
		return out, fmt.Errorf("the answer of the arbiter %s does not read: %w", witness, err)
	}
	if out.Refused != "" {
		return out, fmt.Errorf("%w: the arbiter %s: %s", ErrState, witness, clip(out.Refused))
	}
	return out, nil
}
