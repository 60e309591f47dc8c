package ledger

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/transparency-dev/formats/proof"
	"golang.org/x/mod/sumdb/tlog"
)

// A witness is to vouch that a member's logs are not rewritten, without
// learning how much the member does. So it is shown a log of another kind: the
// node log, one for each node, which grows by one entry, a Tick, at a fixed
// cadence whether or not anything happened. A tick commits to the checkpoints
// of those of the node's logs that grew, under a salt each, in a tree that is
// padded with random leaves; a tick without news commits to random bytes.

const (
	tickHeader       = "parley-tick/1"
	witnessingHeader = "parley-witnessing/1\n"
	// minSlots is the least number of leaves under a tick, so that up to that
	// many logs are told apart neither by the tick nor by a path in it.
	minSlots  = 64
	nodeLog   = "parley-node/"
	maxWitted = 1 << 20
)

// NodeOrigin names a node log of a party. A node that lost its node log begins
// another, with an epoch that it never used before.
func NodeOrigin(party string, epoch int64) string {
	return nodeLog + party + "/" + strconv.FormatInt(epoch, 10)
}

// ParseNodeOrigin returns the party whose node log it is.
func ParseNodeOrigin(origin string) (party string, err error) {
	rest, ok := strings.CutPrefix(origin, nodeLog)
	party, epoch, ok2 := strings.Cut(rest, "/")
	n, nerr := strconv.ParseInt(epoch, 10, 64)
	if !ok || !ok2 || nerr != nil || n < 0 || NodeOrigin(party, n) != origin || party == "" {
		return "", fmt.Errorf("%w: %q is not the name of a node log", ErrMalformed, origin)
	}
	return party, nil
}

// Tick is an entry of a node log.
type Tick struct {
	At   time.Time // microseconds, UTC; by the node's clock
	Root [sha256.Size]byte
}

// Marshal returns the tick's one canonical spelling, which is the leaf:
//
//	parley-tick/1
//	<time, Unix microseconds>
//	<root of the slots' tree or random bytes, base64>
func (t Tick) Marshal() []byte {
	return fmt.Appendf(nil, "%s\n%d\n%s\n", tickHeader, t.At.UnixMicro(), base64.StdEncoding.EncodeToString(t.Root[:]))
}

// ParseTick reads a tick; only the canonical spelling is accepted.
func ParseTick(b []byte) (Tick, error) {
	var t Tick
	lines := strings.Split(string(b), "\n")
	if len(lines) == 4 && lines[0] == tickHeader && decode32(lines[2], &t.Root) {
		if us, err := strconv.ParseInt(lines[1], 10, 64); err == nil {
			t.At = time.UnixMicro(us).UTC()
			if bytes.Equal(t.Marshal(), b) {
				return t, nil
			}
		}
	}
	return Tick{}, fmt.Errorf("%w: tick", ErrMalformed)
}

// Slot opens a tick for one checkpoint.
type Slot struct {
	Salt  []byte // 32 bytes
	Index int64  // among the slots, which are in order of their values
	Slots int64  // how many there are, with padding
	Path  []tlog.Hash
}

// NewTick commits to checkpoints (signed notes) under fresh salts, and returns
// the slot of each. Without any, the tick looks no different.
func NewTick(at time.Time, checkpoints [][]byte, rand io.Reader) (Tick, []Slot, error) {
	t := Tick{At: at.UTC().Truncate(time.Microsecond)}
	if len(checkpoints) == 0 {
		_, err := io.ReadFull(rand, t.Root[:])
		return t, nil, err
	}
	n := minSlots
	for n < len(checkpoints) {
		n *= 2
	}
	// Real and padding values are drawn alike: an HMAC under a random key is
	// one as random as the other to whoever lacks the key.
	salts := make([]byte, SaltSize*len(checkpoints)+sha256.Size*(n-len(checkpoints)))
	if _, err := io.ReadFull(rand, salts); err != nil {
		return t, nil, fmt.Errorf("drawing salts: %w", err)
	}
	slots := make([]Slot, len(checkpoints))
	own := make([][]byte, len(checkpoints))
	var leaves [][]byte
	for i, cp := range checkpoints {
		text, _, err := NoteText(cp)
		if err != nil {
			return t, nil, err
		}
		slots[i] = Slot{Salt: salts[:SaltSize:SaltSize], Slots: int64(n)}
		salts = salts[SaltSize:]
		own[i] = slotValue(slots[i].Salt, text)
		leaves = append(leaves, own[i])
	}
	for ; len(salts) > 0; salts = salts[sha256.Size:] {
		leaves = append(leaves, salts[:sha256.Size])
	}
	slices.SortFunc(leaves, bytes.Compare) // so that a place tells nothing
	hs, tree, err := Grow(0, leaves, noHashes{})
	if err != nil {
		return t, nil, err
	}
	t.Root = tree.Hash
	for i := range slots {
		at, _ := slices.BinarySearchFunc(leaves, own[i], bytes.Compare)
		slots[i].Index = int64(at)
		if slots[i].Path, err = ProveInclusion(int64(at), int64(n), computed(hs)); err != nil {
			return t, nil, err
		}
	}
	return t, slots, nil
}

func slotValue(salt []byte, checkpointText string) []byte {
	m := hmac.New(sha256.New, salt)
	m.Write([]byte(checkpointText))
	return m.Sum(nil)
}

// computed reads hashes that were just computed.
type computed []tlog.Hash

func (c computed) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		if x < 0 || x >= int64(len(c)) {
			return nil, fmt.Errorf("hash %d does not exist", x)
		}
		out[i] = c[x]
	}
	return out, nil
}

type noHashes struct{}

func (noHashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	if len(indexes) > 0 {
		return nil, errors.New("an empty log has no hashes")
	}
	return nil, nil
}

// Witnessing shows that a checkpoint stands in a node log whose checkpoint
// witnesses cosigned: that it existed then, and cannot be taken back.
type Witnessing struct {
	Of         int64 // size of the checkpoint that is witnessed
	Slot       Slot
	Tick       []byte // the leaf of the node log
	Index      int64  // its place there
	Path       []tlog.Hash
	Checkpoint []byte // of the node log
}

// Marshal returns the one spelling of a witnessing, framed as a receipt is.
func (w Witnessing) Marshal() []byte {
	var b bytes.Buffer
	b.WriteString(witnessingHeader)
	writeSection(&b, "of", fmt.Appendf(nil, "%d", w.Of))
	writeSection(&b, "salt", []byte(base64.StdEncoding.EncodeToString(w.Slot.Salt)))
	writeSection(&b, "slot", fmt.Appendf(nil, "%d %d", w.Slot.Index, w.Slot.Slots))
	for _, h := range w.Slot.Path {
		writeSection(&b, "hash", []byte(h.String()))
	}
	writeSection(&b, "tick", w.Tick)
	p := proof.TLogProof{Index: uint64(w.Index), Checkpoint: w.Checkpoint}
	for _, h := range w.Path {
		p.Hashes = append(p.Hashes, h)
	}
	writeSection(&b, "proof", p.Marshal())
	return b.Bytes()
}

// ParseWitnessing reads what Marshal wrote, and nothing else.
func ParseWitnessing(b []byte) (Witnessing, error) {
	var w Witnessing
	rest, ok := bytes.CutPrefix(b, []byte(witnessingHeader))
	if !ok || len(b) > maxWitted {
		return w, fmt.Errorf("%w: witnessing: it does not begin with %q or is too long", ErrMalformed, witnessingHeader)
	}
	var p proof.TLogProof
	err := sections(rest, func(name string, body []byte) (err error) {
		switch name {
		case "salt":
			w.Slot.Salt, err = base64.StdEncoding.Strict().DecodeString(string(body))
		case "of":
			w.Of, err = strconv.ParseInt(string(body), 10, 64)
		case "slot":
			_, err = fmt.Sscanf(string(body), "%d %d", &w.Slot.Index, &w.Slot.Slots)
		case "hash":
			var h tlog.Hash
			h, err = tlog.ParseHash(string(body))
			w.Slot.Path = append(w.Slot.Path, h)
		case "tick":
			w.Tick = body
		case "proof":
			err = p.Unmarshal(body)
		default:
			err = errors.New("unknown section " + strconv.Quote(name))
		}
		return err
	})
	w.Index, w.Checkpoint = int64(p.Index), p.Checkpoint
	for _, h := range p.Hashes {
		w.Path = append(w.Path, h)
	}
	if err == nil && !bytes.Equal(w.Marshal(), b) {
		err = errors.New("not in canonical form")
	}
	if err != nil {
		return Witnessing{}, fmt.Errorf("%w: witnessing: %w", ErrMalformed, err)
	}
	return w, nil
}

// Origin is the name of the node log that the witnessing says it is of.
func (w Witnessing) Origin() string {
	text, _, err := NoteText(w.Checkpoint)
	if err != nil {
		return ""
	}
	origin, _, _ := strings.Cut(text, "\n")
	return origin
}

// Verify checks that the checkpoint (a signed note of a member's log) is what
// the slot commits to, that the slot is in the tick and the tick in the node
// log, whose checkpoint is the owner's and cosigned by those it names.
func (w Witnessing) Verify(checkpoint []byte, open Opener) (Tick, Checkpoint, error) {
	text, _, err := NoteText(checkpoint)
	if err != nil {
		return Tick{}, Checkpoint{}, err
	}
	if of, err := readCheckpoint(text); err != nil || of.Tree.N != w.Of {
		return Tick{}, Checkpoint{}, fmt.Errorf("%w: witnessing of a checkpoint of another size", ErrMalformed)
	}
	cp, err := open(w.Checkpoint, w.Origin())
	if err != nil {
		return Tick{}, cp, fmt.Errorf("checkpoint of the node log: %w", err)
	}
	t, err := ParseTick(w.Tick)
	if err != nil {
		return t, cp, err
	}
	s := w.Slot
	if len(s.Salt) != SaltSize || s.Slots < minSlots || s.Slots > 1<<32 || s.Index < 0 || s.Index >= s.Slots || w.Index < 0 || w.Index >= cp.Tree.N {
		return t, cp, fmt.Errorf("%w: witnessing: a salt, slot or index is out of range", ErrMalformed)
	}
	value := slotValue(s.Salt, text)
	if err := tlog.CheckRecord(tlog.RecordProof(s.Path), s.Slots, t.Root, s.Index, tlog.RecordHash(value)); err != nil {
		return t, cp, fmt.Errorf("the tick does not commit to the checkpoint: %w", err)
	}
	if err := tlog.CheckRecord(tlog.RecordProof(w.Path), cp.Tree.N, cp.Tree.Hash, w.Index, tlog.RecordHash(w.Tick)); err != nil {
		return t, cp, fmt.Errorf("the tick is not in the node log: %w", err)
	}
	return t, cp, nil
}

// KeepSignatures returns the note with the signatures under some names alone:
// whose cosignatures else are on a node log's checkpoint is nobody's business.
func KeepSignatures(msg []byte, names ...string) ([]byte, error) {
	return filterSignatures(msg, func(name string, _ []byte) bool { return slices.Contains(names, name) })
}
