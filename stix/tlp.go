package stix

import (
	"bytes"
	"fmt"
	"strings"
)

// Level is a level of the Traffic Light Protocol. Higher levels permit less;
// levels compare with < and >. The zero Level is no level at all and permits
// nothing by itself: a gate must treat it by its own rule.
type Level int

// The levels of TLP 2.0. TLP:WHITE of version 1 is Clear.
const (
	Clear Level = iota + 1
	Green
	Amber
	AmberStrict
	Red
)

// TLP2Extension is the OASIS extension that carries TLP 2.0 in STIX 2.1.
const TLP2Extension = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"

var levelNames = [...]string{"", "TLP:CLEAR", "TLP:GREEN", "TLP:AMBER", "TLP:AMBER+STRICT", "TLP:RED"}

// String returns the label as FIRST writes it, "TLP:AMBER+STRICT"; "" for the
// zero Level.
func (l Level) String() string {
	if l < 0 || int(l) >= len(levelNames) {
		return fmt.Sprintf("Level(%d)", int(l))
	}
	return levelNames[l]
}

// ParseLevel reads a label, with or without "TLP:", in any case; WHITE counts
// as CLEAR.
func ParseLevel(s string) (Level, error) {
	name := strings.TrimPrefix(strings.ToUpper(strings.TrimSpace(s)), "TLP:")
	if name == "WHITE" {
		return Clear, nil
	}
	for l := Clear; l <= Red; l++ {
		if "TLP:"+name == l.String() {
			return l, nil
		}
	}
	return 0, fmt.Errorf("%q is no TLP level (CLEAR, GREEN, AMBER, AMBER+STRICT, RED)", clip(s))
}

type tlpMarking struct {
	id    string
	level Level
	v1    string // value of definition.tlp; "" for TLP 2.0
}

// The only permitted TLP markings: version 1 in STIX 2.1 §7.2.1.4, version 2.0
// in the OASIS extension above.
var tlpMarkings = []tlpMarking{
	{"marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487", Clear, ""},
	{"marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb", Green, ""},
	{"marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421", Amber, ""},
	{"marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003", AmberStrict, ""},
	{"marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1", Red, ""},
	{"marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9", Clear, "white"},
	{"marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da", Green, "green"},
	{"marking-definition--f88d31f6-486f-44da-b317-01333bde0b82", Amber, "amber"},
	{"marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed", Red, "red"},
}

// MarkingRef returns the id of the TLP 2.0 marking definition of the level; ""
// for the zero Level.
func (l Level) MarkingRef() string {
	for _, m := range tlpMarkings {
		if m.level == l {
			return m.id
		}
	}
	return ""
}

// LevelOf returns the level that a marking definition's id stands for; false
// for ids that are no TLP marking of either version.
func LevelOf(markingRef string) (Level, bool) {
	for _, m := range tlpMarkings {
		if m.id == markingRef {
			return m.level, true
		}
	}
	return 0, false
}

// TLPOf returns the highest TLP level among the object's object_marking_refs.
// ok is false when none of them is a TLP marking. Granular markings may demand
// more for parts of the object: see [Object.GranularMarkings].
func TLPOf(o *Object) (level Level, ok bool) {
	for _, ref := range o.ObjectMarkingRefs {
		if l, is := LevelOf(ref); is {
			level, ok = max(level, l), true
		}
	}
	return level, ok
}

// MarkingDefinition returns the bytes of a TLP marking definition, of either
// version, by its id; false for any other id. The content is fixed by the
// specifications; every copy that this package gives has the same bytes.
func MarkingDefinition(id string) ([]byte, bool) {
	for _, m := range tlpMarkings {
		if m.id == id {
			return m.object(), true
		}
	}
	return nil, false
}

// TLPMarkings returns the ids of all TLP marking definitions: version 2.0 in
// ascending order of level, then version 1.
func TLPMarkings() []string {
	ids := make([]string, len(tlpMarkings))
	for i, m := range tlpMarkings {
		ids[i] = m.id
	}
	return ids
}

func (m tlpMarking) object() []byte {
	var b bytes.Buffer
	b.WriteString(`{"type":"marking-definition","spec_version":"2.1","id":"` + m.id + `",`)
	if m.v1 != "" {
		b.WriteString(`"created":"2017-01-20T00:00:00.000Z","definition_type":"tlp","name":"TLP:` +
			strings.ToUpper(m.v1) + `","definition":{"tlp":"` + m.v1 + `"}}`)
		return b.Bytes()
	}
	name := m.level.String()
	b.WriteString(`"created":"2022-10-01T00:00:00.000Z","name":"` + name + `","extensions":{"` + TLP2Extension +
		`":{"extension_type":"property-extension","tlp_2_0":"` + strings.ToLower(name[len("TLP:"):]) + `"}}}`)
	return b.Bytes()
}

// MarshalText writes the label, "" for the zero Level.
func (l Level) MarshalText() ([]byte, error) {
	if l < 0 || l > Red {
		return nil, fmt.Errorf("%v is no TLP level", l)
	}
	return []byte(l.String()), nil
}

// UnmarshalText reads what [Level.MarshalText] writes and what [ParseLevel]
// reads.
func (l *Level) UnmarshalText(b []byte) (err error) {
	if len(b) == 0 {
		*l = 0
		return nil
	}
	*l, err = ParseLevel(string(b))
	return err
}
