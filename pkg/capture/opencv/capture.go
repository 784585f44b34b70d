//go:build opencv

package opencv

import (
	"context"
	"errors"
	"math"
	"syscall"
	"time"

	"gocv.io/x/gocv"

	"linkstart/pkg/guard"
)

// capture is one opening of a target. Its calls may block: they run under guard.
type capture struct {
	vc     *gocv.VideoCapture
	paced  bool // a recording: it plays at its own speed and starts over at its end
	step   time.Duration
	closed bool
}

// open opens t within limit. After an error nothing is left open, except after ErrStuck.
func open(ctx context.Context, t target, fps float64, limit time.Duration) (*capture, error) {
	c := &capture{}
	ok := false
	err := guard.Call(ctx, limit, func() { ok = c.open(t, fps) })
	switch {
	case errors.Is(err, guard.ErrStuck):
		return nil, err
	case err == nil && ok:
		return c, nil
	case err == nil:
		err = errRefused
	}
	if stuck := c.close(); stuck != nil {
		return nil, stuck
	}
	return nil, err
}

func (c *capture) open(t target, fps float64) bool {
	var err error // not looked into: it repeats what was opened
	if t.kind == device {
		c.vc, err = gocv.VideoCaptureDeviceWithAPI(t.number, t.api)
	} else {
		c.vc, err = gocv.VideoCaptureFileWithAPI(t.open, t.api)
	}
	if err != nil || !c.vc.IsOpened() {
		return false
	}
	switch t.kind {
	case address:
		c.paced = c.vc.Get(gocv.VideoCaptureFrameCount) > 0 // a stream has no end that could be known
	case file, sequence:
		c.paced = true
	}
	if c.paced && t.kind != sequence {
		fps = c.vc.Get(gocv.VideoCaptureFPS)
	}
	if math.IsNaN(fps) || fps < 0.01 || fps > 240 {
		fps = 25
	}
	c.step = time.Duration(float64(time.Second) / fps)
	return true
}

// reading is what one read gave.
type reading struct {
	ok    bool
	at    time.Time     // when it was there
	stamp time.Duration // its time in the recording
	cpu   time.Duration // that the process spent meanwhile
}

// read reads the next picture into m within limit.
func (c *capture) read(ctx context.Context, limit time.Duration, m *gocv.Mat) (reading, error) {
	var r reading
	err := guard.Call(ctx, limit, func() {
		before := cpuTime()
		r.ok = c.vc.Read(m) && !m.Empty()
		r.at = time.Now()
		r.cpu = cpuTime() - before
		if c.paced && r.ok {
			r.stamp = milliseconds(c.vc.Get(gocv.VideoCapturePosMsec))
		}
	})
	if err != nil {
		return reading{}, err
	}
	return r, nil
}

// close may be called again. It returns nil or guard.ErrStuck.
func (c *capture) close() error {
	if c.vc == nil || c.closed {
		return nil
	}
	c.closed = true
	if err := guard.Call(context.Background(), guard.Grace, func() { _ = c.vc.Close() }); errors.Is(err, guard.ErrStuck) {
		return err
	}
	return nil
}

func milliseconds(ms float64) time.Duration {
	if math.IsNaN(ms) || ms < 0 || ms > 1e12 {
		return 0
	}
	return time.Duration(ms * float64(time.Millisecond))
}

// cpuTime is what the process has used of its processors. FFmpeg decodes on threads of its own, so neither the clock,
// which counts the wait for the camera, nor the calling thread's time would tell what decoding costs.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
