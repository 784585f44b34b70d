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
	sheet   *Sheet        // of frame; nil where there is none
	skipped uint32        // since the last Take
}

// offer takes a frame from the bus. A picture that is not live does not count against the viewer's rate, so that the
// first live one is not held back by it.
func (s *Slot) offer(f *camera.Frame, sheet *Sheet, now time.Time) {
	if !f.NotLive && !s.limiter.Allow(now) {
		s.mu.Lock()
		s.skipped++
		s.mu.Unlock()
		return
	}
	s.put(f, sheet)
}

func (s *Slot) put(f *camera.Frame, sheet *Sheet) {
	s.mu.Lock()
	if s.frame != nil {
		s.skipped++
	}
	s.sheet.Release()
	s.frame, s.sheet = f, nil
	if !s.closed.Load() { // else nobody would release it
		s.sheet = sheet.retain()
	}
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
	f, sheet, skipped := s.TakeSheet()
	sheet.Release()
	return f, skipped
}

// TakeSheet is Take with the picture's sheet, which the caller releases; nil where there is none.
func (s *Slot) TakeSheet() (f *camera.Frame, sheet *Sheet, skipped uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.frame == nil {
		return nil, nil, 0
	}
	f, sheet, skipped = s.frame, s.sheet, s.skipped
	s.frame, s.sheet, s.skipped = nil, nil, 0
	return f, sheet, skipped
}

// Close ends it; the last viewer of a picture ends its lease. It may be called more than once.
func (s *Slot) Close() {
	if s.closed.CompareAndSwap(false, true) {
		s.channel.hub.leave(s)
		s.drop()
	}
}

func (s *Slot) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sheet.Release()
	s.sheet = nil
}
