//go:build !race

package sim_test

// hours of each simulation.
const hours = 120
