package video_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"linkstart/pkg/camera"
	"linkstart/pkg/capture/video"
	"linkstart/pkg/rtsptest"
)

func TestMain(m *testing.M) {
	if address := os.Getenv(tryName); address != "" {
		try(address)
	}
	goleak.VerifyTestMain(m)
}

const (
	patience = time.Minute // a test that waits longer has failed, however busy the machine is
	secret   = "geh3im"
	clip     = "../../../deploy/footage/street.mp4"
)

// spec is a configuration with time limits that a busy machine keeps.
func spec(source string) camera.Spec {
	return camera.Spec{
		ID: "cam", Source: source, FPS: 25, Quality: 80, OpenTimeout: 30 * time.Second, ReadTimeout: 20 * time.Second,
		MaxBytes: 8 << 20, MaxPixels: 50 << 20, Dir: "testdata",
	}
}

func newSource(t *testing.T, sp camera.Spec) camera.Source {
	t.Helper()
	s, err := video.New(sp, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	s.(camera.Watcher).Watch(true)
	return s
}

// stream runs s until it ends by itself or see returns false, and returns its error.
func stream(t *testing.T, s camera.Source, see func(camera.Picture) bool) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err := s.Stream(ctx, func(p camera.Picture) {
		if p.JPEG == nil && p.Encode == nil && !p.Kept {
			return // the end of what was offered before
		}
		if ctx.Err() == nil && !see(p) {
			cancel()
		}
	})
	if err == nil {
		t.Fatal("Stream returned nil")
	}
	if strings.Contains(err.Error(), secret) {
		t.Fatalf("the error tells the password: %v", err)
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		t.Fatalf("nothing that was waited for came: %v", err)
	}
	return err
}

// take streams until n pictures came and returns what the last one was when it was offered, as a JPEG.
func take(t *testing.T, s camera.Source, n int) (camera.Picture, []byte) {
	t.Helper()
	var last camera.Picture
	var frame []byte
	err := stream(t, s, func(p camera.Picture) bool {
		last, frame = p, p.JPEG
		if n--; n > 0 {
			return true
		}
		if p.Encode != nil {
			var err error
			if frame, _, _, err = p.Encode(0); err != nil {
				t.Error(err)
			}
		}
		return false
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("%d pictures short: %v", n, err)
	}
	return last, frame
}

// decode checks that frame is a JPEG of w×h px with something in it.
func decode(t *testing.T, frame []byte, w, h int) image.Image {
	t.Helper()
	img, err := jpeg.Decode(bytes.NewReader(frame))
	if err != nil {
		t.Fatal(err)
	}
	if size := img.Bounds().Size(); size != image.Pt(w, h) {
		t.Fatalf("the picture has %v px, want %d×%d", size, w, h)
	}
	seen := map[color.Gray]bool{}
	for x := 0; x < w; x++ {
		for y := 0; y < h; y += 4 {
			seen[color.GrayModel.Convert(img.At(x, y)).(color.Gray)] = true
		}
	}
	if len(seen) < 2 {
		t.Error("the picture is empty")
	}
	return img
}

func TestRTSP(t *testing.T) {
	path, err := filepath.Abs(clip)
	if err != nil {
		t.Fatal(err)
	}
	server := rtsptest.StartLogin(t, rtsptest.Login{User: "admin", Password: secret},
		rtsptest.Mount{Path: "/h264", Width: 1280, Height: 720, KeyInt: 10},
		rtsptest.Mount{Path: "/mjpeg", Codec: rtsptest.MJPEG, Width: 320, Height: 240},
		rtsptest.Mount{Path: "/clip", Clip: path, FPS: 12},
	)
	for _, tt := range []struct {
		name, path  string
		width       int
		wantW       int
		wantH       int
		passThrough bool
	}{
		{name: "H.264", path: "/h264", wantW: 1280, wantH: 720},
		{name: "H.264 scaled", path: "/h264", width: 500, wantW: 500, wantH: 280},
		{name: "H.264 over UDP", path: "/h264?transport=udp", wantW: 1280, wantH: 720},
		{name: "real footage", path: "/clip?transport=tcp", wantW: 768, wantH: 432},
		{name: "M-JPEG", path: "/mjpeg", wantW: 320, wantH: 240, passThrough: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path, query, _ := strings.Cut(tt.path, "?")
			address := server.URL(path)
			if query != "" {
				address += "?" + query
			}
			sp := spec(address)
			sp.Width = tt.width
			p, frame := take(t, newSource(t, sp), 10)
			if p.Width != tt.wantW || p.Height != tt.wantH {
				t.Errorf("Picture says %d×%d, want %d×%d", p.Width, p.Height, tt.wantW, tt.wantH)
			}
			decode(t, frame, tt.wantW, tt.wantH)
			if (p.Encode == nil) != tt.passThrough {
				t.Errorf("passed through: %v, want %v", p.Encode == nil, tt.passThrough)
			}
		})
	}
}

// A camera begins with a keyframe, and the next one may be far away: this one never sends another.
func TestFirstKeyframeIsUsed(t *testing.T) {
	server := rtsptest.Start(t, rtsptest.Mount{Path: "/a", KeyInt: 1 << 20})
	sp := spec(server.URL("/a"))
	_, frame := take(t, newSource(t, sp), 3)
	decode(t, frame, 640, 360)
}
