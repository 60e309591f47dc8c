package node_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"parley.example/parley/internal/node"
)

// growthSizes are how much is stored where a curve is measured: 10,000 and 100,000,
// or what PARLEY_GROWTH lists, as in 10000,100000,1000000.
func growthSizes(b *testing.B) (sizes []int) {
	b.Helper()
	list := os.Getenv("PARLEY_GROWTH")
	if list == "" {
		list = "10000,100000"
	}
	for s := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(s))
		if err != nil {
			b.Fatalf("PARLEY_GROWTH: %v", err)
		}
		sizes = append(sizes, n)
	}
	return sizes
}

// BenchmarkGrowth is what single acts take where as many objects are stored and as
// many were released under one accord: at most logarithmic in that. The disk's own
// time stands beside.
func BenchmarkGrowth(b *testing.B) {
	const each = 200
	for _, n := range growthSizes(b) {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			north, id, objects := bench(b, n)
			for at := 0; at < n; at += 10_000 {
				got, err := north.ReleaseMany(b.Context(), node.ReleaseManyAsk{Objects: objects[at:min(at+10_000, n)], Accord: id, Purpose: "protection"})
				if err != nil || got.Withheld > 0 {
					b.Fatalf("%d withheld, %v", got.Withheld, err)
				}
			}
			disk := newBareDisk(b)
			var release, bare, ingest, proof, list []time.Duration
			for round := 0; b.Loop(); round++ {
				for i := range each {
					at := time.Now()
					rel, err := north.ReleaseObject(b.Context(), node.ReleaseAsk{Object: objects[(round*each+i)*7919%n], Accord: id, Purpose: "protection"})
					if err != nil || !rel.Released {
						b.Fatalf("%+v, %v", rel, err)
					}
					release = append(release, time.Since(at))
					bare = append(bare, disk.write())
				}
				for i := range each / 4 {
					at := time.Now()
					if _, err := north.Receipt(b.Context(), "parley/"+id+"/north", int64(1+(round*each+i)*7919%n)); err != nil {
						b.Fatal(err)
					}
					proof = append(proof, time.Since(at))
					at = time.Now()
					if _, _, err := north.Incidents(b.Context(), node.IncidentFilter{Limit: 100}); err != nil {
						b.Fatal(err)
					}
					list = append(list, time.Since(at))
				}
				at := time.Now()
				got, err := north.ImportFile(b.Context(), strings.NewReader(manyReports(fmt.Sprintf("g%d-%d", n, round), 1000)), "", nil)
				if err != nil || got.Taken != 1000 {
					b.Fatalf("%+v, %v", got, err)
				}
				ingest = append(ingest, time.Since(at))
			}
			b.ReportMetric(0, "ns/op")
			reportTimes(b, "release-", release)
			reportTimes(b, "disk-", bare)
			reportTimes(b, "proof-", proof)
			reportTimes(b, "list100-", list)
			reportTimes(b, "ingest1000-", ingest)
		})
	}
}

// BenchmarkAccords is a release under one of many accords that are in force.
func BenchmarkAccords(b *testing.B) {
	for _, n := range []int{1, 8, 64} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			north, south, first, objects := benchPair(b, 1000, nil)
			ids := []string{first}
			for i := 1; i < n; i++ {
				ids = append(ids, agree(b, north, south, fmt.Sprintf("d%d", i)))
			}
			disk := newBareDisk(b)
			var took, bare []time.Duration
			for i := 0; b.Loop(); i++ {
				at := time.Now()
				rel, err := north.ReleaseObject(b.Context(), node.ReleaseAsk{Object: objects[i%len(objects)], Accord: ids[i%n], Purpose: "protection"})
				if err != nil || !rel.Released {
					b.Fatalf("%+v, %v", rel, err)
				}
				took = append(took, time.Since(at))
				bare = append(bare, disk.write())
			}
			reportTimes(b, "release-", took)
			reportTimes(b, "disk-", bare)
		})
	}
}
