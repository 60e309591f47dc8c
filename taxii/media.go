package taxii

import (
	"mime"
	"strconv"
	"strings"
)

const (
	mediaName    = "application/taxii+json"
	mediaVersion = "2.1"
)

// maxHeader bounds how much of an Accept header is read.
const maxHeader = 8 << 10

// accepts reports whether the Accept headers of a request allow MediaType. The
// most specific range decides, as RFC 9110 §12.5.1 has it; a range without
// version means any. A request without the header takes anything.
func accepts(headers []string) bool {
	all := strings.Join(headers, ",")
	if strings.TrimSpace(all) == "" {
		return true
	}
	if len(all) > maxHeader {
		return false
	}
	best, ok := -1, false
	for _, part := range splitQuoted(all, ',') {
		rank, q := rangeRank(part)
		if rank < 0 {
			continue
		}
		if rank > best {
			best, ok = rank, q > 0
		} else if rank == best {
			ok = ok || q > 0
		}
	}
	return ok
}

// rangeRank says how specifically a media range names MediaType, -1 where it
// does not, and with what weight.
func rangeRank(s string) (rank int, q float64) {
	parts := splitQuoted(s, ';')
	switch strings.ToLower(strings.TrimSpace(parts[0])) {
	case "*/*":
		rank = 0
	case "application/*":
		rank = 1
	case mediaName:
		rank = 2
	default:
		return -1, 0
	}
	q = 1
	for _, p := range parts[1:] {
		name, value, _ := strings.Cut(p, "=")
		value = strings.Trim(strings.TrimSpace(value), `"`)
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "version":
			if value != mediaVersion {
				return -1, 0
			}
			rank++
		case "q":
			var err error
			if q, err = strconv.ParseFloat(value, 64); err != nil || !(q >= 0 && q <= 1) {
				return -1, 0
			}
		}
	}
	return rank, q
}

// splitQuoted splits at sep outside quoted strings.
func splitQuoted(s string, sep byte) []string {
	var out []string
	quoted, start := false, 0
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case s[i] == '\\' && quoted:
			i++
		case s[i] == sep && !quoted:
			out = append(out, s[start:i])
			start = i + 1
		}
	}
	return append(out, s[start:])
}

// sends reports whether a body of this Content-Type is a TAXII 2.1 body.
func sends(contentType string) bool {
	name, params, err := mime.ParseMediaType(contentType)
	if err != nil || name != mediaName {
		return false
	}
	v, given := params["version"]
	return !given || v == mediaVersion
}
