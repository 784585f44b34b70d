package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
	"linkstart/pkg/control"
	"linkstart/pkg/nodes"
)

const (
	healEvery  = 15 * time.Second       // a full list makes up for announcements that were missed
	maxSaid    = 64 << 10               // bytes, of one camera
	retryAfter = 500 * time.Millisecond // while the supervisor has not answered yet
)

// follower asks supervisors for their lists.
type follower struct {
	*Registry
	supervisor *control.Client // of this relay's node
	log        *slog.Logger
	running    sync.WaitGroup

	mu    sync.Mutex
	pokes map[string]chan struct{} // by node; one place: asking once answers all that came before
}

// Follow keeps r up to date from the bus until ctx ends: announcements and heartbeats as they come, and the full list of each
// supervisor now and then, which is asked for until it is had.
func (r *Registry) Follow(ctx context.Context, nc *nats.Conn, s bus.Subjects, supervisor *control.Client, log *slog.Logger) (err error) {
	f := &follower{Registry: r, supervisor: supervisor, log: log, pokes: make(map[string]chan struct{})}
	defer f.running.Wait()
	announced, err := nc.Subscribe(s.Camera(bus.All), func(m *nats.Msg) { f.announcement(s.CameraOf(m.Subject), m) })
	if err != nil {
		return fmt.Errorf("subscribe to cameras: %w", err)
	}
	defer func() { err = errors.Join(err, end(announced)) }()
	beats, err := nc.Subscribe(s.Status(bus.All), func(m *nats.Msg) { r.heartbeat(s.CameraOf(m.Subject), m.Data, log) })
	if err != nil {
		return fmt.Errorf("subscribe to heartbeats: %w", err)
	}
	defer func() { err = errors.Join(err, end(beats)) }()
	changed, err := nc.Subscribe(s.Cameras(), func(*nats.Msg) { f.pokeAll() })
	if err != nil {
		return fmt.Errorf("subscribe to changes of the list: %w", err)
	}
	defer func() { err = errors.Join(err, end(changed)) }()
	f.poke(ctx, supervisor.Node())
	_, stop, err := nodes.Follow(nc, s, func(n nodes.Node) { f.changed(ctx, n) })
	if err != nil {
		return err
	}
	defer stop()
	<-ctx.Done()
	return nil
}

// changed takes what the board says of a node.
func (f *follower) changed(ctx context.Context, n nodes.Node) {
	if n.Name == f.node || f.OwnOnly { // without it this relay would not run
		return
	}
	if n.Gone {
		f.Forget(n.Name, n.Leaving)
		f.leave(n.Name)
		return
	}
	f.Away(n.Name, n.Away)
	if !n.Away {
		f.poke(ctx, n.Name)
	}
}

func (f *follower) pokeAll() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.pokes {
		poke(p)
	}
}

func poke(p chan struct{}) {
	select {
	case p <- struct{}{}:
	default:
	}
}

// poke has a node's list asked for now, and from now on.
func (f *follower) poke(ctx context.Context, node string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.pokes[node]
	if p != nil {
		poke(p)
		return
	}
	if ctx.Err() != nil {
		return
	}
	p = make(chan struct{}, 1)
	f.pokes[node] = p
	f.running.Go(func() { f.ask(ctx, node, p) })
}

// leave has a node's list asked for no more.
func (f *follower) leave(node string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if p := f.pokes[node]; p != nil {
		delete(f.pokes, node)
		close(p)
	}
}

// ask asks a node for its list until ctx ends or poked is closed.
func (f *follower) ask(ctx context.Context, node string, poked <-chan struct{}) {
	said := false
	for {
		wait := healEvery
		if f.here(node) {
			asked := time.Now()
			reply, err := f.supervisor.At(node).Do(ctx, control.Status, control.Request{})
			if err == nil {
				f.SetAll(node, reply.Cameras, asked)
				if node == f.node && reply.System != nil && f.events.System != nil {
					f.events.System(*reply.System)
				}
			} else {
				wait = retryAfter
				if !said && ctx.Err() == nil {
					f.log.Warn("the supervisor lists no cameras, asking again", "node", node, "err", err)
				}
			}
			said = err != nil
		}
		select {
		case <-ctx.Done():
			return
		case _, on := <-poked:
			if !on {
				return
			}
		case <-time.After(wait):
		}
	}
}

// here reports whether it makes sense to ask a node.
func (r *Registry) here(node string) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return node == r.node || !r.away[node]
}

func end(s *nats.Subscription) error {
	if err := s.Unsubscribe(); err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
		return fmt.Errorf("end subscription to %s: %w", s.Subject, err)
	}
	return nil
}

func (f *follower) announcement(id camera.ID, m *nats.Msg) {
	if len(m.Data) > maxSaid {
		f.log.Debug("announcement ignored", "camera", id, "bytes", len(m.Data))
		return
	}
	if len(m.Data) == 0 {
		f.Remove(id, m.Header.Get(bus.HeaderNode), m.Header.Get(bus.HeaderMoved) != "")
		return
	}
	var i camera.Info
	if err := json.Unmarshal(m.Data, &i); err != nil {
		f.log.Debug("announcement ignored", "camera", id, "err", err) // anybody could fill the log
		return
	}
	i.ID = id
	f.Announce(i)
}

func (r *Registry) heartbeat(id camera.ID, data []byte, log *slog.Logger) {
	if len(data) > maxSaid {
		return
	}
	var s camera.Status
	if err := json.Unmarshal(data, &s); err != nil {
		log.Debug("heartbeat ignored", "camera", id, "err", err)
		return
	}
	r.Beat(id, s)
}
