// Package node is one party's sovereign node: it composes the domain packages
// over a store and offers what people do (pair, agree, import, release, ask,
// answer, suspend, watch), one file a use case. It holds its own data and
// keys, is useful alone, and talks to others only through package link.
//
// [Init] makes a node's folder, [Open] opens it, [Node.Run] serves the link
// and keeps partners in step. Every act goes through one transaction that
// writes the act's ledger event together with what the act changes.
//
// Trust: whoever can read the folder's keys is the party. Everything that
// comes from a partner is checked before anything of it is kept.
package node
