package node

import (
	"runtime"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
)

// auditLine checks stretches of a log on every processor while the next ones are
// read, and sums up what was found in the order of the log.
type auditLine struct {
	accord, party string
	sum           func(*checked) error
	queue         []*checked // not summed up yet, in the order of the log
}

// checked is a stretch of a log, checked or being so.
type checked struct {
	first      int64
	hashes     []tlog.Hash // of the leaves
	faults     []error     // of each entry
	opened     int
	from       int       // the first entry that reads
	begin, end time.Time // what it and the last one claim; zero where none reads
	done       chan struct{}
}

func newAuditLine(accord, party string, sum func(*checked) error) *auditLine {
	return &auditLine{accord: accord, party: party, sum: sum}
}

// take hands a stretch over to be checked; it waits while each processor has one.
func (l *auditLine) take(first int64, entries []store.LogEntry) error {
	c := &checked{first: first, done: make(chan struct{})}
	l.queue = append(l.queue, c)
	go c.check(ledger.NewAuditor(l.accord, l.party), entries)
	if len(l.queue) <= runtime.GOMAXPROCS(0) {
		return nil
	}
	return l.next()
}

// next sums up the oldest stretch.
func (l *auditLine) next() error {
	c := l.queue[0]
	l.queue = l.queue[1:]
	<-c.done
	return l.sum(c)
}

// close sums up what is left. It waits for every check also after a failure.
func (l *auditLine) close() (err error) {
	for len(l.queue) > 0 {
		if err == nil {
			err = l.next()
			continue
		}
		<-l.queue[0].done
		l.queue = l.queue[1:]
	}
	return err
}

func (c *checked) check(a *ledger.Auditor, entries []store.LogEntry) {
	defer close(c.done)
	c.hashes, c.faults = make([]tlog.Hash, len(entries)), make([]error, len(entries))
	for i, e := range entries {
		var event []byte
		if e.Opened {
			c.opened++
			event = e.Event.Bytes
		}
		c.faults[i] = a.Check(e.Leaf, event, e.Event.Salt)
		c.hashes[i] = a.Hash(e.Leaf)
		if c.begin.IsZero() {
			c.from, c.begin = i, a.Last()
		}
	}
	c.end = a.Last()
}
