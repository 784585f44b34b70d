// Package relay is the one process that browsers talk to: it serves the viewer, the API and the pictures of all cameras
// over HTTP and WebSocket.
package relay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/nats-io/nats.go"

	"linkstart/pkg/access"
	"linkstart/pkg/bus"
	"linkstart/pkg/child"
	"linkstart/pkg/control"
	"linkstart/pkg/oidc"
	"linkstart/pkg/presence"
	"linkstart/pkg/registry"
	"linkstart/pkg/relay/fanout"
	"linkstart/pkg/rooms"
)

// stopTime is how long viewers and requests have to end when the relay stops.
const stopTime = 3 * time.Second

// Options are what Run needs.
type Options struct {
	Config child.Relay
	Viewer fs.FS // the viewer's files, index.html at the top
	Log    *slog.Logger
	Ready  func(net.Addr) // called once requests are answered; may be nil
}

// Relay joins the bus on one side and viewers on the other.
type Relay struct {
	config     child.Relay
	log        *slog.Logger
	nc         *nats.Conn
	subjects   bus.Subjects
	supervisor *control.Client // of this node; for a camera of another one: At
	authority  *control.Client // whose users, tokens and logins hold here
	cameras    *registry.Registry
	hub        *fanout.Hub
	rooms      *rooms.Rooms
	people     *presence.Board
	metrics    *metrics
	condition  condition
	gate       *access.Gate
	oidc       *oidc.Client
	crowd      *crowd
	hosts      hosts

	unknownHost, foreignOrigin, throttled, unrecorded seldom
	chatter                                           *chatter
	learning                                          sync.Mutex // held while it is asked who is let in

	name   string        // of this relay, among others
	number atomic.Uint64 // of the newest connection

	roomTurn sync.Mutex // held while a room is told; taken before mu

	mu       sync.Mutex
	clients  map[client]struct{}
	stopping bool
	running  sync.WaitGroup // clients
}

// Run serves until ctx ends. An error that can never mend by itself wraps camera.ErrConfig.
func Run(ctx context.Context, o Options) (err error) {
	keeper, err := keeperOf(o)
	if err != nil {
		return err
	}
	crowd := newCrowd(o.Config.MaxConnections, o.Config.MaxPerAddress, o.Log)
	ln, err := listen(ctx, o.Config.Listen, crowd)
	if err != nil {
		return err
	}
	if keeper != nil {
		ln = secure(ln, keeper)
	}
	defer func() { // where the HTTP server has closed it before, that is no error
		if e := ln.Close(); e != nil && !errors.Is(e, net.ErrClosed) {
			err = errors.Join(err, e)
		}
	}()
	nc, err := bus.Connect(ctx, o.Config.Bus, o.Log)
	if err != nil {
		return err
	}
	defer nc.Close()
	r, err := build(o, nc, crowd)
	if err != nil {
		return err
	}
	app, err := r.app(o.Viewer)
	if err != nil {
		return err
	}
	defer r.hub.Close()
	defer r.oidc.Close()
	stop, err := r.follow()
	if err != nil {
		return err
	}
	defer stop()
	r.awaitAccess(ctx)
	r.tellPlainLogins(ln.Addr())
	return r.serve(ctx, app, ln, o.Ready)
}

func build(o Options, nc *nats.Conn, crowd *crowd) (*Relay, error) {
	r := &Relay{
		config: o.Config, log: o.Log, nc: nc, subjects: bus.Subjects{Prefix: o.Config.Bus.Prefix},
		supervisor: control.NewClient(nc, o.Config.Bus),
		authority:  control.NewClient(nc, o.Config.Bus).At(cmp.Or(o.Config.Authority, o.Config.Bus.Node)),
		clients:    make(map[client]struct{}),
		name:       relayName(),
		gate:       access.NewGate(), oidc: oidc.New(), chatter: newChatter(),
		crowd: crowd,
		hosts: newHosts(o.Config.Names, o.Config.Origins),
	}
	r.people = presence.New(r.tellRelays, r.tellPeople)
	r.cameras = registry.New(o.Config.Bus.Node, registry.Events{
		Listed: r.listed, Changed: r.changed, Figures: r.figures, Back: func(id cameraID) { r.hub.Poke(id) },
		System: func(s control.System) { r.conditionChanged(func(known *control.System) { *known = s }) },
		Refused: func(id cameraID, has, too string) {
			o.Log.Warn("two machines have a camera with the same id, and one of them is not shown: give one of them another id", "camera", id, "shown", has, "not_shown", too)
		},
	}, func(id cameraID) int { return r.hub.Viewers(id) })
	r.hub = fanout.New(nc, r.subjects, r.cameras, partEnd, o.Log)
	r.metrics = newMetrics(r)
	var err error
	r.rooms, err = rooms.New(nc, r.subjects, o.Config.Rooms, rooms.Events{Changed: r.roomChanged, Acknowledged: r.acknowledged}, o.Log)
	return r, err
}

// follow keeps cameras, rooms and alarms up to date until stop, which waits.
func (r *Relay) follow() (stop func(), err error) {
	alarms, err := r.nc.Subscribe(r.subjects.Alarm(bus.All), r.alarmed)
	if err != nil {
		return nil, fmt.Errorf("subscribe to alarms: %w", err)
	}
	config, err := r.followConfig()
	if err != nil {
		return nil, errors.Join(err, alarms.Unsubscribe())
	}
	people, err := r.followPeople()
	if err != nil {
		return nil, errors.Join(err, alarms.Unsubscribe(), config.Unsubscribe())
	}
	ctx, cancel := context.WithCancel(context.Background())
	followAccess, err := r.followAccess(ctx)
	if err != nil {
		cancel()
		return nil, errors.Join(err, alarms.Unsubscribe(), config.Unsubscribe(), people.Unsubscribe())
	}
	var wg sync.WaitGroup
	wg.Go(followAccess)
	wg.Go(func() { r.beat(ctx) })
	wg.Go(func() { r.people.Run(ctx) })
	wg.Go(func() { r.rooms.Run(ctx) })
	wg.Go(func() {
		if err := r.cameras.Follow(ctx, r.nc, r.subjects, r.supervisor, r.log); err != nil {
			r.log.Error("cameras are not followed any more", "err", err)
		}
	})
	return func() {
		cancel()
		if err := errors.Join(alarms.Unsubscribe(), config.Unsubscribe(), people.Unsubscribe()); err != nil {
			r.log.Debug("end subscriptions", "err", err)
		}
		wg.Wait()
		_ = r.nc.FlushTimeout(goodbyeTime) // what was said last; a bus that is away says so itself
	}, nil
}

// reachable is an address to write into a browser: where all addresses are served, with this machine's name.
func (r *Relay) reachable(at net.Addr) string {
	tcp, ok := at.(*net.TCPAddr)
	if !ok || !tcp.IP.IsUnspecified() {
		return at.String()
	}
	name, err := os.Hostname()
	if len(r.config.Names) > 0 {
		name, err = r.config.Names[0], nil
	}
	if err != nil {
		return at.String()
	}
	return net.JoinHostPort(name, strconv.Itoa(tcp.Port))
}

// serve answers requests until ctx ends, then lets viewers and requests end.
func (r *Relay) serve(ctx context.Context, app *fiber.App, ln net.Listener, ready func(net.Addr)) error {
	served := make(chan error, 1)
	go func() { served <- app.Listener(ln) }()
	r.log.Info("pictures are served: open this address in a browser", "url", r.scheme()+"://"+r.reachable(ln.Addr()))
	if ready != nil {
		ready(ln.Addr())
	}
	select {
	case err := <-served:
		r.stopClients()
		return errors.Join(errors.New("serve HTTP: ended by itself"), err)
	case <-ctx.Done():
	}
	r.stopClients()
	if err := app.ShutdownWithTimeout(stopTime); err != nil {
		r.log.Info("requests were cut off", "err", err)
	}
	if err := ln.Close(); err != nil && !errors.Is(err, net.ErrClosed) { // where the server had not yet begun
		return fmt.Errorf("close listener: %w", err)
	}
	if err := <-served; err != nil {
		return fmt.Errorf("serve HTTP: %w", err)
	}
	return nil
}

// stopClients tells every viewer that the relay goes, and waits for them. Each of them bounds its own end: see
// session.stop and hijack.
func (r *Relay) stopClients() {
	r.mu.Lock()
	r.stopping = true
	for c := range r.clients {
		c.stop(closeGoingAway, "the relay is stopping")
	}
	r.mu.Unlock()
	r.running.Wait()
}
