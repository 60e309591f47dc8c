package release

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/ast"
	"github.com/cedar-policy/cedar-go/x/exp/schema"
	"github.com/cedar-policy/cedar-go/x/exp/schema/validate"
)

// PolicySchema is the schema, in Cedar's own language, of what a policy may look
// at. The attributes are those of [Facts]; one with a question mark may be
// missing, and a rule must ask for it with "has" first.
const PolicySchema = `entity Party { rung: Long };
entity Object {
  type: String, from: String, tlp: Long, listed: Bool, labels: Set<String>, confidence?: Long, age_days?: Long, revoked: Bool,
  kind: String, class: String, classes: Set<String>, area: String, country: String, organisation: String,
  reliability: String, credibility?: Long, sensitive: Bool, selectors: Bool, placed: Bool, killed?: Long, wounded?: Long
};
action release appliesTo {
  principal: Party, resource: Object,
  context: { accord: String, purpose: String, legal_basis: String, day: String, hour: Long, weekday: Long }
};
`

// ErrPolicy reports a policy that is refused; the message names file, line and
// column of every rule that is wrong.
var ErrPolicy = errors.New("the policy is not valid")

// Limits of a policy.
const (
	maxPolicyBytes = 1 << 20
	maxRules       = 1000
	maxApprovals   = 9
	maxVerdicts    = 8192 // that are remembered
)

// Rule is one rule of a policy, for people.
type Rule struct {
	ID        string  `json:"id"` // @id, or where it stands
	Effect    string  `json:"effect"`
	Ceiling   Outcome `json:"ceiling"`
	Approvals int     `json:"approvals,omitempty"`
	Reason    string  `json:"reason"`
	At        string  `json:"at"` // file:line:column
}

type rule struct {
	Rule
	policy *cedar.Policy
}

// ruleSet gives its rules to Cedar in their order.
type ruleSet []rule

// All implements cedar.PolicyIterator.
func (s ruleSet) All() iter.Seq2[cedar.PolicyID, *cedar.Policy] {
	return func(yield func(cedar.PolicyID, *cedar.Policy) bool) {
		for i := range s {
			if !yield(cedar.PolicyID(strconv.Itoa(i)), s[i].policy) {
				return
			}
		}
	}
}

// CedarPolicy is a party's own policy, written in Cedar. The principal is the
// recipient, the resource the object; see [PolicySchema].
//
// As in Cedar, nothing passes that no permit applies to. Every rule may carry
// annotations: @ceiling is the most that it lets pass ("withhold", "match-only",
// "tearline" or "full"; without it a permit lets everything pass and a forbid
// nothing), @approvals how many people besides the asker must agree, @reason a
// sentence for people, @id its name. Of all rules that apply, the lowest ceiling
// and the most approvals count. Where evaluating any rule fails, everything is
// withheld: other implementations of Cedar skip a rule that fails, which for a
// forbid means to let pass.
//
// It is safe for concurrent use.
type CedarPolicy struct {
	permits, forbids ruleSet
	named            bool // some rule names an object

	mu       sync.RWMutex
	verdicts map[string]verdict // by Facts.key; guarded by mu
}

type verdict struct {
	reasons []Reason
	err     error
}

// LoadPolicy reads every *.cedar file of a folder. It returns nil where there is
// none, and [ErrPolicy] with everything that is wrong where one is refused.
func LoadPolicy(folder fs.FS) (*CedarPolicy, error) {
	files, err := fs.Glob(folder, "*.cedar")
	if err != nil || len(files) == 0 {
		return nil, err
	}
	texts := make(map[string][]byte, len(files))
	total := 0
	for _, name := range files {
		info, err := fs.Stat(folder, name)
		if err != nil {
			return nil, err
		}
		if info.Size() > maxPolicyBytes {
			return nil, fmt.Errorf("%w: %s: %d bytes are over the limit of %d", ErrPolicy, name, info.Size(), maxPolicyBytes)
		}
		b, err := fs.ReadFile(folder, name)
		if err != nil {
			return nil, err
		}
		if total += len(b); total > maxPolicyBytes {
			return nil, fmt.Errorf("%w: it is larger than %d bytes", ErrPolicy, maxPolicyBytes)
		}
		texts[name] = b
	}
	return ParsePolicy(texts)
}

// ParsePolicy reads a policy from the texts of its files, by name.
func ParsePolicy(texts map[string][]byte) (*CedarPolicy, error) {
	check, err := validator()
	if err != nil {
		return nil, err
	}
	p := &CedarPolicy{verdicts: make(map[string]verdict)}
	var errs []error
	ids := make(map[string]bool)
	for _, name := range sorted(texts) {
		list, err := cedar.NewPolicyListFromBytes(path.Base(name), texts[name])
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
			continue
		}
		for _, c := range list {
			r, err := newRule(c)
			if err == nil && ids[r.ID] {
				err = fmt.Errorf("%s: two rules have the id %q", r.At, r.ID)
			}
			if err == nil {
				if err = check.Policy("", (*ast.Policy)(c.AST())); err != nil {
					err = fmt.Errorf("%s: %s", r.At, strings.ReplaceAll(err.Error(), "\n", "; "))
				}
			}
			if err != nil {
				errs = append(errs, err)
				continue
			}
			ids[r.ID] = true
			p.named = p.named || strings.Contains(string(c.MarshalCedar()), `Object::"`)
			if c.Effect() == cedar.Permit {
				p.permits = append(p.permits, r)
			} else {
				p.forbids = append(p.forbids, r)
			}
		}
	}
	if n := len(p.permits) + len(p.forbids); n > maxRules {
		errs = append(errs, fmt.Errorf("%d rules are over the limit of %d", n, maxRules))
	}
	if len(errs) > 0 {
		return nil, fmt.Errorf("%w: %w", ErrPolicy, errors.Join(errs...))
	}
	return p, nil
}

var validator = sync.OnceValues(func() (*validate.Validator, error) {
	var s schema.Schema
	if err := s.UnmarshalCedar([]byte(PolicySchema)); err != nil {
		return nil, fmt.Errorf("the schema of policies: %w", err)
	}
	resolved, err := s.Resolve()
	if err != nil {
		return nil, fmt.Errorf("the schema of policies: %w", err)
	}
	return validate.New(resolved), nil
})

func newRule(c *cedar.Policy) (rule, error) {
	pos := c.Position()
	r := rule{policy: c, Rule: Rule{
		At: fmt.Sprintf("%s:%d:%d", pos.Filename, pos.Line, pos.Column), Effect: "permit", Ceiling: Full,
	}}
	r.ID = r.At
	if c.Effect() == cedar.Forbid {
		r.Effect, r.Ceiling = "forbid", Withhold
	}
	notes := c.Annotations()
	for _, k := range slices.Sorted(maps.Keys(notes)) {
		v := string(notes[k])
		switch k {
		case "id":
			if r.ID = v; v == "" {
				return r, fmt.Errorf("%s: @id is empty", r.At)
			}
		case "reason":
			r.Reason = v
		case "ceiling":
			if err := r.Ceiling.UnmarshalText([]byte(v)); err != nil {
				return r, fmt.Errorf("%s: @ceiling: %w", r.At, err)
			}
		case "approvals":
			n, err := strconv.Atoi(v)
			if err != nil || n < 1 || n > maxApprovals {
				return r, fmt.Errorf("%s: @approvals %q is not a number from 1 to %d", r.At, v, maxApprovals)
			}
			r.Approvals = n
		default:
			return r, fmt.Errorf("%s: annotation @%s is none of @ceiling, @approvals, @reason and @id", r.At, k)
		}
	}
	if r.Reason == "" {
		r.Reason = "our rule " + r.ID + " applies"
	}
	return r, nil
}

// Rules lists the rules, permits first.
func (p *CedarPolicy) Rules() []Rule {
	var out []Rule
	for _, r := range slices.Concat(p.permits, p.forbids) {
		out = append(out, r.Rule)
	}
	return out
}

// Limit implements [Policy].
func (p *CedarPolicy) Limit(f Facts) ([]Reason, error) {
	key := f.key(p.named)
	p.mu.RLock()
	v, known := p.verdicts[key]
	p.mu.RUnlock()
	if known {
		return v.reasons, v.err
	}
	v.reasons, v.err = p.judge(f)
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.verdicts) >= maxVerdicts {
		clear(p.verdicts)
	}
	p.verdicts[key] = v
	return v.reasons, v.err
}

func (p *CedarPolicy) judge(f Facts) ([]Reason, error) {
	entities, req := f.request(p.named)
	var reasons []Reason
	var errs []error
	apply := func(rules ruleSet) (applied int) {
		_, diag := cedar.Authorize(rules, entities, req)
		for _, e := range diag.Errors {
			errs = append(errs, fmt.Errorf("rule at %s:%d:%d: %s", e.Position.Filename, e.Position.Line, e.Position.Column, e.Message))
		}
		for _, d := range diag.Reasons {
			i, err := strconv.Atoi(string(d.PolicyID))
			if err != nil || i < 0 || i >= len(rules) {
				errs = append(errs, fmt.Errorf("no rule %q", d.PolicyID))
				continue
			}
			r := rules[i]
			reasons = append(reasons, Reason{Rule: r.ID, Outcome: r.Ceiling, Text: r.Reason, Approvals: r.Approvals})
			applied++
		}
		return applied
	}
	if apply(p.permits) == 0 {
		reasons = append(reasons, Reason{Rule: "local-policy", Outcome: Withhold, Text: "no rule of our own policy lets it pass"})
	}
	apply(p.forbids)
	return reasons, errors.Join(errs...)
}

// request puts the facts in the form of the schema.
func (f Facts) request(withID bool) (types.EntityMap, cedar.Request) {
	id := types.String("object")
	if withID {
		id = types.String(f.ID)
	}
	words := func(ss []string) types.Set {
		vs := make([]types.Value, len(ss))
		for i, s := range ss {
			vs[i] = types.String(s)
		}
		return types.NewSet(vs...)
	}
	attrs := types.RecordMap{
		"type": types.String(f.Type), "from": types.String(f.From), "tlp": types.Long(f.TLP), "listed": types.Boolean(f.Listed),
		"labels": words(f.Labels), "revoked": types.Boolean(f.Revoked), "kind": types.String(f.Kind), "class": types.String(f.Class),
		"classes": words(f.Classes), "area": types.String(f.Area), "country": types.String(f.Country),
		"organisation": types.String(f.Organisation), "reliability": types.String(f.Reliability), "sensitive": types.Boolean(f.Sensitive),
		"selectors": types.Boolean(f.Selectors), "placed": types.Boolean(f.Placed),
	}
	for _, n := range []struct {
		name types.String
		n    *int
	}{{"confidence", f.Confidence}, {"age_days", f.AgeDays}, {"credibility", f.Credibility}, {"killed", f.Killed}, {"wounded", f.Wounded}} {
		if n.n != nil {
			attrs[n.name] = types.Long(*n.n)
		}
	}
	party := types.NewEntityUID("Party", types.String(f.Recipient))
	object := types.NewEntityUID("Object", id)
	now := f.Now.UTC()
	return types.EntityMap{
			party:  {UID: party, Attributes: types.NewRecord(types.RecordMap{"rung": types.Long(f.Rung)})},
			object: {UID: object, Attributes: types.NewRecord(attrs)},
		}, cedar.Request{
			Principal: party, Action: types.NewEntityUID("Action", "release"), Resource: object,
			Context: types.NewRecord(types.RecordMap{
				"accord": types.String(f.Accord), "purpose": types.String(f.Purpose), "legal_basis": types.String(f.LegalBasis),
				"day": types.String(now.Format(time.DateOnly)), "hour": types.Long(now.Hour()), "weekday": types.Long((int(now.Weekday())+6)%7 + 1),
			}),
		}
}
