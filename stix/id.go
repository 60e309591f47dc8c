package stix

import (
	"strings"

	"github.com/google/uuid"
)

// oasisNamespace is the UUIDv5 namespace of deterministic identifiers of
// cyber-observable objects (§2.9).
var oasisNamespace = uuid.MustParse("00abedb4-aa42-466c-9c01-fed23315a9b7")

// NewID returns a fresh random identifier for an object of that type.
func NewID(typ string) string { return typ + "--" + uuid.NewString() }

// NameID returns the identifier of typ whose UUIDv5 is derived from name in
// the given namespace; the same arguments always give the same identifier. A
// namespace of our own is needed: the OASIS one is reserved for
// cyber-observables (§2.9).
func NameID(typ string, namespace uuid.UUID, name string) string {
	return typ + "--" + uuid.NewSHA1(namespace, []byte(name)).String()
}

// SplitID splits an identifier into its object type and UUID. ok is false
// unless id is well formed: a type name, "--", and an RFC 4122 UUID in the
// usual lower-case or upper-case text form (§2.9).
func SplitID(id string) (typ, uid string, ok bool) {
	typ, uid, found := strings.Cut(id, "--")
	if !found || !isTypeName(typ) || !isUUID(uid) {
		return "", "", false
	}
	return typ, uid, true
}

// isTypeName checks what §3.1 and §7.3.2 ask of a type name: 3 to 250 of a-z, 0-9
// and hyphen, a letter first, no two hyphens together.
func isTypeName(s string) bool {
	if len(s) < 3 || len(s) > 250 || s[0] < 'a' || s[0] > 'z' || strings.Contains(s, "--") {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// isUUID reports whether s is 8-4-4-4-12 hexadecimal digits with the variant of
// RFC 4122 and a version from 1 to 8 (RFC 9562 added 6 to 8).
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if !isHex(c) {
				return false
			}
		}
	}
	return s[14] >= '1' && s[14] <= '8' && strings.IndexByte("89abAB", s[19]) >= 0
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}
