package release

import "parley.example/parley/ledger"

// OnwardAgreed is the kind of the ledger event by which an originator agrees to
// its information's being passed on, or takes that back. It stands in the
// originator's own log, so that nobody else can write it.
const OnwardAgreed ledger.Kind = "onward-agreed"

// Onward is the data of [OnwardAgreed]. The newest one that names an object
// counts.
type Onward struct {
	Object string   `json:"object"` // id of the copy, as its recipient has it
	To     []string `json:"to"`     // the parties to which it may be passed on; empty: to nobody
}
