package node

import "sync"

// changes tells that something was written, to whoever waits: a counter that
// only grows, and a channel that is closed when it does.
type changes struct {
	mu   sync.Mutex
	n    int64
	next chan struct{}
}

func (c *changes) tell() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	if c.next != nil {
		close(c.next)
		c.next = nil
	}
}

// Changed returns how often something was written since the node was opened,
// and a channel that is closed at the next time. Sessions of browsers do not
// count: looking is no change.
func (n *Node) Changed() (int64, <-chan struct{}) {
	c := &n.changes
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.next == nil {
		c.next = make(chan struct{})
	}
	return c.n, c.next
}
