package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"linkstart/pkg/access"
	"linkstart/pkg/audit"
	"linkstart/pkg/broker"
	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
	"linkstart/pkg/config"
	"linkstart/pkg/control"
	"linkstart/pkg/fleet"
	"linkstart/pkg/nodes"
	"linkstart/pkg/pool"
	"linkstart/pkg/process"
	"linkstart/pkg/reload"
	"linkstart/pkg/secret"
	"linkstart/pkg/statedir"
	"linkstart/pkg/supervise"
	"linkstart/pkg/systemd"
)

const (
	supervisorUser = "supervisor"
	controlUser    = "control" // of the command line

	// readyTime is how long systemd is kept waiting for the relay. One that cannot serve, because its port is taken, does not
	// keep the cameras from running.
	readyTime = 20 * time.Second
	aliveTime = 2 * time.Second
)

// system is all that one supervisor runs.
type system struct {
	file     string
	log      *slog.Logger
	bin      string // folder of the programs
	started  time.Time
	scrub    *secret.Scrubber
	server   *broker.Server // nil: external takes its place
	external *bus.Access
	nc       *nats.Conn
	fleet    *fleet.Fleet
	relay    *keeper
	uplink   *keeper // nil: there is no hub
	nodes    *nodes.Board
	twin     sync.Once  // says that another supervisor has this one's name
	pool     *pool.Pool // nil: no other supervisor shares this one's bus
	reloader *reload.Reloader
	systemd  *systemd.Notifier
	watchdog *supervise.Watchdog
	logins   *access.Store
	trail    *audit.Log

	holds   func(camera.ID, int64) (supervise.Hold, error)
	inForce atomic.Pointer[config.Config] // stored while applying is held

	applying  sync.Mutex        // while a configuration, or what the pool says, comes into force; also of what follows, after the start
	passwords map[string]string // of bus users, kept over reloads
}

// cfg is the configuration in force.
func (s *system) cfg() *config.Config { return s.inForce.Load() }

// run runs everything until ctx ends, then stops it in reverse order.
func run(ctx context.Context, file string, cfg *config.Config, hup <-chan os.Signal, log *slog.Logger) (err error) {
	executable, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find own program: %w", err)
	}
	s := &system{
		file: file, log: log, bin: filepath.Dir(executable), started: time.Now(),
		scrub: secret.NewScrubber(cfg.Secrets()...), passwords: make(map[string]string),
		systemd: systemd.New(log), watchdog: supervise.NewWatchdog(),
	}
	s.inForce.Store(cfg)
	s.holds = holds(log) // before anything is started
	state, err := statedir.Lock(cfg.StateDir, log)
	if err != nil {
		return err
	}
	defer func() { _ = state.Unlock() }()

	s.trail = audit.Open(state.Path())
	defer func() { err = errors.Join(err, s.trail.Close()) }()
	if s.logins, err = access.Open(state.Path()); err != nil {
		log.Error("logins and tokens are not kept over a restart: see that the folder can be written", "dir", state.Path(), "err", err)
	}
	if err := s.startBus(state); err != nil {
		return err
	}
	if s.server != nil {
		defer s.server.Stop()
	}
	return s.serve(ctx, state, hup)
}

// serve runs all that needs the bus.
func (s *system) serve(ctx context.Context, state *statedir.Dir, hup <-chan os.Signal) (err error) {
	if s.nc, err = bus.Connect(ctx, s.access(supervisorUser, broker.AllowAll), s.log); err != nil {
		return err
	}
	defer s.nc.Close()
	stopBuckets, err := s.keepBuckets(ctx)
	if err != nil {
		return err
	}
	defer stopBuckets()
	relaySpec, err := s.relaySpec(s.cfg())
	if err != nil {
		return err
	}
	board, stopBoard, err := nodes.Follow(s.nc, s.subjects(), s.heard)
	if err != nil {
		return err
	}
	defer stopBoard()
	s.nodes = board
	if err := s.openPool(); err != nil {
		return err
	}
	telling, quiet := context.WithCancel(context.WithoutCancel(ctx))
	var told sync.WaitGroup
	defer func() { // for as long as cameras run here, others leave them alone
		s.closePool()
		quiet()
		told.Wait()
	}()
	descriptions, err := s.descriptions(s.cfg())
	if err != nil {
		return err
	}
	s.reloader = reload.New(reload.Options{File: s.cfg().File, Load: s.load, Changed: s.configChanged, Log: s.log})
	s.fleet, err = fleet.New(fleet.Options{
		Conn: s.nc, Subjects: s.subjects(), Node: string(s.cfg().Node), Log: s.log, Scrub: s.scrub.Scrub,
		Reload: s.reloader.Reload, System: s.condition, Watchdog: s.watchdog, Hold: s.holds,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.fleet.Close()) }()
	if s.relay, err = s.keep("relay", s.subjects().Relay(string(s.cfg().Node)), "pages cannot be served"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.relay.beats.Unsubscribe()) }()
	var uplinkSpec process.Spec
	if s.cfg().Bus.Hub.URL != "" {
		if uplinkSpec, err = s.uplinkSpec(s.cfg()); err != nil {
			return err
		}
		if s.uplink, err = s.keep("uplink", s.subjects().Uplink(string(s.cfg().Node)), "the hub gets no pictures"); err != nil {
			return err
		}
		s.uplink.told = uplinkSpec.Document
		defer func() { err = errors.Join(err, s.uplink.beats.Unsubscribe()) }()
	}
	stopAudit, err := s.keepAudit()
	if err != nil {
		return err
	}
	defer stopAudit()
	s.fleet.Apply(descriptions)
	desk := s.newDesk()
	defer desk.tests.Close()
	orders := s.access(controlUser, broker.AllowAll)
	stopControl, err := control.Serve(ctx, s.nc, s.subjects(), string(s.cfg().Node), desk)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopControl()) }()
	defer state.KeepAccess(orders)()
	s.log.Info("supervisor started", "version", version, "config", s.file, "cameras", len(descriptions), "state_dir", s.cfg().StateDir)
	var tasks sync.WaitGroup
	tasks.Go(func() { s.relay.keeper.Run(ctx, relaySpec) })
	if s.uplink != nil {
		tasks.Go(func() { s.uplink.keeper.Run(ctx, uplinkSpec) })
	}
	if s.pool != nil {
		tasks.Go(func() {
			if err := s.pool.Run(ctx); err != nil {
				s.log.Error("cameras that other machines may run are not taken over", "err", err)
			}
		})
	}
	told.Go(func() { nodes.Tell(telling, s.nc, s.subjects(), string(s.cfg().Node), s.beat) })
	tasks.Go(func() { s.watchdog.Run(ctx) })
	tasks.Go(func() { s.reloader.Watch(ctx) })
	tasks.Go(func() { s.report(ctx) })
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-hup:
			_, _ = s.reloader.Reload(true) // it has logged what was wrong
		}
	}
	s.log.Info("stopping")
	s.systemd.Stopping()
	tasks.Wait()
	return nil
}

// report tells systemd how all fares.
func (s *system) report(ctx context.Context) {
	select {
	case <-ctx.Done():
		return
	case <-s.relay.up:
	case <-time.After(readyTime):
	}
	s.systemd.Ready()
	s.systemd.Run(ctx, s.fleet.Summary, func() error { return s.nc.FlushTimeout(aliveTime) })
}

// condition tells how the supervisor itself fares.
func (s *system) condition() control.System {
	d := s.cfg().Defaults
	c := control.System{
		Version: version, Started: s.started, Config: s.reloader.State(), Defaults: control.Defaults{FPS: d.FPS, Quality: d.Quality},
		Relay: s.relay.restarts(), Nodes: s.nodes.All(), Uplink: s.uplink.uplinkNews(),
	}
	if s.server != nil {
		c.Warnings = s.server.Warnings()
	}
	return c
}
