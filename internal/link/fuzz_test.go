package link_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"testing"

	"github.com/klauspost/compress/zstd"

	"parley.example/parley/internal/link"
)

// FuzzDecodeFrames puts what stands in a parcel under a right checksum and
// compression, which FuzzDecode hardly ever gets past.
func FuzzDecodeFrames(f *testing.F) {
	_, p := sample(f)
	z, err := zstd.NewReader(bytes.NewReader(encode(f, p)))
	if err != nil {
		f.Fatal(err)
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		f.Fatal(err)
	}
	const end = 5 + sha256.Size // the frame with the checksum
	f.Add(plain[:len(plain)-end])
	mark := plain[len(plain)-end]
	pack, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		sum := sha256.Sum256(b)
		b = append(bytes.Clone(b), mark)
		b = binary.BigEndian.AppendUint32(b, sha256.Size)
		p, err := link.Decode(bytes.NewReader(pack.EncodeAll(append(b, sum[:]...), nil)))
		if err != nil {
			return
		}
		if _, err := link.Decode(bytes.NewReader(encode(t, p))); err != nil {
			t.Errorf("what was read does not read when written again: %v", err)
		}
	})
}
