package main

import (
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"linkstart/pkg/camera"
	"linkstart/pkg/supervise"
)

// relayKeeper keeps the relay running.
type relayKeeper struct {
	keeper *supervise.Keeper
	beats  *nats.Subscription
	up     chan struct{} // closed with its first sign of life
	once   sync.Once

	mu   sync.Mutex
	last supervise.Report
}

// keepRelay makes the relay's keeper, which does nothing until it is run.
func (s *system) keepRelay() (*relayKeeper, error) {
	r := &relayKeeper{up: make(chan struct{})}
	r.keeper = supervise.NewKeeper(supervise.Options{
		Report: func(news supervise.Report) { s.relayReport(r, news) }, Watchdog: s.watchdog,
	})
	var err error
	r.beats, err = s.nc.Subscribe(s.subjects().Relay(string(s.cfg.Node)), func(*nats.Msg) {
		r.once.Do(func() { close(r.up) })
		r.keeper.Beat()
		r.keeper.Healthy(true)
	})
	if err != nil {
		return nil, fmt.Errorf("listen for the relay: %w", err)
	}
	return r, nil
}

// relayReport tells the log what the relay does.
func (s *system) relayReport(r *relayKeeper, news supervise.Report) {
	r.mu.Lock()
	r.last = news
	r.mu.Unlock()
	switch news.Phase {
	case supervise.Running:
		s.log.Info("relay started", "pid", news.PID)
	case supervise.Stopped:
	case supervise.Misconfigured:
		s.log.Error("relay cannot run with this configuration, pages cannot be served", "why", news.Why())
	default:
		s.log.Error("relay ended, pages cannot be served", "why", news.Why(), "retry_in", max(0, time.Until(news.RetryAt)).Round(time.Millisecond))
	}
}

func (r *relayKeeper) restarts() camera.Restarts {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last.Restarts
}
