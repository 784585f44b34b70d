package fanout

import (
	"sync"
	"sync/atomic"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/pace"
)

// Slot is where one viewer's stream finds the newest frame of what it watches. It holds one frame: a newer one replaces
// it, so a slow viewer gets fewer frames, never older ones, and holds up nobody.
type Slot struct {
	Camera    camera.ID
	Rendition camera.Rendition

	owner   any
	channel *channel
	fps     float64 // 0: all
	limiter *pace.Limiter
	wake    func() // never blocks
	closed  atomic.Bool

	mu      sync.Mutex
	frame   *camera.Frame // nil: nothing new
	skipped uint32        // since the last Take
}

// offer takes a frame from the bus. A picture that is not live does not count against the viewer's rate, so that the
// first live one is not held back by it.
func (s *Slot) offer(f *camera.Frame, now time.Time) {
	if !f.NotLive && !s.limiter.Allow(now) {
		s.mu.Lock()
		s.skipped++
		s.mu.Unlock()
		return
	}
	s.put(f)
}

func (s *Slot) put(f *camera.Frame) {
	s.mu.Lock()
	if s.frame != nil {
		s.skipped++
	}
	s.frame = f
	s.mu.Unlock()
	s.wake()
}

// Peek returns what Take would.
func (s *Slot) Peek() *camera.Frame {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.frame
}

// Ready reports whether Take would give a frame.
func (s *Slot) Ready() bool { return s.Peek() != nil }

// Take empties the slot: the newest frame, nil when there is no new one, and how many have been passed over since the
// last Take that gave one.
func (s *Slot) Take() (f *camera.Frame, skipped uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.frame == nil {
		return nil, 0
	}
	f, skipped = s.frame, s.skipped
	s.frame, s.skipped = nil, 0
	return f, skipped
}

// Close ends it; the last viewer of a picture ends its lease. It may be called more than once.
func (s *Slot) Close() {
	if s.closed.CompareAndSwap(false, true) {
		s.channel.hub.leave(s)
	}
}
