package node

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"parley.example/parley/accord"
	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
	"parley.example/parley/stix"
)

// Request asks a partner for something, or is one that a partner asked of us
// (docs/api.md). What does not exist and what is withheld are declined alike.
type Request struct {
	ID        string      `json:"id"`
	Accord    string      `json:"accord"`
	From      string      `json:"from"`
	To        string      `json:"to"`
	Direction string      `json:"direction"` // in or out
	At        string      `json:"at"`
	Due       string      `json:"due"`
	Case      string      `json:"case"`
	Purpose   string      `json:"purpose"`
	Subject   string      `json:"subject"`
	Selector  string      `json:"selector,omitempty"`
	Value     string      `json:"value,omitempty"`
	Object    string      `json:"object,omitempty"`
	State     string      `json:"state"` // open, answered, declined or refused
	Reason    string      `json:"reason"`
	Objects   []ObjectRef `json:"objects"`         // in: what we hold on it; out: what was released in answer
	Lists     []string    `json:"lists,omitempty"` // in: lists of ours that have the value and never leave

	Priority ledger.Priority `json:"priority"`
}

// ObjectRef names an object for people.
type ObjectRef struct {
	ID    string `json:"id"`
	Title string `json:"title"`
}

// The states of a request.
const (
	requestOpen     = "open"
	requestAnswered = "answered"
	requestDeclined = "declined"
	requestRefused  = "refused"
)

// RequestAsk is what an officer asks for: a selector value that was a hit, or
// an object.
type RequestAsk struct {
	Accord   string `json:"accord"`
	To       string `json:"to,omitempty"` // empty where there is one other member
	Case     string `json:"case"`
	Purpose  string `json:"purpose"`
	Question string `json:"question,omitempty"` // id of the question that hit
	Selector string `json:"selector,omitempty"`
	Value    string `json:"value,omitempty"`
	Object   string `json:"object,omitempty"`
	Text     string `json:"text,omitempty"`
	Days     int    `json:"days,omitempty"` // until it is due; 0 means 7

	Priority ledger.Priority `json:"priority,omitzero"` // also of what is released in answer
}

// MakeRequest sends a request. While the accord is suspended it is refused
// here, with the reason, and nothing leaves.
func (n *Node) MakeRequest(ctx context.Context, ask RequestAsk) (Request, error) {
	id := make([]byte, 16)
	if _, err := io.ReadFull(n.opt.Rand, id); err != nil {
		return Request{}, err
	}
	if ask.Days == 0 {
		ask.Days = 7
	}
	if (ask.Value == "") == (ask.Object == "") {
		return Request{}, fmt.Errorf("%w: name either a value that was a hit or an object", ErrInvalid)
	}
	if ask.Case == "" {
		return Request{}, fmt.Errorf("%w: a request needs a case reference", ErrInvalid)
	}
	if ask.Days < 1 || ask.Days > 365 {
		return Request{}, fmt.Errorf("%w: due in %d days; give 1 to 365", ErrInvalid, ask.Days)
	}
	var out Request
	var pc pact
	err := n.update(ctx, func(tx store.Tx) (err error) {
		if pc, err = n.pact(tx, ask.Accord); err != nil {
			return err
		}
		if ask.To, err = n.onlyOther(pc, ask.To); err != nil {
			return err
		}
		if err := n.mayTalk(pc); err != nil {
			return err
		}
		if !slices.Contains(pc.Terms.Purposes, ask.Purpose) {
			return fmt.Errorf("%w: %q is not a purpose of the accord (%v)", ErrInvalid, clip(ask.Purpose), pc.Terms.Purposes)
		}
		req := ledger.Request{
			ID: hex.EncodeToString(id), To: ask.To, Case: ask.Case, Purpose: ask.Purpose, Selector: ask.Selector, Value: ask.Value,
			Object: ask.Object, Text: ask.Text, Priority: ask.Priority, Due: n.now().AddDate(0, 0, ask.Days).Truncate(time.Second),
		}
		if ask.Question != "" {
			var q question
			if err := getDoc(tx, docQuestion, ask.Question, &q); err != nil {
				return fmt.Errorf("question %q: %w", clip(ask.Question), err)
			}
			if !slices.ContainsFunc(q.Hits, func(h Hit) bool { return h.Value == ask.Value }) {
				return fmt.Errorf("%w: %q was not a hit of that question", ErrInvalid, clip(ask.Value))
			}
			req.Asked, req.Selector = q.Asked, q.Selector
		}
		if _, err := n.act(tx, pc.Accord, ledger.RequestMade, req, ask.To); err != nil {
			return err
		}
		out = requestView(pc.ID, n.cfg.Party, n.now(), req)
		out.Direction = "out"
		return putDoc(tx, docRequest, out.ID, out)
	})
	if err == nil {
		n.urge(pc.Accord, []string{out.To}, ask.Priority)
	}
	return out, err
}

// onlyOther is the partner meant where none is named.
func (n *Node) onlyOther(pc pact, to string) (string, error) {
	others := n.others(pc.Accord)
	if to == "" && len(others) == 1 {
		return others[0], nil
	}
	if !slices.Contains(others, to) {
		return "", fmt.Errorf("%w: %q is not another member of the accord; name one of %v", ErrInvalid, clip(to), others)
	}
	return to, nil
}

// mayTalk is nil while the accord is in force, else it says politely why not.
func (n *Node) mayTalk(pc pact) error {
	if st := pc.state.At(n.now()); st.Name != accord.InForce {
		return fmt.Errorf("%w: the accord is %s; nothing was sent", ErrState, st)
	}
	return nil
}

func requestView(accordID, from string, at time.Time, r ledger.Request) Request {
	v := Request{
		ID: r.ID, Accord: accordID, From: from, To: r.To, Direction: "in", At: stamp(at), Due: stamp(r.Due), Case: r.Case, Purpose: r.Purpose,
		Selector: r.Selector, Value: r.Value, Object: r.Object, State: requestOpen, Subject: r.Text, Objects: []ObjectRef{}, Priority: r.Priority,
	}
	if v.Subject == "" {
		if v.Subject = "object " + r.Object; r.Value != "" {
			v.Subject = r.Selector + " " + r.Value
		}
	}
	return v
}

// takeRequest keeps a partner's request for a person to answer. It says the
// same, and does the same work, whether or not we hold anything on it.
func (n *Node) takeRequest(tx store.Tx, pc pact, e ledger.Event) error {
	r, err := decodeData[ledger.Request](e)
	if err != nil || r.To != n.cfg.Party {
		return err
	}
	// Ids are the sender's choice; ours are not to be overwritten.
	v := requestView(pc.ID, e.Party, e.At, r)
	if _, err := tx.Doc(docRequest, v.ID); err == nil {
		return nil
	}
	state, err := n.answered(tx, pc, v.ID)
	if err != nil {
		return err
	}
	if state != "" {
		v.State = state
	}
	return putDoc(tx, docRequest, v.ID, v)
}

// takeReply notes a partner's answer to our request.
func (n *Node) takeReply(tx store.Tx, pc pact, e ledger.Event) error {
	r, err := decodeData[ledger.RequestReply](e)
	if err != nil || r.To != n.cfg.Party {
		return err
	}
	var v Request
	err = getDoc(tx, docRequest, r.ID, &v)
	if errors.Is(err, store.ErrNotFound) || v.To != e.Party || v.Direction != "out" || v.State != requestOpen {
		return nil // an answer to nothing we asked
	}
	if err != nil {
		return err
	}
	if v.State = requestAnswered; r.Outcome != "released" {
		v.State, v.Reason = requestDeclined, "the partner has nothing to release on it"
	}
	return putDoc(tx, docRequest, v.ID, v)
}

// Requests lists requests in both directions, open ones first, the most urgent
// before others, then by time.
func (n *Node) Requests(ctx context.Context) ([]Request, error) {
	var out []Request
	err := n.view(ctx, func(tx store.Tx) (err error) {
		if out, err = listDocs[Request](tx, docRequest); err != nil {
			return err
		}
		for i := range out {
			if err := n.completeRequest(tx, &out[i]); err != nil {
				return err
			}
		}
		return nil
	})
	slices.SortStableFunc(out, func(a, b Request) int {
		if (a.State == requestOpen) != (b.State == requestOpen) {
			if a.State == requestOpen {
				return -1
			}
			return 1
		}
		if a.State == requestOpen && a.Priority != b.Priority {
			return int(b.Priority - a.Priority)
		}
		if a.At != b.At && a.At < b.At {
			return 1
		}
		return -1
	})
	return out, err
}

func (n *Node) completeRequest(tx store.Tx, v *Request) error {
	pc, err := n.pact(tx, v.Accord)
	if err != nil {
		return err
	}
	if st := pc.state.At(n.now()); v.State == requestOpen && st.Name != accord.InForce {
		v.State, v.Reason = requestRefused, "the accord is "+st.String()
	}
	if v.Direction == "out" {
		ins, err := tx.Inbox(0)
		if err != nil {
			return err
		}
		for _, in := range ins {
			var it Item
			if err := json.Unmarshal(in.Doc, &it); err != nil {
				return err
			}
			if it.Answers == v.ID {
				v.Objects = append(v.Objects, ObjectRef{it.ObjectID, it.Title})
			}
		}
		return nil
	}
	ids := []string{v.Object}
	if v.Value != "" {
		if ids, err = tx.SelectorObjects(v.Selector, v.Value); err != nil {
			return err
		}
		v.Lists, ids = listsOf(ids)
	}
	for _, id := range ids {
		o, err := tx.Object(id)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		v.Objects = append(v.Objects, ObjectRef{id, title(o)})
	}
	return nil
}

func title(o store.Object) string {
	if obj, err := stix.Parse(o.Bytes); err == nil {
		if name := obj.String("name"); name != "" {
			return name
		}
	}
	return o.ID
}

// RequestAnswer is a person's answer: release an object through the gate, or
// decline.
type RequestAnswer struct {
	Release bool
	Object  string // to release; empty where the request leaves one choice
	By      User   // who answers
	// ReceiptFirst: see ReleaseAsk.
	ReceiptFirst bool
}

// AnswerRequest answers a partner's request. Where the gate withholds, or the
// object does not exist, the partner gets the very answer that declining
// gives; the reasons are told here.
func (n *Node) AnswerRequest(ctx context.Context, id string, ans RequestAnswer) (Request, *Release, error) {
	var v Request
	var rel *Release
	var pc pact
	if ans.ReceiptFirst {
		if err := n.view(ctx, func(tx store.Tx) error { return getDoc(tx, docRequest, id, &v) }); err != nil {
			return v, nil, fmt.Errorf("request %q: %w", clip(id), err)
		}
		if err := n.readyLock(ctx, v.Accord); err != nil {
			return v, nil, err
		}
	}
	err := n.update(ctx, func(tx store.Tx) (err error) {
		rel = nil
		if err := getDoc(tx, docRequest, id, &v); err != nil {
			return fmt.Errorf("request %q: %w", clip(id), err)
		}
		if v.Direction != "in" || v.State != requestOpen {
			return fmt.Errorf("%w: the request is not open to us", ErrState)
		}
		if pc, err = n.pact(tx, v.Accord); err != nil {
			return err
		}
		if err := n.mayTalk(pc); err != nil {
			return err
		}
		reply := ledger.RequestReply{ID: v.ID, To: v.From, Outcome: "declined"}
		if ans.Release {
			full := v
			if err := n.completeRequest(tx, &full); err != nil {
				return err
			}
			if ans.Object == "" && len(full.Objects) == 1 {
				ans.Object = full.Objects[0].ID
			}
			if ans.Object == "" && len(full.Objects) > 1 {
				return fmt.Errorf("%w: %d objects hold it; name the one to release", ErrInvalid, len(full.Objects))
			}
			if ans.Object != "" {
				r, err := n.release(tx, pc, ReleaseAsk{Object: ans.Object, Accord: pc.ID, To: []string{v.From}, Purpose: v.Purpose, By: ans.By, Priority: v.Priority, ReceiptFirst: ans.ReceiptFirst}, v.ID)
				if err != nil && !errors.Is(err, store.ErrNotFound) {
					return err
				}
				rel = &r
				if r.Pending != "" {
					// The request stays open until the release is approved or not.
					v.Reason = "a release in answer waits for approval"
					return putDoc(tx, docRequest, v.ID, v)
				}
				if r.Released {
					reply.Outcome = "released"
				}
			}
		}
		if v.State, v.Reason = requestAnswered, ""; reply.Outcome != "released" {
			v.State = requestDeclined
			if v.Reason = "declined by a person"; ans.Release {
				v.Reason = "withheld by the gate, or not held"
			}
		}
		if _, err := n.act(tx, pc.Accord, ledger.RequestAnswered, reply, v.From); err != nil {
			return err
		}
		return putDoc(tx, docRequest, v.ID, v)
	})
	if err == nil {
		n.urge(pc.Accord, []string{v.From}, v.Priority)
	}
	return v, rel, err
}
