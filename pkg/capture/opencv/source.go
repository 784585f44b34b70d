//go:build opencv

package opencv

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"image/jpeg"
	"io"
	"log/slog"
	"time"

	"gocv.io/x/gocv"

	"linkstart/pkg/camera"
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

// New makes a source of spec.Source, which is one of
//
//	rtsp:// rtsps://                live; ?transport=udp is taken away and chooses UDP, else TCP
//	rtmp:// http:// https://        live, or looped where it is a file
//	file:PATH, PATH                 a video file, looped at its own speed
//	opencv:NUMBER                   a webcam: /dev/videoNUMBER
//	opencv:A ! B ! appsink          a GStreamer pipeline
//	opencv:PATH%03d.jpg             numbered images, looped, spec.FPS a second
//
// or any of the first three after opencv:. Its errors wrap camera.ErrConfig.
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
//   - M-JPEG over RTSP is passed on as it is; all else is decoded, and Encode makes JPEGs of it until the next offer
//     begins or Stream returns, whichever is first. After that Encode answers with an error.
//   - When the size of H.264 changes midway, OpenCV 4.6 goes on with pictures of the old size whose content stands still.
//     It does not tell; who watches for frozen pictures finds out, and a new Stream shows the new size.
//   - Where errors.Is(err, ErrStuck) the process must end: see there.
func (s *Source) Stream(ctx context.Context, offer func(camera.Picture)) error {
	if err := prepare(s.target, min(s.opening, s.reading)); err != nil {
		return err
	}
	offered := false
	watched := offer
	offer = func(p camera.Picture) { offered = true; watched(p) }
	buffers := [2]*buffer{{mat: gocv.NewMat()}, {mat: gocv.NewMat()}}
	var clock pacer
	for {
		err := s.play(ctx, buffers, &clock, offer)
		if err == nil { // a recording is over
			clock.restart()
			continue
		}
		if !errors.Is(err, ErrStuck) {
			if offered {
				watched(camera.Picture{}) // the last chance to encode what is in the buffers
			}
			err = errors.Join(err, buffers[0].close(), buffers[1].close())
		}
		return err
	}
}

// play offers the pictures of one opening. It returns nil at the end of a recording.
func (s *Source) play(ctx context.Context, buffers [2]*buffer, clock *pacer, offer func(camera.Picture)) (err error) {
	deadline := time.Now().Add(s.opening)
	if err := s.target.reach(ctx); err != nil {
		return cmp.Or(ctx.Err(), err)
	}
	c, err := open(ctx, s.target, s.spec.FPS, time.Until(deadline))
	if err != nil {
		return s.notOpened(ctx, err)
	}
	s.log.Debug("source is open", "raw", c.raw, "paced", c.paced, "step", c.step)
	defer func() {
		if !errors.Is(err, ErrStuck) {
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
		p, err := s.picture(c, b, r)
		switch {
		case errors.Is(err, camera.ErrNotJPEG):
			continue // the deadline stays: a camera that sends nothing else is given up
		case err != nil:
			return err
		}
		if c.paced {
			if err := sleepUntil(ctx, clock.next(r.at, r.stamp, c.step)); err != nil {
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
func (s *Source) picture(c *capture, b *buffer, r reading) (camera.Picture, error) {
	if c.raw {
		return s.passOn(b, r)
	}
	if err := check(&b.mat, s.spec.MaxPixels); err != nil {
		return camera.Picture{}, &camera.Error{Say: fmt.Sprintf("a picture of %s cannot be used: %v", s.target.name, err), Err: err}
	}
	w, h := s.size(b.mat.Cols(), b.mat.Rows(), 0)
	return camera.Picture{
		Captured: r.at, Width: w, Height: h, Encode: s.encoder(b),
		Fingerprint: fingerprint(s.seed, &b.mat), Decode: r.cpu,
	}, nil
}

// passOn offers the JPEG in b as the camera made it.
func (s *Source) passOn(b *buffer, r reading) (camera.Picture, error) {
	packet := b.mat.ToBytes() // a copy
	if s.spec.MaxBytes > 0 && len(packet) > s.spec.MaxBytes {
		return camera.Picture{}, &camera.Error{
			Say: fmt.Sprintf("a picture of %s has %d bytes, more than the limit of %d", s.target.name, len(packet), s.spec.MaxBytes),
			Err: camera.ErrTooLarge,
		}
	}
	size, err := jpeg.DecodeConfig(bytes.NewReader(packet))
	if err != nil {
		s.log.Debug("picture is skipped", "error", err)
		return camera.Picture{}, camera.ErrNotJPEG
	}
	if limit := s.spec.MaxPixels; limit > 0 && size.Width*size.Height > limit {
		return camera.Picture{}, &camera.Error{
			Say: fmt.Sprintf("a picture of %s has %d×%d px, more than the limit of %d", s.target.name, size.Width, size.Height, limit),
			Err: camera.ErrTooLarge,
		}
	}
	return camera.Picture{Captured: r.at, Width: size.Width, Height: size.Height, JPEG: packet}, nil
}

// notOpened turns the error of open into words.
func (s *Source) notOpened(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, ErrStuck):
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, errLimit):
		return &camera.Error{Say: fmt.Sprintf("%s could not be opened within %v", s.target.name, s.opening), Err: err}
	}
	return cmp.Or(ctx.Err(), s.target.explain(ctx))
}

// notRead turns the error of a read, after n pictures, into words.
func (s *Source) notRead(ctx context.Context, err error, n int) error {
	switch {
	case errors.Is(err, ErrStuck):
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
