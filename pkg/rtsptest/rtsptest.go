// Package rtsptest gives tests a real RTSP camera: GStreamer's RTSP server in a process of its own, which can be
// stopped, killed, frozen and started again on the same port.
package rtsptest

import (
	"bufio"
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

//go:embed server.py
var script string

// python is Debian's own, the one that finds Debian's python3-gi.
const python = "/usr/bin/python3"

const packages = "install python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-base gstreamer1.0-plugins-good " +
	"gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly gstreamer1.0-libav (deploy/packages.sh test does)"

const startLimit = time.Minute // a busy machine loads Python and GStreamer slowly

// Login is what the server demands of a client; digest (RFC 2617) unless Basic is set. The zero Login admits everybody.
type Login struct {
	User     string `json:"user"`
	Password string `json:"password"`
	Basic    bool   `json:"basic"`
}

// Server is a running RTSP server. Its methods are for the test's goroutine.
type Server struct {
	t     testing.TB
	conf  config
	child *exec.Cmd
	stdin io.Closer
	ended chan struct{} // closed when the child is gone and waited for
}

// config is the line that the script reads.
type config struct {
	Port     int               `json:"port"`
	Login    Login             `json:"login"`
	Elements []string          `json:"elements"` // GStreamer elements without which it does not work
	Prepare  []string          `json:"prepare"`  // pipelines to run before
	Mounts   map[string]string `json:"mounts"`   // path to pipeline
}

// Start serves mounts on a free port of 127.0.0.1 until the test ends. It fails the test where packages are missing.
func Start(t testing.TB, mounts ...Mount) *Server {
	t.Helper()
	return StartLogin(t, Login{}, mounts...)
}

// StartLogin is Start with a user name and a password.
func StartLogin(t testing.TB, login Login, mounts ...Mount) *Server {
	t.Helper()
	s := &Server{t: t, conf: config{
		Login: login,
		Elements: []string{"videotestsrc", "x264enc", "jpegenc", "rtph264pay", "rtpjpegpay", "h264parse", "qtdemux", "avdec_h264",
			"x265enc", "rtph265pay", "avenc_mpeg4", "rtpmp4vpay"},
		Mounts: map[string]string{},
	}}
	dir := t.TempDir()
	for i, m := range mounts {
		serve, prepare := m.pipelines(dir, i)
		s.conf.Mounts[m.Path] = serve
		if prepare != "" {
			s.conf.Prepare = append(s.conf.Prepare, prepare)
		}
	}
	t.Cleanup(s.Kill)
	s.Restart()
	return s
}

// Restart starts the server on the port it had, after ending it where it runs.
func (s *Server) Restart() {
	s.t.Helper()
	s.Kill()
	if err := s.start(); err != nil {
		s.t.Fatalf("start RTSP server: %v; %s", err, packages)
	}
}

// Alive reports whether the server runs. GStreamer's has been seen to crash when many clients connect at the moment it starts.
func (s *Server) Alive() bool {
	if s.child == nil {
		return false
	}
	select {
	case <-s.ended:
		return false
	default:
		return true
	}
}

// Port is where the server listens, also while it is stopped.
func (s *Server) Port() int { return s.conf.Port }

// URL is the address of a mount, with the user name and password that the server demands.
func (s *Server) URL(path string) string {
	return s.URLAs(s.conf.Login.User, s.conf.Login.Password, path)
}

// URLAs is the address of a mount with any user name and password; none where user is empty.
func (s *Server) URLAs(user, password, path string) string {
	u := url.URL{Scheme: "rtsp", Host: fmt.Sprintf("127.0.0.1:%d", s.conf.Port), Path: path}
	if user != "" {
		u.User = url.UserPassword(user, password)
	}
	return u.String()
}

// Stop ends the server in good order, as a camera that is switched off by its menu.
func (s *Server) Stop() {
	if s.child == nil {
		return
	}
	_ = s.stdin.Close()
	select {
	case <-s.ended:
	case <-time.After(5 * time.Second):
	}
	s.Kill()
}

// Kill ends the server at once, as a camera whose plug is pulled. The kernel still closes its connections.
func (s *Server) Kill() {
	if s.child == nil {
		return
	}
	_ = syscall.Kill(-s.child.Process.Pid, syscall.SIGKILL)
	<-s.ended
	_ = s.stdin.Close()
	s.child = nil
}

// Freeze leaves every connection open and sends nothing more, until Thaw.
func (s *Server) Freeze() { s.signal(syscall.SIGSTOP) }

// Thaw ends Freeze.
func (s *Server) Thaw() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig syscall.Signal) {
	s.t.Helper()
	if s.child == nil {
		s.t.Fatal("signal RTSP server: it does not run")
	}
	if err := syscall.Kill(-s.child.Process.Pid, sig); err != nil {
		s.t.Fatalf("signal RTSP server: %v", err)
	}
}

func (s *Server) start() error {
	conf, err := json.Marshal(s.conf)
	if err != nil {
		return err
	}
	cmd := exec.Command(python, "-c", script)
	cmd.Env = append(os.Environ(), "GST_DEBUG=0", "PYTHONDONTWRITEBYTECODE=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = 5 * time.Second
	complaints := &tail{}
	cmd.Stderr = complaints
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	stdout, stdoutW, err := os.Pipe()
	if err != nil {
		return err
	}
	defer stdout.Close()
	cmd.Stdout = stdoutW
	err = cmd.Start()
	_ = stdoutW.Close()
	if err != nil {
		return err
	}
	s.child, s.stdin, s.ended = cmd, stdin, make(chan struct{})
	go func(ended chan struct{}) {
		defer close(ended)
		_ = cmd.Wait()
	}(s.ended)

	if _, err := stdin.Write(append(conf, '\n')); err != nil {
		return errors.Join(err, complaints.err())
	}
	_ = stdout.SetReadDeadline(time.Now().Add(startLimit))
	line, err := bufio.NewReader(io.LimitReader(stdout, 1000)).ReadString('\n')
	if err != nil {
		s.Kill()
		return errors.Join(errors.New("it did not say that it listens"), complaints.err())
	}
	if _, err := fmt.Sscanf(line, "port %d", &s.conf.Port); err != nil {
		return fmt.Errorf("read its port from %q: %w", strings.TrimSpace(line), err)
	}
	return nil
}

// tail keeps the last of what a child complains of.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	t.text = t.text[max(0, len(t.text)-2000):]
	return len(p), nil
}

func (t *tail) err() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if text := bytes.TrimSpace(t.text); len(text) > 0 {
		return fmt.Errorf("%s", text)
	}
	return nil
}
