package selector

import "strings"

// document gives the number of a passport or identity card. A whole line of
// its machine-readable zone is understood as well and its check digit verified
// (ICAO Doc 9303, parts 4 to 6: TD1 first line, TD2 and TD3 second line).
func document(value string, _ *options) ([]string, error) {
	s := strings.ToUpper(strip(value, " "))
	if strings.Contains(s, "<") {
		return machineReadable(s)
	}
	s = strip(s, "-./")
	digits := 0
	for i := range len(s) {
		if '0' <= s[i] && s[i] <= '9' {
			digits++
		}
	}
	switch {
	case !alphanumeric(s):
		return nil, bad("a document number has letters and digits only")
	case len(s) < 5 || len(s) > 20:
		return nil, bad("%d letters and digits, a document number has 5 to 20", len(s))
	case digits < 3:
		return nil, bad("a document number has at least three digits")
	}
	return []string{s}, nil
}

func machineReadable(s string) ([]string, error) {
	var number string
	var check byte
	switch {
	case len(s) == 30 && strings.ContainsRune("IAC", rune(s[0])): // TD1, first line
		number, check = s[5:14], s[14]
	case len(s) == 36 || len(s) == 44: // TD2 and TD3, second line
		number, check = s[:9], s[9]
	case len(s) == 10: // number and check digit alone
		number, check = s[:9], s[9]
	default:
		return nil, bad("a line of %d characters is no machine-readable zone with a document number", len(s))
	}
	if check == '<' { // a longer number goes on behind, or none is checked
		return nil, bad("the document number has no check digit")
	}
	sum, ok := checkDigit(number)
	if !ok || byte('0'+sum) != check {
		return nil, bad("the check digit of the document number does not fit")
	}
	number = strings.TrimRight(number, "<")
	if !alphanumeric(number) || len(number) < 5 {
		return nil, bad("the document number is too short or has gaps")
	}
	return []string{number}, nil
}

// checkDigit computes the check digit of ICAO Doc 9303, part 3, section 4.9.
func checkDigit(s string) (digit int, ok bool) {
	weights := [3]int{7, 3, 1}
	for i := range len(s) {
		v := 0
		switch c := s[i]; {
		case '0' <= c && c <= '9':
			v = int(c - '0')
		case 'A' <= c && c <= 'Z':
			v = int(c-'A') + 10
		case c != '<':
			return 0, false
		}
		digit += v * weights[i%3]
	}
	return digit % 10, true
}
