package video_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/capture/video"
	"linkstart/pkg/rtsptest"
)

func TestSourcesThatCannotBe(t *testing.T) {
	for source, want := range map[string]string{
		"":                                    "empty",
		"v4l2:":                               "written v4l2:0",
		"v4l2:-1":                             "not the number",
		"v4l2:0?size=0x0":                     "written like",
		"v4l2:0?fps=NaN":                      "is a number",
		"v4l2:0?format=x":                     "no option",
		"rtsp://host/stream?latency=soon":     "milliseconds",
		"gopher://host/video":                 "not a scheme",
		"rtsp:///stream":                      "no host",
		"rtsp://host/stream?transport=pigeon": "transport",
		"rtsp://admin:" + secret + "%zz@host": "%25",
		"rtsp://admin:" + secret + "/@host/a": "%2F",
		"clip\x00.mp4":                        "zero byte",
	} {
		_, err := video.New(spec(source), slog.New(slog.DiscardHandler))
		if !errors.Is(err, camera.ErrConfig) || !strings.Contains(camera.Say(err), want) || strings.Contains(err.Error(), secret) {
			t.Errorf("%q: %v; want ErrConfig that says %q without the password", source, err, want)
		}
	}
}

func TestFailuresInWords(t *testing.T) {
	login := rtsptest.Login{User: "admin", Password: "right"}
	digest := rtsptest.StartLogin(t, login, rtsptest.Mount{Path: "/a"})
	login.Basic = true
	basic := rtsptest.StartLogin(t, login, rtsptest.Mount{Path: "/a"})
	gone := rtsptest.Start(t, rtsptest.Mount{Path: "/a"})
	gone.Stop()
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/login":
			w.Header().Set("WWW-Authenticate", `Basic realm="camera"`)
			w.WriteHeader(http.StatusUnauthorized)
		case "/away.mp4":
			http.Redirect(w, r, "http://user:"+secret+"@169.254.169.254/video.mp4?token="+secret, http.StatusFound)
		case "/text":
			_, _ = w.Write([]byte("this is no video"))
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(web.Close)
	host := strings.TrimPrefix(web.URL, "http://")

	for _, tt := range []struct {
		name, source, say string
		is                error
	}{
		{"digest, wrong password", digest.URLAs("admin", secret, "/a"), "refused user admin", camera.ErrAuth},
		{"basic, wrong password", basic.URLAs("admin", secret, "/a"), "refused user admin", camera.ErrAuth},
		{"digest, no password", digest.URLAs("", "", "/a"), "asks for a user name", camera.ErrAuth},
		{"no such stream", digest.URLAs("admin", "right", "/nope"), "has no stream /nope", nil},
		{"secret in the path", digest.URLAs("admin", "right", "/user=a&password="+secret), "has no stream /user=***", nil},
		{"nothing listens", gone.URLAs("admin", secret, "/a"), "connection refused", nil},
		{"no such host", "rtsp://admin:" + secret + "@camera.invalid/a", "no host is called camera.invalid", nil},
		{"RTSP at a web server", "rtsp://admin:" + secret + "@" + host + "/a", host, nil},
		{"web, nothing listens", strings.Replace(gone.URLAs("admin", secret, "/a.mp4"), "rtsp:", "http:", 1), "connection refused", nil},
		{"rtmp, nothing listens", strings.Replace(gone.URLAs("admin", secret, "/a"), "rtsp:", "rtmp:", 1), "connection refused", nil},
		{"web, no such host", "http://admin:" + secret + "@camera.invalid/a.mp4", "no host is called camera.invalid", nil},
		{"web, no such file", web.URL + "/video.mp4", "no stream /video.mp4", nil},
		{"web, redirect", "http://admin:" + secret + "@" + host + "/away.mp4", "redirects to another address, http://169.254.169.254/…, which is refused", nil},
		{"web, wrong password", "http://admin:" + secret + "@" + host + "/login", "refused user admin", camera.ErrAuth},
		{"web, no video", web.URL + "/text", "no video", nil},
		{"rtmp at a web server", "rtmp://" + host + "/live/" + "a", "/live/a", nil},
		{"no such file", "nope.mp4", "testdata/nope.mp4", nil},
		{"a folder", ".", "is a folder", nil},
		{"no such device", "v4l2:97", "no video device /dev/video97", nil},
		{"no video device", "v4l2:/dev/null", "/dev/null is no video device", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := stream(t, newSource(t, spec(tt.source)), func(camera.Picture) bool {
				t.Error("a picture came")
				return false
			})
			var said *camera.Error
			if !errors.As(err, &said) || !strings.Contains(said.Say, tt.say) || (tt.is != nil && !errors.Is(err, tt.is)) {
				t.Errorf("%v; want an error that says %q and is %v", err, tt.say, tt.is)
			}
			if tt.is == nil && errors.Is(err, camera.ErrAuth) {
				t.Errorf("%v is not about the password", err)
			}
		})
	}
}

func TestLoginsThatWork(t *testing.T) {
	for name, basic := range map[string]bool{"digest": false, "basic": true} {
		t.Run(name, func(t *testing.T) {
			server := rtsptest.StartLogin(t, rtsptest.Login{User: "admin", Password: "p@ss/wörd?#%", Basic: basic}, rtsptest.Mount{Path: "/a"})
			_, frame := take(t, newSource(t, spec(server.URL("/a"))), 2)
			decode(t, frame, 640, 360)
		})
	}
}

func TestServerKilledAndBack(t *testing.T) {
	server := rtsptest.Start(t, rtsptest.Mount{Path: "/a", KeyInt: 10})
	s := newSource(t, spec(server.URL("/a")))
	n := 0
	err := stream(t, s, func(camera.Picture) bool {
		if n++; n == 5 {
			server.Kill()
		}
		return true
	})
	if errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "ended") {
		t.Errorf("while the server was killed: %v; want that the stream has ended", err)
	}
	if err := stream(t, s, func(camera.Picture) bool { return false }); !strings.Contains(err.Error(), "refused") {
		t.Errorf("while it is away: %v", err)
	}
	server.Restart()
	take(t, s, 5)
}

func TestTimeLimits(t *testing.T) {
	t.Run("between two pictures", func(t *testing.T) {
		server := rtsptest.Start(t, rtsptest.Mount{Path: "/a", KeyInt: 10})
		sp := spec(server.URL("/a"))
		sp.ReadTimeout = time.Second
		n := 0
		err := stream(t, newSource(t, sp), func(camera.Picture) bool {
			if n++; n == 5 {
				server.Freeze()
			}
			return true
		})
		server.Thaw()
		if errors.Is(err, camera.ErrStuck) || !strings.Contains(err.Error(), "has sent no picture for 1s") {
			t.Errorf("a camera that falls silent: %v", err)
		}
	})
	t.Run("until the first picture", func(t *testing.T) {
		address, _ := silent(t)
		sp := spec("rtsp://" + address + "/a")
		sp.OpenTimeout = time.Second
		err := stream(t, newSource(t, sp), func(camera.Picture) bool { return true })
		if errors.Is(err, camera.ErrStuck) || !strings.Contains(err.Error(), "could not be opened within 1s") {
			t.Errorf("a camera that never answers: %v", err)
		}
	})
}

func TestCallThatNeverReturns(t *testing.T) {
	dir := t.TempDir()
	fifo, other := filepath.Join(dir, "clip.mp4"), filepath.Join(dir, "other.mp4") // to open the first waits for somebody to write
	if err := os.WriteFile(other, []byte("no video"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	sp := spec(fifo)
	sp.OpenTimeout = 100 * time.Millisecond
	err := stream(t, newSource(t, sp), func(camera.Picture) bool { return true })
	if !errors.Is(err, camera.ErrStuck) {
		t.Errorf("%v, want ErrStuck", err)
	}
	w, err := os.OpenFile(fifo, os.O_RDWR, 0) // lets the call go, for the check for leaks
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	if err := os.Rename(other, fifo); err != nil { // on a busy machine the call may come to it only now
		t.Fatal(err)
	}
}

func TestEndOfContext(t *testing.T) {
	server := rtsptest.Start(t, rtsptest.Mount{Path: "/a", KeyInt: 10})
	address, accepted := silent(t)
	for name, source := range map[string]string{"live": server.URL("/a"), "file": clip2(), "silent": "http://" + address + "/a.mp4"} {
		t.Run(name, func(t *testing.T) {
			sp := spec(source)
			sp.OpenTimeout = patience
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			n := 0
			if name == "silent" {
				sp.OpenTimeout, sp.ReadTimeout = 5*time.Second, 200*time.Millisecond
				go func() {
					select {
					case <-accepted:
						cancel()
					case <-ctx.Done():
					}
				}()
			}
			err := newSource(t, sp).Stream(ctx, func(p camera.Picture) {
				if p.JPEG == nil && p.Encode == nil {
					return // the end of what was offered before
				}
				if n++; n == 3 {
					cancel()
				}
				if n > 3 {
					t.Error("a picture after the end of the context")
				}
			})
			if !errors.Is(err, context.Canceled) || errors.Is(err, camera.ErrStuck) {
				t.Errorf("%v, want context.Canceled", err)
			}
		})
	}
}
