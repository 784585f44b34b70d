package broker

import (
	"linkstart/pkg/bus"
	"linkstart/pkg/camera"
)

// GrabberUser is the user name of a camera's grabber.
func GrabberUser(id camera.ID) string { return "grabber-" + string(id) }

// RelayUser is the user name of the relay.
const RelayUser = "relay"

// GrabberPermissions lets a grabber publish its own camera's subjects and answer who asks for them: it can read no other
// camera, select nothing and restart nothing.
func GrabberPermissions(s bus.Subjects, id camera.ID) Permissions {
	return Permissions{
		Publish:   []string{s.Frame(id, bus.All), s.Status(id), s.Alarm(id)},
		Subscribe: []string{s.Want(id, bus.All), s.Push(id)},
		Reply:     true,
	}
}

// RelayPermissions lets the relay ask for every camera's frames, read every status, pass on what users order, tell and
// hear who is in the rooms, report what was ordered, and use the two buckets. It can publish no frame.
func RelayPermissions(s bus.Subjects) Permissions {
	p := Permissions{
		Publish: []string{
			s.Want(bus.All, bus.All), s.Push(bus.All), s.Alarm(bus.All), s.Control(bus.All, ">"), s.Relay(bus.All),
			s.People(bus.All), s.Audit(), "$JS.API.INFO",
		},
		Subscribe: []string{
			s.Frame(bus.All, bus.All), s.Status(bus.All), s.Log(bus.All), s.Alarm(bus.All), s.Camera(bus.All), s.Cameras(), s.Config(),
			s.People(bus.All), s.Access(),
		},
	}
	for _, b := range []string{bus.SelectionBucket, bus.TakeoverBucket} {
		p.Publish = append(p.Publish,
			"$KV."+b+".>",
			"$JS.API.STREAM.INFO.KV_"+b,
			"$JS.API.STREAM.MSG.GET.KV_"+b,
			"$JS.API.DIRECT.GET.KV_"+b, "$JS.API.DIRECT.GET.KV_"+b+".>",
			"$JS.API.CONSUMER.CREATE.KV_"+b, "$JS.API.CONSUMER.CREATE.KV_"+b+".>",
			"$JS.API.CONSUMER.INFO.KV_"+b+".>",
			"$JS.API.CONSUMER.DELETE.KV_"+b+".>",
			"$JS.ACK.KV_"+b+".>", "$JS.FC.KV_"+b+".>",
		)
		p.Subscribe = append(p.Subscribe, bus.BucketMade(b))
	}
	return p
}
