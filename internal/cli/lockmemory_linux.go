package cli

import (
	"log/slog"
	"os"
	"syscall"
)

// From <bits/mman.h> and <sys/resource.h>; package syscall leaves them out.
const (
	mclCurrent   = 1
	mclFuture    = 2
	mclOnFault   = 4 // Linux 4.4
	rlimitMemory = 8 // RLIMIT_MEMLOCK
)

// guardMemory keeps a process whose keys are sealed on disk from leaving them there by
// another way: no core is dumped, and no memory is swapped out where the system allows
// to lock it. Pages are locked as they are touched, so it takes no more than without.
func guardMemory(log *slog.Logger) {
	_ = syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}) // lowering is always allowed
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(rlimitMemory, &limit); err != nil || limit.Cur != ^uint64(0) && os.Geteuid() != 0 {
		// With a limit, locking what is allocated later would end the process.
		log.Warn("keys may be swapped out: set LimitMEMLOCK=infinity for this process (ulimit -l unlimited), or encrypt swap")
		return
	}
	if err := syscall.Mlockall(mclCurrent | mclFuture | mclOnFault); err != nil {
		log.Warn("keys may be swapped out: memory cannot be locked", "error", err)
	}
}
