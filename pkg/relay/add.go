package relay

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net"
	"strconv"
	"syscall"
	"time"

	"github.com/gofiber/fiber/v2"
	"golang.org/x/sys/unix"

	"linkstart/pkg/control"
	"linkstart/pkg/gate"
)

const (
	maxNew    = 16 << 10 // bytes of a description of a camera
	goneEvery = 250 * time.Millisecond
)

// newCamera reads what a page says of a camera that is to be added.
func newCamera(c *fiber.Ctx) (*control.New, error) {
	if len(c.Body()) > maxNew {
		return nil, refuse(codeTooLarge, "The description of a camera may have %d bytes.", maxNew)
	}
	var n control.New
	if err := json.Unmarshal(c.Body(), &n); err != nil {
		return nil, refuse(codeBadRequest, `The body must be JSON such as {"source":"rtsp://192.168.1.64/…"}.`) // the error could repeat a password
	}
	if n.Source == "" {
		return nil, refuse(codeBadRequest, "The camera has no source.")
	}
	return &n, nil
}

// testCamera has the supervisor open a source, and answers with its first picture. It ends when the client leaves.
func (r *Relay) testCamera(c *fiber.Ctx) error {
	n, err := newCamera(c)
	if err != nil {
		return err
	}
	ticket := rand.Text()
	ctx, cancel := context.WithCancel(c.UserContext())
	defer cancel()
	left := make(chan struct{})
	go func() {
		defer close(left)
		if !leaves(ctx, c.Context().Conn()) {
			return
		}
		ended, cancelEnd := context.WithTimeout(context.Background(), time.Second)
		defer cancelEnd()
		if _, err := r.supervisor.Do(ended, control.EndTest, control.Request{Ticket: ticket}); err != nil {
			r.log.Debug("a test goes on for nobody", "err", err)
		}
	}()
	reply, err := r.supervisor.Do(ctx, control.Test, control.Request{Ticket: ticket, New: n})
	cancel()
	<-left
	if err != nil {
		err = refused(err)
		r.record(c, caller(c), "test source", "", err)
		return err
	}
	r.record(c, caller(c), "test source", reply.Source, nil)
	c.Set(fiber.HeaderContentType, "image/jpeg")
	c.Set("X-Source", reply.Source)
	c.Set("X-Width", strconv.Itoa(reply.Width))
	c.Set("X-Height", strconv.Itoa(reply.Height))
	return c.Send(reply.Picture)
}

// leaves waits until the client has closed its connection (true) or ctx ends. It reads nothing of it.
func leaves(ctx context.Context, c net.Conn) bool {
	tcp, ok := gate.Transport(c).(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return false
	}
	tick := time.NewTicker(goneEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
		gone := false
		err := raw.Control(func(fd uintptr) {
			var one [1]byte
			n, _, err := unix.Recvfrom(int(fd), one[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
			gone = n == 0 && err == nil || err != nil && !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR)
		})
		if gone || err != nil {
			return true
		}
	}
}

// addCamera has the supervisor write a camera into its configuration.
func (r *Relay) addCamera(c *fiber.Ctx) error {
	n, err := newCamera(c)
	if err != nil {
		return err
	}
	reply, err := r.supervisor.Do(c.UserContext(), control.Add, control.Request{New: n})
	if err != nil {
		err = refused(err)
		r.record(c, caller(c), "add camera", n.Name, err)
		return err
	}
	if len(reply.Cameras) != 1 {
		return refuse(codeSupervisor, "The supervisor did not say what it has added.")
	}
	added := reply.Cameras[0]
	r.record(c, caller(c), "add camera", string(added.ID), nil)
	return c.Status(fiber.StatusCreated).JSON(added)
}

// discover has the supervisor search the network for cameras.
func (r *Relay) discover(c *fiber.Ctx) error {
	reply, err := r.supervisor.Do(c.UserContext(), control.Discover, control.Request{})
	if err != nil {
		err = refused(err)
		r.record(c, caller(c), "search network", "", err)
		return err
	}
	r.record(c, caller(c), "search network", "", nil)
	if reply.Found == nil {
		reply.Found = []control.Found{}
	}
	return c.JSON(reply.Found)
}

// refused makes a problem of what the supervisor refused.
func refused(err error) error {
	var refusal *control.Refusal
	if errors.As(err, &refusal) {
		if _, known := problems[refusal.Code]; known {
			return refuse(refusal.Code, "%s", refusal.Say)
		}
		return refuse(codeSupervisor, "%s", refusal.Say)
	}
	return orderFailed(err)
}
