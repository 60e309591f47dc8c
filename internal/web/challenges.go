package web

import (
	"sync"
	"time"
)

// challenges remembers what was asked of browsers that are about to sign in, in
// memory: for a few minutes, once, and a bounded number, as nobody is signed in
// who asks.
type challenges[T any] struct {
	mu  sync.Mutex
	now func() time.Time
	all map[string]challenge[T]
}

type challenge[T any] struct {
	value T
	until time.Time
}

const (
	challengeLife = 5 * time.Minute
	maxChallenges = 1000
)

// put keeps a challenge; where there are too many the oldest goes.
func (c *challenges[T]) put(key string, value T) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if c.all == nil {
		c.all = make(map[string]challenge[T])
	}
	var oldest string
	for k, v := range c.all {
		if now.After(v.until) {
			delete(c.all, k)
		} else if oldest == "" || v.until.Before(c.all[oldest].until) {
			oldest = k
		}
	}
	if len(c.all) >= maxChallenges {
		delete(c.all, oldest)
	}
	c.all[key] = challenge[T]{value, now.Add(challengeLife)}
}

// take returns a challenge and forgets it.
func (c *challenges[T]) take(key string) (value T, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, ok := c.all[key]
	delete(c.all, key)
	return v.value, ok && !c.now().After(v.until)
}
