package video

import (
	"cmp"
	"context"
	"hash/maphash"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/gst"
)

// Source is a camera.Watcher. One Stream at a time.
type Source struct {
	spec    camera.Spec
	target  target
	log     *slog.Logger
	seed    maphash.Seed
	quality int
	opening time.Duration
	reading time.Duration
	press   press

	watched atomic.Bool
	turned  chan struct{} // one slot: watched is another
	decodes atomic.Int64  // units that were decoded

	mu   sync.Mutex
	pipe *gst.Pipeline // that may wait to be woken, or nil
}

// New makes a source of spec.Source, which is one of
//
//	rtsp:// rtsps://                live; ?transport=tcp|udp (tcp) and ?latency=MS are taken away: how long a packet that
//	                                is out of order is waited for, by default 0 ms for TCP, 50 ms for UDP
//	rtmp://                         live
//	http:// https://                live, or looped where it is a file
//	file:PATH, PATH                 a video file, looped at its own speed
//	v4l2:NUMBER, v4l2:PATH          a camera at this machine, /dev/videoNUMBER; ?size=1280x720 and ?fps=30 choose among
//	                                what it gives, JPEGs first
//
// Its errors wrap camera.ErrConfig.
func New(spec camera.Spec, log *slog.Logger) (camera.Source, error) {
	t, err := parse(spec.Source, spec.Dir)
	if err != nil {
		return nil, &camera.Error{Say: err.Error(), Err: camera.ErrConfig}
	}
	t.pinned = spec.TLSPin
	if spec.Pin != "" {
		if err := t.pin(spec.Pin); err != nil {
			return nil, &camera.Error{Say: err.Error(), Err: camera.ErrConfig}
		}
	}
	quality := spec.Quality
	if quality < 1 || quality > 100 {
		quality = 80
	}
	return &Source{
		spec: spec, target: t, log: log, seed: maphash.MakeSeed(), quality: quality, turned: make(chan struct{}, 1),
		opening: max(cmp.Or(spec.OpenTimeout, 10*time.Second), 0),
		reading: max(cmp.Or(spec.ReadTimeout, 10*time.Second), 0),
	}, nil
}

// Prepare does what a process must do before it may no longer write files: it starts GStreamer, which keeps a list of its plugins. What
// goes wrong shows again in Stream.
func Prepare(spec camera.Spec) { _ = gst.Init(spec.CacheDir) }

// Files returns what of this machine spec.Source names: a folder to read, where its video is a file, or one with devices to use.
// Devices come and go while the camera is plugged in and out, so it is not the device alone.
func Files(spec camera.Spec) (read, use []string) {
	t, err := parse(spec.Source, spec.Dir)
	switch {
	case err != nil:
	case t.kind == file:
		read = []string{filepath.Dir(t.path)}
	case t.kind == device:
		use = []string{filepath.Dir(t.path)}
	}
	return read, use
}

// Watch does what camera.Watcher promises.
func (s *Source) Watch(watched bool) {
	if s.watched.Swap(watched) == watched {
		return
	}
	select {
	case s.turned <- struct{}{}:
	default:
	}
	s.wake()
}

// wake makes a Stream that waits for pictures look at what else there is to do.
func (s *Source) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pipe != nil {
		s.pipe.Wake()
	}
}

// waking makes wake wake p, or nothing where p is nil.
func (s *Source) waking(p *gst.Pipeline) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pipe = p
}

// Stream does what camera.Watcher promises, with two things to know:
//
//   - M-JPEG is passed on as it is, and raw pictures are not compressed only to be kept: for both it makes no difference
//     whether somebody watches.
//   - Where errors.Is(err, camera.ErrStuck) the process must end.
func (s *Source) Stream(ctx context.Context, offer func(camera.Picture)) error {
	if err := gst.Init(s.spec.CacheDir); err != nil {
		return &camera.Error{Say: "GStreamer does not start on this machine", Err: err}
	}
	if s.spec.Pin != "" {
		if err := s.target.staysThere(ctx); err != nil {
			return err
		}
	}
	p := newPlayer(s, offer)
	for {
		err := p.play(ctx)
		if err != nil {
			p.end()
			return err
		}
		p.clock.Restart() // a recording is over
	}
}
