package relay

import (
	"slices"

	"linkstart/pkg/access"
	"linkstart/pkg/camera"
	"linkstart/pkg/control"
	"linkstart/pkg/wire"
)

// groupOf returns a camera's group, "" also where there is no such camera.
func (r *Relay) groupOf(id camera.ID) string {
	i, _ := r.cameras.Get(id)
	return i.Group
}

// sees reports whether there is such a camera, as far as who may know.
func (r *Relay) sees(who access.Identity, id camera.ID) bool {
	return r.cameras.Known(id) && (who.Scope.All() || who.Sees(id, r.groupOf(id)))
}

// seen are the cameras that who may see.
func seen(who access.Identity, all []camera.Info) []camera.Info {
	if who.Scope.All() {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), func(i camera.Info) bool { return !who.Sees(i.ID, i.Group) })
}

// visible is a room as who may see it: without a camera where it shows one that he may not, unless nobody has chosen that one.
func (r *Relay) visible(who access.Identity, s wire.Room) wire.Room {
	if who.Scope.All() {
		return s
	}
	hidden := func(id camera.ID) bool { return !who.Sees(id, r.groupOf(id)) }
	if hidden(s.Camera) {
		s.Camera = ""
		if mine := seen(who, r.cameras.List()); len(mine) > 0 && s.Alarm == nil && s.Patrol == nil && !r.cameras.Known(r.rooms.Get(s.Room).Camera) {
			s.Camera = mine[0].ID
		}
	}
	if s.Alarm != nil && hidden(s.Alarm.Camera) {
		s.Alarm = nil
	}
	if s.Patrol != nil && s.Patrol.Cameras != nil {
		p := *s.Patrol
		p.Cameras = slices.DeleteFunc(slices.Clone(p.Cameras), hidden)
		s.Patrol = &p
	}
	return s
}

// shownTo is the camera that a room shows to who, "" where it is one that he may not see.
func (r *Relay) shownTo(who access.Identity, room camera.ID) camera.ID {
	return r.visible(who, r.shown(room)).Camera
}

// closeUnseen closes the connections that show a camera which has left the groups that whoever it is is limited to. They come again.
func (r *Relay) closeUnseen(i camera.Info) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.clients {
		if !c.identity().Sees(i.ID, i.Group) && c.watches(i.ID) {
			c.stop(closeServiceRestart, "your rights have changed")
		}
	}
}

// greeting is what who is told first.
func (r *Relay) greeting(who access.Identity) wire.Hello {
	h := wire.Hello{
		Type: wire.TypeHello, Version: r.config.Version, User: user(who), Cameras: seen(who, r.cameras.List()), Rooms: r.shownRooms(), Alarms: r.openAlarms(),
	}
	for i, s := range h.Rooms {
		h.Rooms[i] = r.visible(who, s)
	}
	h.Alarms = slices.DeleteFunc(h.Alarms, func(a wire.Alarm) bool { return !r.sees(who, a.Camera) })
	if who.May(access.Operator) {
		h.Config = configFor(who, r.condition.get().Config)
	}
	return h
}

// user is what somebody is told of himself; nil where nobody has to log in.
func user(who access.Identity) *wire.User {
	if who.Name == "" {
		return nil
	}
	return &wire.User{Name: who.Name, Role: string(who.Role)}
}

// configFor is how the configuration fares, as who may know it: its mistakes may name cameras that he may not see.
func configFor(who access.Identity, c control.Config) wire.Config {
	if c.Error != "" && !who.Scope.All() {
		c.Error = "The configuration has mistakes."
	}
	return wire.Config{Error: c.Error, Loaded: c.Loaded, Failed: c.Failed}
}

func operators(who access.Identity) bool { return who.May(access.Operator) }

// whoSee are those who may see a camera.
func (r *Relay) whoSee(id camera.ID) func(access.Identity) bool {
	group := r.groupOf(id)
	return func(who access.Identity) bool { return who.Sees(id, group) }
}
