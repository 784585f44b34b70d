package hikvision

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/guard"
)

const (
	// callLimit is longer than any call takes that keeps the limits which the library was told.
	callLimit   = 8 * time.Second
	lookUpLimit = 3 * time.Second
)

var errClosed = errors.New("closed")

// target is a camera or recorder as the configuration names it, and what reaches it.
type target struct {
	address
	pin     string // the IP address that it has; "": where its name leads
	library string
	log     *slog.Logger
}

// session is a login.
type session struct {
	target
	sdk    *sdk
	id     cLong
	device device
}

// call makes a call into the library. One that hangs ends the process: see guard.ErrStuck. The end of ctx does not cut it short, as it keeps time
// limits of its own.
func (t *target) call(ctx context.Context, what string, do func() error) error {
	var failed error
	err := guard.Call(context.WithoutCancel(ctx), callLimit, func() { failed = do() })
	switch {
	case errors.Is(err, guard.ErrStuck):
		return &camera.Error{
			Say: fmt.Sprintf("HCNetSDK hangs while it is to %s %s, so the camera's process is started again", what, t.name),
			Err: fmt.Errorf("%s: %w", what, err),
		}
	case failed != nil:
		return failed
	}
	return nil // late, but done
}

// login logs in, and loads the library where that has not happened yet.
func (t *target) login(ctx context.Context) (*session, error) {
	s := &session{target: *t}
	err := t.call(ctx, "be loaded for", func() (err error) {
		s.sdk, err = load(t.library)
		return err
	})
	if err != nil {
		return nil, t.notLoaded(err)
	}
	ip := t.pin
	if ip == "" {
		if ip, err = t.lookUp(ctx); err != nil {
			return nil, err
		}
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	err = t.call(ctx, "log in to", func() (err error) {
		s.id, s.device, err = s.sdk.login(ip, t.address)
		return err
	})
	if err != nil {
		return nil, cmp.Or(ctx.Err(), t.notLoggedIn(ctx, ip, s.device, err))
	}
	t.log.Debug("logged in", "channels", s.device.channels, "ip_channels", s.device.ipChannels)
	return s, nil
}

// lookUp is done here, where it has a time limit.
func (t *target) lookUp(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, lookUpLimit)
	defer cancel()
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", t.host)
	if err != nil || len(addrs) == 0 {
		return "", &camera.Error{Say: "no host is called " + t.host, Err: err}
	}
	for _, a := range addrs {
		if a.Unmap().Is4() {
			return a.Unmap().String(), nil
		}
	}
	return addrs[0].String(), nil
}

// end logs out because of err, and returns that. Where the library hangs the process is to end, and nothing more is asked of it.
func (s *session) end(err error) error {
	if errors.Is(err, camera.ErrStuck) {
		return err
	}
	return errors.Join(err, s.close())
}

// close logs out. A session that is lost already cannot be closed, which is no news.
func (s *session) close() error {
	err := s.call(context.Background(), "log out of", func() error { return s.sdk.logout(s.id) })
	if errors.Is(err, camera.ErrStuck) {
		return err
	}
	if err != nil {
		s.log.Debug("not logged out", "err", err)
	}
	return nil
}
