package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
)

// Kind is what a column holds.
type Kind byte

// The kinds, with the Go types of their values in a dump. Text keeps any bytes.
const (
	Integer Kind = 'i' // int64, or nil where nothing is kept
	Real    Kind = 'f' // float64
	Text    Kind = 's' // string
	Blob    Kind = 'b' // []byte, never nil
)

// Table is a table of the same name and columns in every backend.
type Table struct {
	Name    string
	Columns []Column
	Key     int // how many of the columns, from the first, identify a row
}

// Column is a column of a table.
type Column struct {
	Name string
	Kind Kind
}

// Tables is all that a store keeps but what it can make anew: what the library's
// objects are found by is filed again from the objects.
var Tables = []Table{
	table("counter", 1, "s:name i:value"),
	table("docs", 2, "s:kind s:id b:body"),
	table("cards", 2, "s:party i:sequence b:note i:added"),
	table("logs", 1, "i:id s:name i:size"),
	table("leaves", 2, "i:log i:idx b:leaf"),
	table("hashes", 2, "i:log i:idx b:hash"),
	table("events", 2, "i:log i:idx s:kind i:at b:bytes b:salt s:audience"),
	table("packs", 2, "i:log i:first b:entries"),
	table("pack_kinds", 3, "i:log s:kind i:first i:latest"),
	table("checkpoints", 2, "i:log i:size b:note i:at"),
	table("bodies", 1, "b:digest b:body"),
	table("outbox", 1, "i:seq s:accord s:party s:log i:idx b:digest i:priority i:at i:delivered"),
	table("inbox", 1, "s:id s:accord s:sender i:at b:doc"),
	table("objects", 1, "i:added s:id s:type i:version s:modified s:spec i:newest s:sender s:accord s:party b:bytes"),
	table("removals", 1, "i:n i:added"),
	table("statuses", 1, "s:id s:owner i:at b:doc"),
	table("incidents", 1, "s:id i:start i:end s:area s:class f:lat f:lon i:placed s:sender b:doc"),
	table("selectors", 3, "s:kind s:value s:object"),
}

func table(name string, key int, columns string) Table {
	t := Table{Name: name, Key: key}
	for c := range strings.FieldsSeq(columns) {
		t.Columns = append(t.Columns, Column{c[2:], Kind(c[0])})
	}
	return t
}

// Dumper is a store that can be read whole, and Loader one that can be filled.
// Every backend is both.
type (
	Dumper interface {
		// Dump gives every row of Tables as it was at one moment, table by table,
		// by the key, ascending. fn must not keep the row.
		Dump(ctx context.Context, fn func(t Table, row []any) error) error
	}
	Loader interface {
		// Load fills a store that was just made with all that another holds, or
		// leaves it as it is.
		Load(ctx context.Context, from Dumper) error
	}
)

// Contents is what a store holds, to be compared with another's.
type Contents struct {
	Rows   map[string]int64 // by table
	Digest [32]byte         // SHA-256 over all rows
}

// ContentsOf reads a store whole.
func ContentsOf(ctx context.Context, d Dumper) (Contents, error) {
	c := Contents{Rows: make(map[string]int64)}
	h := sha256.New()
	var b []byte
	bytes := func(s []byte) { b = append(binary.BigEndian.AppendUint64(b, uint64(len(s))), s...) }
	err := d.Dump(ctx, func(t Table, row []any) error {
		c.Rows[t.Name]++
		b = b[:0]
		bytes([]byte(t.Name))
		for i, v := range row {
			b = append(b, byte(t.Columns[i].Kind))
			switch v := v.(type) {
			case nil:
				b = append(b, 0)
			case int64:
				b = binary.BigEndian.AppendUint64(b, uint64(v))
			case float64:
				b = binary.BigEndian.AppendUint64(b, math.Float64bits(v))
			case string:
				bytes([]byte(v))
			case []byte:
				bytes(v)
			default:
				return fmt.Errorf("dump of %s: column %s holds a %T", t.Name, t.Columns[i].Name, v)
			}
		}
		h.Write(b)
		return nil
	})
	h.Sum(c.Digest[:0])
	return c, err
}
