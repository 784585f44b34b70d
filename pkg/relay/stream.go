package relay

import (
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"linkstart/pkg/camera"
	"linkstart/pkg/relay/fanout"
)

const (
	maxStreams = 256             // of one connection
	window     = 2               // frames that a client which acks may have unacknowledged on a stream
	ackTimeout = 3 * time.Second // after which one more frame is sent to a client that has stopped to ack
)

// stream is one picture of a connection. The session's mutex guards it.
type stream struct {
	number    uint16
	room      camera.ID // followed; "" for a stream that chose for itself
	rendition camera.Rendition
	fps       float64
	slot      *fanout.Slot // nil while the room has no camera

	flying []uint32  // sequence numbers that are not acknowledged, oldest first, at most window
	sent   time.Time // when the newest of them left
	count  sentCounters
}

// sentCounters are a camera's counters, looked up once per switch and not once per frame.
type sentCounters struct{ frames, bytes, skipped prometheus.Counter }

// blocked tells whether a client that acks has had enough for now.
func (s *stream) blocked(now time.Time) bool {
	return len(s.flying) >= window && now.Sub(s.sent) < ackTimeout
}

// fly notes a frame that is being sent.
func (s *stream) fly(seq uint32, now time.Time) {
	if len(s.flying) == window {
		copy(s.flying, s.flying[1:])
		s.flying = s.flying[:window-1]
	}
	s.flying = append(s.flying, seq)
	s.sent = now
}

// ack takes seq and all before it from what is flying. Numbers that are not there are of a camera watched before.
func (s *stream) ack(seq uint32) {
	if i := slices.Index(s.flying, seq); i >= 0 {
		s.flying = slices.Delete(s.flying, 0, i+1)
	}
}

// show gives the stream another slot, nil for none.
func (s *stream) show(slot *fanout.Slot, c sentCounters) {
	s.slot, s.count = slot, c
	s.flying = s.flying[:0]
}
