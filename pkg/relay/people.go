package relay

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
	"linkstart/pkg/wire"
)

// goodbyeTime is how long a relay that stops takes to say that its people are gone.
const goodbyeTime = 500 * time.Millisecond

// relayName is what a relay calls itself for as long as it runs.
func relayName() string { return strings.ToLower(rand.Text()[:10]) }

// followPeople hears who is in the rooms at other relays.
func (r *Relay) followPeople() (*nats.Subscription, error) {
	mine := r.subjects.People(r.name)
	sub, err := r.nc.Subscribe(r.subjects.People(bus.All), func(m *nats.Msg) {
		if m.Subject == mine {
			return
		}
		if err := r.people.Hear(m.Subject, m.Data); err != nil {
			r.log.Warn("people ignored", "err", err)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("subscribe to people: %w", err)
	}
	return sub, nil
}

// tellRelays says who is here. What is lost while the bus is away is said again soon.
func (r *Relay) tellRelays(b []byte) { _ = r.nc.Publish(r.subjects.People(r.name), b) }

// tellPeople tells those in a room who they are.
func (r *Relay) tellPeople(p wire.People) {
	r.broadcast("people:"+string(p.Room), wire.TypePeople, p, func(c client) bool { return c.isIn(p.Room) })
}

// join puts the client into a room, "" for none.
func (s *session) join(room camera.ID, name string) {
	s.mu.Lock()
	s.room, s.name = room, name
	following := s.following()
	s.mu.Unlock()
	s.relay.people.Join(s.id, room, name, following)
}

// follows makes known whether the client follows the room that it is in.
func (s *session) follows() {
	s.mu.Lock()
	in, following := s.room != "", s.following()
	s.mu.Unlock()
	if in {
		s.relay.people.Follow(s.id, following)
	}
}

// following reports whether one of the streams follows the room that the client is in. The mutex is held.
func (s *session) following() bool {
	return s.room != "" && slices.ContainsFunc(s.streams, func(st *stream) bool { return st.room == s.room })
}

func (s *session) isIn(room camera.ID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.room == room
}
