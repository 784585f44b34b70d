package rooms

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
	"linkstart/pkg/wire"
)

// Bounds of a patrol, and of all together: each step is told to everybody, and what they take is room for selections no more.
const (
	MinEveryS    = 2
	MaxEveryS    = 3600
	MaxPatrolled = 1000   // cameras
	MaxPatrols   = 100    // at a time
	maxNamed     = 10_000 // cameras, in the lists of all
)

// ErrBadPatrol is when a patrol breaks its bounds.
var ErrBadPatrol = errors.New("not a patrol")

// CheckPatrol checks a patrol's bounds. An error wraps ErrBadPatrol.
func CheckPatrol(p wire.Patrol) error {
	switch {
	case p.EveryS < MinEveryS || p.EveryS > MaxEveryS:
		return fmt.Errorf("%w: every_s takes a whole number of %d to %d seconds", ErrBadPatrol, MinEveryS, MaxEveryS)
	case p.Cameras == nil:
		return nil
	case len(p.Cameras) > MaxPatrolled || !slices.ContainsFunc(p.Cameras, func(id camera.ID) bool { return id != p.Cameras[0] }):
		return fmt.Errorf("%w: cameras takes 2 to %d cameras, and all where it is left out", ErrBadPatrol, MaxPatrolled)
	}
	return nil
}

// Due is the camera that a patrol shows, "" where none of its cameras is there any more. all are the cameras of the
// configuration. Whoever has the same clock and cameras gets the same answer, so nobody needs to lead.
func Due(p *wire.Patrol, all []camera.ID, now time.Time) camera.ID {
	due := all
	if p.Cameras != nil {
		there := make(map[camera.ID]bool, len(all))
		for _, id := range all {
			there[id] = true
		}
		due = make([]camera.ID, 0, len(p.Cameras))
		for _, id := range p.Cameras {
			if there[id] {
				due = append(due, id)
			}
		}
	}
	if len(due) == 0 {
		return ""
	}
	step, _ := stepOf(p, now)
	n := int64(len(due))
	return due[(step%n+n)%n] // a clock that was set back may be before its start
}

// stepOf is how many cameras have had their turn, and how long the present one still has.
func stepOf(p *wire.Patrol, now time.Time) (step int64, left time.Duration) {
	every := time.Duration(p.EveryS) * time.Second
	gone := now.Round(0).Sub(p.Since) // by the clock that others have as well
	step = int64(gone / every)
	if gone%every < 0 {
		step--
	}
	return step, time.Duration(step+1)*every - gone
}

func samePatrol(a, b *wire.Patrol) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.EveryS == b.EveryS && a.Since.Equal(b.Since) && slices.Equal(a.Cameras, b.Cameras)
}

// Patrol begins a patrol in a room, in place of one that runs there. An error wraps ErrBadPatrol, ErrTooMany or
// ErrUnavailable.
func (r *Rooms) Patrol(ctx context.Context, room camera.ID, p wire.Patrol) error {
	if err := errors.Join(CheckPatrol(p), r.admit(room), r.admitPatrol(room, p)); err != nil {
		return err
	}
	value, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("encode patrol: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	err = insist(ctx, func(ctx context.Context) error {
		kv, err := r.js.KeyValue(ctx, bus.SelectionBucket)
		if err != nil {
			return fmt.Errorf("open bucket %s: %w", bus.SelectionBucket, err)
		}
		_, err = kv.Put(ctx, bus.PatrolKey(room), value)
		return err
	})
	if err != nil {
		return fmt.Errorf("begin patrol in %s: %w: %w", room, ErrUnavailable, err)
	}
	return nil
}

// admitPatrol refuses a patrol that would be one too many. An error wraps ErrTooMany.
func (r *Rooms) admitPatrol(room camera.ID, p wire.Patrol) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	patrols, named := 1, len(p.Cameras)
	for id, v := range r.all {
		if id != room && v.patrol != nil {
			patrols, named = patrols+1, named+len(v.patrol.Cameras)
		}
	}
	switch {
	case patrols > MaxPatrols:
		return fmt.Errorf("%w: %d patrols run already, end one of them first", ErrTooMany, MaxPatrols)
	case named > maxNamed:
		return fmt.Errorf("%w: all patrols together list at most %d cameras, end one of them first", ErrTooMany, maxNamed)
	}
	return nil
}

// patrolled takes the entry of a room's patrol.
func (r *Rooms) patrolled(key string, e jetstream.KeyValueEntry) {
	id, err := camera.ParseID(key)
	if err != nil {
		return
	}
	var p *wire.Patrol
	if e.Operation() == jetstream.KeyValuePut {
		p = new(wire.Patrol)
		if err = json.Unmarshal(e.Value(), p); err == nil {
			err = CheckPatrol(*p)
		}
		if err != nil {
			r.log.Warn("patrol ignored", "room", id, "err", err)
			return
		}
	}
	r.apply(id, func(v *room) {
		if samePatrol(p, v.patrol) { // seen before the watch was begun anew
			return
		}
		if v.step != nil {
			v.step.Stop()
			v.step = nil
		}
		v.patrol = p
		r.await(id, v)
	})
}

// await has a room's next step made known when it is due. r.mu is held.
func (r *Rooms) await(id camera.ID, v *room) {
	if v.patrol == nil || r.ended {
		return
	}
	p := v.patrol
	_, left := stepOf(p, time.Now())
	v.step = time.AfterFunc(left, func() { r.stepped(id, p) })
}

// stepped makes known that another camera of a patrol is due.
func (r *Rooms) stepped(id camera.ID, p *wire.Patrol) {
	r.turn.Lock()
	defer r.turn.Unlock()
	r.mu.Lock()
	v := r.all[id]
	if v.patrol != p || r.ended {
		r.mu.Unlock()
		return
	}
	r.await(id, v)
	s := r.state(id)
	r.mu.Unlock()
	r.changed(s)
}
