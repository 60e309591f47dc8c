package watch_test

import (
	"fmt"
	"time"

	"parley.example/parley/incident"
	"parley.example/parley/watch"
)

func Example() {
	// Three years of an attack every tenth week, then eleven quiet weeks.
	var all []incident.Incident
	first := time.Date(2020, 1, 6, 0, 0, 0, 0, time.UTC)
	for week := 0; week < 150; week += 10 {
		all = append(all, incident.Incident{
			ID: fmt.Sprint(week), Start: first.AddDate(0, 0, 7*week), End: first.AddDate(0, 0, 7*week),
			DatePrecision: incident.Day, Admin1: "Balochistan", PlacePrecision: incident.Exact,
			Classes: []incident.Class{incident.Civilian}, Kind: incident.Bombing,
		})
	}
	r, err := watch.NewReport(all, watch.ByArea, first.AddDate(0, 0, 7*152), 4, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	c := r.Cards[0]
	fmt.Printf("%s: %d attacks, P = %.2f, %d to %d within %d weeks\n", c.Area, c.Total, c.P, c.Low, c.High, r.Horizon)
	fmt.Println(c.Lull.Text)
	// Output:
	// Balochistan: 15 attacks, P = 0.50, 0 to 3 within 4 weeks
	// Quiet for 11 weeks. After at least 8 quiet weeks, an attack followed within 4 weeks in 100 % of 10 cases; a smoothed rate said 17 %. Quiet is not safety.
}
