package incident

import (
	"bytes"
	"slices"
	"strings"
)

// Format is a format of files that can be imported.
type Format string

// Formats that [Detect] tells apart.
const (
	FormatUnknown Format = ""
	FormatUCDP    Format = "ucdp"
	FormatACLED   Format = "acled"
	FormatGTD     Format = "gtd"
	FormatParley  Format = "csv"  // Parley's own columns
	FormatJSON    Format = "json" // STIX, probably
)

// Detect recognises a file by its first bytes; the first line of a CSV must be
// among them.
func Detect(head []byte) Format {
	head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\uFEFF")), " \t\r\n")
	if bytes.HasPrefix(head, []byte("{")) || bytes.HasPrefix(head, []byte("[")) {
		return FormatJSON
	}
	line, _, _ := bytes.Cut(head, []byte("\n"))
	t, err := newTable(bytes.NewReader(line), ',')
	if err != nil {
		return FormatUnknown
	}
	has := func(name string) bool { return slices.Contains(t.header, name) }
	if !slices.ContainsFunc(ucdpNeeds, func(n string) bool { return !has(n) }) {
		return FormatUCDP
	}
	if !slices.ContainsFunc(acledNeeds, func(n string) bool { return !has(n) }) {
		return FormatACLED
	}
	if !slices.ContainsFunc(gtdNeeds, func(n string) bool { return !has(n) }) {
		return FormatGTD
	}
	known := 0
	for _, n := range t.header {
		if slices.Contains(Fields, strings.TrimSpace(n)) {
			known++
		}
	}
	if has("id") && has("date") && known == len(t.header) {
		return FormatParley
	}
	return FormatUnknown
}
