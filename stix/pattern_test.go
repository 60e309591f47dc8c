package stix_test

import (
	"fmt"
	"strings"
	"testing"

	"parley.example/parley/stix"
)

const md5 = "d41d8cd98f00b204e9800998ecf8427e"

func TestPatternCorrect(t *testing.T) {
	for _, p := range []string{
		`[file:size = 1280]`,
		`[file:name = 'foo.dll' AND file:size > -0.5]`,
		`[file:hashes.MD5 = '` + md5 + `' OR file:hashes.'SHA-1' LIKE 'a%_']`,
		`[file:name NOT = 'a' AND file:name NOT MATCHES '^\\d+$' AND file:name NOT IN ('a', 'b\'c')]`,
		`[email-message:from_ref.value MATCHES '.+\\@example\\.com$' AND email-message:body_multipart[*].body_raw_ref.name = 'x']`,
		`[ipv4-addr:value ISSUBSET '198.51.100.0/24' OR ipv6-addr:value ISSUPERSET '2001:db8::/32']`,
		`[file:extensions.'windows-pebinary-ext'.sections[1].entropy > 7.0]`,
		`[EXISTS windows-registry-key:values] AND [NOT EXISTS process:pid]`,
		`[process:is_hidden = true AND process:created_time >= t'2024-02-29T00:00:00.123456789Z']`,
		`[artifact:payload_bin = b'aGVsbG8=' OR file:magic_number_hex = h'ffd8']`,
		`([a-b:value = 1] FOLLOWEDBY [a-b:value = 2]) WITHIN 5 SECONDS REPEATS 2 TIMES`,
		`[x-acme:value = 1] START t'2017-07-01T00:00:00Z' STOP t'2018-07-01T00:00:00Z'`,
		`[x-acme:value = 1] OR ([x-acme:value = 2] AND [x-acme:value = 3] WITHIN 0.5 SECONDS)`,
		"[ x-acme : value = 1 /* note */ ] // end\n OR\t[x-acme:value=2]",
		`[x-acme:value = 'اردو \\ ']`,
		`[file:name == 'a' AND file:name <> 'b' AND file:name != 'c']`,
		strings.Repeat("(", 40) + `[x-acme:value = 1]` + strings.Repeat(")", 40),
	} {
		for _, f := range stix.CheckPattern(p) {
			if f.Severity == stix.Error {
				t.Errorf("%s: %v", p, f)
			}
		}
	}
}

func TestPatternFaults(t *testing.T) {
	for _, tc := range []struct{ pattern, want string }{
		{``, "error 1:1 pattern-syntax"},
		{`file:size = 1`, "error 1:1 pattern-syntax"},
		{`[file:size = 1`, "error 1:15 pattern-syntax"},
		{`[file:size = 1]]`, "error 1:16 pattern-syntax"},
		{`([file:size = 1]`, "error 1:17 pattern-syntax"},
		{`[file:size = ]`, "error 1:14 pattern-syntax"},
		{`[file:size === 1]`, "error 1:14 pattern-syntax"},
		{`[file:name IN ('a',)]`, "error 1:20 pattern-syntax"},
		{`[NOT file:size = 1]`, "error 1:6 pattern-syntax"},
		{`[file:size = 01]`, "pattern-syntax"},
		{`[file:size = +1]`, "pattern-syntax"},
		{`[file:name = "a"]`, "pattern-syntax"},
		{`[file:name = 'a]`, "pattern-syntax"},
		{`[file:name = 'a\']`, "pattern-syntax"},
		{`[file:name = 'a' and file:size = 1]`, "pattern-syntax"},
		{`[file:name MATCHES 1]`, "pattern-syntax"},
		{`[file:name LIKE true]`, "pattern-syntax"},
		{`[file:name < true]`, "pattern-syntax"},
		{`[file = 1]`, "pattern-syntax"},
		{`[file: = 1]`, "pattern-syntax"},
		{`[file:name. = 1]`, "pattern-syntax"},
		{`[file:name[x] = 1]`, "pattern-syntax"},
		{`[file:contains_refs[-1].name = 'a']`, "pattern-syntax"},
		{`[file:name = t'2024-02-30T00:00:00Z']`, "pattern-"},
		{`[file:name = h'123']`, "pattern-"},
		{`[file:name = b'a']`, "pattern-"},
		{`[EXISTS file:name = 'a']`, "pattern-syntax"},
		{`[file:name = 'a'] WITHIN 5`, "pattern-syntax"},
		{`[file:name = 'a'] WITHIN -5 SECONDS`, "pattern-syntax"},
		{`[file:name = 'a'] REPEATS 0 TIMES`, "pattern-"},
		{`[file:name = 'a'] REPEATS 1.5 TIMES`, "pattern-syntax"},
		{`[file:name = 'a'] START '2024-01-01T00:00:00Z' STOP t'2024-01-02T00:00:00Z'`, "pattern-syntax"},
		{`[file:name = 'a'] START t'2024-01-01T00:00:00Z'`, "pattern-syntax"},
		{`[file:name = 'a'] START t'2024-01-02T00:00:00Z' STOP t'2024-01-01T00:00:00Z'`, "warning 1:54 pattern-time"},
		{`[file:name = 'a'] REPEATS 2 TIMES REPEATS 3 TIMES`, "error 1:35 pattern-qualifier"},
		{`[file:name = 'a'] THEN [file:name = 'b']`, "pattern-syntax"},
		{`[file:name = 'a'] [file:name = 'b']`, "pattern-syntax"},
		{"[file:name = 'a'\n AND\n  file:size ~ 1]", "error 3:13 pattern-syntax"},
		{"[file:name = 'ü' AND file:size ~ 1]", "error 1:32 pattern-syntax"},
		{`[file:name IN ('a', 1)]`, "error 1:21 pattern-set"},
		{`[file:name MATCHES '(a']`, "error 1:20 pattern-regexp"},
		{`[file:hashes.MD5 = 'abc']`, "error 1:20 hash-value"},
		{`[file:hashes.'SHA-256' = '` + md5 + `']`, "error 1:26 hash-value"},
		{`[ipv4-addr:value ISSUBSET '999.1.1.1/8']`, "error 1:27 pattern-address"},
		{`[ipv4-addr:value ISSUBSET '::/8']`, "error 1:27 pattern-address"},
		{`[file:size = 'big']`, "warning 1:14 pattern-constant"},
		{`[file:nmae = 'a']`, "warning 1:7 pattern-property"},
		{`[fiel:name = 'a']`, "warning 1:2 pattern-type"},
		{`[malware:name = 'a']`, "warning 1:2 pattern-type"},
		{`[file:name = 'a' AND mutex:name = 'b']`, "warning"},
		{`[file:contains_refs.name = 'a']`, "warning 1:21 pattern-index"},
		{strings.Repeat("(", 100_000), "pattern-syntax"},
		{"[" + strings.Repeat("(", 100_000), "pattern-syntax"},
	} {
		found := stix.CheckPattern(tc.pattern)
		got := make([]string, len(found))
		for i, f := range found {
			got[i] = fmt.Sprintf("%s %d:%d %s", f.Severity, f.Line, f.Column, f.Rule)
			if f.Message == "" || f.Section == "" || f.Offset < 0 || f.Offset > len(tc.pattern) {
				t.Errorf("%.80s: %+v", tc.pattern, f)
			}
		}
		if !strings.Contains(strings.Join(got, "\n"), tc.want) {
			t.Errorf("%.80s: got %q, want %s", tc.pattern, found, tc.want)
		}
	}
}

func TestPatternOfIndicator(t *testing.T) {
	check(t, []fault{
		{"indicator", `"pattern":"[mutex:name = 'a'] START t'2015-07-01T00:00:00Z' STOP t'2018-07-01T00:00:00Z'"`, "warning pattern-time pattern"},
		{"indicator", `"pattern":"[mutex:name = 'a'] START t'2016-07-01T00:00:00Z' STOP t'2016-08-01T00:00:00Z'"`, ""},
		{"indicator", `"pattern":"[file:hashes.MD5 = 'abc']"`, "error hash-value pattern"},
	})
}

func FuzzCheckPattern(f *testing.F) {
	for _, s := range []string{
		`[file:name NOT IN ('a', 'b') AND file:extensions.'x-y'.a[*] LIKE '%'] FOLLOWEDBY ([EXISTS a:b] WITHIN 5 SECONDS) REPEATS 2 TIMES`,
		`[a-b:ccc = t'2024-01-01T00:00:00Z' OR a-b:ccc ISSUBSET '1.1.1.1/8'] START t'2024-01-01T00:00:00Z' STOP t'2024-01-02T00:00:00Z'`,
		`[a:b = h'00'] /* */ // x`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, x := range stix.CheckPattern(s) {
			if x.Offset < 0 || x.Offset > len(s) || x.Line < 1 || x.Column < 1 {
				t.Fatalf("%+v lies outside the pattern", x)
			}
		}
	})
}
