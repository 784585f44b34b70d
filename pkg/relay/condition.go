package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/nats-io/nats.go"

	"linkstart/pkg/access"
	"linkstart/pkg/camera"
	"linkstart/pkg/control"
	"linkstart/pkg/wire"
)

// beatEvery is the time between two signs of life of the relay.
const beatEvery = time.Second

// condition is how the supervisor fares, as it said last.
type condition struct {
	mu    sync.Mutex
	known control.System
}

func (c *condition) get() control.System {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.known
}

// set changes what is known and reports whether the state of the configuration is another.
func (c *condition) set(change func(*control.System)) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.known.Config
	change(&c.known)
	now := c.known.Config
	return before.Error != now.Error || !before.Loaded.Equal(now.Loaded) || !before.Failed.Equal(now.Failed)
}

// conditionChanged takes what the supervisor says of itself, and tells everyone where the configuration is concerned.
func (r *Relay) conditionChanged(change func(*control.System)) {
	if r.condition.set(change) {
		config := r.condition.get().Config
		r.send(wire.TypeConfig, wire.TypeConfig, func(who access.Identity) any {
			message := configFor(who, config)
			message.Type = wire.TypeConfig
			return message
		}, func(c client) bool { return operators(c.identity()) }, access.Identity.Same)
	}
}

// followConfig takes the news of each reading of the configuration.
func (r *Relay) followConfig() (*nats.Subscription, error) {
	sub, err := r.nc.Subscribe(r.subjects.Config(), func(m *nats.Msg) {
		var c control.Config
		if err := json.Unmarshal(m.Data, &c); err != nil {
			r.log.Warn("news of the configuration ignored", "err", err)
			return
		}
		r.conditionChanged(func(s *control.System) { s.Config = c })
	})
	if err != nil {
		return nil, fmt.Errorf("subscribe to news of the configuration: %w", err)
	}
	return sub, nil
}

// beat gives a sign of life each second until ctx ends. It takes the locks that all that serves viewers takes, so one that is
// stuck gives none.
func (r *Relay) beat(ctx context.Context) {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for {
		r.connections()
		r.cameras.Ready()
		_ = r.nc.Publish(r.subjects.Relay(r.config.Bus.Node), nil) // a bus that is away says so itself
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// system answers with how the supervisor fares.
func (r *Relay) system(c *fiber.Ctx) error {
	s := r.condition.get()
	s.Config.Error = configFor(caller(c), s.Config).Error
	return c.JSON(s)
}

// reload has the supervisor read its configuration again; with preview=1 it only says what would change.
func (r *Relay) reload(c *fiber.Ctx) error {
	preview := c.QueryBool("preview")
	reply, err := r.supervisor.Do(c.UserContext(), control.Reload, control.Request{Preview: preview})
	var said *camera.Error
	if errors.As(err, &said) {
		err = refuse(codeConfiguration, "%s", said.Say)
	}
	if !preview {
		r.record(c, caller(c), control.Reload, "", err)
	}
	if err != nil {
		return err
	}
	return c.JSON(fiber.Map{"changes": reply.Text})
}

// failures answers with the camera's history, newest first.
func (r *Relay) failures(c *fiber.Ctx) error {
	i, err := r.known(c)
	if err != nil {
		return err
	}
	reply, err := r.supervisor.At(i.Node).Do(c.UserContext(), control.Failures, control.Request{Camera: i.ID})
	if err != nil {
		return err
	}
	if reply.Failures == nil {
		reply.Failures = []camera.Failure{}
	}
	return c.JSON(reply.Failures)
}
