package hikvision

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/guard"
	"linkstart/pkg/jpeg"
)

const (
	restFPS  = 1       // while nobody watches
	mostJPEG = 8 << 20 // bytes of a picture where no limit is set
)

// poller asks the camera for one JPEG after the other.
type poller struct {
	target
	spec    camera.Spec
	watched atomic.Bool
	woken   chan struct{} // one slot
}

func newPoller(t target, spec camera.Spec) *poller {
	return &poller{target: t, spec: spec, woken: make(chan struct{}, 1)}
}

// Watch does what camera.Watcher promises: while nobody watches, a picture each second is enough.
func (p *poller) Watch(watched bool) {
	if p.watched.Swap(watched) == watched {
		return
	}
	select {
	case p.woken <- struct{}{}:
	default:
	}
}

// Stream does what camera.Source promises.
func (p *poller) Stream(ctx context.Context, offer func(camera.Picture)) error {
	s, err := p.login(ctx)
	if err != nil {
		return err
	}
	return s.end(p.poll(ctx, s, offer))
}

func (p *poller) poll(ctx context.Context, s *session, offer func(camera.Picture)) error {
	room := make([]byte, cmp.Or(max(p.spec.MaxBytes, 0), mostJPEG))
	shown, begun, limit := 0, time.Now(), orTen(p.spec.OpenTimeout)
	for {
		due := time.Now()
		var b []byte
		err := s.call(ctx, "take a picture of", func() (err error) {
			b, err = s.sdk.capture(s.id, s.channel, room)
			return err
		})
		if ctx.Err() != nil && !errors.Is(err, camera.ErrStuck) {
			return ctx.Err()
		}
		if err != nil {
			return s.notPlayed("take a picture of", err)
		}
		picture, err := p.picture(b)
		switch {
		case errors.Is(err, camera.ErrTooLarge):
			return &camera.Error{Say: fmt.Sprintf("a picture of the camera at %s cannot be used: %v", p.name, err), Err: err}
		case err == nil:
			offer(picture)
			shown++
			begun, limit = time.Now(), orTen(p.spec.ReadTimeout)
		case time.Since(begun) > limit:
			return &camera.Error{Say: fmt.Sprintf("what the camera at %s has sent for %v are no JPEGs", p.name, limit), Err: errors.Join(guard.ErrLimit, err)}
		default:
			p.log.Debug("picture is skipped", "err", err)
		}
		if err := p.rest(ctx, due); err != nil {
			return err
		}
	}
}

// picture is the JPEG as the camera made it.
func (p *poller) picture(b []byte) (camera.Picture, error) {
	limit := p.spec.MaxPixels
	if limit <= 0 {
		limit = math.MaxInt
	}
	b, info, err := jpeg.Repair(b, limit)
	return camera.Picture{Captured: time.Now(), Width: info.Width, Height: info.Height, JPEG: b}, err
}

// rest waits until the picture after the one that was due is.
func (p *poller) rest(ctx context.Context, due time.Time) error {
	for {
		fps := cmp.Or(max(p.spec.FPS, 0), 1)
		if !p.watched.Load() {
			fps = min(fps, restFPS)
		}
		timer := time.NewTimer(time.Until(due.Add(time.Duration(float64(time.Second) / fps))))
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
			return nil
		case <-p.woken:
			timer.Stop() // the time between two may have changed
		}
	}
}
