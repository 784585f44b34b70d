package hikvision_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/jpeg"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"linkstart/pkg/camera"
	"linkstart/pkg/logtest"
	"linkstart/sdk/hikvision"
	"linkstart/sdk/hikvision/standin"
)

const (
	limit    = time.Minute // a test that waits longer has failed, however busy the machine is
	footage  = "../../deploy/footage/street.mp4"
	password = "geh3im-passwort"
)

// clips are made once for all tests.
var clips = sync.OnceValue(func() map[string][]byte { return map[string][]byte{} })

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// library is the stand-in with clips in it.
func library(t *testing.T) *standin.Library {
	t.Helper()
	l := standin.Build(t)
	for name, compressor := range map[string]string{
		"h264": standin.H264, "h265": standin.H265, "slices": standin.H264 + " sliced-threads=false option-string=slices=4",
	} {
		if clips()[name] == nil {
			l.Clip(name, footage, compressor, 640, 360, 75)
			clips()[name], _ = os.ReadFile(filepath.Join(l.Folder, name))
		}
		if err := os.WriteFile(filepath.Join(l.Folder, name), clips()[name], 0o644); err != nil {
			t.Fatal(err)
		}
	}
	l.Order("main h264", "fps 50", "password "+password)
	return l
}

// watching runs a Stream and hands out what it offers.
type watching struct {
	t      *testing.T
	source camera.Watcher
	offers chan camera.Picture
	taken  chan struct{} // the offer may return
	ended  chan error
	cancel context.CancelFunc
	log    *logtest.Buffer
}

func watch(t *testing.T, spec camera.Spec) *watching {
	t.Helper()
	log := &logtest.Buffer{}
	if spec.FPS == 0 {
		spec.FPS = 50
	}
	if spec.OpenTimeout == 0 {
		spec.OpenTimeout = limit
	}
	if spec.ReadTimeout == 0 {
		spec.ReadTimeout = limit
	}
	s, err := hikvision.New(spec, slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	w := &watching{
		t: t, source: s.(camera.Watcher), offers: make(chan camera.Picture), taken: make(chan struct{}), ended: make(chan error, 1),
		cancel: cancel, log: log,
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.ended <- s.Stream(ctx, func(p camera.Picture) {
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
	t.Cleanup(func() {
		cancel()
		<-done
		if strings.Contains(log.String(), password) {
			t.Errorf("the password is in the log:\n%s", log)
		}
	})
	return w
}

// next returns the next picture that fits.
func (w *watching) next(fits func(camera.Picture) bool) camera.Picture {
	w.t.Helper()
	end := time.After(limit)
	for {
		select {
		case p := <-w.offers:
			if fits(p) {
				return p
			}
			w.taken <- struct{}{}
		case err := <-w.ended:
			w.t.Fatalf("the stream ended: %v", err)
		case <-end:
			w.t.Fatal("the picture that was waited for did not come")
		}
	}
}

func (w *watching) goOn() { w.taken <- struct{}{} }

// end takes what comes until the stream ends, and returns why.
func (w *watching) end() error {
	w.t.Helper()
	after := time.After(limit)
	for {
		select {
		case <-w.offers:
			w.goOn()
		case err := <-w.ended:
			return err
		case <-after:
			w.t.Fatal("the stream did not end")
		}
	}
}

func isKept(p camera.Picture) bool { return p.Kept }
func isKey(p camera.Picture) bool  { return !p.Kept && p.Encode != nil && p.Decode == 0 }
func isLive(p camera.Picture) bool { return !p.Kept && p.Encode != nil && p.Decode > 0 }
func isJPEG(p camera.Picture) bool { return p.JPEG != nil }

func at(hostPort, rest string) string {
	return fmt.Sprintf("hikvision://admin:%s@%s/%s", password, hostPort, rest)
}

func encodes(t *testing.T, p camera.Picture) {
	t.Helper()
	b, w, h, err := p.Encode(0)
	if err != nil || w != 640 || h != 360 {
		t.Fatalf("a picture of %d×%d px: %v", w, h, err)
	}
	if _, err := jpeg.Decode(bytes.NewReader(b)); err != nil {
		t.Error(err)
	}
}

// eventually waits until what is asked for is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it did not happen: " + what)
		}
	}
}

func TestAsleepAwakeAsleep(t *testing.T) {
	l, hostPort := library(t), standin.Camera(t)
	for _, test := range []struct{ name, query, order string }{
		{"H.264", "1", "main h264"},
		{"H.265", "1?stream=main", "main h265"},
		{"substream", "33?stream=sub", "sub h264"},
		{"parameter sets in packets of their own", "1", "main h264\napart"},
		{"the same of H.265", "1", "main h265\napart"},
		{"slices in one packet", "1", "main slices"},
		{"slices in packets of their own", "1", "main slices\napart"},
	} {
		t.Run(test.name, func(t *testing.T) {
			l.Order("fps 50", "password "+password, test.order)
			w := watch(t, camera.Spec{ID: "cam", Source: at(hostPort, test.query), Library: l.Path})
			for range 10 { // asleep
				if p := w.next(isKept); p.Width != 640 || p.Height != 360 || p.Captured.IsZero() {
					t.Errorf("a kept picture of %d×%d px, %v", p.Width, p.Height, p.Captured)
				}
				w.goOn()
			}
			encodes(t, w.next(isKey))
			w.source.Watch(true)
			w.goOn()
			for range 60 { // over two keyframes
				encodes(t, w.next(isLive))
				w.goOn()
			}
			w.source.Watch(false)
			w.next(isKept)
			w.goOn()
		})
	}
	if n := l.Count("play 33 1"); n != 1 {
		t.Errorf("channel 33's substream was played %d times: %q", n, l.Told())
	}
	eventually(t, "every session is ended", func() bool { return l.Count("logout") == 7 && l.Count("stop") == 7 })
	if n := l.Count("init"); n != 1 {
		t.Errorf("the library was started %d times", n)
	}
}

// Where slices come in packets of their own, pictures are put together as they were.
func TestSlicesMakeWholePictures(t *testing.T) {
	l, hostPort := library(t), standin.Camera(t)
	pictures := func(orders ...string) func() string {
		l.Order(append(orders, "main slices", "fps 50")...)
		w := watch(t, camera.Spec{ID: "cam", Source: at(hostPort, "1"), Library: l.Path})
		w.source.Watch(true)
		return func() string {
			b, _, _, err := w.next(isLive).Encode(0)
			if err != nil {
				t.Error(err)
			}
			w.goOn()
			return string(b)
		}
	}
	whole := map[string]bool{}
	for next, end := pictures(), time.Now().Add(limit); len(whole) < 75; whole[next()] = true {
		if time.Now().After(end) {
			t.Fatalf("only %d pictures of the clip came", len(whole))
		}
	}
	next := pictures("apart")
	for range standin.KeyInt { // up to the second keyframe: before the second slice nobody knows that there is one
		next()
	}
	for range 50 {
		if !whole[next()] {
			t.Fatal("a picture is another than where all slices come together")
		}
	}
}

// A host that is held to one address is not looked up.
func TestPinnedHost(t *testing.T) {
	l, hostPort := library(t), standin.Camera(t)
	elsewhere := strings.Replace(at(hostPort, "1"), "127.0.0.1", "no-such-host.invalid", 1)
	w := watch(t, camera.Spec{ID: "cam", Source: elsewhere, Pin: "127.0.0.1", Library: l.Path})
	w.next(isKey)
	w.goOn()
}

// What begins in the middle of a group, or has lost something, asks the camera for a keyframe and shows nothing before that.
func TestAsksForAKeyframe(t *testing.T) {
	l, hostPort := library(t), standin.Camera(t)
	l.Order("main h264", "fps 50", "begin 3")
	w := watch(t, camera.Spec{ID: "cam", Source: at(hostPort, "1"), Library: l.Path})
	w.source.Watch(true)
	encodes(t, w.next(isLive))
	w.goOn()
	if l.Count("keyframe 1") == 0 {
		t.Errorf("no keyframe was asked for: %q", l.Told())
	}
}

// Whoever takes pictures too slowly gets new ones when he goes on, and none that cannot be decoded. The library is never held up meanwhile.
func TestSlowTakerGetsTheNewest(t *testing.T) {
	l, hostPort := library(t), standin.Camera(t)
	l.Order("main h264", "fps 1000", "dumb")
	w := watch(t, camera.Spec{ID: "cam", Source: at(hostPort, "1"), Library: l.Path})
	w.source.Watch(true)
	w.next(isLive)
	eventually(t, "what waits is thrown away, and a keyframe asked for", func() bool { return l.Count("keyframe 1") > 0 })
	l.Order("main h264", "fps 50", "dumb")
	stalled := time.Now()
	w.goOn()
	p := w.next(func(p camera.Picture) bool { return isLive(p) && p.Captured.After(stalled) })
	encodes(t, p)
	w.goOn()
	w.next(isLive)
	w.goOn()
	if strings.Contains(w.log.String(), "waiting for a keyframe") {
		t.Errorf("what cannot be decoded was decoded:\n%s", w.log)
	}
}

// Packets that come after the end of a stream are nobody's.
func TestLateCallbackIsIgnored(t *testing.T) {
	l, hostPort := library(t), standin.Camera(t)
	l.Order("main h264", "fps 50", "late")
	for range 3 {
		w := watch(t, camera.Spec{ID: "cam", Source: at(hostPort, "1"), Library: l.Path})
		w.next(isKey)
		w.cancel()
		if err := <-w.ended; !errors.Is(err, context.Canceled) {
			t.Errorf("it ended with %v", err)
		}
	}
}

func TestRefusals(t *testing.T) {
	l := library(t)
	const hostPort = "HOST" // in whose place each has a camera of its own
	wrong := strings.Replace(at(hostPort, "1"), password, "not-"+password, 1)
	for _, test := range []struct {
		name, source, orders, want string
		kind                       error
	}{
		{"wrong password", wrong, "password " + password, "the camera at HOST refused user admin: check user name and password", camera.ErrAuth},
		{"tries left", wrong, "password " + password + "\ntries 4", "(4 more tries until it locks the account)", camera.ErrAuth},
		{"unknown user", strings.Replace(at(hostPort, "1"), "admin", "root", 1), "", "the camera at HOST refused user root: check user name and password", camera.ErrAuth},
		{"locked", at(hostPort, "1"), "login 153\nlocked 1790", "the camera at HOST refused user admin: locked for 30 min after too many wrong passwords", camera.ErrAuth},
		{"locked for seconds", at(hostPort, "1"), "login 153\nlocked 40", "locked for 40 s", camera.ErrAuth},
		{"may not log in", at(hostPort, "1"), "login 2", "this user may not log in from here", camera.ErrAuth},
		{"too many users", at(hostPort, "1"), "login 52", "the camera at HOST has too many users already", nil},
		{"another protocol", at(hostPort, "1"), "login 7", "does not speak Hikvision's protocol", nil},
		{"network", at(hostPort, "1"), "login 10", "the connection to the camera at HOST broke", nil},
		{"any other", at(hostPort, "1"), "login 88", "(its error 88)", nil},
		{"nobody listens", at("127.0.0.1:1", "1"), "", "127.0.0.1:1 is there, but nothing listens on that port", nil},
		{"no such host", at("no-such-host.invalid", "1"), "", "no host is called no-such-host.invalid", nil},
		{"no such channel", at(hostPort, "7"), "", "HOST has no channel 7: it has 1 to 2 and 33 to 292", nil},
		{"may not see", at(hostPort, "1"), "play 2", "user admin may not see channel 1 of HOST", nil},
		{"too many streams", at(hostPort, "1"), "play 5", "sends as many streams as it can", nil},
		{"no elementary stream", at(hostPort, "1"), "es 23", "the camera at HOST cannot do that: HCNetSDK could not play the video of it (its error 23)", nil},
		{"no snapshot", at(hostPort, "1?mode=snapshot"), "capture 23", "cannot do that", nil},
		{"snapshot fails", at(hostPort, "1?mode=snapshot"), "capture 29", "could not do what HCNetSDK asked of it", nil},
		{"nothing comes", at(hostPort, "1"), "stall", "sends no video of channel 1: nothing came within 1s", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			l.Order("main h264", test.orders)
			hostPort := standin.Camera(t)
			source := strings.Replace(test.source, "HOST", hostPort, 1)
			err := watch(t, camera.Spec{ID: "cam", Source: source, Library: l.Path, OpenTimeout: time.Second}).end()
			want := strings.ReplaceAll(test.want, "HOST", hostPort)
			if say := camera.Say(err); !strings.Contains(say, want) {
				t.Errorf("it says %q, want %q", say, want)
			}
			if errors.Is(err, camera.ErrAuth) != (test.kind != nil) || errors.Is(err, camera.ErrConfig) || errors.Is(err, camera.ErrStuck) {
				t.Errorf("it is an error of another kind: %v", err)
			}
			if strings.Contains(err.Error(), password) {
				t.Errorf("the password is in the error %v", err)
			}
		})
	}
	eventually(t, "every session is ended", func() bool { return l.Count("logout") >= 6 })
}

// A camera with a substream logs in twice; a password that is refused is nevertheless tried once.
func TestRefusedPasswordIsTriedOnce(t *testing.T) {
	l, hostPort := library(t), standin.Camera(t)
	l.Order("login 1", "tries 3")
	for _, stream := range []string{"main", "sub"} {
		err := watch(t, camera.Spec{ID: "cam", Source: at(hostPort, "1?stream="+stream), Library: l.Path}).end()
		if !errors.Is(err, camera.ErrAuth) || !strings.Contains(camera.Say(err), "(3 more tries") {
			t.Errorf("%s: it ended with %v", stream, err)
		}
	}
	if n := l.Count("login"); n != 1 {
		t.Errorf("it was tried %d times", n)
	}
}

// What the library says of a lost camera ends the stream, and so does silence; a new one works.
func TestLostCamera(t *testing.T) {
	l, hostPort := library(t), standin.Camera(t)
	for i, test := range []struct {
		name, order, want string
		silence           time.Duration // that ends the stream; 0: none does
	}{
		{"session", "exception 0x8000", "the connection to the camera at HOST was lost", 0},
		{"preview", "exception 0x8003", "the connection to the camera at HOST was lost", 0},
		{"reconnecting", "exception 0x8005", "the connection to the camera at HOST was lost", 0},
		{"login anew", "exception 0x8040", "the camera at HOST has started anew", 0},
		{"silence", "stall", "the camera at HOST has sent no picture for 1s", time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			l.Order("main h264", "fps 50")
			w := watch(t, camera.Spec{ID: "cam", Source: at(hostPort, "1"), Library: l.Path, ReadTimeout: test.silence})
			w.next(isKept)
			w.goOn()
			l.Order("main h264", "fps 50", fmt.Sprintf("%s %d", test.order, i))
			err := w.end()
			if say := camera.Say(err); say != strings.ReplaceAll(test.want, "HOST", hostPort) || errors.Is(err, camera.ErrStuck) {
				t.Errorf("it ended with %v", err)
			}
		})
	}
	t.Run("other video", func(t *testing.T) {
		both := slices.Concat(clips()["h264"], clips()["h265"])
		if err := os.WriteFile(filepath.Join(l.Folder, "both"), both, 0o600); err != nil {
			t.Fatal(err)
		}
		l.Order("main both", "fps 100")
		err := watch(t, camera.Spec{ID: "cam", Source: at(hostPort, "1"), Library: l.Path}).end()
		if want := "the camera at " + hostPort + " sends other video than before, and is connected anew"; camera.Say(err) != want {
			t.Errorf("it ended with %v", err)
		}
	})
	t.Run("of no concern", func(t *testing.T) {
		l.Order("main h264", "fps 50")
		w := watch(t, camera.Spec{ID: "cam", Source: at(hostPort, "1"), Library: l.Path})
		w.next(isKept)
		w.goOn()
		l.Order("main h264", "fps 50", "exception 0x8006", "pipe")
		for range 50 {
			w.next(isKept)
			w.goOn()
		}
		if l.Count("pipe -1") == 0 {
			t.Error("nobody has written into a broken pipe")
		}
	})
}

func TestSnapshots(t *testing.T) {
	l, hostPort := library(t), standin.Camera(t)
	all := l.JPEGs(footage, 640, 360, 5)
	l.Order("jpegs 5")
	w := watch(t, camera.Spec{ID: "cam", Source: at(hostPort, "1?mode=snapshot"), Library: l.Path, FPS: 40})
	w.source.Watch(true)
	var begun time.Time
	for i := range 42 {
		p := w.next(isJPEG)
		if !bytes.Equal(p.JPEG, all[i%5]) || p.Width != 640 || p.Height != 360 {
			t.Fatalf("picture %d is another than the camera made", i)
		}
		if i == 0 {
			begun = time.Now() // the next one may be due already
		}
		w.goOn()
	}
	if took := time.Since(begun); took < time.Second {
		t.Errorf("41 more pictures at 40 a second took %v", took)
	}
	w.source.Watch(false)
	w.next(isJPEG) // it may have been on its way
	w.goOn()
	w.next(isJPEG)
	begun = time.Now()
	w.goOn()
	w.next(isJPEG) // it may have been due already
	w.goOn()
	if two := w.next(isJPEG); two.Captured.Sub(begun) < time.Second {
		t.Errorf("while nobody watches two more pictures are taken in %v", two.Captured.Sub(begun))
	}
	w.goOn()
	l.Order("capture 9")
	if err := w.end(); !strings.Contains(camera.Say(err), "broke") {
		t.Errorf("it ended with %v", err)
	}
}

// A call that does not return is the end of the process.
func TestLibraryThatHangs(t *testing.T) {
	for _, where := range []string{"login", "play", "stop"} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			l, hostPort := library(t), standin.Camera(t)
			l.Order("main h264", "fps 50", "hang "+where)
			w := watch(t, camera.Spec{ID: "cam", Source: at(hostPort, "1"), Library: l.Path})
			if where == "stop" {
				w.next(isKept)
				w.cancel()
			}
			err := <-w.ended
			if !errors.Is(err, camera.ErrStuck) || !strings.Contains(camera.Say(err), "HCNetSDK hangs") {
				t.Errorf("it ended with %v", err)
			}
			l.Order()
			eventually(t, "the call returns", func() bool { return l.Count("released") == 1 })
		})
	}
}
