package pace

import (
	"sync"
	"time"
)

const (
	slotLength = 250 * time.Millisecond
	slots      = 12 // whole ones in the window, beside the one that is being filled
)

// Meter tells how many events and bytes per second there were over the last three seconds or so (3 to 3.25 s; less after
// the first event). The zero value is ready, and safe for use by many goroutines.
type Meter struct {
	mu     sync.Mutex
	start  time.Time // of the first event
	newest int64     // slot being filled, counted from start
	ring   [slots + 1]slot
}

type slot struct {
	number int64
	events int64
	bytes  int64
}

// Add counts one event of so many bytes.
func (m *Meter) Add(now time.Time, bytes int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.start.IsZero() {
		m.start = now
	}
	m.newest = max(m.newest, m.slotAt(now)) // a clock that was set back counts into the newest
	s := &m.ring[m.newest%int64(len(m.ring))]
	if s.number != m.newest {
		*s = slot{number: m.newest}
	}
	s.events++
	s.bytes += int64(bytes)
}

// Rates are per second, 0 where nothing came lately.
func (m *Meter) Rates(now time.Time) (events, bytes float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.start.IsZero() {
		return 0, 0
	}
	current := max(m.slotAt(now), m.newest)
	first := max(current-slots, 0)
	for _, s := range m.ring {
		if s.number >= first {
			events += float64(s.events)
			bytes += float64(s.bytes)
		}
	}
	window := max(now.Sub(m.start)-time.Duration(first)*slotLength, slotLength).Seconds()
	return events / window, bytes / window
}

func (m *Meter) slotAt(now time.Time) int64 { return int64(now.Sub(m.start) / slotLength) }
