package ledger

import (
	"fmt"
	"slices"
)

// Priority says how urgent a message is, in the words of military and diplomatic
// telegraphy (ACP 121 section 3). The zero value is Routine.
type Priority int

// The priorities, in ascending order.
const (
	Routine Priority = iota
	Urgent           // "priority"
	Immediate
	Flash
)

var priorityNames = []string{"routine", "priority", "immediate", "flash"}

func (p Priority) String() string {
	if p < Routine || p > Flash {
		return fmt.Sprintf("priority(%d)", int(p))
	}
	return priorityNames[p]
}

// MarshalText implements encoding.TextMarshaler.
func (p Priority) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler. Nothing is routine.
func (p *Priority) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*p = Routine
		return nil
	}
	i := slices.Index(priorityNames, string(b))
	if i < 0 {
		return fmt.Errorf("%w: priority %q is none of %v", ErrMalformed, b, priorityNames)
	}
	*p = Priority(i)
	return nil
}
