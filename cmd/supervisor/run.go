package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"linkstart/pkg/broker"
	"linkstart/pkg/bus"
	"linkstart/pkg/config"
	"linkstart/pkg/control"
	"linkstart/pkg/fleet"
	"linkstart/pkg/secret"
	"linkstart/pkg/statedir"
	"linkstart/pkg/supervise"
)

const (
	supervisorUser = "supervisor"
	controlUser    = "control" // of the command line
)

// system is all that one supervisor runs.
type system struct {
	file   string
	log    *slog.Logger
	bin    string // folder of the programs
	scrub  *secret.Scrubber
	server *broker.Server
	nc     *nats.Conn
	fleet  *fleet.Fleet
	relay  *supervise.Keeper

	mu        sync.Mutex // one reload at a time
	cfg       *config.Config
	passwords map[string]string // of bus users, kept over reloads
}

// run runs everything until ctx ends, then stops it in reverse order.
func run(ctx context.Context, file string, cfg *config.Config, reload <-chan os.Signal, log *slog.Logger) error {
	executable, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find own program: %w", err)
	}
	s := &system{
		file: file, cfg: cfg, log: log, bin: filepath.Dir(executable),
		scrub: secret.NewScrubber(cfg.Secrets()...), passwords: make(map[string]string),
	}
	state, err := statedir.Lock(cfg.StateDir, log)
	if err != nil {
		return err
	}
	defer func() { _ = state.Unlock() }()

	if s.server, err = broker.Start(state.Bus(), log); err != nil {
		return err
	}
	defer s.server.Stop()
	return s.serve(ctx, state, reload)
}

// serve runs all that needs the bus.
func (s *system) serve(ctx context.Context, state *statedir.Dir, reload <-chan os.Signal) (err error) {
	if s.nc, err = bus.Connect(ctx, s.access(supervisorUser, broker.AllowAll), s.log); err != nil {
		return err
	}
	defer s.nc.Close()
	stopBuckets, err := s.server.KeepBuckets(ctx, s.nc)
	if err != nil {
		return err
	}
	defer stopBuckets()
	relaySpec, err := s.relaySpec(s.cfg)
	if err != nil {
		return err
	}
	descriptions, err := s.descriptions(s.cfg)
	if err != nil {
		return err
	}
	s.relay = supervise.NewKeeper(s.relayReport)
	s.fleet, err = fleet.New(fleet.Options{
		Conn: s.nc, Subjects: s.subjects(), Log: s.log, Scrub: s.scrub.Scrub, Reload: s.reload,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.fleet.Close()) }()
	s.fleet.Apply(descriptions)
	stopControl, err := control.Serve(ctx, s.nc, s.subjects(), string(s.cfg.Node), s.fleet)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopControl()) }()
	defer state.KeepAccess(s.access(controlUser, broker.AllowAll))()
	var relayEnded sync.WaitGroup
	relayEnded.Go(func() { s.relay.Run(ctx, relaySpec) })
	s.log.Info("supervisor started", "version", version, "config", s.file, "cameras", len(descriptions), "state_dir", s.cfg.StateDir)

	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-reload:
			_, _ = s.reload(ctx) // it has logged what was wrong
		}
	}
	s.log.Info("stopping")
	relayEnded.Wait()
	return nil
}

// relayReport tells the log what the relay does, and its policy when it has been well for long.
func (s *system) relayReport(r supervise.Report) {
	switch r.Phase {
	case supervise.Running:
		s.relay.Healthy(true)
		s.log.Info("relay started", "pid", r.PID)
	case supervise.Stopped:
	case supervise.Misconfigured:
		s.log.Error("relay cannot run with this configuration, pages cannot be served", "why", r.Why())
	default:
		s.log.Error("relay ended, pages cannot be served", "why", r.Why(), "retry_in", max(0, time.Until(r.RetryAt)).Round(time.Millisecond))
	}
}

// reload reads the configuration again and touches only what has changed. A file with mistakes changes nothing.
func (s *system) reload(context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, err := s.apply()
	if err != nil {
		s.log.Error("configuration not reloaded, all goes on as before", "err", err)
		return "", err
	}
	s.log.Info("configuration reloaded", "changes", text)
	return text, nil
}

func (s *system) apply() (string, error) {
	cfg, err := load(s.file)
	if err != nil {
		return "", err
	}
	if cfg.StateDir != s.cfg.StateDir || cfg.Node != s.cfg.Node || cfg.Bus.Prefix != s.cfg.Bus.Prefix {
		return "", fmt.Errorf("state_dir, node and bus cannot change while the supervisor runs: restart it")
	}
	changes := config.Diff(s.cfg, cfg)
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
	s.fleet.Apply(descriptions)
	for _, id := range changes.Removed {
		s.forget(broker.GrabberUser(id))
	}
	if changes.ServerChanged {
		s.relay.Update(relaySpec)
	}
	return changes.String(), nil
}
