package incident_test

import (
	"fmt"
	"strings"

	"parley.example/parley/incident"
)

func Example() {
	const file = `id,date,title,place,admin1,country,lat,lon,class,kind,killed,source,reliability,credibility
A-1,2024-03-26,Bomb at the market,Khuzdar,Balochistan,Pakistan,27.81,66.61,civilian,bombing,3,Daily paper,B,2
A-2,2024-02-30,No such day,Quetta,Balochistan,Pakistan,30.18,66.99,state,shelling,dozens,Wire,C,3
`
	err := incident.ReadCSV(strings.NewReader(file), incident.ParleyMapping(), func(row int, in incident.Incident, err error) error {
		if err != nil {
			fmt.Println(err)
			return nil
		}
		raw, err := in.STIX("")
		if err != nil {
			return err
		}
		back, err := incident.FromSTIX(raw)
		fmt.Println(row, back.Title, back.Classes, *back.Killed.Best, back.Sources[0].Name, back.Sources[0].Reliability)
		return err
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// 1 Bomb at the market [civilian] 3 Daily paper B
	// row 2 (line 3): date "2024-02-30": does not exist in the calendar; killed "dozens": is not a whole number
}
