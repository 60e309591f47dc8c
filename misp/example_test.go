package misp_test

import (
	"fmt"
	"strings"

	"parley.example/parley/misp"
)

func Example() {
	const file = `{"Event": {"uuid": "0f8a2c1e-6b1d-4a57-9d35-5a1b7c9e2f10", "info": "Lure (fictional)", "date": "2026-02-03",
		"timestamp": "1770300000", "published": false, "distribution": "0", "Tag": [{"name": "tlp:amber"}],
		"Attribute": [{"uuid": "10000000-0000-4000-8000-000000000001", "type": "ip-dst", "category": "Network activity",
			"to_ids": false, "value": "198.51.100.23", "timestamp": "1770200000", "distribution": "5"}]}}`
	err := misp.Read(strings.NewReader(file), func(_ int, e misp.Event, err error) error {
		if err != nil {
			return err
		}
		for _, o := range e.Objects {
			fmt.Println(o.ID)
		}
		for _, l := range e.NotCarried {
			fmt.Println("not carried:", l.Path)
		}
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// grouping--0f8a2c1e-6b1d-4a57-9d35-5a1b7c9e2f10
	// ipv4-addr--cec0294c-86c8-52cc-8448-ba43593736df
	// observed-data--10000000-0000-4000-8000-000000000001
	// not carried: Event.distribution
}
