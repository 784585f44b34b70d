package relay_test

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"linkstart/pkg/camera"
	"linkstart/pkg/child"
	"linkstart/pkg/logtest"
)

// TestUnknownHost: nobody comes in under a name that is not this server's, since it may be one of another site that leads here.
func TestUnknownHost(t *testing.T) {
	log := &logtest.Buffer{}
	w := newWorldWith(t, func(c *child.Relay) { c.Names = []string{"Cams.Example.org"} }, http.DefaultClient, log, info("a", camera.Live))
	get := func(host, path string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), "GET", w.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		resp, err := w.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		b := make([]byte, 4096)
		n, _ := resp.Body.Read(b)
		return resp.StatusCode, string(b[:n])
	}
	own, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	short, _, _ := strings.Cut(own, ".")
	for _, host := range []string{
		"localhost", "LOCALHOST:8080", "127.0.0.1", "127.0.0.1:1", "192.168.1.5:80", "[::1]", "[fe80::1]:8080", own, own + ":8080", short + ".local",
		"cams.example.org", "cams.example.org:443", "cams.example.org.", "control.example", // the last one as an origin
	} {
		if status, b := get(host, "/healthz"); status != 200 {
			t.Errorf("%s: %d %s", host, status, b)
		}
	}
	for _, host := range []string{
		"evil.example", "evil.example:8080", "127.0.0.1.evil.example", "localhost.evil.example", "cams.example.org.evil.example",
		"xcams.example.org", "0x7f.1", "2130706433.example", short + ".local.evil.example", "[evil.example]",
	} {
		for _, path := range []string{"/", "/app.js", "/api/v1/cameras", "/api/v1/cameras/a/snapshot.jpg", "/ws", "/metrics", "/healthz", "/nowhere"} {
			if status, b := get(host, path); status != http.StatusMisdirectedRequest || !strings.Contains(b, `"unknown_host"`) || !strings.Contains(b, "names: [") {
				t.Errorf("%s%s: %d %s", host, path, status, b)
			}
		}
	}
	_, resp, err := websocket.Dial(t.Context(), w.url+"/ws", &websocket.DialOptions{Host: "evil.example", HTTPHeader: http.Header{"Origin": {"http://evil.example"}}})
	if err == nil || resp == nil || resp.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("WebSocket: %v, %v", resp, err)
	}
	if n := strings.Count(log.String(), "server.names"); n != 1 {
		t.Errorf("the log tells %d times of it: %s", n, log)
	}
}

// TestForeignOriginIsTold: behind a proxy that changes Host everybody is refused, and the log says why, once.
func TestForeignOriginIsTold(t *testing.T) {
	log := &logtest.Buffer{}
	w := newWorldWith(t, func(*child.Relay) {}, http.DefaultClient, log, info("a", camera.Live))
	for range 5 {
		resp, _ := w.do("POST", "/api/v1/cameras/a/restart", nil, "Origin", "https://desk.example.org")
		if resp.StatusCode != 403 {
			t.Fatalf("status %d", resp.StatusCode)
		}
		_, _, err := websocket.Dial(t.Context(), w.url+"/ws", &websocket.DialOptions{HTTPHeader: http.Header{"Origin": {"https://desk.example.org"}}})
		if err == nil {
			t.Fatal("it is let in")
		}
	}
	if text := log.String(); strings.Count(text, "server.origins") != 1 || !strings.Contains(text, "desk.example.org") {
		t.Errorf("the log says %s", text)
	}
}

// TestHeaders: what goes with each kind of answer.
func TestHeaders(t *testing.T) {
	w := newWorldWith(t, func(c *child.Relay) { c.FrameAncestors = []string{"https://intranet.example.org"} }, http.DefaultClient, &logtest.Buffer{}, info("a", camera.Live))
	g := w.grab("a")
	g.publish(0)
	for path, want := range map[string]map[string]string{
		"/": {
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin", "Permissions-Policy": "camera=()",
			"Content-Security-Policy": "frame-ancestors 'self' https://intranet.example.org", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
		},
		"/api/v1/cameras":                   {"Cross-Origin-Resource-Policy": "same-origin", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"},
		"/api/v1/cameras/a/snapshot.jpg":    {"Cross-Origin-Resource-Policy": "cross-origin", "Cache-Control": "no-store"},
		"/api/v1/cameras/a/stream.mjpeg":    {"Cross-Origin-Resource-Policy": "cross-origin", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"},
		"/api/v1/events":                    {"Cross-Origin-Resource-Policy": "same-origin", "X-Content-Type-Options": "nosniff"},
		"/api/v1/cameras/a/logs?follow=yes": {"Cross-Origin-Resource-Policy": "same-origin", "X-Content-Type-Options": "nosniff"},
		"/nowhere":                          {"Cross-Origin-Resource-Policy": "same-origin", "X-Content-Type-Options": "nosniff"},
	} {
		req, err := http.NewRequestWithContext(t.Context(), "GET", w.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Origin", "https://evil.example")
		resp, err := w.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		for name, part := range want {
			if got := resp.Header.Get(name); !strings.Contains(got, part) {
				t.Errorf("%s: %s is %q, want %q", path, name, got, part)
			}
		}
		for name := range resp.Header {
			if strings.HasPrefix(name, "Access-Control-") || name == "Strict-Transport-Security" {
				t.Errorf("%s: has %s", path, name)
			}
		}
	}
}

// TestPackedBodies: a body that becomes large when it is unpacked is not unpacked.
func TestPackedBodies(t *testing.T) {
	w := newWorld(t, info("a", camera.Live))
	for _, path := range []string{"/api/v1/rooms/main", "/api/v1/cameras/a/alarm", "/api/v1/cameras"} {
		method := "POST"
		if strings.Contains(path, "rooms") {
			method = "PUT"
		}
		for _, encoding := range []string{"gzip", "deflate", "br", "GZIP", "gzip, gzip", "identity, gzip", "zstd"} {
			resp, b := w.do(method, path, []byte(`{"camera":"a","kind":"x"}`), "Content-Encoding", encoding)
			if resp.StatusCode != http.StatusUnsupportedMediaType || !strings.Contains(string(b), "encoded_body") {
				t.Errorf("%s with %s: %d %s", path, encoding, resp.StatusCode, b)
			}
		}
	}
}
