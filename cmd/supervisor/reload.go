package main

import (
	"encoding/json"
	"errors"

	"linkstart/pkg/broker"
	"linkstart/pkg/config"
	"linkstart/pkg/control"
)

// load reads the configuration again and says what is different; with apply only that is touched. It is for the reloader,
// which calls it once at a time.
func (s *system) load(apply bool) (string, error) {
	cfg, err := load(s.file)
	if err != nil {
		return "", err
	}
	if cfg.StateDir != s.cfg.StateDir || cfg.Node != s.cfg.Node || cfg.Bus.Prefix != s.cfg.Bus.Prefix {
		return "", errors.New("state_dir, node and bus cannot change while the supervisor runs: restart it")
	}
	changes := config.Diff(s.cfg, cfg)
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
	s.cfg = cfg
	s.inForce.Store(cfg)
	s.fleet.Apply(descriptions)
	for _, id := range changes.Removed {
		s.forget(broker.GrabberUser(id))
	}
	if changes.ServerChanged {
		s.relay.keeper.Update(relaySpec)
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
