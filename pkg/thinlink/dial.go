package thinlink

import (
	"context"
	"fmt"
	"net"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// DialContext connects from behind the link; address must be numeric, such as that of Host. It fits http.Transport.
func (l *Link) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	type result struct {
		conn net.Conn
		err  error
	}
	done := make(chan result, 1)
	go func() {
		// The thread enters the namespace for good: it is never unlocked, so it ends with this goroutine.
		runtime.LockOSThread()
		var r result
		if r.err = l.enter(); r.err == nil {
			r.conn, r.err = new(net.Dialer).DialContext(ctx, network, address)
		}
		done <- r
	}()
	r := <-done
	return r.conn, r.err
}

func (l *Link) enter() error {
	f, err := os.Open(spaces + l.space)
	if err != nil {
		return fmt.Errorf("enter link: %w", err)
	}
	defer func() { _ = f.Close() }()
	if err := unix.Setns(int(f.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter link: %w", err)
	}
	return nil
}
