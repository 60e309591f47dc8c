package incident

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Limits on one record of a table. An open quote that runs past them is taken
// for a stray one.
const (
	maxRecordBytes = 1 << 20
	maxRecordLines = 500
)

// A RowError says why a row was refused. Row counts from 1 below the header,
// Line from 1 at the top of the file.
type RowError struct {
	Row, Line int
	Problems  []Problem
}

// Problem is one reason why a row was refused; Field and Value are empty where
// it concerns the row as a whole.
type Problem struct {
	Field  string `json:"field,omitempty"`
	Value  string `json:"value,omitempty"`
	Reason string `json:"reason"`
}

func (p Problem) String() string {
	switch {
	case p.Field == "":
		return p.Reason
	case p.Value == "":
		return p.Field + ": " + p.Reason
	}
	return fmt.Sprintf("%s %q: %s", p.Field, p.Value, p.Reason)
}

func (e *RowError) Error() string {
	parts := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		parts[i] = p.String()
	}
	return fmt.Sprintf("row %d (line %d): %s", e.Row, e.Line, strings.Join(parts, "; "))
}

// table reads delimited text (RFC 4180). Unlike encoding/csv it resumes after
// a broken record at the line below the one where the record began: a stray
// quote costs one row, not the rows that it would swallow.
type table struct {
	in     *bufio.Reader
	comma  byte
	header []string
	index  map[string]int
	queue  [][]byte // lines read ahead, to be read again
	line   int      // lines taken so far
	row    int      // records begun so far, without the header
}

var errNoHeader = errors.New("the file is empty: there is no header")

func newTable(r io.Reader, comma byte) (*table, error) {
	t := &table{in: bufio.NewReaderSize(r, 64<<10), comma: comma, index: map[string]int{}}
	if bom, err := t.in.Peek(3); err == nil && string(bom) == "\uFEFF" {
		if _, err := t.in.Discard(3); err != nil {
			return nil, err
		}
	}
	fields, _, err := t.record(0)
	if err == io.EOF {
		return nil, errNoHeader
	}
	if err != nil {
		return nil, fmt.Errorf("reading the header: %w", err)
	}
	for i, name := range fields {
		name = strings.TrimSpace(name)
		if _, twice := t.index[name]; twice {
			return nil, fmt.Errorf("reading the header: column %q appears twice", clip(name))
		}
		t.index[name] = i
		t.header = append(t.header, name)
	}
	return t, nil
}

// next returns the fields of the next record. A *RowError concerns that
// record only; any other error ends the table, io.EOF at its end.
func (t *table) next() ([]string, *RowError, error) {
	fields, line, err := t.record(len(t.header))
	var broken brokenRecord
	switch {
	case errors.As(err, &broken):
		t.row++
		return nil, t.refuse(line, Problem{Reason: string(broken)}), nil
	case err != nil:
		return nil, nil, err
	}
	t.row++
	for i, f := range fields {
		if !utf8.ValidString(f) {
			return nil, t.refuse(line, Problem{Field: t.header[i], Reason: "is not valid UTF-8"}), nil
		}
	}
	return fields, &RowError{Row: t.row, Line: line}, nil
}

func (t *table) refuse(line int, p ...Problem) *RowError {
	return &RowError{Row: t.row, Line: line, Problems: p}
}

type brokenRecord string

func (e brokenRecord) Error() string { return string(e) }

// record reads one record of want fields (any number when want is 0) and the
// line on which it begins.
func (t *table) record(want int) (fields []string, line int, err error) {
	var first []byte
	for len(bytes.TrimSpace(first)) == 0 { // empty lines are no records
		if first, err = t.take(); err != nil {
			return nil, t.line, err
		}
	}
	line = t.line
	if len(first) > maxRecordBytes {
		return nil, line, brokenRecord(fmt.Sprintf("longer than %d bytes", maxRecordBytes))
	}
	var more [][]byte
	fields, err = t.split(string(first), &more)
	if err == nil && want > 0 && len(fields) != want {
		err = brokenRecord(fmt.Sprintf("has %d fields, the header has %d", len(fields), want))
	}
	var broken brokenRecord
	if errors.As(err, &broken) {
		t.queue = append(more, t.queue...)
		t.line -= len(more)
	}
	return fields, line, err
}

// split parts a record into fields. It takes further lines while a quote is
// open and lists them in more.
func (t *table) split(s string, more *[][]byte) ([]string, error) {
	fields := make([]string, 0, max(len(t.header), 8))
	for {
		if !strings.HasPrefix(s, `"`) {
			field, rest, comma := strings.Cut(s, string(t.comma))
			if strings.Contains(field, `"`) {
				return nil, brokenRecord(fmt.Sprintf("a quote inside the unquoted field %q", clip(field)))
			}
			fields = append(fields, field)
			if s = rest; !comma {
				return fields, nil
			}
			continue
		}
		field, rest, err := t.quoted(s[1:], more)
		if err != nil {
			return nil, err
		}
		fields = append(fields, field)
		switch {
		case rest == "":
			return fields, nil
		case rest[0] != t.comma:
			return nil, brokenRecord(fmt.Sprintf("text after the closing quote: %q", clip(rest)))
		}
		s = rest[1:]
	}
}

// quoted reads a field after its opening quote, and returns what follows its
// closing quote.
func (t *table) quoted(s string, more *[][]byte) (field, rest string, err error) {
	var b strings.Builder
	size := len(s)
	for {
		i := strings.IndexByte(s, '"')
		switch {
		case i >= 0 && strings.HasPrefix(s[i+1:], `"`):
			b.WriteString(s[:i+1])
			s = s[i+2:]
		case i >= 0 && b.Len() == 0:
			return s[:i], s[i+1:], nil
		case i >= 0:
			b.WriteString(s[:i])
			return b.String(), s[i+1:], nil
		default:
			b.WriteString(s)
			b.WriteByte('\n')
			next, err := t.take()
			if err != nil && err != io.EOF {
				return "", "", err
			}
			if err == nil {
				*more = append(*more, next)
				size += len(next)
			}
			if err == io.EOF || size > maxRecordBytes || len(*more) > maxRecordLines {
				return "", "", brokenRecord("a quote is opened and never closed")
			}
			s = string(next)
		}
	}
}

// take returns the next line without its end. Of a line over the limit it
// returns enough to be recognised as such.
func (t *table) take() ([]byte, error) {
	if len(t.queue) > 0 {
		l := t.queue[0]
		t.queue = t.queue[1:]
		t.line++
		return l, nil
	}
	var l []byte
	for {
		part, err := t.in.ReadSlice('\n')
		if len(l) <= maxRecordBytes {
			l = append(l, part...)
		}
		if err == bufio.ErrBufferFull {
			continue
		}
		if err == io.EOF && len(l) > 0 {
			err = nil
		}
		if err != nil {
			return nil, err
		}
		t.line++
		l = bytes.TrimSuffix(l, []byte("\n"))
		return bytes.TrimSuffix(l, []byte("\r")), nil
	}
}

// clip shortens text of unknown length for a message.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
