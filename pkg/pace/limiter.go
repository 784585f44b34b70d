// Package pace decides how fast pictures flow: it thins a stream evenly, measures one, and holds one to what a viewer
// takes, without goroutines, timers or memory that grows.
package pace

import (
	"sync"
	"time"
)

// Limiter lets at most so many events per second pass, spread evenly. Each event that passes moves the due time of the
// next one on by a period, so nothing drifts; an event may come somewhat before or after its due time, so a source of just
// that rate loses nothing though its pictures jitter by 30 % of a period. After a pause up to three may pass close together.
// The zero value lets everything pass. It is safe for use by many goroutines.
type Limiter struct {
	mu     sync.Mutex
	period time.Duration // 0: everything passes
	due    time.Time     // of the next event; zero before the first
}

// NewLimiter makes a limiter to fps events per second; with 0 or less everything passes.
func NewLimiter(fps float64) *Limiter {
	l := new(Limiter)
	l.SetFPS(fps)
	return l
}

// SetFPS changes the rate from the next event on.
func (l *Limiter) SetFPS(fps float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.period = 0
	if ns := float64(time.Second) / fps; ns >= 1 && ns < float64(1<<62) {
		l.period = time.Duration(ns)
	}
}

// Allow tells whether the event at now passes. Give it the times of all events, in order.
func (l *Limiter) Allow(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.period == 0 {
		return true
	}
	// Early by 0.65 and late by 0.75 of a period: the first holds a jitter of 30 % either way; both together are longer
	// than the longest gap in a faster source that jitters as much, or else thinning it would lose more than it must.
	early, late := l.period/20*13, l.period/4*3
	ahead := l.due.Sub(now)
	if l.due.IsZero() || ahead > 2*l.period { // the first; or the rate was raised, or the clock set back
		l.due, ahead = now, 0
	}
	if ahead > early {
		return false
	}
	if ahead < -late { // after a pause nothing is made up for
		l.due = now.Add(-late)
	}
	l.due = l.due.Add(l.period)
	return true
}
