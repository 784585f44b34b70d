package execcam

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/jpeg"
)

// pump offers the pictures that p writes until that fails; it never returns nil. Pictures that cannot be used are passed
// over: the next one may be good.
func (s *source) pump(ctx context.Context, p *process, offer func(camera.Picture)) error {
	stop := context.AfterFunc(ctx, func() { p.out.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	quiet := &silence{after: s.spec.OpenTimeout, first: true}
	in := &counter{r: p.out}
	pictures := jpeg.NewSplitter(in, s.spec.MaxBytes)
	p.out.SetReadDeadline(time.Now().Add(quiet.after))
	for {
		if ctx.Err() != nil { // its deadline may just have been put off again
			return ctx.Err()
		}
		picture, err := s.next(pictures)
		switch {
		case errors.Is(err, camera.ErrNotJPEG), errors.Is(err, camera.ErrTooLarge):
			quiet.refused = err
			s.log.Debug("picture passed over", "err", err)
			continue
		case errors.Is(err, os.ErrDeadlineExceeded):
			quiet.spoke = in.n > 0
			return quiet
		case err != nil:
			return err
		}
		offer(picture)
		quiet = &silence{after: s.spec.ReadTimeout}
		p.out.SetReadDeadline(time.Now().Add(quiet.after))
	}
}

func (s *source) next(pictures *jpeg.Splitter) (camera.Picture, error) {
	raw, err := pictures.Next()
	if err != nil {
		return camera.Picture{}, err
	}
	captured := time.Now()
	repaired, info, err := jpeg.Repair(raw, s.spec.MaxPixels)
	if err != nil {
		return camera.Picture{}, err
	}
	return camera.Picture{Captured: captured, Width: info.Width, Height: info.Height, JPEG: repaired}, nil
}

// counter tells whether anything came at all.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}

// silence is that no picture came in time.
type silence struct {
	after        time.Duration
	spoke, first bool
	refused      error // why the last picture since was passed over
}

func (e *silence) Error() string {
	switch {
	case errors.Is(e.refused, camera.ErrTooLarge):
		return fmt.Sprintf("The command has written only pictures larger than allowed for %s", e.after)
	case !e.first:
		return fmt.Sprintf("The command has written no further picture for %s", e.after)
	case e.spoke:
		return fmt.Sprintf("The command has written something within %s, but no JPEG", e.after)
	}
	return fmt.Sprintf("The command has written nothing within %s", e.after)
}

func (e *silence) Unwrap() error { return e.refused }

// explain joins why the pump ended with how the command did.
func explain(err error, end ending) error {
	var quiet *silence
	say := "The output of the command cannot be read"
	switch {
	case end.code < 0 && end.err == nil:
		say = "The process that guards the command was killed"
	case errors.As(err, &quiet):
		say = quiet.Error()
	case errors.Is(err, io.EOF):
		say = fmt.Sprintf("The command ended with exit code %d", end.code)
	}
	if end.last != "" {
		say += ". It last said: " + end.last
	}
	return &camera.Error{Say: say, Err: errors.Join(err, end.err)}
}
