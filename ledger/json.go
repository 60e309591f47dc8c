package ledger

import (
	"bytes"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// strictJSON decodes with version 2 semantics: no duplicate keys, no case
// folding, valid UTF-8, nothing after the value. Unknown members are kept out
// of sight, not refused, so that later versions may add some.
func strictJSON(b []byte, out any) error {
	return json.UnmarshalRead(bytes.NewReader(b), out,
		jsontext.AllowDuplicateNames(false), jsontext.AllowInvalidUTF8(false), json.MatchCaseInsensitiveNames(false))
}
