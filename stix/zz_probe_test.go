package stix_test

import (
	"fmt"
	"os"
	"parley.example/parley/stix"
	"regexp"
	"sort"
	"strings"
	"testing"
)

func TestProbe(t *testing.T) {
	for _, name := range strings.Fields(os.Getenv("PROBE")) {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		n := map[string]int{}
		ex := map[string]string{}
		idx := regexp.MustCompile(`\[\d+\]`)
		c, err := stix.ReadBundle(f, func(i int, raw []byte) error {
			for _, x := range stix.Validate(raw) {
				k := string(x.Severity) + " " + x.Rule + " " + idx.ReplaceAllString(x.Path, "[]")
				n[k]++
				ex[k] = x.ID + " " + x.String()
			}
			return nil
		})
		fmt.Println(name, c, err)
		var ks []string
		for k := range n {
			ks = append(ks, k)
		}
		sort.Strings(ks)
		for _, k := range ks {
			fmt.Println("  ", n[k], k, "|", ex[k])
		}
	}
}
