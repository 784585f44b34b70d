package rooms

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
	"linkstart/pkg/wire"
)

// Longest texts of an alarm, in characters.
const (
	MaxKind  = 64
	MaxLevel = 16
	MaxText  = 500
)

// ErrBadAlarm is when an alarm breaks its limits.
var ErrBadAlarm = errors.New("not an alarm")

// CleanAlarm checks an alarm's lengths, takes control characters out, and fills in level and time where they are missing.
// An error wraps ErrBadAlarm.
func CleanAlarm(a wire.Alarm) (wire.Alarm, error) {
	for _, f := range []struct {
		name string
		text *string
		most int
	}{{"kind", &a.Kind, MaxKind}, {"level", &a.Level, MaxLevel}, {"text", &a.Text, MaxText}} {
		*f.text = wire.Clean(*f.text)
		if utf8.RuneCountInString(*f.text) > f.most {
			return a, fmt.Errorf("%w: %s is longer than %d characters", ErrBadAlarm, f.name, f.most)
		}
	}
	if a.Kind == "" {
		return a, fmt.Errorf("%w: kind is missing", ErrBadAlarm)
	}
	if a.Level == "" {
		a.Level = "medium"
	}
	if a.Time.IsZero() {
		a.Time = time.Now()
	}
	return a, nil
}

// DecodeAlarm reads an alarm from its message on the bus.
func DecodeAlarm(s bus.Subjects, m *nats.Msg) (wire.Alarm, error) {
	id, err := camera.ParseID(string(s.CameraOf(m.Subject)))
	if err != nil {
		return wire.Alarm{}, fmt.Errorf("read alarm: %w", err)
	}
	var a wire.Alarm
	if err := json.Unmarshal(m.Data, &a); err != nil {
		return wire.Alarm{}, fmt.Errorf("read alarm of %s: %w", id, err)
	}
	a.Type, a.Camera = "", id
	if a, err = CleanAlarm(a); err != nil {
		return wire.Alarm{}, fmt.Errorf("read alarm of %s: %w", id, err)
	}
	return a, nil
}

// rank orders levels; one that is not known counts as medium.
func rank(level string) int {
	switch strings.ToLower(level) {
	case "low":
		return 1
	case "high":
		return 3
	case "critical":
		return 4
	}
	return 2
}

// alarm lets an alarm take over the rooms that allow it.
func (r *Rooms) alarm(ctx context.Context, m *nats.Msg) {
	a, err := DecodeAlarm(r.subjects, m)
	if err != nil {
		r.log.Warn("alarm ignored", "err", err)
		return
	}
	if err := r.keep(ctx, a); err != nil {
		r.log.Warn("alarm cannot be kept until it is acknowledged", "camera", a.Camera, "err", err)
	}
	for _, id := range r.order {
		d := r.takeover[id]
		if d <= 0 {
			continue
		}
		t := wire.Takeover{Camera: a.Camera, Kind: a.Kind, Level: a.Level, Text: a.Text, Until: time.Now().Add(d)}
		if err := r.take(ctx, id, t); err != nil {
			r.log.Warn("alarm cannot take a room over", "room", id, "camera", a.Camera, "err", err)
		}
	}
}

// take puts t into a room, unless a graver alarm is shown there. Another relay may be doing the same for another alarm:
// whoever comes second looks again.
func (r *Rooms) take(ctx context.Context, id camera.ID, t wire.Takeover) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	value, err := json.Marshal(t)
	if err != nil {
		return fmt.Errorf("encode takeover: %w", err)
	}
	return insist(ctx, func(ctx context.Context) error { return r.put(ctx, id, t, value) })
}

func (r *Rooms) put(ctx context.Context, id camera.ID, t wire.Takeover, value []byte) error {
	kv, err := r.js.KeyValue(ctx, bus.TakeoverBucket)
	if err != nil {
		return fmt.Errorf("open bucket %s: %w", bus.TakeoverBucket, err)
	}
	for {
		now, revision, err := r.shown(ctx, kv, id)
		if err != nil {
			return err
		}
		if now != nil && rank(now.Level) > rank(t.Level) {
			return nil
		}
		if revision == 0 {
			_, err = kv.Create(ctx, string(id), value)
		} else {
			_, err = kv.Update(ctx, string(id), value, revision)
		}
		if !errors.Is(err, jetstream.ErrKeyExists) && !errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
			return err
		}
	}
}

// shown returns the takeover that is in force in a room, nil for none, and the revision to replace, 0 for none.
func (r *Rooms) shown(ctx context.Context, kv jetstream.KeyValue, id camera.ID) (*wire.Takeover, uint64, error) {
	e, err := kv.Get(ctx, string(id))
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("read takeover of %s: %w", id, err)
	}
	t := new(wire.Takeover)
	if json.Unmarshal(e.Value(), t) != nil || !r.inForce(id, t) {
		return nil, e.Revision(), nil
	}
	return t, e.Revision(), nil
}

// inForce tells whether a takeover is not over. Of one that was seen before the timer knows, which does not heed how the clock is
// set.
func (r *Rooms) inForce(id camera.ID, t *wire.Takeover) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if v := r.all[id]; v != nil && sameAlarm(v.entry, t) {
		return v.alarm != nil
	}
	return time.Now().Before(t.Until)
}

// Acknowledge closes this camera's alarm, and ends the takeover of every room that shows it. An error wraps ErrUnavailable.
func (r *Rooms) Acknowledge(ctx context.Context, id camera.ID) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	kv, err := r.js.KeyValue(ctx, bus.TakeoverBucket)
	for _, s := range r.List() {
		if err != nil {
			break
		}
		err = r.acknowledge(ctx, kv, s.Room, id)
	}
	if err == nil {
		err = r.close(ctx, kv, id)
	}
	if err != nil {
		return fmt.Errorf("acknowledge alarm of %s: %w: %w", id, ErrUnavailable, err)
	}
	return nil
}

// acknowledge ends a room's takeover if it is by that camera, also one that a relay has put there this moment; one by
// another camera that has just replaced it stays.
func (r *Rooms) acknowledge(ctx context.Context, kv jetstream.KeyValue, room, id camera.ID) error {
	for {
		now, revision, err := r.shown(ctx, kv, room)
		if err != nil || now == nil || now.Camera != id {
			return err
		}
		err = kv.Delete(ctx, string(room), jetstream.LastRevision(revision))
		if !errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
			return err
		}
	}
}
