package relay

import (
	"encoding/binary"
	"net"
	"time"

	"linkstart/pkg/pace"
	"linkstart/pkg/wire"
)

const (
	writeTime    = 10 * time.Second // how long one message may take to leave
	deadlineStep = time.Second      // by which it may be less: setting a deadline costs more than the rest of a small write
)

// Opcodes of RFC 6455 section 5.2, with the FIN bit.
const (
	opText   = 0x80 | 0x1
	opBinary = 0x80 | 0x2
	opClose  = 0x80 | 0x8
	opPing   = 0x80 | 0x9
	opPong   = 0x80 | 0xA
)

// rawConn returns the TCP connection below what the HTTP server hands out: only on that one is a vectored write one call
// of the system. With TLS it is the connection that encrypts.
func rawConn(c net.Conn) net.Conn {
	for {
		u, ok := c.(interface{ UnsafeConn() net.Conn })
		if !ok {
			return c
		}
		c = u.UnsafeConn()
	}
}

// gather writes several pieces with one call and without copying or allocating. It belongs to one goroutine.
type gather struct {
	conn   net.Conn
	drain  *pace.Drain // told of what is written
	until  time.Time   // the deadline that is set
	pieces [3][]byte
	bufs   net.Buffers
	record []byte // with TLS: what goes out together first
	head   [10 + wire.HeaderSize]byte
}

func (g *gather) write(deadline time.Time, head, body, tail []byte) error {
	if err := g.extend(deadline); err != nil {
		return err
	}
	if _, tls := g.conn.(*tlsConn); tls {
		head, body = g.join(head, body)
	}
	g.pieces = [3][]byte{head, body, tail}
	g.bufs = g.pieces[:]
	n, err := g.bufs.WriteTo(g.conn)
	g.drain.Write(int(n))
	g.pieces = [3][]byte{} // a picture that was sent is not kept alive
	return err
}

// maxRecord is how much goes into one record of TLS: RFC 8446 section 5.1.
const maxRecord = 16 << 10

// join puts the beginning of body behind head. With TLS each piece would be a record and a packet of its own.
func (g *gather) join(head, body []byte) (first, rest []byte) {
	n := min(len(body), max(0, maxRecord-len(head)))
	g.record = append(append(g.record[:0], head...), body[:n]...)
	return g.record, body[n:]
}

// extend sets the deadline, unless the one that is set is about the same.
func (g *gather) extend(deadline time.Time) error {
	if d := deadline.Sub(g.until); d >= 0 && d <= deadlineStep {
		return nil
	}
	g.until = deadline
	return g.conn.SetWriteDeadline(deadline)
}

// message writes one WebSocket message; extra bytes at the start of its payload are already in g.head from 10 on.
func (g *gather) message(deadline time.Time, opcode byte, extra int, body []byte) error {
	return g.write(deadline, g.start(opcode, extra, extra+len(body)), body, nil)
}

// start is the beginning of a message of n bytes with the extra ones.
func (g *gather) start(opcode byte, extra, n int) []byte {
	var start int
	switch { // the length ends just before the payload
	case n < 126:
		start = 8
		g.head[9] = byte(n)
	case n < 1<<16:
		start = 6
		g.head[7] = 126
		binary.BigEndian.PutUint16(g.head[8:], uint16(n))
	default:
		start = 0
		g.head[1] = 127
		binary.BigEndian.PutUint64(g.head[2:], uint64(n))
	}
	g.head[start] = opcode
	return g.head[start : 10+extra]
}
