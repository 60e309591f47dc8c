package taxii

import (
	"fmt"
	"math"
	"net/url"
	"slices"
	"strings"

	"parley.example/parley/stix"
)

// maxValues bounds how many values one match parameter may list.
const maxValues = 1000

// Parameters that endpoints take (§5.3 to §5.8).
const (
	pAfter   = "added_after"
	pLimit   = "limit"
	pNext    = "next"
	pID      = "match[id]"
	pType    = "match[type]"
	pVersion = "match[version]"
	pSpec    = "match[spec_version]"
)

// badParameter reports a parameter that cannot be meant.
func badParameter(name, format string, args ...any) *Error {
	return &Error{Title: "Bad parameter", Description: name + ": " + fmt.Sprintf(format, args...), ErrorCode: "parameter"}
}

// parseQuery reads the parameters of a request, of which only those allowed
// may be there. Without match[version] the last version of each object is
// meant (§3.5.3). It leaves next to the caller.
func parseQuery(values url.Values, maxLimit int, allowed ...string) (q Query, next string, err error) {
	q.Limit = maxLimit
	for _, name := range sortedKeys(values) {
		vs := values[name]
		if !slices.Contains(allowed, name) {
			return q, "", badParameter(clip(name), "no such parameter here; there are %s", strings.Join(allowed, ", "))
		}
		if len(vs) != 1 {
			return q, "", badParameter(name, "given %d times", len(vs))
		}
		switch v := vs[0]; name {
		case pAfter:
			q.After, err = parseAfter(v)
		case pLimit:
			q.Limit, err = parseLimit(v, maxLimit)
		case pNext:
			if next = v; v == "" {
				err = badParameter(name, "empty")
			}
		case pID:
			q.IDs, err = parseList(name, v)
		case pType:
			q.Types, err = parseList(name, v)
		case pSpec:
			q.Specs, err = parseList(name, v)
		case pVersion:
			err = parseVersions(v, &q)
		}
		if err != nil {
			return q, "", err
		}
	}
	if _, given := values[pVersion]; !given && slices.Contains(allowed, pVersion) {
		q.Last = true
	}
	return q, next, nil
}

// matches writes the match parameters of a request.
func matches(values url.Values) string {
	var b strings.Builder
	for _, name := range sortedKeys(values) {
		if strings.HasPrefix(name, "match[") {
			fmt.Fprintf(&b, "\n%s=%s", name, values.Get(name))
		}
	}
	return b.String()
}

func sortedKeys(values url.Values) []string {
	keys := make([]string, 0, len(values))
	for k := range values {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// parseAfter reads added_after. Digits beyond microseconds are cut off, which
// excludes nothing that is after it: dates of adding have none.
func parseAfter(s string) (int64, error) {
	t, err := stix.ParseTime(s)
	if err != nil {
		return 0, badParameter(pAfter, "%v", err)
	}
	us := t.UnixMicro()
	if us <= 0 {
		return 0, nil // nothing was added so early
	}
	return us, nil
}

// parseLimit reads limit: a positive number, of any size. More than the
// server gives is allowed and gets what it gives (§3.5.2).
func parseLimit(s string, most int) (int, error) {
	if s == "" || len(s) > 100 {
		return 0, badParameter(pLimit, "must be a positive whole number")
	}
	n := 0
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, badParameter(pLimit, "must be a positive whole number, is %q", clip(s))
		}
		n = min(n*10+int(c-'0'), math.MaxInt32)
	}
	if n == 0 {
		return 0, badParameter(pLimit, "must be at least 1")
	}
	return min(n, most), nil
}

func parseList(name, s string) ([]string, error) {
	list := strings.Split(s, ",")
	if len(list) > maxValues {
		return nil, badParameter(name, "%d values; %d are the most", len(list), maxValues)
	}
	for i := range list {
		if list[i] = strings.TrimSpace(list[i]); list[i] == "" {
			return nil, badParameter(name, "an empty value")
		}
	}
	return list, nil
}

func parseVersions(s string, q *Query) error {
	list, err := parseList(pVersion, s)
	if err != nil {
		return err
	}
	for i, v := range list {
		if slices.Contains(list[:i], v) {
			return badParameter(pVersion, "%q is given twice", clip(v))
		}
		switch v {
		case "all":
			if len(list) > 1 {
				return badParameter(pVersion, "all goes with no other version")
			}
		case "last":
			q.Last = true
		case "first":
			q.First = true
		default:
			t, err := stix.ParseTime(v)
			if err != nil {
				return badParameter(pVersion, "all, first, last or a timestamp, not %q", clip(v))
			}
			q.At = append(q.At, t.UnixMicro())
		}
	}
	return nil
}

// clip shortens what a client sent for a message.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
