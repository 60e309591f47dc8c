package release

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"parley.example/parley/accord"
	"parley.example/parley/ledger"
)

// Released is content that the gate let pass. Only this package can make one
// that is not empty; the outbox takes nothing else.
type Released struct {
	accord string
	to     []string
	digest ledger.Digest
	body   []byte
	record ledger.Release
}

// Accord is the id of the accord under which it passes.
func (r Released) Accord() string { return r.accord }

// To lists the recipients.
func (r Released) To() []string { return r.to }

// Digest identifies the content.
func (r Released) Digest() ledger.Digest { return r.digest }

// Bytes are what leaves, exactly.
func (r Released) Bytes() []byte { return r.body }

// Record is what the ledger says of the release of an object; zero for
// messages of the protocol.
func (r Released) Record() ledger.Release { return r.record }

// Mint decides and, where something may pass and enough people agreed, mints
// it. answers is the id of the request that it answers, or empty.
func Mint(in Input, answers string) (Released, Decision, error) {
	d := Decide(in)
	if err := d.Err(); err != nil {
		return Released{}, d, err
	}
	if d.Approvals > in.Approved {
		return Released{}, d, fmt.Errorf("%w by %d more", ErrApproval, d.Approvals-in.Approved)
	}
	r := Released{accord: in.Accord.ID, to: in.To, digest: sha256.Sum256(d.Copy), body: d.Copy}
	r.record = ledger.Release{
		Object: d.copyID, Type: d.typ, Digest: r.digest, Outcome: d.Outcome.String(), To: in.To,
		Purpose: in.Purpose, LegalBasis: in.LegalBasis, Marking: d.marking, Grading: d.grading,
		Redactions: d.Redactions, Answers: answers,
		Expires: in.Now.UTC().Truncate(24*time.Hour).AddDate(0, 0, in.Accord.Terms.RetentionDays),
	}
	return r, d, nil
}

// MintExchange lets a message of the matching protocol pass: a filter, a
// blinded question, or an answer. It needs an accord in force, rung match in
// the direction that the holder grants, and a kind the accord allows.
func MintExchange(a accord.Accord, st *accord.State, me, to, selector string, kind ledger.Kind, body []byte, now time.Time) (Released, error) {
	if status := st.At(now); status.Name != accord.InForce {
		return Released{}, fmt.Errorf("%w: the accord is %s", ErrWithheld, status)
	}
	if _, ok := a.Terms.MatchRule(selector); !ok {
		return Released{}, fmt.Errorf("%w: the accord does not allow matching of kind %q", ErrWithheld, selector)
	}
	holder, asker := me, to
	switch kind {
	case ledger.MatchPublished, ledger.MatchAnswered:
	case ledger.MatchAsked:
		holder, asker = to, me
	default:
		return Released{}, fmt.Errorf("%w: %s is no message of the matching protocol", ErrWithheld, kind)
	}
	if r := st.Rung(holder, asker); r < accord.Match {
		return Released{}, fmt.Errorf("%w: %s grants %s rung %s; private matching needs rung match", ErrWithheld, holder, asker, r)
	}
	if len(body) == 0 {
		return Released{}, fmt.Errorf("%w: %w", ErrWithheld, errors.New("the message is empty"))
	}
	return Released{accord: a.ID, to: []string{to}, digest: sha256.Sum256(body), body: body}, nil
}

// MintMutual lets a message pass that belongs to both sides: of blind deconfliction
// (rung match) or of a joint operation (rung joint). It needs an accord in force and
// that rung in both directions with every recipient.
func MintMutual(a accord.Accord, st *accord.State, me string, to []string, need accord.Rung, body []byte, now time.Time) (Released, error) {
	if err := CheckMutual(st, me, to, need, now); err != nil {
		return Released{}, err
	}
	if len(body) == 0 {
		return Released{}, fmt.Errorf("%w: %w", ErrWithheld, errors.New("the message is empty"))
	}
	return Released{accord: a.ID, to: to, digest: sha256.Sum256(body), body: body}, nil
}

// CheckMutual is MintMutual for what has no body.
func CheckMutual(st *accord.State, me string, to []string, need accord.Rung, now time.Time) error {
	if status := st.At(now); status.Name != accord.InForce {
		return fmt.Errorf("%w: the accord is %s", ErrWithheld, status)
	}
	if len(to) == 0 {
		return fmt.Errorf("%w: it is for nobody", ErrWithheld)
	}
	for _, p := range to {
		for _, d := range [][2]string{{me, p}, {p, me}} {
			if r := st.Rung(d[0], d[1]); r < need {
				return fmt.Errorf("%w: %s grants %s rung %s; this needs rung %s in both directions", ErrWithheld, d[0], d[1], r, need)
			}
		}
	}
	return nil
}
