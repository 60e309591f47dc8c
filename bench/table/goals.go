package main

// goal is one row: a figure, what it must be, and the limit beside it.
type goal struct {
	work string
	goal string // in words
	figure
	limit   figure  // zero: none is measured
	ratio   float64 // of figure to limit; above 0 the goal is at least that, below 0 at most its negative
	atLeast float64 // of the figure; 0: no such goal
	atMost  float64
}

// figure is a value of a benchmark, times a factor where that is not 0.
type figure struct {
	bench, unit string
	factor      float64
	shown       string  // unit in the table; "" is unit
	inverse     float64 // where it is not 0, this over the value
	processors  bool    // times the processors used: what took them all, per core
}

const (
	us = 1e-3 // ns → µs
	ms = 1e-6 // ns → ms
	s  = 1e-9 // ns → s
)

// goals are those of the design, in its order.
var goals = []goal{
	{work: "TAXII ingest, batches of 1,000, one client", goal: "≥ 50 % of bare inserts; ≥ 6,300/s (10 × the best peer)", figure: figure{bench: "IngestBatches/clients=1", unit: "objects/s"},
		limit: figure{bench: "IngestBatches/clients=1", unit: "limit-objects/s"}, ratio: .5, atLeast: 6300},
	{work: "TAXII ingest, batches of 1,000, four clients", goal: "≥ 50 % of bare inserts", figure: figure{bench: "IngestBatches/clients=4", unit: "objects/s"},
		limit: figure{bench: "IngestBatches/clients=4", unit: "limit-objects/s"}, ratio: .5},
	{work: "TAXII ingest, one object a request, 16 clients", goal: "≥ 50 % of fdatasync from 16 writers", figure: figure{bench: "IngestSingles", unit: "objects/s"},
		limit: figure{bench: "IngestSingles", unit: "limit-objects/s"}, ratio: .5},
	{work: "TAXII read, pages of 1,000, scattered, four clients", goal: "≥ 20 × the best peer: ≥ 534 pages/s", figure: figure{bench: "Pages/rate/scattered/clients=4", unit: "pages/s"},
		limit: figure{bench: "Pages/rate/scattered/clients=4", unit: "limit-pages/s"}, atLeast: 534},
	{work: "TAXII page, deep, p99", goal: "≤ 20 ms", figure: figure{bench: "Pages/depth/all", unit: "ms-deep-p99", shown: "ms"}, atMost: 20},
	{work: "TAXII page, deep beside shallow", goal: "the same", figure: figure{bench: "Pages/depth/all", unit: "ms-deep", shown: "ms"},
		limit: figure{bench: "Pages/depth/all", unit: "ms-shallow", shown: "ms"}, ratio: -1.25},
	{work: "STIX parse and validation, one core", goal: "≥ 30,000/s", figure: figure{bench: "Validate", unit: "objects/s"},
		limit: figure{bench: "Validate", unit: "limit-objects/s"}, atLeast: 30_000},
	{work: "gate decision with 50 rules, the whole passes", goal: "≤ 20 µs", figure: figure{bench: "DecideFull", unit: "ns/op", factor: us, shown: "µs"}, atMost: 20},
	{work: "gate decision with 50 rules and extract", goal: "", figure: figure{bench: "DecideTearline", unit: "ns/op", factor: us, shown: "µs"}},
	{work: "release of one, p50", goal: "≤ 1 ms", figure: figure{bench: "Release", unit: "p50-µs", shown: "µs"},
		limit: figure{bench: "Release", unit: "disk-p50-µs", shown: "µs"}, atMost: 1000},
	{work: "release in bulk", goal: "≥ 10,000/s", figure: figure{bench: "ReleaseMany", unit: "releases/s"},
		limit: figure{bench: "ReleaseMany", unit: "limit/s"}, atLeast: 10_000},
	{work: "parcel: verify and apply", goal: "≥ 20,000 events/s", figure: figure{bench: "Backlog", unit: "events/s"},
		limit: figure{bench: "Backlog", unit: "limit/s"}, atLeast: 20_000},
	{work: "parcel: 100,000 events at 10 Mbit/s", goal: "≤ 16 s", figure: figure{bench: "Backlog", unit: "s/100k-at-10Mbit/s", shown: "s"}, atMost: 16},
	{work: "parcel file, a million events, taken in (extrapolated from PARLEY_STICK)", goal: "< 120 s", figure: figure{bench: "Stick", unit: "events/s", inverse: 1e6, shown: "s"}, atMost: 120},
	{work: "audit of a log, per core", goal: "≥ 500,000 events/s/core", figure: figure{bench: "Audit", unit: "events/s/core"},
		limit: figure{bench: "Audit", unit: "limit/s/core"}, atLeast: 500_000},
	{work: "audit of a log, memory", goal: "≤ 16 MB", figure: figure{bench: "Audit", unit: "MB"}, atMost: 16},
	{work: "audit of ten million events (extrapolated)", goal: "≤ 10 s", figure: figure{bench: "Audit", unit: "events/s", inverse: 1e7, shown: "s"}, atMost: 10},
	{work: "audit in memory, leaves alone, one core", goal: "", figure: figure{bench: "AuditLeaves/closed", unit: "leaves/s"},
		limit: figure{bench: "AuditLeaves/closed-sha256", unit: "leaves/s"}},
	{work: "match: precompute, per item and core", goal: "≤ 45 µs/item/core", figure: figure{bench: "Precompute/parley", unit: "ns/op", factor: us, shown: "µs", processors: true},
		limit: figure{bench: "Precompute/scalar_multiplication", unit: "ns/op", factor: us, shown: "µs"}, atMost: 45},
	{work: "match: 100 values, both sides, processor time", goal: "≤ 15 ms", figure: figure{bench: "Question/100/both_sides", unit: "CPU-ms", shown: "ms"}, atMost: 15},
	{work: "match: publication", goal: "≤ 4.3 B/entry", figure: figure{bench: "Filter/open", unit: "B/entry"}, atMost: 4.3},
	{work: "deconfliction, 512 cells, processor time of a side", goal: "≤ 64 ms", figure: figure{bench: "Side", unit: "CPU-ms/side", shown: "ms"}, atMost: 64},
	{work: "watch: forecast of 100 areas and 20 years of weeks", goal: "< 1 s", figure: figure{bench: "Report", unit: "ns/op", factor: s, shown: "s"}, atMost: 1},
	{work: "watch: whole rolling-origin evaluation", goal: "< 60 s", figure: figure{bench: "Evaluate", unit: "ns/op", factor: s, shown: "s"}, atMost: 60},
	{work: "memory of a node, idle", goal: "≤ 60 MB", figure: figure{bench: "Memory", unit: "MB-idle", shown: "MB"}, atMost: 60},
	{work: "memory of a node, taking in", goal: "≤ 150 MB with 1 M objects", figure: figure{bench: "Memory", unit: "MB-adding", shown: "MB"}, atMost: 150},
	{work: "memory of a node, four read and one adds", goal: "≤ 150 MB with 1 M objects", figure: figure{bench: "Memory", unit: "MB-mixed", shown: "MB"}, atMost: 150},
}

// curves are benchmarks by size, and the units of them that must not grow faster
// than the logarithm of the size.
var curves = []struct {
	title, prefix string
	units         []string
}{
	{"Objects stored and released", "Growth/", []string{"release-p50-µs", "disk-p50-µs", "proof-p50-µs", "list100-p50-µs", "ingest1000-p50-µs"}},
	{"Accords in force", "Accords/", []string{"release-p50-µs", "disk-p50-µs"}},
	{"Values in a filter", "Selectors/", []string{"ns/op", "B/entry"}},
}
