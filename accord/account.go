package accord

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"parley.example/parley/ledger"
)

// Account is what two members have done for and to each other, computed from
// their two logs and nothing else, so that both compute the same bytes from
// the same logs. Value is what the receiver says of it; volume is shown, never
// scored.
type Account struct {
	Accord string           `json:"accord"`
	Logs   map[string]int64 `json:"logs"`  // entries of each log that went in
	AsOf   time.Time        `json:"as_of"` // time of the newest event that both see
	Sides  []AccountSide    `json:"sides"` // by party
}

// AccountSide is one member's part in an account.
type AccountSide struct {
	Party     string `json:"party"`
	Released  int    `json:"released"`
	Corrected int    `json:"corrected"`
	Withdrawn int    `json:"withdrawn"`
	Honoured  int    `json:"withdrawals_honoured"` // of the other's withdrawals
	// Questions and selectors that this side asked, and how the other took them.
	Questions int `json:"questions"`
	Asked     int `json:"asked"`
	Answered  int `json:"answered"` // questions of the other that this side answered
	Refused   int `json:"refused"`
	// Requests that this side made; HitsFollowed of them followed a hit.
	Requests     int `json:"requests"`
	HitsFollowed int `json:"hits_followed"`
	// How this side answered the other's requests.
	Fulfilled     int     `json:"fulfilled"`
	Declined      int     `json:"declined"`
	Overdue       int     `json:"overdue"`        // due and unanswered at AsOf
	MedianSeconds float64 `json:"median_seconds"` // from request to answer; 0 where none was answered
	DaysSuspended float64 `json:"days_suspended"` // that this side kept the accord suspended
	// What the other said of the use of what this side released.
	Useful int `json:"useful"`
	Known  int `json:"known"`
	Wrong  int `json:"wrong"`
	Late   int `json:"late"`
}

// NewAccount computes the account of a and b from their logs under an accord,
// each complete and in order. Acts that concern other members only do not
// count, so that a and b, who see different parts of what goes to others,
// compute the same.
func NewAccount(accordID, a, b string, logs map[string][]ledger.Event, sizes map[string]int64) (Account, error) {
	if b < a {
		a, b = b, a
	}
	acc := Account{Accord: accordID, Logs: map[string]int64{a: sizes[a], b: sizes[b]}}
	f := &fold{
		side: map[string]*AccountSide{a: {Party: a}, b: {Party: b}}, other: map[string]string{a: b, b: a},
		made: make(map[string]pending), waits: map[string][]float64{}, since: make(map[string]time.Time),
	}
	for _, p := range []string{a, b} {
		for _, e := range logs[p] {
			if e.At.After(acc.AsOf) && openTo(e, f.other[p]) {
				acc.AsOf = e.At.UTC()
			}
		}
	}
	// Requests first: an answer stands in the other's log.
	for _, pass := range []func(ledger.Event) error{f.requests, f.acts} {
		for _, p := range []string{a, b} {
			for _, e := range logs[p] {
				if err := pass(e); err != nil {
					return Account{}, fmt.Errorf("%s of %s: %w", e.Kind, e.Party, err)
				}
			}
		}
	}
	for p, since := range f.since {
		f.side[p].DaysSuspended += acc.AsOf.Sub(since).Hours() / 24
	}
	for _, r := range f.made {
		if r.open && acc.AsOf.After(r.due) {
			f.side[r.to].Overdue++
		}
	}
	for _, p := range []string{a, b} {
		s := f.side[p]
		s.MedianSeconds = median(f.waits[p])
		s.DaysSuspended = float64(int64(s.DaysSuspended*1000+0.5)) / 1000
		acc.Sides = append(acc.Sides, *s)
	}
	return acc, nil
}

type pending struct {
	to      string
	at, due time.Time
	open    bool
}

type fold struct {
	side  map[string]*AccountSide
	other map[string]string
	made  map[string]pending // requests by id
	waits map[string][]float64
	since map[string]time.Time // suspended at, by party, where it still is
}

func data[T any](e ledger.Event) (T, error) {
	var v T
	err := json.Unmarshal(e.Data, &v)
	return v, err
}

func (f *fold) requests(e ledger.Event) error {
	if e.Kind != ledger.RequestMade {
		return nil
	}
	d, err := data[ledger.Request](e)
	if err != nil || d.To != f.other[e.Party] {
		return err
	}
	s := f.side[e.Party]
	s.Requests++
	if d.Asked > 0 || d.Value != "" {
		s.HitsFollowed++
	}
	f.made[d.ID] = pending{to: d.To, at: e.At, due: d.Due, open: true}
	return nil
}

func (f *fold) acts(e ledger.Event) error {
	s, other := f.side[e.Party], f.other[e.Party]
	switch e.Kind {
	case ledger.Released, ledger.Corrected:
		d, err := data[ledger.Release](e)
		if err != nil || !slices.Contains(d.To, other) {
			return err
		}
		if s.Released++; e.Kind == ledger.Corrected {
			s.Released--
			s.Corrected++
		}
	case ledger.Withdrawn:
		d, err := data[ledger.Withdrawal](e)
		if err != nil || d.From != other {
			return err
		}
		s.Withdrawn++
	case ledger.Honoured:
		d, err := data[ledger.Withdrawal](e)
		if err != nil || d.From != other {
			return err
		}
		s.Honoured++
	case ledger.MatchAsked:
		d, err := data[ledger.MatchQuestion](e)
		if err != nil || d.To != other {
			return err
		}
		s.Questions++
		s.Asked += d.Count
	case ledger.MatchAnswered:
		d, err := data[ledger.MatchAnswer](e)
		if err != nil || d.To != other {
			return err
		}
		if s.Answered++; d.Refused != "" {
			s.Answered--
			s.Refused++
		}
	case ledger.RequestAnswered:
		d, err := data[ledger.RequestReply](e)
		if err != nil || d.To != other {
			return err
		}
		r, ok := f.made[d.ID]
		if !ok || !r.open || r.to != e.Party {
			return nil // an answer to nothing that was asked, or a second one
		}
		r.open = false
		f.made[d.ID] = r
		f.waits[e.Party] = append(f.waits[e.Party], max(0, e.At.Sub(r.at).Seconds()))
		if s.Fulfilled++; d.Outcome != "released" {
			s.Fulfilled--
			s.Declined++
		}
	case ledger.Judged:
		d, err := data[ledger.Judgement](e)
		if err != nil || d.Of != other {
			return err
		}
		o := f.side[other]
		if n := map[string]*int{"useful": &o.Useful, "known": &o.Known, "wrong": &o.Wrong, "late": &o.Late}[d.Use]; n != nil {
			*n++
		}
	case ledger.AccordSuspended:
		if _, already := f.since[e.Party]; !already {
			f.since[e.Party] = e.At
		}
	case ledger.AccordResumed:
		if since, ok := f.since[e.Party]; ok {
			s.DaysSuspended += e.At.Sub(since).Hours() / 24
			delete(f.since, e.Party)
		}
	}
	return nil
}

// openTo reports whether another member is sure to see an event: acts on the
// accord itself are for every member, the others for whom they name.
func openTo(e ledger.Event, other string) bool {
	switch e.Kind {
	case ledger.AccordOffered, ledger.AccordSigned, ledger.AccordSuspended, ledger.AccordResumed, ledger.AccordEnded,
		ledger.RungOffered, ledger.RungAccepted, ledger.RungLowered:
		return true
	}
	var d struct {
		To       any
		From, Of string
	}
	if json.Unmarshal(e.Data, &d) != nil {
		return false
	}
	if several, ok := d.To.([]any); ok {
		return slices.Contains(several, any(other))
	}
	return d.To == any(other) || d.From == other || d.Of == other
}

func median(xs []float64) float64 {
	if len(xs) == 0 {
		return 0
	}
	slices.Sort(xs)
	if n := len(xs); n%2 == 0 {
		return (xs[n/2-1] + xs[n/2]) / 2
	}
	return xs[len(xs)/2]
}

// Side returns a party's side.
func (a Account) Side(party string) (AccountSide, bool) {
	i := slices.IndexFunc(a.Sides, func(s AccountSide) bool { return s.Party == party })
	if i < 0 {
		return AccountSide{}, false
	}
	return a.Sides[i], true
}

// Proposal is what the account suggests about the rung granted to a partner.
// People decide.
type Proposal struct {
	Move    string   `json:"move"` // raise or lower
	Rung    string   `json:"rung"`
	Reasons []string `json:"reasons"`
}

// Bounds of a proposal. They are prompts for people to look, chosen so that a
// handful of judgements is needed before anything is proposed.
const (
	enoughJudged   = 5
	mostlyUseful   = 0.6
	oftenWrong     = 0.4
	toleratedDelay = 1 // overdue answers
)

// Propose suggests a higher or lower rung for partner, who stands at rung
// under a ceiling; nil suggests to leave it.
func (a Account) Propose(partner string, rung, ceiling Rung) *Proposal {
	s, ok := a.Side(partner)
	if !ok {
		return nil
	}
	judged := s.Useful + s.Known + s.Wrong + s.Late
	var bad, good []string
	if judged >= enoughJudged && float64(s.Wrong) >= oftenWrong*float64(judged) {
		bad = append(bad, fmt.Sprintf("%d of %d releases judged were wrong", s.Wrong, judged))
	}
	if s.Overdue > toleratedDelay {
		bad = append(bad, fmt.Sprintf("%d requests are overdue", s.Overdue))
	}
	if o := a.other(partner); s.Honoured < o.Withdrawn && o.Withdrawn-s.Honoured > toleratedDelay {
		bad = append(bad, fmt.Sprintf("%d withdrawals are not honoured yet", o.Withdrawn-s.Honoured))
	}
	if len(bad) > 0 && rung > Contact {
		return &Proposal{"lower", (rung - 1).String(), bad}
	}
	if judged >= enoughJudged && float64(s.Useful) >= mostlyUseful*float64(judged) {
		good = append(good, fmt.Sprintf("%d of %d releases judged were useful", s.Useful, judged))
	}
	if len(good) > 0 && len(bad) == 0 && s.Overdue == 0 && rung < ceiling {
		return &Proposal{"raise", (rung + 1).String(), append(good, "no request is overdue")}
	}
	return nil
}

func (a Account) other(party string) AccountSide {
	for _, s := range a.Sides {
		if s.Party != party {
			return s
		}
	}
	return AccountSide{}
}
