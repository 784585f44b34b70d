//go:build opencv

package opencv_test

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
	"linkstart/pkg/capture/opencv"
	"linkstart/pkg/guard"
)

func TestSourcesThatCannotBe(t *testing.T) {
	for source, want := range map[string]string{
		"opencv:":                             "empty",
		"opencv:-1":                           "not the number",
		"opencv:rtsp:///stream":               "cannot be read",
		"opencv:rtsp://a:" + secret + "%zz@h": "%25",
		"opencv:clip\x00.mp4":                 "zero byte",
	} {
		_, err := opencv.New(spec(source), slog.New(slog.DiscardHandler))
		if !errors.Is(err, camera.ErrConfig) || !strings.Contains(camera.Say(err), want) || strings.Contains(err.Error(), secret) {
			t.Errorf("%q: %v; want ErrConfig that says %q without the password", source, err, want)
		}
	}
}

func TestFailuresInWords(t *testing.T) {
	web := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(web.Close)
	host := strings.TrimPrefix(web.URL, "http://")
	for _, tt := range []struct{ name, source, say string }{
		{"no video there", "opencv:http://admin:" + secret + "@" + host + "/a.mp4", host},
		{"no such file", "opencv:nope.mp4", "testdata/nope.mp4"},
		{"a folder", "opencv:.", "is a folder"},
		{"no such images", "opencv:nope_%03d.jpg", "nope_%03d.jpg"},
		{"no such device", "opencv:97", "/dev/video97"},
		{"no such element", "opencv:nosuchelement password=" + secret + " ! appsink", "GStreamer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := stream(t, newSource(t, spec(tt.source)), func(camera.Picture) bool {
				t.Error("a picture came")
				return false
			})
			var said *camera.Error
			if !errors.As(err, &said) || !strings.Contains(said.Say, tt.say) {
				t.Errorf("%v; want an error that says %q", err, tt.say)
			}
		})
	}
}

func TestCallThatNeverReturns(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "clip.mp4") // to open it waits for somebody to write
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	sp := spec(fifo)
	sp.OpenTimeout = 100 * time.Millisecond
	err := stream(t, newSource(t, sp), func(camera.Picture) bool { return true })
	if !errors.Is(err, guard.ErrStuck) {
		t.Errorf("%v, want ErrStuck", err)
	}
	w, err := os.OpenFile(fifo, os.O_RDWR, 0) // lets the call go, for the check for leaks
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
}

func TestEndOfContext(t *testing.T) {
	address, accepted := silent(t)
	for name, source := range map[string]string{"file": clip2(), "silent": "opencv:http://" + address + "/a.mp4"} {
		t.Run(name, func(t *testing.T) {
			sp := spec(source)
			sp.OpenTimeout = patience
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			n := 0
			if name == "silent" {
				sp.OpenTimeout, sp.ReadTimeout = 5*time.Second, 500*time.Millisecond // FFmpeg's own limit ends what cannot be interrupted
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
			if !errors.Is(err, context.Canceled) || errors.Is(err, guard.ErrStuck) {
				t.Errorf("%v, want context.Canceled", err)
			}
		})
	}
}
