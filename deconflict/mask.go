package deconflict

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"strconv"
	"strings"

	"parley.example/parley/psi"
)

// SheetSize is the number of masks on a sheet.
const SheetSize = 32

const sheetHeader = "parley-masks/1"

// Sheet is a list of masks that an arbiter made for a member of an accord, before
// and independently of any exchange. The arbiter can make them again; so it holds
// what a side would have to show, and nobody need prove to it or of it anything.
type Sheet struct {
	Number  int64    `json:"number"`
	Note    []byte   `json:"note"`    // the public elements, signed by the arbiter
	Secrets [][]byte `json:"secrets"` // for the member alone
}

// maskOf makes the mask at an index of a sheet.
func maskOf(secret []byte, accord, party string, sheet int64, index int) (psi.Mask, error) {
	return psi.DeriveMask(secret, fmt.Appendf(nil, "%s/%s/%d/%d", accord, party, sheet, index))
}

// NewSheet makes a member's sheet of a number; the same again for the same secret.
// sign signs a text in the arbiter's name.
func NewSheet(secret []byte, accord, party string, number int64, sign func(text string) ([]byte, error)) (Sheet, error) {
	s := Sheet{Number: number}
	var text strings.Builder
	fmt.Fprintf(&text, "%s\n%s\n%s\n%d\n", sheetHeader, accord, party, number)
	for i := range SheetSize {
		m, err := maskOf(secret, accord, party, number, i)
		if err != nil {
			return s, err
		}
		s.Secrets = append(s.Secrets, m.Bytes())
		fmt.Fprintln(&text, base64.StdEncoding.EncodeToString(m.Public()))
	}
	var err error
	s.Note, err = sign(text.String())
	return s, err
}

// Mask is the mask at an index of a member's sheet, as the arbiter shows it.
func Mask(secret []byte, accord, party string, sheet int64, index int) ([]byte, error) {
	if sheet < 0 || index < 0 || index >= SheetSize {
		return nil, fmt.Errorf("there is no mask %d on sheet %d", index, sheet)
	}
	m, err := maskOf(secret, accord, party, sheet, index)
	return m.Bytes(), err
}

// publicMasks reads a sheet's text, which must be that member's.
func publicMasks(text, accord, party string, number int64) ([]string, error) {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) != 4+SheetSize || lines[0] != sheetHeader || lines[1] != accord || lines[2] != party || lines[3] != strconv.FormatInt(number, 10) {
		return nil, fmt.Errorf("it is no sheet %d of masks for %s under this accord", number, party)
	}
	return lines[4:], nil
}

// CheckSheet reports whether a mask with that public element stands at an index of a
// member's sheet, whose text the arbiter signed.
func CheckSheet(text, accord, party string, number int64, index int, public []byte) error {
	masks, err := publicMasks(text, accord, party, number)
	if err != nil {
		return err
	}
	if index < 0 || index >= len(masks) || masks[index] != base64.StdEncoding.EncodeToString(public) {
		return fmt.Errorf("the mask is not mask %d of the arbiter's sheet %d", index, number)
	}
	return nil
}

// Check reports whether a sheet that an arbiter sent is whole: signed text, and
// secrets that belong to it.
func (s Sheet) Check(text, accord, party string) error {
	masks, err := publicMasks(text, accord, party, s.Number)
	if err != nil {
		return err
	}
	if len(s.Secrets) != len(masks) {
		return fmt.Errorf("sheet of %d masks with %d secrets", len(masks), len(s.Secrets))
	}
	for i, b := range s.Secrets {
		m, err := psi.ParseMask(b)
		if err != nil {
			return err
		}
		if public, err := base64.StdEncoding.DecodeString(masks[i]); err != nil || !bytes.Equal(public, m.Public()) {
			return fmt.Errorf("mask %d of the sheet is not the one that was signed", i)
		}
	}
	return nil
}

// Hand is the masks of one side in one exchange.
type Hand struct {
	Secrets [][]byte `json:"secrets,omitempty"`
	Sheet   Sheet    `json:"sheet"` // without its secrets; zero without an arbiter
	Index   int      `json:"index"`
}

// Deal takes a mask of a sheet.
func (s Sheet) Deal(index int) Hand {
	return Hand{Secrets: [][]byte{s.Secrets[index]}, Sheet: Sheet{Number: s.Number, Note: s.Note}, Index: index}
}

// NewHand makes masks for an exchange without an arbiter.
func NewHand(random io.Reader) (h Hand, err error) {
	for range Parts {
		m, err := psi.NewMask(random)
		if err != nil {
			return h, err
		}
		h.Secrets = append(h.Secrets, m.Bytes())
	}
	return h, nil
}

func (h Hand) masks() (out []psi.Mask, err error) {
	for _, b := range h.Secrets {
		m, err := psi.ParseMask(b)
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}
