package view

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"linkstart/pkg/wire"
)

// The part of RFC 6455 that a viewer needs.
const (
	opText, opBinary, opClose, opPing, opPong = 1, 2, 8, 9, 10

	final, masked = 0x80, 0x80
	maxMessage    = 16 << 20
	maxText       = 1 << 20
	openLimit     = 10 * time.Second
)

// WebSocket is a viewer on one WebSocket. It answers pings of the server while it waits for pictures.
type WebSocket struct {
	conn net.Conn
	in   *stream
	keep int
	acks bool
	bare bool // binary messages are JPEGs without our header

	// Text is called with each text message.
	Text func(Text)
}

// Text is what a viewer looks at in a text message.
type Text struct {
	Type   string `json:"type"`
	Stream uint16 `json:"stream"`
	Camera string `json:"camera"`
	Code   string `json:"code"`
	Value  any    `json:"value"` // of go2rtc
}

// Options of a viewer.
type Options struct {
	Dial    Dial          // the network of this machine where nil
	Keep    int           // bytes of a JPEG that Head holds
	Silence time.Duration // that ends a viewer, 30 s where it is 0

	Acks bool // WebSocket only, as the next one: each picture is acknowledged when it has arrived
	Bare bool // the server sends JPEGs without a header
}

// Open connects to ws://address/path.
func Open(ctx context.Context, address, path string, o Options) (*WebSocket, error) {
	conn, err := dial(ctx, o.Dial, address)
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Now().Add(openLimit))
	w := &WebSocket{conn: conn, in: newStream(conn, o.Silence), keep: o.Keep, acks: o.Acks, bare: o.Bare, Text: func(Text) {}}
	_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n", path, address)
	if err == nil {
		err = w.in.response(http.StatusSwitchingProtocols)
	}
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("open WebSocket at %s: %w", address, err)
	}
	_ = conn.SetDeadline(time.Time{})
	return w, nil
}

func dial(ctx context.Context, d Dial, address string) (net.Conn, error) {
	if d == nil {
		d = (&net.Dialer{Timeout: openLimit}).DialContext
	}
	return d(ctx, "tcp", address)
}

// response takes the head of an HTTP answer.
func (s *stream) response(status int) error {
	first, err := s.line()
	if err != nil {
		return err
	}
	var got int
	if _, err := fmt.Sscanf(first, "HTTP/1.%1d %d", new(int), &got); err != nil || got != status {
		return fmt.Errorf("%w: answered %.100q", ErrFormat, first)
	}
	for {
		if line, err := s.line(); err != nil || line == "" {
			return err
		}
	}
}

// Send sends v as JSON in a text message.
func (w *WebSocket) Send(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return w.write(opText, b)
}

// Watch asks for a camera on a stream.
func (w *WebSocket) Watch(stream int, camera, rendition string) error {
	return w.Send(map[string]any{"type": wire.TypeWatch, "stream": stream, "camera": camera, "rendition": rendition})
}

// Unwatch ends a stream.
func (w *WebSocket) Unwatch(stream int) error {
	return w.Send(map[string]any{"type": wire.TypeUnwatch, "stream": stream})
}

// write sends one message of at most 64 KB. The mask is zero, which the protocol allows and costs nothing.
func (w *WebSocket) write(op byte, b []byte) error {
	head := []byte{final | op, masked | 126, 0, 0, 0, 0, 0, 0}
	binary.BigEndian.PutUint16(head[2:], uint16(len(b)))
	if len(b) < 126 {
		head = append(head[:1], masked|byte(len(b)), 0, 0, 0, 0)
	}
	_ = w.conn.SetWriteDeadline(time.Now().Add(openLimit))
	_, err := w.conn.Write(append(head, b...))
	return err
}

// Picture implements Viewer. Text messages that come before it are handed to Text.
func (w *WebSocket) Picture() (Frame, error) {
	for {
		op, n, err := w.head()
		if err != nil {
			return Frame{}, err
		}
		if op == opBinary {
			return w.picture(n)
		}
		if n > maxText {
			return Frame{}, fmt.Errorf("%w: message of %d bytes", ErrFormat, n)
		}
		b, err := w.in.keep(n, n)
		if err != nil {
			return Frame{}, err
		}
		switch op {
		case opText:
			var t Text
			if err := json.Unmarshal(b, &t); err != nil {
				return Frame{}, fmt.Errorf("%w: %w", ErrFormat, err)
			}
			w.Text(t)
		case opPing:
			if err := w.write(opPong, b); err != nil {
				return Frame{}, err
			}
		case opClose:
			return Frame{}, io.EOF
		}
	}
}

// head takes the head of the next message.
func (w *WebSocket) head() (op byte, n int, err error) {
	b, err := w.in.peek(2)
	if err != nil {
		return 0, 0, err
	}
	op, n = b[0]&15, int(b[1]&127)
	if b[0]&final == 0 || b[1]&masked != 0 {
		return 0, 0, fmt.Errorf("%w: a message in pieces, or masked", ErrFormat)
	}
	w.in.take(2)
	switch n {
	case 126:
		if b, err = w.in.peek(2); err != nil {
			return 0, 0, err
		}
		n = int(binary.BigEndian.Uint16(b))
		w.in.take(2)
	case 127:
		if b, err = w.in.peek(8); err != nil {
			return 0, 0, err
		}
		if n = int(binary.BigEndian.Uint64(b)); n < 0 || n > maxMessage {
			return 0, 0, fmt.Errorf("%w: message of %d bytes", ErrFormat, n)
		}
		w.in.take(8)
	}
	return op, n, nil
}

func (w *WebSocket) picture(n int) (Frame, error) {
	var f Frame
	if !w.bare {
		b, err := w.in.peek(min(n, wire.HeaderSize))
		if err != nil {
			return f, err
		}
		h, _, err := wire.DecodeHeader(b)
		if err != nil {
			return f, err
		}
		f.Stream, f.Seq, f.NotLive, f.Captured = h.Stream, h.Seq, h.NotLive, h.Captured
		w.in.take(wire.HeaderSize)
		n -= wire.HeaderSize
	}
	var err error
	f.Bytes = n
	if f.Head, err = w.in.keep(n, w.keep); err != nil {
		return f, err
	}
	f.At = time.Now()
	if w.acks {
		err = w.write(opText, fmt.Appendf(nil, `{"type":"ack","stream":%d,"seq":%d}`, f.Stream, f.Seq))
	}
	return f, err
}

// Bytes implements Viewer.
func (w *WebSocket) Bytes() int64 { return w.in.total }

// Close implements Viewer.
func (w *WebSocket) Close() error { return w.conn.Close() }
