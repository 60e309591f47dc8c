package link

import (
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
)

// Seal writes a parcel as a file for one recipient: the wire form, encrypted
// to the age recipient on the party's card.
func Seal(w io.Writer, p Parcel, recipient string) error {
	r, err := age.ParseRecipients(strings.NewReader(recipient))
	if err != nil {
		return fmt.Errorf("parcel key on the card of %s: %w", p.To, err)
	}
	enc, err := age.Encrypt(w, r...)
	if err != nil {
		return fmt.Errorf("encrypting parcel: %w", err)
	}
	if err := p.Encode(enc); err != nil {
		return err
	}
	if err := enc.Close(); err != nil {
		return fmt.Errorf("encrypting parcel: %w", err)
	}
	return nil
}

// Unseal reads what Seal wrote. A file for somebody else, a damaged or a cut
// one is [ErrParcel].
func Unseal(r io.Reader, identity age.Identity) (Parcel, error) {
	dec, err := age.Decrypt(r, identity)
	if err != nil {
		return Parcel{}, fmt.Errorf("%w: it cannot be opened with this node's key: %v", ErrParcel, err)
	}
	return Decode(dec)
}
