//go:build race

package sim_test

// hours of each simulation: the race detector makes each some ten times slower.
const hours = 12
