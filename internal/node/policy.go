package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"parley.example/parley/accord"
	"parley.example/parley/internal/store"
	"parley.example/parley/release"
)

// policyFolder holds the party's own policy: *.cedar files.
const policyFolder = "policy"

// localPolicy is the policy in the node's folder as it was last read.
type localPolicy struct {
	mu     sync.Mutex
	stamp  string         // names, sizes and times of its files; guarded by mu
	policy release.Policy // guarded by mu
}

// refusing is the policy of a party whose policy cannot be read: nothing passes.
type refusing struct{ err error }

func (r refusing) Limit(release.Facts) ([]release.Reason, error) { return nil, r.err }

// policy is the party's own policy as its files stand now; a change takes effect
// with the next decision. While a file is wrong, nothing passes.
func (n *Node) policy() release.Policy {
	if n.opt.Policy != nil {
		return n.opt.Policy
	}
	dir := filepath.Join(n.dir, policyFolder)
	stamp, err := policyStamp(dir)
	n.local.mu.Lock()
	defer n.local.mu.Unlock()
	if err == nil && stamp == n.local.stamp {
		return n.local.policy
	}
	n.local.stamp, n.local.policy = stamp, nil
	var p *release.CedarPolicy
	if err == nil {
		p, err = release.LoadPolicy(os.DirFS(dir))
	}
	switch {
	case err != nil:
		n.opt.Log.Error("our own policy cannot be used; nothing is released", "error", err)
		n.local.policy = refusing{err}
	case p != nil:
		n.local.policy = p
	}
	return n.local.policy
}

// policyStamp changes when the files of a policy do; a folder that is not there
// is an empty one.
func policyStamp(dir string) (string, error) {
	files, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".cedar") {
			continue
		}
		info, err := os.Stat(filepath.Join(dir, f.Name()))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "%q %d %d\n", f.Name(), info.Size(), info.ModTime().UnixNano())
	}
	return b.String(), nil
}

// PolicyCheck is what is said of a policy's files.
type PolicyCheck struct {
	Files int            `json:"files"`
	Rules []release.Rule `json:"rules"`
	Fault string         `json:"fault,omitempty"` // why it is refused
	OK    bool           `json:"ok"`
}

// CheckPolicy checks the policy in a folder; it needs no node.
func CheckPolicy(dir string) (PolicyCheck, error) {
	out := PolicyCheck{Rules: []release.Rule{}}
	files, err := os.ReadDir(dir)
	if err != nil {
		return out, err
	}
	for _, f := range files {
		if strings.HasSuffix(f.Name(), ".cedar") {
			out.Files++
		}
	}
	p, err := release.LoadPolicy(os.DirFS(dir))
	switch {
	case errors.Is(err, release.ErrPolicy):
		out.Fault = err.Error()
		return out, nil
	case err != nil:
		return out, err
	case p == nil:
		out.Fault = "the folder holds no *.cedar file: without one there is no policy of our own"
		return out, nil
	}
	out.Rules, out.OK = p.Rules(), true
	return out, nil
}

// PolicyTrial asks what another policy would change.
type PolicyTrial struct {
	Files  map[string]string `json:"files"`            // text by name; none is no policy
	Accord string            `json:"accord,omitempty"` // empty: every accord
}

// PolicyChange is one decision that would change.
type PolicyChange struct {
	Object string          `json:"object"`
	Title  string          `json:"title"`
	Accord string          `json:"accord"`
	To     string          `json:"to"`
	Was    release.Outcome `json:"was"`
	Is     release.Outcome `json:"is"`
	// Approvals that would be asked, and were.
	ApprovalsWere int    `json:"approvals_were,omitempty"`
	ApprovalsAre  int    `json:"approvals_are,omitempty"`
	Reason        string `json:"reason"` // what makes the difference
}

// PolicyTally sums a trial up.
type PolicyTally struct {
	Objects   int64 `json:"objects"`   // of our own looked at
	Decisions int64 `json:"decisions"` // one for each accord and recipient
	More      int64 `json:"more"`      // that would release more
	Less      int64 `json:"less"`      // that would release less
	Approvals int64 `json:"approvals"` // that would ask for more or fewer approvals alone
	Same      int64 `json:"same"`
}

// trialPage is how many objects a trial looks at in one snapshot.
const trialPage = 500

// TryPolicy decides on the newest version of every object of our own, for every
// accord, recipient and purpose's first, under the present policy and under
// another, and calls fn for each decision that differs. It changes nothing and
// holds one page of the library at a time.
func (n *Node) TryPolicy(ctx context.Context, trial PolicyTrial, fn func(PolicyChange) error) (PolicyTally, error) {
	var tally PolicyTally
	texts := make(map[string][]byte, len(trial.Files))
	for name, text := range trial.Files {
		texts[name] = []byte(text)
	}
	var other release.Policy
	if len(texts) > 0 {
		p, err := release.ParsePolicy(texts)
		if err != nil {
			return tally, fmt.Errorf("%w: %w", ErrInvalid, err)
		}
		other = p
	}
	present := n.policy()
	q := store.ObjectQuery{In: &store.Collection{}, Versions: store.Versions{Last: true}, Limit: trialPage, MaxBytes: 8 << 20}
	for more := true; more; {
		var changes []PolicyChange
		err := n.view(ctx, func(tx store.Tx) error {
			pacts, err := n.trialPacts(tx, trial.Accord)
			if err != nil {
				return err
			}
			var page []store.Object
			if page, more, err = tx.ListObjects(q); err != nil {
				return err
			}
			caches := make(map[string][2]*release.Cache)
			for _, o := range page {
				q.After = o.Added
				tally.Objects++
				for _, pc := range pacts {
					for _, to := range n.others(pc.Accord) {
						key := pc.ID + "/" + to
						if _, ok := caches[key]; !ok {
							caches[key] = [2]*release.Cache{release.NewCache(), release.NewCache()}
						}
						if c, differs := n.tryOne(tx, pc, o, to, present, other, caches[key], &tally); differs {
							changes = append(changes, c)
						}
					}
				}
				if err := ctx.Err(); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return tally, err
		}
		for _, c := range changes {
			if err := fn(c); err != nil {
				return tally, err
			}
		}
	}
	return tally, nil
}

// trialPacts are the accords in force, or the one named.
func (n *Node) trialPacts(tx store.Tx, id string) ([]pact, error) {
	if id != "" {
		pc, err := n.pact(tx, id)
		return []pact{pc}, err
	}
	all, err := n.pacts(tx)
	return slices.DeleteFunc(all, func(p pact) bool {
		return p.state.At(n.now()).Name != accord.InForce || !slices.Contains(p.Terms.Parties(), n.cfg.Party)
	}), err
}

func (n *Node) tryOne(tx store.Tx, pc pact, o store.Object, to string, present, other release.Policy, caches [2]*release.Cache, tally *PolicyTally) (PolicyChange, bool) {
	basis := ""
	if len(pc.Terms.LegalBases) > 0 {
		basis = pc.Terms.LegalBases[0]
	}
	in := n.gateInputUnder(tx, pc, o, []string{to}, pc.Terms.Purposes[0], basis, present)
	in.Cache = caches[0]
	was := release.Decide(in)
	in.Policy, in.Cache = other, caches[1]
	is := release.Decide(in)
	tally.Decisions++
	switch {
	case is.Outcome > was.Outcome:
		tally.More++
	case is.Outcome < was.Outcome:
		tally.Less++
	case is.Approvals != was.Approvals && is.Outcome >= release.Tearline:
		tally.Approvals++
	default:
		tally.Same++
		return PolicyChange{}, false
	}
	c := PolicyChange{Object: o.ID, Title: title(o), Accord: pc.ID, To: to, Was: was.Outcome, Is: is.Outcome, ApprovalsWere: was.Approvals, ApprovalsAre: is.Approvals}
	from := is
	if is.Outcome > was.Outcome {
		from = was
	}
	var why []string
	for _, r := range from.Reasons {
		if r.Outcome <= min(is.Outcome, was.Outcome) && is.Outcome != was.Outcome || r.Approvals > 0 {
			why = append(why, r.Text)
		}
	}
	c.Reason = strings.Join(why, "; ")
	return c, true
}
