// Package uplink sends the pictures of a site's cameras to a hub: those that are asked for there, each once however many watch, and
// never more than the link takes. To the hub it is a grabber, to the site a consumer.
package uplink

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/sys/unix"

	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
	"linkstart/pkg/child"
	"linkstart/pkg/control"
	"linkstart/pkg/gate"
	"linkstart/pkg/registry"
)

const (
	sweepEvery = 250 * time.Millisecond
	replyTime  = 1500 * time.Millisecond // after which who asks is told that there is no picture: he waits for 2 s
	beatEvery  = time.Second
	dialTime   = 5 * time.Second
	writeTime  = 10 * time.Second
	unsent     = 128 << 10   // bytes that the kernel may hold and not have sent yet
	maxReplies = 16          // that wait for one picture
	ahead      = time.Second // that a picture may be of the news that its camera is live again
)

// Options are what Run needs.
type Options struct {
	Config child.Uplink
	Log    *slog.Logger
}

// Uplink joins the site's bus and the hub's.
type Uplink struct {
	config   child.Uplink
	log      *slog.Logger
	subjects bus.Subjects
	site     *nats.Conn
	hub      *nats.Conn
	cameras  *registry.Registry
	woken    chan struct{}
	shed     atomic.Uint64
	wants    map[camera.ID]*nats.Subscription // of the registry's events, which come one at a time

	// The connection to the hub is asked nothing while mu is held: its own lock is held for as long as it is being made, which calls
	// Dial.
	connected atomic.Bool
	gating    sync.Mutex
	gate      *gate.Gate // of the connection to the hub, nil before the first

	mu      sync.Mutex      // taken before gating
	streams map[key]*stream // nil at the end
	turns   []key           // in which streams send
	status  control.Uplink
}

type key struct {
	camera    camera.ID
	rendition camera.Rendition // as the hub asks for it
}

// Run sends until ctx ends.
func Run(ctx context.Context, o Options) error {
	u := &Uplink{
		config: o.Config, log: o.Log, subjects: bus.Subjects{Prefix: o.Config.Site.Prefix}, woken: make(chan struct{}, 1),
		wants: make(map[camera.ID]*nats.Subscription), streams: make(map[key]*stream), status: control.Uplink{Since: time.Now()},
	}
	var err error
	if u.site, err = bus.Connect(ctx, o.Config.Site, o.Log); err != nil {
		return err
	}
	defer u.site.Close()
	ctx, cancel := context.WithCancel(ctx)
	var tasks sync.WaitGroup
	defer tasks.Wait()
	defer cancel()
	tasks.Go(func() { u.beat(ctx) })
	hub, err := bus.Connect(ctx, o.Config.Hub, o.Log.With("bus", "hub"), nats.SetCustomDialer(dialer{u, ctx}), nats.FlusherTimeout(writeTime))
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	defer hub.Close()
	u.hub = hub
	statuses := hub.StatusChanged()
	u.connected.Store(hub.IsConnected())
	tasks.Go(func() { u.watch(ctx, statuses) })
	u.cameras = registry.New(o.Config.Site.Node, registry.Events{
		Listed: u.listed, Changed: func(camera.Info) {}, Figures: func(camera.Info) {}, Back: u.back,
	}, func(camera.ID) int { return 0 })
	u.cameras.OwnOnly = true // a site may be a hub itself, and its hub does not know of the cameras behind it
	tasks.Go(func() {
		if err := u.cameras.Follow(ctx, u.site, u.subjects, control.NewClient(u.site, o.Config.Site), u.log); err != nil {
			u.log.Error("cameras are not followed any more", "err", err)
		}
	})
	tasks.Go(func() { u.sweep(ctx) })
	u.send(ctx)
	u.closeStreams()
	return nil
}

// watch notes whether the hub is there, until ctx ends.
func (u *Uplink) watch(ctx context.Context, statuses <-chan nats.Status) {
	for {
		select {
		case <-ctx.Done():
			return
		case s := <-statuses:
			u.connected.Store(s == nats.CONNECTED)
			u.wake()
		}
	}
}

// listed asks the hub for what is wanted of each camera, now that there are others.
func (u *Uplink) listed() {
	ids := u.cameras.IDs()
	for _, id := range ids {
		if u.wants[id] != nil {
			continue
		}
		sub, err := u.hub.Subscribe(u.subjects.Want(id, bus.All), func(m *nats.Msg) { u.wanted(id, m) })
		if err != nil {
			u.log.Warn("a camera cannot be seen at the hub", "camera", id, "err", err)
			continue
		}
		u.wants[id] = sub
	}
	for id, sub := range u.wants {
		if !slices.Contains(ids, id) {
			_ = sub.Unsubscribe() // fails only where the connection is gone
			delete(u.wants, id)
		}
	}
}

// back asks a camera's grabber again, now that there is one.
func (u *Uplink) back(id camera.ID) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for k, s := range u.streams {
		if k.camera == id {
			s.feed.Poke()
		}
	}
}

// wanted takes a want of the hub.
func (u *Uplink) wanted(id camera.ID, m *nats.Msg) {
	r := camera.Rendition(m.Subject[strings.LastIndexByte(m.Subject, '.')+1:])
	if r != camera.Main && r != camera.Sub {
		return
	}
	var w bus.Want
	if json.Unmarshal(m.Data, &w) != nil {
		w = bus.Want{}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.streams == nil {
		return // it is ending
	}
	now := time.Now()
	k := key{id, r}
	s := u.streams[k]
	if s == nil {
		var err error
		if s, err = u.open(k, w.FPS, now); err != nil {
			u.log.Warn("a camera cannot be sent to the hub", "camera", id, "err", err)
			return
		}
	} else {
		s.renew(w.FPS, now)
	}
	if !bus.Inbox(m.Reply) {
		return
	}
	if s.ask(m.Reply, now) {
		u.wake()
	}
}

func (u *Uplink) wake() {
	select {
	case u.woken <- struct{}{}:
	default:
	}
}

// sweep ends what is not asked for any more, until ctx ends.
func (u *Uplink) sweep(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			var waited []string
			u.mu.Lock()
			for k, s := range u.streams {
				waited = append(waited, s.giveUp(now)...)
				if !s.renewed(now) {
					u.close(k, s)
				}
			}
			u.mu.Unlock()
			for _, subject := range waited {
				_ = u.hub.Publish(subject, nil) // a hub that is away waits for nothing
			}
		}
	}
}

// close ends a stream. u.mu is held.
func (u *Uplink) close(k key, s *stream) {
	s.feed.Close()
	delete(u.streams, k)
	u.turns = slices.DeleteFunc(u.turns, func(t key) bool { return t == k })
	u.status.Streams = len(u.streams)
}

func (u *Uplink) closeStreams() {
	u.mu.Lock()
	all := slices.Collect(maps.Values(u.streams))
	for k, s := range maps.Clone(u.streams) {
		u.close(k, s)
	}
	u.streams = nil // what the hub still asks for opens none
	u.mu.Unlock()
	for _, s := range all {
		<-s.feed.Done()
	}
}

// send sends the newest pictures, each stream in its turn, as the link has room for them, until ctx ends.
func (u *Uplink) send(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-u.woken:
		}
		for ctx.Err() == nil {
			messages := u.next(time.Now())
			if len(messages) == 0 {
				break
			}
			for _, m := range messages {
				if err := u.hub.PublishMsg(m); err != nil {
					u.log.Debug("picture not sent to the hub", "subject", m.Subject, "err", err)
				}
			}
		}
	}
}

// next is what is to be sent now: one picture, to all who see it and to those who asked for it.
func (u *Uplink) next(now time.Time) []*nats.Msg {
	u.mu.Lock()
	defer u.mu.Unlock()
	for i, k := range u.turns {
		s := u.streams[k]
		if !s.due() {
			continue
		}
		if !u.connected.Load() {
			return nil
		}
		u.gating.Lock()
		defer u.gating.Unlock()
		if !u.gate.Open(now) { // what is chosen when it opens is newer
			return nil
		}
		u.turns = append(slices.Delete(u.turns, i, i+1), k)
		messages, bytes := s.take(u.cameras.Live(k.camera), now)
		u.gate.Drain.Write(bytes)
		u.status.Frames++
		u.status.Bytes += uint64(bytes)
		return messages
	}
	return nil
}

// dialer makes the connection to the hub, and the gate of what is sent on it.
type dialer struct {
	*Uplink
	ctx context.Context // of Run
}

// Dial implements nats.CustomDialer.
func (d dialer) Dial(network, address string) (net.Conn, error) {
	nd := net.Dialer{Timeout: dialTime, Control: func(_, _ string, raw syscall.RawConn) (err error) {
		return errors.Join(raw.Control(func(fd uintptr) {
			err = errors.Join(
				unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, unsent),
				unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(writeTime/time.Millisecond)),
			)
		}), err)
	}}
	nd.SetMultipathTCP(false) // or the limit of what is unsent would be lost
	c, err := nd.DialContext(d.ctx, network, address)
	if err != nil {
		return nil, fmt.Errorf("reach the hub: %w", err)
	}
	d.gating.Lock()
	defer d.gating.Unlock()
	if d.gate != nil {
		d.gate.Stop()
	}
	d.gate = gate.New(c, d.wake)
	return c, nil
}

// beat tells the supervisor each second how it fares, until ctx ends.
func (u *Uplink) beat(ctx context.Context) {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for {
		u.mu.Lock()
		if connected := u.connected.Load(); connected != u.status.Connected {
			u.status.Connected, u.status.Since = connected, time.Now()
		}
		status := u.status
		status.Shed = u.shed.Load()
		u.mu.Unlock()
		if b, err := json.Marshal(status); err == nil {
			_ = u.site.Publish(u.subjects.Uplink(u.config.Site.Node), b) // a bus that is away says so itself
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
