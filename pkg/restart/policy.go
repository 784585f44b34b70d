// Package restart decides when a process that failed is started again.
//
// The contract: the first failure is answered at once, the next after 1 s, doubling to 60 s, each ±20 %. Failures are
// forgotten after 60 s of health (for a grabber: flowing frames). Five failures within 60 s are a crash loop: visible, and
// still retried, at the longest wait. A manual restart forgets everything. Exit code 78 is not a failure to be retried: the
// process waits for a new configuration.
package restart

import (
	"math/rand/v2"
	"time"
)

// Numbers of the contract.
const (
	First      = time.Second
	Longest    = time.Minute
	Jitter     = 0.2
	Forget     = time.Minute
	LoopCount  = 5
	LoopWindow = time.Minute
)

// Policy counts the failures of one process. It has no goroutine and is not safe for concurrent use.
type Policy struct {
	failures int                  // since the last time all was well
	recent   [LoopCount]time.Time // the newest failures, a ring
	loop     bool
	healthy  time.Time // since when it works, zero: it does not
}

// Healthy notes that the process did its work at now. It is told again and again.
func (p *Policy) Healthy(now time.Time) {
	if p.healthy.IsZero() {
		p.healthy = now
	}
	if now.Sub(p.healthy) >= Forget {
		*p = Policy{healthy: p.healthy}
	}
}

// Unhealthy notes that the process runs but does not do its work.
func (p *Policy) Unhealthy() { p.healthy = time.Time{} }

// Failed notes that the process ended at now, and says how long to wait before it is started again and whether this is a
// crash loop.
func (p *Policy) Failed(now time.Time) (wait time.Duration, loop bool) {
	if !p.healthy.IsZero() {
		p.Healthy(now)
	}
	p.healthy = time.Time{}
	p.recent[p.failures%LoopCount] = now
	p.failures++
	if oldest := p.recent[p.failures%LoopCount]; p.failures >= LoopCount && now.Sub(oldest) <= LoopWindow {
		p.loop = true
	}
	switch {
	case p.loop:
		return jitter(Longest), true
	case p.failures == 1:
		return 0, false
	}
	return jitter(min(First<<min(p.failures-2, 6), Longest)), false
}

// Reset forgets all failures.
func (p *Policy) Reset() { *p = Policy{} }

func jitter(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (1 - Jitter + 2*Jitter*rand.Float64()))
}
