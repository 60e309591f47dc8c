package link

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"

	"filippo.io/age"
)

const (
	fileMagic = "parley-parcels/1\n"
	// MaxFile bounds what a parcel file holds, in bytes before encryption.
	MaxFile = 1 << 30
)

// Seal writes parcels as a file for one recipient, encrypted to the age
// recipient on the party's card: the line "parley-parcels/1", then each parcel
// after its length in eight bytes, and a length of zero at the end. It stops at
// the first error that parcels yields. A long parcel lies in dir meanwhile, without a
// name; empty is the system's place for temporary files.
func Seal(w io.Writer, recipient, dir string, parcels iter.Seq2[Parcel, error]) error {
	to, err := age.ParseRecipients(strings.NewReader(recipient))
	if err != nil {
		return fmt.Errorf("parcel key on the card: %w", err)
	}
	enc, err := age.Encrypt(w, to...)
	if err != nil {
		return fmt.Errorf("encrypting parcels: %w", err)
	}
	write := func(b []byte) {
		if err == nil {
			_, err = enc.Write(b)
		}
	}
	write([]byte(fileMagic))
	for p, perr := range parcels {
		if perr != nil {
			return perr
		}
		s, perr := spooled(dir, p)
		if perr != nil {
			return perr
		}
		write(binary.BigEndian.AppendUint64(nil, uint64(s.size)))
		if err == nil {
			_, err = io.Copy(enc, s.from(0))
		}
		s.close()
		if err != nil {
			break
		}
	}
	write(make([]byte, 8))
	if err == nil {
		err = enc.Close()
	}
	if err != nil {
		return fmt.Errorf("encrypting parcels: %w", err)
	}
	return nil
}

// Unseal reads what Seal wrote to any of the recipient's keys and calls fn with each parcel, in order, once the
// whole file has been seen to be good. A file for somebody else, a damaged or a
// cut one is [ErrParcel], and fn is not called. The decrypted file lies in dir
// meanwhile, without a name; empty is the system's place for temporary files.
func Unseal(r io.Reader, keys []age.Identity, dir string, fn func(Parcel) error) error {
	dec, err := age.Decrypt(r, keys...)
	if err != nil {
		return fmt.Errorf("%w: it cannot be opened with this node's keys: %v", ErrParcel, err)
	}
	f, err := os.CreateTemp(dir, "parcels-")
	if err != nil {
		return fmt.Errorf("making room for a parcel file: %w", err)
	}
	defer f.Close()
	if err := os.Remove(f.Name()); err != nil {
		return err
	}
	var disk error // what went wrong here and not in the file
	size, err := io.Copy(writerFunc(func(b []byte) (int, error) {
		n, err := f.Write(b)
		disk = err
		return n, err
	}), io.LimitReader(dec, MaxFile+1))
	switch {
	case disk != nil:
		return fmt.Errorf("keeping a parcel file: %w", disk)
	case err != nil:
		return fmt.Errorf("%w: it is damaged or cut short: %v", ErrParcel, err)
	case size > MaxFile:
		return fmt.Errorf("%w: it holds more than %d bytes", ErrParcel, MaxFile)
	}
	if err := eachParcel(f, size, func(Parcel) error { return nil }); err != nil {
		return err
	}
	return eachParcel(f, size, fn)
}

type writerFunc func([]byte) (int, error)

func (w writerFunc) Write(b []byte) (int, error) { return w(b) }

// eachParcel reads a decrypted file.
func eachParcel(f io.ReaderAt, size int64, fn func(Parcel) error) error {
	in := io.NewSectionReader(f, 0, size)
	start := make([]byte, len(fileMagic))
	if _, err := io.ReadFull(in, start); err != nil || string(start) != fileMagic {
		return fmt.Errorf("%w: the file does not begin with %q", ErrParcel, fileMagic)
	}
	for {
		var length [8]byte
		if _, err := io.ReadFull(in, length[:]); err != nil {
			return fmt.Errorf("%w: the file ends before its end mark", ErrParcel)
		}
		n := int64(binary.BigEndian.Uint64(length[:]))
		if n == 0 {
			break
		}
		if n < 0 || n > maxEncoded {
			return fmt.Errorf("%w: a parcel of %d bytes is over the limit of %d", ErrParcel, n, maxEncoded)
		}
		part := &io.LimitedReader{R: in, N: n}
		p, err := Decode(part)
		if err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, part); err != nil {
			return err
		}
		if part.N > 0 {
			return fmt.Errorf("%w: the file ends within a parcel", ErrParcel)
		}
		if err := fn(p); err != nil {
			return err
		}
	}
	if _, err := in.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: something follows the file's end mark", ErrParcel)
	}
	return nil
}
