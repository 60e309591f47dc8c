package fusion_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley.example/parley/fusion"
)

func TestBadFieldsAreToldAndTheRestIsRead(t *testing.T) {
	list, notes, err := fusion.ReadCSV(strings.NewReader("\uFEFFid,date,place,lat,lon,killed,wounded,extra\n" +
		"a,2014-02-30,Kabul,34.5,69.2,3,0,x\n" +
		"b,2014-02-28,Kabul,,69.2,dozens,about 10,\n" +
		"c,sometime,Kabul,91.5,181,a lot,-4,\n" +
		"d,2014-02-00,Kabul,0,0,10-12,10+,\n" +
		",2014-03-01,Kabul,69.2,34.5,۱۲,unknown,\n" +
		"e,2014-03-01,Kabul,x,34.5,12 5,99999999999999999999,\n" +
		"f,2014-03-01,Ka\"bul,,,,,\n" +
		"g,2014-03-01\n" +
		"h,05/03/2014,Herat,116.5,34.5,one,,\n" +
		"a,2014-02-30,Kabul,34.5,69.2,3,0,x\n" +
		"a,2014-02-27,Ghazni,34.5,69.2,3,0,x\n"))
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, n := range notes {
		told = append(told, n.String())
	}
	want := []string{
		`row 1: date "2014-02-30" does not exist in the calendar; the report is compared without a date`,
		`row 2: killed "dozens" is no number; taken as 24 to 99`,
		`row 2: lon "69.2" stands alone; the report is compared without coordinates`,
		`row 3: date "sometime" is not a date like 2026-12-31; the report is compared without a date`,
		`row 3: killed "a lot" is no number and was not read`,
		`row 3: wounded "-4" is no number and was not read`,
		`row 3: lat "91.5" with lon 181 is not on the globe; the report is compared without coordinates`,
		`row 4: lat "0" and lon are both 0, which is in the sea; the report is compared without coordinates`,
		`row 5: id is empty; the report is called #5`,
		`row 6: killed "12 5" is no number and was not read`,
		`row 6: wounded "99999999999999999999" is no number of people`,
		`row 6: lat "x" is no number of degrees; the report is compared without coordinates`,
		`row 7: a quote inside the unquoted field "Ka\"bul"`,
		`row 8: has 2 fields, the header has 8`,
		`row 9: lat "116.5" is beyond 90 degrees; taken to be exchanged with lon`,
		`row 10: repeats row 1 word for word; it is compared once`,
		`row 11: id "a" stands on row 1 too, with another report; both are compared`,
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
	if len(list) != 8 {
		t.Fatalf("%d reports", len(list))
	}
	if d := list[3]; !d.From.Equal(time.Date(2014, 2, 1, 0, 0, 0, 0, time.UTC)) || d.To.Day() != 28 ||
		d.Killed != (fusion.Amount{Low: 10, Best: 11, High: 12, Known: true}) || d.Wounded.Low != 10 || d.Wounded.High <= 10 {
		t.Errorf("a month and ranges: %+v", d)
	}
	if e := list[4]; e.ID != "#5" || e.Killed.Best != 12 || e.Wounded.Known {
		t.Errorf("Persian digits: %+v", e)
	}
	if h := list[6]; h.From.Month() != time.March || h.From.Day() != 5 || h.Killed.Best != 1 || h.Lat != 34.5 {
		t.Errorf("a date with slashes, and exchanged coordinates: %+v", h)
	}
}

func TestMonthFirstDates(t *testing.T) {
	list, _, err := fusion.ReadCSV(strings.NewReader("id,date\na,03/05/2014\nb,03/25/2014\nc,2 March 2014\nd,2014\ne,Mar 2014\n"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range list {
		got = append(got, r.From.Format(time.DateOnly)+" "+r.To.Format(time.DateOnly))
	}
	want := []string{"2014-03-05 2014-03-05", "2014-03-25 2014-03-25", "2014-03-02 2014-03-02", "2014-01-01 2014-12-31", "2014-03-01 2014-03-31"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestNotAList(t *testing.T) {
	for _, c := range []struct{ csv, want string }{
		{"", "the file is empty"},
		{"a;b;c\n1;2;3\n", "none of the columns"},
		{"id,date,date\n", "appears twice"},
	} {
		if _, _, err := fusion.ReadCSV(strings.NewReader(c.csv)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.csv, err, c.want)
		}
	}
}

func TestDuplicatedReportsAreTold(t *testing.T) {
	list := read(t, header+
		"a,2014-01-03,Ghazni city,Ghazni,,,3,5,bombing,police\n"+
		"b,2014-01-03,Ghazni,Ghazni,,,3,5,Bombing,police\n"+
		"c,2014-01-03,Ghazni,Ghazni,,,4,5,bombing,police\n")
	got := fusion.Duplicates(list)
	want := []fusion.Duplicate{{IDs: []string{"a", "b"}, Same: "date, place, casualties, kind and text"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func FuzzReadCSV(f *testing.F) {
	f.Add(plainLeft)
	f.Add("id,date,killed\na,2014-00-00,10-12\nb,99/99/99,dozens\n\"\n")
	f.Add("lat,lon\n1e999,NaN\n-91,180\n")
	right := read(f, plainRight)
	f.Fuzz(func(t *testing.T, csv string) {
		list, notes, err := fusion.ReadCSV(strings.NewReader(csv))
		if err != nil || len(list) > 50 {
			return
		}
		for _, r := range list {
			if r.ID == "" || r.To.Before(r.From) || r.Killed.Low > r.Killed.Best || r.Killed.Best > r.Killed.High {
				t.Fatalf("%+v", r)
			}
			if r.Placed && !(r.Lat >= -90 && r.Lat <= 90 && r.Lon >= -180 && r.Lon <= 180) {
				t.Fatalf("%+v", r)
			}
		}
		for _, n := range notes {
			if n.Reason == "" {
				t.Fatalf("a note without a reason: %+v", n)
			}
		}
		for _, p := range fusion.Link(list, right, fusion.BestF1).Pairs {
			if !(p.P >= 0 && p.P <= 1) {
				t.Fatalf("p = %v", p.P)
			}
		}
	})
}
