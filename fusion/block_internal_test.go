package fusion

import (
	"fmt"
	"testing"
	"time"
)

// Lists that bring too many reports near each other are cut, and that is told.
func TestTooManyNearReportsAreTold(t *testing.T) {
	defer func(n int) { mostBlock = n }(mostBlock)
	mostBlock = 1000
	day := time.Date(2014, 1, 1, 0, 0, 0, 0, time.UTC)
	var list []Report
	for i := range 150 {
		list = append(list, Report{ID: fmt.Sprint(i), From: day, To: day, Place: "Kabul"})
	}
	res := Link(list, list, BestF1)
	if res.Compared != 1050 || res.Uncompared != 143 {
		t.Errorf("%d pairs compared, %d reports not", res.Compared, res.Uncompared)
	}
}
