package video

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/rtsptest"
)

const limit = time.Minute // a test that waits longer has failed, however busy the machine is

// watching runs a Stream and hands out what it offers.
type watching struct {
	t      *testing.T
	s      *Source
	offers chan camera.Picture
	taken  chan struct{} // the offer may return
}

func watch(t *testing.T, source string) *watching {
	t.Helper()
	s, err := New(camera.Spec{ID: "cam", Source: source, Quality: 80, OpenTimeout: limit, ReadTimeout: limit}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	w := &watching{t: t, s: s.(*Source), offers: make(chan camera.Picture), taken: make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		defer close(ended)
		_ = s.Stream(ctx, func(p camera.Picture) {
			select {
			case w.offers <- p:
				select {
				case <-w.taken:
				case <-ctx.Done():
				}
			case <-ctx.Done():
			}
		})
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return w
}

// next returns the next picture that fits, while its offer has not returned; see is called with all before it.
func (w *watching) next(fits func(camera.Picture) bool, see func(camera.Picture)) camera.Picture {
	w.t.Helper()
	end := time.After(limit)
	for {
		select {
		case p := <-w.offers:
			if fits(p) {
				return p
			}
			if see != nil {
				see(p)
			}
			w.taken <- struct{}{}
		case <-end:
			w.t.Fatal("the picture that was waited for did not come")
		}
	}
}

func (w *watching) goOn() { w.taken <- struct{}{} }

func isKept(p camera.Picture) bool { return p.Kept }
func isKey(p camera.Picture) bool  { return !p.Kept && p.Encode != nil && p.Decode == 0 }
func isLive(p camera.Picture) bool { return !p.Kept && p.Encode != nil && p.Decode > 0 }
func isEnd(p camera.Picture) bool  { return !p.Kept && p.Encode == nil && p.JPEG == nil }

func encodes(t *testing.T, p camera.Picture) {
	t.Helper()
	for _, width := range []int{0, 320} {
		jpeg, w, h, err := p.Encode(width)
		if err != nil || len(jpeg) < 500 || width > 0 && (w != 320 || h != 180) || width == 0 && (w != 640 || h != 360) {
			t.Fatalf("Encode(%d): %d bytes, %d×%d px, %v", width, len(jpeg), w, h, err)
		}
	}
}

func TestAsleepAwakeAsleep(t *testing.T) {
	server := rtsptest.Start(t,
		rtsptest.Mount{Path: "/h264", KeyInt: 20}, rtsptest.Mount{Path: "/h265", Codec: rtsptest.H265, KeyInt: 20},
		rtsptest.Mount{Path: "/mpeg4", Codec: rtsptest.MPEG4, KeyInt: 20})
	for _, path := range []string{"/h264", "/h265", "/mpeg4"} {
		t.Run(path[1:], func(t *testing.T) {
			w := watch(t, server.URL(path))
			asleep := func(n int) {
				for range n {
					if p := w.next(isKept, nil); path != "/mpeg4" && (p.Width != 640 || p.Height != 360) || p.Captured.IsZero() || p.JPEG != nil || p.Encode != nil {
						t.Errorf("a kept picture says %d×%d px, %v", p.Width, p.Height, p.Captured)
					}
					w.goOn()
				}
			}
			asleep(30)
			if n := w.s.Decodes(); n != 0 {
				t.Errorf("%d units were decoded while nobody watched", n)
			}

			// The keyframe shows at once, and is decoded once for two widths.
			key := w.next(isKey, nil)
			w.goOn()
			w.next(isKept, nil)
			w.goOn()
			w.next(isKept, nil)
			encodes(t, key)
			if n := w.s.Decodes(); n != 1 {
				t.Errorf("%d units were decoded for the keyframe, want 1", n)
			}

			// Catching up offers the newest and nothing before, and decodes no unit twice.
			w.s.Watch(true)
			w.goOn()
			var between int
			live := w.next(isLive, func(camera.Picture) { between++ })
			if n := w.s.Decodes(); n < 3 || between > 1 { // one may have been on its way
				t.Errorf("%d units were decoded and %d pictures offered until the newest", n, between)
			}
			if !live.Captured.After(key.Captured) {
				t.Error("the newest picture is older than the keyframe")
			}
			encodes(t, live)
			if _, _, _, err := key.Encode(0); err != nil {
				t.Errorf("the keyframe while the next offer has not returned: %v", err)
			}
			w.goOn()
			encodes(t, w.next(isLive, nil))

			// Asleep again: the last picture can be saved, then there is no decoder.
			w.s.Watch(false)
			w.goOn()
			last := live
			w.next(isEnd, func(p camera.Picture) { last = p })
			if _, _, _, err := last.Encode(0); err != nil && last.Captured.After(live.Captured) {
				t.Errorf("the last chance to encode: %v", err)
			}
			w.goOn()
			asleep(3)
			before := w.s.Decodes()
			asleep(25)
			if n := w.s.Decodes(); n != before {
				t.Errorf("%d units were decoded after the last viewer had gone", n-before)
			}
			w.s.Watch(true)
			encodes(t, w.next(isLive, nil))
			w.goOn()
		})
	}
}

func TestPictureBeforeAwakeIsGone(t *testing.T) {
	server := rtsptest.Start(t, rtsptest.Mount{Path: "/a", KeyInt: 5})
	w := watch(t, server.URL("/a"))
	key := w.next(isKey, nil)
	w.goOn()
	w.next(isKey, nil)
	w.goOn()
	w.next(isKept, nil)
	if _, _, _, err := key.Encode(0); err == nil {
		t.Error("a keyframe can be encoded after the next one was offered")
	}
	w.goOn()
}

// The clip's pictures are not in the order in which they are shown, so a decoder holds its keyframe back until others follow.
func TestKeyframeThatADecoderHoldsBackIsThereAtOnce(t *testing.T) {
	w := watch(t, "../../../deploy/footage/street.mp4")
	for range 2 {
		p := w.next(isKey, nil)
		if jpeg, width, _, err := p.Encode(0); err != nil || width != 768 || len(jpeg) < 500 {
			t.Errorf("%d bytes, %d px wide: %v", len(jpeg), width, err)
		}
		w.goOn()
	}
}

// Who asks for a picture again and again wakes the source each time: that must not hide a camera that has fallen silent.
func TestSilentCameraIsNoticedThoughItIsPolled(t *testing.T) {
	server := rtsptest.Start(t, rtsptest.Mount{Path: "/a"})
	s, err := New(camera.Spec{ID: "cam", Source: server.URL("/a"), Quality: 80, OpenTimeout: limit, ReadTimeout: 3 * time.Second}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	watcher := s.(camera.Watcher)
	ended, frozen := make(chan error, 1), make(chan struct{})
	var once sync.Once
	go func() {
		ended <- s.Stream(t.Context(), func(camera.Picture) { once.Do(func() { server.Freeze(); close(frozen) }) })
	}()
	<-frozen
	defer server.Thaw()
	polls := time.NewTicker(200 * time.Millisecond)
	defer polls.Stop()
	for watched := true; ; watched = !watched {
		select {
		case err := <-ended:
			if !strings.Contains(camera.Say(err), "no picture") {
				t.Errorf("it ended with %v", err)
			}
			return
		case <-polls.C:
			watcher.Watch(watched)
		case <-time.After(limit):
			t.Fatal("a silent camera is not noticed while it is polled")
		}
	}
}
