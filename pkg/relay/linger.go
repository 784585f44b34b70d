package relay

import (
	"container/list"
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	lingerTime  = 5 * time.Second        // in all
	lingerQuiet = 500 * time.Millisecond // without any byte

	acceptPause = 50 * time.Millisecond
)

// lingerer makes connections that can wait for a client to finish sending before they are closed, as many as the crowd takes.
type lingerer struct {
	net.Listener
	crowd *crowd
}

func (l lingerer) Accept() (net.Conn, error) {
	for {
		c, err := l.accept()
		if err != nil {
			return nil, err
		}
		if let := l.crowd.enter(c); let != nil {
			return let, nil
		}
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // one that is refused costs the kernel nothing more
		}
		_ = c.Close()
	}
}

func (l lingerer) accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	for exhausted(err) { // the HTTP server would end for good, and cut everybody off
		time.Sleep(acceptPause)
		c, err = l.Listener.Accept()
	}
	return c, err
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

	crowd   *crowd
	address netip.Addr    // that it counts for
	place   *list.Element // in the crowd's list of those that wait; nil while a request is under way. The crowd guards it
	gone    bool          // not counted any more. The crowd guards it
}

// lingeringOf finds it below TLS; nil where there is none.
func lingeringOf(c net.Conn) *lingering {
	if u, ok := c.(*tlsConn); ok {
		c = u.NetConn()
	}
	l, _ := c.(*lingering)
	return l
}

// linger has a client that is still sending see the answer.
func linger(c net.Conn) {
	if l := lingeringOf(c); l != nil {
		l.refused.Store(true)
	}
}

// UnsafeConn is the connection below, for vectored writes and for closing without any wait.
func (c *lingering) UnsafeConn() net.Conn { return c.Conn }

// SetDeadline, SetReadDeadline and SetWriteDeadline have no error: a connection may be closed by others at any time, by the crowd or by a
// shutdown, which whoever reads or writes learns. The HTTP server would take an error here for a fault of its own and end the process.
func (c *lingering) SetDeadline(t time.Time) error {
	_ = c.Conn.SetDeadline(t)
	return nil
}

// SetReadDeadline implements net.Conn.
func (c *lingering) SetReadDeadline(t time.Time) error {
	_ = c.Conn.SetReadDeadline(t)
	return nil
}

// SetWriteDeadline implements net.Conn.
func (c *lingering) SetWriteDeadline(t time.Time) error {
	_ = c.Conn.SetWriteDeadline(t)
	return nil
}

// Close implements net.Conn.
func (c *lingering) Close() error {
	defer c.crowd.leave(c)
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
