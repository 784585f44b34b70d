package relay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/time/rate"

	"linkstart/pkg/access"
	"linkstart/pkg/camera"
	"linkstart/pkg/relay/fanout"
	"linkstart/pkg/rooms"
	"linkstart/pkg/wire"
)

// A client's orders, acks apart, are carried out at this rate after a first burst; what is more waits unread.
const (
	ordersPerSecond = 50
	ordersBurst     = 2 * maxStreams
)

// orders carries out what a client asks for.
type orders struct {
	*session
	limiter *rate.Limiter
}

func (s *session) newOrders() orders {
	return orders{s, rate.NewLimiter(ordersPerSecond, ordersBurst)}
}

// do returns a *wire.Fault for what cannot be done, any other error when the session has ended.
func (o orders) do(order wire.Order) error {
	if order.Type == wire.TypeAck {
		o.ack(order.Stream, order.Seq)
		return nil
	}
	if err := o.pace(); err != nil {
		return err
	}
	switch order.Type {
	case wire.TypeWatch, wire.TypeFollow:
		err := o.watch(order)
		o.follows()
		return err
	case wire.TypeUnwatch:
		o.unwatch(order.Stream)
		o.follows()
	case wire.TypeJoin:
		o.join(order.Room, order.Name)
	case wire.TypeSelect:
		return o.selectCamera(order)
	case wire.TypePing:
		o.send("", wire.Pong{Type: wire.TypePong, T: order.T, Now: time.Now().UnixMicro()})
	}
	return nil
}

func (o orders) pace() error {
	reservation := o.limiter.Reserve()
	wait := reservation.Delay()
	if wait == 0 {
		return nil
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-o.done:
		return errors.New("session has ended")
	}
}

func (s *session) ack(number uint16, seq uint32) {
	s.mu.Lock()
	s.acks = true
	held := false
	if st := s.find(number); st != nil {
		st.window.Ack(seq, time.Now())
		held = st.view != nil && st.view.ready()
	}
	s.mu.Unlock()
	if held { // else the next picture wakes the writer
		s.box.wake()
	}
}

// find returns a stream by its number, nil where it is not used. The mutex is held.
func (s *session) find(number uint16) *stream {
	i := slices.IndexFunc(s.streams, func(st *stream) bool { return st.number == number })
	if i < 0 {
		return nil
	}
	return s.streams[i]
}

// watch begins or switches a stream, by camera or by room.
func (s *session) watch(o wire.Order) error {
	id := o.Camera
	if o.Room != "" {
		id = s.relay.shownTo(s.who, o.Room)
	} else if !s.relay.sees(s.who, id) {
		return &wire.Fault{Code: wire.CodeUnknownCamera, Message: fmt.Sprintf("There is no camera %s.", id), Stream: &o.Stream}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.find(o.Stream)
	if st == nil {
		if len(s.streams) >= maxStreams {
			return &wire.Fault{
				Code: wire.CodeTooManyStreams, Stream: &o.Stream,
				Message: fmt.Sprintf("One connection takes at most %d streams.", maxStreams),
			}
		}
		st = &stream{number: o.Stream}
		s.streams = append(s.streams, st)
	}
	st.room, st.rendition, st.fps = o.Room, o.Rendition, o.FPS
	if err := s.show(st, id); err != nil {
		return &wire.Fault{Code: wire.CodeUnavailable, Message: err.Error(), Stream: &o.Stream}
	}
	if o.Room != "" { // a room may have changed before this stream was seen to follow it
		return s.refollow(st)
	}
	return nil
}

// refollow shows what the stream's room shows now. The mutex is held.
func (s *session) refollow(st *stream) error {
	if st.room == "" {
		return nil
	}
	id := s.relay.shownTo(s.who, st.room)
	if st.view != nil && st.camera == id || st.view == nil && id == "" {
		return nil
	}
	return s.show(st, id)
}

// show switches a stream to a camera, "" for none: its slot and the message that says so in one step. The mutex is held.
func (s *session) show(st *stream, id camera.ID) error {
	defer closeView(st.view)
	if id == "" {
		st.show("", nil, sentCounters{})
		return nil
	}
	v, err := newView(st.rendition, st.fps, time.Now(), func(r camera.Rendition) (*fanout.Slot, error) {
		return s.relay.hub.Watch(s, id, r, st.fps, s.box.wake)
	})
	if err != nil {
		st.show("", nil, sentCounters{})
		return err
	}
	st.show(id, v, s.relay.metrics.camera(id))
	s.tell(st)
	return nil
}

// tell queues the message that says what a stream shows. The mutex is held.
func (s *session) tell(st *stream) {
	s.send(fmt.Sprintf("watching:%d", st.number), wire.Watching{
		Type: wire.TypeWatching, Stream: st.number, Camera: st.camera, Rendition: st.view.slot.Rendition,
	})
}

func (s *session) unwatch(number uint16) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.streams, func(st *stream) bool { return st.number == number })
	if i < 0 {
		return
	}
	closeView(s.streams[i].view)
	s.streams = slices.Delete(s.streams, i, i+1)
}

// roomChanged switches the streams that follow a room; "" stands for all rooms.
func (s *session) roomChanged(room camera.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range s.streams {
		if st.room == "" || room != "" && st.room != room {
			continue
		}
		if err := s.refollow(st); err != nil && !errors.Is(err, fanout.ErrClosed) {
			s.log.Warn("room cannot be shown", "room", st.room, "err", err)
		}
	}
}

func (s *session) selectCamera(o wire.Order) error {
	if !s.who.May(access.Operator) {
		return &wire.Fault{Code: wire.CodeForbidden, Message: "Switching a room for everybody takes the role operator."}
	}
	if !s.relay.sees(s.who, o.Camera) {
		return &wire.Fault{Code: wire.CodeUnknownCamera, Message: fmt.Sprintf("There is no camera %s.", o.Camera)}
	}
	err := s.relay.rooms.Select(context.Background(), o.Room, o.Camera)
	s.relay.trace(s.who, s.address, "select", string(o.Room)+" "+string(o.Camera), err)
	if errors.Is(err, rooms.ErrTooMany) {
		return &wire.Fault{Code: wire.CodeUnavailable, Message: "The room cannot be used: " + err.Error() + "."}
	}
	if err != nil {
		s.log.Warn("selection failed", "err", err)
		return &wire.Fault{Code: wire.CodeUnavailable, Message: "The selection could not be stored: " + err.Error()}
	}
	s.relay.people.Selected(s.id, o.Room)
	return nil
}
