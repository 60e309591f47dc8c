package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/transparency-dev/formats/proof"
	"golang.org/x/mod/sumdb/tlog"
)

const disorderHeader = "parley-disorder/1\n"

// Disorder proves to anyone, offline, that the owner of a log dated an entry
// back: a later entry claims an earlier time than one before it, or to have
// been written before its owner saw what an entry before it had seen already.
// An honest log has neither, whatever its clock does.
type Disorder struct {
	Accord []byte   // as in Receipt
	Cards  [][]byte // as in Receipt
	Brief  string   // as in Receipt
	// First and Second are entries of one log, the second after the first.
	First, Second Placed
	Checkpoint    []byte // of that log, over both
	// Seen are, where times are in order, the checkpoints of another member that
	// the two entries name: the second an earlier one than the first. There is one
	// where the second entry names none.
	Seen [][]byte
}

// Placed is a leaf and its place in a log.
type Placed struct {
	Index int64
	Leaf  []byte
	Path  []tlog.Hash
}

// Marshal returns the evidence as one file, framed as a receipt is.
func (d Disorder) Marshal() []byte {
	var b bytes.Buffer
	b.WriteString(disorderHeader)
	ground{d.Accord, d.Cards, d.Brief}.write(&b)
	for _, x := range []Placed{d.First, d.Second} {
		writeSection(&b, "leaf", x.Leaf)
		p := proof.TLogProof{Index: uint64(x.Index), Checkpoint: d.Checkpoint}
		for _, h := range x.Path {
			p.Hashes = append(p.Hashes, h)
		}
		writeSection(&b, "proof", p.Marshal())
	}
	for _, s := range d.Seen {
		writeSection(&b, "seen", s)
	}
	return b.Bytes()
}

// IsDisorder reports whether a file is evidence of disorder.
func IsDisorder(b []byte) bool { return bytes.HasPrefix(b, []byte(disorderHeader)) }

// ParseDisorder reads what Marshal wrote, and nothing else.
func ParseDisorder(b []byte) (Disorder, error) {
	var d Disorder
	rest, ok := bytes.CutPrefix(b, []byte(disorderHeader))
	if !ok || len(b) > maxReceiptBytes {
		return d, fmt.Errorf("%w: evidence: it does not begin with %q or is too long", ErrMalformed, disorderHeader)
	}
	var placed []Placed
	var g ground
	err := sections(rest, func(name string, body []byte) error {
		if g.read(name, body) {
			return nil
		}
		switch name {
		case "leaf":
			placed = append(placed, Placed{Leaf: body, Index: -1})
		case "proof":
			var p proof.TLogProof
			if err := p.Unmarshal(body); err != nil || len(placed) == 0 {
				return errors.New("does not read")
			}
			x := &placed[len(placed)-1]
			x.Index, d.Checkpoint = int64(p.Index), p.Checkpoint
			for _, h := range p.Hashes {
				x.Path = append(x.Path, h)
			}
		case "seen":
			d.Seen = append(d.Seen, body)
		default:
			return errors.New("unknown section " + strconv.Quote(name))
		}
		return nil
	})
	if err == nil {
		err = g.check()
	}
	d.Accord, d.Cards, d.Brief = g.accord, g.cards, g.brief
	if err == nil && len(placed) != 2 {
		err = errors.New("it does not show two entries")
	}
	if err == nil {
		d.First, d.Second = placed[0], placed[1]
		if !bytes.Equal(d.Marshal(), b) {
			err = errors.New("not in canonical form")
		}
	}
	if err != nil {
		return Disorder{}, fmt.Errorf("%w: evidence: %w", ErrMalformed, err)
	}
	return d, nil
}

// Verify reports what the evidence proves of the log called origin, in words.
// seen opens a checkpoint of another member's log under the same accord.
func (d Disorder) Verify(origin string, open Opener, seen func(msg []byte) (party string, cp Checkpoint, err error)) (string, error) {
	cp, err := open(d.Checkpoint, origin)
	if err != nil {
		return "", fmt.Errorf("checkpoint: %w", err)
	}
	var leaves [2]Leaf
	for i, x := range []Placed{d.First, d.Second} {
		if leaves[i], err = ParseLeaf(x.Leaf); err != nil {
			return "", err
		}
		if x.Index < 0 || x.Index >= cp.Tree.N {
			return "", fmt.Errorf("%w: entry %d is outside a log of %d", ErrMalformed, x.Index, cp.Tree.N)
		}
		if err := tlog.CheckRecord(tlog.RecordProof(x.Path), cp.Tree.N, cp.Tree.Hash, x.Index, tlog.RecordHash(x.Leaf)); err != nil {
			return "", fmt.Errorf("entry %d is not in the log: %w", x.Index, err)
		}
	}
	if d.First.Index >= d.Second.Index {
		return "", errors.New("the entries are not shown in the order of the log")
	}
	if leaves[1].At.Before(leaves[0].At) {
		if len(d.Seen) > 0 {
			return "", fmt.Errorf("%w: evidence: it carries more than it needs", ErrMalformed)
		}
		return fmt.Sprintf("entry %d claims %s, and entry %d, written after it, %s", d.First.Index, leaves[0].At.Format("2006-01-02T15:04:05.000000Z"),
			d.Second.Index, leaves[1].At.Format("2006-01-02T15:04:05.000000Z")), nil
	}
	if len(d.Seen) < 1 || len(d.Seen) > 2 {
		return "", errors.New("the two entries do not contradict each other")
	}
	var sizes [2]int64
	var party string
	for i, msg := range d.Seen {
		p, other, err := seen(msg)
		if err != nil {
			return "", fmt.Errorf("checkpoint seen: %w", err)
		}
		if i > 0 && p != party {
			return "", errors.New("the checkpoints seen are of two logs")
		}
		party, sizes[i] = p, other.Tree.N
		if !slices.Contains(leaves[i].Seen, Seen{p, CheckpointHash(msg)}) {
			return "", fmt.Errorf("entry %d does not name the checkpoint of %s", []int64{d.First.Index, d.Second.Index}[i], p)
		}
	}
	if len(d.Seen) == 1 {
		if leaves[1].Names(party) {
			return "", errors.New("the two entries do not contradict each other")
		}
		return fmt.Sprintf("entry %d was written when %d entries of %s were seen, and entry %d, written after it, claims to have seen none",
			d.First.Index, sizes[0], party, d.Second.Index), nil
	}
	if sizes[1] >= sizes[0] {
		return "", errors.New("the two entries do not contradict each other")
	}
	return fmt.Sprintf("entry %d was written when %d entries of %s were seen, and entry %d, written after it, claims to have seen only %d",
		d.First.Index, sizes[0], party, d.Second.Index, sizes[1]), nil
}
