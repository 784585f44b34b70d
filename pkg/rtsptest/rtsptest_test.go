package rtsptest_test

import (
	"bufio"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"linkstart/pkg/rtsptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// describe asks for a stream by hand and returns the status line and the description (RFC 2326, section 10.2).
func describe(t *testing.T, address string) (status, body string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.DialTimeout("tcp", u.Host, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	fmt.Fprintf(conn, "DESCRIBE %s RTSP/1.0\r\nCSeq: 1\r\nAccept: application/sdp\r\n\r\n", address)
	r := bufio.NewReader(conn)
	status, err = r.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	for strings.HasPrefix(status, "RTSP/1.0 200") && !strings.Contains(body, "a=rtpmap") {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		body += line
	}
	return strings.TrimSpace(status), body
}

func TestServesWhatIsMounted(t *testing.T) {
	clip, err := filepath.Abs("../../deploy/footage/street.mp4")
	if err != nil {
		t.Fatal(err)
	}
	s := rtsptest.Start(t,
		rtsptest.Mount{Path: "/h264"},
		rtsptest.Mount{Path: "/mjpeg", Codec: rtsptest.MJPEG, Width: 320, Height: 240},
		rtsptest.Mount{Path: "/clip", Clip: clip, FPS: 12},
		rtsptest.Mount{Path: "/clip.mjpeg", Clip: clip, Codec: rtsptest.MJPEG},
		rtsptest.Mount{Path: "/h265", Codec: rtsptest.H265},
		rtsptest.Mount{Path: "/mpeg4", Codec: rtsptest.MPEG4},
		rtsptest.Mount{Path: "/change", Change: &rtsptest.Change{After: 5, Width: 320, Height: 240, FPS: 0.2}},
		rtsptest.Mount{Path: "/loss", Loss: 0.02},
	)
	for path, want := range map[string]string{
		"/h264": "H264/90000", "/mjpeg": "JPEG/90000", "/clip": "H264/90000", "/clip.mjpeg": "JPEG/90000",
		"/h265": "H265/90000", "/mpeg4": "MP4V-ES/90000", "/change": "H264/90000", "/loss": "H264/90000"} {
		if _, sdp := describe(t, s.URL(path)); !strings.Contains(sdp, want) {
			t.Errorf("%s is described as %q, want %s", path, sdp, want)
		}
	}
	if status, _ := describe(t, s.URL("/other")); !strings.Contains(status, "404") {
		t.Errorf("a path that is not mounted: %q, want 404", status)
	}
}

func TestComesBackOnTheSamePort(t *testing.T) {
	s := rtsptest.Start(t, rtsptest.Mount{Path: "/a"})
	port := s.Port()
	for name, end := range map[string]func(){"stop": s.Stop, "kill": s.Kill} {
		end()
		if conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			conn.Close()
			t.Errorf("after %s it still listens", name)
		}
		s.Restart()
		if status, _ := describe(t, s.URL("/a")); s.Port() != port || !strings.Contains(status, "200") {
			t.Errorf("after %s and a restart: port %d, status %q; want port %d, 200", name, s.Port(), status, port)
		}
	}
}

func TestDemandsLogin(t *testing.T) {
	s := rtsptest.StartLogin(t, rtsptest.Login{User: "admin", Password: "pass"}, rtsptest.Mount{Path: "/a"})
	if status, _ := describe(t, s.URLAs("", "", "/a")); !strings.Contains(status, "401") {
		t.Errorf("without a user: %q, want 401", status)
	}
}
