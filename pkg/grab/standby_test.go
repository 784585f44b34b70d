package grab_test

import (
	"bytes"
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
	"linkstart/pkg/grab"
)

// sleeper is a Watcher as video cameras have it: one keyframe and then pictures every 5 ms, kept while nobody watches.
type sleeper struct {
	key, live []byte
	encoded   atomic.Int64
	watching  atomic.Bool
	told      chan bool
}

func (s *sleeper) Watch(watched bool) {
	s.watching.Store(watched)
	s.told <- watched
}

func (s *sleeper) picture(number uint64, jpeg []byte) camera.Picture {
	return camera.Picture{
		Captured: time.Now(), Width: 64, Height: 48, Fingerprint: number,
		Encode: func(int) ([]byte, int, int, error) { s.encoded.Add(1); return jpeg, 64, 48, nil },
	}
}

func (s *sleeper) Stream(ctx context.Context, offer func(camera.Picture)) error {
	offer(s.picture(1, s.key))
	for n := uint64(2); ctx.Err() == nil; n++ {
		time.Sleep(5 * time.Millisecond)
		if s.watching.Load() {
			offer(s.picture(n, s.live))
		} else {
			offer(camera.Picture{Kept: true, Captured: time.Now()})
		}
	}
	offer(camera.Picture{})
	return ctx.Err()
}

func newSleeper(t *testing.T) *sleeper {
	return &sleeper{key: picture(t, 1, 64, 48), live: picture(t, 2, 64, 48), told: make(chan bool, 10)}
}

func standby(s camera.Standby) func(*grab.Options) {
	return func(o *grab.Options) { o.Standby = s }
}

func TestWarmCameraAnswersAtOnceAndIsWoken(t *testing.T) {
	t.Parallel()
	s := newSleeper(t)
	r := start(t, 0, s, standby(camera.Warm))
	first := r.until(camera.Live)
	for later := r.until(camera.Live); later.FPSIn == 0 || later.Seq == first.Seq; later = r.until(camera.Live) {
	} // what is kept counts
	if n := s.encoded.Load(); n > 0 || len(s.told) > 0 {
		t.Fatalf("%d pictures were encoded that nobody watched", n)
	}
	frames, err := r.consumer.SubscribeSync(subjects.Frame("cam", camera.Main))
	if err != nil {
		t.Fatal(err)
	}
	frame := func(m *nats.Msg, err error) *camera.Frame {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		f, err := bus.DecodeFrame(m)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	if f := frame(r.consumer.Request(subjects.Want("cam", camera.Main), nil, 30*time.Second)); !f.NotLive || f.Seq != 1 || !bytes.Equal(f.JPEG, s.key) {
		t.Errorf("the answer is frame %d, not live %v; want the keyframe, not live", f.Seq, f.NotLive)
	}
	if f := frame(frames.NextMsg(30 * time.Second)); f.NotLive || f.Seq <= first.Seq || !bytes.Equal(f.JPEG, s.live) {
		t.Errorf("then comes frame %d, not live %v; want a live one", f.Seq, f.NotLive)
	}
	for _, want := range []bool{true, false} { // the lease runs out
		select {
		case got := <-s.told:
			if got != want {
				t.Errorf("watched = %v, want %v", got, want)
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("the source is never told that watched = %v", want)
		}
	}
}

func TestHotCameraIsAlwaysAwake(t *testing.T) {
	s := newSleeper(t)
	r := start(t, 0, s, standby(camera.Hot))
	if !<-s.told {
		t.Error("the source was sent to sleep")
	}
	for !bytes.Equal(r.ask(camera.Main).JPEG, s.live) { // the source has been told before its first picture, or at it
	}
	if f := r.ask(camera.Main); f.NotLive {
		t.Error("a hot camera's picture is not live")
	}
}

func TestColdCameraConnectsOnDemand(t *testing.T) {
	t.Parallel()
	var connected atomic.Int64
	ended := make(chan struct{}, 10)
	r := start(t, 0, &scripted{run: func(ctx context.Context, _ int, offer func(camera.Picture)) error {
		connected.Add(1)
		defer func() { ended <- struct{}{} }()
		return flow(t, ctx, offer)
	}}, standby(camera.Cold))
	r.until(camera.Waiting)
	r.until(camera.Waiting) // a heartbeat later
	if connected.Load() > 0 {
		t.Fatal("a cold camera was connected though nobody watches")
	}
	if f := r.ask(camera.Main); f.Seq == 0 {
		t.Error("no picture came")
	}
	r.until(camera.Live)
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		t.Fatal("the camera stays connected though nobody watches")
	}
	if s := r.until(camera.Waiting); s.Error != "" {
		t.Errorf("a camera that rests says %q", s.Error)
	}
	if f := r.ask(camera.Main); !f.NotLive {
		t.Error("the last picture of a camera that rested is given out as live")
	}
	r.until(camera.Live)
	if n := connected.Load(); n != 2 {
		t.Errorf("connected %d times, want 2", n)
	}
}

func TestSubstreamMakesSub(t *testing.T) {
	large, small := picture(t, 10, 800, 80), picture(t, 20, 320, 32)
	lost := make(chan struct{})
	still := func(jpeg []byte, width, height int, end <-chan struct{}) *scripted {
		return &scripted{run: func(ctx context.Context, call int, offer func(camera.Picture)) error {
			for n := uint64(1); ; n++ {
				select {
				case <-ctx.Done():
					return ctx.Err()
				case <-end:
					return &camera.Error{Say: "the substream is gone", Err: camera.ErrConfig}
				case <-time.After(5 * time.Millisecond):
					offer(camera.Picture{Captured: time.Now(), Width: width, Height: height, JPEG: jpeg, Fingerprint: n})
				}
			}
		}}
	}
	r := start(t, 0, still(large, 800, 80, nil), func(o *grab.Options) { o.Substream = still(small, 320, 32, lost) })
	for !bytes.Equal(r.ask(camera.Sub).JPEG, small) { // main may be there first
	}
	if f := r.ask(camera.Main); !bytes.Equal(f.JPEG, large) {
		t.Error("main is not the camera's own stream")
	}
	close(lost)
	s := r.until(camera.Live)
	for s.Error == "" {
		s = <-r.statuses
	}
	if s.State != camera.Live || s.Error != "substream: the substream is gone" {
		t.Errorf("without its substream the camera is %s and says %q", s.State, s.Error)
	}
	if f := r.ask(camera.Sub); f.Width != camera.SubWidth || f.NotLive {
		t.Errorf("sub is %d px wide, not live %v; want it made from main", f.Width, f.NotLive)
	}
	select {
	case err := <-r.ended:
		t.Errorf("the grabber ended with its substream: %v", errors.Join(err))
		r.ended <- err
	default:
	}
}

func TestSnapshotOfAWarmCameraIsLive(t *testing.T) {
	s := newSleeper(t)
	r := start(t, 0, s)
	for status := r.until(camera.Live); status.Seq < 2; status = r.until(camera.Live) {
	} // pictures are kept since the keyframe
	f, err := bus.AskLive(t.Context(), r.consumer, subjects, "cam", camera.Main, 30*time.Second, quiet)
	if err != nil {
		t.Fatal(err)
	}
	if f.NotLive || !bytes.Equal(f.JPEG, s.live) {
		t.Errorf("frame %d, not live %v; want a live one", f.Seq, f.NotLive)
	}
}

func TestSnapshotOfAColdCameraWaitsForItsConnection(t *testing.T) {
	r := start(t, 0, &scripted{run: func(ctx context.Context, _ int, offer func(camera.Picture)) error { return flow(t, ctx, offer) }}, standby(camera.Cold))
	r.until(camera.Waiting)
	f, err := bus.AskLive(t.Context(), r.consumer, subjects, "cam", camera.Main, 30*time.Second, quiet)
	if err != nil || f.NotLive {
		t.Errorf("frame %+v, error %v; want a live one", f, err)
	}
}
