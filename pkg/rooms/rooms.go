// Package rooms keeps what each room shows: the camera that somebody selected last, one after the other while a patrol runs, or
// for a while the one with an alarm.
//
// All live in buckets of the bus, so every relay shows the same and a restart forgets no selection.
package rooms

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
	"linkstart/pkg/child"
	"linkstart/pkg/wire"
)

const (
	callTimeout = 3 * time.Second // of one call to a bucket
	retryAfter  = time.Second     // when the buckets cannot be reached

	// While the disk is full the supervisor moves the buckets to memory, which takes a moment: a call that is not answered
	// is made again until callTimeout.
	tryTime  = 500 * time.Millisecond
	tryAgain = 100 * time.Millisecond
)

// ErrUnavailable is when the buckets cannot be reached; what the rooms show stays.
var ErrUnavailable = errors.New("the store of selections does not answer")

// MaxRooms is how many rooms can be used beside those of the configuration: every client is told of all, and all are kept.
const MaxRooms = 1000

// ErrTooMany is when there are as many rooms or patrols as there may be.
var ErrTooMany = errors.New("too many")

// State is what a room shows. Camera is the selected one, "" when none was selected yet; while Patrol is set the camera that is
// due is shown instead (see Due), and while Alarm is set that one's.
type State struct {
	Room   camera.ID
	Camera camera.ID
	Patrol *wire.Patrol
	Alarm  *wire.Takeover
}

// Rooms follows both buckets. It is safe for use by many goroutines.
type Rooms struct {
	nc       *nats.Conn
	js       jetstream.JetStream
	subjects bus.Subjects
	takeover map[camera.ID]time.Duration // of the configured rooms
	order    []camera.ID                 // configured rooms
	changed  func(State)
	log      *slog.Logger
	acked    func(camera.ID)
	alarms   chan *nats.Msg
	heard    *nats.Subscription // what alarms come from

	turn  sync.Mutex // held while a change is made known, so that changes arrive in order
	mu    sync.Mutex
	all   map[camera.ID]*room
	open  map[camera.ID]wire.Alarm // not acknowledged yet
	ended bool                     // no timer is started any more
}

type room struct {
	selected camera.ID
	alarm    *wire.Takeover // in force
	entry    *wire.Takeover // in the bucket, in force or over
	timer    *time.Timer    // ends alarm
	patrol   *wire.Patrol
	step     *time.Timer // tells when its next camera is due
}

// Events are told one at a time. They must not call Rooms' methods that change something.
type Events struct {
	Changed      func(State)     // after each change of what a room shows
	Acknowledged func(camera.ID) // a camera's alarm is not open any more
}

// New makes rooms that Run keeps up to date. From its return on alarms are heard, to be dealt with by Run.
func New(nc *nats.Conn, s bus.Subjects, configured []child.Room, events Events, log *slog.Logger) (*Rooms, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("open JetStream: %w", err)
	}
	r := &Rooms{
		nc: nc, js: js, subjects: s, changed: events.Changed, acked: events.Acknowledged, log: log,
		takeover: make(map[camera.ID]time.Duration), all: make(map[camera.ID]*room), open: make(map[camera.ID]wire.Alarm),
	}
	for _, c := range configured {
		r.order = append(r.order, c.ID)
		r.takeover[c.ID] = c.AlarmTakeover
		r.all[c.ID] = new(room)
	}
	r.alarms = make(chan *nats.Msg, alarmsQueued)
	if r.heard, err = nc.ChanQueueSubscribe(s.Alarm(bus.All), queueGroup, r.alarms); err == nil {
		err = nc.FlushTimeout(callTimeout)
	}
	if err != nil {
		return nil, fmt.Errorf("subscribe to alarms: %w", err)
	}
	return r, nil
}

// Get returns what a room shows; a room that nobody has heard of yet shows no selection.
func (r *Rooms) Get(id camera.ID) State {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state(id)
}

func (r *Rooms) state(id camera.ID) State {
	s := State{Room: id}
	if v := r.all[id]; v != nil {
		s.Camera, s.Patrol, s.Alarm = v.selected, v.patrol, v.alarm
	}
	return s
}

// List returns the configured rooms in their order, then the others that were ever used, in no order.
func (r *Rooms) List() []State {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]State, 0, len(r.all))
	seen := make(map[camera.ID]bool)
	for _, id := range r.order {
		list = append(list, r.state(id))
		seen[id] = true
	}
	for id := range r.all {
		if !seen[id] {
			list = append(list, r.state(id))
		}
	}
	return list
}

// Select stores a room's camera and ends its patrol. It is shown at once, or after the alarm that is being shown. An error wraps
// ErrTooMany or ErrUnavailable.
func (r *Rooms) Select(ctx context.Context, room, id camera.ID) error {
	if err := r.admit(room); err != nil {
		return err
	}
	return store(ctx, r.js, room, id, r.Get(room).Patrol != nil)
}

// admit refuses a room that nobody has used yet where there are enough. An error wraps ErrTooMany.
func (r *Rooms) admit(room camera.ID) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.all[room] == nil && len(r.all) >= len(r.order)+MaxRooms {
		return fmt.Errorf("%w: %d rooms are in use beside those of the configuration: take one of them, or write %s into the configuration", ErrTooMany, MaxRooms, room)
	}
	return nil
}

// Select stores a room's camera and ends its patrol, for all relays. An error wraps ErrUnavailable.
func Select(ctx context.Context, js jetstream.JetStream, room, id camera.ID) error {
	return store(ctx, js, room, id, false)
}

func store(ctx context.Context, js jetstream.JetStream, room, id camera.ID, patrols bool) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if err := insist(ctx, func(ctx context.Context) error { return put(ctx, js, room, id, patrols) }); err != nil {
		return fmt.Errorf("select %s in %s: %w: %w", id, room, ErrUnavailable, err)
	}
	return nil
}

// insist makes a call to a bucket again and again until it is answered, or ctx ends.
func insist(ctx context.Context, call func(context.Context) error) error {
	for {
		try, cancel := context.WithTimeout(ctx, tryTime)
		err := call(try)
		cancel()
		if refused := (*jetstream.APIError)(nil); err == nil || errors.As(err, &refused) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(tryAgain):
		}
	}
}

// put stores the selection first, so that nobody shows the one before it when the patrol ends. patrols: one is known to run.
func put(ctx context.Context, js jetstream.JetStream, room, id camera.ID, patrols bool) error {
	kv, err := js.KeyValue(ctx, bus.SelectionBucket)
	if err != nil {
		return fmt.Errorf("open bucket %s: %w", bus.SelectionBucket, err)
	}
	if _, err = kv.PutString(ctx, string(room), string(id)); err != nil {
		return err
	}
	if !patrols {
		if _, err := kv.Get(ctx, bus.PatrolKey(room)); err != nil {
			if errors.Is(err, jetstream.ErrKeyNotFound) {
				return nil
			}
			return fmt.Errorf("look for a patrol: %w", err)
		}
	}
	return kv.Delete(ctx, bus.PatrolKey(room))
}

// apply changes a room and makes it known where that changed what it shows.
func (r *Rooms) apply(id camera.ID, change func(*room)) {
	r.turn.Lock()
	defer r.turn.Unlock()
	r.mu.Lock()
	v := r.all[id]
	if v == nil {
		v = new(room)
		r.all[id] = v
	}
	before := *v
	change(v)
	differs := before.selected != v.selected || !sameAlarm(before.alarm, v.alarm) || !samePatrol(before.patrol, v.patrol)
	s := r.state(id)
	r.mu.Unlock()
	if differs {
		r.changed(s)
	}
}

func sameAlarm(a, b *wire.Takeover) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Camera == b.Camera && a.Kind == b.Kind && a.Level == b.Level && a.Text == b.Text && a.Until.Equal(b.Until)
}
