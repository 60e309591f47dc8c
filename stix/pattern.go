package stix

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// PatternFinding is one rule of the STIX Patterning language (§9) that a pattern
// breaks.
type PatternFinding struct {
	Severity     Severity
	Offset       int // in bytes
	Line, Column int // from 1; Column in characters
	Rule         string
	Section      string
	Message      string
}

func (f PatternFinding) String() string {
	return fmt.Sprintf("%s: line %d, column %d: %s [%s, §%s]", f.Severity, f.Line, f.Column, f.Message, f.Rule, f.Section)
}

// CheckPattern returns what is wrong with a STIX pattern. A pattern that cannot
// be parsed has one finding, with the rule "pattern-syntax", at the first
// place that does not fit.
//
// The grammar is small and fixed by the specification; the parser is a
// recursive descent written by hand, because it can then say at each place what
// was expected there, in the words of the specification.
func CheckPattern(pattern string) []PatternFinding {
	p := parsePattern(pattern)
	return p.found
}

// patternParser reads one pattern and gathers findings.
type patternParser struct {
	src   string
	lex   lexer
	tok   token
	depth int
	found []PatternFinding

	comparisons []comparison
	spans       []timeSpan
}

// comparison is one comparison expression (§9.6).
type comparison struct {
	path objectPath
	op   string
	args []token // constants
	pos  int
}

// objectPath is an object path (§9.7).
type objectPath struct {
	typ   string
	pos   int
	steps []pathStep
}

// pathStep is a property name, or an index where name is empty.
type pathStep struct {
	name string
	pos  int
}

// timeSpan is a START … STOP qualifier.
type timeSpan struct{ start, stop token }

// syntaxFault ends the parsing.
type syntaxFault struct {
	pos     int
	message string
}

func (f *syntaxFault) Error() string { return f.message }

func parsePattern(src string) *patternParser {
	p := &patternParser{src: src, lex: lexer{src: src}}
	fault := p.run()
	if fault != nil {
		p.add(Error, fault.pos, "pattern-syntax", "9", "%s", fault.message)
		return p
	}
	for i := range p.comparisons {
		p.checkComparison(&p.comparisons[i])
	}
	return p
}

func (p *patternParser) run() *syntaxFault {
	if fault := p.next(); fault != nil {
		return fault
	}
	if p.tok.kind == tokEnd {
		return &syntaxFault{0, "the pattern is empty"}
	}
	if !p.isPunct("[") && !p.isPunct("(") {
		return &syntaxFault{p.tok.pos, "an observation expression begins with [, not with " + p.tok.String()}
	}
	if fault := p.observations(); fault != nil {
		return fault
	}
	if p.tok.kind != tokEnd {
		return p.unexpected("AND, OR, FOLLOWEDBY, a qualifier or the end of the pattern")
	}
	return nil
}

func (p *patternParser) add(s Severity, pos int, rule, section, format string, args ...any) {
	if len(p.found) >= maxFindings {
		return
	}
	line := 1 + strings.Count(p.src[:pos], "\n")
	column := 1 + utf8.RuneCountInString(p.src[strings.LastIndexByte(p.src[:pos], '\n')+1:pos])
	p.found = append(p.found, PatternFinding{
		Severity: s, Offset: pos, Line: line, Column: column, Rule: rule, Section: section,
		Message: fmt.Sprintf(format, args...),
	})
}

// indicatorPattern checks the pattern of an indicator whose language is STIX, and
// that its spans of time lie within the indicator's.
func indicatorPattern(c *check, v *value) {
	pattern, ok := v.get("pattern")
	if !ok || pattern.kind != jsontext.KindString || v.str("pattern_type") != "stix" {
		return
	}
	p := parsePattern(pattern.text)
	c.in("pattern", func() {
		for _, f := range p.found {
			c.report(f.Severity, f.Rule, f.Section, "line %d, column %d: %s", f.Line, f.Column, f.Message)
		}
		for _, s := range p.spans {
			c.within(s, v)
		}
	})
}

func (c *check) within(s timeSpan, indicator *value) {
	start, err1 := ParseTime(s.start.text)
	stop, err2 := ParseTime(s.stop.text)
	if err1 != nil || err2 != nil {
		return
	}
	if from, err := ParseTime(indicator.str("valid_from")); err == nil && start.Before(from) {
		c.should("pattern-time", "9.5.1", "START %s should not be before valid_from", s.start.text)
	}
	if until, err := ParseTime(indicator.str("valid_until")); err == nil && stop.After(until) {
		c.should("pattern-time", "9.5.1", "STOP %s should not be after valid_until", s.stop.text)
	}
}
