package node

import (
	"os"
	"runtime/debug"
)

// softMemory is how much memory of Go the collector tries to stay within, in
// bytes. SQLite's own, some 50 MB under load, and the program come on top;
// together they stay below the 150 MB that a node may take.
const softMemory = 64 << 20

// SaveMemory makes a process that serves a node collect garbage more often
// when it holds much, in place of growing to twice what it needs. The variable
// GOMEMLIMIT says otherwise.
func SaveMemory() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(softMemory)
	}
}
