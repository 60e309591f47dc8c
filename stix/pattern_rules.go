package stix

import (
	"errors"
	"net/netip"
	"regexp/syntax"
	"strings"
)

// checkComparison checks what a comparison means (§9.6, §9.7).
func (p *patternParser) checkComparison(c *comparison) {
	p.checkPath(&c.path)
	switch c.op {
	case "ISSUBSET", "ISSUPERSET":
		p.checkBlock(c)
	case "MATCHES":
		p.checkRegexp(c.args[0])
	case "IN":
		p.checkSet(c)
	}
	if c.op != "LIKE" && c.op != "MATCHES" {
		p.checkHash(c)
	}
	p.checkKind(c)
}

// checkPath checks the names of an object path.
func (p *patternParser) checkPath(path *objectPath) {
	s := specOf(path.typ)
	known := s != nil && s.family == sco
	switch {
	case len(path.typ) < 3 || len(path.typ) > 250:
		p.add(Error, path.pos, "pattern-type", "3.1", "%q is no type name: it has 3 to 250 characters", clip(path.typ))
	case known:
	case !isTypeName(path.typ):
		p.add(Warning, path.pos, "pattern-type", "3.1", "%q is no type name: a-z, 0-9 and hyphen", clip(path.typ))
	case s != nil:
		p.add(Warning, path.pos, "pattern-type", "9.7", "%s is no cyber-observable, which patterns are about", path.typ)
	case !strings.HasPrefix(path.typ, "x-"):
		p.add(Warning, path.pos, "pattern-type", "9.7", "%q is no cyber-observable of the specification; custom types should begin with x-", clip(path.typ))
	}
	first := path.steps[0]
	switch {
	case !isPropertyName(first.name):
		p.add(Error, first.pos, "pattern-property", "3.1", "%q is no property name: 3 to 250 of a-z, 0-9 and underscore", clip(first.name))
	case known && !s.defines(first.name) && !strings.HasPrefix(first.name, "x_"):
		p.add(Warning, first.pos, "pattern-property", "9.7", "%s has no property %q; custom properties should begin with x_", path.typ, clip(first.name))
	case known && strings.HasSuffix(first.name, "_refs") && len(path.steps) > 1 && path.steps[1].name != "":
		p.add(Warning, path.steps[1].pos, "pattern-index", "9.7.4", "%s is a list: it needs an index, like %s[*]", first.name, first.name)
	}
}

// defines reports whether objects of the type have the property.
func (s *spec) defines(name string) bool {
	if _, ok := s.index[name]; ok {
		return true
	}
	p := common(name)
	return p != nil && p.use(s.family) != unused
}

// checkBlock: sets of addresses are compared with an address or CIDR block.
func (p *patternParser) checkBlock(c *comparison) {
	arg := c.args[0]
	kind := func(a netip.Addr) bool { return true }
	switch c.path.typ {
	case "ipv4-addr":
		kind = netip.Addr.Is4
	case "ipv6-addr":
		kind = netip.Addr.Is6
	}
	if !isAddress(arg.text, kind) {
		p.add(Error, arg.pos, "pattern-address", "9.6.1", "%q is no address or CIDR block for %s", clip(arg.text), c.path.typ)
	}
}

// checkRegexp finds what no regular expression may have. Only faults that are
// ones in PCRE as well are reported; Go's own syntax lacks some of PCRE.
func (p *patternParser) checkRegexp(arg token) {
	_, err := syntax.Parse(arg.text, syntax.Perl|syntax.DotNL)
	var fault *syntax.Error
	if !errors.As(err, &fault) || strings.Contains(arg.text, "(?") || strings.Contains(arg.text, `\Q`) {
		return
	}
	switch fault.Code {
	case syntax.ErrMissingBracket, syntax.ErrMissingParen, syntax.ErrUnexpectedParen, syntax.ErrTrailingBackslash, syntax.ErrMissingRepeatArgument:
		p.add(Error, arg.pos, "pattern-regexp", "9.6.1", "the regular expression is malformed: %s", clip(fault.Error()))
	}
}

// checkSet: the constants of IN are of one kind.
func (p *patternParser) checkSet(c *comparison) {
	if len(c.args) == 0 {
		p.add(Warning, c.pos, "pattern-set", "9.6.1", "the set is empty: nothing can match")
		return
	}
	for _, a := range c.args[1:] {
		if !sameKind(a.kind, c.args[0].kind) {
			p.add(Error, a.pos, "pattern-set", "9.6.1", "the set mixes %s with %s", tokenNames[c.args[0].kind], tokenNames[a.kind])
			return
		}
	}
}

func sameKind(a, b tokenKind) bool {
	number := func(k tokenKind) bool { return k == tokInteger || k == tokFloat }
	return a == b || number(a) && number(b)
}

// checkHash: a hash must have the form of its algorithm.
func (p *patternParser) checkHash(c *comparison) {
	steps := c.path.steps
	if len(steps) < 2 || !strings.HasSuffix(steps[len(steps)-2].name, "hashes") {
		return
	}
	form := hashForms[strings.ToUpper(steps[len(steps)-1].name)]
	if form == nil {
		return
	}
	for _, a := range c.args {
		if a.kind == tokString && !form.MatchString(a.text) {
			p.add(Error, a.pos, "hash-value", "10.7", "%q is no %s hash", clip(a.text), strings.ToUpper(steps[len(steps)-1].name))
		}
	}
}

// scalarKinds are the properties of cyber-observables that are numbers (n) or
// booleans (b).
var scalarKinds = map[string]byte{
	"autonomous-system:number": 'n', "file:size": 'n', "process:pid": 'n', "windows-registry-key:number_of_subkeys": 'n',
	"network-traffic:src_port": 'n', "network-traffic:dst_port": 'n', "network-traffic:src_byte_count": 'n',
	"network-traffic:dst_byte_count": 'n', "network-traffic:src_packets": 'n', "network-traffic:dst_packets": 'n',
	"x509-certificate:subject_public_key_exponent": 'n',
	"email-message:is_multipart":                   'b', "network-traffic:is_active": 'b', "process:is_hidden": 'b',
	"user-account:is_service_account": 'b', "user-account:is_privileged": 'b', "user-account:can_escalate_privs": 'b',
	"user-account:is_disabled": 'b', "x509-certificate:is_self_signed": 'b',
}

// checkKind: a constant of another kind than the property never equals it.
func (p *patternParser) checkKind(c *comparison) {
	if len(c.path.steps) != 1 {
		return
	}
	want := scalarKinds[c.path.typ+":"+c.path.steps[0].name]
	for _, a := range c.args {
		number := a.kind == tokInteger || a.kind == tokFloat
		if want == 'n' && !number || want == 'b' && a.kind != tokBoolean {
			p.add(Warning, a.pos, "pattern-constant", "9.6.1", "%s:%s is %s and is compared with %s",
				c.path.typ, c.path.steps[0].name, map[byte]string{'n': "a number", 'b': "a boolean"}[want], tokenNames[a.kind])
			return
		}
	}
}
