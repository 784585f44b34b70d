// Package delay is a link with a delay and without a limit, between programs of one machine: a TCP proxy that hands on each piece
// of data so long after it came, in both directions.
package delay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const (
	piece    = 64 << 10 // bytes that are read at once
	onTheWay = 1024     // pieces
)

// Proxy is one end of a link.
type Proxy struct {
	ln      net.Listener
	to      string
	delay   time.Duration
	cancel  context.CancelFunc
	ctx     context.Context
	running sync.WaitGroup
	there   atomic.Int64 // bytes that were handed on to where it leads
}

// Open listens on a free port of the loopback for what is to go to an address. The caller closes it.
func Open(to string, delay time.Duration) (*Proxy, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open delayed link: %w", err)
	}
	p := &Proxy{ln: ln, to: to, delay: delay}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.running.Go(p.accept)
	return p, nil
}

// Addr is host:port of its near end.
func (p *Proxy) Addr() string { return p.ln.Addr().String() }

// Sent counts the bytes that have been handed on to its far end.
func (p *Proxy) Sent() int64 { return p.there.Load() }

// Close ends all connections and waits for them.
func (p *Proxy) Close() {
	p.cancel()
	_ = p.ln.Close() // whatever it says, nobody is accepted any more
	p.running.Wait()
}

func (p *Proxy) accept() {
	for {
		near, err := p.ln.Accept()
		if err != nil {
			return
		}
		p.running.Go(func() { p.serve(near) })
	}
}

func (p *Proxy) serve(near net.Conn) {
	defer near.Close()
	far, err := new(net.Dialer).DialContext(p.ctx, "tcp", p.to)
	if err != nil {
		return
	}
	defer far.Close()
	stop := context.AfterFunc(p.ctx, func() { _, _ = near.Close(), far.Close() })
	defer stop()
	var both sync.WaitGroup
	both.Go(func() { p.carry(far, near, &p.there) })
	both.Go(func() { p.carry(near, far, new(atomic.Int64)) })
	both.Wait()
}

type data struct {
	due   time.Time
	bytes []byte
}

// carry hands on what comes until either end is closed, then closes the other.
func (p *Proxy) carry(to, from net.Conn, count *atomic.Int64) {
	way := make(chan data, onTheWay)
	go func() {
		defer close(way)
		for {
			b := make([]byte, piece)
			n, err := from.Read(b)
			if n > 0 {
				way <- data{time.Now().Add(p.delay), b[:n]}
			}
			if err != nil {
				return
			}
		}
	}()
	var failed error
	for d := range way { // to its end, so that who reads does not wait for ever
		if failed != nil {
			continue
		}
		time.Sleep(time.Until(d.due))
		n, err := to.Write(d.bytes)
		count.Add(int64(n))
		if failed = err; err != nil {
			failed = errors.Join(err, from.Close())
		}
	}
	if tcp, ok := to.(interface{ CloseWrite() error }); ok && failed == nil {
		failed = tcp.CloseWrite()
	}
	if failed != nil && !errors.Is(failed, io.EOF) {
		_ = to.Close() // its reader ends
	}
}
