package relay_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"linkstart/pkg/camera"
)

func pushCamera() camera.Info {
	i := info("door", camera.Waiting)
	i.Source = "push:"
	return i
}

func TestRoutes(t *testing.T) {
	w := newWorld(t, info("a", camera.Live), info("dark", camera.Starting), pushCamera())
	w.grab("a").publish(0)
	w.grab("dark")
	door := w.grab("door")
	pushed := make(chan []byte, 1)
	_, err := door.nc.Subscribe(subjects.Push("door"), func(m *nats.Msg) {
		pushed <- m.Data
		_ = m.Respond(nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := door.nc.Flush(); err != nil {
		t.Fatal(err)
	}
	evil := []string{"Origin", "https://evil.example"}
	for _, c := range []struct {
		method, path, body string
		header             []string
		status             int
		want               string // in the body; the code of a problem
	}{
		{"GET", "/", "", nil, 200, "viewer"},
		{"GET", "/app.js", "", nil, 200, "let a=1"},
		{"GET", "/api/v1/cameras", "", nil, 200, `"id":"a"`},
		{"GET", "/api/v1/cameras/a", "", nil, 200, `"state":"live"`},
		{"GET", "/api/v1/cameras/nobody", "", nil, 404, "unknown_camera"},
		{"GET", "/api/v1/cameras/%2e%2e", "", nil, 404, "unknown_camera"},
		{"POST", "/api/v1/cameras/a/restart", "", nil, 202, `"action":"restart"`},
		{"POST", "/api/v1/cameras/a/stop", "", nil, 202, `"action":"stop"`},
		{"POST", "/api/v1/cameras/a/start", "", nil, 500, "it runs already"},
		{"POST", "/api/v1/cameras/nobody/restart", "", nil, 404, "unknown_camera"},
		{"POST", "/api/v1/cameras/a/restart", "", evil, 403, "foreign_origin"},
		{"POST", "/api/v1/cameras/a/restart", "", []string{"Sec-Fetch-Site", "cross-site"}, 403, "foreign_origin"},
		{"POST", "/api/v1/cameras/a/restart", "", []string{"Origin", "https://control.example", "Sec-Fetch-Site", "cross-site"}, 202, "restart"},
		{"GET", "/api/v1/cameras/a/restart", "", nil, 405, "method_not_allowed"},
		{"GET", "/api/v1/cameras/a/snapshot.jpg", "", nil, 200, "\xff\xd8"},
		{"HEAD", "/api/v1/cameras/a/snapshot.jpg", "", nil, 200, ""},
		{"GET", "/api/v1/cameras/a/snapshot.jpg?rendition=huge", "", nil, 400, "bad_request"},
		{"GET", "/api/v1/cameras/dark/snapshot.jpg", "", nil, 503, "no_picture"},
		{"GET", "/api/v1/cameras/nobody/snapshot.jpg", "", nil, 404, "unknown_camera"},
		{"HEAD", "/api/v1/cameras/a/stream.mjpeg", "", nil, 200, ""},
		{"GET", "/api/v1/cameras/a/stream.mjpeg?fps=x", "", nil, 400, "bad_request"},
		{"GET", "/api/v1/cameras/a/stream.mjpeg?fps=-1", "", nil, 400, "bad_request"},
		{"GET", "/api/v1/cameras/a/stream.mjpeg?fps=NaN", "", nil, 400, "bad_request"},
		{"GET", "/api/v1/cameras/a/stream.mjpeg?rendition=huge", "", nil, 400, "bad_request"},
		{"POST", "/api/v1/cameras/door/frames", string(smallJPEG), nil, 204, ""},
		{"POST", "/api/v1/cameras/door/frames", "hello", nil, 422, "not_jpeg"},
		{"POST", "/api/v1/cameras/door/frames", "", nil, 422, "not_jpeg"},
		{"POST", "/api/v1/cameras/door/frames", string(picture("door", maxBytes)), nil, 413, "too_large"},
		{"POST", "/api/v1/cameras/door/frames", string(picture("door", 4*maxBytes)), nil, 413, "too_large"},
		{"POST", "/api/v1/cameras/a/frames", string(smallJPEG), nil, 409, "not_push_camera"},
		{"GET", "/api/v1/rooms/main", "", nil, 200, `{"room":"main","camera":"a"}`},
		{"PUT", "/api/v1/rooms/main", `{"camera":"dark"}`, nil, 200, `"camera":"dark"`},
		{"PUT", "/api/v1/rooms/main", `{"camera":"nobody"}`, nil, 404, "unknown_camera"},
		{"PUT", "/api/v1/rooms/main", `{`, nil, 400, "bad_request"},
		{"PUT", "/api/v1/rooms/Main", `{"camera":"a"}`, nil, 400, "bad_request"},
		{"GET", "/api/v1/rooms/a.b", "", nil, 400, "bad_request"},
		{"PUT", "/api/v1/rooms/main", `{"camera":"a"}`, evil, 403, "foreign_origin"},
		{"POST", "/api/v1/cameras/a/alarm", `{"kind":"smoke"}`, nil, 202, "alarm"},
		{"POST", "/api/v1/cameras/a/alarm", `{}`, nil, 400, "kind is missing"},
		{"POST", "/api/v1/cameras/a/alarm", `{"kind":"` + strings.Repeat("火", 65) + `"}`, nil, 400, "longer than 64"},
		{"POST", "/api/v1/cameras/a/alarm", `no`, nil, 400, "bad_request"},
		{"DELETE", "/api/v1/cameras/a/alarm", "", nil, 204, ""},
		{"GET", "/api/v1/cameras/a/logs", "", nil, 200, "first line\nsecond line\n"},
		{"GET", "/api/v1/cameras/a/logs?lines=x", "", nil, 400, "bad_request"},
		{"GET", "/api/v1/cameras/a/logs?follow=x", "", nil, 400, "bad_request"},
		{"GET", "/api/v1/cameras/nobody/logs?follow=1", "", nil, 404, "unknown_camera"},
		{"HEAD", "/api/v1/events", "", nil, 200, ""},
		{"GET", "/api/v1/openapi.json", "", nil, 200, `"openapi"`},
		{"GET", "/metrics", "", nil, 200, `linkstart_camera_state{camera="a",state="live"} 1`},
		{"GET", "/healthz", "", nil, 200, "ok"},
		{"GET", "/readyz", "", nil, 200, "ready"},
		{"GET", "/ws", "", nil, 426, "upgrade_required"},
		{"GET", "/nowhere", "", nil, 404, "not_found"},
		{"POST", "/nowhere", "", nil, 404, "not_found"},
		{"DELETE", "/", "", nil, 405, "method_not_allowed"},
	} {
		name := c.method + " " + c.path
		resp, b := w.do(c.method, c.path, []byte(c.body), c.header...)
		if resp.StatusCode != c.status || !strings.Contains(string(b), c.want) {
			t.Errorf("%s: %d %.300s; want %d with %q", name, resp.StatusCode, b, c.status, c.want)
		}
		if resp.Header.Get("X-Content-Type-Options") != "nosniff" && resp.StatusCode != 413 {
			t.Errorf("%s: lacks nosniff", name)
		}
		if resp.StatusCode < 400 || c.method == "HEAD" {
			continue
		}
		var p struct {
			Code, Title, Detail string
			Status              int
		}
		if err := json.Unmarshal(b, &p); err != nil || p.Code == "" || p.Title == "" || p.Status != resp.StatusCode ||
			resp.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %v; %s is no problem: %s", name, err, resp.Header.Get("Content-Type"), b)
		}
	}
	if b := <-pushed; !bytes.Equal(b, smallJPEG) {
		t.Error("the pushed JPEG did not arrive as it was")
	}
}

func TestPushToCameraThatIsAway(t *testing.T) {
	w := newWorld(t, pushCamera())
	if resp, b := w.do("POST", "/api/v1/cameras/door/frames", smallJPEG); resp.StatusCode != 503 || !strings.Contains(string(b), "camera_away") {
		t.Errorf("%d %s", resp.StatusCode, b)
	}
}

func TestViewerIsRevalidated(t *testing.T) {
	w := newWorld(t)
	resp, _ := w.do("GET", "/", nil)
	if resp.Header.Get("Cache-Control") != "no-cache" || !strings.Contains(resp.Header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("headers are %v", resp.Header)
	}
	resp, b := w.do("GET", "/", nil, "If-None-Match", resp.Header.Get("ETag"))
	if resp.StatusCode != http.StatusNotModified || len(b) > 0 {
		t.Errorf("again: %d %q", resp.StatusCode, b)
	}
}

// TestViewerIsPacked: who can unpack a file gets it small, everybody else as it is, and no cache mixes the two up.
func TestViewerIsPacked(t *testing.T) {
	w := newWorld(t)
	const page = "/index.html"
	plainResp, plain := w.do("GET", page, nil, "Accept-Encoding", "identity")
	for _, accept := range []string{"gzip", "gzip, deflate, br, zstd", "br;q=1.0, gzip;q=0.5", "*"} {
		resp, b := w.do("GET", page, nil, "Accept-Encoding", accept)
		if resp.Header.Get("Content-Encoding") != "gzip" || resp.Header.Get("Vary") != "Accept-Encoding" || len(b) >= len(plain) {
			t.Fatalf("%q: %d bytes of %d, %v", accept, len(b), len(plain), resp.Header)
		}
		r, err := gzip.NewReader(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%q: unpacked it is %q, %v", accept, got, err)
		}
		tag := resp.Header.Get("ETag")
		if tag == plainResp.Header.Get("ETag") {
			t.Errorf("two forms have the tag %s", tag)
		}
		if resp, b := w.do("GET", page, nil, "Accept-Encoding", accept, "If-None-Match", tag); resp.StatusCode != http.StatusNotModified || len(b) > 0 {
			t.Errorf("%q again: %d %q", accept, resp.StatusCode, b)
		}
	}
	for _, accept := range []string{"identity", "br", "gzip;q=0", "*;q=0, identity"} {
		resp, b := w.do("GET", page, nil, "Accept-Encoding", accept)
		if resp.Header.Get("Content-Encoding") != "" || !bytes.Equal(b, plain) || resp.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%q: %q %v", accept, b, resp.Header)
		}
	}
	if resp, b := w.do("GET", "/app.js", nil, "Accept-Encoding", "gzip"); resp.Header.Get("Content-Encoding") != "" || string(b) != "let a=1" {
		t.Errorf("what does not get smaller: %q %v", b, resp.Header)
	}
}

func (w *world) open(path string) *http.Response {
	w.t.Helper()
	return w.openAs(path, "")
}

// openAs shows who it is.
func (w *world) openAs(path, authorization string) *http.Response {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), "GET", w.url+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	resp, err := w.client.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = resp.Body.Close() })
	if resp.StatusCode != http.StatusOK {
		w.t.Fatalf("GET %s: %d", path, resp.StatusCode)
	}
	return resp
}

func TestMultipartOutlivesTheCamera(t *testing.T) {
	w := newWorld(t, info("a", camera.Live))
	g := w.grab("a")
	stop := g.flow(t, 5*time.Millisecond, 10_000)
	resp := w.open("/api/v1/cameras/a/stream.mjpeg")
	kind, params, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/x-mixed-replace" {
		t.Fatalf("type is %s, %v", kind, err)
	}
	parts := multipart.NewReader(resp.Body, params["boundary"])
	read := func() {
		t.Helper()
		p, err := parts.NextRawPart()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(p)
		if err != nil || !bytes.HasPrefix(b, []byte{0xFF, 0xD8}) || !bytes.HasSuffix(b, []byte("/a")) {
			t.Fatalf("part of %d bytes, %v", len(b), err)
		}
		if _, err := time.Parse(time.RFC3339Nano, p.Header.Get("X-Frame-Captured")); err != nil ||
			p.Header.Get("X-Frame-Seq") == "" || p.Header.Get("Content-Type") != "image/jpeg" {
			t.Errorf("part has %v, %v", p.Header, err)
		}
	}
	for range 5 {
		read()
	}
	stop()
	g.nc.Close()
	w.announce(info("a", camera.Reconnecting))
	g = w.grab("a")
	g.flow(t, 5*time.Millisecond, 10_000)
	w.announce(info("a", camera.Live))
	for range 50 {
		read()
	}
	_ = resp.Body.Close()
	w.eventually("the viewer is gone", func() bool {
		var i camera.Info
		w.getJSON("/api/v1/cameras/a", &i)
		return i.Viewers == 0
	})
}

func TestEvents(t *testing.T) {
	w := newWorld(t, info("a", camera.Live), info("b", camera.Live))
	lines := bufio.NewScanner(w.open("/api/v1/events").Body)
	event := func(kind, part string) {
		t.Helper()
		for lines.Scan() {
			if lines.Text() != "event: "+kind {
				continue
			}
			if lines.Scan() && strings.HasPrefix(lines.Text(), "data: ") && strings.Contains(lines.Text(), part) {
				return
			}
		}
		t.Fatalf("event %s with %s never came: %v", kind, part, lines.Err())
	}
	event("cameras", `"id":"b"`)
	event("room", `"room":"main"`)
	w.announce(info("a", camera.Frozen))
	event("status", `"state":"frozen"`)
	w.do("PUT", "/api/v1/rooms/main", []byte(`{"camera":"b"}`))
	event("room", `"camera":"b"`)
	w.do("POST", "/api/v1/cameras/b/alarm", []byte(`{"kind":"smoke"}`))
	event("alarm", `"kind":"smoke"`)
}

func TestLogsFollow(t *testing.T) {
	w := newWorld(t, info("a", camera.Live))
	lines := bufio.NewScanner(w.open("/api/v1/cameras/a/logs?follow=1").Body)
	for _, want := range []string{"first line", "second line"} {
		if !lines.Scan() || lines.Text() != want {
			t.Fatalf("line is %q, want %q", lines.Text(), want)
		}
	}
	if err := w.admin.Publish(subjects.Log("a"), []byte("third line")); err != nil {
		t.Fatal(err)
	}
	if !lines.Scan() || lines.Text() != "third line" {
		t.Fatalf("line is %q", lines.Text())
	}
}

func TestHeartbeatGivesFigures(t *testing.T) {
	w := newWorld(t, info("a", camera.Live))
	g := w.grab("a")
	b, err := json.Marshal(camera.Status{State: camera.Live, FPSIn: 25, Bitrate: 4.5e6, AgeMs: 7, Width: 1920, Height: 1080})
	if err != nil {
		t.Fatal(err)
	}
	v := w.view()
	v.say(`{"type":"watch","stream":1,"camera":"a"}`)
	v.untilKind("watching")
	if err := g.nc.Publish(subjects.Status("a"), b); err != nil {
		t.Fatal(err)
	}
	v.until(is("status", "camera", "a", "fps", 25, "width", 1920, "viewers", 1))
}

// A client that is still sending must see why it is refused, and not only that the connection broke.
func TestRefusedBodyIsAnswered(t *testing.T) {
	w := newWorld(t, info("a", camera.Live))
	for range 20 {
		w.sendTooMuch()
	}
}

// sendTooMuch sends a body that is too large, and wants to be told so. The relay does not wait for a client that pauses meanwhile, as
// one does on a busy machine: it then sends it again.
func (w *world) sendTooMuch() {
	w.t.Helper()
	for range 10 {
		body := &steady{left: 12 << 20, began: time.Now(), last: time.Now()}
		req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.url+"/api/v1/cameras/a/frames", body)
		if err != nil {
			w.t.Fatal(err)
		}
		req.ContentLength = int64(body.left)
		resp, err := w.client.Do(req)
		var b []byte
		if err == nil {
			b, err = io.ReadAll(resp.Body)
			_ = resp.Body.Close()
		}
		switch {
		case err != nil && body.paused():
			continue
		case err != nil:
			w.t.Fatal(err)
		case resp.StatusCode != http.StatusRequestEntityTooLarge || !bytes.Contains(b, []byte(`"too_large"`)):
			w.t.Fatalf("%d %s", resp.StatusCode, b)
		}
		return
	}
	w.t.Fatal("every try took longer than the relay waits")
}

// steady is a body that knows whether it was sent without a pause.
type steady struct {
	mu      sync.Mutex
	left    int
	began   time.Time
	last    time.Time
	longest time.Duration
}

// Read implements io.Reader.
func (s *steady) Read(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.longest, s.last = max(s.longest, time.Since(s.last)), time.Now()
	n := min(len(b), s.left)
	if s.left -= n; n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// paused tells whether it was for almost as long as the relay waits: 500 ms, and 5 s in all.
func (s *steady) paused() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(s.longest, time.Since(s.last)) > 400*time.Millisecond || time.Since(s.began) > 4*time.Second
}
