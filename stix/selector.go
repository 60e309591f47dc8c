package stix

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Step is one component of a selector: a property name or dictionary key, or an
// index into a list where Name is empty.
type Step struct {
	Name  string
	Index int
}

// ParseSelector splits a selector of a granular marking into its steps from the
// top of the object (§7.2.3): "external_references.[0].url". Names are whole:
// a selector "name" does not select "name_enc".
func ParseSelector(s string) ([]Step, error) {
	steps, err := splitSelector(s)
	if err != nil {
		return nil, fmt.Errorf("selector %q: %w", clip(s), err)
	}
	out := make([]Step, len(steps))
	for i, st := range steps {
		out[i] = Step{st.name, st.index}
	}
	return out, nil
}

// Selected returns what a selector selects in the object, in the form that
// [Object.Props] uses, or an error that says why it selects nothing.
func (o *Object) Selected(selector string) (any, error) {
	steps, err := splitSelector(selector)
	if err == nil {
		var v *value
		if v, err = o.root.walk(steps); err == nil {
			return toAny(v), nil
		}
	}
	return nil, fmt.Errorf("selector %q: %w", clip(selector), err)
}

func splitSelector(s string) ([]step, error) {
	var steps []step
	for part := range strings.SplitSeq(s, ".") {
		switch {
		case part == "":
			return nil, errors.New("a component is empty")
		case part[0] == '[' && part[len(part)-1] == ']':
			digits := part[1 : len(part)-1]
			n, err := strconv.Atoi(digits)
			if err != nil || !isDigits(digits) || len(digits) > 1 && digits[0] == '0' {
				return nil, fmt.Errorf("%s is no list index", clip(part))
			}
			steps = append(steps, step{index: n})
		case strings.ContainsAny(part, "[]"):
			return nil, fmt.Errorf("a list index must be a component of its own, parted by a point: %s", clip(part))
		default:
			steps = append(steps, step{name: part})
		}
	}
	if steps[0].name == "" {
		return nil, errors.New("the first component must be a property name")
	}
	return steps, nil
}

// walk follows steps down from v.
func (v *value) walk(steps []step) (*value, error) {
	for _, s := range steps {
		switch {
		case s.name == "" && v.kind != jsontext.KindBeginArray:
			return nil, fmt.Errorf("[%d] of %s, which is no list", s.index, kindName(v.kind))
		case s.name == "" && s.index >= len(v.kids):
			return nil, fmt.Errorf("the list has no [%d], it has %d elements", s.index, len(v.kids))
		case s.name == "":
			v = &v.kids[s.index]
		case v.kind != jsontext.KindBeginObject:
			return nil, fmt.Errorf("%q of %s, which has no properties", clip(s.name), kindName(v.kind))
		default:
			next, ok := v.get(s.name)
			if !ok {
				return nil, fmt.Errorf("there is no %q", clip(s.name))
			}
			v = next
		}
	}
	return v, nil
}
