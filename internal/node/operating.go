package node

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"parley.example/parley/accord"
	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
	"parley.example/parley/operation"
	"parley.example/parley/release"
)

// Joint operations: each act is an entry of our ledger with the act as its body; what
// all acts together say is merged when it is looked at. Leaving has no body, so that it
// reaches the others even while the accord is suspended.

const (
	docOperation = "operation" // by id: operationRow
	docJointAct  = "jointact:" // + id of the operation, by party/number: operation.Entry
)

// operationRow says under which accord an operation is.
type operationRow struct {
	ID     string `json:"id"`
	Accord string `json:"accord"`
}

// Operation is a joint operation as its state is now.
type Operation struct {
	operation.State
	Accord  string `json:"accord"`
	Title   string `json:"title"`    // begins with EXERCISE where it is one
	Waiting int    `json:"waiting"`  // acts of ours that not every member holds yet
	NextFor string `json:"next_for"` // what our side can do next, for people
}

// OperationAsk is an act that a person wants done.
type OperationAsk struct {
	operation.Act
	By User `json:"-"`
}

// ProposeAsk proposes an operation.
type ProposeAsk struct {
	Accord   string            `json:"accord"`
	Members  []string          `json:"members,omitempty"` // others than us; none: every member of the accord
	Exercise bool              `json:"exercise,omitempty"`
	Fields   map[string]string `json:"fields"`
	By       User              `json:"-"`
}

// ProposeOperation proposes a joint operation to members of an accord at rung joint.
func (n *Node) ProposeOperation(ctx context.Context, ask ProposeAsk) (Operation, error) {
	raw := make([]byte, 6)
	if _, err := io.ReadFull(n.opt.Rand, raw); err != nil {
		return Operation{}, err
	}
	a := operation.Act{Operation: operation.NewID(hex.EncodeToString(raw), ask.Exercise), Kind: operation.Propose, Fields: ask.Fields}
	err := n.update(ctx, func(tx store.Tx) error {
		pc, err := n.pact(tx, ask.Accord)
		if err != nil {
			return err
		}
		others := ask.Members
		if len(others) == 0 {
			others = n.others(pc.Accord)
		}
		for _, p := range others {
			if _, err := n.onlyOther(pc, p); err != nil {
				return err
			}
		}
		a.Members = slices.Sorted(slices.Values(append(slices.Clone(others), n.cfg.Party)))
		if err := putDoc(tx, docOperation, a.Operation, operationRow{a.Operation, pc.ID}); err != nil {
			return err
		}
		return n.jointAct(tx, pc, a, a.Members, ask.By)
	})
	if err != nil {
		return Operation{}, err
	}
	return n.afterJointAct(ctx, a.Operation)
}

// ActInOperation does an act in an operation. Whatever the accord's state, a member
// can leave.
func (n *Node) ActInOperation(ctx context.Context, ask OperationAsk) (Operation, error) {
	id := ""
	err := n.update(ctx, func(tx store.Tx) error {
		row, entries, err := n.operationAt(tx, ask.Operation)
		if err != nil {
			return err
		}
		id = row.ID
		pc, err := n.pact(tx, row.Accord)
		if err != nil {
			return err
		}
		st, err := operation.Merge(id, entries)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrState, err)
		}
		a := ask.Act
		a.Operation = id
		if err := n.mayAct(st, &a); err != nil {
			return err
		}
		var members []string
		for _, m := range st.Members {
			if m.Left == "" || m.Party == n.cfg.Party {
				members = append(members, m.Party)
			}
		}
		return n.jointAct(tx, pc, a, members, ask.By)
	})
	if err != nil {
		return Operation{}, err
	}
	return n.afterJointAct(ctx, id)
}

// mayAct refuses acts that would have no effect, and fills in what they are about.
func (n *Node) mayAct(st operation.State, a *operation.Act) error {
	refuse := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrState, fmt.Sprintf(format, args...))
	}
	i := slices.IndexFunc(st.Members, func(m operation.Member) bool { return m.Party == n.cfg.Party })
	switch {
	case i < 0:
		return refuse("we are no member of the operation")
	case st.Members[i].Left != "":
		return refuse("we have left the operation")
	case (st.State == operation.Closed || st.State == operation.Abandoned) && a.Kind != operation.Remark && a.Kind != operation.Leave:
		return refuse("the operation is %s", st.State)
	}
	switch a.Kind {
	case operation.Propose:
		return fmt.Errorf("%w: an operation is proposed once", ErrInvalid)
	case operation.Agree:
		if st.Digest == "" {
			return refuse("the terms are in conflict (%s); set them first", conflictFields(st.Terms))
		}
		if a.Digest != "" && a.Digest != st.Digest {
			return refuse("the terms have changed since you read them; read them again")
		}
		a.Digest = st.Digest
	case operation.Activate:
		if st.State != operation.Agreed {
			return refuse("the operation is %s; every member must have agreed to its terms first", st.State)
		}
	case operation.Close:
		if st.State != operation.Active {
			return refuse("the operation is %s, not active; abandon it instead", st.State)
		}
	case operation.Set:
		if a.Item == "terms" && st.State == operation.Active {
			return refuse("the terms are fixed once the operation is active")
		}
	case operation.Sign:
		j := slices.IndexFunc(st.Decisions, func(d operation.Decision) bool { return "decision/"+d.ID == a.Item })
		if j < 0 {
			return fmt.Errorf("%w: %q", ErrNotFound, clip(a.Item))
		}
		d := st.Decisions[j]
		if d.Digest == "" {
			return refuse("the decision is in conflict; settle its text first")
		}
		if a.Digest != "" && a.Digest != d.Digest {
			return refuse("the decision has changed since you read it; read it again")
		}
		a.Digest = d.Digest
	}
	return nil
}

func conflictFields(it operation.WorkItem) string {
	var out []string
	for _, c := range it.Conflicts {
		out = append(out, c.Field)
	}
	return strings.Join(out, ", ")
}

// jointAct writes an act of ours, with what we had seen, its entry in the ledger and
// its body for the other members, in the transaction.
func (n *Node) jointAct(tx store.Tx, pc pact, a operation.Act, members []string, by User) error {
	entries, err := listDocs[operation.Entry](tx, docJointAct+a.Operation)
	if err != nil {
		return err
	}
	a.By, a.N, a.After = by.Name, 1, nil
	for _, e := range entries {
		if e.Party == n.cfg.Party {
			a.N = max(a.N, e.Act.N+1)
			continue
		}
		if a.After == nil {
			a.After = make(map[string]int64)
		}
		a.After[e.Party] = max(a.After[e.Party], e.Act.N)
	}
	if err := a.Check(); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	to := slices.DeleteFunc(slices.Clone(members), func(p string) bool { return p == n.cfg.Party })
	d := ledger.Joint{To: to, Operation: a.Operation}
	if a.Kind == operation.Leave {
		d.Leaves, d.Text, d.By = a.N, a.Text, a.By
		index, err := n.act(tx, pc.Accord, ledger.JointAct, d, to...)
		if err != nil {
			return err
		}
		return n.putOwnAct(tx, pc.ID, index, a)
	}
	body, err := a.Marshal()
	if err != nil {
		return err
	}
	rel, err := release.MintMutual(pc.Accord, pc.state, n.cfg.Party, to, accord.Joint, body, n.now())
	if err != nil {
		return fmt.Errorf("%w: %w", ErrState, err)
	}
	d.Act = rel.Digest()
	index, err := n.act(tx, pc.Accord, ledger.JointAct, d, to...)
	if err != nil {
		return err
	}
	return errors.Join(n.queue(tx, rel, index, ledger.Routine), n.putOwnAct(tx, pc.ID, index, a))
}

// putOwnAct keeps an act of ours. Its time is the one in the ledger, so that every
// member merges the same.
func (n *Node) putOwnAct(tx store.Tx, accordID string, index int64, a operation.Act) error {
	row, err := tx.Event(ledger.Origin(accordID, n.cfg.Party), index)
	if err != nil {
		return err
	}
	e, err := ledger.ParseEvent(row.Bytes)
	if err != nil {
		return err
	}
	return putJointAct(tx, operation.Entry{Party: n.cfg.Party, Index: index, At: e.At, Act: a})
}

func putJointAct(tx store.Tx, e operation.Entry) error {
	return putDoc(tx, docJointAct+e.Act.Operation, fmt.Sprintf("%s/%012d/%012d", e.Party, e.Act.N, e.Index), e)
}

// takeJointAct takes in an act of another member: its body, or that it leaves.
func (n *Node) takeJointAct(tx store.Tx, pc pact, from string, index int64, e ledger.Event, body []byte) error {
	d, err := decodeData[ledger.Joint](e)
	if err != nil || !slices.Contains(d.To, n.cfg.Party) {
		return nil // it concerns nobody here
	}
	a := operation.Act{Operation: d.Operation, N: d.Leaves, Kind: operation.Leave, Text: d.Text, By: d.By}
	if body != nil {
		a, err = operation.Parse(body)
	} else if err = a.Check(); err == nil && d.Leaves == 0 {
		return nil // its body is still to come
	}
	if err == nil && (a.Operation != d.Operation || (a.Kind == operation.Leave) != (body == nil)) {
		err = errors.New("it is of another operation than its entry says")
	}
	if err != nil {
		return n.alarm(tx, pc.ID, from, fmt.Sprintf("%s did an act in a joint operation, in entry %d of its log, that does not hold: %v", from, index, err))
	}
	var row operationRow
	switch err := getDoc(tx, docOperation, a.Operation, &row); {
	case errors.Is(err, store.ErrNotFound):
		if err := putDoc(tx, docOperation, a.Operation, operationRow{a.Operation, pc.ID}); err != nil {
			return err
		}
		text := fmt.Sprintf("%s proposes the joint %s", from, a.Operation)
		if err := n.notice(tx, Notice{Kind: noticeOperation, Accord: pc.ID, Party: from, Question: a.Operation, Text: text}); err != nil {
			return err
		}
	case err != nil:
		return err
	case row.Accord != pc.ID:
		return n.alarm(tx, pc.ID, from, fmt.Sprintf("%s acts, in entry %d of its log, in an operation of another accord", from, index))
	}
	return putJointAct(tx, operation.Entry{Party: from, Index: index, At: e.At, Act: a})
}

const noticeOperation = "operation" // a partner proposes a joint operation

// operationAt reads an operation and its acts by its id or an unambiguous beginning of
// it.
func (n *Node) operationAt(tx store.Tx, id string) (operationRow, []operation.Entry, error) {
	all, err := listDocs[operationRow](tx, docOperation)
	if err != nil {
		return operationRow{}, nil, err
	}
	if i := slices.IndexFunc(all, func(r operationRow) bool { return r.ID == id }); i >= 0 {
		all = all[i : i+1]
	} else {
		all = slices.DeleteFunc(all, func(r operationRow) bool {
			_, rest, _ := strings.Cut(r.ID, "-")
			return len(id) < 4 || !strings.HasPrefix(r.ID, id) && !strings.HasPrefix(rest, id)
		})
	}
	switch len(all) {
	case 0:
		return operationRow{}, nil, fmt.Errorf("operation %q: %w", clip(id), ErrNotFound)
	case 1:
		entries, err := listDocs[operation.Entry](tx, docJointAct+all[0].ID)
		return all[0], entries, err
	}
	return operationRow{}, nil, fmt.Errorf("%w: %d operations begin with %q; give more of the id", ErrInvalid, len(all), clip(id))
}

// afterJointAct brings an act to the other members where a line is up.
func (n *Node) afterJointAct(ctx context.Context, id string) (Operation, error) {
	v, err := n.ShowOperation(ctx, id)
	if err == nil {
		n.kickID(ctx, v.Accord)
	}
	return v, err
}

// ShowOperation shows an operation.
func (n *Node) ShowOperation(ctx context.Context, id string) (v Operation, err error) {
	err = n.view(ctx, func(tx store.Tx) error {
		row, entries, err := n.operationAt(tx, id)
		if err == nil {
			v, err = n.operationView(tx, row, entries)
		}
		return err
	})
	return v, err
}

// Operations lists the joint operations, by id.
func (n *Node) Operations(ctx context.Context) ([]Operation, error) {
	out := []Operation{}
	err := n.view(ctx, func(tx store.Tx) error {
		all, err := listDocs[operationRow](tx, docOperation)
		if err != nil {
			return err
		}
		for _, row := range all {
			entries, err := listDocs[operation.Entry](tx, docJointAct+row.ID)
			if err != nil {
				return err
			}
			v, err := n.operationView(tx, row, entries)
			if errors.Is(err, operation.ErrAct) {
				continue // its proposal has not come yet
			}
			if err != nil {
				return err
			}
			out = append(out, v)
		}
		return nil
	})
	return out, err
}

func (n *Node) operationView(tx store.Tx, row operationRow, entries []operation.Entry) (Operation, error) {
	st, err := operation.Merge(row.ID, entries)
	v := Operation{State: st, Accord: row.Accord}
	if err != nil {
		return v, err
	}
	if v.Title = st.Terms.Fields["title"]; st.Exercise {
		v.Title = "EXERCISE " + v.Title
	}
	for _, m := range st.Members {
		if m.Party == n.cfg.Party {
			continue
		}
		pr, err := n.peer(tx, row.Accord, m.Party)
		if err != nil {
			return v, err
		}
		waiting := 0
		for _, e := range entries {
			if e.Party == n.cfg.Party && e.Index >= pr.Have {
				waiting++
			}
		}
		v.Waiting = max(v.Waiting, waiting)
	}
	i := slices.IndexFunc(st.Members, func(m operation.Member) bool { return m.Party == n.cfg.Party })
	switch {
	case i < 0 || st.Members[i].Left != "":
	case st.State == operation.Proposed && !st.Members[i].Agreed:
		v.NextFor = "read the terms and agree, or leave"
	case st.State == operation.Proposed:
		v.NextFor = "wait for the others to agree"
	case st.State == operation.Agreed:
		v.NextFor = "activate"
	case st.State == operation.Active:
		v.NextFor = "work; close with an after-action record"
	}
	return v, nil
}

// AttachAsk attaches an object through the gate.
type AttachAsk struct {
	Operation  string `json:"operation"`
	Object     string `json:"object"`
	Purpose    string `json:"purpose"` // one of the accord's
	LegalBasis string `json:"legal_basis,omitempty"`
	Title      string `json:"title,omitempty"`
	By         User   `json:"-"`
}

// AttachToOperation puts an object to the gate for the other members, and attaches
// each recipient's copy where it passes. The gate's answer comes back in any case.
func (n *Node) AttachToOperation(ctx context.Context, ask AttachAsk) (Release, Operation, error) {
	v, err := n.ShowOperation(ctx, ask.Operation)
	if err != nil {
		return Release{}, v, err
	}
	if err := n.mayAct(v.State, &operation.Act{Kind: operation.Attach}); err != nil {
		return Release{}, v, err
	}
	var to []string
	for _, m := range v.Members {
		if m.Party != n.cfg.Party && m.Left == "" {
			to = append(to, m.Party)
		}
	}
	rel, err := n.ReleaseObject(ctx, ReleaseAsk{Object: ask.Object, Accord: v.Accord, To: to, Purpose: ask.Purpose, LegalBasis: ask.LegalBasis, By: ask.By})
	if err != nil || !rel.Released {
		return rel, v, err
	}
	for _, c := range rel.Copies {
		title := ask.Title
		if len(rel.Copies) > 1 {
			title = strings.TrimSpace(title + " (copy for " + c.To + ")")
		}
		if v, err = n.ActInOperation(ctx, OperationAsk{By: ask.By, Act: operation.Act{Operation: v.ID, Kind: operation.Attach, Item: c.Copy, Text: title}}); err != nil {
			return rel, v, err
		}
	}
	return rel, v, nil
}
