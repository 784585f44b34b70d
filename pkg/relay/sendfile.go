package relay

import (
	"errors"
	"io"
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"linkstart/pkg/relay/fanout"
)

// sender has the kernel send a message's head and a sheet without copying the sheet. It belongs to the goroutine that writes.
type sender struct {
	raw  syscall.RawConn // nil where the kernel cannot send by itself: no TCP, or TLS on it
	step func(fd uintptr) bool

	head []byte // what is left of them
	fd   int
	off  int64
	size int64
	sent int
	err  error
}

func newSender(c net.Conn) *sender {
	s := new(sender)
	s.step = s.advance // made once, so that sending allocates nothing
	if tcp, ok := c.(*net.TCPConn); ok {
		if raw, err := tcp.SyscallConn(); err == nil {
			s.raw = raw
		}
	}
	return s
}

// send returns how many bytes were handed over.
func (s *sender) send(head []byte, sheet *fanout.Sheet, size int) (int, error) {
	s.head, s.fd, s.off, s.size, s.sent, s.err = head, sheet.FD(), 0, int64(size), 0, nil
	err := s.raw.Write(s.step)
	s.head = nil
	return s.sent, errors.Join(err, s.err)
}

// advance sends what the connection takes; false asks to be called again when it takes more.
func (s *sender) advance(fd uintptr) bool {
	for {
		var n int
		var err error
		switch {
		case len(s.head) > 0:
			n, err = unix.SendmsgN(int(fd), s.head, nil, nil, unix.MSG_MORE|unix.MSG_NOSIGNAL)
			s.head = s.head[max(n, 0):]
		case s.off < s.size:
			if n, err = unix.Sendfile(int(fd), s.fd, &s.off, int(s.size-s.off)); n == 0 && err == nil {
				err = io.ErrUnexpectedEOF
			}
		default:
			return true
		}
		switch {
		case err == unix.EAGAIN:
			return false
		case err == unix.EINTR:
		case err != nil:
			s.err = err
			return true
		default:
			s.sent += n
		}
	}
}

// sheet writes head and size bytes of a sheet.
func (g *gather) sheet(deadline time.Time, s *sender, head []byte, sheet *fanout.Sheet, size int) error {
	if err := g.extend(deadline); err != nil {
		return err
	}
	n, err := s.send(head, sheet, size)
	g.drain.Write(n)
	return err
}
