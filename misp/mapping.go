package misp

import "strings"

// attributeForm says what a MISP attribute type is in STIX: the kind of
// observable, and the slots that its value fills, joined by "|" in MISP.
type attributeForm struct {
	kind  string
	slots []string
}

// attributeForms are the attribute types that are cyber-observables. Types that
// differ in MISP by role (ip-src, ip-dst) are one observable; the type is kept
// in a label.
var attributeForms = func() map[string]attributeForm {
	m := map[string]attributeForm{}
	set := func(kind, slots, types string) {
		for t := range strings.FieldsSeq(types) {
			m[t] = attributeForm{kind, strings.Split(slots, "|")}
		}
	}
	set("ip", "ip", "ip-src ip-dst")
	set("network-traffic", "src-ip|src-port", "ip-src|port")
	set("network-traffic", "dst-ip|dst-port", "ip-dst|port")
	set("network-traffic", "dst-domain|dst-port", "hostname|port")
	set("domain-name", "domain", "domain hostname onion-address")
	set("domain-name", "domain|ip", "domain|ip")
	set("url", "url", "url uri link")
	set("email-addr", "email", "email email-src email-dst target-email whois-registrant-email dns-soa-email")
	set("email-message", "subject", "email-subject")
	set("email-message", "body", "email-body")
	set("email-message", "message-id", "email-message-id")
	set("email-message", "reply-to", "email-reply-to")
	set("email-message", "x-mailer", "email-x-mailer")
	set("mac-addr", "mac", "mac-address")
	set("mutex", "mutex", "mutex")
	set("autonomous-system", "asn", "AS")
	set("windows-registry-key", "key", "regkey")
	set("windows-registry-key", "key|value-data", "regkey|value")
	set("file", "filename", "filename email-attachment")
	set("file", "filename", "attachment")                      // with data
	set("file", "filename|md5", "filename|md5 malware-sample") // the sample with data
	for _, h := range hashNames {
		set("file", h.name, h.name)
		set("file", "filename|"+h.name, "filename|"+h.name)
	}
	for _, h := range []string{"md5", "sha1", "sha256"} {
		set("x509-certificate", h, "x509-fingerprint-"+h)
	}
	set("user-account", "login", "github-username twitter-id jabber-id target-user")
	return m
}()

// accountTypes are what an account attribute's type says of the account.
var accountTypes = map[string]string{"github-username": "github", "twitter-id": "twitter", "jabber-id": "jabber"}

// usualTypes are the attribute types that an observable becomes when nothing
// says which, by kind and slots.
var usualTypes = map[string]string{
	"ip ip": "ip-dst", "domain-name domain": "domain", "domain-name domain|ip": "domain|ip", "url url": "url",
	"email-addr email": "email", "email-message subject": "email-subject", "email-message body": "email-body",
	"email-message message-id": "email-message-id", "mac-addr mac": "mac-address", "mutex mutex": "mutex",
	"autonomous-system asn": "AS", "windows-registry-key key": "regkey", "windows-registry-key key|value-data": "regkey|value",
	"file filename": "filename", "network-traffic src-ip|src-port": "ip-src|port", "network-traffic dst-ip|dst-port": "ip-dst|port",
	"network-traffic dst-domain|dst-port": "hostname|port", "x509-certificate md5": "x509-fingerprint-md5",
	"x509-certificate sha1": "x509-fingerprint-sha1", "x509-certificate sha256": "x509-fingerprint-sha256",
}

// usualType is the attribute type for these slots, "" where it takes an object.
func usualType(kind string, slots []slot) string {
	names := make([]string, len(slots))
	for i, s := range slots {
		names[i] = s.name
	}
	joined := strings.Join(names, "|")
	if t := usualTypes[kind+" "+joined]; t != "" {
		return t
	}
	if kind == "file" && (len(slots) == 1 || len(slots) == 2 && (names[0] == "filename" || names[1] == "filename")) {
		for _, h := range hashNames {
			switch joined {
			case h.name:
				return h.name
			case "filename|" + h.name, h.name + "|filename":
				return "filename|" + h.name
			}
		}
	}
	return ""
}

// ruleTypes are attribute types that are detection rules, and their
// pattern_type in STIX.
var ruleTypes = map[string]string{"yara": "yara", "sigma": "sigma", "snort": "snort", "stix2-pattern": "stix"}

// textTypes are attribute types that are remarks.
var textTypes = map[string]bool{"comment": true, "text": true, "other": true}

// category is the category that an attribute type usually has.
func category(typ string) string {
	switch {
	case attributeForms[typ].kind == "file" || attributeForms[typ].kind == "email-message" || typ == "malware-type" || ruleTypes[typ] != "":
		return "Payload delivery"
	case typ == "link" || typ == "vulnerability":
		return "External analysis"
	case typ == "regkey" || typ == "regkey|value":
		return "Persistence mechanism"
	case typ == "mutex":
		return "Artifacts dropped"
	case typ == "github-username" || typ == "twitter-id" || typ == "jabber-id":
		return "Social network"
	case strings.HasPrefix(typ, "target-"):
		return "Targeting data"
	case typ == "campaign-name" || typ == "threat-actor" || strings.HasPrefix(typ, "whois-") || typ == "dns-soa-email":
		return "Attribution"
	case typ == "full-name" || typ == "phone-number":
		return "Person"
	case strings.HasPrefix(typ, "x509-") || attributeForms[typ].kind != "" || typ == "port":
		return "Network activity"
	}
	return "Other"
}

// relation is one attribute of an object template: its name, its type, and the
// slot or property that it fills.
type relation struct{ name, typ, slot string }

// template is a MISP object template that has a form in STIX.
type template struct {
	name, meta, uuid, version string
	kind                      string // of observable, or type of domain object
	sdo                       bool
	fixed                     props // properties that the template implies
	relations                 []relation
}

func relations(s string) (out []relation) {
	for line := range strings.Lines(s) {
		if f := strings.Fields(line); len(f) == 3 {
			out = append(out, relation{f[0], f[1], f[2]})
		}
	}
	return out
}

// templates are in the order in which they are preferred when an object is
// written. Names, types and UUIDs are those of MISP's published templates.
var templates = []template{
	{name: "file", meta: "file", uuid: "688c46fb-5edb-40a3-8273-1af7923e2215", version: "25", kind: "file", relations: func() []relation {
		out := relations(`
			filename       filename       filename
			size-in-bytes  size-in-bytes  size
			mimetype       mime-type      mime
			path           text           path`)
		for _, h := range hashNames {
			out = append(out, relation{h.name, h.name, h.name})
		}
		return out
	}()},
	{name: "domain-ip", meta: "network", uuid: "43b3b146-77eb-4931-b4cc-b66c60f28734", version: "11", kind: "domain-name", relations: relations(`
		domain  domain  domain
		ip      ip-dst  ip`)},
	{name: "network-connection", meta: "network", uuid: "af16764b-f8e5-4603-9de1-de34d272f80b", version: "3", kind: "network-traffic", relations: relations(`
		ip-src           ip-src    src-ip
		hostname-src     hostname  src-domain
		src-port         port      src-port
		ip-dst           ip-dst    dst-ip
		hostname-dst     hostname  dst-domain
		dst-port         port      dst-port
		layer7-protocol  text      protocol`)},
	{name: "ip-port", meta: "network", uuid: "9f8cea74-16fe-4968-a2b4-026676949ac6", version: "9", kind: "network-traffic", relations: relations(`
		ip-src    ip-src  src-ip
		src-port  port    src-port
		ip        ip-dst  dst-ip
		ip-dst    ip-dst  dst-ip
		domain    domain  dst-domain
		dst-port  port    dst-port
		protocol  text    protocol`)},
	{name: "email", meta: "network", uuid: "a0c666e0-fc65-4be8-b48f-3423d788b552", version: "19", kind: "email-message", relations: relations(`
		from        email-src         from
		to          email-dst         to
		cc          email-dst         cc
		bcc         email-dst         bcc
		subject     email-subject     subject
		email-body  email-body        body
		message-id  email-message-id  message-id
		reply-to    email-reply-to    reply-to
		x-mailer    email-x-mailer    x-mailer
		send-date   datetime          sent`)},
	{name: "url", meta: "network", uuid: "60efb77b-40b5-4c46-871b-ed1ed999fce5", version: "9", kind: "url", relations: relations(`
		url  url  url`)},
	{name: "asn", meta: "network", uuid: "4ec55cc6-9e49-4c64-b794-03c25c1a6587", version: "5", kind: "autonomous-system", relations: relations(`
		asn          AS    asn
		description  text  as-name`)},
	{name: "mutex", meta: "misc", uuid: "9f5c1a68-2021-4faa-b409-61c899c86466", version: "1", kind: "mutex", relations: relations(`
		name  text  mutex`)},
	{name: "registry-key", meta: "file", uuid: "8b3228ad-6d82-4fe6-b2ae-05426308f1d5", version: "4", kind: "windows-registry-key", relations: relations(`
		key            regkey    key
		name           text      value-name
		data           text      value-data
		data-type      text      value-type
		last-modified  datetime  key-modified`)},
	{name: "process", meta: "misc", uuid: "02aeef94-ac23-455c-addb-731757ceafb5", version: "7", kind: "process", relations: relations(`
		pid                text  pid
		command-line       text  command-line
		current-directory  text  cwd`)},
	{name: "x509", meta: "network", uuid: "d1ab756a-26b5-4349-9f43-765630f0911c", version: "12", kind: "x509-certificate", relations: relations(`
		x509-fingerprint-md5     x509-fingerprint-md5     md5
		x509-fingerprint-sha1    x509-fingerprint-sha1    sha1
		x509-fingerprint-sha256  x509-fingerprint-sha256  sha256
		serial-number            text                     serial
		issuer                   text                     issuer
		subject                  text                     subject
		version                  text                     version
		validity-not-before      datetime                 not-before
		validity-not-after       datetime                 not-after`)},
	{name: "user-account", meta: "misc", uuid: "49606b06-22f0-4ac8-8eee-2f12ad46f3d3", version: "6", kind: "user-account", relations: relations(`
		username      text  login
		user-id       text  user-id
		display-name  text  display
		account-type  text  account-type
		password      text  credential`)},
	{name: "cpe-asset", meta: "misc", uuid: "8ea002c4-172d-45ae-8d91-1cdea825e6a9", version: "1", kind: "software", relations: relations(`
		product  text  name
		vendor   text  vendor
		version  text  version
		cpe      text  cpe`)},

	{name: "person", meta: "misc", uuid: "a15b0477-e9d1-4b9c-9546-abe78a4f4248", version: "20", kind: "identity", sdo: true,
		fixed: props{"identity_class": "individual"}, relations: relations(`
		full-name  full-name  name`)},
	{name: "organization", meta: "misc", uuid: "f750e12b-127a-432c-b022-b3f9153c4e2a", version: "3", kind: "identity", sdo: true,
		fixed: props{"identity_class": "organization"}, relations: relations(`
		name  text  name`)},
	{name: "identity", meta: "misc", uuid: "ae85b960-b507-4de2-a32c-9cfb8f25f990", version: "1", kind: "identity", sdo: true, relations: relations(`
		name                 text  name
		description          text  description
		identity_class       text  identity_class
		contact_information  text  contact_information`)},
	{name: "geolocation", meta: "misc", uuid: "fdd30d5f-6752-45ed-bef2-25e8ce4d8a3", version: "3", kind: "location", sdo: true, relations: relations(`
		latitude   float  latitude
		longitude  float  longitude
		country    text   country
		region     text   administrative_area
		city       text   city
		address    text   street_address
		zipcode    text   postal_code
		text       text   description`)},
	{name: "vulnerability", meta: "network", uuid: "81650945-f186-437b-8945-9f31715d32da", version: "2", kind: "vulnerability", sdo: true, relations: relations(`
		id       vulnerability  name
		summary  text           description`)},
	{name: "incident", meta: "misc", uuid: "38597424-f9bb-4865-9b4b-819172df0334", version: "1", kind: "incident", sdo: true, relations: relations(`
		name         text  name
		description  text  description`)},
	{name: "attack-pattern", meta: "misc", uuid: "35928348-56be-4d7f-9752-a80927936351", version: "2", kind: "attack-pattern", sdo: true, relations: relations(`
		name     text  name
		summary  text  description`)},
}

func templateNamed(name string) *template {
	for i := range templates {
		if templates[i].name == name {
			return &templates[i]
		}
	}
	return nil
}

// templateFor is the template for an observable of that kind.
func templateFor(kind string) *template {
	for i := range templates {
		if t := &templates[i]; t.kind == kind && !t.sdo {
			return t
		}
	}
	return nil
}

// galaxyTypes are the galaxies whose clusters are STIX domain objects. The
// names are MISP's.
var galaxyTypes = func() map[string]string {
	m := map[string]string{}
	set := func(typ, names string) {
		for n := range strings.FieldsSeq(names) {
			m[n] = typ
		}
		m["stix-2.1-"+typ] = typ
	}
	set("attack-pattern", `mitre-attack-pattern mitre-enterprise-attack-attack-pattern mitre-mobile-attack-attack-pattern
		mitre-pre-attack-attack-pattern mitre-ics-techniques cmtmf-attack-pattern`)
	set("course-of-action", `mitre-course-of-action mitre-enterprise-attack-course-of-action mitre-mobile-attack-course-of-action`)
	set("intrusion-set", `mitre-intrusion-set mitre-enterprise-attack-intrusion-set mitre-mobile-attack-intrusion-set
		mitre-pre-attack-intrusion-set`)
	set("malware", `mitre-malware mitre-enterprise-attack-malware mitre-mobile-attack-malware mitre-ics-software malpedia
		ransomware backdoor banker stealer android cryptominers`)
	set("threat-actor", `threat-actor microsoft-activity-group mitre-ics-groups 360net-threat-actor`)
	set("tool", `tool rat tds exploit-kit botnet mitre-tool mitre-enterprise-attack-tool mitre-mobile-attack-tool`)
	set("campaign", ``)
	set("infrastructure", ``)
	set("vulnerability", `branded-vulnerability`)
	set("location", `country region`)
	set("identity", `sector target-information`)
	return m
}()

// regions are the areas of UN M49 that STIX has a word for, by M49 number.
var regions = map[string]string{
	"002": "africa", "014": "eastern-africa", "017": "middle-africa", "015": "northern-africa", "018": "southern-africa",
	"011": "western-africa", "019": "americas", "029": "caribbean", "013": "central-america", "419": "latin-america-caribbean",
	"021": "northern-america", "005": "south-america", "142": "asia", "143": "central-asia", "030": "eastern-asia",
	"034": "southern-asia", "035": "south-eastern-asia", "145": "western-asia", "150": "europe", "151": "eastern-europe",
	"154": "northern-europe", "039": "southern-europe", "155": "western-europe", "009": "oceania",
	"053": "australia-new-zealand", "054": "melanesia", "057": "micronesia", "061": "polynesia",
}
