package stix

import (
	"encoding/base64"
	"strings"
	"unicode"
	"unicode/utf8"
)

// tokenKind is a kind of token of the pattern language.
type tokenKind int

const (
	tokEnd tokenKind = iota
	tokPunct
	tokKeyword
	tokName
	tokString
	tokInteger
	tokFloat
	tokBoolean
	tokHex
	tokBinary
	tokTimestamp
)

var tokenNames = [...]string{
	"the end", "", "", "a name", "a string", "an integer", "a float", "a boolean", "a hex constant", "a binary constant", "a timestamp",
}

// token is one token; text is decoded for strings and for the inner part of
// prefixed constants.
type token struct {
	kind tokenKind
	text string
	pos  int
}

func (t token) String() string {
	switch t.kind {
	case tokEnd:
		return "the end of the pattern"
	case tokPunct, tokKeyword, tokName, tokInteger, tokFloat, tokBoolean:
		return clip(t.text)
	}
	return tokenNames[t.kind]
}

// patternKeywords are case-sensitive.
var patternKeywords = map[string]bool{
	"AND": true, "OR": true, "NOT": true, "FOLLOWEDBY": true, "LIKE": true, "MATCHES": true, "ISSUPERSET": true,
	"ISSUBSET": true, "EXISTS": true, "IN": true, "START": true, "STOP": true, "SECONDS": true, "WITHIN": true,
	"REPEATS": true, "TIMES": true,
}

// lexer splits a pattern into tokens.
type lexer struct {
	src string
	pos int
}

func (l *lexer) next() (token, *syntaxFault) {
	if fault := l.space(); fault != nil {
		return token{}, fault
	}
	start := l.pos
	if start == len(l.src) {
		return token{kind: tokEnd, pos: start}, nil
	}
	ch := l.src[start]
	rest := l.src[start:]
	switch {
	case ch == '\'':
		s, fault := l.quoted()
		return token{tokString, s, start}, fault
	case len(rest) > 1 && rest[1] == '\'' && (ch == 'h' || ch == 'b' || ch == 't'):
		return l.prefixed(ch)
	case isNameStart(ch):
		return l.word(), nil
	case ch >= '0' && ch <= '9', ch == '.' && len(rest) > 1 && isDigit(rest[1]), (ch == '-' || ch == '+') && len(rest) > 1 && (isDigit(rest[1]) || rest[1] == '.'):
		return l.number()
	}
	for _, p := range []string{"!=", "<>", "<=", ">=", "=="} {
		if strings.HasPrefix(rest, p) {
			l.pos += len(p)
			return token{tokPunct, p, start}, nil
		}
	}
	if strings.IndexByte("[]():,.*=<>", ch) >= 0 {
		l.pos++
		return token{tokPunct, rest[:1], start}, nil
	}
	r, _ := utf8.DecodeRuneInString(rest)
	return token{}, &syntaxFault{start, "the character " + quoteRune(r) + " has no place in a pattern"}
}

func quoteRune(r rune) string {
	if r == '"' {
		return `" (strings stand between apostrophes)`
	}
	return string(r)
}

// space skips white space and comments.
func (l *lexer) space() *syntaxFault {
	for l.pos < len(l.src) {
		rest := l.src[l.pos:]
		r, n := utf8.DecodeRuneInString(rest)
		switch {
		case unicode.IsSpace(r):
			l.pos += n
		case strings.HasPrefix(rest, "/*"):
			end := strings.Index(rest, "*/")
			if end < 0 {
				return &syntaxFault{l.pos, "the comment is not closed"}
			}
			l.pos += end + 2
		case strings.HasPrefix(rest, "//"):
			end := strings.IndexAny(rest, "\r\n")
			if end < 0 {
				end = len(rest)
			}
			l.pos += end
		default:
			return nil
		}
	}
	return nil
}

// quoted reads a string from its opening apostrophe on.
func (l *lexer) quoted() (string, *syntaxFault) {
	start := l.pos
	var b strings.Builder
	for i := start + 1; i < len(l.src); i++ {
		switch ch := l.src[i]; ch {
		case '\'':
			l.pos = i + 1
			return b.String(), nil
		case '\\':
			i++
			if i == len(l.src) || l.src[i] != '\'' && l.src[i] != '\\' {
				return "", &syntaxFault{i - 1, `only \\ and \' may follow a backslash in a string`}
			}
			b.WriteByte(l.src[i])
		default:
			b.WriteByte(ch)
		}
	}
	return "", &syntaxFault{start, "the string is not closed"}
}

// prefixed reads a hex, binary or timestamp constant.
func (l *lexer) prefixed(prefix byte) (token, *syntaxFault) {
	start := l.pos
	l.pos++
	s, fault := l.quoted()
	if fault != nil {
		return token{}, fault
	}
	switch prefix {
	case 'h':
		for i := range len(s) {
			if !isHex(s[i]) {
				return token{}, &syntaxFault{start, "the hex constant holds more than hexadecimal digits"}
			}
		}
		if len(s)%2 != 0 {
			return token{}, &syntaxFault{start, "the hex constant has an odd number of digits"}
		}
		return token{tokHex, s, start}, nil
	case 'b':
		if _, err := base64.StdEncoding.Strict().DecodeString(s); err != nil {
			return token{}, &syntaxFault{start, "the binary constant is not base64"}
		}
		return token{tokBinary, s, start}, nil
	}
	if _, err := ParseTime(s); err != nil {
		return token{}, &syntaxFault{start, err.Error()}
	}
	return token{tokTimestamp, s, start}, nil
}

func (l *lexer) word() token {
	start := l.pos
	for l.pos < len(l.src) && (isNameStart(l.src[l.pos]) || isDigit(l.src[l.pos]) || l.src[l.pos] == '-') {
		l.pos++
	}
	w := l.src[start:l.pos]
	switch {
	case patternKeywords[w]:
		return token{tokKeyword, w, start}
	case w == "true" || w == "false":
		return token{tokBoolean, w, start}
	}
	return token{tokName, w, start}
}

func (l *lexer) number() (token, *syntaxFault) {
	start := l.pos
	if l.src[l.pos] == '+' {
		return token{}, &syntaxFault{start, "a positive number is written without +"}
	}
	if l.src[l.pos] == '-' {
		l.pos++
	}
	digits := func() int {
		from := l.pos
		for l.pos < len(l.src) && isDigit(l.src[l.pos]) {
			l.pos++
		}
		return l.pos - from
	}
	whole := l.pos
	n := digits()
	if n > 1 && l.src[whole] == '0' {
		return token{}, &syntaxFault{start, "a number has no leading zeros"}
	}
	kind := tokInteger
	if l.pos < len(l.src) && l.src[l.pos] == '.' {
		l.pos++
		kind = tokFloat
		if digits() == 0 {
			return token{}, &syntaxFault{start, "a float has digits after its point"}
		}
	}
	if l.pos < len(l.src) && isNameStart(l.src[l.pos]) {
		return token{}, &syntaxFault{start, "a string constant must stand between apostrophes"}
	}
	text := l.src[start:l.pos]
	if _, ok := wholeNumber(text); kind == tokInteger && !ok {
		return token{}, &syntaxFault{start, "the integer is outside 2^53-1"}
	}
	return token{kind, text, start}, nil
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isNameStart(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
}
