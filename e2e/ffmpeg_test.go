package e2e

import (
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"linkstart/pkg/nettest"
)

// httpCamera is an HTTP MJPEG server that we did not write: ffmpeg, which serves one client and then ends.
type httpCamera struct {
	t    testing.TB
	addr string
	cmd  *exec.Cmd
	done chan struct{}
}

func startHTTPCamera(t testing.TB) *httpCamera {
	t.Helper()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Fatal("ffmpeg is missing: it comes with Debian's package ffmpeg, which `make test` installs")
	}
	c := &httpCamera{t: t, addr: nettest.FreeAddr()}
	c.start()
	t.Cleanup(c.kill)
	return c
}

func (c *httpCamera) url() string { return "http://" + c.addr + "/video.mjpeg" }

// start runs the server, on the address it had.
func (c *httpCamera) start() {
	c.t.Helper()
	clip, err := filepath.Abs("../deploy/footage/street.mp4")
	if err != nil {
		c.t.Fatal(err)
	}
	c.cmd = exec.Command("ffmpeg", "-loglevel", "error", "-re", "-stream_loop", "-1", "-i", clip,
		"-f", "mpjpeg", "-q:v", "5", "-listen", "1", c.url())
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := c.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	cmd, done := c.cmd, make(chan struct{})
	c.done = done
	go func() { defer close(done); _ = cmd.Wait() }()
}

// running reports whether the server has not ended, as it does when its client leaves.
func (c *httpCamera) running() bool {
	select {
	case <-c.done:
		return false
	default:
		return true
	}
}

func (c *httpCamera) kill() {
	if c.running() {
		_ = syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL)
	}
	<-c.done
}
