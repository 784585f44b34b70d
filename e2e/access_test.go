package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// passwd returns what supervisor passwd prints for users:, without that line.
func passwd(t *testing.T, password string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(bin, "supervisor"), append([]string{"passwd"}, args...)...)
	cmd.Stdin = strings.NewReader(password + "\n")
	out, err := cmd.Output()
	entry, ok := strings.CutPrefix(string(out), "users:\n")
	if err != nil || !ok {
		t.Fatalf("passwd: %v, %s", err, out)
	}
	return entry
}

const camerasToShare = "cameras:\n  - {id: a, source: \"test:clock\"}\n  - {id: b, source: \"test:clock\"}\n"

// open opens the WebSocket as somebody and returns what reads on to its end.
func (s *system) open(authorization string) (ended chan websocket.StatusCode) {
	s.t.Helper()
	conn, _, err := websocket.Dial(s.t.Context(), s.url("/ws"), &websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {authorization}}})
	if err != nil {
		s.t.Fatal(err)
	}
	conn.SetReadLimit(1 << 20)
	s.t.Cleanup(func() { _ = conn.CloseNow() })
	ended = make(chan websocket.StatusCode, 1)
	go func() {
		for {
			if _, _, err := conn.Read(s.t.Context()); err != nil {
				ended <- websocket.CloseStatus(err)
				return
			}
		}
	}()
	return ended
}

// TestUsersComeAndGo takes users, tokens and passwords from the command line and the configuration, while the system runs.
func TestUsersComeAndGo(t *testing.T) {
	t.Parallel()
	anna := passwd(t, "correct horse", "anna")
	vera := passwd(t, "battery staple", "-role", "viewer", "-camera", "a", "vera")
	s := prepare(t, "users:\n"+anna+vera+camerasToShare)
	s.launch()
	stop := func() { s.stop() }
	t.Cleanup(func() { stop() })
	if status, _, b := s.request("GET", "/api/v1/cameras", nil); status != 401 {
		t.Errorf("without a login: %d %s", status, b)
	}
	out, err := s.command("token", "add", "-role", "operator", "robot")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if err != nil {
		t.Fatal(err, out)
	}
	secret := lines[len(lines)-1]
	bearer := "Bearer " + secret
	s.eventually("the token is good", func() error {
		if status, _, b := s.request("GET", "/api/v1/cameras", nil, "Authorization", bearer); status != 200 {
			return fmt.Errorf("%d %s", status, b)
		}
		return nil
	})
	if status, _, b := s.request("POST", "/api/v1/cameras/a/restart", nil, "Authorization", bearer); status != 202 {
		t.Errorf("restart: %d %s", status, b)
	}
	login := func(name, password string) string {
		status, header, b := s.request("POST", "/api/v1/session", bytes.NewReader(fmt.Appendf(nil, `{"name":%q,"password":%q}`, name, password)))
		if status != 200 {
			t.Fatalf("login of %s: %d %s", name, status, b)
		}
		cookie, _, _ := strings.Cut(header.Get("Set-Cookie"), ";")
		return cookie
	}
	session := login("vera", "battery staple")
	var list []struct{ ID string }
	_, _, b := s.request("GET", "/api/v1/cameras", nil, "Cookie", session)
	if err := json.Unmarshal(b, &list); err != nil || len(list) != 1 || list[0].ID != "a" {
		t.Errorf("vera sees %s", b)
	}

	// Another password: vera's session is over, the others' connections and the relay go on.
	relay, robot := s.relay(), s.open(bearer)
	s.configure("users:\n" + anna + passwd(t, "another one", "-role", "viewer", "vera") + camerasToShare)
	s.eventually("vera's session is over", func() error {
		if status, _, b := s.request("GET", "/api/v1/cameras", nil, "Cookie", session); status != 401 {
			return fmt.Errorf("%d %s", status, b)
		}
		return nil
	})
	if now := s.relay(); now != relay {
		t.Errorf("the relay was started again: %d, now %d", relay, now)
	}
	select {
	case status := <-robot:
		t.Errorf("another one's connection was closed with %d", status)
	default:
	}

	// A restart forgets neither sessions nor tokens.
	session = login("anna", "correct horse")
	s.stop()
	<-robot
	s.launch()
	for _, header := range [][]string{{"Cookie", session}, {"Authorization", bearer}} {
		if status, _, b := s.request("GET", "/api/v1/cameras", nil, header...); status != 200 {
			t.Errorf("%s after a restart: %d %s", header[0], status, b)
		}
	}
	robot = s.open(bearer)
	_, _, b = s.request("GET", "/api/v1/tokens", nil, "Cookie", session)
	if err := json.Unmarshal(b, &list); err != nil || len(list) != 1 || strings.Contains(string(b), secret) {
		t.Fatalf("tokens: %s", b)
	}
	if out, err := s.command("token", "revoke", list[0].ID); err != nil {
		t.Fatal(err, out)
	}
	if status := <-robot; status != websocket.StatusPolicyViolation {
		t.Errorf("a revoked token's connection was closed with %d", status)
	}
	if status, _, b := s.request("GET", "/api/v1/cameras", nil, "Authorization", bearer); status != 401 {
		t.Errorf("a revoked token: %d %s", status, b)
	}
	out, err = s.command("audit")
	for _, want := range []string{"make token", "revoke token", "vera", "restart", "command line"} {
		if err != nil || !strings.Contains(out, want) {
			t.Errorf("audit lacks %s: %v\n%s", want, err, out)
		}
	}
	for _, name := range []string{"access.json", "audit.log"} {
		info, err := os.Stat(filepath.Join(s.dir, "state", name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", name, err, info)
		}
	}
	for what, text := range map[string]string{"log": s.out.String(), "audit": out} {
		for _, hidden := range []string{secret, "correct horse", "battery staple", "$argon2id", session} {
			if strings.Contains(text, hidden) {
				t.Errorf("%s has %s", what, hidden)
			}
		}
	}
}
