package ledger

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"

	"github.com/transparency-dev/formats/proof"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	receiptHeader   = "parley-receipt/1\n"
	maxReceiptBytes = 4 << 20
)

// Receipt proves one event to anyone, offline: the event and the salt that
// opens its leaf, the leaf's place in the log, the checkpoint with all
// signatures, and the accord and cards that say whose keys those are.
type Receipt struct {
	Accord []byte   // the accord's note
	Cards  [][]byte // card notes, in the order that the verifier needs no other
	Brief  string   // the accord's id in a file that leaves out accord, cards and ML-DSA-44; else empty
	Event  []byte
	Salt   []byte
	Leaf   []byte
	Index  int64
	Path   []tlog.Hash // inclusion proof, RFC 6962 section 2.1.1
	// Checkpoint has all signatures that were gathered.
	Checkpoint []byte
	// Witnessings show the checkpoint in the owner's node log, as witnesses
	// cosigned it ([Witnessing.Marshal]); several where they did not sign the
	// same checkpoint of that log.
	Witnessings [][]byte
}

// Marshal returns the receipt as one file: a header line, then sections, each
// a line "name length", that many bytes and a newline. The section proof is a
// C2SP tlog-proof. There is one spelling of a receipt.
func (r Receipt) Marshal() []byte {
	var b bytes.Buffer
	b.WriteString(receiptHeader)
	section := func(name string, body []byte) { writeSection(&b, name, body) }
	ground{r.Accord, r.Cards, r.Brief}.write(&b)
	section("event", r.Event)
	section("salt", []byte(base64.StdEncoding.EncodeToString(r.Salt)))
	section("leaf", r.Leaf)
	p := proof.TLogProof{Index: uint64(r.Index), Checkpoint: r.Checkpoint}
	for _, h := range r.Path {
		p.Hashes = append(p.Hashes, h)
	}
	section("proof", p.Marshal())
	for _, w := range r.Witnessings {
		section("witnessing", w)
	}
	return b.Bytes()
}

// ParseReceipt reads what Marshal wrote, and nothing else.
func ParseReceipt(b []byte) (Receipt, error) {
	var r Receipt
	bad := func(what string) (Receipt, error) {
		return Receipt{}, fmt.Errorf("%w: receipt: %s", ErrMalformed, what)
	}
	if len(b) > maxReceiptBytes {
		return bad("too long")
	}
	rest, ok := bytes.CutPrefix(b, []byte(receiptHeader))
	if !ok {
		return bad("it does not begin with " + strconv.Quote(receiptHeader))
	}
	var p proof.TLogProof
	var g ground
	err := sections(rest, func(name string, body []byte) (err error) {
		if g.read(name, body) {
			return nil
		}
		switch name {
		case "event":
			r.Event = body
		case "salt":
			r.Salt, err = base64.StdEncoding.Strict().DecodeString(string(body))
		case "leaf":
			r.Leaf = body
		case "proof":
			err = p.Unmarshal(body)
		case "witnessing":
			r.Witnessings = append(r.Witnessings, body)
		default:
			err = errors.New("unknown section " + strconv.Quote(name))
		}
		return err
	})
	if err == nil {
		err = g.check()
	}
	if err != nil {
		return bad(err.Error())
	}
	r.Accord, r.Cards, r.Brief = g.accord, g.cards, g.brief
	r.Index, r.Checkpoint = int64(p.Index), p.Checkpoint
	for _, h := range p.Hashes {
		r.Path = append(r.Path, h)
	}
	if r.Index < 0 || !bytes.Equal(r.Marshal(), b) {
		return bad("not in canonical form")
	}
	return r, nil
}

// writeSection writes one section of a file: a line "name length", the bytes
// and a newline.
func writeSection(b *bytes.Buffer, name string, body []byte) {
	fmt.Fprintf(b, "%s %d\n%s\n", name, len(body), body)
}

// sections reads what writeSection wrote.
func sections(rest []byte, each func(name string, body []byte) error) error {
	for len(rest) > 0 {
		line, tail, ok := bytes.Cut(rest, []byte("\n"))
		name, size, ok2 := bytes.Cut(line, []byte(" "))
		n, err := strconv.Atoi(string(size))
		if !ok || !ok2 || err != nil || n < 0 || len(tail) < n+1 || tail[n] != '\n' {
			return errors.New("it is cut short or damaged")
		}
		if err := each(string(name), tail[:n]); err != nil {
			return fmt.Errorf("section %s: %w", name, err)
		}
		rest = tail[n+1:]
	}
	return nil
}

// Verify checks everything inside the receipt that depends on keys: that the
// checkpoint is the owner's, that the leaf is in it, and that event and salt
// open the leaf. Whose keys these are is for the accord and the cards to say.
func (r Receipt) Verify(open Opener) (Event, Checkpoint, error) {
	e, err := ParseEvent(r.Event)
	if err != nil {
		return e, Checkpoint{}, err
	}
	cp, err := open(r.Checkpoint, Origin(e.Accord, e.Party))
	if err != nil {
		return e, cp, fmt.Errorf("checkpoint: %w", err)
	}
	leaf, err := ParseLeaf(r.Leaf)
	if err != nil {
		return e, cp, err
	}
	if err := leaf.Opens(r.Event, r.Salt); err != nil {
		return e, cp, err
	}
	if r.Index >= cp.Tree.N {
		return e, cp, fmt.Errorf("%w: leaf %d is outside a log of %d", ErrMalformed, r.Index, cp.Tree.N)
	}
	if err := tlog.CheckRecord(tlog.RecordProof(r.Path), cp.Tree.N, cp.Tree.Hash, r.Index, tlog.RecordHash(r.Leaf)); err != nil {
		return e, cp, fmt.Errorf("the leaf is not in the log: %w", err)
	}
	return e, cp, nil
}

// ProveInclusion returns the path from leaf index to the root of the log's
// first size leaves.
func ProveInclusion(index, size int64, r HashReader) ([]tlog.Hash, error) {
	p, err := tlog.ProveRecord(size, index, r)
	if err != nil {
		return nil, fmt.Errorf("proving leaf %d of %d: %w", index, size, err)
	}
	return p, nil
}
