package execcam

import (
	"os"
	"syscall"
	"time"
)

const (
	grace      = time.Second           // between SIGTERM and SIGKILL
	killTime   = 3 * time.Second       // until what survives SIGKILL (stuck in the kernel) is given up
	killPeriod = 20 * time.Millisecond // for what was killed to go, before a look at what is left
)

// endAll ends every descendant, politely first, unless they are or become too many for that: then watch kills them.
func endAll(empty, crowded <-chan struct{}) {
	if !over(crowded) {
		family := family{root: os.Getpid()}
		for _, pid := range family.look() {
			syscall.Kill(pid, syscall.SIGTERM)
		}
	}
	select {
	case <-empty:
	case <-time.After(grace):
		killAll(empty, killTime)
	case <-crowded:
		select {
		case <-empty:
		case <-time.After(crowdTime):
		}
	}
}

func over(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

// killAll ends every descendant without asking, as often as it takes: one that has just lost its parent may be missed.
func killAll(empty <-chan struct{}, limit time.Duration) {
	for giveUp := time.Now().Add(limit); time.Now().Before(giveUp); {
		for pid := range stopAll(giveUp) {
			syscall.Kill(pid, syscall.SIGKILL) // one that has ended since needs none
		}
		select {
		case <-empty:
			return
		case <-time.After(killPeriod):
		}
	}
}

// stopAll stops every descendant until there is no new one. What is stopped cannot fork, so none can outrun what comes next.
func stopAll(until time.Time) (stopped map[int]bool) {
	family := family{root: os.Getpid()}
	stopped = make(map[int]bool)
	for fresh := true; fresh && time.Now().Before(until); {
		fresh = false
		for _, pid := range family.look() {
			if !stopped[pid] {
				syscall.Kill(pid, syscall.SIGSTOP)
				stopped[pid], fresh = true, true
			}
		}
	}
	return stopped
}
