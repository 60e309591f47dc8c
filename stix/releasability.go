package stix

import (
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
)

// ReleasabilityExtension is Parley's property extension of marking-definition:
// to which parties what is marked may be released, and whether it may be passed
// on without its originator's consent.
const ReleasabilityExtension = "extension-definition--48ccf6ed-38b1-4e63-b101-29dffe0de171"

const releasabilityExtension = `{"type":"extension-definition","spec_version":"2.1","id":"` + ReleasabilityExtension + `",` +
	`"created_by_ref":"` + ProjectIdentity + `",` +
	`"created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z",` +
	`"name":"Parley releasability",` +
	`"description":"Marks data as releasable to the parties named and to nobody else, and says whether it may be passed on without its originator's consent.",` +
	`"schema":"Properties of the extension: releasable_to (list of party names, not empty; without it no list restricts); ` +
	`originator_control (boolean: true asks the originator's consent before it is passed on). At least one of them is given.",` +
	`"version":"1.0.0","extension_types":["property-extension"]}`

// ReleasabilityExtensionDefinition returns the extension-definition object of
// [ReleasabilityExtension], always with the same bytes.
func ReleasabilityExtensionDefinition() []byte { return []byte(releasabilityExtension) }

// Releasability is what a marking definition with that extension says.
type Releasability struct {
	// To lists the parties it may be released to, in ascending order. It
	// restricts only where Listed; an empty list releases to nobody.
	To     []string
	Listed bool
	// OriginatorControl asks the originator's consent before whoever received
	// what is marked passes it on.
	OriginatorControl bool
}

// Allows reports whether the list lets a party have what is marked.
func (r Releasability) Allows(party string) bool { return !r.Listed || slices.Contains(r.To, party) }

// releasabilitySpace is the namespace of the identifiers of these markings.
var releasabilitySpace = uuid.MustParse("98b507d5-7e82-4431-9639-1dbd66c617ac")

// Marking returns the marking definition that says this: the same bytes and the
// same id for the same content. Parties must be named where a list restricts.
func (r Releasability) Marking() (id string, raw []byte, err error) {
	ext := map[string]any{"extension_type": "property-extension"}
	name := fmt.Sprintf("originator_control=%v", r.OriginatorControl)
	if r.Listed {
		to := slices.Compact(slices.Sorted(slices.Values(r.To)))
		if len(to) == 0 || slices.Contains(to, "") {
			return "", nil, errors.New("a releasability list names no party")
		}
		ext["releasable_to"] = to
		name += fmt.Sprintf("\nreleasable_to=%q", to)
	}
	if r.OriginatorControl || !r.Listed {
		ext["originator_control"] = r.OriginatorControl
	}
	id = NameID("marking-definition", releasabilitySpace, name)
	raw, err = Encode(map[string]any{
		"type": "marking-definition", "spec_version": "2.1", "id": id, "created": "2026-01-01T00:00:00.000Z",
		"name": "Parley releasability", "extensions": map[string]any{ReleasabilityExtension: ext},
	})
	return id, raw, err
}

// ReleasabilityOf reads the releasability that a marking definition states. ok is
// false where it states none; the error says why what is there cannot be
// understood, and a gate must then withhold.
func ReleasabilityOf(o *Object) (r Releasability, ok bool, err error) {
	if o.Type != "marking-definition" {
		return r, false, fmt.Errorf("%s is no marking definition", clip(o.ID))
	}
	var x struct {
		ExtensionType     string    `json:"extension_type"`
		ReleasableTo      *[]string `json:"releasable_to"`
		OriginatorControl *bool     `json:"originator_control"`
	}
	if ok, err = o.Extension(ReleasabilityExtension, &x); !ok || err != nil {
		return r, ok, err
	}
	all, _ := o.root.get("extensions")
	ext, _ := all.get(ReleasabilityExtension)
	for _, k := range ext.keys {
		// What a newer version adds may restrict further.
		if k != "extension_type" && k != "releasable_to" && k != "originator_control" {
			return r, true, fmt.Errorf("releasability: property %q is not known here", clip(k))
		}
	}
	if _, given := ext.get("releasable_to"); given && x.ReleasableTo == nil {
		return r, true, errors.New("releasability: releasable_to is null")
	}
	if x.ReleasableTo == nil && x.OriginatorControl == nil {
		return r, true, errors.New("releasability: neither releasable_to nor originator_control is given")
	}
	if x.ReleasableTo != nil {
		r.Listed = true
		r.To = slices.Compact(slices.Sorted(slices.Values(*x.ReleasableTo)))
	}
	r.OriginatorControl = x.OriginatorControl != nil && *x.OriginatorControl
	return r, true, nil
}
