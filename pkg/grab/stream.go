package grab

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"

	"linkstart/pkg/camera"
)

const (
	retryMin  = 500 * time.Millisecond
	retryMax  = 5 * time.Second
	retryAuth = time.Minute      // cameras lock an account that fails too often
	settled   = 10 * time.Second // pictures for so long forget earlier failures

	stuckAfter = 5 * time.Second
)

var errFrozen = errors.New("picture does not change")

// keepStreaming connects the source again and again. It returns nil when ctx ends.
func (g *Grabber) keepStreaming(ctx context.Context) error {
	retry := backoff.NewExponentialBackOff()
	retry.InitialInterval, retry.MaxInterval = retryMin, retryMax
	retry.Multiplier, retry.RandomizationFactor = 2, 0.2
	for {
		began := time.Now()
		err := g.stream(ctx)
		switch {
		case ctx.Err() != nil:
			return nil // the process is about to end: a call that hangs ends with it
		case errors.Is(err, camera.ErrStuck), errors.Is(err, camera.ErrConfig):
			return err
		case errors.Is(err, camera.ErrWaiting):
			g.state.waiting()
			continue
		}
		wait := g.failed(err, began, retry)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

// failed notes why the source ended and says how long to wait before the next try.
func (g *Grabber) failed(err error, began time.Time, retry *backoff.ExponentialBackOff) time.Duration {
	if first, last := g.state.flowed(); first.After(began) && last.Sub(first) > settled {
		retry.Reset()
	}
	wait := retry.NextBackOff()
	if errors.Is(err, camera.ErrAuth) {
		wait = retryAuth
	}
	if errors.Is(err, errFrozen) {
		g.Log.Warn("picture does not change, connecting again", "frozen_after", g.FrozenAfter)
		return wait
	}
	if g.state.failed(err) {
		g.Log.Warn("camera lost, trying again", "retry_in", wait.Round(time.Millisecond), "err", err)
	}
	return wait
}

// stream runs the source once. A source that does not return when told to is given up: only a new process helps.
func (g *Grabber) stream(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ended := make(chan error, 1)
	g.state.connecting(cancel)
	go func() { ended <- g.Source.Stream(ctx, g.offer) }()
	select {
	case err := <-ended:
		return streamError(ctx, err)
	case <-ctx.Done():
	}
	select {
	case err := <-ended:
		return streamError(ctx, err)
	case <-time.After(stuckAfter):
		return fmt.Errorf("stop source: not done after %s: %w", stuckAfter, camera.ErrStuck)
	}
}

func streamError(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); errors.Is(cause, errFrozen) && !errors.Is(err, camera.ErrStuck) {
		return errFrozen
	}
	return err
}
