// Package presence keeps who is in which room, at this relay and at all others.
//
// Each relay says who is there at itself, when that changes and every BeatEvery, and forgets another one that was silent for
// SilentAfter. So nothing has to be stored, and nobody has to say goodbye.
package presence

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"linkstart/pkg/camera"
	"linkstart/pkg/wire"
)

const (
	// BeatEvery is how often a relay at which people are says so.
	BeatEvery = 2 * time.Second
	// SilentAfter is when the people of a relay that says nothing are gone.
	SilentAfter = 6 * time.Second

	pause    = 100 * time.Millisecond // between two rounds of news: thousands may come back at once
	mostTold = 100                    // of the people of one room
	mostHeld = 20_000                 // of one other relay
	maxID    = 64
)

// seat is a person in a room, as relays tell each other.
type seat struct {
	Room camera.ID `json:"room"`
	wire.Person
}

// message is what a relay says: all who are there.
type message struct {
	Seats []seat `json:"people"`
}

// elsewhere is what another relay said last.
type elsewhere struct {
	heard time.Time
	seats []seat
}

// Board is the list. It is safe for use by many goroutines.
type Board struct {
	publish func([]byte)
	changed func([]wire.People)

	mu     sync.Mutex
	here   map[string]*seat     // by the person's id
	others map[string]elsewhere // by the relay's name
	rooms  map[camera.ID]bool   // that have changed since they were told
	news   bool                 // of here, not yet published
	wake   chan struct{}
}

// New makes a board that Run keeps going. publish gets what others are to Hear; changed is called with the people of all rooms
// where those have changed. Both are called by Run alone.
func New(publish func([]byte), changed func([]wire.People)) *Board {
	return &Board{
		publish: publish, changed: changed, here: make(map[string]*seat), others: make(map[string]elsewhere),
		rooms: make(map[camera.ID]bool), wake: make(chan struct{}, 1),
	}
}

// Join puts somebody into a room, and out of the one before; the room "" is none. Who is in it already gets another name, and
// is told of the people once more.
func (b *Board) Join(id string, room camera.ID, name string, following bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.here[id]
	if s != nil && s.Room != room {
		b.touch(s.Room)
		delete(b.here, id)
		s = nil
	}
	if room == "" {
		return
	}
	if s == nil {
		s = &seat{Room: room, Person: wire.Person{ID: id, Since: time.Now().Round(time.Microsecond)}}
		b.here[id] = s
	}
	s.Name, s.Following = name, following
	b.touch(room)
}

// Follow notes whether somebody follows the room that he is in.
func (b *Board) Follow(id string, following bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s := b.here[id]; s != nil && s.Following != following {
		s.Following = following
		b.touch(s.Room)
	}
}

// Selected notes that somebody has switched a room; of another one than he is in nobody is told.
func (b *Board) Selected(id string, room camera.ID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s := b.here[id]; s != nil && s.Room == room {
		s.Selected = time.Now().Round(time.Millisecond)
		b.touch(room)
	}
}

// Here is how many people of this relay are in a room.
func (b *Board) Here() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.here)
}

// Hear takes what another relay has said.
func (b *Board) Hear(relay string, data []byte) error {
	var m message
	if err := json.Unmarshal(data, &m); err != nil {
		return fmt.Errorf("read people of relay %s: %w", relay, err)
	}
	if len(m.Seats) > mostHeld {
		return fmt.Errorf("read people of relay %s: %d are too many", relay, len(m.Seats))
	}
	m.Seats = slices.DeleteFunc(m.Seats, func(s seat) bool {
		_, err := camera.ParseID(string(s.Room))
		name, ok := wire.CleanName(s.Name)
		return err != nil || !ok || name != s.Name || len(s.ID) > maxID
	})
	b.mu.Lock()
	defer b.mu.Unlock()
	b.replace(relay, m.Seats)
	return nil
}

// replace sets who is at another relay. The mutex is held.
func (b *Board) replace(relay string, seats []seat) {
	before := b.others[relay].seats
	if !slices.EqualFunc(before, seats, same) {
		for _, s := range slices.Concat(before, seats) {
			b.rooms[s.Room] = true
		}
		b.poke()
	}
	if len(seats) == 0 {
		delete(b.others, relay)
		return
	}
	b.others[relay] = elsewhere{time.Now(), seats}
}

func same(a, b seat) bool {
	return a.Room == b.Room && a.ID == b.ID && a.Name == b.Name && a.Following == b.Following &&
		a.Since.Equal(b.Since) && a.Selected.Equal(b.Selected)
}

// touch notes that people of this relay have changed. The mutex is held.
func (b *Board) touch(room camera.ID) {
	b.rooms[room], b.news = true, true
	b.poke()
}

func (b *Board) poke() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// Run tells everybody until ctx ends, and then others that nobody is here any more.
func (b *Board) Run(ctx context.Context) {
	beat := time.NewTicker(BeatEvery)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			b.publish([]byte("{}"))
			return
		case <-beat.C:
			b.forget()
			b.tell(true)
			continue
		case <-b.wake:
		}
		b.tell(false)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// forget lets go of relays that are silent.
func (b *Board) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for relay, e := range b.others {
		if time.Since(e.heard) >= SilentAfter {
			b.replace(relay, nil)
		}
	}
}

// tell tells what is new; beat: others are told even where nothing is, so long as anybody is here.
func (b *Board) tell(beat bool) {
	b.mu.Lock()
	var say *message
	if b.news || beat && len(b.here) > 0 {
		say = &message{Seats: make([]seat, 0, len(b.here))}
		for _, s := range b.here {
			say.Seats = append(say.Seats, *s)
		}
		b.news = false
	}
	lists := b.lists()
	b.mu.Unlock()
	if len(lists) > 0 {
		b.changed(lists)
	}
	if say == nil {
		return
	}
	slices.SortFunc(say.Seats, func(a, b seat) int { return strings.Compare(a.ID, b.ID) }) // so that others see what is the same
	if data, err := json.Marshal(say); err == nil {                                        // it always can be
		b.publish(data)
	}
}

// lists are the people of the rooms that have changed. Everybody is looked at once, however many rooms there are: a client can
// make up as many as it likes. The mutex is held.
func (b *Board) lists() []wire.People {
	in := make(map[camera.ID][]wire.Person, len(b.rooms))
	for room := range b.rooms {
		in[room] = []wire.Person{}
	}
	clear(b.rooms)
	add := func(s *seat) {
		if list, changed := in[s.Room]; changed {
			in[s.Room] = append(list, s.Person)
		}
	}
	for _, s := range b.here {
		add(s)
	}
	for _, e := range b.others {
		for i := range e.seats {
			add(&e.seats[i])
		}
	}
	lists := make([]wire.People, 0, len(in))
	for room, list := range in {
		slices.SortFunc(list, func(a, b wire.Person) int {
			return cmp.Or(a.Since.Compare(b.Since), strings.Compare(a.ID, b.ID))
		})
		n := len(list)
		lists = append(lists, wire.People{Type: wire.TypePeople, Room: room, People: list[:min(n, mostTold)], Count: n})
	}
	return lists
}
