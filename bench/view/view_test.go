package view_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"linkstart/bench/stamp"
	"linkstart/bench/view"
	"linkstart/pkg/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sizes cross every limit: of the buffer, of the lengths in a WebSocket's head, of what is kept.
var sizes = []int{30, 120, 5_000, 16 << 10, 70_000, 500_000, 40}

const keep = 100

// jpeg is no picture but has a mark; every byte tells its place.
func jpeg(n int) []byte {
	b := make([]byte, sizes[n])
	for i := range b {
		b[i] = byte(i * 7)
	}
	mark := stamp.Mark(uint32(n), time.UnixMilli(int64(n)))
	copy(b[2:], mark[:])
	return b
}

func check(t *testing.T, v view.Viewer) {
	t.Helper()
	for n := range sizes {
		f, err := v.Picture()
		if err != nil {
			t.Fatalf("picture %d: %v", n, err)
		}
		want := jpeg(n)
		if f.Bytes != len(want) || !bytes.Equal(f.Head, want[:min(keep, len(want))]) {
			t.Errorf("picture %d: %d bytes, begins with %x; want %d, %x", n, f.Bytes, f.Head, len(want), want[:min(keep, len(want))])
		}
		if _, ok := f.Age(); !ok {
			t.Errorf("picture %d has no age", n)
		}
	}
	if _, err := v.Picture(); err == nil {
		t.Error("a picture after the end")
	}
}

func total() (sum int) {
	for _, n := range sizes {
		sum += n
	}
	return sum
}

func TestWebSocket(t *testing.T) {
	acks := make(chan string, len(sizes))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.CloseNow()
		ctx, cancel := context.WithTimeout(r.Context(), time.Minute)
		defer cancel()
		if _, watch, err := conn.Read(ctx); err != nil || !strings.Contains(string(watch), `"camera":"gate"`) {
			t.Errorf("watch: %s %v", watch, err)
		}
		_ = conn.Write(ctx, websocket.MessageText, []byte(`{"type":"watching","camera":"gate","stream":7}`))
		for n := range sizes {
			head := make([]byte, wire.HeaderSize)
			wire.Header{Stream: 7, Seq: uint32(n), Captured: time.UnixMilli(5)}.Put(head)
			_ = conn.Write(ctx, websocket.MessageBinary, append(head, jpeg(n)...))
			_, ack, err := conn.Read(ctx)
			if err != nil {
				t.Errorf("ack: %v", err)
				return
			}
			acks <- string(ack)
		}
		_ = conn.Close(websocket.StatusNormalClosure, "")
	}))
	defer s.Close()
	v, err := view.Open(t.Context(), s.Listener.Addr().String(), "/ws", view.Options{Acks: true, Keep: keep})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	var told []string
	v.Text = func(text view.Text) { told = append(told, text.Type+" "+text.Camera) }
	if err := v.Watch(7, "gate", "main"); err != nil {
		t.Fatal(err)
	}
	check(t, v)
	for n := range sizes {
		if got, want := <-acks, fmt.Sprintf(`{"type":"ack","stream":7,"seq":%d}`, n); got != want {
			t.Errorf("ack %s, want %s", got, want)
		}
	}
	if len(told) != 1 || told[0] != "watching gate" {
		t.Errorf("texts: %q", told)
	}
	if v.Bytes() < int64(total()) {
		t.Errorf("%d bytes came, want more than %d", v.Bytes(), total())
	}
}

func parts() []byte {
	var b bytes.Buffer
	for n := range sizes {
		fmt.Fprintf(&b, "--x\r\nContent-Type: image/jpeg\r\ncontent-length: %d\r\n\r\n", sizes[n])
		b.Write(jpeg(n))
		b.WriteString("\r\n")
	}
	return b.Bytes()
}

func TestMultipart(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "multipart/x-mixed-replace; boundary=x")
		_, _ = w.Write(parts())
	}))
	defer s.Close()
	v, err := view.Get(t.Context(), s.Listener.Addr().String(), "/stream", view.Options{Keep: keep})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	check(t, v)
}

func TestPartsOfAProgram(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	written := make(chan error, 1)
	go func() {
		_, err := w.Write(parts())
		_ = w.Close()
		written <- err
	}()
	v := view.Parts(r, keep)
	check(t, v)
	if err := <-written; err != nil {
		t.Error(err)
	}
	if err := v.Close(); err != nil {
		t.Error(err)
	}
}

func TestCloseEndsTheWait(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	served := make(chan struct{})
	go func() {
		defer close(served)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = conn.Write([]byte("HTTP/1.1 200 OK\r\n\r\n--x\r\nContent-Length: 100000\r\n\r\nhalf"))
		_, _ = conn.Read(make([]byte, 1000))
		_, _ = conn.Read(make([]byte, 1000)) // until the viewer is gone
	}()
	v, err := view.Get(t.Context(), l.Addr().String(), "/", view.Options{})
	if err != nil {
		t.Fatal(err)
	}
	waited := make(chan error, 1)
	go func() {
		_, err := v.Picture()
		waited <- err
	}()
	if err := v.Close(); err != nil {
		t.Error(err)
	}
	if err := <-waited; err == nil {
		t.Error("a picture without its second half")
	}
	<-served
}
