package psi

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// grain is how many items a core takes at a time.
const grain = 16

// each calls fn for 0 … n-1 on all cores. It returns the error of the lowest
// index that failed; others may not have run.
func each(n int, fn func(i int) error) error {
	return eachRange(n, func(from, to int) (int, error) {
		for i := from; i < to; i++ {
			if err := fn(i); err != nil {
				return i, err
			}
		}
		return 0, nil
	})
}

// eachRange calls fn for ranges of at most grain that cover 0 … n-1. fn
// returns the index that failed with its error.
func eachRange(n int, fn func(from, to int) (int, error)) error {
	workers := min(runtime.GOMAXPROCS(0), (n+grain-1)/grain)
	var (
		next   atomic.Int64
		mu     sync.Mutex // guards failed and first
		failed error
		first  = n
		wg     sync.WaitGroup
		work   = func() {
			for {
				from := int(next.Add(grain)) - grain
				if from >= n {
					return
				}
				if at, err := fn(from, min(from+grain, n)); err != nil {
					next.Store(int64(n))
					mu.Lock()
					if at < first {
						first, failed = at, err
					}
					mu.Unlock()
					return
				}
			}
		}
	)
	for range workers - 1 {
		wg.Go(work)
	}
	work()
	wg.Wait()
	return failed
}

// both calls f and g at the same time.
func both(f, g func()) {
	var wg sync.WaitGroup
	wg.Go(g)
	f()
	wg.Wait()
}
