package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
	"linkstart/pkg/logtest"
	"linkstart/pkg/nettest"
	"linkstart/pkg/statedir"
)

// patience is how long anything may take before a test gives up. It is generous: machines are slow and busy.
const patience = 60 * time.Second

// system is a supervisor that runs, with all its children.
type system struct {
	t      *testing.T
	dir    string
	config string
	addr   string // host:port
	env    []string
	cmd    *exec.Cmd
	client *http.Client
	exec   func(name string, args ...string) *exec.Cmd // makes cmd
	out    *logtest.Buffer
	ended  chan error
}

// start runs a supervisor with this configuration (server and state_dir are put before it) and waits until it serves.
func start(t *testing.T, cameras string, env ...string) *system {
	t.Helper()
	s := prepare(t, cameras, env...)
	s.launch()
	t.Cleanup(s.stop)
	return s
}

// prepare is start without the start.
func prepare(t *testing.T, cameras string, env ...string) *system {
	t.Helper()
	s := &system{t: t, dir: t.TempDir(), addr: nettest.FreeAddr(), env: env, client: http.DefaultClient, exec: exec.Command}
	s.config = filepath.Join(s.dir, "cameras.yaml")
	s.configure(cameras)
	return s
}

func (s *system) configure(cameras string) {
	s.t.Helper()
	text := fmt.Sprintf("server: {listen: %q}\nstate_dir: state\n%s", s.addr, cameras)
	whole := s.config + ".new" // else half a file might be read
	if err := os.WriteFile(whole, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Rename(whole, s.config); err != nil {
		s.t.Fatal(err)
	}
}

func (s *system) launch() {
	s.t.Helper()
	s.begin()
	s.ready()
}

// begin starts the supervisor.
func (s *system) begin() {
	s.t.Helper()
	s.beginWith(s.exec(filepath.Join(bin, "supervisor"), "-config", s.config))
}

// beginWith is begin by another command.
func (s *system) beginWith(cmd *exec.Cmd) {
	s.t.Helper()
	s.out = &logtest.Buffer{}
	s.ended = make(chan error, 1)
	s.cmd = cmd
	s.cmd.Env = append(os.Environ(), s.env...)
	s.cmd.Stdout, s.cmd.Stderr = s.out, s.out
	s.cmd.WaitDelay = 10 * time.Second
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	ended := s.ended
	go func() { ended <- cmd.Wait() }()
}

// ready waits until the system serves.
func (s *system) ready() {
	s.t.Helper()
	s.eventually("the system is ready", func() error {
		select {
		case err := <-s.ended:
			s.ended <- err
			s.t.Fatalf("the supervisor ended: %v\n%s", err, s.out)
		default:
		}
		resp, err := s.client.Get(s.url("/readyz"))
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("readyz answers %s", resp.Status)
		}
		return nil
	})
}

// stop ends the supervisor as systemd would, and checks that it leaves nothing behind.
func (s *system) stop() {
	s.t.Helper()
	children := s.children()
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-s.ended:
		s.ended <- err
	case <-time.After(patience):
		s.t.Error("the supervisor does not stop")
		_ = s.cmd.Process.Kill()
	}
	s.gone(children...)
	s.client.CloseIdleConnections()
	if strings.Contains(s.out.String(), "DATA RACE") {
		s.t.Error("a program has a data race")
	}
	if s.t.Failed() {
		s.t.Logf("the supervisor printed:\n%s", s.out)
	}
}

func (s *system) url(path string) string { return "http://" + s.addr + path }

// eventually tries until try gives no error.
func (s *system) eventually(what string, try func() error) {
	s.t.Helper()
	eventually(s.t, what, try)
}

func eventually(t testing.TB, what string, try func() error) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if err = try(); err == nil {
			return
		}
	}
	t.Fatalf("%s: not within %s: %v", what, patience, err)
}

// request does one HTTP request and returns status and body.
func (s *system) request(method, path string, body io.Reader, headers ...string) (int, http.Header, []byte) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, s.url(path), body)
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := s.client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 32<<20))
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, b
}

// insist is request, again while the camera's process is too slow for the relay: a busy machine may give it no turn for seconds.
func (s *system) insist(method, path string, body []byte, headers ...string) (status int, header http.Header, answer []byte) {
	s.t.Helper()
	s.eventually(method+" "+path+" is answered by the camera", func() error {
		status, header, answer = s.request(method, path, bytes.NewReader(body), headers...)
		var problem struct{ Code string }
		if status == http.StatusServiceUnavailable && json.Unmarshal(answer, &problem) == nil && (problem.Code == "no_picture" || problem.Code == "camera_away") {
			return fmt.Errorf("%d %s", status, answer)
		}
		return nil
	})
	return status, header, answer
}

// camera returns a camera as the API shows it.
func (s *system) camera(id string) (camera.Info, error) {
	s.t.Helper()
	var info camera.Info
	status, _, body := s.request(http.MethodGet, "/api/v1/cameras/"+id, nil)
	if status != http.StatusOK {
		return info, fmt.Errorf("status %d: %s", status, body)
	}
	return info, json.Unmarshal(body, &info)
}

// becomes waits until the camera is in that state.
func (s *system) becomes(id string, state camera.State) camera.Info {
	s.t.Helper()
	var info camera.Info
	s.eventually(fmt.Sprintf("%s becomes %s", id, state), func() (err error) {
		if info, err = s.camera(id); err == nil && info.State != state {
			err = fmt.Errorf("it is %s: %s", info.State, info.Error)
		}
		return err
	})
	return info
}

// bus joins the bus as the command line does. The caller closes it.
func (s *system) bus() (*nats.Conn, bus.Access) {
	s.t.Helper()
	access, err := statedir.ReadAccess(filepath.Join(s.dir, "state"))
	if err != nil {
		s.t.Fatal(err)
	}
	nc, err := bus.Connect(s.t.Context(), access, slog.New(slog.DiscardHandler))
	if err != nil {
		s.t.Fatal(err)
	}
	return nc, access
}

// command runs a subcommand of the supervisor.
func (s *system) command(args ...string) (string, error) {
	cmd := s.exec(filepath.Join(bin, "supervisor"), append([]string{"-config", s.config}, args...)...)
	end := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer end.Stop()
	out, err := cmd.CombinedOutput()
	return string(out), err
}
