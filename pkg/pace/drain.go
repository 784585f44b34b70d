package pace

import "time"

const (
	// slack is how much a connection may hold besides what the way itself holds: enough to keep it busy from one look to the next.
	slack = 50 * time.Millisecond

	// drainFloor is what may always be outstanding, bytes: the last segment of a picture may be acknowledged late on purpose
	// (RFC 9293 section 3.8.6.3).
	drainFloor = 4 << 10

	sampleTime = 50 * time.Millisecond // over which a rate is measured
	waitMin    = time.Millisecond
	waitMax    = 50 * time.Millisecond
)

// Drain tells when a connection has drained so far that the next picture may be chosen: when what it holds would leave within
// slack and the round trip, at the rate at which it has drained lately. So the way is never idle, and no picture waits behind
// others. The zero value is a connection of which nothing is known. It belongs to one goroutine.
type Drain struct {
	written int64   // bytes, ever
	rate    float64 // bytes per second; 0: not known yet

	began time.Time // of the sample
	gone  int64     // bytes that had left when it began
	busy  bool      // something has been outstanding since then
	moves bool      // and some of it has left: before, a round trip would count as a standstill

	left int64         // bytes that had left at the last look
	wait time.Duration // what it said
}

// Write counts bytes that are handed to the connection.
func (d *Drain) Write(bytes int) { d.written += int64(bytes) }

// Written is how many bytes that were.
func (d *Drain) Written() int64 { return d.written }

// Rate is how many bytes per second leave while there are some; 0 when that is not known.
func (d *Drain) Rate() float64 { return d.rate }

// Look takes how many bytes are outstanding, sent or not, and not acknowledged, and the way's round trip when it is idle. It
// returns 0 when the next picture may be handed over, else when to look again.
func (d *Drain) Look(now time.Time, outstanding int, trip time.Duration) time.Duration {
	left := d.written - int64(outstanding)
	d.sample(now, left, outstanding > 0)
	stuck := left == d.left
	d.left = left
	most := max(drainFloor, int(d.rate*(trip+slack).Seconds()))
	if outstanding <= most {
		d.wait = 0
		return 0
	}
	switch {
	case stuck:
		d.wait *= 2
	case d.rate > 0:
		d.wait = time.Duration(float64(outstanding-most) / d.rate * float64(time.Second))
	default:
		d.wait = waitMin
	}
	d.wait = min(max(d.wait, waitMin), waitMax)
	return d.wait
}

func (d *Drain) sample(now time.Time, left int64, busy bool) {
	if !busy || !d.busy || !d.moves && left == d.gone {
		d.moves = false
		d.begin(now, left, busy)
		return
	}
	if !d.moves {
		d.moves = true
		d.begin(now, left, true)
		return
	}
	span := now.Sub(d.began)
	if span < sampleTime {
		return
	}
	rate := float64(left-d.gone) / span.Seconds()
	if d.rate > 0 {
		rate = d.rate + (rate-d.rate)/4
	}
	d.rate = rate
	d.begin(now, left, true)
}

func (d *Drain) begin(now time.Time, left int64, busy bool) {
	d.began, d.gone, d.busy = now, left, busy
}
