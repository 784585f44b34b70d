package grab_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	stdjpeg "image/jpeg"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"linkstart/pkg/broker"
	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
	"linkstart/pkg/grab"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	subjects = bus.Subjects{Prefix: "linkstart"}
	quiet    = slog.New(slog.DiscardHandler)
)

// scripted is a source that does what a test says, one function for each call of Stream.
type scripted struct {
	mu    sync.Mutex
	calls int
	run   func(ctx context.Context, call int, offer func(camera.Picture)) error
}

func (s *scripted) Stream(ctx context.Context, offer func(camera.Picture)) error {
	s.mu.Lock()
	s.calls++
	call := s.calls
	s.mu.Unlock()
	return s.run(ctx, call, offer)
}

// picture is a small real JPEG that differs with shade.
func picture(t testing.TB, shade uint8, width, height int) []byte {
	img := image.NewGray(image.Rect(0, 0, width, height))
	for i := range img.Pix {
		img.Pix[i] = shade
	}
	var b bytes.Buffer
	if err := stdjpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// flow offers a changing JPEG every 5 ms until ctx ends.
func flow(t testing.TB, ctx context.Context, offer func(camera.Picture)) error {
	pictures := [][]byte{picture(t, 10, 64, 48), picture(t, 200, 64, 48)}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for i := 0; ; i++ {
		offer(camera.Picture{Captured: time.Now(), Width: 64, Height: 48, JPEG: pictures[i%2]})
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

type rig struct {
	t        *testing.T
	consumer *nats.Conn
	statuses chan camera.Status
	ended    chan error
}

func start(t *testing.T, frozenAfter time.Duration, source camera.Source, with ...func(*grab.Options)) *rig {
	t.Helper()
	server, err := broker.Start(broker.Options{Dir: t.TempDir(), Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	join := func(user string, p broker.Permissions) *nats.Conn {
		nc, err := bus.Connect(t.Context(), bus.Access{URL: server.URL(), User: user, Password: server.AddUser(user, p)}, quiet)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		return nc
	}
	r := &rig{
		t: t, consumer: join(broker.RelayUser, broker.RelayPermissions(subjects)),
		statuses: make(chan camera.Status, 100), ended: make(chan error, 1),
	}
	if _, err := r.consumer.Subscribe(subjects.Status("cam"), func(m *nats.Msg) {
		var s camera.Status
		if json.Unmarshal(m.Data, &s) == nil {
			r.statuses <- s
		}
	}); err != nil {
		t.Fatal(err)
	}
	if err := r.consumer.Flush(); err != nil {
		t.Fatal(err)
	}
	options := grab.Options{
		Spec:        camera.Spec{ID: "cam", FPS: 100, Quality: 80, MaxPixels: 1 << 20},
		FrozenAfter: frozenAfter, Source: source, Subjects: subjects, Log: quiet,
		Conn:  join(broker.GrabberUser("cam"), broker.GrabberPermissions(subjects, "cam")),
		Scrub: func(s string) string { return s },
	}
	for _, set := range with {
		set(&options)
	}
	g := grab.New(options)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { r.ended <- g.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case <-r.ended:
		case <-time.After(30 * time.Second):
			t.Error("the grabber does not end")
		}
	})
	return r
}

// until waits for a heartbeat of that state.
func (r *rig) until(state camera.State) camera.Status {
	r.t.Helper()
	timeout := time.After(30 * time.Second)
	for {
		select {
		case s := <-r.statuses:
			if s.State == state {
				return s
			}
		case <-timeout:
			r.t.Fatalf("the camera never became %s", state)
		}
	}
}

// ask requests one frame until the grabber has one.
func (r *rig) ask(rendition camera.Rendition) *camera.Frame {
	r.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		f, err := bus.Ask(r.t.Context(), r.consumer, subjects, "cam", rendition)
		if err == nil {
			return f
		}
		if !errors.Is(err, bus.ErrNoFrame) && !errors.Is(err, nats.ErrNoResponders) && !errors.Is(err, context.DeadlineExceeded) {
			r.t.Fatal(err)
		}
	}
	r.t.Fatal("no frame came")
	return nil
}

func TestPublishesOnlyWhileWanted(t *testing.T) {
	t.Parallel()
	var encoded sync.Map
	r := start(t, 0, &scripted{run: func(ctx context.Context, _ int, offer func(camera.Picture)) error {
		jpeg := picture(t, 1, 64, 48)
		for i := uint64(1); ctx.Err() == nil; i++ {
			offer(camera.Picture{
				Captured: time.Now(), Width: 64, Height: 48, Fingerprint: i,
				Encode: func(int) ([]byte, int, int, error) { encoded.Store(i, true); return jpeg, 64, 48, nil },
			})
			time.Sleep(time.Millisecond)
		}
		offer(camera.Picture{})
		return ctx.Err()
	}})
	frames := make(chan *nats.Msg, 1000)
	sub, err := r.consumer.ChanSubscribe(subjects.Frame("cam", bus.All), frames)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	r.until(camera.Live)
	r.until(camera.Live) // a heartbeat later
	encoded.Range(func(any, any) bool { t.Error("a picture was encoded that nobody wanted"); return false })
	if len(frames) > 0 {
		t.Error("a frame was published that nobody wanted")
	}
	if f := r.ask(camera.Main); f.NotLive || f.Width != 64 || f.Seq == 0 {
		t.Errorf("the answer is %+v", f)
	}
	first, err := bus.DecodeFrame(<-frames)
	if err != nil {
		t.Fatal(err)
	}
	second, err := bus.DecodeFrame(<-frames)
	if err != nil {
		t.Fatal(err)
	}
	if second.Seq <= first.Seq || second.Captured.Before(first.Captured) {
		t.Errorf("frame %d is followed by %d", first.Seq, second.Seq)
	}
	// The lease runs out: heartbeats go on, frames do not.
	for s := r.until(camera.Live); s.FPSOut > 0; s = r.until(camera.Live) {
	}
	for len(frames) > 0 {
		<-frames
	}
	r.until(camera.Live)
	if len(frames) > 0 {
		t.Error("frames are published after the lease")
	}
}

func TestJPEGPassesUnchanged(t *testing.T) {
	jpeg := picture(t, 99, 320, 200)
	r := start(t, 0, &scripted{run: func(ctx context.Context, _ int, offer func(camera.Picture)) error {
		offer(camera.Picture{Captured: time.Now(), Width: 320, Height: 200, JPEG: jpeg})
		<-ctx.Done()
		return ctx.Err()
	}})
	if f := r.ask(camera.Main); !bytes.Equal(f.JPEG, jpeg) {
		t.Error("the JPEG is not the camera's")
	}
}

func TestSubIsSmall(t *testing.T) {
	jpeg := picture(t, 99, 1600, 400)
	r := start(t, 0, &scripted{run: func(ctx context.Context, _ int, offer func(camera.Picture)) error {
		offer(camera.Picture{Captured: time.Now(), Width: 1600, Height: 400, JPEG: jpeg})
		<-ctx.Done()
		return ctx.Err()
	}})
	f := r.ask(camera.Sub)
	c, err := stdjpeg.DecodeConfig(bytes.NewReader(f.JPEG))
	if err != nil {
		t.Fatal(err)
	}
	if c.Width != 640 || c.Height != 160 || f.Width != c.Width || f.Height != c.Height {
		t.Errorf("sub is %dx%d and says %dx%d", c.Width, c.Height, f.Width, f.Height)
	}
}

func TestSourceIsReconnected(t *testing.T) {
	t.Parallel()
	r := start(t, 0, &scripted{run: func(ctx context.Context, call int, offer func(camera.Picture)) error {
		switch call {
		case 1:
			offer(camera.Picture{Captured: time.Now(), Width: 64, Height: 48, JPEG: picture(t, 5, 64, 48)})
			return &camera.Error{Say: "the camera at example hung up", Err: errors.New("EOF")}
		case 2, 3:
			return fmt.Errorf("connect: refused")
		}
		return flow(t, ctx, offer)
	}})
	if s := r.until(camera.Reconnecting); s.Error == "" || s.Seq == 0 {
		t.Errorf("status = %+v", s)
	}
	if f := r.ask(camera.Main); !f.NotLive && f.Seq == 1 {
		t.Error("the last picture known is given out as live")
	}
	if s := r.until(camera.Live); s.Error != "" {
		t.Errorf("a live camera says %q", s.Error)
	}
}

func TestLastPictureOutlivesItsBuffers(t *testing.T) {
	jpeg := picture(t, 5, 64, 48)
	released := false
	r := start(t, 0, &scripted{run: func(ctx context.Context, call int, offer func(camera.Picture)) error {
		if call > 1 {
			<-ctx.Done()
			return ctx.Err()
		}
		offer(camera.Picture{Captured: time.Now(), Width: 64, Height: 48, Fingerprint: 1, Encode: func(int) ([]byte, int, int, error) {
			if released {
				t.Error("encoded after the buffers were released")
			}
			return jpeg, 64, 48, nil
		}})
		offer(camera.Picture{})
		released = true
		return errors.New("gone")
	}})
	if f := r.ask(camera.Main); !bytes.Equal(f.JPEG, jpeg) {
		t.Error("the last picture is another")
	}
}

func TestFrozenPictureIsNoticed(t *testing.T) {
	t.Parallel()
	jpeg := picture(t, 7, 64, 48)
	thaw := make(chan struct{})
	r := start(t, 100*time.Millisecond, &scripted{run: func(ctx context.Context, call int, offer func(camera.Picture)) error {
		for ctx.Err() == nil {
			select {
			case <-thaw:
				return flow(t, ctx, offer)
			default:
			}
			offer(camera.Picture{Captured: time.Now(), Width: 64, Height: 48, JPEG: bytes.Clone(jpeg)})
			time.Sleep(time.Millisecond)
		}
		return ctx.Err()
	}})
	if s := r.until(camera.Frozen); s.Error == "" {
		t.Error("a frozen camera gives no reason")
	}
	close(thaw)
	r.until(camera.Live)
}

func TestConfigurationThatCannotWorkEndsTheGrabber(t *testing.T) {
	r := start(t, 0, &scripted{run: func(context.Context, int, func(camera.Picture)) error {
		return &camera.Error{Say: "no such pattern", Err: camera.ErrConfig}
	}})
	err := <-r.ended
	r.ended <- nil
	if !errors.Is(err, camera.ErrConfig) {
		t.Errorf("the grabber ended with %v", err)
	}
}

func TestWaitingIsNoFault(t *testing.T) {
	r := start(t, 0, &scripted{run: func(ctx context.Context, call int, offer func(camera.Picture)) error {
		if call == 1 {
			return camera.ErrWaiting
		}
		<-ctx.Done()
		return ctx.Err()
	}})
	if s := r.until(camera.Waiting); s.Error != "" || s.AgeMs != -1 {
		t.Errorf("status = %+v", s)
	}
}

func TestLeaseRateIsKept(t *testing.T) {
	t.Parallel()
	r := start(t, 0, &scripted{run: func(ctx context.Context, _ int, offer func(camera.Picture)) error { return flow(t, ctx, offer) }})
	const fps, n = 4, 12
	frames := r.published(fps, n)
	if took := frames[n-1].Captured.Sub(frames[0].Captured); n > fps*took.Seconds()+4 { // the limiter lets some come early, and late
		t.Errorf("%d fps were asked for, %d frames were published of %v", fps, n, took)
	}
}

// TestAnswersGoToInboxesOnly: who may ask names the subject of the answer, and must not have the grabber say there what he may not.
func TestAnswersGoToInboxesOnly(t *testing.T) {
	r := start(t, 0, &scripted{run: func(ctx context.Context, _ int, offer func(camera.Picture)) error { return flow(t, ctx, offer) }})
	r.ask(camera.Main)
	other, err := r.consumer.SubscribeSync(subjects.Frame("other", camera.Main))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.consumer.PublishRequest(subjects.Want("cam", camera.Main), other.Subject, nil); err != nil {
		t.Fatal(err)
	}
	r.ask(camera.Main) // which is answered after that
	if m, err := other.NextMsg(50 * time.Millisecond); err == nil {
		t.Errorf("the grabber has published %d bytes on %s", len(m.Data), m.Subject)
	}
}
