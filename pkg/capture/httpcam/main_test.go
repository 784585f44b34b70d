package httpcam

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	stdjpeg "image/jpeg"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"linkstart/pkg/camera"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	one = picture(32, 24)
	two = picture(48, 16)
)

func picture(width, height int) []byte {
	img := image.NewGray(image.Rect(0, 0, width, height))
	for i := range img.Pix {
		img.Pix[i] = uint8(i * i / 7)
	}
	var b bytes.Buffer
	if err := stdjpeg.Encode(&b, img, nil); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func specOf(url string) camera.Spec {
	return camera.Spec{
		ID: "cam", Source: url, FPS: 200, OpenTimeout: time.Minute, ReadTimeout: time.Minute,
		MaxBytes: 1 << 20, MaxPixels: 1 << 20,
	}
}

func newSource(t *testing.T, spec camera.Spec) camera.Source {
	t.Helper()
	s, err := New(spec, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// collect streams until n pictures have come, or the source fails.
func collect(t *testing.T, s camera.Source, n int) ([]camera.Picture, error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var got []camera.Picture
	err := s.Stream(ctx, func(p camera.Picture) {
		if got = append(got, p); len(got) == n {
			cancel()
		}
	})
	if err == nil {
		t.Error("Stream returned nil")
	}
	if len(got) >= n && errors.Is(err, context.Canceled) {
		err = nil
	}
	return got, err
}

// wantPictures checks that s gives exactly these bytes.
func wantPictures(t *testing.T, s camera.Source, want ...[]byte) {
	t.Helper()
	got, err := collect(t, s, len(want))
	if err != nil || len(got) != len(want) {
		t.Fatalf("%d pictures, %v; want %d", len(got), err, len(want))
	}
	for i, p := range got {
		if !bytes.Equal(p.JPEG, want[i]) || p.Width == 0 || p.Height == 0 || p.Captured.IsZero() {
			t.Errorf("picture %d: %d bytes, %d x %d, want %d bytes", i, len(p.JPEG), p.Width, p.Height, len(want[i]))
		}
	}
}

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv
}

// rawCamera answers each connection's request with answer, step bytes a write, and closes or, with hold, keeps it open.
func rawCamera(t *testing.T, answer string, step int, hold bool) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			rawAnswer(c, answer, step, hold)
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return "http://" + l.Addr().String() + "/"
}

func rawAnswer(c net.Conn, answer string, step int, hold bool) {
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Minute))
	c.Read(make([]byte, 4096))
	for s := answer; s != ""; {
		n := min(step, len(s))
		if _, err := io.WriteString(c, s[:n]); err != nil {
			return
		}
		s = s[n:]
	}
	if hold {
		c.Read(make([]byte, 1)) // until the client goes
	}
}

func part(body []byte) string {
	return fmt.Sprintf("--b0undary\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n", len(body), body)
}

func chunked(s string, step int) string {
	var b strings.Builder
	for s != "" {
		n := min(step, len(s))
		fmt.Fprintf(&b, "%x\r\n%s\r\n", n, s[:n])
		s = s[n:]
	}
	return b.String() + "0\r\n\r\n"
}
