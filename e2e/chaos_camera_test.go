package e2e

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"linkstart/bench/stamp"
	"linkstart/pkg/nettest"
)

// How a simulated camera behaves.
const (
	sends = iota
	silent
	garbage
	refuses
)

// cameraFarm serves Motion JPEG cameras, /0 and on, that can be made to misbehave one by one.
type cameraFarm struct {
	addr   string // host:port
	server *httptest.Server
	jpeg   []byte

	mu     sync.Mutex
	modes  map[string]int
	active map[string]map[net.Conn]struct{}
}

const farmFPS = 10

func startFarm(t *testing.T) *cameraFarm {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 320, 180)), nil); err != nil {
		t.Fatal(err)
	}
	f := &cameraFarm{jpeg: b.Bytes(), modes: make(map[string]int), active: make(map[string]map[net.Conn]struct{})}
	f.addr = nettest.FreeAddr()
	f.back(t)
	t.Cleanup(f.away)
	return f
}

func (f *cameraFarm) url(n int) string { return "http://" + f.addr + "/" + strconv.Itoa(n) }

// away ends the server of all cameras, so that connections are refused; it may be called again.
func (f *cameraFarm) away() {
	f.server.Close()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, all := range f.active { // they were hijacked, so the server does not close them
		for c := range all {
			_ = c.Close()
		}
	}
}

// back starts the server, also after away.
func (f *cameraFarm) back(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp", f.addr)
	if err != nil {
		t.Fatal(err)
	}
	f.server = &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(f.serve)}}
	f.server.Start()
}

// become has camera n behave in that way from now on; its connections end where it refuses or its wire is cut.
func (f *cameraFarm) become(n, mode int, cut bool) {
	key := "/" + strconv.Itoa(n)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.modes[key] = mode
	if cut {
		for c := range f.active[key] {
			_ = c.Close()
		}
	}
}

func (f *cameraFarm) mode(key string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.modes[key]
}

func (f *cameraFarm) serve(w http.ResponseWriter, r *http.Request) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	key := r.URL.Path
	if f.mode(key) == refuses {
		return
	}
	f.mu.Lock()
	if f.active[key] == nil {
		f.active[key] = make(map[net.Conn]struct{})
	}
	f.active[key][conn] = struct{}{}
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		delete(f.active[key], conn)
		f.mu.Unlock()
	}()
	if _, err := fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n"); err != nil {
		return
	}
	tick := time.NewTicker(time.Second / farmFPS)
	defer tick.Stop()
	for n := uint32(0); ; n++ {
		var part []byte
		switch f.mode(key) {
		case sends:
			part = f.part(n)
		case garbage:
			part = []byte(strings.Repeat("\xff\xd8 no JPEG \r\n--", 100))
		}
		_ = conn.SetWriteDeadline(time.Now().Add(5 * time.Second))
		if _, err := conn.Write(part); err != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-tick.C:
		}
	}
}

// part is one picture, with a mark that makes it differ from all others and tells when it was sent.
func (f *cameraFarm) part(n uint32) []byte {
	mark := stamp.Mark(n, time.Now())
	picture := slices.Concat(f.jpeg[:2], mark[:], f.jpeg[2:])
	return append(fmt.Appendf(nil, "--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n", len(picture)), append(picture, '\r', '\n')...)
}
