package e2e

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// viewer is a WebSocket client, written from the protocol's description and not from our code.
type viewer struct {
	t    *testing.T
	conn *websocket.Conn
}

// frame is one binary message.
type frame struct {
	live     bool
	stream   uint16
	seq      uint32
	captured time.Time
	skipped  uint32
	age      time.Duration
	jpeg     []byte
}

// message is one text message.
type message struct {
	Type    string `json:"type"`
	Stream  int    `json:"stream"`
	Camera  string `json:"camera"`
	Room    string `json:"room"`
	State   string `json:"state"`
	Error   string `json:"error"`
	Code    string `json:"code"`
	Message string `json:"message"`
	PID     int    `json:"pid"`
	Cameras []struct {
		ID string `json:"id"`
	} `json:"cameras"`
	Alarm json.RawMessage `json:"alarm"`
}

// view opens the WebSocket and takes the hello.
func (s *system) view(t *testing.T) (*viewer, message) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, "ws://"+s.addr+"/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	conn.SetReadLimit(16 << 20)
	t.Cleanup(func() { _ = conn.CloseNow() })
	v := &viewer{t: t, conn: conn}
	_, hello := v.next()
	if hello == nil || hello.Type != "hello" {
		t.Fatalf("the first message is %+v, want hello", hello)
	}
	return v, *hello
}

func (v *viewer) send(format string, args ...any) {
	v.t.Helper()
	if err := v.conn.Write(v.t.Context(), websocket.MessageText, fmt.Appendf(nil, format, args...)); err != nil {
		v.t.Fatal(err)
	}
}

// next returns the next message, a frame or a text.
func (v *viewer) next() (*frame, *message) {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.t.Context(), patience)
	defer cancel()
	kind, b, err := v.conn.Read(ctx)
	if err != nil {
		v.t.Fatal(err)
	}
	if kind == websocket.MessageText {
		var m message
		if err := json.Unmarshal(b, &m); err != nil {
			v.t.Fatalf("%s: %v", b, err)
		}
		return nil, &m
	}
	if len(b) < 26 || b[0] != 1 {
		v.t.Fatalf("a binary message of %d bytes, version %d", len(b), b[0])
	}
	return &frame{
		live: b[1]&1 == 0, stream: binary.BigEndian.Uint16(b[2:]), seq: binary.BigEndian.Uint32(b[4:]),
		captured: time.UnixMicro(int64(binary.BigEndian.Uint64(b[8:]))), skipped: binary.BigEndian.Uint32(b[16:]),
		age: time.Duration(binary.BigEndian.Uint32(b[20:])) * time.Microsecond, jpeg: b[24:],
	}, nil
}

// until reads on until ok says that this is it. Every frame is acknowledged.
func (v *viewer) until(what string, ok func(*frame, *message) bool) {
	v.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		f, m := v.next()
		if f != nil {
			v.send(`{"type":"ack","stream":%d,"seq":%d}`, f.stream, f.seq)
		}
		if ok(f, m) {
			return
		}
	}
	v.t.Fatalf("%s: not within %s", what, patience)
}

// frames reads until n live frames of that stream have come, and returns the last.
func (v *viewer) frames(stream uint16, n int) *frame {
	v.t.Helper()
	var last *frame
	v.until(fmt.Sprintf("%d live frames", n), func(f *frame, _ *message) bool {
		if f != nil && f.stream == stream && f.live {
			last = f
			n--
		}
		return n <= 0
	})
	return last
}
