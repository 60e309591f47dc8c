// Package bench measures the node against the machine's own limits, in the
// same run, and reports the ratio: goals are ratios, since machines differ.
//
//	go test -run '^$' -bench . ./bench
//
// Objects are the ATT&CK bundles in the folder that PARLEY_DATA names (default:
// shared/data beside the repository); without them the benchmarks are skipped
// and say so. PARLEY_BENCH_OBJECTS is how many objects the paging benchmarks
// store (default 100,000).
//
// `make bench` runs these and the benchmarks that stand beside what they measure,
// and bench/table makes one table of them all.
package bench
