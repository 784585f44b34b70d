// Package testpattern makes moving pictures with a readable clock out of nothing, so that all else can be seen working
// without a camera.
package testpattern

import (
	"context"
	"log/slog"
	"math"
	"time"

	"linkstart/pkg/camera"
)

// New makes the source of a test camera. spec.Source is test:clock, test:bars, test:ball, test:noise or test:still, with
// an optional query such as ?size=1920x1080&fps=50 (width and height in px, even, 16 to 8192; at most 120 pictures per
// second). Without it a picture is 1280x720, spec.FPS times a second. Pictures are never wider than spec.Width, unless
// that is 0. What cannot work is a camera.Error that wraps camera.ErrConfig.
//
// All but still carry the local time of their capture, the camera's ID, the number of the picture, and a strip of blocks
// that Stamp reads. A picture that nobody encodes costs a tick of a timer.
func New(spec camera.Spec, log *slog.Logger) (camera.Source, error) {
	opt, err := parse(spec)
	if err != nil {
		return nil, err
	}
	log.Debug("test pattern", "scene", opt.scene, "width", opt.width, "height", opt.height, "fps", opt.fps)
	return &source{options: opt, label: string(spec.ID)}, nil
}

type source struct {
	options
	label string
}

// Stream offers a picture at each tick until ctx ends, and returns why it ended.
func (s *source) Stream(ctx context.Context, offer func(camera.Picture)) error {
	painter := newPainter(s.scene, s.label, s.quality)
	start := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for n := int64(0); ; {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-timer.C:
		}
		offer(s.picture(painter, n, time.Now()))
		now := time.Now()
		n = max(n+1, lastTick(now.Sub(start), s.fps)+1)
		timer.Reset(tick(n, s.fps) - now.Sub(start))
	}
}

// tick is when picture n is due after the start. It is reckoned from the start each time, so that rounding never adds up.
func tick(n int64, fps float64) time.Duration {
	return time.Duration(float64(n) / fps * float64(time.Second))
}

// lastTick is the number of the newest picture that was due by elapsed: whoever is late goes on behind it.
func lastTick(elapsed time.Duration, fps float64) int64 {
	return int64(math.Floor(elapsed.Seconds() * fps))
}

func (s *source) picture(p *painter, n int64, captured time.Time) camera.Picture {
	captured = captured.Truncate(time.Microsecond)
	fingerprint := uint64(1)
	if s.scene != "still" {
		fingerprint = uint64(captured.UnixMicro())
	}
	return camera.Picture{
		Captured:    captured,
		Width:       s.width,
		Height:      s.height,
		Fingerprint: fingerprint,
		Encode: func(maxWidth int) ([]byte, int, int, error) {
			w, h := fit(s.width, s.height, maxWidth)
			jpeg, err := p.encode(w, h, captured, n)
			return jpeg, w, h, err
		},
	}
}

// fit scales w x h down to maxWidth (0: as it is), to even sizes of at least 2 px.
func fit(w, h, maxWidth int) (int, int) {
	if maxWidth <= 0 || maxWidth >= w {
		return w, h
	}
	scaled := max(maxWidth&^1, 2)
	return scaled, max(int(math.Round(float64(h)*float64(scaled)/float64(w)/2))*2, 2)
}
