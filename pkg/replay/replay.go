// Package replay says when each picture of a recording is due, so that it plays at its own speed on a steady clock.
package replay

import "time"

// Pacer is the clock of one recording. The zero value is ready.
type Pacer struct {
	due   time.Time     // of the picture before
	stamp time.Duration // of the picture before, in its recording
	again bool          // the next picture begins the recording again: its stamp says nothing
}

const (
	longestStep = 2 * time.Second // a longer one in the stamps is a hole in the recording
	mostBehind  = time.Second     // more is not caught up: pictures in a rush help nobody
)

// Restart says that the next picture is the first of the recording again.
func (p *Pacer) Restart() { p.again = true }

// Next returns when a picture is due that was read at now and is stamped stamp. step is the time between two pictures
// where the stamps do not tell.
func (p *Pacer) Next(now time.Time, stamp, step time.Duration) time.Time {
	forward := stamp - p.stamp
	if p.again || forward < time.Millisecond || forward > longestStep {
		forward = step
	}
	p.stamp, p.again = stamp, false
	if p.due.IsZero() || now.Sub(p.due.Add(forward)) > mostBehind {
		p.due = now
		return now
	}
	p.due = p.due.Add(forward)
	return p.due
}
