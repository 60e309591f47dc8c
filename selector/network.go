package selector

import (
	"encoding/hex"
	"net/netip"
	"net/url"
	"path"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// refang undoes the ways in which reports keep addresses from being clicked.
func refang(s string) string {
	s = strings.NewReplacer("[.]", ".", "(.)", ".", "{.}", ".", "[dot]", ".", "(dot)", ".", "[:]", ":", "[at]", "@", "(at)", "@", "[@]", "@", "[://]", "://").Replace(s)
	if rest, ok := cutPrefixFold(s, "hxxp"); ok {
		s = "http" + rest
	}
	return s
}

// ip gives an address in its canonical text (RFC 5952 for IPv6), an IPv4
// address in IPv6 clothes as the IPv4 address. A port is dropped.
func ip(value string, _ *options) ([]string, error) {
	s := refang(value)
	a, err := netip.ParseAddr(strings.Trim(s, "[]"))
	if err != nil {
		var ap netip.AddrPort
		if ap, err = netip.ParseAddrPort(s); err != nil {
			return nil, bad("not an IPv4 or IPv6 address")
		}
		a = ap.Addr()
	}
	a = a.WithZone("").Unmap()
	if a.IsUnspecified() || a.IsLoopback() || a.IsMulticast() || a.IsLinkLocalUnicast() || a.IsPrivate() {
		return nil, bad("the address is not unique in the internet")
	}
	return []string{a.String()}, nil
}

// domain gives a registered name or one below it, in ASCII (IDNA 2008,
// UTS #46), lower case, without "www." and a final dot.
func domain(value string, _ *options) ([]string, error) {
	host, err := hostname(refang(value))
	if err != nil {
		return nil, err
	}
	if rest, ok := strings.CutPrefix(host, "www."); ok {
		if _, err := publicsuffix.EffectiveTLDPlusOne(rest); err == nil {
			host = rest
		}
	}
	return []string{host}, nil
}

// lookup is UTS #46 for names as people write them, with the lengths of DNS.
var lookup = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.Transitional(false), idna.StrictDomainName(true), idna.VerifyDNSLength(true))

func hostname(s string) (string, error) {
	host, err := lookup.ToASCII(strings.TrimSuffix(s, "."))
	if err != nil || !strings.Contains(host, ".") {
		return "", bad("not a domain name")
	}
	host = strings.ToLower(host)
	if _, err := netip.ParseAddr(host); err == nil {
		return "", bad("an address, not a domain name")
	}
	suffix, known := publicsuffix.PublicSuffix(host)
	if !known && !strings.Contains(suffix, ".") {
		// Names under a rule of the list, or under a private one, are known.
		return "", bad("no top-level domain is called %q", suffix)
	}
	if host == suffix {
		return "", bad("anyone may register under it: not one owner's domain")
	}
	return host, nil
}

// location gives an http, https or ftp URL in one form (RFC 3986, section
// 6.2): scheme and host in lower case, no default port, dot segments resolved,
// escapes only where needed, without user, password and fragment.
func location(value string, _ *options) ([]string, error) {
	s := refang(value)
	if !strings.Contains(s, "://") {
		host, _, _ := strings.Cut(s, "/")
		if strings.Contains(host, "@") {
			return nil, bad("an e-mail address, not a URL")
		}
		s = "http://" + s
	}
	u, err := url.Parse(s)
	if err != nil || u.Opaque != "" {
		return nil, bad("not a URL")
	}
	u.Scheme = strings.ToLower(u.Scheme)
	port, ok := map[string]string{"http": "80", "https": "443", "ftp": "21"}[u.Scheme]
	if !ok {
		return nil, bad("%q is no scheme that is matched", u.Scheme)
	}
	host := u.Hostname()
	if a, err := netip.ParseAddr(host); err == nil {
		if host = a.WithZone("").Unmap().String(); strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
	} else if host, err = hostname(host); err != nil {
		return nil, err
	}
	if p := u.Port(); p != "" && p != port {
		host += ":" + p
	}
	clean := url.URL{Scheme: u.Scheme, Host: host, Path: u.Path, RawQuery: u.RawQuery}
	if u.Path != "" && u.Path != "/" {
		clean.Path = path.Clean(u.Path)
		if strings.HasSuffix(u.Path, "/") && clean.Path != "/" {
			clean.Path += "/"
		}
	}
	if clean.Path == "" {
		clean.Path = "/"
	}
	return []string{clean.String()}, nil
}

// email gives the address in lower case with its domain in ASCII, and, where
// the provider is known to deliver several spellings to one mailbox, that
// mailbox as a second key.
func email(value string, _ *options) ([]string, error) {
	s, _ := cutPrefixFold(refang(value), "mailto:")
	if i, j := strings.LastIndexByte(s, '<'), strings.LastIndexByte(s, '>'); i >= 0 && j > i {
		s = s[i+1 : j]
	}
	s = strings.TrimSpace(s)
	at := strings.LastIndexByte(s, '@')
	if at < 1 {
		return nil, bad("an address has an @ between a name and a domain")
	}
	local := strings.ToLower(s[:at])
	if len(local) > 64 || strings.ContainsAny(local, " @<>(),;:\\\"[]") || strings.HasPrefix(local, ".") || strings.HasSuffix(local, ".") || strings.Contains(local, "..") {
		return nil, bad("the part before the @ is not one of an address")
	}
	host, err := hostname(s[at+1:])
	if err != nil {
		return nil, err
	}
	return []string{local + "@" + host, mailbox(local, host)}, nil
}

// mailbox folds what a provider ignores: tags behind "+" (or "-" at Yahoo),
// dots at Gmail, and second names of a domain.
func mailbox(local, host string) string {
	tag := "+"
	switch host {
	case "gmail.com", "googlemail.com":
		host = "gmail.com"
		base, _, _ := strings.Cut(local, "+")
		if base = strings.ReplaceAll(base, ".", ""); base != "" {
			local = base
		}
		return local + "@" + host
	case "yahoo.com", "ymail.com", "rocketmail.com":
		tag = "-"
	case "protonmail.com", "proton.me", "pm.me":
		host = "proton.me"
	case "icloud.com", "me.com", "mac.com":
		host = "icloud.com"
	case "outlook.com", "hotmail.com", "live.com", "msn.com", "fastmail.com":
	default:
		return local + "@" + host
	}
	if base, _, ok := strings.Cut(local, tag); ok && base != "" {
		local = base
	}
	return local + "@" + host
}

// hashNames are the algorithms by the number of their hexadecimal digits.
var hashNames = map[int]string{32: "md5", 40: "sha1", 64: "sha256", 96: "sha384", 128: "sha512"}

// hash gives a file's hash as its algorithm and lower-case hexadecimal digits.
func hash(value string, _ *options) ([]string, error) {
	s := strings.ToLower(strip(value, " "))
	claimed := ""
	for _, name := range hashNames {
		for _, written := range []string{name, strings.Replace(name, "sha", "sha-", 1)} {
			for _, sep := range []string{":", "=", "-"} {
				if rest, ok := strings.CutPrefix(s, written+sep); ok {
					s, claimed = rest, name
				}
			}
		}
	}
	if _, err := hex.DecodeString(s); err != nil {
		return nil, bad("a hash has hexadecimal digits only")
	}
	name := hashNames[len(s)]
	switch {
	case name == "":
		return nil, bad("%d digits belong to no known algorithm", len(s))
	case claimed != "" && claimed != name:
		return nil, bad("a hash by %s has another length", claimed)
	case strings.Trim(s, "0") == "":
		return nil, bad("a hash of zeros only")
	}
	return []string{name + ":" + s}, nil
}
