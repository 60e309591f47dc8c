package stix

import (
	"crypto/sha256"
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// Validate returns every rule of STIX 2.1 (with Errata 01) that the object
// breaks: a MUST as an error, a SHOULD as a warning. It needs no other object
// and no network. An object without errors may still be refused by a receiver's
// own policy. Of an object with very many faults the first thousand are
// returned.
//
// In a few places the published examples, or what other validators accept,
// contradict a MUST of the text. There the finding is a warning, so that a
// published object is not refused: hexadecimal in upper case (§2.8), a header
// field with a plain string (§6.6.1, §6.12.2), a custom extension's name without
// "-ext" (§11.3.1), a pattern that joins different types with AND (§9.5) or
// repeats a qualifier behind a group (§9.5.1), and empty lists deep inside a
// producer's own properties (§2.12).
func Validate(raw []byte) []Finding {
	root, err := decode(raw)
	if err != nil {
		f := Finding{Severity: Error, Rule: "json", Section: "1.2.10", Message: err.Error()}
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

// ValidateAll reads a bundle, envelope, array or single object as [ReadBundle]
// does, and calls fn for each object with what [Validate] finds, and what is wrong
// with it among the others: a second object of the same id and version. It
// returns what is wrong with the bundle itself. The error is that of
// ReadBundle, when the input ends or breaks.
//
// Memory grows by some 100 bytes with every object.
func ValidateAll(r io.Reader, fn func(i int, raw []byte, found []Finding)) (Container, []Finding, error) {
	seen := map[[16]byte][16]byte{} // version of an object to its content
	c, err := ReadBundle(r, func(i int, raw []byte) error {
		root, err := decode(raw)
		if err != nil {
			fn(i, raw, Validate(raw))
			return nil
		}
		fn(i, raw, append(validate(&root), repeated(seen, &root, raw)...))
		return nil
	})
	return c, c.validate(), err
}

// repeated reports an object whose id and version occurred before (§3.6).
func repeated(seen map[[16]byte][16]byte, root *value, raw []byte) []Finding {
	id := root.str("id")
	if id == "" {
		return nil
	}
	version := digest([]byte(id + " " + root.str("modified")))
	content := digest(canonical(raw))
	first, again := seen[version]
	seen[version] = content
	f := Finding{ID: clip(id), Path: "id", Section: "3.6"}
	switch {
	case !again:
		return nil
	case first == content:
		f.Severity, f.Rule, f.Message = Warning, "repeated", "the same version of this object is listed twice"
	default:
		f.Severity, f.Rule, f.Message = Error, "conflicting-versions",
			"another object with the same id and modified has other content"
	}
	return []Finding{f}
}

func digest(b []byte) (d [16]byte) {
	sum := sha256.Sum256(b)
	copy(d[:], sum[:])
	return d
}

// canonical returns the canonical form (RFC 8785), or the bytes as they are
// where there is none.
func canonical(raw []byte) []byte {
	v := jsontext.Value(raw).Clone()
	if err := v.Canonicalize(); err != nil {
		return raw
	}
	return v
}

// validate checks the bundle itself (§8.1).
func (c Container) validate() []Finding {
	if c.Form != "bundle" {
		return nil
	}
	k := &check{id: clip(c.ID), typ: "bundle", section: "8.1"}
	if c.ID == "" {
		k.missing("id")
	} else {
		k.in("id", func() {
			typ, uid, ok := SplitID(c.ID)
			switch {
			case !ok || typ != "bundle":
				k.must("identifier", "2.9", "%q is not bundle--UUID", clip(c.ID))
			case uid[14] != '4':
				k.should("uuid-version", "2.9", "the UUID should be of version 4, is of version %c", uid[14])
			}
		})
	}
	if c.Listed && c.Objects == 0 {
		k.in("objects", func() { k.must("empty-list", "2.12", "a list must not be empty; leave the property out instead") })
	}
	for _, name := range c.Others {
		k.in(name, func() {
			if name == "objects" {
				k.must("json-type", "8.1", "must be a list")
				return
			}
			k.should("custom-property", "8", "a bundle has no properties beside type, id and objects; others may be lost")
		})
	}
	return k.out
}
