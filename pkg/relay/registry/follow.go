package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"

	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
	"linkstart/pkg/control"
)

const (
	healEvery  = 15 * time.Second       // a full list makes up for announcements that were missed
	retryAfter = 500 * time.Millisecond // while the supervisor has not answered yet
)

// Follow keeps r up to date from the bus until ctx ends: announcements and heartbeats as they come, and the supervisor's
// full list now and then, which is asked for until it is had.
func (r *Registry) Follow(ctx context.Context, nc *nats.Conn, s bus.Subjects, supervisor *control.Client, log *slog.Logger) (err error) {
	announced, err := nc.Subscribe(s.Camera(bus.All), func(m *nats.Msg) { r.announcement(s.CameraOf(m.Subject), m.Data, log) })
	if err != nil {
		return fmt.Errorf("subscribe to cameras: %w", err)
	}
	defer func() { err = errors.Join(err, end(announced)) }()
	beats, err := nc.Subscribe(s.Status(bus.All), func(m *nats.Msg) { r.heartbeat(s.CameraOf(m.Subject), m.Data, log) })
	if err != nil {
		return fmt.Errorf("subscribe to heartbeats: %w", err)
	}
	defer func() { err = errors.Join(err, end(beats)) }()
	list := make(chan *nats.Msg, 1) // one place: asking once answers all that came before
	changed, err := nc.ChanSubscribe(s.Cameras(), list)
	if err != nil {
		return fmt.Errorf("subscribe to changes of the list: %w", err)
	}
	defer func() { err = errors.Join(err, end(changed)) }()
	said := false
	for {
		asked := time.Now()
		reply, err := supervisor.Do(ctx, control.Status, control.Request{})
		wait := healEvery
		if err != nil {
			if !said && ctx.Err() == nil {
				log.Warn("the supervisor lists no cameras, asking again", "err", err)
			}
			said, wait = true, retryAfter
		} else {
			said = false
			r.SetAll(reply.Cameras, asked)
			if reply.System != nil && r.events.System != nil {
				r.events.System(*reply.System)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-list:
		case <-time.After(wait):
		}
	}
}

func end(s *nats.Subscription) error {
	if err := s.Unsubscribe(); err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
		return fmt.Errorf("end subscription to %s: %w", s.Subject, err)
	}
	return nil
}

func (r *Registry) announcement(id camera.ID, data []byte, log *slog.Logger) {
	if _, err := camera.ParseID(string(id)); err != nil {
		return
	}
	if len(data) == 0 {
		r.Remove(id)
		return
	}
	var i camera.Info
	if err := json.Unmarshal(data, &i); err != nil {
		log.Warn("announcement ignored", "camera", id, "err", err)
		return
	}
	i.ID = id
	r.Announce(i)
}

func (r *Registry) heartbeat(id camera.ID, data []byte, log *slog.Logger) {
	var s camera.Status
	if err := json.Unmarshal(data, &s); err != nil {
		log.Debug("heartbeat ignored", "camera", id, "err", err)
		return
	}
	r.Beat(id, s)
}
