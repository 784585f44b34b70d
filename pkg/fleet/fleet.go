// Package fleet is the supervisor's knowledge of its cameras: one kept process each, what that process and its heartbeats
// say, and the log lines it has printed; it tells the bus of every change and does what it is ordered.
package fleet

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
	"linkstart/pkg/control"
	"linkstart/pkg/process"
	"linkstart/pkg/supervise"
)

// hungAfter is how long a process may run without a heartbeat before it counts as hung.
const hungAfter = 10 * time.Second

// Description is one camera as the configuration has it.
type Description struct {
	ID      camera.ID
	Name    string
	Group   string
	Source  string       // without secrets
	Process process.Spec // Line is set by the fleet
}

// Fleet holds the cameras of one supervisor.
type Fleet struct {
	nc       *nats.Conn
	subjects bus.Subjects
	log      *slog.Logger
	scrub    func(string) string
	reload   func(context.Context) (string, error)

	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup
	beats   *nats.Subscription

	mu      sync.Mutex
	cameras map[camera.ID]*member
	order   []camera.ID
}

// Options is what a Fleet is made of.
type Options struct {
	Conn     *nats.Conn
	Subjects bus.Subjects
	Log      *slog.Logger
	Scrub    func(string) string // takes secrets out of what processes print
	// Reload reads the configuration again and applies it; the text says what changed.
	Reload func(context.Context) (string, error)
}

// New returns an empty fleet that listens for heartbeats until Close.
func New(o Options) (*Fleet, error) {
	ctx, cancel := context.WithCancel(context.Background())
	f := &Fleet{
		nc: o.Conn, subjects: o.Subjects, log: o.Log, scrub: o.Scrub, reload: o.Reload,
		ctx: ctx, cancel: cancel, cameras: make(map[camera.ID]*member),
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
	f.publish(f.subjects.Cameras(), nil)
}

func (f *Fleet) add(d Description) {
	ctx, cancel := context.WithCancel(f.ctx)
	m := &member{
		id: d.ID, described: d, spec: d.Process, cancel: cancel,
		since: time.Now(), report: supervise.Report{Phase: supervise.Running},
	}
	m.spec.Line = func(line string) { f.line(m, line) }
	m.keeper = supervise.NewKeeper(func(r supervise.Report) { f.reported(m, r) })
	f.cameras[d.ID] = m
	f.announce(m)
	spec := m.spec
	f.running.Go(func() { m.keeper.Run(ctx, spec) })
}

func (f *Fleet) remove(m *member) {
	delete(f.cameras, m.described.ID)
	m.removed = true
	m.cancel()
	f.publish(f.subjects.Camera(m.described.ID), nil)
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

// reported takes the news of a process.
func (f *Fleet) reported(m *member, r supervise.Report) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch r.Phase {
	case supervise.Running:
		m.again = m.again || m.report.PID != 0
	case supervise.Waiting, supervise.Loop:
		m.again = true
	default:
		m.again = false
	}
	m.report = r
	if r.Phase == supervise.Running {
		m.status, m.beatAt = camera.Status{AgeMs: -1}, time.Now()
	}
	switch r.Phase {
	case supervise.Running:
		f.note(m, slog.LevelInfo, "grabber started", slog.Int("pid", r.PID))
	case supervise.Stopped:
		f.note(m, slog.LevelInfo, "grabber stopped")
	case supervise.Misconfigured:
		f.note(m, slog.LevelError, "grabber cannot run with this configuration", slog.String("why", m.why()))
	default:
		wait := max(0, time.Until(r.RetryAt)).Round(time.Millisecond)
		f.note(m, slog.LevelWarn, "grabber ended", slog.String("why", m.why()), slog.Duration("retry_in", wait))
	}
	f.announce(m)
}

// beat takes a heartbeat.
func (f *Fleet) beat(msg *nats.Msg) {
	var s camera.Status
	if err := json.Unmarshal(msg.Data, &s); err != nil {
		f.log.Warn("heartbeat is not JSON", "subject", msg.Subject, "err", err)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	m := f.cameras[f.subjects.CameraOf(msg.Subject)]
	if m == nil {
		return
	}
	m.status, m.beatAt = s, time.Now()
	m.keeper.Healthy(s.State == camera.Live || s.State == camera.Waiting || s.State == camera.Frozen)
	f.announce(m)
}

// watch ends processes that run without a heartbeat.
func (f *Fleet) watch() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-f.ctx.Done():
			return
		case now := <-tick.C:
			f.mu.Lock()
			for _, m := range f.cameras {
				if m.report.Phase == supervise.Running && m.report.PID != 0 && now.Sub(m.beatAt) > hungAfter {
					f.note(m, slog.LevelWarn, "grabber hangs, ending it", slog.Int("pid", m.report.PID))
					m.beatAt = now
					m.keeper.Hung(m.report.PID)
				}
			}
			f.mu.Unlock()
		}
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
	said := info
	said.Width, said.Height, said.FPS, said.Bitrate, said.AgeMs = 0, 0, 0, 0, 0
	if reflect.DeepEqual(said, m.announced) {
		return
	}
	m.announced = said
	b, err := json.Marshal(info)
	if err != nil {
		f.log.Error("encode camera", "err", err)
		return
	}
	f.publish(f.subjects.Camera(info.ID), b)
}

func (f *Fleet) publish(subject string, data []byte) {
	if err := f.nc.Publish(subject, data); err != nil && f.ctx.Err() == nil {
		f.log.Warn("publish", "subject", subject, "err", err)
	}
}

// Handle implements control.Handler.
func (f *Fleet) Handle(ctx context.Context, verb string, r control.Request) (control.Reply, error) {
	switch verb {
	case control.Status:
		return control.Reply{Cameras: f.Cameras()}, nil
	case control.Reload:
		text, err := f.reload(ctx)
		return control.Reply{Text: text}, err
	}
	f.mu.Lock()
	m := f.cameras[r.Camera]
	f.mu.Unlock()
	if m == nil {
		return control.Reply{}, fmt.Errorf("%s: %w", cmp.Or(string(r.Camera), "no camera named"), control.ErrUnknownCamera)
	}
	switch verb {
	case control.Restart:
		m.keeper.Restart()
	case control.Stop:
		m.keeper.Stop()
	case control.Start:
		m.keeper.Start()
	case control.Logs:
		return control.Reply{Lines: m.log.newest(r.Lines)}, nil
	default:
		return control.Reply{}, fmt.Errorf("%s is not an order", verb)
	}
	f.note(m, slog.LevelInfo, verb+" ordered")
	return control.Reply{}, nil
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
