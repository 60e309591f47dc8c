package node

import (
	"testing"
	"time"
)

// A partner that does not answer is tried ever less often, and never given up.
func TestBackOff(t *testing.T) {
	pause, sum := 10*time.Second, time.Duration(0)
	for range 20 {
		if next := backOff(pause); next < pause || next > maxPause {
			t.Fatalf("after %v comes %v", pause, next)
		}
		pause = backOff(pause)
		sum += pause
	}
	if pause != maxPause || sum < time.Hour {
		t.Errorf("after 20 tries the pause is %v, %v in all", pause, sum)
	}
}
