package psi_test

import (
	"context"
	"fmt"

	"parley.example/parley/psi"
)

func Example() {
	info := psi.Info{Accord: "3f2a", Epoch: 1, Kind: "phone", Normaliser: "phone/1"}

	// The holder makes a key, evaluates what it holds and publishes a filter.
	key, _ := psi.GenerateKey(nil)
	holder, _ := psi.NewHolder(key, info)
	outputs, _ := holder.Evaluate(context.Background(), [][]byte{[]byte("+93700000001"), []byte("+93700000002")}, nil)
	published, _ := holder.Filter(outputs, 0)

	// The asker blinds its list; the holder answers it unseen.
	list := [][]byte{[]byte("+93700000002"), []byte("+923000000001")}
	question, message, _ := psi.NewQuestion(nil, info, key.Public(), list, 0)
	answer, _ := holder.Answer(nil, message)

	// The asker checks the proof and looks the outputs up.
	results, err := question.Finalize(answer)
	if err != nil {
		fmt.Println(err)
		return
	}
	filter, _ := psi.OpenFilter(published)
	for i, r := range results {
		fmt.Printf("%s %v\n", list[i], filter.Contains(r))
	}
	// Output:
	// +93700000002 true
	// +923000000001 false
}
