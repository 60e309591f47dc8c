package stix

import (
	"slices"
	"strings"
)

// The grammar of §9.4 to §9.7, one method for each rule. Operators bind from the
// tightest: AND, OR, FOLLOWEDBY (§9.5.3).

// maxPatternDepth is how deep parentheses may nest.
const maxPatternDepth = 100

func (p *patternParser) next() (fault *syntaxFault) {
	p.tok, fault = p.lex.next()
	return fault
}

func (p *patternParser) isPunct(s string) bool   { return p.tok.kind == tokPunct && p.tok.text == s }
func (p *patternParser) isKeyword(s string) bool { return p.tok.kind == tokKeyword && p.tok.text == s }

func (p *patternParser) unexpected(want string) *syntaxFault {
	hint := ""
	if p.tok.kind == tokName && patternKeywords[strings.ToUpper(p.tok.text)] {
		hint = "; keywords are written in upper case"
	}
	return &syntaxFault{p.tok.pos, "expected " + want + ", found " + p.tok.String() + hint}
}

// take consumes a token that must be there.
func (p *patternParser) take(kind tokenKind, text, want string) (token, *syntaxFault) {
	t := p.tok
	if t.kind != kind || text != "" && t.text != text {
		return t, p.unexpected(want)
	}
	return t, p.next()
}

func (p *patternParser) punct(s string) *syntaxFault {
	_, fault := p.take(tokPunct, s, s)
	return fault
}

func (p *patternParser) keyword(s string) *syntaxFault {
	_, fault := p.take(tokKeyword, s, s)
	return fault
}

// joined reads operands of r joined by a keyword.
func (p *patternParser) joined(keyword string, r func() *syntaxFault) *syntaxFault {
	for {
		if fault := r(); fault != nil {
			return fault
		}
		if !p.isKeyword(keyword) {
			return nil
		}
		if fault := p.next(); fault != nil {
			return fault
		}
	}
}

// observations: observation expressions joined by observation operators.
func (p *patternParser) observations() *syntaxFault {
	return p.joined("FOLLOWEDBY", func() *syntaxFault {
		return p.joined("OR", func() *syntaxFault {
			return p.joined("AND", p.observation)
		})
	})
}

// observation: [ … ] or ( … ), followed by qualifiers.
func (p *patternParser) observation() *syntaxFault {
	group := p.isPunct("(")
	switch {
	case p.isPunct("["):
		if fault := p.next(); fault != nil {
			return fault
		}
		if _, fault := p.anyOf(); fault != nil {
			return fault
		}
		if fault := p.punct("]"); fault != nil {
			return fault
		}
	case group:
		if fault := p.nested(p.observations); fault != nil {
			return fault
		}
	default:
		return p.unexpected("an observation expression in square brackets")
	}
	return p.qualifiers(group)
}

// nested reads r between parentheses.
func (p *patternParser) nested(r func() *syntaxFault) *syntaxFault {
	if p.depth++; p.depth > maxPatternDepth {
		return &syntaxFault{p.tok.pos, "parentheses are nested too deep"}
	}
	if fault := p.punct("("); fault != nil {
		return fault
	}
	if fault := r(); fault != nil {
		return fault
	}
	p.depth--
	return p.punct(")")
}

// qualifiers reads the qualifiers of one observation expression, each kind at
// most once (§9.5.1). Other tools accept more behind a group in parentheses, so
// there it is a warning.
func (p *patternParser) qualifiers(group bool) *syntaxFault {
	seen := map[string]bool{}
	for p.isKeyword("WITHIN") || p.isKeyword("REPEATS") || p.isKeyword("START") {
		q := p.tok
		if seen[q.text] {
			severity := Error
			if group {
				severity = Warning
			}
			p.add(severity, q.pos, "pattern-qualifier", "9.5.1", "an observation expression must not have more than one %s", q.text)
		}
		seen[q.text] = true
		if fault := p.qualifier(q); fault != nil {
			return fault
		}
	}
	return nil
}

func (p *patternParser) qualifier(q token) *syntaxFault {
	if fault := p.next(); fault != nil {
		return fault
	}
	switch q.text {
	case "WITHIN":
		n := p.tok
		if n.kind != tokInteger && n.kind != tokFloat || !positive(n.text) {
			return p.unexpected("a positive number of seconds")
		}
		if fault := p.next(); fault != nil {
			return fault
		}
		return p.keyword("SECONDS")
	case "REPEATS":
		if n := p.tok; n.kind != tokInteger || !positive(n.text) {
			return p.unexpected("a positive whole number")
		}
		if fault := p.next(); fault != nil {
			return fault
		}
		return p.keyword("TIMES")
	}
	start, fault := p.take(tokTimestamp, "", "a timestamp, t'…'")
	if fault != nil {
		return fault
	}
	if fault := p.keyword("STOP"); fault != nil {
		return fault
	}
	stop, fault := p.take(tokTimestamp, "", "a timestamp, t'…'")
	if fault != nil {
		return fault
	}
	p.spans = append(p.spans, timeSpan{start, stop})
	from, _ := ParseTime(start.text)
	to, _ := ParseTime(stop.text)
	if !to.After(from) {
		p.add(Warning, stop.pos, "pattern-time", "9.5.1", "STOP is not after START: nothing can match")
	}
	return nil
}

func positive(number string) bool {
	return !strings.HasPrefix(number, "-") && strings.Trim(number, "0.") != ""
}

// anyOf reads comparison expressions joined by OR, and returns the object types
// on which the whole can be true.
func (p *patternParser) anyOf() (types []string, fault *syntaxFault) {
	fault = p.joined("OR", func() *syntaxFault {
		more, fault := p.allOf()
		types = union(types, more)
		return fault
	})
	return types, fault
}

// allOf reads comparison expressions joined by AND, which must be true of one
// object (§9.5). Other tools accept patterns that break this, so it is a
// warning.
func (p *patternParser) allOf() (types []string, fault *syntaxFault) {
	first := true
	fault = p.joined("AND", func() *syntaxFault {
		pos := p.tok.pos
		more, fault := p.test()
		if fault != nil {
			return fault
		}
		if first {
			types, first = more, false
			return nil
		}
		both := slices.DeleteFunc(slices.Clone(types), func(t string) bool { return !slices.Contains(more, t) })
		if len(both) == 0 {
			p.add(Warning, pos, "pattern-types", "9.5",
				"AND joins %s with %s: both must be of one object, so nothing can match; use OR, or two observation expressions",
				strings.Join(types, ", "), strings.Join(more, ", "))
			both = union(types, more)
		}
		types = both
		return nil
	})
	return types, fault
}

func union(a, b []string) []string {
	for _, s := range b {
		if !slices.Contains(a, s) {
			a = append(slices.Clip(a), s)
		}
	}
	return a
}

// test reads one comparison expression, or several in parentheses.
func (p *patternParser) test() (types []string, fault *syntaxFault) {
	if p.isPunct("(") {
		fault = p.nested(func() (fault *syntaxFault) {
			types, fault = p.anyOf()
			return fault
		})
		return types, fault
	}
	c := comparison{pos: p.tok.pos}
	negated := p.isKeyword("NOT")
	if negated {
		if fault := p.next(); fault != nil {
			return nil, fault
		}
	}
	if p.isKeyword("EXISTS") {
		c.op = "EXISTS"
		if fault := p.next(); fault != nil {
			return nil, fault
		}
		if c.path, fault = p.path(); fault != nil {
			return nil, fault
		}
	} else if negated {
		return nil, p.unexpected("EXISTS after NOT; before another operator NOT stands behind the path")
	} else if fault := p.comparison(&c); fault != nil {
		return nil, fault
	}
	p.comparisons = append(p.comparisons, c)
	return []string{c.path.typ}, nil
}

func (p *patternParser) comparison(c *comparison) (fault *syntaxFault) {
	if c.path, fault = p.path(); fault != nil {
		return fault
	}
	if p.isKeyword("NOT") {
		if fault := p.next(); fault != nil {
			return fault
		}
	}
	op := p.tok
	c.op = op.text
	switch {
	case op.kind == tokPunct && slices.Contains([]string{"=", "==", "!=", "<>", "<", ">", "<=", ">="}, op.text):
		if fault := p.next(); fault != nil {
			return fault
		}
		ordered := strings.HasPrefix(op.text, "<") && op.text != "<>" || strings.HasPrefix(op.text, ">")
		return p.constant(c, ordered)
	case op.kind == tokKeyword && op.text == "IN":
		if fault := p.next(); fault != nil {
			return fault
		}
		return p.set(c)
	case op.kind == tokKeyword && slices.Contains([]string{"LIKE", "MATCHES", "ISSUBSET", "ISSUPERSET"}, op.text):
		if fault := p.next(); fault != nil {
			return fault
		}
		s, fault := p.take(tokString, "", "a string in apostrophes")
		c.args = append(c.args, s)
		return fault
	}
	return p.unexpected("a comparison operator")
}

// constant reads one constant.
func (p *patternParser) constant(c *comparison, ordered bool) *syntaxFault {
	switch k := p.tok.kind; {
	case k == tokBoolean && ordered:
		return p.unexpected("a constant that has an order")
	case k < tokString:
		return p.unexpected("a constant (a string stands between apostrophes)")
	}
	c.args = append(c.args, p.tok)
	return p.next()
}

// set reads the constants of IN.
func (p *patternParser) set(c *comparison) *syntaxFault {
	if fault := p.punct("("); fault != nil {
		return fault
	}
	for !p.isPunct(")") || len(c.args) > 0 {
		if fault := p.constant(c, false); fault != nil {
			return fault
		}
		if !p.isPunct(",") {
			break
		}
		if fault := p.next(); fault != nil {
			return fault
		}
	}
	return p.punct(")")
}

// path reads an object path: type:property.property[index]…
func (p *patternParser) path() (path objectPath, fault *syntaxFault) {
	t, fault := p.take(tokName, "", "an object path like file:name")
	if fault != nil {
		return path, fault
	}
	path.typ, path.pos = t.text, t.pos
	if fault := p.punct(":"); fault != nil {
		return path, fault
	}
	if fault := p.step(&path); fault != nil {
		return path, fault
	}
	for {
		switch {
		case p.isPunct("."):
			if fault := p.next(); fault != nil {
				return path, fault
			}
			if fault := p.step(&path); fault != nil {
				return path, fault
			}
		case p.isPunct("["):
			if fault := p.index(&path); fault != nil {
				return path, fault
			}
		default:
			return path, nil
		}
	}
}

// step reads a property name; one with a hyphen or point stands in apostrophes
// (§9.7).
func (p *patternParser) step(path *objectPath) *syntaxFault {
	t := p.tok
	switch {
	case t.kind == tokName && strings.Contains(t.text, "-"):
		return &syntaxFault{t.pos, "a property name with a hyphen must stand between apostrophes: '" + clip(t.text) + "'"}
	case t.kind != tokName && t.kind != tokString && t.kind != tokBoolean:
		return p.unexpected("a property name")
	case t.text == "":
		return &syntaxFault{t.pos, "a property name is empty"}
	}
	path.steps = append(path.steps, pathStep{t.text, t.pos})
	return p.next()
}

// index reads a list index: a number or an asterisk.
func (p *patternParser) index(path *objectPath) *syntaxFault {
	pos := p.tok.pos
	if fault := p.next(); fault != nil {
		return fault
	}
	if !p.isPunct("*") && (p.tok.kind != tokInteger || strings.HasPrefix(p.tok.text, "-")) {
		return p.unexpected("a list index: a whole number or *")
	}
	path.steps = append(path.steps, pathStep{"", pos})
	if fault := p.next(); fault != nil {
		return fault
	}
	return p.punct("]")
}
