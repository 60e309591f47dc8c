package selector_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"parley.example/parley/selector"
)

// spellings lists, for each kind, the keys and the ways to write what has them.
var spellings = []struct {
	kind   string
	keys   string // separated by spaces
	values []string
}{
	{"phone", "+93700123456", []string{
		"+93700123456", "+93 700 123 456", "+93-700-123-456", "+93 (0)700 123 456", "0093700123456", "00 93 700 123456",
		"0700123456", "0700 123 456", "0700-123-456", "(0700) 123456", "93700123456", "۰۷۰۰۱۲۳۴۵۶", "٠٧٠٠١٢٣٤٥٦", "+۹۳ ۷۰۰ ۱۲۳ ۴۵۶",
		"tel:+93-700-123-456", "\u200e+93 700 123 456\u200f", "+93\u00a0700\u2011123\u2011456", "\uff10\uff17\uff10\uff10\uff11\uff12\uff13\uff14\uff15\uff16",
		"Mob: 0700 123456", "+93 700 123 456 ext. 12", "0700123456 x7", " 0700 123456 ", "+93.700.123.456", "0700/123456", "۰۷۰۰ ۱۲۳ ۴۵۶ داخلی ۳",
	}},
	{"phone", "+923001234567", []string{
		"+923001234567", "0300-1234567", "0300 1234567", "03001234567", "+92 300 1234567", "0092-300-1234567", "923001234567", "+92 (0) 300 1234567",
		"۰۳۰۰۱۲۳۴۵۶۷", "٠٣٠٠-١٢٣٤٥٦٧", "(0300) 123-4567", "WhatsApp: +92 300 1234567",
	}},
	{"phone", "+922134567890", []string{"021-34567890", "+92 21 34567890", "(021) 3456 7890"}},
	{"phone", "+442079460958", []string{"+44 20 7946 0958", "0044 20 7946 0958", "+44 (0)20 7946 0958", "442079460958"}},
	{"phone", "+12025550143", []string{"+1 202-555-0143", "001 202 555 0143", "+1 (202) 555-0143"}},
	{"phone", "+989121234567", []string{"+98 912 123 4567", "00989121234567", "+۹۸۹۱۲۱۲۳۴۵۶۷", "989121234567"}},
	{"phone", "+971501234567", []string{"+971 50 123 4567", "00971501234567", "971501234567"}},

	{"plate", "LEA1234", []string{"LEA-1234", "lea 1234", "LEA 1234", "Lea–1234", "LEA·1234", "LEA.1234", "ＬＥＡ１２３４", "LEA ۱۲۳۴", "LEA ١٢٣٤"}},
	{"plate", "ICTAB123", []string{"ICT AB-123", "ict-ab 123"}},
	{"plate", "KBL12345", []string{"KBL 12345", "KBL-12345", "kbl ۱۲۳۴۵"}},
	{"plate", "کابل12345", []string{"کابل ۱۲۳۴۵", "كابل 12345", "کابل-۱۲۳۴۵", "کابـل ١٢٣٤٥", "کابل\u200c۱۲۳۴۵"}},
	{"plate", "MUAB123", []string{"MÜ-AB 123", "MU AB 123"}},
	{"plate", "اب123", []string{"أب ١٢٣", "اب 123"}},

	{"email", "a.b@example.com", []string{"a.b@example.com", "A.B@Example.COM", "mailto:a.b@example.com", "Some One <a.b@example.com>", "a.b[at]example[.]com", "a.b@example.com.", "ａ.b@example.com"}},
	{"email", "first.last+tag@gmail.com firstlast@gmail.com", []string{"First.Last+tag@gmail.com"}},
	{"email", "firstlast@gmail.com", []string{"FirstLast@gmail.com"}},
	{"email", "f.irst.last@googlemail.com firstlast@gmail.com", []string{"f.irst.last@googlemail.com"}},
	{"email", "x+y@outlook.com x@outlook.com", []string{"X+y@Outlook.com"}},
	{"email", "x-y@yahoo.com x@yahoo.com", []string{"x-y@yahoo.com"}},
	{"email", "x@xn--bcher-kva.de", []string{"x@bücher.de", "X@BÜCHER.DE", "x@xn--bcher-kva.de"}},

	{"iban", "PK36SCBL0000001123456702", []string{"PK36SCBL0000001123456702", "PK36 SCBL 0000 0011 2345 6702", "pk36-scbl-0000-0011-2345-6702", "IBAN: PK36 SCBL 0000 0011 2345 6702", "PK۳۶ SCBL ۰۰۰۰۰۰۱۱۲۳۴۵۶۷۰۲"}},
	{"iban", "GB82WEST12345698765432", []string{"GB82 WEST 1234 5698 7654 32"}},
	{"iban", "DE89370400440532013000", []string{"DE89 3704 0044 0532 0130 00"}},
	{"iban", "AE070331234567890123456", []string{"AE07 0331 2345 6789 0123 456"}},
	{"card", "4111111111111111", []string{"4111 1111 1111 1111", "4111-1111-1111-1111", "۴۱۱۱۱۱۱۱۱۱۱۱۱۱۱۱"}},

	{"imei", "490154203237518", []string{"490154203237518", "49-015420-323751-8", "49015420323751", "IMEI: 49 015420 323751 8", "4901542032375101", "۴۹۰۱۵۴۲۰۳۲۳۷۵۱۸"}},
	{"imsi", "412011234567890", []string{"412011234567890", "412 01 1234567890", "IMSI 412-01-1234567890"}},

	{"document", "L898902C3", []string{"L898902C3", "l898902c3", "L 898902 C3", "L898902C36UTO7408122F1204159ZE184226B<<<<<10"}},
	{"document", "D23145890", []string{"D23145890", "I<UTOD231458907<<<<<<<<<<<<<<<", "D231458907UTO7408122F1204159<<<<<<<6"}},
	{"document", "3520212345671", []string{"35202-1234567-1", "3520212345671", "۳۵۲۰۲-۱۲۳۴۵۶۷-۱"}},

	{"hash", "md5:d41d8cd98f00b204e9800998ecf8427e", []string{"d41d8cd98f00b204e9800998ecf8427e", "D41D8CD98F00B204E9800998ECF8427E", "md5:d41d8cd98f00b204e9800998ecf8427e", "MD5=d41d8cd98f00b204e9800998ecf8427e"}},
	{"hash", "sha1:da39a3ee5e6b4b0d3255bfef95601890afd80709", []string{"da39a3ee5e6b4b0d3255bfef95601890afd80709", "SHA-1:DA39A3EE5E6B4B0D3255BFEF95601890AFD80709"}},
	{"hash", "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", []string{"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "sha256:E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855", "SHA-256: e3b0c442 98fc1c14 9afbf4c8 996fb924 27ae41e4 649b934c a495991b 7852b855"}},

	{"ip", "203.0.113.7", []string{"203.0.113.7", "203.0.113[.]7", "203.0.113.7:443", "::ffff:203.0.113.7", "۲۰۳.۰.۱۱۳.۷"}},
	{"ip", "2001:db8::1", []string{"2001:db8::1", "2001:0DB8:0000:0000:0000:0000:0000:0001", "[2001:db8::1]:80", "[2001:db8::1]", "2001:db8::1%eth0"}},
	{"domain", "example.com", []string{"example.com", "EXAMPLE.com.", "www.example.com", "example[.]com", "example(dot)com"}},
	{"domain", "mail.example.com.pk", []string{"mail.example.com.pk"}},
	{"domain", "xn--bcher-kva.de", []string{"bücher.de", "BÜCHER.de", "XN--BCHER-KVA.de"}},
	{"url", "https://example.com/a/b?x=1&y=2", []string{"https://example.com/a/b?x=1&y=2", "HTTPS://EXAMPLE.com:443/a/b?x=1&y=2", "hxxps://example[.]com/a/./b?x=1&y=2#top", "https://user:pass@example.com/a/c/../b?x=1&y=2", "hxxps[://]example.com/a/b?x=1&y=2"}},
	{"url", "http://example.com/", []string{"http://example.com", "http://example.com/", "example.com", "HXXP://example.com:80/"}},
	{"url", "http://203.0.113.7:8080/x", []string{"http://203.0.113.7:8080/x", "hxxp://203.0.113[.]7:8080/x"}},

	{"crypto", "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", []string{"1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "bitcoin:1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2?amount=1"}},
	{"crypto", "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy", []string{"3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy"}},
	{"crypto", "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq", []string{"bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq", "BC1QAR0SRRR7XFKVY5L643LYDNW9RE59GTZZWF5MDQ"}},
	{"crypto", "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0", []string{"bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0"}},
	{"crypto", "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed", []string{"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed", "0X5AAEB6053F3E94C9B9A09F33669435E7EF1BEAED"}},
	{"crypto", "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t", []string{"TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"}},
}

func TestNormalise(t *testing.T) {
	for _, s := range spellings {
		want := strings.Fields(s.keys)
		for _, v := range s.values {
			got, err := selector.Normalise(s.kind, v)
			if err != nil {
				t.Errorf("%s %q: %v", s.kind, v, err)
				continue
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s %q (-want +got):\n%s", s.kind, v, d)
			}
			for _, k := range got { // a key is a value of its kind, and its own key
				again, err := selector.Normalise(s.kind, k)
				if err != nil || !slices.Contains(again, k) {
					t.Errorf("%s key %q has the keys %q (%v)", s.kind, k, again, err)
				}
			}
		}
	}
}

func TestRefused(t *testing.T) {
	refused := map[string][]string{
		"phone":    {"", "+", "112", "123456", "hello", "0700-CALL-NOW", "+93 700", "+999 1234567890", "07001234567890123456", "1.5e10", "12/11/2026", "0000000000", "+93700123456 or 0700"},
		"plate":    {"", "A", "12", "ABC", "کابل", "ABC-1234-5678-9012-34", "LEA@1234", "пр123", "ABCDEFGHIJKLM1"},
		"email":    {"", "@", "x@", "@x.com", "x@y", "x y@example.com", "a..b@example.com", ".a@example.com", "x@example.notatld", "x@com", "x@[127.0.0.1]", "x@127.0.0.1"},
		"iban":     {"", "PK36SCBL0000001123456703", "PK36SCBL000000112345670", "XX00", "1234", "PK36 SCBL 0000 0011 2345 67O2", "PK"},
		"card":     {"", "4111111111111112", "411111111111", "4111x111111111111"},
		"imei":     {"", "490154203237519", "4901542032375", "49015420323751800", "49015420323751A"},
		"imsi":     {"", "012011234567890", "4120112345678", "41201123456789012"},
		"document": {"", "ABC", "ABCDEFGH", "L898902C37UTO7408122F1204159ZE184226B<<<<<10", "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "12", "A<B", "123456789012345678901", "D23145890<UTO7408122F1204159<<<<<<<6"},
		"hash":     {"", "d41d8cd98f00b204e9800998ecf8427", "g41d8cd98f00b204e9800998ecf8427e", "sha1:d41d8cd98f00b204e9800998ecf8427e", strings.Repeat("0", 32)},
		"ip":       {"", "1.2.3", "256.1.1.1", "01.2.3.4", "10.0.0.0/8", "127.0.0.1", "10.1.2.3", "192.168.1.1", "::1", "fe80::1", "0.0.0.0", "x"},
		"domain":   {"", "com", "co.uk", "localhost", "example.notatld", "exa mple.com", "-x.com", "203.0.113.7", "http://example.com", "a..com", strings.Repeat("a", 64) + ".com"},
		"url":      {"", "ftp:/x", "javascript:alert(1)", "mailto:x@example.com", "http://", "http://localhost/", "file:///etc/passwd", "http://exa mple.com/"},
		"crypto":   {"", "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN3", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD", "0x1234", "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdz", "bc1", "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdQ", "hello world", "0OIl111111111111111111111111"},
		"cell":     {"", "34.0151, 71.5249", "91, 71 2026-03-06", "34, 181 2026-03-06", "34, 71 2026-02-30", "0, 0 2026-03-06", "NaN, 71 2026-03-06", "cell:zz/2026-03-06", "cell:38/2026-03-06"},
		"name":     {"", "1975", "Ali", "Ali Khan", "李明 1975", "!!! 1975", "Ali 75"},
	}
	for kind, values := range refused {
		for _, v := range values {
			if keys, err := selector.Normalise(kind, v); !errors.Is(err, selector.ErrValue) {
				t.Errorf("%s %q: keys %q, error %v, want ErrValue", kind, v, keys, err)
			} else if v != "" && len(v) > 6 && strings.Contains(err.Error(), v) {
				t.Errorf("%s: the error repeats the value: %v", kind, err)
			}
		}
	}
	if _, err := selector.Normalise("shoe", "43"); !errors.Is(err, selector.ErrKind) {
		t.Errorf("unknown kind: %v", err)
	}
	if _, err := selector.Normalise("phone", strings.Repeat("0", selector.MaxValue+1)); !errors.Is(err, selector.ErrValue) {
		t.Errorf("a value of 4,097 bytes: %v", err)
	}
}

func TestKinds(t *testing.T) {
	kinds := selector.Kinds()
	if !slices.IsSortedFunc(kinds, func(a, b selector.Kind) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("kinds are not in order")
	}
	for _, k := range kinds {
		if !strings.HasPrefix(k.Version, k.Name+"/") || selector.Version(k.Name) != k.Version {
			t.Errorf("%s has the version %q", k.Name, k.Version)
		}
	}
	if selector.Version("shoe") != "" {
		t.Error("an unknown kind has a version")
	}
}

func TestRegions(t *testing.T) {
	got, err := selector.Normalise("phone", "0912 123 4567", selector.Regions("IR"))
	if err != nil || !slices.Equal(got, []string{"+989121234567"}) {
		t.Errorf("an Iranian number: %q, %v", got, err)
	}
	// Kabul's 020 234 5678 could be Wuppertal's 0202 345678.
	got, err = selector.Normalise("phone", "0202345678", selector.Regions("AF", "DE"))
	if err != nil || !slices.Equal(got, []string{"+93202345678", "+49202345678"}) {
		t.Errorf("a number of two countries: %q, %v", got, err)
	}
}

func TestNames(t *testing.T) {
	same := [][]string{
		{"Muhammad Ali Khan, 1975", "محمد علی خان ۱۹۷۵", "Mohammed Aly Khan (1975)", "KHAN Mohammad Ali 1975", "Haji Mohd. Ali Khan; born 1975-03-02", "مُحَمَّد عَلي خان ١٩٧٥"},
		{"Abdul Rahman Noorzai 1360", "عبدالرحمن نورزی ۱۳۶۰", "Abdurrahman Nurzai, 1981", "Abd al-Rahman Noorzai 1982", "عبد الرحمن نورزی 1360"},
		{"Rahmat Ullah Wazir 1990", "رحمت الله وزیر ۱۹۹۰", "Rahmatullah Wazeer 1990", "رحمت‌الله وزیر 1990"},
		{"Salah ud-Din Ahmadzai 1980", "صلاح الدین احمدزی 1980", "Salahuddin Ahmadzai 1980"},
		{"Fatima Zahra d/o Ghulam Nabi 1988", "فاطمه زهرا بنت غلام نبی ۱۹۸۸"},
	}
	for _, group := range same {
		first, err := selector.Normalise("name", group[0])
		if err != nil {
			t.Fatalf("%q: %v", group[0], err)
		}
		for _, v := range group[1:] {
			keys, err := selector.Normalise("name", v)
			if err != nil || !slices.ContainsFunc(keys, func(k string) bool { return slices.Contains(first, k) }) {
				t.Errorf("%q and %q have no common key (%v):\n%q\n%q", group[0], v, err, first, keys)
			}
		}
	}
	a, _ := selector.Normalise("name", "Muhammad Ali Khan 1975")
	for _, other := range []string{"Muhammad Ali Khan 1976", "Abdul Qadir Noorzai 1975", "Bashir Ahmad Popal 1975"} {
		b, err := selector.Normalise("name", other)
		if err != nil || slices.ContainsFunc(b, func(k string) bool { return slices.Contains(a, k) }) {
			t.Errorf("%q shares a key with another (%v)", other, err)
		}
	}
	for _, k := range []string{"Ali", "علی", "Muhammad Ali Khan"} {
		if len(selector.Keys("name", k)) == 0 {
			t.Errorf("Keys of %q without a year: none", k)
		}
	}
	if got := selector.Keys("name", "12345"); got != nil {
		t.Errorf("Keys of digits: %q", got)
	}
}

// Places within 500 m on one day share a key wherever the edges of cells run,
// places far apart or on another day do not.
func TestCells(t *testing.T) {
	keys := func(lat, lon float64, day string) []string {
		t.Helper()
		k, err := selector.Normalise("cell", fmt.Sprintf("%.6f, %.6f %s", lat, lon, day))
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	share := func(a, b []string) bool {
		return slices.ContainsFunc(a, func(k string) bool { return slices.Contains(b, k) })
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		lat, lon := 25+random.Float64()*12, 60+random.Float64()*17
		turn := random.Float64() * 2 * math.Pi
		north, east := math.Sin(turn)/111.2, math.Cos(turn)/111.2/math.Cos(lat*math.Pi/180)
		a := keys(lat, lon, "2026-03-06")
		if len(a) > 4 {
			t.Fatalf("%d keys for one place", len(a))
		}
		if !share(a, keys(lat+.49*north, lon+.49*east, "2026-03-06T23:10:00Z")) {
			t.Errorf("%f, %f: no common key at 490 m", lat, lon)
		}
		if share(a, keys(lat+4*north, lon+4*east, "2026-03-06")) {
			t.Errorf("%f, %f: a common key at 4 km", lat, lon)
		}
		if share(a, keys(lat, lon, "2026-03-07")) {
			t.Errorf("%f, %f: a common key on another day", lat, lon)
		}
	}
	if a, b := keys(34, 71, "2026-03-06T01:30:00+05:00"), keys(34, 71, "2026-03-05"); !share(a, b) {
		t.Errorf("the day is not that of UTC: %q, %q", a, b)
	}
}

func TestScan(t *testing.T) {
	tests := []struct {
		text string
		want []selector.Found
	}{
		{"", nil},
		{"Nothing here: 12 dead, 34 wounded on 12/11/2026 at 0700 hrs.", nil},
		{"Call +93 700 123 456 or 0300-1234567, plate LEA-1234.", []selector.Found{{"phone", "+93 700 123 456"}, {"phone", "0300-1234567"}, {"plate", "LEA-1234"}}},
		{"شماره ۰۷۰۰۱۲۳۴۵۶ و پلیت کابل ۱۲۳۴۵ دیده شد", []selector.Found{{"phone", "0700123456"}, {"plate", "کابل 12345"}}},
		{"number plate: ICT AB", nil},
		{"white Corolla, registration no. KBL 12345; driver's tel 0799123456 (again 0799 123 456)", []selector.Found{{"plate", "KBL 12345"}, {"phone", "0799123456"}, {"phone", "0799 123 456"}}},
		{"id A0300123456789012345 and 3.0300123456", nil},
		{"grid 42SXD0300123456", nil},
		{"اسلام آباد نمبر پلیٹ LEA 1234", []selector.Found{{"plate", "LEA 1234"}}},
		{"Mail a.b@example.com, see hxxps[://]example[.]com/x?y=1), beacon 203.0.113[.]7.", []selector.Found{{"email", "a.b@example.com"}, {"url", "hxxps[://]example[.]com/x?y=1"}, {"ip", "203.0.113[.]7"}}},
		{"Version 1.2.3.4.5 of 10.1.2.3, sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", []selector.Found{{"hash", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}}},
		{"IBAN PK36 SCBL 0000 0011 2345 6702 and PK36 SCBL 0000 0011 2345 6703; pay bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq", []selector.Found{{"iban", "PK36 SCBL 0000 0011 2345 6702"}, {"crypto", "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"}}},
		{"Phones:\n+442079460958\n+12025550143\n", []selector.Found{{"phone", "+442079460958"}, {"phone", "+12025550143"}}},
	}
	for _, tt := range tests {
		if d := cmp.Diff(tt.want, selector.Scan(tt.text)); d != "" {
			t.Errorf("%q (-want +got):\n%s", tt.text, d)
		}
	}
}

func FuzzNormalise(f *testing.F) {
	for _, s := range spellings {
		for _, v := range s.values {
			f.Add(s.kind, v)
		}
	}
	f.Add("name", "محمد علی خان ۱۳۵۴")
	f.Fuzz(func(t *testing.T, kind, value string) {
		keys, err := selector.Normalise(kind, value)
		if err != nil {
			if !errors.Is(err, selector.ErrKind) && !errors.Is(err, selector.ErrValue) {
				t.Errorf("unknown error %v", err)
			}
			return
		}
		if len(keys) == 0 {
			t.Error("neither keys nor an error")
		}
		for _, k := range keys {
			if k == "" || !utf8.ValidString(k) || len(k) > 4*selector.MaxValue {
				t.Errorf("key %q", k)
			}
			if kind == "name" {
				continue
			}
			if again, err := selector.Normalise(kind, k); err != nil && len(k) <= selector.MaxValue || err == nil && !slices.Contains(again, k) {
				t.Errorf("%s: key %q of %q has the keys %q (%v)", kind, k, value, again, err)
			}
		}
	})
}

func FuzzScan(f *testing.F) {
	f.Add("Call +93 700 123 456, plate LEA-1234")
	f.Add("پلیت کابل ۱۲۳۴۵")
	f.Fuzz(func(t *testing.T, text string) {
		for _, found := range selector.Scan(text) {
			if _, err := selector.Normalise(found.Kind, found.Value); err != nil {
				t.Errorf("%v: %v", found, err)
			}
		}
	})
}

func BenchmarkNormalise(b *testing.B) {
	for _, s := range []struct{ kind, value string }{{"phone", "+93 700 123 456"}, {"phone", "0700123456"}, {"plate", "LEA-1234"}, {"name", "Muhammad Ali Khan 1975"}, {"email", "a.b@gmail.com"}} {
		b.Run(s.kind, func(b *testing.B) {
			for range b.N {
				_, _ = selector.Normalise(s.kind, s.value)
			}
		})
	}
	b.Run("scan 1 kB", func(b *testing.B) {
		text := strings.Repeat("Twelve were wounded when the convoy halted. ", 20) + "Call +93 700 123 456, plate LEA-1234"
		b.SetBytes(int64(len(text)))
		for range b.N {
			selector.Scan(text)
		}
	})
}
