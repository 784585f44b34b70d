package e2e

import (
	"bytes"
	"fmt"
	"image/jpeg"
	"net/http"
	"path/filepath"
	"testing"

	"linkstart/pkg/camera"
	"linkstart/pkg/rtsptest"
)

// decodes fails the test unless the frame is a picture of that size.
func decodes(t *testing.T, f *frame, width, height int) {
	t.Helper()
	img, err := jpeg.Decode(bytes.NewReader(f.jpeg))
	if err != nil {
		t.Fatal(err)
	}
	if b := img.Bounds(); b.Dx() != width || b.Dy() != height {
		t.Errorf("the picture is %dx%d, want %dx%d", b.Dx(), b.Dy(), width, height)
	}
}

func TestRTSPCamerasAndTheirWayBack(t *testing.T) {
	t.Parallel()
	server := rtsptest.StartLogin(t, rtsptest.Login{User: "admin", Password: "p@ss/w:rd"},
		rtsptest.Mount{Path: "/h264", FPS: 10}, rtsptest.Mount{Path: "/other", FPS: 10}, rtsptest.Mount{Path: "/mjpeg", Codec: rtsptest.MJPEG, FPS: 10})
	s := start(t, fmt.Sprintf(`
cameras:
  - {id: h264, source: "rtsp://admin:${PW}@127.0.0.1:%d/h264", fps: 10}
  - {id: mjpeg, source: "rtsp://admin:${PW}@127.0.0.1:%d/mjpeg", fps: 10}
  - {id: small, source: "rtsp://admin:${PW}@127.0.0.1:%d/other", width: 320, fps: 5}
  - {id: wrong, source: "rtsp://admin:guess@127.0.0.1:%d/h264"}
  - {id: nopath, source: "rtsp://admin:${PW}@127.0.0.1:%d/nothing"}
`, server.Port(), server.Port(), server.Port(), server.Port(), server.Port()), "PW=p@ss/w:rd")
	v, _ := s.view(t)
	sizes := map[string][2]int{"h264": {640, 360}, "mjpeg": {640, 360}, "small": {320, 180}}
	stream := 0
	for _, id := range []string{"h264", "mjpeg", "small"} {
		s.becomes(id, camera.Live)
		stream++
		v.send(`{"type":"watch","stream":%d,"camera":%q}`, stream, id)
		decodes(t, v.frames(uint16(stream), 2), sizes[id][0], sizes[id][1])
	}
	s.says("wrong", camera.Reconnecting, "user name and password")
	s.says("nopath", camera.Reconnecting, "/nothing")

	server.Kill()
	for _, id := range []string{"h264", "mjpeg", "small"} {
		s.becomes(id, camera.Reconnecting)
	}
	server.Restart()
	for _, id := range []string{"h264", "mjpeg", "small"} {
		s.eventually(id+" is live again", func() error {
			if !server.Alive() {
				server.Restart()
			}
			info, err := s.camera(id)
			if err == nil && info.State != camera.Live {
				err = fmt.Errorf("it is %s: %s", info.State, info.Error)
			}
			return err
		})
	}
	for stream := uint16(1); stream <= 3; stream++ {
		v.frames(stream, 2) // on the same connection
	}
}

func TestHTTPCameraOfAnotherMakerAndItsWayBack(t *testing.T) {
	t.Parallel()
	c := startHTTPCamera(t)
	s := start(t, fmt.Sprintf("cameras: [{id: http, source: %q}]", c.url()))
	live := func() {
		t.Helper()
		s.eventually("http is live", func() error {
			if !c.running() { // its client came too late and left
				c.start()
			}
			info, err := s.camera("http")
			if err == nil && info.State != camera.Live {
				err = fmt.Errorf("it is %s: %s", info.State, info.Error)
			}
			return err
		})
	}
	live()
	v, _ := s.view(t)
	v.send(`{"type":"watch","stream":1,"camera":"http"}`)
	decodes(t, v.frames(1, 2), 768, 432)
	c.kill()
	s.becomes("http", camera.Reconnecting)
	v2, _ := s.view(t)
	v2.send(`{"type":"watch","stream":1,"camera":"http"}`)
	v2.until("the last picture known", func(f *frame, _ *message) bool { return f != nil && !f.live })
	c.start()
	live()
	v.frames(1, 2)
	v2.frames(1, 2)
}

func TestFileImageSequenceAndCommand(t *testing.T) {
	t.Parallel()
	clip, err := filepath.Abs("../deploy/footage/street.mp4")
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, fmt.Sprintf(`
cameras:
  - {id: file, source: %q}
  - {id: command, source: "exec:ffmpeg -loglevel error -re -stream_loop -1 -i %s -f mjpeg -"}
  - {id: missing, source: nowhere.mp4}
  - {id: fails, source: "exec:echo out of film >&2; exit 3"}
`, clip, clip))
	v, _ := s.view(t)
	for stream, id := range []string{"file", "command"} {
		s.becomes(id, camera.Live)
		v.send(`{"type":"watch","stream":%d,"camera":%q}`, stream, id)
		decodes(t, v.frames(uint16(stream), 2), 768, 432)
	}
	v.send(`{"type":"watch","stream":9,"camera":"file","rendition":"sub"}`)
	decodes(t, v.frames(9, 2), 640, 360)
	s.says("missing", camera.Reconnecting, "nowhere.mp4")
	s.says("fails", camera.Reconnecting, "3")
}

func TestStreamForProgramsThatKnowNothingOfUs(t *testing.T) {
	t.Parallel()
	s := start(t, threeCameras)
	s.becomes("clock", camera.Live)
	resp, err := http.Get(s.url("/api/v1/cameras/clock/stream.mjpeg?fps=5"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if got := resp.Header.Get("Content-Type"); len(got) < 30 || got[:26] != "multipart/x-mixed-replace;" {
		t.Errorf("Content-Type is %q", got)
	}
	// Linkstart is itself a client of such streams that was tested against others.
	other := start(t, fmt.Sprintf("cameras: [{id: again, source: %q}]", s.url("/api/v1/cameras/clock/stream.mjpeg")))
	other.becomes("again", camera.Live)
	v, _ := other.view(t)
	v.send(`{"type":"watch","stream":1,"camera":"again"}`)
	decodes(t, v.frames(1, 3), 640, 360)
}
