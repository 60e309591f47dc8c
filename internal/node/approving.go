package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
	"parley.example/parley/release"
)

// docPending is a release that waits for approval, by id: PendingRelease.
const docPending = "pending"

// pendingLife is how long a release may wait. What somebody agreed to longer ago
// has to be asked again.
const pendingLife = 14 * 24 * time.Hour

// Approvers are the roles that may approve a release.
var Approvers = []string{Approver, Operator}

// The states of a pending release.
const (
	pendingWaiting  = "waiting"
	pendingReleased = "released"
	pendingRejected = "rejected"
	pendingStale    = "stale"
)

// PendingRelease is a release that our own policy wants approved by others than
// its asker.
type PendingRelease struct {
	ID         string           `json:"id"`
	Object     string           `json:"object"`
	Title      string           `json:"title"`
	Accord     string           `json:"accord"`
	To         []string         `json:"to"`
	Purpose    string           `json:"purpose"`
	LegalBasis string           `json:"legal_basis,omitempty"`
	Answers    string           `json:"answers,omitempty"` // the request that it answers
	By         User             `json:"by"`                // who asks
	At         string           `json:"at"`
	Outcome    release.Outcome  `json:"outcome"`
	Reasons    []release.Reason `json:"reasons"`
	Needed     int              `json:"needed"`
	Approvals  []Approval       `json:"approvals"`
	State      string           `json:"state"`            // waiting, released, rejected or stale
	Reason     string           `json:"reason,omitempty"` // why it was rejected or is stale
	Priority   ledger.Priority  `json:"priority,omitzero"`
	Digest     string           `json:"digest"` // of the object's bytes when it was asked
	// ReceiptFirst: see ReleaseAsk.
	ReceiptFirst bool `json:"receipt_first,omitempty"`

	Release *Release `json:"release,omitempty"`
}

// Approval is one person's consent.
type Approval struct {
	User
	At string `json:"at"`
}

// ask keeps a release until others approve it, and returns its id. The same ask
// twice is one.
func (n *Node) ask(tx store.Tx, pc pact, g gathered, answers string) (string, error) {
	if g.ask.By.Name == "" {
		return "", fmt.Errorf("%w: our policy wants this release approved; whoever asks must be known by name", ErrInvalid)
	}
	p := PendingRelease{
		Object: g.object.ID, Title: title(g.object), Accord: pc.ID, To: g.ask.To, Purpose: g.ask.Purpose, LegalBasis: g.ask.LegalBasis,
		Answers: answers, By: g.ask.By, At: stamp(n.now()), Outcome: g.out.Outcome, Reasons: g.out.Reasons, Needed: g.out.Approvals,
		Approvals: []Approval{}, State: pendingWaiting, Digest: digestOf(g.object.Bytes), Priority: g.ask.Priority, ReceiptFirst: g.ask.ReceiptFirst,
	}
	held, err := listDocs[PendingRelease](tx, docPending)
	if err != nil {
		return "", err
	}
	for _, h := range held {
		if h.State == pendingWaiting && h.Object == p.Object && h.Accord == p.Accord && slices.Equal(h.To, p.To) && h.Purpose == p.Purpose &&
			h.LegalBasis == p.LegalBasis && h.Answers == p.Answers && h.By == p.By && h.Priority == p.Priority && h.ReceiptFirst == p.ReceiptFirst && h.Digest == p.Digest && h.Outcome == p.Outcome && n.fresh(h) {
			return h.ID, nil
		}
	}
	if p.ID, err = newID(n.opt.Rand); err != nil {
		return "", err
	}
	return p.ID, putDoc(tx, docPending, p.ID, p)
}

func (n *Node) fresh(p PendingRelease) bool {
	at, err := time.Parse(time.RFC3339Nano, p.At)
	return err == nil && n.now().Before(at.Add(pendingLife))
}

// again puts a pending release to the gate once more, as things are now. stale
// says why what was asked can no longer be released as it was asked.
func (n *Node) again(tx store.Tx, pc pact, p PendingRelease) (g gathered, stale string, err error) {
	if !n.fresh(p) {
		return g, fmt.Sprintf("it waited for longer than %d days", int(pendingLife.Hours()/24)), nil
	}
	g, err = n.gather(tx, pc, ReleaseAsk{
		Object: p.Object, Accord: p.Accord, To: p.To, Purpose: p.Purpose, LegalBasis: p.LegalBasis, By: p.By, Priority: p.Priority, ReceiptFirst: p.ReceiptFirst,
	}, p.Answers, len(p.Approvals))
	switch {
	case errors.Is(err, store.ErrNotFound):
		return g, "the object is no longer held", nil
	case err != nil:
		return g, "", err
	case digestOf(g.object.Bytes) != p.Digest:
		return g, "the object was changed since it was asked", nil
	case g.out.Outcome < release.Tearline:
		return g, "the gate withholds it now: " + standsAgainst(g.out.Reasons), nil
	case g.out.Outcome != p.Outcome:
		return g, fmt.Sprintf("the gate lets it pass as %s now, asked was %s", g.out.Outcome, p.Outcome), nil
	}
	return g, "", nil
}

// PendingReleases lists the releases that wait for approval, oldest first, and
// after them what became of the others, newest first.
func (n *Node) PendingReleases(ctx context.Context) ([]PendingRelease, error) {
	var out []PendingRelease
	err := n.view(ctx, func(tx store.Tx) (err error) {
		if out, err = listDocs[PendingRelease](tx, docPending); err != nil {
			return err
		}
		for i := range out {
			p := &out[i]
			if p.State != pendingWaiting {
				continue
			}
			pc, err := n.pact(tx, p.Accord)
			if err != nil {
				return err
			}
			_, stale, err := n.again(tx, pc, *p)
			if err != nil {
				return err
			}
			if stale != "" {
				p.State, p.Reason = pendingStale, stale
			}
		}
		return nil
	})
	slices.SortStableFunc(out, func(a, b PendingRelease) int {
		waits := func(p PendingRelease) bool { return p.State == pendingWaiting }
		switch {
		case waits(a) != waits(b) && waits(a):
			return -1
		case waits(a) != waits(b):
			return 1
		case waits(a):
			return cmp.Compare(a.At, b.At)
		}
		return cmp.Compare(b.At, a.At)
	})
	return orEmpty(out), err
}

// ApproveRelease adds a person's consent. When as many have agreed as our policy
// asks, the gate decides once more and the release leaves.
func (n *Node) ApproveRelease(ctx context.Context, id string, by User) (PendingRelease, error) {
	return n.settle(ctx, id, func(tx store.Tx, pc pact, p *PendingRelease) error {
		if err := mayApprove(*p, by); err != nil {
			return err
		}
		p.Approvals = append(p.Approvals, Approval{by, stamp(n.now())})
		g, stale, err := n.again(tx, pc, *p)
		if err != nil {
			return err
		}
		if stale != "" {
			p.State, p.Reason = pendingStale, stale
			return n.replyTo(tx, pc, p.Answers, false, "the release that was to answer it became stale: "+stale)
		}
		if p.Needed = g.out.Approvals; len(p.Approvals) < p.Needed {
			return nil
		}
		if err := n.send(tx, pc, &g); err != nil {
			return err
		}
		p.State, p.Release = pendingReleased, &g.out
		return n.replyTo(tx, pc, p.Answers, true, "")
	})
}

// RejectRelease ends a pending release. Its asker may take it back in this way.
func (n *Node) RejectRelease(ctx context.Context, id string, by User, reason string) (PendingRelease, error) {
	return n.settle(ctx, id, func(tx store.Tx, pc pact, p *PendingRelease) error {
		if reason == "" {
			return fmt.Errorf("%w: give a reason; the asker will read it", ErrInvalid)
		}
		if !samePerson(by, p.By) && !slices.Contains(Approvers, by.Role) {
			return fmt.Errorf("%w: the role %q may not reject releases; it is for %s", ErrInvalid, by.Role, strings.Join(Approvers, " or "))
		}
		p.State, p.Reason = pendingRejected, by.Name+": "+reason
		return n.replyTo(tx, pc, p.Answers, false, "declined by a person")
	})
}

// settle runs a decision on a release that still waits.
func (n *Node) settle(ctx context.Context, id string, fn func(store.Tx, pact, *PendingRelease) error) (PendingRelease, error) {
	var p PendingRelease
	var pc pact
	err := n.update(ctx, func(tx store.Tx) (err error) {
		p = PendingRelease{}
		if err := getDoc(tx, docPending, id, &p); err != nil {
			return fmt.Errorf("pending release %q: %w", clip(id), err)
		}
		if p.State != pendingWaiting {
			return fmt.Errorf("%w: that release is %s", ErrState, p.State)
		}
		if pc, err = n.pact(tx, p.Accord); err != nil {
			return err
		}
		if err := fn(tx, pc, &p); err != nil {
			return err
		}
		return putDoc(tx, docPending, p.ID, p)
	})
	if err == nil {
		n.urge(pc.Accord, p.To, p.Priority)
	}
	return p, err
}

// mayApprove says why somebody may not approve a release.
func mayApprove(p PendingRelease, by User) error {
	switch {
	case by.Name == "":
		return fmt.Errorf("%w: whoever approves must be known by name", ErrInvalid)
	case !slices.Contains(Approvers, by.Role):
		return fmt.Errorf("%w: the role %q may not approve releases; it is for %s", ErrInvalid, by.Role, strings.Join(Approvers, " or "))
	case samePerson(by, p.By):
		return fmt.Errorf("%w: %s asked for this release; somebody else must approve it", ErrState, by.Name)
	case slices.ContainsFunc(p.Approvals, func(a Approval) bool { return samePerson(a.User, by) }):
		return fmt.Errorf("%w: %s approved it already; it needs %d people", ErrState, by.Name, p.Needed)
	}
	return nil
}

// samePerson compares people by name alone: another role makes nobody another
// person.
func samePerson(a, b User) bool {
	return strings.EqualFold(strings.TrimSpace(a.Name), strings.TrimSpace(b.Name))
}

// replyTo answers the request that a pending release was to answer; there may be
// none.
func (n *Node) replyTo(tx store.Tx, pc pact, id string, released bool, reason string) error {
	if id == "" {
		return nil
	}
	var v Request
	if err := getDoc(tx, docRequest, id, &v); err != nil {
		return err
	}
	if v.Direction != "in" || v.State != requestOpen {
		return nil // somebody answered it meanwhile
	}
	reply := ledger.RequestReply{ID: v.ID, To: v.From, Outcome: "declined"}
	v.State, v.Reason = requestDeclined, reason
	if released {
		reply.Outcome, v.State = "released", requestAnswered
	}
	if _, err := n.act(tx, pc.Accord, ledger.RequestAnswered, reply, v.From); err != nil {
		return err
	}
	return putDoc(tx, docRequest, v.ID, v)
}
