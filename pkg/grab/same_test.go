package grab_test

import (
	"bytes"
	"context"
	"slices"
	"testing"
	"time"

	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
	"linkstart/pkg/grab"
)

// published watches the camera at a rate and returns the first n frames after the answer.
func (r *rig) published(fps float64, n int) []*camera.Frame {
	r.t.Helper()
	r.until(camera.Live)
	come := make(chan *camera.Frame, 1000)
	feed, err := bus.OpenFeed(r.consumer, subjects, "cam", camera.Main, fps, quiet, func(f *camera.Frame) {
		select {
		case come <- f:
		default:
		}
	})
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { feed.Close(); <-feed.Done() }()
	var frames []*camera.Frame
	for range n + 1 {
		select {
		case f := <-come:
			frames = append(frames, f)
		case <-time.After(30 * time.Second):
			r.t.Fatalf("no frame came after %d", len(frames))
		}
	}
	return frames[1:]
}

// onceASecond wants a camera of which nothing new is to be seen to publish a frame a second, or less where the machine is busy. When
// a lease has run out, as on such a machine, the next one begins with a frame.
func (r *rig) onceASecond() {
	r.t.Helper()
	frames := r.published(0, 6)
	var gaps []time.Duration
	early := 0
	for i, f := range frames[1:] {
		gaps = append(gaps, f.Captured.Sub(frames[i].Captured))
		if gaps[i] < 900*time.Millisecond {
			early++
		}
	}
	if early > 1 {
		r.t.Errorf("between frames of a picture that shows nothing new were %v, want a second or so", gaps)
	}
}

// mostly wants a camera to publish every other picture at least.
func (r *rig) mostly() {
	r.t.Helper()
	frames := r.published(0, 51)
	var gaps []uint32
	for i, f := range frames[1:] {
		gaps = append(gaps, f.Seq-frames[i].Seq)
	}
	slices.Sort(gaps)
	if half := gaps[len(gaps)/2]; half > 2 {
		r.t.Errorf("half of the frames are %d pictures or more after the one before, want one or two", half)
	}
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
	start(t, 0, cycle(picture(t, 7, 64, 48))).onceASecond()
}

func TestSmallChangesAreSentOnceASecondWhereWanted(t *testing.T) {
	t.Parallel()
	noisy := [][]byte{picture(t, 100, 64, 48), picture(t, 103, 64, 48)}
	atLeast := func(percent float64) func(*grab.Options) { return func(o *grab.Options) { o.MinChange = percent } }
	start(t, 0, cycle(noisy...), atLeast(1)).onceASecond()
	start(t, 0, cycle(noisy...)).mostly() // without min_change
	moving := [][]byte{picture(t, 100, 64, 48), picture(t, 150, 64, 48)}
	start(t, 0, cycle(moving...), atLeast(1)).mostly()
}
