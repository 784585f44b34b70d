// Package fleet is the supervisor's knowledge of its cameras: one kept process each, what that process and its heartbeats
// say, and the log lines it has printed; it tells the bus of every change and does what it is ordered.
package fleet

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
	"linkstart/pkg/control"
	"linkstart/pkg/onfailure"
	"linkstart/pkg/process"
	"linkstart/pkg/restart"
	"linkstart/pkg/supervise"
)

// Description is one camera as the configuration has it.
type Description struct {
	ID      camera.ID
	Name    string
	Group   string
	Source  string       // without secrets
	Place   int          // in the configuration
	Term    uint64       // of a camera that several supervisors may run, else 0
	Process process.Spec // Line is set by the fleet

	MemoryLimit int64         // of its process, bytes; 0: none
	StallAfter  time.Duration // a process that says live, but whose picture has had the same number for so long, hangs
	RestartAt   restart.Schedule
	OnFailure   *onfailure.Action // nil: nothing is done
}

// Fleet holds the cameras of one supervisor.
type Fleet struct {
	nc       *nats.Conn
	subjects bus.Subjects
	node     string
	log      *slog.Logger
	scrub    func(string) string
	reload   func(apply bool) (string, error)
	system   func() control.System
	hold     func(id camera.ID, memory int64) (supervise.Hold, error)
	gate     supervise.Gate
	watchdog *supervise.Watchdog

	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup
	beats   *nats.Subscription

	mu      sync.Mutex
	cameras map[camera.ID]*member
	leaving map[camera.ID]*member // removed ones whose process is not gone yet
	order   []camera.ID
}

// Options is what a Fleet is made of.
type Options struct {
	Conn     *nats.Conn
	Subjects bus.Subjects
	Node     string
	Log      *slog.Logger
	Scrub    func(string) string // takes secrets out of what processes print
	// Reload reads the configuration again and, if told so, applies it; the text says what changes.
	Reload   func(apply bool) (string, error)
	System   func() control.System // how the supervisor itself fares
	Watchdog *supervise.Watchdog
	// Hold makes what bounds the resources of one start of a camera's process, memory in bytes; nil: nothing does.
	Hold func(id camera.ID, memory int64) (supervise.Hold, error)
}

// New returns an empty fleet that listens for heartbeats until Close.
func New(o Options) (*Fleet, error) {
	ctx, cancel := context.WithCancel(context.Background())
	f := &Fleet{
		nc: o.Conn, subjects: o.Subjects, node: o.Node, log: o.Log, scrub: o.Scrub, reload: o.Reload, system: o.System, hold: o.Hold,
		gate: supervise.NewGate(), watchdog: o.Watchdog,
		ctx: ctx, cancel: cancel, cameras: make(map[camera.ID]*member), leaving: make(map[camera.ID]*member),
	}
	var err error
	if f.beats, err = f.nc.Subscribe(f.subjects.Status(bus.All), f.beat); err != nil {
		cancel()
		return nil, fmt.Errorf("listen for heartbeats: %w", err)
	}
	f.running.Go(f.watch)
	return f, nil
}

// Apply makes the fleet what descriptions say, touching only the cameras that differ: new ones are started, missing ones
// stopped, and one whose process is told something else is restarted.
func (f *Fleet) Apply(descriptions []Description) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.order = f.order[:0]
	named := make(map[camera.ID]bool)
	for _, d := range descriptions {
		named[d.ID] = true
		f.order = append(f.order, d.ID)
		m := f.cameras[d.ID]
		if m == nil {
			f.add(d)
			continue
		}
		told := m.described.Process
		changed := told.Path != d.Process.Path || string(told.Document) != string(d.Process.Document)
		m.described = d
		m.plan(time.Now())
		if changed {
			m.spec.Path, m.spec.Document = d.Process.Path, d.Process.Document
			m.keeper.Update(m.spec)
		}
		f.announce(m)
	}
	for id, m := range f.cameras {
		if !named[id] {
			f.remove(m)
		}
	}
	f.publish(&nats.Msg{Subject: f.subjects.Cameras()})
}

func (f *Fleet) add(d Description) {
	ctx, cancel := context.WithCancel(f.ctx)
	m := &member{
		id: d.ID, node: f.node, described: d, spec: d.Process, cancel: cancel,
		since: time.Now(), ended: make(chan struct{}), report: supervise.Report{Phase: supervise.Running},
	}
	m.spec.Line = func(line string) { f.line(m, line) }
	options := supervise.Options{
		Report: func(r supervise.Report) { f.reported(m, r) }, Gate: f.gate, Watchdog: f.watchdog,
	}
	if f.hold != nil {
		options.Hold = func() (supervise.Hold, error) { return f.hold(m.id, f.memoryLimit(m)) }
	}
	m.keeper = supervise.NewKeeper(options)
	m.plan(time.Now())
	f.cameras[d.ID] = m
	f.announce(m)
	spec, before := m.spec, f.leaving[d.ID]
	f.running.Go(func() {
		if before != nil { // a camera has one process: many serve one connection only
			<-before.ended
		}
		m.keeper.Run(ctx, spec)
		f.ended(m)
	})
}

// ended notes that the process of a camera is gone for good.
func (f *Fleet) ended(m *member) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.leaving[m.id] == m {
		delete(f.leaving, m.id)
	}
	close(m.ended)
}

func (f *Fleet) memoryLimit(m *member) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return m.described.MemoryLimit
}

func (f *Fleet) remove(m *member) {
	delete(f.cameras, m.described.ID)
	f.leaving[m.described.ID] = m // and whoever it waits for
	m.removed = true
	m.cancel()
	m.endAction()
	gone := nats.Header{bus.HeaderNode: {f.node}}
	if m.described.Term > 0 {
		gone.Set(bus.HeaderMoved, "1")
	}
	f.publish(&nats.Msg{Subject: f.subjects.Camera(m.described.ID), Header: gone})
}

// Close stops every camera and returns when all processes are gone.
func (f *Fleet) Close() error {
	f.cancel()
	f.running.Wait()
	if err := f.beats.Unsubscribe(); err != nil {
		return fmt.Errorf("stop listening for heartbeats: %w", err)
	}
	return nil
}

// Await waits until the process of a camera that was removed is gone.
func (f *Fleet) Await(ctx context.Context, id camera.ID) {
	f.mu.Lock()
	m := f.leaving[id]
	f.mu.Unlock()
	if m == nil {
		return
	}
	select {
	case <-m.ended:
	case <-ctx.Done():
	}
}

// announce tells the bus of a camera whose words (not figures) have changed. The caller holds f.mu.
func (f *Fleet) announce(m *member) {
	if m.removed {
		return
	}
	info := m.info()
	if info.State != m.announced.State {
		m.since = time.Now()
	}
	info.Since = m.since
	said := info.Words()
	if said == m.announced {
		return
	}
	m.announced = said
	b, err := json.Marshal(info)
	if err != nil {
		f.log.Error("encode camera", "err", err)
		return
	}
	f.publish(&nats.Msg{Subject: f.subjects.Camera(info.ID), Data: b})
}

func (f *Fleet) publish(m *nats.Msg) {
	if err := f.nc.PublishMsg(m); err != nil && f.ctx.Err() == nil {
		f.log.Warn("publish", "subject", m.Subject, "err", err)
	}
}

// Cameras returns every camera, in the order of the configuration.
func (f *Fleet) Cameras() []camera.Info {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := make([]camera.Info, 0, len(f.order))
	for _, id := range f.order {
		if m := f.cameras[id]; m != nil {
			info := m.info()
			info.Since = m.since
			all = append(all, info)
		}
	}
	return all
}

// Summary tells in a line how many cameras are in which state.
func (f *Fleet) Summary() string {
	count := make(map[camera.State]int)
	all := f.Cameras()
	for _, c := range all {
		count[c.State]++
	}
	text := fmt.Sprintf("%d cameras", len(all))
	for i, state := range slices.Sorted(maps.Keys(count)) {
		text += fmt.Sprintf("%s %d %s", []string{":", ","}[min(i, 1)], count[state], state)
	}
	return text
}
