package e2e

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/jpeg"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
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
	f.server = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(func() {
		f.server.CloseClientConnections()
		f.server.Close()
	})
	return f
}

func (f *cameraFarm) url(n int) string { return f.server.URL + "/" + strconv.Itoa(n) }

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

// part is one picture, which a comment (COM, ITU-T T.81 B.2.4.5) makes differ from all others.
func (f *cameraFarm) part(n uint32) []byte {
	comment := binary.BigEndian.AppendUint32([]byte{0xff, 0xfe, 0, 6}, n)
	picture := append(append(append([]byte{}, f.jpeg[:2]...), comment...), f.jpeg[2:]...)
	return append(fmt.Appendf(nil, "--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n", len(picture)), append(picture, '\r', '\n')...)
}
