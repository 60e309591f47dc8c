// Package selector turns what officers write into the keys that private
// matching compares: a phone number in Persian digits and the same number in
// international form have one key.
//
// Normalise gives the keys of one value of a kind, or an error that says why
// it is not one. Two values match where they share a key; most kinds give one
// key, some more (a national phone number that two countries could have given
// out, a name with its possible spellings). Scan finds values in free text.
//
// Keys are only comparable under the same normaliser, which Version names.
// A change of any key takes a new version: both sides of a match must agree
// on it. The package keeps nothing and asks nobody.
package selector

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

var (
	// ErrKind reports a kind that is not among Kinds.
	ErrKind = errors.New("unknown selector kind")
	// ErrValue reports a value that is not of its kind.
	ErrValue = errors.New("not a value of its kind")
)

// MaxValue is the length of the longest value accepted, in bytes.
const MaxValue = 4096

// Kind describes a kind of selector.
type Kind struct {
	Name string
	// Version names the normaliser, such as "phone/1".
	Version string
	// Weak is set where a value alone says little about whom it belongs to,
	// so that a match needs a second attribute.
	Weak      bool
	normalise func(value string, o *options) ([]string, error)
}

// kinds in the order of their names.
var kinds = []Kind{
	{Name: "card", Version: "card/1", normalise: card},
	{Name: "cell", Version: "cell/1", normalise: cell},
	{Name: "crypto", Version: "crypto/1", normalise: crypto},
	{Name: "document", Version: "document/1", normalise: document},
	{Name: "domain", Version: "domain/1", normalise: domain},
	{Name: "email", Version: "email/1", normalise: email},
	{Name: "hash", Version: "hash/1", normalise: hash},
	{Name: "iban", Version: "iban/1", normalise: iban},
	{Name: "imei", Version: "imei/1", normalise: imei},
	{Name: "imsi", Version: "imsi/1", normalise: imsi},
	{Name: "ip", Version: "ip/1", normalise: ip},
	{Name: "name", Version: "name/2", Weak: true, normalise: name},
	{Name: "phone", Version: "phone/1", normalise: phone},
	{Name: "plate", Version: "plate/1", normalise: plate},
	{Name: "url", Version: "url/1", normalise: location},
}

// Kinds returns every kind, by name.
func Kinds() []Kind { return slices.Clone(kinds) }

// Version names the normaliser of a kind, or "" for an unknown kind.
func Version(kind string) string {
	if k := find(kind); k != nil {
		return k.Version
	}
	return ""
}

func find(kind string) *Kind {
	i, ok := slices.BinarySearchFunc(kinds, kind, func(k Kind, name string) int { return strings.Compare(k.Name, name) })
	if !ok {
		return nil
	}
	return &kinds[i]
}

// Option changes how values are read.
type Option func(*options)

type options struct {
	regions []string
}

// Regions sets the countries (ISO 3166-1, two letters) whose national phone
// numbers are understood; without it they are AF and PK.
func Regions(regions ...string) Option {
	return func(o *options) { o.regions = regions }
}

// Normalise returns the keys of a value, each once, the most exact first. The
// error wraps ErrKind or ErrValue; its text is meant for the person who wrote
// the value and does not repeat it.
func Normalise(kind, value string, opts ...Option) ([]string, error) {
	k := find(kind)
	if k == nil {
		return nil, fmt.Errorf("%q: %w", kind, ErrKind)
	}
	if len(value) > MaxValue {
		return nil, fmt.Errorf("%s: longer than %d bytes: %w", kind, MaxValue, ErrValue)
	}
	o := options{regions: []string{"AF", "PK"}}
	for _, opt := range opts {
		opt(&o)
	}
	keys, err := k.normalise(clean(value), &o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", kind, err)
	}
	return unique(keys), nil
}

// Keys is Normalise for a line of a list: nil where it has no key. A name may
// stand without its year; its keys are then those of NameKeys.
func Keys(kind, line string, opts ...Option) []string {
	if kind == "name" && len(line) <= MaxValue {
		if words, years := splitName(clean(line)); len(years) == 0 {
			return nameKeys(words)
		}
	}
	keys, err := Normalise(kind, line, opts...)
	if err != nil {
		return nil
	}
	return keys
}

// bad returns an ErrValue with a reason.
func bad(format string, args ...any) error {
	return fmt.Errorf(format+": %w", append(args, ErrValue)...)
}

func unique(keys []string) (out []string) {
	for _, k := range keys {
		if !slices.Contains(out, k) {
			out = append(out, k)
		}
	}
	return out
}
