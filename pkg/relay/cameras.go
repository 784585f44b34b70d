package relay

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/nats-io/nats.go"

	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
	"linkstart/pkg/control"
	"linkstart/pkg/jpeg"
	"linkstart/pkg/rooms"
	"linkstart/pkg/wire"
)

// pushTime is how long a grabber may take to take a picture.
const pushTime = 2 * time.Second

// known returns the camera of the path.
func (r *Relay) known(c *fiber.Ctx) (camera.Info, error) {
	id, err := camera.ParseID(c.Params("id"))
	if err != nil {
		return camera.Info{}, refuse(codeUnknownCamera, "The path names no camera: an id takes 1 to 63 characters of a-z, 0-9, _ and -.")
	}
	return r.find(c, id)
}

// find returns a camera that the caller may see.
func (r *Relay) find(c *fiber.Ctx, id camera.ID) (camera.Info, error) {
	i, ok := r.cameras.Get(id)
	ok = ok && caller(c).Sees(i.ID, i.Group) // of what somebody may not see he does not learn that it is there
	if !ok && !r.cameras.Ready() {
		return camera.Info{}, refuse(codeUnavailable, "The supervisor has not yet said which cameras there are.")
	}
	if !ok {
		return camera.Info{}, refuse(codeUnknownCamera, "There is no camera %s.", id)
	}
	return i, nil
}

func (r *Relay) listCameras(c *fiber.Ctx) error { return c.JSON(seen(caller(c), r.cameras.List())) }

func (r *Relay) getCamera(c *fiber.Ctx) error {
	i, err := r.known(c)
	if err != nil {
		return err
	}
	return c.JSON(i)
}

// order passes restart, stop or start on to the supervisor.
func (r *Relay) order(verb string) fiber.Handler {
	return func(c *fiber.Ctx) error {
		i, err := r.known(c)
		if err != nil {
			return err
		}
		_, err = r.supervisor.At(i.Node).Do(c.UserContext(), verb, control.Request{Camera: i.ID})
		if err != nil {
			err = orderFailed(err)
		}
		r.record(c, caller(c), verb, string(i.ID), err)
		if err != nil {
			return err
		}
		return c.Status(fiber.StatusAccepted).JSON(fiber.Map{"camera": i.ID, "action": verb})
	}
}

// orderFailed makes a problem of what the supervisor says was wrong.
func orderFailed(err error) error {
	var said *camera.Error
	if errors.As(err, &said) {
		return refuse(codeSupervisor, "%s", said.Say)
	}
	return err
}

// push hands a JPEG to a push: camera's grabber.
func (r *Relay) push(c *fiber.Ctx) error {
	i, err := r.known(c)
	if err != nil {
		return err
	}
	if err := r.hand(c, i, c.Request().Body()); err != nil { // as sent: a Content-Encoding is not undone
		return err
	}
	return c.SendStatus(fiber.StatusNoContent)
}

// hand gives a picture to a camera's grabber.
func (r *Relay) hand(c *fiber.Ctx, i camera.Info, body []byte) error {
	if !strings.HasPrefix(i.Source, "push:") {
		return refuse(codeNotPush, "Only a camera whose source is push: takes pictures; %s has another one.", i.ID)
	}
	if len(body) > r.config.MaxBytes {
		return refuse(codeTooLarge, "A picture may have %d bytes.", r.config.MaxBytes)
	}
	picture, _, err := jpeg.Repair(body, r.config.MaxPixels)
	switch {
	case errors.Is(err, camera.ErrTooLarge):
		return refuse(codeTooLarge, "A picture may have %d pixels.", r.config.MaxPixels)
	case err != nil:
		return refuse(codeNotJPEG, "The body is not a JPEG that can be shown: %s.", camera.Say(err))
	}
	ctx, cancel := context.WithTimeout(c.UserContext(), pushTime)
	defer cancel()
	reply, err := bus.RequestOf(ctx, r.nc, i.Node, &nats.Msg{Subject: r.subjects.Push(i.ID), Data: picture})
	if err != nil {
		return refuse(codeCameraAway, "The process of %s does not answer; its state is %s.", i.ID, i.State)
	}
	if len(reply.Data) > 0 {
		return refuse(codePushRefused, "%s", reply.Data)
	}
	return nil
}

// raiseAlarm publishes an alarm, which this relay or another one then deals with.
func (r *Relay) raiseAlarm(c *fiber.Ctx) error {
	i, err := r.known(c)
	if err != nil {
		return err
	}
	var a wire.Alarm
	if err := json.Unmarshal(c.Body(), &a); err != nil {
		return refuse(codeBadRequest, "The body is not the JSON of an alarm: %v.", err)
	}
	a.Type, a.Camera = "", ""
	if a, err = rooms.CleanAlarm(a); err != nil {
		return err
	}
	b, err := json.Marshal(a)
	if err != nil {
		return err
	}
	if err := r.publish(r.subjects.Alarm(i.ID), b); err != nil {
		return err
	}
	r.record(c, caller(c), "raise alarm", string(i.ID), nil)
	return c.Status(fiber.StatusAccepted).JSON(fiber.Map{"camera": i.ID, "action": "alarm"})
}

// publish refuses what would be lost.
func (r *Relay) publish(subject string, b []byte) error {
	if !r.nc.IsConnected() {
		return refuse(codeUnavailable, "The bus does not answer.")
	}
	if err := r.nc.Publish(subject, b); err != nil {
		return refuse(codeUnavailable, "The bus does not answer: %v.", err)
	}
	return nil
}

// acknowledgeAlarm lets the rooms that show the camera's alarm return to what was selected.
func (r *Relay) acknowledgeAlarm(c *fiber.Ctx) error {
	i, err := r.known(c)
	if err != nil {
		return err
	}
	err = r.rooms.Acknowledge(c.UserContext(), i.ID)
	r.record(c, caller(c), "acknowledge alarm", string(i.ID), err)
	if err != nil {
		return err
	}
	return c.SendStatus(fiber.StatusNoContent)
}

func healthy(c *fiber.Ctx) error { return c.SendString("ok\n") }

// ready answers 200 once bus and supervisor answer, whether or not cameras are live.
func (r *Relay) ready(c *fiber.Ctx) error {
	if !r.nc.IsConnected() || r.nc.Status() != nats.CONNECTED {
		return refuse(codeUnavailable, "The bus does not answer.")
	}
	if _, err := r.supervisor.Do(c.UserContext(), control.Status, control.Request{}); err != nil {
		return err
	}
	return c.SendString("ready\n")
}
