package link

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
)

// spoolMemory is how much of a parcel's bytes is kept in memory; what is larger
// goes to a file.
const spoolMemory = 1 << 20

// spool holds the bytes of one encoded parcel on its way, whole or so far: in
// memory while they are few, then in a file without a name. It is used by one
// goroutine at a time.
type spool struct {
	dir  string
	mem  []byte
	file *os.File // nil while everything is in mem
	size int64
	sum  hash.Hash
}

func newSpool(dir string) *spool { return &spool{dir: dir, sum: sha256.New()} }

// Write appends. No parcel is larger than MaxParcel and a little that
// compression of what cannot be compressed may add.
func (s *spool) Write(b []byte) (int, error) {
	if s.size+int64(len(b)) > maxEncoded {
		return 0, fmt.Errorf("%w: it is larger than %d bytes", ErrParcel, maxEncoded)
	}
	if s.file == nil && s.size+int64(len(b)) > spoolMemory {
		f, err := os.CreateTemp(s.dir, "parcel-")
		if err != nil {
			return 0, fmt.Errorf("making room for a parcel: %w", err)
		}
		// Nobody else needs its name, and a crash leaves nothing behind.
		if err := os.Remove(f.Name()); err != nil {
			return 0, errors.Join(err, f.Close())
		}
		s.file = f
		if _, err := f.Write(s.mem); err != nil {
			return 0, err
		}
		s.mem = nil
	}
	if s.file == nil {
		s.mem = append(s.mem, b...)
	} else if _, err := s.file.WriteAt(b, s.size); err != nil {
		return 0, fmt.Errorf("keeping a parcel: %w", err)
	}
	s.sum.Write(b)
	s.size += int64(len(b))
	return len(b), nil
}

// ReadAt implements io.ReaderAt.
func (s *spool) ReadAt(b []byte, at int64) (int, error) {
	if s.file != nil {
		return s.file.ReadAt(b, at)
	}
	if at >= int64(len(s.mem)) {
		return 0, io.EOF
	}
	n := copy(b, s.mem[at:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// from reads from an offset to the end.
func (s *spool) from(offset int64) *io.SectionReader {
	return io.NewSectionReader(s, offset, s.size-offset)
}

// digest is the SHA-256 of what was written, in hex.
func (s *spool) digest() string { return hex.EncodeToString(s.sum.Sum(nil)) }

func (s *spool) close() {
	if s != nil && s.file != nil {
		_ = s.file.Close()
	}
}

// spooled encodes a parcel.
func spooled(dir string, p Parcel) (*spool, error) {
	s := newSpool(dir)
	if err := p.Encode(s); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}
