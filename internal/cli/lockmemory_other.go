//go:build !linux

package cli

import "log/slog"

// guardMemory locks memory on Linux alone.
func guardMemory(log *slog.Logger) { log.Warn("keys may be swapped out: encrypt swap") }
