package stix_test

import (
	"fmt"
	"strings"

	"parley.example/parley/stix"
)

func Example() {
	const bundle = `{"type": "bundle", "id": "bundle--5d0092c5-5f74-4287-9642-33f4c354e56d", "objects": [
		{"type": "mutex", "spec_version": "2.1", "id": "mutex--f93fe911-e545-5239-b9b0-597840d0c871", "name": "__CLEANSWEEP__"},
		{"type": "indicator", "spec_version": "2.1", "id": "indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f",
		 "created": "2016-04-06T20:03:48.000Z", "modified": "2016-04-06T20:03:48Z", "lang": "en",
		 "name": "A mutex", "description": "Of one family.",
		 "pattern": "[mutex:name = '__CLEANSWEEP__'", "pattern_type": "stix", "valid_from": "2016-01-01T00:00:00Z"}
	]}`
	c, err := stix.ReadBundle(strings.NewReader(bundle), func(i int, raw []byte) error {
		o, err := stix.Parse(raw)
		if err != nil {
			return err
		}
		fmt.Println(i, o.Type)
		for _, f := range o.Validate() {
			fmt.Println("  " + f.String())
		}
		return nil
	})
	fmt.Println(c.Form, c.Objects, err)
	// Output:
	// 0 mutex
	// 1 indicator
	//   error: modified: must have milliseconds (three digits after the point), like 2016-04-06T20:03:48.000Z [timestamp-precision, §3.2]
	//   error: pattern: line 1, column 31: expected ], found the end of the pattern [pattern-syntax, §9]
	// bundle 2 <nil>
}

func ExampleCheckPattern() {
	for _, f := range stix.CheckPattern(`[file:hashes.MD5 = 'd41d8' AND file:size = 'big']`) {
		fmt.Println(f)
	}
	// Output:
	// error: line 1, column 20: "d41d8" is no MD5 hash [hash-value, §10.7]
	// warning: line 1, column 44: file:size is a number and is compared with a string [pattern-constant, §9.6.1]
}
