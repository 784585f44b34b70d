package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"image/jpeg"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"linkstart/pkg/camera"
	"linkstart/pkg/rtsptest"
)

// join connects to the bus as programs of an operator's do.
func (s *system) join() *nats.Conn {
	s.t.Helper()
	var access struct{ URL, User, Password string }
	b, err := os.ReadFile(filepath.Join(s.dir, "state", "control.json"))
	if err == nil {
		err = json.Unmarshal(b, &access)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	var nc *nats.Conn
	s.eventually("the bus lets its operator in", func() error {
		nc, err = nats.Connect(access.URL, nats.UserInfo(access.User, access.Password))
		return err
	})
	s.t.Cleanup(nc.Close)
	return nc
}

// A camera that nobody watches publishes nothing; the first viewer sees its last keyframe, then live pictures; the small
// picture is the substream's; a cold camera connects when it is watched.
func TestThreeWaysToWait(t *testing.T) {
	t.Parallel()
	server := rtsptest.Start(t,
		rtsptest.Mount{Path: "/large", Width: 1280, Height: 720, FPS: 10, KeyInt: 30},
		rtsptest.Mount{Path: "/small", Width: 320, Height: 240, FPS: 10})
	s := start(t, fmt.Sprintf(`
cameras:
  - {id: warm, source: %q, substream: %q}
  - {id: hot, source: %q, standby: hot}
  - {id: cold, source: %q, standby: cold}
`, server.URL("/large"), server.URL("/small"), server.URL("/large"), server.URL("/large")))
	nc := s.join()
	frames, err := nc.SubscribeSync("linkstart.frame.>")
	if err != nil {
		t.Fatal(err)
	}
	s.becomes("warm", camera.Live)
	s.becomes("hot", camera.Live)
	s.becomes("cold", camera.Waiting)
	if m, err := frames.NextMsg(2 * time.Second); !errors.Is(err, nats.ErrTimeout) {
		t.Errorf("a frame on %s that nobody wanted (%v)", m.Subject, err)
	}

	v, _ := s.view(t)
	for stream, id := range []string{"warm", "hot", "cold"} {
		v.send(`{"type":"watch","stream":%d,"camera":%q}`, stream, id)
		decodes(t, v.frames(uint16(stream), 3), 1280, 720)
	}
	s.becomes("cold", camera.Live)
	v.send(`{"type":"watch","stream":9,"camera":"warm","rendition":"sub"}`)
	s.eventually("the small picture is the substream's", func() error { // the large one, made small, until that is live
		c, err := jpeg.DecodeConfig(bytes.NewReader(v.frames(9, 1).jpeg))
		if err == nil && (c.Width != 320 || c.Height != 240) {
			err = fmt.Errorf("it is %dx%d", c.Width, c.Height)
		}
		return err
	})
	_ = v.conn.CloseNow()
	s.becomes("cold", camera.Waiting)
	if status, header, _ := s.insist(http.MethodGet, "/api/v1/cameras/cold/snapshot.jpg", nil); status != http.StatusOK || header.Get("X-Frame-Seq") == "" {
		t.Errorf("a snapshot of a cold camera: status %d", status)
	}
}

// A camera that needs OpenCV says what to build where that is not there, and the others run.
func TestOpenCVThatIsNotBuilt(t *testing.T) {
	plain := t.TempDir()
	for _, name := range []string{"supervisor", "relay", "grabber"} {
		if err := os.Link(filepath.Join(bin, name), filepath.Join(plain, name)); err != nil {
			t.Fatal(err)
		}
	}
	all := bin
	bin = plain
	t.Cleanup(func() { bin = all })
	s := start(t, "cameras:\n  - {id: cv, source: \"opencv:0\"}\n  - {id: clock, source: \"test:clock\"}\n")
	s.becomes("clock", camera.Live)
	if info := s.becomes("cv", camera.Misconfigured); !strings.Contains(info.Error, "make opencv") {
		t.Errorf("the user is told %q", info.Error)
	}
	if err := os.Link(filepath.Join(all, "grabber-opencv"), filepath.Join(plain, "grabber-opencv")); err != nil {
		t.Fatal(err)
	}
	if out, err := s.command("reload"); err != nil {
		t.Errorf("reload: %v: %s", err, out)
	}
	s.eventually("it runs the program that is there now", func() error {
		info, err := s.camera("cv")
		if err == nil && info.State == camera.Misconfigured {
			err = errors.New(info.Error)
		}
		return err
	})
}
