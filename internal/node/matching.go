package node

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"parley.example/parley/accord"
	"parley.example/parley/internal/link"
	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
	"parley.example/parley/psi"
	"parley.example/parley/release"
	"parley.example/parley/selector"
)

const (
	docMatchKey = "matchkey" // by accord/party/kind: matchKey
	docFilter   = "filter"   // by accord/party/kind: filterRef
	docQuestion = "question" // by id: question
)

// filterRef is what a holder committed to last.
type filterRef struct {
	Index int64           `json:"index"`
	Key   ledger.MatchKey `json:"key"`
}

// takeFilter notes which key and filter a holder is committed to now.
func (n *Node) takeFilter(tx store.Tx, pc pact, from string, index int64, e ledger.Event) error {
	k, err := decodeData[ledger.MatchKey](e)
	if err != nil {
		return err
	}
	var held filterRef
	err = getDoc(tx, docFilter, matchID(pc.ID, from, k.Selector), &held)
	if err == nil && held.Index >= index {
		return nil
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return putDoc(tx, docFilter, matchID(pc.ID, from, k.Selector), filterRef{index, k})
}

// MatchAsk is a private question.
type MatchAsk struct {
	Accord   string   `json:"accord"`
	To       string   `json:"to,omitempty"` // empty where there is one other member
	Selector string   `json:"selector"`
	Case     string   `json:"case"`
	Values   []string `json:"values"`
}

// Question is a private question as its asker sees it.
type Question struct {
	ID            string       `json:"id"`
	Accord        string       `json:"accord"`
	To            string       `json:"to"`
	Selector      string       `json:"selector"`
	Case          string       `json:"case"`
	At            string       `json:"at"`
	Count         int          `json:"count"`
	State         string       `json:"state"` // waiting, answered or refused
	Reason        string       `json:"reason"`
	Hits          []Hit        `json:"hits"`
	Problems      []ValueFault `json:"problems"` // values that were not asked
	Left          int          `json:"quota_left"`
	FalsePositive string       `json:"false_positive"`
}

// Hit is a value that the holder has.
type Hit struct {
	Asked string `json:"asked"` // as the officer wrote it
	Value string `json:"value"` // normalised
}

// ValueFault says why a value could not be asked.
type ValueFault struct {
	Value  string `json:"value"`
	Reason string `json:"reason"`
}

// question is a Question with what only the asker may know.
type question struct {
	Question
	Asked  int64             `json:"asked"`  // index of the event in our log
	Secret []byte            `json:"secret"` // psi.Question
	Salt   []byte            `json:"salt"`   // opens the commitment
	Wrote  map[string]string `json:"wrote"`  // normalised → as written
	Filter ledger.Digest     `json:"filter"`
}

// maxAsked is the largest question.
const maxAsked = 1000

// AskMatch asks a partner privately which of the values it knows. The partner
// learns the number and the case reference. The answer may come at once or
// when the line is up again; see Question.State.
func (n *Node) AskMatch(ctx context.Context, ask MatchAsk) (Question, error) {
	if ask.Case == "" {
		return Question{}, fmt.Errorf("%w: a question needs a case reference", ErrInvalid)
	}
	id := make([]byte, 8)
	salt := make([]byte, 32)
	if _, err := io.ReadFull(n.opt.Rand, id); err != nil {
		return Question{}, err
	}
	if _, err := io.ReadFull(n.opt.Rand, salt); err != nil {
		return Question{}, err
	}
	q := question{Salt: salt, Wrote: make(map[string]string)}
	q.ID, q.Selector, q.Case, q.State, q.FalsePositive = hex.EncodeToString(id), ask.Selector, ask.Case, "waiting", falsePositive
	q.Hits, q.Problems = []Hit{}, []ValueFault{}
	values := n.normaliseAll(ask, &q)
	var pc pact
	var ref filterRef
	err := n.view(ctx, func(tx store.Tx) (err error) {
		if pc, err = n.pact(tx, ask.Accord); err != nil {
			return err
		}
		if err := n.mayTalk(pc); err != nil {
			return err
		}
		if q.To, err = n.onlyOther(pc, ask.To); err != nil {
			return err
		}
		if _, ok := pc.Terms.Quota(ask.Selector); !ok {
			return fmt.Errorf("%w: the accord does not allow matching of kind %q", ErrInvalid, clip(ask.Selector))
		}
		err = getDoc(tx, docFilter, matchID(pc.ID, q.To, ask.Selector), &ref)
		if errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("%w: %s has published nothing to match for kind %s yet", ErrState, q.To, ask.Selector)
		}
		return err
	})
	if err != nil {
		return q.Question, err
	}
	switch {
	case len(values) == 0:
		return q.Question, fmt.Errorf("%w: none of the %d values is a %s", ErrInvalid, len(ask.Values), ask.Selector)
	case len(values) > maxAsked:
		return q.Question, fmt.Errorf("%w: %d values; ask at most %d at a time", ErrInvalid, len(values), maxAsked)
	}
	pub, err := psi.ParsePublicKey(ref.Key.PublicKey)
	if err != nil {
		return q.Question, fmt.Errorf("key of %s: %w", q.To, err)
	}
	info := psi.Info{Accord: pc.ID, Epoch: ref.Key.Epoch, Kind: ask.Selector, Normaliser: ref.Key.Normaliser}
	if v := selector.Version(ask.Selector); v != info.Normaliser {
		return q.Question, fmt.Errorf("%w: %s normalises with %s, we with %s; one of us must be upgraded", ErrState, q.To, info.Normaliser, v)
	}
	secret, message, err := psi.NewQuestion(n.opt.Rand, info, pub, values, 0)
	if err != nil {
		return q.Question, err
	}
	if q.Secret, err = secret.MarshalBinary(); err != nil {
		return q.Question, err
	}
	q.Accord, q.At, q.Count, q.Filter = pc.ID, stamp(n.now()), len(values), ref.Key.Filter
	err = n.update(ctx, func(tx store.Tx) error {
		// The accord may have been suspended meanwhile.
		now, err := n.pact(tx, pc.ID)
		if err != nil {
			return err
		}
		rel, err := release.MintExchange(now.Accord, now.state, n.cfg.Party, q.To, ask.Selector, ledger.MatchAsked, message, n.now())
		if err != nil {
			return fmt.Errorf("%w: %w", ErrState, err)
		}
		q.Asked, err = n.act(tx, pc.Accord, ledger.MatchAsked, ledger.MatchQuestion{
			To: q.To, Selector: ask.Selector, Epoch: info.Epoch, Case: ask.Case, Count: len(values),
			Commitment: commitValues(salt, values), Question: rel.Digest(),
		}, q.To)
		if err != nil {
			return err
		}
		if err := n.queue(tx, rel, q.Asked); err != nil {
			return err
		}
		return putDoc(tx, docQuestion, q.ID, q)
	})
	if err != nil {
		return q.Question, err
	}
	// One round trip brings the answer where the line is up. Where it is not,
	// the question waits in the outbox; that is no error.
	if err := n.Sync(ctx, pc.ID, q.To); err != nil {
		q.Reason = "no line to the partner now; the question waits: " + err.Error()
	}
	return n.ShowQuestion(ctx, q.ID, q.Reason)
}

func (n *Node) normaliseAll(ask MatchAsk, q *question) [][]byte {
	var out [][]byte
	for _, v := range ask.Values {
		v = strings.TrimSpace(v)
		if v == "" {
			continue
		}
		keys, err := selector.Normalise(ask.Selector, v)
		if err != nil {
			q.Problems = append(q.Problems, ValueFault{clip(v), err.Error()})
			continue
		}
		for _, k := range keys {
			if _, twice := q.Wrote[k]; !twice {
				q.Wrote[k] = v
				out = append(out, []byte(k))
			}
		}
	}
	return out
}

// commitValues is what the asker's ledger says of what it asked; its own
// oversight can open it with the salt.
func commitValues(salt []byte, values [][]byte) []byte {
	m := hmac.New(sha256.New, salt)
	for _, v := range values {
		fmt.Fprintf(m, "%d:%s,", len(v), v)
	}
	return m.Sum(nil)
}

// ShowQuestion shows a question that we asked.
func (n *Node) ShowQuestion(ctx context.Context, id, reason string) (Question, error) {
	var q question
	err := n.view(ctx, func(tx store.Tx) error {
		if err := getDoc(tx, docQuestion, id, &q); err != nil {
			return fmt.Errorf("question %q: %w", clip(id), err)
		}
		if q.State != "waiting" {
			return nil
		}
		q.Reason = reason
		pc, err := n.pact(tx, q.Accord)
		if err != nil {
			return err
		}
		if st := pc.state.At(n.now()); st.Name != accord.InForce {
			q.Reason = "the accord is " + st.String()
		}
		return nil
	})
	return q.Question, err
}

// Questions lists what we asked.
func (n *Node) Questions(ctx context.Context) ([]Question, error) {
	var out []Question
	err := n.view(ctx, func(tx store.Tx) (err error) {
		out, err = listDocs[Question](tx, docQuestion)
		return err
	})
	return out, err
}

// work does what applied parcels left to do: questions to answer and answers
// to read. It is idempotent and safe to repeat after a crash.
func (n *Node) work(ctx context.Context) error {
	var todo []store.Doc
	err := n.view(ctx, func(tx store.Tx) (err error) {
		todo, err = tx.ListDocs(docTodo)
		return err
	})
	if err != nil {
		return err
	}
	for _, d := range todo {
		f := strings.Split(d.ID, "/")
		var index int64
		if len(f) != 4 {
			return fmt.Errorf("stored task %q does not read", d.ID)
		}
		if _, err := fmt.Sscanf(f[3], "%d", &index); err != nil {
			return fmt.Errorf("stored task %q does not read", d.ID)
		}
		switch f[0] {
		case "answer":
			err = n.answerMatch(ctx, d.ID, f[1], f[2], index)
		case "finish":
			err = n.finishMatch(ctx, d.ID, f[1], f[2], index)
		}
		if err != nil {
			return fmt.Errorf("task %s: %w", d.ID, err)
		}
	}
	return nil
}

// contentOf reads an event with its content.
func contentOf(tx store.Tx, log string, index int64) (ledger.Event, []byte, error) {
	row, err := tx.Event(log, index)
	if err != nil {
		return ledger.Event{}, nil, err
	}
	e, err := ledger.ParseEvent(row.Bytes)
	if err != nil {
		return e, nil, err
	}
	digest, ok := link.BodyDigest(e)
	if !ok {
		return e, nil, fmt.Errorf("event %d of %s has no content", index, log)
	}
	body, err := tx.Body(digest)
	return e, body, err
}

// takeRefusal notes that a question of ours was refused.
func (n *Node) takeRefusal(tx store.Tx, pc pact, _ int64, e ledger.Event) error {
	a, err := decodeData[ledger.MatchAnswer](e)
	if err != nil || a.To != n.cfg.Party || a.Refused == "" {
		return err
	}
	q, err := n.questionAt(tx, pc.ID, e.Party, a.Asked)
	if err != nil || q == nil || q.State != "waiting" {
		return err
	}
	q.State, q.Reason, q.Left = "refused", a.Refused, a.Left
	return putDoc(tx, docQuestion, q.ID, q)
}

func (n *Node) questionAt(tx store.Tx, accordID, to string, asked int64) (*question, error) {
	qs, err := listDocs[question](tx, docQuestion)
	if err != nil {
		return nil, err
	}
	for _, q := range qs {
		if q.Accord == accordID && q.To == to && q.Asked == asked {
			return &q, nil
		}
	}
	return nil, nil
}

// finishMatch reads an answer: verifies that it was made with the committed
// key and looks the outputs up in the committed filter.
func (n *Node) finishMatch(ctx context.Context, task, id, from string, index int64) error {
	return n.update(ctx, func(tx store.Tx) error {
		e, answer, err := contentOf(tx, ledger.Origin(id, from), index)
		if err != nil {
			return err
		}
		a, err := decodeData[ledger.MatchAnswer](e)
		if err != nil {
			return err
		}
		q, err := n.questionAt(tx, id, from, a.Asked)
		if err != nil {
			return err
		}
		if q == nil || q.State != "waiting" {
			return tx.DeleteDoc(docTodo, task)
		}
		q.State, q.Left = "answered", a.Left
		if q.Hits, err = readAnswer(tx, q, answer); err != nil {
			q.State, q.Reason = "refused", "the answer does not hold: "+err.Error()
		}
		if err := putDoc(tx, docQuestion, q.ID, q); err != nil {
			return err
		}
		return tx.DeleteDoc(docTodo, task)
	})
}

func readAnswer(tx store.Tx, q *question, answer []byte) ([]Hit, error) {
	var secret psi.Question
	if err := secret.UnmarshalBinary(q.Secret); err != nil {
		return nil, err
	}
	outputs, err := secret.Finalize(answer)
	if err != nil {
		return nil, err
	}
	raw, err := tx.Body(q.Filter)
	if err != nil {
		return nil, err
	}
	filter, err := psi.OpenFilter(raw)
	if err != nil {
		return nil, err
	}
	if err := filter.Check(secret.Info(), secret.PublicKey()); err != nil {
		return nil, err
	}
	hits := []Hit{}
	for i, v := range secret.Inputs() {
		if filter.Contains(outputs[i]) {
			hits = append(hits, Hit{q.Wrote[string(v)], string(v)})
		}
	}
	return hits, nil
}
