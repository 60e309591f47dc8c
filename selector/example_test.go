package selector_test

import (
	"fmt"

	"parley.example/parley/selector"
)

func Example() {
	for _, v := range []string{"۰۷۰۰ ۱۲۳ ۴۵۶", "+93 (0)700-123-456", "hello"} {
		keys, err := selector.Normalise("phone", v)
		fmt.Println(keys, err)
	}
	fmt.Println(selector.Version("phone"))
	// Output:
	// [+93700123456] <nil>
	// [+93700123456] <nil>
	// [] phone: 'h' does not belong in a phone number: not a value of its kind
	// phone/1
}
