package attack

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// shake opens a WebSocket by hand, so that what follows need keep to no rule; nil where it is refused.
func (g *target) shake() net.Conn {
	g.t.Helper()
	c := g.dial("127.0.0.1")
	if c == nil {
		g.t.Fatal("no connection")
	}
	_ = c.SetDeadline(time.Now().Add(patience))
	_, _ = fmt.Fprintf(c, "GET /ws HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n", g.addr)
	resp, err := http.ReadResponse(bufio.NewReaderSize(c, 16), nil)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		g.t.Fatalf("WebSocket: %v, %v", resp, err)
	}
	if packed := resp.Header.Get("Sec-WebSocket-Extensions"); packed != "" {
		g.t.Errorf("the server would unpack messages: %s", packed)
	}
	return c
}

// masked is a frame of RFC 6455 section 5.2 whose mask is zero.
func masked(first byte, length uint64, payload string) string {
	var b []byte
	switch {
	case length < 126:
		b = []byte{first, 0x80 | byte(length)}
	case length < 1<<16:
		b = binary.BigEndian.AppendUint16([]byte{first, 0x80 | 126}, uint16(length))
	default:
		b = binary.BigEndian.AppendUint64([]byte{first, 0x80 | 127}, length)
	}
	return string(b) + "\x00\x00\x00\x00" + payload
}

// ends checks that the server ends the connection, and does not merely wait.
func (g *target) ends(what string, c net.Conn) {
	g.t.Helper()
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := io.Copy(io.Discard, c); err != nil && strings.Contains(err.Error(), "timeout") {
		g.t.Errorf("%s: the connection stays open", what)
	}
}

func (g *target) badFrames(s size) {
	const text, binaryFrame, ping = 0x81, 0x82, 0x89
	for range s.repeats {
		for what, frame := range map[string]string{
			"larger than any order":    masked(text, 1<<20, strings.Repeat("a", 1<<20)),
			"a length without payload": masked(text, 1<<62, "a"),
			"a negative length":        masked(text, 1<<63, "a"),
			"without mask":             "\x81\x05hello",
			"reserved bits":            masked(0xF1, 1, "a"),
			"packed":                   masked(0xC1, 1, "a"),
			"an unknown opcode":        masked(0x83, 1, "a"),
			"a large ping":             masked(ping, 200, strings.Repeat("a", 200)),
			"a ping in pieces":         masked(0x09, 1, "a"),
			"a piece of nothing":       masked(0x80, 1, "a"),
			"a close of one byte":      masked(0x88, 1, "a"),
			"a close with a bad code":  masked(0x88, 2, "\x00\x01"),
			"HTTP":                     "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
		} {
			c := g.shake()
			_, _ = io.WriteString(c, frame)
			g.ends(what, c)
		}
	}
	for _, order := range []string{strings.Repeat("[", 60_000), "null", `{"type":"watch","stream":-1}`, `{"type":1}`, "\xff\xfe", `{"type":"ack","stream":1e999}`} {
		c := g.shake() // what is no order is answered by an error
		_, _ = io.WriteString(c, masked(text, uint64(len(order)), order))
		_, _ = io.WriteString(c, masked(binaryFrame, 1, "a"))
		_, _ = io.WriteString(c, masked(0x88, 2, "\x03\xe8"))
		g.ends("a bad order", c)
	}
}

// fragments sends a message in pieces that never ends, with bytes and without.
func (g *target) fragments(s size) {
	for n := range 2 * s.repeats {
		c := g.shake()
		piece := strings.Repeat(masked(0x00, 1, "a"), 1000)
		if n%2 == 1 {
			piece = strings.Repeat(masked(0x00, 100, strings.Repeat("a", 100)), 1000)
		}
		_, err := io.WriteString(c, masked(0x01, 1, "a"))
		for sent := 0; err == nil && sent < s.bytes; sent += len(piece) {
			_, err = io.WriteString(c, piece)
		}
		if err == nil {
			g.t.Errorf("%d bytes of one message were taken", s.bytes)
		}
		_ = c.Close()
	}
}

// orders sends as many as it can, and pings between them.
func (g *target) orders(s size) {
	for range s.repeats {
		c := g.shake()
		end := time.Now().Add(time.Second)
		go func() { _, _ = io.Copy(io.Discard, c) }()
		_ = c.SetDeadline(end)
		for n := 0; time.Now().Before(end); n++ {
			order := fmt.Sprintf(`{"type":"watch","stream":%d,"camera":"clock"}`, n%70_000)
			if _, err := io.WriteString(c, masked(0x81, uint64(len(order)), order)+masked(0x89, 1, "a")); err != nil {
				break
			}
		}
		_ = c.Close()
	}
}
