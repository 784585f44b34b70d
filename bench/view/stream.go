// Package view is viewers that cost little: they keep the first bytes of a picture and the moment of its last one, and leave
// the rest to the kernel.
package view

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	bufferSize = 16 << 10
	silence    = 30 * time.Second // nothing for so long ends a viewer, unless its Options say otherwise
	renewed    = time.Second      // deadlines are set no oftener
)

// ErrFormat is a peer that does not speak as it should.
var ErrFormat = errors.New("unexpected bytes")

// Dial opens a connection; the zero value is the network of this machine.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// stream reads and skips.
type stream struct {
	r        io.Reader
	raw      syscall.RawConn // of a TCP connection, nil for others
	deadline interface{ SetReadDeadline(time.Time) error }
	silence  time.Duration
	set      time.Time // when the deadline was set
	buf      []byte
	from, to int
	total    int64 // bytes taken so far
}

func newStream(r io.Reader, longest time.Duration) *stream {
	s := &stream{r: r, silence: cmp.Or(longest, silence), buf: make([]byte, bufferSize)}
	s.deadline, _ = r.(interface{ SetReadDeadline(time.Time) error })
	if tcp, ok := r.(*net.TCPConn); ok {
		s.raw, _ = tcp.SyscallConn()
	}
	return s
}

func (s *stream) renew() {
	if now := time.Now(); s.deadline != nil && now.Sub(s.set) > renewed {
		s.set = now
		_ = s.deadline.SetReadDeadline(now.Add(s.silence))
	}
}

// peek returns the next n bytes, at most bufferSize, without taking them.
func (s *stream) peek(n int) ([]byte, error) {
	if n > len(s.buf) {
		return nil, fmt.Errorf("%w: %d bytes at once", ErrFormat, n)
	}
	if s.from+n > len(s.buf) {
		s.to = copy(s.buf, s.buf[s.from:s.to])
		s.from = 0
	}
	for s.to-s.from < n {
		s.renew()
		got, err := s.r.Read(s.buf[s.to:])
		s.to += got
		if err != nil && s.to-s.from < n {
			return nil, err
		}
	}
	return s.buf[s.from : s.from+n], nil
}

func (s *stream) take(n int) { s.from += n; s.total += int64(n) }

// line returns the next line without its end, and takes it.
func (s *stream) line() (string, error) {
	for n := 1; ; n++ {
		b, err := s.peek(n)
		if err != nil {
			return "", err
		}
		if b[n-1] != '\n' {
			continue
		}
		text := string(b[:n-1])
		s.take(n)
		if n > 1 && text[n-2] == '\r' {
			text = text[:n-2]
		}
		return text, nil
	}
}

// keep takes n bytes and returns the first most of them in a slice of its own.
func (s *stream) keep(n, most int) ([]byte, error) {
	kept := make([]byte, min(n, most))
	got := copy(kept, s.buf[s.from:min(s.to, s.from+len(kept))])
	s.take(got)
	for got < len(kept) {
		s.renew()
		more, err := s.r.Read(kept[got:])
		got += more
		s.total += int64(more)
		if err != nil {
			return nil, err
		}
	}
	return kept, s.skip(n - len(kept))
}

// skip takes n bytes. Those of a TCP connection are never copied (MSG_TRUNC, tcp(7)).
func (s *stream) skip(n int) error {
	have := min(n, s.to-s.from)
	s.take(have)
	for n -= have; n > 0; {
		s.renew()
		got, err := s.drop(n)
		n -= got
		s.total += int64(got)
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *stream) drop(n int) (int, error) {
	if s.raw == nil {
		s.from, s.to = 0, 0
		return s.r.Read(s.buf[:min(n, len(s.buf))])
	}
	var got int
	var err error
	waited := s.raw.Read(func(fd uintptr) bool {
		got, err = truncate(int(fd), n)
		return !errors.Is(err, unix.EAGAIN)
	})
	if err == nil && waited == nil && got == 0 {
		err = io.ErrUnexpectedEOF
	}
	return max(got, 0), errors.Join(err, waited)
}
