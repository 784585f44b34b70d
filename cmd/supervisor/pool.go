package main

import (
	"context"
	"time"

	"linkstart/pkg/broker"
	"linkstart/pkg/camera"
	"linkstart/pkg/config"
	"linkstart/pkg/control"
	"linkstart/pkg/pool"
)

// releaseTime is how long it may take to let other supervisors have this one's cameras.
const releaseTime = 2 * time.Second

// openPool takes part in sharing cameras with other supervisors, where the bus is shared.
func (s *system) openPool() (err error) {
	if !s.cfg().Bus.Shared() {
		return nil
	}
	node := string(s.cfg().Node)
	orders := control.NewClient(s.nc, s.access(supervisorUser, broker.AllowAll))
	s.pool, err = pool.New(pool.Options{
		Conn: s.nc, Subjects: s.subjects(), Node: node, Replicas: s.replicas(), Board: s.nodes, Log: s.log, Changed: s.poolChanged,
		Stopped: func(ctx context.Context, id camera.ID) { s.fleet.Await(ctx, id) },
		Ask: func(ctx context.Context, from string, id camera.ID) error {
			_, err := orders.At(from).Do(ctx, control.Yield, control.Request{Camera: id, Node: node})
			return err
		},
	})
	if err == nil {
		s.pool.Set(s.pooled(s.cfg()))
	}
	return err
}

// closePool lets the others have this supervisor's cameras, which it has stopped.
func (s *system) closePool() {
	if s.pool == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), releaseTime)
	defer cancel()
	s.pool.Release(ctx)
}

// pooled are the cameras of cfg that other supervisors may run too, and those that they may not.
func (s *system) pooled(cfg *config.Config) (shared []pool.Camera, own []camera.ID) {
	for _, c := range cfg.Cameras {
		if c.Nodes.Pooled() {
			shared = append(shared, pool.Camera{ID: c.ID, May: func(node string) bool { return c.Nodes.Has(camera.ID(node)) }})
		} else {
			own = append(own, c.ID)
		}
	}
	return shared, own
}

func (s *system) held() map[camera.ID]uint64 {
	if s.pool == nil {
		return nil
	}
	return s.pool.Held()
}

// poolChanged runs what this supervisor has now, and no more.
func (s *system) poolChanged(map[camera.ID]uint64) {
	s.applying.Lock()
	defer s.applying.Unlock()
	descriptions, err := s.descriptions(s.cfg())
	if err != nil {
		s.log.Error("cameras cannot be taken over", "err", err)
		return
	}
	s.fleet.Apply(descriptions)
}
