package relay

import (
	"encoding/json"
	"time"

	"github.com/gofiber/fiber/v2"

	"linkstart/pkg/camera"
	"linkstart/pkg/rooms"
	"linkstart/pkg/wire"
)

func (r *Relay) roomOf(c *fiber.Ctx) (camera.ID, error) {
	id, err := camera.ParseID(c.Params("room"))
	if err != nil {
		return "", refuse(codeBadRequest, "A room's name takes 1 to 63 characters of a-z, 0-9, _ and -, and starts with a letter or digit.")
	}
	return id, nil
}

func (r *Relay) getRoom(c *fiber.Ctx) error {
	id, err := r.roomOf(c)
	if err != nil {
		return err
	}
	return c.JSON(r.visible(caller(c), r.shown(id)))
}

func (r *Relay) putRoom(c *fiber.Ctx) error {
	room, err := r.roomOf(c)
	if err != nil {
		return err
	}
	var body struct{ Camera string }
	if err := json.Unmarshal(c.Body(), &body); err != nil {
		return refuse(codeBadRequest, `The body must be JSON such as {"camera":"cab01"}: %v.`, err)
	}
	id, err := camera.ParseID(body.Camera)
	if err != nil || !r.sees(caller(c), id) {
		return refuse(codeUnknownCamera, "There is no such camera.")
	}
	err = r.rooms.Select(c.UserContext(), room, id)
	r.record(c, caller(c), "select", string(room)+" "+string(id), err)
	if err != nil {
		return err
	}
	return c.JSON(wire.Room{Room: room, Camera: id})
}

// putPatrol begins a patrol.
func (r *Relay) putPatrol(c *fiber.Ctx) error {
	room, err := r.roomOf(c)
	if err != nil {
		return err
	}
	var p wire.Patrol
	if err := json.Unmarshal(c.Body(), &p); err != nil {
		return refuse(codeBadRequest, `The body must be JSON such as {"cameras":["cab01","cab02"],"every_s":10}: %v.`, err)
	}
	p.Since = time.Now().UTC().Truncate(time.Millisecond)
	if err := rooms.CheckPatrol(p); err != nil {
		return err
	}
	for _, name := range p.Cameras {
		if id, err := camera.ParseID(string(name)); err != nil || !r.sees(caller(c), id) {
			return refuse(codeUnknownCamera, "There is no camera %.80s.", name)
		}
	}
	if len(p.Cameras) == 0 && !caller(c).Scope.All() {
		return refuse(codeForbidden, "A patrol of all cameras takes somebody who may see all: name some.")
	}
	err = r.rooms.Patrol(c.UserContext(), room, p)
	r.record(c, caller(c), "patrol", string(room), err)
	if err != nil {
		return err
	}
	s := r.rooms.Get(room)
	s.Patrol = &p
	return c.JSON(r.visible(caller(c), r.resolve(s)))
}

// deletePatrol ends a patrol: the room stays on the camera that it has come to.
func (r *Relay) deletePatrol(c *fiber.Ctx) error {
	room, err := r.roomOf(c)
	if err != nil {
		return err
	}
	s := r.rooms.Get(room)
	if s.Patrol != nil {
		s.Alarm = nil // it may hide where the patrol is
		err := r.rooms.Select(c.UserContext(), room, r.resolve(s).Camera)
		r.record(c, caller(c), "end patrol", string(room), err)
		if err != nil {
			return err
		}
	}
	return c.SendStatus(fiber.StatusNoContent)
}
