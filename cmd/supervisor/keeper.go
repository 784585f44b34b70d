package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"linkstart/pkg/camera"
	"linkstart/pkg/control"
	"linkstart/pkg/process"
	"linkstart/pkg/supervise"
)

// keeper keeps a process running that is no camera's.
type keeper struct {
	*system
	name   string
	loss   string // what it means that it does not run
	keeper *supervise.Keeper
	beats  *nats.Subscription
	up     chan struct{} // closed with its first sign of life
	once   sync.Once

	told []byte // what the process is told, where that is updated

	mu   sync.Mutex
	last supervise.Report
	news []byte // what its last sign of life said
}

// keep makes the keeper of a process that gives signs of life on subject; it does nothing until it is run.
func (s *system) keep(name, subject, loss string) (*keeper, error) {
	k := &keeper{system: s, name: name, loss: loss, up: make(chan struct{})}
	k.keeper = supervise.NewKeeper(supervise.Options{Report: k.report, Watchdog: s.watchdog})
	var err error
	k.beats, err = s.nc.Subscribe(subject, func(m *nats.Msg) {
		k.once.Do(func() { close(k.up) })
		k.mu.Lock()
		k.news = m.Data
		k.mu.Unlock()
		k.keeper.Beat()
		k.keeper.Healthy(true)
	})
	if err != nil {
		return nil, fmt.Errorf("listen for the %s: %w", name, err)
	}
	return k, nil
}

// update has the process started anew if it is to be told something else. Files that are part of that may be new where the
// configuration is the same.
func (k *keeper) update(spec process.Spec) {
	if !bytes.Equal(spec.Document, k.told) {
		k.told = spec.Document
		k.keeper.Update(spec)
	}
}

// report tells the log what the process does.
func (k *keeper) report(news supervise.Report) {
	k.mu.Lock()
	k.last = news
	k.mu.Unlock()
	switch news.Phase {
	case supervise.Running:
		k.log.Info(k.name+" started", "pid", news.PID)
	case supervise.Stopped:
	case supervise.Misconfigured:
		k.log.Error(k.name+" cannot run with this configuration, "+k.loss, "why", news.Why())
	default:
		k.log.Error(k.name+" ended, "+k.loss, "why", news.Why(), "retry_in", max(0, time.Until(news.RetryAt)).Round(time.Millisecond))
	}
}

func (k *keeper) restarts() camera.Restarts {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.last.Restarts
}

// uplinkNews is what the uplink said last, nil where there is none.
func (k *keeper) uplinkNews() *control.Uplink {
	if k == nil {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	u := new(control.Uplink)
	if json.Unmarshal(k.news, u) != nil { // it has not said anything yet
		return new(control.Uplink)
	}
	return u
}
