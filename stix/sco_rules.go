package stix

import (
	"net/mail"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Rules for properties of cyber-observables (§6).

// value checks a string with a function that says what is wrong with it. A
// defanged object's values are let through.
func valueForm(ruleName string, fault func(string) string) rule {
	return func(c *check, v *value) {
		if !c.kind(v, jsontext.KindString, "2.15") || c.defanged {
			return
		}
		if why := fault(v.text); why != "" {
			c.must(ruleName, "", "%q %s", clip(v.text), why)
		}
	}
}

var ipv4 = valueForm("ip-address", func(s string) string {
	if !isAddress(s, netip.Addr.Is4) {
		return "is no IPv4 address and no CIDR block of such"
	}
	return ""
})

var ipv6 = valueForm("ip-address", func(s string) string {
	if strings.Contains(s, "%") || !isAddress(s, netip.Addr.Is6) {
		return "is no IPv6 address and no CIDR block of such"
	}
	return ""
})

// isAddress reports whether s is an address or CIDR block of the kind.
func isAddress(s string, kind func(netip.Addr) bool) bool {
	if a, err := netip.ParseAddr(s); err == nil {
		return kind(a)
	}
	p, err := netip.ParsePrefix(s)
	return err == nil && kind(p.Addr())
}

var macForm = regexp.MustCompile(`^([0-9a-f]{2}:){5}[0-9a-f]{2}$`)

var macAddress = valueForm("mac-address", func(s string) string {
	if !macForm.MatchString(s) {
		return "is no MAC-48 address of six lower-case pairs with colons"
	}
	return ""
})

// domainName is a name of RFC 1034 with labels of RFC 5890; labels in Unicode
// are let through.
func domainName(c *check, v *value) {
	if !c.kind(v, jsontext.KindString, "2.15") || c.defanged {
		return
	}
	name := strings.TrimSuffix(v.text, ".")
	if name == "" || len(name) > 253 {
		c.must("domain-name", "", "%q has not 1 to 253 characters", clip(v.text))
		return
	}
	underscore := false
	for label := range strings.SplitSeq(name, ".") {
		if why := labelFault(label); why != "" {
			c.must("domain-name", "", "%q: the label %q %s", clip(v.text), clip(label), why)
			return
		}
		underscore = underscore || strings.Contains(label, "_")
	}
	if underscore {
		c.should("domain-name", "", "%q has an underscore, which host names do not have", clip(v.text))
	}
}

func labelFault(label string) string {
	switch {
	case label == "":
		return "is empty"
	case len(label) > 63 && isASCII(label) || len(label) > 255:
		return "is longer than 63 characters"
	case strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-"):
		return "begins or ends with a hyphen"
	}
	for i := range len(label) {
		if ch := label[i]; ch < 0x80 && !isAlnum(ch) && ch != '-' && ch != '_' {
			return "has characters that a host name cannot have"
		}
	}
	return ""
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// emailAddress is an addr-spec of RFC 5322 without display name.
func emailAddress(c *check, v *value) {
	if !c.kind(v, jsontext.KindString, "2.15") || c.defanged {
		return
	}
	a, err := mail.ParseAddress(v.text)
	switch {
	case err == nil && (a.Name != "" || strings.ContainsAny(v.text, "<>")) || strings.HasSuffix(strings.TrimSpace(v.text), ">"):
		c.must("email-address", "", "%q must be the address alone, without display name", clip(v.text))
	case err != nil && !strings.Contains(v.text, "@"):
		c.must("email-address", "", "%q is no e-mail address", clip(v.text))
	case err != nil:
		c.should("email-address", "", "%q is no addr-spec of RFC 5322", clip(v.text))
	}
}

// urlValue is a URL of RFC 3986.
func urlValue(c *check, v *value) {
	if !c.kind(v, jsontext.KindString, "2.15") || c.defanged {
		return
	}
	switch fault, serious := urlFault(v.text); {
	case serious:
		c.must("url", "", "%q %s", clip(v.text), fault)
	case fault != "":
		c.should("url", "", "%q %s", clip(v.text), fault)
	}
}

var mimeForm = regexp.MustCompile(`^(application|audio|example|font|haptics|image|message|model|multipart|text|video)/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}$`)

func mimeType(c *check, v *value) {
	if c.kind(v, jsontext.KindString, "2.15") && !mimeForm.MatchString(v.text) {
		c.should("mime-type", "", "%q is no media type of the IANA registry", clip(v.text))
	}
}

// headerValues are the values of one header field. The text demands a list; the
// examples of the first edition have a plain string, which is a warning.
func headerValues(c *check, v *value) {
	if v.kind == jsontext.KindString {
		c.should("header-list", "", "must be a list of strings, also where a field occurs once")
		return
	}
	list(text)(c, v)
}

// multipart: the body is a string or a list of parts, as is_multipart says.
func multipart(c *check, v *value) {
	if v.isTrue("is_multipart") && v.has("body") {
		c.in("body", func() { c.must("multipart", "", "must not be used where is_multipart is true") })
	}
	if v.isFalse("is_multipart") && v.has("body_multipart") {
		c.in("body_multipart", func() { c.must("multipart", "", "must not be used where is_multipart is false") })
	}
}

var protocolForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,14}$`)

// protocol is a service name of the IANA registry, by its form.
func protocol(c *check, v *value) {
	if c.kind(v, jsontext.KindString, "2.15") && !protocolForm.MatchString(v.text) {
		c.should("protocol", "", "%q is no service name of the IANA registry in lower case", clip(v.text))
	}
}

func integerOrText(c *check, v *value) {
	if v.kind != jsontext.KindString {
		anyInteger(c, v)
	}
}

// ended: traffic that is active has no end.
func ended(c *check, v *value) {
	if v.isTrue("is_active") && v.has("end") {
		c.in("is_active", func() { c.must("active", "", "must be false where end is given") })
	}
}

// wishEnds: the ports should be given.
func wishEnds(c *check, v *value) { wish("src_port", "dst_port")(c, v) }

// protocolExtensions: the protocol of an extension should be among protocols.
func protocolExtensions(c *check, v *value) {
	all, ok := v.get("extensions")
	if !ok {
		return
	}
	list, _ := v.get("protocols")
	for ext, proto := range map[string]string{"http-request-ext": "http", "icmp-ext": "icmp", "tcp-ext": "tcp"} {
		if !all.has(ext) || list == nil {
			continue
		}
		if !slices.ContainsFunc(list.kids, func(p value) bool { return strings.HasPrefix(p.text, proto) }) {
			c.in("protocols", func() { c.should("protocol", "", "should list %s, as there is %s", proto, ext) })
		}
	}
}

func lowerCase(c *check, v *value) {
	if c.kind(v, jsontext.KindString, "2.15") && v.text != strings.ToLower(v.text) {
		c.should("word-form", "", "%q should be in lower case", clip(v.text))
	}
}

var socketOptionName = regexp.MustCompile(`^(SO|ICMP|ICMP6|IP|IPV6|MCAST|TCP|UDP|IRLMP)_[A-Z0-9_]+$`)

func socketOption(c *check, v *value) {
	if name := c.at[len(c.at)-1].name; !socketOptionName.MatchString(name) {
		c.should("socket-option", "", "%q is no name of a socket option", clip(name))
	}
	anyInteger(c, v)
}

func priorityClass(c *check, v *value) {
	if c.kind(v, jsontext.KindString, "2.15") && !strings.HasSuffix(v.text, "_CLASS") {
		c.should("priority-class", "", "%q should end with _CLASS", clip(v.text))
	}
}

var cpeForm = regexp.MustCompile(`^cpe:2\.3:[aho*-](:([^:\\]|\\.)+){10}$`)

// cpe is a CPE 2.3 formatted string (NISTIR 7695 §6.2).
func cpe(c *check, v *value) {
	if c.kind(v, jsontext.KindString, "2.15") && !cpeForm.MatchString(v.text) {
		c.must("cpe", "", "%q is no CPE 2.3 formatted string of 13 components", clip(v.text))
	}
}

var shortHive = regexp.MustCompile(`(?i)^(HKLM|HKCU|HKCR|HKU|HKCC)(\\|$)`)

// registryKey has its hive written out.
func registryKey(c *check, v *value) {
	if c.kind(v, jsontext.KindString, "2.15") && shortHive.MatchString(v.text) {
		c.must("registry-hive", "", "the hive must be written out, like HKEY_LOCAL_MACHINE")
	}
}

// someOwn requires one property of the type's own, or one of the common ones
// named.
func someOwn(or ...string) rule {
	return func(c *check, v *value) {
		for _, name := range v.keys {
			if common(name) == nil || slices.Contains(or, name) {
				return
			}
		}
		c.must("required", "", "must have at least one property of %s", c.typ)
	}
}
