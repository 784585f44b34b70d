package e2e

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/coder/websocket"

	"linkstart/pkg/certificate/certtest"
	"linkstart/pkg/logtest"
	"linkstart/pkg/nettest"
)

// tool finds a server that tests run: where deploy/packages.sh puts it, or where it is installed.
func tool(t *testing.T, name string) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{name, filepath.Join("/usr/sbin", name), filepath.Join(cache, "linkstart/tools", name)} {
		if found, err := exec.LookPath(path); err == nil {
			return found
		}
	}
	t.Fatalf("%s is not here: `make test` fetches it", name)
	return ""
}

// site is a real proxy before the system, with the file that is shipped for it.
type site struct {
	t      *testing.T
	client *http.Client
	port   string
	token  string
}

// serve runs a proxy until the test ends. Its file is changed by the pairs, each of which must be in it, for the ports of this machine.
func serve(t *testing.T, dir, port, shipped, before string, changes []string, command ...string) *site {
	t.Helper()
	b, err := os.ReadFile("../deploy/proxy/" + shipped)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for i := 0; i < len(changes); i += 2 {
		if !strings.Contains(text, changes[i]) {
			t.Fatalf("%s holds no %q", shipped, changes[i])
		}
		text = strings.ReplaceAll(text, changes[i], changes[i+1])
	}
	if err := os.WriteFile(filepath.Join(dir, shipped), []byte(before+text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	var out logtest.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait() // ended by a signal that was sent on purpose
		if t.Failed() {
			t.Logf("%s says:\n%s", shipped, &out)
		}
	})
	// Its names lead to this machine, and nobody has signed its certificates.
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, "127.0.0.1:"+port)
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &site{t: t, port: port, client: &http.Client{
		Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func runNginx(t *testing.T, relay string) *site {
	dir := t.TempDir()
	_, port, _ := net.SplitHostPort(nettest.FreeAddr())
	_, plain, _ := net.SplitHostPort(nettest.FreeAddr())
	certtest.Write(t, dir, "page", time.Now().AddDate(0, 1, 0))
	before := fmt.Sprintf("daemon off; error_log stderr; pid %[1]s/pid; events {} http { access_log off; client_body_temp_path %[1]s/b;"+
		"proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s; include nginx.conf; }\n", dir)
	if err := os.WriteFile(filepath.Join(dir, "main.conf"), []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	return serve(t, dir, port, "nginx.conf", "", []string{
		"listen 443", "listen 127.0.0.1:" + port, "listen 80", "listen 127.0.0.1:" + plain, "/etc/nginx/tls", dir, "127.0.0.1:8080", relay,
	}, tool(t, "nginx"), "-p", dir, "-c", dir+"/main.conf", "-e", "stderr")
}

func runCaddy(t *testing.T, relay string) *site {
	dir := t.TempDir()
	_, port, _ := net.SplitHostPort(nettest.FreeAddr())
	_, plain, _ := net.SplitHostPort(nettest.FreeAddr())
	before := fmt.Sprintf("{\n admin off\n local_certs\n skip_install_trust\n default_bind 127.0.0.1\n grace_period 1s\n http_port %s\n https_port %s\n}\n", plain, port)
	return serve(t, dir, port, "Caddyfile", before, []string{"127.0.0.1:8080", relay}, tool(t, "caddy"), "run", "--config", "Caddyfile")
}

// TestProxies puts the real servers, with the files that are shipped for them, before a system with users.
func TestProxies(t *testing.T) {
	s := start(t, "access: {proxies: [127.0.0.1]}\nusers:\n"+passwd(t, "correct horse", "anna")+`
cameras:
  - {id: clock, source: "test:clock?size=640x360&fps=15"}
  - {id: ball, source: "test:ball?size=640x360&fps=15"}
  - {id: robot, source: "push:"}
`)
	out, err := s.command("token", "add", "-role", "operator", "robot")
	if err != nil {
		t.Fatal(err, out)
	}
	lines := strings.Fields(out)
	for name, run := range map[string]func(*testing.T, string) *site{"nginx": runNginx, "caddy": runCaddy} {
		t.Run(name, func(t *testing.T) {
			p := run(t, s.addr)
			p.token = lines[len(lines)-1]
			for _, below := range []string{"https://cams.example.org:" + p.port + "/", "https://desk.example.org:" + p.port + "/cams/"} {
				p.uses(below)
			}
			if resp := p.do("GET", "https://desk.example.org:"+p.port+"/cams", nil, "", nil); !strings.HasSuffix(resp.Header.Get("Location"), "/cams/") {
				t.Errorf("/cams is answered with %s and %q", resp.Status, resp.Header.Get("Location"))
			}
			if out, err := s.command("audit"); err != nil || strings.Contains(out, "203.0.113.9") || !strings.Contains(out, "127.0.0.1") {
				t.Errorf("what a client says of its address is believed: %v\n%s", err, out)
			}
			p.showsPage("https://desk.example.org:" + p.port + "/cams/")
		})
	}
}

// do makes one request; its body is read by the caller where into is nil.
func (p *site) do(method, url string, body io.Reader, cookie string, into *[]byte) *http.Response {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	p.t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Cookie", cookie)
	req.Header.Set("X-Forwarded-For", "203.0.113.9")
	if strings.HasSuffix(url, "/frames") {
		req.Header.Set("Content-Type", "image/jpeg")
		req.Header.Set("Authorization", "Bearer "+p.token)
	}
	resp, err := p.client.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = resp.Body.Close() })
	if into != nil {
		if *into, err = io.ReadAll(resp.Body); err != nil {
			p.t.Fatal(err)
		}
	}
	return resp
}

// uses asks for all that is special about Linkstart to a proxy.
func (p *site) uses(below string) {
	t := p.t
	t.Helper()
	eventually(t, "the proxy serves", func() error {
		resp, err := p.client.Get(below + "readyz")
		if err != nil {
			return err
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("status %s", resp.Status)
		}
		return nil
	})
	var page []byte
	if resp := p.do("GET", below, nil, "", &page); resp.StatusCode != 200 || !bytes.Contains(page, []byte("<html")) {
		t.Errorf("%s: the page is %s", below, resp.Status)
	}
	resp := p.do("POST", below+"api/v1/session", strings.NewReader(`{"name":"anna","password":"correct horse"}`), "", new([]byte))
	set := resp.Header.Get("Set-Cookie")
	if resp.StatusCode != 200 || !strings.Contains(strings.ToLower(set), "secure") {
		t.Fatalf("%s: the login is answered with %s and the cookie %q", below, resp.Status, set)
	}
	cookie, _, _ := strings.Cut(set, ";")
	p.watches(below, cookie)
	p.streams(below, cookie)
	p.hears(below, cookie)
	large := bytes.NewReader(make([]byte, 3<<20)) // no picture, but as large as one
	var said []byte
	if resp := p.do("POST", below+"api/v1/cameras/robot/frames", large, cookie, &said); !bytes.Contains(said, []byte(`"not_jpeg"`)) {
		t.Errorf("%s: a large picture does not come through: %s %.200s", below, resp.Status, said)
	}
}

// watches opens the WebSocket as a page does.
func (p *site) watches(below, cookie string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	origin := below[:strings.Index(below[8:], "/")+8]
	conn, _, err := websocket.Dial(ctx, below+"ws", &websocket.DialOptions{HTTPClient: p.client, HTTPHeader: http.Header{"Cookie": {cookie}, "Origin": {origin}}})
	if err != nil {
		p.t.Errorf("%s: WebSocket: %v", below, err)
		return
	}
	defer func() { _ = conn.CloseNow() }()
	conn.SetReadLimit(8 << 20)
	if err := conn.Write(ctx, websocket.MessageText, []byte(`{"type":"watch","stream":1,"camera":"clock"}`)); err != nil {
		p.t.Fatal(err)
	}
	for frames := 0; frames < 5; {
		kind, _, err := conn.Read(ctx)
		if err != nil {
			p.t.Fatalf("%s: WebSocket after %d frames: %v", below, frames, err)
		}
		if kind == websocket.MessageBinary {
			frames++
		}
	}
}

// streams takes Motion JPEG: each part comes when it was captured, not when a buffer is full.
func (p *site) streams(below, cookie string) {
	p.t.Helper()
	resp := p.do("GET", below+"api/v1/cameras/clock/stream.mjpeg?rendition=sub&fps=5", nil, cookie, nil)
	_, params, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil {
		p.t.Fatalf("%s: %s: %v", below, resp.Status, err)
	}
	parts := multipart.NewReader(resp.Body, params["boundary"])
	for range 3 {
		part, err := parts.NextPart()
		if err != nil {
			p.t.Fatalf("%s: %v", below, err)
		}
		if b, err := io.ReadAll(part); err != nil || !bytes.HasPrefix(b, []byte{0xff, 0xd8}) {
			p.t.Errorf("%s: a part is no picture: %v", below, err)
		}
	}
}

// hears follows the events: one comes through as soon as it is told, small as it is.
func (p *site) hears(below, cookie string) {
	p.t.Helper()
	resp := p.do("GET", below+"api/v1/events", nil, cookie, nil)
	heard := make(chan string, 100)
	go func() {
		defer close(heard)
		for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
			select {
			case heard <- lines.Text():
			default:
			}
		}
	}()
	room := "room" + fmt.Sprint(time.Now().UnixNano())
	late := time.After(patience)
	told := false
	for {
		select {
		case line, ok := <-heard:
			if !ok {
				p.t.Errorf("%s: the events end", below)
				return
			}
			if !told { // they have begun
				told = true
				p.do("PUT", below+"api/v1/rooms/"+room, strings.NewReader(`{"camera":"ball"}`), cookie, new([]byte))
			}
			var event struct{ Room, Camera string }
			if data, ok := strings.CutPrefix(line, "data:"); ok && json.Unmarshal([]byte(data), &event) == nil && event.Room == room {
				_ = resp.Body.Close()
				return
			}
		case <-late:
			p.t.Errorf("%s: an event does not come through", below)
			return
		}
	}
}

// showsPage logs in with a browser, and sees pictures.
func (p *site) showsPage(address string) {
	tab := visit(p.t, chrome(p.t, chromedp.Flag("ignore-certificate-errors", true), chromedp.Flag("host-resolver-rules", "MAP *.example.org 127.0.0.1")), address, look{}).with(p.t)
	tab.login("anna", "correct horse")
	tab.until("a tile is live", func(v sight) bool { return v.Connection == "open" && v.tile("clock").Picture == "live" })
}
