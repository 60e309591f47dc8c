package stix_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"parley.example/parley/stix"
)

// attack returns the objects of a real bundle and their size in bytes.
func attack(b *testing.B) (objects [][]byte, size int64) {
	data, err := os.ReadFile(dataFile(b, "mobile-attack-2.1.json"))
	if err != nil {
		b.Fatal(err)
	}
	_, err = stix.ReadBundle(bytes.NewReader(data), func(_ int, raw []byte) error {
		objects = append(objects, raw)
		size += int64(len(raw))
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return objects, size
}

// each measures work on one object after the other, as objects per second.
func each(b *testing.B, work func(raw []byte)) {
	objects, size := attack(b)
	b.SetBytes(size)
	n := 0
	for b.Loop() {
		for _, raw := range objects {
			work(raw)
		}
		n += len(objects)
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "objects/s")
}

func BenchmarkParse(b *testing.B) {
	each(b, func(raw []byte) {
		if _, err := stix.Parse(raw); err != nil {
			b.Fatal(err)
		}
	})
}

func BenchmarkValidate(b *testing.B) { each(b, func(raw []byte) { stix.Validate(raw) }) }

// BenchmarkTokenise is the limit: reading the tokens strictly and nothing more.
func BenchmarkTokenise(b *testing.B) {
	d := jsontext.NewDecoder(new(bytes.Buffer))
	each(b, func(raw []byte) {
		d.Reset(bytes.NewBuffer(raw))
		for {
			if _, err := d.ReadToken(); err != nil {
				return
			}
		}
	})
}
