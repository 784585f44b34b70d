package onvif

import (
	"context"
	"errors"
	"time"

	"linkstart/pkg/camera"
)

// known is how long holds what a camera has told: both of its streams ask for it at the same time, and where it has refused a login, each
// question more would be one more wrong password.
const known = 20 * time.Second

// device is a camera that two sources may ask.
type device struct {
	address
	pin   string
	limit time.Duration // of all that is asked at a time
	turn  chan struct{} // one slot: whoever holds it may use what follows

	told     time.Time
	client   *client // nil: nothing is known
	media    media
	all      []profile
	refusal  error
	refusing time.Time
}

func newDevice(a address, pin string, limit time.Duration) *device {
	return &device{address: a, pin: pin, limit: limit, turn: make(chan struct{}, 1)}
}

// find returns the address of the stream that choose takes.
func (d *device) find(ctx context.Context, choose choice) (uri string, err error) {
	ctx, cancel := context.WithTimeout(ctx, d.limit)
	defer cancel()
	select {
	case d.turn <- struct{}{}:
		defer func() { <-d.turn }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	if time.Since(d.refusing) < known {
		return "", d.refusal
	}
	defer func() {
		if err != nil && !errors.Is(err, errNoneSmaller) {
			d.client = nil
		}
		if errors.Is(err, camera.ErrAuth) {
			d.refusal, d.refusing = err, time.Now()
		}
	}()
	if d.client == nil || time.Since(d.told) > known {
		if err := d.ask(ctx); err != nil {
			return "", err
		}
	}
	c := d.client
	defer c.close()
	p, err := choose(d.all)
	if err != nil {
		return "", err
	}
	return c.streamOf(ctx, d.media, p)
}

// ask has the camera tell its profiles.
func (d *device) ask(ctx context.Context) error {
	c := newClient(d.address, d.pin)
	err := c.syncClock(ctx)
	if err == nil {
		d.media, err = c.findMedia(ctx)
	}
	if err == nil {
		d.all, err = c.profiles(ctx, d.media)
	}
	if err != nil {
		c.close()
		return err
	}
	d.client, d.told = c, time.Now()
	return nil
}
