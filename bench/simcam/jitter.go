package simcam

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

const hop = 100 * time.Millisecond // from one hold-up to the next

// Jitter is a network between a camera and the rest that holds everything up again and again for a random time.
type Jitter struct {
	Addr string // connect here instead of to the target

	ln     net.Listener
	cancel context.CancelFunc
	all    sync.WaitGroup
}

// StartJitter passes connections on to target; each 100 ms it holds back what the camera sends for 0 to most. Close must be called.
func StartJitter(ctx context.Context, target string, most time.Duration) (*Jitter, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	j := &Jitter{Addr: ln.Addr().String(), ln: ln, cancel: cancel}
	j.all.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			j.all.Go(func() { pass(ctx, conn, target, most) })
		}
	})
	return j, nil
}

// Close ends all connections and waits.
func (j *Jitter) Close() error {
	j.cancel()
	err := j.ln.Close()
	j.all.Wait()
	return err
}

func pass(ctx context.Context, client net.Conn, target string, most time.Duration) {
	defer client.Close()
	camera, err := (&net.Dialer{Timeout: writeLimit}).DialContext(ctx, "tcp", target)
	if err != nil {
		return
	}
	defer camera.Close()
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(ctx, func() { _, _ = client.Close(), camera.Close() })
	defer stop()
	var both sync.WaitGroup
	both.Go(func() {
		defer cancel()
		_, _ = io.Copy(camera, client)
	})
	both.Go(func() {
		defer cancel()
		_ = hold(ctx, client, camera, most)
	})
	both.Wait()
}

// hold copies from the camera, with pauses.
func hold(ctx context.Context, to io.Writer, from io.Reader, most time.Duration) error {
	buf := make([]byte, 64<<10)
	next := time.Now()
	for {
		n, err := from.Read(buf)
		if now := time.Now(); now.After(next) {
			wait := rand.N(most)
			next = now.Add(wait + hop)
			if err := sleepUntil(ctx, now.Add(wait)); err != nil {
				return err
			}
		}
		if _, written := to.Write(buf[:n]); written != nil || err != nil {
			return errors.Join(err, written)
		}
	}
}
