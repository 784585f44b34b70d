package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/jpeg"
	"net/http"
	"strings"
	"testing"

	"linkstart/pkg/camera"
	"linkstart/pkg/capture/testpattern"
)

const threeCameras = `
cameras:
  - {id: clock, name: 钟, group: Test, source: "test:clock?size=640x360&fps=15"}
  - {id: ball, source: "test:ball?size=640x360&fps=15"}
  - {id: push, source: "push:"}
rooms: [{id: main, alarm_takeover: 30s}]
`

// The main job: a configuration, a connection, moving pictures that switch by one message.
func TestPicturesMoveAndSwitch(t *testing.T) {
	s := start(t, threeCameras)
	s.becomes("clock", camera.Live)
	s.becomes("ball", camera.Live)
	v, hello := s.view(t)
	if len(hello.Cameras) != 3 || hello.Cameras[0].ID != "clock" {
		t.Errorf("hello names %v", hello.Cameras)
	}
	v.send(`{"type":"watch","stream":7,"camera":"clock"}`)
	first := v.frames(7, 1)
	second := v.frames(7, 3)
	if second.seq <= first.seq || !second.captured.After(first.captured) || bytes.Equal(first.jpeg, second.jpeg) {
		t.Errorf("frame %d is followed by %d", first.seq, second.seq)
	}
	img, err := jpeg.Decode(bytes.NewReader(second.jpeg))
	if err != nil {
		t.Fatal(err)
	}
	drawn, ok := testpattern.Stamp(img)
	if !ok || drawn.Sub(second.captured).Abs().Seconds() > 1 {
		t.Errorf("the picture says %v (%v), its header %v", drawn, ok, second.captured)
	}

	v.send(`{"type":"watch","stream":7,"camera":"ball"}`)
	watching := false
	v.until("the other camera", func(f *frame, m *message) bool {
		if m != nil && m.Type == "watching" && m.Camera == "ball" {
			watching = true
		}
		return watching && f != nil
	})
	v.send(`{"type":"unwatch","stream":7}`)
	v.send(`{"type":"watch","stream":1,"camera":"nobody"}`)
	v.until("an error", func(_ *frame, m *message) bool { return m != nil && m.Type == "error" && m.Code == "unknown_camera" })
	v.send(`{"type":"ping","t":5}`)
	v.until("the pong", func(_ *frame, m *message) bool { return m != nil && m.Type == "pong" })
}

func TestRoomSwitchesEverybody(t *testing.T) {
	s := start(t, threeCameras)
	s.becomes("clock", camera.Live)
	s.becomes("ball", camera.Live)
	a, _ := s.view(t)
	b, _ := s.view(t)
	for _, v := range []*viewer{a, b} {
		v.send(`{"type":"follow","stream":1,"room":"main"}`)
		v.frames(1, 1)
	}
	shows := func(v *viewer, id string) {
		t.Helper()
		v.until("watching "+id, func(_ *frame, m *message) bool { return m != nil && m.Type == "watching" && m.Camera == id })
		v.frames(1, 1)
	}
	a.send(`{"type":"select","room":"main","camera":"ball"}`)
	shows(a, "ball")
	shows(b, "ball")
	if out, err := s.command("select", "main", "clock"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	shows(a, "clock")
	shows(b, "clock")

	if status, _, body := s.request(http.MethodPost, "/api/v1/cameras/ball/alarm", strings.NewReader(`{"kind":"smoke","level":"high","text":"row 3"}`), "Content-Type", "application/json"); status != http.StatusAccepted {
		t.Fatalf("alarm: %d %s", status, body)
	}
	shows(a, "ball")
	if status, _, body := s.request(http.MethodDelete, "/api/v1/cameras/ball/alarm", nil); status/100 != 2 {
		t.Fatalf("acknowledge: %d %s", status, body)
	}
	shows(a, "clock")
	shows(b, "clock")
}

func TestSelectionOutlivesTheSupervisor(t *testing.T) {
	t.Parallel()
	s := start(t, threeCameras)
	if status, _, body := s.request(http.MethodPut, "/api/v1/rooms/hall", strings.NewReader(`{"camera":"ball"}`), "Content-Type", "application/json"); status/100 != 2 {
		t.Fatalf("PUT room: %d %s", status, body)
	}
	s.stop()
	s.launch()
	s.eventually("the selection is back", func() error {
		var room struct{ Camera string }
		_, _, body := s.request(http.MethodGet, "/api/v1/rooms/hall", nil)
		if err := json.Unmarshal(body, &room); err != nil || room.Camera != "ball" {
			return fmt.Errorf("%s", body)
		}
		return nil
	})
}

func TestPushedPictureIsSeen(t *testing.T) {
	s := start(t, threeCameras)
	s.becomes("push", camera.Waiting)
	s.becomes("clock", camera.Live)
	_, _, picture := s.insist(http.MethodGet, "/api/v1/cameras/clock/snapshot.jpg", nil)
	if status, _, body := s.insist(http.MethodPost, "/api/v1/cameras/push/frames", picture, "Content-Type", "image/jpeg"); status != http.StatusNoContent {
		t.Fatalf("push: %d %s", status, body)
	}
	status, header, got := s.insist(http.MethodGet, "/api/v1/cameras/push/snapshot.jpg", nil)
	if status != http.StatusOK || !bytes.Equal(got, picture) {
		t.Errorf("snapshot: %d, %d bytes of %d", status, len(got), len(picture))
	}
	for _, name := range []string{"X-Frame-Seq", "X-Frame-Captured", "X-Frame-Age-Ms"} {
		if header.Get(name) == "" {
			t.Errorf("no header %s", name)
		}
	}
}

func TestCommandLine(t *testing.T) {
	t.Parallel()
	s := start(t, threeCameras)
	before := s.becomes("clock", camera.Live)
	other := s.becomes("ball", camera.Live)
	if out, err := s.command("status"); err != nil || !strings.Contains(out, "clock") || !strings.Contains(out, "live") {
		t.Errorf("status: %v\n%s", err, out)
	}
	if out, err := s.command("restart", "clock"); err != nil {
		t.Fatalf("restart: %v\n%s", err, out)
	}
	s.eventually("a new process", func() error {
		if now, err := s.camera("clock"); err != nil || now.PID == before.PID || now.State != camera.Live {
			return fmt.Errorf("%+v %v", now, err)
		}
		return nil
	})
	if now, _ := s.camera("ball"); now.PID != other.PID {
		t.Error("another camera's process changed")
	}
	if _, err := s.command("stop", "clock"); err != nil {
		t.Fatal(err)
	}
	if info := s.becomes("clock", camera.Stopped); info.PID != 0 {
		t.Errorf("a stopped camera has process %d", info.PID)
	}
	if _, err := s.command("start", "clock"); err != nil {
		t.Fatal(err)
	}
	s.becomes("clock", camera.Live)
	if out, err := s.command("logs", "clock"); err != nil || !strings.Contains(out, "grabber started") {
		t.Errorf("logs: %v\n%s", err, out)
	}
	if out, err := s.command("restart", "nobody"); err == nil || !strings.Contains(out, "no such camera") {
		t.Errorf("restart of a camera that is not there: %v\n%s", err, out)
	}
}

func TestReloadTouchesOnlyWhatChanged(t *testing.T) {
	s := start(t, threeCameras)
	clock, ball := s.becomes("clock", camera.Live), s.becomes("ball", camera.Live)
	s.configure(strings.ReplaceAll(threeCameras, "test:ball?size=640x360", "test:bars?size=320x240") + "# changed\n")
	if out, err := s.command("reload"); err != nil {
		t.Fatalf("reload: %v\n%s", err, out)
	}
	s.eventually("the changed camera is reloaded, and no other", func() error { // by this order, or before by the supervisor itself
		reloaded := ""
		for line := range strings.Lines(s.out.String()) {
			if strings.Contains(line, "configuration reloaded") {
				reloaded += line
			}
		}
		if !strings.Contains(reloaded, "ball") || strings.Contains(reloaded, "clock") {
			return fmt.Errorf("the log says %q", reloaded)
		}
		return nil
	})
	s.eventually("the changed camera is another", func() error {
		if now, err := s.camera("ball"); err != nil || now.PID == ball.PID || now.Width != 320 {
			return fmt.Errorf("%+v %v", now, err)
		}
		return nil
	})
	if now, _ := s.camera("clock"); now.PID != clock.PID {
		t.Error("the camera that stayed the same was restarted")
	}
	s.configure("cameras: [{id: clock, source: 'tset:clock'}]")
	if out, err := s.command("reload"); err == nil || !strings.Contains(out, "cameras.yaml:3:") {
		t.Errorf("a file with a mistake: %v\n%s", err, out)
	}
	if now, _ := s.camera("clock"); now.PID != clock.PID || now.State != camera.Live {
		t.Error("a file with a mistake changed something")
	}
}
