package relay_test

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"linkstart/pkg/camera"
)

// plainView is a viewer that allocates nothing: it calls got for each picture until the test ends.
func (w *world) plainView(got func()) {
	w.t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		w.t.Fatal(err)
	}
	const order = `{"type":"watch","stream":1,"camera":"a"}`
	fmt.Fprint(c, "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"+
		"\x81"+string([]byte{0x80 | byte(len(order)), 0, 0, 0, 0})+order) // masked with zeros
	var reading sync.WaitGroup
	reading.Go(func() {
		r := bufio.NewReader(c)
		for line := ""; line != "\r\n"; {
			if line, err = r.ReadString('\n'); err != nil {
				return
			}
		}
		for head := make([]byte, 2); readMessage(r, head, got); {
		}
	})
	w.t.Cleanup(func() { _ = c.Close(); reading.Wait() })
}

func readMessage(r *bufio.Reader, head []byte, got func()) bool {
	if _, err := io.ReadFull(r, head[:2]); err != nil {
		return false
	}
	opcode, size := head[0]&0xF, int(head[1])
	more := 0
	switch size {
	case 126:
		more = 2
	case 127:
		more = 8
	}
	if more > 0 {
		b, err := r.Peek(more)
		if err != nil {
			return false
		}
		size = int(binary.BigEndian.Uint16(b[more-2:]))
		if more == 8 {
			size = int(binary.BigEndian.Uint64(b))
		}
	}
	if _, err := r.Discard(more + size); err != nil {
		return false
	}
	if opcode == 2 {
		got()
	}
	return true
}

// TestNothingIsAllocatedForAViewerAndPicture goes the whole way from the bus to the sockets: what a picture costs is shared by all.
func TestNothingIsAllocatedForAViewerAndPicture(t *testing.T) {
	const viewers, pictures = 100, 30
	w := newWorld(t, info("a", camera.Live))
	g := w.grab("a")
	g.publish(0)
	arrived := make(chan struct{}, viewers*pictures)
	for range viewers {
		w.plainView(func() { arrived <- struct{}{} })
	}
	await := func() {
		t.Helper()
		late := time.After(patience)
		for n := range viewers {
			select {
			case <-arrived:
			case <-late:
				t.Fatalf("a picture has come to %d of %d viewers", n, viewers)
			}
		}
	}
	await()
	for _, size := range []int{4 << 10, 64 << 10} { // copied for each, and not
		g.publish(size)
		await()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range pictures {
			g.publish(size)
			await()
		}
		runtime.ReadMemStats(&after)
		if each := float64(after.Mallocs-before.Mallocs) / (viewers * pictures); each >= 1 {
			t.Errorf("%.2f allocations for each viewer and picture of %d bytes", each, size)
		} else {
			t.Logf("%.2f allocations for each viewer and picture of %d bytes, the picture's own shared", each, size)
		}
	}
}
