package relay_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"linkstart/pkg/camera"
)

// A client that takes nothing is cut off, or it would keep its camera awake for ever: nothing is written to it, so no write fails.
func TestClientThatReadsNothingIsCutOff(t *testing.T) {
	w := newWorld(t, info("cab01", camera.Live))
	stop := w.grab("cab01").flow(t, 20*time.Millisecond, 60_000)
	defer stop()
	dialer := net.Dialer{Control: func(_, _ string, c syscall.RawConn) (err error) {
		return errors.Join(c.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 16<<10) }), err)
	}}
	conn, err := dialer.DialContext(t.Context(), "tcp", strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET /api/v1/cameras/cab01/stream.mjpeg HTTP/1.1\r\nHost: localhost\r\n\r\n")
	viewers := func() int {
		var i camera.Info
		w.getJSON("/api/v1/cameras/cab01", &i)
		return i.Viewers
	}
	w.eventually("it is a viewer", func() bool { return viewers() == 1 })
	w.eventually("it is none any more", func() bool { return viewers() == 0 })
	_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
	if n, err := io.Copy(io.Discard, conn); err == nil && n > 10<<20 {
		t.Errorf("%d bytes were sent to a client that read nothing", n)
	}
}
