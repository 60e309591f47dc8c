// Package operation is a joint operation's workspace: tasks, liaison contacts, map
// layers, decisions that each side signs, attachments and a log, from proposed over
// agreed and active to closed, or abandoned. Each member writes acts ([Act]), which
// are signed entries of its own ledger; [Merge] makes the one [State] of them, the
// same whatever the order in which they arrived.
//
// An act says which acts its writer had seen (After). Of two values of a field the
// one that was written in knowledge of the other counts; values written without
// knowledge of each other both stand, as a conflict, until somebody writes in
// knowledge of both (a multi-value register, Shapiro et al., "Conflict-free
// replicated data types", SSS 2011). Nothing depends on clocks but which of two
// conflicting values is shown first.
//
// The package is pure. It trusts that acts are what their parties' ledgers say. It
// does not decide what may pass to whom, nor check that an attachment is held.
package operation
