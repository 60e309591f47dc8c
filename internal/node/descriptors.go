package node

import (
	"net"
	"syscall"

	"golang.org/x/net/netutil"
)

// Bounded keeps the connections of a listener within an eighth, times parts, of the
// file descriptors that this process may have; more wait to be accepted. Who opens
// thousands of connections to one front so leaves the others, and the database, what
// they need.
func Bounded(l net.Listener, parts int) net.Listener {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur > 1<<20 {
		limit.Cur = 1 << 20
	}
	return netutil.LimitListener(l, max(8, int(limit.Cur)/8*parts))
}
