package ledger

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// Auditor checks the entries of one log one after another, as [ParseLeaf] and
// [Leaf.Opens] do each alone, and that times do not go back. It remembers what an
// entry shares with the one before it, so that a log of millions takes seconds and
// no memory. It is not safe for concurrent use.
type Auditor struct {
	accord, party string
	names         string // how its events begin
	last          time.Time
	kind          Kind
	seen          []byte // the checkpoint lines of the leaf before, which were good
	head, msg     []byte // scratch
}

// NewAuditor audits the log of a party under an accord.
func NewAuditor(accord, party string) *Auditor {
	return &Auditor{accord: accord, party: party, names: `{"accord":"` + accord + `","party":"` + party + `","kind":"`}
}

// ErrDatedBack reports an entry that claims to be older than the one before it.
var ErrDatedBack = errors.New("it is dated back: it claims to be older than the entry before it")

// Check checks the next entry. event is nil where the entry is not opened. The
// data of an event that has the spelling of [Event.Marshal] is not parsed again:
// who took it in did that, and the commitment says that it is the same.
func (a *Auditor) Check(leaf, event, salt []byte) error {
	l, err := a.leaf(leaf)
	if err != nil {
		return err
	}
	back := l.At.Before(a.last)
	a.last = l.At
	if event != nil {
		err = a.opens(l, event, salt)
	}
	if back {
		err = errors.Join(ErrDatedBack, err)
	}
	return err
}

// Last is the time that the entry checked last claims; of one that does not read,
// that of the one before.
func (a *Auditor) Last() time.Time { return a.last }

// Hash is the hash of a leaf in its log's tree (RFC 6962 section 2.1), for
// [Frontier.AddHash].
func (a *Auditor) Hash(leaf []byte) tlog.Hash {
	a.msg = append(append(a.msg[:0], 0), leaf...) // tlog.RecordHash in half the time
	return sha256.Sum256(a.msg)
}

// leaf is ParseLeaf without Seen, which is compared with that of the leaf before.
func (a *Auditor) leaf(b []byte) (Leaf, error) {
	l, rest, err := parseLeafHead(b, a.kind)
	if err != nil {
		return l, err
	}
	a.kind = l.Kind
	if len(rest) == 0 || bytes.Equal(rest, a.seen) {
		return l, nil
	}
	if _, err := parseSeen(rest); err != nil {
		return l, err
	}
	a.seen = append(a.seen[:0], rest...)
	return l, nil
}

func (a *Auditor) opens(l Leaf, event, salt []byte) error {
	if len(event) > maxEventBytes || !bytes.HasPrefix(event, a.envelope(l)) {
		e, err := l.Open(event, salt)
		if err == nil && (e.Accord != a.accord || e.Party != a.party) {
			err = fmt.Errorf("it is an act of %s under another accord or name", e.Party)
		}
		return err
	}
	if len(salt) != SaltSize || a.commit(salt, event) != l.Commitment {
		return l.committed(event, salt)
	}
	return nil
}

// commit is [Commit]: HMAC (RFC 2104 section 2) with a key shorter than a block, over
// one piece of memory, which takes half the time of making two hashes for each entry.
func (a *Auditor) commit(salt, event []byte) [sha256.Size]byte {
	var outer [sha256.BlockSize + sha256.Size]byte
	a.msg = append(a.msg[:0], outer[:sha256.BlockSize]...)
	copy(a.msg, salt)
	copy(outer[:], salt)
	for i := range sha256.BlockSize {
		a.msg[i] ^= 0x36
		outer[i] ^= 0x5c
	}
	a.msg = append(a.msg, event...)
	inner := sha256.Sum256(a.msg)
	copy(outer[sha256.BlockSize:], inner[:])
	return sha256.Sum256(outer[:])
}

// envelope is how the bytes of an event begin that Event.Marshal wrote, where it
// agrees with the leaf. Names need no escaping, or it is not the same and is parsed.
func (a *Auditor) envelope(l Leaf) []byte {
	b := append(a.head[:0], a.names...)
	b = append(b, l.Kind...)
	b = append(b, `","at":"`...)
	b = l.At.AppendFormat(b, time.RFC3339Nano)
	a.head = append(b, `","data":`...)
	return a.head
}
