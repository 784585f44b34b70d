//go:build opencv

package opencv_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"linkstart/pkg/camera"
	"linkstart/pkg/capture/opencv"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

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
	s, err := opencv.New(sp, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// stream runs s until it ends by itself or see returns false, and returns its error.
func stream(t *testing.T, s camera.Source, see func(camera.Picture) bool) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err := s.Stream(ctx, func(p camera.Picture) {
		if p.JPEG == nil && p.Encode == nil {
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
