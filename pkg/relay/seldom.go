package relay

import (
	"sync"
	"time"
)

// seldomEvery is how often the log is told of what strangers can bring about as often as they like.
const seldomEvery = time.Minute

// seldom tells when it is time to say something again. The zero value is ready.
type seldom struct {
	mu   sync.Mutex
	last time.Time
}

func (s *seldom) due() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if !s.last.IsZero() && now.Sub(s.last) < seldomEvery {
		return false
	}
	s.last = now
	return true
}
