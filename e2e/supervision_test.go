package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/nettest"
)

const twoCameras = "cameras:\n  - {id: a, source: 'test:clock'}\n  - {id: b, source: 'test:clock'}\n"

// failures returns a camera's history, newest first; a relay that has just started does not know it yet.
func (s *system) failures(id string) (all []camera.Failure) {
	s.t.Helper()
	s.eventually("failures of "+id, func() error {
		status, _, body := s.request(http.MethodGet, "/api/v1/cameras/"+id+"/failures", nil)
		if status != http.StatusOK {
			return fmt.Errorf("status %d: %s", status, body)
		}
		return json.Unmarshal(body, &all)
	})
	return all
}

// fails waits for a failure of that cause and returns it.
func (s *system) fails(id string, cause camera.Cause) camera.Failure {
	s.t.Helper()
	var found camera.Failure
	s.eventually(fmt.Sprintf("%s fails by %s", id, cause), func() error {
		for _, f := range s.failures(id) {
			if f.Cause == cause {
				found = f
				return nil
			}
		}
		return fmt.Errorf("its failures are %+v", s.failures(id))
	})
	return found
}

func TestStoppedGrabberIsFoundAndReplaced(t *testing.T) {
	s := start(t, threeCameras)
	before := s.becomes("clock", camera.Live)
	v, _ := s.view(t)
	v.send(`{"type":"watch","stream":1,"camera":"clock"}`)
	v.frames(1, 2)
	if err := syscall.Kill(before.PID, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	v.until("a new process", func(_ *frame, m *message) bool {
		return m != nil && m.Type == "status" && m.Camera == "clock" && m.PID != 0 && m.PID != before.PID
	})
	v.frames(1, 5)
	after := s.becomes("clock", camera.Live)
	if after.Causes != (camera.Restarts{Hang: 1}) || after.Restarts != 1 {
		t.Errorf("restarts are %+v", after.Causes)
	}
	f := s.fails("clock", camera.CauseHang)
	if !strings.Contains(f.Text, "no sign of life") || f.PID != before.PID || !strings.Contains(strings.Join(f.Tail, "\n"), "goroutine ") {
		t.Errorf("the failure is %+v", f)
	}
	for _, id := range []string{"ball", "bars"} {
		if info, err := s.camera(id); err == nil && info.Restarts != 0 {
			t.Errorf("%s was restarted as well", id)
		}
	}
	if out, err := s.command("failures", "clock"); err != nil || !strings.Contains(out, "hang after") {
		t.Errorf("the command says %q, %v", out, err)
	}
}

func TestStoppedRelayIsFoundAndReplaced(t *testing.T) {
	s := start(t, threeCameras)
	s.becomes("clock", camera.Live)
	relay := s.relay()
	if err := syscall.Kill(relay, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	s.gone(relay)
	s.ready()
	s.eventually("the metric tells", func() error {
		_, _, body := s.request(http.MethodGet, "/metrics", nil)
		if !strings.Contains(string(body), "\nlinkstart_relay_restarts_total{cause=\"hang\"} 1\n") {
			return fmt.Errorf("metrics:\n%s", body)
		}
		return nil
	})
}

// TestMemoryLimit: what a command takes counts as well.
func TestMemoryLimit(t *testing.T) {
	s := start(t, `
cameras:
  - {id: greedy, source: 'exec:head -c 400M /dev/zero | tail', memory_limit: 200MiB}
  - {id: clock, source: 'test:clock'}
`)
	f := s.fails("greedy", camera.CauseMemory)
	if !strings.Contains(f.Text, "more than its memory_limit of 200 MiB") {
		t.Errorf("the failure is %+v", f)
	}
	if info := s.becomes("clock", camera.Live); info.Restarts != 0 {
		t.Error("another camera was restarted")
	}
}

// TestFileIsReadAgainWhenItChanges: by itself, and touching only what has changed.
func TestFileIsReadAgainWhenItChanges(t *testing.T) {
	s := start(t, "cameras:\n  - {id: a, source: 'test:clock'}\n  - {id: b, source: 'test:clock'}\n")
	a, b := s.becomes("a", camera.Live), s.becomes("b", camera.Live)
	v, hello := s.view(t)
	if len(hello.Cameras) != 2 {
		t.Fatalf("cameras are %+v", hello.Cameras)
	}
	v.send(`{"type":"watch","stream":1,"camera":"a"}`)
	v.frames(1, 2)

	// An editor writes a new file and puts it in place of the old one.
	next := filepath.Join(s.dir, ".cameras.yaml.new")
	text := fmt.Sprintf("server: {listen: %q}\nstate_dir: state\n", s.addr) +
		"cameras:\n  - {id: a, source: 'test:clock'}\n  - {id: b, source: 'test:ball'}\n  - {id: c, source: 'test:bars'}\n"
	if err := os.WriteFile(next, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, s.config); err != nil {
		t.Fatal(err)
	}
	s.becomes("c", camera.Live)
	s.eventually("b runs anew", func() error {
		if now, err := s.camera("b"); err != nil || now.PID == b.PID || now.Causes.Config != 1 {
			return fmt.Errorf("it is %+v, %v", now, err)
		}
		return nil
	})

	// A file with mistakes changes nothing, and everyone is told.
	s.configure("cameras:\n  - {id: a, sorce: 'test:clock'}\n")
	v.until("the page is told", func(_ *frame, m *message) bool {
		return m != nil && m.Type == "config" && strings.Contains(m.Error, "sorce")
	})
	v.frames(1, 2)
	if _, _, body := s.request(http.MethodGet, "/metrics", nil); !strings.Contains(string(body), "\nlinkstart_config_last_reload_successful 0\n") {
		t.Error("the metric does not tell")
	}
	if out, err := s.command("status"); err != nil || !strings.Contains(out, `unknown key "sorce"`) {
		t.Errorf("status says %s, %v", out, err)
	}
	if status, _, body := s.request(http.MethodPost, "/api/v1/reload", nil); status != http.StatusUnprocessableEntity || !strings.Contains(string(body), "sorce") {
		t.Errorf("reload answers %d: %s", status, body)
	}

	// The right one again: of the preview, then of itself.
	s.configure("cameras:\n  - {id: a, source: 'test:clock'}\n")
	v.until("the page is told that all is well", func(_ *frame, m *message) bool { return m != nil && m.Type == "config" && m.Error == "" })
	v.frames(1, 2)
	if out, err := s.command("reload", "-preview"); err != nil || strings.TrimSpace(out) != "nothing changed" {
		t.Errorf("the preview says %q, %v", out, err)
	}
	if now := s.becomes("a", camera.Live); now.PID != a.PID || now.Restarts != 0 {
		t.Errorf("a was touched: %+v", now)
	}
	if status, _, _ := s.request(http.MethodGet, "/api/v1/cameras/c", nil); status != http.StatusNotFound {
		t.Errorf("c answers %d", status)
	}
}

// TestOnFailure: a command and a call are made for a camera that stays away, and know which one it is.
func TestOnFailure(t *testing.T) {
	called := make(chan string, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<16))
		user, password, _ := r.BasicAuth()
		called <- strings.Join([]string{r.Method, r.URL.Path, user, password, string(body)}, " ")
	}))
	defer server.Close()
	s := start(t, fmt.Sprintf(`
defaults:
  on_failure: {url: "http://pdu:${PDU_PASSWORD}@%s/cycle", after: 1s, cooldown: 1h}
cameras:
  - {id: gone, name: Gone, source: "http://%s/"}
  - {id: script, source: "http://%s/", on_failure: {command: 'echo "$LINKSTART_CAMERA $LINKSTART_STATE ${PDU_PASSWORD}" > done', url: "http://%s/script"}}
  - {id: clock, source: "test:clock"}
`, strings.TrimPrefix(server.URL, "http://"), nettest.FreeAddr(), nettest.FreeAddr(), strings.TrimPrefix(server.URL, "http://")), "PDU_PASSWORD=hunter2")
	var calls []string
	for range 2 {
		select {
		case c := <-called:
			calls = append(calls, c)
		case <-time.After(patience):
			t.Fatalf("calls are %q", calls)
		}
	}
	all := strings.Join(calls, "\n")
	if !strings.Contains(all, `POST /cycle pdu hunter2 {"camera":"gone","name":"Gone","state":"reconnecting","error":"`) || !strings.Contains(all, "/script") {
		t.Errorf("calls are %s", all)
	}
	s.eventually("the command has run", func() error {
		b, err := os.ReadFile(filepath.Join(s.dir, "done"))
		if err == nil && string(b) != "script reconnecting hunter2\n" {
			err = fmt.Errorf("it wrote %q", b)
		}
		return err
	})
	s.eventually("the log tells", func() error {
		out, err := s.command("logs", "gone")
		if err == nil && !strings.Contains(out, "on_failure is done") {
			err = fmt.Errorf("the log is %s", out)
		}
		return err
	})
	if strings.Contains(s.out.String(), "hunter2") {
		t.Error("the password shows in the log")
	}
}

// TestServiceManagerIsTold: systemd's protocol on a real socket.
func TestServiceManagerIsTold(t *testing.T) {
	dir, err := os.MkdirTemp("", "notify") // short enough for the name of a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	heard := make(chan string, 10_000)
	go func() { // all the time: whoever writes into a full socket waits
		b := make([]byte, 4096)
		for {
			n, err := conn.Read(b)
			if err != nil {
				return
			}
			heard <- string(b[:n])
		}
	}()
	said := func(want string) {
		t.Helper()
		for deadline := time.After(patience); ; {
			select {
			case text := <-heard:
				if strings.Contains(text, want) {
					return
				}
			case <-deadline:
				t.Fatalf("%q was not said", want)
			}
		}
	}
	s := start(t, "cameras:\n  - {id: a, source: 'test:clock'}\n", "NOTIFY_SOCKET="+socket, "WATCHDOG_USEC=600000")
	said("READY=1")
	said("STATUS=1 cameras")
	said("WATCHDOG=1")
	for _, pid := range s.children() {
		env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		if err == nil && strings.Contains(string(env), "NOTIFY_SOCKET") {
			t.Error("a child could speak for the supervisor")
		}
	}
	s.stop()
	said("STOPPING=1")
}

// TestManyCamerasStart: all come up, and all are stopped within a bounded time.
func TestManyCamerasStart(t *testing.T) {
	const n = 40
	var text strings.Builder
	text.WriteString("defaults: {fps: 1}\ncameras:\n")
	for i := range n {
		fmt.Fprintf(&text, "  - {id: c%d, source: 'push:'}\n", i)
	}
	s := start(t, text.String())
	for i := range n {
		if info := s.becomes(fmt.Sprintf("c%d", i), camera.Waiting); info.Restarts != 0 {
			t.Errorf("c%d was restarted %d times", i, info.Restarts)
		}
	}
}

// TestPageTellsOfMistakes: whoever looks at the page learns that the file is not in force, until it is.
func TestPageTellsOfMistakes(t *testing.T) {
	s := start(t, twoCameras)
	p := open(t, chrome(t), s.url("/"), look{width: 1280, height: 800})
	p.shows("a")
	says := func() string {
		return eval[string](p, `document.querySelector("#config").hidden ? "" : document.querySelector("#config").textContent`)
	}
	if text := says(); text != "" {
		t.Errorf("the page says %q", text)
	}
	s.configure("cameras:\n  - {id: a, sorce: '<b>x</b>'}\n")
	s.eventually("the page tells of the mistake", func() error {
		if text := says(); !strings.Contains(text, `unknown key "sorce"`) || !strings.Contains(text, "not in force") {
			return fmt.Errorf("it says %q", text)
		}
		return nil
	})
	p.shows("a")
	s.configure(twoCameras)
	s.eventually("the page tells no more", func() error {
		if text := says(); text != "" {
			return fmt.Errorf("it says %q", text)
		}
		return nil
	})
	p.shows("a")
	p.quiet()
}

// TestRestartAt: by the clock, in good health, and not where a user has stopped the camera.
func TestRestartAt(t *testing.T) {
	s := start(t, `
cameras:
  - {id: nightly, source: 'test:clock', restart_at: '@every 2s'}
  - {id: off, source: 'test:clock', restart_at: '@every 2s'}
`)
	if out, err := s.command("stop", "off"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s.becomes("off", camera.Stopped)
	s.eventually("it is restarted three times", func() error {
		info, err := s.camera("nightly")
		if err == nil && (info.Causes.Schedule < 3 || info.Restarts != info.Causes.Schedule) {
			err = fmt.Errorf("restarts are %+v", info.Causes)
		}
		return err
	})
	if info, err := s.camera("off"); err != nil || info.State != camera.Stopped {
		t.Errorf("the stopped camera is %+v, %v", info, err)
	}
	if all := s.failures("nightly"); len(all) > 0 {
		t.Errorf("restarts count as failures: %+v", all)
	}
}
