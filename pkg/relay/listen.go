package relay

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"linkstart/pkg/camera"
)

// notSentBytes is how much the kernel holds of what has not left yet: little, so that a write which returns means that
// the picture is nearly on its way, and the next one is chosen late.
const notSentBytes = 128 << 10

// listen opens the address. An error that can never mend by itself wraps camera.ErrConfig.
func listen(ctx context.Context, address string, crowd *crowd) (net.Listener, error) {
	lc := net.ListenConfig{Control: setSocket}
	lc.SetMultipathTCP(false) // its sockets know no TCP_NOTSENT_LOWAT
	ln, err := lc.Listen(ctx, "tcp", address)
	if err == nil {
		return lingerer{ln, crowd}, nil
	}
	say, permanent := explain(address, err)
	if permanent {
		err = fmt.Errorf("%w: %w", camera.ErrConfig, err)
	}
	return nil, &camera.Error{Say: say, Err: err}
}

// explain says how to mend err, and whether trying again is of no use. A port may become free and an address may come up;
// a right that is missing and an address that is none stay so.
func explain(address string, err error) (say string, permanent bool) {
	var bad *net.AddrError
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Sprintf("Address %s is in use by another program: stop that one, or set another port in server.listen", address), false
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Sprintf("Address %s is not one of this machine: set one of its own in server.listen, or 0.0.0.0 for all", address), false
	case errors.Is(err, syscall.EACCES):
		return fmt.Sprintf("Address %s needs a right that this user lacks: set a port above 1023 in server.listen", address), true
	case errors.As(err, &bad):
		return fmt.Sprintf("%q is not an address to serve: set host:port in server.listen, such as 127.0.0.1:8080", address), true
	}
	return fmt.Sprintf("Address %s cannot be served", address), false
}

// setSocket prepares the listening socket; connections inherit what it sets.
func setSocket(_, _ string, c syscall.RawConn) error {
	var err error
	control := c.Control(func(fd uintptr) {
		err = errors.Join(
			unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NODELAY, 1),
			unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, notSentBytes),
			// Nothing is written to a client that takes nothing, so no write fails: the kernel ends the connection.
			unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(writeTime/time.Millisecond)),
		)
	})
	return errors.Join(control, err)
}
