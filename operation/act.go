package operation

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"parley.example/parley/deconflict"
)

// ErrAct reports an act that cannot be meant; the message says why.
var ErrAct = errors.New("act is not valid")

// The kinds of act.
const (
	Propose  = "propose"  // the first act: members and terms
	Set      = "set"      // fields of an item, or of the terms
	Agree    = "agree"    // to the terms with this digest
	Activate = "activate" // when all have agreed
	Close    = "close"    // with an after-action record
	Abandon  = "abandon"  // by any member, at once
	Leave    = "leave"    // at once
	Sign     = "sign"     // a decision with this digest
	Attach   = "attach"   // what the gate let pass to the other members
	Remark   = "remark"   // a line of the log
)

// The kinds of item, and the fields that each may have.
var itemFields = map[string][]string{
	"terms":    {"title", "purpose", "legal_basis", "officer", "from", "until", "place", "summary"},
	"task":     {"title", "owner", "due", "state", "note"},
	"liaison":  {"name", "party", "contact", "hours"},
	"layer":    {"name", "geojson"},
	"decision": {"text"},
}

// TaskStates are the values of a task's state.
var TaskStates = []string{"open", "doing", "done", "dropped"}

// MaxAct is the greatest length of an act in bytes.
const MaxAct = 256 << 10

const maxText = 8 << 10

// Act is one act of a member in an operation.
type Act struct {
	Operation string `json:"operation"`
	N         int64  `json:"n"`  // 1, 2, … of this member in this operation
	By        string `json:"by"` // who, for people
	Kind      string `json:"kind"`
	// After is, for each other member, the greatest N of its acts that the writer
	// had seen.
	After   map[string]int64  `json:"after,omitzero"`
	Members []string          `json:"members,omitzero"` // Propose
	Item    string            `json:"item,omitzero"`    // Set, Sign: "terms", "task/ID", …; Attach: id of the copy
	Fields  map[string]string `json:"fields,omitzero"`  // Propose, Set
	Digest  string            `json:"digest,omitzero"`  // Agree, Sign
	Text    string            `json:"text,omitzero"`    // Close, Abandon, Leave, Attach, Remark
}

// NewID names an operation. What is an exercise says so in its name, and so in every
// act: it cannot be taken for the real thing, nor become it.
func NewID(random string, exercise bool) string {
	if exercise {
		return "exercise-" + random
	}
	return "operation-" + random
}

// IsExercise reports whether an operation is an exercise.
func IsExercise(id string) bool { return strings.HasPrefix(id, "exercise-") }

// Marshal returns an act's bytes.
func (a Act) Marshal() ([]byte, error) { return json.Marshal(a, json.Deterministic(true)) }

// Parse reads an act and checks its form. Unknown members are kept out.
func Parse(b []byte) (Act, error) {
	var a Act
	if len(b) > MaxAct {
		return a, fmt.Errorf("%w: %d bytes, at most %d", ErrAct, len(b), MaxAct)
	}
	if err := json.Unmarshal(b, &a); err != nil {
		return a, fmt.Errorf("%w: it does not read: %w", ErrAct, err)
	}
	return a, a.Check()
}

// Check reports what is wrong with the form of an act.
func (a Act) Check() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrAct, fmt.Sprintf(format, args...))
	}
	if kind, rest, _ := strings.Cut(a.Operation, "-"); kind != "operation" && kind != "exercise" || len(rest) < 8 || len(rest) > 64 {
		return bad("operation %q is no name of one", a.Operation)
	}
	if a.N < 1 {
		return bad("its number is %d", a.N)
	}
	if a.Kind != Set && len(a.Text) > maxText {
		return bad("its text has %d bytes, at most %d", len(a.Text), maxText)
	}
	switch a.Kind {
	case Propose:
		if a.N != 1 {
			return bad("an operation is proposed by the first act")
		}
		if len(a.Members) < 2 || len(a.Members) > 16 || !slices.IsSorted(a.Members) || len(slices.Compact(slices.Clone(a.Members))) != len(a.Members) {
			return bad("an operation has 2 to 16 members, sorted, each once")
		}
		if err := checkFields("terms", a.Fields); err != nil {
			return err
		}
		for _, f := range []string{"title", "purpose", "legal_basis", "officer"} {
			if strings.TrimSpace(a.Fields[f]) == "" {
				return bad("the terms lack the %s", strings.ReplaceAll(f, "_", " "))
			}
		}
	case Set:
		kind, id, ok := strings.Cut(a.Item, "/")
		if (kind == "terms") == ok || ok && (id == "" || len(id) > 64) || len(a.Fields) == 0 {
			return bad("item %q is none of terms, task/ID, liaison/ID, layer/ID, decision/ID, or has no fields", a.Item)
		}
		return checkFields(kind, a.Fields)
	case Agree:
		if len(a.Digest) != 64 {
			return bad("it does not name the terms by their digest")
		}
	case Sign:
		if !strings.HasPrefix(a.Item, "decision/") || len(a.Digest) != 64 {
			return bad("it does not name a decision and its digest")
		}
	case Close:
		if strings.TrimSpace(a.Text) == "" {
			return bad("an operation is closed with an after-action record")
		}
	case Attach:
		if a.Item == "" || len(a.Item) > 200 {
			return bad("it does not name the copy that is attached")
		}
	case Remark:
		if strings.TrimSpace(a.Text) == "" {
			return bad("a remark is empty")
		}
	case Activate, Abandon, Leave:
	default:
		return bad("kind %q is unknown", a.Kind)
	}
	return nil
}

func checkFields(kind string, fields map[string]string) error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrAct, fmt.Sprintf(format, args...))
	}
	known, ok := itemFields[kind]
	if !ok {
		return bad("item kind %q is unknown", kind)
	}
	for f, v := range fields {
		most := maxText
		if f == "geojson" {
			most = MaxAct
		}
		switch {
		case !slices.Contains(known, f):
			return bad("a %s has no field %q; it has %s", kind, f, strings.Join(known, ", "))
		case len(v) > most:
			return bad("field %s has %d bytes, at most %d", f, len(v), most)
		case f == "purpose" && !slices.Contains(deconflict.Purposes, v):
			return bad("purpose is %q, want one of %s", v, strings.Join(deconflict.Purposes, ", "))
		case f == "legal_basis" && strings.TrimSpace(v) == "", f == "officer" && strings.TrimSpace(v) == "":
			return bad("%s must not be empty", strings.ReplaceAll(f, "_", " "))
		case kind == "task" && f == "state" && !slices.Contains(TaskStates, v):
			return bad("state of a task is %q, want one of %s", v, strings.Join(TaskStates, ", "))
		}
		if v != "" && (f == "due" || f == "from" || f == "until") {
			if _, err := time.Parse(time.RFC3339, v); err != nil {
				return bad("%s is %q, want a time such as 2026-03-06T14:00:00Z", f, v)
			}
		}
	}
	return nil
}
