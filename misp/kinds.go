package misp

import (
	"crypto/sha256"
	"encoding/base64"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"parley.example/parley/stix"
)

// slot is one named value of a cyber-observable, the meeting point of the two
// formats: MISP's types and relations on one side, STIX properties on the other.
type slot struct{ name, value string }

// props are the properties of one STIX object, in the forms that
// [stix.Object.Props] gives.
type props = map[string]any

// graph is cyber-observables that refer to each other; the root is last.
type graph []props

func (g graph) root() props { return g[len(g)-1] }

func (g graph) lookup(id string) props {
	for _, p := range g {
		if p["id"] == id {
			return p
		}
	}
	return nil
}

// hashNames are MISP's hash types and the names of the algorithms in a STIX
// hashes dictionary, in the order in which they are written. The first ones are
// of STIX's vocabulary.
var hashNames = []slot{
	{"md5", "MD5"}, {"sha1", "SHA-1"}, {"sha256", "SHA-256"}, {"sha512", "SHA-512"},
	{"sha3-256", "SHA3-256"}, {"sha3-512", "SHA3-512"}, {"ssdeep", "SSDEEP"}, {"tlsh", "TLSH"},
	{"sha224", "SHA-224"}, {"sha384", "SHA-384"}, {"sha512/224", "SHA-512-224"}, {"sha512/256", "SHA-512-256"},
	{"sha3-224", "SHA3-224"}, {"sha3-384", "SHA3-384"}, {"authentihash", "AUTHENTIHASH"}, {"imphash", "IMPHASH"},
	{"impfuzzy", "IMPFUZZY"}, {"pehash", "PEHASH"}, {"vhash", "VHASH"}, {"telfhash", "TELFHASH"}, {"cdhash", "CDHASH"},
}

func hashAlgorithm(name string) string {
	for _, h := range hashNames {
		if h.name == name {
			return h.value
		}
	}
	return ""
}

// plain are the slots of a kind that are one property each.
var plain = map[string]map[string]string{
	"domain-name":       {"domain": "value"},
	"url":               {"url": "value"},
	"email-addr":        {"email": "value", "display": "display_name"},
	"mac-addr":          {"mac": "value"},
	"mutex":             {"mutex": "name"},
	"autonomous-system": {"asn": "number", "as-name": "name"},
	"file":              {"filename": "name", "size": "size", "mime": "mime_type"},
	"directory":         {"path": "path"},
	"email-message":     {"subject": "subject", "body": "body", "message-id": "message_id", "sent": "date"},
	"user-account": {
		"login": "account_login", "user-id": "user_id", "display": "display_name", "account-type": "account_type", "credential": "credential",
	},
	"windows-registry-key": {"key": "key", "key-modified": "modified_time"},
	"process":              {"pid": "pid", "command-line": "command_line", "cwd": "cwd"},
	"x509-certificate": {
		"serial": "serial_number", "issuer": "issuer", "subject": "subject", "version": "version",
		"not-before": "validity_not_before", "not-after": "validity_not_after",
	},
	"software":        {"name": "name", "vendor": "vendor", "version": "version", "cpe": "cpe"},
	"network-traffic": {"src-port": "src_port", "dst-port": "dst_port"},
}

// numeric are the slots whose property is an integer.
var numeric = map[string]bool{"asn": true, "size": true, "pid": true, "src-port": true, "dst-port": true}

// timed are the slots whose property is a timestamp.
var timed = map[string]bool{"sent": true, "key-modified": true, "not-before": true, "not-after": true}

// slotOrder is the order in which slots are read out.
var slotOrder = strings.Fields(`domain ip url email display mac mutex asn as-name filename size mime path from to cc bcc
	subject body message-id sent reply-to x-mailer login user-id account-type credential key key-modified value-name
	value-data value-type pid command-line cwd serial issuer version not-before not-after name vendor cpe
	src-ip src-domain src-port dst-ip dst-domain dst-port protocol data`)

// builder of cyber-observables from slots. Slots that find no place stay out;
// callers compare what [readSlots] gives back.
func buildGraph(kind string, slots []slot, seed string) (graph, bool) {
	b := &graphBuilder{seed: seed}
	root := props{"type": kind, "spec_version": "2.1"}
	if kind == "ip" {
		v := first(slots, "ip")
		if len(slots) != 1 || v == "" {
			return nil, false
		}
		b.address(v)
		return b.out, len(b.out) == 1
	}
	for name, prop := range plain[kind] {
		v := first(slots, name)
		switch {
		case v == "":
		case numeric[name]:
			n, err := strconv.ParseInt(v, 10, 64)
			if err != nil || n < 0 || n > 1<<53-1 || strconv.FormatInt(n, 10) != v {
				return nil, false
			}
			root[prop] = stix.Number(v)
		case timed[name]:
			t, ok := parseTime(v)
			if !ok {
				return nil, false
			}
			root[prop] = stix.FormatTime(t)
		default:
			root[prop] = v
		}
	}
	if !b.special(kind, root, slots) {
		return nil, false
	}
	if len(root) == 2 {
		return nil, false
	}
	b.add(root)
	return b.out, true
}

type graphBuilder struct {
	out  graph
	seed string
}

// special fills the properties that are no plain ones.
func (b *graphBuilder) special(kind string, root props, slots []slot) bool {
	hashes := props{}
	for _, s := range slots {
		if a := hashAlgorithm(s.name); a != "" && hashes[a] == nil {
			hashes[a] = s.value
		}
	}
	if len(hashes) > 0 && (kind == "file" || kind == "x509-certificate" || kind == "artifact") {
		root["hashes"] = hashes
	}
	switch kind {
	case "domain-name":
		b.refs(root, "resolves_to_refs", slots, "ip", b.address)
	case "file":
		if p := first(slots, "path"); p != "" {
			root["parent_directory_ref"] = b.add(props{"type": "directory", "spec_version": "2.1", "path": p})
		}
		if data := first(slots, "data"); data != "" {
			a := props{"type": "artifact", "spec_version": "2.1", "payload_bin": data}
			if first(slots, "sample") != "" {
				a["mime_type"], a["encryption_algorithm"], a["decryption_key"] = "application/zip", "mime-type-indicated", "infected"
			}
			root["content_ref"] = b.add(a)
		}
	case "email-message":
		root["is_multipart"] = false
		email := func(v string) string {
			if !strings.Contains(v, "@") {
				return ""
			}
			return b.add(props{"type": "email-addr", "spec_version": "2.1", "value": v})
		}
		if v := first(slots, "from"); v != "" {
			if id := email(v); id != "" {
				root["from_ref"] = id
			}
		}
		for _, n := range []string{"to", "cc", "bcc"} {
			b.refs(root, n+"_refs", slots, n, email)
		}
		headers := props{}
		for n, h := range map[string]string{"reply-to": "Reply-To", "x-mailer": "X-Mailer"} {
			if v := first(slots, n); v != "" {
				headers[h] = []any{v}
			}
		}
		if len(headers) > 0 {
			root["additional_header_fields"] = headers
		}
		return len(root) > 3
	case "windows-registry-key":
		v := props{}
		for n, p := range map[string]string{"value-name": "name", "value-data": "data", "value-type": "data_type"} {
			if s := first(slots, n); s != "" {
				v[p] = s
			}
		}
		if len(v) > 0 {
			root["values"] = []any{v}
		}
	case "network-traffic":
		return b.traffic(root, slots)
	}
	return true
}

func (b *graphBuilder) traffic(root props, slots []slot) bool {
	protocols := []any{}
	for _, side := range []string{"src", "dst"} {
		id := ""
		if v := first(slots, side+"-ip"); v != "" {
			if id = b.address(v); id == "" {
				return false
			}
			typ, _, _ := stix.SplitID(id)
			if p := strings.TrimSuffix(typ, "-addr"); !slices.Contains(protocols, any(p)) {
				protocols = append(protocols, p)
			}
		} else if v := first(slots, side+"-domain"); v != "" {
			id = b.add(props{"type": "domain-name", "spec_version": "2.1", "value": v})
		}
		if id != "" {
			root[side+"_ref"] = id
		}
	}
	if root["src_ref"] == nil && root["dst_ref"] == nil {
		return false
	}
	if len(protocols) == 0 {
		protocols = append(protocols, "ip")
	}
	for _, s := range slots {
		if p := strings.ToLower(s.value); s.name == "protocol" && p == s.value && !slices.Contains(protocols, any(p)) {
			protocols = append(protocols, p)
		}
	}
	root["protocols"] = protocols
	return true
}

// address adds an IP address or block; "" where v is none.
func (b *graphBuilder) address(v string) string {
	typ := ""
	if a, err := netip.ParseAddr(v); err == nil {
		typ = map[bool]string{true: "ipv4-addr", false: "ipv6-addr"}[a.Is4()]
	} else if p, err := netip.ParsePrefix(v); err == nil {
		typ = map[bool]string{true: "ipv4-addr", false: "ipv6-addr"}[p.Addr().Is4()]
	} else {
		return ""
	}
	return b.add(props{"type": typ, "spec_version": "2.1", "value": v})
}

func (b *graphBuilder) refs(root props, prop string, slots []slot, name string, add func(string) string) {
	var ids []any
	for _, s := range slots {
		if s.name != name {
			continue
		}
		if id := add(s.value); id != "" && !slices.Contains(ids, any(id)) {
			ids = append(ids, id)
		}
	}
	if len(ids) > 0 {
		root[prop] = ids
	}
}

// add gives an observable its identifier and keeps it.
func (b *graphBuilder) add(p props) string {
	id := observableID(p, b.seed)
	p["id"] = id
	if b.out.lookup(id) == nil {
		b.out = append(b.out, p)
	}
	return id
}

// observableID is the identifier that the specification derives from an
// observable's content (§2.9), else one derived from seed in the form of a
// random one, which is what is due where no property contributes.
func observableID(p props, seed string) string {
	typ, _ := p["type"].(string)
	p["id"] = typ + "--" + likeRandom(seed+"\n"+typ)
	raw, err := stix.Encode(p)
	if err != nil {
		return p["id"].(string)
	}
	o, err := stix.Parse(raw)
	if err != nil {
		return p["id"].(string)
	}
	if id, ok := o.DeterministicID(); ok {
		return id
	}
	return o.ID
}

// likeRandom derives a UUID in the form of version 4 from a name.
func likeRandom(name string) string {
	sum := sha256.Sum256([]byte(name))
	var u uuid.UUID
	copy(u[:], sum[:16])
	u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
	return u.String()
}

func first(slots []slot, name string) string {
	for _, s := range slots {
		if s.name == name {
			return s.value
		}
	}
	return ""
}

// readSlots reads the slots out of an observable and what it refers to.
func readSlots(root props, lookup func(id string) props) (kind string, out []slot) {
	kind, _ = root["type"].(string)
	put := func(name string, v any) {
		switch v := v.(type) {
		case string:
			if v != "" {
				out = append(out, slot{name, v})
			}
		case stix.Number:
			out = append(out, slot{name, string(v)})
		}
	}
	value := func(ref any) (string, string) {
		id, _ := ref.(string)
		p := lookup(id)
		s, _ := p["value"].(string)
		typ, _, _ := stix.SplitID(id)
		return s, typ
	}
	if kind == "ipv4-addr" || kind == "ipv6-addr" {
		kind = "ip"
		put("ip", root["value"])
		return kind, out
	}
	for name, prop := range plain[kind] {
		put(name, root[prop])
	}
	if h, ok := root["hashes"].(props); ok {
		for _, n := range hashNames {
			put(n.name, h[n.value])
		}
	}
	list := func(prop, name string) {
		refs, _ := root[prop].([]any)
		for _, ref := range refs {
			v, typ := value(ref)
			if name == "ip" && typ == "domain-name" {
				continue
			}
			put(name, v)
		}
	}
	switch kind {
	case "domain-name":
		list("resolves_to_refs", "ip")
	case "file":
		id, _ := root["parent_directory_ref"].(string)
		put("path", lookup(id)["path"])
		id, _ = root["content_ref"].(string)
		put("data", lookup(id)["payload_bin"])
	case "artifact":
		put("data", root["payload_bin"])
	case "email-message":
		v, _ := value(root["from_ref"])
		put("from", v)
		for _, n := range []string{"to", "cc", "bcc"} {
			list(n+"_refs", n)
		}
		headers, _ := root["additional_header_fields"].(props)
		for n, h := range map[string]string{"reply-to": "Reply-To", "x-mailer": "X-Mailer"} {
			if l, ok := headers[h].([]any); ok && len(l) > 0 {
				put(n, l[0])
			}
		}
	case "windows-registry-key":
		if l, ok := root["values"].([]any); ok && len(l) > 0 {
			v, _ := l[0].(props)
			for n, p := range map[string]string{"value-name": "name", "value-data": "data", "value-type": "data_type"} {
				put(n, v[p])
			}
		}
	case "network-traffic":
		for _, side := range []string{"src", "dst"} {
			v, typ := value(root[side+"_ref"])
			name := side + "-ip"
			if typ == "domain-name" {
				name = side + "-domain"
			}
			put(name, v)
		}
		protocols, _ := root["protocols"].([]any)
		for _, p := range protocols {
			if p != "ip" && p != "ipv4" && p != "ipv6" {
				put("protocol", p)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b slot) int { return slices.Index(slotOrder, a.name) - slices.Index(slotOrder, b.name) })
	return kind, out
}

// parseTime reads the times that MISP writes: RFC 3339, the same without colon
// in the zone, without a zone (UTC), or seconds since the epoch.
func parseTime(s string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999-0700", "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05", time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			t = t.UTC()
			return t, t.Year() >= 1 && t.Year() <= 9999
		}
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && n >= 0 && n <= maxTime {
		return time.Unix(n, 0).UTC(), true
	}
	return time.Time{}, false
}

func isBase64(s string) bool {
	_, err := base64.StdEncoding.DecodeString(s)
	return err == nil && !strings.ContainsAny(s, "\r\n")
}
