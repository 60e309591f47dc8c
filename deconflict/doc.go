// Package deconflict lets two parties find out whether what they plan would
// collide, and nothing else. A footprint (where, when) becomes a set of cells of
// the earth times slots of time, padded to a fixed size; two such sets are matched
// both ways with package psi, over lists that each side committed to before it saw
// the other's; and what is exchanged last, the masks, is exchanged fairly.
//
// The path of one exchange is [Open] or [Join], [Side.TakeJoin], [Side.TakeSeal],
// [Side.Show] and [Side.TakeShown] in turn, [Side.Overlaps]. With an arbiter there
// is one mask a side, which the arbiter made ([NewSheet]) and so can show when the
// other side does not; it sees no list. Without one, masks of eight parts are shown
// in turn, so that whoever stops first is at most one part ahead. The opener shows
// first: therefore the opener alone may ask the arbiter, who then shows both masks
// to both sides.
//
// Everything that a side sends follows from its footprints and a seed of 32 bytes;
// a [PlansOpening] of these lets oversight check what was asked against the ledger.
//
// The package is pure: it stores nothing, sends nothing and trusts that what it is
// given as the other side's stands in the other side's ledger. It does not hide that
// somebody plans something, nor the size class of a list. Who enters cells at random
// to find others' plans learns what it meets; quotas bound this and openings show it.
package deconflict
