package selector

import "strings"

// ibanLengths is the IBAN registry's length by country (ISO 13616).
var ibanLengths = map[string]int{
	"AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29,
	"BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29,
	"ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28,
	"HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28,
	"LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MN": 20,
	"MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29, "PT": 25,
	"QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SM": 27,
	"SO": 23, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
}

// iban gives the IBAN without spaces, its check digits verified (ISO 7064,
// MOD 97-10) and its length where the country's is known.
func iban(value string, _ *options) ([]string, error) {
	s, _ := cutPrefixFold(value, "IBAN")
	s = strings.ToUpper(strip(s, " -.:"))
	switch {
	case len(s) < 15 || len(s) > 34 || !alphanumeric(s):
		return nil, bad("an IBAN has 15 to 34 letters and digits")
	case !allLetters(s[:2]) || !allDigits(s[2:4]):
		return nil, bad("an IBAN starts with its country and two digits")
	}
	if want, ok := ibanLengths[s[:2]]; ok && len(s) != want {
		return nil, bad("an IBAN of %s has %d characters, not %d", s[:2], want, len(s))
	}
	rest := 0
	for _, c := range []byte(s[4:] + s[:4]) {
		if c >= 'A' {
			rest = (rest*100 + int(c-'A') + 10) % 97
		} else {
			rest = (rest*10 + int(c-'0')) % 97
		}
	}
	if rest != 1 {
		return nil, bad("the check digits do not fit")
	}
	return []string{s}, nil
}

func allLetters(s string) bool {
	for i := range len(s) {
		if s[i] < 'A' || s[i] > 'Z' {
			return false
		}
	}
	return s != ""
}

// card gives a payment card's number, its check digit verified.
func card(value string, _ *options) ([]string, error) {
	s := strip(value, " -.")
	switch {
	case !allDigits(s) || len(s) < 12 || len(s) > 19:
		return nil, bad("a card number has 12 to 19 digits")
	case !luhn(s):
		return nil, bad("the check digit does not fit")
	}
	return []string{s}, nil
}

// imei gives the 15 digits of a device's IMEI (3GPP TS 23.003, section 6.2):
// a missing check digit is added, a software version (16 digits) cut off.
func imei(value string, _ *options) ([]string, error) {
	s, _ := cutPrefixFold(value, "IMEI")
	s = strip(s, " -./:")
	if !allDigits(s) {
		return nil, bad("an IMEI has only digits")
	}
	switch len(s) {
	case 14:
		return []string{s + luhnDigit(s)}, nil
	case 15:
		if !luhn(s) {
			return nil, bad("the check digit does not fit")
		}
		return []string{s}, nil
	case 16:
		return []string{s[:14] + luhnDigit(s[:14])}, nil
	}
	return nil, bad("an IMEI has 14, 15 or 16 digits, not %d", len(s))
}

// imsi gives a subscriber's IMSI (ITU-T E.212).
func imsi(value string, _ *options) ([]string, error) {
	s, _ := cutPrefixFold(value, "IMSI")
	s = strip(s, " -./:")
	switch {
	case !allDigits(s) || len(s) < 14 || len(s) > 15:
		return nil, bad("an IMSI has 14 or 15 digits")
	case s[0] < '2' || s[0] == '8':
		return nil, bad("no country has the code %s", s[:3])
	}
	return []string{s}, nil
}
