//go:build opencv

package opencv

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"log/slog"
	"time"

	"gocv.io/x/gocv"

	"linkstart/pkg/camera"
	"linkstart/pkg/guard"
	"linkstart/pkg/replay"
)

// Source is a camera.Source. One Stream at a time.
type Source struct {
	spec    camera.Spec
	target  target
	log     *slog.Logger
	seed    maphash.Seed
	quality int
	opening time.Duration
	reading time.Duration
}

// New makes a source of spec.Source, which is whatever cv::VideoCapture opens:
//
//	opencv:NUMBER                   a webcam: /dev/videoNUMBER
//	opencv:A ! B ! appsink          a GStreamer pipeline
//	opencv:PATH%03d.jpg             numbered images, looped, spec.FPS a second
//	opencv:PATH                     a video file, looped at its own speed
//	opencv:SCHEME://…               live, or looped where it is a file
//
// Its errors wrap camera.ErrConfig.
func New(spec camera.Spec, log *slog.Logger) (camera.Source, error) {
	t, err := parse(spec.Source, spec.Dir)
	if err != nil {
		return nil, &camera.Error{Say: err.Error(), Err: camera.ErrConfig}
	}
	quality := spec.Quality
	if quality < 1 || quality > 100 {
		quality = 80
	}
	return &Source{
		spec: spec, target: t, log: log, seed: maphash.MakeSeed(), quality: quality,
		opening: max(cmp.Or(spec.OpenTimeout, 10*time.Second), 0),
		reading: max(cmp.Or(spec.ReadTimeout, 10*time.Second), 0),
	}, nil
}

// Stream does what camera.Source promises, with four things to know:
//
//   - It sets environment variables of the process that OpenCV and FFmpeg read, and silences both.
//   - Every picture is decoded, and Encode makes JPEGs of it until the next offer begins or Stream returns, whichever is
//     first. After that Encode answers with an error.
//   - When the size of H.264 changes midway, OpenCV 4.6 goes on with pictures of the old size whose content stands still.
//     It does not tell; who watches for frozen pictures finds out, and a new Stream shows the new size.
//   - Where errors.Is(err, guard.ErrStuck) the process must end: see there.
func (s *Source) Stream(ctx context.Context, offer func(camera.Picture)) error {
	if err := prepare(s.target, min(s.opening, s.reading)); err != nil {
		return err
	}
	offered := false
	watched := offer
	offer = func(p camera.Picture) { offered = true; watched(p) }
	buffers := [2]*buffer{{mat: gocv.NewMat()}, {mat: gocv.NewMat()}}
	var clock replay.Pacer
	for {
		err := s.play(ctx, buffers, &clock, offer)
		if err == nil { // a recording is over
			clock.Restart()
			continue
		}
		if !errors.Is(err, guard.ErrStuck) {
			if offered {
				watched(camera.Picture{}) // the last chance to encode what is in the buffers
			}
			err = errors.Join(err, buffers[0].close(), buffers[1].close())
		}
		return err
	}
}

// play offers the pictures of one opening. It returns nil at the end of a recording.
func (s *Source) play(ctx context.Context, buffers [2]*buffer, clock *replay.Pacer, offer func(camera.Picture)) (err error) {
	deadline := time.Now().Add(s.opening)
	if err := s.target.reach(); err != nil {
		return cmp.Or(ctx.Err(), err)
	}
	c, err := open(ctx, s.target, s.spec.FPS, time.Until(deadline))
	if err != nil {
		return s.notOpened(ctx, err)
	}
	s.log.Debug("source is open", "paced", c.paced, "step", c.step)
	defer func() {
		if !errors.Is(err, guard.ErrStuck) {
			err = cmp.Or(c.close(), err)
		}
	}()
	for n := 0; ; {
		b := buffers[n%2]
		b.claim()
		r, err := c.read(ctx, time.Until(deadline), &b.mat)
		switch {
		case err != nil:
			return s.notRead(ctx, err, n)
		case !r.ok && n > 0 && c.paced:
			return nil
		case !r.ok:
			return s.ended(n)
		}
		p, err := s.picture(b, r)
		if err != nil {
			return err
		}
		if c.paced {
			if err := sleepUntil(ctx, clock.Next(r.at, r.stamp, c.step)); err != nil {
				return err
			}
			p.Captured = time.Now()
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		offer(p)
		n++
		deadline = time.Now().Add(s.reading)
	}
}

// picture makes what is offered of what was read into b.
func (s *Source) picture(b *buffer, r reading) (camera.Picture, error) {
	if err := check(&b.mat, s.spec.MaxPixels); err != nil {
		return camera.Picture{}, &camera.Error{Say: fmt.Sprintf("a picture of %s cannot be used: %v", s.target.name, err), Err: err}
	}
	w, h := s.size(b.mat.Cols(), b.mat.Rows(), 0)
	return camera.Picture{
		Captured: r.at, Width: w, Height: h, Encode: s.encoder(b),
		Fingerprint: fingerprint(s.seed, &b.mat), Decode: r.cpu,
	}, nil
}

// notOpened turns the error of open into words.
func (s *Source) notOpened(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, guard.ErrStuck):
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, guard.ErrLimit):
		return &camera.Error{Say: fmt.Sprintf("%s could not be opened within %v", s.target.name, s.opening), Err: err}
	}
	return cmp.Or(ctx.Err(), s.target.explain())
}

// notRead turns the error of a read, after n pictures, into words.
func (s *Source) notRead(ctx context.Context, err error, n int) error {
	switch {
	case errors.Is(err, guard.ErrStuck):
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	case n == 0:
		return &camera.Error{Say: fmt.Sprintf("%s sent no picture within %v", s.target.name, s.opening), Err: err}
	}
	return &camera.Error{Say: fmt.Sprintf("%s has sent no picture for %v", s.target.name, s.reading), Err: err}
}

// ended says that there was no further picture after n.
func (s *Source) ended(n int) error {
	if n == 0 {
		return &camera.Error{Say: s.target.name + " can be opened, but gives no picture", Err: io.EOF}
	}
	return &camera.Error{Say: s.target.name + " has ended the stream", Err: io.EOF}
}

// sleepUntil returns at due, or with ctx's error when ctx ends before.
func sleepUntil(ctx context.Context, due time.Time) error {
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}
