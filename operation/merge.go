package operation

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Entry is an act as its member's ledger has it.
type Entry struct {
	Party string
	Index int64 // in the party's log
	At    time.Time
	Act   Act
}

// The states of an operation.
const (
	Proposed  = "proposed"
	Agreed    = "agreed"
	Active    = "active"
	Closed    = "closed"
	Abandoned = "abandoned"
)

// State is what all acts together say.
type State struct {
	ID        string       `json:"id"`
	Exercise  bool         `json:"exercise"`
	State     string       `json:"state"`
	Terms     WorkItem     `json:"terms"`
	Digest    string       `json:"digest"` // of the terms: what members agree to
	Members   []Member     `json:"members"`
	Tasks     []WorkItem   `json:"tasks"`
	Liaisons  []WorkItem   `json:"liaisons"`
	Layers    []WorkItem   `json:"layers"`
	Decisions []Decision   `json:"decisions"`
	Attached  []Attachment `json:"attachments"`
	Records   []Line       `json:"records"` // after-action records
	Log       []Line       `json:"log"`     // every act, in the order of merging
	// Problems are acts without effect, and conflicts in the operation's life.
	Problems []string `json:"problems"`
	// Conflicts counts fields with more than one value.
	Conflicts int `json:"conflicts"`
}

// Member is a member with what it did.
type Member struct {
	Party  string `json:"party"`
	Agreed bool   `json:"agreed"` // to the present terms
	Left   string `json:"left"`   // when; "" for not
	Reason string `json:"reason,omitempty"`
}

// WorkItem is a thing with fields.
type WorkItem struct {
	ID        string            `json:"id"`
	Fields    map[string]string `json:"fields"`
	Conflicts []Conflict        `json:"conflicts"`
}

// Conflict is a field of which several values stand.
type Conflict struct {
	Field  string  `json:"field"`
	Values []Value `json:"values"`
}

// Value is a value with who wrote it.
type Value struct {
	Value string `json:"value"`
	Party string `json:"party"`
	By    string `json:"by"`
	At    string `json:"at"`
}

// Decision is a decision with who signed its present text.
type Decision struct {
	WorkItem
	Digest string   `json:"digest"`
	Signed []string `json:"signed"` // parties
	Taken  bool     `json:"taken"`  // every member that has not left signed
}

// Attachment is an object that the gate let pass.
type Attachment struct {
	Copy  string `json:"copy"`
	Title string `json:"title"`
	Party string `json:"party"`
	At    string `json:"at"`
}

// Line is a line of the log.
type Line struct {
	At    string `json:"at"`
	Party string `json:"party"`
	Index int64  `json:"index"` // in the party's ledger
	By    string `json:"by"`
	Text  string `json:"text"`
}

// seen reports whether the writer of b had seen a.
func seen(a, b Entry) bool {
	if a.Party == b.Party {
		return a.Act.N < b.Act.N
	}
	return b.Act.After[a.Party] >= a.Act.N
}

// merge is the state of a merge.
type merge struct {
	State
	all     []Entry
	members []string
	left    map[string]Entry
	writes  map[string]map[string][]Entry // item → field → entries that wrote it
}

// Merge makes the state of an operation of its acts, in whatever order they are
// given. Acts of others than members, and after a member left, have no effect.
func Merge(id string, entries []Entry) (State, error) {
	m := &merge{left: make(map[string]Entry), writes: make(map[string]map[string][]Entry)}
	m.ID, m.Exercise, m.State.State = id, IsExercise(id), Proposed
	m.Problems, m.Records, m.Attached, m.Log = []string{}, []Line{}, []Attachment{}, []Line{}
	m.order(entries)
	i := slices.IndexFunc(m.all, func(e Entry) bool { return e.Act.Kind == Propose && slices.Contains(e.Act.Members, e.Party) })
	if i < 0 {
		return m.State, fmt.Errorf("%w: operation %s has not been proposed", ErrAct, id)
	}
	m.members = m.all[i].Act.Members
	m.keepEffective(m.all[i])
	for _, e := range m.all {
		m.Log = append(m.Log, line(e))
		switch a := e.Act; a.Kind {
		case Propose:
			m.write("terms", e)
		case Set:
			if a.Item != "terms" || !m.afterActivation(e) {
				m.write(a.Item, e)
			}
		case Close:
			m.Records = append(m.Records, Line{stamp(e.At), e.Party, e.Index, a.By, a.Text})
		case Attach:
			m.Attached = append(m.Attached, Attachment{a.Item, a.Text, e.Party, stamp(e.At)})
		}
	}
	m.items()
	m.life()
	return m.State, nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// order brings entries into an order that is the same whatever theirs was and in which
// nothing comes before what it had seen. Of two acts of one number the first in the
// ledger counts.
func (m *merge) order(entries []Entry) {
	all := slices.Clone(entries)
	slices.SortFunc(all, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.Party, b.Party), cmp.Compare(a.Act.N, b.Act.N), cmp.Compare(a.Index, b.Index))
	})
	var unique []Entry
	for _, e := range all {
		if n := len(unique); n > 0 && unique[n-1].Party == e.Party && unique[n-1].Act.N == e.Act.N {
			m.problem("%s wrote two acts with the number %d; the first counts", e.Party, e.Act.N)
			continue
		}
		unique = append(unique, e)
	}
	depth := depths(unique)
	slices.SortStableFunc(unique, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(depth[key(a)], depth[key(b)]), cmp.Compare(a.Party, b.Party), cmp.Compare(a.Act.N, b.Act.N))
	})
	m.all = unique
}

type actKey struct {
	party string
	n     int64
}

func key(e Entry) actKey { return actKey{e.Party, e.Act.N} }

// depths is how long the longest chain is of acts of which each had seen the one
// before. sorted is by party and number. Vectors that contradict each other do no harm
// but to where their acts stand in the log.
func depths(sorted []Entry) map[actKey]int {
	before := func(party string, n int64) int { // the last act of a party up to a number
		i, _ := slices.BinarySearchFunc(sorted, actKey{party, n + 1}, func(e Entry, k actKey) int {
			return cmp.Or(cmp.Compare(e.Party, k.party), cmp.Compare(e.Act.N, k.n))
		})
		if i--; i < 0 || sorted[i].Party != party {
			return -1
		}
		return i
	}
	out := make(map[actKey]int)
	var depth func(i int) int
	depth = func(i int) int {
		if i < 0 {
			return 0
		}
		e := sorted[i]
		if d, ok := out[key(e)]; ok {
			return d
		}
		out[key(e)] = 0 // a loop ends here
		most := depth(before(e.Party, e.Act.N-1))
		for _, p := range slices.Sorted(maps.Keys(e.Act.After)) {
			if p != e.Party && e.Act.After[p] > 0 {
				most = max(most, depth(before(p, min(e.Act.After[p], 1<<40))))
			}
		}
		out[key(e)] = most + 1
		return most + 1
	}
	for i := range sorted {
		depth(i)
	}
	return out
}

func (m *merge) problem(format string, args ...any) {
	m.Problems = append(m.Problems, fmt.Sprintf(format, args...))
}

// keepEffective drops acts of others than members, of members that have left, other
// proposals, and what came after the end.
func (m *merge) keepEffective(proposal Entry) {
	for _, e := range m.all {
		if e.Act.Kind == Leave && slices.Contains(m.members, e.Party) {
			if _, ok := m.left[e.Party]; !ok {
				m.left[e.Party] = e
			}
		}
	}
	m.all = slices.DeleteFunc(m.all, func(e Entry) bool {
		left, gone := m.left[e.Party]
		why := ""
		switch {
		case !slices.Contains(m.members, e.Party):
			why = "is no member"
		case gone && e.Act.N > left.Act.N:
			why = "had left"
		case e.Act.Kind == Propose && (e.Party != proposal.Party || e.Act.N != proposal.Act.N):
			why = "proposed what was proposed already"
		}
		if why != "" {
			m.problem("act %d of %s has no effect: it %s", e.Act.N, e.Party, why)
		}
		return why != ""
	})
	m.all = slices.DeleteFunc(m.all, func(e Entry) bool {
		i := slices.IndexFunc(m.all, func(end Entry) bool {
			return (end.Act.Kind == Close || end.Act.Kind == Abandon) && seen(end, e)
		})
		if ended := i >= 0 && e.Act.Kind != Leave && e.Act.Kind != Remark; ended {
			m.problem("act %d of %s has no effect: it came after the end", e.Act.N, e.Party)
			return true
		}
		return false
	})
}

// afterActivation reports an edit of the terms by somebody who knew that the operation
// was active: terms are fixed then.
func (m *merge) afterActivation(e Entry) bool {
	i := slices.IndexFunc(m.all, func(x Entry) bool { return x.Act.Kind == Activate && seen(x, e) })
	if i >= 0 {
		m.problem("act %d of %s has no effect: the terms are fixed once the operation is active", e.Act.N, e.Party)
	}
	return i >= 0
}

func (m *merge) write(item string, e Entry) {
	if m.writes[item] == nil {
		m.writes[item] = make(map[string][]Entry)
	}
	for f := range e.Act.Fields {
		m.writes[item][f] = append(m.writes[item][f], e)
	}
}

// item reads an item: of each field the value that nothing supersedes, or all such.
func (m *merge) item(name string) WorkItem {
	_, id, _ := strings.Cut(name, "/")
	it := WorkItem{ID: id, Fields: make(map[string]string), Conflicts: []Conflict{}}
	for _, f := range slices.Sorted(maps.Keys(m.writes[name])) {
		ws := m.writes[name][f]
		standing := slices.DeleteFunc(slices.Clone(ws), func(a Entry) bool {
			return slices.ContainsFunc(ws, func(b Entry) bool { return seen(a, b) })
		})
		if len(standing) == 0 {
			standing = ws[len(ws)-1:] // each claims to have seen the other: the last counts
		}
		slices.SortFunc(standing, func(a, b Entry) int { return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.Party, b.Party)) })
		it.Fields[f] = standing[0].Act.Fields[f]
		c := Conflict{Field: f}
		for _, e := range standing {
			v := Value{e.Act.Fields[f], e.Party, e.Act.By, stamp(e.At)}
			if !slices.ContainsFunc(c.Values, func(o Value) bool { return o.Value == v.Value }) {
				c.Values = append(c.Values, v)
			}
		}
		if len(c.Values) > 1 {
			it.Conflicts = append(it.Conflicts, c)
		}
	}
	return it
}

func (m *merge) items() {
	m.Tasks, m.Liaisons, m.Layers, m.Decisions = []WorkItem{}, []WorkItem{}, []WorkItem{}, []Decision{}
	for _, name := range slices.Sorted(maps.Keys(m.writes)) {
		it := m.item(name)
		m.Conflicts += len(it.Conflicts)
		switch kind, _, _ := strings.Cut(name, "/"); kind {
		case "terms":
			m.Terms = it
		case "task":
			m.Tasks = append(m.Tasks, it)
		case "liaison":
			m.Liaisons = append(m.Liaisons, it)
		case "layer":
			m.Layers = append(m.Layers, it)
		case "decision":
			d := Decision{WorkItem: it, Digest: digestOf(m.ID, name, it), Signed: []string{}}
			for _, p := range m.members {
				if m.signed(p, name, d.Digest) {
					d.Signed = append(d.Signed, p)
				}
			}
			d.Taken = len(it.Conflicts) == 0 && !slices.ContainsFunc(m.members, func(p string) bool {
				_, left := m.left[p]
				return !left && !slices.Contains(d.Signed, p)
			})
			m.Decisions = append(m.Decisions, d)
		}
	}
}

// digestOf is what members agree to and sign: SHA-256 over the operation, the item and
// its fields. An item in conflict has none that anybody could sign.
func digestOf(operation, name string, it WorkItem) string {
	if len(it.Conflicts) > 0 {
		return ""
	}
	b, err := json.Marshal([]any{"parley operation item 1", operation, name, it.Fields}) // keys come sorted
	if err != nil {
		return "" // strings always encode
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func (m *merge) signed(party, item, digest string) bool {
	return digest != "" && slices.ContainsFunc(m.all, func(e Entry) bool {
		return e.Party == party && e.Act.Kind == Sign && e.Act.Item == item && e.Act.Digest == digest
	})
}

// life is where the operation stands.
func (m *merge) life() {
	m.Digest = digestOf(m.ID, "terms", m.Terms)
	here, agreed := 0, 0
	for _, p := range m.members {
		x := Member{Party: p, Agreed: m.Digest != "" && slices.ContainsFunc(m.all, func(e Entry) bool {
			return e.Party == p && e.Act.Kind == Agree && e.Act.Digest == m.Digest
		})}
		if e, ok := m.left[p]; ok {
			x.Left, x.Reason = stamp(e.At), e.Act.Text
		} else {
			here++
			if x.Agreed {
				agreed++
			}
		}
		m.Members = append(m.Members, x)
	}
	if agreed == here {
		m.State.State = Agreed
		if slices.ContainsFunc(m.all, func(e Entry) bool { return e.Act.Kind == Activate && m.knewAgreement(e) }) {
			m.State.State = Active
		}
	}
	if slices.ContainsFunc(m.all, func(e Entry) bool { return e.Act.Kind == Activate }) && m.State.State != Active {
		m.problem("somebody put it into action although not every member had agreed to these terms: it is not active")
	}
	closed := slices.IndexFunc(m.all, func(e Entry) bool { return e.Act.Kind == Close })
	abandoned := slices.IndexFunc(m.all, func(e Entry) bool { return e.Act.Kind == Abandon })
	switch {
	case closed >= 0 && (abandoned < 0 || seen(m.all[closed], m.all[abandoned])):
		m.State.State = Closed
	case abandoned >= 0:
		m.State.State = Abandoned
		if closed >= 0 {
			m.problem("%s closed it while %s abandoned it: it counts as abandoned, and the record is kept", m.all[closed].Party, m.all[abandoned].Party)
		}
	case here < 2:
		m.State.State = Abandoned
	}
}

// knewAgreement reports whether the writer of an act knew that every member agreed to
// the present terms.
func (m *merge) knewAgreement(e Entry) bool {
	return !slices.ContainsFunc(m.members, func(p string) bool {
		_, left := m.left[p]
		return !left && !slices.ContainsFunc(m.all, func(x Entry) bool {
			return x.Party == p && x.Act.Kind == Agree && x.Act.Digest == m.Digest && seen(x, e)
		})
	})
}

func line(e Entry) Line {
	a := e.Act
	text := a.Kind
	if a.Item != "" {
		text += " " + a.Item
	}
	for _, f := range slices.Sorted(maps.Keys(a.Fields)) {
		if v := a.Fields[f]; f == "geojson" {
			text += fmt.Sprintf("; %s: %d bytes", f, len(v))
		} else {
			text += fmt.Sprintf("; %s: %s", f, v)
		}
	}
	if a.Text != "" {
		text += ": " + a.Text
	}
	return Line{stamp(e.At), e.Party, e.Index, a.By, text}
}
