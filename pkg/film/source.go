// Package film makes pictures of compressed video, as a camera.Watcher does: while nobody watches it keeps what comes since the last
// keyframe and decodes nothing, and the first who does sees a picture at once. Where the video comes from is its user's.
package film

import (
	"cmp"
	"context"
	"hash/maphash"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/gst"
)

// What the access units of H.264 and H.265 are made into: whole ones, with start codes, and with the parameter sets
// before each keyframe, so that decoding can begin at any of those.
const (
	H264 = "h264parse config-interval=-1 ! capsfilter caps=video/x-h264,stream-format=byte-stream,alignment=au"
	H265 = "h265parse config-interval=-1 ! capsfilter caps=video/x-h265,stream-format=byte-stream,alignment=au"
)

// Origin is where the video comes from, and what knows why it does not.
type Origin struct {
	Name string // what a user knows it by, without secrets

	// Open returns a pipeline that has been started. It is called again after the end of a recording, and after a Stream has ended.
	// It returns no later than ctx ends, or with an error that wraps camera.ErrStuck.
	Open func(ctx context.Context, limit time.Duration) (*gst.Pipeline, error)

	// Close closes the pipeline, and all that Open has opened besides. Its error is told instead of the one that the stream ended with.
	Close func(*gst.Pipeline) error

	// Explain puts into words why Open has failed, or why a pipeline gives nothing more; shown tells that pictures had come from it.
	Explain func(ctx context.Context, shown bool, err error) error

	// Silent says why nothing at all has come since Open; nil where it knows no better than that.
	Silent func(ctx context.Context) error

	// Recorded tells whether what comes is played at its own speed and starts over at its end. Nil: it is live.
	Recorded func(*gst.Pipeline) bool

	// AskKeyframe has a keyframe come soon, and returns at once. Nil: only a new Open does that.
	AskKeyframe func()

	// Unmarked says that units of MPEG-4 do not tell which of them are keyframes.
	Unmarked bool
}

// Source is a camera.Watcher. One Stream at a time.
type Source struct {
	spec    camera.Spec
	origin  Origin
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

// New makes a source of what comes from origin.
func New(spec camera.Spec, origin Origin, log *slog.Logger) *Source {
	quality := spec.Quality
	if quality < 1 || quality > 100 {
		quality = 80
	}
	return &Source{
		spec: spec, origin: origin, log: log, seed: maphash.MakeSeed(), quality: quality, turned: make(chan struct{}, 1),
		opening: max(cmp.Or(spec.OpenTimeout, 10*time.Second), 0),
		reading: max(cmp.Or(spec.ReadTimeout, 10*time.Second), 0),
	}
}

// Prepare does what a process must do before it may no longer write files: it starts GStreamer, which keeps a list of its plugins. What
// goes wrong shows again in Stream.
func Prepare(spec camera.Spec) { _ = gst.Init(spec.CacheDir) }

// Decodes is how many units have been decoded so far: none of what nobody has asked for.
func (s *Source) Decodes() int64 { return s.decodes.Load() }

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
