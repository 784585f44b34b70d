package relay

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/gofiber/contrib/websocket"
	"github.com/nats-io/nats.go"

	"linkstart/pkg/access"
	"linkstart/pkg/camera"
	"linkstart/pkg/rooms"
	"linkstart/pkg/wire"
)

type cameraID = camera.ID

const (
	closeGoingAway      = websocket.CloseGoingAway
	closeServiceRestart = websocket.CloseServiceRestart
	closeLogin          = websocket.ClosePolicyViolation // whoever is there has to log in
)

// client is a connection that stays open. None of its methods blocks.
type client interface {
	text(text)
	watches(cameraID) bool
	joined() cameraID // room, "" for none
	viewer(now time.Time) viewer
	roomChanged(room cameraID) // "" for all rooms
	greet(wire.Hello)
	identity() access.Identity
	stop(code int, reason string)
}

// enter greets c and lets it have everything from now on: nothing falls between the greeting and the first change. It is
// false when the relay is stopping. The caller calls leave in either case.
func (r *Relay) enter(c client) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopping || !r.judge(c) { // the rules may have changed since it was admitted
		return false
	}
	r.running.Add(1)
	r.clients[c] = struct{}{}
	c.greet(r.greeting(c.identity()))
	return true
}

func (r *Relay) leave(c client) {
	r.mu.Lock()
	_, entered := r.clients[c]
	delete(r.clients, c)
	r.mu.Unlock()
	if entered {
		r.running.Done()
	}
}

func (r *Relay) connections() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.clients)
}

// broadcast tells everyone whom to chooses.
func (r *Relay) broadcast(key, kind string, message any, to func(access.Identity) bool) {
	r.send(key, kind, func(access.Identity) any { return message }, func(c client) bool { return to(c.identity()) }, func(access.Identity) string { return "" })
}

// broadcastEach tells everyone what make makes for him: once for all who may do and see the same.
func (r *Relay) broadcastEach(key, kind string, make func(access.Identity) any) {
	r.send(key, kind, make, func(client) bool { return true }, access.Identity.Same)
}

// send encodes a message once for all clients that to chooses and for whom same is the same.
func (r *Relay) send(key, kind string, message func(access.Identity) any, to func(client) bool, same func(access.Identity) string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	bodies := make(map[string][]byte)
	for c := range r.clients {
		if !to(c) {
			continue
		}
		who := c.identity()
		body, ok := bodies[same(who)]
		if !ok {
			var err error
			if body, err = json.Marshal(message(who)); err != nil {
				r.log.Error("encode message", "kind", kind, "err", err)
				return
			}
			bodies[same(who)] = body
		}
		c.text(text{key, kind, body})
	}
}

// listed is called when cameras came, went or changed places: a room may then show another one.
func (r *Relay) listed() {
	all := r.cameras.List()
	r.broadcastEach(wire.TypeCameras, wire.TypeCameras, func(who access.Identity) any {
		return wire.Cameras{Type: wire.TypeCameras, Cameras: seen(who, all)}
	})
	for _, s := range r.rooms.List() {
		r.tellRoom(s.Room)
	}
	r.refollow("")
	r.metrics.forget(r.cameras.Known)
}

func (r *Relay) changed(i camera.Info) {
	r.closeUnseen(i)
	r.broadcast("status:"+string(i.ID), wire.TypeStatus, wire.Status{Type: wire.TypeStatus, Camera: i.ID, Info: i},
		func(who access.Identity) bool { return who.Sees(i.ID, i.Group) })
}

func (r *Relay) figures(i camera.Info) {
	status := wire.Status{Type: wire.TypeStatus, Camera: i.ID, Info: i}
	r.send("status:"+string(i.ID), wire.TypeStatus, func(access.Identity) any { return status },
		func(c client) bool { return c.watches(i.ID) }, func(access.Identity) string { return "" })
}

func (r *Relay) alarmed(m *nats.Msg) {
	a, err := rooms.DecodeAlarm(r.subjects, m)
	if err != nil {
		return // whichever relay deals with it says so
	}
	a.Type = wire.TypeAlarm
	r.broadcast("", wire.TypeAlarm, a, r.whoSee(a.Camera))
}

// acknowledged tells everyone that a camera's alarm is not open any more.
func (r *Relay) acknowledged(id cameraID) {
	r.broadcast("", wire.TypeAcknowledged, wire.Acknowledged{Type: wire.TypeAcknowledged, Camera: id}, r.whoSee(id))
}

// openAlarms are those of cameras that there are.
func (r *Relay) openAlarms() []wire.Alarm {
	return slices.DeleteFunc(r.rooms.Open(), func(a wire.Alarm) bool { return !r.cameras.Known(a.Camera) })
}

func (r *Relay) roomChanged(s rooms.State) {
	r.tellRoom(s.Room)
	r.refollow(s.Room)
}

// tellRoom tells everyone what a room shows now. It is looked up in turn, so that the newest is told last.
func (r *Relay) tellRoom(room cameraID) {
	r.roomTurn.Lock()
	defer r.roomTurn.Unlock()
	s := r.shown(room)
	s.Type = wire.TypeRoom
	r.broadcastEach("room:"+string(s.Room), wire.TypeRoom, func(who access.Identity) any { return r.visible(who, s) })
}

func (r *Relay) refollow(room cameraID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.clients {
		c.roomChanged(room)
	}
}

// shown is what a room shows.
func (r *Relay) shown(room cameraID) wire.Room { return r.resolve(r.rooms.Get(room)) }

func (r *Relay) shownRooms() []wire.Room {
	list := r.rooms.List()
	shown := make([]wire.Room, len(list))
	for i, s := range list {
		shown[i] = r.resolve(s)
	}
	return shown
}

// resolve chooses a camera that exists: the one with the alarm, the one that a patrol has come to, the selected one, or the first
// of the configuration.
func (r *Relay) resolve(s rooms.State) wire.Room {
	shown := wire.Room{Room: s.Room, Camera: s.Camera}
	if s.Camera == "" || !r.cameras.Known(s.Camera) {
		shown.Camera = r.cameras.First()
	}
	if s.Patrol != nil {
		shown.Patrol = s.Patrol
		if id := rooms.Due(s.Patrol, r.cameras.IDs(), time.Now()); id != "" {
			shown.Camera = id
		}
	}
	if s.Alarm != nil && r.cameras.Known(s.Alarm.Camera) {
		shown.Camera, shown.Alarm = s.Alarm.Camera, s.Alarm
	}
	return shown
}
