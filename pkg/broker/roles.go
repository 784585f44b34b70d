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

// UplinkUser is the user name of what sends pictures to a hub.
const UplinkUser = "uplink"

// UplinkPermissions lets it look at the cameras of its site, and tell how it fares.
func UplinkPermissions(s bus.Subjects, node string) Permissions {
	return Permissions{
		Publish:   []string{s.Want(bus.All, bus.All), s.Control(node, "status"), s.Uplink(node)},
		Subscribe: []string{s.Frame(bus.All, bus.All), s.Status(bus.All), s.Camera(bus.All), s.Cameras(), s.Node(bus.All)},
	}
}

// RelayPermissions lets the relay ask for every camera's frames, read every status, pass on what users order, tell and
// hear who is in the rooms, report what was ordered, and use the two buckets. It can publish no frame.
func RelayPermissions(s bus.Subjects) Permissions {
	p := Permissions{
		Publish: []string{
			s.Want(bus.All, bus.All), s.Push(bus.All), s.Alarm(bus.All), s.Control(bus.All, ">"), s.Relay(bus.All),
			s.People(bus.All), s.Audit(), "$JS.API.INFO", nowhere,
		},
		Subscribe: []string{
			s.Frame(bus.All, bus.All), s.Status(bus.All), s.Log(bus.All), s.Alarm(bus.All), s.Camera(bus.All), s.Cameras(), s.Config(), s.Node(bus.All),
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

// SiteGuest is the supervisor of another site: as a leaf node it tells how its cameras fare and takes orders, and as a client it sends
// the pictures that are asked for. It can read no other site's cameras. Without cameras named it may have any.
func SiteGuest(s bus.Subjects, name, password string, cameras []camera.ID) Guest {
	leaf := Permissions{
		Publish:   []string{s.Node(name), bus.NodeInboxes(name)}, // answers to whoever gives orders here
		Subscribe: []string{s.Control(name, ">")},
	}
	client := Permissions{Reply: true}
	for _, id := range orAll(cameras) {
		leaf.Publish = append(leaf.Publish, s.Status(id), s.Camera(id), s.Log(id), s.Alarm(id))
		leaf.Subscribe = append(leaf.Subscribe, s.Push(id))
		client.Publish = append(client.Publish, s.Frame(id, bus.All))
		client.Subscribe = append(client.Subscribe, s.Want(id, bus.All))
	}
	return Guest{Name: name, Password: password, Client: &client, Leaf: &leaf}
}

// NodeGuest is a supervisor that has this bus for its own.
func NodeGuest(name, password string) Guest {
	all := AllowAll
	return Guest{Name: name, Password: password, Client: &all}
}

// CameraGuest is a program that is a camera, or several: one that answers wants itself, or one that pushes.
func CameraGuest(s bus.Subjects, name, password string, cameras []camera.ID) Guest {
	p := Permissions{Reply: true}
	for _, id := range orAll(cameras) {
		own := GrabberPermissions(s, id)
		p.Publish = append(append(p.Publish, own.Publish...), s.Push(id))
		p.Subscribe = append(p.Subscribe, own.Subscribe...)
	}
	return Guest{Name: name, Password: password, Client: &p}
}

// ConsumerGuest is a program that looks at pictures.
func ConsumerGuest(s bus.Subjects, name, password string, cameras []camera.ID) Guest {
	var p Permissions
	for _, id := range orAll(cameras) {
		p.Publish = append(p.Publish, s.Want(id, bus.All))
		p.Subscribe = append(p.Subscribe, s.Frame(id, bus.All), s.Status(id), s.Camera(id), s.Alarm(id))
	}
	return Guest{Name: name, Password: password, Client: &p}
}

func orAll(cameras []camera.ID) []camera.ID {
	if len(cameras) == 0 {
		return []camera.ID{bus.All}
	}
	return cameras
}
