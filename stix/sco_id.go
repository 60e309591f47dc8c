package stix

import (
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
)

// hashPreference is the order in which one hash is chosen to contribute to an
// identifier (§6.1.1, §6.7.1, §6.18.1).
var hashPreference = []string{"MD5", "SHA-1", "SHA-256", "SHA-512"}

// DeterministicID returns the identifier that a cyber-observable should have: a
// UUIDv5 over the canonical form (RFC 8785) of its contributing properties
// (§2.9, §3.4). ok is false for other objects, and where no contributing
// property is there and the identifier has to be random.
func (o *Object) DeterministicID() (id string, ok bool) {
	s := specOf(o.Type)
	if s == nil || s.family != sco {
		return "", false
	}
	return deterministicID(s, &o.root)
}

func deterministicID(s *spec, root *value) (string, bool) {
	parts := map[string]any{}
	for _, name := range s.ids {
		v, ok := root.get(name)
		switch {
		case !ok:
		case name == "hashes":
			if algorithm, hash, ok := chooseHash(v); ok {
				parts[name] = map[string]any{algorithm: hash}
			}
		default:
			parts[name] = toAny(v)
		}
	}
	if len(parts) == 0 {
		return "", false
	}
	raw, err := json.Marshal(parts)
	if err != nil {
		return "", false
	}
	canonical := jsontext.Value(raw)
	if err := canonical.Canonicalize(); err != nil {
		return "", false
	}
	return s.name + "--" + uuid.NewSHA1(oasisNamespace, canonical).String(), true
}

// chooseHash picks the hash that contributes: the preferred one, else the
// first.
func chooseHash(v *value) (algorithm string, hash any, ok bool) {
	for _, a := range hashPreference {
		if h, found := v.get(a); found {
			return a, toAny(h), true
		}
	}
	if len(v.keys) == 0 || v.kind != jsontext.KindBeginObject {
		return "", nil, false
	}
	return v.keys[0], toAny(&v.kids[0]), true
}

// scoID checks how the identifier of a cyber-observable was made.
func (c *check) scoID(s *spec) {
	typ, uid, ok := SplitID(c.root.str("id"))
	if !ok || typ != s.name || c.local != nil {
		return
	}
	want, contributes := deterministicID(s, c.root)
	version := uid[14]
	c.in("id", func() {
		switch {
		case !contributes && version == '5' && s.ids != nil:
			c.must("uuid-version", "2.9", "must have a UUID of version 4, as no property contributes to the identifier")
		case !contributes && version != '4':
			c.should("uuid-version", "2.9", "the UUID should be of version 4, as no property contributes to the identifier")
		case contributes && version != '5':
			c.should("deterministic-id", "2.9", "the UUID should be of version 5, is of version %c; it would be %s", version, want)
		case contributes && !equalFold(c.root.str("id"), want):
			c.should("deterministic-id", "2.9", "is not derived from %v by the specification's method, which gives %s",
				present(c.root, s.ids), want)
		}
	})
}

func present(root *value, names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !root.has(n) })
}

// equalFold compares ASCII text without regard to case.
func equalFold(a, b string) bool { return upperASCII(a) == upperASCII(b) }
