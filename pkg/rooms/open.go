package rooms

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go/jetstream"

	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
	"linkstart/pkg/wire"
)

// Open returns the alarms that nobody has acknowledged yet, the oldest first: of each camera its newest.
func (r *Rooms) Open() []wire.Alarm {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]wire.Alarm, 0, len(r.open))
	for _, a := range r.open {
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b wire.Alarm) int { return a.Time.Compare(b.Time) })
	return all
}

// keep stores an alarm until it is acknowledged, whether or not it takes a room over.
func (r *Rooms) keep(ctx context.Context, a wire.Alarm) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	value, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("encode alarm: %w", err)
	}
	return insist(ctx, func(ctx context.Context) error {
		kv, err := r.js.KeyValue(ctx, bus.TakeoverBucket)
		if err != nil {
			return fmt.Errorf("open bucket %s: %w", bus.TakeoverBucket, err)
		}
		_, err = kv.Put(ctx, bus.OpenKey(a.Camera), value)
		return err
	})
}

// close forgets a camera's open alarm.
func (r *Rooms) close(ctx context.Context, kv jetstream.KeyValue, id camera.ID) error {
	err := kv.Delete(ctx, bus.OpenKey(id))
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil
	}
	return err
}

// opened takes an entry of a camera's open alarm.
func (r *Rooms) opened(camID string, e jetstream.KeyValueEntry) {
	id, err := camera.ParseID(camID)
	if err != nil {
		return
	}
	var a wire.Alarm
	if e.Operation() == jetstream.KeyValuePut {
		if err := json.Unmarshal(e.Value(), &a); err != nil {
			r.log.Warn("open alarm ignored", "camera", id, "err", err)
			return
		}
		a.Camera = id
		r.mu.Lock()
		r.open[id] = a
		r.mu.Unlock()
		return
	}
	r.forget(id)
}

func (r *Rooms) forget(id camera.ID) {
	r.mu.Lock()
	_, was := r.open[id]
	delete(r.open, id)
	r.mu.Unlock()
	if was {
		r.acked(id)
	}
}
