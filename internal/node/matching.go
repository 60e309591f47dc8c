package node

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"parley.example/parley/internal/link"
	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
	"parley.example/parley/psi"
	"parley.example/parley/release"
	"parley.example/parley/selector"
)

// The asker's side of private matching. The holder's is in publishing.go and
// answering.go.

const (
	docQuestion = "question" // by id: question
	docAskedAt  = "askedat"  // by accord/party/index in our log: id of the question
	docRecent   = "recent"   // by kind: ids of the questions of the last period
)

// MatchAsk is a private question.
type MatchAsk struct {
	Accord   string   `json:"accord"`
	To       string   `json:"to,omitempty"` // empty where there is one other member
	Selector string   `json:"selector"`
	Case     string   `json:"case"`
	Values   []string `json:"values"`
	By       User     `json:"-"` // who asks; the partner sees a pseudonym
}

// Question is a private question as its asker sees it.
type Question struct {
	ID            string       `json:"id"`
	Accord        string       `json:"accord"`
	To            string       `json:"to"`
	Selector      string       `json:"selector"`
	Case          string       `json:"case"`
	By            string       `json:"by"`
	At            string       `json:"at"`
	Count         int          `json:"count"`
	Epoch         uint64       `json:"epoch"`
	State         string       `json:"state"` // waiting, answered or refused
	Reason        string       `json:"reason"`
	Hits          []Hit        `json:"hits"`     // of a standing question: the new ones
	Problems      []ValueFault `json:"problems"` // values that were not asked
	Warnings      []string     `json:"warnings"` // that the list looks like guessing
	Left          int          `json:"quota_left"`
	FalsePositive string       `json:"false_positive"`
	Standing      string       `json:"standing,omitempty"` // id of the standing question it is part of
}

// The states of a question.
const (
	questionWaiting  = "waiting"
	questionAnswered = "answered"
	questionRefused  = "refused"
)

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
	Secret []byte            `json:"secret"` // psi.Question, until it is answered
	Salt   []byte            `json:"salt"`   // opens the commitment
	Values []string          `json:"values"` // normalised, in the order committed to
	Wrote  map[string]string `json:"wrote"`  // normalised → as written
	Filter ledger.Digest     `json:"filter"`
	Again  bool              `json:"again"` // asked once more after the epoch had changed
}

// maxAsked is the largest question.
const maxAsked = 1000

// AskMatch asks a partner privately which of the values it knows. The partner
// learns the number and the case reference. The answer may come at once or
// when the line is up again; see Question.State.
func (n *Node) AskMatch(ctx context.Context, ask MatchAsk) (Question, error) {
	q, err := n.newQuestion(ask)
	if err != nil {
		return q.Question, err
	}
	if err := n.askMatch(ctx, &q, ask, nil); err != nil {
		return q.Question, err
	}
	// One round trip brings the answer where the line is up. Where it is not,
	// the question waits in the outbox; that is no error.
	reason := ""
	if err := n.Sync(ctx, q.Accord, q.To); err != nil {
		reason = "no line to the partner now; the question waits: " + err.Error()
	}
	return n.ShowQuestion(ctx, q.ID, reason)
}

func (n *Node) newQuestion(ask MatchAsk) (question, error) {
	if ask.Case == "" {
		return question{}, fmt.Errorf("%w: a question needs a case reference", ErrInvalid)
	}
	q := question{Salt: make([]byte, 32)}
	id := make([]byte, 8)
	if _, err := io.ReadFull(n.opt.Rand, id); err != nil {
		return q, err
	}
	if _, err := io.ReadFull(n.opt.Rand, q.Salt); err != nil {
		return q, err
	}
	q.ID, q.Selector, q.Case, q.By = hex.EncodeToString(id), ask.Selector, ask.Case, ask.By.Name
	q.State, q.FalsePositive, q.Hits, q.Warnings = questionWaiting, falsePositive, []Hit{}, []string{}
	q.Values, q.Wrote, q.Problems = normaliseAll(ask.Selector, ask.Values)
	switch {
	case len(q.Values) == 0:
		return q, fmt.Errorf("%w: none of the %d values is of kind %s%s", ErrInvalid, len(ask.Values), clip(ask.Selector), firstProblem(q.Problems))
	case len(q.Values) > maxAsked:
		return q, fmt.Errorf("%w: %d values; ask at most %d at a time", ErrInvalid, len(q.Values), maxAsked)
	}
	return q, nil
}

func firstProblem(p []ValueFault) string {
	if len(p) == 0 {
		return ""
	}
	return "; the first: " + p[0].Reason
}

// normaliseAll returns the keys of values in the order given, each once, how
// each was written, and what has no key.
func normaliseAll(kind string, values []string) (keys []string, wrote map[string]string, problems []ValueFault) {
	wrote, problems = make(map[string]string), []ValueFault{}
	for _, v := range values {
		v = strings.TrimSpace(v)
		if v == "" {
			continue
		}
		ks, err := selector.Normalise(kind, v)
		if err != nil {
			problems = append(problems, ValueFault{clip(v), err.Error()})
			continue
		}
		for _, k := range ks {
			if _, twice := wrote[k]; !twice {
				wrote[k] = v
				keys = append(keys, k)
			}
		}
	}
	return keys, wrote, problems
}

// askMatch blinds a question and puts it out with its event. also, where it is
// not nil, is part of the transaction.
func (n *Node) askMatch(ctx context.Context, q *question, ask MatchAsk, also func(store.Tx) error) error {
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
		if _, ok := pc.Terms.MatchRule(ask.Selector); !ok {
			return fmt.Errorf("%w: the accord does not allow matching of kind %q", ErrInvalid, clip(ask.Selector))
		}
		err = getDoc(tx, docFilter, matchJob(pc.ID, q.To, ask.Selector), &ref)
		if errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("%w: %s has published nothing to match for kind %s yet", ErrState, q.To, ask.Selector)
		}
		return err
	})
	if err != nil {
		return err
	}
	message, err := n.blind(q, pc.ID, ref)
	if err != nil {
		return err
	}
	q.Accord, q.At, q.Count = pc.ID, stamp(n.now()), len(q.Values)
	return n.update(ctx, func(tx store.Tx) error {
		if err := n.warn(tx, q); err != nil {
			return err
		}
		if err := n.putQuestion(tx, pc.ID, q, message); err != nil || also == nil {
			return err
		}
		return also(tx)
	})
}

// blind makes the message for the holder under the filter that it committed to.
func (n *Node) blind(q *question, accordID string, ref filterRef) (message []byte, err error) {
	pub, err := psi.ParsePublicKey(ref.Key.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("key of %s: %w", q.To, err)
	}
	info := psi.Info{Accord: accordID, Epoch: ref.Key.Epoch, Kind: q.Selector, Normaliser: ref.Key.Normaliser}
	if v := selector.Version(q.Selector); v != info.Normaliser {
		return nil, fmt.Errorf("%w: %s normalises with %s, we with %s; one of us must be upgraded", ErrState, q.To, info.Normaliser, v)
	}
	inputs := make([][]byte, len(q.Values))
	for i, v := range q.Values {
		inputs[i] = []byte(v)
	}
	secret, message, err := psi.NewQuestion(n.opt.Rand, info, pub, inputs, 0)
	if err != nil {
		return nil, err
	}
	q.Epoch, q.Filter = info.Epoch, ref.Key.Filter
	q.Secret, err = secret.MarshalBinary()
	return message, err
}

// putQuestion logs a question and queues it. The accord is asked again: it may
// have been suspended meanwhile.
func (n *Node) putQuestion(tx store.Tx, accordID string, q *question, message []byte) error {
	pc, err := n.pact(tx, accordID)
	if err != nil {
		return err
	}
	rel, err := release.MintExchange(pc.Accord, pc.state, n.cfg.Party, q.To, q.Selector, ledger.MatchAsked, message, n.now())
	if err != nil {
		return fmt.Errorf("%w: %w", ErrState, err)
	}
	q.Asked, err = n.act(tx, pc.Accord, ledger.MatchAsked, ledger.MatchQuestion{
		To: q.To, Selector: q.Selector, Epoch: q.Epoch, Case: q.Case, Officer: n.officer(pc.ID, q.By), Count: len(q.Values),
		Commitment: commitValues(q.Salt, q.Values), Question: rel.Digest(),
	}, q.To)
	if err != nil {
		return err
	}
	if err := n.queue(tx, rel, q.Asked, ledger.Routine); err != nil {
		return err
	}
	if err := tx.PutDoc(docAskedAt, fmt.Sprintf("%s/%s/%d", pc.ID, q.To, q.Asked), []byte(q.ID)); err != nil {
		return err
	}
	return putDoc(tx, docQuestion, q.ID, q)
}

// commitValues is what the asker's ledger says of what it asked; its own
// oversight can open it with the salt.
func commitValues(salt []byte, values []string) []byte {
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
		if q.State != questionWaiting {
			return nil
		}
		q.Reason = reason
		pc, err := n.pact(tx, q.Accord)
		if err != nil {
			return err
		}
		if st := pc.state.At(n.now()); st.Name != "in force" {
			q.Reason = "the accord is " + st.String()
		}
		return nil
	})
	return q.Question, err
}

// Questions lists what we asked, newest first.
func (n *Node) Questions(ctx context.Context) ([]Question, error) {
	var out []Question
	err := n.view(ctx, func(tx store.Tx) (err error) {
		out, err = listDocs[Question](tx, docQuestion)
		return err
	})
	slices.SortStableFunc(out, func(a, b Question) int { return strings.Compare(b.At, a.At) })
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
		case "again":
			err = n.askAgain(ctx, d.ID, f[1], f[2], index)
		case "standing":
			err = n.runStanding(ctx, d.ID, f[2])
		case "show":
			err = n.showKey(ctx, d.ID, f[1], f[2], index)
		case "vouch":
			err = n.askVouched(ctx, d.ID, f[1], f[2], index)
		case "deconflict":
			err = n.stepDeconflict(ctx, d.ID, f[1], f[2], index)
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

// takeRefusal notes that a question of ours was refused. One that met a change
// of epoch is asked once more.
func (n *Node) takeRefusal(tx store.Tx, pc pact, _ int64, e ledger.Event) error {
	a, err := decodeData[ledger.MatchAnswer](e)
	if err != nil || a.To != n.cfg.Party || a.Refused == "" {
		return err
	}
	q, err := n.questionAt(tx, pc.ID, e.Party, a.Asked)
	if err != nil || q == nil || q.State != questionWaiting {
		return err
	}
	if a.Stale && !q.Again {
		return tx.PutDoc(docTodo, fmt.Sprintf("again/%s/%s/%d", pc.ID, e.Party, a.Asked), []byte("{}"))
	}
	q.State, q.Reason, q.Left, q.Secret = questionRefused, a.Refused, a.Left, nil
	if err := n.standingRefused(tx, q); err != nil {
		return err
	}
	return putDoc(tx, docQuestion, q.ID, q)
}

// askAgain asks a question once more under the holder's newest epoch, as soon
// as its filter is here.
func (n *Node) askAgain(ctx context.Context, task, id, to string, asked int64) error {
	var q *question
	var ref filterRef
	waits := false
	err := n.view(ctx, func(tx store.Tx) (err error) {
		pc, err := n.pact(tx, id)
		if err != nil {
			return err
		}
		if q, err = n.questionAt(tx, id, to, asked); err != nil || q == nil {
			return err
		}
		if err := getDoc(tx, docFilter, matchJob(id, to, q.Selector), &ref); err != nil {
			return err
		}
		waits = n.mayTalk(pc) != nil || ref.Key.Epoch <= q.Epoch
		return nil
	})
	if err != nil || waits {
		return err
	}
	var message []byte
	var old ledger.Digest
	if q != nil && q.State == questionWaiting && !q.Again {
		old = q.Filter
		if message, err = n.blind(q, id, ref); err != nil {
			return err
		}
	}
	err = n.update(ctx, func(tx store.Tx) error {
		if _, err := tx.Doc(docTodo, task); errors.Is(err, store.ErrNotFound) {
			return nil // asked meanwhile: a second secret would not fit the first answer
		}
		if err := tx.DeleteDoc(docTodo, task); err != nil || message == nil {
			return err
		}
		q.Again = true
		if err := n.putQuestion(tx, id, q, message); err != nil {
			return err
		}
		return n.dropOld(tx, id, to, q.Selector, old)
	})
	if errors.Is(err, ErrState) {
		return nil // suspended meanwhile: waits
	}
	if err == nil && message != nil {
		n.kickID(ctx, id)
	}
	return err
}

// questionAt finds a question by the entry of our log that asked it.
func (n *Node) questionAt(tx store.Tx, accordID, to string, asked int64) (*question, error) {
	id, err := tx.Doc(docAskedAt, fmt.Sprintf("%s/%s/%d", accordID, to, asked))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	q := new(question)
	return q, getDoc(tx, docQuestion, string(id), q)
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
		if q == nil || q.State != questionWaiting {
			return tx.DeleteDoc(docTodo, task)
		}
		q.State, q.Left = questionAnswered, a.Left
		entries, filter, err := n.readAnswer(tx, q, answer)
		if err != nil {
			q.State, q.Reason = questionRefused, "the answer does not hold: "+err.Error()
			err = n.alarm(tx, id, from, fmt.Sprintf("%s answered a private question, in entry %d of its log, with what does not hold against its own commitment: %v", from, index, err))
			if err := errors.Join(err, n.standingRefused(tx, q)); err != nil {
				return err
			}
		} else {
			for i, v := range q.Values {
				if filter.Has(entries[i]) {
					q.Hits = append(q.Hits, Hit{q.Wrote[v], v})
				}
			}
			if err := n.standingAnswered(tx, q, entries); err != nil {
				return err
			}
		}
		q.Secret = nil
		if err := putDoc(tx, docQuestion, q.ID, q); err != nil {
			return err
		}
		if err := n.dropOld(tx, id, from, q.Selector, q.Filter); err != nil {
			return err
		}
		return tx.DeleteDoc(docTodo, task)
	})
}

// dropOld deletes a filter that only a question still needed.
func (n *Node) dropOld(tx store.Tx, id, holder, kind string, d ledger.Digest) error {
	var ref filterRef
	if err := getDoc(tx, docFilter, matchJob(id, holder, kind), &ref); err != nil || ref.Key.Filter == d {
		return err
	}
	return dropFilter(tx, d)
}

// readAnswer returns the entries of the values asked and the filter to look
// them up in.
func (n *Node) readAnswer(tx store.Tx, q *question, answer []byte) ([]psi.Entry, *psi.Filter, error) {
	var secret psi.Question
	if err := secret.UnmarshalBinary(q.Secret); err != nil {
		return nil, nil, err
	}
	outputs, err := secret.Finalize(answer)
	if err != nil {
		return nil, nil, err
	}
	filter, err := n.filter(tx, q.Filter)
	if err != nil {
		return nil, nil, err
	}
	if err := filter.Check(secret.Info(), secret.PublicKey()); err != nil {
		return nil, nil, err
	}
	entries := make([]psi.Entry, len(outputs))
	for i := range outputs {
		entries[i] = outputs[i].Entry()
	}
	return entries, filter, nil
}
