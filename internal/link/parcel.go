// Package link is how nodes talk: parcels, what they may contain, how they are
// checked, and the mutually authenticated line or file they travel by. A
// parcel carries one member's log onwards from what the other holds, the
// bodies that its gate released, and cosignatures; the same bytes go over
// HTTPS or on a stick. Nothing else leaves a node.
//
// [Parcel.Encode] and [Decode] are the wire; [Check] verifies a parcel against
// what is held already, purely; [Client] and [Server] exchange parcels over
// TLS 1.3 with keys pinned from cards; [Seal] and [Unseal] make files.
//
// A parcel proves itself: leaves by the signed checkpoint, events by their
// salts, bodies by the digests in events. So it need not be trusted, only
// complete; a partner can withhold one but not alter it.
package link

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/mod/sumdb/tlog"

	"parley.example/parley/ledger"
)

const (
	magic = "parley-parcel/1\n"
	// MaxParcel bounds a parcel's size in bytes before compression. What does
	// not fit waits for the next one (Header.More).
	MaxParcel = 64 << 20
	maxFrame  = MaxParcel - 1<<20
)

// MaxAside bounds what is asked of an arbiter, in bytes.
const MaxAside = 4 << 20

var (
	// ErrParcel reports bytes that are no parcel, or that contradict themselves.
	ErrParcel = errors.New("parcel is not valid")
	// ErrTruncated reports a parcel that ends before its end mark.
	ErrTruncated = fmt.Errorf("%w: it was cut short", ErrParcel)
)

// Header says what a parcel is.
type Header struct {
	From   string `json:"from"`
	To     string `json:"to"`
	Accord string `json:"accord"`
	// Have is how many leaves of To's log From holds: where To should go on.
	Have int64 `json:"have"`
	// First is the index of the first leaf in the parcel.
	First int64 `json:"first"`
	// Witnessed is the size up to which From knows To's log to be witnessed, and
	// WitnessedBy by how many.
	Witnessed   int64 `json:"witnessed,omitzero"`
	WitnessedBy int   `json:"witnessed_by,omitzero"`
	// Want asks, where it is not 0, for From's own log as To holds it, from the
	// entry Want-1 on: From has lost it. OwnFirst is the index of the first entry
	// in Own.
	Want     int64 `json:"want,omitzero"`
	OwnFirst int64 `json:"own_first,omitzero"`
	// Returned is, once From's own log came back, the first Want that it asked
	// with; a parcel from before the loss has none.
	Returned int64 `json:"returned,omitzero"`
	// Took is the [Parcel.Repeated] of the newest parcel of To that From took in
	// under the accord; empty where there is none.
	Took string `json:"took,omitzero"`
	// Same says that the cards, the accord and both checkpoints are those that To
	// took in last, and so left out.
	Same bool `json:"same,omitzero"`
	// More says that From has more than fitted.
	More bool `json:"more,omitzero"`
}

// Entry is a leaf and, where it is for the recipient's eyes, its opening.
type Entry struct {
	Leaf  []byte
	Event []byte // nil where the opening is not for the recipient
	Salt  []byte
}

// Body is content that an event names by digest.
type Body struct {
	Index int64 // of the event in the sender's log
	Bytes []byte
}

// Parcel is what one node hands another for an accord.
type Parcel struct {
	Header
	Cards      [][]byte // card notes of the sender, and newer ones of others
	Accord     []byte   // the accord's note with the signatures known to the sender
	Entries    []Entry
	Checkpoint []byte // the sender's log at its present size
	// OldSize and Proof show that the checkpoint extends the tree of OldSize:
	// the one at the end of the entries where not all fitted, or the one that
	// a witness, who gets no entries, saw last.
	OldSize  int64
	Proof    []tlog.Hash
	Bodies   []Body
	Cosigned []byte // the recipient's own checkpoint with the sender's cosignature
	// WitnessedTree is a checkpoint of the sender's log and Witnessings the proofs
	// that witnesses saw it (ledger.Witnessing); both or neither.
	WitnessedTree []byte
	Witnessings   [][]byte
	// Own is the recipient's own log, which it lost, as the sender holds it;
	// OwnProof leads from the last entry to the tree of Cosigned.
	Own      []Entry
	OwnProof []tlog.Hash
	// Aside is what a member asks of a witness as arbiter, or its answer; members
	// send each other none.
	Aside []byte
}

// Repeated is the base64 SHA-256 of what parcels between two members repeat: a
// parcel of the same sender and recipient, with the cards, accord and both
// checkpoints of this one and nothing else.
func (p Parcel) Repeated() string {
	sum := sha256.New()
	part := func(typ byte, b []byte) {
		sum.Write([]byte{typ})
		sum.Write(field(b))
	}
	for _, c := range p.Cards {
		part(frameCard, c)
	}
	part(frameAccord, p.Accord)
	part(frameCheckpoint, p.Checkpoint)
	part(frameCosigned, p.Cosigned)
	return base64.StdEncoding.EncodeToString(sum.Sum(nil))
}

// Bare reports whether the parcel carries nothing but what parcels repeat.
func (p Parcel) Bare() bool {
	return !p.More && p.Want == 0 && p.OldSize == 0 &&
		len(p.Entries)+len(p.Bodies)+len(p.Witnessings)+len(p.Own)+len(p.OwnProof)+len(p.Aside) == 0
}

// Shorten leaves out what the recipient took in already, where the parcel
// carries nothing else; took is the Took of the recipient's newest parcel.
func (p *Parcel) Shorten(took string) {
	if took == "" || !p.Bare() || p.Repeated() != took {
		return
	}
	p.Cards, p.Accord, p.Checkpoint, p.Cosigned, p.Same = nil, nil, nil, nil, true
}

// Frame types, in the only order in which they may come.
const (
	frameHeader     = 'H'
	frameCard       = 'C'
	frameAccord     = 'A'
	frameEntry      = 'L'
	frameCheckpoint = 'K'
	frameProof      = 'P'
	frameBody       = 'B'
	frameCosigned   = 'S'
	frameWitnessed  = 'W'
	frameOwn        = 'R'
	frameOwnProof   = 'Q'
	frameAside      = 'D'
	frameEnd        = 'E'
)

const frameOrder = "HCALKPBSWRQDE"

// Encode writes the parcel, zstd-compressed: the magic line, then frames (one
// byte of type, four of length, payload), the last of which is the SHA-256 of
// everything before it.
func (p Parcel) Encode(w io.Writer) error {
	z, err := zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return fmt.Errorf("preparing compression: %w", err)
	}
	sum := sha256.New()
	out := bufio.NewWriter(io.MultiWriter(z, sum))
	frame := func(typ byte, parts ...[]byte) {
		n := 0
		for _, b := range parts {
			n += len(b)
		}
		out.WriteByte(typ)
		out.Write(binary.BigEndian.AppendUint32(nil, uint32(n)))
		for _, b := range parts {
			out.Write(b)
		}
	}
	out.WriteString(magic)
	header, err := json.Marshal(p.Header)
	if err != nil {
		return fmt.Errorf("encoding parcel header: %w", err)
	}
	frame(frameHeader, header)
	for _, c := range p.Cards {
		frame(frameCard, c)
	}
	if p.Accord != nil {
		frame(frameAccord, p.Accord)
	}
	for _, e := range p.Entries {
		frame(frameEntry, field(e.Leaf), field(e.Event), field(e.Salt))
	}
	if p.Checkpoint != nil {
		frame(frameCheckpoint, p.Checkpoint)
	}
	if p.OldSize > 0 {
		b := binary.BigEndian.AppendUint64(nil, uint64(p.OldSize))
		for _, h := range p.Proof {
			b = append(b, h[:]...)
		}
		frame(frameProof, b)
	}
	for _, b := range p.Bodies {
		frame(frameBody, binary.BigEndian.AppendUint64(nil, uint64(b.Index)), b.Bytes)
	}
	if p.Cosigned != nil {
		frame(frameCosigned, p.Cosigned)
	}
	if len(p.Witnessings) > 0 {
		parts := [][]byte{field(p.WitnessedTree)}
		for _, w := range p.Witnessings {
			parts = append(parts, field(w))
		}
		frame(frameWitnessed, parts...)
	}
	for _, e := range p.Own {
		frame(frameOwn, field(e.Leaf), field(e.Event), field(e.Salt))
	}
	if len(p.OwnProof) > 0 {
		var b []byte
		for _, h := range p.OwnProof {
			b = append(b, h[:]...)
		}
		frame(frameOwnProof, b)
	}
	if len(p.Aside) > 0 {
		frame(frameAside, p.Aside)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("writing parcel: %w", err)
	}
	frame(frameEnd, sum.Sum(nil))
	if err := out.Flush(); err != nil {
		return fmt.Errorf("writing parcel: %w", err)
	}
	return z.Close()
}

// Decode reads a parcel whole or not at all. A stream that ends early is
// [ErrTruncated]; anything else that is wrong is [ErrParcel]. Memory is bounded
// by MaxParcel whatever the input says of itself.
func Decode(r io.Reader) (Parcel, error) {
	var p Parcel
	z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(MaxParcel), zstd.WithDecoderMaxWindow(16<<20))
	if err != nil {
		return p, fmt.Errorf("%w: %v", ErrParcel, err)
	}
	defer z.Close()
	d := &decoder{in: bufio.NewReader(io.LimitReader(z, MaxParcel+1)), sum: sha256.New()}
	start := make([]byte, len(magic))
	if err := d.read(start); err != nil {
		return p, err
	}
	if string(start) != magic {
		return p, fmt.Errorf("%w: it does not begin with %q", ErrParcel, magic)
	}
	stage := 0
	for {
		want := d.sum.Sum(nil)
		typ, payload, err := d.frame()
		if err != nil {
			return Parcel{}, err
		}
		at := bytes.IndexByte([]byte(frameOrder), typ)
		repeats := typ == frameCard || typ == frameEntry || typ == frameBody || typ == frameOwn
		if at < 0 || at < stage || (at == stage && at > 0 && !repeats) || (stage == 0 && p.From == "" && typ != frameHeader) || (typ == frameHeader && p.From != "") {
			return Parcel{}, fmt.Errorf("%w: frame %q out of place", ErrParcel, typ)
		}
		stage = at
		if typ == frameEnd {
			if !bytes.Equal(payload, want) {
				return Parcel{}, fmt.Errorf("%w: its checksum does not match", ErrParcel)
			}
			if _, err := d.in.ReadByte(); err != io.EOF {
				return Parcel{}, fmt.Errorf("%w: something follows its end", ErrParcel)
			}
			return p, nil
		}
		if err := p.take(typ, payload); err != nil {
			return Parcel{}, err
		}
	}
}

func (p *Parcel) take(typ byte, b []byte) error {
	switch typ {
	case frameHeader:
		err := json.Unmarshal(b, &p.Header, jsontext.AllowDuplicateNames(false))
		if err != nil || p.From == "" || p.To == "" || p.Header.Accord == "" || p.Have < 0 || p.First < 0 || p.Want < 0 || p.OwnFirst < 0 {
			return fmt.Errorf("%w: header does not read", ErrParcel)
		}
	case frameCard:
		p.Cards = append(p.Cards, b)
	case frameAccord:
		p.Accord = b
	case frameOwnProof:
		if len(b) == 0 || len(b)%tlog.HashSize != 0 || len(b) > 64*tlog.HashSize {
			return fmt.Errorf("%w: proof of the recipient's log does not read", ErrParcel)
		}
		for ; len(b) > 0; b = b[tlog.HashSize:] {
			p.OwnProof = append(p.OwnProof, tlog.Hash(b[:tlog.HashSize]))
		}
	case frameEntry, frameOwn:
		var e Entry
		var ok [3]bool
		e.Leaf, b, ok[0] = cutField(b)
		e.Event, b, ok[1] = cutField(b)
		e.Salt, b, ok[2] = cutField(b)
		if !ok[0] || !ok[1] || !ok[2] || len(b) > 0 || len(e.Leaf) == 0 {
			return fmt.Errorf("%w: entry %d does not read", ErrParcel, len(p.Entries))
		}
		if typ == frameOwn {
			p.Own = append(p.Own, e)
		} else {
			p.Entries = append(p.Entries, e)
		}
	case frameCheckpoint:
		p.Checkpoint = b
	case frameProof:
		if len(b) < 8 || (len(b)-8)%tlog.HashSize != 0 || len(b) > 8+64*tlog.HashSize {
			return fmt.Errorf("%w: consistency proof does not read", ErrParcel)
		}
		p.OldSize = int64(binary.BigEndian.Uint64(b))
		for b = b[8:]; len(b) > 0; b = b[tlog.HashSize:] {
			p.Proof = append(p.Proof, tlog.Hash(b[:tlog.HashSize]))
		}
		if p.OldSize <= 0 {
			return fmt.Errorf("%w: consistency proof does not read", ErrParcel)
		}
	case frameBody:
		if len(b) < 8 {
			return fmt.Errorf("%w: body does not read", ErrParcel)
		}
		p.Bodies = append(p.Bodies, Body{int64(binary.BigEndian.Uint64(b)), b[8:]})
	case frameCosigned:
		p.Cosigned = b
	case frameAside:
		if len(b) == 0 || len(b) > MaxAside {
			return fmt.Errorf("%w: what is asked aside has %d bytes, want 1 to %d", ErrParcel, len(b), MaxAside)
		}
		p.Aside = b
	case frameWitnessed:
		ok := false
		p.WitnessedTree, b, ok = cutField(b)
		for ok && len(b) > 0 && len(p.Witnessings) < 64 {
			var w []byte
			w, b, ok = cutField(b)
			p.Witnessings = append(p.Witnessings, w)
		}
		if !ok || len(b) > 0 || p.WitnessedTree == nil || len(p.Witnessings) == 0 {
			return fmt.Errorf("%w: witnessing does not read", ErrParcel)
		}
	}
	return nil
}

// Digest is the digest of a body as events name it.
func (b Body) Digest() ledger.Digest { return sha256.Sum256(b.Bytes) }

type decoder struct {
	in  *bufio.Reader
	sum hash.Hash
}

func (d *decoder) read(b []byte) error {
	if _, err := io.ReadFull(d.in, b); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return ErrTruncated
		}
		return fmt.Errorf("%w: %v", ErrParcel, err)
	}
	d.sum.Write(b)
	return nil
}

func (d *decoder) frame() (typ byte, payload []byte, err error) {
	var head [5]byte
	if err := d.read(head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(head[1:])
	if n > maxFrame {
		return 0, nil, fmt.Errorf("%w: frame of %d bytes is over the limit", ErrParcel, n)
	}
	// Grown as it is read: a short stream that claims much costs little.
	var buf bytes.Buffer
	if _, err := io.CopyN(&buf, d.in, int64(n)); err != nil {
		if errors.Is(err, io.EOF) {
			return 0, nil, ErrTruncated
		}
		return 0, nil, fmt.Errorf("%w: %v", ErrParcel, err)
	}
	d.sum.Write(buf.Bytes())
	return head[0], buf.Bytes(), nil
}

// field is a length-prefixed byte string; nil and empty are the same.
func field(b []byte) []byte { return append(binary.AppendUvarint(nil, uint64(len(b))), b...) }

func cutField(b []byte) (field, rest []byte, ok bool) {
	n, used := binary.Uvarint(b)
	if used <= 0 || n > uint64(len(b)-used) {
		return nil, nil, false
	}
	b = b[used:]
	if n == 0 {
		return nil, b, true
	}
	return b[:n], b[n:], true
}
