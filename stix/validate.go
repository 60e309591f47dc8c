package stix

import (
	"errors"

	"github.com/go-json-experiment/json/jsontext"
)

// Validate returns every rule of STIX 2.1 that the object breaks: MUST as
// errors, SHOULD as warnings, in the order of the object's properties. It needs
// no other object and no network. An object without errors may still be
// refused by a receiver's own policy.
//
// An object with very many faults is reported up to a limit of 1,000.
func Validate(raw []byte) []Finding {
	root, err := decode(raw)
	if err != nil {
		f := Finding{Severity: Error, Rule: "json", Section: "1.7", Message: err.Error()}
		var syn *SyntaxError
		if errors.As(err, &syn) {
			f.Path = syn.Path
		}
		return []Finding{f}
	}
	return validate(&root)
}

// Validate is [Validate] on an object that is already decoded.
func (o *Object) Validate() []Finding { return validate(&o.root) }

func validate(root *value) []Finding {
	c := &check{root: root, section: "3.2", at: make([]step, 0, 8)}
	if root.kind != jsontext.KindBeginObject {
		c.must("json-type", "3", "a STIX object is a JSON object, this is %s", kindName(root.kind))
		return c.out
	}
	c.id, c.typ = clip(root.str("id")), root.str("type")
	c.object()
	return c.out
}
