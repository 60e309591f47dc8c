package node

import (
	"fmt"
	"sync"

	"parley.example/parley/internal/store"
	"parley.example/parley/taxii"
)

// cachedBytes bounds the objects that a pageCache holds, and cachedPage those
// of one page of it.
const (
	cachedBytes = 24 << 20
	cachedPage  = 4 << 20
)

// pageCache keeps pages that were read lately: many clients crawl the same
// collection from its beginning. A full page stays the same until a version is
// removed or superseded (store.Tx.Removals); pages that are not full are never
// kept. Its zero value is ready.
type pageCache struct {
	mu    sync.Mutex // guards the rest
	at    int64      // Removals when the pages were read
	pages map[string]taxii.Page
	order []string // oldest first
	bytes int
}

// list is listPage from memory where that is possible. Callers must not change
// what it returns.
func (c *pageCache) list(tx store.Tx, in store.Collection, q taxii.Query) (taxii.Page, error) {
	if !q.Bytes || len(q.IDs) > 0 {
		return listPage(tx, in, q)
	}
	now, err := tx.Removals()
	if err != nil {
		return taxii.Page{}, err
	}
	key := fmt.Sprintf("%+q %+v", in, q)
	c.mu.Lock()
	page, ok := c.pages[key]
	ok = ok && c.at == now
	c.mu.Unlock()
	if ok {
		return page, nil
	}
	page, err = listPage(tx, in, q)
	if err == nil && page.More {
		c.keep(key, page, now)
	}
	return page, err
}

func (c *pageCache) keep(key string, page taxii.Page, at int64) {
	size := pageSize(page)
	if size > cachedPage {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if at < c.at {
		return // a newer snapshot has been seen
	}
	if at > c.at || c.pages == nil {
		c.at, c.pages, c.order, c.bytes = at, make(map[string]taxii.Page), nil, 0
	}
	if _, there := c.pages[key]; there {
		return
	}
	c.pages[key], c.bytes = page, c.bytes+size
	c.order = append(c.order, key)
	for c.bytes > cachedBytes {
		oldest := c.order[0]
		c.bytes -= pageSize(c.pages[oldest])
		delete(c.pages, oldest)
		c.order = c.order[1:]
	}
}

func pageSize(p taxii.Page) (n int) {
	for _, r := range p.Records {
		n += len(r.Bytes) + 100
	}
	return n
}
