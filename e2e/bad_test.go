package e2e

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"linkstart/pkg/camera"
)

// says waits until the camera is in that state with an error that holds text.
func (s *system) says(id string, state camera.State, text string) {
	s.t.Helper()
	s.eventually(fmt.Sprintf("%s is %s and says %q", id, state, text), func() error {
		info, err := s.camera(id)
		if err == nil && (info.State != state || !strings.Contains(info.Error, text)) {
			err = fmt.Errorf("it is %s and says %q", info.State, info.Error)
		}
		return err
	})
}

func TestBadRequestsAreAnsweredInWords(t *testing.T) {
	s := start(t, threeCameras+"limits: {frame_bytes: 100KB}\n")
	s.becomes("clock", camera.Live)
	before := s.becomes("push", camera.Waiting)
	broken, err := os.ReadDir("../pkg/jpeg/testdata/broken")
	if err != nil {
		t.Fatal(err)
	}
	if len(broken) == 0 {
		t.Fatal("no broken pictures to send")
	}
	for _, file := range broken {
		b, err := os.ReadFile(filepath.Join("../pkg/jpeg/testdata/broken", file.Name()))
		if err != nil {
			t.Fatal(err)
		}
		status, _, _ := s.insist(http.MethodPost, "/api/v1/cameras/push/frames", b, "Content-Type", "image/jpeg")
		if status != http.StatusNoContent && status != http.StatusUnprocessableEntity && status != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: status %d", file.Name(), status)
		}
	}
	jpeg := "image/jpeg"
	for _, c := range []struct {
		method, path, contentType string
		body                      string
		status                    int
		code                      string
	}{
		{"GET", "/api/v1/cameras/nobody", "", "", 404, "unknown_camera"},
		{"GET", "/api/v1/cameras/nobody/snapshot.jpg", "", "", 404, "unknown_camera"},
		{"GET", "/api/v1/cameras/nobody/stream.mjpeg", "", "", 404, "unknown_camera"},
		{"POST", "/api/v1/cameras/nobody/restart", "", "", 404, "unknown_camera"},
		{"POST", "/api/v1/cameras/push/frames", jpeg, "<html>", 422, "not_jpeg"},
		{"POST", "/api/v1/cameras/push/frames", jpeg, "", 422, "not_jpeg"},
		{"POST", "/api/v1/cameras/push/frames", jpeg, strings.Repeat("x", 200_000), 413, "too_large"},
		{"POST", "/api/v1/cameras/clock/frames", jpeg, "x", 409, "not_push_camera"},
		{"PUT", "/api/v1/rooms/main", "application/json", `{"camera":"nobody"}`, 404, "unknown_camera"},
		{"PUT", "/api/v1/rooms/main", "application/json", `{`, 400, "bad_request"},
		{"GET", "/api/v1/nothing", "", "", 404, "not_found"},
		{"DELETE", "/api/v1/cameras", "", "", 405, "method_not_allowed"},
	} {
		status, header, body := s.insist(c.method, c.path, []byte(c.body), "Content-Type", c.contentType)
		if status != c.status || !bytes.Contains(body, fmt.Appendf(nil, "%q", c.code)) || !strings.HasPrefix(header.Get("Content-Type"), "application/problem+json") {
			t.Errorf("%s %s: %d %s %s, want %d %s", c.method, c.path, status, header.Get("Content-Type"), body, c.status, c.code)
		}
	}
	if after, err := s.camera("push"); err != nil || after.PID != before.PID {
		t.Errorf("bad pictures changed the process: %+v %v", after, err)
	}
}

func TestConfigurationMistakes(t *testing.T) {
	for name, c := range map[string]struct{ yaml, says string }{
		"unknown key":     {"cameras: [{id: a, sorce: push}]", "did you mean"},
		"unknown source":  {"cameras: [{id: a, source: 'rstp://h/x'}]", "rtsp"},
		"twice the same":  {"cameras: [{id: a, source: 'push:'}, {id: a, source: 'push:'}]", "a"},
		"open to all":     {"server: {listen: '0.0.0.0:1'}", "auth: none"},
		"missing secret":  {"cameras: [{id: a, source: 'rtsp://u:${NOT_SET_ANYWHERE}@h/x'}]", "NOT_SET_ANYWHERE"},
		"not YAML at all": {"cameras: [", "cameras.yaml:1:"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "cameras.yaml")
			if err := os.WriteFile(file, []byte(c.yaml), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, args := range [][]string{{"check", "-config", file}, {"-config", file}} {
				cmd := exec.Command(filepath.Join(bin, "supervisor"), args...)
				out, _ := cmd.CombinedOutput()
				if code := cmd.ProcessState.ExitCode(); code != camera.ExitConfig {
					t.Errorf("%v: exit code %d: %s", args, code, out)
				}
				if !strings.Contains(string(out), "cameras.yaml:1:") || !strings.Contains(string(out), c.says) {
					t.Errorf("%v: %s", args, out)
				}
			}
		})
	}
}

func TestPortInUse(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, threeCameras)
	s.stop()
	s.addr = l.Addr().String()
	s.configure(threeCameras)
	s.begin()
	s.eventually("the log names the address and how to mend it", func() error {
		if out := s.out.String(); !strings.Contains(out, s.addr+" is in use") || !strings.Contains(out, "server.listen") {
			return fmt.Errorf("%s", out)
		}
		return nil
	})
	l.Close()
	s.ready()
}

func TestSecondSupervisorIsRefused(t *testing.T) {
	t.Parallel()
	s := start(t, threeCameras)
	out, err := exec.Command(filepath.Join(bin, "supervisor"), "-config", s.config).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "another supervisor") {
		t.Errorf("%v: %s", err, out)
	}
}

// No password may be seen anywhere: log, status, API, process list, files that others can read.
func TestSecretsStaySecret(t *testing.T) {
	t.Parallel()
	refuses := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", `Basic realm="camera"`)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer refuses.Close()
	host := strings.TrimPrefix(refuses.URL, "http://")
	secrets := []string{"hunter2-in-file", "s3cret/from:env@x", "s3cret%2Ffrom", "command-secret-9"}
	s := start(t, fmt.Sprintf(`
cameras:
  - {id: file, source: "http://admin:hunter2-in-file@%s/video"}
  - {id: env, source: "http://admin:${CAM_PW}@%s/video"}
  - {id: query, source: "http://%s/video?user=a&pwd=hunter2-in-file"}
  - {id: rtsp, source: "rtsp://admin:${CAM_PW}@127.0.0.1:1/x"}
  - {id: command, source: 'exec:echo "$CMD_PW ${CMD_PW}" >&2; sleep 100'}
`, host, host, host), "CAM_PW=s3cret/from:env@x", "CMD_PW=command-secret-9")
	for _, id := range []string{"file", "env", "query", "rtsp"} {
		s.says(id, camera.Reconnecting, "")
	}
	s.says("env", camera.Reconnecting, "admin")
	s.eventually("the command has spoken", func() error {
		if out, err := s.command("logs", "command"); err != nil || !strings.Contains(out, "***") {
			return fmt.Errorf("%v: %s", err, out)
		}
		return nil
	})
	seen := map[string]string{"log": s.out.String()}
	seen["status"], _ = s.command("status", "--json")
	for _, path := range []string{"/api/v1/cameras", "/metrics", "/api/v1/cameras/command/logs", "/api/v1/cameras/env/logs"} {
		_, _, body := s.request(http.MethodGet, path, nil)
		seen[path] = string(body)
	}
	for _, pid := range append(s.children(), s.cmd.Process.Pid) {
		cmdline, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		seen[fmt.Sprintf("command line of %d", pid)] = string(cmdline)
	}
	for where, text := range seen {
		for _, secret := range secrets {
			if strings.Contains(text, secret) {
				t.Errorf("%s shows the secret %q", where, secret)
			}
		}
	}
	if info, err := os.Stat(filepath.Join(s.dir, "state", "control.json")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("control.json: %v %v", info, err)
	}
}
