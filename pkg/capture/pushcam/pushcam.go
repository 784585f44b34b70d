// Package pushcam is the camera that sends by itself: its JPEGs arrive on the bus, where the relay puts what was posted.
package pushcam

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
	"linkstart/pkg/jpeg"
)

type source struct {
	spec     camera.Spec
	nc       *nats.Conn
	subjects bus.Subjects
	slot     chan *nats.Msg // one place: the newest
	heard    bool           // subscribed: that lasts as long as the connection
}

// New returns the source of a push: camera. It answers every picture with an empty message, or with a sentence that says
// why it was refused. One that a newer picture overtakes before it was looked at counts as taken.
func New(spec camera.Spec, nc *nats.Conn, s bus.Subjects) camera.Source {
	return &source{spec: spec, nc: nc, subjects: s, slot: make(chan *nats.Msg, 1)}
}

// Stream implements camera.Source. It ends with camera.ErrWaiting when nothing came for spec.ReadTimeout, and at its first
// call at once: nothing has been sent yet.
func (s *source) Stream(ctx context.Context, offer func(camera.Picture)) error {
	if !s.heard {
		if _, err := s.nc.Subscribe(s.subjects.Push(s.spec.ID), s.arrived); err != nil {
			return fmt.Errorf("listen for pushed pictures: %w", err)
		}
		s.heard = true
		return camera.ErrWaiting
	}
	quiet := time.NewTimer(s.spec.ReadTimeout)
	defer quiet.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-quiet.C:
			return camera.ErrWaiting
		case m := <-s.slot:
			if s.take(m, offer) {
				quiet.Reset(s.spec.ReadTimeout)
			}
		}
	}
}

// arrived puts a message into the slot, in place of one that waits there. It is the only sender.
func (s *source) arrived(m *nats.Msg) {
	select {
	case old := <-s.slot:
		s.reply(old, "")
	default:
	}
	s.slot <- m
}

func (s *source) reply(m *nats.Msg, text string) {
	if bus.Inbox(m.Reply) {
		_ = s.nc.Publish(m.Reply, []byte(text)) // who asked has a time limit
	}
}

func (s *source) take(m *nats.Msg, offer func(camera.Picture)) bool {
	p, err := s.picture(m.Data)
	reply := ""
	if err != nil {
		reply = camera.Say(err)
	} else {
		offer(p)
	}
	s.reply(m, reply)
	return err == nil
}

func (s *source) picture(b []byte) (camera.Picture, error) {
	if len(b) > s.spec.MaxBytes {
		return camera.Picture{}, fmt.Errorf("picture of %d bytes, at most %d: %w", len(b), s.spec.MaxBytes, camera.ErrTooLarge)
	}
	whole, info, err := jpeg.Repair(b, s.spec.MaxPixels)
	if err != nil {
		return camera.Picture{}, fmt.Errorf("picture refused: %w", err)
	}
	return camera.Picture{Captured: time.Now(), Width: info.Width, Height: info.Height, JPEG: whole}, nil
}
