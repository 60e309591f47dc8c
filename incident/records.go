package incident

import (
	"fmt"
	"io"
)

// Records reads delimited text with a header, as the readers of this package
// do: bounded, and a broken record costs itself alone. It calls fn for every
// record with a function that gives a column's field, "" where there is no such
// column, or with a [*RowError] that says why the record was refused. An error
// from fn ends the reading and is returned as it is. The columns' names are
// returned.
func Records(r io.Reader, comma byte, fn func(row int, field func(column string) string, err error) error) ([]string, error) {
	t, err := newTable(r, comma)
	if err != nil {
		return nil, err
	}
	for {
		fields, at, err := t.next()
		if err == io.EOF {
			return t.header, nil
		}
		if err != nil {
			return t.header, fmt.Errorf("after line %d: %w", t.line, err)
		}
		field := func(column string) string {
			if i, ok := t.index[column]; ok && fields != nil {
				return fields[i]
			}
			return ""
		}
		var refused error
		if fields == nil {
			refused = at
		}
		if err := fn(at.Row, field, refused); err != nil {
			return t.header, err
		}
	}
}
