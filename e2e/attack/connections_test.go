package attack

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
	"time"
)

// tidy tells whether the relay has no more files open than before, but for a few that come and go by themselves.
func (g *target) tidy(before int) error {
	if now := g.files(); now > before+5 {
		return fmt.Errorf("%d files are open, %d before", now, before)
	}
	return nil
}

// swarm opens connections from as many addresses as are needed, and says begin on each. Honest requests are answered meanwhile.
func (g *target) swarm(s size, begin string) []net.Conn {
	g.t.Helper()
	var all []net.Conn
	for n := range s.connections {
		c := g.dial(fmt.Sprintf("127.0.%d.%d", 1+n/2000, 1+n%200))
		if c == nil {
			continue
		}
		all = append(all, c)
		if begin != "" {
			_, _ = io.WriteString(c, begin)
		}
		if n%(s.connections/5) == 0 {
			g.alive()
		}
	}
	return all
}

// outlast waits until the relay has closed all of them, while each of them drips.
func (g *target) outlast(all []net.Conn, drip string) {
	g.t.Helper()
	var waiting sync.WaitGroup
	var late sync.Once
	end := time.Now().Add(patience)
	for _, c := range all {
		waiting.Go(func() {
			defer func() { _ = c.Close() }()
			var b [512]byte
			for time.Now().Before(end) {
				if drip != "" {
					if _, err := io.WriteString(c, drip); err != nil {
						return
					}
				}
				_ = c.SetReadDeadline(time.Now().Add(500 * time.Millisecond))
				_, err := c.Read(b[:])
				if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
					return
				}
			}
			late.Do(func() { g.t.Errorf("a connection is open after %s", patience) })
		})
	}
	waiting.Wait()
}

func (g *target) slowHeaders(s size) {
	g.outlast(g.swarm(s, "GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "), "a")
}

func (g *target) slowBodies(s size) {
	g.outlast(g.swarm(s, "PUT /api/v1/rooms/main HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50000\r\n\r\n"), "a")
}

func (g *target) halfOpen(s size) { g.outlast(g.swarm(s, ""), "") }

// deaf asks for pictures, and reads none.
func (g *target) deaf(s size) {
	g.t.Helper()
	var all []net.Conn
	for range min(s.connections, 200) {
		if c := g.dial("127.0.0.1"); c != nil {
			_ = c.(*net.TCPConn).SetReadBuffer(4 << 10)
			_, _ = io.WriteString(c, "GET /api/v1/cameras/clock/stream.mjpeg HTTP/1.1\r\nHost: localhost\r\n\r\n")
			all = append(all, c)
		}
	}
	g.alive()
	for _, c := range all {
		_ = c.Close()
	}
}
