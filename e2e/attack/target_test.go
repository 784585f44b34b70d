package attack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"linkstart/pkg/logtest"
	"linkstart/pkg/nettest"
)

// patience is how long anything may take before a test gives up. It is generous: machines are slow and busy.
const patience = 90 * time.Second

const cameras = `
cameras:
  - {id: clock, source: "test:clock?size=640x360&fps=15"}
  - {id: ball, source: "test:ball?size=640x360&fps=15"}
  - {id: door, source: "push:"}
rooms: [{id: main, alarm_takeover: 1s}]
`

// target is a supervisor that runs, with all its children.
type target struct {
	t     testing.TB
	addr  string // host:port
	cmd   *exec.Cmd
	out   *logtest.Buffer
	relay int // its process

	config string // its file
	token  string // of honest requests, "" where nobody has to log in
}

func start(t testing.TB) *target {
	t.Helper()
	return startWith(t, "")
}

// startWith puts more into the configuration. Where that has users, token is what honest requests show.
func startWith(t testing.TB, users string) *target {
	t.Helper()
	g := &target{t: t, addr: nettest.FreeAddr(), out: &logtest.Buffer{}}
	dir := t.TempDir()
	config := filepath.Join(dir, "cameras.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, "server: {listen: %q}\nstate_dir: state\n%s%s", g.addr, users, cameras), 0o600); err != nil {
		t.Fatal(err)
	}
	g.cmd = exec.Command(filepath.Join(bin, "supervisor"), "-config", config)
	g.cmd.Stdout, g.cmd.Stderr, g.cmd.WaitDelay = g.out, g.out, 10*time.Second
	if err := g.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- g.cmd.Wait() }()
	t.Cleanup(func() {
		_ = g.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(patience):
			t.Error("the supervisor does not stop")
			_ = g.cmd.Process.Kill()
			<-ended
		}
		if text := g.out.String(); strings.Contains(text, "DATA RACE") || strings.Contains(text, "panic") {
			t.Errorf("a program has failed:\n%s", text)
		} else if t.Failed() {
			t.Logf("the supervisor printed:\n%s", text)
		}
	})
	g.config = config
	if users != "" {
		g.eventually("the token is made", func() error {
			out, err := exec.Command(filepath.Join(bin, "supervisor"), "-config", config, "token", "add", "-role", "admin", "honest").Output()
			g.token = strings.TrimSpace(string(out))
			return err
		})
	}
	g.eventually("pictures flow", func() error {
		for _, id := range []string{"clock", "ball"} {
			status, body, err := g.ask("GET", "/api/v1/cameras/"+id, "")
			if err == nil && (status != 200 || !strings.Contains(body, `"live"`)) {
				err = errors.New(body)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	g.relay = g.child("relay")
	return g
}

func (g *target) eventually(what string, try func() error) {
	g.t.Helper()
	var err error
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if err = try(); err == nil {
			return
		}
	}
	g.t.Fatalf("%s: not within %s: %v", what, patience, err)
}

// honest asks on a connection of its own, as somebody does who comes anew.
var honest = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// ask does one honest request.
func (g *target) ask(method, path, body string, header ...string) (int, string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+g.addr+path, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	if g.token != "" {
		req.Header.Set("Authorization", "Bearer "+g.token)
	}
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
			continue
		}
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := honest.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	return resp.StatusCode, string(b), err
}

// answers checks one answer: its status must be one of those, and never is it a fault of ours.
func (g *target) answers(what string, statuses []int, method, path, body string, header ...string) {
	g.t.Helper()
	status, b, err := g.ask(method, path, body, header...)
	if err != nil {
		g.t.Errorf("%s: %v", what, err)
		return
	}
	for _, s := range statuses {
		if s == status {
			return
		}
	}
	g.t.Errorf("%s: %d %.200s; want one of %v", what, status, b, statuses)
}

// alive checks that somebody who comes now is served.
func (g *target) alive() {
	g.t.Helper()
	g.answers("an honest request", []int{200}, "GET", "/healthz", "")
}

// raw sends bytes as they are and returns what comes back until the connection ends, or nothing has come for a while.
func (g *target) raw(text string) string {
	g.t.Helper()
	c := g.dial("127.0.0.1")
	if c == nil {
		return ""
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(c, text)
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.CloseWrite()
	}
	b, _ := io.ReadAll(io.LimitReader(c, 1<<20))
	return string(b)
}

// dial opens a connection from an address of this machine; nil where it is refused.
func (g *target) dial(from string) net.Conn {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: patience}
	c, err := dialer.Dial("tcp", g.addr)
	if err != nil {
		return nil
	}
	return c
}

// child returns the process of one of the supervisor's programs.
func (g *target) child(name string) int {
	g.t.Helper()
	list, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		g.t.Fatal(err)
	}
	for _, stat := range list {
		b, _ := os.ReadFile(stat)
		_, rest, ok := strings.Cut(string(b), "("+name+") ")
		if fields := strings.Fields(rest); ok && fields[1] == strconv.Itoa(g.cmd.Process.Pid) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(stat)))
			return pid
		}
	}
	g.t.Fatalf("no %s runs", name)
	return 0
}

// files is how many descriptors the relay has open.
func (g *target) files() int {
	list, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", g.relay))
	return len(list)
}

// memory is what the relay holds, in MiB.
func (g *target) memory() float64 {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/statm", g.relay))
	fields := strings.Fields(string(b))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.Atoi(fields[1])
	return float64(pages*os.Getpagesize()) / (1 << 20)
}

// pid is the process of a camera.
func (g *target) pid(id string) int {
	g.t.Helper()
	_, b, err := g.ask("GET", "/api/v1/cameras/"+id, "")
	var i struct{ PID int }
	if err == nil {
		err = json.Unmarshal([]byte(b), &i)
	}
	if err != nil {
		g.t.Fatal(err)
	}
	return i.PID
}
