package selector

import (
	"slices"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// minPhone is the least number of digits of a number with its area code.
const minPhone = 7

// phone gives E.164 keys. A number with "+" or "00" is read as international;
// any other as a national one of each default country, and as international
// with the sign left out, wherever that makes a number that exists. An
// extension is dropped: the line is what is matched.
func phone(value string, o *options) ([]string, error) {
	s := value
	for _, label := range []string{"tel:", "phone:", "mob:", "mobile:", "whatsapp:", "call:"} {
		if rest, ok := cutPrefixFold(s, label); ok {
			s = strings.TrimSpace(rest)
		}
	}
	s = cutExtension(s)
	digits, plus, err := dial(s)
	if err != nil {
		return nil, err
	}
	if !plus {
		if rest, ok := strings.CutPrefix(digits, "00"); ok {
			digits, plus = rest, true
		}
	}
	switch {
	case len(digits) < minPhone:
		return nil, bad("%d digits, too few for a number with its area code", len(digits))
	case len(digits) > 17: // E.164 allows 15; a trunk zero may stand among them
		return nil, bad("%d digits, too many", len(digits))
	}
	if plus {
		if n := parsePhone("+"+digits, ""); n != nil && phonenumbers.IsPossibleNumberWithReason(n) == phonenumbers.IS_POSSIBLE {
			if key := e164(n); key != "" {
				return []string{key}, nil
			}
		}
		return nil, bad("no country has such a number")
	}
	var keys []string
	for _, region := range o.regions {
		if n := parsePhone(digits, region); n != nil && phonenumbers.IsValidNumberForRegion(n, region) {
			keys = append(keys, e164(n))
		}
	}
	if len(keys) == 0 && digits[0] != '0' {
		if n := parsePhone("+"+digits, ""); n != nil && phonenumbers.IsValidNumber(n) {
			keys = append(keys, e164(n))
		}
	}
	keys = slices.DeleteFunc(keys, func(k string) bool { return k == "" })
	if len(keys) == 0 {
		return nil, bad("not a national number of %s; write others with + and the country code", strings.Join(o.regions, ", "))
	}
	return keys, nil
}

// e164 formats a number. Zeros that may be trunk prefixes are taken off until
// reading the result gives the result, so that a key is its own key; where
// that does not come about it returns "".
func e164(n *phonenumbers.PhoneNumber) string {
	key := phonenumbers.Format(n, phonenumbers.E164)
	for range 4 {
		if n = parsePhone(key, ""); n == nil {
			return ""
		}
		again := phonenumbers.Format(n, phonenumbers.E164)
		if again == key {
			if phonenumbers.IsPossibleNumberWithReason(n) != phonenumbers.IS_POSSIBLE || len(key) <= minPhone {
				return ""
			}
			return key
		}
		key = again
	}
	return ""
}

func parsePhone(s, region string) *phonenumbers.PhoneNumber {
	n, err := phonenumbers.Parse(s, region)
	if err != nil {
		return nil
	}
	return n
}

// dial returns the digits of a number and whether a plus led them.
func dial(s string) (digits string, plus bool, err error) {
	var b strings.Builder
	for _, r := range s {
		switch {
		case '0' <= r && r <= '9':
			b.WriteRune(r)
		case r == '+' && b.Len() == 0 && !plus:
			plus = true
		case strings.ContainsRune(" -./()[]_·•~،,", r):
		default:
			return "", false, bad("%q does not belong in a phone number", r)
		}
	}
	return b.String(), plus, nil
}

// cutExtension removes an extension behind the number.
func cutExtension(s string) string {
	lower := strings.ToLower(s)
	for _, mark := range []string{";ext=", "ext", "x", "#", "داخلی"} {
		if i := strings.Index(lower, mark); i > 0 && len(lower) == len(s) && isExtension(lower[i+len(mark):]) {
			return s[:i]
		}
	}
	return s
}

func isExtension(s string) bool {
	s = strings.Trim(s, " .:")
	return len(s) <= 7 && allDigits(s)
}
