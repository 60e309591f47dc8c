package stix

import "fmt"

// Severity tells a broken MUST from a broken SHOULD.
type Severity string

// The severities of findings.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// A Finding is one rule of the specification that an object breaks.
type Finding struct {
	Severity Severity `json:"severity"`
	ID       string   `json:"id"`   // of the object; "" where it has none
	Path     string   `json:"path"` // like external_references[0].url; "" is the object itself
	Rule     string   `json:"rule"` // short stable name, like "required"
	Section  string   `json:"section"`
	Message  string   `json:"message"`
}

func (f Finding) String() string {
	at := f.Path
	if at == "" {
		at = "object"
	}
	return fmt.Sprintf("%s: %s: %s [%s, §%s]", f.Severity, at, f.Message, f.Rule, f.Section)
}
