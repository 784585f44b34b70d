package relay

import (
	"github.com/prometheus/client_golang/prometheus"

	"linkstart/pkg/camera"
	"linkstart/pkg/pace"
)

const maxStreams = 256 // of one connection

// stream is one picture of a connection. The session's mutex guards it.
type stream struct {
	number    uint16
	room      camera.ID        // followed; "" for a stream that chose for itself
	rendition camera.Rendition // as the client asked: may be wire.Auto
	fps       float64
	camera    camera.ID // "" while the room has none
	view      *view     // nil likewise

	window  pace.Window
	sent    pace.Meter
	skipped uint64
	count   sentCounters
}

// sentCounters are a camera's counters, looked up once per switch and not once per frame.
type sentCounters struct{ frames, bytes, skipped prometheus.Counter }

// show gives the stream another view, nil for none. The caller closes the one before.
func (s *stream) show(id camera.ID, v *view, c sentCounters) {
	s.camera, s.view, s.count = id, v, c
	s.window.Reset()
	s.sent, s.skipped = pace.Meter{}, 0
}
