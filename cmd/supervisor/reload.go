package main

import (
	"encoding/json"

	"linkstart/pkg/broker"
	"linkstart/pkg/config"
	"linkstart/pkg/control"
	"linkstart/pkg/process"
)

// load reads the configuration again and says what is different; with apply only that is touched. It is for the reloader,
// which calls it once at a time.
func (s *system) load(apply bool) (string, error) {
	cfg, err := load(s.file)
	if err != nil {
		return "", err
	}
	s.applying.Lock()
	defer s.applying.Unlock()
	if err := s.sameBus(cfg); err != nil {
		return "", err
	}
	changes := config.Diff(s.cfg(), cfg)
	if !apply {
		return changes.String(), nil
	}
	s.scrub.Add(cfg.Secrets()...)
	descriptions, err := s.descriptions(cfg)
	if err != nil {
		return "", err
	}
	relaySpec, err := s.relaySpec(cfg)
	if err != nil {
		return "", err
	}
	var uplinkSpec process.Spec
	if s.uplink != nil {
		if uplinkSpec, err = s.uplinkSpec(cfg); err != nil {
			return "", err
		}
	}
	s.inForce.Store(cfg)
	s.fleet.Apply(descriptions)
	if s.pool != nil {
		s.pool.Set(s.pooled(cfg))
	}
	for _, id := range changes.Removed {
		s.forget(broker.GrabberUser(id))
	}
	if changes.ServerChanged {
		s.relay.keeper.Update(relaySpec)
	}
	if s.uplink != nil {
		s.uplink.update(uplinkSpec)
	}
	if s.server != nil {
		s.server.Invite(s.guests(cfg))
	}
	if changes.AccessChanged {
		s.accessChanged()
	}
	return changes.String(), nil
}

// configChanged tells the relays how the last reading went.
func (s *system) configChanged(state control.Config) {
	b, err := json.Marshal(state)
	if err == nil {
		err = s.nc.Publish(s.subjects().Config(), b)
	}
	if err != nil {
		s.log.Warn("relays are not told of the reload", "err", err)
	}
}
