package relay

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/gofiber/fiber/v2"

	"linkstart/pkg/wire"
)

const eventHeartbeat = 10 * time.Second

// greetEvents queues what a reader of events would have been told so far.
func greetEvents(e *endless, h wire.Hello) {
	queue := func(key, kind string, message any) {
		if b, err := json.Marshal(message); err == nil { // these always can be
			e.box.put(key, kind, b)
		}
	}
	queue(wire.TypeCameras, wire.TypeCameras, wire.Cameras{Type: wire.TypeCameras, Cameras: h.Cameras})
	config := h.Config
	config.Type = wire.TypeConfig
	queue(wire.TypeConfig, wire.TypeConfig, config)
	for _, s := range h.Rooms {
		s.Type = wire.TypeRoom
		queue("room:"+string(s.Room), wire.TypeRoom, s)
	}
}

// events serves server-sent events: first what there is, then what changes.
func (r *Relay) events(c *fiber.Ctx) error {
	const header = "Content-Type: text/event-stream\r\nX-Accel-Buffering: no\r\n"
	if c.Method() == fiber.MethodHead {
		c.Set(fiber.HeaderContentType, "text/event-stream")
		return nil
	}
	return r.hijack(c, kindEvents, header, greetEvents, func(e *endless) error {
		if err := e.put([]byte("retry: 2000\n\n"), nil, nil); err != nil {
			return err
		}
		heartbeat := time.NewTicker(eventHeartbeat)
		defer heartbeat.Stop()
		for {
			t, err := e.box.next()
			if err != nil {
				return err
			}
			if t != nil {
				if err := e.put(fmt.Appendf(nil, "event: %s\ndata: %s\n\n", t.kind, t.body), nil, nil); err != nil {
					return err
				}
				continue
			}
			select {
			case <-e.ctx.Done():
				return nil
			case <-e.woken:
			case <-heartbeat.C:
				if err := e.put([]byte(": still here\n\n"), nil, nil); err != nil {
					return err
				}
			}
		}
	})
}
