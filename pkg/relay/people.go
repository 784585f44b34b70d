package relay

import (
	"crypto/rand"
	"encoding/json"
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

// tellPeople tells those in rooms who they are. Each client is asked once where it is, however many rooms there are.
func (r *Relay) tellPeople(lists []wire.People) {
	by := make(map[camera.ID]wire.People, len(lists))
	for _, p := range lists {
		by[p.Room] = p
	}
	bodies := make(map[camera.ID][]byte)
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.clients {
		room := c.joined()
		p, changed := by[room]
		if !changed {
			continue
		}
		body := bodies[room]
		if body == nil {
			var err error
			if body, err = json.Marshal(p); err != nil {
				r.log.Error("encode message", "kind", wire.TypePeople, "err", err)
				return
			}
			bodies[room] = body
		}
		c.text(text{"people:" + string(room), wire.TypePeople, body})
	}
}

// join puts the client into a room, "" for none.
func (s *session) join(room camera.ID, name string) {
	if s.who.Name != "" { // nobody can pass for another one
		name = s.who.Name
	}
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

func (s *session) joined() camera.ID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.room
}
