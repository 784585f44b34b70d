package grab

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/pace"
)

// state is what the grabber knows of its camera, from which it tells a State.
type state struct {
	news chan struct{} // one slot, shared by the inputs: the state of one is another

	mu         sync.Mutex
	now        camera.State
	err        string // for the user
	refused    bool   // err is about a user name and password
	in         pace.Meter
	decode     time.Duration // since the last beat
	decoded    int
	firstAt    time.Time // of the pictures since the source was last connected
	lastAt     time.Time
	changedAt  time.Time // of the last picture that differed from the one before, or of the last try to thaw
	disconnect context.CancelCauseFunc
	lastFailed string
	retryAt    time.Time // in Reconnecting
	damagedErr string
	damagedAt  time.Time
}

// damagedShown is how long a picture that could not be used is told of.
const damagedShown = 5 * time.Second

// become changes the state and has it told at once. The caller holds s.mu.
func (s *state) become(now camera.State, err string) {
	s.now, s.err, s.refused = now, err, false
	select {
	case s.news <- struct{}{}:
	default:
	}
}

func (s *state) live() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now == camera.Live
}

func (s *state) connecting(disconnect context.CancelCauseFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.disconnect = disconnect
	s.firstAt = time.Time{}
}

func (s *state) picture(now time.Time, changed bool, decode time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.in.Add(now, 0)
	if decode > 0 {
		s.decode += decode
		s.decoded++
	}
	s.lastAt = now
	if s.firstAt.IsZero() {
		s.firstAt = now
	}
	if changed || s.changedAt.IsZero() || s.now != camera.Live && s.now != camera.Frozen {
		s.changedAt = now // after a pause the same picture is news
	}
	if s.now != camera.Live && (changed || s.now != camera.Frozen) {
		s.become(camera.Live, "")
		s.lastFailed = ""
	}
}

// flowed returns when the first and last picture came since the source was connected.
func (s *state) flowed() (first, last time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.firstAt, s.lastAt
}

// failed notes why there are no pictures and after which wait it is tried again, and reports whether the reason is news.
func (s *state) failed(err error, wait time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retryAt = time.Now().Add(wait)
	s.become(camera.Reconnecting, camera.Say(err))
	s.refused = errors.Is(err, camera.ErrAuth)
	news := s.lastFailed != err.Error()
	s.lastFailed = err.Error()
	return news
}

func (s *state) waiting() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.become(camera.Waiting, "")
}

// waking is when somebody watches a camera that was not connected for want of viewers.
func (s *state) waking() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now == camera.Waiting {
		s.become(camera.Starting, "")
	}
}

// damaged notes a picture that could not be made into a frame. The camera stays what it is.
func (s *state) damaged(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.damagedErr, s.damagedAt = "a picture could not be used: "+camera.Say(err), time.Now()
}

// said returns the text that a user is shown at now.
func (s *state) said(now time.Time) string {
	if s.err == "" && now.Sub(s.damagedAt) < damagedShown {
		return s.damagedErr
	}
	return s.err
}

// thaw looks for a picture that has not changed for too long, and has the source connected again if so: at most once in
// each such time.
func (s *state) thaw(now time.Time, after time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if after <= 0 || s.changedAt.IsZero() || now.Sub(s.changedAt) < after {
		return
	}
	if s.now != camera.Live && s.now != camera.Frozen {
		return
	}
	s.become(camera.Frozen, fmt.Sprintf("the camera has sent the same picture for more than %s", after))
	s.changedAt = now
	s.end(errFrozen)
}

// end ends the source's present stream. The caller holds s.mu.
func (s *state) end(cause error) {
	if s.disconnect != nil {
		s.disconnect(cause)
	}
}

// unwatched ends the stream because nobody watches it.
func (s *state) unwatched() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end(errUnwatched)
}
