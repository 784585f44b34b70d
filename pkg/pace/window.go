package pace

import "time"

const (
	// WindowMin is how many pictures may always be on their way: one while the other is shown.
	WindowMin = 2
	windowMax = 32

	ackTimeout = 3 * time.Second  // after which one more is sent to a viewer that has stopped to acknowledge
	baseTime   = 10 * time.Second // for which a round trip counts as known
)

// Window tells how many pictures a viewer who acknowledges them may have on their way: two, and more only where the way is so
// long that they do not wait for each other on it. The waiting is what a picture's round trip takes more than that of one which
// is alone on the way; it stays below slack or so. The zero value is ready. It belongs to one goroutine.
type Window struct {
	more   int // beyond WindowMin
	flying [windowMax]flight
	n      int

	base    time.Duration // round trip of a picture alone
	known   time.Time     // when it was measured
	alone   bool          // the next picture is to be alone, to measure it again
	changed time.Time     // of more
}

type flight struct {
	seq   uint32
	at    time.Time
	alone bool
}

// Full tells whether the viewer has had enough for now.
func (w *Window) Full(now time.Time) bool {
	if w.n == 0 {
		return false
	}
	return (w.alone || w.n >= WindowMin+w.more) && now.Sub(w.flying[w.n-1].at) < ackTimeout
}

// Fly notes a picture that leaves.
func (w *Window) Fly(seq uint32, now time.Time) {
	if w.n >= WindowMin+w.more { // a viewer that does not acknowledge: the oldest is forgotten
		copy(w.flying[:], w.flying[1:w.n])
		w.n--
	}
	w.flying[w.n] = flight{seq, now, w.n == 0}
	w.n++
}

// Ack takes seq and all before it as arrived. Numbers of none that is on its way change nothing.
func (w *Window) Ack(seq uint32, now time.Time) {
	for i, f := range w.flying[:w.n] {
		if f.seq != seq {
			continue
		}
		full := w.n >= WindowMin+w.more
		w.n = copy(w.flying[:], w.flying[i+1:w.n])
		w.learn(f, full, now)
		return
	}
}

func (w *Window) learn(f flight, full bool, now time.Time) {
	trip := now.Sub(f.at)
	switch {
	case f.alone:
		w.base, w.known, w.alone = trip, now, false
	case !full: // the window was not what held pictures back
	case now.Sub(w.known) > baseTime:
		w.alone = true
	case now.Sub(w.changed) < trip: // not yet seen what the last change did
	case trip-w.base < slack/2 && WindowMin+w.more < windowMax:
		w.more, w.changed = w.more+1, now
	case trip-w.base > slack && w.more > 0:
		w.more, w.changed = w.more-1, now
		if drop := w.n - (WindowMin + w.more); drop > 0 {
			w.n = copy(w.flying[:], w.flying[drop:w.n])
		}
	}
}

// Reset forgets all: what is on its way and what was learnt belong to pictures that are not shown any more.
func (w *Window) Reset() { *w = Window{} }
