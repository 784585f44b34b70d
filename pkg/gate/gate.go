// Package gate holds pictures back while those before them are still on their way through a TCP connection.
package gate

import (
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"linkstart/pkg/pace"
)

// fastTime is how long a connection counts as fast: short, because what is written meanwhile may pile up.
const fastTime = 100 * time.Millisecond

// Gate holds pictures back while those before them are still on their way to the client: what the kernel holds grows old, and
// what waits in a slot does not. A client on a fast network costs one call of the system for each picture. It belongs to
// the goroutine that writes.
type Gate struct {
	Drain pace.Drain      // is told of what is written
	raw   syscall.RawConn // nil where there is no TCP to ask
	again *time.Timer     // wakes the writer
	fast  time.Time       // until then nothing is asked: a moment ago all had left

	ask         func(fd uintptr) // made once, so that asking allocates nothing
	outstanding uint32           // bytes; ask's answer
	failed      bool             // ask's

	trip  time.Duration // the shortest round trip of late
	asked time.Time     // when trip was
}

// New makes a gate for what is written to c; wake is called when it may have opened. The caller stops it.
func New(c net.Conn, wake func()) *Gate {
	g := &Gate{again: time.AfterFunc(time.Hour, wake)}
	g.again.Stop()
	if tcp, ok := Transport(c).(syscall.Conn); ok {
		if raw, err := tcp.SyscallConn(); err == nil {
			g.raw = raw
		}
	}
	g.ask = func(fd uintptr) {
		var err error
		g.outstanding, err = unix.IoctlGetUint32(int(fd), unix.SIOCOUTQ)
		g.failed = err != nil
	}
	return g
}

// Transport is the TCP connection below whatever is around it; c where there is none.
func Transport(c net.Conn) net.Conn {
	for {
		switch u := c.(type) {
		case interface{ UnsafeConn() net.Conn }:
			c = u.UnsafeConn()
		case interface{ NetConn() net.Conn }: // TLS
			c = u.NetConn()
		default:
			return c
		}
	}
}

// Abort closes a connection without any wait: with TLS on it Close would first try to say goodbye.
func Abort(c net.Conn) { _ = Transport(c).Close() }

// Open tells whether a picture may be written now. If not, the writer is woken when that is to be asked again.
func (g *Gate) Open(now time.Time) bool {
	if g.raw == nil || now.Before(g.fast) || g.raw.Control(g.ask) != nil || g.failed {
		return true // the write will tell what is wrong
	}
	if g.outstanding == 0 && g.Drain.Written() > 0 {
		g.fast = now.Add(fastTime)
	}
	if g.outstanding > 0 && now.Sub(g.asked) > time.Second {
		g.asked = now
		_ = g.raw.Control(g.askTrip)
	}
	wait := g.Drain.Look(now, int(g.outstanding), g.trip)
	if wait > 0 {
		g.again.Reset(wait)
	}
	return wait == 0
}

// Stop lets it wake nobody any more.
func (g *Gate) Stop() { g.again.Stop() }

func (g *Gate) askTrip(fd uintptr) {
	if info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
		g.trip = time.Duration(info.Min_rtt) * time.Microsecond
	}
}
