package grab_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
	"linkstart/pkg/grab"
)

// published watches the camera for some heartbeats and returns the status of the last.
func (r *rig) published(heartbeats int) camera.Status {
	r.t.Helper()
	r.until(camera.Live)
	feed, err := bus.OpenFeed(r.consumer, subjects, "cam", camera.Main, 0, quiet, func(*camera.Frame) {})
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { feed.Close(); <-feed.Done() }()
	var s camera.Status
	for range heartbeats {
		s = r.until(camera.Live)
	}
	return s
}

// cycle offers pictures in turn, each of them with bytes of its own, until ctx ends.
func cycle(pictures ...[]byte) *scripted {
	return &scripted{run: func(ctx context.Context, _ int, offer func(camera.Picture)) error {
		for n := 0; ctx.Err() == nil; n++ {
			offer(camera.Picture{Captured: time.Now(), Width: 64, Height: 48, JPEG: bytes.Clone(pictures[n%len(pictures)])})
			time.Sleep(10 * time.Millisecond)
		}
		return ctx.Err()
	}}
}

func TestUnchangedPicturesAreSentOnceASecond(t *testing.T) {
	t.Parallel()
	s := start(t, 0, cycle(picture(t, 7, 64, 48))).published(5)
	if s.FPSOut == 0 || s.FPSOut > 3 {
		t.Errorf("%.1f frames a second of a picture that never changes, want about one; %.1f came in", s.FPSOut, s.FPSIn)
	}
}

func TestSmallChangesAreSentOnceASecondWhereWanted(t *testing.T) {
	t.Parallel()
	noisy := [][]byte{picture(t, 100, 64, 48), picture(t, 103, 64, 48)}
	atLeast := func(percent float64) func(*grab.Options) { return func(o *grab.Options) { o.MinChange = percent } }
	s := start(t, 0, cycle(noisy...), atLeast(1)).published(5)
	if s.FPSOut == 0 || s.FPSOut > 3 {
		t.Errorf("%.1f frames a second of noise, want about one; %.1f came in", s.FPSOut, s.FPSIn)
	}
	if s := start(t, 0, cycle(noisy...)).published(5); s.FPSOut < s.FPSIn/2 {
		t.Errorf("without min_change %.1f frames a second go out of %.1f", s.FPSOut, s.FPSIn)
	}
	moving := [][]byte{picture(t, 100, 64, 48), picture(t, 150, 64, 48)}
	if s := start(t, 0, cycle(moving...), atLeast(1)).published(5); s.FPSOut < s.FPSIn/2 {
		t.Errorf("of a picture that changes %.1f frames a second go out of %.1f", s.FPSOut, s.FPSIn)
	}
}
