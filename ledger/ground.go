package ledger

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// ground is what a file of proof rests on: the accord and the cards, or the name
// of the accord alone. Such a brief file is for whoever has the rest already, and
// its cosignatures are those with Ed25519.
type ground struct {
	accord []byte
	cards  [][]byte
	brief  string
}

func (g ground) write(b *bytes.Buffer) {
	if g.brief != "" {
		writeSection(b, "brief", []byte(g.brief))
		return
	}
	writeSection(b, "accord", g.accord)
	for _, c := range g.cards {
		writeSection(b, "card", c)
	}
}

// read takes a section in if it is one of the ground's.
func (g *ground) read(name string, body []byte) bool {
	switch name {
	case "brief":
		g.brief = string(body)
	case "accord":
		g.accord = body
	case "card":
		g.cards = append(g.cards, body)
	default:
		return false
	}
	return true
}

// check refuses a ground that is neither whole nor brief.
func (g ground) check() error {
	if (g.brief == "") == (g.accord == nil) {
		return errors.New("it has to carry its accord or to be brief")
	}
	return nil
}

// DropMLDSA takes the ML-DSA-44 cosignatures off a checkpoint.
func DropMLDSA(msg []byte) ([]byte, error) {
	return filterSignatures(msg, func(_ string, signature []byte) bool { return len(signature) < 1000 })
}

// OwnerAlone takes all cosignatures off a checkpoint: what it says of its owner
// rests on the owner's signature.
func OwnerAlone(msg []byte) ([]byte, error) {
	text, _, err := NoteText(msg)
	if err != nil {
		return nil, err
	}
	origin, _, _ := strings.Cut(text, "\n")
	return KeepSignatures(msg, origin)
}

func filterSignatures(msg []byte, keep func(name string, signature []byte) bool) ([]byte, error) {
	text, lines, err := splitNote(msg)
	if err != nil {
		return nil, err
	}
	var kept []string
	for _, l := range lines {
		f := strings.Fields(l)
		if len(f) != 3 {
			continue
		}
		signature, err := base64.StdEncoding.DecodeString(f[2])
		if err == nil && keep(f[1], signature) {
			kept = append(kept, l)
		}
	}
	if len(kept) == 0 {
		return nil, fmt.Errorf("%w: none of its signatures is wanted", ErrNote)
	}
	return []byte(text + "\n" + strings.Join(kept, "\n") + "\n"), nil
}
