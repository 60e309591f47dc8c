package web

import (
	"bytes"
	"image/png"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/qr"
	"github.com/danielgtaylor/huma/v2"
)

// pngView is a picture.
type pngView struct {
	Type string `header:"Content-Type"`
	Body []byte
}

// cardCode is an invitation as a QR code: the whole card note as text, so that
// whoever scans it has what the file would give, without a line between the two.
func cardCode(note string) (*pngView, error) {
	code, err := qr.Encode(note, qr.L, qr.Unicode)
	if err != nil {
		return nil, huma.Error409Conflict("The card is too long for a QR code, as it names keys that it replaced. Hand over the file.")
	}
	side := code.Bounds().Dx()
	wide, err := barcode.Scale(code, 4*side, 4*side)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := png.Encode(&b, wide); err != nil {
		return nil, err
	}
	return &pngView{"image/png", b.Bytes()}, nil
}
