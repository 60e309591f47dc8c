package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"
)

const forkHeader = "parley-evidence/1\n"

// Fork proves to anyone, offline, that the owner of a log signed two histories
// of it: the tree that Later signs extends a tree of Earlier's size whose root
// is Root, and Earlier signs another.
type Fork struct {
	Accord  []byte   // as in Receipt
	Cards   [][]byte // as in Receipt
	Brief   string   // as in Receipt
	Earlier []byte   // checkpoint of the smaller tree, or of one of equal size
	Later   []byte
	Root    tlog.Hash
	Proof   []tlog.Hash // consistency proof from (Earlier's size, Root) to Later
}

// Marshal returns the evidence as one file, framed as a receipt is.
func (f Fork) Marshal() []byte {
	var b bytes.Buffer
	b.WriteString(forkHeader)
	ground{f.Accord, f.Cards, f.Brief}.write(&b)
	writeSection(&b, "earlier", f.Earlier)
	writeSection(&b, "later", f.Later)
	writeSection(&b, "root", []byte(f.Root.String()))
	for _, h := range f.Proof {
		writeSection(&b, "hash", []byte(h.String()))
	}
	return b.Bytes()
}

// IsFork reports whether a file is evidence of a fork rather than a receipt.
func IsFork(b []byte) bool { return bytes.HasPrefix(b, []byte(forkHeader)) }

// ParseFork reads what Marshal wrote, and nothing else.
func ParseFork(b []byte) (Fork, error) {
	var f Fork
	rest, ok := bytes.CutPrefix(b, []byte(forkHeader))
	if !ok {
		return f, fmt.Errorf("%w: evidence: it does not begin with %q", ErrMalformed, forkHeader)
	}
	var g ground
	err := sections(rest, func(name string, body []byte) (err error) {
		if g.read(name, body) {
			return nil
		}
		switch name {
		case "earlier":
			f.Earlier = body
		case "later":
			f.Later = body
		case "root":
			f.Root, err = tlog.ParseHash(string(body))
		case "hash":
			var h tlog.Hash
			h, err = tlog.ParseHash(string(body))
			f.Proof = append(f.Proof, h)
		default:
			err = errors.New("unknown section " + strconv.Quote(name))
		}
		return err
	})
	if err == nil {
		err = g.check()
	}
	f.Accord, f.Cards, f.Brief = g.accord, g.cards, g.brief
	if err == nil && !bytes.Equal(f.Marshal(), b) {
		err = errors.New("not in canonical form")
	}
	if err != nil {
		return Fork{}, fmt.Errorf("%w: evidence: %w", ErrMalformed, err)
	}
	return f, nil
}

// Verify reports nil when the evidence proves that the owner of the log called
// origin signed both.
func (f Fork) Verify(origin string, open Opener) error {
	earlier, err := open(f.Earlier, origin)
	if err != nil {
		return fmt.Errorf("earlier checkpoint: %w", err)
	}
	later, err := open(f.Later, origin)
	if err != nil {
		return fmt.Errorf("later checkpoint: %w", err)
	}
	if f.Root == earlier.Tree.Hash {
		return errors.New("the two checkpoints do not contradict each other")
	}
	if err := CheckConsistency(Tree{N: earlier.Tree.N, Hash: f.Root}, later.Tree, f.Proof); err != nil {
		return fmt.Errorf("the later checkpoint is not shown to have another past: %w", err)
	}
	return nil
}
