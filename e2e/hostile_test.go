package e2e

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"linkstart/pkg/camera"
)

// endlessRTSP is a camera whose first answer never ends.
func endlessRTSP(t *testing.T) (host string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	t.Cleanup(func() { _ = l.Close(); all.Wait() })
	header := strings.Repeat("X: y\r\n", 10<<10)
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer c.Close()
				_, _ = c.Read(make([]byte, 4096))
				_, err := io.WriteString(c, "RTSP/1.0 200 OK\r\nCSeq: 1\r\n")
				for err == nil { // until the other side ends
					_, err = io.WriteString(c, header)
				}
			})
		}
	})
	return l.Addr().String()
}

// What a hostile camera does to its grabber, memory and all, is bounded, told in words, and no other camera's affair.
func TestHostileCameraStaysInItsGrabber(t *testing.T) {
	t.Parallel()
	s := start(t, fmt.Sprintf(`
defaults: {memory_limit: 128MiB}
cameras:
  - {id: clock, source: "test:clock?size=640x360&fps=15"}
  - {id: hostile, source: "rtsp://%s/a", open_timeout: 3s}
`, endlessRTSP(t)))
	before := s.becomes("clock", camera.Live)
	s.eventually("the hostile camera's process was ended", func() error {
		info, err := s.camera("hostile")
		if err == nil && info.Restarts == 0 {
			err = fmt.Errorf("it is %s, says %q", info.State, info.Error)
		}
		if err == nil && info.Error == "" {
			err = fmt.Errorf("it is %s, and does not say why", info.State)
		}
		return err
	})
	v, _ := s.view(t)
	v.send(`{"type":"watch","stream":1,"camera":"clock"}`)
	v.frames(1, 5)
	if after := s.becomes("clock", camera.Live); after.PID != before.PID || after.Restarts != 0 {
		t.Errorf("the other camera: %+v", after)
	}
}
