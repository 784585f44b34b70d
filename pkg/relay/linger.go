package relay

import (
	"errors"
	"net"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	lingerTime  = 5 * time.Second        // in all
	lingerQuiet = 500 * time.Millisecond // without any byte

	acceptPause = 50 * time.Millisecond
)

// lingerer makes connections that can wait for a client to finish sending before they are closed.
type lingerer struct{ net.Listener }

func (l lingerer) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	for exhausted(err) { // the HTTP server would end for good, and cut everybody off
		time.Sleep(acceptPause)
		c, err = l.Listener.Accept()
	}
	if err != nil {
		return nil, err
	}
	return &lingering{Conn: c}, nil
}

// exhausted reports whether there is no room for one more connection now.
func exhausted(err error) bool {
	for _, e := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// lingering is a connection whose Close, where the client is still sending a body that was refused, first takes the rest of
// it for a while: closing with bytes unread makes the kernel reset the connection, and the client never sees the answer
// (RFC 9112 section 9.6).
type lingering struct {
	net.Conn
	refused atomic.Bool
}

// UnsafeConn is the connection below, for vectored writes and for closing without any wait.
func (c *lingering) UnsafeConn() net.Conn { return c.Conn }

// Close implements net.Conn.
func (c *lingering) Close() error {
	tcp, ok := c.Conn.(*net.TCPConn)
	if !ok || !c.refused.Load() || tcp.CloseWrite() != nil {
		return c.Conn.Close()
	}
	var scrap [16 << 10]byte
	for end := time.Now().Add(lingerTime); time.Now().Before(end); {
		if tcp.SetReadDeadline(time.Now().Add(lingerQuiet)) != nil {
			break
		}
		if _, err := tcp.Read(scrap[:]); err != nil {
			break // at the end of file the client has seen the answer
		}
	}
	return c.Conn.Close()
}
