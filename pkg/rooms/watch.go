package rooms

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

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
	said := false
	for ctx.Err() == nil {
		err := r.follow(ctx, func() { said = false })
		if ctx.Err() != nil {
			return
		}
		if !said {
			r.log.Warn("selections cannot be followed, trying again", "err", err)
		}
		said = true
		select {
		case <-ctx.Done():
		case <-time.After(retryAfter):
		}
	}
}

func (r *Rooms) stopTimers() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, v := range r.all {
		if v.timer != nil {
			v.timer.Stop()
		}
	}
}

// follow follows the buckets until that fails; reached is called when they answer.
func (r *Rooms) follow(ctx context.Context, reached func()) (err error) {
	selection, stop, err := r.watch(ctx, bus.SelectionBucket)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	takeover, stop2, err := r.watch(ctx, bus.TakeoverBucket)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop2()) }()
	reached()

	for {
		select {
		case <-ctx.Done():
			return nil
		case e, ok := <-selection:
			if !ok {
				return errors.New("watch of selections ended")
			}
			r.selected(e)
		case e, ok := <-takeover:
			if !ok {
				return errors.New("watch of takeovers ended")
			}
			r.taken(e)
		case m := <-r.alarms:
			r.alarm(ctx, m)
		}
	}
}

func (r *Rooms) watch(ctx context.Context, bucket string) (<-chan jetstream.KeyValueEntry, func() error, error) {
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
	return w.Updates(), w.Stop, nil
}

// selected takes an entry of the selection bucket; nil marks the end of what was there before.
func (r *Rooms) selected(e jetstream.KeyValueEntry) {
	if e == nil {
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
	if e == nil {
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
		if !time.Now().Before(t.Until) {
			t = nil
		}
	}
	r.apply(id, func(v *room) {
		if v.timer != nil {
			v.timer.Stop()
			v.timer = nil
		}
		v.alarm = t
		if t != nil {
			v.timer = time.AfterFunc(time.Until(t.Until), func() { r.expire(id, t) })
		}
	})
}

// expire ends a takeover whose time is over. The entry stays in the bucket, where its time tells that it is void.
func (r *Rooms) expire(id camera.ID, t *wire.Takeover) {
	r.apply(id, func(v *room) {
		if v.alarm == t {
			v.alarm = nil
		}
	})
}
