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
	coldLinger = 5 * time.Second // a cold camera stays connected for so long after its last viewer
)

// Why a stream is ended from here.
var (
	errFrozen    = errors.New("picture does not change")
	errUnwatched = errors.New("nobody watches")
)

// keepStreaming connects the source again and again; a cold one only while somebody watches. It returns nil when ctx ends.
func (g *Grabber) keepStreaming(ctx context.Context, in *input) error {
	retry := backoff.NewExponentialBackOff()
	retry.InitialInterval, retry.MaxInterval = retryMin, retryMax
	retry.Multiplier, retry.RandomizationFactor = 2, 0.2
	for {
		if g.Standby == camera.Cold && !in.sleep(ctx) {
			return nil
		}
		began := time.Now()
		err := g.stream(ctx, in)
		switch {
		case ctx.Err() != nil:
			return nil // the process is about to end: a call that hangs ends with it
		case errors.Is(err, camera.ErrStuck):
			return err
		case errors.Is(err, camera.ErrConfig):
			if in == g.small { // sub is made from the camera's stream then
				in.state.failed(err, 0)
				g.Log.Error("substream cannot be used", "err", err)
			}
			return err
		case errors.Is(err, camera.ErrWaiting):
			in.state.waiting()
			continue
		case errors.Is(err, errUnwatched):
			retry.Reset()
			in.state.waiting()
			continue
		}
		wait := g.failed(in, err, began, retry)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

// sleep waits until somebody watches. It is false when ctx ended before.
func (in *input) sleep(ctx context.Context) bool {
	for !in.watched.Load() {
		in.state.waiting()
		select {
		case <-ctx.Done():
			return false
		case <-in.woken:
		}
	}
	in.state.waking()
	return ctx.Err() == nil
}

// failed notes why the source ended and says how long to wait before the next try.
func (g *Grabber) failed(in *input, err error, began time.Time, retry *backoff.ExponentialBackOff) time.Duration {
	if first, last := in.state.flowed(); first.After(began) && last.Sub(first) > settled {
		retry.Reset()
	}
	wait := retry.NextBackOff()
	if errors.Is(err, camera.ErrAuth) {
		wait = retryAuth
	}
	if errors.Is(err, errFrozen) {
		g.Log.Warn(in.say("picture does not change, connecting again"), "frozen_after", g.FrozenAfter)
		return wait
	}
	if in.state.failed(err, wait) {
		g.Log.Warn(in.say("camera lost, trying again"), "retry_in", wait.Round(time.Millisecond), "err", err)
	}
	return wait
}

// stream runs the source once. A source that does not return when told to is given up: only a new process helps.
func (g *Grabber) stream(ctx context.Context, in *input) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ended := make(chan error, 1)
	in.state.connecting(cancel)
	go func() { ended <- in.source.Stream(ctx, in.offer) }()
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
	for _, ours := range []error{errFrozen, errUnwatched} {
		if errors.Is(context.Cause(ctx), ours) && !errors.Is(err, camera.ErrStuck) {
			return ours
		}
	}
	return err
}
