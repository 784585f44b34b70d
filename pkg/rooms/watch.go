package rooms

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
	"linkstart/pkg/wire"
)

// alarmsQueued is how many alarms may wait to be dealt with; a flood beyond it is dropped.
const alarmsQueued = 64

// queueGroup makes one relay of all deal with an alarm.
const queueGroup = "linkstart-relays"

// Run follows the buckets and deals with alarms until ctx ends. While the buckets cannot be reached it tries again, and
// what the rooms show stays.
func (r *Rooms) Run(ctx context.Context) {
	defer r.stopTimers()
	defer func() { _ = r.heard.Unsubscribe() }() // fails only where the connection is gone
	for failed := 0; ctx.Err() == nil; {
		err := r.follow(ctx, func() { failed = 0 })
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, errAnew) {
			continue
		}
		failed++
		wait := retryAfter
		switch failed {
		case 1: // one bucket may be made anew already, the other not yet
			wait = retryAfter / 10
		case 2:
			r.log.Warn("selections cannot be followed, trying again", "err", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

func (r *Rooms) stopTimers() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	for _, v := range r.all {
		for _, t := range []*time.Timer{v.timer, v.step} {
			if t != nil {
				t.Stop()
			}
		}
	}
}

// errAnew ends a watch that is to be begun again at once.
var errAnew = errors.New("a bucket was made anew")

// renewed tells when watches are worth nothing any more: a bucket was made anew, or the bus was away. The channels are closed
// by stop.
func (r *Rooms) renewed() (made <-chan *nats.Msg, back <-chan nats.Status, stop func(), err error) {
	messages := make(chan *nats.Msg, 2)
	var subs []*nats.Subscription
	status := r.nc.StatusChanged(nats.CONNECTED)
	stop = func() {
		r.nc.RemoveStatusListener(status)
		for _, s := range subs {
			_ = s.Unsubscribe() // fails only where the connection is gone
		}
	}
	for _, bucket := range []string{bus.SelectionBucket, bus.TakeoverBucket} {
		s, err := r.nc.ChanSubscribe(bus.BucketMade(bucket), messages)
		if err != nil {
			stop()
			return nil, nil, nil, fmt.Errorf("follow making of bucket %s: %w", bucket, err)
		}
		subs = append(subs, s)
	}
	return messages, status, stop, nil
}

// follow follows the buckets until that fails; reached is called when they answer. errAnew when it is to be called again.
func (r *Rooms) follow(ctx context.Context, reached func()) (err error) {
	made, back, stop, err := r.renewed() // before the watches, so that none is missed
	if err != nil {
		return err
	}
	defer stop()
	selection, stopSelection, err := r.watch(ctx, bus.SelectionBucket)
	if err != nil {
		return err
	}
	defer stopSelection()
	takeover, stopTakeover, err := r.watch(ctx, bus.TakeoverBucket)
	if err != nil {
		return err
	}
	defer stopTakeover()
	reached()
	unseen := r.Open() // those that the bucket does not have any more are closed

	for {
		select {
		case <-ctx.Done():
			return nil
		case <-made:
			return errAnew
		case <-back:
			return errAnew
		case e, ok := <-selection:
			if !ok {
				return errors.New("watch of selections ended")
			}
			r.selected(e)
		case e, ok := <-takeover:
			if !ok {
				return errors.New("watch of takeovers ended")
			}
			if e != nil {
				r.taken(e)
				unseen = slices.DeleteFunc(unseen, func(a wire.Alarm) bool { return e.Key() == bus.OpenKey(a.Camera) })
				break
			}
			for _, a := range unseen {
				r.forget(a.Camera)
			}
		case m := <-r.alarms:
			r.alarm(ctx, m)
		}
	}
}

func (r *Rooms) watch(ctx context.Context, bucket string) (entries <-chan jetstream.KeyValueEntry, stop func(), err error) {
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	kv, err := r.js.KeyValue(call, bucket)
	if err != nil {
		return nil, nil, fmt.Errorf("open bucket %s: %w", bucket, err)
	}
	w, err := kv.WatchAll(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("watch bucket %s: %w", bucket, err)
	}
	return w.Updates(), func() { end(w) }, nil
}

// end ends a watch. What it still has is taken out: it would wait for that for ever.
func end(w jetstream.KeyWatcher) {
	_ = w.Stop() // fails where bucket or bus are gone
	for late := time.After(callTimeout); ; {
		select {
		case _, ok := <-w.Updates():
			if !ok {
				return
			}
		case <-late:
			return
		}
	}
}

// selected takes an entry of the selection bucket; nil marks the end of what was there before.
func (r *Rooms) selected(e jetstream.KeyValueEntry) {
	if e == nil {
		return
	}
	if room := bus.PatrolRoom(e.Key()); room != "" {
		r.patrolled(room, e)
		return
	}
	id, err := camera.ParseID(e.Key())
	if err != nil {
		return
	}
	var selected camera.ID
	if e.Operation() == jetstream.KeyValuePut {
		if selected, err = camera.ParseID(string(e.Value())); err != nil {
			r.log.Warn("selection ignored", "room", id, "err", err)
			return
		}
	}
	r.apply(id, func(v *room) { v.selected = selected })
}

// taken takes an entry of the takeover bucket.
func (r *Rooms) taken(e jetstream.KeyValueEntry) {
	if id := bus.OpenCamera(e.Key()); id != "" {
		r.opened(id, e)
		return
	}
	id, err := camera.ParseID(e.Key())
	if err != nil {
		return
	}
	var t *wire.Takeover
	if e.Operation() == jetstream.KeyValuePut {
		t = new(wire.Takeover)
		if err := json.Unmarshal(e.Value(), t); err != nil {
			r.log.Warn("takeover ignored", "room", id, "err", err)
			return
		}
	}
	r.apply(id, func(v *room) {
		if t != nil && sameAlarm(t, v.entry) { // seen before the watch was begun anew: its timer knows how long it lasts
			return
		}
		if v.timer != nil {
			v.timer.Stop()
			v.timer = nil
		}
		v.entry, v.alarm = t, nil
		if t == nil {
			return
		}
		if left := r.left(id, t); left > 0 {
			v.alarm = t
			v.timer = time.AfterFunc(left, func() { r.expire(id, t) })
		}
	})
}

// left is how long a takeover that is seen for the first time lasts: no longer than any does, however the clock was set since it
// was made.
func (r *Rooms) left(id camera.ID, t *wire.Takeover) time.Duration {
	left := time.Until(t.Until)
	if most := r.takeover[id]; most > 0 {
		left = min(left, most)
	}
	return left
}

// expire ends a takeover whose time is over. The entry stays in the bucket, where its time tells that it is void.
func (r *Rooms) expire(id camera.ID, t *wire.Takeover) {
	r.apply(id, func(v *room) {
		if v.alarm == t {
			v.alarm = nil
		}
	})
}
